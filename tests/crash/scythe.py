"""Counts the boundaries a process crosses and ends it, by SIGKILL, at the one it was told.

A boundary is named `operation:phase`, such as `store.commit:before` or `http.createRoom:during`. `before` and `after`
are exact; `during` lets the operation begin and strikes a few milliseconds into it, wherever it then is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

ANY = "any"
"""Counts every boundary, whatever its name."""


class Scythe:
    """One per life. `armed`: how often each boundary may be reached, the last time being the end."""

    def __init__(self, armed: Mapping[str, int], during_seconds: float, tell: Callable[..., None]) -> None:
        self._armed = armed
        self._during_seconds = during_seconds
        self._tell = tell
        self._reached: Counter[str] = Counter()

    def arm(self, armed: Mapping[str, int]) -> None:
        """Count from here on, to another end."""
        self._armed = armed
        self._reached.clear()

    def cross(self, boundary: str) -> None:
        """Note that the boundary is reached; does not return if it was the last."""
        if self._is_the_last(boundary):
            self.strike(boundary)

    def _is_the_last(self, boundary: str) -> bool:
        for name in (boundary, ANY):
            self._reached[name] += 1
            if self._reached[name] == self._armed.get(name):
                return True
        return False

    def strike(self, boundary: str) -> None:
        """End this process here and now, as the kernel does when it is out of memory."""
        self._tell(killed=boundary, reached=sorted(self._reached - Counter([ANY])))
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("SIGKILL came back")

    async def around(self, operation: str, work: Awaitable[T]) -> T:
        """Await `work` between the boundaries before and after it."""
        task = asyncio.ensure_future(work)
        # A task does not begin before this one pauses, so here nothing has happened yet.
        self.cross(f"{operation}:before")
        if self._is_the_last(f"{operation}:during"):
            await asyncio.wait([task], timeout=self._during_seconds)
            self.strike(f"{operation}:during")
        answer = await task
        self.cross(f"{operation}:after")
        return answer


def teller(life: int, descriptor: int) -> Callable[..., None]:
    """A function that writes one JSON line about this life, in one piece, to the parent."""

    def tell(**said: Any) -> None:
        os.write(descriptor, json.dumps({"life": life, **said}).encode() + b"\n")

    return tell
