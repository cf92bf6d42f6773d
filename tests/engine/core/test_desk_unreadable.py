"""What cannot be read is said once and kindly; a changed identity keeps private things back until it is accepted."""

from __future__ import annotations

import pytest

from engine.core.desk import Arrived, Estranged, Readable, Recognized, Release, Unreadable
from engine.core.desk_reading import IT_IS_ME, KEY_COMES_LATE_MS, MOST_A_DAY, MOST_UNREAD
from engine.core.desk_table import HELLO
from engine.core.parcel import WHOEVER
from engine.core.values import DAY_MS, HOUR_MS
from tests.engine.core.one_desk import NOON, OneDesk, asked, told

# ── messages that cannot be read ─────────────────────────────────────────────


@pytest.mark.parametrize("cause", ["no_key", "unverified", "blocked", "damaged"])
def test_the_likely_cause_is_named(cause: str) -> None:
    desk = OneDesk()
    desk.do(Unreadable("s1", cause))  # type: ignore[arg-type]
    assert desk.said == [f"unread.{cause}"]
    assert desk.parcels[0].urgency == "reply"


def test_a_session_is_spoken_of_once() -> None:
    desk = OneDesk()
    desk.do(Unreadable("s1", "no_key"))
    desk.do(Unreadable("s1", "no_key"))
    assert desk.last.ignored == "told already"
    desk.do(Unreadable("s2", "no_key"))
    assert desk.said == ["unread.no_key"]


def test_a_key_that_is_a_little_late_leaves_no_trace() -> None:
    desk = OneDesk()
    desk.do(Unreadable("s1", "no_key"))
    (reply,) = desk.parcels
    assert reply.not_before_ms == NOON + KEY_COMES_LATE_MS
    desk.now_ms += KEY_COMES_LATE_MS - 1
    desk.do(Readable("s1"))
    assert desk.withdrawn == {reply.row}
    assert desk.parcels == []
    assert desk.desk.unread == ()


def test_a_key_that_comes_later_is_told_where_it_was_missed() -> None:
    desk = OneDesk()
    desk.do(Unreadable("s1", "no_key"))
    (reply,) = desk.parcels
    desk.do(Unreadable("s2", "no_key"))
    desk.now_ms += HOUR_MS
    desk.do(Readable("s1"))
    assert desk.said == ["unread.read"]
    assert desk.parcels[0].edits == reply.row
    assert [each.session for each in desk.desk.unread] == ["s2"]


def test_a_key_nobody_was_told_of_is_nothing() -> None:
    desk = OneDesk()
    desk.do(Readable("s1"))
    assert desk.last.ignored == "nobody was told"


def test_an_app_that_loses_every_key_is_not_answered_for_each_of_them() -> None:
    desk = OneDesk()
    for n in range(MOST_A_DAY):
        desk.do(Unreadable(f"s{n}", "no_key"))
        assert desk.said == ["unread.no_key"]
    desk.do(Unreadable("one more", "no_key"))
    assert desk.last.ignored == "told often enough today"
    for day in range(1, MOST_UNREAD):
        desk.now_ms = NOON + day * DAY_MS
        desk.do(Unreadable(f"day {day}", "no_key"))
        assert desk.said == ["unread.no_key"]
    assert len(desk.desk.unread) == MOST_UNREAD


def test_whoever_writes_first_is_greeted_even_if_it_cannot_be_read() -> None:
    desk = OneDesk(greeted=False, consent="unknown", letter_ms=None)
    desk.do(Unreadable("s1", "no_key"))
    assert desk.said == ["hello", "unread.no_key"]
    assert [p.urgency for p in desk.parcels] == ["reply", "reply"]


# ── who reads ────────────────────────────────────────────────────────────────


def test_a_changed_identity_is_told_at_once_and_nothing_private_with_it() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    (notice,) = desk.parcels
    assert desk.said == ["identity.changed"]
    assert (notice.urgency, notice.for_anyone, notice.recognizes) == ("reply", True, None)


def test_it_is_me_accepts_the_identity_that_was_spoken_of() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    desk.order(IT_IS_ME)
    (thanks,) = desk.parcels
    assert desk.said == ["identity.thanks"]
    assert (thanks.for_anyone, thanks.recognizes) == (True, "new")
    desk.do(Recognized())
    assert desk.effects == (Release(),)
    assert desk.desk.identity == ""


def test_it_is_me_without_encryption_accepts_nothing_and_says_so() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    desk.order(IT_IS_ME, in_clear=True)
    (line,) = desk.parcels
    assert desk.said == ["identity.in_clear"]
    assert (line.for_anyone, line.recognizes) == (True, None)
    assert desk.desk.identity == "new"


def test_an_identity_that_changes_again_and_again_is_told_once_a_day() -> None:
    desk = OneDesk()
    desk.do(Estranged("one"))
    assert desk.said == ["identity.changed"]
    for n in range(5):
        desk.now_ms += HOUR_MS
        desk.do(Estranged(f"flip {n}"))
        assert desk.parcels == []
    assert desk.desk.identity == "flip 4"
    desk.now_ms += DAY_MS
    desk.do(Estranged("next day"))
    assert desk.said == ["identity.changed"]


def test_it_is_me_answers_a_question_unless_somebody_asked_who_it_is() -> None:
    desk = OneDesk()
    prompt = desk.ask(expects="words")
    desk.order(IT_IS_ME, to=prompt)
    assert desk.answer.ask == "rsvp"
    desk.order(IT_IS_ME, room=True, addressed=True)
    assert desk.said == ["identity.known"]


def test_while_private_things_wait_it_is_said_once_a_day() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    desk.do(asked(urgency="timely"))
    assert desk.said == ["rsvp.say"]
    desk.now_ms += DAY_MS
    desk.do(told())
    assert desk.said == ["gone", "identity.changed"]
    assert desk.parcels[1].urgency == "hello"
    desk.now_ms += HOUR_MS
    desk.order("help")
    assert desk.said == ["help"]
    desk.now_ms += DAY_MS
    desk.order("help")
    assert desk.said == ["help", "identity.changed"]
    assert desk.parcels[1].urgency == "reply"


def test_whoever_said_stop_is_told_only_when_they_write() -> None:
    desk = OneDesk(consent="stopped", letter_ms=None)
    desk.do(Estranged("new"))
    assert desk.parcels == []
    desk.do(told(urgency="safety"))
    assert "identity.changed" not in desk.said
    desk.order("help")
    assert "identity.changed" in desk.said


def test_the_first_word_goes_to_the_identity_they_have_then() -> None:
    desk = OneDesk(greeted=False, consent="unknown", letter_ms=None)
    desk.do(Estranged("new"))
    assert desk.parcels == []
    desk.order("help")
    hello, view = desk.parcels
    assert hello.target is not None
    assert (hello.target.ask, hello.for_anyone, hello.recognizes) == (HELLO, True, WHOEVER)
    assert (view.message.view, view.for_anyone) == ("help", False)


def test_a_question_that_is_called_hello_is_no_hello() -> None:
    desk = OneDesk(identity="new", identity_told_ms=NOON)
    desk.ask(HELLO)
    assert [(p.for_anyone, p.recognizes) for p in desk.parcels] == [(False, None)]


def test_nothing_is_said_where_nothing_waits() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    desk.now_ms += 2 * DAY_MS
    desk.do(Arrived())
    assert desk.parcels == []
