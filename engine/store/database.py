"""What the hot path asks of a database: one connection, used in one thread, that writes all of something or nothing.

The statements are those of ``engine.store.statements``, in words that both dialects share; where they do not,
``engine.store.postgres`` says how it reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.migrations.schema_editor.base import BaseSchemaEditor

Rows = Iterable[Sequence[Any]]
Mode = Literal["read", "write", "alone"]
"""What a transaction is for. ``read``: it looks, and sees one moment. ``write``: what others write meanwhile may show
between two statements, so whatever matters is compared or held. ``alone``: as if nobody else wrote meanwhile."""


class Each(list[Any]):
    """A list as one parameter of a statement, which so stays the same and stays prepared."""

    def __conform__(self, _protocol: object) -> str:
        """What SQLite is handed: a text for ``json_each`` (docs.python.org/3/library/sqlite3.html, adapters)."""
        return json.dumps(self)


def each(values: Iterable[str | int]) -> tuple[Each]:
    """A list as the parameters of a statement that takes nothing else."""
    return (Each(values),)


class Otherwise(NamedTuple):
    """What is raised in whose place when rows cannot be written; without one of them, what the database says."""

    taken: Exception | None = None
    """A row of this name is there already."""
    unmet: Exception | None = None
    """A row speaks of another one that is not there."""
    fewer: Exception | None = None
    """Not all of them were written; without it, that is nothing to be raised."""

    def instead_of(self, error: Exception) -> Exception:
        """What to raise where the database says this."""
        if isinstance(error, Taken):
            return self.taken or error
        return (self.unmet or error) if isinstance(error, Unmet) else error


AS_IT_COMES = Otherwise()


class Found(Protocol):
    """What a statement found, or changed."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """One connection.

    What goes wrong is raised in the words of ``Cellar`` (Unavailable, BadData) or in those below; after an outage the
    next use finds its own way back.
    """

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Found: ...
    def executemany(self, statement: str, rows: Rows) -> int:
        """Carry out the statement once for each row; how many rows were changed altogether."""
        ...

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        """As ``execute``, within a transaction, but it may wait until the answer is looked at, or the transaction is at
        its end: what waits goes to a database that is far away in one go. Such an answer is good after the end, too.
        """
        ...

    def put(self, statement: str, rows: Rows, otherwise: Otherwise = AS_IT_COMES) -> None:
        """As ``executemany``, within a transaction, but it may wait like ``ask``, and so may what it raises."""
        ...

    def transaction(self, mode: Mode) -> AbstractContextManager[None]:
        """What is done within is there when it ends, all of it; nothing, if something is raised."""
        ...

    def wipe(self) -> bool:
        """Leave nothing of what was deleted in a log, as far as the database can do that; whether it is done."""
        ...

    def close(self) -> None: ...


class Place(Protocol):
    """Where a database is found, and how it is opened."""

    @property
    def keys(self) -> str:
        """Where its keys lie, as the end of a sentence."""
        ...

    def prepare(self) -> None:
        """Make what has to be there before there can be tables; raises NewerSchema."""
        ...

    def connections(self) -> dict[str, Any]:
        """What Tortoise needs to know to connect, by the names of the apps."""
        ...

    def schema_editor(self, connection: BaseDBAsyncClient) -> BaseSchemaEditor: ...
    def connect(self) -> Database: ...
    def speaking(self) -> AbstractContextManager[None]:
        """Say what the driver, or Tortoise above it, raises within in the words of the port; a bug passes."""
        ...


class Taken(Exception):
    """A row, or a table, of this name is there already."""


class Unmet(Exception):
    """A row speaks of another one that is not there."""


class Collided(Exception):
    """Somebody else was at the same rows and this transaction had to give way: nothing of it was written."""


class NewerSchema(Exception):
    """The database was written by a newer version of this program."""


class Unfinished(Exception):
    """A copy into the database did not come to its end."""
