"""The world of one play: clock, store, homeserver, people and the process that may fall at any moment."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from engine.core.desk import Desk, Rhythm
from engine.core.parcel import Parcel
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, CircleId, Ms, PersonId
from engine.runtime.blame import where
from engine.runtime.practices import AGREEING
from engine.testing import MemoryStore
from tests.simulation.homeserver import REMEMBERS_REAL_MS, Homeserver, Standing
from tests.simulation.invariants import Witness
from tests.simulation.loop import SimulatedLoop, Stuck
from tests.simulation.people import People
from tests.simulation.process import Process
from tests.simulation.script import Item, Script
from tests.simulation.weather import Weather

START_MS = 1_800_266_400_000
"""Monday 2027-01-18 10:00 UTC."""
STARTS_AGAIN_REAL_SECONDS = 5
MOST_NOTES = 4_000
RHYTHMS = (Rhythm("UTC"), Rhythm("Pacific/Auckland", 22, 7))
"""When the people of each circle are written to, until they say otherwise."""
REST_MS = 2 * DAY_MS
"""How long nothing goes wrong any more before it is looked at whether everything came to its end."""


class Entry(NamedTuple):
    """One message as it is read: when, and all that can be seen of it."""

    at_ms: Ms
    what: str


class Played(NamedTuple):
    """What came of a play."""

    script: Script
    broken: tuple[str, ...]
    """Promises that were not kept; none: all is well."""
    story: tuple[str, ...]
    """What happened, in order."""
    digest: str
    """The same for two plays exactly if the same happened in both."""
    commits: int
    sent: int
    diaries: dict[str, list[Entry]]
    """Room → what was read there; kept only where two plays are held against each other."""


class World:
    """Build, then ``await world.play()``; use ``play(script)`` from outside."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.skew_ms: Ms = 0
        self.most_skewed_ms: Ms = 0
        self._clock_set_ms: Ms = 0
        self.rhythms = RHYTHMS
        self.at_start = frozenset(script.workflows) - {AGREEING}
        self.weather = Weather()
        self.store = MemoryStore(random.Random(f"store {script.seed}"))
        self.homeserver = Homeserver(self.true_ms, REMEMBERS_REAL_MS * script.pace)
        self.people = People(self)
        self.circles: list[CircleId] = []
        self.fallen = asyncio.Event()
        self.witness = Witness(self)
        self.homeserver.on_put = self._put
        self.process: Process | None = None
        self.story: list[str] = []
        self._crash: list[Any] = []
        self._down_until_ms: Ms = 0
        self._healed = False
        self._hash = hashlib.sha256()
        self.commits = 0
        self.diaries: dict[str, list[Entry]] = {}
        self._names: dict[PersonId, str] = {}
        """Whoever is known, and whoever is just being forgotten."""

    def true_ms(self) -> Ms:
        """The time of the world, which the homeserver stamps; the bot's clock may be wrong."""
        return START_MS + round(asyncio.get_running_loop().time() * 1000)

    def house_ms(self) -> Ms:
        """The time by the bot's clock."""
        return self.true_ms() + self.skew_ms

    def clock_was_set_within(self, span_ms: Ms) -> bool:
        """Whether the bot's clock was put forward or back a moment ago."""
        return self.true_ms() - self._clock_set_ms < span_ms

    # ── what happened ────────────────────────────────────────────────────────

    def note(self, what: str) -> None:
        """Remember something for the story."""
        since_ms = self.true_ms() - START_MS
        line = f"day {since_ms // DAY_MS} {since_ms % DAY_MS / HOUR_MS:08.5f}h  {what}"
        self._hash.update(line.encode())
        if len(self.story) < MOST_NOTES:
            self.story.append(line)

    def stored(self, call: str, args: tuple[Any, ...]) -> None:
        """Something has just been done in the store."""
        if call == "person":
            self._names[self.store._person_ids[args[0]]] = args[0]
        if call == "commit":
            self.commits += 1
            self._watch(self.witness.after_commit, args[0])
        elif call == "forget":
            self.witness.forget(args[0], self._names.pop(args[0], ""))

    def _watch(self, look: Callable[[Any], None], at: Any) -> None:
        """Let the witness look; what it trips over itself is no fault of whoever called."""
        try:
            look(at)
        except Exception as error:  # noqa: BLE001 - told as a finding, with where it happened
            self.witness.broken.append(f"the witness tripped: {error!r} at {where(error)}")

    def _put(self, standing: Standing) -> None:
        keys = ",".join(line.key for line in standing.parcel.message.lines)
        self.note(
            f"{standing.room} reads {standing.event} {standing.parcel.urgency} {keys} {standing.parcel.row}"
        )
        if self.script.still:
            self.diaries.setdefault(standing.room, []).append(
                Entry(standing.at_ms, self._as_read(standing.parcel))
            )
        self._watch(self.witness.after_put, standing)

    def _as_read(self, parcel: Parcel) -> str:
        """Everything of a message that can be seen, with people's words in place of what stands for them here."""

        def plain(found: Any) -> Any:
            if isinstance(found, dict):
                text = self.store._texts.get(found["text"]) if found.get("is") == "text" else None
                if found.get("is") == "text":
                    return "" if text is None else text.body
                return {key: plain(value) for key, value in found.items() if key != "instance"}
            return [plain(each) for each in found] if isinstance(found, list | tuple) else found

        message = plain(msgspec.to_builtins(parcel.message))
        # What is mixed by chance comes in another order in every play, whatever anybody does.
        lines = sorted(msgspec.json.encode(line).decode() for line in message.pop("lines", ()))
        kind = [
            name
            for name in ("edits", "reacts", "replies", "redacts", "polls", "ends")
            if getattr(parcel, name)
        ]
        return f"{parcel.urgency} {kind} {parcel.emoji} {parcel.document} {lines} {message}"

    def about_to_leave(self, parcel: Parcel) -> None:
        """A message is being sealed."""
        self._watch(self.witness.after_seal, parcel)

    def desk_of(self, name: str) -> Desk | None:
        """What lies before somebody, as it was committed last."""
        person = self.store._person_ids.get(name)
        return self.store._desks.get(person) if person is not None else None

    def usual(self, person: PersonId) -> Rhythm:
        """When somebody may be written to who has chosen nothing: as in the first of their circles."""
        rooms, name = self.homeserver.members, self.name_of(person)
        return next((rhythm for n, rhythm in enumerate(RHYTHMS) if name in rooms[f"s/{n}"]), RHYTHMS[0])

    def name_of(self, person: PersonId) -> str | None:
        return self.store._people.get(person)

    def counts_down(self) -> str | None:
        """``before`` or ``after`` if the process is to fall at this call."""
        if not self._crash:
            return None
        self._crash[0] -= 1
        if self._crash[0] > 0:
            return None
        when = str(self._crash[1])
        self._crash = []
        return when

    # ── playing ──────────────────────────────────────────────────────────────

    async def play(self) -> Played:
        """The whole of it."""
        for n, names in enumerate(self.script.circles):
            self.circles.append(await self.store.ensure_circle(f"!{n}", f"Circle {n}"))
            self.homeserver.members[f"s/{n}"] = set(names)
        keeper = asyncio.create_task(self._keep_alive())
        try:
            await self._act()
            await self._come_to_rest()
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            if self.process is not None:
                await self.process.die()
        return self.played()

    def played(self) -> Played:
        """What has come of it so far."""
        return Played(
            self.script,
            tuple(self.witness.broken),
            tuple(self.story),
            self._hash.hexdigest(),
            self.commits,
            len(self.homeserver.by_row),
            self.diaries,
        )

    async def _act(self) -> None:
        for item in self.script.items:
            left_ms = START_MS + item.at_ms - self.true_ms()
            if left_ms > 0:
                await asyncio.sleep(left_ms / 1000)
            if self.witness.broken:
                return
            if self.people.knows(item.kind):
                self.note(f"#{item.n} {item.kind}: {self.people.act(item)}")
            else:
                self._suffer(item)

    def _suffer(self, item: Item) -> None:
        self.note(f"#{item.n} {item.kind} {item.what} for {item.by_ms / MINUTE_MS:g} min")
        until_ms = self.true_ms() + item.by_ms
        match item.kind:
            case "crash":
                calls, when = item.what.split()
                self._crash, self._down_until_ms = [int(calls), when], until_ms
            case "kill":
                self._down_until_ms = until_ms
                self.fallen.set()
            case "clock":
                self.skew_ms += int(item.what)
                self.most_skewed_ms = max(self.most_skewed_ms, abs(self.skew_ms))
                self._clock_set_ms = self.true_ms()
            case "nothing":
                pass
            case _:
                lot = random.Random(f"{self.script.seed} {item.n} {item.kind}")
                self.weather.turn(item.kind, until_ms, lot)

    async def _keep_alive(self) -> None:
        """Start the process again whenever it has fallen."""
        number = 0
        while True:
            self.fallen.clear()
            number += 1
            self.process = Process(self, number)
            living = self.process.start()
            falling = asyncio.create_task(self.fallen.wait())
            await asyncio.wait((living, falling), return_when=asyncio.FIRST_COMPLETED)
            falling.cancel()
            if living.done() and not living.cancelled():
                self.witness.fell_over(living.exception())
            await self.process.die()
            self.note(f"process {number} is gone")
            pause_s = STARTS_AGAIN_REAL_SECONDS * self.script.pace
            await asyncio.sleep(
                max(pause_s, 0 if self._healed else (self._down_until_ms - self.true_ms()) / 1000)
            )
            self._down_until_ms = 0

    async def _come_to_rest(self) -> None:
        """Nothing goes wrong any more; after a while everything must have come to its end."""
        if self.witness.broken:
            return
        self.weather.clear()
        self._crash = []
        self._healed = True
        self.note("from here on nothing goes wrong")
        await asyncio.sleep(max(REST_MS, 45 * MINUTE_MS * self.script.pace) / 1000)
        if not self.witness.broken:
            self.witness.at_rest()


def play(script: Script) -> Played:
    """Play a script from its beginning to its end, or to the first broken promise."""
    world: list[World] = []

    async def whole() -> Played:
        world.append(World(script))
        return await world[0].play()

    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        try:
            return runner.run(whole())
        except Stuck as stuck:
            world[0].witness.broken.append(f"time_goes_on: {stuck}")
            return world[0].played()
