"""What a running house can be asked, and the line that measures itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.http import Gauges, Pulse
from bridge.operations.report import Standing
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outlook
from engine.runtime.ports import AnyArrival, Cellar, Changes, Clock, KeptRow, Outcome

WRITTEN = KeptRow("health", "written", b"yes")
MOST_SHOWN = 50


class Unread(Protocol):
    """Knows how many messages wait for how many keys."""

    @property
    def waiting_for_key(self) -> int: ...
    @property
    def wanted_keys(self) -> int: ...


class HouseVitals:
    """Implements ``bridge.http.Vitals`` and answers ``status``."""

    def __init__(
        self,
        cellar: Cellar,
        clock: Clock,
        unread: Unread,
        outlook: Callable[[], Outlook],
        pulse: Pulse,
        handed_in: Callable[[], int] = lambda: 0,
    ) -> None:
        """``handed_in``: how many callers wait for the straight line."""
        self._handed_in = handed_in
        self._cellar = cellar
        self._clock = clock
        self._unread = unread
        self._outlook = outlook
        self._pulse = pulse

    async def can_write(self) -> bool:
        """Write one row, always the same, for real: a full disk shows in nothing less."""
        await self._cellar.commit(Changes(kept=[WRITTEN]))
        return True

    async def gauges(self) -> Gauges:
        now_ms, outlook = self._clock.now_ms(), self._outlook()
        done_ms = outlook.done_by_ms
        return Gauges(
            now_ms=now_ms,
            counts=await self._cellar.counts(now_ms),
            waiting_for_key=self._unread.waiting_for_key,
            wanted_keys=self._unread.wanted_keys,
            per_second=outlook.per_second,
            done_in_seconds=None if done_ms is None else max(0, done_ms - now_ms) / 1000,
            handed_in=self._handed_in(),
        )

    async def standing(self) -> Standing:
        """How things stand, for the stewards."""
        return Standing(
            counts=await self._cellar.counts(self._clock.now_ms()),
            troubles=tuple(await self._cellar.troubles(MOST_SHOWN)),
            done_ms=self._outlook().done_by_ms,
            unreadable=self._unread.waiting_for_key,
            refused_files=(await self._pulse.readiness()).workflow_files_refused,
        )


class WatchedLine(StraightLine):
    """The straight line, with a finger on the pulse; ``on_trouble`` is called when something was set aside."""

    def __init__(
        self,
        house: House,
        clock: Clock,
        pulse: Pulse,
        on_trouble: Callable[[], None],
        now_seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(house, clock)
        self._pulse = pulse
        self._on_trouble = on_trouble
        self._now_seconds = now_seconds

    async def submit(self, arrivals: Sequence[AnyArrival], kept: Sequence[KeptRow] = ()) -> list[Outcome]:
        """As `StraightLine.submit`."""
        begun = self._now_seconds()
        outcomes = await super().submit(arrivals, kept)
        kinds = Counter[str](outcome.kind for outcome in outcomes)
        if outcomes:
            self._pulse.note_decided(self._now_seconds() - begun, kinds)
        if kinds["quarantined"]:
            self._on_trouble()
        return outcomes
