"""Two hours of the day between which it is to be quiet, as people write them: "from 22 to 8", "10pm-8am"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bridge.reading.plainly import shape
from bridge.wording.vocabulary import MomentWords

DAY_HOURS = 24
HALF_DAY_HOURS = 12
LONGEST_MEANT_HOURS = 14
"""Quiet for longer than this, where nothing says which half of the day is meant, is the evening: "from 10 to 8"."""
MOST_LETTERS = 60

_NUMBER = r"\d{1,2}(?:(?:[:.]|\s?h\s?)\d{2})?"
_MINUTES = re.compile(r"(\d{1,2})(?:(?:[:.]|\s?h\s?)(\d{2}))?")


def hours_meant(written: str, words: Sequence[MomentWords]) -> tuple[int, int] | None:
    """The hours a text names, from and to, each from 0 to 23; two of the same where nothing is to be quiet.

    Minutes are rounded so that no quiet is lost. None where it names anything else than two times of day.
    """
    text = shape(written[: MOST_LETTERS + 1]).replace("a.m.", "am").replace("p.m.", "pm").strip(" .,;!")
    if len(written) > MOST_LETTERS:
        return None
    found = _pattern(words).fullmatch(text)
    if found is None:
        return None
    begins = _Clock(found["begin"], found["half"] or "", words)
    ends = _Clock(found["end"], found["other_half"] or "", words)
    if begins.hour is None or ends.hour is None:
        return None
    start, end = begins.hour, (ends.hour + (1 if ends.minutes else 0)) % DAY_HOURS
    if begins.is_open and ends.is_open and start <= HALF_DAY_HOURS and start != end:
        lasting = (end - start) % DAY_HOURS
        start = (start + HALF_DAY_HOURS) % DAY_HOURS if lasting > LONGEST_MEANT_HOURS else start
    return start, end


class _Clock:
    """One of the two times of day."""

    def __init__(self, number: str, half: str, words: Sequence[MomentWords]) -> None:
        half = half.strip()
        self.minutes = 0
        self.is_open = False
        """Whether it could be either half of the day."""
        self.hour: int | None
        if any(number == shape(noon) for each in words for noon in each.noon):
            self.hour = HALF_DAY_HOURS
            return
        found = _MINUTES.fullmatch(number)
        if found is None:
            self.hour = 0  # midnight, the only other word that stands for a time
            return
        hour, self.minutes = int(found[1]), int(found[2] or 0)
        self.hour = hour if hour <= DAY_HOURS and self.minutes < 60 else None
        if half in ("am", "pm") and self.hour is not None:
            self.hour = (
                hour % HALF_DAY_HOURS + (HALF_DAY_HOURS if half == "pm" else 0) if hour <= 12 else None
            )
        elif half and self.hour is not None:
            late = _is_one_of(half, [each.afternoon for each in words]) or half in NIGHTS
            self.hour = _by_half(hour, late=late, night=half in NIGHTS)
        else:
            self.is_open = 1 <= hour <= HALF_DAY_HOURS
        if self.hour is not None:
            self.hour %= DAY_HOURS


NIGHTS = ("at night", "in der nacht", "nachts", "de la noche", "por la noche")
"""Twelve of these is midnight, and from one to five it is before the morning."""
MIDNIGHTS = ("midnight", "mitternacht", "medianoche", "la medianoche")
EARLY_HOURS = 5


def _by_half(hour: int, *, late: bool, night: bool) -> int:
    if night and hour <= EARLY_HOURS:
        return hour
    if not late or hour > HALF_DAY_HOURS:
        return hour
    if hour == HALF_DAY_HOURS:
        return 0 if night else HALF_DAY_HOURS
    return hour + HALF_DAY_HOURS


def _is_one_of(half: str, lists: Sequence[Collection[str]]) -> bool:
    return any(half == shape(word) for words in lists for word in words)


def _pattern(words: Sequence[MomentWords]) -> re.Pattern[str]:
    noons = [shape(word) for each in words for word in each.noon]
    halves = [shape(word) for each in words for word in (*each.forenoon, *each.afternoon)]
    half = _either(["am", "pm", *halves, *NIGHTS])
    clock = rf"(?:{_NUMBER}|{_either([*noons, *MIDNIGHTS])})"
    lead = r"(?:(?:from|between|von|zwischen|ab|de|desde|entre|at)\s+)?(?:las?\s+)?"
    joint = r"\s*(?:-|–|—|\bto\b|\buntil\b|\btill?\b|\band\b|\bbis\b|\bund\b|\ba\b|\bhasta\b|\by\b)\s*(?:las?\s+)?"
    tail = r"(?:\s*(?:uhr|hs|hrs|horas?|h|o'clock))?"
    return re.compile(
        rf"{lead}(?P<begin>{clock}){tail}(?P<half>\s*{half})?{tail}"
        rf"{joint}(?P<end>{clock}){tail}(?P<other_half>\s*{half})?{tail}"
    )


def _either(words: Sequence[str]) -> str:
    longest_first = sorted(dict.fromkeys(words), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first))})"
