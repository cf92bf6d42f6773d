"""What a time zone is called: its city, in the reader's language, or its distance to UTC."""

from __future__ import annotations

import re

from babel import Locale
from babel.dates import get_timezone_location

from engine.core.schedule import zone

_DISTANCE = re.compile(r"Etc/GMT([+-])(\d{1,2})")


def place_of(name: str, locale: Locale) -> str:
    """The name of a zone as people say it: "Vienna", "UTC+2"."""
    there = zone(name)
    if there.key == "UTC":
        return "UTC"
    distance = _DISTANCE.fullmatch(there.key)
    if distance is not None:
        # The tz database counts the other way round.
        return f"UTC{'-' if distance[1] == '+' else '+'}{distance[2]}"
    return get_timezone_location(there, locale=locale, return_city=True).rpartition("/")[2]
