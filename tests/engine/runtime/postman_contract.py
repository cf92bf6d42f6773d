"""What every postman promises, whatever he carries letters with.

A test module makes it its own by a subclass with an ``office`` fixture::

    class TestMatrixPostman(PostmanContract):
        @pytest.fixture
        async def office(self, world): ...  # yields a PostOffice over a real homeserver
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec
import pytest

from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.values import CircleId, PersonId, RowId
from engine.runtime.ports import Postman, Sent, Undeliverable


class Lying(msgspec.Struct, frozen=True):
    """An event as somebody in the room reads it.

    ``words`` are the keys of the message's lines, one per line, or a reaction's emoji; for an edit,
    the new ones. ``edits``, ``reacts``, ``replies`` and ``redacts`` are event ids.
    """

    event: str
    words: str
    edits: str | None = None
    reacts: str | None = None
    replies: str | None = None
    redacts: str | None = None
    """What it takes back; then it has no words."""


class PostOffice(Protocol):
    """A postman and the world he walks in. Two people; nobody is in their 1:1 room at first."""

    postman: Postman
    ana: PersonId
    ben: PersonId
    circle: CircleId

    async def restart(self) -> None:
        """From here on ``postman`` is another one, who remembers only what was durably kept."""

    async def come(self, person: PersonId) -> None:
        """The person joins their 1:1 room; returns once the postman can know."""

    async def keep(self, row: RowId, room: str, event: str) -> None:
        """What the outbox would do: remember that a row was sent, and as what."""

    async def lies_in(self, room: str) -> list[Lying]:
        """What the bot has brought into a room, in order, as those in it read it."""


def letter(row: str, to: Direct | Shared, **more: Any) -> Parcel:
    return Parcel(RowId(row), to, "reply", Message(lines=(Phrase(f"said.{row}"),)), **more)


async def bring(office: PostOffice, parcel: Parcel, transaction: str | None = None) -> tuple[str, str]:
    """As the outbox does it; the room and the event."""
    transaction = transaction or f"txn-{parcel.row}"
    room = await office.postman.room_for(parcel)
    sealed = await office.postman.seal(parcel, room, transaction)
    sent = await office.postman.put(room, sealed.content, transaction)
    await office.keep(parcel.row, room, sent.event)
    return room, sent.event


async def seal(office: PostOffice, parcel: Parcel, room: str) -> bytes:
    """What the outbox would keep of a parcel."""
    return (await office.postman.seal(parcel, room, "txn")).content


async def arrived(office: PostOffice, person: PersonId) -> None:
    await office.postman.is_present(person)
    await office.come(person)


class PostmanContract:
    """The claims. Subclasses bring the ``office`` fixture."""

    async def test_a_person_has_one_room_of_their_own(self, office: PostOffice) -> None:
        parcels = [
            letter("1", Direct(office.ana)),
            letter("2", Direct(office.ana)),
            letter("3", Direct(office.ben)),
        ]
        rooms = [await office.postman.room_for(each) for each in parcels]
        assert rooms[0] == rooms[1] != rooms[2]
        await office.restart()
        assert [await office.postman.room_for(each) for each in parcels] == rooms

    async def test_a_room_is_made_once_even_when_asked_for_twice_at_the_same_time(
        self, office: PostOffice
    ) -> None:
        parcel = letter("1", Direct(office.ana))
        first, second = await asyncio.gather(*(office.postman.room_for(parcel) for _ in range(2)))
        assert first == second

    async def test_the_circle_has_its_own_room(self, office: PostOffice) -> None:
        shared = await office.postman.room_for(letter("1", Shared(office.circle)))
        assert shared != await office.postman.room_for(letter("2", Direct(office.ana)))

    async def test_being_invited_is_not_yet_being_there(self, office: PostOffice) -> None:
        assert not await office.postman.is_present(office.ana)
        assert not await office.postman.is_present(office.ana)
        await office.come(office.ana)
        assert await office.postman.is_present(office.ana)
        assert not await office.postman.is_present(office.ben)

    async def test_what_is_put_lies_in_the_room_in_order(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        brought = [await bring(office, letter(f"{n}", Direct(office.ana))) for n in range(3)]
        (room,) = {room for room, _ in brought}
        lying = await office.lies_in(room)
        assert [(each.event, each.words) for each in lying] == [
            (event, f"said.{n}") for n, (_, event) in enumerate(brought)
        ]

    async def test_what_is_for_the_circle_lies_in_the_circles_room(self, office: PostOffice) -> None:
        room, event = await bring(office, letter("1", Shared(office.circle)))
        assert [each.event for each in await office.lies_in(room)] == [event]

    async def test_the_same_transaction_is_one_event(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        parcel = letter("1", Direct(office.ana))
        room = await office.postman.room_for(parcel)
        sealed = await seal(office, parcel, room)
        first = await office.postman.put(room, sealed, "txn")
        assert await office.postman.put(room, sealed, "txn") == first
        assert len(await office.lies_in(room)) == 1

    async def test_two_transactions_with_the_same_words_are_two_events(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        room, first = await bring(office, letter("1", Direct(office.ana)), "txn-a")
        _, second = await bring(office, letter("1", Direct(office.ana)), "txn-b")
        assert first != second
        assert len(await office.lies_in(room)) == 2

    async def test_what_was_sealed_can_be_put_after_a_restart_and_again(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        parcel = letter("1", Direct(office.ana))
        room = await office.postman.room_for(parcel)
        sealed = await seal(office, parcel, room)
        await office.restart()
        first = await office.postman.put(room, sealed, "txn")
        await office.restart()
        assert await office.postman.put(room, sealed, "txn") == first
        (lying,) = await office.lies_in(room)
        assert (lying.event, lying.words) == (first.event, "said.1")

    async def test_what_lies_in_a_room_is_found_there_by_its_transaction(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        room, event = await bring(office, letter("1", Direct(office.ana)), "txn-a")
        await office.restart()
        assert await office.postman.find(room, "txn-a") == Sent(event)
        assert await office.postman.find(room, "txn-b") is None
        other = await office.postman.room_for(letter("2", Direct(office.ben)))
        assert await office.postman.find(other, "txn-a") is None

    async def test_sealing_alone_brings_nothing(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        parcel = letter("1", Direct(office.ana))
        room = await office.postman.room_for(parcel)
        await office.postman.seal(parcel, room, "txn")
        assert await office.lies_in(room) == []

    async def test_edits_reactions_and_replies_belong_to_what_was_sent(self, office: PostOffice) -> None:
        await arrived(office, office.ana)
        mine = Direct(office.ana)
        room, question = await bring(office, letter("question", mine))
        row = RowId("question")
        await bring(office, letter("edit", mine, edits=row))
        await bring(office, letter("tap", mine, reacts=row, emoji="✅"))
        await bring(office, letter("reminder", mine, replies=row))
        lying = [(e.words, e.edits, e.reacts, e.replies) for e in await office.lies_in(room)]
        assert lying == [
            ("said.question", None, None, None),
            ("said.edit", question, None, None),
            ("✅", None, question, None),
            ("said.reminder", None, None, question),
        ]

    async def test_what_is_taken_back_is_something_that_was_sent_or_that_somebody_wrote(
        self, office: PostOffice
    ) -> None:
        await arrived(office, office.ana)
        room, said = await bring(office, letter("said", Direct(office.ana)))
        _, other = await bring(office, letter("other", Direct(office.ana)))
        await bring(office, letter("back", Direct(office.ana), redacts=RowId("said")))
        await bring(office, letter("back-event", Direct(office.ana), redacts_event=other))
        back = [(each.words, each.redacts) for each in await office.lies_in(room) if each.redacts is not None]
        assert back == [("", said), ("", other)]

    async def test_whoever_was_let_go_of_has_no_room_any_more_and_letting_go_again_does_no_harm(
        self, office: PostOffice
    ) -> None:
        await arrived(office, office.ana)
        for _ in range(2):
            await office.postman.let_go(office.ana)
        await office.postman.let_go(office.ben)
        assert not await office.postman.is_present(office.ana)

    @pytest.mark.parametrize("way", ["edits", "reacts", "replies", "redacts"])
    async def test_what_belongs_to_something_never_sent_can_never_be_delivered(
        self, office: PostOffice, way: str
    ) -> None:
        await arrived(office, office.ana)
        parcel = letter(
            "1", Direct(office.ana), emoji="✅" if way == "reacts" else None, **{way: RowId("never")}
        )
        with pytest.raises(Undeliverable):
            await office.postman.seal(parcel, await office.postman.room_for(parcel), "txn")
