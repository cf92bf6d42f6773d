"""The door into the hall: what the homeserver delivers becomes arrivals, committed with the rows that go with them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import assert_never

from bridge.circles.comings import Coming, Comings
from bridge.circles.homes import Homes
from bridge.circles.neighbours import Neighbours
from bridge.clock import HouseTime
from bridge.hall.keeping import kept_rows
from bridge.hall.keyhole import news_of_keys, unread
from bridge.matrix.client import MatrixClient
from bridge.matrix.courtesy import Courtesy
from bridge.matrix.inbound import (
    AnyDraft,
    Ignored,
    Knowledge,
    MovedDraft,
    ReactedDraft,
    RemovedDraft,
    SpokenDraft,
    UnreadDraft,
    VotedDraft,
    translate,
)
from bridge.matrix.sync import AnyEvent, Delivery
from bridge.operations.office import Office
from bridge.plan import Plan
from engine.core.values import CircleId, Ms, PersonId
from engine.runtime.line import StraightLine
from engine.runtime.ports import AnyArrival, Echo, Housed, Moved, Reacted, Removed, Spoken, Voted
from engine.runtime.waking import wake_or

LOOK_AGAIN_MS = 2_000

log = logging.getLogger(__name__)


class Door:
    """Takes in what the homeserver delivers and hands it to the straight line, with the rows that go with it."""

    def __init__(
        self,
        plan: Plan,
        client: MatrixClient,
        line: StraightLine,
        neighbours: Neighbours,
        clock: HouseTime,
        ready: asyncio.Event,
        homes: Homes,
        courtesy: Courtesy,
        office: Office,
    ) -> None:
        self._plan = plan
        self._client = client
        self._line = line
        self._neighbours = neighbours
        self._clock = clock
        self._ready = ready
        self._homes = homes
        self._courtesy = courtesy
        self._office = office
        self._comings = Comings(client.places, neighbours.circles)

    async def take_in(self, delivery: Delivery) -> None:
        """Commit one delivery: its events decided, its rows and the new cursor kept, all in one transaction."""
        await self._homes.keep(self._neighbours.circles)
        await self._neighbours.look_around()
        arrivals: list[AnyArrival] = []
        arrivals += await news_of_keys(delivery, self._client, self._neighbours, self._clock.now_ms())
        # Without a cursor these are events from before the bot listened: nothing of that was said to it.
        for event in () if delivery.fresh else delivery.events:
            arrival = await self._arrival(event)
            if arrival is not None:
                arrivals.append(arrival)
        arrivals += (
            () if delivery.fresh else [await self._came(each) for each in self._comings.unsaid(delivery)]
        )
        # Our own messages first: what people did with them can only be read once we know that they are there.
        # Echoes may come again, so they need not wait for the cursor.
        echoes = [arrival for arrival in arrivals if isinstance(arrival, Echo)]
        if echoes:
            await self._line.submit(echoes)
        rest = [arrival for arrival in arrivals if not isinstance(arrival, Echo)]
        noted = await self._office.take_in(delivery, self._line, self._neighbours)
        outcomes = await self._line.submit(rest, [*kept_rows(delivery.rows), *noted])
        for arrival, outcome in zip(rest, outcomes, strict=True):
            if outcome.kind in ("ignored", "refused"):
                log.info("%s %s is %s: %s", type(arrival).__name__, arrival.id, outcome.kind, outcome.why)
        self._comings.note()
        if not delivery.fresh:
            self._courtesy.note(delivery, self._client.direct.known().keys(), self._neighbours.ground.keys())
        if delivery.caught_up:
            self._ready.set()

    async def _came(self, coming: Coming) -> Moved:
        person = await self._neighbours.learn(coming.user_id)
        now_ms = self._clock.now_ms()
        return Moved(
            id=f"{coming.cause}:{person}",
            occurred_ms=now_ms,
            person=person,
            circle=coming.circle,
            joined=coming.joined,
        )

    def _counts(self, draft: AnyDraft, circle: CircleId, room_id: str) -> bool:
        """Whether something done in one of a circle's rooms is of the circle."""
        if isinstance(draft, MovedDraft):
            return self._comings.counts(circle, draft.sender, joined=draft.joined)
        return self._neighbours.hears(circle, room_id, draft.sender)

    def _room_said(self, room_id: str, circle: CircleId | None) -> str:
        """The room to answer in, where it is not the one in which the circle hears everything else."""
        is_main = circle is None or self._neighbours.main_room(circle) == room_id
        return "" if is_main else room_id

    async def introduce(self, stop: asyncio.Event) -> None:
        """Say hello in each circle's room, once, as soon as the bot is in it."""
        await wake_or(self._ready, stop)
        while not stop.is_set():
            housed = [c for c in self._neighbours.circles if self._neighbours.main_room(c) is not None]
            now_ms = self._clock.now_ms()
            await self._line.submit([Housed(id=f"intro:{c}", occurred_ms=now_ms, circle=c) for c in housed])
            if len(housed) == len(self._neighbours.circles):
                return
            await wake_or(stop, clock=self._clock, at_ms=self._clock.after(LOOK_AGAIN_MS))

    async def _arrival(self, event: AnyEvent) -> AnyArrival | None:
        draft = self._read(event)
        if draft is None or isinstance(draft, Echo):
            return draft
        if draft.circle is not None and not self._counts(draft, draft.circle, event.room_id):
            return None
        person = await self._neighbours.learn(draft.sender)
        occurred_ms = self._clock.at_real(draft.occurred_ms)
        if isinstance(draft, SpokenDraft):
            mentions = [await self._neighbours.learn(user_id) for user_id in draft.mentions]
            room = self._room_said(event.room_id, draft.circle)
            return _spoken(draft, person, occurred_ms, mentions, room)
        return _arrival_of(draft, person, occurred_ms)

    def _read(self, event: AnyEvent) -> AnyDraft | Echo | None:
        knowledge = Knowledge(
            user_id=self._plan.session.user_id,
            names=(self._plan.bot,),
            direct=self._client.direct.known(),
            circles=self._neighbours.ground,
        )
        room = self._client.rooms.get(event.room_id)
        draft = translate(
            event,
            knowledge,
            self._clock.real_now_ms(),
            room_is_encrypted=room is not None and room.encryption is not None,
        )
        if isinstance(draft, Ignored):
            log.debug("event in %s ignored: %s", event.room_id, draft.reason)
            return None
        return draft


