"""The two sides of a copy: a database whose tables are read as of one moment, or filled."""

# ruff: noqa: S608 - statements are made of names of our own tables and columns only

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.store import opening
from engine.store.address import address_of
from engine.store.errors import speaking_of_sqlite
from engine.store.postgres import connected, speaking_of_postgres
from engine.store.schemas import KEYS
from engine.store.tables import Table

Row = tuple[Any, ...]
"""The values of a row in the order of the table's columns: None, numbers, texts, bytes; yes and no as 1 and 0."""

NAME = "hearth-copy"
"""How we are called where an operator looks who is connected."""
PORTION = 1_000
"""Rows that are read, or written in one transaction, at a time."""
BUSY_SECONDS = 5.0
MIGRATIONS = Table(
    "tortoise_migrations", ("app", "name"), frozenset(), numbered="id", refers=False, schema=""
)


@dataclass(frozen=True)
class Lodging:
    """Where a community lies: an SQLite file with the file of its keys, or the address of a PostgreSQL database."""

    database: str | Path
    keys: Path | None = None
    """Only of an SQLite file; None where its keys are not to be had, or not looked for."""

    @property
    def is_postgres(self) -> bool:
        """Whether it is an address of PostgreSQL."""
        return isinstance(self.database, str) and opening.is_postgres(self.database)

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return opening.path_of(self.database)

    def __repr__(self) -> str:
        return "Lodging(postgresql)" if self.is_postgres else f"Lodging({self.path})"


class Side(Protocol):
    """A database as a copy needs it. Errors of the driver are ``Unavailable`` and ``BadData``."""

    name: str
    """How it is called in sentences; never with a password."""
    keeps_keys: bool
    """Whether the tables of keys are among those that can be read or filled here."""

    def has(self, table: Table) -> bool:
        """Whether there is such a table."""

    def migrations(self) -> frozenset[tuple[str, str]]:
        """The migrations that it has had: app and name."""

    def count(self, table: Table, without: Collection[str] = ()) -> int:
        """How many rows there are."""

    def rows(self, table: Table, without: Collection[str] = ()) -> Iterator[list[Row]]:
        """Its rows in portions, in no order. ``without``: kinds of rows that are left out."""

    def last_number(self, table: Table) -> int:
        """The highest number that the database ever gave to a row of it, also to one that is gone."""

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        """Put rows in, all of them or none."""

    def number_on_from(self, table: Table, last: int) -> None:
        """Give the next row a higher number than this one."""

    def do(self, statement: str, *values: object) -> int:
        """Carry out one statement, with ``?`` for each value; how many rows it changed."""

    def first(self, statement: str, *values: object) -> Row | None:
        """The first row that a statement finds."""

    def close(self) -> None: ...


