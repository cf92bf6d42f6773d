"""Several processes ring the same bell: each timer once, and none before what happened earlier is known."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from engine.core.desk_letter import LETTER
from engine.core.event import Due
from engine.core.values import DAY_MS, SECOND_MS, WEEK_MS, Ms
from engine.runtime.bell import CLAIM_MS, OTHERS_MS, Bell
from engine.runtime.ports import AnyArrival, Cellar, TimerRow
from engine.testing.memory_leases import MemoryLeases
from tests.engine.runtime.small_house import CLOSES_MS, NOON, SmallHouse


async def dues(house: SmallHouse) -> list[str]:
    """How the moments of the one invitation were decided, in order."""
    lines = await house.store.journal(f"i/{(await house.snapshot()).id}")
    return [line.result for line in lines if isinstance(line.event, Due)]


def bells(house: SmallHouse, heard_ms: int = 2**60) -> tuple[Bell, Bell]:
    """Those of two processes, which know everything that happened up to a moment."""
    first, second = (Bell(house.cellar, house.line, house.clock, lambda: heard_ms) for _ in range(2))
    return first, second


async def test_a_moment_that_two_see_is_rung_by_one_of_them(house: SmallHouse) -> None:
    await house.begun()
    await house.clock.advance(CLOSES_MS)
    rung = await asyncio.gather(*(bell.ring_due() for bell in bells(house)))
    assert sorted(rung) == [0, max(rung)]
    assert set(await dues(house)) == {"decided"}


class Seen:
    """A cellar at which somebody has looked: what was due then is what they ring, whatever happened since."""

    def __init__(self, due: Sequence[TimerRow]) -> None:
        self._due = due

    async def waiting_inbox(self, _limit: int) -> Sequence[AnyArrival]:
        return ()

    async def due_timers(self, _now_ms: Ms, _limit: int) -> Sequence[TimerRow]:
        return self._due


async def test_the_letter_that_two_ring_comes_once_and_the_next_one_stays_set(house: SmallHouse) -> None:
    other = house.another_line(seed=8)
    other.start()
    await house.pass_time(5 * DAY_MS)
    await house.say("ana", "supper @ben")
    await house.settle()
    letter_ms = (await house.desk("ben")).letter_ms
    assert letter_ms is not None
    await house.clock.advance(letter_ms - house.now_ms)
    seen = cast("Cellar", Seen(await house.store.due_timers(house.now_ms, 99)))
    for line in (house.line, other):  # a claim that ran out: both have it as theirs
        assert await Bell(seen, line, house.clock).ring_due()
    await other.stop()
    await house.settle()
    letters = [each for each in house.postman.brought if each.parcel.message.view == LETTER]
    assert [each.room for each in letters] == [f"d/{house.id('ben')}"]
    desk = await house.desk("ben")
    next_ms = letter_ms + WEEK_MS
    assert (desk.silent_letters, desk.letter_ms) == (1, next_ms)
    due = await house.store.due_timers(next_ms, 99)
    assert [t.due_ms for t in due if (t.actor, t.name) == (f"d/{house.id('ben')}", LETTER)] == [next_ms]


async def test_what_one_claimed_who_died_then_is_rung_by_another(house: SmallHouse) -> None:
    house.store.leases = MemoryLeases(house.clock.now_ms)
    await house.begun()
    await house.clock.advance(CLOSES_MS)
    claimed = await house.store.claim_timers(house.clock.now_ms(), CLAIM_MS, 99)
    first, second = bells(house)
    assert claimed
    assert await first.ring_due() == 0
    await house.clock.advance(CLAIM_MS)
    assert await second.ring_due() == len(claimed)


async def test_what_is_due_after_all_that_has_been_heard_waits_for_it(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    await house.clock.advance(CLOSES_MS)
    behind, _ = bells(house, heard_ms=NOON + CLOSES_MS - SECOND_MS)
    while await behind.ring_due():
        """Reminders may come; the moment to close may not."""
    assert (await house.snapshot()).state == "open"
    in_time = house.spoken("ben", "coming", reply_to=prompt.event, occurred_ms=NOON + 5)
    await house.submit(in_time)
    level, _ = bells(house)
    while await level.ring_due():
        """Now it is known what everybody said in time."""
    assert (await house.snapshot()).state == "review"
    assert house.choice_of(await house.snapshot(), "p2") == "coming"


async def test_whoever_has_to_wait_for_another_looks_now_and_then_and_not_all_the_time(
    house: SmallHouse,
) -> None:
    await house.begun()
    await house.clock.advance(CLOSES_MS)
    ready, stop = asyncio.Event(), asyncio.Event()
    ready.set()
    behind, _ = bells(house, heard_ms=NOON - 1)
    running = asyncio.create_task(behind.run(ready, stop))
    for _ in range(200):
        await asyncio.sleep(0)
    assert house.faults.calls["claim_timers"] == 0, "to look costs less"
    looked = house.faults.calls["next_timer_ms"]
    assert looked <= 4
    await house.clock.advance(OTHERS_MS)
    for _ in range(200):
        await asyncio.sleep(0)
    assert looked < house.faults.calls["next_timer_ms"] <= looked + 4
    stop.set()
    await running
