"""The workflow language over the real thing: a homeserver, encrypted clients, a database, a house that is killed.

Everything is played in one house, one week after another; people are greeted the first time they are written to.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.store.codec import decode_snapshot
from tests.bridge.live import Town, town_of
from tests.world import Synapse

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
PLAYED = ("book_club", "unsigned_feedback", "consent")
PEOPLE = ("ana", "bruno", "chen", "dora", "eli", "fay", "goran", "hana", "ivo")

HEAVY = """\
name: heavy
title: A heavy week
about: Ask friends, in private, how heavy their week was.
people:
  asker: starter
  friends: mentioned
  tired: those who answered heavy to weight
asks:
  weight:
    to: friends
    say: <asker> wonders how heavy this week has been for you.
    answers:
      light: Light enough
      heavy: Too much
    care: sensitive
    seen by: asker
    until: 5 days after opening
states:
  open:
    asks: weight
    board:
      to: asker
      say: "Too much: <tired>"
    moves:
      - when: weight closes
        to: over
      - at: 6 days after entering
        to: over
  over:
    ends with: It was asked.
"""

SEASON = """\
name: season
about: Begin something, and hear of its beginning.
keep: 1 day
details:
  what: text
steps:
  - start: errand
    hand over: [what as task]
  - wait: until errand ends
  - tell: room
    say: "Handed on: <what>"
  - ends with: It was handed on.
"""

ERRAND = """\
name: errand
about: Hand something on, and be done.
keep: 1 day
details:
  task: text
steps:
  - start: echo
    hand over: [task as words]
  - ends with: It is in other hands.
"""

ECHO = """\
name: echo
about: Say something once more, much later.
details:
  words: text
steps:
  - wait: for 12 days
  - tell: room
    say: "Still here: <words>"
"""

WALK = """\
name: walk
about: Walk together, two beside the one who asks.
details:
  what: text
  starts: date and time
