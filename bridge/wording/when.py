"""A moment in words, as the person who reads it would say it."""

from __future__ import annotations

from datetime import datetime, timedelta

from babel.dates import format_date, format_time

from bridge.wording.places import place_of
from bridge.wording.sentences import Sentences
from bridge.wording.template import Piece, fill
from engine.core.schedule import zone
from engine.core.values import DAY_MS, Ms

YEAR_SHOWN_FROM_MS = 300 * DAY_MS
"""Further away than this, in either direction, a day is said with its year."""


def write_moment(
    at_ms: Ms, now_ms: Ms, time_zone: str, sentences: Sentences, *, near: bool = False, placed: bool = False
) -> str:
    """Write a moment: "Friday 27 November, 19:00".

    ``near`` is for deadlines: it says today and tomorrow as such, and any other day as it stands behind "until".
    ``placed`` adds whose time it is, for readers who
    may be elsewhere; UTC, which nobody lives by, is always named.
    """
    there = zone(time_zone)
    try:
        moment, now = (
            datetime.fromtimestamp(at_ms / 1000, there),
            datetime.fromtimestamp(now_ms / 1000, there),
        )
    except (OverflowError, OSError, ValueError):
        return str(at_ms)
    locale = sentences.locale
    said = {"time": Piece.of(format_time(moment, "short", tzinfo=there, locale=locale))}
    if near and moment.date() == now.date():
        text = fill(sentences.text("when.today"), said).plain
    elif near and moment.date() == now.date() + timedelta(days=1):
        text = fill(sentences.text("when.tomorrow"), said).plain
    else:
        far = abs(at_ms - now_ms) >= YEAR_SHOWN_FROM_MS
        said["day"] = Piece.of(_day(moment, sentences, behind_until=near, with_year=far))
        text = fill(sentences.text("when.day_time"), said).plain
    if there.key == "UTC":
        return f"{text} UTC"
    if not placed:
        return text
    placed_in = Piece.of(place_of(there.key, locale))
    return fill(sentences.text("when.zone"), {"moment": Piece.of(text), "zone": placed_in}).plain


def _day(moment: datetime, sentences: Sentences, *, behind_until: bool, with_year: bool) -> str:
    key = "when.deadline" if behind_until else "when.day"
    pattern = sentences.text(f"{key}_and_year" if with_year else key)
    return format_date(moment, pattern, locale=sentences.locale)
