"""Words have an end date: then they go, and so does every message of the bot's that carries them (right 11)."""

from __future__ import annotations

from typing import Any

from engine.core.definition import Hidden
from engine.core.message import Message, Phrase, Text
from engine.core.parcel import Direct, Parcel
from engine.core.values import DAY_MS, RowId, TextId
from engine.runtime.housekeeping import MOST_AT_ONCE, fade
from engine.runtime.ports import Changes, Faded, NewParcel, Outcome, TextRow
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import Brought, SmallHouse
from tests.engine.runtime.test_private_answers import round_of, texts_in, write


async def asked_round(open_either: OpenHouse) -> SmallHouse:
    """Ana has asked Ben and Chen in words, and reads what they wrote once both have."""
    house = await open_either("ana", "ben", "chen")
    definition = round_of("talk", hidden=Hidden(None), keep_days=30)
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "talk @ben @chen")
    await house.settle()
    await write(house, "ben", "chen")
    await house.pass_time(2 * DAY_MS)
    return house


def taken_back(house: SmallHouse) -> list[RowId]:
    return [b.parcel.redacts for b in house.postman.brought if b.parcel.redacts is not None]


def carrying(house: SmallHouse, *texts: TextId) -> list[Brought]:
    return [b for b in house.postman.brought if set(texts_in([b])) & set(texts)]


async def keep_house(house: SmallHouse) -> int:
    gone = await fade(house.cellar, house.line, house.clock)
    await house.settle()
    return gone


async def test_with_their_end_date_texts_go_and_every_message_that_carries_them(
    open_either: OpenHouse,
) -> None:
    house = await asked_round(open_either)
    texts = [text.id for name in ("ben", "chen") for text in await house.store.texts_of(house.id(name))]
    shown = carrying(house, *texts)
    assert {b.room for b in shown} == {f"d/{house.id('ana')}"}
    assert await keep_house(house) == 0
    assert taken_back(house) == []
    await house.pass_time(40 * DAY_MS)
    assert await keep_house(house) == 2
    assert [await house.store.text(text) for text in texts] == [None, None]
    assert sorted(taken_back(house)) == sorted(b.parcel.row for b in shown)
    (back,) = {b.room for b in house.postman.brought if b.parcel.redacts is not None}
    assert back == f"d/{house.id('ana')}"
    assert await keep_house(house) == 0


async def test_it_comes_at_any_hour_makes_no_sound_and_reaches_whoever_said_stop(
    open_either: OpenHouse,
) -> None:
    house = await asked_round(open_either)
    await house.say("ana", "stop")
    await house.submit(house.moved("ana", joined=False))
    house.postman.present.discard(house.id("ana"))
    await house.pass_time(40 * DAY_MS)
    house.postman.brought.clear()
    await keep_house(house)
    brought = [b.parcel for b in house.postman.brought]
    assert brought
    assert all(parcel.redacts is not None and parcel.message == Message() for parcel in brought)


async def test_many_texts_go_in_portions_all_of_them_in_one_round(open_either: OpenHouse) -> None:
    house = await open_either("ana")
    many = MOST_AT_ONCE + 3
    await house.store.commit(
        Changes(
            texts=[TextRow(TextId(f"t{n}"), house.id("ana"), None, "x", house.now_ms) for n in range(many)]
        )
    )
    assert await keep_house(house) == many
    assert house.faults.calls["ended_texts"] == 3


def carries(house: SmallHouse, row: str, name: str, *texts: str, **more: Any) -> NewParcel:
    slots = {str(n): Text(TextId(text)) for n, text in enumerate(texts)}
    message = Message(lines=(Phrase("told", slots=slots),))
    parcel = Parcel(RowId(row), Direct(house.id(name)), "reply", message, **more)
    return NewParcel(parcel, f"txn-{row}", house.now_ms)


async def test_a_message_with_two_texts_goes_with_the_first_of_them_once(open_either: OpenHouse) -> None:
    house = await open_either("ana")
    texts = [
        TextRow(TextId(n), house.id("ana"), None, "x", house.now_ms + d * DAY_MS)
        for n, d in (("a", 1), ("b", 2))
    ]
    await house.store.commit(Changes(texts=texts, parcels=[carries(house, "r1", "ana", "a", "b")]))
    await house.settle()
    for gone in (1, 1):
        await house.pass_time(DAY_MS)
        assert await keep_house(house) == gone
        assert taken_back(house) == ["r1"]


async def test_what_is_on_its_way_into_the_room_is_taken_back_once_it_is_there(
    open_either: OpenHouse,
) -> None:
    house = await open_either("ana")
    text = TextRow(TextId("a"), house.id("ana"), None, "x", house.now_ms)
    await house.store.commit(Changes(texts=[text], parcels=[carries(house, "r1", "ana", "a")]))
    (journey,) = await house.store.claim(house.now_ms, 1_000, 9)
    sealed = await house.postman.seal(journey.parcel, f"d/{house.id('ana')}", journey.transaction)
    await house.store.seal(RowId("r1"), f"d/{house.id('ana')}", sealed.content)
    await fade(house.cellar, house.line, house.clock)
    await house.outbox.settle()
    await house.settle()
    assert taken_back(house) == ["r1"]


async def test_what_has_not_left_goes_without_the_words_and_nothing_is_taken_back(
    open_either: OpenHouse,
) -> None:
    house = await open_either("ana")
    text = TextRow(TextId("a"), house.id("ana"), None, "x", house.now_ms)
    await house.store.commit(Changes(texts=[text], parcels=[carries(house, "r1", "ana", "a")]))
    await keep_house(house)
    assert [b.parcel.row for b in house.postman.brought] == ["r1"]


async def test_the_same_fading_twice_is_once(open_either: OpenHouse) -> None:
    house = await open_either("ana")
    text = TextRow(TextId("a"), house.id("ana"), None, "x", house.now_ms)
    await house.store.commit(Changes(texts=[text], parcels=[carries(house, "r1", "ana", "a")]))
    await house.settle()
    fading = [Faded(id=f"faded:{n}", occurred_ms=house.now_ms, texts=(TextId("a"),)) for n in range(2)]
    assert await house.submit(*fading) == [Outcome("done"), Outcome("done")]
    assert await house.submit(fading[0]) == [Outcome("seen_before")]
    await house.settle()
    assert taken_back(house) == ["r1"]


async def test_words_that_only_a_view_brought_are_taken_back_with_their_end(open_either: OpenHouse) -> None:
    house = await open_either("ana")
    text = TextRow(TextId("a"), house.id("ana"), None, "x", house.now_ms + DAY_MS)
    await house.store.commit(Changes(texts=[text], parcels=[carries(house, "r1", "ana")]))
    house.postman.texts[RowId("r1")] = frozenset({TextId("a")})
    await house.settle()
    await house.pass_time(DAY_MS)
    assert await keep_house(house) == 1
    assert taken_back(house) == ["r1"]
