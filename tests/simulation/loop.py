"""An event loop whose time is made up: nothing is waited for, and the same play happens again in the same order."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import Any

MOST_ROUNDS = 200_000
"""Rounds of the loop in one play: many times as many as any needs. With more, somebody is going round in circles."""


class Stuck(RuntimeError):
    """Time cannot go on: everybody waits for somebody else, or somebody does something again and again at once."""


class _NoFiles:
    """What asyncio asks whether something can be read: nothing ever can, and waiting takes no time."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._rounds = 0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing will ever wake anyone")
        self._rounds += 1
        if self._rounds == MOST_ROUNDS:
            raise Stuck("something is done again and again")
        self._loop.skip(timeout)
        return []


class Crew:
    """The tasks of one process: those that were made by it, and by what it made."""

    def __init__(self) -> None:
        self.tasks: dict[asyncio.Task[Any], None] = {}


CREW: contextvars.ContextVar[Crew | None] = contextvars.ContextVar("crew", default=None)
"""Whose tasks are being made; inherited by every task."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """A loop without files, sockets, threads or real time. ``time()`` counts seconds from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoFiles(self)
        self._seconds = 0.0
        # What lies within a microsecond is one moment: floats of many months are no finer.
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self._seconds

    def skip(self, seconds: float) -> None:
        self._seconds += seconds

    def create_task(  # type: ignore[override]  # what options there are hangs on the version of Python
        self, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task = super().create_task(coro, **options)
        context = options.get("context")
        crew = CREW.get() if context is None else context.get(CREW)
        if crew is not None:
            crew.tasks[task] = None
            task.add_done_callback(lambda done: crew.tasks.pop(done, None))
        return task

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]  # it never comes back
        raise RuntimeError("a thread was asked for: what it does could not be repeated")
