"""A clock that jumps: real time between the jumps, days in an instant at them.

It is one function over real time, so a server timestamp of a moment ago is mapped with the jumps
that had happened by then.
"""

from __future__ import annotations

import asyncio
import bisect
import time

from engine.core.values import Ms


class JumpingClock:
    """Implements ``bridge.clock.HouseTime``."""

    def __init__(self, start_ms: Ms) -> None:
        self._real: list[Ms] = [self.real_now_ms()]
        self._house: list[Ms] = [start_ms]
        self._jumped = asyncio.Event()

    def real_now_ms(self) -> Ms:
        """Real time."""
        return time.time_ns() // 1_000_000

    def now_ms(self) -> Ms:
        """The house's time."""
        return self.at_real(self.real_now_ms())

    def at_real(self, real_ms: Ms) -> Ms:
        """The house's time at a moment of real time."""
        at = max(0, bisect.bisect_right(self._real, real_ms) - 1)
        return self._house[at] + real_ms - self._real[at]

    def after(self, real_ms: Ms) -> Ms:
        """The house's time once this much real time has passed, if nobody jumps."""
        return self.now_ms() + real_ms

    async def wait_until(self, at_ms: Ms) -> None:
        """Return once the moment has come, also by a jump."""
        while (left_ms := at_ms - self.now_ms()) > 0:
            jumped = self._jumped
            try:
                await asyncio.wait_for(jumped.wait(), left_ms / 1000)
            except TimeoutError:
                continue

    def jump_to(self, house_ms: Ms) -> None:
        """Go there at once; a moment that is past already changes nothing."""
        if house_ms <= self.now_ms():
            return
        self._real.append(self.real_now_ms())
        self._house.append(house_ms)
        self._jumped.set()
        self._jumped = asyncio.Event()
