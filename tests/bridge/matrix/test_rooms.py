"""Rooms: 1:1 rooms made once, invitations answered by policy, state that follows the homeserver."""

import asyncio

from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.rooms import Allowed
from tests.bridge.matrix.conftest import Listener, session_of


async def test_a_direct_room_is_made_once_encrypted_and_reused(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot = await listen(here.bot)
    await bot.until(lambda: here.room in bot.client.rooms)
    ana = here["ana"]
    first, second = await asyncio.gather(
        bot.client.ensure_direct(ana.user_id), bot.client.ensure_direct(ana.user_id)
    )
    assert first == second
    event_id = await bot.client.sender.deliver(
        first, "m.room.message", {"msgtype": "m.text", "body": "hi"}, "t1"
    )
    await ana.wait_for(lambda: ana.find_dm(here.bot.user_id) == first)
    assert (await ana.sees(first, event_id)).body == "hi"
    room = bot.client.rooms.get(first)
    assert room is not None
    assert room.encryption is not None
    assert room.alias is None
    assert room.power(here.bot.user_id) > 100 >= room.power(ana.user_id)
    assert not room.may_invite(ana.user_id)
    # Another process without any memory, as after a kill between creating and remembering.
    amnesiac = Listener(
        session_of(here.bot),
        MemoryKeeper(),
    )
    amnesiac.keeper.rows = {k: v for k, v in bot.keeper.rows.items() if k[0].startswith("olm")}
    client = await amnesiac.open()
    await client.homeserver.request(
        "PUT", f"/_matrix/client/v3/user/{here.bot.user_id}/account_data/m.direct", body={}
    )
    assert await client.ensure_direct(ana.user_id) == first
    await client.close()


async def test_a_person_who_left_the_direct_room_is_invited_into_it_again(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    ana = here["ana"]
    room_id = await bot.client.ensure_direct(ana.user_id)
    await ana.wait_for(lambda: room_id in ana.rooms)
    await bot.until(lambda: bot.client.rooms.get(room_id).joined() == {ana.user_id, here.bot.user_id})
    await ana.leave(room_id)
    await bot.until(lambda: ana.user_id not in bot.client.rooms.get(room_id).members)
    assert bot.client.direct.room_of(ana.user_id) is None
    assert await bot.client.ensure_direct(ana.user_id) == room_id
    await ana.wait_for(lambda: room_id in ana.rooms)


async def test_invitations_are_accepted_from_the_allowed_and_declined_from_others(world, listen) -> None:
    here = await world("ana", "bruno")
    await here["ana"].wait_for(lambda: True)
    allowed = Allowed(users=frozenset({here["ana"].user_id}))
    await here.invite_bot()
    other = await here["bruno"].create_room(name="elsewhere", invite=[here.bot.user_id])
    bot = await listen(here.bot, allowed=allowed)
    await bot.until(lambda: here.room in bot.client.rooms)
    await here["bruno"].wait_for(lambda: here.bot.user_id not in here["bruno"].people(other, invited=True))
    await bot.until(lambda: not bot.client.rooms.invites())
    assert other not in bot.client.rooms


async def test_a_room_left_or_kicked_from_is_dropped(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    await bot.until(lambda: here.room in bot.client.rooms)
    await here["ana"].call("POST", f"/rooms/{here.room}/kick", {"user_id": here.bot.user_id})
    await bot.until(lambda: here.room not in bot.client.rooms)
    assert here.room in bot.deliveries[-1].changes.left
    assert not [key for key in bot.keeper.rows if here.room in key[1]]
