"""A look at a PostgreSQL database that changes nothing in it."""

from __future__ import annotations

import psycopg
from msgspec import Struct

from engine.store.database import NewerSchema
from engine.store.opening import place_of
from engine.store.postgres import PostgresPlace, speaking_of_postgres
from engine.store.schemas import CELLAR, KEYS, known


class Seen(Struct, frozen=True):
    """What was found: the migrations it lacks, how large it is, and whether our user may write."""

    lacks: tuple[str, ...]
    size_bytes: int
    writable: bool


def look(url: str) -> Seen:
    """See what is there.

    Raises:
        Unavailable: it cannot be reached, or does not let us in.
        NewerSchema: it was written by a newer version.
        ValueError: this is no address; it is not repeated.
    """
    place = place_of(url)
    assert isinstance(place, PostgresPlace), "only PostgreSQL is looked at like this"
    with speaking_of_postgres(), place.reach() as db:
        found = {app: place.applied(db, app) for app in (CELLAR, KEYS)}
        size = db.execute("SELECT pg_database_size(current_database())").fetchone()
        lacks = tuple(name for app in found for name in sorted(known(app) - found[app]))
        unknown = sorted(name for app in found for name in found[app] - known(app))
        if unknown:
            raise NewerSchema(f"{place.address} was written by a newer Hearth ({', '.join(unknown)})")
        return Seen(lacks, size[0] if size else 0, bool(lacks) or _is_writable(db))


def _is_writable(db: psycopg.Connection) -> bool:
    try:
        db.execute("DELETE FROM seen WHERE 1 = 0")
        db.execute(f"DELETE FROM {KEYS}.seals WHERE 1 = 0")  # noqa: S608 - our own name
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
        return False
    return True
