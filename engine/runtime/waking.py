"""Waiting for the first of several things, without losing any of them."""

from __future__ import annotations

import asyncio

from engine.core.values import Ms
from engine.runtime.ports import Clock


async def wake_or(*events: asyncio.Event, clock: Clock | None = None, at_ms: Ms | None = None) -> None:
    """Return when one of the events is set, or (with a clock) at a moment, whichever comes first."""
    if any(event.is_set() for event in events):
        return
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(event.wait()) for event in events]
    if clock is not None and at_ms is not None:
        tasks.append(asyncio.create_task(clock.wait_until(at_ms)))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
