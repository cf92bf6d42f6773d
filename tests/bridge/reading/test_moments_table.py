"""Days and times as people write them, in three languages: one table, seen from a Wednesday at ten in the morning.

A dash means that it could mean two things, or nothing that has a day: then the bot asks, rather than guesses.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.reading.ear import listening_to
from bridge.reading.moments import Moments
from bridge.wording.vocabulary import Vocabulary
from engine.core.values import Ms

WEDNESDAY = "2026-11-18 10:00"
HOME = {"en": "Europe/London", "de": "Europe/Berlin", "es": "Europe/Madrid"}
UNCLEAR = "-"

SEEN_FROM_WEDNESDAY = {
    "en": """\
2026-11-19 19:00 | tomorrow 7pm
2026-11-19 19:00 | tomorrow at 7 pm
-                | tomorrow at 7
-                | tomorrow at seven
2026-11-19 19:00 | tomorrow at 19
2026-11-19 19:00 | tomorrow 19:00
2026-11-19 19:00 | tomorrow at seven in the evening
2026-11-19 19:00 | tomorrow, seven pm
2026-11-19 19:30 | at half past seven tomorrow evening
2026-11-19 19:30 | tomorrow at half past seven in the evening
2026-11-20 19:15 | quarter past seven pm on friday
2026-11-20 19:45 | friday, quarter to eight in the evening
-                | friday at half past seven
-                | friday at seven o'clock
2026-11-20 19:00 | friday at 7 o'clock in the evening
2026-11-20 19:00 | friday seven o'clock pm
2026-11-18 17:00 | today at 5pm
2026-11-18 17:30 | today 17.30h
2026-11-18 20:00 | this evening at 8
2026-11-18 20:00 | tonight at 8
2026-11-18 20:00 | tonight at eight
2026-11-19 20:00 | tomorrow evening at 8
2026-11-19 08:00 | tomorrow morning at 8
2026-11-19 08:00 | tomorrow morning at eight
-                | tomorrow morning
-                | tomorrow evening
2026-11-19 12:00 | at noon tomorrow
2026-11-19 12:00 | tomorrow at noon
2026-11-20 12:00 | noon on friday
2026-11-20 12:00 | friday
2026-11-20 18:30 | on friday at 18:30
2026-11-20 18:30 | fri 6.30pm
2026-11-27 18:00 | next friday 18:00
2026-11-20 18:00 | this friday 18:00
2026-11-18 18:00 | wednesday 18:00
2026-11-25 09:00 | wednesday 9:00
2026-11-27 19:00 | 27 november 19:00
2026-11-27 19:00 | 27th of november at 7pm
2026-11-27 19:00 | november 27, 7 pm
2026-11-27 19:00 | the 27th at 7pm
2026-11-27 12:00 | friday 27 november
-                | friday 28 november
2026-11-27 19:00 | 27.11. 19:00
2026-11-27 19:00 | 27/11 19:00
-                | 5/11 at 19:00
2026-11-27 19:00 | 2026-11-27 19:00
2026-12-09 12:00 | in 3 weeks
2026-12-09 12:00 | in three weeks
2026-11-25 12:00 | in a week
2026-11-25 19:00 | in a week at 19:00
-                | in a fortnight
2026-11-18 12:00 | in two hours
2026-11-18 11:00 | in an hour
2026-11-18 10:30 | in half an hour
2026-11-20 20:00 | in 2 days at 8pm
2026-11-20 19:00 | day after tomorrow 19:00
2026-11-20 19:00 | the day after tomorrow at 7pm
2026-11-23 12:00 | next week
2026-11-23 10:00 | monday next week at 10:00
2026-12-01 12:00 | next month
-                | at the end of the month
-                | at the weekend
-                | midnight tomorrow
-                | two days before friday
-                | the day after
2026-11-18 19:00 | 7pm
2026-11-18 19:00 | 19:00
2026-11-19 09:00 | 9:00
-                | 25:00 tomorrow
-                | tomorrow 13pm
-                | christmas eve
2026-12-24 15:00 | 24 december 2026, 15:00
-                | 31 june
2027-01-01 12:00 | 1 january
2026-11-20 19:00 | friday 19:00 utc
-                | a week on friday at 19:00
-                | friday week
-                | sometime soon
-                | after work
""",
    "de": """\
