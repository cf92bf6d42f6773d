"""Time zone and quiet hours by one's own word, and reminders that keep their distance, also after days away."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from engine.core.desk import Alarm, Command, Desk, OwnRhythm, Rang, Release, Rhythm
from engine.core.desk_usual import rhythm_of, sorted_out
from engine.core.message import Plain, When
from engine.core.schedule import (
    LEAST_LEFT_MS,
    REMINDED_APART_MS,
    Drop,
    Go,
    Standing,
    Wait,
    calm_moment,
    next_letter,
    schedule,
    without_a_sound,
)
from engine.core.values import DAY_MS, HOUR_MS, InstanceId, Ms
from tests.engine.core.one_desk import I1, I2, I3, LETTER_MS, NOON, OneDesk

BERLIN = {"zone": "Europe/Berlin", "place": "Berlin"}
ELEVEN_AT_NIGHT = NOON + 11 * HOUR_MS


VIENNA = Rhythm("Europe/Vienna", 22, 7)
MADRID = Rhythm("Europe/Madrid", 23, 10)


def said_with(here: OneDesk) -> dict[str, object]:
    """The first line of what was said, its gaps filled."""
    return dict(here.parcels[0].message.lines[0].slots)


# ── as in the circle, and what somebody has chosen ───────────────────────────


def test_whoever_has_chosen_nothing_goes_by_their_circle_as_it_is_at_each_use() -> None:
    here = OneDesk(letter_ms=None)
    for usual in (VIENNA, MADRID):
        here.facts["usual"] = usual
        assert here.rhythm == usual
        here.order("letter", weekday=2)
        assert here.desk.letter_ms == next_letter(usual, 2, NOON)


def test_what_was_chosen_stays_while_the_rest_follows_the_circle() -> None:
    here = OneDesk()
    here.facts["usual"] = VIENNA
    here.order("time zone", zone="Asia/Kathmandu", place="Kathmandu")
    here.facts["usual"] = MADRID
    assert here.rhythm == Rhythm("Asia/Kathmandu", 23, 10)
    here.order("quiet hours", hours=(20, 6))
    here.facts["usual"] = VIENNA
    assert here.rhythm == Rhythm("Asia/Kathmandu", 20, 6)


def test_choosing_what_the_circle_has_is_a_choice_as_well() -> None:
    here = OneDesk()
    here.facts["usual"] = VIENNA
    here.order("time zone", zone=VIENNA.time_zone, place="Vienna")
    here.order("quiet hours", hours=(22, 7))
    here.facts["usual"] = MADRID
    assert here.rhythm == VIENNA


def test_a_pause_leaves_the_rest_to_the_circle() -> None:
    here = OneDesk()
    here.facts["usual"] = VIENNA
    here.order("pause", until_ms=NOON + DAY_MS)
    assert here.desk.own_rhythm == OwnRhythm(paused_until_ms=NOON + DAY_MS)
    here.order("start")
    assert here.desk.own_rhythm == OwnRhythm()


def test_of_a_desk_from_before_what_is_as_in_the_circle_follows_it_and_the_rest_was_chosen() -> None:
    kept = b'{"person":"me","consent":"yes","greeted":true,"rhythm":{"time_zone":"Asia/Kathmandu",'
    kept += b'"quiet_from_hour":22,"quiet_to_hour":7,"paused_until_ms":5}}'
    desk = msgspec.json.decode(kept, type=Desk)
    assert rhythm_of(desk, VIENNA) == Rhythm("Asia/Kathmandu", 22, 7, 5)
    sorted_desk = sorted_out(desk, VIENNA)
    assert (sorted_desk.rhythm, sorted_desk.own_rhythm) == (None, OwnRhythm("Asia/Kathmandu", None, 5))
    assert rhythm_of(sorted_desk, MADRID) == Rhythm("Asia/Kathmandu", 23, 10, 5)
    assert sorted_out(sorted_desk, MADRID) is sorted_desk
    assert sorted_out(replace(desk, rhythm=VIENNA), MADRID).own_rhythm == OwnRhythm("Europe/Vienna", (22, 7))


def test_a_desk_from_before_is_sorted_out_with_the_first_event_that_changes_it_and_by_nothing_else() -> None:
    here = OneDesk(rhythm=Rhythm("Asia/Kathmandu", 22, 7), letter_ms=LETTER_MS)
    here.facts["usual"] = VIENNA
    before = here.desk
    here.do(Rang("remind:unknown"))
    assert here.desk is before
    here.order("pause", until_ms=NOON + DAY_MS)
    assert here.desk.own_rhythm == OwnRhythm("Asia/Kathmandu", None, NOON + DAY_MS)
    assert here.desk.rhythm is None


# ── time zone ────────────────────────────────────────────────────────────────


def test_a_place_is_gone_by_from_then_on_and_the_answer_names_it_with_the_time_there() -> None:
    here = OneDesk()
    here.order("time zone", **BERLIN)
    assert (here.said, here.rhythm.time_zone) == (["zone.ok"], "Europe/Berlin")
    assert said_with(here) == {"zone": Plain("Berlin"), "now": When(NOON)}


def test_what_waits_is_looked_at_anew_and_the_letter_comes_in_the_morning_there() -> None:
    here = OneDesk()
    here.order("time zone", **BERLIN)
    assert Release() in here.effects
    assert here.alarms["letter"] == here.desk.letter_ms == LETTER_MS - HOUR_MS


def test_whoever_gets_no_letter_gets_none_by_it() -> None:
    here = OneDesk(consent="when_invited")
    here.order("time zone", **BERLIN)
    assert (here.alarms, here.desk.letter_ms) == ({}, None)


def test_a_zone_without_a_name_is_called_by_its_own() -> None:
    here = OneDesk()
    here.order("time zone", zone="Europe/Berlin")
    assert said_with(here)["zone"] == Plain("Europe/Berlin")


def test_where_it_is_not_clear_it_asks_and_names_what_is_near() -> None:
    here = OneDesk()
    here.order("time zone")
    assert (here.said, here.rhythm) == (["zone.which"], Rhythm())
    here.order("time zone", near=("New York", "Chicago"))
    assert (here.said, said_with(here)) == (["zone.near"], {"near": Plain("New York, Chicago")})
    assert here.rhythm == Rhythm()


# ── quiet hours ──────────────────────────────────────────────────────────────


def test_hours_are_quiet_from_then_on_and_the_answer_repeats_them() -> None:
    here = OneDesk()
    here.order("quiet hours", hours=(22, 8))
    assert here.rhythm == Rhythm(quiet_from_hour=22, quiet_to_hour=8)
    assert (here.said, said_with(here)) == (["quiet.ok"], {"begins": Plain("22:00"), "ends": Plain("8:00")})
    assert Release() in here.effects
    assert here.alarms["letter"] == LETTER_MS - HOUR_MS


@pytest.mark.parametrize("hours", [(8, 8), (0, 24)])
def test_two_of_the_same_are_none(hours: tuple[int, int]) -> None:
    here = OneDesk()
    here.order("quiet hours", hours=hours)
    assert here.said == ["quiet.none"]
    assert here.rhythm.quiet_from_hour == here.rhythm.quiet_to_hour


def test_midnight_may_be_called_24() -> None:
    here = OneDesk()
    here.order("quiet hours", hours=(24, 7))
    assert (here.rhythm.quiet_from_hour, here.rhythm.quiet_to_hour) == (0, 7)


def test_without_hours_it_says_how_to_name_them() -> None:
    here = OneDesk()
    here.order("quiet hours")
    assert (here.said, here.rhythm) == (["quiet.which"], Rhythm())


def test_no_quiet_hours_lifts_them_and_the_letter_keeps_its_hour() -> None:
    here = OneDesk()
    here.order("no quiet hours")
    assert (here.said, here.desk.letter_ms) == (["quiet.none"], LETTER_MS)
    parcel = here.parcels[0]
    timely = replace(parcel, urgency="timely")
    standing = Standing("yes", here.rhythm, present=True)
    assert schedule(timely, standing, ELEVEN_AT_NIGHT) == Go()
    assert isinstance(schedule(timely, Standing("yes", Rhythm(), present=True), ELEVEN_AT_NIGHT), Wait)


def test_settings_are_shown_and_taken_out_of_a_shared_room() -> None:
    here = OneDesk()
    here.order("settings", room=True, addressed=True)
    shown = [p for p in here.parcels if p.message.view == "settings"]
    assert len(shown) == 1
    assert here.taken_back == {"$e1"}


@pytest.mark.parametrize("more", [BERLIN, {"hours": (22, 8)}])
def test_the_words_are_everyday_talk_in_a_reply_to_somebodys_question(more: dict[str, object]) -> None:
    here = OneDesk()
    asked = here.ask(expects="words")
    here.write(command=Command("time zone" if "zone" in more else "quiet hours", **more), to=asked)  # type: ignore[arg-type]
    assert len(here.passed) == 1
    assert here.rhythm == Rhythm()


# ── reminders keep their distance ────────────────────────────────────────────


def test_a_calm_moment_is_outside_of_quiet_hours_and_a_pause_and_some_hours_after_the_last() -> None:
    assert calm_moment(Rhythm(), 0, NOON) == NOON
    assert calm_moment(Rhythm(), NOON - HOUR_MS, NOON) == NOON + 5 * HOUR_MS
    assert calm_moment(Rhythm(), NOON + 4 * HOUR_MS, NOON + 5 * HOUR_MS) == NOON + 21 * HOUR_MS
    assert calm_moment(Rhythm(), 0, ELEVEN_AT_NIGHT) == NOON + 21 * HOUR_MS
    assert calm_moment(Rhythm(), NOON + 365 * DAY_MS, NOON) == NOON, "noted by a clock that ran ahead"
    assert calm_moment(Rhythm(paused_until_ms=NOON + DAY_MS), 0, NOON) == NOON + DAY_MS


def three_questions(closes_ms: Ms) -> OneDesk:
    here = OneDesk()
    for instance in (I1, I2, I3):
        here.ask(instance=instance, closes_ms=closes_ms)
    return here


def ring(here: OneDesk, instance: InstanceId) -> list[str]:
    here.do(Rang(f"remind:{here.prompt('rsvp', instance).row}"))
    return here.said


def test_a_reminder_that_was_moved_does_not_heed_the_moment_it_was_moved_from() -> None:
    here = three_questions(NOON + 9 * DAY_MS)
    first_ms = here.prompt("rsvp", I2).rings_ms
    here.now_ms = NOON + 5 * DAY_MS
    assert ring(here, I1) == ["reminder"]
    alarm = f"remind:{here.prompt('rsvp', I2).row}"
    here.do(Rang(alarm, first_ms))
    moved_ms = here.alarms[alarm]
    assert moved_ms is not None
    here.now_ms = moved_ms
    here.do(Rang(alarm, first_ms))
    assert (here.effects, here.last.ignored) == ((), "set anew since")
    here.do(Rang(alarm, moved_ms))
    assert here.said == ["reminder"]


def test_of_several_that_come_due_at_once_one_comes_and_the_others_keep_their_distance() -> None:
    here = three_questions(NOON + 9 * DAY_MS)
    here.now_ms = NOON + 5 * DAY_MS
    assert ring(here, I1) == ["reminder"]
    assert ring(here, I2) == []
    (alarm,) = (effect for effect in here.effects if isinstance(effect, Alarm))
    assert alarm.due_ms == here.now_ms + REMINDED_APART_MS
    assert here.prompt("rsvp", I2).rings_ms == alarm.due_ms
    here.now_ms = alarm.due_ms or 0
    assert ring(here, I2) == ["reminder"]
    assert ring(here, I3) == []
    assert (
        here.prompt("rsvp", I3).rings_ms == NOON + 6 * DAY_MS + 21 * HOUR_MS - DAY_MS
    )  # 18:00 + 6 h is night


def test_one_that_would_come_too_late_then_is_left_out() -> None:
    here = three_questions(NOON + REMINDED_APART_MS + LEAST_LEFT_MS - 1)
    assert ring(here, I1) == ["reminder"]
    assert ring(here, I2) == []
    assert here.last.ignored == "too late for a reminder"


def test_one_that_comes_due_at_night_comes_in_the_morning() -> None:
    here = three_questions(NOON + 9 * DAY_MS)
    here.now_ms = ELEVEN_AT_NIGHT
    assert ring(here, I1) == []
    assert here.prompt("rsvp", I1).rings_ms == NOON + 21 * HOUR_MS


# ── without a sound ──────────────────────────────────────────────────────────


def test_what_comes_with_the_letter_asks_for_nobodys_attention_and_costs_no_budget() -> None:
    here = OneDesk()
    asked = here.ask()
    (parcel,) = here.parcels
    full = Standing("yes", Rhythm(), present=True, timely_sent_ms=(NOON - HOUR_MS,))
    assert isinstance(schedule(parcel, full, NOON), Wait)
    hushed = without_a_sound(parcel)
    assert (hushed.row, hushed.target, hushed.message.mention) == (asked.row, parcel.target, False)
    assert schedule(hushed, full, NOON) == Go()
    assert isinstance(schedule(hushed, full, asked.closes_ms), Drop)
