"""The time of day as people say it: "half past seven", "halb acht", "las siete y media", "neunzehn Uhr dreißig".

Here it is only put into digits; which half of the day is meant, and whether that is clear, is for whoever reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from bridge.wording.vocabulary import MomentWords

HALF_A_DAY_HOURS = 12
_HOUR_MINUTES = 60


class InDigits(msgspec.Struct, frozen=True):
    """A text whose spoken time stands in digits; ``vague`` if it leaves open which half of the day is meant."""

    text: str
    vague: bool = False


class SpokenClock:
    """Puts the spoken times of one language into digits."""

    def __init__(self, words: MomentWords, numbers: Mapping[str, int]) -> None:
        self._numbers = numbers
        spelled = "|".join(sorted(map(re.escape, numbers), key=len, reverse=True))
        number = rf"(?P<n>\d{{1,2}}|{spelled})" if spelled else r"(?P<n>\d{1,2})"
        self._forms = [
            (re.compile(rf"\b{re.escape(form).replace('<n>', number)}(?!\w)"), minutes)
            for form, minutes in sorted(words.clock.items(), key=lambda each: -len(each[0]))
        ]
        at = "|".join(sorted(map(re.escape, words.at), key=len, reverse=True))
        behind = "|".join(map(re.escape, ("am", "pm", *words.o_clock, *words.forenoon, *words.afternoon)))
        hours = "|".join(map(re.escape, words.o_clock))
        self._spelled_hour = re.compile(rf"\b(?P<n>{spelled})(?= (?:{behind})(?!\w))") if spelled else None
        self._spelled_at = re.compile(rf"\b(?P<at>{at}) (?P<n>{spelled})(?!\w)") if spelled else None
        self._hour_and_minutes = re.compile(
            rf"\b(?P<n>\d{{1,2}}) (?:{hours}) (?P<m>[0-5]\d|{spelled or '(?!)'})$"
        )
        self._at_hours = re.compile(rf"\b(?P<at>{at}) (?P<n>\d{{1,2}}) (?:{hours})(?!\w)")

    def in_digits(self, text: str) -> InDigits:
        """Put the time that a text says in words, if it does, into digits."""
        for pattern, minutes in self._forms:
            found = pattern.search(text)
            if found is not None:
                return self._exchanged(text, found, minutes)
        for spelled in (self._spelled_hour, self._spelled_at):
            found = spelled.search(text) if spelled is not None else None
            if found is not None:
                begin, end = found.span("n")
                text = f"{text[:begin]}{self._number(found['n'])}{text[end:]}"
        text = self._hour_and_minutes.sub(lambda found: f"{found['n']}:{self._number(found['m']):02}", text)
        return InDigits(self._at_hours.sub(lambda found: f"{found['at']} {found['n']}:00", text))

    def _exchanged(self, text: str, found: re.Match[str], minutes: int) -> InDigits:
        hour = self._number(found["n"])
        if minutes < 0:
            # Before one o'clock comes twelve, in the half of the day that was said.
            hour = hour - 1 or HALF_A_DAY_HOURS
        time = f"{hour}:{minutes % _HOUR_MINUTES:02}"
        vague = hour <= HALF_A_DAY_HOURS
        return InDigits(f"{text[: found.start()]}{time}{text[found.end() :]}", vague)

    def _number(self, written: str) -> int:
        return int(written) if written.isdecimal() else self._numbers[written]
