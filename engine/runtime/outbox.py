"""The outbox: the only way out of the house.

A parcel is claimed, judged by ``schedule``, sealed (rendered and encrypted, and that kept), sent
under its stored transaction id, and marked. Killed anywhere in between, the same parcel is sent
again under the same id, which the homeserver knows; past the homeserver's memory it is looked
for in the room first.
"""

from __future__ import annotations

import asyncio
import logging
from random import Random

from msgspec.structs import replace

from engine.core.parcel import Direct, Parcel
from engine.core.schedule import Drop, Go, Verdict, Wait, schedule
from engine.core.values import MINUTE_MS, SECOND_MS, Ms
from engine.runtime.ports import (
    Cellar,
    Clock,
    Conflict,
    Journey,
    Postman,
    TryLater,
    Undeliverable,
)
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LEASE_MS = 2 * MINUTE_MS
MOST_AT_ONCE = 8
"""Rooms that are written to at the same time."""
MOST_ATTEMPTS = 40
LONGEST_BACKOFF_MS = 30 * MINUTE_MS
LONGEST_SLEEP_MS = 60 * SECOND_MS


class Outbox:
    """Sends parcels, in order within each room, each exactly once into its room."""

    def __init__(
        self,
        cellar: Cellar,
        postman: Postman,
        clock: Clock,
        random: Random,
        rested: asyncio.Event | None = None,
    ) -> None:
        """``rested`` is set whenever nothing more was found to send."""
        self._cellar = cellar
        self._postman = postman
        self._clock = clock
        self._random = random
        self._rested = rested or asyncio.Event()

    async def run(self, moved: asyncio.Event, stop: asyncio.Event) -> None:
        """Send what is due until ``stop``; ``moved`` is the hint that there may be something new."""
        while not stop.is_set():
            moved.clear()
            if await self.send_due():
                continue
            self._rested.set()
            next_ms = await self._cellar.next_parcel_ms()
            latest_ms = self._clock.after(LONGEST_SLEEP_MS)
            await wake_or(stop, moved, clock=self._clock, at_ms=min(next_ms or latest_ms, latest_ms))

    async def settle(self) -> None:
        """After a start: bring everything that was under way to its end before anything else happens."""
        for journey in await self._cellar.in_flight():
            await self._carry(journey)

    async def send_due(self) -> int:
        """Send what is due now, several rooms at a time; how many parcels were looked at."""
        journeys = await self._cellar.claim(self._clock.now_ms(), self._lease_ms(), MOST_AT_ONCE)
        await asyncio.gather(*(self._carry(journey) for journey in journeys))
        return len(journeys)

    def _lease_ms(self) -> Ms:
        return self._clock.after(LEASE_MS) - self._clock.now_ms()

    async def _carry(self, journey: Journey) -> None:
        parcel = journey.parcel
        try:
            if journey.sealed is None:
                verdict = await self._judge(parcel)
                if not isinstance(verdict, Go):
                    await self._hold(parcel, verdict)
                    return
            await self._send(journey)
        except TryLater as later:
            await self._try_again(journey, later)
        except (Undeliverable, Conflict) as error:
            log.warning("parcel %s cannot be delivered: %s", parcel.row, error)
            await self._cellar.bury(parcel.row, str(error), self._clock.now_ms(), dead=True)

    async def _judge(self, parcel: Parcel) -> Verdict:
        now_ms = self._clock.now_ms()
        if not isinstance(parcel.to, Direct):
            return schedule(parcel, None, now_ms)
        standing = await self._cellar.standing(parcel.to.person, now_ms)
        early = schedule(parcel, replace(standing, present=True), now_ms)
        if not isinstance(early, Go) and parcel.urgency != "hello":
            return early
        present = await self._postman.is_present(parcel.to.person)
        return schedule(parcel, replace(standing, present=present), now_ms)

    async def _hold(self, parcel: Parcel, verdict: Verdict) -> None:
        match verdict:
            case Wait(until_ms=until_ms, why=why):
                await self._cellar.postpone(parcel.row, until_ms, why, failed=False)
            case Drop(why=why):
                await self._cellar.bury(parcel.row, why, self._clock.now_ms(), dead=False)
            case Go():
                pass

    async def _send(self, journey: Journey) -> None:
        parcel, sealed, room = journey.parcel, journey.sealed, journey.room
        if sealed is None or room is None:
            room = await self._postman.room_for(parcel)
            sealed = await self._postman.seal(parcel, room, journey.transaction)
            await self._cellar.seal(parcel.row, room, sealed)
        sent = await self._postman.put(room, sealed, journey.transaction)
        await self._cellar.mark_sent(parcel.row, sent.event, self._clock.now_ms())

    async def _try_again(self, journey: Journey, later: TryLater) -> None:
        row = journey.parcel.row
        if journey.attempts + 1 >= MOST_ATTEMPTS:
            log.error("parcel %s given up after %d attempts: %s", row, MOST_ATTEMPTS, later.why)
            await self._cellar.bury(row, later.why, self._clock.now_ms(), dead=True)
            return
        backoff_ms = min(LONGEST_BACKOFF_MS, SECOND_MS * 2 ** min(journey.attempts, 12))
        pause_ms: Ms = int(backoff_ms * (0.5 + self._random.random()))
        if later.after_ms is not None:
            pause_ms = max(pause_ms, later.after_ms)
        due_ms = self._clock.after(pause_ms)
        log.info("parcel %s waits %d ms: %s", row, pause_ms, later.why)
        await self._cellar.postpone(row, due_ms, later.why, failed=True)