2026-11-19 19:00 | morgen 19 uhr
2026-11-19 19:00 | morgen um 19 Uhr
-                | morgen um 7
-                | morgen um sieben
2026-11-19 19:00 | morgen um sieben Uhr abends
2026-11-19 07:00 | morgen um sieben Uhr
2026-11-19 19:00 | morgen um neunzehn Uhr
2026-11-19 19:30 | morgen um neunzehn Uhr dreißig
2026-11-19 19:30 | morgen 19 Uhr 30
2026-11-19 20:00 | morgen abend um 8
2026-11-19 08:00 | morgen früh um 8
2026-11-19 08:00 | morgen früh um acht
2026-11-19 19:30 | morgen Abend um halb acht
2026-11-19 19:30 | morgen um halb acht abends
-                | morgen um halb acht
-                | halb acht
2026-11-19 19:15 | morgen viertel nach sieben abends
2026-11-19 19:45 | morgen viertel vor acht abends
2026-11-19 19:45 | morgen dreiviertel acht abends
2026-11-20 19:00 | übermorgen 19 Uhr
2026-11-20 19:30 | Übermorgen um 19:30 Uhr
2026-11-20 19:00 | uebermorgen 19h
2026-11-18 17:00 | heute um 17 Uhr
2026-11-18 20:00 | heute Abend um 8
2026-11-18 20:00 | heute abend um acht
2026-11-18 20:00 | heute abend 20 uhr
-                | heute Abend
2026-11-20 19:00 | Freitag 19 Uhr
2026-11-20 19:30 | am Freitag um 19.30 Uhr
2026-11-20 19:00 | Freitagabend um 19 Uhr
2026-11-20 19:00 | Freitag abend um sieben
-                | Freitagabend
2026-11-20 18:00 | kommenden Freitag 18:00
-                | nächsten Freitag 18:00
2026-11-21 10:00 | Sonnabend 10 Uhr
2026-11-27 19:00 | 27. November 19 Uhr
2026-11-27 19:00 | am 27.11. um 19 Uhr
2026-11-27 19:00 | 27.11.2026, 19:00
2026-11-27 19:30 | 27.11. 19.30
2026-11-27 12:00 | Freitag, 27. November
2026-12-09 12:00 | in drei Wochen
2026-11-25 12:00 | in einer Woche
2026-11-25 12:00 | heute in einer Woche
2026-11-18 11:00 | in einer Stunde
2026-11-18 12:00 | in zwei Stunden
2026-11-18 10:30 | in einer halben Stunde
2026-11-20 20:00 | in zwei Tagen um 20 Uhr
2026-11-19 12:00 | morgen mittag
2026-11-19 12:00 | morgen Mittag um 12
2026-11-19 15:00 | morgen nachmittag um 3
2026-11-23 12:00 | nächste Woche
-                | Ende des Monats
-                | nach der Arbeit
-                | irgendwann
2027-01-01 12:00 | 1. Januar
2026-12-24 15:00 | 24.12. 15 Uhr
2026-11-18 20:00 | heute Abend um 8 Uhr
2026-11-18 20:30 | heute Abend 20 Uhr 30
2026-11-19 08:00 | morgen vormittag um acht Uhr
-                | morgens um 19 Uhr
-                | heute Abend um 1
2026-11-23 18:00 | Montag nächste Woche 18 Uhr
""",
    "es": """\
