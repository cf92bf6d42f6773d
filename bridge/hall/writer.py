"""From a parcel to its words: who will hear it, in which time zone and language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.matrix.polls import Ballot
from bridge.matrix.postman import Enclosure, Written
from bridge.wording.calendar import calendar_file
from bridge.wording.render import Hearer, Unsayable, Voice
from engine.core.desk import Rhythm
from engine.core.desk_usual import rhythm_of
from engine.core.message import Message
from engine.core.parcel import CALENDAR, Direct, Parcel
from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Cellar, Clock, NothingToSay, Undeliverable, Want

LONGEST_QUESTION = 200
"""The question itself stands above; here it only says which poll this is."""
LONGEST_ANSWER = 340
"""Clients offer no longer one (Element's own limit)."""


def shortened(text: str, most: int) -> str:
    """A text in one line of at most so many characters, cut between words where there are some."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    whole = line[: most - 1].rpartition(" ")[0]
    return f"{whole or line[: most - 1]}…"


class Customary(Protocol):
    """What holds in circles, and for their people as far as they have not said otherwise (`bridge.circles.customs`)."""

    def time_zone(self, circles: Sequence[CircleId]) -> str: ...
    def language(self, circles: Sequence[CircleId]) -> str: ...
    def outside_help(self, circles: Sequence[CircleId]) -> str: ...


class Around(Protocol):
    """Knows who belongs where."""

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]: ...


class ParcelWriter:
    """Implements ``bridge.matrix.postman.Writer``."""

    def __init__(
        self, voice: Voice, cellar: Cellar, clock: Clock, customs: Customary, around: Around
    ) -> None:
        self._voice = voice
        self._cellar = cellar
        self._clock = clock
        self._customs = customs
        self._around = around

    async def write(self, parcel: Parcel) -> Written:
        """Put a parcel into words, as things stand now.

        Raises Undeliverable for a message that has no words: a defect, and of this one parcel only; NothingToSay
        for a letter in which nothing would stand.
        """
        hearer = await self._hearer(parcel)
        edits = parcel.edits is not None
        now_ms = self._clock.now_ms()
        try:
            rendered = await self._voice.render(parcel.message, hearer, now_ms, as_edit=edits)
        except Unsayable as error:
            raise Undeliverable(str(error)) from error
        if rendered.tells_nothing:
            raise NothingToSay
        return Written(rendered.body, rendered.formatted_body, rendered.mentions, rendered.texts)

    async def enclose(self, parcel: Parcel) -> Enclosure:
        """Write out the document that a parcel carries, as things stand now.

        Raises Undeliverable for one that cannot be written: a defect, and of this one parcel only.
        """
        if parcel.document == CALENDAR:
            return await self._calendar(parcel)
        try:
            document = await self._voice.document(
                parcel.document or "", await self._hearer(parcel), self._clock.now_ms()
            )
        except Unsayable as error:
            raise Undeliverable(str(error)) from error
        return Enclosure(document.filename, document.text)

    async def _calendar(self, parcel: Parcel) -> Enclosure:
        occasion = parcel.message.occasion
        if occasion is None:
            raise Undeliverable("a calendar without a date")
        now_ms = self._clock.now_ms()
        try:
            called = await self._voice.render(
                Message(lines=(occasion.about,)), await self._hearer(parcel), now_ms
            )
        except Unsayable as error:
            raise Undeliverable(str(error)) from error
        file = calendar_file(occasion, called.body, now_ms)
        return Enclosure(file.name, file.text, "text/calendar", called.texts)

    async def ballot(self, parcel: Parcel) -> Ballot:
        """Put a poll into words: its question in one short line, and each answer with its sign.

        Raises Undeliverable for one that has no words: a defect, and of this one parcel only.
        """
        hearer, now_ms, message = await self._hearer(parcel), self._clock.now_ms(), parcel.message
        try:
            whole = await self._voice.render(message, hearer, now_ms)
            question = await self._voice.render(Message(lines=message.lines), hearer, now_ms)
            answers = [
                (
                    o.id,
                    f"{o.emoji} {(await self._voice.render(Message(lines=(o.label,)), hearer, now_ms)).body}",
                )
                for o in message.options
            ]
        except Unsayable as error:
            raise Undeliverable(str(error)) from error
        labels = tuple((id_, shortened(label.strip(), LONGEST_ANSWER)) for id_, label in answers)
        return Ballot(shortened(question.body, LONGEST_QUESTION), labels, whole.body, whole.texts)

    async def _hearer(self, parcel: Parcel) -> Hearer:
        if isinstance(parcel.to, Direct):
            return await self._member(parcel.to.person)
        here = (parcel.to.circle,)
        return Hearer(
            circle=parcel.to.circle,
            time_zone=self._customs.time_zone(here),
            language=self._customs.language(here),
            number=self._customs.outside_help(here),
        )

    async def _member(self, person: PersonId) -> Hearer:
        loaded = await self._cellar.load(Want(desks=frozenset((person,))))
        desk, circles = loaded.desks.get(person), await self._around.circles_of(person)
        chosen = desk.language if desk is not None else ""
        usual = self._customs.time_zone(circles)
        time_zone = usual if desk is None else rhythm_of(desk, Rhythm(usual)).time_zone
        return Hearer(
            person=person,
            matrix_id=await self._cellar.matrix_id(person),
            time_zone=time_zone,
            elsewhere=time_zone != usual,
            language=chosen or self._customs.language(circles),
            number=self._customs.outside_help(circles),
        )