steps:
  - ask: room
    named: joining
    say: "A walk: <what>, <starts>. Who's in?"
    answers: [🥾 I'm in]
    seen by: circle
    places: 2
    until: 1 day before starts
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(synapse: Synapse, tmp_path_factory: pytest.TempPathFactory, seed: int) -> AsyncIterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    workflows = folder / "workflows"
    workflows.mkdir()
    for name in PLAYED:
        shutil.copy(EXAMPLES / f"{name}.yaml", workflows)
    for text in (HEAVY, SEASON, ERRAND, ECHO, WALK):
        (workflows / f"{text.splitlines()[0].removeprefix('name: ')}.yaml").write_text(text)
    async with town_of(synapse, PEOPLE, folder, seed, workflows=workflows) as here:
        yield here


async def test_a_book_club_from_the_first_word_to_its_end(town: Town) -> None:
    guests = ("bruno", "chen", "dora")
    await town.begin("ana", "book club", "Momo", town.day(11), "bruno, chen and dora")
    await town.greet(*guests)
    asked = {name: await town.hears(name, "Ana invites you to read Momo") for name in guests}
    for name, answer in (("bruno", "1"), ("chen", "Maybe"), ("dora", "no")):
        await town.say(name, answer, to=asked[name])
    await town.hears("bruno", "You said: Count me in.")
    await town.hears("chen", "You said: Maybe.")
    await town.hears("dora", "You said: No, thanks. That's fine, and nobody sees it.")
    board = await town.hears("ana", "Count me in: Bruno")
    assert "Maybe: Chen" in board.body

    await town.until(lambda: town.seen("ana", "you had hoped for 2. Yes so far: Bruno"), days=9)
    await town.say("ana", "Go ahead, small", to=town.seen("ana", "you had hoped for 2")[-1])
    await town.until(lambda: town.seen("bruno", "Would you like to help host the next book?"), days=6)
    await town.say("bruno", "Gladly", to=town.seen("bruno", "Would you like to help host")[-1])
    await town.hears("ana", "Gladly: Bruno")
    await town.until(lambda: not town.running(), days=9)

    assert not [name for name in ("chen", "dora") if town.seen(name, "host the next book")]
    told = [m.body for m in town.seen("ana", "Dora")]
    assert all("Noted: Bruno, Chen and Dora" in body for body in told), "a no is seen by nobody"


async def test_unsigned_answers_are_shown_once_and_nothing_kept_leads_back_to_their_writers(
    town: Town,
) -> None:
    await town.monday()
    await town.begin("ana", "feedback", "our Friday meetings")
    others = PEOPLE[1:]
    await town.greet(*others)
    words = {name: f"Thoughts number {n}, about the {n}th evening." for n, name in enumerate(others[:6])}
    asked = {name: await town.hears(name, "Ana would like to hear about our Friday") for name in others}
    before = [message.body for message in town.seen("ana")]
    await asyncio.gather(*(town.say(name, text, to=asked[name]) for name, text in words.items()))
    said = {text.encode() for text in words.values()}
    old_ids = {place.removeprefix("texts/") for place, _, content in town.opened() if content in said}
    kept = town.rows("SELECT id, sealed FROM texts")
    sealed_before = {sealed for id, sealed in kept if id in old_ids}
    assert len(sealed_before) == len(words)
    await town.all_arrived()
    assert [message.body for message in town.seen("ana")] == before, "nothing is seen before it closes"
    for name in words:
        wish = await town.hears(name, "If fewer than 5 people write")
        assert "If you leave this open until Saturday" in wish.body, "it says how long it may be answered"

    await town.until(lambda: town.seen("ana", "without names"), days=6)
    (shown,) = town.seen("ana", "Thoughts number")
    assert all(text in shown.body for text in words.values())
    assert not any(name.capitalize() in shown.body for name in others)
    for name in PEOPLE[1:]:
        assert not town.seen(name, "Thoughts number"), "nobody but Ana sees any of it"

    await town.rest()
    await town.lives.stop()
    try:
        _nothing_leads_back(town, words, old_ids, sealed_before)
    finally:
        town.lives.go_on()
        await town.say("ana", "help")


def _nothing_leads_back(
    town: Town, words: dict[str, str], old_ids: set[str], sealed_before: set[bytes]
) -> None:
    """Look at every row of a house that has stopped, and at the bytes of its files."""
    opened = town.opened()
    people = {content.decode(): scope for place, scope, content in opened if place.startswith("people/")}
    asker, writers = people[town["ana"].user_id], {people[town[name].user_id] for name in words}
    holding = {
        place: scope
        for place, scope, content in opened
        for text in words.values()
        if text.encode() in content
    }
    assert len(holding) == len(words), f"each text lies once: {holding}"
    assert all(place.startswith("texts/") and scope.startswith("i/") for place, scope in holding.items())
    released = {place.removeprefix("texts/") for place in holding}
    assert not released & old_ids
    assert not {id for (id,) in town.rows("SELECT id FROM texts")} & old_ids, (
        "what was moved is there no more"
    )
    naming = [
        (place, scope, content)
        for place, scope, content in opened
        if any(id.encode() in content for id in released)
    ]
    assert {scope for _, scope, _ in naming} == {asker, *holding.values()}
    for place, _, content in naming:
        if place.startswith("instances/"):
            answers = [a for state in decode_snapshot(content).asks.values() for a in state.answers.values()]
            assert not {answer.text for answer in answers} & released
    told = [content for place, scope, content in naming if not place.startswith("instances/")]
    assert not [1 for content in told for writer in writers if writer[2:].encode() in content]
    for file in town.config.database.parent.glob("hearth.*"):
        raw = file.read_bytes()
        assert not [1 for text in words.values() if text.encode() in raw], file
        assert not [1 for sealed in sealed_before if sealed in raw], f"{file} still holds what was moved"


async def test_a_private_question_knocks_and_survives_a_kill_between_open_and_answer(town: Town) -> None:
    await town.monday()
    await town.begin("ana", "heavy @bruno")
    await town.greet("bruno")
    knock = await town.hears("bruno", "Something private is waiting.")
    assert not town.seen("bruno", "heavy"), "it knocks, and says nothing else"
    await town.tap("bruno", knock, "👍")
    await town.say("bruno", "open")
    asked = await town.hears("bruno", "Ana wonders how heavy this week has been for you.")
    await town.all_arrived()
    (shown,) = town.seen("bruno", "Ana wonders how heavy")
    assert not shown.taps, "nothing to tap is placed under a private question"
    await town.tap("bruno", asked, "2️⃣")
    await town.hears("bruno", "I didn't count that reaction")
    await town.all_arrived()
    assert not town.seen("ana", "Too much: Bruno")

    await town.lives.hold()
    answer = await town["bruno"].say(asked.room_id, "2", reply_to=asked.event_id)
    town.lives.go_on()
    await town.rest((answer,))
    await town.hears("bruno", "You said: Too much.")
    await town.hears("ana", "Too much: Bruno")
    await town.all_arrived()
    assert len(town.seen("bruno", "Ana wonders how heavy")) == 1
    assert len(town.seen("bruno", "You said: Too much.")) == 1
    assert len(town.seen("ana", "Too much:")) == 1


async def test_what_is_handed_over_outlives_whoever_handed_it_and_an_end_is_heard_of(town: Town) -> None:
    await town.monday()
    await town.begin("ana", "season", "A kite above the lake.")
    await town.hears("ana", "Handed on: A kite above the lake.", room=True)
    assert {"season", "errand"}.isdisjoint(town.running()), "both parents have ended"
    assert "echo" in town.running()
    of_parents = """SELECT count(*) FROM texts t JOIN instances i ON i.id = t.instance
        JOIN definitions d ON d.digest = i.definition WHERE d.name IN ('season', 'errand')"""
    assert town.rows(of_parents) != [(0,)]
    await town.pass_days(2)
    await town.until(lambda: town.seen("ana", "Still here: A kite above the lake.", room=True), days=11)
    assert town.rows(of_parents) == [(0,)], "what the parents kept is gone"
    await town.until(lambda: not town.running())


async def test_whoever_waits_for_a_place_moves_up_when_somebody_takes_their_hand_back(town: Town) -> None:
    await town.monday()
    await town.begin("ana", "walk", "along the river", town.day(4))
    walk = await town.hears("bruno", "A walk: along the river", room=True)
    hands = {name: await town.tap(name, walk, "🥾") for name in ("bruno", "chen", "dora")}
    await town.all_arrived()
    full = await town.hears("eli", "I'm in: Bruno and Chen", room=True)
    assert "Waiting for a place: Dora" in full.body
    await town.untap("bruno", walk, hands["bruno"])
    moved = await town.hears("eli", "I'm in: Chen and Dora", room=True)
    assert moved.event_id == walk.event_id, "the message in the room is edited"
    assert "Waiting" not in moved.body
    await town.greet("dora")
    await town.until(lambda: town.seen("dora", "A place has come free, and it is yours"), days=1)
    assert not town.seen("chen", "A place has come free")


async def test_what_is_hidden_until_it_closes_reaches_its_reader_then_and_once(town: Town) -> None:
    await town.monday()
    await town.begin("ana", "consent", "We cook every second Friday.")
    await town.greet(*PEOPLE)
    names = ("bruno", "chen", "dora")
    asked = {name: await town.hears(name, "We cook every second Friday.") for name in names}
    before = {m.event_id: m.body for m in town.seen("ana")}
    await town.tap("bruno", asked["bruno"], "👍")
    await town.tap("chen", asked["chen"], "✋")
    await town.say("dora", "Only if Eli may rest in June.", to=asked["dora"])
    await town.all_arrived()
    assert {m.event_id: m.body for m in town.seen("ana")} == before, "not even that something came"

    await town.until(lambda: town.seen("ana", "I see harm: Chen"), days=6)
    await town.until(lambda: town.seen("ana", "Only if Eli may rest in June."), days=2)
    await town.until(lambda: town.seen("ana", "What feels right?"), days=2)
    assert len(town.seen("ana", "Good enough to try: Bruno")) == 1
    assert len(town.seen("ana", "Only if Eli may rest")) == 1
    await town.tap("ana", town.seen("ana", "What feels right?")[-1], "1️⃣")
    await town.hears("bruno", "We try it: We cook every second Friday.", room=True)
