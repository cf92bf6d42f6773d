"""A homeserver in trouble: the bot slows down, keeps everything, and goes on by itself."""

import asyncio
from itertools import pairwise

from aiohttp import web

from tests.fakes import (
    Behaviour,
    changes,
    done_but_says,
    garbles,
    hangs,
    holds,
    limits,
    resets,
    says,
    shows_page,
)
from tests.fakes.script import Honest, answer
from tests.faults.scene import HELP, Impatient, MakeScene

TROUBLES: dict[str, Behaviour] = {
    "500": says(500),
    "502 with a page": shows_page(502),
    "200 with a page": shows_page(200, "<html>please log in to this network</html>"),
    "504 without a body": shows_page(504, ""),
    "cut off in the middle": resets(),
    "half a JSON": garbles(),
    "a JSON that is no object": changes(lambda answer: "later"),
    "429 that names no wait": limits(),
    "429 with Retry-After": limits(header_seconds=7),
    "429 with retry_after_ms": limits(body_ms=7_000),
    "429 with both": limits(header_seconds=7, body_ms=7_000),
}
NAMED_WAITS = ("429 with Retry-After", "429 with retry_after_ms", "429 with both")


async def test_in_trouble_the_bot_asks_seldom_and_loses_nothing(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    for times, (name, trouble) in enumerate(TROUBLES.items(), 2):
        began_ms = it.clock.now_ms()
        with it.fails(trouble):
            await it["ana"].say(room, "help")
            await it.clock.pass_time(300)
            asked = it.asked(since_ms=began_ms)
        it.paced(began_ms, name)
        assert len(asked) > 5, name
        if name in NAMED_WAITS:
            for path in {each.path for each in asked}:
                at_ms = [each.at_ms for each in asked if each.path == path]
                gaps_ms = [later - earlier for earlier, later in pairwise(at_ms)]
                assert min(gaps_ms[1:], default=7_000) >= 7_000, (name, path)
        await it.answered("ana", room, times=times)
    it.stayed_logged_in()


async def test_an_answer_that_never_comes_is_given_up_and_asked_for_again(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    await it.house.stop()
    hasty = await Impatient.connect(it.here.homeserver, access_token=it.here.bot.access_token)
    it.house.homeserver = hasty
    began_ms = it.clock.now_ms()
    with it.fails(hangs()):
        starting = asyncio.create_task(it.house.start())
        await it["ana"].say(room, "help")
        while len(it.asked(since_ms=began_ms)) < 5:
            await it.clock.pass_time(5)
            assert it.clock.now_ms() - began_ms < 3_600_000
        it.paced(began_ms)
    hasty.seconds = 30.0
    await it.until(starting)
    await it.answered("ana", room, times=2)
    it.stayed_logged_in()


async def test_polls_that_are_answered_at_once_with_nothing_are_no_reason_to_hurry(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")

    async def cached(request: web.Request, honest: Honest) -> web.StreamResponse:
        return answer(200, {"next_batch": request.query.get("since", "s0_0")})

    began_ms = it.clock.now_ms()
    with it.fails(cached, at="/sync"):
        await it["ana"].say(room, "help")
        # The poll that was under way brings some of it still: what is done because of that is no hurry.
        await it.clock.pass_time(10)
        settled_ms = it.clock.now_ms()
        await it.clock.pass_time(120)
    it.paced(began_ms, at="/sync")
    it.paced(settled_ms)
    await it.answered("ana", room, times=2)


async def test_many_letters_waiting_ask_no_more_often_than_one(scene: MakeScene) -> None:
    it = await scene("ana")
    crowd = [it.puppet(f"guest{number}") for number in range(12)]
    await it.clock.pass_time(5)
    trouble = it.fails(says(500), at="/createRoom"), it.fails(says(500), at="/directory/")
    for guest in crowd:
        it.says(guest, "!hearth help")
    began_ms = it.clock.now_ms()
    await it.clock.pass_time(600)
    it.paced(began_ms)
    for each in trouble:
        each.stop()
    await it.clock.pass_time(1800)
    memory = it.homeserver.memory
    direct = [room for room in memory.rooms.values() if room.room_id != it.here.room]
    assert sorted(room.people("invite") for room in direct) == sorted([guest.user_id] for guest in crowd)


async def test_a_message_that_arrived_although_it_failed_is_not_sent_again(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    with it.fails(done_but_says(500), at="/send/", times=3) as trouble:
        await it["ana"].say(room, "help")
        await it.answered("ana", room, times=2)
    assert trouble.met == 3


async def test_a_room_that_was_made_although_it_failed_is_the_one_that_is_used(scene: MakeScene) -> None:
    it = await scene("ana")
    with it.fails(done_but_says(500), at="/createRoom", times=1) as trouble:
        await it.meet("ana")
    assert trouble.met == 1
    assert len(it.homeserver.memory.rooms) == 2


async def test_what_many_said_while_the_bot_was_away_is_read_to_the_first_word(scene: MakeScene) -> None:
    it = await scene("ana")
    guest = it.puppet("guest")
    await it.clock.pass_time(5)
    with it.fails(says(502)):
        await it.clock.pass_time(5)
        it.says(guest, "!hearth who holds what")
        for number in range(250):
            it.says(guest, f"chatter {number}")
        await it.clock.pass_time(60)
    await it.until(it["ana"].hears(it.here.room, "Nobody holds a role here at the moment"))


async def test_the_house_stops_at_once_while_the_homeserver_is_in_trouble(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    with it.fails(says(500), at="/send/"):
        await it["ana"].say(room, "help")
        await it.clock.pass_time(60)
        began_ms = it.clock.now_ms()
        await it.until(it.house.stop())
        assert it.clock.now_ms() - began_ms <= 5_000
    await it.until(it.house.start())
    await it.answered("ana", room, times=2)


async def test_a_house_told_to_stop_in_the_middle_of_a_send_finishes_it(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    for at in ("/send/", "/sendToDevice/"):
        times = len(it.heard("ana", room)) + 1
        it.homeserver.memory.users[it["ana"].user_id].keys_changed = it.homeserver.memory.tick()
        held = holds()
        with it.fails(held, at=at, times=1):
            if at == "/sendToDevice/":
                await it.here.add(f"ana{times}", new_device_of="ana")
            await it["ana"].say(room, "help")
            await it.until(held.arrived.wait())
            stopping = asyncio.create_task(it.house.stop())
            await it.clock.pass_time(1)
            held.release()
            await it.until(stopping)
        await it.until(it.house.start())
        await it.answered("ana", room, times=times)
    assert HELP in it["ana"].read(room)[-1].body
