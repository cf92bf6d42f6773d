"""Housekeeping: once an hour, what has reached its end date goes."""

from __future__ import annotations

import asyncio
import logging

from engine.core.values import DAY_MS, HOUR_MS
from engine.runtime.ports import Cellar, Clock, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

ROUND_MS = HOUR_MS
SEEN_KEPT_MS = 30 * DAY_MS
"""How long the id of an event is remembered, so that it is not taken for a new one."""


async def keep_house(cellar: Cellar, clock: Clock, stop: asyncio.Event) -> None:
    """Delete texts past their end date and ids of long ago, now and every hour until ``stop``."""
    while not stop.is_set():
        now_ms = clock.now_ms()
        try:
            texts = await cellar.expire_texts(now_ms)
            await cellar.forget_seen(now_ms - SEEN_KEPT_MS)
            if texts:
                log.info("%d texts reached their end date and are gone", texts)
        except Unavailable as error:
            log.warning("housekeeping waits, the store cannot write at present (%s)", error)
        await wake_or(stop, clock=clock, at_ms=now_ms + ROUND_MS)
