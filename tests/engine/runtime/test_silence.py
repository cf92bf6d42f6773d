"""No, silence, stop, pause, not from, a refused room: to everybody else they are one thing, also by time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from engine.core.values import DAY_MS, HOUR_MS
from tests.engine.runtime.small_house import CLOSES_MS, SmallHouse

Seen = list[tuple[int, str, str, str]]
"""(when, whose room, words, whether an edit)"""
Way = Callable[[SmallHouse], Awaitable[object]]


async def nothing(house: SmallHouse) -> None:
    """Ben stays silent."""


async def says_no(house: SmallHouse) -> None:
    await house.tap("ben", "✖️", house.find("ben", "rsvp.say"))


async def says_no_in_words(house: SmallHouse) -> None:
    await house.say("ben", "no")


async def later(house: SmallHouse) -> None:
    await house.say("ben", "later")


async def wavers(house: SmallHouse) -> None:
    first = await house.tap("ben", "✖️", house.find("ben", "rsvp.say"))
    await house.remove("ben", first)


async def says(house: SmallHouse, words: str) -> None:
    await house.say("ben", words)


async def leaves_his_room(house: SmallHouse) -> None:
    house.postman.present.discard(house.id("ben"))
    await house.submit(house.moved("ben", joined=False))


WAYS_BEFORE: dict[str, Way] = {
    "stop": lambda house: says(house, "stop"),
    "not from": lambda house: says(house, "not from @ana"),
    "left his room": leaves_his_room,
    "was never there": nothing,
}
WAYS_AFTER: dict[str, Way] = {
    "no": says_no,
    "no in words": says_no_in_words,
    "later": later,
    "wavered": wavers,
    "stop": lambda house: says(house, "stop"),
    "not from": lambda house: says(house, "not from @ana"),
    "person": lambda house: says(house, "person"),
    "left his room": leaves_his_room,
    "wrote nonsense": lambda house: says(house, "qwert"),
}


async def seen_by_others(before: Way, after: Way, *, there: bool = True) -> tuple[Seen, str]:
    """Ana asks Ben and Chen; what Ana and Chen see, and when, and what the instance became."""
    house = await SmallHouse.open("ana", "ben", "chen")
    if not there:
        house.postman.present.discard(house.id("ben"))
    await before(house)
    await house.settle()
    house.postman.brought.clear()
    seen: Seen = []

    async def look() -> None:
        await house.settle()
        for brought in house.postman.brought:
            if brought.room != f"d/{house.id('ben')}":
                seen.append((house.now_ms, brought.room, brought.words, str(brought.parcel.edits)))
        house.postman.brought[:] = [b for b in house.postman.brought if b.room == f"d/{house.id('ben')}"]

    instance = await house.begun()
    await look()
    for n in range((CLOSES_MS + 4 * DAY_MS) // HOUR_MS):
        if n == 7:
            await after(house)
        if n == 30:
            await house.tap("chen", "✅", await _asked(house))
        await house.clock.advance(HOUR_MS)
        await look()
    loaded = [line.event for line in await house.store.journal(f"i/{instance}")]
    state = "over" if not await house.snapshots() else (await house.snapshot()).state
    assert loaded
    assert await house.store.quarantined() == []
    await house.close()
    return seen, state


async def _asked(house: SmallHouse):  # type: ignore[no-untyped-def]
    """Chen's question; it was taken out of the postman's list when it was looked at."""
    from engine.testing import Brought

    row = next(p.row for p in (await house.desk("chen")).prompts if p.ask == "rsvp")
    sent = await house.store.sent_event(row)
    assert sent is not None
    parcel = house.store._outbox[row].parcel
    return Brought(sent[1], sent[0], parcel, "")


@pytest.fixture(scope="module")
def silence() -> list[tuple[Seen, str]]:
    """What it looks like when Ben says nothing at all."""
    import asyncio

    return [asyncio.run(seen_by_others(nothing, nothing))]


@pytest.mark.parametrize("way", WAYS_AFTER)
async def test_whatever_ben_does_but_yes_others_see_what_they_see_when_he_is_silent(
    way: str, silence: list[tuple[Seen, str]]
) -> None:
    assert await seen_by_others(nothing, WAYS_AFTER[way]) == silence[0]


@pytest.mark.parametrize("way", WAYS_BEFORE)
async def test_whatever_kept_the_question_from_ben_others_see_what_they_see_when_he_is_silent(
    way: str, silence: list[tuple[Seen, str]]
) -> None:
    there = way != "was never there"
    assert await seen_by_others(WAYS_BEFORE[way], nothing, there=there) == silence[0]


async def test_a_yes_is_seen(silence: list[tuple[Seen, str]]) -> None:
    async def yes(house: SmallHouse) -> None:
        await house.tap("ben", "✅", house.find("ben", "rsvp.say"))

    assert await seen_by_others(nothing, yes) != silence[0]
