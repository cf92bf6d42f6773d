"""Encrypted rooms with real people on a real homeserver."""

import asyncio


def note(text: str) -> dict[str, str]:
    return {"msgtype": "m.notice", "body": text}


async def test_messages_are_read_both_ways_in_an_encrypted_room(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot = await listen(here.bot)
    await bot.until(lambda: here.room in bot.client.rooms)
    await here["ana"].wait_for(lambda: here.bot.user_id in here["ana"].people(here.room))
    await here["ana"].say(here.room, "good morning")
    heard = await bot.hears(here.room, "good morning")
    assert heard.encrypted
    assert heard.sender == here["ana"].user_id
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("hello all"), "tx-1")
    for name in ("ana", "bruno"):
        message = await here[name].sees(here.room, event_id)
        assert message.body == "hello all"
    echo = await bot.hears(here.room, "hello all")
    assert echo.event_id == event_id
    assert echo.transaction_id == "tx-1"
    assert await bot.client.sender.find_sent(here.room, "tx-1") == event_id
    assert await bot.client.sender.find_sent(here.room, "tx-2") is None


async def test_after_a_restart_both_ways_go_on_with_the_committed_rows(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    await bot.until(lambda: here.room in bot.client.rooms)
    await here["ana"].wait_for(lambda: here.bot.user_id in here["ana"].people(here.room))
    first = await bot.client.sender.deliver(here.room, "m.room.message", note("one"), "tx-1")
    await here["ana"].sees(here.room, first)
    await here["ana"].say(here.room, "before")
    await bot.hears(here.room, "before")
    session = bot.client.cipher.rooms.current(here.room).session_id
    await bot.stop()
    await here["ana"].say(here.room, "while you slept")
    await bot.start()
    assert (await bot.hears(here.room, "while you slept")).encrypted
    second = await bot.client.sender.deliver(here.room, "m.room.message", note("two"), "tx-2")
    assert bot.client.cipher.rooms.current(here.room).session_id == session
    assert (await here["ana"].sees(here.room, second)).body == "two"
    again = await bot.client.sender.deliver(here.room, "m.room.message", note("two"), "tx-2")
    assert again == second
    await asyncio.sleep(0)
