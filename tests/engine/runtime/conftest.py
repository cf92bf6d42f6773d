"""A small house that is closed when the test ends: on a store in memory, or on that and on a database in turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from engine.store import TortoiseStore
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.store.conftest import MASTER_KEY

OpenHouse = Callable[..., Awaitable[SmallHouse]]


@pytest.fixture
async def open_house() -> AsyncIterator[OpenHouse]:
    opened: list[SmallHouse] = []

    async def open_(*names: str, **more: object) -> SmallHouse:
        opened.append(await SmallHouse.open(*names, **more))
        return opened[-1]

    yield open_
    for house in opened:
        await house.close()
        assert house.faults.unused == []
        assert house.mishaps.unused == []


@pytest.fixture
async def house(open_house: OpenHouse) -> SmallHouse:
    """Ana, Ben and Chen, who have said yes to being written to."""
    return await open_house("ana", "ben", "chen")


@pytest.fixture(params=["memory", "sqlite"])
async def open_either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenHouse]:
    """The same twice: in memory, and on a database."""
    opened: list[SmallHouse] = []

    async def open_(*names: str, **more: Any) -> SmallHouse:
        if request.param == "sqlite":
            more["store"] = await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY)
        opened.append(await SmallHouse.open(*names, **more))
        return opened[-1]

    yield open_
    for house in opened:
        await house.close()
        assert house.mishaps.unused == []
        if isinstance(house.store, TortoiseStore):
            await house.store.close()
