"""Housekeeping: once an hour, what has reached its end date goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from engine.core.limits import USUAL, LimitName
from engine.core.values import DAY_MS, HOUR_MS
from engine.runtime.line import LineEnded, StraightLine
from engine.runtime.ports import Cellar, Clock, Faded, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

ROUND_MS = HOUR_MS
SEEN_KEPT_MS = 30 * DAY_MS
"""How long the id of an event is remembered, so that it is not taken for a new one."""
MOST_AT_ONCE = 500
"""Texts that go in one commit."""
MOST_PORTIONS = 200
"""Commits of one round; what is left waits for the next."""
TOO_MANY_WAIT = "too many messages wait for this room (waiting_per_room)"


async def keep_house(
    cellar: Cellar,
    line: StraightLine,
    clock: Clock,
    stop: asyncio.Event,
    *,
    waiting_per_room: int = USUAL.waiting_per_room,
    on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None,
) -> None:
    """Let texts past their end date go, and ids of long ago, now and every hour until ``stop``. Of more messages than
    may wait for one room those that would leave last are given up, and ``on_limit`` hears of it.
    """
    while not stop.is_set():
        now_ms = clock.now_ms()
        try:
            gone = await fade(cellar, line, clock)
            await cellar.forget_seen(now_ms - SEEN_KEPT_MS)
            given_up = await thin_out(cellar, clock, waiting_per_room)
            if given_up:
                on_limit("waiting_per_room", given_up)
            if gone:
                log.info("%d texts reached their end date and are gone", gone)
        except Unavailable as error:
            log.warning("housekeeping waits, the store cannot write at present (%s)", error)
        except LineEnded:
            return
        await wake_or(stop, clock=clock, at_ms=now_ms + ROUND_MS)


async def fade(cellar: Cellar, line: StraightLine, clock: Clock) -> int:
    """Let the texts go whose end date has passed, with every message of the bot's that carries them; how many."""
    gone = 0
    for _ in range(MOST_PORTIONS):
        now_ms = clock.now_ms()
        texts = tuple(await cellar.ended_texts(now_ms, MOST_AT_ONCE))
        if not texts:
            break
        (outcome,) = await line.submit(
            [Faded(id=f"faded:{line.fresh_id()}", occurred_ms=now_ms, texts=texts)]
        )
        if outcome.kind != "done":
            log.error("%d texts past their end date are still there: %s", len(texts), outcome.why)
            break
        gone += len(texts)
    return gone


async def thin_out(cellar: Cellar, clock: Clock, waiting_per_room: int) -> int:
    """Give up what waits for a room beyond so many: whoever looks after the house may have it tried again; how many."""
    given_up = 0
    for _ in range(MOST_PORTIONS):
        rows = await cellar.crowding(waiting_per_room, MOST_AT_ONCE)
        if not rows:
            break
        for row in rows:
            await cellar.bury(row, TOO_MANY_WAIT, clock.now_ms(), dead=True)
        given_up += len(rows)
    if given_up:
        log.warning("%d messages are given up: more than %d wait for one room", given_up, waiting_per_room)
    return given_up
