"""The house's clock: one function over real time, the same for our own watch and for server timestamps.

In production the function is the identity. The demo lets days pass in seconds; tests move it.
"""

from __future__ import annotations

import asyncio
import time

from engine.core.values import Ms

LONGEST_NAP_SECONDS = 3600.0


class HouseClock:
    """Implements ``engine.runtime.ports.Clock``: ``house = start + (real - epoch) * rate``."""

    def __init__(self, *, rate: float = 1.0, start_ms: Ms | None = None) -> None:
        """``rate``: house milliseconds per real millisecond. ``start_ms``: what the house's clock shows now."""
        self._epoch_ms = _real_now_ms()
        self._start_ms = self._epoch_ms if start_ms is None else start_ms
        self._rate = rate

    def now_ms(self) -> Ms:
        return self.at_real(_real_now_ms())

    def real_now_ms(self) -> Ms:
        """Real time, which homeservers stamp events with."""
        return _real_now_ms()

    def at_real(self, real_ms: Ms) -> Ms:
        """The house's time at a moment of real time, such as a homeserver's timestamp."""
        return self._start_ms + int((real_ms - self._epoch_ms) * self._rate)

    def after(self, real_ms: Ms) -> Ms:
        return self.now_ms() + int(real_ms * self._rate)

    async def wait_until(self, at_ms: Ms) -> None:
        while (left_ms := at_ms - self.now_ms()) > 0:
            # At least a millisecond, or rounding could make this spin.
            await asyncio.sleep(min(max(left_ms / self._rate / 1000, 0.001), LONGEST_NAP_SECONDS))


def _real_now_ms() -> Ms:
    return time.time_ns() // 1_000_000
