"""The bell: every moment rings once, none before its time, and none is lost on the way."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from engine.core.desk_letter import LETTER
from engine.core.event import Due
from engine.core.instance import Timer
from engine.core.values import DAY_MS, HOUR_MS, InstanceId, PersonId
from engine.runtime.bell import LONGEST_SLEEP_MS, MOST_AT_ONCE, Bell
from engine.runtime.ports import BadData, Changes, Outcome, Rung, TimerRow, ToDesk, Unavailable
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import CLOSES_MS, NOON, SmallHouse, until


async def timers(house: SmallHouse) -> list[TimerRow]:
    """Every timer but those of weekly letters, which everybody has."""
    return [timer for timer in await house.store.due_timers(2**60, 1_000) if timer.name != LETTER]


async def dues(house: SmallHouse, instance: InstanceId) -> list[tuple[Due, str]]:
    """The moments that an instance has heard of, and what it made of them."""
    lines = await house.store.journal(f"i/{instance}")
    return [(line.event, line.result) for line in lines if isinstance(line.event, Due)]


def ring(instance: InstanceId, name: str, entry: int, due_ms: int, id: str = "ring") -> Rung:
    return Rung(id=id, occurred_ms=due_ms, actor=f"i/{instance}", name=name, entry=entry)


async def set_timer(house: SmallHouse, row: TimerRow) -> None:
    await house.store.commit(Changes(timers={(row.actor, row.name): row}))


# ── ringing ──────────────────────────────────────────────────────────────────


async def test_a_moment_rings_when_it_has_come_and_once(house: SmallHouse) -> None:
    instance = await house.begun()
    await house.clock.advance(CLOSES_MS - 1)
    closing = f"close:rsvp:{(await house.snapshot()).asks['rsvp'].round}"
    await house.bell.ring_due()
    assert (await house.snapshot()).state == "open"
    await house.clock.advance(1)
    await house.bell.ring_due()
    assert (await house.snapshot()).state == "review"
    assert [due.timer for due, _ in await dues(house, instance)] == [closing]
    assert closing not in [t.name for t in await timers(house)]
    assert await house.bell.ring_due() == 0


async def test_many_due_at_once_all_ring(house: SmallHouse) -> None:
    for _ in range(MOST_AT_ONCE + 10):
        await house.say("ana", "supper @ben")
    assert len(await house.snapshots()) == MOST_AT_ONCE + 10
    await house.clock.advance(CLOSES_MS)
    while await house.bell.ring_due():
        pass
    assert {s.state for s in await house.snapshots()} == {"review"}


async def test_a_stale_moment_is_dropped_and_journalled_as_such(house: SmallHouse) -> None:
    instance = await house.begun()
    await house.say("ana", "review")
    before = await house.snapshot()
    await set_timer(house, TimerRow(f"i/{instance}", "at:07", 1, NOON))
    assert await house.bell.ring_due() == 1
    assert await house.bell.ring_due() == 0
    assert await dues(house, instance) == [(Due("at:07", 1), "stale_timer")]
    assert await house.snapshot() == before


async def test_a_moment_of_an_instance_that_is_over_rings_into_nothing(house: SmallHouse) -> None:
    instance = await house.begun()
    await house.say("ana", "cancel")
    await set_timer(house, TimerRow(f"i/{instance}", "at:00", 2, NOON))
    await set_timer(house, TimerRow(f"i/{'0' * 32}", "at:00", 2, NOON))
    assert await house.bell.ring_due() == 2
    assert await house.bell.ring_due() == 0
    assert (await dues(house, instance))[-1][1] == "over"


async def test_one_that_breaks_is_set_aside_and_does_not_ring_for_ever(house: SmallHouse) -> None:
    await house.begun()
    house.shelf.definitions.clear()
    await house.clock.advance(CLOSES_MS)
    rung = 0
    while found := await house.bell.ring_due():
        rung += found
        assert rung < 20
    assert {a.error.partition(" ")[0] for a in await house.store.quarantined()} == {"NoDefinition"}


async def test_one_whose_writing_is_refused_does_not_ring_for_ever_either(house: SmallHouse) -> None:
    await house.begun()
    await house.clock.advance(CLOSES_MS)

    def rings(changes: Changes) -> bool:
        return any("!close:" in key for key in changes.seen) and not changes.set_aside

    house.faults.fail("commit", BadData("?"), times=2, when=rings)
    while await house.bell.ring_due():
        pass
    assert any("could not be written" in aside.error for aside in await house.store.quarantined())


# ── what happens while it rings ──────────────────────────────────────────────


async def test_a_moment_moved_while_the_old_one_was_ringing_still_comes(house: SmallHouse) -> None:
    instance = await house.begun()
    (row,) = [t for t in await timers(house) if t.name.startswith("close:")]
    # The bell has read an earlier row; by the time its ring is decided, the moment is a later one.
    early = ring(instance, row.name, row.entry, NOON)
    assert await house.submit(early) == [Outcome("refused", "stale_timer")]
    assert row in await timers(house)
    await house.pass_time(CLOSES_MS)
    assert (await house.snapshot()).state == "review"


async def test_a_moment_that_is_due_itself_is_not_lost_with_the_stale_one(house: SmallHouse) -> None:
    instance = await house.begun()
    (row,) = [t for t in await timers(house) if t.name.startswith("close:")]
    await house.clock.advance(CLOSES_MS)
    stale = ring(instance, row.name, row.entry - 1, NOON)
    assert await house.submit(stale) == [Outcome("refused", "stale_timer")]
    assert row in await timers(house)
    await house.settle()
    assert (await house.snapshot()).state == "review"


async def test_a_moment_that_an_ended_instance_forgot_to_drop_does_not_ring_for_ever(
    house: SmallHouse,
) -> None:
    await house.begun()
    old = await house.snapshot()
    ended = replace(old, version=old.version + 1, finished_ms=NOON, timers={"at:07": Timer(NOON, 1)})
    row = TimerRow(f"i/{old.id}", "at:07", 1, NOON)
    changes = Changes(snapshots={old.id: (ended, old.version)}, timers={(row.actor, row.name): row})
    await house.store.commit(changes)
    assert await house.bell.ring_due() == 1
    assert await house.bell.ring_due() == 0


async def test_a_moment_set_anew_by_the_very_same_commit_stays(house: SmallHouse) -> None:
    instance = await house.begun()
    await house.clock.advance(CLOSES_MS)
    await house.bell.ring_due()
    (row,) = [t for t in await timers(house) if t.name == "at:00"]
    await house.submit(ring(instance, "at:00", row.entry - 1, NOON))
    assert row in await timers(house)
    await house.pass_time(4 * DAY_MS)
    assert await house.snapshots() == []


async def test_a_moment_that_has_rung_can_be_set_to_the_same_time_and_rings_again(house: SmallHouse) -> None:
    instance = await house.begun()
    same = TimerRow(f"i/{instance}", "at:07", 2, NOON)
    for n in (1, 2):
        await set_timer(house, same)
        assert await house.bell.ring_due() == 1
        assert len(await dues(house, instance)) == n
        assert await house.bell.ring_due() == 0


async def test_a_ring_whose_commit_was_not_known_to_have_happened_is_not_answered_twice(
    house: SmallHouse,
) -> None:
    instance = await house.begun()
    await house.clock.advance(CLOSES_MS)
    house.faults.fail("commit", Unavailable("the line broke"), after=True)
    ringing = asyncio.create_task(house.bell.ring_due())
    await house.patiently(ringing)
    await house.settle()
    assert [r for _, r in await dues(house, instance) if r == "decided"] == ["decided"]
    # … and what the ring itself set to come later is still there
    assert "at:00" in [t.name for t in await timers(house)]


async def test_two_bells_over_one_store_ring_each_moment_once(house: SmallHouse) -> None:
    instance = await house.begun()
    other = house.another_line(seed=99)
    other.start()
    bells = (house.bell, Bell(house.cellar, other, house.clock))
    await house.clock.advance(CLOSES_MS - DAY_MS)
    await asyncio.gather(*(bell.ring_due() for bell in bells))  # reminders
    await house.settle()
    await house.clock.advance(DAY_MS)
    await asyncio.gather(*(bell.ring_due() for bell in bells))
    await other.stop()
    await house.settle()
    assert [r for _, r in await dues(house, instance)].count("decided") == 1
    assert house.words("ben").count("reminder") == 1
    assert await house.store.quarantined() == []


async def test_a_clock_put_back_between_looking_and_ringing_loses_no_moment(house: SmallHouse) -> None:
    instance = await house.begun()
    (row,) = [t for t in await timers(house) if t.name.startswith("close:")]
    await house.clock.advance(CLOSES_MS)
    gate = house.faults.hold("commit")
    blocking = asyncio.create_task(house.say("chen", "help"))
    await gate.reached.wait()
    ringing = asyncio.create_task(house.bell.ring_due())  # it has read that the moment has come
    await until(lambda: house.faults.calls["due_timers"] >= 1 and not house.line._queue.empty())
    await house.clock.advance(-2 * HOUR_MS)
    gate.open()
    await blocking
    await ringing
    assert row in await timers(house)
    assert (await house.snapshot()).state == "open"
    await house.clock.advance(2 * HOUR_MS)
    await house.settle()
    assert [r for _, r in await dues(house, instance)] == ["stale_timer", "decided"]


# ── alarms of desks ──────────────────────────────────────────────────────────


async def test_a_reminder_comes_once_and_only_to_whom_has_not_answered(house: SmallHouse) -> None:
    await house.begun()
    await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    await house.pass_time(CLOSES_MS - 1)
    assert house.words("ben").count("reminder") == 0
    assert house.words("chen").count("reminder") == 1


async def test_nobody_is_reminded_of_what_has_not_reached_them(open_house: OpenHouse) -> None:
    house = await open_house("ana", "ben", willing=False)
    house.postman.present.add(house.id("ana"))
    await house.say("ana", "start")
    await house.say("ana", "supper @ben")
    await house.pass_time(CLOSES_MS - 20 * HOUR_MS)
    assert [p.reminder for p in (await house.desk("ben")).prompts if p.ask == "rsvp"] == [None]
    await house.come("ben")
    await house.say("ben", "start")
    await house.settle()
    assert "rsvp.say" in house.words("ben")
    assert "reminder" not in house.words("ben")


async def test_an_alarm_that_says_nothing_goes_all_the_same(house: SmallHouse) -> None:
    row = TimerRow(f"d/{house.id('ana')}", "remind:gone", 0, NOON)
    await set_timer(house, row)
    assert await house.bell.ring_due() == 1
    assert await timers(house) == []


# ── running ──────────────────────────────────────────────────────────────────


async def test_it_stays_silent_until_everything_that_happened_meanwhile_is_in(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    await house.clock.advance(CLOSES_MS)
    ready, stop = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(house.bell.run(ready, stop))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (await house.snapshot()).state == "open"
    late = await house.submit(
        *[
            house.spoken("ben", "coming", reply_to=prompt.event, occurred_ms=NOON + 5),
        ]
    )
    assert late == [Outcome("done")]
    ready.set()
    moved = house.line.on_move()
    while (await house.snapshot()).state == "open":
        await moved.wait()
        moved.clear()
    assert house.choice_of(await house.snapshot(), "p2") == "coming"
    stop.set()
    await running


async def test_told_to_stop_before_it_is_ready_it_never_rings(house: SmallHouse) -> None:
    await house.begun()
    await house.clock.advance(CLOSES_MS)
    ready, stop = asyncio.Event(), asyncio.Event()
    stop.set()
    await house.bell.run(ready, stop)
    assert (await house.snapshot()).state == "open"


async def test_it_wakes_at_the_next_moment_and_when_something_moves(house: SmallHouse) -> None:
    ready, stop = asyncio.Event(), asyncio.Event()
    ready.set()
    running = asyncio.create_task(house.bell.run(ready, stop))
    await until(lambda: house.faults.calls["next_timer_ms"] >= 1)
    await house.say("ana", "supper @ben")  # sets moments while it sleeps
    await until(lambda: house.faults.calls["next_timer_ms"] >= 2)
    looked = house.faults.calls["due_timers"]
    for _ in range(20):
        await asyncio.sleep(0)
    assert house.faults.calls["due_timers"] == looked, "it looks again without a reason"
    while (found := await house.snapshot()).state == "open":
        await house.clock.advance(LONGEST_SLEEP_MS * 60)
        await asyncio.sleep(0)
    assert found.state == "review"
    stop.set()
    await running


@pytest.mark.parametrize("call", ["due_timers", "next_timer_ms", "waiting_inbox"])
async def test_an_outage_of_the_store_does_not_end_it(house: SmallHouse, call: str) -> None:
    await house.begun()
    house.faults.fail(call, Unavailable("disk full"), times=3)
    await house.clock.advance(CLOSES_MS)
    ready, stop = asyncio.Event(), asyncio.Event()
    ready.set()
    running = asyncio.create_task(house.bell.run(ready, stop))
    for _ in range(200):
        if (await house.snapshot()).state == "review" and not house.faults.unused:
            break
        await house.clock.advance(1_000)
        for _ in range(10):
            await asyncio.sleep(0)
    assert (await house.snapshot()).state == "review"
    assert not running.done()
    stop.set()
    await running


async def test_desks_and_instances_are_told_apart_by_more_than_luck(house: SmallHouse) -> None:
    strange = PersonId("x/y!z")
    await set_timer(house, TimerRow(f"d/{strange}", "remind:a!b:c", 0, NOON))
    assert await house.bell.ring_due() == 1
    assert await timers(house) == []
    assert not any(isinstance(e, ToDesk) for e in await house.store.waiting_inbox(9))
