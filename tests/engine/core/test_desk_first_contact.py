"""First contact: who the bot is, whether it may write, and what that answer releases or keeps away."""

from __future__ import annotations

import pytest

from engine.core.desk import Arrived, Refused, Release
from engine.core.parcel import Target
from engine.core.schedule import Drop, Go, Standing, Wait, schedule
from engine.core.values import HOUR_MS, InstanceId, RowId
from tests.engine.core.one_desk import I1, ME, NOON, OneDesk, asked, board, choices_of, told


def stranger() -> OneDesk:
    return OneDesk(consent="unknown", greeted=False)


def leaves(here: OneDesk, *, present: bool = True) -> list[str]:
    """Which of the last event's parcels might leave now."""
    mine = Standing(here.desk.consent, here.rhythm, present)
    return [p.row for p in here.parcels if schedule(p, mine, here.now_ms) == Go()]


def test_before_anything_else_a_stranger_is_told_who_writes_and_is_asked() -> None:
    here = stranger()
    here.do(asked())
    assert here.said == ["hello", "rsvp.say"]
    hello, question = here.parcels
    assert (hello.urgency, question.urgency) == ("hello", "timely")
    assert leaves(here) == [hello.row]
    assert [p.emoji for p in here.all_parcels if p.reacts == hello.row] == ["👋", "✉️", "✖️"]


@pytest.mark.parametrize("event", [asked(), told(), board()], ids=["asked", "told", "boarded"])
def test_the_greeting_comes_once_ever(event: object) -> None:
    here = stranger()
    here.do(event)  # type: ignore[arg-type]
    assert here.said[0] == "hello"
    for again in (asked("again"), told(), board("again")):
        here.do(again)
        assert "hello" not in here.said
    here.write()
    assert "hello" not in here.said


def test_whoever_speaks_first_is_greeted_with_the_reply() -> None:
    here = stranger()
    here.write()
    assert here.said == ["hello", "nothing_open"]


def test_a_greeting_that_waits_for_the_morning_does_not_wait_for_whoever_speaks_at_night() -> None:
    here = stranger()
    here.now_ms = NOON + 11 * HOUR_MS
    here.do(asked(), deliver=False)
    waiting = here.prompt("hello", None)
    here.write()
    assert here.said == ["hello", "nothing_open"]
    assert waiting.row in here.withdrawn
    assert here.parcels[0].urgency == "reply"


@pytest.mark.parametrize(
    ("choice", "consent"), [("yes", "yes"), ("when_invited", "when_invited"), ("no", "stopped")]
)
def test_the_answer_is_kept_and_shown_by_an_edit_and_what_waits_is_looked_at_again(
    choice: str, consent: str
) -> None:
    here = stranger()
    here.do(asked())
    hello = here.prompt("hello", None)
    here.tap(dict(hello.choices)[choice], hello)
    assert here.desk.consent == consent
    (shown,) = here.parcels
    assert (shown.edits, shown.message.footer[0].key) == (hello.row, f"hello.thanks_{choice}")
    assert Release() in here.effects


def test_what_waits_for_a_stranger_leaves_with_yes_and_never_with_no() -> None:
    here = stranger()
    here.do(asked())
    question = here.parcels[1]
    mine = Standing("unknown", here.rhythm, present=True)
    assert isinstance(schedule(question, mine, NOON), Wait)
    for choice, verdict in (("👋", Go()), ("✖️", Drop("asked not to be written to"))):
        other = OneDesk()
        other.desk = here.desk
        other.tap(choice, other.prompt("hello", None))
        mine = Standing(other.desk.consent, other.rhythm, present=True)
        assert schedule(question, mine, NOON) == verdict


def test_only_when_invited_lets_what_is_meant_for_them_through_and_nothing_for_everybody() -> None:
    here = OneDesk(consent="when_invited")
    here.do(asked("named", personal=True))
    assert here.said == ["named.say"]
    here.do(asked("circle", personal=False))
    assert here.effects == ()
    assert here.last.ignored == "only when someone invites them"


def test_a_question_for_everybody_held_since_before_does_not_get_through_either() -> None:
    here = stranger()
    here.do(asked(personal=False))
    question = here.parcels[1]
    here.tap("✉️", here.prompt("hello", None))
    mine = Standing(here.desk.consent, here.rhythm, present=True)
    assert isinstance(schedule(question, mine, NOON), Drop)


def test_the_answer_can_be_changed_at_any_time() -> None:
    here = stranger()
    here.write()
    hello = here.prompt("hello", None)
    for emoji, consent in (("👋", "yes"), ("✖️", "stopped"), ("✉️", "when_invited")):
        here.tap(emoji, hello)
        assert here.desk.consent == consent
    assert choices_of(here.prompt("hello", None).sources) == ["when_invited"]


