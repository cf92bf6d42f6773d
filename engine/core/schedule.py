"""When a parcel may leave: one pure function, for quiet nights, budgets, pauses and usefulness.

The rules are WORKFLOWS.md's rights 1, 5, 6 and 7. Replies and safety always go.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

from engine.core.desk import Consent, Rhythm
from engine.core.parcel import Parcel
from engine.core.values import DAY_MS, HOUR_MS, WEEK_MS, Ms

TIMELY_A_WEEK = 2
TIMELY_A_DAY = 1
WEEK_DAYS = 7
REMINDED_APART_MS = 6 * HOUR_MS
"""Between two messages that remind the same person of something by themselves, however many have come due."""
LEAST_LEFT_MS = 3 * HOUR_MS
"""A reminder with less than this left is not worth its sound."""
LAST_MS = 250_000_000_000_000
"""In the year 9892: calendars end at 9999, so every later moment counts as this one (and one before 1970 as that)."""


class Go(msgspec.Struct, frozen=True, tag="go"):
    """It may leave now."""


class Wait(msgspec.Struct, frozen=True, tag="wait"):
    """Not yet; look again then. ``None``: until something about the person changes."""

    until_ms: Ms | None
    why: str


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """Never; to everyone else this is silence."""

    why: str


Verdict = Go | Wait | Drop


class Standing(msgspec.Struct, frozen=True):
    """What counts about the person a parcel is for."""

    consent: Consent
    rhythm: Rhythm
    present: bool
    """True once they are in their 1:1 room."""
    timely_sent_ms: tuple[Ms, ...] = ()
    """When timely messages reached them, within the last week."""


def schedule(parcel: Parcel, standing: Standing | None, now_ms: Ms) -> Verdict:
    """Say whether a parcel may leave now, should wait, or is not to be sent any more.

    ``standing`` is None for parcels to a shared room.
    """
    if parcel.useful_until_ms is not None and now_ms >= parcel.useful_until_ms:
        return Drop("no longer useful")
    if now_ms < parcel.not_before_ms:
        return _wait(parcel, parcel.not_before_ms, "not before")
    if standing is None:
        return Go()
    if not standing.present:
        return Wait(None, "not in the room yet")
    if parcel.urgency in ("reply", "safety"):
        return Go()
    if parcel.urgency == "hello":
        return _by_day(parcel, standing, now_ms)
    return _unasked(parcel, standing, now_ms)


def _unasked(parcel: Parcel, standing: Standing, now_ms: Ms) -> Verdict:
    if standing.consent == "stopped":
        return Drop("asked not to be written to")
    if standing.consent == "unknown":
        return Wait(None, "has not said yet whether to be written to")
    if standing.consent == "when_invited" and not parcel.personal:
        return Drop("only when someone invites them")
    if now_ms < standing.rhythm.paused_until_ms:
        return _wait(parcel, standing.rhythm.paused_until_ms, "paused")
    if parcel.polls or parcel.ends:
        return _by_day(parcel, standing, now_ms)  # nothing new, but many apps make a sound for it
    if parcel.belongs_below or parcel.urgency == "quiet":
        return Go()  # makes no sound
    verdict = _by_day(parcel, standing, now_ms)
    if isinstance(verdict, Go) and parcel.urgency == "timely":
        free_ms = budget_frees_at(standing.timely_sent_ms, now_ms)
        if free_ms > now_ms:
            return _wait(parcel, free_ms, "budget")
    return verdict


def without_a_sound(parcel: Parcel) -> Parcel:
    """The same parcel, asking for nobody's attention and so outside of the budget."""
    return replace(parcel, urgency="quiet", message=replace(parcel.message, mention=False))


def _by_day(parcel: Parcel, standing: Standing, now_ms: Ms) -> Verdict:
    morning_ms = end_of_quiet(standing.rhythm, now_ms)
    return Go() if morning_ms is None else _wait(parcel, morning_ms, "quiet hours")


def _wait(parcel: Parcel, until_ms: Ms, why: str) -> Verdict:
    if parcel.useful_until_ms is not None and until_ms >= parcel.useful_until_ms:
        return Drop(f"{why}, and not useful after it")
    return Wait(until_ms, why)


def budget_frees_at(timely_sent_ms: tuple[Ms, ...], now_ms: Ms) -> Ms:
    """The first moment from ``now_ms`` on at which one more timely message keeps the budget."""
    free_ms = now_ms
    for most, span_ms in ((TIMELY_A_DAY, DAY_MS), (TIMELY_A_WEEK, WEEK_MS)):
        recent = sorted(at for at in timely_sent_ms if at > now_ms - span_ms)
        if len(recent) >= most:
            free_ms = max(free_ms, recent[-most] + span_ms)
    return free_ms


