"""Several 1:1 rooms with one person: all are heard, the newest is written to, and none is left lying about."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.bridge.matrix.conftest import Listener
from tests.world import Member, World


async def opened(person: Member, bot: str) -> str:
    """A 1:1 room that somebody opens with the bot, whether or not there is one."""
    return await person.create_room(preset="trusted_private_chat", is_direct=True, invite=[bot])


async def marked(bot: Listener) -> dict[str, Any]:
    """What the account's other apps know of its 1:1 rooms."""
    user = quote(bot.client.session.user_id, safe="")
    return await bot.client.homeserver.request("GET", f"/_matrix/client/v3/user/{user}/account_data/m.direct")


async def both_rooms(here: World, listen: Any) -> tuple[Listener, Member, str, str]:
    """The bot has made a 1:1 room, and the person has opened another one."""
    bot = await listen(here.bot)
    ana = here["ana"]
    first = await bot.client.ensure_direct(ana.user_id)
    await ana.wait_for(lambda: first in ana.rooms)
    await bot.until(lambda: ana.user_id in bot.client.rooms.get(first).joined())
    second = await opened(ana, here.bot.user_id)
    await bot.until(lambda: second in bot.client.rooms)
    return bot, ana, first, second


async def test_a_second_room_is_heard_too_and_is_the_one_written_to(world, listen) -> None:
    here = await world("ana")
    bot, ana, first, second = await both_rooms(here, listen)
    assert await bot.client.ensure_direct(ana.user_id) == second
    for room in (first, second):
        await ana.say(room, f"said in {room}")
        await bot.hears(room, f"said in {room}")
        assert bot.client.direct.known()[room] == ana.user_id
    assert (await marked(bot))[ana.user_id] == [second, first]


async def test_a_room_that_the_other_has_left_is_left_and_forgotten_if_there_is_another(
    world, listen
) -> None:
    here = await world("ana")
    bot, ana, first, second = await both_rooms(here, listen)
    await ana.leave(first)
    await bot.until(lambda: first not in bot.client.rooms)
    await bot.until(lambda: first not in bot.client.direct.known())
    assert (await marked(bot))[ana.user_id] == [second]
    assert await bot.client.ensure_direct(ana.user_id) == second
    # Gone for good: the account's list of rooms does not know it any more.
    joined = await bot.client.homeserver.request("GET", "/_matrix/client/v3/joined_rooms")
    assert first not in joined["joined_rooms"]


async def test_the_older_room_is_written_to_again_when_the_newer_one_is_left(world, listen) -> None:
    here = await world("ana")
    bot, ana, first, second = await both_rooms(here, listen)
    await ana.leave(second)
    await bot.until(lambda: second not in bot.client.rooms)
    assert await bot.client.ensure_direct(ana.user_id) == first


async def test_the_only_room_is_kept_for_when_they_come_back(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    ana = here["ana"]
    room = await bot.client.ensure_direct(ana.user_id)
    await ana.wait_for(lambda: room in ana.rooms)
    await ana.leave(room)
    await bot.until(lambda: ana.user_id not in bot.client.rooms.get(room).members)
    await ana.say(here.room, "something else happens")
    await bot.hears(here.room, "something else happens")
    assert room in bot.client.rooms
    assert await bot.client.ensure_direct(ana.user_id) == room


async def test_who_turns_down_the_bots_room_may_open_one_of_their_own(world, listen) -> None:
    here = await world("ana")
    bot, ana = await listen(here.bot), here["ana"]
    ana.invites_are = "by hand"
    first = await bot.client.ensure_direct(ana.user_id)
    await ana.wait_for(lambda: first in ana.invites)
    await ana.leave(first)
    await bot.until(lambda: ana.user_id not in bot.client.rooms.get(first).members)
    second = await opened(ana, here.bot.user_id)
    await bot.until(lambda: bot.client.direct.room_of(ana.user_id) == second)
    await bot.until(lambda: first not in bot.client.rooms)
    assert (await marked(bot))[ana.user_id] == [second]