class SqliteSide:
    """An SQLite file, and the file of its keys if one is given; both have to be there.

    What is read is of one moment: that of the first look into the file. The keys are looked into later, and have those
    of all that was sealed before.
    """

    def __init__(self, path: Path, keys: Path | None) -> None:
        self.name = str(path)
        self.keeps_keys = keys is not None
        with speaking_of_sqlite():
            self._db = sqlite3.connect(
                _address(path), uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                if keys is not None:
                    self._db.execute(f"ATTACH ? AS {KEYS}", (_address(keys),))
                self._db.execute("PRAGMA foreign_keys = ON")
                self._db.execute("PRAGMA synchronous = FULL")
                self._db.execute("PRAGMA main.schema_version").fetchone()
            except BaseException:
                self._db.close()
                raise

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Read everything as of one moment."""
        with speaking_of_sqlite():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def has(self, table: Table) -> bool:
        schema = table.schema or "main"
        found = self.first(
            f'SELECT 1 FROM "{schema}".sqlite_master WHERE type = ? AND name = ?',
            "table",
            table.name,
        )
        return found is not None

    def migrations(self) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for schema in ("", KEYS) if self.keeps_keys else ("",):
            table = Table(MIGRATIONS.name, MIGRATIONS.columns, frozenset(), None, refers=False, schema=schema)
            if self.has(table):
                found |= {(app, name) for portion in self.rows(table) for app, name in portion}
        return frozenset(found)

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns that a table of the data has here, in the fixed order."""
        with speaking_of_sqlite():
            return tuple(sorted(row[1] for row in self._db.execute(f'PRAGMA main.table_info("{name}")')))

    def count(self, table: Table, without: Collection[str] = ()) -> int:
        where = _leaving_out("?", without)
        found = self.first(f"SELECT count(*) FROM {table.quoted}{where}", *without)
        return int(found[0]) if found else 0

    def rows(self, table: Table, without: Collection[str] = ()) -> Iterator[list[Row]]:
        where = _leaving_out("?", without)
        with speaking_of_sqlite():
            cursor = self._db.execute(
                f"SELECT {table.selected} FROM {table.quoted}{where}",
                tuple(without),
            )
            with closing(cursor):
                while portion := cursor.fetchmany(PORTION):
                    yield portion

    def last_number(self, table: Table) -> int:
        schema = table.schema or "main"
        found = self.first(f'SELECT seq FROM "{schema}".sqlite_sequence WHERE name = ?', table.name)
        return 0 if found is None else int(found[0])

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        places = ", ".join("?" for _ in table.columns)
        with speaking_of_sqlite():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany(
                    f"INSERT INTO {table.quoted} ({table.selected}) VALUES ({places})",
                    rows,
                )
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def number_on_from(self, table: Table, last: int) -> None:
        schema = table.schema or "main"
        if not self.do(f'UPDATE "{schema}".sqlite_sequence SET seq = ? WHERE name = ?', last, table.name):
            self.do(f'INSERT INTO "{schema}".sqlite_sequence (name, seq) VALUES (?, ?)', table.name, last)

    def do(self, statement: str, *values: object) -> int:
        with speaking_of_sqlite():
            return self._db.execute(statement, values).rowcount

    def first(self, statement: str, *values: object) -> Row | None:
        with speaking_of_sqlite():
            found: Row | None = self._db.execute(statement, values).fetchone()
            return found

    def close(self) -> None:
        self._db.close()


class PostgresSide:
    """A PostgreSQL database; the keys lie in a schema of their own."""

    keeps_keys = True

    def __init__(self, url: str) -> None:
        address = address_of(url)
        self.name = str(address)
        parameters: dict[str, Any] = dict(address.parameters)
        # What is read of one moment may wait while the other side is compared.
        parameters["options"] += " -c idle_in_transaction_session_timeout=0"
        with speaking_of_postgres():
            self._db = connected({**parameters, "application_name": NAME}, address)

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Read everything as of one moment."""
        with speaking_of_postgres():
            self._db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            if not self._db.closed:
                self._db.execute("ROLLBACK")

    def has(self, table: Table) -> bool:
        found = self.first("SELECT to_regclass(?)", table.quoted)
        return found is not None and found[0] is not None

    def migrations(self) -> frozenset[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for schema in ("", KEYS):
            table = Table(MIGRATIONS.name, MIGRATIONS.columns, frozenset(), None, refers=False, schema=schema)
            if self.has(table):
                with speaking_of_postgres():
                    found |= set(self._db.execute(_known(f"SELECT app, name FROM {table.quoted}")).fetchall())
        return frozenset(found)

    def count(self, table: Table, without: Collection[str] = ()) -> int:
        where = _leaving_out("%s", without)
        with speaking_of_postgres():
            found = self._db.execute(
                _known(f"SELECT count(*) FROM {table.quoted}{where}"),
                tuple(without),
            )
            return int((found.fetchone() or (0,))[0])

    def rows(self, table: Table, without: Collection[str] = ()) -> Iterator[list[Row]]:
        where = _leaving_out("%s", without)
        flags = [n for n, column in enumerate(table.columns) if column in table.flags]
        with speaking_of_postgres(), self._db.cursor(name="copying") as cursor:
            cursor.itersize = PORTION
            cursor.execute(
                _known(f"SELECT {table.selected} FROM {table.quoted}{where}"),
                tuple(without),
            )
            while portion := cursor.fetchmany(PORTION):
                yield [_with(row, flags, int) for row in portion] if flags else portion

    def last_number(self, table: Table) -> int:
        sequence = self._sequence(table)
        found = self.first(f"SELECT last_value, is_called FROM {sequence}")
        return int(found[0]) if found and found[1] else 0

    def _sequence(self, table: Table) -> str:
        found = self.first("SELECT pg_get_serial_sequence(?, ?)", table.quoted, table.numbered)
        if found is None or found[0] is None:
            raise LookupError(f"{table.quoted} has no numbers of its own")
        return str(found[0])

    def add(self, table: Table, rows: Sequence[Row]) -> None:
        flags = [n for n, column in enumerate(table.columns) if column in table.flags]
        with (
            speaking_of_postgres(),
            self._db.transaction(),
            self._db.cursor() as cursor,
            cursor.copy(_known(f"COPY {table.quoted} ({table.selected}) FROM STDIN")) as inward,
        ):
            for row in rows:
                inward.write_row(_with(row, flags, bool) if flags else row)

    def number_on_from(self, table: Table, last: int) -> None:
        self.first("SELECT setval(?, ?)", self._sequence(table), last)

    def do(self, statement: str, *values: object) -> int:
        with speaking_of_postgres():
            return self._db.execute(_known(_placed(statement)), values).rowcount

    def first(self, statement: str, *values: object) -> Row | None:
        with speaking_of_postgres():
            return self._db.execute(_known(_placed(statement)), values).fetchone()

    def close(self) -> None:
        self._db.close()


def side_of(lodging: Lodging) -> SqliteSide | PostgresSide:
    """One side of a copy, open; it has to be there."""
    if lodging.is_postgres:
        return PostgresSide(str(lodging.database))
    return SqliteSide(lodging.path, lodging.keys)


def is_in_use(side: Side) -> bool:
    """Whether a Hearth is connected besides us, as far as that can be known."""
    if not isinstance(side, PostgresSide):
        return False
    found = side.first(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name LIKE 'hearth%'"
    )
    return bool(found and found[0])


def _placed(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")


def _known(statement: str) -> bytes:
    """A statement made of names of our own tables and columns only."""
    return statement.encode()


def _with(row: Row, places: Sequence[int], kind: type[int]) -> Row:
    values = list(row)
    for place in places:
        values[place] = None if values[place] is None else kind(values[place])
    return tuple(values)


def _leaving_out(place: str, kinds: Collection[str]) -> str:
    return f" WHERE kind NOT IN ({', '.join(place for _ in kinds)})" if kinds else ""


def _address(path: Path) -> str:
    return f"{path.resolve().as_uri()}?mode=rw"
