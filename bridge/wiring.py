"""The fuse box: the only place where concrete things meet."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec.structs import replace

from bridge.clock import HouseTime, RealSide, RealTime
from bridge.librarian import Librarian, Stewards
from bridge.matrix.client import MatrixClient
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.http import Homeserver, TokenLost
from bridge.matrix.inbound import (
    Ignored,
    Knowledge,
    MovedDraft,
    ReactedDraft,
    RemovedDraft,
    SpokenDraft,
    translate,
)
from bridge.matrix.keep import Keeper, NotCommitted, Row
from bridge.matrix.postman import MatrixPostman
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.matrix.sync import AnyEvent, Delivery
from bridge.neighbours import NamesNow, Neighbours
from bridge.reading.ear import Ear
from bridge.roles import Roles
from bridge.views import HouseViews
from bridge.wording.render import House as Described
from bridge.wording.render import Voice
from bridge.writer import ParcelWriter
from engine.core.desk import Rhythm
from engine.loading.catalogue import Catalogue
from engine.runtime.batch import House
from engine.runtime.bell import Bell
from engine.runtime.housekeeping import keep_house
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
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
)
from engine.runtime.practices import Practices
from engine.runtime.waking import wake_or

LOOK_AGAIN_MS = 2_000

log = logging.getLogger(__name__)


class Plan(msgspec.Struct, frozen=True):
    """Everything a running house is made of, as the settings say it."""

    session: Session
    rooms: tuple[str, ...]
    """Matrix room ids; each is a circle."""
    contacts: tuple[str, ...]
    operator: str
    outside_help: str
    allowed: Allowed
    workflows: Path
    pickle_secret: bytes
    alias_salt: bytes
    time_zone: str = "UTC"
    language: str = "en"
    quiet_from_hour: int = 21
    quiet_to_hour: int = 9
    bot: str = "Hearth"
    stewards: tuple[str, ...] = ()
    """Matrix ids."""
    workflows_at_start: frozenset[str] | None = None
    """What a circle has in use before it has agreed to anything; None: everything that lies in the folder."""
    stewards_room: str | None = None
    """The Matrix room in which the stewards hear about workflow files; None: each of them 1:1."""

    def __repr__(self) -> str:
        return f"Plan({self.session!r}, {len(self.rooms)} rooms)"


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
        note_refused: Callable[[int], None] | None = None,
    ) -> None:
        """``clock``, ``chance`` and ``keeper`` are for the demo and for tests.

        ``note_refused`` is told how many workflow files are not fit, whenever they have been looked at.
        """
        self._plan = plan
        self._cellar = cellar
        self._keeper = keeper or CellarKeeper(cellar)
        self._clock = clock or RealTime()
        self._chance = chance or random.SystemRandom()
        stewards = Stewards(plan.stewards, plan.stewards_room, plan.stewards_room in plan.rooms)
        self._librarian = Librarian(plan.workflows, cellar, self._clock, stewards, note_refused)
        self.ready = asyncio.Event()
        """Set once everything that happened before the start is committed."""
        self.rested = asyncio.Event()
        """Set whenever the outbox has found nothing more to send."""

    def look_again(self) -> None:
        """Look at the workflow files now, without waiting until they have lain still."""
        self._librarian.again.set()

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
        circles = {await self._cellar.ensure_circle(room, room): room for room in plan.rooms}
        catalogue = await self._librarian.open()
        roles = Roles(self._cellar, catalogue)
        neighbours = Neighbours(
            client.rooms, self._cellar, circles, plan.contacts, plan.stewards, roles, plan.outside_help
        )
        ear = Ear(neighbours, catalogue, (plan.bot, plan.session.user_id), language=plan.language)
        rhythm = Rhythm(plan.time_zone, plan.quiet_from_hour, plan.quiet_to_hour)
        practices = Practices(catalogue, neighbours, plan.workflows_at_start)
        await practices.recall(self._cellar)
        house = House(self._cellar, catalogue, ear, neighbours, self._chance, rhythm, practices=practices)
        line = StraightLine(house, self._clock)
        postman = self._postman(client, neighbours, catalogue, practices)
        outbox = Outbox(
            self._cellar,
            postman,
            self._clock,
            self._chance,
            rested=self.rested,
            on_forgotten=neighbours.forget,
        )
        bell = Bell(self._cellar, line, self._clock)
        door = Door(plan, client, line, neighbours, self._clock, self.ready)
        line.start()
        try:
            # Whatever was under way when we stopped comes to its end first: nothing may arrive
            # that answers a message we do not yet know we sent.
            await outbox.settle()
            await _all_or_stop(
                stop,
                client.run(door.take_in, stop),
                door.introduce(stop),
                bell.run(self.ready, stop),
                outbox.run(line.on_move(), stop),
                keep_house(self._cellar, line, self._clock, stop),
                self._librarian.run(line, stop),
            )
        finally:
            await line.stop()

    def _postman(
        self, client: MatrixClient, neighbours: Neighbours, catalogue: Catalogue, practices: Practices
    ) -> MatrixPostman:
        plan = self._plan
        voice = Voice(
            Described(plan.bot, plan.operator, plan.outside_help),
            names=NamesNow(neighbours, self._cellar),
            texts=self._cellar,
            definitions=catalogue,
            views=HouseViews(self._cellar, catalogue, neighbours, practices, neighbours.circle_name),
        )
        writer = ParcelWriter(voice, self._cellar, self._clock, plan)
        return MatrixPostman(
            client.sender,
            client.rooms,
            client.direct,
            self._cellar,
            writer,
            client.homeserver,
            RealSide(self._clock),
            client.patience,
            plan.session.device_id,
        )


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
    ) -> None:
        self._plan = plan
        self._client = client
        self._line = line
        self._neighbours = neighbours
        self._clock = clock
        self._ready = ready

    async def take_in(self, delivery: Delivery) -> None:
        """Commit one delivery: its events decided, its rows and the new cursor kept, all in one transaction."""
        await self._neighbours.look_around()
        arrivals: list[AnyArrival] = []
        # Without a cursor these are events from before the bot listened: nothing of that was said to it.
        for event in () if delivery.fresh else delivery.events:
            arrival = await self._arrival(event)
            if arrival is not None:
                arrivals.append(arrival)
        # Our own messages first: what people did with them can only be read once we know that they are there.
        # Echoes may come again, so they need not wait for the cursor.
        echoes = [arrival for arrival in arrivals if isinstance(arrival, Echo)]
        if echoes:
            await self._line.submit(echoes)
        rest = [arrival for arrival in arrivals if not isinstance(arrival, Echo)]
        outcomes = await self._line.submit(rest, _kept(delivery.rows))
        for arrival, outcome in zip(rest, outcomes, strict=True):
            if outcome.kind in ("ignored", "refused"):
                log.info("%s %s is %s: %s", type(arrival).__name__, arrival.id, outcome.kind, outcome.why)
        if delivery.caught_up:
            self._ready.set()

    async def introduce(self, stop: asyncio.Event) -> None:
        """Say hello in each circle's room, once, as soon as the bot is in it."""
        await wake_or(self._ready, stop)
        while not stop.is_set():
            housed = [c for c, room in self._neighbours.circles.items() if room in self._client.rooms]
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
            circles={room: circle for circle, room in self._neighbours.circles.items()},
        )
        draft = translate(event, knowledge, self._clock.real_now_ms())
        if isinstance(draft, Ignored):
            log.debug("event in %s ignored: %s", event.room_id, draft.reason)
            return None
        if isinstance(draft, Echo):
            return draft
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
