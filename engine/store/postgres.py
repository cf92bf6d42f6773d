"""The cellar in a PostgreSQL database: the tables where the address leads, the keys in a schema of their own.

Nothing here stands on what only PostgreSQL has: no NOTIFY, no advisory lock, no temporary table, nothing that a session
would have to remember (docs/decisions/0040-postgresql.md).
"""

from __future__ import annotations

import re
import select
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import Any, cast

import psycopg
import psycopg.types.numeric
from psycopg.pq import TransactionStatus
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.exceptions import BaseORMException, DBConnectionError
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_editor.psycopg import PsycopgSchemaEditor

from engine.runtime.ports import BadData, Unavailable
from engine.store.address import Address
from engine.store.columns import Column, ColumnDumper, Numbers, NumbersDumper, Texts, TextsDumper
from engine.store.database import (
    AS_IT_COMES,
    Collided,
    Database,
    Each,
    Found,
    Mode,
    Otherwise,
    Rows,
    Taken,
    Unmet,
)
from engine.store.in_bulk import TOGETHER, for_all_rows
from engine.store.in_one_go import Failed, Outgoing, Put
from engine.store.schemas import CELLAR, KEYS, refuse_newer

TABLES = {CELLAR: "tortoise_migrations", KEYS: f"{KEYS}.tortoise_migrations"}
"""Where Tortoise notes which migrations have run."""
BY_INDEX = "-c enable_seqscan=off"
"""Every statement of the hot path finds its rows by an index. PostgreSQL plans each once, while its tables are still
small enough to be read whole, and would go on reading them whole when they are not (docs/bench.md)."""
STATEMENTS_KEPT = 400
LONGEST_REASON = 400
BEGIN: dict[Mode, str] = {
    "read": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "write": "BEGIN",
    "alone": "BEGIN ISOLATION LEVEL SERIALIZABLE",
}

# ── what goes wrong ──────────────────────────────────────────────────────────

COLLIDED = frozenset({"40001", "40P01"})
TAKEN = frozenset({"23505", "42P06", "42P07", "42701", "42710"})
"""A row, or a schema, table, column or another thing with a name."""
OUTAGES = ("08", "53", "57", "58", "XX")
"""Classes of SQLSTATE: connection, resources, an operator or a crash, the system around it, damage
(postgresql.org/docs/current/errcodes-appendix.html)."""
OUTAGE_STATES = frozenset({"25006", "25P03", "25P04", "55P03", "40003", "28000", "28P01", "3D000", "42501"})
"""Only readable at present, ended as too slow, locked, the end unknown; nobody we may be, no such database."""