def _spoken(
    draft: SpokenDraft, person: PersonId, occurred_ms: Ms, mentions: Sequence[PersonId], room: str
) -> Spoken:
    return Spoken(
        id=draft.id,
        occurred_ms=occurred_ms,
        person=person,
        body=draft.body,
        circle=draft.circle,
        reply_to=draft.reply_to,
        edits=draft.edits,
        mentions=tuple(mentions),
        addressed=draft.addressed,
        thread=draft.thread,
        latest=draft.latest,
        room=room,
        in_clear=draft.in_clear,
    )


def _arrival_of(
    draft: VotedDraft | ReactedDraft | RemovedDraft | MovedDraft | UnreadDraft,
    person: PersonId,
    occurred_ms: Ms,
) -> AnyArrival:
    match draft:
        case VotedDraft():
            return Voted(
                id=draft.id,
                occurred_ms=occurred_ms,
                person=person,
                target=draft.target,
                answers=draft.answers,
                circle=draft.circle,
            )
        case ReactedDraft():
            return Reacted(
                id=draft.id,
                occurred_ms=occurred_ms,
                person=person,
                target=draft.target,
                emoji=draft.emoji,
                circle=draft.circle,
            )
        case RemovedDraft():
            return Removed(id=draft.id, occurred_ms=occurred_ms, person=person, event=draft.event)
        case MovedDraft():
            return Moved(
                id=draft.id,
                occurred_ms=occurred_ms,
                person=person,
                joined=draft.joined,
                circle=draft.circle,
            )
        case UnreadDraft():
            return unread(draft, person, occurred_ms)
        case _:
            assert_never(draft)
