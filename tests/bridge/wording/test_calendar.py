"""The file for the calendar: read by a calendar library as it was meant, whatever people write into it."""

from datetime import UTC, datetime, timedelta

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.wording.calendar import CalendarFile, calendar_file
from engine.core.message import Occasion, Phrase
from engine.core.values import InstanceId

NOW_MS = 1_800_266_400_000
FRIDAY_MS = 1_800_644_400_000
SOUP = Occasion(FRIDAY_MS, Phrase("called"), InstanceId("a" * 32), NOW_MS)


def event_in(file: CalendarFile) -> icalendar.Event:
    calendar = icalendar.Calendar.from_ical(file.text)
    (event,) = calendar.walk("VEVENT")
    return event


def test_a_date_is_read_as_it_was_written() -> None:
    file = calendar_file(SOUP, "Soup at mine\nBring a spoon; and, well, a bowl.", NOW_MS)
    event = event_in(file)
    assert file.name == "Soup at mine.ics"
    assert str(event["summary"]) == "Soup at mine"
    assert str(event["description"]) == "Soup at mine\nBring a spoon; and, well, a bowl."
    assert event.start == datetime.fromtimestamp(FRIDAY_MS / 1000, UTC)
    assert event.duration == timedelta(hours=1)
    assert (event["status"], event["sequence"]) == ("CONFIRMED", 200_532_800)
    assert icalendar.Calendar.from_ical(file.text)["method"] == "PUBLISH"


def test_a_later_version_is_the_same_date_and_called_off_it_is_taken_out() -> None:
    first = event_in(calendar_file(SOUP, "Soup", NOW_MS))
    moved = event_in(
        calendar_file(replace(SOUP, at_ms=FRIDAY_MS + 86_400_000, told_ms=NOW_MS + 2_000), "Soup", NOW_MS)
    )
    assert moved["uid"] == first["uid"]
    assert moved["sequence"] > first["sequence"]
    off = calendar_file(replace(SOUP, called_off=True), "Soup", NOW_MS)
    assert event_in(off)["sequence"] > first["sequence"], "also within the same second"
    assert event_in(off)["uid"] == first["uid"]
    assert event_in(off)["status"] == "CANCELLED"
    assert icalendar.Calendar.from_ical(off.text)["method"] == "CANCEL"


def test_nobody_is_named_in_it() -> None:
    event = event_in(calendar_file(SOUP, "Soup", NOW_MS))
    assert not {"ORGANIZER", "ATTENDEE", "CONTACT"} & set(event)


@pytest.mark.parametrize("about", ["", "   ", "🍲", "../../etc/passwd", "a/b\\c:d", "x" * 500])
def test_a_name_of_a_file_is_only_a_name(about: str) -> None:
    name = calendar_file(SOUP, about, NOW_MS).name
    assert name.endswith(".ics")
    assert 0 < len(name.removesuffix(".ics")) <= 40
    assert not set(name.removesuffix(".ics")) & set('/\\:.<>|"?*\n')


@given(st.text(max_size=300))
def test_words_stay_words_whatever_is_in_them(about: str) -> None:
    file = calendar_file(SOUP, f"Soup {about}\r\nSTATUS:CANCELLED\nEND:VEVENT", NOW_MS)
    event = event_in(file)
    assert event["status"] == "CONFIRMED"
    assert str(event["summary"]).startswith("Soup")
    assert all(len(line.encode()) <= 75 for line in file.text.split("\r\n"))
    assert "Soup" not in repr(file)
