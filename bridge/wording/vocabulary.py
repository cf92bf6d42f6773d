"""The words people may say to the bot, read once from ``words/<language>.toml``.

A member is understood in every language the bot knows; where two of them mean different things by one spelling,
theirs counts.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from typing import Literal

import msgspec

from bridge.wording.sentences import ENGLISH, LANGUAGES

GAP = "…"
"""Stands in a spelling for a number, a workflow, a language, a day, or people."""


class MomentWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The small words around a day and a time."""

    one: tuple[str, ...]
    forenoon: tuple[str, ...]
    """Behind a time of up to eleven: it is meant before noon."""
    afternoon: tuple[str, ...]
    """Behind a time of up to eleven: it is meant after noon."""
    parts_of_day: tuple[str, ...]
    next: tuple[str, ...]
    """In front of a weekday: the one of next week, from Monday on."""
    this: tuple[str, ...]
    at: tuple[str, ...]
    noon: tuple[str, ...]
    tonight: tuple[str, ...]
    today: tuple[str, ...]
    tomorrow: tuple[str, ...]
    after_tomorrow: tuple[str, ...]
    next_week: tuple[str, ...]
    next_month: tuple[str, ...]
    filler: tuple[str, ...]
    relative_to_something: tuple[str, ...]
    hours: tuple[str, ...]
    weekdays: dict[str, int]
    """What days of the week are called besides what CLDR knows; 0 is Monday."""
    telling: tuple[str, ...]
    """Further words, or their beginnings, by which a text shows that it speaks of a time."""
    utc: tuple[str, ...]
    clock: dict[str, int] = {}
    """Times of day in words, ``<n>`` for the hour: how many minutes they lie after it, or, below 0, before it."""
    o_clock: tuple[str, ...] = ()
    """Behind an hour between 0 and 24."""
    morning: tuple[str, ...] = ()
    """Beside an hour of up to eleven: it is meant before noon."""
    day: tuple[str, ...] = ()
    """Beside one: it is meant after noon."""
    evening: tuple[str, ...] = ()
    """The same, for hours from four on."""
    half_an_hour: tuple[str, ...] = ()
    """From now."""


class SaidWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for a yes, a no, nobody, everybody, and the politeness around it."""

    yes: tuple[str, ...]
    maybe: tuple[str, ...]
    no: tuple[str, ...]
    against_a_yes: tuple[str, ...]
    """Words that take a yes back when they follow it: "yes, but only if …"."""
    against_a_no: tuple[str, ...]
    nothing: tuple[str, ...]
    everyone: tuple[str, ...]
    oneself: tuple[str, ...]
    """How people name themselves in a list of people."""
    polite: tuple[str, ...]
    thanks: tuple[str, ...]
    """What thanks without saying whom: alone it begins nothing."""
    joining: tuple[str, ...]
    """Words between people: "Ana and Ben"."""
    articles: tuple[str, ...]
    """What may be left out, or added, in front of a choice: "a proposal"."""
    numbers: dict[str, int]


class PauseWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand behind ``pause``: "until Monday", "for 2 weeks"."""

    until: tuple[str, ...]
    lasting: tuple[str, ...]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"filled": "with"}):
    """All of it; spellings are in small letters, without punctuation at their ends."""

    language: str
    own: tuple[str, ...]
    """Words of this language that must not be taken for those of another."""
    commands: dict[str, tuple[str, ...]]
    """The bot's own commands: word → its spellings."""
    filled: dict[str, tuple[str, ...]]
    """The same, with a `GAP` in each spelling."""
    workflows: dict[str, tuple[str, ...]]
    """Words that begin or move shipped workflows → how else they may be said in this language; with a `GAP`, around
    the people they are about.
    """
    pause: PauseWords
    said: SaidWords
    moments: MomentWords
    offices: dict[Literal["steward", "contact"], tuple[str, ...]] = {}
    """What a role is called whose holder looks after the circle, or is its safety contact."""

    @classmethod
    def load(cls, language: str = ENGLISH) -> Vocabulary:
        """The words of one language alone. Raises `FileNotFoundError` or `msgspec.ValidationError`."""
        file = files("bridge.wording").joinpath("words", f"{language}.toml")
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), cls)


@functools.cache
def spoken_as(word: str, language: str) -> str:
    """How a word that begins or moves a workflow is written in a language; the word itself where it has no other."""
    if language not in LANGUAGES:
        return word
    spellings = Vocabulary.load(language).workflows.get(word, ())
    return next((spelling for spelling in spellings if GAP not in spelling), word)


@functools.cache
def offices_by_title() -> Mapping[str, Literal["steward", "contact"]]:
    """The title of a role, in any language, → what its holder is to the circle."""
    return {
        title: office
        for language in LANGUAGES
        for office, titles in Vocabulary.load(language).offices.items()
        for title in titles
    }


@functools.cache
def understood_by(language: str) -> tuple[Vocabulary, ...]:
    """The words of every language, the given one first; English first for a language that nobody has written down."""
    first = language if language in LANGUAGES else ENGLISH
    return tuple(Vocabulary.load(each) for each in dict.fromkeys((first, *LANGUAGES)))


def together(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """Several languages in one; the words around a moment are those of the first, for they only work by themselves."""
    first, *others = vocabularies
    if not others:
        return first
    said = _said_together(first, others)
    return msgspec.structs.replace(
        first,
        commands=_spellings_together([v.commands for v in vocabularies], first.own),
        filled=_spellings_together([v.filled for v in vocabularies], first.own),
        workflows={
            word: _joined([v.workflows.get(word, ()) for v in vocabularies])
            for word in dict.fromkeys(word for v in vocabularies for word in v.workflows)
        },
        pause=PauseWords(
            until=_joined([v.pause.until for v in vocabularies]),
            lasting=_joined([v.pause.lasting for v in vocabularies]),
        ),
        said=said,
    )


ANSWERS = ("yes", "maybe", "no", "nothing")
"""A word is only one of these: what it is in the first language."""


def _said_together(first: Vocabulary, others: Sequence[Vocabulary]) -> SaidWords:
    held: dict[str, tuple[str, ...]] = {}
    for field in SaidWords.__struct_fields__:
        if field == "numbers":
            continue
        taken = set(first.own)
        if field in ANSWERS:
            taken |= {word for other in ANSWERS if other != field for word in getattr(first.said, other)}
        listed = [getattr(v.said, field) for v in others]
        held[field] = _joined([getattr(first.said, field), *listed], without=taken)
    numbers = {
        word: n for v in reversed(others) for word, n in v.said.numbers.items() if word not in first.own
    }
    return SaidWords(**held, numbers=numbers | first.said.numbers)


def _spellings_together(
    tables: Sequence[Mapping[str, tuple[str, ...]]], own: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Meaning → spellings, each spelling with the first meaning it has."""
    taken: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for n, table in enumerate(tables):
        for meaning, spellings in table.items():
            free = [s for s in spellings if taken.get(s, meaning) == meaning and not (n and s in own)]
            taken |= dict.fromkeys(free, meaning)
            found[meaning] = tuple(dict.fromkeys((*found.get(meaning, ()), *free)))
    return found


def _joined(lists: Sequence[Sequence[str]], without: Collection[str] = ()) -> tuple[str, ...]:
    first, *others = lists
    return tuple(dict.fromkeys((*first, *(word for each in others for word in each if word not in without))))
