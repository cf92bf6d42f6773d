"""The bell: wakes instances and desks at their moments, by the house's clock.

Waking is a hint; the table is the truth. After a start the bell stays silent until it is told
that everything which happened meanwhile has come in: a late answer comes before a late timer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from engine.core.values import SECOND_MS, Ms
from engine.runtime.line import StraightLine
from engine.runtime.ports import AnyArrival, Cellar, Clock, Rung, TimerRow, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64
LONGEST_SLEEP_MS = 60_000
"""Even without a hint the table is looked at this often."""
OUTAGE_PAUSE_MS = 5 * SECOND_MS
CLAIM_MS: Ms = 10 * SECOND_MS
"""How long a timer is one process's to ring, in real time; then others may."""
OTHERS_MS: Ms = SECOND_MS
"""How soon it is looked at again what is due and somebody else's, or not to be rung yet."""


class Bell:
    """Rings due timers and alarms into the straight line."""

    def __init__(
        self, cellar: Cellar, line: StraightLine, clock: Clock, heard_ms: Callable[[], Ms] | None = None
    ) -> None:
        """``heard_ms``: there are others who ring as well; up to which moment all that happened is known. What is due
        after it has to wait, as an answer given before it may still come.
        """
        self._heard_ms = heard_ms
        self._cellar = cellar
        self._line = line
        self._clock = clock

    async def run(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        """Ring until ``stop``, once ``ready`` (the first sync, gaps filled, is committed)."""
        moved = self._line.on_move()
        await wake_or(stop, ready)
        while not stop.is_set():
            moved.clear()
            try:
                if await self.ring_due():
                    continue
                at_ms = await self._next_look_ms()
            except Unavailable as error:
                log.warning("the store cannot be read at present (%s)", error)
                at_ms = self._clock.after(OUTAGE_PAUSE_MS)
            await wake_or(stop, moved, clock=self._clock, at_ms=at_ms)

    async def _next_look_ms(self) -> Ms:
        latest_ms = self._clock.after(LONGEST_SLEEP_MS)
        next_ms = await self._cellar.next_timer_ms()
        if self._heard_ms is not None and next_ms is not None and next_ms <= self._clock.now_ms():
            return self._clock.after(OTHERS_MS)
        return latest_ms if next_ms is None else min(next_ms, latest_ms)

    async def _due(self) -> Sequence[TimerRow]:
        now_ms = self._clock.now_ms()
        if self._heard_ms is None:
            return await self._cellar.due_timers(now_ms, MOST_AT_ONCE)
        due_ms = min(now_ms, self._heard_ms())
        next_ms = await self._cellar.next_timer_ms()
        if next_ms is None or next_ms > due_ms:  # to look costs less than to claim
            return ()
        return await self._cellar.claim_timers(due_ms, CLAIM_MS, MOST_AT_ONCE)

    async def ring_due(self) -> int:
        """Submit what is due now, and what an unusually long chain left behind; how many."""
        waiting: list[AnyArrival] = list(await self._cellar.waiting_inbox(MOST_AT_ONCE))
        if waiting:
            await self._line.submit(waiting)
        due = await self._due()
        rings: list[AnyArrival] = [
            Rung(
                # Each ringing is an event of its own: a moment may be set anew to what it was before.
                # That none rings twice is not this id's doing: its row goes in the commit that answers it.
                id=f"{t.actor}!{t.name}!{self._line.fresh_id()}",
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
