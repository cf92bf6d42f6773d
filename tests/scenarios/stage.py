"""A stage: the whole engine with real words, a memory store and a clock that the test moves.

People write and tap; what they would see is read from their rooms. Everything between is the
production code; only store, clock and postman are doubles (held to the same contract suites).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bridge.reading.ear import Ear
from bridge.views import HouseViews
from bridge.wording.render import Hearer, Voice
from bridge.wording.render import House as Described
from engine.core.decide_desk import plain_emoji
from engine.core.desk import Rhythm
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId
from engine.loading.catalogue import Catalogue
from engine.runtime.batch import House
from engine.runtime.bell import Bell
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.ports import AnyArrival, Housed, Moved, Outcome, Reacted, Removed, Spoken, Want
from engine.testing import Brought, ManualClock, MemoryStore, RecordingPostman

WORKFLOWS = Path(__file__).parents[2] / "workflows"
MONDAY_10_00_MS = 1_800_266_400_000
"""Monday 2027-01-18 10:00 UTC."""
LONG_ENOUGH = 12
"""Letters from which on somebody's words are told from a command."""


class Line(NamedTuple):
    """One event in a room: when it came, how it travelled, whether it is a new message, and its words."""

    at_ms: Ms
    urgency: str
    new: bool
    words: str

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        mark = "" if self.new else " (edit or reaction)"
        return f"{at:%a %d %b %H:%M} [{self.urgency}]{mark}\n{self.words}\n"


class Cast:
    """Names, Matrix ids and persons of those on stage; implements what reader, voice and engine ask of them."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.persons: dict[str, PersonId] = {}
        self.here: dict[str, PersonId] = {}
        """Who is in the circle's room."""
        self.circle = CircleId("")

    async def enter(self, name: str) -> PersonId:
        self.here[name] = self.persons[name] = await self._store.person(f"@{name}:hearth.test")
        return self.persons[name]

    def name_of(self, person: PersonId) -> str | None:
        return next((name.capitalize() for name, p in self.persons.items() if p == person), None)

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        plain = name.removeprefix("@").partition(":")[0].strip().lower()
        return self.here.get(plain)

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return list(self.here.values())

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [self.circle] if person in self.here.values() else []

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return [self.persons[n] for n in ("dora",) if n in self.persons]


class _Names:
    def __init__(self, cast: Cast) -> None:
        self._cast = cast

    async def name_of(self, person: PersonId) -> str | None:
        return self._cast.name_of(person)


