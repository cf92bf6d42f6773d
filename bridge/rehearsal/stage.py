"""A stage: the whole engine with real words, a memory store and a clock that is moved by hand.

People write and tap; what they would see is read from their rooms. Everything between is the
production code; only store, clock and postman are doubles (held to the same contract suites).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Self

from bridge.circles.roles import SHELF, Roles
from bridge.reading.ear import Ear
from bridge.rehearsal.cast import Cast, NamesOnStage, roles_in
from bridge.rehearsal.playbill import Playbill
from bridge.telling.readable import readable
from bridge.views import HouseViews
from bridge.wording.render import Hearer, Voice
from bridge.wording.render import House as Described
from engine.core.decide_desk import plain_emoji
from engine.core.definition import Definition
from engine.core.desk import Rhythm
from engine.core.desk_letter import LETTER
from engine.core.desk_table import HELLO, HELLO_CHOICES
from engine.core.instance import Snapshot
from engine.core.message import Message
from engine.core.parcel import CALENDAR, Direct, Parcel
from engine.core.schedule import LAST_MS
from engine.core.values import InstanceId, Ms, PersonId
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.housekeeping import fade
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.runtime.ports import (
    AnyArrival,
    Housed,
    Moved,
    NothingToSay,
    Outcome,
    Reacted,
    Removed,
    Spoken,
    Voted,
    Want,
)
from engine.runtime.practices import Practices
from engine.testing import Brought, ManualClock, MemoryStore, RecordingPostman

MONDAY_10_00_MS = 1_800_266_400_000
"""Monday 2027-01-18 10:00 UTC."""
YES = HELLO_CHOICES[0][1]
"""What a newcomer taps when the bot asks whether it may write."""
MOST_TIMERS = 10_000
INTO_THE_CALENDAR = "(with a file for the calendar)"
OUT_OF_THE_CALENDAR = "(with a file that takes it out of the calendar)"
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


def _along(parcel: Parcel) -> str:
    """What is shown of a file for the calendar that goes along with a message."""
    occasion = parcel.message.occasion
    if parcel.document != CALENDAR or occasion is None:
        return ""
    return f"\n{OUT_OF_THE_CALENDAR if occasion.called_off else INTO_THE_CALENDAR}"


def _is_to_tap(parcel: Parcel) -> bool:
    """Whether a parcel is no words to read: a reaction, or a poll below its question."""
    return parcel.emoji is not None or parcel.polls is not None


def _is_hello(parcel: Parcel) -> bool:
    return parcel.target is not None and parcel.target.ask == HELLO and parcel.edits is None


class Stood(NamedTuple):
    """An instance as it was when it had just entered a state; ``brought`` counts what had been brought by then."""

    at_ms: Ms
    brought: int
    snapshot: Snapshot


async def next_moment_ms(store: MemoryStore) -> Ms | None:
    """When something is due next, weekly letters aside: they come whatever is on."""
    timers = await store.due_timers(LAST_MS, MOST_TIMERS)
    moments = [next((t.due_ms for t in timers if t.name != LETTER), None), await store.next_parcel_ms()]
    return min((moment for moment in moments if moment is not None), default=None)


class NeverSaw(LookupError):
    """Somebody was never shown what was looked for; says what they were shown (nobody here is real)."""


class Stage:
    """Build with ``await Stage.set("ana", "bruno", playbill=Playbill([definition]))``.

    One circle, whose room everybody is in. The same seed and the same acts give the same play.
    """

    def __init__(self, playbill: Playbill, seed: int = 1, at_start: frozenset[str] | None = None) -> None:
        """``at_start``: what the circle has in use before it has agreed to anything; None: everything, whatever
        that needs around it.
        """
        self.seed = seed
        self.catalogue = playbill
        self.store = MemoryStore()
        self.clock = ManualClock(MONDAY_10_00_MS)
        self.cast = Cast(self.store, Roles(self.store, playbill))
        self.practices = Practices(playbill, self.cast, at_start, rehearsed=at_start is None)
        self.outcomes: list[tuple[str, Outcome]] = []
        self.stood: list[Stood] = []
        """Every entering of a state, in the order in which it happened."""
        self._entries: dict[InstanceId, int] = {}
        self._newcomers: set[PersonId] = set()
        """Those who came in the course of the play and have not been asked yet whether they may be written to."""
        self.last: AnyArrival | None = None
        """What happened last, so that it can happen once more."""
        self.last_at_ms = self.clock.now_ms()
        self.said: list[str] = []
        """All words of people that are long enough to be recognised."""
        self._events = 0
        self._parted = 0
        self._last_events: dict[str, str] = {}
        self.voice = Voice(
            Described("Hearth", "Dora", "112"),
            names=NamesOnStage(self.cast),
            texts=self.store,
            definitions=playbill,
            views=HouseViews(self.store, playbill, self.cast, self.practices),
        )
        self.postman = RecordingPostman(self._write, self.clock.now_ms)
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        reader = Ear(self.cast, playbill, ("Hearth", "@hearth:hearth.test"))
        house = House(
            self.store, playbill, reader, self.cast, chance, Rhythm("UTC"), practices=self.practices
        )
        self.line = StraightLine(house, self.clock)
        self.outbox = Outbox(self.store, self.postman, self.clock, chance, usual=house.rhythm_of)
        self.bell = Bell(self.store, self.line, self.clock)

    @classmethod
    async def set(
        cls,
        *names: str,
        playbill: Playbill | Definition | Iterable[Definition],
        seed: int = 1,
        greeted: bool = True,
        at_start: frozenset[str] | None = None,
    ) -> Self:
        """Raise the curtain: the bot has said hello in the room, and (``greeted``) everyone may be written to."""
        if isinstance(playbill, Definition):
            playbill = [playbill]
        stage = cls(playbill if isinstance(playbill, Playbill) else Playbill(playbill), seed, at_start)
        for name in names:
            await stage.cast.enter(name)
        definitions = stage.catalogue.definitions()
        if all(definition.shelf != SHELF for definition in definitions):
            # Nothing here gives anybody a role: whoever comes last on stage holds those that are spoken of.
            stage.cast.holding = dict.fromkeys(roles_in(definitions), tuple(reversed(names[1:]))[:2])
        stage.cast.circle = await stage.store.ensure_circle("!circle:hearth.test", "Circle")
        stage.line.start()
        await stage.submit(Housed(id="intro", occurred_ms=stage.now_ms, circle=stage.cast.circle))
        if greeted:
            for name in names:
                await stage.greet(name)
            stage.postman.brought.clear()
        return stage

    async def greet(self, name: str) -> None:
        """Somebody is in their own room with the bot, and has said that it may write to them."""
        self.postman.present.add(self.cast.persons[name])
        await self.say(name, "start")

    async def greet_newcomers(self) -> None:
        """Whoever came in the course of the play may be written to without having been asked."""
        for person in tuple(self._newcomers):
            self._newcomers.discard(person)
            await self.greet(self.cast.who(person))

    async def strike(self) -> None:
        """End the play."""
        await self.line.stop()

    async def _write(self, parcel: Parcel) -> str:
        if parcel.emoji is not None:
            return parcel.emoji
        message = parcel.message
        if parcel.polls is not None:
            message = Message(lines=tuple(option.label for option in message.options))
        hearer = Hearer(circle=None if isinstance(parcel.to, Direct) else parcel.to.circle)
        if isinstance(parcel.to, Direct):
            person = parcel.to.person
            desk = (await self.store.load(Want(desks=frozenset({person})))).desks.get(person)
            language = desk.language if desk is not None else ""
            matrix_id = await self.store.matrix_id(person)
            hearer = Hearer(person=person, matrix_id=matrix_id, language=language or hearer.language)
        rendered = await self.voice.render(message, hearer, self.now_ms)
        if rendered.tells_nothing:
            raise NothingToSay
        self.postman.texts[parcel.row] = rendered.texts
        return rendered.body + _along(parcel)

    # ── acting ───────────────────────────────────────────────────────────────

    @property
    def now_ms(self) -> Ms:
        return self.clock.now_ms()

    async def submit(self, arrival: AnyArrival) -> Outcome:
        self.last_at_ms = self.now_ms
        (outcome,) = await self.line.submit([arrival])
        self.outcomes.append((type(arrival).__name__, outcome))
        self.last = arrival
        self._look_where_it_stands()
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
        event = self._last_events[name] = self._next_event()
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
        event = self._last_events[name] = self._next_event()
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

    async def vote(self, name: str, answers: Sequence[str], poll: str, *, room: bool = False) -> str:
        """Vote in a poll by the ids of what is ticked (nothing: take the vote back); the event's id."""
        event = self._last_events[name] = self._next_event()
        await self.submit(
            Voted(
                id=event,
                occurred_ms=self.now_ms,
                person=self.cast.persons[name],
                target=poll,
                answers=tuple(answers),
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

    async def come_into_the_room(self, name: str) -> None:
        """Somebody comes into the circle's room, again or for the first time.

        A new one is in their own room with the bot too, and says yes when it first asks whether it may write.
        """
        if name not in self.cast.persons:
            person = await self.cast.enter(name)
            self._newcomers.add(person)
            self.postman.present.add(person)
        await self.come_back(name)

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

    def last_event_of(self, name: str) -> str | None:
        """The last message or tap of somebody."""
        return self._last_events.get(name)

    # ── time ─────────────────────────────────────────────────────────────────

    async def settle(self) -> None:
        """Let everything that is due happen."""
        while await self._ring() or await self.outbox.send_due() or await self._welcome():
            await self._part_from_the_forgotten()

    async def _part_from_the_forgotten(self) -> None:
        """Whoever was forgotten is somebody new from now on, and stands where they stood."""
        for person in self.postman.gone[self._parted :]:
            await self.cast.begin_anew(self.cast.who(person))
        self._parted = len(self.postman.gone)

    async def keep_house(self) -> int:
        """Let go what has reached its end date, as happens every hour; how many texts that were."""
        gone = await fade(self.store, self.line, self.clock)
        await self.settle()
        return gone

    async def _ring(self) -> int:
        rung = await self.bell.ring_due()
        self._look_where_it_stands()
        return rung

    def _look_where_it_stands(self) -> None:
        for snapshot in self.snapshots():
            if self._entries.get(snapshot.id) != snapshot.entry:
                self._entries[snapshot.id] = snapshot.entry
                self.stood.append(Stood(self.now_ms, len(self.postman.brought), snapshot))

    async def _welcome(self) -> bool:
        """Newcomers say yes to the bot's first question, once it has come; whether one did."""
        for person in tuple(self._newcomers):
            name = self.cast.who(person)
            hello = next((b for b in self.seen(name) if _is_hello(b.parcel)), None)
            if hello is not None:
                self._newcomers.discard(person)
                did_before = self._last_events.get(name)
                await self.tap_event(name, YES, hello.event)
                self._last_events.pop(name)
                if did_before is not None:
                    self._last_events[name] = did_before
                return True
        return False

    async def next_moment_ms(self) -> Ms | None:
        """When something is due next; None if nothing is waited for but weekly letters, which never end."""
        return await next_moment_ms(self.store)

    async def _next_due_ms(self) -> Ms | None:
        moments = [await self.store.next_timer_ms(), await self.store.next_parcel_ms()]
        return min((moment for moment in moments if moment is not None), default=None)

    async def pass_time(self, by_ms: Ms) -> None:
        """Let time pass, stopping at every moment something is due."""
        until_ms = self.now_ms + by_ms
        while True:
            next_ms = await self._next_due_ms()
            step_to_ms = until_ms if next_ms is None else min(next_ms, until_ms)
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
            if text in brought.words and not brought.parcel.belongs_below:
                return brought
        shown = "\n---\n".join(b.words for b in self.seen(name, room=room))
        raise NeverSaw(f"{name or 'the room'} never saw {text!r} (seed {self.seed}); saw:\n{shown}")

    def words(self, name: str = "", *, room: bool = False) -> str:
        """All words of a room, in order, for reading as a person would."""
        return "\n\n".join(b.words for b in self.seen(name, room=room) if not _is_to_tap(b.parcel))

    def choices(self, name: str, text: str, *, room: bool = False) -> list[str]:
        """The reactions placed under a message, or the signs of its poll."""
        row = self.find(name, text, room=room).parcel.row
        below = [b.parcel for b in self.seen(name, room=room) if row in (b.parcel.reacts, b.parcel.polls)]
        polled = [option.emoji for parcel in below if parcel.polls for option in parcel.message.options]
        return [
            plain_emoji(emoji)
            for emoji in (*(parcel.emoji or "" for parcel in below if parcel.reacts), *polled)
        ]

    def poll(self, name: str, text: str, *, room: bool = False) -> Brought | None:
        """The poll below a message, if there is one."""
        row = self.find(name, text, room=room).parcel.row
        return next((b for b in self.seen(name, room=room) if b.parcel.polls == row), None)

    def diary(self, name: str = "", *, room: bool = False) -> list[Line]:
        """Everything a person (or the room) noticed or could notice, with its time: for comparing two plays."""
        return [
            Line(
                at_ms=b.at_ms,
                urgency=b.parcel.urgency,
                new=not b.parcel.belongs_below,
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

    def snapshots(self) -> Sequence[Snapshot]:
        """Everything that was ever begun, as it stands."""
        return self.store.begun()

    def definition_of(self, instance: InstanceId) -> Definition | None:
        """What an instance runs on."""
        digest = next((s.definition for s in self.snapshots() if s.id == instance), None)
        return self.catalogue.held(digest) if digest is not None else None

    def called(self, snapshot: Snapshot) -> str:
        """The state in which something stands, in words."""
        definition = self.catalogue.held(snapshot.definition)
        return readable(definition, snapshot.state) if definition is not None else snapshot.state

    def picture(self) -> tuple[int, tuple[tuple[InstanceId, int], ...]]:
        """What has come to be seen so far, and where everything stands: two that are equal look the same."""
        places = tuple((snapshot.id, snapshot.entry) for snapshot in self.snapshots())
        return len(self.postman.brought), places

    def state(self) -> str:
        """The state of what was begun last."""
        return self.snapshots()[-1].state
