"""Ways to answer, as matrix-js-sdk gives them in encrypted rooms: taps, words, replies, threads, dates, people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.core.values import DAY_MS, HOUR_MS
from tests.peers.js_peer import JsPeer, Message
from tests.peers.vera import gathered
from tests.peers.writing import reply_with_quote, write_in_thread, write_with_pills
from tests.world import OpenWorld, Synapse, World
from tests.world.clock import JumpingClock

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

WORKFLOWS = {
    "cake": """\
name: Cake
about: Find out about cake.
steps:
  - ask: everyone but starter
    named: cake
    say: "Would you like cake?"
    answers: [👍 With cream, ☎️ Call me]
    seen by: starter
    until: 3 days after opening
  - tell: starter
    say: Everyone has been asked.
""",
    "pie": """\
name: Pie
about: Find out about pie.
steps:
  - ask: everyone but starter
    named: pie
    say: "Would you like pie?"
    answers: [👍 With cream, ☎️ Call me]
    seen by: starter
    until: 3 days after opening
  - tell: starter
    say: Everyone has been asked.
""",
    "cups": """\
name: Cups
about: Find out who brings cups.
steps:
  - ask: room
    named: cups
    say: "Who brings what?"
    answers: [👍 I bring cups, ☎️ I bring a pot]
    seen by: circle
    until: 3 days after opening
  - tell: starter
    say: "Cups: <cups.i_bring_cups>."
""",
    "host": """\
name: Host
about: Name those who could host.
steps:
  - ask: everyone but starter
    named: hosts
    say: "Who could host?"
    answers: people
    seen by: starter
    until: 3 days after opening
  - tell: starter
    say: Everyone has been asked.
""",
    "greet": """\
name: Greet
about: Greet friends.
people:
  friends: mentioned
steps:
  - tell: starter
    say: "Greetings to <friends>."
""",
    "picnic": """\
name: Picnic
about: Eat outside.
details:
  food:
    ask: What shall we eat?
    type: text
  starts:
    ask: When is it?
    type: date and time
  guests:
    ask: How many guests?
    type: number
steps:
  - tell: starter
    say: "<food>, <starts>, <guests>."
""",
}


class Table:
    """Ana and Ben with an ordinary app, Vera with matrix-js-sdk, and the bot."""

    def __init__(self, here: World, vera: JsPeer, clock: JumpingClock) -> None:
        self.here, self.vera, self.clock = here, vera, clock
        self.bot = here.bot.user_id

    async def hears(self, room: str, text: str, after: str | None = None) -> Message:
        """What the bot says to Vera, encrypted and readable."""
        message = await self.vera.wait_message(room, text, sender=self.bot, after=after)
        assert message.decrypted
        return message

    async def own_room(self) -> str:
        """Vera's 1:1 room, once she has said that the bot may write to her."""
        invite = await self.vera.wait_invite(self.bot)
        room = await self.vera.join(invite.room)
        hello = await self.hears(room, "May I write to you")
        await self.vera.react(room, hello.event_id, "👋🏿")
        await self.hears(room, "I'll write seldom")
        return room

    async def reads(self, asked: Message, text: str) -> str:
        """The question itself says now what was understood; all that it says."""
        edited = await self.hears(asked.room, text)
        assert (edited.event_id, edited.edited) == (asked.event_id, True)
        return str(edited.body)


@pytest.fixture
async def table(world: OpenWorld, synapse: Synapse, tmp_path: Path) -> AsyncIterator[Table]:
    async with gathered(world, synapse, tmp_path, "ana", "ben", workflows=WORKFLOWS) as all_of_them:
        yield Table(all_of_them.here, all_of_them.vera, all_of_them.clock)


async def test_a_private_question_takes_taps_numbers_words_replies_and_threads(table: Table) -> None:
    vera = table.vera
    await table.here["ana"].say(table.here.room, "!hearth cake")
    room = await table.own_room()
    asked = await table.hears(room, "Would you like cake?")
    await vera.react(room, asked.event_id, "👍🏽")
    await table.reads(asked, "You said: With cream")
    await vera.react(room, asked.event_id, "☎")
    await table.reads(asked, "You said: Call me")
    await vera.send(room, "1")
    await table.reads(asked, "You said: With cream")
    await vera.send(room, "call me")
    await table.reads(asked, "You said: Call me")
    await reply_with_quote(vera, asked, "With cream")
    await table.reads(asked, "You said: With cream")
    await write_in_thread(vera, room, asked.event_id, "2")
    await table.reads(asked, "You said: Call me")
    await vera.react(room, asked.event_id, "1️⃣")
    await table.reads(asked, "You said: With cream")


async def test_a_question_in_the_circles_room_takes_taps_replies_and_threads(table: Table) -> None:
    vera, room = table.vera, table.here.room
    await table.here["ana"].say(room, "!hearth cups")
    asked = await table.hears(room, "Who brings what?")
    await vera.react(room, asked.event_id, "👍🏿")
    await table.reads(asked, "I bring cups: Vera")
    await vera.react(room, asked.event_id, "☎")
    await table.reads(asked, "I bring a pot: Vera")
    await reply_with_quote(vera, asked, "1")
    await table.reads(asked, "I bring cups: Vera")
    await vera.send(room, "I bring a pot", reply_to=asked.event_id)
    await table.reads(asked, "I bring a pot: Vera")
    await write_in_thread(vera, room, asked.event_id, "I bring cups")
    await table.reads(asked, "I bring cups: Vera")
    # What Vera writes is not for Ana, whose app nobody has signed; what the bot writes is for everybody.
    assert not [m for m in table.here["ana"].undecryptable if m.sender == table.bot]


