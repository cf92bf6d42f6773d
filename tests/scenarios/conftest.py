"""A theatre: every play ends with the promises checked and the stage struck."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.rehearsal import Playbill, Stage
from tests.scenarios import promises

WORKFLOWS = Path(__file__).parents[2] / "workflows"
Theatre = Callable[..., Awaitable[Stage]]


@functools.cache
def shipped() -> Playbill:
    """What Hearth ships and somebody begins, read once: a playbill and its definitions never change.

    What begins by itself (``begins when``: gratitude, welcome, pathway) is left out: its questions would stand among
    the messages that these plays count. Each has its own plays in ``workflows/tests``, and tests/privacy walks each.
    """
    everything = Playbill.of_folder(WORKFLOWS).definitions()
    return Playbill(definition for definition in everything if definition.begins_for is None)


async def set_stage(*names: str, seed: int = 1, greeted: bool = True) -> Stage:
    """A stage with the workflows that Hearth ships, but those that begin by themselves (see ``shipped``)."""
    return await Stage.set(*names, playbill=shipped(), seed=seed, greeted=greeted)


@pytest.fixture
async def theatre() -> AsyncIterator[Theatre]:
    """Sets stages (``await theatre("ana", "bruno")``); whatever was played on them has to keep every promise."""
    stages: list[Stage] = []

    async def stage_for(*names: str, seed: int = 1, greeted: bool = True) -> Stage:
        stages.append(await set_stage(*names, seed=seed, greeted=greeted))
        return stages[-1]

    yield stage_for
    for stage in stages:
        await promises.check(stage)
        await stage.strike()
