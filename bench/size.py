"""Whether a million waiting instances are slower than ten thousand: to claim what is due, to decide, to start with.

``hearth bench size`` fills three databases, one size each, every instance with a timer of its own
whose moments come in thousands at once, as on a Monday at nine. Rounds alternate between the sizes, so that whatever
else the machine does meets all of them; what counts is the ratio of the medians to the smallest size.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from bench.filling import fill
from bench.relay import Course, course, relay
from bench.starting import starts
from bench.stores import Kind, Place, places
from engine.core.values import DAY_MS, MINUTE_MS
from engine.store import TortoiseStore
from engine.testing import ManualClock

SIZES = (10_000, 100_000, 1_000_000)
CIRCLES = 100
AT_ONCE = 1_000
"""Instances that begin in one commit, and whose timers come due at the same moment."""
CLAIM = 100
CLAIMS_A_ROUND = 20
FIRES_A_ROUND = 2
EVENTS_A_ROUND = 1_920
ALONE_A_ROUND = 100
ROUNDS = 7
LONG_ENOUGH_MS = 3 * DAY_MS
"""Afterwards every timer of the largest is due."""
MASTER_KEY = bytes(32)


class House:
    """A database of one size, and what was measured with it."""

    def __init__(self, course: Course, size: int) -> None:
        self.course = course
        self.size = size
        self.fired = 0
        self.claims_ms: list[float] = []
        self.fires_ms: list[float] = []
        self.events_per_s: list[float] = []
        self.alone_ms: list[float] = []

    async def round(self, chance: random.Random) -> None:
        """Claim, fire and decide for a while."""
        store, now_ms = self.course.store, self.course.clock.now_ms()
        for _ in range(CLAIMS_A_ROUND):
            started = time.perf_counter()
            due = await store.due_timers(now_ms, CLAIM)
            self.claims_ms.append((time.perf_counter() - started) * 1000)
            assert len(due) == CLAIM, due
        for _ in range(FIRES_A_ROUND):
            due = await store.due_timers(now_ms, CLAIM)
            started = time.perf_counter()
            await self.course.ring(due)
            self.fires_ms.append((time.perf_counter() - started) * 1000)
            self.fired += CLAIM
        # Those that came due first have been fired; any other may pass its baton on.
        running = [chance.randrange(self.fired + AT_ONCE, self.size) for _ in range(EVENTS_A_ROUND)]
        self.events_per_s.append(await self.course.round(EVENTS_A_ROUND, running))
        self.alone_ms += await self.course.alone(ALONE_A_ROUND, running)

    def figures(self) -> dict[str, Any]:
        return {
            "instances": self.size,
            "claim_ms": round(statistics.median(self.claims_ms), 2),
            "fire_100_ms": round(statistics.median(self.fires_ms), 1),
            "events_per_s": round(statistics.median(self.events_per_s)),
            "alone_p50_ms": round(statistics.median(self.alone_ms), 2),
        }


async def prepare(place: Place, size: int, note: Callable[[str], None]) -> float:
    """Lay so many instances into a new database; how many seconds it took."""
    store = await TortoiseStore.open(place.address, MASTER_KEY)
    await store.put_definition(relay(), "")
    circles = [await store.ensure_circle(f"!circle{k}:hearth.test", f"Circle {k}") for k in range(CIRCLES)]
    started = time.perf_counter()
    async with course(store) as filling:
        for first in range(0, size, AT_ONCE):
            await fill(filling, circles, first, first + AT_ONCE)
            await filling.clock.advance(MINUTE_MS)
            if first and first % 100_000 == 0:
                note(f"{place.kind}: {first:,} of {size:,} instances")
    await store.close()
    return time.perf_counter() - started


@asynccontextmanager
async def opened(place: Place, size: int) -> AsyncIterator[House]:
    """The database of one size with a line over it, when all of its timers are due."""
    store = await TortoiseStore.open(place.address, MASTER_KEY)
    try:
        clock = ManualClock()
        await clock.advance(LONG_ENOUGH_MS)
        async with course(store, clock) as over:
            yield House(over, size)
    finally:
        await store.close()


async def compare(places: Sequence[tuple[Place, int]], note: Callable[[str], None]) -> list[dict[str, Any]]:
    """The same work over each of the databases in turn."""
    async with AsyncExitStack() as stack:
        houses = [await stack.enter_async_context(opened(place, size)) for place, size in places]
        for n in range(ROUNDS):
            note(f"round {n + 1} of {ROUNDS}")
            for house in houses:
                await house.round(random.Random(n))
    found = [house.figures() for house in houses]
    least = found[0]
    for each in found:
        each["claim_ratio"] = round(each["claim_ms"] / least["claim_ms"], 2)
        each["event_ratio"] = round(least["events_per_s"] / each["events_per_s"], 2)
    return found


async def measure(
    note: Callable[[str], None], kind: Kind = "sqlite", sizes: Sequence[int] = SIZES
) -> dict[str, Any]:
    """Fill, measure and start at every size on one kind of store; ``note`` hears how far it is."""
    with places(kind) as fresh:
        filled = [(fresh(), size) for size in sizes]
        seconds = [await prepare(place, size, note) for place, size in filled]
        found = await compare(filled, note)
        empty = fresh()
        await prepare(empty, 0, note)
        started = await starts([(empty, 0), *filled], MASTER_KEY, note)
    for each, taken in zip(found, seconds, strict=True):
        each.update(started[each["instances"]], filled_s=round(taken))
    return {
        "what": "waiting instances with a timer each; claims of 100 due timers, whole events, starts of all of Hearth",
        "store": kind,
        "rounds": ROUNDS,
        "sizes": found,
        "empty": started[0],
    }


def main(*, as_json: bool, store: Kind = "sqlite") -> dict[str, Any]:
    """Measure and print."""
    result = asyncio.run(measure(partial(print, file=sys.stderr, flush=True), store))
    if as_json:
        print(json.dumps(result, indent=2))
        return result
    print(f"empty: start {result['empty']['start_s']} s, {result['empty']['resident_mb']} MB")
    for each in result["sizes"]:
        print(
            f"{each['instances']:,}: claim {each['claim_ms']} ms ({each['claim_ratio']}), "
            f"{each['events_per_s']} events/s ({each['event_ratio']}), start {each['start_s']} s, "
            f"{each['resident_mb']} MB"
        )
    return result
