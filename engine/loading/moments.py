"""Durations and moments as people write them: ``3 days``, ``1 day before starts``, ``halfway to ends``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.core.definition import MomentExpr
from engine.core.finding import nearest
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Ms

_UNITS: dict[str, Ms] = {
    "minute": MINUTE_MS,
    "hour": HOUR_MS,
    "day": DAY_MS,
    "week": WEEK_MS,
    "month": 30 * DAY_MS,
    "year": 365 * DAY_MS,
}
_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "other": 2,
    "second": 2,
    "third": 3,
}
_DURATION = re.compile(r"(?:every +)?(?:(?P<count>\d{1,4}|[a-z]+) +)?(?P<unit>[a-z]+?)s?", re.IGNORECASE)
_EACH: dict[str, Ms] = {
    "hourly": HOUR_MS,
    "daily": DAY_MS,
    "weekly": WEEK_MS,
    "fortnightly": 2 * WEEK_MS,
    "fortnight": 2 * WEEK_MS,
    "biweekly": 2 * WEEK_MS,
    "monthly": 30 * DAY_MS,
    "quarterly": 90 * DAY_MS,
    "yearly": 365 * DAY_MS,
}
"""Lengths of time that are one word."""
_MOMENT = re.compile(r"(?P<span>.+?) +(?P<side>before|after) +(?:the +)?(?P<base>[a-z][a-z0-9_]*)")
_HALFWAY = re.compile(r"halfway +to +(?:the +)?(?P<base>[a-z][a-z0-9_]*)")
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_FIXED = re.compile(
    rf"\d{{1,4}}[-./]\d{{1,2}}|\d{{1,2}}:\d{{2}}|\b(?:{_DAY}|today|tonight|tomorrow|noon|midnight|next|this|"
    r"january|february|march|april|may|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(rf"(?:every +|on +)*(?P<day>{_DAY})", re.IGNORECASE)
_NO_BASES = ("halfway", "before", "after", "until")
_AFTER_ANSWERING = re.compile(r"\s+after +(?:answering|the +answer|they +are +written)\s*$", re.IGNORECASE)
_FOR_EVER = ("for ever", "forever", "always")
FOR_EVER_DAYS = 100 * 365
"""What somebody means who writes that words are kept for ever; the checker has its say about it."""

MOMENTS: tuple[tuple[str, str], ...] = (
    ("starts", "The moment that a detail holds."),
    ("1 day before starts", "A length of time before or after it."),
    ("14 days after entering", "Counted from when this state (or step) was entered."),
    ("7 days after opening", "Counted from when this question was put; only in an ask."),
    ("halfway to ends", "The middle between entering this state and a moment."),
    ("until starts", "The same as `starts`."),
)
"""How a moment is written: an example of each way, and what it means."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")

FOLLOWS = "follows"
"""The code of what only follows from something else that is wrong: it is not said."""

LENGTHS: tuple[tuple[str, str], ...] = (
    ("3 days", "Minutes, hours, days, weeks, months, years; numbers up to twelve also as words."),
    ("1 month", "A month counts 30 days, a year 365: what is monthly moves through the calendar a little."),
    ("every week", "Where something comes round; also `every other week`, `weekly`, `monthly`."),
)
"""How a length of time is written: an example of each way, and what it means."""


class Unreadable(Exception):
    """A small sentence in a file cannot be read; ``offset`` counts characters from its beginning.

    ``word``: a name that is wrong wherever it stands, so that once is enough to say so.
    """

    def __init__(self, code: str, message: str, hint: str = "", offset: int = 0, word: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.offset = offset
        self.word = word


def moment_hint(dates: Sequence[str] = (), counted_from: str = "entering") -> str:
    """What a moment could be, by the dates that a file has."""
    if not dates:
        return f"write for example `3 days after {counted_from}`"
    return f"write for example `1 day before {dates[0]}`, `{dates[0]}` or `3 days after {counted_from}`"


def read_duration(text: str) -> Ms:
    """Read ``3 days``, ``a week``, ``every week`` or ``weekly``. A month counts 30 days, a year 365.

    Raises:
        Unreadable: it is no duration, or none at all.
    """
    written = text.strip().lower()
    each = _EACH.get(written.removeprefix("every ").strip())
    if each is not None:
        return each
    found = _DURATION.fullmatch(written)
    if found is not None:
        count = found["count"] or ("one" if written.endswith(found["unit"]) else "")
        number = int(count) if count.isdigit() else _COUNTS.get(count)
        unit = _UNITS.get(found["unit"])
        if number and unit:
            return number * unit
    raise Unreadable("duration", f"`{text}` is no length of time", _length_hint(written))


def _length_hint(written: str) -> str:
    day = _WEEKDAY.fullmatch(written)
    if day is not None:
        return "write `1 week`; the day of the week is the one on which it was begun"
    last = (written.split() or [""])[-1]
    near = nearest(last, (*_UNITS, *(f"{unit}s" for unit in _UNITS), *_EACH))
    if near is not None and near != last:
        return f"did you mean `{' '.join((*written.split()[:-1], near))}`?"
    return "write for example `3 days` or `2 hours`"


def read_days(text: str) -> int:
    """Read a duration that is a number of whole days; ``for ever`` is a hundred years.

    Raises:
        Unreadable: it is no duration, or not whole days.
    """
    if text.strip().lower() in _FOR_EVER:
        return FOR_EVER_DAYS
    days, rest = divmod(read_duration(text), DAY_MS)
    if rest:
        raise Unreadable("duration", f"`{text}` is not a number of whole days", "write for example `30 days`")
    return days


def read_kept(text: str) -> tuple[int, bool]:
    """Read how many days words are kept, and whether they count from the answer: ``30 days after answering``.

    Raises:
        Unreadable: it is no duration, or not whole days.
    """
    found = _AFTER_ANSWERING.search(text)
    return read_days(text[: found.start()] if found else text), found is not None


def read_moment(text: str, dates: Sequence[str] = (), counted_from: str = "entering") -> MomentExpr:
    """Read a moment: a base (``starts``, ``entering``, ``opening``), a time before or after it, or halfway to it.

    ``dates``, ``counted_from``: what a hint may speak of.

    Raises:
        Unreadable: it is none of these.
    """
    text = text.removeprefix("until ").lstrip()
    if found := _HALFWAY.fullmatch(text):
        return MomentExpr(base=found["base"], halfway=True)
    if found := _MOMENT.fullmatch(text):
        span_ms = read_duration(found["span"].removeprefix("the "))
        return MomentExpr(base=found["base"], offset_ms=-span_ms if found["side"] == "before" else span_ms)
    hint = moment_hint(dates, counted_from)
    if _FIXED.search(text) and text not in dates:
        message = f"`{text}`: a fixed day or time cannot stand here"
        helps = "count from one of your dates" if dates else "it begins at another time each time"
        raise Unreadable("moment", message, f"{helps}; {hint}")
    if _NAME.fullmatch(text) and text not in _NO_BASES:
        return MomentExpr(base=text)
    if _is_length(text):
        raise Unreadable("moment", f"`{text}` does not say from when", hint)
    raise Unreadable("moment", f"`{text}` is no moment", hint)


def _is_length(text: str) -> bool:
    try:
        return read_duration(text) > 0
    except Unreadable:
        return False
