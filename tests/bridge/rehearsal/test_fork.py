"""A forked store stands as the first one did, and neither notices what the other does afterwards."""

from __future__ import annotations

import msgspec

from bridge.rehearsal import Playbill, Stage
from bridge.rehearsal.acts import perform
from bridge.rehearsal.branches import Wait, branches, take
from bridge.rehearsal.likeness import likeness
from bridge.rehearsal.script import read_line
from bridge.rehearsal.world import World
from engine.core.values import CircleId, InstanceId
from engine.runtime.ports import Want
from engine.testing import MemoryStore
from tests.bridge.rehearsal.teas import tea


async def everything_in(store: MemoryStore, circle: CircleId, instance: InstanceId) -> bytes:
    """All that the port shows of a store."""
    people = await store.people_of(instance)
    loaded = await store.load(Want(instances=frozenset([instance]), desks=frozenset(people)))
    return msgspec.json.encode(
        [
            loaded,
            [await store.journal(f"i/{instance}"), await store.open_instances(circle)],
            [await store.next_timer_ms(), await store.next_parcel_ms()],
            await store.due_timers(2**60, 100),
        ],
        order="deterministic",
    )


async def test_a_fork_stands_as_the_first_and_each_goes_its_own_way() -> None:
    stage = await Stage.set("ana", "bruno", "chen", playbill=Playbill([tea()]))
    for line in ("ana: tea", "ana: Bruno and Chen", "ana: Friday 19:00"):
        assert await perform(stage, read_line(line)) is None
    instance = stage.snapshots()[0].id
    world = World.of(stage)
    before = await everything_in(stage.store, stage.cast.circle, instance)
    assert await everything_in(world.store, stage.cast.circle, instance) == before
    alike = await likeness(world)
    for way in await branches(world):
        other = world.fork()
        await take(other, way)
        assert await everything_in(other.store, stage.cast.circle, instance) != before, way
        while await take(other, Wait()):
            pass
        assert await everything_in(world.store, stage.cast.circle, instance) == before, way
        assert await likeness(world) == alike
    await stage.strike()
