"""What there is to see of a play, and who sees each answer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.rehearsal import Playbill
from bridge.rehearsal.acts import Hitch
from bridge.rehearsal.casting import people_for
from bridge.rehearsal.play import Play
from bridge.rehearsal.script import read_line
from bridge.rehearsal.spectator import ROOM, Happening
from tests.bridge.command import PROJECT_FOLDER
from tests.bridge.rehearsal.teas import TEA, tea

ASKED = ("ana: tea", "ana: @bruno and @chen", "ana: Friday 19:00")
WISHES = """\
  wishes:
    to: guests
    say: What would you like to eat?
    answers: in words
    seen by: host
    until: 1 day before starts

states:
"""
WORDY = TEA.replace("asks: invited", "asks: [invited, wishes]").replace("states:\n", WISHES)


def example(name: str) -> str:
    return (PROJECT_FOLDER / "docs" / "examples" / f"{name}.yaml").read_text()


async def seen_of(*lines: str, text: str = TEA) -> list[Happening]:
    """What there is to see of the last of these lines."""
    definition = tea(text)
    play = await Play.begin(Playbill([definition]), people_for(definition))
    seen: list[Happening] = []
    for line in lines:
        result = await play.act(read_line(line))
        assert not isinstance(result, Hitch), f"{line}: {result}"
        seen = result
    await play.end()
    return seen


def only(seen: list[Happening], kind: str) -> Happening:
    (found,) = [each for each in seen if each.kind == kind]
    return found


async def test_a_beginning_shows_who_spoke_where_it_stands_and_what_the_bot_said() -> None:
    seen = await seen_of("ana in the room: tea")
    assert [(each.kind, each.who) for each in seen] == [("said", "ana"), ("state", ROOM), ("message", "ana")]
    assert seen[0].seen_by == ("bruno", "chen", "dora")
    assert seen[1].text == "draft"
    assert seen[2].text.startswith("Whom would you like to invite?")


async def test_a_yes_is_seen_by_whom_the_file_names_and_shows_as_an_edit_not_as_a_letter() -> None:
    seen = await seen_of(*ASKED, "bruno: coming")
    answer = only(seen, "answer")
    assert (answer.who, answer.seen, answer.seen_by, answer.about) == ("bruno", "people", ("ana",), "invited")
    assert "I'm coming" in answer.text
    assert [each.who for each in seen if each.kind == "message"] == []


async def test_a_no_is_seen_by_nobody_and_nothing_else_happens() -> None:
    seen = await seen_of(*ASKED, "bruno: no")
    answer = only(seen, "answer")
    assert (answer.seen, answer.seen_by) == ("nobody", ())
    assert {each.who for each in seen} == {"bruno"}


async def test_a_yes_that_becomes_a_no_is_heard_by_those_who_saw_the_yes() -> None:
    answer = only(await seen_of(*ASKED, "bruno: coming", "bruno: no"), "answer")
    assert (answer.seen, answer.seen_by) == ("turned", ("ana",))


async def test_a_detail_goes_into_the_sentences_that_have_a_gap_for_it_or_is_seen_by_nobody() -> None:
    assert only(await seen_of(*ASKED[:2]), "answer").seen == "people"
    assert only(await seen_of(*ASKED), "answer").seen == "used"


@pytest.mark.parametrize(("audience", "seen", "others"), [("host", "people", ("ana",)), ("me", "people", ())])
async def test_words_are_seen_by_the_audience_of_the_file(
    audience: str, seen: str, others: tuple[str, ...]
) -> None:
    text = WORDY.replace("seen by: host\n    until: 1 day before starts\n\n", f"seen by: {audience}\n\n")
    answer = only(await seen_of(*ASKED, "skip 1 day", "bruno to wishes: I bring bread", text=text), "answer")
    assert (answer.seen, answer.seen_by, answer.text) == (seen, others, "I bring bread")


async def test_answers_that_are_hidden_at_first_are_seen_later_and_unsigned_ones_without_a_name() -> None:
    consent = await seen_of(
        "ana: consent", "ana: Paint the wall", "bruno: good enough", text=example("consent")
    )
    assert only(consent, "answer").later
    assert only(consent, "answer").seen_by == ("ana",)
    feedback = await seen_of(
        "ana: feedback", "ana: The garden", "bruno: Less of it", text=example("unsigned_feedback")
    )
    assert only(feedback, "answer").unsigned
    assert {each.who for each in feedback} == {"bruno"}


async def test_what_the_engine_cannot_decide_is_shown() -> None:
    good = tea()
    lost = replace(good.states["draft"].moves[1], to="nowhere")
    draft = replace(good.states["draft"], moves=(good.states["draft"].moves[0], lost))
    broken = replace(good, digest="lost", states={**good.states, "draft": draft})
    play = await Play.begin(Playbill([broken]), ("ana", "bruno"))
    await play.act(read_line("ana: tea"))
    seen = await play.act(read_line("ana: cancel"))
    assert not isinstance(seen, Hitch)
    assert only(seen, "broken").text
    await play.end()


async def test_every_state_that_is_passed_is_shown_with_the_one_before() -> None:
    seen = await seen_of(*ASKED, "bruno: coming", "skip to 4 hours after starts")
    assert [(each.was, each.text) for each in seen if each.kind == "state"] == [
        ("open", "on"),
        ("on", "over"),
    ]
    assert [each.at_ms for each in seen] == sorted(each.at_ms for each in seen)


async def test_an_edit_knows_how_the_message_read_before() -> None:
    seen = await seen_of(*ASKED, "bruno: coming", "skip to 1 day before starts", "bruno: no")
    board = next(each for each in seen if each.kind == "edit" and each.who == "ana")
    assert "Coming: Bruno" in board.was
    assert "Coming: nobody yet" in board.text


async def test_a_state_is_shown_at_the_time_it_was_entered_and_before_what_it_says() -> None:
    seen = await seen_of(*ASKED, "bruno: coming", "skip 30 days")
    entered = {each.text: each for each in seen if each.kind == "state"}
    assert entered["on"].at_ms < entered["over"].at_ms < max(each.at_ms for each in seen) + 1
    first_letter = next(each for each in seen if each.kind == "message" and each.at_ms == entered["on"].at_ms)
    assert seen.index(entered["on"]) < seen.index(first_letter)
    assert entered["on"].way == "open → on"


async def test_a_reminder_shows_what_it_replies_to() -> None:
    seen = await seen_of(*ASKED, "skip to 1 day before starts")
    reminders = [each for each in seen if each.kind == "message" and each.who in ("bruno", "chen")]
    assert reminders
    assert {each.about for each in reminders} == {"Ana asks you to tea, Friday 22 January, 19:00 UTC."}


async def test_whoever_comes_for_the_first_time_is_greeted_as_somebody_new() -> None:
    welcome = """\
name: welcome
about: Says hello to whoever comes.
begins when: someone arrives
steps:
  - ask: starter
    say: What brings you here?
    answers: in words
    seen by: me
"""
    seen = await seen_of("hana comes", text=welcome)
    told = [each.text for each in seen if each.who == "hana" and each.kind in ("message", "edit")]
    assert told[0].startswith("Hello, I'm Hearth")
    assert any("What brings you here?" in text for text in told)
    assert not any("Welcome back" in text for text in told)


async def test_a_new_one_who_is_asked_later_is_greeted_then_and_may_take_back_what_they_did() -> None:
    definition = tea()
    play = await Play.begin(Playbill([definition]), people_for(definition))
    await play.act(read_line("hana comes"))
    assert play.stage.last_event_of("hana") is None
    for line in ("ana: tea", "ana: @hana", "ana: Friday 19:00"):
        await play.act(read_line(line))
    told = play.stage.words("hana")
    assert told.index("Hello, I'm Hearth") < told.index("Ana asks you to tea")
    assert play.stage.last_event_of("hana") is None
    await play.end()
