"""Durations and moments as people write them: ``3 days``, ``1 day before starts``, ``halfway to ends``."""

from __future__ import annotations

import re

from engine.core.definition import MomentExpr
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
}
_DURATION = re.compile(r"(?P<count>\d{1,4}|[a-z]+) +(?P<unit>[a-z]+?)s?", re.IGNORECASE)
_MOMENT = re.compile(r"(?P<span>.+?) +(?P<side>before|after) +(?P<base>[a-z][a-z0-9_]*)")
_HALFWAY = re.compile(r"halfway +to +(?P<base>[a-z][a-z0-9_]*)")
_NO_BASES = ("halfway", "before", "after", "until")
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

MOMENT_HINT = (
    "write for example `3 days after entering`, `1 day before starts`, `halfway to ends` or `starts`"
)


class Unreadable(Exception):
    """A small sentence in a file cannot be read; ``offset`` counts characters from its beginning."""

    def __init__(self, code: str, message: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.offset = offset


def read_duration(text: str) -> Ms:
    """Read ``3 days`` or ``a week``. A month counts 30 days, a year 365.

    Raises:
        Unreadable: it is no duration, or none at all.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is not None:
        count = found["count"].lower()
        number = int(count) if count.isdigit() else _COUNTS.get(count)
        unit = _UNITS.get(found["unit"].lower())
        if number and unit:
            return number * unit
    raise Unreadable("duration", f"`{text}` is no length of time", "write for example `3 days` or `2 hours`")


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


def read_moment(text: str) -> MomentExpr:
    """Read a moment: a base (``starts``, ``entering``, ``opening``), a time before or after it, or halfway to it.

    Raises:
        Unreadable: it is none of these.
    """
    text = text.removeprefix("until ").lstrip()
    if found := _HALFWAY.fullmatch(text):
        return MomentExpr(base=found["base"], halfway=True)
    if found := _MOMENT.fullmatch(text):
        span_ms = read_duration(found["span"])
        return MomentExpr(base=found["base"], offset_ms=-span_ms if found["side"] == "before" else span_ms)
    if _NAME.fullmatch(text) and text not in _NO_BASES:
        return MomentExpr(base=text)
    if _DURATION.fullmatch(text):
        raise Unreadable("moment", f"`{text}` does not say from when", MOMENT_HINT)
    raise Unreadable("moment", f"`{text}` is no moment", MOMENT_HINT)
