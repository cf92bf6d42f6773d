"""Time as an argument: what the bridge needs of a clock, and the real one."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits; tests and the demo bring one whose days pass in seconds."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        ...

    async def pause(self, seconds: float) -> None:
        """Return after `seconds`; 0 gives others a turn."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
