"""A small house: the whole runtime over one workflow, with every port open to faults.

People write in a plain way that `PlainReader` understands: `supper @ben @chen`, `coming`, `stop`,
or any words. `boom` in a message makes reading it raise.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Any

from engine.core.definition import (
    AskDef,
    AtMoment,
    BoardDef,
    Choice,
    Circle,
    Definition,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnClosed,
    OnCommand,
    OnGathered,
    Part,
    PartDef,
    Room,
    Starter,
    StateDef,
    TellDef,
)
from engine.core.desk import Command, Desk, Reading, Rhythm
from engine.core.desk_commands import OWN_WORDS
from engine.core.desk_letter import LETTER
from engine.core.desk_practice import LEAVE_OFF, TRY
from engine.core.desk_table import plain_emoji
from engine.core.instance import Snapshot
from engine.core.limits import USUAL, LimitName, Limits
from engine.core.parcel import Target
from engine.core.values import DAY_MS, CircleId, InstanceId, Ms, PersonId, TextId
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.ports import (
    AnyArrival,
    Cellar,
    Moved,
    Outcome,
    Postman,
    Reacted,
    Removed,
    Spoken,
    Want,
)
from engine.runtime.practices import Practices
from engine.testing import Brought, ManualClock, MemoryStore, RecordingPostman, faulty

NOON = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""
CLOSES_MS = 5 * DAY_MS


def supper() -> Definition:
    """Guests are asked whether they come; the host sees the list; five days later it closes."""
    rsvp = AskDef(
        "rsvp",
        Part("guests"),
        choices=(Choice("coming", "✅"),),
        seen_by=("host",),
        until=MomentExpr("opening", CLOSES_MS),
    )
    feedback = AskDef("feedback", Circle(but=("host",)), words=True, seen_by=("host",), when=None)
    states = {
        "draft": StateDef("draft", gather=("guests",), moves=(MoveDef(OnGathered(), "open"),)),
        "open": StateDef(
            "open",
            asks=("rsvp",),
            board=(BoardDef("host", "list"),),
            moves=(
                MoveDef(OnCommand("cancel", ("host",)), "cancelled"),
                MoveDef(OnCommand("review", ("host",)), "review"),
                MoveDef(OnClosed("rsvp"), "review"),
            ),
        ),
        "review": StateDef(
            "review",
            asks=("feedback",),
            moves=(MoveDef(AtMoment(MomentExpr("entering", 3 * DAY_MS)), "over"),),
        ),
        "over": StateDef("over", final=True, outcome="over"),
        "cancelled": StateDef("cancelled", final=True, outcome="over"),
    }
    return Definition(
        name="supper",
        title="Supper",
        about="Come and eat.",
        digest="supper-1",
        begins_with="supper",
        parts=(PartDef("host", (Starter(),)), PartDef("guests", (NamedIn("guests"),))),
        details={"guests": DetailDef("guests", "people")},
        asks={"rsvp": rsvp, "feedback": feedback},
        states=states,
        start="draft",
        texts={
            "guests": "Who?",
            "rsvp.say": "<host> cooks. Do you come?",
            "rsvp.coming": "Coming",
            "feedback.say": "How was it?",
            "list": "Coming: <rsvp.coming>",
            "called": "supper",
            "over": "It was good.",
        },
        gaps={"rsvp.say": ("host",), "list": ("rsvp.coming",)},
    )


def picnic() -> Definition:
    """Everybody in the room may take it up there; the room is told when it is over."""
    everyone = AskDef(
        "everyone",
        Room(),
        choices=(Choice("in", "🙋"),),
        seen_by=("circle",),
        until=MomentExpr("opening", CLOSES_MS),
    )
    states = {
        "open": StateDef("open", asks=("everyone",), moves=(MoveDef(OnClosed("everyone"), "over"),)),
        "over": StateDef("over", final=True, outcome="over", tells=(TellDef(Room(), "over"),)),
    }
    return Definition(
        name="picnic",
        title="Picnic",
        about="On the grass.",
        digest="picnic-1",
        begins_with="picnic",
        parts=(PartDef("host", (Starter(),)),),
        details={"note": DetailDef("note", "words")},
        asks={"everyone": everyone},
        states=states,
        start="open",
        texts={"everyone.say": "A picnic?", "everyone.in": "In", "called": "picnic", "over": "Crumbs."},
        gaps={},
    )


class Shelf:
    """Implements ``engine.runtime.ports.Catalogue``; definitions may vanish from it."""

    def __init__(self, *definitions: Definition) -> None:
        self.definitions = {d.digest: d for d in definitions}

    def in_service(self, name: str, circle: CircleId | None = None) -> Definition | None:
        return next((d for d in self.definitions.values() if d.name == name), None)

    def begins(self, circle: CircleId | None = None) -> Mapping[str, str]:
        return {d.begins_with: d.name for d in self.definitions.values()}

    async def by_digest(self, digest: str) -> Definition | None:
        return self.definitions.get(digest)


class PlainReader:
    """Implements ``engine.runtime.ports.Reader`` for people who write plainly."""

    def __init__(self, persons: Mapping[str, PersonId]) -> None:
        self._persons = persons

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        body = spoken.body
        if "boom" in body:
            raise ValueError(body)
        first, *rest = body.split(" ") if body not in OWN_WORDS else [body]
        for word in (TRY, LEAVE_OFF):
            if body.startswith(f"{word} "):
                return Reading(command=Command(word, workflow=body.removeprefix(f"{word} "))), ""
        if body.startswith("not from "):
            meant = tuple(self._persons[who[1:]] for who in named_in(body))
            return Reading(command=Command("not from", people=meant)), ""
        people = tuple(self._persons[w[1:]] for w in rest if w.startswith("@"))
        if first in words or first in OWN_WORDS:
            behind = " ".join(w for w in rest if not w.startswith("@"))
            held = TextId("something") if behind else None
            return Reading(command=Command(first, people=people, rest=held)), behind
        picks = {p.row: body for p in desk.prompts if body in dict(p.choices)}
        if target is not None and body in dict(target.choices):
            picks[target.row] = body
        return Reading(picks=picks, people=tuple(self._persons[w[1:]] for w in named_in(body))), body


def named_in(body: str) -> list[str]:
    """The people that a message names."""
    return [word for word in body.split(" ") if word.startswith("@")]


class Village:
    """Implements ``engine.runtime.ports.Surroundings``: one circle, and everybody is in it."""

    def __init__(self) -> None:
        self.persons: dict[str, PersonId] = {}
        self.circle = CircleId("")
        self.helpers: tuple[PersonId, ...] = ()
        self.outside_help = True
        self.keepers: tuple[PersonId, ...] = ()
        self.roles: dict[tuple[str, bool], tuple[PersonId, ...]] = {}
        """(title, understudy) → who."""
        self.looked_up: list[str] = []
        """The titles that somebody asked about."""

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return list(self.persons.values())

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [self.circle]

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return self.helpers

    def has_outside_help(self, circle: CircleId) -> bool:
        return self.outside_help

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        return self.keepers

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        self.looked_up.append(role)
        return self.roles.get((role, understudy), ())


class SmallHouse:
    """Made by ``open``; ``close`` ends it. ``faults`` and ``mishaps`` are what goes wrong with store and postman."""

    def __init__(
        self,
        pace: int = 1,
        seed: int = 7,
        store: MemoryStore | None = None,
        at_start: frozenset[str] | None = None,
        limits: Limits = USUAL,
    ) -> None:
        """``at_start``: what the circle has in use before it has agreed to anything; None: everything. ``reached``
        counts how often each of the ``limits`` was reached.
        """
        self.limits = limits
        self.reached: Counter[LimitName] = Counter()
        self.store = store or MemoryStore()
        self.cellar, self.faults = faulty(cellar(self.store))
        self.clock = ManualClock(NOON, pace=pace)
        self.postman = RecordingPostman()
        self.carrier, self.mishaps = faulty(postman(self.postman))
        self.village = Village()
        self.shelf = Shelf(supper(), picnic())
        self.practices = Practices(self.shelf, self.village, at_start, rehearsed=at_start is None)
        self.chance = Random(seed)
        self.reader = PlainReader(self.village.persons)
        self.line = self.another_line()
        self.bell = Bell(self.cellar, self.line, self.clock)
        self.outbox = Outbox(self.cellar, self.carrier, self.clock, self.chance)
        self._events = 0

    @classmethod
    async def open(cls, *names: str, willing: bool = True, **more: Any) -> SmallHouse:
        """With these people, who have said yes to being written to if they are ``willing``."""
        house = cls(**more)
        house.village.circle = await house.store.ensure_circle("!circle:hearth.test", "Circle")
        for name in names:
            house.village.persons[name] = await house.store.person(f"@{name}:hearth.test")
        house.line.start()
        if willing:
            for name in names:
                house.postman.present.add(house.id(name))
                await house.say(name, "start")
            await house.settle()
            house.postman.brought.clear()
        house.faults.calls.clear()
        return house

    async def close(self) -> None:
        """End, letting real time pass for whatever an outage still makes wait."""
        ending = asyncio.create_task(self.line.stop())
        await self.patiently(ending)

    async def patiently(self, task: asyncio.Task[Any]) -> None:
        """Let real time pass until a task is done."""
        for _ in range(1_000):
            for _ in range(20):
                await asyncio.sleep(0)
            if task.done():
                return
            await self.clock.advance(1_000)
        raise AssertionError("it never ended")

    def another_line(self, seed: int = 7) -> StraightLine:
        """One more writer over the same store, as another process would be."""
        rhythm = Rhythm("UTC", 0, 0)
        chance = self.chance if seed == 7 else Random(seed)
        house = House(
            self.cellar,
            self.shelf,
            self.reader,
            self.village,
            chance,
            rhythm,
            practices=self.practices,
            limits=self.limits,
            on_limit=self.note_limit,
        )
        return StraightLine(house, self.clock)

    def note_limit(self, limit: LimitName, times: int) -> None:
        self.reached[limit] += times

    def id(self, name: str) -> PersonId:
        return self.village.persons[name]

    # ── acting ───────────────────────────────────────────────────────────────

    @property
    def now_ms(self) -> Ms:
        return self.clock.now_ms()

    def next_id(self) -> str:
        self._events += 1
        return f"$e{self._events}"

    def spoken(self, name: str, body: str, **more: Any) -> Spoken:
        fields = {"id": self.next_id(), "occurred_ms": self.now_ms} | more
        return Spoken(person=self.id(name), body=body, **fields)

    def moved(self, name: str, *, joined: bool, room: bool = False) -> Moved:
        return Moved(
            id=self.next_id(),
            occurred_ms=self.now_ms,
            person=self.id(name),
            joined=joined,
            circle=self.village.circle if room else None,
        )

    async def submit(self, *arrivals: AnyArrival) -> list[Outcome]:
        return await self.line.submit(arrivals)

    async def say(self, name: str, body: str, **more: Any) -> Outcome:
        (outcome,) = await self.submit(self.spoken(name, body, **more))
        return outcome

    async def tap(self, name: str, emoji: str, on: Brought) -> str:
        arrival = Reacted(
            id=self.next_id(), occurred_ms=self.now_ms, person=self.id(name), target=on.event, emoji=emoji
        )
        await self.submit(arrival)
        return arrival.id

    async def remove(self, name: str, event: str) -> None:
        await self.submit(
            Removed(id=self.next_id(), occurred_ms=self.now_ms, person=self.id(name), event=event)
        )

    async def come(self, name: str) -> None:
        self.postman.present.add(self.id(name))
        await self.submit(self.moved(name, joined=True))

    async def settle(self) -> None:
        """Let everything that is due happen."""
        for _ in range(1_000):
            if not (await self.bell.ring_due() or await self.outbox.send_due()):
                return
        raise AssertionError("the house does not come to rest")

    async def pass_time(self, by_ms: Ms) -> None:
        """Let time pass, stopping at every moment at which something is due."""
        until_ms = self.now_ms + by_ms
        while True:
            moments = [await self.store.next_timer_ms(), await self.store.next_parcel_ms()]
            step_ms = min([m for m in moments if m is not None and m <= until_ms], default=until_ms)
            await self.clock.advance(max(0, step_ms - self.now_ms))
            await self.settle()
            if step_ms >= until_ms:
                return

    # ── seeing ───────────────────────────────────────────────────────────────

    def seen(self, name: str) -> list[Brought]:
        """What lies in a person's room, without the choices placed under prompts, and without weekly letters."""
        room = f"d/{self.id(name)}"
        here = [b for b in self.postman.brought if b.room == room and b.parcel.emoji is None]
        return [b for b in here if b.parcel.message.view != LETTER]

    def in_room(self) -> list[str]:
        """The first key of everything in the circle's room, edits with a star."""
        room = f"s/{self.village.circle}"
        found = [b for b in self.postman.brought if b.room == room]
        return [("*" if b.parcel.edits else "") + b.words.partition("\n")[0] for b in found]

    def words(self, name: str) -> list[str]:
        """The first key of every message in a person's room, edits with a star."""
        return [("*" if b.parcel.edits else "") + b.words.partition("\n")[0] for b in self.seen(name)]

    def find(self, name: str, key: str) -> Brought:
        return next(b for b in reversed(self.seen(name)) if key in b.words and not b.parcel.edits)

    async def desk(self, name: str) -> Desk:
        loaded = await self.store.load(Want(desks=frozenset({self.id(name)})))
        return loaded.desks[self.id(name)]

    async def snapshots(self) -> Sequence[Snapshot]:
        return await self.store.open_instances(self.village.circle)

    async def snapshot(self) -> Snapshot:
        (found,) = await self.snapshots()
        return found

    async def begun(self) -> InstanceId:
        """Ana asks Ben and Chen to supper."""
        await self.say("ana", "supper @ben @chen")
        await self.settle()
        return (await self.snapshot()).id

    def choice_of(self, snapshot: Snapshot, ref: str) -> str | None:
        answers = {str(who): answer for who, answer in snapshot.asks["rsvp"].answers.items()}
        return answers[ref].choice if ref in answers else None


def cellar(store: MemoryStore) -> Cellar:
    return store


def postman(double: RecordingPostman) -> Postman:
    return double


def plain(emoji: str | None) -> str:
    return plain_emoji(emoji or "")


async def until(truth: Any, *, tries: int = 2_000) -> None:
    """Wait for a thing to be so, letting everything else go on; never for a time."""
    for _ in range(tries):
        if truth():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be")
