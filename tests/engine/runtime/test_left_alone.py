"""Whoever leaves three questions in a row without a word is asked without a sound from then on (right 5)."""

from __future__ import annotations

from engine.core.values import HOUR_MS, WEEK_MS
from tests.engine.runtime.small_house import CLOSES_MS, SmallHouse


async def left_open(house: SmallHouse) -> str:
    """Ana asks Ben, and the question closes; how it was put to him."""
    await house.say("ana", "supper @ben @chen")
    await house.settle()
    row = next(prompt.row for prompt in (await house.desk("ben")).prompts if prompt.ask == "rsvp")
    asked = house.store._outbox[row].parcel
    for _ in range((CLOSES_MS + WEEK_MS) // HOUR_MS):
        await house.clock.advance(HOUR_MS)
        await house.settle()
    return asked.urgency


async def test_three_questions_without_a_word_and_the_next_makes_no_sound_until_they_write_again() -> None:
    house = await SmallHouse.open("ana", "ben", "chen")
    assert [await left_open(house) for _ in range(4)] == ["timely", "timely", "timely", "quiet"]
    await house.say("ben", "my")
    assert await left_open(house) == "timely"
    assert await house.store.quarantined() == []
    await house.close()
