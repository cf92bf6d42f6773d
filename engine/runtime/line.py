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
from engine.runtime.batch import Batch, Broke
from engine.runtime.blame import where
from engine.runtime.house import House
from engine.runtime.ports import (
    AnyArrival,
    BadData,
    Clock,
    Conflict,
    KeptRow,
    Outcome,
    Superseded,
    Unavailable,
)

log = logging.getLogger(__name__)

MOST_IN_BATCH = 64
MOST_WAITING = 4096
"""Units in the queue before callers have to wait."""
MOST_CONFLICTS = 20
LONGEST_PAUSE_MS = 30 * SECOND_MS
NOT_KEPT = "could not be kept"


class LineEnded(Exception):
    """The line takes nothing in any more."""


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
        self._ending = False
        self._coming = 0
        """Callers who wait for a place in the queue."""
        self._all_in = asyncio.Event()
        self._moved: list[asyncio.Event] = []

    def on_move(self) -> asyncio.Event:
        """An event of the caller's own that is set after each commit: there may be something new to look at."""
        event = asyncio.Event()
        self._moved.append(event)
        return event

    def nudge(self) -> None:
        """Let everybody look for something new: others may have committed it."""
        for event in self._moved:
            event.set()

    @property
    def waiting(self) -> int:
        """How many callers wait for their events to be decided."""
        return self._queue.qsize() + self._coming

    def fresh_id(self) -> str:
        """An unused id for an event that has none by nature."""
        return self._house.fresh_id()

    def start(self) -> None:
        """Begin to take in."""
        self._task = asyncio.create_task(self._write(), name="straight line")

    async def stop(self) -> None:
        """Finish what has been handed in, then end. A second call waits for the same end."""
        if self._task is None:
            self._ending = True  # nobody will ever look into the queue
            return
        if not self._ending:
            self._ending = True
            while self._coming:
                self._all_in.clear()
                await self._all_in.wait()
            await self._queue.put(None)
        await asyncio.shield(self._task)

    async def submit(self, arrivals: Sequence[AnyArrival], kept: Sequence[KeptRow] = ()) -> list[Outcome]:
        """Decide and keep these events, and the bridge's own rows with them, in one transaction.

        Returns one outcome per arrival, once everything is durable. May be cancelled: what has
        found its place in the queue is written all the same.

        Raises:
            LineEnded: the line was told to stop before this came.
            Superseded: this process speaks no more; nothing was written.
        """
        if self._ending:
            raise LineEnded
        unit = Unit(arrivals, kept)
        self._coming += 1
        try:
            await self._queue.put(unit)
        finally:
            self._coming -= 1
            self._all_in.set()
        return await asyncio.shield(unit.answer)

    # ── the writer ───────────────────────────────────────────────────────────

    async def _write(self) -> None:
        while True:
            units = await self._gather()
            work = [unit for unit in units if unit is not None]
            if work:
                await self._carry(work)
            if len(work) < len(units):
                return

    async def _gather(self) -> list[Unit | None]:
        units = [await self._queue.get()]
        size = _size(units[0])
        while size < MOST_IN_BATCH and not self._queue.empty() and units[-1] is not None:
            units.append(self._queue.get_nowait())
            size += _size(units[-1])
        return units

    async def _carry(self, units: list[Unit]) -> None:
        """Decide and commit; if that cannot be done with all of them, each by itself."""
        arrivals = [a for unit in units for a in unit.arrivals]
        kept = [row for unit in units for row in unit.kept]
        try:
            outcomes = await self._decide_and_commit(arrivals, kept, {})
        except Superseded as error:
            # Nobody is to blame, and nothing is lost: whoever speaks now hears the same from the homeserver.
            for unit in units:
                unit.answer.set_exception(error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is: those who are not to blame go on
            log.warning("a batch of %d events could not be written: %s", len(arrivals), _kind(error))
            if len(units) == 1:
                await self._carry_singly(units[0])
            else:
                for unit in units:
                    await self._carry([unit])
            return
        for unit in units:
            _answer(unit, outcomes)
        self.nudge()

    async def _carry_singly(self, unit: Unit) -> None:
        """Write a unit's events one by one, so that only those that cannot be written are set aside.

        The bridge's rows, and with them the sync cursor, go last: killed in between, the same
        events come again and are known as seen.
        """
        outcomes: dict[str, Outcome] = {}
        try:
            for arrival in unit.arrivals:
                outcomes.setdefault(arrival.id, await self._carry_one(arrival))
            await self._decide_and_commit((), unit.kept, {})
        except Exception as error:  # noqa: BLE001 - the caller hears of it, the line goes on
            unit.answer.set_exception(error)
        else:
            _answer(unit, outcomes)
        self.nudge()

    async def _carry_one(self, arrival: AnyArrival) -> Outcome:
        try:
            outcomes = await self._decide_and_commit([arrival], (), {})
        except Superseded:
            raise
        except Exception as error:  # noqa: BLE001 - it is to blame, whatever it is: it is set aside
            why = f"could not be written: {_kind(error)}"
            try:
                outcomes = await self._decide_and_commit([arrival], (), {arrival.id: why})
            except Superseded:
                raise
            except Exception as again:  # noqa: BLE001 - not even that: it is left out, and the line goes on
                kind = type(arrival).__name__
                log.error("%s left out, it cannot be set aside: %s", kind, _kind(again))  # noqa: TRY400 - no words
                return Outcome("quarantined", NOT_KEPT)
        return outcomes[arrival.id]

    async def _decide_and_commit(
        self, arrivals: Sequence[AnyArrival], kept: Sequence[KeptRow], broken: dict[str, str]
    ) -> dict[str, Outcome]:
        broken = dict(broken)
        conflicts = failures = 0
        while True:
            batch = Batch(self._house, self._clock.now_ms(), broken)
            try:
                await batch.decide(arrivals)
                batch.changes.kept.extend(kept)
                await self._house.cellar.commit(batch.changes)
                self._house.practices.take_in(batch.changes.adoptions)
                for limit, times in batch.reached.items():
                    self._house.on_limit(limit, times)
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


def _answer(unit: Unit, outcomes: dict[str, Outcome]) -> None:
    unit.answer.set_result([outcomes[a.id] for a in unit.arrivals])


def _kind(error: Exception) -> str:
    """What went wrong: the store's own words, which hold ids only, or the kind and the place of a defect."""
    return str(error) if isinstance(error, BadData | Conflict) else where(error)