@contextmanager
def speaking_of_postgres() -> Iterator[None]:
    """Turn what the driver raises into the words of the port; anything else it raises is a bug and passes."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadData(f"a value that cannot be stored: {type(error).__name__}") from None
    except (psycopg.Error, BaseORMException) as error:
        meant = what_is_meant(error)
        if meant is None:
            raise
        if isinstance(meant, Unavailable):
            raise meant from error
        raise meant from None  # the driver's words may repeat a value


def what_is_meant(error: BaseException) -> Exception | None:
    """What an error of the driver, or of Tortoise above it, says to the cellar; None if it is a bug."""
    if isinstance(error, DBConnectionError):
        return Unavailable("the database cannot be reached")
    if isinstance(error, BaseORMException):
        inner = error.args[0] if error.args else None
        return what_is_meant(inner) if isinstance(inner, psycopg.Error) else None
    if not isinstance(error, psycopg.Error):
        return None
    state = error.sqlstate or ""
    if state in COLLIDED:
        return Collided(state)
    if state.startswith(OUTAGES) or state in OUTAGE_STATES:
        return Unavailable(f"the database cannot be used at present: {type(error).__name__} {state}")
    if state == psycopg.errors.ForeignKeyViolation.sqlstate:
        return Unmet()
    if state in TAKEN:
        return Taken()
    if state.startswith(("22", "23")) or (not state and isinstance(error, psycopg.DataError)):
        return BadData(f"a value that cannot be stored: {type(error).__name__} {state}".rstrip())
    if not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable("the connection to the database is lost")
    return None


# ── the statements ───────────────────────────────────────────────────────────

_AMONG = re.compile(r"IN \(SELECT value FROM json_each\((\?\d*)\)\)")
_EACH = re.compile(r"json_each\((\?\d*)\)")
_PLACE = re.compile(r"\?(\d*)")
NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


@lru_cache(1_000)
def as_postgres_reads_it(statement: str) -> str:
    """A statement of ``engine.store.statements`` in PostgreSQL's words.

    A list comes as an array, not as JSON; parameters are ``$1``; ``now_ms()`` is the server's clock; and what stands
    behind ``--``, which is nothing to SQLite, where one writes at a time, holds rows that must not change meanwhile.
    """
    statement = _AMONG.sub(r"= ANY(\1)", statement)
    statement = (
        _EACH.sub(r"unnest(\1::text[]) AS value", statement).replace("--", "").replace("now_ms()", NOW_MS)
    )
    n = 0

    def place(found: re.Match[str]) -> str:
        nonlocal n
        n += 1
        return f"${found[1] or n}"

    return _PLACE.sub(place, statement)


# ── the database ─────────────────────────────────────────────────────────────


class PostgresPlace:
    """Implements ``Place``."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @property
    def keys(self) -> str:
        return f"the schema {KEYS} of {self.address}"

    def prepare(self) -> None:
        """See ``Place.prepare``: the schema of the keys is there, and no table of a newer version."""
        with speaking_of_postgres(), self.reach() as db:
            with suppress(psycopg.errors.UniqueViolation):  # somebody else has just made it
                db.execute(f"CREATE SCHEMA IF NOT EXISTS {KEYS}")
            for app in TABLES:
                refuse_newer(app, self.applied(db, app), str(self.address))

    def connections(self) -> dict[str, Any]:
        return {
            app: {
                "engine": "engine.store.postgres_client",
                "credentials": {"address": self.address, "app": app},
            }
            for app in (CELLAR, KEYS)
        }

    def schema_editor(self, connection: BaseDBAsyncClient) -> BaseSchemaEditor:
        return PsycopgSchemaEditor(connection, atomic=False)

    def connect(self) -> Database:
        parameters = self.address.parameters_for(CELLAR)
        return PostgresDatabase(
            {**parameters, "options": f"{parameters['options']} {BY_INDEX}"}, self.address
        )

    def speaking(self) -> AbstractContextManager[None]:
        return speaking_of_postgres()

    def reach(self) -> psycopg.Connection:
        """Connect, as a look or a step of preparation needs it; Unavailable says why that is not possible."""
        return connected(self.address.parameters_for(CELLAR), self.address)

    def applied(self, db: psycopg.Connection, app: str) -> set[str]:
        """The migrations an app has had."""
        statement = f"SELECT name FROM {TABLES[app]} WHERE app = %s"  # noqa: S608 - our own names
        try:
            found = db.execute(cast(Any, statement), (app,))
        except psycopg.errors.UndefinedTable:
            return set()
        return {name for (name,) in found}


