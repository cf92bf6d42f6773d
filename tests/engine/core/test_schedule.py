"""When a parcel may leave, a reminder is due, and a question comes back: at every hour, in many places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from engine.core.desk import Rhythm
from engine.core.message import Message
from engine.core.parcel import Direct, Parcel
from engine.core.schedule import (
    LEAST_LEFT_MS,
    Drop,
    Go,
    Standing,
    Verdict,
    Wait,
    budget_frees_at,
    end_of_quiet,
    next_letter,
    next_suitable_day,
    reminder_moment,
    schedule,
    start_of_quiet_before,
    zone,
)
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Ms, PersonId, RowId

NOON = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""
ADA = PersonId("ada")

ZONES = (
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Asia/Beirut",  # puts its clocks forward at midnight
    "Africa/Cairo",
    "America/Santiago",
    "Australia/Lord_Howe",  # by half an hour
    "Antarctica/Troll",  # by two hours
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Apia",  # had no 30 December 2011
)

hours = st.integers(0, 23)
moments = st.integers(1_300_000_000_000, 2_100_000_000_000)
"""2011 to 2036."""


@st.composite
def rhythms(draw: st.DrawFn, *, least_awake_hours: int = 0) -> Rhythm:
    start, end = draw(hours), draw(hours)
    assume((start - end) % 24 >= least_awake_hours or start == end)
    return Rhythm(draw(st.sampled_from(ZONES)), start, end)


def local(rhythm: Rhythm, at_ms: Ms) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(rhythm.time_zone))


def at(text: str, place: str = "UTC", fold: int = 0) -> Ms:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(place), fold=fold)
    return int(moment.astimezone(UTC).timestamp() * 1000)


def is_quiet(rhythm: Rhythm, at_ms: Ms) -> bool:
    """Said in another way than the code does: walk the hours of the night."""
    hour, night = rhythm.quiet_from_hour, set()
    while hour != rhythm.quiet_to_hour:
        night.add(hour)
        hour = (hour + 1) % 24
    return local(rhythm, at_ms).hour in night


# ── quiet hours ──────────────────────────────────────────────────────────────


@given(rhythms(), moments)
def test_there_is_an_end_of_quiet_exactly_in_quiet_hours(rhythm: Rhythm, now_ms: Ms) -> None:
    assert (end_of_quiet(rhythm, now_ms) is not None) == is_quiet(rhythm, now_ms)


@given(rhythms(least_awake_hours=3), moments)
def test_at_the_end_of_quiet_it_is_not_quiet_and_until_then_it_was(rhythm: Rhythm, now_ms: Ms) -> None:
    morning_ms = end_of_quiet(rhythm, now_ms)
    assume(morning_ms is not None)
    assert morning_ms is not None
    assert now_ms < morning_ms <= now_ms + 26 * HOUR_MS
    assert not is_quiet(rhythm, morning_ms)
    for step_ms in range(now_ms, morning_ms, 15 * MINUTE_MS):
        assert is_quiet(rhythm, step_ms), f"{local(rhythm, step_ms)} in {rhythm}"


@given(rhythms(least_awake_hours=3), moments)
@example(Rhythm("America/St_Johns", 1, 5), 1_300_000_000_000)  # where that night had no 1 o'clock
def test_an_hour_before_quiet_hours_began_it_was_not_quiet(rhythm: Rhythm, now_ms: Ms) -> None:
    assume(is_quiet(rhythm, now_ms))
    evening_ms = start_of_quiet_before(rhythm, now_ms)
    assert evening_ms <= now_ms
    assert is_quiet(rhythm, evening_ms)
    assert not is_quiet(rhythm, evening_ms - HOUR_MS)
    for step_ms in range(evening_ms, now_ms, 15 * MINUTE_MS):
        assert is_quiet(rhythm, step_ms)


@given(moments, st.sampled_from(ZONES), hours)
def test_the_same_hour_twice_means_no_quiet_hours(now_ms: Ms, place: str, hour: int) -> None:
    assert end_of_quiet(Rhythm(place, hour, hour), now_ms) is None


@pytest.mark.parametrize(
    ("place", "night", "morning"),
    [
        ("Europe/Vienna", "2027-03-27T22:00", "2027-03-28T09:00"),  # an hour shorter
        ("Europe/Vienna", "2027-10-30T22:00", "2027-10-31T09:00"),  # an hour longer
        ("Asia/Beirut", "2027-03-27T23:30", "2027-03-28T09:00"),
        ("America/New_York", "2027-11-07T01:30", "2027-11-07T09:00"),
    ],
)
def test_a_night_in_which_clocks_change_ends_at_nine_all_the_same(
    place: str, night: str, morning: str
) -> None:
    assert end_of_quiet(Rhythm(place), at(night, place)) == at(morning, place)


def test_an_hour_that_does_not_exist_ends_quiet_when_it_would_have_come() -> None:
    rhythm = Rhythm("Europe/Vienna", 21, 2)
    assert end_of_quiet(rhythm, at("2027-03-28T01:30", "Europe/Vienna")) == at("2027-03-28T01:00")


def test_of_an_hour_that_comes_twice_the_first_one_begins_the_quiet() -> None:
    place = "America/New_York"
    second = at("2027-11-07T01:30", place, fold=1)
    assert start_of_quiet_before(Rhythm(place, 1, 9), second) == at("2027-11-07T01:00", place)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "Europe", "../../etc/passwd", "x\0", "a" * 300])
def test_a_time_zone_that_does_not_exist_counts_as_utc(name: str) -> None:
    assert zone(name) == ZoneInfo("UTC")


@given(rhythms(), st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62))
def test_no_moment_is_too_far_away(rhythm: Rhythm, now_ms: Ms, closes_ms: Ms) -> None:
    morning_ms = end_of_quiet(rhythm, now_ms)
    assert morning_ms is None or isinstance(morning_ms, int)
    reminder_ms = reminder_moment(rhythm, now_ms, closes_ms)
    assert reminder_ms is None or now_ms < reminder_ms < closes_ms
    back_ms = next_suitable_day(rhythm, now_ms, closes_ms)
    assert back_ms is None or back_ms < closes_ms


# ── what may leave ───────────────────────────────────────────────────────────


def parcel(urgency: str = "timely", **more: Any) -> Parcel:
    return Parcel(RowId("r"), Direct(ADA), urgency, Message(), **more)  # type: ignore[arg-type]


def standing(**more: Any) -> Standing:
    known: dict[str, Any] = {"consent": "yes", "rhythm": Rhythm(), "present": True} | more
    return Standing(**known)


ANYTHING = ("timely", "change", "quiet")
ALWAYS = ("reply", "safety")
NIGHT = NOON + 11 * HOUR_MS


def test_by_day_with_budget_and_consent_it_goes() -> None:
    assert all(schedule(parcel(urgency), standing(), NOON) == Go() for urgency in (*ANYTHING, *ALWAYS))


@pytest.mark.parametrize("urgency", ALWAYS)
@pytest.mark.parametrize("consent", ["unknown", "yes", "when_invited", "stopped"])
def test_replies_and_safety_go_whatever_else_holds(urgency: str, consent: str) -> None:
    rhythm = Rhythm(paused_until_ms=NIGHT + WEEK_MS)
    mine = standing(consent=consent, rhythm=rhythm, timely_sent_ms=(NIGHT - 2, NIGHT - 1))
    assert schedule(parcel(urgency, personal=False), mine, NIGHT) == Go()


@pytest.mark.parametrize("consent", ["unknown", "yes", "when_invited"])
def test_a_hello_waits_for_the_morning_and_for_nothing_else(consent: str) -> None:
    rhythm = Rhythm(paused_until_ms=NOON + WEEK_MS)
    mine = standing(consent=consent, rhythm=rhythm, timely_sent_ms=(NOON - 2, NOON - 1))
    assert schedule(parcel("hello"), mine, NOON) == Go()
    assert schedule(parcel("hello"), mine, NIGHT) == Wait(NOON + 21 * HOUR_MS, "quiet hours")


@pytest.mark.parametrize("urgency", [*ALWAYS, "hello"])
def test_even_those_wait_until_the_person_is_in_the_room(urgency: str) -> None:
    assert schedule(parcel(urgency), standing(present=False), NOON) == Wait(None, "not in the room yet")


@pytest.mark.parametrize("urgency", ANYTHING)
def test_to_a_person_who_said_stop_nothing_else_leaves(urgency: str) -> None:
    for more in ({}, {"edits": RowId("x")}, {"reacts": RowId("x")}, {"replies": RowId("x")}):
        verdict = schedule(parcel(urgency, **more), standing(consent="stopped"), NOON)
        assert verdict == Drop("asked not to be written to")


@pytest.mark.parametrize("urgency", ANYTHING)
def test_before_a_person_has_said_anything_everything_else_waits(urgency: str) -> None:
    verdict = schedule(parcel(urgency), standing(consent="unknown"), NOON)
    assert isinstance(verdict, Wait)
    assert verdict.until_ms is None


@pytest.mark.parametrize("urgency", ANYTHING)
def test_who_wants_to_hear_only_when_invited_hears_only_that(urgency: str) -> None:
    mine = standing(consent="when_invited")
    assert schedule(parcel(urgency), mine, NOON) == Go()
    assert isinstance(schedule(parcel(urgency, personal=False), mine, NOON), Drop)


@pytest.mark.parametrize("urgency", ANYTHING)
def test_a_pause_holds_everything_until_it_ends(urgency: str) -> None:
    mine = standing(rhythm=Rhythm(paused_until_ms=NOON + DAY_MS))
    for more in ({}, {"edits": RowId("x")}, {"reacts": RowId("x")}):
        assert schedule(parcel(urgency, **more), mine, NOON) == Wait(NOON + DAY_MS, "paused")
    assert schedule(parcel(urgency), mine, NOON + DAY_MS) == Go()


@given(rhythms(), moments, st.sampled_from(["timely", "change"]))
def test_in_quiet_hours_nothing_with_a_sound_leaves(rhythm: Rhythm, now_ms: Ms, urgency: str) -> None:
    verdict = schedule(parcel(urgency), standing(rhythm=rhythm), now_ms)
    assert (verdict == Go()) == (not is_quiet(rhythm, now_ms))
    assert isinstance(verdict, Go) or verdict == Wait(end_of_quiet(rhythm, now_ms), "quiet hours")


@given(rhythms(), moments)
def test_what_makes_no_sound_leaves_at_night_too(rhythm: Rhythm, now_ms: Ms) -> None:
    full = standing(rhythm=rhythm, timely_sent_ms=(now_ms - 2, now_ms - 1))
    assert schedule(parcel("quiet"), full, now_ms) == Go()
    assert schedule(parcel(edits=RowId("x")), full, now_ms) == Go()
    assert schedule(parcel(reacts=RowId("x"), emoji="👍"), full, now_ms) == Go()


def test_a_reminder_is_no_edit_it_has_a_sound() -> None:
    assert isinstance(schedule(parcel(replies=RowId("x")), standing(), NIGHT), Wait)


def test_a_change_within_a_day_of_what_they_said_yes_to_needs_no_budget() -> None:
    full = standing(timely_sent_ms=(NOON - 2, NOON - 1))
    assert schedule(parcel("change"), full, NOON) == Go()
    assert schedule(parcel("timely"), full, NOON) == Wait(NOON - 2 + WEEK_MS, "budget")


def test_a_parcel_to_the_room_has_no_night_and_no_budget() -> None:
    assert schedule(parcel("post"), None, NIGHT) == Go()


def test_nothing_leaves_before_its_moment_or_after_it_is_of_use() -> None:
    for mine in (standing(), None):
        assert schedule(parcel("reply", not_before_ms=NOON + 1), mine, NOON) == Wait(NOON + 1, "not before")
        assert schedule(parcel("reply", useful_until_ms=NOON), mine, NOON) == Drop("no longer useful")
        assert schedule(parcel("reply", useful_until_ms=NOON + 1, not_before_ms=NOON), mine, NOON) == Go()


@pytest.mark.parametrize(
    ("more", "mine", "now_ms"),
    [
        ({"not_before_ms": NOON + HOUR_MS}, standing(), NOON),
        ({}, standing(rhythm=Rhythm(paused_until_ms=NOON + HOUR_MS)), NOON),
        ({}, standing(timely_sent_ms=(NOON + HOUR_MS - DAY_MS,)), NOON),
        ({}, standing(), NOON + 20 * HOUR_MS),
    ],
    ids=["not before", "paused", "budget", "quiet hours"],
)
def test_what_would_be_of_no_use_after_the_wait_is_dropped_at_once(
    more: dict[str, Any], mine: Standing, now_ms: Ms
) -> None:
    until_ms = now_ms + HOUR_MS
    assert schedule(parcel(**more), mine, now_ms) == Wait(until_ms, schedule_why(more, mine, now_ms))
    assert isinstance(schedule(parcel(**more, useful_until_ms=until_ms), mine, now_ms), Drop)
    assert isinstance(schedule(parcel(**more, useful_until_ms=until_ms + 1), mine, now_ms), Wait)


def schedule_why(more: dict[str, Any], mine: Standing, now_ms: Ms) -> str:
    verdict = schedule(parcel(**more), mine, now_ms)
    assert isinstance(verdict, Wait)
    return verdict.why


standings = st.builds(
    Standing,
    consent=st.sampled_from(["unknown", "yes", "when_invited", "stopped"]),
    rhythm=st.builds(
        Rhythm,
        time_zone=st.sampled_from(ZONES),
        quiet_from_hour=hours,
        quiet_to_hour=hours,
        paused_until_ms=st.one_of(st.just(0), moments),
    ),
    present=st.booleans(),
    timely_sent_ms=st.lists(moments, max_size=4).map(lambda sent: tuple(sorted(sent))),
)
parcels = st.builds(
    parcel,
    urgency=st.sampled_from([*ANYTHING, *ALWAYS]),
    not_before_ms=st.one_of(st.just(0), moments),
    useful_until_ms=st.none() | moments,
    edits=st.none() | st.just(RowId("x")),
    personal=st.booleans(),
)


@given(parcels, standings, moments)
def test_a_wait_always_looks_ahead_and_a_muted_person_is_always_left_alone(
    what: Parcel, mine: Standing, now_ms: Ms
) -> None:
    verdict = schedule(what, mine, now_ms)
    if isinstance(verdict, Wait) and verdict.until_ms is not None:
        assert verdict.until_ms > now_ms
        assert what.useful_until_ms is None or verdict.until_ms < what.useful_until_ms
    if verdict == Go() and what.urgency not in ALWAYS:
        assert mine.present
        assert mine.consent in ("yes", "when_invited")
        assert now_ms >= mine.rhythm.paused_until_ms


@given(parcels, standings, moments)
def test_whoever_looks_again_when_told_comes_to_an_end(what: Parcel, mine: Standing, now_ms: Ms) -> None:
    verdict: Verdict = schedule(what, mine, now_ms)
    for _ in range(50):
        if not isinstance(verdict, Wait) or verdict.until_ms is None:
            return
        now_ms = verdict.until_ms
        verdict = schedule(what, mine, now_ms)
    pytest.fail(f"still waiting at {now_ms}")


# ── the budget ───────────────────────────────────────────────────────────────


@given(st.lists(st.integers(0, 4 * WEEK_MS), min_size=1, max_size=60), st.integers(1, 3 * DAY_MS))
def test_one_a_day_and_two_in_any_week(wishes: list[int], pause_ms: int) -> None:
    sent: tuple[Ms, ...] = ()
    now_ms = NOON
    for wish in sorted(wishes):
        now_ms = max(now_ms + pause_ms, NOON + wish)
        recent = tuple(s for s in sent if s > now_ms - WEEK_MS)
        now_ms = budget_frees_at(recent, now_ms)
        sent = (*sent, now_ms)
    for n, first in enumerate(sent):
        later = sent[n + 1 :]
        assert all(s >= first + DAY_MS for s in later)
        assert sum(1 for s in later if s < first + WEEK_MS) <= 1


@given(st.lists(st.integers(0, WEEK_MS), max_size=6), moments)
def test_the_budget_frees_no_later_than_it_must(ago: list[int], now_ms: Ms) -> None:
    sent = tuple(now_ms - a for a in ago)
    free_ms = budget_frees_at(sent, now_ms)

    def fits(at_ms: Ms) -> bool:
        day = sum(1 for s in sent if s > at_ms - DAY_MS)
        week = sum(1 for s in sent if s > at_ms - WEEK_MS)
        return day < 1 and week < 2

    assert fits(free_ms)
    assert free_ms == now_ms or not fits(free_ms - 1)


# ── reminders and later ──────────────────────────────────────────────────────


@given(rhythms(), moments, st.integers(0, 40 * DAY_MS))
@example(Rhythm("UTC", 3, 2), at("2027-01-18T12:00"), 7 * DAY_MS)
@example(Rhythm("Europe/Vienna", 3, 2), at("2027-03-26T12:00"), 3 * DAY_MS)
def test_a_reminder_is_never_at_night_and_leaves_time_on_both_sides(
    rhythm: Rhythm, opened_ms: Ms, span_ms: Ms
) -> None:
    closes_ms = opened_ms + span_ms
    remind_ms = reminder_moment(rhythm, opened_ms, closes_ms)
    if remind_ms is not None:
        assert not is_quiet(rhythm, remind_ms)
        assert opened_ms + LEAST_LEFT_MS <= remind_ms <= closes_ms - LEAST_LEFT_MS


@given(rhythms(), moments, st.integers(0, 40 * DAY_MS))
def test_a_reminder_comes_earlier_rather_than_later(rhythm: Rhythm, opened_ms: Ms, span_ms: Ms) -> None:
    remind_ms = reminder_moment(rhythm, opened_ms, opened_ms + span_ms)
    wished_ms = opened_ms + (span_ms - DAY_MS if span_ms >= 2 * DAY_MS else span_ms // 2)
    if remind_ms is not None and not is_quiet(rhythm, wished_ms):
        assert remind_ms == wished_ms
    elif remind_ms is not None:
        assert remind_ms < wished_ms


def test_a_reminder_that_would_come_at_night_comes_in_the_hour_before() -> None:
    opened, closes = at("2027-01-11T10:00"), at("2027-01-18T06:00")
    assert reminder_moment(Rhythm(), opened, closes) == at("2027-01-16T20:00")


def test_a_short_question_has_its_reminder_halfway() -> None:
    assert reminder_moment(Rhythm(), at("2027-01-18T10:00"), at("2027-01-18T18:00")) == at("2027-01-18T14:00")


@pytest.mark.parametrize(
    ("opened", "closes"),
    [
        ("2027-01-18T10:00", "2027-01-18T15:59"),  # halfway would leave less than three hours
        ("2027-01-18T18:00", "2027-01-19T08:00"),  # the evening before is hardly after the question
        ("2027-01-18T10:00", "2027-01-18T09:00"),  # it is over
    ],
)
def test_there_is_no_reminder_where_it_would_hardly_help(opened: str, closes: str) -> None:
    assert reminder_moment(Rhythm(), at(opened), at(closes)) is None


@given(rhythms(least_awake_hours=3), moments)
def test_later_means_tomorrow_after_quiet_hours(rhythm: Rhythm, now_ms: Ms) -> None:
    back_ms = next_suitable_day(rhythm, now_ms, now_ms + WEEK_MS)
    assert back_ms is not None
    assert now_ms < back_ms <= now_ms + 50 * HOUR_MS
    assert not is_quiet(rhythm, back_ms)
    today = local(rhythm, now_ms).date()
    if rhythm.time_zone not in ("Pacific/Apia", "Pacific/Kiritimati"):
        assert local(rhythm, back_ms).date() == today + timedelta(days=1)


def test_later_is_too_late_for_a_question_that_closes_before() -> None:
    morning = at("2027-01-19T09:00")
    assert next_suitable_day(Rhythm(), NOON, morning + LEAST_LEFT_MS) == morning
    assert next_suitable_day(Rhythm(), NOON, morning + LEAST_LEFT_MS - 1) is None


@pytest.mark.parametrize(
    ("paused_until", "back"),
    [
        ("2027-01-18T20:00", "2027-01-19T09:00"),
        ("2027-01-20T14:00", "2027-01-20T14:00"),
        ("2027-01-20T00:00", "2027-01-20T09:00"),
    ],
)
def test_later_promises_no_moment_within_a_pause(paused_until: str, back: str) -> None:
    rhythm = Rhythm(paused_until_ms=at(paused_until))
    assert next_suitable_day(rhythm, NOON, NOON + WEEK_MS) == at(back)


# ── the weekly letter ────────────────────────────────────────────────────────


@given(rhythms(), st.integers(0, 6), moments)
def test_the_letter_comes_within_a_week_on_its_day_at_the_end_of_the_night(
    rhythm: Rhythm, weekday: int, now_ms: Ms
) -> None:
    due_ms = next_letter(rhythm, weekday, now_ms)
    assert now_ms < due_ms <= now_ms + WEEK_MS + 25 * HOUR_MS
    if rhythm.time_zone not in ("Pacific/Apia", "Pacific/Kiritimati"):
        due = local(rhythm, due_ms)
        assert due.weekday() == weekday
        assert due.hour - rhythm.quiet_to_hour in (0, 1)  # 1: clocks are put forward over that hour


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2027-01-18T08:59", "2027-01-18T09:00"),  # a Monday, before the end of the night
        ("2027-01-18T09:00", "2027-01-25T09:00"),
        ("2027-01-18T12:00", "2027-01-25T09:00"),
        ("2027-01-24T23:00", "2027-01-25T09:00"),
    ],
)
def test_on_a_day_already_begun_the_letter_is_next_weeks(now: str, due: str) -> None:
    assert next_letter(Rhythm(), 0, at(now)) == at(due)


def test_the_letter_keeps_its_hour_when_clocks_change() -> None:
    berlin = Rhythm(time_zone="Europe/Berlin")
    assert next_letter(berlin, 0, at("2027-03-22T12:00")) == at("2027-03-29T07:00")
    assert next_letter(berlin, 0, at("2027-10-25T12:00")) == at("2027-11-01T08:00")
