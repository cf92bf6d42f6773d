"""One process of the bot: what it remembers is gone when it falls; what was committed is not."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec

from engine.core.parcel import Direct, Parcel
from engine.core.values import HOUR_MS, MINUTE_MS, CircleId, Ms, PersonId
from engine.runtime.batch.instances import SEED_BITS
from engine.runtime.bell import Bell
from engine.runtime.carrying import takes_back, texts_in
from engine.runtime.house import House
from engine.runtime.housekeeping import keep_house
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.pace import Pace
from engine.runtime.ports import (
    AnyArrival,
    Cellar,
    Conflict,
    Echo,
    Housed,
    KeptRow,
    Paced,
    Sealed,
    Sent,
    TryLater,
    Unavailable,
    Undeliverable,
)
from engine.runtime.practices import Practices
from engine.runtime.waking import wake_or
from tests.privacy.crowd import playbill
from tests.simulation.loop import CREW, Crew
from tests.simulation.reader import PlainReader

if TYPE_CHECKING:
    from tests.simulation.world import World

WRITES = frozenset(
    ("commit", "claim", "seal", "mark_sent", "postpone", "bury", "forget", "forget_seen", "person")
)
SURELY_KNOWN_REAL_MS = 20 * HOUR_MS
MOST_SYNCED = 12
MOST_AT_ONCE = 1_000
CURSOR = ("cursor", "")
STEWARD_OF = 0
"""Which of a circle's people is its steward."""


class Clock:
    """Implements ``engine.runtime.ports.Clock`` over the loop's time, as wrong as the machine's clock is set."""

    def __init__(self, world: World, behind_ms: Ms = 0) -> None:
        """Whoever waits by it wakes ``behind_ms`` after the moment."""
        self._world = world
        self._behind_ms = behind_ms

    def now_ms(self) -> Ms:
        return self._world.true_ms() + self._world.skew_ms

    def true_ms(self) -> Ms:
        """The time of the world, which nobody can set."""
        return self._world.true_ms()

    def after(self, real_ms: Ms) -> Ms:
        return self.now_ms() + real_ms * self._world.script.pace

    async def wait_until(self, at_ms: Ms) -> None:
        # Looked at again and again, as the real clock does, because it may be set meanwhile.
        while (left_ms := at_ms - self.now_ms()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left_ms, HOUR_MS * self._world.script.pace) / 1000)
        if self._behind_ms:
            await asyncio.sleep(self._behind_ms / 1000)


class Lot(random.Random):
    """Chance that hangs on the moment alone: what is drawn is the same however much was said before."""

    def __init__(self, seed: int, number: int, clock: Clock) -> None:
        super().__init__(seed)
        self._seed, self._number, self._clock = seed, number, clock
        self._last: tuple[Ms, int] = (0, 0)

    def getrandbits(self, bits: int) -> int:
        now_ms = self._clock.now_ms()
        if bits == SEED_BITS:
            return random.Random(f"{self._seed} {now_ms}").getrandbits(bits)
        true_ms, (last_ms, drawn) = self._clock.true_ms(), self._last
        self._last = (true_ms, drawn + 1 if true_ms == last_ms else 0)
        # No process gives an id twice, though its clock be put back, and none gives another's.
        where = f"{true_ms} {self._number} {self._last[1]}"
        return random.Random(f"{self._seed} {where}").getrandbits(bits)


