"""What was set aside or given up is tried again when a human being says so, and let go of when they say that."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.desk import Reading
from engine.core.values import CircleId, Ms
from engine.runtime.bell import Bell
from engine.runtime.ports import Outcome, Spoken, Undeliverable
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import PlainReader, SmallHouse


class Mended(PlainReader):
    """A reader in which the defect is mended."""

    def read(self, spoken: Spoken, *others: object, **more: object) -> tuple[Reading, str]:
        return super().read(replace(spoken, body=spoken.body.replace("boom ", "")), *others, **more)  # type: ignore[arg-type]


def mend(house: SmallHouse) -> None:
    house.line._house.reader = Mended(house.village.persons)


async def trouble(house: SmallHouse) -> str:
    (found,) = await house.store.troubles(10)
    return found.id


async def test_an_event_that_could_not_be_read_is_decided_once_that_is_mended(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    assert (await house.say("ben", "boom coming", reply_to=prompt.event)).kind == "quarantined"
    mend(house)
    assert await house.store.retry(await trouble(house)) == "again"
    await house.settle()
    assert house.choice_of(await house.snapshot(), "p2") == "coming"
    assert await house.store.troubles(10) == []
    assert await house.store.waiting_inbox(10) == []


async def test_it_counts_by_when_it_was_said(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    await house.say("ben", "boom coming", reply_to=prompt.event)
    said_ms = house.now_ms
    await house.clock.advance(3_600_000)
    mend(house)
    await house.store.retry(await trouble(house))
    await house.settle()
    assert said_at(await house.snapshot(), "p2") == said_ms


def said_at(snapshot: object, ref: str) -> Ms:
    (answer,) = [a for who, a in snapshot.asks["rsvp"].answers.items() if str(who) == ref]  # type: ignore[attr-defined]
    return Ms(answer.at_ms)


async def test_an_event_that_breaks_again_is_set_aside_again_and_the_bell_does_not_spin(
    house: SmallHouse,
) -> None:
    await house.say("ben", "boom")
    first = await trouble(house)
    await house.store.retry(first)
    assert await house.bell.ring_due() == 1
    assert await house.bell.ring_due() == 0
    assert await trouble(house) != first


async def test_an_event_that_is_let_go_of_never_comes_back(house: SmallHouse) -> None:
    bad = house.spoken("ben", "boom")
    await house.submit(bad)
    assert await house.store.drop(await trouble(house))
    mend(house)
    await house.settle()
    assert await house.submit(bad) == [Outcome("seen_before")]


async def test_what_is_tried_again_survives_a_restart(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    await house.say("ben", "boom coming", reply_to=prompt.event)
    await house.store.retry(await trouble(house))
    await house.line.stop()
    mend(house)
    house.line = house.another_line()
    house.bell = Bell(house.cellar, house.line, house.clock)
    mend(house)
    house.line.start()
    await house.settle()
    assert house.choice_of(await house.snapshot(), "p2") == "coming"


async def test_a_message_that_was_given_up_is_sent_with_its_choices_when_tried_again(
    open_house: OpenHouse,
) -> None:
    house = await open_house("ana", "ben")
    house.mishaps.fail("seal", Undeliverable("403 M_FORBIDDEN"), when=lambda p, *_: p.target is not None)
    await house.say("ana", "supper @ben")
    await house.settle()
    assert "rsvp.say" not in house.words("ben")
    assert await house.store.retry(await trouble(house)) == "again"
    await house.settle()
    assert house.words("ben").count("rsvp.say") == 1
    placed = [b for b in house.postman.brought if b.parcel.reacts == house.find("ben", "rsvp.say").parcel.row]
    assert [b.parcel.emoji for b in placed] == ["✅", "✖️"]


@pytest.mark.parametrize("body", ["boom", "boom supper @chen"])
async def test_nothing_of_what_was_said_stands_in_what_stewards_see(house: SmallHouse, body: str) -> None:
    await house.say("ben", f"{body} quince")
    (found,) = await house.store.troubles(10)
    assert "quince" not in repr(found)
    assert found.circle is None or isinstance(found.circle, CircleId)
