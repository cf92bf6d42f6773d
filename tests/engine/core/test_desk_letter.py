"""The weekly letter, and what makes no sound until it comes (right 5)."""

from __future__ import annotations

import pytest

from engine.core.desk import Arrived, Asked, Gather, Prompt, Rang, Settled
from engine.core.desk_letter import USEFUL_MS
from engine.core.message import Count, When
from engine.core.parcel import Direct
from engine.core.schedule import Go, Standing, schedule
from engine.core.values import DAY_MS, HOUR_MS, WEEK_MS, InstanceId
from tests.engine.core.one_desk import I1, I2, I3, LETTER_MS, ME, NOON, OneDesk, asked, told


def letters(**desk: object) -> OneDesk:
    here = OneDesk(**desk)
    here.facts["news"] = True
    return here


def ring(here: OneDesk) -> OneDesk:
    here.now_ms = here.desk.letter_ms or here.now_ms + WEEK_MS
    here.do(Rang("letter"))
    return here


# ── when it comes ────────────────────────────────────────────────────────────


def test_whoever_says_yes_gets_one_from_the_next_monday_morning_on() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.order("help")
    assert here.alarms == {}
    here.write({here.prompt("hello", None).row: "yes"})
    assert here.alarms["letter"] == here.desk.letter_ms == LETTER_MS


@pytest.mark.parametrize("choice", ["no", "when_invited"])
def test_whoever_does_not_wish_to_be_written_to_at_any_time_gets_none(choice: str) -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.order("help")
    here.write({here.prompt("hello", None).row: choice})
    assert (here.desk.letter_ms, "letter" in here.alarms) == (None, False)


def test_a_desk_from_before_gets_one_with_the_next_thing_that_happens_there() -> None:
    here = OneDesk(letter_ms=None)
    here.tap("👍", None)
    assert here.effects == ()
    here.ask()
    assert here.alarms["letter"] == LETTER_MS


def test_it_makes_no_sound_is_useful_for_six_days_and_the_next_is_a_week_later() -> None:
    here = ring(letters())
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.urgency, parcel.to) == ("letter", "quiet", Direct(ME))
    assert (parcel.useful_until_ms, parcel.message.footer) == (LETTER_MS + USEFUL_MS, ())
    assert here.alarms == {"letter": LETTER_MS + WEEK_MS}


def test_without_news_there_is_none_and_the_next_is_thought_of_all_the_same() -> None:
    here = ring(OneDesk())
    assert (here.parcels, here.alarms) == ([], {"letter": LETTER_MS + WEEK_MS})
    assert here.desk.silent_letters == 0


def test_a_pause_over_it_leaves_it_out() -> None:
    here = letters()
    here.order("pause", until_ms=LETTER_MS + 1)
    ring(here)
    assert (here.parcels, here.alarms) == ([], {"letter": LETTER_MS + WEEK_MS})
    assert [p.message.view for p in ring(here).parcels] == ["letter"]


def test_a_moment_that_two_have_seen_brings_one_letter_and_leaves_the_next_as_it_was_set() -> None:
    here = letters()
    here.now_ms = LETTER_MS
    here.do(Rang("letter", LETTER_MS))
    sent = here.desk
    assert (len(here.parcels), sent.silent_letters, sent.letter_ms) == (1, 1, LETTER_MS + WEEK_MS)
    here.do(Rang("letter", LETTER_MS))
    assert (here.effects, here.last.ignored, here.desk) == ((), "set anew since", sent)


def test_stop_ends_it_and_start_brings_it_back() -> None:
    here = letters()
    here.order("stop")
    assert here.alarms["letter"] is None
    here.do(Rang("letter"))
    assert (here.effects, here.desk.letter_ms) == ((), None)
    here.order("start")
    assert here.alarms["letter"] == LETTER_MS


def test_stop_letter_ends_it_alone_and_start_letter_brings_it_back() -> None:
    here = letters()
    here.order("stop", workflow="letter")
    assert (here.said, here.alarms) == (["stop.letter_ok"], {"letter": None})
    assert here.desk.consent == "yes"
    here.do(Rang("letter"))
    assert here.parcels == []
    here.order("start", workflow="letter")
    assert (here.said, here.alarms) == (["start.letter_ok"], {"letter": LETTER_MS})
    assert here.parcels[0].message.lines[0].slots == {"until": When(LETTER_MS)}


