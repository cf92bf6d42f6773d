"""Every cellar there is, empty, with one circle and one person in it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Cellar
from engine.store import TortoiseStore
from engine.store.database import Place
from engine.testing import MemoryStore
from tests.engine.store.colliding import CollidingPlace
from tests.world.postgres import Postgres

MASTER_KEY = bytes(range(32))


@dataclass
class Ground:
    """A cellar and what most claims need in it."""

    cellar: MemoryStore | TortoiseStore
    circle: CircleId
    ada: PersonId
    bo: PersonId


async def ground(cellar: MemoryStore | TortoiseStore) -> Ground:
    return Ground(
        cellar,
        await cellar.ensure_circle("!circle:example.org", "The garden"),
        await cellar.person("@ada:example.org"),
        await cellar.person("@bo:example.org"),
    )


@pytest.fixture(scope="session")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty store; copying it is much faster than making all tables for every claim."""
    folder = tmp_path_factory.mktemp("store")

    async def open_and_close() -> None:
        store = await TortoiseStore.open(folder / "hearth.db", MASTER_KEY)
        await store.close()

    asyncio.run(open_and_close())
    return folder


SERIALIZABLE = "options=-c%20default_transaction_isolation%3Dserializable"
Where = Path | str | Place


@pytest.fixture(params=["memory", "sqlite", "colliding", "serializable"])
def where(request: pytest.FixtureRequest, tmp_path: Path, seed: int) -> Where | None:
    """Where an empty store lies, of each kind there is; None for the one in memory.

    PostgreSQL comes twice: once with transactions that collide all the time, once under its strictest isolation, as
    databases that are spread over several machines have it.
    """
    match request.param:
        case "memory":
            return None
        case "sqlite":
            shutil.copytree(request.getfixturevalue("opened_once"), tmp_path, dirs_exist_ok=True)
            return tmp_path / "hearth.db"
        case kind:
            address: str = request.getfixturevalue("postgres_database")
            if kind == "serializable":
                return f"{address}&{SERIALIZABLE}"
            return CollidingPlace(address, Random(seed))


@pytest.fixture
async def g(where: Where | None) -> AsyncIterator[Ground]:
    if where is None:
        yield await ground(MemoryStore())
        return
    store = await TortoiseStore.open(where, MASTER_KEY)
    yield await ground(store)
    await store.close()


@dataclass
class OnDisk:
    """A place of its own for stores on disk, SQLite or PostgreSQL; it may be opened as often as one likes."""

    where: Path | str
    opened: list[TortoiseStore] = field(default_factory=list)

    async def open(self) -> TortoiseStore:
        """One more handle on it."""
        store = await TortoiseStore.open(self.where, MASTER_KEY)
        self.opened.append(store)
        return store

    def tell(self, statement: str) -> list[tuple[Any, ...]]:
        """Carry out one statement behind the store's back; the keys lie in ``keys.seals``."""
        if isinstance(self.where, str):
            with psycopg.connect(self.where) as db:
                cursor = db.execute(statement.encode())
                return cursor.fetchall() if cursor.description else []
        with closing(sqlite3.connect(self.where)) as file, file:
            file.execute("ATTACH ? AS keys", (str(self.where.with_suffix(".keys")),))
            return file.execute(statement).fetchall()


@pytest.fixture(params=["sqlite", "postgres"])
async def disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OnDisk]:
    """An empty one; what is still open at the end is closed."""
    if request.param == "postgres":
        found = OnDisk(request.getfixturevalue("postgres_database"))
    else:
        found = OnDisk(tmp_path / "hearth.db")
    yield found
    for store in found.opened:
        await store.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def new_disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OnDisk]:
    """One in which there are not even tables."""
    server: Postgres | None = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
    found = OnDisk(tmp_path / "hearth.db" if server is None else server.database())
    yield found
    for store in found.opened:
        await store.close()
    if server is not None and isinstance(found.where, str):
        server.drop(found.where)


Open = Callable[[], Awaitable[TortoiseStore]]


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the same file as often as one likes; what is still open at the end is closed."""
    opened: list[TortoiseStore] = []

    async def open_() -> TortoiseStore:
        store = await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY)
        opened.append(store)
        return store

    yield open_
    for store in opened:
        await store.close()


def promises(cellar: MemoryStore | TortoiseStore) -> Cellar:
    """Both keep the port; mypy checks it here."""
    return cellar
