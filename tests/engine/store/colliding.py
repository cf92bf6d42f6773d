"""A PostgreSQL store in which transactions collide: real errors of the server, again and again, at any statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from engine.store.database import AS_IT_COMES, Database, Found, Mode, Otherwise, Rows
from engine.store.opening import place_of
from engine.store.postgres import PostgresPlace
from engine.store.postgres_client import PostgresClient

COLLIDE = """DO $$ BEGIN RAISE EXCEPTION 'somebody was faster' USING ERRCODE = '{state}'; END $$"""
STATES = ("40001", "40P01")
"""serialization_failure and deadlock_detected, which end a transaction the same way."""
LATEST = 12
"""A transaction collides at one of so many statements, or when it commits."""
SPARED = 3
"""So many transactions after one that gave way do not: more than belong to one thing that is done."""
APART = 40
"""Of so many statements of the rarer kind one collides; the longest of what is done together needs fewer."""


class CollidingPlace(PostgresPlace):
    """Implements ``Place``: every fourth transaction has to give way."""

    def __init__(self, url: str, random: Random) -> None:
        place = place_of(url)
        assert isinstance(place, PostgresPlace)
        super().__init__(place.address)
        self.random = random
        self.collisions = 0

    def connections(self) -> dict[str, Any]:
        found = super().connections()
        for connection in found.values():
            connection["engine"] = "tests.engine.store.colliding"
            connection["credentials"]["place"] = self
        return found

    def connect(self) -> Database:
        return _Colliding(super().connect(), self)

    def collide(self) -> str:
        """The statement that makes it so."""
        self.collisions += 1
        return COLLIDE.format(state=self.random.choice(STATES))


class _Colliding:
    """Implements ``Database``."""

    def __init__(self, db: Database, place: CollidingPlace) -> None:
        self._db = db
        self._place = place
        self._left: int | None = None
        self._spared = 0

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        self._step()
        return self._db.execute(statement, parameters)

    def executemany(self, statement: str, rows: Rows) -> int:
        self._step()
        return self._db.executemany(statement, rows)

    def ask(self, statement: str, parameters: Sequence[Any] = ()) -> Found:
        self._step()
        return self._db.ask(statement, parameters)

    def put(self, statement: str, rows: Rows, otherwise: Otherwise = AS_IT_COMES) -> None:
        self._step()
        self._db.put(statement, rows, otherwise)

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[None]:
        with self._db.transaction(mode):
            self._spared -= 1
            self._left = None if self._spared >= 0 else self._place.random.randrange(LATEST)
            try:
                yield
                if self._left is not None:
                    self._collide()
            finally:
                self._left = None

    def wipe(self) -> bool:
        return self._db.wipe()

    def close(self) -> None:
        self._db.close()

    def _step(self) -> None:
        if self._left == 0:
            self._collide()
        if self._left is not None:
            self._left -= 1

    def _collide(self) -> None:
        self._spared = SPARED
        self._db.execute(self._place.collide())


class CollidingClient(PostgresClient):
    """The same for what goes through Tortoise."""

    def __init__(self, place: CollidingPlace, **more: Any) -> None:
        super().__init__(**more)
        self._place = place
        self._n = 0

    async def execute_query(self, query: str, values: list[Any] | None = None, **more: Any) -> Any:
        self._n += 1
        if self._n % APART == 0:
            await super().execute_query(self._place.collide())
        return await super().execute_query(query, values, **more)


client_class = CollidingClient
"""Where Tortoise looks for it."""
