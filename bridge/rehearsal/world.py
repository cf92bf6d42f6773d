"""A world: a stage without words, that can be forked and moved on many thousand times.

Everything that decides is the production code. What is left out is what costs time and decides nothing: finding
words, and reading them. What somebody says arrives as it would have been understood.
"""

from __future__ import annotations

import random

import msgspec

from bridge.circles.roles import Roles
from bridge.rehearsal.cast import Cast
from bridge.rehearsal.playbill import Playbill
from bridge.rehearsal.stage import Stage, next_moment_ms
from engine.core.definition import Definition
from engine.core.desk import Desk, Reading
from engine.core.desk_letter import LETTER
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel, Target
from engine.core.values import WEEK_MS, InstanceId, Ms, PersonId, RowId
from engine.runtime.bell import Bell
from engine.runtime.carrying import takes_back
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.localize import Cast as Casting
from engine.runtime.outbox import Outbox
from engine.runtime.ports import AnyArrival, Moved, Reacted, Sealed, Sent, Spoken, Want
from engine.runtime.practices import Practices
from engine.testing import ManualClock

WORDS = "A few words of their own."
MOST_RINGS = 200
"""Moments that may pass one after another with nothing to see."""


class Letter(msgspec.Struct, frozen=True):
    """A new message as it reached somebody (None: the room)."""

    at_ms: Ms
    person: PersonId | None
    urgency: str
    ask: str | None
    instance: InstanceId | None
    """What it belongs to."""


class _Understood:
    """Implements ``engine.runtime.ports.Reader``: a message is its own reading."""

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: object,
        now_ms: Ms,
        circles: object = (),
    ) -> tuple[Reading, str]:
        return msgspec.json.decode(spoken.body, type=Reading), WORDS