def test_the_greeting_can_be_answered_in_words_or_by_number() -> None:
    here = stranger()
    here.write()
    here.write({here.prompt("hello", None).row: "yes"})
    assert here.desk.consent == "yes"


def test_words_that_are_no_answer_to_the_greeting_are_asked_for_kindly() -> None:
    here = stranger()
    here.write()
    here.write()
    assert here.said == ["need_choice"]
    here.write({here.prompt("hello", None).row: "a choice of some later version"})
    assert here.said == ["need_choice"]
    assert here.desk.consent == "unknown"


def test_a_stray_no_after_the_greeting_was_answered_does_not_silence_the_bot() -> None:
    here = stranger()
    here.write()
    hello = here.prompt("hello", None)
    here.tap("👋", hello)
    here.write({hello.row: "no"})
    assert here.desk.consent == "yes"
    assert here.said == ["nothing_open"]
    here.write({hello.row: "no"}, to=hello)
    assert here.desk.consent == "stopped"


def test_taking_back_the_tap_on_the_greeting_changes_nothing_by_itself() -> None:
    here = stranger()
    here.write()
    tap = here.tap("👋", here.prompt("hello", None))
    here.remove(tap)
    here.edit(tap)
    assert here.effects == ()
    assert here.desk.consent == "yes"


def test_a_refused_room_is_a_stop_and_nothing_more_is_put() -> None:
    here = stranger()
    here.do(asked())
    here.do(Refused())
    assert here.desk.consent == "stopped"
    for event in (asked("again"), told(), board()):
        here.do(event)
        assert here.effects == ()


def test_somebody_who_refused_before_being_greeted_is_not_greeted_by_what_others_do() -> None:
    here = stranger()
    here.do(Refused())
    for event in (asked(), told(), board()):
        here.do(event)
        assert here.effects == ()
    assert not here.desk.greeted


def test_arriving_lets_everything_that_waited_be_looked_at() -> None:
    here = stranger()
    here.do(Arrived())
    assert here.effects == (Release(),)


def test_stop_before_the_greeting_has_arrived_takes_the_greeting_back() -> None:
    here = stranger()
    here.do(asked(), deliver=False)
    hello = here.prompt("hello", None)
    here.order("stop", room=True, addressed=True)
    assert hello.row in here.withdrawn
    assert not here.has("hello", None)
    assert here.said == ["stop.ok"]


def test_stop_after_the_greeting_leaves_it_to_be_answered_one_day() -> None:
    here = stranger()
    here.write()
    here.order("stop")
    here.tap("👋", here.prompt("hello", None))
    assert here.desk.consent == "yes"


def test_the_greeting_stands_in_the_way_of_no_other_question() -> None:
    here = stranger()
    here.do(asked(urgency="reply"))
    hello, question = here.prompt("hello", None), here.prompt("rsvp")
    both = {hello.row: "no", question.row: "no"}
    here.write(both)
    assert (here.answer.ask, here.answer.choice) == ("rsvp", "no")
    here.write({hello.row: "yes", question.row: "yes"})  # a change of mind about the question
    assert (here.answer.ask, here.answer.choice) == ("rsvp", "yes")
    assert here.desk.consent == "unknown"


def test_a_tap_on_a_greeting_that_is_not_on_the_desk_any_more_is_answered_kindly() -> None:
    here = OneDesk()
    here.tap("👋", Target(RowId(f"{ME}:1:1"), None, "hello", 1, (("yes", "👋"),)))
    assert here.said == ["closed"]


def test_who_begins_something_is_greeted_and_hears_of_what_they_began() -> None:
    here = stranger()
    here.order("invite", room=True, addressed=True)
    assert here.said == ["hello"]
    assert here.desk.consent == "when_invited"
    mine = Standing(here.desk.consent, here.rhythm, present=True)
    here.do(asked("detail:when", InstanceId("f" * 32), urgency="reply", starter=ME))
    assert schedule(here.parcels[0], mine, NOON) == Go()


def test_what_waited_for_a_stranger_leaves_when_they_begin_something_themselves() -> None:
    here = stranger()
    here.do(asked())
    assert leaves(here) == [here.prompt("hello", None).row]
    here.order("invite")
    assert here.desk.consent == "when_invited"
    assert Release() in here.effects


def test_rows_are_never_used_twice() -> None:
    here = stranger()
    rows: list[str] = []
    for event in (asked(), told(), board(), Arrived(), asked("again", I1)):
        here.do(event)
        rows += [p.row for p in here.all_parcels]
    here.order("person")
    rows += [p.row for p in here.all_parcels]
    assert len(rows) == len(set(rows))
