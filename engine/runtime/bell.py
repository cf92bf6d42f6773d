"""The bell: wakes instances and desks at their moments, by the house's clock.

Waking is a hint; the table is the truth. After a start the bell stays silent until it is told
that everything which happened meanwhile has come in: a late answer comes before a late timer.
"""

from __future__ import annotations

import asyncio
import logging

from engine.runtime.line import StraightLine
from engine.runtime.ports import AnyArrival, Cellar, Clock, Rung
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64
LONGEST_SLEEP_MS = 60_000
"""Even without a hint the table is looked at this often."""


class Bell:
    """Rings due timers and alarms into the straight line."""

    def __init__(self, cellar: Cellar, line: StraightLine, clock: Clock) -> None:
        self._cellar = cellar
        self._line = line
        self._clock = clock

    async def run(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        """Ring until ``stop``, once ``ready`` (the first sync, gaps filled, is committed)."""
        moved = self._line.on_move()
        await wake_or(stop, ready)
        while not stop.is_set():
            moved.clear()
            if await self.ring_due():
                continue
            next_ms = await self._cellar.next_timer_ms()
            latest_ms = self._clock.after(LONGEST_SLEEP_MS)
            await wake_or(stop, moved, clock=self._clock, at_ms=min(next_ms or latest_ms, latest_ms))

    async def ring_due(self) -> int:
        """Submit what is due now; how many."""
        waiting: list[AnyArrival] = list(await self._cellar.waiting_inbox(MOST_AT_ONCE))
        if waiting:
            await self._line.submit(waiting)
        due = await self._cellar.due_timers(self._clock.now_ms(), MOST_AT_ONCE)
        rings: list[AnyArrival] = [
            Rung(
                id=f"{t.actor}!{t.name}!{t.entry}!{t.due_ms}",
                occurred_ms=t.due_ms,
                actor=t.actor,
                name=t.name,
                entry=t.entry,
            )
            for t in due
        ]
        if rings:
            await self._line.submit(rings)
        return len(waiting) + len(rings)
