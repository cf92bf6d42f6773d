"""Rooms that are replaced: followed where that is safe, on a real Synapse, in versions 10 to 12."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from bridge.matrix.clock import SystemClock
from bridge.matrix.room import ALL_POWER
from bridge.matrix.upgrades import GRACE_MS, LONGEST_WAIT_MS, PATIENT_LOOKS, SUCCESSION, Succession
from tests.bridge.matrix.conftest import Listener, session_of
from tests.world import Member, World


async def upgraded(person: Member, room_id: str, version: str = "12", *invited: str) -> str:
    """Replace a room as an app does: the homeserver makes the new one, then everybody is invited."""
    answer = await person.call("POST", f"/rooms/{quote(room_id)}/upgrade", {"new_version": version})
    new: str = answer["replacement_room"]
    await person.wait_for(lambda: new in person.rooms, what="the new room")
    for user_id in invited:
        await person.call("POST", f"/rooms/{quote(new)}/invite", {"user_id": user_id})
    return new


async def entomb(person: Member, old: str, new: str) -> None:
    """Say by hand that a room is replaced by another."""
    where = f"/rooms/{quote(old)}/state/m.room.tombstone/"
    await person.call("PUT", where, {"body": "moved", "replacement_room": new})


class Ahead(SystemClock):
    """The clock of the machine, some time ahead."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


async def served(here: World, listen: Any, **options: Any) -> Listener:
    """A bot that serves the shared room, and is in it."""
    bot = await listen(here.bot, served=(here.room,), **options)
    await bot.until(lambda: here.room in bot.client.rooms)
    return bot


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_room_that_was_upgraded_is_followed_and_remembered(world, listen, version: str) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    new = await upgraded(ana, here.room, version, here.bot.user_id)
    await bot.until(lambda: bot.client.places.home(here.room) == new)
    room = bot.client.rooms.get(new)
    assert room is not None
    assert room.predecessor == here.room
    assert room.encryption is not None
    # From version 12 on its creators stand above all power levels, and are not listed there.
    assert (room.power(ana.user_id) == ALL_POWER) == (version == "12")
    assert room.may_invite(ana.user_id)
    assert bot.client.places.rooms_of(here.room) == (new, here.room)
    assert bot.client.places.people_of(here.room) == {ana.user_id, here["bruno"].user_id}
    await bot.stop()
    again = Listener(session_of(here.bot), bot.keeper, served=(here.room,))
    client = await again.open()
    assert client.places.home(here.room) == new
    await client.close()


async def test_a_room_is_followed_through_several_upgrades_from_version_10_on(world, listen) -> None:
    here = await world("ana")
    ana = here["ana"]
    first = await ana.create_room(name="Old", room_version="10", invite=[here.bot.user_id])
    bot = await listen(here.bot, served=(first,))
    await bot.until(lambda: first in bot.client.rooms)
    rooms = [first]
    for version in ("11", "12"):
        rooms.append(await upgraded(ana, rooms[-1], version, here.bot.user_id))
        await bot.until(lambda: bot.client.places.home(first) == rooms[-1])
    assert bot.client.places.rooms_of(first) == tuple(reversed(rooms))


