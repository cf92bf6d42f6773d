"""``person``: a contact is told by the member's own choice alone, and a silent one is asked about (right 14)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.desk import Call, Called, CallTaken, Prompt, Rang
from engine.core.message import Names, Phrase
from engine.core.parcel import Direct
from engine.core.schedule import Go, Standing, schedule
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, PersonId
from tests.engine.core.one_desk import ANA, BEN, CHEN, ME, NOON, OneDesk, asked

CALL_BEN, CALL_CHEN = Rang("call:ben"), Rang("call:chen")


def whom(here: OneDesk) -> Prompt:
    return here.prompt("person", None)


def choose(here: OneDesk, choice: str) -> None:
    here.write({whom(here).row: choice})


def told_ben(**desk: Any) -> OneDesk:
    """Somebody who has chosen Ben out of Ben and Chen."""
    here = OneDesk(**desk)
    here.contacts = (BEN, CHEN)
    here.order("person")
    choose(here, "contact:ben")
    return here


def a_day_later(here: OneDesk) -> OneDesk:
    here.now_ms += DAY_MS
    here.do(CALL_BEN)
    return here


def choices(here: OneDesk) -> list[str]:
    return [choice for choice, _ in whom(here).choices]


# ── the member ───────────────────────────────────────────────────────────────


def test_the_choice_is_remembered_and_an_answer_waited_for_for_a_day() -> None:
    here = told_ben()
    assert here.informed == [(BEN, Called(ME))]
    assert here.desk.calls == (Call(BEN, NOON),)
    assert here.alarms == {"call:ben": NOON + DAY_MS}
    assert here.said == ["person.told"]


def test_the_list_takes_no_reactions() -> None:
    here = OneDesk()
    here.order("person")
    assert here.all_parcels == here.parcels
    here.tap("👍", whom(here))
    assert (here.said, here.informed) == (["open.no_reactions"], [])


def test_somebody_who_does_not_answer_is_told_of_by_a_knock_and_others_may_be_tried() -> None:
    here = a_day_later(told_ben())
    (knock,) = here.all_parcels
    assert ([line.key for line in knock.message.lines], knock.urgency) == (["knock"], "safety")
    here.order("open")
    (asked_again,) = here.parcels
    assert asked_again.message.lines == (Phrase("person.silent", slots={"who": Names((BEN,))}),)
    assert choices(here) == ["contact:chen", "outside", "nobody"]
    choose(here, "contact:chen")
    assert here.informed == [(CHEN, Called(ME))]
    assert [c.contact for c in here.desk.calls] == [BEN, CHEN]


@pytest.mark.parametrize("due_ms", [None, NOON + DAY_MS])
def test_a_silence_that_two_have_noticed_is_asked_about_once(due_ms: int | None) -> None:
    here = a_day_later(told_ben())
    asked = here.desk
    here.do(Rang("call:ben", due_ms))
    assert (here.effects, here.last.ignored, here.desk) == ((), "set anew since", asked)


def test_a_moment_from_before_a_second_call_says_nothing_about_it() -> None:
    here = told_ben()
    here.now_ms += 2 * HOUR_MS
    here.order("person")
    choose(here, "contact:ben")
    here.now_ms = NOON + DAY_MS
    here.do(Rang("call:ben", NOON + DAY_MS))
    assert (here.effects, here.last.ignored) == ((), "set anew since")
    here.now_ms += 2 * HOUR_MS
    here.do(Rang("call:ben", NOON + DAY_MS + 2 * HOUR_MS))
    assert [parcel.urgency for parcel in here.all_parcels] == ["safety"]


def test_nothing_is_sent_to_anyone_before_the_member_has_chosen_once_more() -> None:
    here = a_day_later(told_ben())
    assert here.informed == []
    here.order("open")
    assert here.informed == []
    choose(here, "nobody")
    assert (here.informed, here.said) == ([], ["person.nobody"])


def test_with_nobody_left_to_try_help_from_outside_is_still_there() -> None:
    here = a_day_later(told_ben())
    here.order("open")
    choose(here, "contact:chen")
    here.now_ms += DAY_MS
    here.do(CALL_CHEN)
    here.order("open")
    assert here.said == ["person.silent_alone"]
    assert choices(here) == ["outside", "nobody"]
    choose(here, "outside")
    assert (here.said, here.informed) == (["person.outside"], [])


def test_contacts_who_have_all_gone_are_not_offered() -> None:
    here = told_ben()
    here.contacts = ()
    a_day_later(here)
    here.order("open")
    assert (here.said, choices(here)) == (["person.silent_alone"], ["outside", "nobody"])


def test_an_answer_in_time_is_passed_on_and_nothing_is_asked_after_it() -> None:
    here = told_ben()
    here.do(CallTaken(BEN))
    (parcel,) = here.parcels
    assert parcel.message.lines == (Phrase("person.taken", slots={"who": Names((BEN,))}),)
    assert (parcel.urgency, parcel.message.mention) == ("safety", False)
    assert here.alarms == {"call:ben": None}
    here.now_ms += DAY_MS
    here.do(CALL_BEN)
    assert (here.effects, here.last.ignored) == ((), "answered or over")


def test_an_answer_after_the_day_is_passed_on_too_and_the_question_that_only_knocked_is_taken_back() -> None:
    here = a_day_later(told_ben())
    knock = whom(here).knock
    here.do(CallTaken(BEN))
    assert (here.said, here.withdrawn) == (["person.taken"], {knock})
    here.order("open")
    assert here.said == ["open.nothing"]


def test_an_answer_after_the_question_was_opened_leaves_the_choice_with_the_member() -> None:
    here = a_day_later(told_ben())
    here.order("open")
    here.do(CallTaken(BEN))
    assert here.said == ["person.taken"]
    choose(here, "contact:chen")
    assert here.informed == [(CHEN, Called(ME))]


def test_a_second_tap_within_the_hour_is_no_second_call_and_one_after_it_is() -> None:
    here = told_ben()
    here.now_ms += 59 * MINUTE_MS
    here.order("person")
    choose(here, "contact:ben")
    assert (here.informed, here.said) == ([], ["person.told_already"])
    here.now_ms += MINUTE_MS
    here.order("person")
    choose(here, "contact:ben")
    assert here.informed == [(BEN, Called(ME))]
    assert here.desk.calls == (Call(BEN, NOON + HOUR_MS),)
    assert here.alarms == {"call:ben": NOON + HOUR_MS + DAY_MS}


def test_a_contact_who_has_answered_may_be_chosen_again_at_once() -> None:
    here = told_ben()
    here.do(CallTaken(BEN))
    here.order("person")
    choose(here, "contact:ben")
    assert here.informed == [(BEN, Called(ME))]


def test_an_answer_nobody_waits_for_does_nothing() -> None:
    for here in (OneDesk(), OneDesk(calls=(Call(BEN, NOON, answered=True),))):
        here.do(CallTaken(BEN))
        assert here.effects == ()


def test_whoever_is_not_wanted_any_more_is_not_heard_of_and_not_asked_about() -> None:
    here = told_ben()
    here.order("not from", people=(BEN,))
    here.do(CallTaken(BEN))
    assert (here.said, here.alarms) == ([], {"call:ben": None})
    assert here.desk.calls[0].answered


def test_who_has_stopped_meanwhile_still_hears_of_their_own_call() -> None:
    here = told_ben()
    here.order("stop")
    a_day_later(here)
    muted = Standing("stopped", here.rhythm, present=True)
    assert [schedule(p, muted, here.now_ms) for p in here.parcels] == [Go()]
    here.do(CallTaken(BEN))
    assert [schedule(p, muted, here.now_ms) for p in here.parcels] == [Go()]


def test_calls_are_remembered_for_a_month() -> None:
    here = told_ben()
    here.now_ms += 31 * DAY_MS
    here.order("person")
    choose(here, "contact:chen")
    assert [c.contact for c in here.desk.calls] == [CHEN]


def test_the_question_asked_again_can_be_answered_for_a_week() -> None:
    here = a_day_later(told_ben())
    here.now_ms += WEEK_MS - 1
    here.order("open")
    assert here.said == ["person.silent"]
    here.now_ms += 1
    here.order("open")
    assert here.said == ["open.nothing"]


def test_only_one_such_question_lies_there_however_often_it_is_asked() -> None:
    here = a_day_later(told_ben())
    here.order("person")
    assert sum(p.ask == "person" for p in here.desk.prompts) == 1
    assert here.said == ["person.answer"]


def test_a_list_that_lies_open_can_be_chosen_from_while_a_contact_of_yesterday_has_not_answered() -> None:
    here = told_ben()
    here.now_ms += DAY_MS - MINUTE_MS
    here.order("person")
    open_list = whom(here)
    here.now_ms += MINUTE_MS
    here.do(CALL_BEN)
    assert here.said == ["knock"]
    here.write({open_list.row: "contact:chen"})
    assert here.informed == [(CHEN, Called(ME))]
    here.order("open")
    assert here.said == ["person.silent"]


def test_once_it_is_chosen_no_older_list_is_left_that_a_stray_number_could_choose_from() -> None:
    here = told_ben()
    here.now_ms += DAY_MS - MINUTE_MS
    here.order("person")
    here.now_ms += MINUTE_MS
    here.do(CALL_BEN)
    here.order("open")
    choose(here, "nobody")
    assert not here.has("person", None)
    here.write()
    assert (here.informed, here.said) == ([], ["nothing_open"])


def test_asked_for_anew_what_had_not_left_does_not_come_after_it() -> None:
    here = a_day_later(told_ben())
    knock = whom(here).knock
    here.order("person")
    assert knock in here.withdrawn


def test_of_two_who_have_not_answered_one_question_is_asked() -> None:
    here = told_ben(calls=(Call(CHEN, NOON),))
    here.now_ms += DAY_MS
    here.do(CALL_CHEN)
    first = whom(here).knock
    here.do(CALL_BEN)
    assert first in here.withdrawn
    assert sum(p.ask == "person" for p in here.desk.prompts) == 1


def test_in_a_shared_room_it_is_taken_back_there_and_goes_on_one_to_one() -> None:
    here = OneDesk()
    here.order("person", room=True, addressed=True)
    back, answer = here.all_parcels
    assert (back.redacts_event, back.message.lines) == ("$e1", ())
    assert answer.to == Direct(ME)
    assert [line.key for line in answer.message.lines] == ["continue_here", "person.answer"]
    assert [line.key for line in whom(here).message.lines] == ["person.answer"]


def test_nobody_but_the_chosen_one_hears_anything_whoever_the_matter_is_about() -> None:
    here = OneDesk(not_from=(ANA,))
    here.contacts = (ANA, BEN, ME, CHEN)
    here.order("person")
    assert choices(here) == ["contact:ben", "contact:chen", "outside", "nobody"]
    heard = list(here.informed)
    for choice in ("outside", "nobody", "contact:ana"):
        here.order("person")
        choose(here, choice)
        heard += here.informed
        assert all(p.to == Direct(ME) for p in here.all_parcels)
    assert heard == []


# ── the contact ──────────────────────────────────────────────────────────────


def called(**desk: Any) -> OneDesk:
    here = OneDesk(**desk)
    here.do(Called(ANA))
    return here


def test_a_contact_hears_who_would_like_to_talk_and_nothing_else_at_any_hour() -> None:
    here = OneDesk()
    here.now_ms = NOON + 14 * HOUR_MS
    here.do(Called(ANA))
    (parcel,) = here.all_parcels
    assert parcel.message.lines == (Phrase("person.message_to_contact", slots={"who": Names((ANA,))}),)
    assert [o.id for o in parcel.message.options] == ["write"]
    assert (parcel.to, parcel.urgency, parcel.message.mention) == (Direct(ME), "safety", True)
    assert here.desk.called_by == (ANA,)


def test_a_contact_who_will_write_is_thanked_and_the_one_who_called_hears_it() -> None:
    here = called()
    here.write({here.prompt("call:ana", None).row: "write"})
    assert (here.informed, here.said) == ([(ANA, CallTaken(ME))], ["person.thanks"])
    assert here.desk.called_by == ()
    assert not here.has("call:ana", None)


def test_a_contact_who_answers_somebody_who_has_been_forgotten_since_hears_that_they_are_gone() -> None:
    here = called()
    here.facts["gone"] = (ANA,)
    here.write({here.prompt("call:ana", None).row: "write"})
    assert (here.informed, here.said) == ([], ["person.gone"])
    assert here.desk.called_by == ()
    assert not here.has("call:ana", None)


def test_a_thumb_is_enough() -> None:
    here = called()
    here.tap("👍", here.prompt("call:ana", None))
    assert here.informed == [(ANA, CallTaken(ME))]


def test_whom_a_contact_wants_nothing_from_or_who_has_stopped_hears_nothing() -> None:
    for here in (called(not_from=(ANA,)), called(consent="stopped", letter_ms=None)):
        assert (here.effects, here.desk.called_by) == ((), ())


def test_a_contact_never_written_to_is_greeted_first() -> None:
    here = called(greeted=False, consent="unknown")
    assert here.said == ["hello", "person.message_to_contact"]


def test_called_again_by_the_same_person_there_is_one_question_and_by_two_there_are_two() -> None:
    here = called()
    here.do(Called(ANA))
    here.do(Called(CHEN))
    assert [p.ask for p in here.desk.prompts] == ["call:ana", "call:chen"]
    assert here.desk.called_by == (ANA, CHEN)
    here.write({p.row: "write" for p in here.desk.prompts})
    assert (here.said, here.informed) == (["which_one"], [])
    here.write({here.prompt("call:ana", None).row: "write"}, to=here.prompt("call:ana", None))
    assert here.informed == [(ANA, CallTaken(ME))]


def test_what_a_contact_never_answered_is_cleared_away_when_somebody_calls_a_month_later() -> None:
    here = called()
    here.now_ms += 30 * DAY_MS
    here.do(Called(CHEN))
    assert [p.ask for p in here.desk.prompts] == ["call:chen"]


def test_a_call_stands_in_nobodys_way() -> None:
    here = called()
    here.do(asked(expects="words", message=asked().message))
    here.write()
    assert here.answer.text is not None


def test_a_contact_who_wants_nothing_more_from_them_is_not_asked_any_more() -> None:
    here = called()
    row = here.prompt("call:ana", None).row
    here.order("not from", people=(ANA,))
    assert row in here.withdrawn


def test_whoever_is_called_twice_may_answer_the_older_message_as_well() -> None:
    here = called()
    older = here.prompt("call:ana", None)
    here.do(Called(ANA))
    newer = here.prompt("call:ana", None)
    here.write({older.row: "write", newer.row: "write"}, to=older)
    assert (here.informed, here.said) == ([(ANA, CallTaken(ME))], ["person.thanks"])
    here.tap("👍", older)
    assert (here.informed, here.said) == ([], ["closed"])


# ── limits ───────────────────────────────────────────────────────────────────


def test_somebody_without_any_contacts_is_shown_help_from_outside_and_told_nothing_untrue() -> None:
    here = OneDesk()
    here.contacts = ()
    here.order("person")
    assert (here.said, choices(here)) == (["person.no_one"], ["outside", "nobody"])


def test_more_calls_than_a_desk_remembers_push_out_the_oldest() -> None:
    many = tuple(Call(PersonId(f"c{n}"), NOON) for n in range(50))
    here = told_ben(calls=many)
    assert len(here.desk.calls) == 50
    assert here.desk.calls[-1] == Call(BEN, NOON)
