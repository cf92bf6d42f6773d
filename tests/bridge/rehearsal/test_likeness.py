"""Two worlds are alike only where the same will follow in both."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.rehearsal import Playbill, Stage
from bridge.rehearsal.acts import perform
from bridge.rehearsal.likeness import likeness
from bridge.rehearsal.script import read_line
from bridge.rehearsal.world import World
from engine.core.desk import Alone, Desk
from engine.core.values import MINUTE_MS, PersonId
from tests.bridge.rehearsal.teas import tea


async def test_whoever_is_with_something_private_just_now_stands_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = await Stage.set("ana", "bruno", "chen", playbill=Playbill([tea()]))
    assert await perform(stage, read_line("ana: tea")) is None
    world, ana = World.of(stage), stage.cast.persons["ana"]
    instance, now_ms, held = world.snapshots()[0].id, world.now_ms, await world.desks()
    await stage.strike()

    async def seen_with(alone: Alone | None) -> bytes:
        async def desks() -> dict[PersonId, Desk]:
            return {**held, ana: replace(held[ana], alone=alone)}

        monkeypatch.setattr(world, "desks", desks)
        return await likeness(world)

    before = await seen_with(None)
    assert await seen_with(Alone(instance, now_ms + 15 * MINUTE_MS)) != before
    assert await seen_with(Alone(instance, now_ms + 15 * MINUTE_MS)) != await seen_with(
        Alone(instance, now_ms + MINUTE_MS)
    )
    assert await seen_with(Alone(instance, now_ms)) == before
