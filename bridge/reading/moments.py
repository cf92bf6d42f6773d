"""Days and times as people write them, in their own time zone: "Friday 19:00", "in 3 weeks", "27 November".

The time of day and the weekdays are read here, where "ambiguous" can be told from "clear"; dateparser reads
the rest of the day. A day without a time is its noon. What could mean two things means nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import dateparser
import msgspec
from babel.dates import get_day_names, get_month_names

from bridge.reading.plainly import shape
from bridge.reading.spoken_clock import HALF_A_DAY_HOURS, SpokenClock
from bridge.wording.sentences import locale_of
from bridge.wording.vocabulary import MomentWords
from engine.core.schedule import zone
from engine.core.values import Ms

LONGEST_LETTERS = 60
NOON = time(12)
LAST_YEAR = 2200
MOST_YEARS_UNSAID = 2
"""So far ahead a day without its year may lie; beyond that something else was read for one."""
FIRST_EVENING_HOUR = 4
MONTHS = 12
TELLING_LETTERS = 3
"""Of an abbreviation that speaks of a time all by itself: "Fri" does; "so" is no Sunday, nor "do" a Thursday."""

_WIDTHS: tuple[Literal["abbreviated"], Literal["wide"]] = ("abbreviated", "wide")
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[ t]\d{1,2}:\d{2}(?::\d{2})?\s?(?:z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE
)
_O_CLOCK = r"(?:uhr|h|hs|hrs|horas?)"
_CLOCK = re.compile(rf"\b(\d{{1,2}})[:h](\d{{2}})(?::00)?(?:\s*{_O_CLOCK})?(?:\s*(am|pm))?(?!\w)")
_DOTTED = re.compile(rf"\b(\d{{1,2}})\.(\d{{2}})\s*(am|pm|{_O_CLOCK})(?!\w)")
_DOTTED_LAST = re.compile(r"(?<=\s)(\d{1,2})\.(1[3-9]|[2-5]\d)$")
"""A time with a dot behind a day: its minutes cannot be a month."""
_HALF_WITH_DOTS = re.compile(r"\b([ap])\.\s?m\b\.?")
_TWO_DATES = re.compile(r"\d[./]\d+\.?\s+\d+[./]\d|\d\s*[-–]\s*\d")
_HALF_DAY = re.compile(r"\b(\d{1,2})\s*(am|pm)(?!\w)")
_FULL_HOUR = re.compile(r"\b(\d{1,2})\s*(?:h|hs|hrs|uhr)(?!\w)")
_UP_TO_ELEVEN = rf"\b(0?[1-9]|1[01])((?:[:.h][0-5]\d)?)(?:\s*{_O_CLOCK})?\s+"
_DAY_AND_MONTH = re.compile(r"\b(\d{1,2})[/](\d{1,2})\b(?:[/](\d{2,4}))?")
_NUMBER_ONLY = re.compile(r"[\d\s./-]*")


class _Clock(msgspec.Struct, frozen=True):
    """What was found of a time of day, and the text without it."""

    rest: str
    at: time | None = None
    clear: bool = True


class Moments:
    """Reads moments in one language; the words around them come from its vocabulary."""

    def __init__(self, language: str, words: MomentWords, numbers: Mapping[str, int] | None = None) -> None:
        """``numbers`` are spelled ones: "in three weeks"."""
        self._language = language
        self._words = words
        self._numbers = {**(numbers or {}), **dict.fromkeys(words.one, 1)}
        self._spoken = SpokenClock(words, {**(numbers or {}), **dict.fromkeys(words.one, 1)})
        self._halves_beside = tuple(
            (re.compile(rf"\b(?:{'|'.join(map(re.escape, beside))})(?!\w)"), half)
            for beside, half in ((words.morning, "am"), (words.day, "pm"), (words.evening, "evening"))
            if beside
        )
        locale = locale_of(language)
        self._weekdays: dict[str, int] = {}
        for width in _WIDTHS:
            for number, name in get_day_names(width, locale=locale).items():
                day = str(name).casefold().strip(".")
                self._weekdays |= {day: int(number), shape(day): int(number)}
        self._weekdays |= words.weekdays
        months = {
            width: [
                str(name).casefold().strip(".") for name in get_month_names(width, locale=locale).values()
            ]
            for width in _WIDTHS
        }
        days = [str(name).casefold() for name in get_day_names("wide", locale=locale).values()]
        said = [*words.today, *words.tomorrow, *words.tonight, *words.after_tomorrow]
        said += [*words.next_week, *words.next_month, *words.noon, *words.hours]
        short = [name for name in (*self._weekdays, *months["abbreviated"]) if len(name) >= TELLING_LETTERS]
        wide = [*days, *map(shape, days), *months["wide"], *said]
        self._telling = _begins_a_word([*wide, *short, *words.telling], digits=True)
        self._own = _begins_a_word([*wide, *words.telling], digits=False)
        noon = sorted(words.noon, key=len, reverse=True)
        self._noon = re.compile(rf"\b(?:{'|'.join(map(re.escape, noon))})\b")
        parts = sorted(words.parts_of_day, key=len, reverse=True)
        self._parts = re.compile(rf"\b(?:{'|'.join(map(re.escape, parts))})\b")
        self._compounds = re.compile(
            rf"\b({'|'.join(map(re.escape, days))})({'|'.join(map(re.escape, parts))})\b"
        )
        self._halves = tuple(
            (re.compile(rf"{_UP_TO_ELEVEN}(?:{'|'.join(map(re.escape, behind))})(?!\w)"), half)
            for behind, half in ((words.forenoon, "am"), (words.afternoon, "pm"))
        )

    def read(self, text: str, now_ms: Ms, time_zone: str, *, only_if_own: bool = False) -> Ms | None:
        """The moment that ``text`` names, seen from ``now_ms`` in ``time_zone``; None if it is not clear.

        ``only_if_own``: what shows no word of this very language, digits for example, is left to another one.
        """
        plain = " ".join(text.casefold().replace("’", "'").split()).strip(" .,!?")
        plain = _HALF_WITH_DOTS.sub(r"\1m", plain)
        if not plain or len(plain) > LONGEST_LETTERS or not self._telling.search(plain):
            return None
        if re.search(r"\d{5}", plain) or (only_if_own and not self._own.search(plain)):
            return None
        there = zone(time_zone)
        now = datetime.fromtimestamp(now_ms / 1000, there)
        try:
            found = self._moment(plain, now, there)
        except (OverflowError, ValueError):
            return None  # a year nobody lives to see
        if found is None or not now.year - 100 < found.year < LAST_YEAR:
            return None
        return int(found.timestamp() * 1000)

    def _moment(self, plain: str, now: datetime, there: ZoneInfo) -> datetime | None:
        if _ISO.fullmatch(plain):
            return _iso(plain, there)
        plain, there, now = self._in_utc(plain, now, there)
        if plain in self._words.half_an_hour:
            return (now + timedelta(minutes=30)).replace(second=0, microsecond=0)
        spoken = self._spoken.in_digits(plain)
        plain, beside = spoken.text, self._half_beside(spoken.text)
        for pattern, half in self._halves:
            plain = pattern.sub(rf"\1\2 {half}", plain)
        plain = self._compounds.sub(r"\1 \2", plain)
        beside = beside or self._half_beside(plain)
        clock = _in_its_half(self._clock(plain, beside), beside, plain, vague=spoken.vague)
        if not clock.clear:
            return None
        if clock.at is None and self._has_part_of_day(clock.rest):
            return None  # "tomorrow evening": when, then?
        rest = clock.rest if clock.at is None else self._without_parts(clock.rest)
        rest = self._without(rest, self._words.filler)
        rest = self._in_digits(rest)
        if not rest:
            return _next_time(clock.at, now, there) if clock.at else None
        if clock.at is None and self._counts_hours(rest):
            return self._after_a_while(rest, now, there)
        day = self._day(rest, clock.at, now, there)
        return datetime.combine(day, clock.at or NOON, there) if day else None

    def _in_utc(self, plain: str, now: datetime, there: ZoneInfo) -> tuple[str, ZoneInfo, datetime]:
        for word in self._words.utc:
            if plain.endswith(f" {word}"):
                utc = ZoneInfo("UTC")
                return plain[: -len(word)].strip(), utc, now.astimezone(utc)
        return plain, there, now

    def _has_part_of_day(self, text: str) -> bool:
        parts = (*self._words.parts_of_day, *self._words.tonight)
        return any(re.search(rf"\b{re.escape(part)}\b", text) for part in parts)

    def _in_digits(self, rest: str) -> str:
        """Write "in an hour" as "in 1 hour", which dateparser reads."""
        spelled = "|".join(map(re.escape, self._numbers))
        if not spelled:
            return rest
        found = re.match(rf"((?:\w+ ){{0,2}}?)({spelled})(?= )", rest)
        return f"{found[1]}{self._numbers[found[2]]}{rest[found.end() :]}" if found else rest

    # ── time of day ──────────────────────────────────────────────────────────

    def _half_beside(self, plain: str) -> str | None:
        """Which half of the day a word in a text names, whatever stands between that and the time."""
        named = {half for pattern, half in self._halves_beside if pattern.search(plain)}
        return named.pop() if len(named) == 1 else None

    def _clock(self, plain: str, beside: str | None) -> _Clock:
        without_noon = self._noon.sub(" ", plain)
        found = [
            m
            for pattern in (_CLOCK, _DOTTED, _DOTTED_LAST, _HALF_DAY, _FULL_HOUR)
            for m in pattern.finditer(without_noon)
        ]
        found = [m for m in found if not any(o is not m and _within(m, o) for o in found)]
        if not found:
            at_noon = without_noon != plain
            return _Clock(without_noon, NOON) if at_noon else self._hour_after_at(plain, beside)
        if len(found) > 1:
            return _Clock(plain, clear=False)
        at = _time_of(found[0])
        rest = f"{without_noon[: found[0].start()]} {without_noon[found[0].end() :]}"
        # "At noon, 12:00" says it twice; "at noon, 13:00" says two things.
        return _Clock(rest, at, clear=at is not None and (without_noon == plain or at == NOON))

    def _hour_after_at(self, plain: str, beside: str | None) -> _Clock:
        """Read a bare hour: "at 19" is clear, "at 7" may be morning or evening, if nothing beside it says which."""
        words = "|".join(re.escape(word) for word in self._words.at)
        found = re.search(rf"\b(?:{words}) (\d{{1,2}})$", plain)
        if found is None and beside is not None:
            found = re.search(rf"\b(?:{words}) (\d{{1,2}})(?= )", plain)
        if found is None:
            return _Clock(plain)
        hour = int(found.group(1))
        clear = HALF_A_DAY_HOURS < hour < 24 or (beside is not None and 1 <= hour < HALF_A_DAY_HOURS)
        rest = f"{plain[: found.start()]} {plain[found.end() :]}".strip()
        return _Clock(rest, time(hour) if clear else None, clear=clear)

    # ── the day ──────────────────────────────────────────────────────────────

    def _day(self, rest: str, at: time | None, now: datetime, there: ZoneInfo) -> date | None:
        named = self._named_day(rest, at, now)
        if named is not None:
            return named
        if self._is_ambiguous(rest):
            return None
        for phrase in self._words.next_week:
            day = self._weekdays.get(self._without(rest.replace(phrase, " "), self._words.filler))
            if day is not None and phrase in rest:
                return now.date() + timedelta(days=7 - now.weekday() + day)
        weekday, bare = self._weekday_in(rest)
        if weekday is not None and not bare:
            return self._weekday(rest, weekday, at, now)
        parsed = self._parsed(bare if weekday is not None else rest, now, there)
        if parsed is None or (weekday is not None and parsed.weekday() != weekday):
            return None  # "Friday 28 November" where the 28th is a Saturday
        if bare.isdecimal() and parsed.date() < now.date():
            return None  # "Tuesday 3": this month's has passed, so which one?
        return parsed.date()

    def _named_day(self, rest: str, at: time | None, now: datetime) -> date | None:
        words, today = self._words, now.date()
        if rest in words.today or (rest in words.tonight and at is not None):
            return today
        if rest in words.tomorrow:
            return today + timedelta(days=1)
        if rest in words.after_tomorrow:
            return today + timedelta(days=2)
        if rest in words.next_week:
            return today + timedelta(days=7 - today.weekday())
        if rest in words.next_month:
            return (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        return None

    def _is_ambiguous(self, rest: str) -> bool:
        if any(re.search(rf"\b{re.escape(word)}\b", rest) for word in self._words.relative_to_something):
            return True
        if _TWO_DATES.search(rest):
            return True
        slashed = _DAY_AND_MONTH.search(rest)
        if slashed is not None:
            one, two = int(slashed.group(1)), int(slashed.group(2))
            return two > MONTHS or (one <= MONTHS and one != two)
        return bool(_NUMBER_ONLY.fullmatch(rest)) and not re.search(r"\d\s*[.]\s*\d", rest)

    def _weekday_in(self, rest: str) -> tuple[int | None, str]:
        """The weekday a text names, and what else it says about the day."""
        words = [word.strip(".,") for word in rest.split()]
        days = [self._weekdays[word] for word in words if word in self._weekdays]
        if len(days) != 1:
            return None, rest
        leading = (*self._words.next, *self._words.this, *self._words.filler)
        others = [word for word in words if word and word not in self._weekdays and word not in leading]
        return days[0], " ".join(others)

    def _weekday(self, rest: str, weekday: int, at: time | None, now: datetime) -> date:
        """The next Friday whose moment is still to come, which is never today without a time; "next Friday" is the one
        of next week, from Monday on.
        """
        today = now.date()
        if rest.split(maxsplit=1)[0] in self._words.next:
            return today + timedelta(days=7 - today.weekday() + weekday)
        day = today + timedelta(days=(weekday - today.weekday()) % 7)
        return day + timedelta(days=7) if day == today and (at is None or now.time() >= at) else day

    def _counts_hours(self, rest: str) -> bool:
        return rest.rsplit(maxsplit=1)[-1] in self._words.hours

    def _after_a_while(self, rest: str, now: datetime, there: ZoneInfo) -> datetime | None:
        """So many hours from now; as many as pass, also where the clocks change meanwhile."""
        found = self._parsed(rest, now, there)
        if found is None:
            return None
        passed = found.replace(tzinfo=None) - now.replace(tzinfo=None, second=0, microsecond=0)
        return (now.replace(second=0, microsecond=0).astimezone(UTC) + passed).astimezone(there)

    def _parsed(self, rest: str, now: datetime, there: ZoneInfo) -> datetime | None:
        """What dateparser makes of it; its only clock is ours."""
        found = dateparser.parse(
            rest,
            languages=[self._language],
            settings={
                "RELATIVE_BASE": now.replace(tzinfo=None, second=0, microsecond=0),
                "PREFER_DATES_FROM": "future",
                "DATE_ORDER": "DMY",
                "REQUIRE_PARTS": ["day"],
                "RETURN_AS_TIMEZONE_AWARE": False,
            },
        )
        unsaid = not re.search(r"\d{4}", rest)
        if found is None or (unsaid and found.year > now.year + MOST_YEARS_UNSAID):
            return None
        moment: datetime = found.replace(tzinfo=there)
        return moment

    def _without_parts(self, text: str) -> str:
        """Beside a time, "in the evening" says nothing more; "tonight" does."""
        spoken = self._without(text, self._words.filler)
        return spoken if spoken in self._words.tonight else self._parts.sub(" ", spoken)

    def _without(self, text: str, filler: Collection[str]) -> str:
        words = text.replace(",", " ").split()
        while words and words[0] in filler:
            words.pop(0)
        while words and words[-1] in filler:
            words.pop()
        return " ".join(words)


def _iso(plain: str, there: ZoneInfo) -> datetime | None:
    moment = datetime.fromisoformat(re.sub(r"\s+(?=[z+-])", "", plain).upper())
    if len(plain) == len("2026-11-27"):
        moment = datetime.combine(moment.date(), NOON)
    return moment if moment.tzinfo else moment.replace(tzinfo=there)


def _in_its_half(clock: _Clock, beside: str | None, plain: str, *, vague: bool) -> _Clock:
    """A time moved into the half of the day that the words beside it name; unclear where that cannot be.

    ``vague``: it was said as one says it of either half.
    """
    if clock.at is None or not clock.clear or re.search(r"\d\s*[ap]m\b", plain):
        return clock
    hour = clock.at.hour
    if beside is None or not 1 <= hour <= HALF_A_DAY_HOURS:
        against = beside == "am" and hour > HALF_A_DAY_HOURS
        return msgspec.structs.replace(clock, clear=not against and not (vague and hour <= HALF_A_DAY_HOURS))
    if beside == "evening" and hour < FIRST_EVENING_HOUR:
        return msgspec.structs.replace(clock, clear=False)
    if beside == "am" or hour == HALF_A_DAY_HOURS:
        return msgspec.structs.replace(
            clock, clear=not (vague and hour == HALF_A_DAY_HOURS and beside != "pm")
        )
    return msgspec.structs.replace(clock, at=clock.at.replace(hour=hour + HALF_A_DAY_HOURS))


def _begins_a_word(names: Collection[str], *, digits: bool) -> re.Pattern[str]:
    """Finds one of these at the beginning of a word; short ones only as a whole word."""
    found = [re.escape(name) + ("" if len(name) > TELLING_LETTERS else r"\b") for name in names if name]
    words = rf"\b(?:{'|'.join(found)})"
    return re.compile(rf"\d|{words}" if digits else words)


def _within(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() >= other.start() and one.end() <= other.end()


def _time_of(found: re.Match[str]) -> time | None:
    groups = found.groups()
    hour = int(groups[0])
    minute = int(groups[1]) if len(groups) > 1 and (groups[1] or "").isdecimal() else 0
    half = (groups[-1] or "").replace(".", "") if len(groups) > 1 else ""
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _next_time(at: time, now: datetime, there: ZoneInfo) -> datetime:
    today = datetime.combine(now.date(), at, there)
    return today if today > now else datetime.combine(now.date() + timedelta(days=1), at, there)