class Door:
    """Hears what the homeserver tells, and hands it to the line together with the cursor."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self) -> None:
        process, world = self._process, self._process.world
        cursor = int((await process.cellar.kept()).get(CURSOR, b"0"))
        lot = random.Random(f"door {world.script.seed} {process.number}")
        while True:
            await process.step("sync")
            if world.weather.strikes("deaf", world.true_ms()):
                await asyncio.sleep(5 * world.script.pace)
                continue
            # Where two plays are compared, what came at one moment is heard at once in both.
            most = MOST_AT_ONCE if world.script.still else lot.randint(1, MOST_SYNCED)
            heard = world.homeserver.timeline[cursor : cursor + most]
            if not heard:
                process.ready.set()
                world.homeserver.news.clear()
                await world.homeserver.news.wait()
                continue
            upto = cursor + len(heard)
            if cursor and world.weather.strikes("twice", world.true_ms(), 0.5):
                heard = [*heard, *world.homeserver.timeline[max(0, cursor - 5) : upto]]
            try:
                await self._take_in(heard, upto)
            except Unavailable:
                await asyncio.sleep(5 * world.script.pace)
                continue
            cursor = upto

    async def _take_in(self, heard: Sequence[AnyArrival], upto: int) -> None:
        line = self._process.line
        arrivals = [await self._known(arrival) for arrival in heard]
        echoes = [arrival for arrival in arrivals if isinstance(arrival, Echo)]
        if echoes:
            await line.submit(echoes)
        rest = [arrival for arrival in arrivals if not isinstance(arrival, Echo)]
        await line.submit(rest, [KeptRow(*CURSOR, str(upto).encode())])

    async def _known(self, arrival: AnyArrival) -> AnyArrival:
        """The same with the people as the house knows them: whoever was forgotten is somebody new."""
        person = getattr(arrival, "person", None)
        changes: dict[str, Any] = {}
        if person is not None:
            changes["person"] = await self._process.learn(person)
        circle = getattr(arrival, "circle", None)
        if circle is not None:
            changes["circle"] = self._process.world.circles[int(circle)]
        return msgspec.structs.replace(arrival, **changes) if changes else arrival


class Village:
    """Implements ``engine.runtime.ports.Surroundings``: who is in which circle's room, as it is just now."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    def _number(self, circle: CircleId) -> int | None:
        return self._world.circles.index(circle) if circle in self._world.circles else None

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        number = self._number(circle)
        here = () if number is None else sorted(self._world.homeserver.members[f"s/{number}"])
        return [await self._process.learn(name) for name in here]

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        name = self._process.name_of(person)
        rooms = self._world.homeserver.members
        return [circle for n, circle in enumerate(self._world.circles) if name in rooms[f"s/{n}"]]

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return self._those(circle, slice(1, 3))

    def has_outside_help(self, circle: CircleId) -> bool:
        return True

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        return self._those(circle, slice(STEWARD_OF, STEWARD_OF + 1))

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        return self._those(circle, slice(2, 3) if understudy else slice(1, 2))

    def _those(self, circle: CircleId, which: slice) -> list[PersonId]:
        number = self._number(circle)
        names = () if number is None else self._world.script.circles[number][which]
        known = self._process.persons
        return [known[name] for name in names if name in known]


class _Letter(msgspec.Struct, frozen=True):
    parcel: Parcel
    words: tuple[str, ...]
    sealed_ms: Ms


