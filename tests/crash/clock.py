"""House time shared by processes: one list of jumps, told to each life, the same function for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.core.values import Ms
from tests.world.clock import JumpingClock

Jump = tuple[Ms, Ms]
"""Real time, and the house's time from then on."""


class SharedClock(JumpingClock):
    """A `JumpingClock` whose jumps can be handed on to a process that starts later."""

    @classmethod
    def with_jumps(cls, jumps: Sequence[Sequence[Ms]]) -> SharedClock:
        """The clock that has made these jumps."""
        clock = cls(0)
        clock._real = [real_ms for real_ms, _ in jumps]
        clock._house = [house_ms for _, house_ms in jumps]
        return clock

    @property
    def jumps(self) -> list[Jump]:
        """Every jump so far."""
        return list(zip(self._real, self._house, strict=True))

    def follow(self, jumps: Sequence[Sequence[Ms]]) -> None:
        """Make the jumps another process has made; wakes whoever waits for a moment."""
        for real_ms, house_ms in jumps[len(self._real) :]:
            self._real.append(real_ms)
            self._house.append(house_ms)
        self._jumped.set()
        self._jumped = asyncio.Event()
