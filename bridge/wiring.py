"""The fuse box: the only place where concrete things meet."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from bridge.circles.customs import Customs
from bridge.circles.homes import Addresses, Homes
from bridge.circles.neighbours import NamesNow, Neighbours
from bridge.circles.roles import Roles
from bridge.clock import HouseTime, RealSide, RealTime
from bridge.folders.librarians import Librarians
from bridge.hall.comparing import ComparingDesk, mirror_of
from bridge.hall.door import Door
from bridge.hall.errands import DeskErrands
from bridge.hall.keeping import CellarKeeper
from bridge.hall.writer import ParcelWriter
from bridge.http import Hooks, Pulse
from bridge.matrix.client import MatrixClient
from bridge.matrix.courtesy import CourteousPostman, Courtesy
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.http import Homeserver, TokenLost
from bridge.matrix.keep import Keeper
from bridge.matrix.postman import MatrixPostman
from bridge.operations.office import Office
from bridge.plan import CirclePlan, Plan
from bridge.reading.ear import Ear
from bridge.views import HouseViews
from bridge.wording.render import LONGEST_NAME, Voice, in_one_line
from bridge.wording.render import House as Described
from engine.core.values import CircleId, Ms
from engine.loading.library import Library
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.housekeeping import keep_house
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.pace import Pace
from engine.runtime.ports import Cellar, Lease, Leases, Superseded, Unavailable
from engine.runtime.practices import Practices
from engine.runtime.speaking import LOOK_MS, Speaker
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)


class Hearth:
    """A running house: one bot account, its circles, and everything it carries.

    Several may run over one store; then one of them speaks, and the others decide what comes due and are ready to take
    over (``engine.runtime.speaking``).
    """

    def __init__(
        self,
        plan: Plan,
        cellar: Cellar,
        clock: HouseTime | None = None,
        chance: random.Random | None = None,
        keeper: Keeper | None = None,
        pulse: Pulse | None = None,
        hooks: Hooks | None = None,
        leases: Leases | None = None,
        holder: str = "",
    ) -> None:
        """``clock``, ``chance`` and ``keeper`` are for the demo and for tests. ``pulse`` is told how the house is;
        ``hooks`` are answered from when it is ready. ``leases``: others may run as well,
        and this one is called ``holder``.
        """
        self._plan = plan
        self._cellar = cellar
        self._clock = clock or RealTime()
        self._chance = chance or random.SystemRandom()
        self._keeper = keeper
        self._pulse = pulse or Pulse()
        self._hooks = Hooks(()) if hooks is None else hooks
        self._leases = leases
        self._holder = holder
        self._life: Life | None = None
        self.ready = asyncio.Event()
        """Set once everything that happened before the start is committed; of several, in the one that speaks."""
        self.rested = asyncio.Event()
        """Set whenever the outbox has found nothing more to send."""

    def look_again(self) -> None:
        """Look at the workflow files now, without waiting until they have lain still."""
        if self._life is not None:
            self._life.look_again()

    async def run(
        self,
        stop: asyncio.Event,
        *,
        homeserver: Homeserver | None = None,
        connect: Callable[[], Awaitable[Homeserver]] | None = None,
        store_type: type[RowStore] = RowStore,
    ) -> None:
        """Serve until ``stop`` is set. ``connect`` makes the way to the homeserver, once for each time of speaking;
        ``homeserver`` is one that is there already, for a house that is alone.

        Raises:
            TokenLost: the account must be logged in again.
            MatrixError: the homeserver will not serve us at all.
        """

        async def reach() -> Homeserver | None:
            return homeserver if connect is None else await connect()

        try:
            if self._leases is None:
                await self._live(self._cellar).speak(stop, await reach(), store_type)
            else:
                await self._take_turns(self._leases, stop, reach, store_type)
        except TokenLost as lost:
            log.critical("%s; nothing is lost: log the bot in again and start it", lost)
            raise

    def _live(self, cellar: Cellar, speaker: Speaker | None = None) -> Life:
        self._life = Life(
            self._plan,
            cellar,
            self._clock,
            self._chance,
            self._keeper or CellarKeeper(cellar),
            self._pulse,
            self._hooks,
            self.ready,
            self.rested,
            speaker=speaker,
        )
        return self._life

    async def _take_turns(
        self,
        leases: Leases,
        stop: asyncio.Event,
        reach: Callable[[], Awaitable[Homeserver | None]],
        store_type: type[RowStore],
    ) -> None:
        speaker = Speaker(leases, self._plan.session.user_id, self._holder)
        while not stop.is_set():
            lease = await self._stand_by(speaker, stop)
            if lease is None:
                return
            life, over = self._live(leases.under(lease), speaker), asyncio.Event()
            try:
                homeserver = await reach()
                if homeserver is not None:
                    homeserver.require_leave = speaker.require_leave
                await all_or_stop(
                    over,
                    _pass_on(stop, over),
                    speaker.hold(lease, over, self.ready.is_set),
                    life.speak(over, homeserver, store_type),
                )
            except Superseded as error:
                log.warning("%s; this process stands by", error)
            except Unavailable as error:
                log.warning("the store cannot be used at present (%s); this process stands by", error)
            finally:
                self.ready.clear()
                await speaker.give_back(lease)

    async def _stand_by(self, speaker: Speaker, stop: asyncio.Event) -> Lease | None:
        """Decide what comes due beside whoever speaks, until it is our turn; None if told to stop before that."""
        while not stop.is_set():
            lease = await speaker.take()
            if lease is not None:
                return lease
            over = asyncio.Event()
            standing = asyncio.create_task(self._live(self._cellar, speaker).stand_by(over))
            turn = asyncio.create_task(speaker.turn(stop))
            try:
                await asyncio.wait({standing, turn}, return_when=asyncio.FIRST_COMPLETED)
                over.set()
                await standing
            except Unavailable as error:
                log.warning("the store cannot be used at present (%s)", error)
            except BaseException:
                over.set()
                turn.cancel()
                (taken,) = await asyncio.gather(turn, return_exceptions=True)
                if isinstance(taken, Lease):  # nobody is left here who could speak
                    await speaker.give_back(taken)
                raise
            lease = await turn
            if lease is not None:
                return lease
        return None


async def _pass_on(stop: asyncio.Event, over: asyncio.Event) -> None:
    """Whoever is told to stop speaks no more."""
    await wake_or(stop, over)
    over.set()


@dataclass(frozen=True)
class Furnished:
    """What it takes to decide, with the people and rooms of one client."""

    house: House
    homes: Homes
    neighbours: Neighbours
    library: Library
    customs: Customs
    practices: Practices
    called: Callable[[CircleId], str | None]


class Life:
    """One time of a house: from its start, or from the moment it took over, until it is told to end."""

    def __init__(
        self,
        plan: Plan,
        cellar: Cellar,
        clock: HouseTime,
        chance: random.Random,
        keeper: Keeper,
        pulse: Pulse,
        hooks: Hooks,
        ready: asyncio.Event,
        rested: asyncio.Event,
        *,
        speaker: Speaker | None,
    ) -> None:
        """``speaker``: others may run as well, and one of them speaks; what they commit is looked for every second."""
        self._plan = plan
        self._cellar = cellar
        self._clock = clock
        self._chance = chance
        self._keeper = keeper
        self._pulse = pulse
        self._hooks = hooks
        self._ready = ready
        self._rested = rested
        self._speaker = speaker
        self._heard_ms: Ms = 0
        """Up to which moment all that happened is known to be committed, by whoever speaks."""
        self._librarians = Librarians(plan, cellar, clock, pulse.note_refused_files)
        self._office = Office(plan, cellar, clock, pulse, self.look_again)
        hooks.on_limit = self._office.note_limit

    def look_again(self) -> None:
        """Look at the workflow files now."""
        self._librarians.look_again()

    async def speak(
        self, stop: asyncio.Event, homeserver: Homeserver | None, store_type: type[RowStore] = RowStore
    ) -> None:
        """Be the bot: hear what happens, decide, and send, until ``stop``."""
        client = await self._open(homeserver, store_type)
        try:
            await self._serve(client, stop)
        finally:
            await client.close()

    async def stand_by(self, stop: asyncio.Event) -> None:
        """Decide what comes due, with what is remembered of rooms and people, and ask the homeserver for nothing."""
        client = await self._open(None, RowStore)
        try:
            house = await self._furnish(client)
            line = self._office.line(house.house)
            line.start()
            self._pulse.note_standing_by()
            self._hooks.errands = DeskErrands(line, self._cellar, house.neighbours, self._clock)
            known = asyncio.Event()
            known.set()
            try:
                await all_or_stop(
                    stop,
                    Bell(self._cellar, line, self._clock, lambda: self._heard_ms).run(known, stop),
                    house.neighbours.watch(line.on_move(), self._clock, stop),
                    self._hear_of_others(house.practices, line, stop),
                )
            finally:
                self._hooks.errands = None
                await line.stop()
        finally:
            await client.close()

    async def _hear_of_others(self, practices: Practices, line: StraightLine, stop: asyncio.Event) -> None:
        """See what other processes committed: what is in use, and that there may be something new to do."""
        while not stop.is_set():
            await wake_or(stop, clock=self._clock, at_ms=self._clock.after(LOOK_MS))
            try:
                await practices.recall(self._cellar)
                await self._see_what_is_heard()
            except Unavailable as error:
                log.warning("what other processes did cannot be looked up: %s", error)
            line.nudge()

    async def _see_what_is_heard(self) -> None:
        unheard_ms = None if self._speaker is None else await self._speaker.unheard_ms()
        if unheard_ms is not None:
            heard_ms = self._clock.at_real(self._clock.real_now_ms() - unheard_ms)
            self._heard_ms = max(self._heard_ms, heard_ms)

    async def _open(self, homeserver: Homeserver | None, store_type: type[RowStore]) -> MatrixClient:
        plan = self._plan
        return await MatrixClient.open(
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

    async def _furnish(self, client: MatrixClient) -> Furnished:
        plan = self._plan
        client.rooms.limits, client.rooms.on_limit = plan.limits, self._office.note_limit
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
            usual=customs.rhythm_in,
            text_bytes=plan.limits.text_bytes,
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
            limits=plan.limits,
            on_limit=self._office.note_limit,
        )
        return Furnished(house, homes, neighbours, library, customs, practices, called)

    async def _serve(self, client: MatrixClient, stop: asyncio.Event) -> None:
        plan, rooms = self._plan, await self._furnish(client)
        house, neighbours = rooms.house, rooms.neighbours
        line = self._office.line(house)
        courtesy = Courtesy(client.homeserver, plan.session.user_id, RealSide(self._clock))
        mirror = mirror_of(client)
        views = HouseViews(
            self._cellar, rooms.library, neighbours, rooms.practices, rooms.called, mirror, house.rhythm_of
        )
        postman = CourteousPostman(self._postman(client, rooms, views), courtesy)
        pace = client.homeserver.pacer = Pace(self._clock.real_now_ms)
        outbox = Outbox(
            self._cellar,
            postman,
            self._clock,
            self._chance,
            rested=self._rested,
            on_forgotten=neighbours.forget,
            pace=pace,
            usual=house.rhythm_of,
            tries_per_message=plan.limits.tries_per_message,
            on_limit=self._office.note_limit,
        )
        await self._office.open(client, neighbours, outbox.outlook)
        bell = Bell(self._cellar, line, self._clock, None if self._speaker is None else self._clock.now_ms)
        door = Door(
            plan, client, line, neighbours, self._clock, self._ready, rooms.homes, courtesy, self._office
        )
        client.verification.listener = ComparingDesk(line, neighbours, self._clock).tell
        line.start()
        self._hooks.errands = DeskErrands(line, self._cellar, neighbours, self._clock)
        try:
            # Whatever was under way when we stopped comes to its end first: nothing may arrive
            # that answers a message we do not yet know we sent.
            await outbox.settle()
            await all_or_stop(
                stop,
                client.run(door.take_in, stop),
                door.introduce(stop),
                bell.run(self._ready, stop),
                self._send(outbox, line, stop),
                courtesy.run(stop),
                neighbours.watch(line.on_move(), self._clock, stop),
                keep_house(
                    self._cellar,
                    line,
                    self._clock,
                    stop,
                    waiting_per_room=plan.limits.waiting_per_room,
                    on_limit=self._office.note_limit,
                ),
                self._office.run(line, self._ready, stop),
                *self._librarians.running(line, neighbours, stop),
                *([self._hear_of_others(rooms.practices, line, stop)] if self._speaker else []),
            )
        finally:
            self._hooks.errands = None
            await line.stop()

    async def _send(self, outbox: Outbox, line: StraightLine, stop: asyncio.Event) -> None:
        """Send what is due, once everything that people did before the start is known: they may have answered, or
        asked for quiet, or opened a room of their own.
        """
        await wake_or(stop, self._ready)
        await outbox.run(line.on_move(), stop)

    def _postman(self, client: MatrixClient, rooms: Furnished, views: HouseViews) -> MatrixPostman:
        plan = self._plan
        voice = Voice(
            Described(plan.bot, plan.operator, rooms.customs.outside_help(())),
            names=NamesNow(rooms.neighbours, self._cellar),
            texts=self._cellar,
            definitions=rooms.library,
            views=views,
            circle_name=rooms.called,
            file_bytes=plan.limits.file_bytes,
            on_limit=self._office.note_limit,
        )
        writer = ParcelWriter(voice, self._cellar, self._clock, rooms.customs, rooms.neighbours)
        return MatrixPostman(
            client.sender,
            client.rooms,
            client.direct,
            Addresses(self._cellar, rooms.neighbours, client.places),
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


async def all_or_stop(stop: asyncio.Event, *parts: Coroutine[None, None, None]) -> None:
    """Run all parts until they end by themselves; if one fails, stop the others and raise what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in tasks:
        task.result()
