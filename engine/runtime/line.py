"""The straight line: whatever arrives is decided and written, many events to one commit, by one writer.

Callers put their arrivals in a queue. One long-lived task drains it, decides the batch in
memory, commits once and then answers the callers. That task alone owns the transactions and is
never cancelled inside one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from engine.core.values import SECOND_MS
from engine.runtime.batch import Batch, Broke, House
from engine.runtime.ports import (
    AnyArrival,
    BadData,
    Clock,
    Conflict,
    KeptRow,
    Outcome,
    Unavailable,
)

log = logging.getLogger(__name__)

MOST_IN_BATCH = 64
MOST_WAITING = 4096
"""Units in the queue before callers have to wait."""
MOST_CONFLICTS = 20
LONGEST_PAUSE_MS = 30 * SECOND_MS


class Unit:
    """What one caller hands in: it is committed together or not at all."""

    __slots__ = ("answer", "arrivals", "kept")

    def __init__(self, arrivals: Sequence[AnyArrival], kept: Sequence[KeptRow]) -> None:
        self.arrivals = arrivals
        self.kept = kept
        self.answer: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()


class StraightLine:
    """Takes arrivals in, decides them in groups, and answers once they are safely written."""

    def __init__(self, house: House, clock: Clock) -> None:
        self._house = house
        self._clock = clock
        self._queue: asyncio.Queue[Unit | None] = asyncio.Queue(MOST_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._moved: list[asyncio.Event] = []

    def on_move(self) -> asyncio.Event:
        """An event of the caller's own that is set after each commit: there may be something new to look at."""
        event = asyncio.Event()
        self._moved.append(event)
        return event

    def start(self) -> None:
        """Begin to take in."""
        self._task = asyncio.create_task(self._write(), name="straight line")

    async def stop(self) -> None:
        """Finish what is in the queue, then end."""
        if self._task is None:
            return
        await self._queue.put(None)
        await self._task
        self._task = None

    async def submit(self, arrivals: Sequence[AnyArrival], kept: Sequence[KeptRow] = ()) -> list[Outcome]:
        """Decide and keep these events, and the bridge's own rows with them, in one transaction.

        Returns one outcome per arrival, once everything is durable. May be cancelled: what was
        handed in is written all the same.
        """
        unit = Unit(arrivals, kept)
        await self._queue.put(unit)
        return await asyncio.shield(unit.answer)

    # ── the writer ───────────────────────────────────────────────────────────

    async def _write(self) -> None:
        while True:
            units = await self._gather()
            stopping = None in units
            work = [unit for unit in units if unit is not None]
            if work:
                await self._carry(work)
            if stopping:
                return

    async def _gather(self) -> list[Unit | None]:
        units = [await self._queue.get()]
        size = _size(units[0])
        while size < MOST_IN_BATCH and not self._queue.empty() and units[-1] is not None:
            units.append(self._queue.get_nowait())
            size += _size(units[-1])
        return units

    async def _carry(self, units: list[Unit]) -> None:
        """Decide and commit; on a value the store refuses, find the unit and the event to blame."""
        try:
            outcomes = await self._decide_and_commit(units, {})
        except BadData as error:
            if len(units) > 1:
                for unit in units:
                    await self._carry([unit])
                return
            outcomes = await self._one_by_one(units[0], error)
        except Exception as error:  # a defect of ours: the caller hears of it, the line goes on
            for unit in units:
                if not unit.answer.cancelled():
                    unit.answer.set_exception(error)
            return
        for unit in units:
            if not unit.answer.cancelled():
                unit.answer.set_result([outcomes[a.id] for a in unit.arrivals])
        for event in self._moved:
            event.set()

    async def _one_by_one(self, unit: Unit, error: BadData) -> dict[str, Outcome]:
        """Write a unit's events singly, so that only those the store cannot take are set aside.

        The bridge's rows, and with them the sync cursor, go last: killed in between, the same
        events come again and are known as seen.
        """
        outcomes: dict[str, Outcome] = {}
        for arrival in unit.arrivals:
            single = Unit([arrival], ())
            try:
                outcomes |= await self._decide_and_commit([single], {})
            except BadData as bad:
                outcomes |= await self._decide_and_commit(
                    [single], {arrival.id: f"refused by the store: {bad}"}
                )
        if unit.kept:
            await self._decide_and_commit([Unit((), unit.kept)], {})
        elif not unit.arrivals:
            raise error
        return outcomes

    async def _decide_and_commit(self, units: list[Unit], broken: dict[str, str]) -> dict[str, Outcome]:
        broken = dict(broken)
        conflicts = failures = 0
        while True:
            batch = Batch(self._house, self._clock.now_ms(), broken)
            try:
                await batch.decide(a for unit in units for a in unit.arrivals)
                for unit in units:
                    batch.changes.kept.extend(unit.kept)
                await self._house.cellar.commit(batch.changes)
                return batch.outcomes
            except Broke as broke:
                broken[broke.arrival] = broke.error
            except Conflict:
                conflicts += 1
                if conflicts > MOST_CONFLICTS:
                    raise
            except Unavailable as error:
                failures += 1
                log.warning("the store cannot write at present (%s), try %d", error, failures)
                pause_ms = min(LONGEST_PAUSE_MS, 50 * 2 ** min(failures, 10))
                await self._clock.wait_until(self._clock.after(pause_ms))


def _size(unit: Unit | None) -> int:
    return max(1, len(unit.arrivals)) if unit is not None else 0
