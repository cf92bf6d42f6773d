"""A small house that is closed when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.engine.runtime.small_house import SmallHouse

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
