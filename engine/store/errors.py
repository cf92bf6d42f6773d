"""What can go wrong in the cellar, in the words of its port."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from tortoise.exceptions import BaseORMException

from engine.runtime.ports import BadData, Unavailable

_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
PRIMARY_CODE = 0xFF
"""The lower byte of an extended result code is the primary one (sqlite.org/rescode.html)."""


@contextmanager
def speaking_of_sqlite() -> Iterator[None]:
    """Turn what the driver raises into BadData and Unavailable; anything else it raises is a bug and passes."""
    try:
        yield
    except (OverflowError, UnicodeEncodeError, sqlite3.DataError, sqlite3.InterfaceError) as error:
        raise BadData(f"a value that cannot be stored: {type(error).__name__}") from None
    except sqlite3.Error as error:
        outage = as_outage(error)
        if outage is None:
            raise
        raise outage from error
    except BaseORMException as error:
        outage = as_outage(error.args[0] if error.args else None)
        if outage is None:
            raise
        raise outage from error


def as_outage(error: object) -> Unavailable | None:
    """The outage an SQLite error speaks of; None if it speaks of something else."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & PRIMARY_CODE not in _OUTAGES:
        return None
    return Unavailable(f"the database cannot be used at present: {getattr(error, 'sqlite_errorname', code)}")
