"""What instances want of a person: what is put to them, what is kept up to date, what is kept away."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.decide_desk import MOST_BOARDS
from engine.core.desk import Confirmed, Empowered, Rang, Rhythm, Settled
from engine.core.desk_table import MOST_LETTERS
from engine.core.message import Phrase, When
from engine.core.schedule import LEAST_LEFT_MS
from engine.core.values import DAY_MS, HOUR_MS, PersonId, RowId
from tests.engine.core.one_desk import ANA, BEN, I1, I2, NOON, OneDesk, asked, board, told

# ── questions ────────────────────────────────────────────────────────────────


def test_a_question_is_put_with_its_choices_and_remembered() -> None:
    here = OneDesk()
    question = here.ask(personal=False, optional=True, question_to=True, words=True)
    (put,) = here.parcels
    assert (put.row, put.urgency, put.useful_until_ms) == (question.row, "timely", NOON + 7 * DAY_MS)
    assert (put.about, put.personal) == (I1, False)
    assert put.target is not None
    assert (put.target.row, put.target.choices) == (question.row, (("yes", "✅"), ("no", "✖️")))
    reactions = [p for p in here.all_parcels if p.reacts == question.row]
    assert [p.emoji for p in reactions] == ["✅", "✖️"]
    assert {(p.useful_until_ms, p.personal) for p in reactions} == {(NOON + 7 * DAY_MS, False)}
    assert (question.optional, question.question_to, question.words) == (True, True, True)


def test_a_settled_question_is_taken_off_and_does_not_leave_any_more() -> None:
    here = OneDesk()
    question = here.ask(deliver=False)
    here.do(Settled(I1, "rsvp", 1))
    assert here.withdrawn == {question.row}
    assert here.alarms == {f"remind:{question.row}": None, f"later:{question.row}": None}
    assert here.desk.prompts == ()


@pytest.mark.parametrize("event", [Settled(I2, "rsvp", 1), Settled(I1, "other", 1), Settled(I1, "rsvp", 2)])
def test_only_the_very_question_is_settled(event: Settled) -> None:
    here = OneDesk()
    here.ask()
    here.do(event)
    assert (here.effects, here.last.ignored) == ((), "nothing lay here of that")
    here.do(Confirmed(event.instance, event.ask, event.round, Phrase("ack")))
    assert (here.effects, here.last.ignored) == ((), "nothing lay here of that")


def test_an_answer_is_acknowledged_by_one_edit_that_makes_no_sound() -> None:
    here = OneDesk()
    question = here.ask()
    here.do(Confirmed(I1, "rsvp", 1, Phrase("ack.choice")))
    (edit,) = here.parcels
    assert (edit.edits, edit.urgency) == (question.row, "reply")
    assert edit.message.lines == question.message.lines
    assert edit.message.footer == (Phrase("ack.choice"),)
    assert not edit.message.mention


def test_from_a_workflow_one_does_not_want_nothing_is_asked() -> None:
    here = OneDesk(muted=("invitation",))
    here.do(asked())
    assert (here.effects, here.last.ignored) == ((), "not from this workflow")
    here.do(asked(workflow="role"))
    assert here.parcels


# ── reminders ────────────────────────────────────────────────────────────────


def ring(here: OneDesk, alarm: str, at_ms: int) -> None:
    here.now_ms = at_ms
    here.do(Rang(alarm))


def test_a_question_has_one_reminder_a_day_before_it_closes() -> None:
    here = OneDesk()
    question = here.ask()
    alarm = f"remind:{question.row}"
    assert here.alarms == {alarm: NOON + 6 * DAY_MS}
    ring(here, alarm, NOON + 6 * DAY_MS)
    (reminder,) = here.parcels
    assert (reminder.urgency, reminder.replies) == ("timely", question.row)
    assert reminder.message.lines == (Phrase("reminder", slots={"until": When(NOON + 7 * DAY_MS)}),)
    assert reminder.useful_until_ms == NOON + 7 * DAY_MS - LEAST_LEFT_MS
    ring(here, alarm, NOON + 6 * DAY_MS)
    assert (here.effects, here.last.ignored) == ((), "reminded already")


def test_a_tap_on_the_reminder_or_a_reply_to_it_answers_the_question() -> None:
    here = OneDesk()
    question = here.ask()
    ring(here, f"remind:{question.row}", NOON + 6 * DAY_MS)
    here.tap("✅", here.parcels[0].target)
    assert here.answer.choice == "yes"


def test_a_question_in_a_conversation_has_no_reminder() -> None:
    here = OneDesk()
    here.ask(reminds=False)
    assert here.alarms == {}


def test_a_question_too_short_for_a_reminder_has_none() -> None:
    here = OneDesk()
    here.ask(closes_ms=NOON + 5 * HOUR_MS)
    assert here.alarms == {}


def test_the_reminder_keeps_the_persons_own_night() -> None:
    here = OneDesk(rhythm=Rhythm("Asia/Kathmandu"))
    question = here.ask(closes_ms=NOON + 5 * DAY_MS + 4 * HOUR_MS)  # a day before: 21:45 there
    assert here.alarms == {f"remind:{question.row}": NOON + 4 * DAY_MS + 2 * HOUR_MS + HOUR_MS // 4}


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("answered", "answered or over"),
        ("settled", "answered or over"),
        ("undelivered", "not in the room yet"),
        ("late", "too late for a reminder"),
        ("put off", "put off until another day"),
    ],
)
def test_a_reminder_that_is_not_wanted_any_more_stays_away(case: str, why: str) -> None:
    here = OneDesk()
    question = here.ask(deliver=case != "undelivered")
    if case == "answered":
        here.tap("✅", question)
    elif case == "settled":
        here.do(Settled(I1, "rsvp", 1))
    elif case == "put off":
        here.order("later")
    late = question.closes_ms - LEAST_LEFT_MS + 1 if case == "late" else NOON + 6 * DAY_MS
    ring(here, f"remind:{question.row}", late)
    assert (here.effects, here.last.ignored) == ((), why)


def test_later_takes_the_reminders_place_even_if_that_has_come_already() -> None:
    here = OneDesk()
    question = here.ask()
    ring(here, f"remind:{question.row}", NOON + 5 * DAY_MS)
    reminder = here.parcels[0].row
    here.order("later")
    assert here.withdrawn == {reminder}
    ring(here, f"later:{question.row}", NOON + 6 * DAY_MS)
    assert here.said == ["reminder"]
    ring(here, f"later:{question.row}", NOON + 6 * DAY_MS)
    assert here.effects == ()


@pytest.mark.parametrize("way", ["answered", "settled"])
def test_a_reminder_still_lying_in_the_outbox_goes_with_its_question(way: str) -> None:
    here = OneDesk()
    question = here.ask()
    ring(here, f"remind:{question.row}", NOON + 6 * DAY_MS)
    reminder = here.parcels[0].row
    if way == "answered":
        here.tap("✅", question)
    else:
        here.do(Settled(I1, "rsvp", 1))
    assert reminder in here.withdrawn


def test_an_alarm_of_nothing_is_noted() -> None:
    here = OneDesk()
    here.do(Rang("remind:gone"))
    assert (here.effects, here.last.ignored) == ((), "answered or over")


# ── telling and keeping up to date ───────────────────────────────────────────


def test_what_is_told_travels_as_it_was_meant() -> None:
    here = OneDesk()
    here.do(told(urgency="change", useful_until_ms=NOON + 5))
    (put,) = here.parcels
    assert (put.urgency, put.useful_until_ms, put.about) == ("change", NOON + 5, I1)


def test_a_board_is_sent_once_and_edited_from_then_on() -> None:
    here = OneDesk()
    here.do(board())
    (first,) = here.parcels
    for _ in range(2):
        here.do(board())
        assert [(p.edits, p.urgency) for p in here.parcels] == [(first.row, "quiet")]
    here.do(board("other"))
    assert here.parcels[0].edits is None
    here.do(board(instance=I2))
    assert here.parcels[0].edits is None


def test_a_board_stays_the_same_message_while_its_reader_has_no_words_to_command() -> None:
    here = OneDesk()
    here.do(board())
    row = here.parcels[0].row
    here.do(Empowered(I1, ("cancel",), Phrase("called")))
    here.do(Empowered(I1, (), Phrase("called")))
    here.do(board())
    assert here.parcels[0].edits == row


def test_of_too_many_boards_the_oldest_begins_anew() -> None:
    here = OneDesk()
    for n in range(MOST_BOARDS + 1):
        here.do(board(f"b{n}"))
    assert len(here.desk.boards) == MOST_BOARDS
    here.do(board(f"b{MOST_BOARDS}"))
    assert here.parcels[0].edits is not None
    here.do(board("b0"))
    assert here.parcels[0].edits is None


def test_what_was_told_is_remembered_only_while_it_may_still_lie_in_the_outbox() -> None:
    here = OneDesk()
    here.do(told(useful_until_ms=NOON + DAY_MS))
    here.do(told(urgency="reply"))
    assert len(here.desk.letters) == 1
    here.now_ms += 2 * DAY_MS
    for _ in range(MOST_LETTERS + 3):
        here.do(told(starter=BEN))
    assert {letter.starter for letter in here.desk.letters} == {BEN}
    assert len(here.desk.letters) == MOST_LETTERS


# ── what is kept away makes no ripple ────────────────────────────────────────

KEPT_AWAY: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"not_from": (ANA,)}, {}),
    ({"consent": "stopped"}, {}),
    ({"consent": "when_invited"}, {"personal": False}),
    ({"muted": ("invitation",)}, {}),
]


@pytest.mark.parametrize(("state", "more"), KEPT_AWAY, ids=["not from", "stopped", "when invited", "muted"])
@pytest.mark.parametrize("greeted", [True, False])
def test_what_is_kept_away_changes_nothing_at_all(
    state: dict[str, Any], more: dict[str, Any], greeted: bool
) -> None:
    here = OneDesk(greeted=greeted, **state)
    before = here.desk
    decision = here.do(asked(**more))
    assert decision.desk is before
    assert decision.effects == ()


def test_no_effect_of_any_kept_away_want_names_anybody_else() -> None:
    here = OneDesk(not_from=(ANA,))
    for event in (asked(), told(), board(), Settled(I1, "rsvp", 1), Confirmed(I1, "rsvp", 1, Phrase("a"))):
        here.do(event)
        assert here.effects == ()


def test_an_answer_to_what_one_just_said_comes_even_from_there() -> None:
    here = OneDesk(not_from=(ANA,), consent="stopped")
    here.do(told("closed", urgency="reply"))
    assert here.said == ["closed"]


def test_a_board_from_someone_unnamed_is_nobodys() -> None:
    here = OneDesk(not_from=(ANA,))
    here.do(board(starter=PersonId("")))
    assert here.parcels[0].row == RowId("me:1:1")
