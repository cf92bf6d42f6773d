"""Polls and threads over a real homeserver, in encrypted rooms: asked, voted in, closed, and answered where asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bridge.matrix.polls import END, START
from engine.core.values import DAY_MS
from tests.demo.play import monday_morning
from tests.world import Member, Message, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse
from tests.world.timeline import RawEvent

pytestmark = pytest.mark.synapse

TEA = """\
name: Tea
about: Find out about tea.
steps:
  - ask: everyone but starter
    named: tea
    say: "Would you like tea?"
    answers: [🍵 Green, ☕ Black]
    with: a poll
    seen by: starter
    until: 3 days after opening
  - tell: starter
    say: "Green: <tea.green>. Black: <tea.black>."
"""
CUPS = """\
name: Cups
about: Find out who brings cups.
steps:
  - ask: room
    named: cups
    say: "Who brings what?"
    answers: [🥛 I bring cups, 🫖 I bring a pot]
    with: a poll
    seen by: circle
    until: 3 days after opening
  - tell: starter
    say: "Cups: <cups.i_bring_cups>."
"""


PICNIC = """\
name: Picnic
about: Eat outside.
details:
  food:
    ask: What shall we eat?
    type: text
  starts:
    ask: When is it?
    type: date and time
steps:
  - tell: starter
    say: "<food>, <starts>."
"""


class Party:
    """Ana and Ben, who have said that the bot may write to them, and the bot."""

    def __init__(self, here: World, house: RunningHouse, clock: JumpingClock) -> None:
        self.here = here
        self.house = house
        self.clock = clock
        self.bot = here.bot.user_id
        self._edits: dict[tuple[str, str], int] = {}

    async def greet(self, name: str) -> str:
        """Someone's 1:1 room, once they have said yes."""
        member = self.here[name]
        room = await member.wait_for(lambda: member.find_dm(self.bot), what=f"a 1:1 room of {name}")
        hello = await member.hears(room, "May I write to you", sender=self.bot)
        await member.react(room, hello.event_id, "👋")
        await member.wait_for(lambda: self.edited(member, hello), what="a thank-you for the yes")
        return room

    @staticmethod
    def edited(member: Member, message: Message, text: str = "") -> str | None:
        """How a message of the bot's reads now, if it was edited and holds this."""
        now = member.message(message.room_id, message.event_id)
        return now.body if now is not None and now.edits and text in now.body else None

    async def reads(self, name: str, message: Message, text: str) -> None:
        """Wait until a question was brought up to date once more, and says this now."""
        member, seen = self.here[name], self._edits.get((name, message.event_id), 0)

        def changed() -> int | None:
            now = member.message(message.room_id, message.event_id)
            edits = len(now.edits) if now is not None and text in now.body else 0
            return edits if edits > seen else None

        edits = await member.wait_for(changed, what=f"{text!r} in the question, after {seen} edits")
        self._edits[name, message.event_id] = edits

    async def question(self, name: str, room: str, text: str) -> tuple[Message, RawEvent]:
        """A question, and the poll below it."""
        member = self.here[name]

        def asked() -> tuple[Message, RawEvent] | None:
            said = [m for m in member.read(room) if m.type == "m.room.message" and text in m.body]
            polls = [e for e in member.events(room) if e.type == START and text in str(e.content)]
            return (said[-1], polls[-1]) if said and polls else None

        return await member.wait_for(asked, what=f"{text!r} and its poll")


@pytest.fixture
async def party(world: OpenWorld, tmp_path: Path) -> AsyncIterator[Party]:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "tea.yaml").write_text(TEA)
    (folder / "cups.yaml").write_text(CUPS)
    (folder / "picnic.yaml").write_text(PICNIC)
    async with AsyncExitStack() as stack:
        here = await world("ana", "ben", invite_bot=True)
        clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
        house = RunningHouse(here, tmp_path, clock)
        house.circle_goes_by(workflows=folder, at_start=None)
        await stack.enter_async_context(house)
        await here["ana"].hears(here.room, "Hello, I'm Hearth")
        yield Party(here, house, clock)


