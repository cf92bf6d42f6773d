"""A question that is offered as a poll too: what is put, which votes count, and how it closes."""

from collections.abc import AsyncIterator

import pytest

from bridge.rehearsal.stage import Stage
from engine.core.values import DAY_MS
from engine.loading.load import examine_text

TEA = """
name: Tea
about: Find out about tea.
steps:
  - ask: everyone but starter
    named: tea
    say: "Would you like tea?"
    answers: [🍵 Green, ☕ Black, Neither yet]
    with: a poll
    seen by: starter
    until: 3 days after opening
  - ask: room
    named: cups
    say: "Who brings cups?"
    answers: [🥛 I bring cups, 🫖 I bring a pot]
    with: a poll
    seen by: circle
    until: 3 days after opening
  - ask: bruno
    named: quiet
    say: "How is it for you here?"
    answers: [Well, Not so well]
    with: a poll
    care: sensitive
    seen by: me
    until: 3 days after opening
  - tell: starter
    say: "Green: <tea.green>; black: <tea.black>; cups: <cups.i_bring_cups>; pot: <cups.i_bring_a_pot>"
""".replace("ask: bruno", "ask: those who answered I bring a pot to cups")


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    examined = examine_text(TEA, "tea.yaml")
    assert examined.definition is not None, examined.problems
    stage = await Stage.set("ada", "bruno", "clara", playbill=examined.definition)
    await stage.say("ada", "tea")
    yield stage
    await stage.strike()


def event_of_poll(stage: Stage, name: str, text: str, *, room: bool = False) -> str:
    poll = stage.poll(name, text, room=room)
    assert poll is not None
    return poll.event


TEA_ASKED = "Would you like tea?"


async def test_a_poll_stands_below_its_question_in_place_of_reactions(stage: Stage) -> None:
    prompt = stage.find("bruno", TEA_ASKED)
    below = [b.parcel for b in stage.seen("bruno") if prompt.parcel.row in (b.parcel.reacts, b.parcel.polls)]
    assert [parcel.polls for parcel in below] == [prompt.parcel.row]
    assert [option.id for option in below[0].message.options] == ["green", "black", "neither_yet", "no"]
    assert "1. 🍵 Green" in prompt.words


async def test_a_vote_is_an_answer_and_is_acknowledged_by_an_edit_of_the_question(stage: Stage) -> None:
    before = len(stage.new("bruno"))
    await stage.vote("bruno", ["black"], event_of_poll(stage, "bruno", TEA_ASKED))
    assert "Black" in stage.now("bruno", TEA_ASKED).splitlines()[-1]
    assert len(stage.new("bruno")) == before


async def test_the_newest_vote_counts_and_a_text_after_it_counts_more(stage: Stage) -> None:
    poll = event_of_poll(stage, "bruno", TEA_ASKED)
    await stage.vote("bruno", ["black"], poll)
    await stage.vote("bruno", ["green"], poll)
    assert "Green" in stage.now("bruno", TEA_ASKED).splitlines()[-1]
    await stage.say("bruno", "2")
    assert "Black" in stage.now("bruno", TEA_ASKED).splitlines()[-1]


async def test_an_empty_or_a_spoilt_vote_takes_the_votes_back_and_nothing_else(stage: Stage) -> None:
    poll = event_of_poll(stage, "bruno", TEA_ASKED)
    await stage.say("bruno", "green")
    await stage.vote("bruno", ["black"], poll)
    await stage.vote("bruno", [], poll)
    assert "Green" in stage.now("bruno", TEA_ASKED).splitlines()[-1]
    await stage.vote("bruno", ["black"], poll)
    await stage.vote("bruno", ["black", "milk"], poll)
    assert "Green" in stage.now("bruno", TEA_ASKED).splitlines()[-1]