@pytest.mark.parametrize("consent", ["stopped", "when_invited"])
def test_start_letter_alone_does_not_say_that_one_may_be_written_to_at_any_time(consent: str) -> None:
    here = letters(consent=consent, muted=("letter",))
    here.order("start", workflow="letter")
    assert (here.said, here.desk.muted, here.desk.letter_ms) == (["start.letter_waits"], (), None)
    assert here.desk.consent == consent


# ── its day ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("weekday", "days"), [(0, 7), (1, 1), (4, 4), (6, 6)])
def test_its_day_can_be_chosen_and_on_a_day_already_begun_it_is_the_next_week(
    weekday: int, days: int
) -> None:
    here = letters()
    here.order("letter", weekday=weekday)
    due_ms = NOON - 3 * HOUR_MS + days * DAY_MS
    assert (here.said, here.alarms) == (["letter.ok"], {"letter": due_ms})
    assert here.desk.letter_weekday == weekday
    assert here.parcels[0].message.lines[0].slots == {"until": When(due_ms)}


def test_whoever_gets_none_hears_so_when_they_choose_a_day() -> None:
    here = letters(muted=("letter",), letter_ms=None)
    here.order("letter", weekday=2)
    assert (here.said, here.desk.letter_weekday) == (["letter.none"], 2)
    here = letters(consent="when_invited")
    here.order("letter", weekday=2)
    assert here.said == ["start.letter_waits"]


def test_without_a_day_it_is_shown_at_once_with_when_it_comes() -> None:
    here = letters()
    here.order("letter")
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.urgency) == ("letter", "reply")
    assert [f.key for f in parcel.message.footer] == ["letter.day"]
    assert here.desk.silent_letters == 0
    here = letters(letter_ms=None)
    here.order("letter")
    assert here.parcels[0].message.footer[0].slots == {"until": When(LETTER_MS)}
    here = letters(consent="stopped")
    here.order("letter")
    assert [f.key for f in here.parcels[0].message.footer] == ["letter.none"]


# ── four silent ones ─────────────────────────────────────────────────────────


def test_the_fourth_silent_one_says_goodbye_and_no_more_come_until_they_write() -> None:
    here = letters()
    for _ in range(3):
        assert ring(here).parcels[0].message.footer == ()
    assert [f.key for f in ring(here).parcels[0].message.footer] == ["letter.goodbye"]
    for _ in range(3):
        assert ring(here).parcels == []
        assert here.last.ignored == "quiet until they write"
    here.order("help")
    assert here.desk.silent_letters == 0
    assert [p.message.view for p in ring(here).parcels] == ["letter"]


def test_any_word_or_tap_to_the_bot_or_coming_back_is_a_sign_of_life() -> None:
    here = letters(silent_letters=4)
    here.tap("❤️", None)
    assert here.desk.silent_letters == 0
    here = letters(silent_letters=4)
    here.do(Arrived())
    assert here.desk.silent_letters == 0


def test_talk_in_a_shared_room_is_nothing_the_bot_goes_by() -> None:
    here = letters(silent_letters=4)
    here.write(room=True)
    assert (here.desk.silent_letters, here.effects) == (4, ())


# ── after three unanswered questions: the letter only ────────────────────────


def let_go_by(here: OneDesk, n: int, **more: object) -> None:
    for k in range(n):
        prompt = here.ask(instance=InstanceId(f"{here.now_ms}{k}"), closes_ms=here.now_ms + DAY_MS, **more)
        here.now_ms = prompt.closes_ms
        here.do(Settled(prompt.instance or I1, prompt.ask, prompt.round))


def newest(here: OneDesk) -> tuple[Prompt, Asked]:
    question = asked(instance=InstanceId("new"), closes_ms=here.now_ms + 7 * DAY_MS)
    here.do(question)
    return here.prompt("rsvp", InstanceId("new")), question


def test_after_three_unanswered_questions_the_next_makes_no_sound_and_has_no_reminder() -> None:
    here = OneDesk()
    let_go_by(here, 3)
    prompt, question = newest(here)
    (parcel,) = here.parcels
    assert (parcel.urgency, parcel.message.mention, prompt.rings_ms) == ("quiet", False, None)
    assert parcel.message.lines == question.message.lines
    assert f"remind:{prompt.row}" not in here.alarms
    standing = Standing("yes", here.rhythm, present=True, timely_sent_ms=(here.now_ms,))
    assert schedule(parcel, standing, here.now_ms) == Go()
    here.write({prompt.row: "yes"})
    assert here.answer.choice == "yes"


