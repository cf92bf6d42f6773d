"""The house's clock: one function over real time, the same for our own watch and for server timestamps.

In production the function is the identity. The demo and the tests bring one whose days pass in seconds.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from engine.core.values import Ms
from engine.runtime.ports import Clock

LONGEST_NAP_SECONDS = 3600.0


class HouseTime(Clock, Protocol):
    """A clock that also knows real time, which homeservers stamp events with."""

    def real_now_ms(self) -> Ms: ...
    def at_real(self, real_ms: Ms) -> Ms:
        """The house's time at a moment of real time, such as a homeserver's timestamp."""


class RealTime:
    """Implements ``HouseTime``: the house's time is the time."""

    def now_ms(self) -> Ms:
        return time.time_ns() // 1_000_000

    def real_now_ms(self) -> Ms:
        return self.now_ms()

    def at_real(self, real_ms: Ms) -> Ms:
        return real_ms

    def after(self, real_ms: Ms) -> Ms:
        return self.now_ms() + real_ms

    async def wait_until(self, at_ms: Ms) -> None:
        # Looked at again and again, because the machine's clock may be set meanwhile.
        while (left_ms := at_ms - self.now_ms()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_ms / 1000, LONGEST_NAP_SECONDS))


class RealSide:
    """The real time of a house, which homeservers are paced by; implements ``bridge.matrix.clock.Clock``.

    A day that is skipped in the house makes no homeserver recover sooner.
    """

    def __init__(self, clock: HouseTime) -> None:
        self._clock = clock

    def now_ms(self) -> Ms:
        return self._clock.real_now_ms()

    async def pause(self, seconds: float) -> None:
        until_ms = self.now_ms() + int(seconds * 1000)
        if seconds <= 0:
            await asyncio.sleep(0)
        while (left_ms := until_ms - self.now_ms()) > 0:
            await self._clock.wait_until(self._clock.after(left_ms))
