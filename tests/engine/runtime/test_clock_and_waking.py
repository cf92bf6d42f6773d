"""The clock that tests move, and waiting for the first of several things."""

from __future__ import annotations

import asyncio

import pytest

from engine.runtime.ports import Clock
from engine.runtime.waking import wake_or
from engine.testing import ManualClock
from tests.engine.runtime.small_house import until


def keeps_the_port(clock: ManualClock) -> Clock:
    return clock


async def test_it_stands_still_until_it_is_moved_and_wakes_whoever_waited() -> None:
    clock = keeps_the_port(manual := ManualClock(1_000))
    waiting = [asyncio.create_task(clock.wait_until(at)) for at in (1_000, 1_005, 1_010)]
    await until(waiting[0].done)
    await manual.advance(5)
    await until(waiting[1].done)
    assert not waiting[2].done()
    await manual.advance(-100)
    assert clock.now_ms() == 905
    waiting[2].cancel()


async def test_real_time_is_counted_in_the_pace_of_the_house() -> None:
    assert ManualClock(1_000).after(50) == 1_050
    assert ManualClock(1_000, pace=60).after(50) == 4_000


async def test_the_first_of_several_things_wakes() -> None:
    clock = ManualClock(0)
    first, second = asyncio.Event(), asyncio.Event()
    for wake in (first.set, second.set):
        waiting = asyncio.create_task(wake_or(first, second, clock=clock, at_ms=10))
        await asyncio.sleep(0)
        assert not waiting.done()
        wake()
        await waiting
        first.clear()
        second.clear()
    waiting = asyncio.create_task(wake_or(first, clock=clock, at_ms=10))
    await asyncio.sleep(0)
    await clock.advance(10)
    await waiting


async def test_what_is_there_already_needs_no_waiting() -> None:
    event = asyncio.Event()
    event.set()
    for waiting in (
        wake_or(asyncio.Event(), event),
        wake_or(asyncio.Event(), clock=ManualClock(5), at_ms=5),
    ):
        assert await asyncio.wait_for(waiting, timeout=1) is None
    assert event.is_set(), "whoever waits does not clear it"


async def test_nothing_is_left_waiting_behind() -> None:
    before = len(asyncio.all_tasks())
    event = asyncio.Event()
    waiting = asyncio.create_task(wake_or(event, clock=ManualClock(0), at_ms=10))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(asyncio.all_tasks()) == before


async def test_a_clock_that_breaks_is_heard_of() -> None:
    class Broken(ManualClock):
        async def wait_until(self, at_ms: int) -> None:
            raise RuntimeError("no clock")

    with pytest.raises(RuntimeError, match="no clock"):
        await wake_or(asyncio.Event(), clock=Broken(), at_ms=10)
