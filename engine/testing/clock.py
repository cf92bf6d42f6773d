"""A clock that stands still until it is told to move."""

from __future__ import annotations

import asyncio

from engine.core.values import Ms


class ManualClock:
    """Implements ``engine.runtime.ports.Clock``.

    ``pace`` says how many times faster than real time the house's runs; 1 means they are the same.
    """

    def __init__(self, now_ms: Ms = 1_800_000_000_000, *, pace: int = 1) -> None:
        self._now_ms = now_ms
        self._pace = pace
        self._moved = asyncio.Condition()

    def now_ms(self) -> Ms:
        return self._now_ms

    def after(self, real_ms: Ms) -> Ms:
        return self._now_ms + real_ms * self._pace

    async def wait_until(self, at_ms: Ms) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._now_ms >= at_ms)

    async def advance(self, by_ms: Ms) -> None:
        """Move on and wake whoever waited for a moment that has come; backwards if ``by_ms`` is negative."""
        async with self._moved:
            self._now_ms += by_ms
            self._moved.notify_all()
