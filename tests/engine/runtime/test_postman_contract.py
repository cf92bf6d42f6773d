"""The recording postman keeps what every postman promises."""

from __future__ import annotations

import pytest

from engine.core.values import CircleId, PersonId, RowId
from engine.runtime.ports import Postman
from engine.testing import RecordingPostman
from tests.engine.runtime.postman_contract import Lying, PostmanContract, PostOffice


class InMemory:
    """An office without a homeserver: a restart changes nothing, for nothing is ever forgotten."""

    def __init__(self) -> None:
        self._double = RecordingPostman()
        self.postman: Postman = self._double
        self.ana, self.ben = PersonId("ana"), PersonId("ben")
        self.circle = CircleId("circle")

    async def restart(self) -> None:
        self._double.invited.clear()

    async def come(self, person: PersonId) -> None:
        self._double.present.add(person)

    async def keep(self, row: RowId, room: str, event: str) -> None:
        assert self._double.event_of(row) == event

    async def lies_in(self, room: str) -> list[Lying]:
        of = self._double.event_of
        return [
            Lying(
                b.event,
                b.words,
                *(of(row) if row else None for row in (p.edits, p.reacts, p.replies)),
                redacts=of(p.redacts) if p.redacts else p.redacts_event,
            )
            for b in self._double.brought
            if b.room == room
            for p in (b.parcel,)
        ]


class TestRecordingPostman(PostmanContract):
    @pytest.fixture
    def office(self) -> PostOffice:
        return InMemory()

    async def test_what_was_brought_is_known_even_after_the_list_was_emptied(self) -> None:
        office = InMemory()
        await office.come(office.ana)
        await self.test_the_same_transaction_is_one_event(office)
        office._double.brought.clear()
        await self.test_edits_reactions_and_replies_belong_to_what_was_sent(office)
        assert office._double.event_of(RowId("1")) == "$0"
        assert office._double.event_of(RowId("question")) == "$1"
