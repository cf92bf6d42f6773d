"""Every cellar there is, empty, with one circle and one person in it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Cellar
from engine.store import TortoiseStore
from engine.testing import MemoryStore

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


@pytest.fixture(params=["memory", "sqlite"])
async def g(request: pytest.FixtureRequest, tmp_path: Path, opened_once: Path) -> AsyncIterator[Ground]:
    if request.param == "memory":
        yield await ground(MemoryStore())
        return
    shutil.copytree(opened_once, tmp_path, dirs_exist_ok=True)
    store = await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY)
    yield await ground(store)
    await store.close()


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
