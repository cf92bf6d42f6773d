"""Rooms the bot or its people leave, or are put out of: the house goes on with what is left."""

import logging

import pytest

from tests.faults.scene import MakeScene


async def test_put_out_of_its_room_the_bot_goes_on_and_is_back_when_invited_again(
    scene: MakeScene, caplog: pytest.LogCaptureFixture
) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    ana, common = it["ana"], it.here.room
    began_ms = it.clock.now_ms()
    await ana.call("POST", f"/rooms/{common}/kick", {"user_id": it.bot})
    await ana.say(room, "help")
    await it.answered("ana", room, times=2)
    await it.clock.pass_time(600)
    it.paced(began_ms)
    assert not [asked for asked in it.asked(since_ms=began_ms) if "/join" in asked.path]
    await ana.invite(common, it.bot)
    await it.until(ana.wait_for(lambda: it.bot in ana.people(common)))
    await ana.say(common, "!hearth who holds what")
    await it.until(ana.hears(common, "Nobody holds a role here at the moment"))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_who_leaves_their_room_with_the_bot_is_left_in_peace_and_finds_it_again(
    scene: MakeScene,
) -> None:
    it = await scene("ana", "bruno")
    room = await it.meet("ana")
    ana = it["ana"]
    await ana.leave(room)
    await it.clock.pass_time(600)
    rooms = len(it.homeserver.memory.rooms)
    began_ms = it.clock.now_ms()
    await it.clock.pass_time(3600)
    it.paced(began_ms)
    assert len(it.homeserver.memory.rooms) == rooms
    await ana.say(it.here.room, "!hearth start")
    await it.until(
        ana.wait_for(lambda: ana.find_dm(it.bot), what="a room with the bot"), at_most_seconds=8000
    )
    again = ana.find_dm(it.bot)
    assert again is not None
    await it.until(ana.hears(again, "Welcome back"), at_most_seconds=8000)
    assert not ana.undecryptable