async def test_a_vote_in_an_encrypted_1_to_1_room_is_an_answer_that_can_change_and_be_taken_back(
    party: Party,
) -> None:
    ana, ben = party.here["ana"], party.here["ben"]
    await ana.say(party.here.room, "!hearth tea")
    room = await party.greet("ben")
    asked, poll = await party.question("ben", room, "Would you like tea?")
    assert poll.content[START]["max_selections"] == 1
    answers = [(a["id"], a["org.matrix.msc1767.text"]) for a in poll.content[START]["answers"]]
    assert answers[:2] == [("green", "🍵 Green"), ("black", "☕ Black")]
    assert answers[2][0] == "no"
    assert "1. 🍵 Green" in poll.content["org.matrix.msc1767.text"]

    first = await ben.vote(room, poll.event_id, "green")
    await party.reads("ben", asked, "You said: Green")
    second = await ben.vote(room, poll.event_id, "black")
    await party.reads("ben", asked, "You said: Black")
    await ben.redact(room, second)
    await party.reads("ben", asked, "You said: Green")
    stable = {
        "m.poll.response": {"answers": ["black"]},
        "m.relates_to": {"rel_type": "m.reference", "event_id": poll.event_id},
    }
    await ben.send(room, "m.poll.response", stable)
    await party.reads("ben", asked, "You said: Black")
    await ben.say(room, "1")
    await party.reads("ben", asked, "You said: Green")
    assert first != second
    assert not ben.reactions(room, asked.event_id)
    assert not ben.undecryptable

    party.clock.jump_to(party.clock.now_ms() + 3 * DAY_MS + 60_000)
    ended = await ben.wait_for(
        lambda: next((e for e in ben.events(room) if e.type == END), None), what="the poll's end"
    )
    assert ended.content["m.relates_to"] == {"rel_type": "m.reference", "event_id": poll.event_id}
    await ben.vote(room, poll.event_id, "black")
    await ben.hears(room, "This has closed in the meantime", sender=party.bot)
    anas = await ana.wait_for(lambda: ana.find_dm(party.bot), what="a 1:1 room of Ana")
    hello = await ana.hears(anas, "May I write to you", sender=party.bot)
    await ana.react(anas, hello.event_id, "👋")
    await ana.hears(anas, "Green: Ben", sender=party.bot)


async def test_votes_in_the_circles_room_are_shown_there_and_the_poll_is_closed_there(party: Party) -> None:
    ana, ben, room = party.here["ana"], party.here["ben"], party.here.room
    await ana.say(room, "!hearth cups")
    asked, poll = await party.question("ben", room, "Who brings what?")
    await ben.vote(room, poll.event_id, "i_bring_cups")
    await party.reads("ana", asked, "I bring cups: Ben")
    await ana.vote(room, poll.event_id, "i_bring_a_pot")
    await party.reads("ben", asked, "I bring a pot: Ana")
    await ben.vote(room, poll.event_id)
    await ben.wait_for(
        lambda: "Ben" not in (party.edited(ben, asked) or "Ben"), what="a vote that is taken back"
    )
    party.clock.jump_to(party.clock.now_ms() + 3 * DAY_MS + 60_000)
    await ben.wait_for(lambda: any(e.type == END for e in ben.events(room)), what="the poll's end")
    assert not ben.reactions(room, asked.event_id)


async def test_whoever_writes_in_a_thread_is_answered_in_it(party: Party) -> None:
    ben = party.here["ben"]
    await ben.say(party.here.room, "!hearth help")
    room = await party.greet("ben")
    begun = await ben.say(room, "what's on")
    await ben.hears(room, "Nothing is on at the moment", sender=party.bot)

    async def says(text: str, answer: str) -> Message:
        """What the bot writes into the thread upon this."""
        latest = [m.event_id for m in ben.read(room) if m.thread_id == begun][-1:]
        content = {
            "msgtype": "m.text",
            "body": text,
            "m.relates_to": {
                "rel_type": "m.thread",
                "event_id": begun,
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": (latest or [begun])[0]},
            },
        }
        await ben.send(room, "m.room.message", content)

        def answered() -> Message | None:
            inside = [m for m in ben.read(room) if m.thread_id == begun and m.sender == party.bot]
            return inside[-1] if inside and answer in inside[-1].body else None

        return await ben.wait_for(answered, what=f"{answer!r} in the thread")

    nothing = await says("my", "")
    assert nothing.original["m.relates_to"]["is_falling_back"] is True
    await says("picnic", "What shall we eat")
    await says("Cherries", "When is it")
    await says("Friday 19:00", "Cherries, Friday")

    hall = party.here.room
    topic = await ben.say(hall, "Who looks after what?")
    await ben.say(hall, "!hearth who holds what", thread_id=topic)

    def told() -> Message | None:
        inside = [m for m in ben.read(hall) if m.thread_id == topic and m.sender == party.bot]
        return inside[-1] if inside else None

    assert "Nobody holds a role" in (await ben.wait_for(told, what="an answer in the room's thread")).body