class Stage:
    """Build with ``await Stage.set("ana", "bruno", …)``; everyone has said yes to being written to."""

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed
        self.store = MemoryStore()
        self.clock = ManualClock(MONDAY_10_00_MS)
        self.cast = Cast(self.store)
        self.outcomes: list[tuple[str, Outcome]] = []
        self.written_at: dict[RowId, Ms] = {}
        self.instances: dict[InstanceId, None] = {}
        """Everything that was ever begun here."""
        self.last: AnyArrival | None = None
        """What happened last, so that it can happen once more."""
        self.said: list[str] = []
        """All words of people that are long enough to be recognised."""
        self._events = 0

    @classmethod
    async def set(cls, *names: str, seed: int = 1, greeted: bool = True, folder: Path = WORKFLOWS) -> Stage:
        stage = cls(seed)
        for name in names:
            await stage.cast.enter(name)
        stage.cast.circle = await stage.store.ensure_circle("!circle:hearth.test", "Circle")
        stage.catalogue = Catalogue(folder, stage.store.definition)
        problems = stage.catalogue.load()
        assert not [p for p in problems if p.severity == "error"], problems
        views = HouseViews(stage.store, stage.catalogue, stage.cast)
        stage.voice = Voice(
            Described("Hearth", "Dora", "112"),
            names=_Names(stage.cast),
            texts=stage.store,
            definitions=stage.catalogue,
            views=views,
        )
        stage.postman = RecordingPostman(stage._write)
        chance = random.Random(seed)
        reader = Ear(stage.cast, stage.catalogue, ("Hearth", "@hearth:hearth.test"))
        house = House(stage.store, stage.catalogue, reader, stage.cast, chance, Rhythm("UTC"))
        stage.line = StraightLine(house, stage.clock)
        stage.outbox = Outbox(stage.store, stage.postman, stage.clock, chance)
        stage.bell = Bell(stage.store, stage.line, stage.clock)
        stage.line.start()
        await stage.submit(Housed(id="intro", occurred_ms=stage.now_ms, circle=stage.cast.circle))
        if greeted:
            for name in names:
                stage.postman.present.add(stage.cast.persons[name])
                await stage.say(name, "start")
            stage.postman.brought.clear()
        return stage

    async def strike(self) -> None:
        """End the play."""
        await self.line.stop()

    async def _write(self, parcel: Parcel) -> str:
        self.written_at[parcel.row] = self.now_ms
        if parcel.emoji is not None:
            return parcel.emoji
        person = parcel.to.person if isinstance(parcel.to, Direct) else None
        circle = None if isinstance(parcel.to, Direct) else parcel.to.circle
        hearer = Hearer(person=person, matrix_id=None, circle=circle)
        return (await self.voice.render(parcel.message, hearer, self.now_ms)).body

    # ── acting ───────────────────────────────────────────────────────────────

    @property
    def now_ms(self) -> Ms:
        return self.clock.now_ms()

    async def submit(self, arrival: AnyArrival) -> Outcome:
        (outcome,) = await self.line.submit([arrival])
        self.outcomes.append((type(arrival).__name__, outcome))
        self.last = arrival
        self.instances |= dict.fromkeys(s.id for s in await self.store.open_instances(self.cast.circle))
        await self.settle()
        return outcome

    def _next_event(self) -> str:
        self._events += 1
        return f"$said{self._events}"

    async def say(
        self,
        name: str,
        words: str,
        *,
        room: bool = False,
        reply_to: str | None = None,
        edits: str | None = None,
    ) -> str:
        """Write a message, in one's own room or in the circle's; the event's id."""
        event = self._next_event()
        if len(words) > LONG_ENOUGH:
            self.said.append(words)
        await self.submit(
            Spoken(
                id=event,
                occurred_ms=self.now_ms,
                person=self.cast.persons[name],
                body=words,
                circle=self.cast.circle if room else None,
                addressed=room,
                reply_to=reply_to,
                edits=edits,
            )
        )
        return event

    async def tap(self, name: str, emoji: str, on: str, *, room: bool = False) -> str:
        """React to the latest message that contains ``on``; the event's id."""
        return await self.tap_event(name, emoji, self.find(name, on, room=room).event, room=room)

    async def tap_event(self, name: str, emoji: str, target: str, *, room: bool = False) -> str:
        """React to a message; the event's id."""
        event = self._next_event()
        await self.submit(
            Reacted(
                id=event,
                occurred_ms=self.now_ms,
                person=self.cast.persons[name],
                target=target,
                emoji=emoji,
                circle=self.cast.circle if room else None,
            )
        )
        return event

    async def remove(self, name: str, event: str) -> None:
        """Take back a reaction or a message."""
        await self.submit(
            Removed(
                id=self._next_event(),
                occurred_ms=self.now_ms,
                person=self.cast.persons[name],
                event=event,
            )
        )

    async def come(self, name: str) -> None:
        """Join one's 1:1 room."""
        person = self.cast.persons[name]
        self.postman.present.add(person)
        await self.submit(Moved(id=self._next_event(), occurred_ms=self.now_ms, person=person, joined=True))

    async def come_back(self, name: str) -> None:
        """Join the circle's room again."""
        person = self.cast.here[name] = self.cast.persons[name]
        arrival = Moved(
            id=self._next_event(),
            occurred_ms=self.now_ms,
            person=person,
            joined=True,
            circle=self.cast.circle,
        )
        await self.submit(arrival)

    async def leave(self, name: str, *, circle: bool = True) -> None:
        """Leave the circle's room, or one's 1:1 room."""
        if circle:
            self.cast.here.pop(name, None)
        await self.submit(
            Moved(
                id=self._next_event(),
                occurred_ms=self.now_ms,
                person=self.cast.persons[name],
                joined=False,
                circle=self.cast.circle if circle else None,
            )
        )

    # ── time ─────────────────────────────────────────────────────────────────

    async def settle(self) -> None:
        """Let everything that is due happen."""
        while await self.bell.ring_due() or await self.outbox.send_due():
            pass

    async def pass_time(self, by_ms: Ms) -> None:
        """Let time pass, stopping at every moment something is due."""
        until_ms = self.now_ms + by_ms
        while True:
            moments = [await self.store.next_timer_ms(), await self.store.next_parcel_ms()]
            coming = [m for m in moments if m is not None and m <= until_ms]
            step_to_ms = min(coming, default=until_ms)
            await self.clock.advance(max(0, step_to_ms - self.now_ms))
            await self.settle()
            if step_to_ms >= until_ms:
                return

    # ── seeing ───────────────────────────────────────────────────────────────

    def _room(self, name: str, *, room: bool) -> str:
        return f"s/{self.cast.circle}" if room else f"d/{self.cast.persons[name]}"

    def seen(self, name: str = "", *, room: bool = False) -> list[Brought]:
        """Everything brought to a person's room (or the circle's), oldest first, edits as events of their own."""
        where = self._room(name, room=room)
        return [b for b in self.postman.brought if b.room == where]

    def find(self, name: str, text: str, *, room: bool = False) -> Brought:
        """The latest original message that contains a text."""
        for brought in reversed(self.seen(name, room=room)):
            if text in brought.words and brought.parcel.edits is None and brought.parcel.emoji is None:
                return brought
        shown = "\n---\n".join(b.words for b in self.seen(name, room=room))
        raise AssertionError(f"{name or 'the room'} never saw {text!r} (seed {self.seed}); saw:\n{shown}")

    def words(self, name: str = "", *, room: bool = False) -> str:
        """All words of a room, in order, for reading as a person would."""
        return "\n\n".join(b.words for b in self.seen(name, room=room) if b.parcel.emoji is None)

    def choices(self, name: str, text: str, *, room: bool = False) -> list[str]:
        """The reactions placed under a message."""
        row = self.find(name, text, room=room).parcel.row
        return [
            plain_emoji(b.parcel.emoji or "") for b in self.seen(name, room=room) if b.parcel.reacts == row
        ]

    def diary(self, name: str = "", *, room: bool = False) -> list[Line]:
        """Everything a person (or the room) noticed or could notice, with its time: for comparing two plays."""
        return [
            Line(
                at_ms=self.written_at[b.parcel.row],
                urgency=b.parcel.urgency,
                new=b.parcel.edits is None and b.parcel.emoji is None,
                words=b.words,
            )
            for b in self.seen(name, room=room)
        ]

    def diaries(self, *, but: str = "") -> dict[str, list[Line]]:
        """The diaries of everybody but one, and the room's."""
        people = {name: self.diary(name) for name in self.cast.persons if name != but}
        return people | {"the room": self.diary(room=True)}

    def new(self, name: str = "", *, room: bool = False) -> list[str]:
        """The words of all new messages (no edits, no reactions), oldest first."""
        return [line.words for line in self.diary(name, room=room) if line.new]

    def now(self, name: str, text: str, *, room: bool = False) -> str:
        """How the latest message that contained a text reads now, after its edits."""
        row = self.find(name, text, room=room).parcel.row
        return [b.words for b in self.seen(name, room=room) if row in (b.parcel.row, b.parcel.edits)][-1]

    async def snapshots(self) -> list[Snapshot]:
        """Everything that was ever begun, as it stands."""
        loaded = await self.store.load(Want(instances=frozenset(self.instances)))
        return [loaded.snapshots[i] for i in self.instances if i in loaded.snapshots]

    async def state(self) -> str:
        """The state of what was begun last."""
        return (await self.snapshots())[-1].state
