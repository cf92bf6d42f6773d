"""The first word to somebody new: by day, and once."""

from __future__ import annotations

from engine.core.values import HOUR_MS
from tests.scenarios.conftest import Theatre

GREETING = "May I write to you"


async def _invite_at_ten_at_night(theatre: Theatre):
    stage = await theatre("ana", "bruno", greeted=False)
    await stage.come("ana")
    await stage.say("ana", "start")
    await stage.pass_time(12 * HOUR_MS)
    await stage.say("ana", "invite @bruno: Soup and songs")
    await stage.say("ana", "1")
    await stage.say("ana", "Friday 19:00")
    await stage.say("ana", "1")
    return stage


async def test_nobody_is_invited_into_a_room_at_night(theatre: Theatre) -> None:
    stage = await _invite_at_ten_at_night(theatre)
    bruno = stage.cast.persons["bruno"]
    assert bruno not in stage.postman.invited
    await stage.pass_time(11 * HOUR_MS)
    assert bruno in stage.postman.invited
    await stage.come("bruno")
    assert stage.find("bruno", GREETING)


async def test_whoever_speaks_at_night_is_answered_at_night_hello_first_and_once(theatre: Theatre) -> None:
    stage = await _invite_at_ten_at_night(theatre)
    await stage.say("bruno", "my", room=True)
    await stage.come("bruno")
    await stage.pass_time(12 * HOUR_MS)
    words = [line.words for line in stage.seen("bruno") if line.parcel.emoji is None]
    assert GREETING in words[0]
    assert sum(GREETING in each for each in words) == 1
