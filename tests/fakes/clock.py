"""A clock that stands still until a test lets time pass, and then passes it wait by wait."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

REST_SECONDS = 0.006
"""Real time in which nothing may happen before everybody counts as waiting."""

RESTLESS_SECONDS = 20.0
"""Real time after which one who is still busy is taken for one who spins."""

START_MS = 1_800_266_400_000
"""Monday 2027-01-18 10:00 UTC."""

STEP_MS = 5_000
"""The most that passes at once while something is awaited."""


class StandingClock:
    """Implements `bridge.clock.HouseTime` and `bridge.matrix.clock.Clock`; the house's time is the real one.

    Waits end only while `pass_time` or `until` runs. It goes from one wait that ends to the next, and at each lets
    everything happen that follows, however long that really takes: so nobody sleeps, and the order is the true one.
    `busy` tells what has happened so far; as long as its answers differ, somebody is still at work.
    """

    def __init__(self, busy: Callable[[], object] = lambda: None, *, start_ms: int = START_MS) -> None:
        self._now_ms = start_ms
        self._busy = busy
        self._waits: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()
        self._waited = 0
        self._passing = asyncio.Lock()

    def now_ms(self) -> int:
        return self._now_ms

    def real_now_ms(self) -> int:
        return self._now_ms

    def at_real(self, real_ms: int) -> int:
        return real_ms

    def after(self, real_ms: int) -> int:
        return self._now_ms + real_ms

    async def wait_until(self, at_ms: int) -> None:
        if at_ms <= self._now_ms:
            await asyncio.sleep(0)
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waited += 1
        heapq.heappush(self._waits, (at_ms, next(self._numbers), reached))
        await reached

    async def pause(self, seconds: float) -> None:
        await self.wait_until(self._now_ms + int(seconds * 1000))

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that is due meanwhile."""
        async with self._passing:
            until_ms = self._now_ms + int(seconds * 1000)
            await self._rest()
            while (next_ms := self._next_ms()) is not None and next_ms <= until_ms:
                self._go_to(next_ms)
                await self._rest()
            self._go_to(until_ms)

    async def until(self, awaited: Awaitable[T], *, at_most_seconds: float = 900) -> T:
        """Let time pass until this is done, and return what it came to; raises TimeoutError when it takes longer."""
        task = asyncio.ensure_future(awaited)
        give_up_ms = self._now_ms + int(at_most_seconds * 1000)
        try:
            while not task.done():
                if self._now_ms > give_up_ms:
                    raise TimeoutError(f"not done after {at_most_seconds:g} s of the standing clock")
                await self._rest()
                if not task.done():
                    next_ms = self._next_ms() or self._now_ms + STEP_MS
                    self._go_to(min(next_ms, self._now_ms + STEP_MS))
        finally:
            if not task.done():
                task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return task.result()

    def _next_ms(self) -> int | None:
        while self._waits and self._waits[0][2].done():
            heapq.heappop(self._waits)
        return self._waits[0][0] if self._waits else None

    def _go_to(self, at_ms: int) -> None:
        self._now_ms = max(self._now_ms, at_ms)
        while (next_ms := self._next_ms()) is not None and next_ms <= self._now_ms:
            heapq.heappop(self._waits)[2].set_result(None)

    async def _rest(self) -> None:
        """Wait until nothing happens any more: real time, because sockets and the disk need some."""
        loop, before = asyncio.get_running_loop(), None
        started = loop.time()
        while True:
            began = loop.time()
            assert began - started < RESTLESS_SECONDS, "somebody never rests: is a loop spinning?"
            await asyncio.sleep(REST_SECONDS)
            now = (self._busy(), self._waited)
            # Where the nap took longer, somebody was at work in this very loop.
            if now == before and loop.time() - began < 2 * REST_SECONDS:
                return
            before = now
