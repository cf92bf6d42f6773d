"""A member verifies the whole bot: what the bot sees stands in the 1:1 room, and `trust` shows who it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.matrix.sas import EMOJI
from bridge.views.trust import in_groups
from bridge.wording.sentences import Sentences
from tests.peers.js_peer import JsPeer
from tests.peers.vera import gathered
from tests.world import OpenWorld, Synapse
from tests.world.house import RunningHouse

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]


class Meeting:
    """Vera with a strict app in her 1:1 room with a running Hearth."""

    def __init__(self, house: RunningHouse, vera: JsPeer, room: str, circle: str) -> None:
        self.house = house
        self.vera = vera
        self.room = room
        self.circle = circle
        self.bot = house.plan.session.user_id
        self.device = house.plan.session.device_id

    async def compares(self, text: str) -> None:
        """Ask in the room, and find in it, in these words, the very emoji the app shows."""
        await self.vera.ask_to_compare(self.bot, room=self.room)
        await self.vera.wait_comparing("Ready")
        await self.vera.begin_comparing()
        emoji, _ = await self.vera.wait_emoji()
        shown = await self.vera.wait_message(self.room, text, sender=self.bot)
        assert shown.encrypted
        places = [str(shown.body).index(symbol) for symbol in emoji]
        assert places == sorted(places) or len(set(emoji)) < len(emoji)
        assert set(emoji) <= set(EMOJI)


@pytest.fixture
async def meeting(world: OpenWorld, synapse: Synapse, tmp_path: Path) -> AsyncIterator[Meeting]:
    async with gathered(world, synapse, tmp_path, "ana") as all_of_them:
        here, vera = all_of_them.here, all_of_them.vera
        await vera.send(here.room, "!hearth help")
        invite = await vera.wait_invite(here.bot.user_id)
        room = await vera.join(invite.room)
        await vera.wait_message(room, "for when you'd like to talk", sender=here.bot.user_id)
        yield Meeting(all_of_them.house, vera, room, here.room)


async def test_a_member_compares_and_their_app_trusts_the_bot(meeting: Meeting) -> None:
    await meeting.compares("This is what I see")
    await meeting.vera.say_compared("same")
    await meeting.vera.wait_trusted(meeting.bot)
    await meeting.vera.wait_message(meeting.room, "Thank you for comparing", sender=meeting.bot)


async def test_it_speaks_the_members_language_and_a_difference_is_said_kindly(meeting: Meeting) -> None:
    await meeting.vera.send(meeting.room, "language Deutsch")
    await meeting.vera.wait_message(meeting.room, "Deutsch", sender=meeting.bot)
    await meeting.compares("Das sehe ich")
    await meeting.vera.say_compared("different")
    await meeting.vera.wait_message(meeting.room, "Dann bin ich nicht verifiziert", sender=meeting.bot)
    assert not (await meeting.vera.user_trust(meeting.bot)).verified


async def test_an_identity_that_was_reset_is_accepted_by_comparing(meeting: Meeting) -> None:
    await meeting.vera.bootstrap(replace=True)
    await meeting.vera.wait_message(meeting.room, "Your Matrix identity is another one", sender=meeting.bot)
    await meeting.compares("This is what I see")
    await meeting.vera.say_compared("same")
    thanked = await meeting.vera.wait_message(meeting.room, "Thank you for comparing", sender=meeting.bot)
    await meeting.vera.send(meeting.room, "my")
    await meeting.vera.wait_message(meeting.room, after=thanked.event_id, sender=meeting.bot)


@pytest.mark.parametrize("where", ["private", "shared"])
async def test_trust_shows_the_fingerprint_that_the_app_knows(meeting: Meeting, where: str) -> None:
    room, words = (meeting.room, "trust") if where == "private" else (meeting.circle, "!hearth trust")
    await meeting.vera.send(room, words)
    said = await meeting.vera.wait_message(room, meeting.device, sender=meeting.bot)
    fingerprint = await meeting.vera.fingerprint_of(meeting.bot, meeting.device)
    assert in_groups(fingerprint) in str(said.body)
    assert "vouches for this device" in str(said.body)


@pytest.mark.parametrize("language", ["en", "es", "de"])
def test_every_picture_has_its_name_behind_the_picture_itself(language: str) -> None:
    sentences = Sentences.load(language)
    named = {sentences.text(f"emoji.{number}") for number in range(len(EMOJI))}
    assert len(named) == len(EMOJI)
    for number, symbol in enumerate(EMOJI):
        assert sentences.text(f"emoji.{number}").startswith(f"{symbol} ")