2026-11-19 19:00 | mañana a las 19:00
2026-11-19 19:00 | mañana a las 19
-                | mañana a las 7
-                | mañana a las siete
2026-11-19 19:00 | mañana a las siete de la tarde
2026-11-19 19:00 | mañana a las 7 de la tarde
2026-11-19 08:00 | mañana por la mañana a las ocho
2026-11-19 08:00 | mañana a las ocho de la mañana
2026-11-19 19:00 | mañana por la tarde a las siete
-                | mañana por la tarde
2026-11-19 19:00 | el jueves a las siete de la tarde
2026-11-19 19:30 | el jueves a las siete y media de la tarde
2026-11-19 19:15 | el jueves a las siete y cuarto de la tarde
2026-11-19 19:45 | el jueves a las ocho menos cuarto de la tarde
2026-11-19 19:30 | el jueves a las 7 y media de la tarde
-                | el jueves a las siete y media
2026-11-20 21:00 | el viernes a las nueve de la noche
2026-11-20 13:00 | el viernes a la una de la tarde
2026-11-20 19:00 | viernes 19h
2026-11-20 19:00 | viernes 19:00
2026-11-20 18:00 | el próximo viernes a las 18:00
2026-11-20 18:00 | el viernes que viene a las 18:00
2026-11-18 17:00 | hoy a las 17:00
2026-11-18 17:00 | hoy a las cinco de la tarde
2026-11-18 20:00 | esta noche a las 8
2026-11-18 20:00 | esta noche a las ocho
2026-11-18 17:00 | esta tarde a las cinco
2026-11-20 19:00 | pasado mañana a las 19:00
2026-11-20 19:00 | pasado mañana a las 7 de la tarde
2026-11-19 12:00 | al mediodía de mañana
2026-11-19 12:00 | mañana al mediodía
2026-11-27 19:00 | el 27 de noviembre a las 19:00
2026-11-27 12:00 | 27 de noviembre
2026-11-27 19:00 | viernes 27 de noviembre a las 19 horas
2026-11-27 19:00 | 27/11 a las 19:00
2026-12-09 12:00 | dentro de tres semanas
2026-12-09 12:00 | en tres semanas
2026-11-25 12:00 | en una semana
2026-11-18 11:00 | en una hora
2026-11-18 12:00 | dentro de dos horas
2026-11-18 10:30 | en media hora
2026-11-23 12:00 | la semana que viene
2026-12-01 12:00 | el mes que viene
-                | el fin de semana
-                | después del trabajo
-                | a medianoche
2027-01-01 12:00 | el 1 de enero
-                | el sábado a las 10
2026-11-21 10:00 | el sabado a las 10:00
2026-11-18 18:00 | el miércoles a las 18:00
2026-11-18 20:00 | esta noche a las 8:00
2026-11-19 12:45 | mañana a la una menos cuarto de la tarde
-                | el jueves a la una y media
""",
}

ELSEWHERE = [
    # written in, at, what, the moment in UTC
    ("en", "America/New_York", "2026-11-18 20:00", "tomorrow 7pm", "2026-11-20 00:00"),
    ("en", "Asia/Kolkata", "2026-11-18 23:30", "tomorrow 9:00", "2026-11-19 03:30"),
    ("de", "Pacific/Auckland", "2026-11-18 10:00", "Freitag 19 Uhr", "2026-11-20 06:00"),
    ("es", "America/Bogota", "2026-11-18 10:00", "el viernes a las siete de la tarde", "2026-11-21 00:00"),
    ("en", "Europe/London", "2026-11-18 10:00", "friday 19:00 utc", "2026-11-20 19:00"),
    # the clocks go forward in the night to 28 March 2027, and back in the night to 25 October 2026
    ("de", "Europe/Berlin", "2027-03-27 10:00", "morgen 19 Uhr", "2027-03-28 17:00"),
    ("de", "Europe/Berlin", "2027-03-27 10:00", "in 2 Tagen um 19 Uhr", "2027-03-29 17:00"),
    ("de", "Europe/Berlin", "2027-03-28 01:30", "in zwei Stunden", "2027-03-28 02:30"),
    ("en", "Europe/London", "2027-03-28 00:30", "in half an hour", "2027-03-28 01:00"),
    ("es", "Europe/Madrid", "2026-10-24 10:00", "mañana a las siete de la tarde", "2026-10-25 18:00"),
    ("de", "Europe/Berlin", "2026-10-25 01:30", "in zwei Stunden", "2026-10-25 01:30"),
    ("de", "Europe/Berlin", "2026-10-24 10:00", "morgen 12 Uhr", "2026-10-25 11:00"),
    # the end of a month and of a year
    ("en", "Europe/London", "2026-12-31 22:00", "tomorrow at noon", "2027-01-01 12:00"),
    ("de", "Europe/Berlin", "2027-01-31 10:00", "nächsten Monat", "2027-02-01 11:00"),
    ("es", "Europe/Madrid", "2026-12-28 10:00", "el viernes a las 19:00", "2027-01-01 18:00"),
]


def read(language: str, text: str, now_ms: Ms, zone: str) -> str:
    """What a language's own reader makes of a text, in the writer's time."""
    tongue = next(t for t in listening_to(language).tongues if t.vocabulary.language == language)
    found = tongue.moments.read(text, now_ms, zone)
    return (
        UNCLEAR if found is None else f"{datetime.fromtimestamp(found / 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    )


def moment_ms(written: str, zone: str) -> Ms:
    return int(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


ROWS = [
    (language, *map(str.strip, row.split("|")))
    for language, table in SEEN_FROM_WEDNESDAY.items()
    for row in table.splitlines()
]


def test_the_table_is_a_table_worth_its_name() -> None:
    assert len(ROWS) + len(ELSEWHERE) >= 200
    assert len({(language, text) for language, _, text in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("language", "expected", "text"), ROWS, ids=[f"{la}: {t}" for la, _, t in ROWS])
def test_a_moment_is_read_as_people_write_it(language: str, expected: str, text: str) -> None:
    zone = HOME[language]
    assert read(language, text, moment_ms(WEDNESDAY, zone), zone) == expected


@pytest.mark.parametrize(("language", "zone", "now", "text", "expected"), ELSEWHERE)
def test_it_is_meant_where_it_is_written(
    language: str, zone: str, now: str, text: str, expected: str
) -> None:
    found = read(language, text, moment_ms(now, zone), zone)
    assert found != UNCLEAR
    tongue = Moments(language, Vocabulary.load(language).moments, Vocabulary.load(language).said.numbers)
    assert tongue.read(text, moment_ms(now, zone), zone) == moment_ms(expected, "UTC")


@pytest.mark.parametrize(("language", "expected", "text"), ROWS, ids=[f"{la}: {t}" for la, _, t in ROWS])
def test_capitals_and_a_full_stop_change_nothing(language: str, expected: str, text: str) -> None:
    zone = HOME[language]
    assert read(language, f" {text.upper()}. ", moment_ms(WEDNESDAY, zone), zone) == expected
