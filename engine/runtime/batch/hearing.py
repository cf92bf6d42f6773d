"""What people say, tap and order, as their desks hear it."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import DeskEvent, Errand, Heard, Reworded, Tapped
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.values import Ms, PersonId, TextId
from engine.runtime.batch.held import Held
from engine.runtime.batch.ledger import LINK
from engine.runtime.carrying import takes_back
from engine.runtime.house import House
from engine.runtime.ports import AnyArrival, Ordered, Reacted, Spoken
from engine.runtime.practices import NOWHERE


class Hearing:
    """Listens for one batch, and remembers until its end what was said, and where."""

    def __init__(self, house: House, now_ms: Ms, held: Held) -> None:
        self._house = house
        self._now_ms = now_ms
        self._held = held
        self.words: dict[TextId, tuple[PersonId, str]] = {}
        """Whose words they are, and the words, for each text that this batch may keep."""
        self._threads: dict[str, tuple[Direct | Shared, str]] = {}
        """Of the messages that people wrote in a thread, by id: where, and the thread."""
        self._rooms_said: dict[str, Shared] = {}
        """Of the messages that people wrote in one of a circle's several rooms, by id: that room."""

    async def spoken(self, arrival: Spoken) -> DeskEvent:
        """What a desk hears when its person says something; what they say is kept under a text of its own."""
        desk = self._held.desks[arrival.person]
        target = self._target_of(arrival)
        circles = (
            (arrival.circle,)
            if arrival.circle is not None
            else await self._house.surroundings.circles_of(arrival.person)
        )
        begins = (word for circle in circles or (NOWHERE,) for word in self._house.catalogue.begins(circle))
        words = {*begins, *(word for power in desk.powers.values() for word in power.words)}
        read = self._house.reader.read
        reading, kept = read(arrival, desk, target, words, self._now_ms, circles)
        text = TextId(self._house.fresh_id())
        if reading.command is not None and reading.command.rest is not None:
            rest = TextId(self._house.fresh_id())
            self.words[rest] = (arrival.person, kept)
            reading = replace(reading, command=replace(reading.command, rest=rest))
            # Should it be an answer after all ("role play, and soup"), it is all of it.
            _, kept = read(arrival, desk, target, (), self._now_ms, circles)
        self.words[text] = (arrival.person, kept)
        reading = replace(reading, blank=not kept.strip())
        if arrival.edits is not None:
            return Reworded(arrival.edits, reading, text, arrival.id)
        return Heard(arrival.id, reading, text, arrival.circle, target, arrival.addressed, arrival.reply_to)

    def ordered(self, arrival: Ordered) -> Errand:
        """What a desk hears when a tool does something in its person's name."""
        command = arrival.command
        if arrival.words.strip():
            rest = TextId(self._house.fresh_id())
            self.words[rest] = (arrival.person, arrival.words)
            command = replace(command, rest=rest)
        return Errand(command, arrival.instance)

    def tapped(self, arrival: Reacted) -> Tapped:
        """A reaction; one that is written out, "maybe" or "2", is read as what it says."""
        target, choice = self._held.targets.get(arrival.target), None
        written = any(letter.isalnum() for letter in arrival.emoji)
        if target is not None and written and all(emoji != arrival.emoji for _, emoji in target.choices):
            spoken = Spoken(
                id=arrival.id,
                occurred_ms=arrival.occurred_ms,
                person=arrival.person,
                body=arrival.emoji,
                circle=arrival.circle,
                reply_to=arrival.target,
            )
            desk = self._held.desks[arrival.person]
            reading, _ = self._house.reader.read(spoken, desk, target, (), self._now_ms)
            choice = reading.picks.get(target.row)
        return Tapped(arrival.id, arrival.emoji, target, arrival.circle, choice)

    def where_asked(self, parcel: Parcel, cause: AnyArrival) -> Parcel:
        """What answers somebody goes into the room, and the thread, in which they wrote."""
        said = cause.id.partition(LINK)[0]
        here, thread = self._threads.get(said, (None, None))
        answers = parcel.urgency == "reply" or isinstance(parcel.to, Shared)
        only_adds = parcel.edits is not None or parcel.reacts is not None or parcel.ends is not None
        if parcel.to == here and answers and not only_adds and not takes_back(parcel):
            parcel = replace(parcel, thread=thread)
        room = self._rooms_said.get(said)
        if room is not None and parcel.to == Shared(room.circle):
            return replace(parcel, to=room)
        return parcel

    def _target_of(self, spoken: Spoken) -> Target | None:
        """The question that a message is a reply to; in a thread, rather the one asked there last than its first."""
        if spoken.circle is not None and spoken.room:
            self._rooms_said[spoken.id] = Shared(spoken.circle, spoken.room)
        if spoken.thread is not None:
            here = Direct(spoken.person) if spoken.circle is None else Shared(spoken.circle)
            self._threads[spoken.id] = (here, spoken.thread)
        replied = (self._held.targets.get(event) for event in (spoken.latest, spoken.reply_to) if event)
        return next((target for target in replied if target is not None), None)
