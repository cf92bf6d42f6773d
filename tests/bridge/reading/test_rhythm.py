"""Time zones and quiet hours, as people name them in three languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.reading.ear import Ear
from bridge.reading.hours import hours_meant
from bridge.reading.zones import MOST_NEAR, zone_meant
from bridge.wording.places import place_of
from bridge.wording.sentences import LANGUAGES, locale_of
from bridge.wording.vocabulary import understood_by
from engine.core.desk import Command, Desk
from engine.core.schedule import zone
from engine.core.values import PersonId
from engine.runtime.ports import Spoken
from tests.bridge.reading.test_ear import NOW_MS, WORDS, Circle

VOCABULARIES = understood_by("en")
SAID = VOCABULARIES[0].said
MOMENTS = [each.moments for each in VOCABULARIES]


def command(body: str, language: str = "en") -> Command | None:
    ear = Ear(Circle(), Circle(), ("Hearth",), language=language)
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=PersonId("me"), body=body)
    return ear.read(spoken, Desk(PersonId("me")), None, WORDS, NOW_MS)[0].command


# ── time zones ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Berlin", "Europe/Berlin"),
        ("berlin please", "Europe/Berlin"),
        ("in Wien", "Europe/Vienna"),
        ("Viena", "Europe/Vienna"),
        ("Österreich", "Europe/Vienna"),
        ("osterreich", "Europe/Vienna"),
        ("Germany", "Europe/Berlin"),
        ("España", "Europe/Madrid"),
        ("Portugal", "Europe/Lisbon"),
        ("UK", "Europe/London"),
        ("Vereinigtes Königreich", "Europe/London"),
        ("Kiev", "Europe/Kyiv"),
        ("Kyiv", "Europe/Kyiv"),
        ("New York", "America/New_York"),
        ("new york time", "America/New_York"),
        ("Nueva York", "America/New_York"),
        ("sao paulo", "America/Sao_Paulo"),
        ("Ciudad de México", "America/Mexico_City"),
        ("Argentina", "America/Argentina/Buenos_Aires"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("Canarias", "Atlantic/Canary"),
        ("India", "Asia/Kolkata"),
        ("Calcutta", "Asia/Kolkata"),
        ("Singapore", "Asia/Singapore"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new_york", "America/New_York"),
        ("UTC", "UTC"),
        ("gmt", "UTC"),
        ("UTC+2", "Etc/GMT-2"),
        ("GMT-3", "Etc/GMT+3"),
        ("+02:00", "Etc/GMT-2"),
        ("utc +14", "Etc/GMT-14"),
        ("UTC+0", "UTC"),
        ("UTC+5:30", "Asia/Kolkata"),
        ("UTC+5:45", "Asia/Kathmandu"),
    ],
)
def test_a_city_a_country_a_zones_name_and_a_distance_to_utc_are_known(written: str, meant: str) -> None:
    assert zone_meant(written, SAID, "en").zone == meant
    assert zone(meant).key == meant


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("USA", ("New York", "Chicago", "Denver", "Los Angeles")),
        ("Australia", ("Sydney", "Brisbane", "Adelaide", "Perth")),
        ("Berln", ("Berlin",)),
        ("Madird", ("Madrid",)),
        ("EST", ()),
        ("Atlantis", ()),
        ("UTC+15", ()),
        ("UTC+1:17", ()),
        ("", ()),
        ("b" * 61, ()),
    ],
)
def test_where_it_is_not_clear_none_is_taken_and_what_is_near_is_named(
    written: str, near: tuple[str, ...]
) -> None:
    found = zone_meant(written, SAID, "en")
    assert (found.zone, found.place) == (None, None)
    assert found.near[: len(near)] == near
    assert len(found.near) <= MOST_NEAR
    assert near or not found.near


@pytest.mark.parametrize(
    ("name", "language", "called"),
    [
        ("Europe/Vienna", "de", "Wien"),
        ("Europe/Vienna", "es", "Viena"),
        ("America/Argentina/Buenos_Aires", "en", "Buenos Aires"),
        ("Etc/GMT-2", "en", "UTC+2"),
        ("Etc/GMT+5", "de", "UTC-5"),
        ("UTC", "es", "UTC"),
        ("Nowhere/At_All", "en", "UTC"),
    ],
)
def test_a_zone_is_called_by_its_city_in_the_readers_language(name: str, language: str, called: str) -> None:
    assert place_of(name, locale_of(language)) == called


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_zone_is_called_is_understood_again(language: str) -> None:
    for name in ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Atlantic/Canary", "Etc/GMT-3"):
        called = zone_meant(name if "/" in name and "Etc" not in name else "UTC+3", SAID, language).place
        assert called is not None
        assert zone_meant(called, SAID, language).zone == name


@given(st.text(max_size=80))
def test_whatever_is_written_a_zone_is_one_that_exists(written: str) -> None:
    found = zone_meant(written, SAID, "en").zone
    assert found is None or zone(found).key == found


# ── quiet hours ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("from 22 to 8", (22, 8)),
        ("22-8", (22, 8)),
        ("22–8", (22, 8)),
        ("22:00 to 08:00", (22, 8)),
        ("22.00-08.00", (22, 8)),
        ("22h-8h", (22, 8)),
        ("10pm to 8am", (22, 8)),
        ("10 p.m. until 8 a.m.", (22, 8)),
        ("12am to 6am", (0, 6)),
        ("noon to 2pm", (12, 14)),
        ("midnight to 8", (0, 8)),
        ("24 to 7", (0, 7)),
        ("between 23 and 7", (23, 7)),
        ("10 at night to 7 in the morning", (22, 7)),
        ("from 13 to 15", (13, 15)),
        ("von 22 bis 8 Uhr", (22, 8)),
        ("22 Uhr bis 8 Uhr", (22, 8)),
        ("10 abends bis 8 morgens", (22, 8)),
        ("Mitternacht bis 7", (0, 7)),
        ("zwischen 22 und 7", (22, 7)),
        ("1 nachts bis 9", (1, 9)),
        ("de 22 a 8", (22, 8)),
        ("de las 22 a las 8", (22, 8)),
        ("entre las 22 y las 8", (22, 8)),
        ("las 11 de la noche hasta las 6 de la mañana", (23, 6)),
        ("de 12 de la noche a 7 de la mañana", (0, 7)),
        # what is not said is the evening, where it would else be quiet for most of the day
        ("from 10 to 8", (22, 8)),
        ("9 to 5", (21, 5)),
        ("12 to 8", (0, 8)),
        ("from 1 to 7", (1, 7)),
        # minutes: no quiet is lost
        ("22:30 to 7:30", (22, 8)),
        ("10pm to 11:30pm", (22, 0)),
        # none at all
        ("8 to 8", (8, 8)),
    ],
)
def test_two_times_of_day_are_understood_as_people_write_them(written: str, hours: tuple[int, int]) -> None:
    assert hours_meant(written, MOMENTS) == hours


@pytest.mark.parametrize(
    "written",
    [
        "",
        "22",
        "from 22",
        "25 to 8",
        "22 to 8:75",
        "22 8",
        "13pm to 8",
        "tomorrow",
        "8 to 10 to 12",
        "x" * 99,
    ],
)
def test_anything_else_is_not(written: str) -> None:
    assert hours_meant(written, MOMENTS) is None


@given(st.text(max_size=70))
def test_whatever_is_written_hours_are_of_the_day(written: str) -> None:
    hours = hours_meant(written, MOMENTS)
    assert hours is None or all(0 <= hour < 24 for hour in hours)


# ── as commands ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "word", "meant"),
    [
        ("time zone Vienna", "time zone", "Europe/Vienna"),
        ("My time zone is Berlin, please", "time zone", "Europe/Berlin"),
        ("Zeitzone Wien", "time zone", "Europe/Vienna"),
        ("zona horaria Viena", "time zone", "Europe/Vienna"),
        ("time zone", "time zone", None),
        ("quiet from 22 to 8", "quiet hours", (22, 8)),
        ("quiet hours 22-8", "quiet hours", (22, 8)),
        ("Ruhezeit 22 bis 8", "quiet hours", (22, 8)),
        ("Ruhezeit von 22 bis 8 Uhr", "quiet hours", (22, 8)),
        ("silencio de 22 a 8", "quiet hours", (22, 8)),
        ("horas de silencio de 22 a 8", "quiet hours", (22, 8)),
        ("quiet hours from 22 to late", "quiet hours", None),
        ("no quiet hours", "no quiet hours", None),
        ("keine Ruhezeit", "no quiet hours", None),
        ("sin horas de silencio", "no quiet hours", None),
        ("settings", "settings", None),
        ("Einstellungen", "settings", None),
        ("mis ajustes", "settings", None),
    ],
)
def test_the_words_are_understood_from_everybody(body: str, word: str, meant: object, language: str) -> None:
    if body.endswith("late"):
        body = body.replace("late", "99")
    found = command(body, language)
    assert found is not None
    assert (found.word, found.zone or found.hours) == (word, meant)


def test_a_quiet_evening_is_no_command() -> None:
    assert command("quiet evening with Ana") is None


def test_a_zone_is_called_as_its_reader_calls_it() -> None:
    found = command("time zone Vienna", "de")
    assert found is not None
    assert found.place == "Wien"
