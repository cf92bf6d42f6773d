"""A look at the database that changes nothing in it."""

import pkgutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from engine.runtime.ports import Unavailable
from engine.store import NewerSchema, key_migrations, migrations

BUSY_SECONDS = 5.0


@dataclass(frozen=True)
class Unusable:
    """The database cannot be used as it is."""

    found: str
    helps: str


@dataclass(frozen=True)
class Outdated:
    """The tables are of an earlier version; these migrations have not run yet."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class InOrder:
    """Sound, up to date and writable."""

    size_bytes: int


def shown(database: Path | str) -> str:
    """A database as it may be said: its file; of an address the host and the name, and neither user nor password."""
    if isinstance(database, Path):
        return str(database)
    try:
        parts = urlsplit(database)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "the PostgreSQL database"
    if any(
        sign in parts.path[1:] for sign in "@/:"
    ):  # a password whose signs were not escaped lies about in it
        return "the PostgreSQL database"
    return f"postgresql://{host}{'' if port is None else f':{port}'}{parts.path if host else '/…'}"


def look_at(database: Path | str, keys: Path) -> Unusable | Outdated | InOrder:
    """Whether the database is there, sound as far as that can be seen quickly, of this version, and writable.

    Of SQLite both files are looked at (`PRAGMA quick_check`).
    """
    if isinstance(database, str):
        return _look_at_address(database)
    missing: list[str] = []
    for file, known in ((database, migrations), (keys, key_migrations)):
        seen = _look_at_file(file, {module.name for module in pkgutil.iter_modules(known.__path__)})
        if isinstance(seen, Unusable):
            return seen
        missing += seen
    return Outdated(tuple(missing)) if missing else InOrder(database.stat().st_size)


def _look_at_address(url: str) -> Unusable | Outdated | InOrder:
    from engine.store.looking import look  # noqa: PLC0415 - whoever stays with SQLite need not load a second driver

    try:
        seen = look(url)
    except ValueError as error:
        return Unusable(str(error), "check [database] url")
    except NewerSchema as newer:
        return Unusable(str(newer), "run that version, or put a backup back")
    except Unavailable as error:
        return Unusable(str(error), "is it running, does it know us, and is [database] url right?")
    if not seen.writable:
        return Unusable(
            f"{shown(url)} cannot be written to", "give the database to the user that Hearth logs in as"
        )
    return Outdated(seen.lacks) if seen.lacks else InOrder(seen.size_bytes)


def _look_at_file(file: Path, known: set[str]) -> Unusable | list[str]:
    """The migrations a file lacks, or why it cannot be used."""
    if not file.exists():
        return Unusable(f"{file} is not there", "run `hearth init`, or put it back from where you keep it")
    try:
        with closing(sqlite3.connect(f"file:{file.resolve()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as db:
            damage = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
            if damage != ["ok"]:
                return Unusable(f"{file} is damaged ({damage[0]})", "stop Hearth and put back a backup")
            applied = _migrations(db)
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.Error as error:
        return _said_plainly(file, error)
    if newer := sorted(applied - known):
        return Unusable(
            f"{file} was written by a newer Hearth ({', '.join(newer)})",
            "run that version, or put a backup back",
        )
    return sorted(known - applied)


def _migrations(db: sqlite3.Connection) -> set[str]:
    table = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tortoise_migrations'").fetchone()
    return {name for (name,) in db.execute("SELECT name FROM tortoise_migrations")} if table else set()


def _said_plainly(database: Path, error: sqlite3.Error) -> Unusable:
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if name.startswith("SQLITE_BUSY"):
        return Unusable(f"{database} is locked by another program", "end what else has it open")
    if name.startswith("SQLITE_NOTADB"):
        return Unusable(f"{database} is no SQLite database", "check [database] path")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return Unusable(
            f"{database} cannot be opened for writing", "give file and folder to the user that runs Hearth"
        )
    if name.startswith("SQLITE_CORRUPT"):
        return Unusable(f"{database} is damaged", "stop Hearth and put back a backup")
    return Unusable(f"{database} cannot be used ({name})", "is the disk full or failing?")
