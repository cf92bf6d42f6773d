"""Waiting for the first of several things, without losing any of them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from engine.core.values import Ms
from engine.runtime.ports import Clock


async def wake_or(*events: asyncio.Event, clock: Clock | None = None, at_ms: Ms | None = None) -> None:
    """Return when one of the events is set, or (with a clock) at a moment, whichever comes first."""
    if any(event.is_set() for event in events):
        return
    moment = () if clock is None or at_ms is None else (clock.wait_until(at_ms),)
    await first_of(*(event.wait() for event in events), *moment)


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of these is done, the others cancelled; what that one raised is raised."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
