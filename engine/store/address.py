"""The address of a PostgreSQL database, and what is never said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from engine.store.schemas import KEYS

CONNECT_SECONDS = 5
IDLE_MS = 10_000
"""A process that stops in the middle of a transaction holds back the others for no longer than this."""
PATIENCE = {
    "connect_timeout": str(CONNECT_SECONDS),
    # A server that vanished without a word is noticed within 25 seconds, not after hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
    "application_name": "hearth",
}
"""What an address that says nothing of it gets (postgresql.org/docs/current/libpq-connect.html)."""
UNREADABLE = (
    "the address of the database cannot be read; it looks like postgresql://user:password@host:5432/name, "
    "with %40 for @, %2F for / and %3A for : in a password"
)


@dataclass(frozen=True)
class Address:
    """Where a database is, in the words of libpq; neither ``str`` nor ``repr`` of it has the password."""

    parameters: Mapping[str, str] = field(repr=False)

    def __str__(self) -> str:
        known = self.parameters
        user = f"{known['user']}@" if "user" in known else ""
        port = f":{known['port']}" if "port" in known else ""
        return f"postgresql://{user}{known.get('host', '')}{port}/{known.get('dbname', '')}"

    def parameters_for(self, app: str) -> dict[str, Any]:
        """What libpq is told, so that the tables of an app are found by their bare names."""
        found = dict(self.parameters)
        if app == KEYS:
            found["options"] += f" -c search_path={KEYS}"
        return found


def address_of(url: str) -> Address:
    """Read a ``postgresql://`` address; what it does not say is libpq's own (PGHOST, PGPASSWORD, ~/.pgpass).

    Raises:
        ValueError: it cannot be read. It is not repeated: its password might stand anywhere in it.
    """
    try:
        found = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError(UNREADABLE) from None
    ports, name = str(found.get("port") or 5432), str(found.get("dbname") or "")
    if not all(port.isdecimal() for port in ports.split(",") if port) or any(sign in name for sign in "@/:"):
        raise ValueError(
            UNREADABLE
        )  # a password that was not written with its signs escaped is spread over these
    patient = f"-c idle_in_transaction_session_timeout={IDLE_MS}"
    options = " ".join(part for part in (patient, cast(str, found.get("options"))) if part)
    given = {name: str(value) for name, value in found.items() if value is not None}
    return Address({**PATIENCE, **given, "options": options})
