"""The outbox: the only way out of the house.

A parcel is claimed, judged by ``schedule``, sealed (rendered and encrypted, and that kept), sent
under its stored transaction id, and marked. Killed anywhere in between, the same parcel is sent
again under the same id, which the homeserver knows; past the homeserver's memory it is looked
for in the room first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import assert_never

from msgspec.structs import replace

from engine.core.parcel import Direct, Parcel, Shared
from engine.core.schedule import Drop, Go, Verdict, Wait, schedule
from engine.core.values import MINUTE_MS, SECOND_MS, Ms, PersonId
from engine.runtime.blame import where
from engine.runtime.carrying import takes_back, texts_in
from engine.runtime.ports import (
    Cellar,
    Clock,
    Conflict,
    Journey,
    NothingToSay,
    Postman,
    TryLater,
    Unavailable,
    Undeliverable,
)
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LEASE_MS = 2 * MINUTE_MS
MOST_AT_ONCE = 8
"""Rooms that are written to at the same time."""
MOST_ATTEMPTS = 40
MOST_ATTEMPTS_IN_ORDER = 8
"""So many attempts, some four minutes, a room waits for a letter that is being tried again; then others go first."""
LONGEST_BACKOFF_MS = 30 * MINUTE_MS
LONGEST_SLEEP_MS = 60 * SECOND_MS
OUTAGE_PAUSE_MS = 5 * SECOND_MS
LET_GO_PAUSE_MS = MINUTE_MS
NOTHING_TO_SAY = "nothing to say any more"


class Outbox:
    """Sends parcels, in order within each room, each exactly once into its room."""

    def __init__(
        self,
        cellar: Cellar,
        postman: Postman,
        clock: Clock,
        random: Random,
        rested: asyncio.Event | None = None,
        on_forgotten: Callable[[PersonId], None] = lambda _person: None,
    ) -> None:
        """``rested`` is set whenever nothing more was found to send.

        ``on_forgotten`` is told who has just been erased, for whoever remembers people by themselves.
        """
        self._on_forgotten = on_forgotten
        self._cellar = cellar
        self._postman = postman
        self._clock = clock
        self._random = random
        self._rested = rested or asyncio.Event()
        self._resting_until_ms: dict[Direct | Shared, Ms] = {}
        """Rooms in which a letter is being tried again: the next ones do not overtake it."""
        self._lets_go_again_ms: Ms = 0

    async def run(self, moved: asyncio.Event, stop: asyncio.Event) -> None:
        """Send what is due until ``stop``; ``moved`` is the hint that there may be something new."""
        while not stop.is_set():
            moved.clear()
            try:
                if await self.send_due():
                    continue
                self._rested.set()
                at_ms = await self._next_look_ms()
            except Unavailable as error:
                log.warning("the store cannot be used at present (%s)", error)
                at_ms = self._clock.after(OUTAGE_PAUSE_MS)
            await wake_or(stop, moved, clock=self._clock, at_ms=at_ms)

    async def _next_look_ms(self) -> Ms:
        latest_ms = self._clock.after(LONGEST_SLEEP_MS)
        next_ms = await self._cellar.next_parcel_ms()
        return latest_ms if next_ms is None else min(next_ms, latest_ms)

    async def settle(self) -> None:
        """After a start: bring everything that was under way to its end before anything else happens."""
        for journey in await self._cellar.in_flight():
            await self._carry(journey)

    async def send_due(self) -> int:
        """Send what is due now, several rooms at a time; how many parcels were looked at. Once nothing is left to be
        sent to somebody who is leaving, they are let go of and forgotten.

        Raises:
            Unavailable: the store cannot be used at present; what was sent all the same is found out
                when the leases end.
        """
        journeys = await self._cellar.claim(self._clock.now_ms(), self._lease_ms(), MOST_AT_ONCE)
        ends = await asyncio.gather(*(self._carry(journey) for journey in journeys), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return len(journeys) or await self._forget_who_left()

    async def _forget_who_left(self) -> int:
        """Leave the rooms of those who asked to be forgotten, and erase them; how many."""
        if self._clock.now_ms() < self._lets_go_again_ms:
            return 0
        gone = 0
        for person in await self._cellar.leaving():
            try:
                await self._let_go(person)
                gone += 1
            except TryLater as later:
                log.info("somebody who is leaving cannot be let go of yet: %s", later.why)
                self._let_go_again_after(LET_GO_PAUSE_MS if later.after_ms is None else later.after_ms)
            except Unavailable:
                raise
            except Exception as error:  # noqa: BLE001 - a defect of ours must not keep the letters of others back
                log.error("somebody who is leaving could not be let go of: %s", where(error))  # noqa: TRY400 - no words
                self._let_go_again_after(LET_GO_PAUSE_MS)
        return gone

    async def _let_go(self, person: PersonId) -> None:
        try:
            await self._postman.let_go(person)
        except Undeliverable as error:
            log.warning("somebody who is leaving is forgotten without having been let go of: %s", error)
        await self._cellar.forget(person)
        self._on_forgotten(person)
        log.info("somebody was forgotten, as they asked")

    def _let_go_again_after(self, pause_ms: Ms) -> None:
        self._lets_go_again_ms = self._clock.after(pause_ms)

    def _lease_ms(self) -> Ms:
        return self._clock.after(LEASE_MS) - self._clock.now_ms()

    async def _carry(self, journey: Journey) -> None:
        parcel = journey.parcel
        try:
            rests_until_ms = self._resting_until_ms.get(parcel.to, 0)
            if journey.sealed is None and rests_until_ms > self._clock.now_ms():
                await self._cellar.postpone(parcel.row, rests_until_ms, "in order", failed=False)
                return
            # What was sealed may be in the room already: it is brought to its end, whatever has changed since.
            verdict = Go() if journey.sealed is not None else await self._judge(parcel)
            match verdict:
                case Go():
                    await self._send(journey)
                case Wait(until_ms=until_ms, why=why):
                    await self._cellar.postpone(parcel.row, until_ms, why, failed=False)
                case Drop(why=why):
                    await self._cellar.bury(parcel.row, why, self._clock.now_ms(), dead=False)
                case _:
                    assert_never(verdict)
        except TryLater as later:
            due_ms = await self._try_again(journey, later)
            if journey.attempts < MOST_ATTEMPTS_IN_ORDER:
                self._resting_until_ms[parcel.to] = due_ms
        except Undeliverable as error:
            log.warning("parcel %s cannot be delivered: %s", parcel.row, error)
            await self._cellar.bury(parcel.row, str(error), self._clock.now_ms(), dead=True)
        except NothingToSay:
            await self._cellar.bury(parcel.row, NOTHING_TO_SAY, self._clock.now_ms(), dead=False)
        except Conflict as error:
            log.info("parcel %s is not sent: %s", parcel.row, error)  # withdrawn just now
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - a defect of ours must not keep the others' letters back
            log.error("parcel %s could not be sent: %s", parcel.row, where(error))  # noqa: TRY400 - no words
            await self._try_again(journey, TryLater(where(error)))

    async def _judge(self, parcel: Parcel) -> Verdict:
        if takes_back(parcel):
            return Go()  # it says nothing, whether they are there or not
        now_ms = self._clock.now_ms()
        if not isinstance(parcel.to, Direct):
            return schedule(parcel, None, now_ms)
        standing = await self._cellar.standing(parcel.to.person, now_ms)
        early = schedule(parcel, replace(standing, present=True), now_ms)
        if not isinstance(early, Go):
            return early  # nobody is invited into a room for what is not to be sent yet
        present = await self._postman.is_present(parcel.to.person)
        return schedule(parcel, replace(standing, present=present), now_ms)

    async def _send(self, journey: Journey) -> None:
        parcel, sealed, room = journey.parcel, journey.sealed, journey.room
        if sealed is None or room is None:
            room = await self._postman.room_for(parcel)
            made = await self._postman.seal(parcel, room, journey.transaction)
            sealed = made.content
            await self._cellar.seal(parcel.row, room, sealed, made.texts - texts_in(parcel.message))
        sent = await self._postman.put(room, sealed, journey.transaction)
        await self._cellar.mark_sent(parcel.row, sent.event, self._clock.now_ms())

    async def _try_again(self, journey: Journey, later: TryLater) -> Ms:
        """Put it off, or give it up; when it is looked at next."""
        row = journey.parcel.row
        if journey.attempts + 1 >= MOST_ATTEMPTS:
            log.error("parcel %s given up after %d attempts: %s", row, MOST_ATTEMPTS, later.why)
            await self._cellar.bury(row, later.why, self._clock.now_ms(), dead=True)
            return self._clock.now_ms()
        backoff_ms = min(LONGEST_BACKOFF_MS, SECOND_MS * 2 ** min(journey.attempts, 12))
        pause_ms: Ms = int(backoff_ms * (0.5 + self._random.random()))
        if later.after_ms is not None:
            pause_ms = max(pause_ms, later.after_ms)
        due_ms = self._clock.after(pause_ms)
        log.info("parcel %s waits %d ms: %s", row, pause_ms, later.why)
        await self._cellar.postpone(row, due_ms, later.why, failed=True)
        return due_ms
