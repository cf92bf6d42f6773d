"""The cellar in two SQLite files: the database, and beside it the keys."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_editor.sqlite import SqliteSchemaEditor

from engine.runtime.ports import Unavailable
from engine.store.database import AS_IT_COMES, Found, Mode, Otherwise, Rows, Taken, Unmet
from engine.store.errors import speaking_of_sqlite
from engine.store.schemas import CELLAR, KEYS, refuse_newer

BUSY_MS = 5_000
STATEMENTS_CACHED = 256
PRAGMAS = (
    "main.journal_mode = WAL",
    "main.synchronous = FULL",
    "keys.journal_mode = WAL",
    "keys.synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what was deleted is overwritten, not merely forgotten
    "main.wal_autocheckpoint = 8000",  # pages, 32 MB: the same pages change often, so fewer copies pay
    "main.cache_size = -32000",  # KiB
)
BEGIN: dict[Mode, str] = {"read": "BEGIN", "write": "BEGIN IMMEDIATE", "alone": "BEGIN IMMEDIATE"}
"""Whoever writes holds off every other writer from the beginning, in both files."""


class SqliteFiles:
    """Implements ``Place``."""

    def __init__(self, path: Path, keys_path: Path) -> None:
        self._path = path
        self._keys_path = keys_path

    @property
    def keys(self) -> str:
        return str(self._keys_path)

    def prepare(self) -> None:
        """See ``Place.prepare``: both files are there, and not of a newer version."""
        for app, path in ((CELLAR, self._path), (KEYS, self._keys_path)):
            make_file(path)
            refuse_newer(app, _applied(path, app), str(path))

    def connections(self) -> dict[str, Any]:
        return {CELLAR: _connection(self._path), KEYS: _connection(self._keys_path)}

    def schema_editor(self, connection: BaseDBAsyncClient) -> BaseSchemaEditor:
        return SqliteSchemaEditor(connection, atomic=False)

    def connect(self) -> SqliteDatabase:
        return SqliteDatabase(self._path, self._keys_path)

    def speaking(self) -> AbstractContextManager[None]:
        return speaking_of_sqlite()


@dataclass(frozen=True)
class _Answer:
    """Implements ``Found`` by what was found."""

    rowcount: int
    rows: list[Any]

    def fetchone(self) -> Any:
        return self.rows[0] if self.rows else None

    def fetchall(self) -> list[Any]:
        return self.rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)


class SqliteDatabase:
    """Implements ``Database`` on one connection to both files."""

    def __init__(self, path: Path, keys_path: Path) -> None:
        self._db = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, cached_statements=STATEMENTS_CACHED
        )
        try:
            self._db.create_function("now_ms", 0, lambda: time.time_ns() // 1_000_000)
            self._db.execute("ATTACH ? AS keys", (str(keys_path),))
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}")
        except BaseException:
            self._db.close()
            raise

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        with _speaking():
            return self._db.execute(statement, parameters)

    def executemany(self, statement: str, rows: Rows) -> int:
        with _speaking():
            return self._db.executemany(statement, rows).rowcount

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        """See ``Database.ask``. It is read at once: a statement that nobody reads to its end, because something was
        raised meanwhile, would hold the log, and ``wipe`` could not empty it.
        """
        found = self.execute(statement, parameters)
        with _speaking():
            return _Answer(found.rowcount, found.fetchall())

    def put(self, statement: str, rows: Rows, otherwise: Otherwise = AS_IT_COMES) -> None:
        """See ``Database.put``."""
        rows = rows if isinstance(rows, list) else list(rows)
        if not rows:
            return
        try:
            written = self.executemany(statement, rows)
        except (Taken, Unmet) as error:
            raise otherwise.instead_of(error) from None
        if otherwise.fewer is not None and written != len(rows):
            raise otherwise.fewer

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[None]:
        """See ``Database.transaction``."""
        self.execute(BEGIN[mode])
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def wipe(self) -> bool:
        """See ``Database.wipe``: the write-ahead logs are emptied, unless somebody reads just now."""
        done = True
        for name in ("keys", "main"):
            with speaking_of_sqlite():
                busy, *_ = self._db.execute(f"PRAGMA {name}.wal_checkpoint(TRUNCATE)").fetchone()
            done = done and not busy
        return done

    def close(self) -> None:
        self._db.close()


@contextmanager
def _speaking() -> Iterator[None]:
    try:
        with speaking_of_sqlite():
            yield
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            raise Unmet from None
        raise Taken from None


def make_file(path: Path) -> None:
    """Make sure the file is there, a new one for its owner alone; SQLite gives its side files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise Unavailable(f"the database {path} cannot be opened: {error.strerror}") from error


def _applied(path: Path, app: str) -> set[str]:
    """The migrations a file has had."""
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as db:
        table = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tortoise_migrations'").fetchone()
        sql = "SELECT name FROM tortoise_migrations WHERE app = ?"
        return {name for (name,) in db.execute(sql, (app,))} if table else set()


def _connection(path: Path) -> dict[str, Any]:
    pragmas = {
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "busy_timeout": BUSY_MS,
        "foreign_keys": "ON",
        "secure_delete": "ON",
    }
    return {"engine": "tortoise.backends.sqlite", "credentials": {"file_path": str(path), **pragmas}}