async def test_a_vote_that_is_removed_gives_way_to_the_one_before(stage: Stage) -> None:
    poll = event_of_poll(stage, "bruno", TEA_ASKED)
    await stage.vote("bruno", ["green"], poll)
    second = await stage.vote("bruno", ["black"], poll)
    await stage.remove("bruno", second)
    assert "Green" in stage.now("bruno", TEA_ASKED).splitlines()[-1]


async def test_a_reaction_on_the_poll_or_on_the_question_still_answers(stage: Stage) -> None:
    await stage.tap_event("bruno", "☕", event_of_poll(stage, "bruno", TEA_ASKED))
    assert "Black" in stage.now("bruno", TEA_ASKED).splitlines()[-1]
    await stage.tap("bruno", "🍵", TEA_ASKED)
    assert "Green" in stage.now("bruno", TEA_ASKED).splitlines()[-1]


@pytest.mark.parametrize("written", ["Black", "2", "2️⃣", "two", "black."])
async def test_a_reaction_that_is_written_out_answers(stage: Stage, written: str) -> None:
    await stage.tap("bruno", written, TEA_ASKED)
    assert "Black" in stage.now("bruno", TEA_ASKED).splitlines()[-1]


async def test_a_reaction_that_says_something_else_answers_nothing(stage: Stage) -> None:
    before = stage.now("bruno", TEA_ASKED)
    await stage.tap("bruno", "lol", TEA_ASKED)
    await stage.tap("bruno", "9", TEA_ASKED)
    assert stage.now("bruno", TEA_ASKED) == before


async def test_a_poll_closes_with_its_question_and_a_late_vote_hears_so(stage: Stage) -> None:
    poll = event_of_poll(stage, "bruno", TEA_ASKED)
    row = next(b.parcel.row for b in stage.seen("bruno") if b.event == poll)
    await stage.vote("bruno", ["green"], poll)
    await stage.pass_time(4 * DAY_MS)
    assert [b.parcel.ends for b in stage.seen("bruno") if b.parcel.ends] == [row]
    await stage.vote("bruno", ["black"], poll)
    assert "closed" in stage.new("bruno")[-1]
    assert len([b for b in stage.seen("clara") if b.parcel.ends]) == 1


async def test_a_poll_in_the_room_shows_who_took_it_up_and_closes_there(stage: Stage) -> None:
    await stage.pass_time(4 * DAY_MS)
    poll = event_of_poll(stage, "", "Who brings cups?", room=True)
    assert not [b for b in stage.seen(room=True) if b.parcel.reacts]
    await stage.vote("bruno", ["i_bring_cups"], poll, room=True)
    await stage.vote("clara", ["i_bring_a_pot"], poll, room=True)
    now = stage.now("", "Who brings cups?", room=True)
    assert "Bruno" in now
    assert "Clara" in now
    await stage.vote("bruno", [], poll, room=True)
    assert "Bruno" not in stage.now("", "Who brings cups?", room=True)
    await stage.pass_time(4 * DAY_MS)
    assert len([b for b in stage.seen(room=True) if b.parcel.ends]) == 1


async def test_a_private_question_shows_its_poll_only_once_it_is_opened_and_hide_takes_both(
    stage: Stage,
) -> None:
    await stage.pass_time(4 * DAY_MS)
    cups = event_of_poll(stage, "", "Who brings cups?", room=True)
    await stage.vote("clara", ["i_bring_a_pot"], cups, room=True)
    await stage.pass_time(4 * DAY_MS)
    assert not [b for b in stage.seen("clara") if b.parcel.polls and b.parcel.message.sensitive]
    await stage.say("clara", "open")
    asked = "How is it for you here?"
    poll = event_of_poll(stage, "clara", asked)
    await stage.vote("clara", ["well"], poll)
    assert "Well" in stage.now("clara", asked).splitlines()[-1]
    await stage.say("clara", "hide")
    rows = {b.parcel.row for b in stage.seen("clara") if b.parcel.polls and b.parcel.message.sensitive}
    assert rows <= {b.parcel.redacts for b in stage.seen("clara")}
