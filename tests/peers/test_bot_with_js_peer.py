"""The whole bot beside matrix-js-sdk in the mode that excludes devices their owner has not signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.peers.js_peer import JsPeer, Message, Shield, assert_device_signed_by_owner
from tests.peers.vera import gathered
from tests.world import OpenWorld, Synapse, World
from tests.world.house import RunningHouse

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

NO_SHIELD = Shield(colour="NONE", reason=None)


class Meeting:
    """Ana with an ordinary app, Vera with a strict one, and the bot in one encrypted room."""

    def __init__(self, here: World, house: RunningHouse, vera: JsPeer) -> None:
        self.here = here
        self.house = house
        self.vera = vera
        self.bot = here.bot.user_id

    async def prompt(self, room: str, text: str) -> Message:
        """What the bot says to Vera in a room: readable, and without a mark that warns of its device."""
        message = await self.vera.wait_message(room, text, sender=self.bot)
        assert message.encrypted
        assert message.decrypted
        assert message.shield == NO_SHIELD
        return message

    async def vera_room(self) -> str:
        """Vera's 1:1 room with the bot."""
        invite = await self.vera.wait_invite(self.bot)
        assert invite.direct
        return await self.vera.join(invite.room)

    async def acknowledged(self, room: str, event_id: str, text: str) -> None:
        """The prompt itself says what was understood, by an edit that is as trusted as the prompt."""
        edited = await self.vera.wait_message(room, text, sender=self.bot)
        assert edited.event_id == event_id
        assert edited.edited
        assert edited.edit_shield == NO_SHIELD


@pytest.fixture
async def meeting(world: OpenWorld, synapse: Synapse, tmp_path: Path) -> AsyncIterator[Meeting]:
    async with gathered(world, synapse, tmp_path, "ana") as all_of_them:
        yield Meeting(all_of_them.here, all_of_them.house, all_of_them.vera)


async def test_a_strict_client_is_asked_answers_by_tap_and_text_and_is_counted(meeting: Meeting) -> None:
    ana, vera, bot = meeting.here["ana"], meeting.vera, meeting.bot
    await meeting.prompt(meeting.here.room, "Hello, I'm Hearth")
    await ana.say(
        meeting.here.room, "!hearth invite @vera: Soup and songs at my place, two hours, bring only a bowl."
    )
    anas = await ana.wait_for(lambda: ana.find_dm(bot), what="a 1:1 room of Ana with the bot")
    for question, answer in (
        ("What is it?", "1"),
        ("When does it start?", "Friday 19:00"),
        ("How many need to say yes", "1"),
    ):
        await ana.hears(anas, question, sender=bot)
        await ana.say(anas, answer)

    veras = await meeting.vera_room()
    hello = await meeting.prompt(veras, "May I write to you")
    await vera.wait_reaction(veras, hello.event_id, key="✉️", sender=bot)
    await vera.react(veras, hello.event_id, "✉️")
    await meeting.acknowledged(veras, hello.event_id, "only when someone invites you by name")

    invitation = await meeting.prompt(veras, "Ana invites you")
    assert "Soup and songs" in str(invitation.body)
    await vera.wait_reaction(veras, invitation.event_id, key="✅", sender=bot)
    await vera.react(veras, invitation.event_id, "✅")
    await meeting.acknowledged(veras, invitation.event_id, "You said: I'm coming")
    await ana.hears(anas, "Coming: Vera", sender=bot)

    await vera.send(veras, "maybe", reply_to=invitation.event_id)
    await meeting.acknowledged(veras, invitation.event_id, "You said: Maybe")
    await ana.hears(anas, "Maybe: Vera", sender=bot)
    asked = await vera.send(veras, "Is there a piano?", reply_to=invitation.event_id)
    carried = await ana.hears(anas, "Is there a piano?", sender=bot)
    await ana.say(anas, "There is, and it is in tune.", reply_to=carried.event_id)
    told = await vera.wait_message(veras, "in tune", sender=bot, after=asked)
    assert told.shield == NO_SHIELD
    assert not ana.undecryptable


async def test_the_bots_device_shows_as_signed_by_its_owner_before_and_after_a_restart(
    meeting: Meeting,
) -> None:
    vera, device = meeting.vera, meeting.here.bot.device_id
    await assert_device_signed_by_owner(vera, meeting.bot, device)
    trust = await vera.user_trust(meeting.bot)
    assert trust.has_cross_signing_keys
    assert not trust.needs_user_approval
    await vera.send(meeting.here.room, "!hearth help")
    room = await meeting.vera_room()
    first = await meeting.prompt(room, "for when you'd like to talk to a human being")
    await meeting.house.stop()
    await vera.send(room, "who holds what")
    await meeting.house.start()
    said = await vera.wait_message(room, "Nobody holds a role", sender=meeting.bot, after=first.event_id)
    assert said.shield == NO_SHIELD
    await assert_device_signed_by_owner(vera, meeting.bot, device)