class PostgresDatabase:
    """Implements ``Database``. A connection that was lost is made anew at the next use, never inside a transaction.

    A transaction is a few ways to the server and back: what waits goes with what is looked at, its beginning with its
    first statement, and its end with the last of those that nothing has to be checked of before.
    """

    def __init__(self, parameters: Mapping[str, Any], address: Address) -> None:
        self._parameters = parameters
        self._address = address
        self._db: psycopg.Connection | None = None
        self._outgoing = Outgoing(self._send)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        if self._outgoing:
            found = self.ask(statement, parameters)
            self._send()
            return found
        with speaking_of_postgres():
            return self._connection().execute(
                cast(Any, as_postgres_reads_it(statement)), _as_columns(parameters)
            )

    def executemany(self, statement: str, rows: Rows) -> int:
        rows = rows if isinstance(rows, list) else list(rows)
        if not rows:
            return 0
        self._send()
        with speaking_of_postgres(), self._connection().cursor() as cursor:
            if statement in TOGETHER and len(rows) > 1:
                cursor.execute(*_for_all(statement, rows))
            else:
                cursor.executemany(cast(Any, as_postgres_reads_it(statement)), rows)
            return cursor.rowcount

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        """See ``Database.ask``."""
        return self._outgoing.ask(as_postgres_reads_it(statement), _as_columns(parameters))

    def put(self, statement: str, rows: Rows, otherwise: Otherwise = AS_IT_COMES) -> None:
        """See ``Database.put``."""
        rows = rows if isinstance(rows, list) else list(rows)
        put = Put(len(rows), otherwise)
        if statement in TOGETHER and len(rows) > 1:
            self._outgoing.put(*_for_all(statement, rows), put)
        else:
            for row in rows:
                self._outgoing.put(as_postgres_reads_it(statement), row, put)

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[None]:
        """See ``Database.transaction``."""
        with speaking_of_postgres():
            db = self._living()
        self._outgoing.begin(BEGIN[mode])
        try:
            yield
            if self._outgoing.has_begun:
                if self._outgoing.is_to_be_checked:
                    self._send()
                self._send("COMMIT")
        except BaseException:
            self._roll_back(db)
            raise
        finally:
            self._outgoing.clear()

    def wipe(self) -> bool:
        """See ``Database.wipe``: when the room of a deleted row is used again is PostgreSQL's own business."""
        return True

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def _send(self, ending: str = "") -> None:
        """Let what waits go to the server, and wait for what it says to all of it."""
        if not self._outgoing and not ending:
            return
        with speaking_of_postgres():
            try:
                self._outgoing.send(self._connection(), ending)
            except Failed as failed:
                meant = what_is_meant(failed.error)
                if failed.otherwise is not None and isinstance(meant, Taken | Unmet):
                    raise failed.otherwise.instead_of(meant) from None
                raise failed.error from None

    def _roll_back(self, db: psycopg.Connection) -> None:
        if db.closed or db.info.transaction_status == TransactionStatus.IDLE:
            return
        try:
            db.execute("ROLLBACK")
        except psycopg.Error:
            db.close()  # the server rolls back what was never committed

    def _living(self) -> psycopg.Connection:
        """The connection; a new one if the server ended it while nobody used it."""
        db = self._connection()
        look = select.poll()
        look.register(db.fileno(), select.POLLIN)
        if look.poll(0):  # nothing was asked, and yet something came: mostly that it has gone
            try:
                db.execute("SELECT 1")
            except psycopg.OperationalError:
                if not db.closed:
                    raise
        return self._connection()

    def _connection(self) -> psycopg.Connection:
        if self._db is not None and self._db.closed:
            self._db.close()  # the server, or the way to it, ended it; ours is still open
            self._db = None
        if self._db is None:
            db = connected(self._parameters, self._address, cursor_factory=psycopg.RawCursor)
            # Each statement is prepared once, not once for every width a number may have.
            db.adapters.register_dumper(int, psycopg.types.numeric.Int8Dumper)
            for kind, dumper in DUMPERS.items():
                db.adapters.register_dumper(kind, dumper)
            # At once: of one whose turn comes later the driver forgets to look whether it came to that.
            db.prepare_threshold = 0
            db.prepared_max = STATEMENTS_KEPT
            self._db = db
        return self._db


DUMPERS = {Column: ColumnDumper, Numbers: NumbersDumper, Texts: TextsDumper}


def _as_columns(parameters: Sequence[Any]) -> Sequence[Any] | None:
    """Parameters as the driver writes them quickly; None for none."""
    if not parameters:
        return None
    return [_column(each) if isinstance(each, Each) and each else each for each in parameters]


def _column(found: Each) -> Column:
    return Numbers("bigint", found) if isinstance(found[0], int) else Texts("text", found)


def _for_all(statement: str, rows: list[Sequence[Any]]) -> tuple[Any, list[Column]]:
    """One of ``TOGETHER``, and its parameters, for these rows."""
    together, kinds = for_all_rows(statement)
    columns = zip(kinds, zip(*rows, strict=True), strict=True)
    return as_postgres_reads_it(together), [Column(kind, each) for kind, each in columns]


def connected(parameters: Mapping[str, Any], address: Address, **more: Any) -> psycopg.Connection:
    """A connection; Unavailable says which database cannot be reached, and why."""
    try:
        return psycopg.connect(**parameters, autocommit=True, **more)
    except psycopg.OperationalError as error:
        # libpq names host, port, user and database, and never the password.
        reason = "; ".join(line.strip() for line in str(error).splitlines() if line.strip())[:LONGEST_REASON]
        raise Unavailable(f"{address} cannot be reached: {reason}") from None
