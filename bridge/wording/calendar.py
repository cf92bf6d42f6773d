"""A date as a file that calendars read (RFC 5545), so that nobody has to type it once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import icalendar
import msgspec

from engine.core.message import Occasion
from engine.core.values import Ms

LONGEST_TITLE = 100
LONGEST_NAME = 40
FIRST_SECONDS = 1_700_000_000
"""In November 2023, before any of these files: sequence numbers stay small enough for every calendar."""
HOUR = timedelta(hours=1)
"""How long a date lasts that says only when it begins: what calendars show for it, and easily changed there."""
MADE_BY = "-//Hearth//Hearth//EN"


class CalendarFile(msgspec.Struct, frozen=True):
    """A calendar of one date: its name, as people will see it, and what stands in it."""

    name: str
    text: str

    def __repr__(self) -> str:
        return f"CalendarFile({len(self.text)} characters)"


def calendar_file(occasion: Occasion, about: str, now_ms: Ms) -> CalendarFile:
    """The file for an occasion that people call ``about``.

    Sent again with a later version it changes what stands in the calendar, and called off it takes it out (RFC 5546,
    PUBLISH and CANCEL). Nobody is named in it as organizer or guest: a file is easily passed on.
    """
    title, _, _ = about.strip().partition("\n")
    event = icalendar.Event()
    event.add("uid", f"{occasion.instance}@hearth")
    event.add("dtstamp", _moment(now_ms))
    event.add("dtstart", _moment(occasion.at_ms))
    event.add("duration", HOUR)
    # By when it was told, which the reader knows anyway: a count of what happened would tell of answers that are no
    # one's business.
    # Called off counts as later than what was told in the same second.
    event.add("sequence", 2 * max(0, occasion.told_ms // 1000 - FIRST_SECONDS) + occasion.called_off)
    event.add("status", "CANCELLED" if occasion.called_off else "CONFIRMED")
    event.add("summary", _cut(title.strip(), LONGEST_TITLE))
    if about.strip() != title.strip():
        event.add("description", about.strip())
    calendar = icalendar.Calendar()
    calendar.add("prodid", MADE_BY)
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if occasion.called_off else "PUBLISH")
    calendar.add_component(event)
    return CalendarFile(f"{_name(title)}.ics", calendar.to_ical().decode())


def _moment(at_ms: Ms) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC)


def _name(title: str) -> str:
    kept = "".join(letter if letter.isalnum() else " " for letter in title)
    return " ".join(kept.split())[:LONGEST_NAME].strip() or "date"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
