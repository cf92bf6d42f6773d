"""The fuse box: the only place where concrete things meet."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from bridge.clock import HouseTime, RealSide, RealTime
from bridge.comings import Coming, Comings
from bridge.comparing import ComparingDesk, mirror_of
from bridge.customs import Customs
from bridge.errands import DeskErrands
from bridge.homes import Addresses, Homes
from bridge.http import Hooks, Pulse
from bridge.keyhole import news_of_keys, unread
from bridge.librarians import Librarians
from bridge.matrix.client import MatrixClient
from bridge.matrix.courtesy import CourteousPostman, Courtesy
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.http import Homeserver, TokenLost
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
from bridge.matrix.keep import Keeper, NotCommitted, Row
from bridge.matrix.postman import MatrixPostman
from bridge.matrix.sync import AnyEvent, Delivery
from bridge.neighbours import NamesNow, Neighbours
from bridge.operations.office import Office
from bridge.plan import CirclePlan, Plan
from bridge.reading.ear import Ear
from bridge.roles import Roles
from bridge.views import HouseViews
from bridge.wording.render import LONGEST_NAME, Voice, in_one_line
from bridge.wording.render import House as Described
from bridge.writer import ParcelWriter
from engine.core.values import CircleId
from engine.loading.library import Library
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.housekeeping import keep_house
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.pace import Pace
from engine.runtime.ports import (
    AnyArrival,
    Cellar,
    Changes,
    Echo,
    Housed,
    KeptRow,
    Moved,
    Reacted,
    Removed,
    Spoken,
    Unavailable,
    Voted,
)
from engine.runtime.practices import Practices
from engine.runtime.waking import wake_or

LOOK_AGAIN_MS = 2_000

log = logging.getLogger(__name__)


class CellarKeeper:
    """Keeps the bridge's rows in the same database as everything else."""

    def __init__(self, cellar: Cellar) -> None:
        self._cellar = cellar

    async def load(self) -> dict[tuple[str, str], bytes]:
        return dict(await self._cellar.kept())

    async def commit(self, rows: Sequence[Row]) -> None:
        try:
            await self._cellar.commit(Changes(kept=_kept(rows)))
        except Unavailable as error:
            raise NotCommitted(str(error)) from error


def _kept(rows: Sequence[Row]) -> list[KeptRow]:
    return [KeptRow(row.kind, row.key, row.value) for row in rows]


