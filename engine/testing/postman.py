"""A postman who writes down what he brings: rooms are lists, and nothing leaves the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from engine.core.parcel import Direct, Parcel
from engine.core.values import Ms, PersonId, RowId, TextId
from engine.runtime.carrying import takes_back
from engine.runtime.ports import Sealed, Sent, Undeliverable


class Brought(msgspec.Struct, frozen=True):
    """One event as it lies in a room."""

    event: str
    room: str
    parcel: Parcel
    words: str
    at_ms: Ms = 0
    """When it was brought, if the postman has a clock."""


class _Letter(msgspec.Struct, frozen=True):
    parcel: Parcel
    words: str


class RecordingPostman:
    """Implements ``engine.runtime.ports.Postman``.

    ``write`` finds the words for a parcel; without it a parcel's keys stand for them. A person is
    present in their room once they are in ``present``; nobody is at first. ``brought`` may be
    emptied at any time: what was brought is known all the same.
    """

    def __init__(
        self,
        write: Callable[[Parcel], Awaitable[str]] | None = None,
        now_ms: Callable[[], Ms] = lambda: 0,
    ) -> None:
        self._now_ms = now_ms
        self._write = write
        self._by_transaction: dict[tuple[str, str], Sent] = {}
        self._events: dict[RowId, str] = {}
        self.brought: list[Brought] = []
        self.present: set[PersonId] = set()
        self.invited: set[PersonId] = set()
        self.texts: dict[RowId, frozenset[TextId]] = {}
        """The texts of people that the words found for a parcel hold, where whoever found them notes it."""
        self.gone: list[PersonId] = []
        """Who was let go of, in that order."""

    async def room_for(self, parcel: Parcel) -> str:
        return f"d/{parcel.to.person}" if isinstance(parcel.to, Direct) else f"s/{parcel.to.circle}"

    async def is_present(self, person: PersonId) -> bool:
        self.invited.add(person)
        return person in self.present

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        for row in parcel.forerunners:
            if row not in self._events:
                raise Undeliverable(f"what it refers to ({row}) was never sent")
        if takes_back(parcel):
            words = ""
        elif self._write is not None:
            words = await self._write(parcel)
        else:
            words = parcel.emoji or "\n".join(line.key for line in parcel.message.lines)
        texts = self.texts.pop(parcel.row, frozenset())
        return Sealed(msgspec.json.encode(_Letter(parcel, words)), texts)

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        known = self._by_transaction.get((room, transaction))
        if known is not None:
            return known
        letter = msgspec.json.decode(sealed, type=_Letter)
        sent = Sent(f"${len(self._by_transaction)}")
        self._by_transaction[room, transaction] = sent
        self._events[letter.parcel.row] = sent.event
        self.brought.append(Brought(sent.event, room, letter.parcel, letter.words, self._now_ms()))
        return sent

    async def find(self, room: str, transaction: str) -> Sent | None:
        return self._by_transaction.get((room, transaction))

    async def let_go(self, person: PersonId) -> None:
        self.gone.append(person)
        self.present.discard(person)

    def event_of(self, row: RowId) -> str | None:
        """The event that a parcel became."""
        return self._events.get(row)