def zone(name: str) -> ZoneInfo:
    """The named time zone; UTC for one that does not exist (it was checked when it was set)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
        return ZoneInfo("UTC")


def end_of_quiet(rhythm: Rhythm, at_ms: Ms) -> Ms | None:
    """When the quiet hours that ``at_ms`` falls into end; None if it falls into none."""
    local = _local(rhythm, at_ms)
    if not _is_quiet(rhythm, local.hour):
        return None
    morning = _at_hour(local, rhythm.quiet_to_hour)
    if morning <= local:
        morning += timedelta(days=1)
    return _ms(morning)


def start_of_quiet_before(rhythm: Rhythm, at_ms: Ms) -> Ms:
    """When the quiet hours that ``at_ms`` falls into began."""
    local = _local(rhythm, at_ms)
    evening = _at_hour(local, rhythm.quiet_from_hour)
    if evening > local:
        evening -= timedelta(days=1)
    return _ms(evening)


def _is_quiet(rhythm: Rhythm, hour: int) -> bool:
    start, end = rhythm.quiet_from_hour, rhythm.quiet_to_hour
    return start <= hour < end if start <= end else hour >= start or hour < end


def _local(rhythm: Rhythm, at_ms: Ms) -> datetime:
    return datetime.fromtimestamp(min(max(at_ms, 0), LAST_MS) / 1000, zone(rhythm.time_zone))


def _at_hour(day: datetime, hour: int) -> datetime:
    """That hour of the same day; where clocks are put back and it comes twice, the first one."""
    return day.replace(hour=hour, minute=0, second=0, microsecond=0, fold=0)


def _ms(moment: datetime) -> Ms:
    return int(moment.astimezone(UTC).timestamp() * 1000)


def reminder_moment(rhythm: Rhythm, opened_ms: Ms, closes_ms: Ms) -> Ms | None:
    """When the one reminder of a question is due; None if there should be none.

    A day before closing, or halfway for short questions. One that would fall into quiet hours
    comes earlier, in the last hour before they begin, or not at all if less than three hours
    would have passed since the question or would be left to answer it.
    """
    span_ms = closes_ms - opened_ms
    wished_ms = closes_ms - DAY_MS if span_ms >= 2 * DAY_MS else opened_ms + span_ms // 2
    if end_of_quiet(rhythm, wished_ms) is not None:
        wished_ms = start_of_quiet_before(rhythm, wished_ms) - HOUR_MS
        if end_of_quiet(rhythm, wished_ms) is not None:
            return None  # hardly an hour of this person's day is not quiet
    if wished_ms - opened_ms < LEAST_LEFT_MS or closes_ms - wished_ms < LEAST_LEFT_MS:
        return None
    return wished_ms


def next_letter(rhythm: Rhythm, weekday: int, now_ms: Ms) -> Ms:
    """When the next weekly letter is due: on that day (0 is Monday), at the end of the quiet hours; always later
    than now, so that on a day already begun it is the one a week from it.
    """
    today = _at_hour(_local(rhythm, now_ms), rhythm.quiet_to_hour)
    days = (weekday - today.weekday()) % WEEK_DAYS
    due_ms = _ms(_at_hour(today + timedelta(days=days), rhythm.quiet_to_hour))
    if due_ms > now_ms:
        return due_ms
    return _ms(_at_hour(today + timedelta(days=days + WEEK_DAYS), rhythm.quiet_to_hour))


def calm_moment(rhythm: Rhythm, reminded_ms: Ms, now_ms: Ms) -> Ms:
    """The first moment from now on that is good for a reminder: outside of quiet hours and of a pause, and some hours
    after the one before it; one that lies in the future was noted by a clock that ran ahead, and tells nothing.
    """
    at_ms = max(now_ms, rhythm.paused_until_ms)
    if 0 < reminded_ms <= now_ms:
        at_ms = max(at_ms, reminded_ms + REMINDED_APART_MS)
    morning_ms = end_of_quiet(rhythm, at_ms)
    return at_ms if morning_ms is None else morning_ms


def next_suitable_day(rhythm: Rhythm, now_ms: Ms, closes_ms: Ms) -> Ms | None:
    """When ``later`` brings a question back: tomorrow, after quiet hours; None if it closes too soon.

    Whoever has asked for quiet until then or longer gets it back on the first suitable hour after it.
    """
    back_ms = _ms(_at_hour(_local(rhythm, now_ms) + timedelta(days=1), rhythm.quiet_to_hour))
    if rhythm.paused_until_ms > back_ms:
        morning_ms = end_of_quiet(rhythm, rhythm.paused_until_ms)
        back_ms = rhythm.paused_until_ms if morning_ms is None else morning_ms
    return back_ms if closes_ms - back_ms >= LEAST_LEFT_MS else None