class Postman:
    """Implements ``engine.runtime.ports.Postman``: keeps to what ``bridge.matrix.postman`` promises."""

    def __init__(self, process: Process, pace: Pace | None) -> None:
        self._process = process
        self._world = process.world
        self._pace = pace

    async def room_for(self, parcel: Parcel) -> str:
        await self._process.step("room_for")
        if isinstance(parcel.to, Direct):
            return f"d/{await self._name(parcel.to.person)}"
        return f"s/{self._world.circles.index(parcel.to.circle)}"

    async def _name(self, person: PersonId) -> str:
        matrix_id = await self._process.cellar.matrix_id(person)
        if matrix_id is None:
            raise Undeliverable("nobody is known by this id any more")
        return matrix_id

    async def is_present(self, person: PersonId) -> bool:
        await self._process.step("is_present")
        name = await self._name(person)
        return name in self._world.homeserver.members[f"d/{name}"]

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        await self._process.step("seal")
        cellar = self._process.cellar
        for row in parcel.forerunners:
            if await cellar.sent_event(row) is None:
                raise Undeliverable("what it refers to was never sent")
        words = []
        if not takes_back(parcel):
            words = [await cellar.text(text) or "" for text in sorted(texts_in(parcel.message))]
        self._world.about_to_leave(parcel)
        return Sealed(msgspec.json.encode(_Letter(parcel, tuple(words), self._world.true_ms())))

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        world, now_ms = self._world, self._world.true_ms
        letter = msgspec.json.decode(sealed, type=_Letter)
        wait_ms = self._pace.begin("messages") if self._pace is not None else 0
        if wait_ms:
            raise Paced("the homeserver's limit", wait_ms)
        crash = await self._process.step("put")
        await self._dawdle()
        if world.weather.strikes("too many", now_ms()):
            retry_ms = world.weather.lot("too many").choice((None, 500, 4_000, 60_000))
            if self._pace is not None:
                self._pace.refused("messages", retry_ms)
            raise Paced("429", retry_ms)
        if world.weather.strikes("mute", now_ms(), 0.7):
            if self._pace is not None:
                self._pace.failed("messages")
            raise TryLater("the request was lost")
        retried = now_ms() - letter.sealed_ms > 2 * MINUTE_MS * world.script.pace
        event = None
        if now_ms() - letter.sealed_ms > SURELY_KNOWN_REAL_MS * world.script.pace:
            event = world.homeserver.search(room, transaction)
        if event is None:
            event = world.homeserver.put(room, transaction, letter.parcel, letter.words, retried=retried)
        if self._pace is not None:
            self._pace.accepted("messages")
        if crash:
            await self._process.fall()
        if world.weather.strikes("answers lost", now_ms(), 0.5):
            raise TryLater("the answer was lost")
        return Sent(event)

    async def _dawdle(self) -> None:
        world = self._world
        if world.weather.strikes("slow sends", world.true_ms(), 0.5):
            # Now and then longer than a lease: somebody else may have claimed it meanwhile.
            seconds = world.weather.lot("slow sends").choice((1, 5, 20, 150, 400))
            await asyncio.sleep(seconds * world.script.pace)
            if self._process.dead:
                raise asyncio.CancelledError

    async def find(self, room: str, transaction: str) -> Sent | None:
        event = self._world.homeserver.search(room, transaction)
        return None if event is None else Sent(event)

    async def let_go(self, person: PersonId) -> None:
        await self._process.step("let_go")
        name = await self._name(person)
        self._world.homeserver.members[f"d/{name}"].discard(name)


