"""The outbox: the only way out of the house.

A parcel is claimed, judged by ``schedule``, sealed (rendered and encrypted, and that kept), sent
under its stored transaction id, and marked. Killed anywhere in between, the same parcel is sent
again under the same id, which the homeserver knows; past the homeserver's memory it is looked
for in the room first.

Not everything can leave at once: homeservers have limits (``engine.runtime.pace``), and so have we. Places and a share
of the limit are left for replies to what somebody has just said; who goes first otherwise, says ``engine.core.rank``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import assert_never

import msgspec
from msgspec.structs import replace

from engine.core.desk import Rhythm
from engine.core.desk_usual import EVERYBODY
from engine.core.limits import USUAL, LimitName
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.rank import Rank, rank_of
from engine.core.schedule import Drop, Go, Standing, Verdict, Wait, schedule
from engine.core.values import MINUTE_MS, SECOND_MS, Ms, PersonId
from engine.runtime.blame import where
from engine.runtime.carrying import takes_back, texts_in
from engine.runtime.pace import Pace
from engine.runtime.ports import (
    Cellar,
    Changes,
    Clock,
    Conflict,
    Journey,
    KeptBack,
    KeptRow,
    NothingToSay,
    Paced,
    Postman,
    SealedElsewhere,
    Sent,
    Superseded,
    TryLater,
    Unavailable,
    Undeliverable,
)
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LEASE_MS = 2 * MINUTE_MS
MOST_AT_ONCE = 10
"""Rooms that are written to at the same time."""
UNASKED_AT_ONCE = 7
"""So many of these at most with something other than a reply."""
MOST_AT_ONCE_UNLIMITED = 20
UNASKED_AT_ONCE_UNLIMITED = 14
"""The same as long as the homeserver lets us go as fast as we can."""
REMEMBER_EVERY_MS = MINUTE_MS
"""How often, at most, what was learned of the homeserver's limits is written down."""
FILLED_TOGETHER = 4
"""Looking for what goes next costs about the same for one as for several: while more are on their way, places are
filled so many at a time.
"""
COUNT_EVERY_MS = 5 * SECOND_MS
REPORT_EVERY_MS = MINUTE_MS
WORTH_A_REPORT = 10
"""Fewer parcels that wait are not worth a line in the log."""
LOOKS_BACK_MS = MINUTE_MS
LOOK_AGAIN_MS = SECOND_MS
"""While something is on its way, which mostly takes less than this, nobody looks for what else may come due."""
ASKED_FOR = Standing("yes", EVERYBODY, present=True)
"""Of somebody who has just spoken: nothing keeps a reply back but that they are not in the room."""
MOST_SENDS_KEPT = 10_000
KEPT_PACE = ("pace", "")
"""Kind and key of the row in which it is remembered how fast the homeserver lets us go."""
MOST_ATTEMPTS_IN_ORDER = 8
"""So many attempts, some four minutes, a room waits for a letter that is being tried again; then others go first."""
LONGEST_BACKOFF_MS = 30 * MINUTE_MS
LONGEST_SLEEP_MS = 60 * SECOND_MS
OUTAGE_PAUSE_MS = 5 * SECOND_MS
LET_GO_PAUSE_MS = MINUTE_MS
KEPT_BACK_MS = 10 * MINUTE_MS
"""How soon it is looked at again whether a shared room may read what was kept back from it."""
NOTHING_TO_SAY = "nothing to say any more"


class Outlook(msgspec.Struct, frozen=True):
    """How long it will take until everything that could leave now has left."""

    waiting: int
    per_second: float
    """How many leave per second as things stand; 0 if nothing tells."""
    done_by_ms: Ms | None
    """When the last of them will have left; None if nothing tells."""


