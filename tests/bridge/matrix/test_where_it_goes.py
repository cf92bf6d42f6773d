"""Into which room a parcel goes: where something stands, where somebody asked, or where the circle is now."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.message import Message
from engine.core.parcel import Parcel, Shared
from engine.core.values import CircleId, RowId
from engine.runtime.ports import NothingToSay
from tests.bridge.matrix.test_letting_go import carry, parcel, scene

CIRCLE = CircleId("circle")


async def said(bot, room: str, event: str) -> dict:
    """What the homeserver has of a message, opened with the bot's own keys."""
    raw = await bot.client.homeserver.request("GET", f"/_matrix/client/v3/rooms/{room}/event/{event}")
    opened = bot.client.cipher.peek(room, raw)
    return opened.content


async def test_an_edit_goes_where_the_message_stands_and_elsewhere_it_is_a_message_of_its_own(
    world, listen
) -> None:
    here, bot, ana, notes, postman = await scene(world, listen)
    first = await carry(postman, notes, parcel("asked"))
    await ana.wait_for(lambda: first in ana.rooms)
    await bot.until(lambda: ana.user_id in bot.client.rooms.get(first).joined())
    second = await ana.create_room(preset="trusted_private_chat", is_direct=True, invite=[here.bot.user_id])
    await bot.until(lambda: bot.client.direct.room_of(ana.user_id) == second)
    assert await carry(postman, notes, parcel("new")) == second
    assert await carry(postman, notes, parcel("thanked", edits=RowId("asked"))) == first
    relation = (await said(bot, *notes.sent[RowId("thanked")]))["m.relates_to"]
    assert relation == {"rel_type": "m.replace", "event_id": notes.sent[RowId("asked")][1]}
    await ana.leave(first)
    await bot.until(lambda: first not in bot.client.rooms)
    for row, where in (("again", {"edits": RowId("asked")}), ("below", {"replies": RowId("asked")})):
        assert await carry(postman, notes, parcel(row, **where)) == second
        assert "m.relates_to" not in await said(bot, *notes.sent[RowId(row)])
    with pytest.raises(NothingToSay):
        await carry(postman, notes, parcel("choice", reacts=RowId("asked"), emoji="🌿"))


async def test_an_answer_in_a_circle_goes_where_it_was_asked_if_the_bot_may_write_there(
    world, listen
) -> None:
    here, bot, ana, notes, postman = await scene(world, listen)
    garden = await ana.create_room(invite=[here.bot.user_id])
    silent = await ana.create_room(
        invite=[here.bot.user_id], power_level_content_override={"events_default": 50}
    )
    await bot.until(lambda: {here.room, garden, silent} <= set(bot.client.rooms.all()))
    notes.more = (garden, silent)

    def to(room: str, **fields: object) -> Parcel:
        made = Parcel(RowId(room or "main"), Shared(CIRCLE, room), "post", Message())
        return msgspec.structs.replace(made, **fields)

    assert await postman.room_for(to("")) == here.room
    assert await postman.room_for(to(garden)) == garden
    assert await postman.room_for(to(silent)) == here.room
    assert await postman.room_for(to("!gone")) == here.room
    notes.sent[RowId("board")] = (garden, "$board")
    assert await postman.room_for(to(garden, edits=RowId("board"))) == garden
    notes.more = (silent,)
    assert await postman.room_for(to(garden)) == here.room, "it is no room of the circle any more"
    assert await postman.room_for(to(garden, edits=RowId("board"))) == here.room
    # A private word is taken back where it stands, or nowhere.
    assert await postman.room_for(to(silent, redacts_event="$word")) == silent


async def test_where_a_third_person_sits_now_nothing_private_is_added(world, listen) -> None:
    here = await world("ana", "ben", invite_bot=True)
    here, bot, ana, notes, postman = await scene(world, listen, here)
    first = await carry(postman, notes, parcel("asked"))
    await ana.wait_for(lambda: first in ana.rooms)
    await bot.until(lambda: ana.user_id in bot.client.rooms.get(first).joined())
    assert await postman.room_for(parcel("thanked", edits=RowId("asked"))) == first
    ben = here["ben"].user_id
    invite = f"/_matrix/client/v3/rooms/{first}/invite"
    await bot.client.homeserver.request("POST", invite, body={"user_id": ben})
    await bot.until(lambda: ben in bot.client.rooms.get(first).present())
    for row, below in (("edit", "edits"), ("poll", "polls"), ("end", "ends")):
        assert await postman.room_for(parcel(row, **{below: RowId("asked")})) != first, row


async def test_what_the_homeserver_does_not_let_be_taken_back_stays_quietly(world, listen) -> None:
    here, bot, ana, notes, postman = await scene(world, listen)
    event = await ana.say(here.room, "mine")
    await bot.until(lambda: here.room in bot.client.rooms.all())
    taking = msgspec.structs.replace(
        Parcel(RowId("back"), Shared(CIRCLE, here.room), "post", Message()), redacts_event=event
    )
    with pytest.raises(NothingToSay):
        await carry(postman, notes, taking)