async def test_a_room_we_are_invited_to_late_is_followed_then(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    new = await upgraded(ana, here.room)
    await bot.until(lambda: bot.client.rooms.get(here.room).replaced_by == new)
    await ana.say(here.room, "Not everybody is over there yet")
    await bot.until(lambda: "Not everybody is over there yet" in bot.texts(here.room))
    assert bot.client.places.home(here.room) == here.room
    await ana.call("POST", f"/rooms/{quote(new)}/invite", {"user_id": here.bot.user_id})
    await bot.until(lambda: bot.client.places.home(here.room) == new)


async def test_what_was_said_in_the_new_room_before_we_came_is_not_read(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    new = await upgraded(ana, here.room)
    await ana.say(new, "!hearth said before the bot was there")
    await ana.call("POST", f"/rooms/{quote(new)}/invite", {"user_id": here.bot.user_id})
    await bot.until(lambda: bot.client.places.home(here.room) == new)
    await ana.say(new, "!hearth said afterwards")
    await bot.until(lambda: "!hearth said afterwards" in bot.texts(new))
    assert bot.texts(new) == ["!hearth said afterwards"]


@pytest.mark.parametrize("fault", ["no predecessor", "no power", "no encryption"])
async def test_a_room_that_only_claims_to_be_the_next_is_left_again(world, listen, fault: str) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot, ana, bruno = await served(here, listen), here["ana"], here["bruno"]
    clock = bot.client.upgrades._clock = Ahead()
    options: dict[str, Any] = {"preset": "public_chat"}
    if fault != "no predecessor":
        options["creation_content"] = {"predecessor": {"room_id": here.room}}
    if fault == "no power":
        # Bruno makes the new room; Ana, who says that it is the next one, may invite nobody there.
        options["power_level_content_override"] = {"invite": 50}
    maker = bruno if fault == "no power" else ana
    false = await maker.create_room(encrypted=fault != "no encryption", **options)
    if fault == "no power":
        await ana.join(false)
    await entomb(ana, here.room, false)
    await bot.until(lambda: false in bot.client.rooms)
    for _ in range(PATIENT_LOOKS):
        clock.ahead_ms += LONGEST_WAIT_MS
        await bot.client.upgrades.follow(lambda room_id: True)
    await bot.until(lambda: false not in bot.client.rooms)
    assert bot.client.places.home(here.room) == here.room
    assert bot.client.upgrades.followed() == {}


async def test_nobody_can_lead_the_bot_away_from_a_room_it_does_not_serve(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    other = await ana.create_room(invite=[here.bot.user_id])
    await bot.until(lambda: other in bot.client.rooms)
    new = await upgraded(ana, other)
    await bot.until(lambda: bot.client.rooms.get(other).replaced_by == new)
    await ana.say(other, "still here")
    await bot.until(lambda: "still here" in bot.texts(other))
    assert new not in bot.client.rooms
    assert bot.client.upgrades.followed() == {}


async def test_a_1_to_1_room_that_was_upgraded_is_the_one_that_is_written_to(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    old = await ana.dm_with(here.bot.user_id)
    await bot.until(lambda: bot.client.direct.room_of(ana.user_id) == old)
    new = await upgraded(ana, old, "12", here.bot.user_id)
    await bot.until(lambda: bot.client.direct.room_of(ana.user_id) == new)
    assert bot.client.direct.known()[old] == bot.client.direct.known()[new] == ana.user_id
    assert await bot.client.ensure_direct(ana.user_id) == new


async def test_who_stays_behind_counts_for_a_week(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    new = await upgraded(ana, here.room, "12", here.bot.user_id)
    await bot.until(lambda: bot.client.places.home(here.room) == new)
    await bot.stop()
    step = msgspec.msgpack.decode(bot.keeper.rows[SUCCESSION, here.room], type=Succession)
    for past_ms, people in (
        (GRACE_MS - 60_000, {ana.user_id, here["bruno"].user_id}),
        (GRACE_MS, {ana.user_id}),
    ):
        earlier = msgspec.structs.replace(step, at_ms=step.at_ms - past_ms)
        bot.keeper.rows[SUCCESSION, here.room] = msgspec.msgpack.encode(earlier)
        client = await bot.open()
        assert client.places.people_of(here.room) == people
        await client.close()


async def test_what_stands_in_a_room_we_follow_into_by_ourselves_is_not_read_either(world, listen) -> None:
    here = await world("ana", encrypted=False, invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    replaces = {"creation_content": {"predecessor": {"room_id": here.room}}}
    new = await ana.create_room(encrypted=False, preset="public_chat", **replaces)
    await ana.say(new, "!hearth said before the bot was there")
    await entomb(ana, here.room, new)
    await bot.until(lambda: bot.client.places.home(here.room) == new)
    await ana.say(new, "!hearth said afterwards")
    await bot.hears(new, "!hearth said afterwards")
    assert bot.texts(new) == ["!hearth said afterwards"]


async def test_what_was_said_while_we_were_put_out_is_not_read_when_we_are_back(world, listen) -> None:
    here = await world("ana", encrypted=False, invite_bot=True)
    bot, ana = await served(here, listen), here["ana"]
    await ana.say(here.room, "said before")
    await bot.hears(here.room, "said before")
    await bot.stop()
    await ana.say(here.room, "said while the bot slept")
    await ana.call("POST", f"/rooms/{quote(here.room)}/kick", {"user_id": here.bot.user_id})
    await ana.say(here.room, "said while the bot was out")
    await ana.invite(here.room, here.bot.user_id)
    await bot.start()
    await ana.wait_for(lambda: here.bot.user_id in ana.people(here.room), what="the bot being back")
    await ana.say(here.room, "said afterwards")
    await bot.hears(here.room, "said afterwards")
    assert "said while the bot was out" not in bot.texts(here.room)