class _Letterbox:
    """Implements ``engine.runtime.ports.Postman``: everybody is in their room, and every letter arrives."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.letters: list[Letter] = []

    def note(self, parcel: Parcel, at_ms: Ms) -> None:
        """Write down a letter, if it is a new one. Weekly letters, which come whatever is on, do not count."""
        if parcel.message.view == LETTER:
            return
        if not parcel.belongs_below and not takes_back(parcel):
            person = parcel.to.person if isinstance(parcel.to, Direct) else None
            ask = parcel.target.ask if parcel.target is not None else None
            self.letters.append(Letter(at_ms, person, parcel.urgency, ask, parcel.about))

    async def room_for(self, parcel: Parcel) -> str:
        return f"d/{parcel.to.person}" if isinstance(parcel.to, Direct) else f"s/{parcel.to.circle}"

    async def is_present(self, person: PersonId) -> bool:
        return True

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        self.note(parcel, self._clock.now_ms())
        return Sealed(b"sealed")

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        return Sent(f"${transaction}")

    async def find(self, room: str, transaction: str) -> Sent | None:
        """Nothing here was sent before it was sealed."""
        return None

    async def let_go(self, person: PersonId) -> None:
        """Whoever is forgotten has no room any more; nothing here is left of it."""


class World:
    """How everything stands at one moment of one of many plays."""

    def __init__(self, playbill: Playbill, cast: Cast, stage: Stage | World, seed: int) -> None:
        """A world that stands as ``stage`` does; ``cast`` is to be its own, over its own store."""
        self.playbill = playbill
        self.store = cast.store
        self.cast = cast
        self.clock = ManualClock(stage.now_ms)
        self.recent: dict[PersonId, tuple[Letter, ...]] = {}
        """Per person the letters of the last seven days."""
        self._seed = seed
        self._events = 0
        self._postman = _Letterbox(self.clock)
        self.practices: Practices = stage.practices.beside(cast)
        chance = random.Random(f"world {seed}")  # noqa: S311 - repeatable on purpose
        self._house = House(self.store, playbill, _Understood(), cast, chance, practices=self.practices)

    @classmethod
    def of(cls, stage: Stage) -> World:
        """The world as it is on a stage."""
        world = cls(stage.catalogue, _cast_of(stage.cast, stage.catalogue), stage, stage.seed)
        for brought in stage.postman.brought:
            world._postman.note(brought.parcel, brought.at_ms)
        return world

    def fork(self) -> World:
        """One that stands as this one does, and goes its own way."""
        other = World(self.playbill, _cast_of(self.cast, self.playbill), self, self._seed)
        other.recent = dict(self.recent)
        other._events = self._events
        other._house.random.setstate(self._house.random.getstate())
        return other

    @property
    def now_ms(self) -> Ms:
        return self.clock.now_ms()

    # ── moving on ────────────────────────────────────────────────────────────

    async def say(self, person: PersonId, reading: Reading, reply_to: str | None = None) -> list[Letter]:
        """Somebody writes to the bot; the letters that follow at once."""
        body = msgspec.json.encode(reading).decode()
        spoken = Spoken(
            id=self._event(), occurred_ms=self.now_ms, person=person, body=body, reply_to=reply_to
        )
        return await self._take_in(spoken)

    async def tap(self, person: PersonId, event: str, emoji: str) -> list[Letter]:
        """Somebody reacts to a message in the circle's room."""
        return await self._take_in(
            Reacted(
                id=self._event(),
                occurred_ms=self.now_ms,
                person=person,
                target=event,
                emoji=emoji,
                circle=self.cast.circle,
            )
        )

    async def leave(self, person: PersonId) -> list[Letter]:
        """Somebody leaves the circle's room."""
        self.cast.here = {name: known for name, known in self.cast.here.items() if known != person}
        return await self._take_in(
            Moved(
                id=self._event(),
                occurred_ms=self.now_ms,
                person=person,
                joined=False,
                circle=self.cast.circle,
            )
        )

    async def pass_on(self) -> list[Letter] | None:
        """Time passes until something is to be seen; None if nothing more happens by itself."""
        before = self._standing()
        line = self._open_line()
        try:
            for _ in range(MOST_RINGS):
                next_ms = await next_moment_ms(self.store)
                if next_ms is None:
                    return None
                await self.clock.advance(max(0, next_ms - self.now_ms))
                await self._settle(line)
                if self._postman.letters or self._standing() != before:
                    return self.take_letters()
            return None
        finally:
            await line.stop()

    async def _take_in(self, arrival: AnyArrival) -> list[Letter]:
        line = self._open_line()
        await line.submit([arrival])
        await self._settle(line)
        await line.stop()
        return self.take_letters()

    def _open_line(self) -> StraightLine:
        line = StraightLine(self._house, self.clock)
        line.start()
        return line

    async def _settle(self, line: StraightLine) -> None:
        bell = Bell(self.store, line, self.clock)
        outbox = Outbox(
            self.store, self._postman, self.clock, self._house.random, usual=self._house.rhythm_of
        )
        while await bell.ring_due() or await outbox.send_due():
            pass

    def take_letters(self) -> list[Letter]:
        """The letters that have come since the last time."""
        letters, self._postman.letters = self._postman.letters, []
        for letter in letters:
            if letter.person is not None:
                held = [*self.recent.get(letter.person, ()), letter]
                since_ms = letter.at_ms - WEEK_MS
                self.recent[letter.person] = tuple(each for each in held if each.at_ms > since_ms)
        return letters

    def _event(self) -> str:
        self._events += 1
        return f"$heard{self._events}"

    def _standing(self) -> list[tuple[str, int]]:
        return [(snapshot.id, snapshot.entry) for snapshot in self.store.begun()]

    # ── looking ──────────────────────────────────────────────────────────────

    def snapshots(self) -> list[Snapshot]:
        """Everything that was ever begun."""
        return list(self.store.begun())

    def definition_of(self, instance: InstanceId) -> Definition | None:
        """What an instance runs on."""
        digest = next((s.definition for s in self.store.begun() if s.id == instance), None)
        return self.playbill.held(digest) if digest is not None else None

    async def casting(self, snapshot: Snapshot) -> Casting:
        """Who is who in an instance."""
        return Casting(await self.store.people_of(snapshot.id))

    async def starter_of(self, snapshot: Snapshot) -> PersonId:
        """Whoever began an instance."""
        return (await self.casting(snapshot)).person(snapshot.starter)

    async def desks(self) -> dict[PersonId, Desk]:
        """What lies before each person who is around."""
        people = list(self.cast.persons.values())
        loaded = await self.store.load(Want(desks=frozenset(people)))
        return {person: loaded.desks.get(person) or Desk(person) for person in people}

    async def event_of(self, row: RowId) -> str | None:
        """The event of a letter that has arrived."""
        sent = await self.store.sent_event(row)
        return sent[1] if sent is not None else None


def _cast_of(cast: Cast, playbill: Playbill) -> Cast:
    """The same people, over a store of their own."""
    store = cast.store.fork()
    other = Cast(store, Roles(store, playbill))
    other.persons, other.here, other.circle = dict(cast.persons), dict(cast.here), cast.circle
    other.safety, other.stewarding, other.holding = cast.safety, cast.stewarding, cast.holding
    return other
