"""Time zones as people name them: a city, a country with one zone, a name of the tz database, a distance to UTC."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from difflib import get_close_matches
from zoneinfo import available_timezones

import msgspec
from babel.core import get_global

from bridge.reading.plainly import loosely, plainly, without_politeness
from bridge.wording.places import place_of
from bridge.wording.sentences import LANGUAGES, locale_of
from bridge.wording.vocabulary import SaidWords

MOST_NEAR = 4
CLOSE = 0.75
LEAST_LETTERS = 4
"""Of fewer, too many names are near."""
LONGEST_LETTERS = 60
FURTHEST_WEST, FURTHEST_EAST = -12, 14
"""Hours from UTC that anybody lives by."""
MAIN_ZONES = {
    "AR": "America/Argentina/Buenos_Aires",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "MH": "Pacific/Majuro",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
"""Countries that are meant by one of their zones as a whole (CLDR, ``primaryZones`` of metaZones.xml);
Argentina has one time.
"""
LARGE_CITIES = {
    "AU": ("Australia/Sydney", "Australia/Brisbane", "Australia/Adelaide", "Australia/Perth"),
    "BR": ("America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha"),
    "CA": ("America/Toronto", "America/Vancouver", "America/Winnipeg", "America/Halifax"),
    "MX": ("America/Mexico_City", "America/Tijuana", "America/Hermosillo", "America/Cancun"),
    "RU": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Novosibirsk", "Asia/Vladivostok"),
    "US": ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"),
}
"""Of countries with several times, where most people live by each."""
ALSO_CALLED = {
    "GB": (
        "uk",
        "england",
        "inglaterra",
        "scotland",
        "wales",
        "great britain",
        "großbritannien",
        "gran bretaña",
    ),
    "US": ("us", "usa", "eeuu", "ee uu", "vereinigte staaten von amerika"),
}
BETWEEN_HOURS = {
    (3, 30): "Asia/Tehran",
    (4, 30): "Asia/Kabul",
    (5, 30): "Asia/Kolkata",
    (5, 45): "Asia/Kathmandu",
    (6, 30): "Asia/Yangon",
    (9, 30): "Australia/Darwin",
}
"""Distances to UTC of no whole hours by which one country, or part of one, lives all year."""
REGIONS = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
"""Of the tz database, those whose zones are named after cities."""
_UTC = re.compile(r"(?:utc|gmt|z)?\s*(?:([+\-−±])\s*(\d{1,2})(?::?(\d{2}))?)?")
_ALIASES = {"Europe/Kiev": "Europe/Kyiv", "Asia/Calcutta": "Asia/Kolkata"}


class Meant(msgspec.Struct, frozen=True):
    """The zone that is meant with what it is called; or, where that is not clear, names that would be."""

    zone: str | None = None
    place: str | None = None
    near: tuple[str, ...] = ()


def zone_meant(written: str, said: SaidWords, language: str) -> Meant:
    """Which zone a text names; ``language`` is the one in which places are written to this person."""
    if len(written) > LONGEST_LETTERS:
        return Meant()
    text = without_politeness(plainly(written), said.polite)
    offset = _by_offset(written.strip(" .!?"))
    if offset is not None:
        return _of(offset, language)
    wanted = _comparable(text)
    wanted = wanted.removesuffix(" time").removeprefix("in ").removeprefix("en ").strip()
    names = _zones()
    if wanted in names:
        zones = names[wanted]
        if len(zones) == 1:
            return _of(zones[0], language)
        return Meant(near=tuple(_placed(zone, language) for zone in zones[:MOST_NEAR]))
    if len(wanted) < LEAST_LETTERS:
        return Meant()
    close = get_close_matches(wanted, list(names), n=2 * MOST_NEAR, cutoff=CLOSE)
    near = [zone for each in close for zone in names[each][:1]]
    return Meant(near=tuple(dict.fromkeys(_placed(zone, language) for zone in near))[:MOST_NEAR])


def _of(zone: str, language: str) -> Meant:
    return Meant(zone, _placed(zone, language))


def _placed(zone: str, language: str) -> str:
    return place_of(zone, locale_of(language))


def _comparable(text: str) -> str:
    return " ".join(re.sub(r"[_\-.,/]+", " ", loosely(text)).split())


def _by_offset(text: str) -> str | None:
    """The zone of a distance to UTC; None for anything else, and for distances by which nobody lives all year."""
    found = _UTC.fullmatch(text.casefold())
    if found is None or not text:
        return None
    sign, hours, minutes = found.groups()
    if sign is None:
        return "UTC"
    offset = int(hours) * (1 if sign == "+" else -1)
    if int(minutes or 0):
        return BETWEEN_HOURS.get((offset, int(minutes)))
    if not FURTHEST_WEST <= offset <= FURTHEST_EAST:
        return None
    # The tz database counts the other way round: Etc/GMT-2 is two hours ahead of UTC.
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


@functools.cache
def _zones() -> Mapping[str, tuple[str, ...]]:
    """Name → zones, in all languages: of the tz database, of a city, or of a country."""
    found: dict[str, list[str]] = {}
    known = available_timezones()
    of_countries: Mapping[str, list[str]] = get_global("territory_zones")
    countries = {c: [_present(z) for z in zones if z in known] for c, zones in of_countries.items()}
    lived_in = (zone for zones in countries.values() for zone in zones if not zone.startswith("Etc/"))
    placed = list(dict.fromkeys(lived_in))
    for zone in placed:
        for language in LANGUAGES:
            _add(found, place_of(zone, locale_of(language)), zone)
        _add(found, zone.rpartition("/")[2], zone)
    for country, zones in countries.items():
        meant = [MAIN_ZONES[country]] if country in MAIN_ZONES else [*LARGE_CITIES.get(country, zones)]
        for name in _names_of(country):
            if _comparable(name) not in found:  # "Singapore", "Luxembourg" and the like are cities first
                for zone in meant:
                    _add(found, name, zone)
    for zone in sorted(known):
        region, _, city = zone.rpartition("/")
        if region and region != "Etc":  # "EST" is Panama's time there, and hardly what somebody means by it
            found.setdefault(_comparable(zone), [_present(zone)])
        if region in REGIONS:
            found.setdefault(_comparable(city), [_present(zone)])
    return {name: tuple(zones) for name, zones in found.items()}


def _present(zone: str) -> str:
    return _ALIASES.get(zone, zone)


def _names_of(country: str) -> set[str]:
    names = (locale_of(language).territories.get(country) for language in LANGUAGES)
    return {*ALSO_CALLED.get(country, ()), *(name for name in names if name)}


def _add(found: dict[str, list[str]], name: str, zone: str) -> None:
    zones = found.setdefault(_comparable(name), [])
    if zone not in zones:
        zones.append(zone)
