"""Sent twice, said to several, answered to somebody who has gone: what the whole runtime makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

import pytest
from msgspec.structs import replace

from engine.core.desk import Desk, Reading
from engine.core.parcel import Target
from engine.core.values import MINUTE_MS, CircleId, Ms
from engine.runtime.batch import SAID_TWICE_MS
from engine.runtime.ports import Spoken
from tests.engine.runtime.small_house import PlainReader, SmallHouse


class CountingReader(PlainReader):
    """Reads a number too."""

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        reading, kept = super().read(spoken, desk, target, words, now_ms, circles)
        number = int(spoken.body) if spoken.body.isdecimal() else None
        return replace(reading, number=number), kept


@pytest.fixture
async def house() -> AsyncIterator[SmallHouse]:
    house = await SmallHouse.open("ana", "ben", "chen", "dora")
    yield house
    await house.close()


# ── a beginning that was sent twice ──────────────────────────────────────────


async def test_the_same_beginning_twice_in_one_batch_begins_once(house: SmallHouse) -> None:
    await house.submit(house.spoken("ana", "supper @ben"), house.spoken("ana", "supper @ben"))
    await house.settle()
    assert len(await house.snapshots()) == 1
    assert "begin.twice" in house.words("ana")
    assert house.words("ben").count("rsvp.say") == 1


async def test_with_words_they_are_kept_once(house: SmallHouse) -> None:
    await house.submit(house.spoken("ana", "picnic by the lake"), house.spoken("ana", "picnic by the lake"))
    (begun,) = await house.snapshots()
    texts = [t for t in await house.store.texts_of(house.id("ana")) if t.until_ms > house.now_ms]
    assert [t.instance for t in texts] == [begun.id]


@pytest.mark.parametrize("other", ["supper @chen", "supper @ben @chen"])
async def test_another_one_is_another_one(house: SmallHouse, other: str) -> None:
    await house.submit(house.spoken("ana", "supper @ben"), house.spoken("ana", other))
    assert len(await house.snapshots()) == 2


async def test_a_while_later_or_from_somebody_else_it_is_meant(house: SmallHouse) -> None:
    later = house.now_ms + SAID_TWICE_MS
    await house.clock.advance(2 * MINUTE_MS)
    await house.submit(
        house.spoken("ana", "supper @ben", occurred_ms=later - SAID_TWICE_MS),
        house.spoken("ana", "supper @ben", occurred_ms=later),
        house.spoken("chen", "supper @ben"),
    )
    assert len(await house.snapshots()) == 3


# ── words that could answer two questions ────────────────────────────────────


async def test_words_go_to_the_question_whose_number_was_said_and_belong_to_it_then(
    house: SmallHouse,
) -> None:
    house.reader.__class__ = CountingReader
    for name in ("ana", "ben"):
        await house.say(name, "supper @chen")
        await house.say(name, "review")
    await house.settle()
    await house.pass_time(2 * 24 * 60 * MINUTE_MS)
    asked = [b.parcel.about for b in house.seen("dora") if b.words == "feedback.say"]
    assert len(asked) == 2
    await house.say("dora", "such good soup")
    await house.settle()
    assert house.words("dora")[-1] == "which_one"
    await house.say("dora", "2")
    texts = {t.instance: t.until_ms for t in await house.store.texts_of(house.id("dora"))}
    assert texts[asked[1]] > house.now_ms
    assert all(until_ms <= house.now_ms for instance, until_ms in texts.items() if instance != asked[1])
    answered = {s.id: len(s.asks["feedback"].answers) for s in await house.snapshots()}
    assert answered == {asked[0]: 0, asked[1]: 1}


# ── somebody who has gone ────────────────────────────────────────────────────


@pytest.mark.parametrize("by_tap", [True, False])
async def test_a_contact_who_answers_somebody_who_was_forgotten_hears_that_they_are_gone(
    house: SmallHouse, by_tap: bool
) -> None:
    house.village.helpers = (house.id("ben"),)
    await house.say("ana", "person")
    await house.settle()
    await house.say("ana", f"contact:{house.id('ben')}")
    await house.settle()
    call = house.find("ben", "person.message_to_contact")
    await house.say("ana", "forget me")
    await house.settle()
    await house.say("ana", "forget")
    await house.settle()
    assert await house.store.matrix_id(house.id("ana")) is None
    if by_tap:
        await house.tap("ben", "👍", call)
    else:
        await house.say("ben", "write")
    await house.settle()
    assert house.words("ben")[-1] == "person.gone"