class Hearth:
    """A running house: one bot account, its circles, and everything it carries."""

    def __init__(
        self,
        plan: Plan,
        cellar: Cellar,
        clock: HouseTime | None = None,
        chance: random.Random | None = None,
        keeper: Keeper | None = None,
        pulse: Pulse | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        """``clock``, ``chance`` and ``keeper`` are for the demo and for tests. ``pulse`` is told how the house is;
        ``hooks`` are answered from when it is ready.
        """
        self._hooks = Hooks(()) if hooks is None else hooks
        self._plan = plan
        self._cellar = cellar
        self._keeper = keeper or CellarKeeper(cellar)
        self._clock = clock or RealTime()
        self._chance = chance or random.SystemRandom()
        pulse = pulse or Pulse()
        self._librarians = Librarians(plan, cellar, self._clock, pulse.note_refused_files)
        self._office = Office(plan, cellar, self._clock, pulse, self.look_again)
        self.ready = asyncio.Event()
        """Set once everything that happened before the start is committed."""
        self.rested = asyncio.Event()
        """Set whenever the outbox has found nothing more to send."""

    def look_again(self) -> None:
        """Look at the workflow files now, without waiting until they have lain still."""
        self._librarians.look_again()

    async def run(
        self,
        stop: asyncio.Event,
        *,
        homeserver: Homeserver | None = None,
        store_type: type[RowStore] = RowStore,
    ) -> None:
        """Serve until ``stop`` is set.

        Raises:
            TokenLost: the account must be logged in again.
            MatrixError: the homeserver will not serve us at all.
        """
        try:
            await self._live(stop, homeserver, store_type)
        except TokenLost as lost:
            log.critical("%s; nothing is lost: log the bot in again and start it", lost)
            raise

    async def _live(
        self, stop: asyncio.Event, homeserver: Homeserver | None, store_type: type[RowStore]
    ) -> None:
        plan = self._plan
        client = await MatrixClient.open(
            plan.session,
            self._keeper,
            pickle_secret=plan.pickle_secret,
            alias_salt=plan.alias_salt,
            # Whoever is in one of the circles' rooms may also write to the bot in a room of their own.
            allowed=replace(plan.allowed, rooms=plan.allowed.rooms | frozenset(plan.rooms)),
            served=plan.served,
            clock=RealSide(self._clock),
            chance=self._chance,
            homeserver=homeserver,
            store_type=store_type,
        )
        try:
            await self._serve(client, stop)
        finally:
            await client.close()

    async def _serve(self, client: MatrixClient, stop: asyncio.Event) -> None:
        plan = self._plan
        homes = Homes(self._cellar, client)
        circles = await homes.open(plan.circles)
        library, customs = await self._librarians.open(circles), Customs(plan, circles)
        roles = Roles(self._cellar, library)
        neighbours = Neighbours(client.rooms, self._cellar, circles, roles, client.places)
        await neighbours.look_who_holds()
        called = partial(_called, neighbours, circles)
        ear = Ear(
            neighbours,
            library.within(tuple(circles)),
            (plan.bot, plan.session.user_id),
            language=customs.language,
            within=library.within,
            among=neighbours.among,
            circle_name=called,
        )
        at_start = {circle: each.at_start for circle, each in circles.items()}
        practices = Practices(library, neighbours, at_start_in=at_start)
        await practices.recall(self._cellar)
        house = House(
            self._cellar,
            library,
            ear,
            neighbours,
            self._chance,
            customs.rhythm,
            practices=practices,
            rhythms=customs.rhythms,
        )
        line = self._office.line(house)
        courtesy = Courtesy(client.homeserver, plan.session.user_id, RealSide(self._clock))
        views = HouseViews(self._cellar, library, neighbours, practices, called, mirror_of(client))
        postman = CourteousPostman(
            self._postman(client, neighbours, library, views, customs, called), courtesy
        )
        pace = client.homeserver.pacer = Pace(self._clock.real_now_ms)
        outbox = Outbox(
            self._cellar,
            postman,
            self._clock,
            self._chance,
            rested=self.rested,
            on_forgotten=neighbours.forget,
            pace=pace,
        )
        await self._office.open(client, outbox.outlook)
        bell = Bell(self._cellar, line, self._clock)
        door = Door(plan, client, line, neighbours, self._clock, self.ready, homes, courtesy, self._office)
        client.verification.listener = ComparingDesk(line, neighbours, self._clock).tell
        line.start()
        self._hooks.errands = DeskErrands(line, self._cellar, neighbours, self._clock)
        try:
            # Whatever was under way when we stopped comes to its end first: nothing may arrive
            # that answers a message we do not yet know we sent.
            await outbox.settle()
            await _all_or_stop(
                stop,
                client.run(door.take_in, stop),
                door.introduce(stop),
                bell.run(self.ready, stop),
                self._send(outbox, line, stop),
                courtesy.run(stop),
                neighbours.watch(line.on_move(), self._clock, stop),
                keep_house(self._cellar, line, self._clock, stop),
                self._office.run(line, self.ready, stop),
                *self._librarians.running(line, stop),
            )
        finally:
            self._hooks.errands = None
            await line.stop()

    async def _send(self, outbox: Outbox, line: StraightLine, stop: asyncio.Event) -> None:
        """Send what is due, once everything that people did before the start is known: they may have answered, or
        asked for quiet, or opened a room of their own.
        """
        await wake_or(stop, self.ready)
        await outbox.run(line.on_move(), stop)

    def _postman(
        self,
        client: MatrixClient,
        neighbours: Neighbours,
        library: Library,
        views: HouseViews,
        customs: Customs,
        called: Callable[[CircleId], str | None],
    ) -> MatrixPostman:
        plan = self._plan
        voice = Voice(
            Described(plan.bot, plan.operator, customs.outside_help(())),
            names=NamesNow(neighbours, self._cellar),
            texts=self._cellar,
            definitions=library,
            views=views,
            circle_name=called,
        )
        writer = ParcelWriter(voice, self._cellar, self._clock, customs, neighbours)
        return MatrixPostman(
            client.sender,
            client.rooms,
            client.direct,
            Addresses(self._cellar, neighbours, client.places),
            writer,
            client.homeserver,
            RealSide(self._clock),
            client.patience,
            plan.session.device_id,
        )


def _called(neighbours: Neighbours, circles: Mapping[CircleId, CirclePlan], circle: CircleId) -> str | None:
    """What a circle is called: by its people, or else by the settings."""
    name = neighbours.circle_name(circle) or (circles[circle].name if circle in circles else "")
    return in_one_line(name, LONGEST_NAME) or None


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
        outcomes = await self._line.submit(rest, [*_kept(delivery.rows), *noted])
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
        if isinstance(draft, Echo):
            return draft
        if draft.circle is not None and not self._counts(draft, draft.circle, event.room_id):
            return None
        person = await self._neighbours.learn(draft.sender)
        occurred_ms = self._clock.at_real(draft.occurred_ms)
        match draft:
            case SpokenDraft():
                mentions = [await self._neighbours.learn(user_id) for user_id in draft.mentions]
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
                    room=self._room_said(event.room_id, draft.circle),
                    in_clear=draft.in_clear,
                )
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


async def _all_or_stop(stop: asyncio.Event, *parts: Coroutine[None, None, None]) -> None:
    """Run all parts until they end by themselves; if one fails, stop the others and raise what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()
