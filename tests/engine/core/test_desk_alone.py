"""While somebody is alone with a private matter, its next question need not knock (right 15)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.desk import Called, Command, Empowered, Helped, Prompt, Rang, Refused
from engine.core.desk_private import ALONE_MS
from engine.core.message import Phrase
from engine.core.parcel import Shared, Target
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, Number, RowId
from tests.engine.core.one_desk import ANA, BEN, CIRCLE, I1, I2, NOON, YES_NO, OneDesk


def opened(ask: str = "first", **more: Any) -> tuple[OneDesk, Prompt]:
    """Somebody who has just opened a private question."""
    here = OneDesk()
    here.ask(ask, sensitive=True, **more)
    here.order("open")
    return here, here.prompt(ask)


def follows(here: OneDesk, ask: str = "next", **more: Any) -> list[str]:
    """What is shown when a further private question follows from what they just said."""
    fields: dict[str, Any] = {"sensitive": True, "urgency": "reply"} | more
    here.ask(ask, **fields)
    return here.said


# ── shown at once ────────────────────────────────────────────────────────────


def test_whoever_has_just_opened_one_is_shown_the_next_of_the_same_matter_at_once() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    assert follows(here) == ["next.say"]
    (parcel,) = here.all_parcels
    nxt = here.prompt("next")
    assert (parcel.row, parcel.urgency, parcel.useful_until_ms) == (nxt.row, "reply", None)
    assert parcel.target == Target(nxt.row, I1, "next", 1, (("yes", ""), ("no", "")))
    assert (parcel.message.mention, parcel.message.sensitive) == (False, True)
    assert [(o.id, o.emoji) for o in parcel.message.options] == [("yes", ""), ("no", "")]
    assert nxt.knock is None


def test_it_looks_as_it_would_have_looked_had_it_been_opened() -> None:
    here, _ = opened()
    follows(here)
    (shown,) = here.all_parcels
    there = OneDesk()
    there.ask("next", sensitive=True)
    there.order("open")
    assert shown.message == there.all_parcels[0].message


def test_it_is_answered_reminded_of_and_hidden_as_if_it_had_been_opened() -> None:
    here, _ = opened()
    follows(here)
    question = here.prompt("next")
    assert here.alarms == {f"remind:{question.row}": NOON + 6 * DAY_MS}
    answer = here.write({question.row: "yes"})
    assert here.answer.ask == "next"
    here.order("hide")
    assert {question.row, answer} <= here.taken_back


def test_the_one_reminder_of_what_was_shown_at_once_only_knocks() -> None:
    here, _ = opened()
    follows(here)
    here.now_ms = NOON + 6 * DAY_MS
    here.do(Rang(f"remind:{here.prompt('next').row}"))
    assert here.said == ["knock"]


def test_writing_open_all_the_same_shows_it_again() -> None:
    here, _ = opened()
    follows(here)
    shown = here.parcels[0]
    here.write({here.prompt("first").row: "yes"})
    here.order("open")
    assert here.parcels[0].message == shown.message


def test_an_answer_in_ones_own_room_is_a_sign_as_well() -> None:
    here, first = opened()
    here.now_ms += HOUR_MS
    assert follows(here, "meanwhile") == ["knock"]
    here.write({first.row: "yes"})
    assert follows(here) == ["next.say"]


def test_what_lies_between_need_not_be_private_itself() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    here.ask("detail:other", expects="person", urgency="reply")
    here.write(people=(BEN,))
    assert follows(here) == ["next.say"]


def test_each_private_answer_gives_another_quarter_of_an_hour() -> None:
    here, question = opened()
    for n in range(4):
        here.now_ms += ALONE_MS - 1
        here.write({question.row: "yes"}, to=question)
        assert follows(here, f"q{n}") == [f"q{n}.say"]
        question = here.prompt(f"q{n}")


# ── everything else knocks ───────────────────────────────────────────────────


@pytest.mark.parametrize(("later_ms", "shown"), [(ALONE_MS - 1, "next.say"), (ALONE_MS, "knock")])
def test_after_a_quarter_of_an_hour_it_knocks_again(later_ms: int, shown: str) -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    here.now_ms += later_ms
    assert follows(here) == [shown]
    assert ALONE_MS == 15 * MINUTE_MS


def test_what_was_written_long_before_it_is_read_says_nothing_of_who_sits_there_now() -> None:
    here, first = opened()
    here.occurred_ms = NOON
    here.now_ms = NOON + HOUR_MS
    here.write({first.row: "yes"})
    assert follows(here) == ["knock"]


def test_another_matter_knocks() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    assert follows(here, instance=I2) == ["knock"]
    assert follows(here) == ["next.say"]


def test_of_two_matters_they_are_alone_with_the_one_they_wrote_to_last() -> None:
    here, first = opened()
    here.ask("other", I2, sensitive=True)
    here.order("open")
    assert follows(here) == ["knock"]
    here.write({first.row: "yes"}, to=first)
    assert follows(here, "third") == ["third.say"]


@pytest.mark.parametrize("urgency", ["timely", "change", "quiet", "safety"])
def test_what_does_not_follow_from_what_they_said_knocks(urgency: str) -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    assert follows(here, urgency=urgency) == ["knock"]


def test_beginning_a_private_matter_is_not_being_alone_with_it() -> None:
    here = OneDesk()
    here.order("invite")
    assert follows(here) == ["knock"]


def test_an_answer_to_something_that_is_not_private_is_no_sign() -> None:
    here = OneDesk()
    question = here.ask()
    here.write({question.row: "yes"})
    assert follows(here) == ["knock"]


def test_words_that_answered_nothing_are_no_sign() -> None:
    here, _ = opened()
    here.now_ms += ALONE_MS
    here.write()
    assert here.said == ["need_choice"]
    assert follows(here) == ["knock"]


def test_open_with_nothing_behind_it_is_no_sign() -> None:
    here = OneDesk()
    here.order("open")
    assert follows(here) == ["knock"]


def test_an_edit_neither_begins_nor_prolongs_it_but_does_not_end_it_either() -> None:
    here, first = opened()
    answer = here.write({first.row: "yes"})
    here.now_ms += ALONE_MS - 1
    here.edit(answer, {first.row: "no"})
    assert follows(here) == ["next.say"]
    here.now_ms += 1
    here.edit(answer, {first.row: "yes"})
    assert follows(here, "third") == ["knock"]


@pytest.mark.parametrize("word", ["hide", "person", "stop", "pause", "later", "not from"])
def test_a_word_that_turns_away_from_it_ends_it(word: str) -> None:
    here, _ = opened()
    here.order(word)
    assert follows(here) == ["knock"]


@pytest.mark.parametrize("word", ["my", "help", "language"])
def test_looking_something_up_does_not(word: str) -> None:
    here, _ = opened()
    here.order(word)
    assert follows(here) == ["next.say"]


def test_whoever_leaves_the_room_is_not_there() -> None:
    here, _ = opened()
    here.do(Refused())
    assert here.desk.alone is None


def test_help_that_is_shown_and_a_contact_who_has_not_answered_end_it_too() -> None:
    here, _ = opened()
    here.do(Helped(I1, ANA))
    assert follows(here) == ["knock"]
    here.order("person")
    here.write({here.prompt("person", None).row: "contact:ben"})
    here.order("open")
    assert here.desk.alone is not None
    here.do(Rang("call:ben"))
    assert here.said == ["knock"]
    assert follows(here, "third") == ["knock"]
    here.order("open")
    assert here.said == ["person.silent_alone"]
    assert here.desk.alone is None


# ── a shared room ────────────────────────────────────────────────────────────


def test_whoever_speaks_to_the_bot_in_a_shared_room_is_not_alone() -> None:
    here, _ = opened()
    here.order("what's on", room=True, addressed=True)
    assert follows(here) == ["knock"]


def test_an_answer_or_open_in_a_shared_room_is_no_sign() -> None:
    here = OneDesk()
    here.ask("first", sensitive=True)
    here.order("open", room=True, addressed=True)
    assert follows(here) == ["knock"]
    here.write({here.prompt("first").row: "yes"}, room=True, addressed=True)
    assert here.answer.ask == "first"
    assert follows(here, "third") == ["knock"]


def test_what_is_said_in_the_room_and_not_to_the_bot_is_nothing_it_goes_by() -> None:
    here, _ = opened()
    here.write(room=True)
    assert here.last.ignored == "not said to the bot"
    assert follows(here) == ["next.say"]


# ── nothing goes astray ──────────────────────────────────────────────────────


def test_a_second_message_of_something_private_is_not_taken_for_words_that_others_read() -> None:
    here = OneDesk()
    shared = here.ask("what_went_well", I2, expects="words")
    private = here.ask("reflect", expects="words", sensitive=True)
    here.order("open")
    here.write(to=private)
    assert here.answer.ask == "reflect"
    here.write()
    assert (here.passed, here.said) == ([], ["which_one"])
    here.write(to=shared)
    assert here.answer.ask == "what_went_well"


def test_whoever_turns_to_something_else_and_is_asked_about_it_is_understood_without_a_reply() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    here.ask("detail:what", I2, expects="words", urgency="reply")
    here.write()
    assert here.answer.ask == "detail:what"
    here.ask("detail:why", I2, expects="words", urgency="reply")
    here.write()
    assert here.answer.ask == "detail:why"


def test_what_was_asked_before_they_said_something_private_still_wants_a_reply() -> None:
    here, first = opened()
    here.ask("detail:what", I2, expects="words", urgency="reply")
    here.write({first.row: "yes"}, to=first)
    here.write()
    assert (here.passed, here.said) == ([], ["which_one"])


def test_what_comes_by_itself_in_between_is_not_taken_to_be_what_they_speak_of() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    here.ask("what_went_well", I2, expects="words")
    here.write()
    assert (here.passed, here.said) == ([], ["which_one"])


def test_a_bare_choice_answers_the_private_question_that_was_just_shown() -> None:
    here = OneDesk()
    words = here.ask("what_went_well", I2, expects="words")
    private = here.ask("how_are_you", sensitive=True)
    here.order("open")
    here.write({private.row: "yes"})
    assert (here.answer.ask, here.answer.choice) == ("how_are_you", "yes")
    assert here.prompt("what_went_well", I2) == words


def test_a_bare_number_answers_it_too_and_words_do_not() -> None:
    here = OneDesk()
    here.ask("what_went_well", I2, expects="words")
    here.ask("how_often", expects="number", sensitive=True)
    here.order("open")
    here.write()
    assert (here.passed, here.said) == ([], ["which_one"])
    here.write(number=3)
    assert (here.answer.ask, here.answer.value) == ("how_often", Number(3))


def test_some_time_later_they_say_which_a_bare_choice_is_for() -> None:
    here = OneDesk()
    here.ask("what_went_well", I2, expects="words")
    private = here.ask("how_are_you", sensitive=True)
    here.order("open")
    here.now_ms += ALONE_MS
    here.write({private.row: "yes"})
    assert (here.passed, here.said) == ([], ["which_one"])


def test_a_choice_is_taken_as_it_is_and_words_too_once_the_quarter_of_an_hour_has_passed() -> None:
    here = OneDesk()
    other = here.ask("rsvp", I2)
    words = here.ask("what_went_well", I2, expects="words")
    private = here.ask("reflect", expects="words", sensitive=True)
    here.order("open")
    here.write(to=private)
    here.write({other.row: "yes"}, to=other)
    assert here.answer.ask == "rsvp"
    here.now_ms += ALONE_MS
    here.write()
    assert here.answer.ask == words.ask


def test_the_next_question_of_the_same_matter_takes_words_as_ever() -> None:
    here, first = opened()
    here.write({first.row: "yes"})
    here.ask("detail:place", expects="words", urgency="reply")
    here.write()
    assert here.answer.ask == "detail:place"


def test_words_added_to_a_choice_others_read_are_asked_about_as_well() -> None:
    here, first = opened()
    other = here.ask("rsvp", I2, words=True)
    here.tap("✅", other)
    here.write({first.row: "yes"}, to=first)
    here.write()
    assert (here.passed, here.said) == ([], ["which_one"])


def test_words_that_begin_with_a_choice_say_for_themselves_what_they_answer() -> None:
    here, first = opened()
    other = here.ask("rsvp", I2, words=True)
    here.write({first.row: "yes"}, to=first)
    here.write({other.row: "yes"}, worded=(other.row,))
    assert (here.answer.ask, here.answer.choice) == ("rsvp", "yes")
    assert here.answer.text is not None


@pytest.mark.parametrize("too_long", [False, True])
def test_private_words_in_a_shared_room_are_taken_back_even_if_it_is_not_clear_what_they_answer(
    too_long: bool,
) -> None:
    here = OneDesk()
    here.ask("one", expects="words", sensitive=True)
    here.order("open")
    here.ask("two", I2, expects="words")
    here.write(room=True, addressed=True, too_long=too_long)
    back, said = here.all_parcels
    assert (back.to, back.redacts_event) == (Shared(CIRCLE), "$e2")
    key = "too_long" if too_long else "which_one"
    assert [line.key for line in said.message.lines][:2] == ["continue_here", key]
    assert here.passed == []


def test_what_answers_only_something_public_stays_where_it_was_written() -> None:
    here = OneDesk()
    here.ask("one", sensitive=True)
    here.order("open")
    public = here.ask("two", I2)
    here.write({public.row: "yes"}, room=True, addressed=True)
    assert (here.answer.ask, here.taken_back) == ("two", set())


def test_a_reply_there_to_what_the_room_is_asked_stays_too() -> None:
    here, _ = opened()
    target = Target(RowId("room:1"), I2, "open", 1, (("yes", "✅"),), shared=True)
    here.write({target.row: "yes"}, to=target, room=True)
    assert (here.answer.ask, here.taken_back) == ("open", set())


def test_a_private_answer_that_is_changed_in_a_shared_room_is_taken_back_there() -> None:
    here, first = opened(words=True)
    here.write({first.row: "yes"})
    here.write({first.row: "yes"}, room=True, addressed=True)
    assert here.taken_back == {"$e3"}
    here.write(room=True, addressed=True)
    assert here.taken_back == {"$e4"}


def test_an_answer_edited_into_one_of_the_bots_own_words_is_not_passed_on_as_what_they_say() -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    answer = here.write()
    here.edit(answer, command=Command("not from", people=(ANA,)))
    assert (here.passed, here.said, here.desk.not_from) == ([], ["need_words"], ())
    here.edit(answer, command=Command("language", language="de"))
    assert (here.passed, here.said, here.desk.language) == ([], ["need_words"], "")
    other = here.ask("door", I2)
    chosen = here.write({other.row: "yes"}, to=other)
    here.edit(chosen, {other.row: "no"}, command=Command("help"))
    assert here.answer.choice == "no"
    here.edit(chosen, {other.row: "yes"}, command=Command("stop"))
    assert (here.passed, question.sources) == ([], ())
    here.edit(answer, command=Command("invite"))
    assert here.answer.ask == "why"


# ── words that a private matter offers ───────────────────────────────────────


def test_a_word_of_a_private_matter_written_in_a_shared_room_is_taken_back_there() -> None:
    here = OneDesk()
    here.do(Empowered(I1, ("enough",), Phrase("called", "d"), discreet=True))
    here.order("enough", room=True, addressed=True)
    back, said = here.all_parcels
    assert (back.to, back.redacts_event) == (Shared(CIRCLE), "$e1")
    assert [line.key for line in said.message.lines] == ["continue_here"]
    (commanded,) = here.passed
    assert commanded.word == "enough"


def test_whoever_was_never_written_to_is_greeted_once_before_that_even_at_night() -> None:
    for hours in (0, 12):
        here = OneDesk(greeted=False, consent="unknown")
        here.now_ms += hours * HOUR_MS
        here.facts |= {"discreet": frozenset(("invitation",))}
        here.order("invite", room=True, addressed=True)
        assert here.said == ["hello", "continue_here"]


def test_of_several_they_say_which_where_nobody_else_reads() -> None:
    here = OneDesk()
    here.do(Empowered(I1, ("enough",), Phrase("called.1", "d"), discreet=True))
    here.do(Empowered(I2, ("enough",), Phrase("called.2", "d")))
    here.order("enough", room=True, addressed=True)
    assert here.taken_back == {"$e1"}
    assert [line.key for line in here.parcels[0].message.lines[:2]] == ["continue_here", "which_instance"]
    assert not any(isinstance(p.to, Shared) for p in here.parcels)


def test_in_ones_own_room_and_for_what_is_not_private_nothing_is_taken_back() -> None:
    here = OneDesk()
    here.do(Empowered(I1, ("enough",), Phrase("called", "d"), discreet=True))
    here.do(Empowered(I2, ("cancel",), Phrase("called", "d")))
    here.order("enough")
    assert (here.taken_back, here.said) == (set(), [])
    here.order("cancel", room=True, addressed=True)
    assert (here.taken_back, here.said) == (set(), [])


# ── help, and who it is kept from ────────────────────────────────────────────


@pytest.mark.parametrize("before", ["stop", "not from"])
def test_whoever_says_that_they_were_hurt_is_shown_help_whatever_they_asked_for_before(before: str) -> None:
    here, question = opened()
    here.order(before, people=(ANA,))
    here.write({question.row: "yes"}, to=question)
    here.do(Helped(I1, ANA))
    assert here.said == ["person.answer"]
    here.do(Helped(I1, ANA))
    assert here.effects == ()


def test_a_person_who_is_not_wanted_any_more_is_not_counted_among_those_who_would_like_to_talk() -> None:
    here = OneDesk(called_by=(BEN,))
    here.do(Called(ANA))
    here.order("not from", people=(ANA,))
    assert here.desk.called_by == (BEN,)


def test_the_choices_stay_as_they_are_for_whatever_is_not_private() -> None:
    here, _ = opened()
    here.ask("open_to_all", urgency="reply")
    assert here.parcels[0].message.options == YES_NO
