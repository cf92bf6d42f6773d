"""``forget me``: what runs hears only that somebody is no longer here, what was written to them goes, then they do."""

from __future__ import annotations

from contextlib import suppress

import pytest

from engine.core.event import Left
from engine.core.values import DAY_MS, HOUR_MS, PersonId
from engine.runtime.outbox import LET_GO_PAUSE_MS
from engine.runtime.ports import Outcome, TryLater, Unavailable, Undeliverable, Want
from engine.testing import Brought
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.runtime.test_private_answers import round_of, texts_in, write

WORDS = "quinces in the cellar"


async def busy(open_either: OpenHouse) -> SmallHouse:
    """Ana asks Ben and Chen to supper, and in words; Ben has answered both, and Ana has read it."""
    house = await open_either("ana", "ben", "chen")
    definition = round_of("talk")
    house.shelf.definitions[definition.digest] = definition
    await house.begun()
    await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    await house.pass_time(2 * DAY_MS)
    await house.say("ana", "talk @ben @chen")
    await house.settle()
    await write(house, "ben")
    return house


async def forget(house: SmallHouse, name: str = "ben") -> PersonId:
    person = house.id(name)
    await house.say(name, "forget me")
    await house.settle()
    await house.say(name, "forget")
    return person


def back(house: SmallHouse) -> list[Brought]:
    return [b for b in house.postman.brought if b.parcel.redacts is not None]


def rooms(brought: list[Brought]) -> set[str]:
    return {b.room for b in brought}


async def test_of_whoever_asks_to_be_forgotten_nothing_is_left(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    texts = await house.store.texts_of(house.id("ben"))
    assert texts
    person = await forget(house)
    await house.settle()
    assert house.postman.gone == [person]
    assert await house.store.matrix_id(person) is None
    assert (await house.store.load(Want(desks=frozenset({person})))).desks == {}
    assert await house.store.instances_of(person) == []
    assert [await house.store.text(text.id) for text in texts] == [None] * len(texts)
    assert await house.store.journal(f"d/{person}") == []
    assert await house.store.rows_sent_to(person) == []
    assert await house.store.leaving() == []
    for snapshot in await house.snapshots():
        assert person not in await house.store.people_of(snapshot.id)


async def test_every_message_to_them_is_taken_back_and_one_line_says_so_last(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    room = f"d/{house.id('ben')}"
    mine = {b.parcel.row for b in house.postman.brought if b.room == room and b.parcel.reacts is None}
    await forget(house)
    await house.settle()
    asked = {b.parcel.row for b in house.seen("ben") if b.words == "forget.ask"}
    sent_before = mine | asked
    assert {b.parcel.redacts for b in back(house) if b.room == room} >= sent_before
    assert house.seen("ben")[-1].words == "forget.done"


async def test_messages_to_others_that_carry_their_words_are_taken_back_too(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    texts = {text.id for text in await house.store.texts_of(house.id("ben"))}
    await house.pass_time(8 * DAY_MS)
    shown = [b for b in house.seen("ana") if set(texts_in([b])) & texts]
    assert shown
    await forget(house)
    await house.settle()
    assert {b.parcel.redacts for b in back(house) if b.room == f"d/{house.id('ana')}"} == {
        b.parcel.row for b in shown
    }


async def test_what_runs_hears_that_they_are_no_longer_here_and_nothing_else(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    running = [s.id for s in await house.snapshots()]
    assert len(running) == 2
    before = {i: len(await house.store.journal(f"i/{i}")) for i in running}
    await forget(house)
    for instance in running:
        (line,) = (await house.store.journal(f"i/{instance}"))[before[instance] :]
        assert isinstance(line.event, Left)


async def test_what_still_waited_for_them_is_never_sent(open_either: OpenHouse) -> None:
    house = await open_either("ana", "ben", "chen")
    definition = round_of("talk")
    house.shelf.definitions[definition.digest] = definition
    await house.begun()
    await house.say("ana", "talk @ben")
    await house.settle()
    assert "q.say" not in house.words("ben")  # one question a day
    person = await forget(house)
    await house.settle()
    await house.pass_time(3 * DAY_MS)
    assert "q.say" not in house.words("ben")
    assert house.postman.gone == [person]


async def test_somebody_who_is_not_in_their_room_is_forgotten_all_the_same(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    await house.say("ben", "forget me")
    await house.settle()
    person = house.id("ben")
    await house.say("ben", "forget")
    house.postman.present.discard(person)
    await house.settle()
    assert await house.store.matrix_id(person) is None


async def test_whoever_writes_again_is_somebody_new(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    old = await forget(house)
    await house.settle()
    new = await house.store.person("@ben:hearth.test")
    assert new != old
    house.village.persons["ben"] = new
    house.postman.present.add(new)
    await house.say("ben", "help")
    await house.settle()
    assert house.words("ben")[0] == "hello"


async def test_until_they_are_forgotten_nothing_is_taken_in_from_them(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    person = await forget(house)
    await house.say("ben", "supper @ana")
    await house.say("ben", WORDS)
    await house.settle()
    assert await house.store.matrix_id(person) is None
    assert len(await house.snapshots()) == 2


async def test_a_room_that_cannot_be_left_yet_is_left_later_and_then_they_are_forgotten(
    open_either: OpenHouse,
) -> None:
    house = await busy(open_either)
    house.mishaps.fail("let_go", TryLater("the server is away", 2 * LET_GO_PAUSE_MS))
    person = await forget(house)
    await house.settle()
    assert await house.store.matrix_id(person) is not None
    await house.clock.advance(2 * LET_GO_PAUSE_MS - 1)
    assert await house.outbox.send_due() == 0
    await house.clock.advance(1)
    await house.settle()
    assert await house.store.matrix_id(person) is None


async def test_a_room_that_can_never_be_left_keeps_nobody(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    house.mishaps.fail("let_go", Undeliverable("there is none"))
    person = await forget(house)
    await house.settle()
    assert await house.store.matrix_id(person) is None


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("a defect")])
async def test_cut_short_between_room_and_erasing_both_are_done_again(
    open_either: OpenHouse, error: Exception
) -> None:
    house = await busy(open_either)
    house.faults.fail("forget", error)
    person = await forget(house)
    with suppress(Unavailable):
        await house.settle()
    assert await house.store.matrix_id(person) is not None
    await house.say("ana", "help")
    await house.settle()
    assert house.seen("ana")[-1].parcel.message.view == "help"
    await house.pass_time(LET_GO_PAUSE_MS)
    assert house.postman.gone == [person, person]
    assert await house.store.matrix_id(person) is None


async def test_what_was_on_its_way_to_somebody_who_has_been_erased_makes_nobody_known_again(
    open_either: OpenHouse,
) -> None:
    house = await busy(open_either)
    on_its_way = house.spoken("ben", WORDS)
    person = await forget(house)
    await house.settle()
    assert await house.submit(on_its_way) == [Outcome("ignored", "not known here any more")]
    assert (await house.store.load(Want(desks=frozenset({person})))).desks == {}
    assert await house.store.texts_of(person) == []


async def test_staying_changes_nothing(open_either: OpenHouse) -> None:
    house = await busy(open_either)
    await house.say("ben", "forget me")
    await house.settle()
    await house.say("ben", "stay")
    await house.pass_time(HOUR_MS)
    assert back(house) == []
    assert await house.store.matrix_id(house.id("ben")) is not None
