"""A theatre: every play ends with the promises checked and the stage struck."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.scenarios import promises
from tests.scenarios.stage import Stage

Theatre = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def theatre() -> AsyncIterator[Theatre]:
    """Sets stages (``await theatre("ana", "bruno")``); whatever was played on them has to keep every promise."""
    stages: list[Stage] = []

    async def stage_for(*names: str, seed: int = 1, greeted: bool = True) -> Stage:
        stages.append(await Stage.set(*names, seed=seed, greeted=greeted))
        return stages[-1]

    yield stage_for
    for stage in stages:
        await promises.check(stage)
        await stage.strike()