class Outbox:
    """Sends parcels, in order within each room and rank, each exactly once into its room."""

    def __init__(
        self,
        cellar: Cellar,
        postman: Postman,
        clock: Clock,
        random: Random,
        rested: asyncio.Event | None = None,
        on_forgotten: Callable[[PersonId], None] = lambda _person: None,
        pace: Pace | None = None,
        usual: Callable[[PersonId], Awaitable[Rhythm]] | None = None,
        tries_per_message: int = USUAL.tries_per_message,
        on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None,
    ) -> None:
        """``rested`` is set whenever nothing more was found to send.

        ``on_forgotten`` is told who has just been erased, for whoever remembers people by themselves. ``pace`` hears of
        every request from whoever makes them; without one nobody limits us. ``usual``: when somebody is written to who
        has not chosen otherwise (`House.rhythm_of`); without it, everybody as ``Rhythm`` says by itself. After
        ``tries_per_message`` attempts a parcel is given up, and ``on_limit`` hears of it.
        """
        self._tries_per_message = tries_per_message
        self._on_limit = on_limit
        self._usual = usual
        self._pace = pace
        self._on_forgotten = on_forgotten
        self._cellar = cellar
        self._postman = postman
        self._clock = clock
        self._random = random
        self._rested = rested or asyncio.Event()
        self._resting_until_ms: dict[Direct | Shared, Ms] = {}
        """Rooms in which a letter is being tried again: the next ones do not overtake it."""
        self._lets_go_again_ms: Ms = 0
        self._carrying: dict[asyncio.Task[None], bool] = {}
        """What is on its way, and whether somebody waits for it as a reply."""
        self._ended = asyncio.Event()
        self._failures: list[BaseException] = []
        self._sent_ms: deque[Ms] = deque(maxlen=MOST_SENDS_KEPT)
        """When parcels left, as far as it tells how many leave now."""
        self._remembered: tuple[Ms, int] = (0, 0)
        self._waiting = 0
        self._counted_ms: Ms = 0
        self._reported_ms: Ms = 0

    async def run(self, moved: asyncio.Event, stop: asyncio.Event) -> None:
        """Send what is due until ``stop``; ``moved`` is the hint that there may be something new."""
        try:
            while not stop.is_set():
                hinted = moved.is_set() or not self._ended.is_set()  # or it is time to look again
                moved.clear()
                self._ended.clear()
                try:
                    at_ms = await self._go_on(hinted=hinted)
                except Unavailable as error:
                    log.warning("the store cannot be used at present (%s)", error)
                    at_ms = self._clock.after(OUTAGE_PAUSE_MS)
                    await wake_or(stop, clock=self._clock, at_ms=at_ms)
                    continue
                await wake_or(stop, moved, self._ended, clock=self._clock, at_ms=at_ms)
        finally:
            # What has begun comes to its end: a letter that is just being sent is not left to its lease.
            while self._carrying:
                await asyncio.wait(self._carrying)
            await self._remember_at_the_end()

    async def _go_on(self, *, hinted: bool) -> Ms:
        """Set out with what may leave now; when to look again, if nothing happens before.

        ``hinted``: there may be something new. Otherwise several places are filled at once, not each by itself.
        """
        self._raise_what_failed()
        most, unasked = self._room_for_more()
        if (
            self._carrying
            and not hinted
            and unasked < FILLED_TOGETHER
            and len(self._carrying) > FILLED_TOGETHER
        ):
            return self._clock.after(LOOK_AGAIN_MS)
        journeys = await self._claim(most, unasked) if most > 0 else ()
        for journey in journeys:
            self._set_out(journey)
        await self._remember()
        others = sum(1 for journey in journeys if rank_of(journey.parcel) != Rank.REPLY)
        if len(journeys) >= most or others >= unasked:
            # There may be more. Whatever arrives wakes us; a homeserver's limit gives way with time alone.
            pause_ms = self._pause_ms(most)
            if pause_ms:
                await self._count()
            if self._carrying or pause_ms:
                return self._clock.after(pause_ms or LONGEST_SLEEP_MS)
        self._waiting = 0
        if journeys:
            return self._clock.after(LOOK_AGAIN_MS)
        next_ms = await self._next_look_ms()
        if self._carrying:
            return next_ms
        if await self._forget_who_left():
            return self._clock.now_ms()
        if next_ms > self._clock.now_ms():
            self._rested.set()
        return next_ms

    def _raise_what_failed(self) -> None:
        """An outage is waited for; anything else is a defect, and goes first."""
        failures, self._failures = self._failures, []
        for error in sorted(failures, key=lambda error: isinstance(error, Unavailable)):
            raise error

    def _room_for_more(self) -> tuple[int, int]:
        """How many more may set out now: of any kind, and of those that nobody waits for."""
        under_way = len(self._carrying)
        unasked = under_way - sum(self._carrying.values())
        room, others = MOST_AT_ONCE - under_way, UNASKED_AT_ONCE - unasked
        if self._pace is not None:
            if not self._pace.limit("messages").felt:
                room, others = MOST_AT_ONCE_UNLIMITED - under_way, UNASKED_AT_ONCE_UNLIMITED - unasked
            # What has set out and is not at the homeserver yet will want its share too.
            preparing = max(0, under_way - self._pace.flying("messages"))
            room = min(room, self._pace.spare("messages") - preparing)
            spare = self._pace.spare("messages", reserve=True)
            room, others = max(room, spare - preparing), min(others, spare - preparing)
        return room, max(0, others)

    def _pause_ms(self, most: int) -> Ms:
        """How long the homeserver's limit keeps us: where nothing may leave at all, a reply may before all else."""
        return 0 if self._pace is None else self._pace.wait_ms("messages", reserve=most > 0)

    async def _claim(self, most: int, unasked: int) -> Sequence[Journey]:
        return await self._cellar.claim(self._clock.now_ms(), self._lease_ms(), most, unasked)

    def _set_out(self, journey: Journey) -> None:
        task = asyncio.create_task(self._carry(journey))
        self._carrying[task] = rank_of(journey.parcel) == Rank.REPLY
        task.add_done_callback(self._arrive)

    def _arrive(self, task: asyncio.Task[None]) -> None:
        del self._carrying[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failures.append(error)
        self._ended.set()

    async def _next_look_ms(self) -> Ms:
        latest_ms = self._clock.after(LONGEST_SLEEP_MS)
        next_ms = await self._cellar.next_parcel_ms()
        return latest_ms if next_ms is None else min(next_ms, latest_ms)

    # ── what the operator sees, and what is remembered ───────────────────────

    def outlook(self) -> Outlook:
        """How many parcels could leave now, how many leave per second, and when the last will have left; as of the last
        few seconds, as long as the homeserver holds us back.
        """
        now_ms, per_second = self._clock.now_ms(), self._per_second()
        if not self._waiting:
            return Outlook(0, per_second, now_ms)
        done_by_ms = self._clock.after(int(self._waiting / per_second * 1000)) if per_second else None
        return Outlook(self._waiting, per_second, done_by_ms)

    def _per_second(self) -> float:
        limit = None if self._pace is None else self._pace.limit("messages")
        if limit is not None and limit.felt:
            return 1000 / limit.interval_ms
        since_ms = 2 * self._clock.now_ms() - self._clock.after(LOOKS_BACK_MS)
        while self._sent_ms and self._sent_ms[0] < since_ms:
            self._sent_ms.popleft()
        if len(self._sent_ms) < 2:
            return 0.0
        span_ms = max(1, self._sent_ms[-1] - self._sent_ms[0])
        return (len(self._sent_ms) - 1) * 1000 / span_ms

    async def _count(self) -> None:
        """See how much waits, every few seconds while the homeserver holds us back, and tell the operator."""
        now_ms = self._clock.now_ms()
        if now_ms < self._counted_ms:
            return
        self._counted_ms = self._clock.after(COUNT_EVERY_MS)
        self._waiting = sum(pile.due for pile in (await self._cellar.counts(now_ms)).outbox.values())
        outlook = self.outlook()
        if self._waiting < WORTH_A_REPORT or outlook.done_by_ms is None or now_ms < self._reported_ms:
            return
        self._reported_ms = self._clock.after(REPORT_EVERY_MS)
        log.info(
            "%d messages wait for the homeserver's limit; %.2f leave per second, the last in about %.0f min",
            outlook.waiting,
            outlook.per_second,
            outlook.waiting / outlook.per_second / 60,
        )

    async def _remember_at_the_end(self) -> None:
        self._remembered = (0, self._remembered[1])
        try:
            await self._remember()
        except (Unavailable, Superseded) as error:
            log.info("how fast the homeserver lets us go is not written down: %s", error)

    async def _remember(self) -> None:
        if self._pace is None or self._clock.now_ms() < self._remembered[0]:
            return
        refusals = self._pace.refusals("messages")
        limit = self._pace.limit("messages")
        state = hash((round(limit.burst), limit.felt, refusals, self._pace.refusals("rooms")))
        if state != self._remembered[1]:
            kind, key = KEPT_PACE
            try:
                await self._cellar.commit(Changes(kept=[KeptRow(kind, key, self._pace.remember())]))
            except Conflict:
                return  # others were at the same rows; there is time
        self._remembered = (self._clock.after(REMEMBER_EVERY_MS), state)

    async def settle(self) -> None:
        """After a start: bring everything that was under way to its end before anything else happens."""
        if self._pace is not None:
            self._pace.recall((await self._cellar.kept()).get(KEPT_PACE))
        await self._cellar.free_claims()
        for journey in await self._cellar.in_flight():
            await self._carry(journey)

    async def send_due(self) -> int:
        """Send what is due now, several rooms at a time; how many parcels were looked at. Once nothing is left to be
        sent to somebody who is leaving, they are let go of and forgotten.

        Raises:
            Unavailable: the store cannot be used at present; what was sent all the same is found out
                when the leases end.
        """
        journeys = await self._claim(*self._room_for_more())
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
            except (Unavailable, Superseded):
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
        except KeptBack as kept:
            log.info("parcel %s is kept back: %s", parcel.row, kept)
            # Only what is for one person alone is woken by them.
            due_ms = None if isinstance(parcel.to, Direct) else self._clock.after(KEPT_BACK_MS)
            await self._cellar.postpone(parcel.row, due_ms, str(kept), failed=False)
        except Paced as paced:
            pause_ms = SECOND_MS if paced.after_ms is None else paced.after_ms
            due_ms = self._clock.after(pause_ms)
            log.debug("parcel %s waits %d ms: %s", parcel.row, pause_ms, paced.why)
            await self._cellar.postpone(parcel.row, due_ms, paced.why, failed=False)
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
        except (Unavailable, Superseded):
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
        waits = rank_of(parcel) != Rank.REPLY
        standing = await self._standing(parcel.to.person, now_ms) if waits else ASKED_FOR
        early = schedule(parcel, replace(standing, present=True), now_ms)
        if not isinstance(early, Go):
            return early  # nobody is invited into a room for what is not to be sent yet
        present = await self._postman.is_present(parcel.to.person)
        return schedule(parcel, replace(standing, present=present), now_ms)

    async def _standing(self, person: PersonId, now_ms: Ms) -> Standing:
        usual = EVERYBODY if self._usual is None else await self._usual(person)
        return await self._cellar.standing(person, now_ms, usual)

    async def _send(self, journey: Journey) -> None:
        parcel, sealed, room = journey.parcel, journey.sealed, journey.room
        if sealed is None or room is None:
            sent = await self._send_anew(journey)
        else:
            try:
                sent = await self._postman.put(room, sealed, journey.transaction)
            except SealedElsewhere:
                # It is not in the room, and may be weeks old: whether it is still to come, and when, is judged anew.
                await self._carry(replace(journey, sealed=None, room=None))
                return
        now_ms = self._clock.now_ms()
        self._sent_ms.append(now_ms)
        await self._cellar.mark_sent(parcel.row, sent.event, now_ms)

    async def _send_anew(self, journey: Journey) -> Sent:
        """Seal a parcel and send it; where it may have left before, it is looked for first."""
        parcel, before = journey.parcel, journey.room
        room = await self._postman.room_for(parcel)
        found = None
        if before is not None:
            found = await self._postman.find(before or room, journey.transaction)
        if found is not None:
            room = before or room
        made = await self._postman.seal(parcel, room, journey.transaction)
        await self._cellar.seal(parcel.row, room, made.content, made.texts - texts_in(parcel.message))
        return found or await self._postman.put(room, made.content, journey.transaction)

    async def _try_again(self, journey: Journey, later: TryLater) -> Ms:
        """Put it off, or give it up; when it is looked at next."""
        row = journey.parcel.row
        if journey.attempts + 1 >= self._tries_per_message:
            self._on_limit("tries_per_message", 1)
            log.error("parcel %s given up after %d attempts: %s", row, journey.attempts + 1, later.why)
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
