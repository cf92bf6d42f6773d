"""What a message, a tap, an edit or a removal answers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.definition import NO
from engine.core.desk import Command, Confirmed, Rang, Reopened, Settled, Store
from engine.core.desk_table import MOST_SOURCES
from engine.core.event import Answered, TookBack
from engine.core.limits import USUAL, Reached
from engine.core.message import Count, Message, Option, Phrase
from engine.core.parcel import Target
from engine.core.values import (
    DAY_MS,
    AnyValue,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    RowId,
    TextId,
)
from tests.engine.core.one_desk import ANA, BEN, CHEN, I1, I2, NOON, OneDesk

ROOM = Target(RowId(f"{I1}:1:1"), I1, "everyone", 1, (("in", "🙋"),), shared=True)


# ── messages ─────────────────────────────────────────────────────────────────


def test_a_message_that_names_a_choice_answers_the_one_open_question() -> None:
    here = OneDesk()
    question = here.ask()
    here.write({question.row: "yes"})
    assert here.passed == [Answered("rsvp", 1, Ref("me"), "yes")]
    assert here.parcels == []


def test_with_several_open_a_choice_that_fits_one_only_is_for_that_one() -> None:
    here = OneDesk()
    here.ask("first", I1)
    second = here.ask("second", I2)
    here.write({second.row: "yes"})
    assert here.answer.ask == "second"


def test_with_several_that_fit_the_person_is_asked_which_and_a_reply_says_it() -> None:
    here = OneDesk()
    first, second = here.ask("first", I1), here.ask("second", I2)
    both = {first.row: "yes", second.row: "yes"}
    here.write(both)
    assert here.said == ["which_one"]
    assert here.parcels[0].message.lines[0].slots == {"n": Count(2)}
    assert here.passed == []
    here.write(both, to=first)
    assert here.answer.ask == "first"


def test_an_unreadable_answer_with_several_open_asks_which_and_with_one_says_what_is_needed() -> None:
    here = OneDesk()
    first = here.ask("first", I1)
    here.write()
    assert here.said == ["need_choice"]
    here.ask("second", I2)
    here.write()
    assert here.said == ["which_one"]
    here.write(to=first)
    assert here.said == ["need_choice"]


@pytest.mark.parametrize(
    ("expects", "reading", "value"),
    [
        ("moment", {"moment_ms": NOON + DAY_MS}, Moment(NOON + DAY_MS)),
        ("number", {"number": 3}, Number(3)),
        ("people", {"people": (ANA, BEN)}, Persons((ANA, BEN))),
        ("people", {"everyone": True}, Picked("everyone")),
        ("person", {"people": (ANA,)}, Persons((ANA,))),
    ],
)
def test_what_a_question_expects_is_what_it_takes(
    expects: str, reading: dict[str, Any], value: AnyValue
) -> None:
    here = OneDesk()
    here.ask("detail:it", expects=expects)
    here.write(**reading)
    assert here.answer.value == value


@pytest.mark.parametrize(
    ("expects", "key"),
    [
        ("moment", "need_moment"),
        ("number", "need_number"),
        ("people", "need_people"),
        ("person", "need_person"),
        ("choice", "need_choice"),
    ],
)
def test_what_cannot_be_read_is_asked_for_in_words_that_fit(expects: str, key: str) -> None:
    here = OneDesk()
    here.ask("detail:it", expects=expects)
    readings: list[dict[str, Any]] = [{}] + ([{"people": (ANA, BEN)}] if expects == "person" else [])
    for reading in readings:
        here.write(**reading)
        assert here.said == [key]
        assert here.passed == []


@pytest.mark.parametrize("expects", ["people", "person"])
def test_where_an_answer_names_people_everyone_is_not_offered(expects: str) -> None:
    here = OneDesk()
    here.ask("nominate", expects=expects)
    readings: list[dict[str, Any]] = [{}] + ([{"people": (ANA, BEN)}] if expects == "person" else [])
    for reading in readings:
        here.write(**reading)
        assert here.said == ["need_names"]
        assert here.passed == []


def test_words_answer_a_question_for_words_and_are_kept_once() -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    event = here.write()
    assert here.answer.text == TextId(f"text{event}")
    assert [e for e in here.effects if isinstance(e, Store)] == [
        Store(TextId(f"text{event}"), I1, NOON + 7 * DAY_MS)
    ]
    assert here.prompt("why").sources[0].text == TextId(f"text{event}")
    assert here.prompt("why").row == question.row


def test_a_question_that_takes_words_besides_choices_takes_the_choice_first() -> None:
    here = OneDesk()
    question = here.ask(words=True)
    here.write({question.row: "yes"})
    assert (here.answer.choice, here.answer.text) == ("yes", None)


# ── words beside a choice ────────────────────────────────────────────────────


def said(here: OneDesk) -> tuple[str | None, TextId | None]:
    return here.answer.choice, here.answer.text


@pytest.mark.parametrize("as_reply", [True, False])
def test_words_after_a_tap_keep_it_and_a_tap_after_words_keeps_them(as_reply: bool) -> None:
    here = OneDesk()
    question = here.ask(words=True)
    here.tap("✅", question)
    event = here.write(to=question if as_reply else None)
    assert said(here) == ("yes", f"text{event}")

    there = OneDesk()
    question = there.ask(words=True)
    event = there.write()
    there.tap("✅", question)
    assert said(there) == ("yes", f"text{event}")


def test_a_choice_and_the_words_beside_it_change_and_go_each_by_itself() -> None:
    here = OneDesk()
    question = here.ask(words=True)
    first = here.write()
    tapped = here.tap("✅", question)
    here.edit(first)
    assert said(here) == ("yes", f"new{first}")
    here.remove(tapped)
    assert said(here) == (None, f"new{first}")
    tapped = here.tap("✅", question)
    here.remove(first)
    assert said(here) == ("yes", None)
    here.remove(tapped)
    assert here.passed == [TookBack("rsvp", 1, Ref("me"))]


def test_a_no_stands_alone_and_what_is_written_then_is_not_added_to_it() -> None:
    here = OneDesk()
    question = here.ask(words=True)
    here.write()
    here.tap("✖️", question)
    assert said(here) == ("no", None)
    here.write()
    assert (here.said, here.passed) == (["nothing_open"], [])
    here.tap("✅", question)
    assert said(here) == ("yes", None)


def test_words_go_to_what_was_chosen_last_of_what_takes_words_and_can_still_change() -> None:
    here = OneDesk()
    asks: dict[str, dict[str, Any]] = {
        "first": {"words": True},
        "second": {"words": True},
        "plain": {},
        "over": {"words": True, "changeable_ms": NOON + DAY_MS},
    }
    for ask, more in asks.items():
        here.now_ms += 1
        here.tap("✅", here.ask(ask, **more))
    here.now_ms = NOON + 2 * DAY_MS
    here.write()
    assert here.answer.ask == "second"
    here.write()
    assert here.answer.ask == "first"
    here.write()
    assert here.said == ["nothing_open"]


def test_a_thanks_with_nothing_open_is_for_the_bot_and_added_to_nothing() -> None:
    here = OneDesk()
    here.write(thanks=True)
    assert (here.effects, here.last.ignored) == ((), "a thanks, which is for the bot")
    here.tap("✅", here.ask(words=True))
    here.write(thanks=True)
    assert (here.effects, here.passed) == ((), [])
    here.ask("detail:what", expects="words")
    here.write(thanks=True)
    assert here.answer.ask == "detail:what"


def test_a_plain_no_to_a_detail_is_not_taken_for_its_words() -> None:
    here = OneDesk()
    here.ask("detail:what", expects="words")
    here.write(declines=True)
    assert (here.said, here.passed) == (["need_more_than_no"], [])
    here.ask("detail:note", I2, expects="words", optional=True)
    here.write(declines=True, to=here.prompt("detail:note", I2))
    assert here.answer.value == Nothing()


def test_none_leaves_an_optional_question_open_and_is_no_answer_to_another() -> None:
    here = OneDesk()
    here.ask("detail:note", expects="words", optional=True)
    here.write(empty=True)
    assert here.answer.value == Nothing()
    other = OneDesk()
    other.ask("detail:when", expects="moment")
    other.write(empty=True)
    assert other.said == ["need_moment"]


def test_a_question_not_yet_delivered_is_not_an_open_question() -> None:
    here = OneDesk()
    hidden = here.ask(deliver=False)
    here.write({hidden.row: "yes"})
    assert (here.said, here.passed) == (["nothing_open"], [])
    shown = here.ask("second", I2)
    here.write({hidden.row: "yes", shown.row: "yes"})
    assert here.answer.ask == "second"


def test_a_question_that_has_closed_is_not_an_open_question() -> None:
    here = OneDesk()
    question = here.ask(closes_ms=NOON + 5)
    here.now_ms += 5
    here.write({question.row: "yes"})
    assert here.said == ["nothing_open"]


def test_with_nothing_open_a_new_choice_changes_the_answer_given_before() -> None:
    here = OneDesk()
    question = here.ask()
    here.tap("✅", question)
    here.write({question.row: "no"})
    assert here.answer.choice == "no"


def test_with_two_answers_given_before_the_person_says_which_they_change() -> None:
    here = OneDesk()
    for n, instance in enumerate((I1, I2)):
        here.tap("✅", here.ask(f"q{n}", instance))
    here.write({p.row: "no" for p in here.desk.prompts})
    assert here.said == ["which_one"]
    here.write({p.row: "no" for p in here.desk.prompts}, to=here.prompt("q1", I2))
    assert here.answer.ask == "q1"


def test_a_reply_to_a_question_that_is_over_gets_one_kind_line() -> None:
    here = OneDesk()
    question = here.ask()
    here.do(Settled(I1, "rsvp", 1))
    here.write(to=question)
    assert here.said == ["closed"]
    here.tap("✅", question)
    assert here.said == ["closed"]
    assert not here.has("rsvp")


def test_a_message_longer_than_can_be_kept_is_refused_kindly() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    here.write(too_long=True)
    assert (here.said, here.passed) == (["too_long"], [])


# ── in a shared room ─────────────────────────────────────────────────────────


def test_talk_in_the_room_is_not_the_bots_business() -> None:
    here = OneDesk()
    question = here.ask()
    for reading in ({}, {"too_long": True}):
        here.write({question.row: "yes"}, room=True, **reading)
        assert here.effects == ()
    assert here.last.ignored == "not said to the bot"


@pytest.mark.parametrize("reading", [{}, {"too_long": True}, {"command": Command("invite")}])
def test_talk_in_reply_to_a_question_in_the_room_is_not_the_bots_business_either(
    reading: dict[str, Any],
) -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.write(to=ROOM, room=True, **reading)
    assert here.effects == ()
    assert here.desk.prompts == ()


def test_a_reply_in_the_room_that_names_a_choice_takes_the_question_up() -> None:
    here = OneDesk()
    here.write({ROOM.row: "in"}, to=ROOM, room=True)
    assert here.answer == Answered("everyone", 1, Ref("me"), "in")


def test_one_of_the_bots_own_words_in_reply_to_it_is_for_the_bot() -> None:
    here = OneDesk()
    here.order("stop", to=ROOM, room=True)
    assert here.desk.consent == "stopped"


def test_a_tap_in_the_room_is_an_answer_and_is_acknowledged_in_the_room_itself() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.tap("🙋", ROOM)
    assert here.answer == Answered("everyone", 1, Ref("me"), "in")
    assert here.parcels == []
    here.do(Confirmed(I1, "everyone", 1, Phrase("ack.choice")))
    assert (here.effects, here.last.ignored) == ((), "seen in the room itself")


def test_when_it_is_over_for_one_person_the_rooms_question_stays_in_the_room() -> None:
    here = OneDesk()
    here.tap("🙋", ROOM)
    here.do(Settled(I1, "everyone", 1))
    assert here.withdrawn == set()
    assert here.desk.prompts == ()


def test_a_question_taken_up_in_the_room_is_not_a_question_that_lies_open() -> None:
    here = OneDesk()
    tap = here.tap("🙋", ROOM)
    here.remove(tap)
    here.write({ROOM.row: "in"})
    assert here.said == ["nothing_open"]


# ── taps ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("emoji", ["✅", "✅\ufe0f", "✅\U0001f3fd"])
def test_a_tap_means_its_choice_in_any_skin(emoji: str) -> None:
    here = OneDesk()
    here.tap(emoji, here.ask())
    assert here.answer.choice == "yes"


@pytest.mark.parametrize("emoji", ["🎉", "", "\ufe0f", "\U0001f3fd", "✅✅"])
def test_an_emoji_that_nobody_offered_is_noted_and_does_nothing(emoji: str) -> None:
    here = OneDesk()
    here.tap(emoji, here.ask())
    assert (here.effects, here.last.ignored) == ((), "a reaction that was not on offer")


GLADLY = (Option("gladly", "", Phrase("rsvp.gladly", "d")), Option(NO, "✖️", Phrase("no.label")))
PARTLY = (Option("partly", "", Phrase("rsvp.partly", "d")), *GLADLY)


@pytest.mark.parametrize(("options", "choice"), [(GLADLY, "gladly"), (PARTLY, None)])
@pytest.mark.parametrize("thumb", ["👍", "👍🏾"])
def test_a_thumb_is_the_only_choice_there_is_besides_a_no(
    options: tuple[Option, ...], choice: str | None, thumb: str
) -> None:
    here = OneDesk()
    question = here.ask(message=Message(lines=(Phrase("rsvp.say", "d"),), options=options))
    here.tap(thumb, question)
    assert [answer.choice for answer in here.passed] == ([choice] if choice else [])


def test_in_the_room_a_thumb_may_only_mean_that_somebody_likes_it() -> None:
    here = OneDesk()
    here.tap("👍", ROOM)
    assert here.passed == []


def test_who_has_been_found_is_said_where_somebody_else_was_not() -> None:
    here = OneDesk()
    here.ask(expects="people")
    here.write(found=(BEN,))
    assert here.said == ["need_people.rest"]
    here.write()
    assert here.said == ["need_names"]


def test_a_tap_on_a_list_without_emojis_chooses_nothing() -> None:
    here = OneDesk()
    here.order("person")
    here.tap("\ufe0f", here.prompt("person", None))
    assert (here.said, here.informed) == (["open.no_reactions"], [])


def test_a_tap_on_anything_else_is_noted_and_does_nothing() -> None:
    here = OneDesk()
    here.tap("✅", None)
    assert (here.effects, here.last.ignored) == ((), "a reaction on something that asks nothing")


def test_what_a_tap_means_is_what_was_offered_when_it_was_sent() -> None:
    here = OneDesk()
    question = here.ask()
    old = Target(question.row, I1, "rsvp", 1, (("maybe", "✅"),))
    here.tap("✅", old)
    assert here.answer.choice == "maybe"


# ── changing and taking back ─────────────────────────────────────────────────


def test_un_tapping_the_newest_restores_the_one_before() -> None:
    here = OneDesk()
    question = here.ask()
    here.tap("✅", question)
    second = here.tap("✖️", question)
    here.remove(second)
    assert here.answer.choice == "yes"


def test_un_tapping_an_older_one_changes_nothing_to_anyone() -> None:
    here = OneDesk()
    question = here.ask()
    first = here.tap("✅", question)
    here.tap("✖️", question)
    here.remove(first)
    assert here.passed == []


def test_un_tapping_the_last_one_takes_the_answer_back() -> None:
    here = OneDesk()
    question = here.ask()
    first, second = here.tap("✅", question), here.tap("✖️", question)
    here.remove(second)
    here.remove(first)
    assert here.passed == [TookBack("rsvp", 1, Ref("me"))]
    here.remove(first)
    assert (here.effects, here.last.ignored) == ((), "a removal of something that was no answer")


def test_a_removed_message_takes_its_words_back_and_the_question_lies_open_again() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    event = here.write()
    here.remove(event)
    assert here.passed == [TookBack("why", 1, Ref("me"))]
    here.write()
    assert here.answer.text is not None


def test_a_question_taken_up_in_the_room_can_be_taken_back() -> None:
    here = OneDesk()
    tap = here.tap("🙋", ROOM)
    here.remove(tap)
    assert here.passed == [TookBack("everyone", 1, Ref("me"))]


def test_an_edit_changes_the_answer_and_keeps_the_new_words() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    event = here.write()
    here.edit(event)
    assert here.answer.text == TextId(f"new{event}")
    assert [e.text for e in here.effects if isinstance(e, Store)] == [TextId(f"new{event}")]
    here.remove(event)
    assert here.passed == [TookBack("why", 1, Ref("me"))]


def test_an_edit_of_an_older_answer_counts_only_once_the_newer_is_gone() -> None:
    here = OneDesk()
    question = here.ask()
    first = here.write({question.row: "yes"})
    second = here.tap("✖️", question)
    here.edit(first, {question.row: "no"})
    assert here.passed == []
    here.remove(second)
    assert here.answer.choice == "no"


def test_an_edit_that_answers_nothing_is_asked_about_and_the_answer_stands() -> None:
    here = OneDesk()
    question = here.ask()
    event = here.write({question.row: "yes"})
    here.edit(event)
    assert (here.said, here.passed) == (["need_choice"], [])
    assert here.prompt("rsvp").sources[-1].choice == "yes"


def test_an_edit_longer_than_can_be_kept_is_refused_and_the_answer_stands() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    event = here.write()
    here.edit(event, too_long=True)
    assert (here.said, here.passed) == (["too_long"], [])
    assert here.prompt("why").sources[0].text == TextId(f"text{event}")


def test_a_message_without_words_is_no_answer_in_words() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    here.write(blank=True)
    assert (here.said, here.passed) == (["need_words"], [])


def test_an_edit_of_something_that_was_no_answer_does_nothing() -> None:
    here = OneDesk()
    here.edit("$unknown")
    assert (here.effects, here.last.ignored) == ((), "an edit of something that was no answer")


def test_the_same_event_twice_is_one_answer() -> None:
    here = OneDesk()
    question = here.ask()
    for _ in range(3):
        here.tap("✅", question, event="$same")
    assert len(here.prompt("rsvp").sources) == 1
    here.remove("$same")
    assert here.passed == [TookBack("rsvp", 1, Ref("me"))]


def test_an_answer_counts_by_when_it_was_given() -> None:
    here = OneDesk()
    question = here.ask()
    here.tap("✅", question)
    assert here.prompt("rsvp").sources[0].at_ms == NOON


def test_answering_takes_the_reminder_off() -> None:
    here = OneDesk()
    question = here.ask()
    here.tap("✅", question)
    assert here.alarms == {f"remind:{question.row}": None, f"later:{question.row}": None}


# ── a question of one's own, and an answer that made no difference ───────────


def test_words_after_an_answer_are_a_question_for_whoever_takes_questions() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    question = here.ask(urgency="reply", words=True, question_to=True)
    here.tap("✅", question)
    event = here.write()
    assert (here.answer.ask, here.answer.text) == ("rsvp", TextId(f"text{event}"))
    here.now_ms = question.changeable_ms
    here.write()
    assert here.said == ["need_choice"]  # to the greeting, which still lies open


def test_a_question_goes_to_nobody_whose_own_has_not_been_read() -> None:
    here = OneDesk()
    here.ask(words=True, question_to=True, deliver=False)
    here.write()
    assert here.said == ["nothing_open"]


def test_an_answer_that_was_not_taken_leaves_the_question_open() -> None:
    here = OneDesk()
    question = here.ask()
    here.tap("✅", question)
    here.do(Reopened(I1, "rsvp", 1))
    assert here.prompt("rsvp").sources == ()
    here.do(Reopened(I1, "rsvp", 1))
    assert (here.effects, here.last.ignored) == ((), "nothing lay here of that")
    here.write({question.row: "no"})
    assert here.answer.choice == "no"


@pytest.mark.parametrize("way", ["reopened", "taken back"])
def test_a_question_that_lies_open_again_is_brought_up_as_it_would_have_been(way: str) -> None:
    here = OneDesk()
    question = here.ask()
    tap = here.tap("✅", question)
    if way == "reopened":
        here.do(Reopened(I1, "rsvp", 1))
    else:
        here.remove(tap)
    assert here.alarms == {f"remind:{question.row}": NOON + 6 * DAY_MS}


def test_what_was_put_off_until_another_day_still_comes_back_after_a_question_of_ones_own() -> None:
    here = OneDesk()
    question = here.ask(words=True, question_to=True)
    here.order("later")
    back_ms = here.alarms[f"later:{question.row}"]
    here.write(to=question)
    here.do(Reopened(I1, "rsvp", 1))
    assert here.alarms == {f"later:{question.row}": back_ms}


@pytest.mark.parametrize("case", ["answered before", "past", "reminded", "not from"])
def test_a_question_that_lies_open_again_is_not_brought_up_more_than_it_should(case: str) -> None:
    here = OneDesk()
    question = here.ask()
    if case == "answered before":
        here.tap("✖️", question)
    if case == "reminded":
        here.now_ms = NOON + 6 * DAY_MS
        here.do(Rang(f"remind:{question.row}"))
        here.now_ms = NOON
    if case == "not from":
        here.order("not from", people=(ANA,))
    here.tap("✅", question)
    if case == "past":
        here.now_ms = NOON + 6 * DAY_MS
    here.do(Reopened(I1, "rsvp", 1))
    assert here.alarms == {}


# ── limits ───────────────────────────────────────────────────────────────────


def test_only_so_many_taps_on_one_question_are_remembered() -> None:
    here = OneDesk()
    question = here.ask()
    events = [here.tap("✅" if n % 2 else "✖️", question) for n in range(MOST_SOURCES + 5)]
    assert len(here.prompt("rsvp").sources) == MOST_SOURCES
    for event in reversed(events[5:]):
        here.remove(event)
    assert here.passed == [TookBack("rsvp", 1, Ref("me"))]


def test_a_desk_that_is_full_says_so_instead_of_losing_what_lies_on_it() -> None:
    here = OneDesk()
    for n in range(USUAL.questions_per_person):
        here.ask(f"q{n}")
    rows = {p.row for p in here.desk.prompts}
    here.tap("🙋", ROOM)
    assert (here.said, here.passed) == (["limit.not_taken"], [])
    assert Reached("questions_per_person") in here.effects
    assert {p.row for p in here.desk.prompts} == rows
    here.do(Settled(I1, "q0", 1))
    here.tap("🙋", ROOM)
    assert here.answer.choice == "in"


def test_who_is_named_is_passed_on_as_persons_not_by_name() -> None:
    here = OneDesk()
    here.ask("detail:who", expects="people")
    here.write(people=(CHEN,))
    assert here.answer.value == Persons((CHEN,))


@pytest.mark.parametrize("expects", ["people", "person"])
def test_whoever_names_others_loosely_changes_whom_they_named(expects: str) -> None:
    here = OneDesk()
    question = here.ask(expects=expects)
    here.write(people=(BEN,))
    here.write(people=(CHEN,))
    assert here.answer.value == Persons((CHEN,))
    here.now_ms = question.changeable_ms
    here.write(people=(ANA,))
    assert (here.said, here.passed) == (["nothing_open"], [])


def test_where_several_answers_name_people_they_say_which_they_change() -> None:
    here = OneDesk()
    here.ask("first", expects="people")
    here.write(people=(BEN,))
    here.ask("second", I2, expects="people")
    here.write(people=(BEN,))
    here.write(people=(CHEN,))
    assert (here.said, here.passed) == (["which_one"], [])
    here.write(number=1)
    assert (here.answer.ask, here.answer.value) == ("first", Persons((CHEN,)))


def test_what_is_no_name_changes_no_list_of_people() -> None:
    here = OneDesk()
    here.ask(expects="people")
    here.write(people=(BEN,))
    here.write(number=3)
    assert (here.said, here.passed) == (["nothing_open"], [])


def test_a_private_list_that_is_changed_in_a_shared_room_is_taken_out_of_it() -> None:
    here = OneDesk()
    here.ask(expects="people", sensitive=True, urgency="reply")
    here.order("open")
    here.write(people=(BEN,))
    here.write(people=(CHEN,), room=True, addressed=True)
    assert here.answer.value == Persons((CHEN,))
    assert [parcel for parcel in here.all_parcels if parcel.redacts_event is not None]
