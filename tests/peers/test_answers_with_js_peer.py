"""Ways to answer, as an independent encrypted client gives them: polls in a 1:1 room and in the circle's, threads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.core.values import DAY_MS
from tests.bridge.test_polls_live import CUPS
from tests.peers.js_peer import JsPeer
from tests.peers.polls import vote, wait_poll
from tests.peers.vera import gathered
from tests.world import OpenWorld, Synapse, World
from tests.world.clock import JumpingClock

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

FEELING = """\
name: Feeling
about: Ask everybody, in private, how the week was.
steps:
  - ask: everyone but starter
    named: week
    say: "How was this week for you?"
    answers: [Light, Heavy]
    with: a poll
    care: sensitive
    seen by: me
    until: 3 days after opening
  - tell: starter
    say: Everyone has been asked.
"""


class Meeting:
    """Ana with an ordinary app, Vera with matrix-js-sdk, and the bot."""

    def __init__(self, here: World, vera: JsPeer, clock: JumpingClock) -> None:
        self.here = here
        self.vera = vera
        self.clock = clock
        self.bot = here.bot.user_id

    async def vera_room(self) -> str:
        """Vera's 1:1 room, once she has said that the bot may write to her."""
        invite = await self.vera.wait_invite(self.bot)
        room = await self.vera.join(invite.room)
        hello = await self.vera.wait_message(room, "May I write to you", sender=self.bot)
        await self.vera.react(room, hello.event_id, "👋")
        return room


@pytest.fixture
async def meeting(world: OpenWorld, synapse: Synapse, tmp_path: Path) -> AsyncIterator[Meeting]:
    own = {"cups": CUPS, "feeling": FEELING}
    async with gathered(world, synapse, tmp_path, "ana", workflows=own) as all_of_them:
        yield Meeting(all_of_them.here, all_of_them.vera, all_of_them.clock)


async def test_a_poll_in_the_circles_room_is_shown_counted_and_closed_in_another_app(
    meeting: Meeting,
) -> None:
    ana, vera, room = meeting.here["ana"], meeting.vera, meeting.here.room
    await ana.say(room, "!hearth cups")
    poll = await wait_poll(vera, room, "Who brings what?")
    assert (poll.sender, poll.encrypted, poll.disclosed, poll.most_answers) == (meeting.bot, True, True, 1)
    assert [(a.id, a.text) for a in poll.answers] == [
        ("i_bring_cups", "🥛 I bring cups"),
        ("i_bring_a_pot", "🫖 I bring a pot"),
    ]
    await vote(vera, room, poll.event_id, "i_bring_cups")
    await vera.wait_message(room, "I bring cups: Vera", sender=meeting.bot)
    await vote(vera, room, poll.event_id, "i_bring_a_pot")
    await vera.wait_message(room, "I bring a pot: Vera", sender=meeting.bot)
    assert (await wait_poll(vera, room, "Who brings")).votes == {vera.user_id: ("i_bring_a_pot",)}
    meeting.clock.jump_to(meeting.clock.now_ms() + 3 * DAY_MS + 60_000)
    assert (await wait_poll(vera, room, "Who brings", ended=True)).event_id == poll.event_id


async def test_a_private_question_is_answered_by_an_encrypted_poll_once_it_is_opened(
    meeting: Meeting,
) -> None:
    ana, vera = meeting.here["ana"], meeting.vera
    await ana.say(meeting.here.room, "!hearth feeling")
    room = await meeting.vera_room()
    knock = await vera.wait_message(room, "Something private is waiting", sender=meeting.bot)
    opened = await vera.send(room, "open")
    asked = await vera.wait_message(room, "How was this week", sender=meeting.bot, after=opened)
    poll = await wait_poll(vera, room, "How was this week")
    assert poll.encrypted
    assert [answer.text for answer in poll.answers] == ["Light", "Heavy", "No, thanks"]
    await vote(vera, room, poll.event_id, "heavy")
    noted = await vera.wait_message(room, "You said: Heavy", sender=meeting.bot)
    assert noted.event_id == asked.event_id
    await vote(vera, room, poll.event_id)
    await vera.wait_message(room, "Taken back", sender=meeting.bot)
    hidden = await vera.send(room, "hide")
    for event in (knock.event_id, asked.event_id, poll.event_id, opened):
        await vera.wait_redacted(room, event)
    assert hidden
