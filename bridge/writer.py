"""From a parcel to its words: who will hear it, in which time zone and language."""

from __future__ import annotations

from typing import Protocol

from bridge.matrix.postman import Enclosure, Written
from bridge.wording.render import Hearer, Unsayable, Voice
from engine.core.desk import Desk
from engine.core.parcel import Direct, Parcel
from engine.core.values import PersonId
from engine.runtime.ports import Cellar, Clock, NothingToSay, Undeliverable, Want


class Defaults(Protocol):
    """What holds for a circle, and for anyone who has not said otherwise."""

    @property
    def time_zone(self) -> str: ...
    @property
    def language(self) -> str: ...


class ParcelWriter:
    """Implements ``bridge.matrix.postman.Writer``."""

    def __init__(self, voice: Voice, cellar: Cellar, clock: Clock, defaults: Defaults) -> None:
        self._voice = voice
        self._cellar = cellar
        self._clock = clock
        self._defaults = defaults

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
        try:
            document = await self._voice.document(
                parcel.document or "", await self._hearer(parcel), self._clock.now_ms()
            )
        except Unsayable as error:
            raise Undeliverable(str(error)) from error
        return Enclosure(document.filename, document.text)

    async def _hearer(self, parcel: Parcel) -> Hearer:
        if isinstance(parcel.to, Direct):
            return await self._member(parcel.to.person)
        return Hearer(
            circle=parcel.to.circle,
            time_zone=self._defaults.time_zone,
            language=self._defaults.language,
        )

    async def _member(self, person: PersonId) -> Hearer:
        loaded = await self._cellar.load(Want(desks=frozenset((person,))))
        desk = loaded.desks.get(person) or Desk(person)
        return Hearer(
            person=person,
            matrix_id=await self._cellar.matrix_id(person),
            time_zone=desk.rhythm.time_zone,
            language=desk.language or self._defaults.language,
        )
