"""What stands in the gap of a command: a number, a workflow, a language, a day of the week."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import Literal, Protocol

from babel.dates import get_day_names

from bridge.reading.plainly import bare_number, loosely, plainly, without_politeness
from bridge.wording.sentences import LANGUAGES, locale_of
from bridge.wording.vocabulary import SaidWords
from engine.core.definition import TITLE_TEXT, Definition

LETTER = "letter"
"""The weekly letter, which can be stopped and started like a workflow."""
_WIDTHS: tuple[Literal["wide"], Literal["abbreviated"]] = ("wide", "abbreviated")
_MANY = ("s", "es", "n", "en")
"""Endings by which people say "stop invitations" for what is called "Invitation"."""


class DefinitionsHeld(Protocol):
    """The definitions that are in memory, and which of them are in service."""

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest."""

    def names(self) -> tuple[str, ...]:
        """The names in service."""

    def in_service(self, name: str) -> Definition | None:
        """The definition in service under this name."""


def has_digit(written: str) -> bool:
    """Whether a gap holds a number at all."""
    return any(letter.isdecimal() for letter in written)


def number_in(written: str, said: SaidWords) -> int | None:
    """The number that a gap holds, in digits or as a word."""
    plain = without_politeness(plainly(written), said.polite)
    number = bare_number(plain)
    return number if number is not None else said.numbers.get(plain)


# ── workflows ────────────────────────────────────────────────────────────────


def workflow_meant(
    written: str, definitions: DefinitionsHeld, said: SaidWords, letter: Collection[str] = ()
) -> str | None:
    """The name of the workflow that is meant: by its name, the word that begins it, or its title in any language.

    ``letter`` are the words for the weekly letter, where that may be meant too.
    """
    plain = without_politeness(plainly(written), said.polite)
    wanted = {loosely(plain), loosely(_without_article(plain, said))}
    if any(_is_said(wanted, spelling) for spelling in letter):
        return LETTER
    called = {
        name: names_of(definition)
        for name in definitions.names()
        if (definition := definitions.in_service(name)) is not None
    }
    exact = [name for name, forms in called.items() if any(loosely(form) in wanted for form in forms)]
    near = exact or [name for name, forms in called.items() if any(_is_said(wanted, form) for form in forms)]
    return near[0] if near else None


def names_of(definition: Definition) -> tuple[str, ...]:
    """All that a workflow may be called."""
    titles = (texts[TITLE_TEXT] for texts in definition.translations.values() if TITLE_TEXT in texts)
    name = definition.name.replace("_", " ")
    return tuple(dict.fromkeys((definition.title, name, definition.begins_with, *titles)))


def _is_said(wanted: Collection[str], form: str) -> bool:
    called = loosely(form)
    return called in wanted or any(f"{called}{ending}" in wanted for ending in _MANY)


def _without_article(plain: str, said: SaidWords) -> str:
    first, _, rest = plain.partition(" ")
    return rest if rest and first in said.articles else plain


# ── languages ────────────────────────────────────────────────────────────────


def language_meant(written: str, said: SaidWords) -> tuple[bool, str | None]:
    """Whether a language is named, and its code if it is one that the bot speaks."""
    plain = loosely(without_politeness(plainly(written), said.polite))
    spoken = _languages().get(plain)
    return spoken is not None, spoken if spoken in LANGUAGES else None


@functools.cache
def _languages() -> Mapping[str, str]:
    """Name → code, as each language that the bot speaks calls all of them."""
    found: dict[str, str] = {}
    for each in LANGUAGES:
        for code, name in locale_of(each).languages.items():
            found.setdefault(loosely(name), code)
    for code in LANGUAGES:
        # Last, so that nothing stands in their way: "Spanish", "español", "Spanisch", and their codes.
        found |= {loosely(locale_of(each).languages[code]): code for each in LANGUAGES} | {code: code}
    return found


# ── days of the week ─────────────────────────────────────────────────────────


def weekday_meant(written: str, said: SaidWords) -> int | None:
    """The day of the week that is named, 0 is Monday; "Fridays" is one too."""
    plain = loosely(without_politeness(plainly(written), said.polite)).strip(".")
    words = _without_article(plain, said)
    return _weekdays().get(words)


@functools.cache
def _weekdays() -> Mapping[str, int]:
    found: dict[str, int] = {}
    for each in LANGUAGES:
        for width in _WIDTHS:
            for number, name in get_day_names(width, locale=locale_of(each)).items():
                day = loosely(str(name)).strip(".")
                for form in (day, f"{day}s"):
                    found.setdefault(form, int(number))
    return found