class Process:
    """Made anew at each start. ``run`` is its whole life."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.crew = Crew()
        self.dead = False
        self.ready = asyncio.Event()
        self.persons: dict[str, PersonId] = {}
        self._jitter = random.Random(f"jitter {world.script.seed} {number}")
        self.clock = Clock(world)
        self.cellar = cast("Cellar", _Far(self))
        seed = world.script.seed
        lot = Lot(seed, number, self.clock)
        village = Village(self)
        self.practices = Practices(playbill, village, world.at_start, rehearsed=True)
        house = House(
            self.cellar,
            playbill,
            PlainReader(self.persons),
            village,
            lot,
            practices=self.practices,
            rhythms=dict(zip(world.circles, world.rhythms, strict=True)),
        )
        self.line = StraightLine(house, self.clock)
        # Where two plays are compared, nothing may depend on how much is said.
        pace = None if world.script.still else Pace(lambda: self.clock.now_ms() // world.script.pace)
        # Quiet hours end for the weekly letter and for what has waited through the night at one moment. Which of them
        # is first, and with it whether the letter already knows of the question, hangs on when each has looked last,
        # that is on anything at all that was said before. Where two plays are compared, the bell is first in both.
        behind = Clock(world, behind_ms=1) if world.script.still else self.clock
        self.outbox = Outbox(
            self.cellar,
            Postman(self, pace),
            behind,
            random.Random(f"outbox {seed} {number}"),
            on_forgotten=self._forget,
            pace=pace,
            usual=house.rhythm_of,
        )
        self.bell = Bell(self.cellar, self.line, self.clock)

    # ── its life ─────────────────────────────────────────────────────────────

    def start(self) -> asyncio.Task[None]:
        """Begin to live; the task ends with an exception if it falls over something."""
        context = contextvars.copy_context()
        context.run(CREW.set, self.crew)
        return asyncio.get_running_loop().create_task(self._live(), context=context)

    async def _live(self) -> None:
        never = asyncio.Event()
        for name in sorted({name for circle in self.world.script.circles for name in circle}):
            await self.learn(name)
        await self.practices.recall(self.cellar)
        self.line.start()
        await self.outbox.settle()
        async with asyncio.TaskGroup() as parts:
            parts.create_task(Door(self).run())
            parts.create_task(self.bell.run(self.ready, never))
            parts.create_task(self._send(never))
            parts.create_task(keep_house(self.cellar, self.line, self.clock, never))
            parts.create_task(self._introduce())

    async def _send(self, never: asyncio.Event) -> None:
        await wake_or(never, self.ready)
        await self.outbox.run(self.line.on_move(), never)

    async def _introduce(self) -> None:
        await self.ready.wait()
        now_ms = self.clock.now_ms()
        await self.line.submit(
            [Housed(id=f"intro:{c}", occurred_ms=now_ms, circle=c) for c in self.world.circles]
        )

    async def die(self) -> None:
        """Everything it had in memory vanishes; nothing it still does has any effect."""
        self.dead = True
        for _ in range(100):
            tasks = list(self.crew.tasks)
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise AssertionError("it would not die")

    async def fall(self) -> None:
        """Die here and now: whoever calls this never goes on."""
        self.dead = True
        self.world.fallen.set()
        await asyncio.get_running_loop().create_future()

    # ── between it and the world ─────────────────────────────────────────────

    async def step(self, call: str) -> bool:
        """One call to the outside: it may take a moment, and it may be the last. True: it is, once it took effect."""
        if self.dead:
            raise asyncio.CancelledError
        if not self.world.script.still and self._jitter.random() < 0.15:
            await asyncio.sleep(self._jitter.choice((0, 0.001, 0.02)) * self.world.script.pace)
        last = self.world.counts_down()
        if last == "before":
            self.world.note(f"the process falls before {call}")
            await self.fall()
        if last == "after":
            self.world.note(f"the process falls after {call}")
        return last == "after"

    async def learn(self, name: str) -> PersonId:
        """The person of this name, made known on first sight."""
        known = self.persons.get(name)
        if known is None:
            known = self.persons[name] = await self.cellar.person(name)
        return known

    def name_of(self, person: PersonId) -> str | None:
        return next((name for name, known in self.persons.items() if known == person), None)

    def _forget(self, person: PersonId) -> None:
        name = self.name_of(person)
        if name is not None:
            del self.persons[name]


class _Far:
    """The store as a process reaches it: late, or not at all."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._world = process.world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._world.store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            crash = await self._process.step(name)
            await self._suffer(name, args)
            result = await method(*args, **kwargs)
            self._world.stored(name, args)
            if crash:
                await self._process.fall()
            if self._process.dead:
                raise asyncio.CancelledError
            if self._lost(name):
                self._world.note(f"the answer to {name} is lost")
                raise Unavailable("the answer was lost")
            return result

        self.__dict__[name] = call
        return call

    async def _suffer(self, name: str, args: tuple[Any, ...]) -> None:
        weather, now_ms = self._world.weather, self._world.true_ms()
        if weather.strikes("slow store", now_ms, 0.3):
            seconds = weather.lot("slow store").choice((0.1, 1, 10)) * self._world.script.pace
            await asyncio.sleep(seconds)
            if self._process.dead:
                raise asyncio.CancelledError
        if weather.strikes("unavailable", now_ms, 0.7):
            raise Unavailable("not to be reached")
        if name in WRITES and weather.strikes("full disk", now_ms):
            raise Unavailable("no room left")
        if name == "commit" and weather.strikes("conflicts", now_ms, 0.5):
            raise Conflict("somebody else was quicker")

    def _lost(self, name: str) -> bool:
        weather = self._world.weather
        return name in WRITES and weather.strikes("answers lost", self._world.true_ms(), 0.2)
