"""Processes that only decide: `python -m tests.processes.ringer CONFIG`, forked by a nursery like all others."""

from __future__ import annotations

import asyncio
import logging
import signal
from functools import partial
from random import Random

from engine.core.desk import Rhythm
from engine.core.limits import Limits
from engine.core.values import DAY_MS
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Clock
from engine.runtime.practices import Practices
from engine.store import TortoiseStore
from tests.crash.child import REPORTS
from tests.crash.clock import SharedClock
from tests.crash.scythe import teller
from tests.engine.runtime.small_house import CLOSES_MS, NOON, PlainReader, Shelf, Village, supper
from tests.processes.child import Nursery, SharedConfig, config_named_on_the_command_line, opened

PEOPLE = ("ana", "ben", "chen")
PLENTY = Limits(begun_per_person=10_000, questions_per_person=10_000)
AFTER_ALL_CLOSED_MS = NOON + CLOSES_MS + DAY_MS


async def line_over(store: TortoiseStore, clock: Clock, seed: int | None) -> tuple[StraightLine, Village]:
    """What decides, over a store of one circle in which all have suppers; begun."""
    village = Village()
    village.circle = await store.ensure_circle("!circle:hearth.test", "Circle")
    for name in PEOPLE:
        village.persons[name] = await store.person(f"@{name}:hearth.test")
    shelf = Shelf(supper())
    practices = Practices(shelf, village, None, rehearsed=True)
    reader, chance = PlainReader(village.persons), Random(seed)
    house = House(
        store, shelf, reader, village, chance, Rhythm("UTC", 0, 0), practices=practices, limits=PLENTY
    )
    line = StraightLine(house, clock)
    line.start()
    return line, village


async def ring(config: SharedConfig, number: int, _jumps: list[list[int]], _orders: int) -> None:
    """Ring what is due, as one of several, until killed."""
    tell, clock, known = teller(number, REPORTS), SharedClock(AFTER_ALL_CLOSED_MS), asyncio.Event()
    known.set()
    store = await opened(TortoiseStore, config)
    line, _ = await line_over(store, clock, None)
    tell(rings=True)
    await Bell(store, line, clock, clock.now_ms).run(known, asyncio.Event())


def main() -> None:
    """Read the configuration and serve as nursery."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"
    )
    Nursery(partial(ring, config_named_on_the_command_line())).run()


if __name__ == "__main__":
    main()