async def test_the_bot_answers_and_goes_on_asking_in_the_thread(table: Table) -> None:
    vera, hall = table.vera, table.here.room
    await vera.send(hall, "!hearth help")
    room = await table.own_room()
    root = await vera.send(room, "what's on")
    await table.hears(room, "Nothing is on")

    latest = await write_in_thread(vera, room, root, "picnic")
    food = await table.hears(room, "What shall we eat?", after=latest)
    latest = await write_in_thread(vera, room, root, "Cherries", latest=food.event_id)
    when = await table.hears(room, "When is it?", after=latest)
    latest = await write_in_thread(vera, room, root, "one fine day", latest=when.event_id)
    unclear = await table.hears(room, "I couldn't read a day and time", after=latest)
    latest = await write_in_thread(vera, room, root, "Friday 19:00", latest=when.event_id, meant=True)
    guests = await table.hears(room, "How many guests?", after=latest)
    latest = await write_in_thread(vera, room, root, "twelve", latest=guests.event_id)
    told = await table.hears(room, "Cherries, Friday", after=latest)
    assert "12" in str(told.body)
    assert [m.thread for m in (food, when, unclear, guests, told)] == [root] * 5

    topic = await vera.send(hall, "Who looks after what?")
    latest = await write_in_thread(vera, hall, topic, "!hearth who holds what")
    assert (await table.hears(hall, "Nobody holds a role", after=latest)).thread == topic


@pytest.mark.parametrize(
    ("language", "first", "understood", "then", "corrected"),
    [
        ("German", "Freitag halb acht abends", "Notiert: Freitag", "Samstag um acht Uhr abends", "Samstag"),
        (
            "Spanish",
            "el viernes a las siete y media de la tarde",
            "Anotado: viernes",
            "el sábado a las ocho de la tarde",
            "sábado",
        ),
    ],
)
async def test_a_date_is_said_back_in_ones_language_and_an_edit_corrects_it(
    table: Table, language: str, first: str, understood: str, then: str, corrected: str
) -> None:
    vera = table.vera
    await vera.send(table.here.room, "!hearth help")
    room = await table.own_room()
    await vera.send(room, f"language {language}")
    await vera.send(room, "picnic")
    food = await table.hears(room, "What shall we eat?")
    await vera.send(room, "Pan con tomate", reply_to=food.event_id)
    when = await table.hears(room, "When is it?")
    answer = await vera.send(room, first)
    assert "19:30 UTC" in await table.reads(when, understood)
    await table.hears(room, "How many guests?")
    await vera.edit(room, answer, then)
    assert "20:00 UTC" in await table.reads(when, corrected)
    counted = await vera.send(room, "7")
    told = str((await table.hears(room, "Pan con tomate", after=counted)).body)
    assert corrected in told
    assert "20:00" in told


async def test_people_are_named_by_pill_by_name_and_by_matrix_id(table: Table) -> None:
    ana, ben, vera = table.here["ana"], table.here["ben"], table.vera
    await ana.say(table.here.room, "!hearth host")
    room = await table.own_room()
    asked = await table.hears(room, "Who could host?")
    await write_with_pills(vera, room, "", {ben.user_id: "Ben"})
    await table.reads(asked, "You named Ben.")
    await vera.send(room, "Ana and Ben", reply_to=asked.event_id)
    await table.reads(asked, "You named Ana and Ben.")
    await vera.send(room, ana.user_id, reply_to=asked.event_id)
    await table.reads(asked, "You named Ana.")
    pills = {ben.user_id: "B.", ana.user_id: "A."}
    await write_with_pills(vera, room, "", pills, reply_to=asked.event_id)
    await table.reads(asked, "You named Ben and Ana.")

    said = await write_with_pills(vera, table.here.room, "!hearth greet ", {ben.user_id: "Ben"})
    assert said
    await table.hears(room, "Greetings to Ben.")


async def test_with_two_questions_open_the_bot_asks_which_and_a_number_says_it(table: Table) -> None:
    ana, vera = table.here["ana"], table.vera
    await ana.say(table.here.room, "!hearth cake")
    await ana.say(table.here.room, "!hearth pie")
    room = await table.own_room()
    cake = await table.hears(room, "Would you like cake?")
    table.clock.jump_to(table.clock.now_ms() + DAY_MS + HOUR_MS)  # one unasked question a day is enough
    pie = await table.hears(room, "Would you like pie?")
    said = await vera.send(room, "1")
    which = await table.hears(room, "There are 2 questions open with you", after=said)
    lines = str(which.body).splitlines()
    number = next(line.split(".")[0] for line in lines if "Pie" in line)
    assert any("Cake" in line for line in lines)
    await vera.send(room, number)
    await table.reads(pie, "You said: With cream")
    await vera.send(room, "2")
    await table.reads(cake, "You said: Call me")