def test_a_private_one_knocks_without_a_sound_then() -> None:
    here = OneDesk()
    let_go_by(here, 3)
    here.ask(instance=InstanceId("new"), sensitive=True, closes_ms=here.now_ms + DAY_MS)
    assert ([p.urgency for p in here.parcels], here.said) == (["quiet"], ["knock"])


def test_a_word_from_them_and_questions_come_as_before() -> None:
    here = OneDesk()
    let_go_by(here, 3)
    here.order("help")
    newest(here)
    assert [p.urgency for p in here.parcels] == ["timely"]


def test_two_are_not_three() -> None:
    here = OneDesk()
    let_go_by(here, 2)
    newest(here)
    assert [p.urgency for p in here.parcels] == ["timely"]


def test_what_they_never_saw_began_themselves_paused_over_or_was_called_off_does_not_count() -> None:
    here = OneDesk()
    let_go_by(here, 3, starter=ME)
    let_go_by(here, 3, deliver=False)
    for k in range(3):
        prompt = here.ask(instance=InstanceId(f"off{k}"))
        here.do(Settled(prompt.instance or I1, "rsvp", 1))
    here.order("pause", until_ms=here.now_ms + 30 * DAY_MS)
    let_go_by(here, 3)
    assert here.desk.unanswered == 0


def test_a_change_to_what_they_said_yes_to_is_heard_all_the_same() -> None:
    here = OneDesk(unanswered=3)
    here.do(asked(urgency="change"))
    assert [p.urgency for p in here.parcels] == ["change"]
    here.do(told(urgency="timely"))
    assert [p.urgency for p in here.parcels] == ["timely"]


# ── what comes with it ───────────────────────────────────────────────────────


def gathered(here: OneDesk) -> list[Gather]:
    return [effect for effect in here.effects if isinstance(effect, Gather)]


def footer(here: OneDesk) -> dict[str, object]:
    return {phrase.key: phrase.slots.get("n") for phrase in here.parcels[0].message.footer}


def test_what_has_waited_for_the_budget_comes_with_it_and_the_letter_says_how_much() -> None:
    here = letters()
    for instance in (I1, I2, I3):
        here.ask(instance=instance, closes_ms=NOON + 20 * DAY_MS, deliver=False)
    ring(here)
    assert gathered(here) == [Gather(0)]
    assert footer(here) == {"weekly.with_it": Count(3)}
    assert here.parcels[0].message.view == "letter"


def test_one_that_the_budget_has_room_for_comes_as_it_would_have() -> None:
    here = letters()
    here.facts["has_budget"] = True
    here.ask(closes_ms=NOON + 20 * DAY_MS, deliver=False)
    ring(here)
    assert (gathered(here), footer(here)) == ([], {})
    here.ask(instance=I2, closes_ms=NOON + 20 * DAY_MS, deliver=False)
    ring(here)
    assert (gathered(here), footer(here)) == ([Gather(1)], {"weekly.with_it": Count(1)})


def test_with_no_other_news_it_says_nothing_but_that_they_come() -> None:
    here = OneDesk()
    here.ask(closes_ms=NOON + 20 * DAY_MS, deliver=False)
    ring(here)
    assert (here.said, here.parcels[0].message.view) == (["weekly.head"], None)
    assert footer(here) == {"weekly.with_it": Count(1)}


def test_what_is_in_the_room_answered_or_over_does_not_come_again() -> None:
    here = letters()
    here.ask(instance=I1, closes_ms=NOON + 20 * DAY_MS)
    here.ask(instance=I2, closes_ms=NOON + DAY_MS, deliver=False)
    here.ask("private", instance=I3, closes_ms=NOON + 20 * DAY_MS, sensitive=True)
    ring(here)
    assert (gathered(here), footer(here)) == ([], {})


def test_a_goodbye_stands_behind_it() -> None:
    here = letters(silent_letters=3)
    here.ask(closes_ms=NOON + 20 * DAY_MS, deliver=False)
    ring(here)
    assert list(footer(here)) == ["weekly.with_it", "letter.goodbye"]
