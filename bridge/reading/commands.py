"""Whether a message is a command: one of the bot's own, a workflow's beginning, a word some instance offers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache, partial

import msgspec

from bridge.reading.fillings import (
    LETTER,
    DefinitionsHeld,
    has_digit,
    language_meant,
    number_in,
    weekday_meant,
    workflow_meant,
)
from bridge.reading.hours import hours_meant
from bridge.reading.people import Named, People, leading_people, named
from bridge.reading.plainly import (
    bare_number,
    less_and_less_polite,
    loosely,
    plainly,
    shape,
    without_politeness,
    without_thanks,
)
from bridge.reading.zones import zone_meant
from bridge.wording.sentences import ENGLISH
from bridge.wording.vocabulary import GAP, Vocabulary
from engine.core.desk import Command
from engine.core.values import Ms, PersonId, TextId

PAUSE, NOT_FROM = "pause", "not from"
TIME_ZONE, QUIET_HOURS = "time zone", "quiet hours"
OF_NUMBERS = ("show", "keep to myself")
OF_PEOPLE = ("what they carried", "again from")
OF_WORKFLOWS = ("try", "leave off", "stop", "start")
OF_LETTERS = ("stop", "start")
"""Of those, the ones that may mean the weekly letter too."""
UNKNOWN = "unknown"
"""The word of a command that nobody knows: what was really written is nobody's to keep."""
SOMETHING = TextId("something")
"""Says only that words stood behind a command; whoever keeps them gives them their own id."""
SHORT_WORDS = 3
CLOSE = 0.78
"""Alike enough to ask; below it "soup" would be "stop"."""
MOST_LETTERS = 30
"""A mistyped command is no longer than this."""
MOST_FILLED_LETTERS = 400
"""What stands in a gap is no longer than this, unless it is words for somebody."""


class Setting(msgspec.Struct, frozen=True):
    """What reading a command leans on."""

    words: tuple[str, ...]
    """Command words of workflows and instances that would mean something from this person now."""
    mentions: tuple[PersonId, ...]
    asked_by: PersonId
    people: People
    definitions: DefinitionsHeld
    vocabulary: Vocabulary
    """The words of all languages together, the person's own first."""
    languages: tuple[Vocabulary, ...]
    """The same one by one, the person's own first."""
    moment: Callable[[str], Ms | None]


class Ordered(msgspec.Struct, frozen=True):
    """A command, and the words behind it that are worth keeping."""

    command: Command
    words: str = ""

    def __repr__(self) -> str:
        return f"Ordered({self.command.word!r})"


def ordered(text: str, setting: Setting) -> Ordered | None:
    """Read a message as a command; None if it is not one."""
    said, plain = setting.vocabulary.said, plainly(text)
    behind = without_thanks(plain[:MOST_FILLED_LETTERS], said.thanks)
    if not behind:
        return None  # nothing at all, or a thanks, which is for the bot
    if len(plain) <= MOST_FILLED_LETTERS:
        spellings = _spellings(setting)
        # Whole first: "dar las gracias" ends in a thanks, and is none.
        for whole in less_and_less_polite(plain, said.polite):
            if (exact := spellings.get(loosely(whole))) is not None:
                return Ordered(Command(exact))
    text = unicodedata.normalize("NFC", text)
    shaped = shape(text[:MOST_FILLED_LETTERS]) + text[MOST_FILLED_LETTERS:]
    thanking = behind != loosely(plain[:MOST_FILLED_LETTERS])
    for pattern, read in _patterns(setting, thanking=thanking):
        found = _fits(shaped, pattern)
        held = read(text[slice(*found)].strip(" \t\n:,")) if found is not None else None
        if held is not None:
            return held
    return None


def mistyped(text: str, setting: Setting) -> Command | None:
    """A short message that is nearly a command: ``close_to`` is that one, as this person would write it."""
    said = setting.vocabulary.said
    whole = without_politeness(plainly(text), said.polite)
    if not whole or len(whole) > MOST_LETTERS or len(whole.split()) > SHORT_WORDS:
        return None
    if not without_thanks(whole, said.thanks):
        return None
    spellings = _shown(setting)
    near = _nearest(loosely(whole), spellings)
    first, _, behind = whole.partition(" ")
    if near is None and behind and first not in spellings:
        near = _nearest(loosely(first), [spelling for spelling in spellings if " " not in spelling])
    return Command(UNKNOWN, close_to=spellings[near]) if near else None


def _nearest(written: str, spellings: Iterable[str]) -> str | None:
    """The spelling that differs by a slip: a letter too few, too many or wrong in a longer word, or two swapped."""
    held = list(spellings)
    swapped = [spelling for spelling in held if sorted(spelling) == sorted(written)]
    near = swapped or get_close_matches(written, held, n=1, cutoff=CLOSE)
    return near[0] if near else None


# ── words by themselves ──────────────────────────────────────────────────────


def _spellings(setting: Setting) -> Mapping[str, str]:
    """Spelling → word. The bot's own words in English and in the person's language win over a workflow's, and these
    over the bot's own in other languages.
    """
    own = {s: word for word, spellings in setting.vocabulary.commands.items() for s in spellings}
    mine = setting.languages[0].commands
    held = {**_bare(_otherwise(setting)), **own, **{word: word for word in setting.words}}
    held |= {s: word for word, spellings in mine.items() for s in spellings}
    held |= {word: word for word in mine}
    return {_loose(spelling): word for spelling, word in held.items() if _loose(spelling)}


@lru_cache(maxsize=4096)
def _loose(spelling: str) -> str:
    """Remembered for the words of files; what people write is not."""
    return loosely(spelling)


def _otherwise(setting: Setting) -> Mapping[str, str]:
    """How else the words of workflows may be said; of two that share a spelling, the one that means something now."""
    table = setting.vocabulary.workflows
    found: dict[str, str] = {}
    for word in setting.words:
        for spelling in table.get(word, ()):
            found.setdefault(spelling, word)
    return found


def _bare(spellings: Mapping[str, str]) -> Mapping[str, str]:
    """Those that are said by themselves."""
    return {spelling: word for spelling, word in spellings.items() if GAP not in spelling}


def _shown(setting: Setting) -> Mapping[str, str]:
    """Spelling → how the bot writes it to this person: their language's word, and English ones beside them."""
    mine, english = setting.languages[0], [v for v in setting.languages if v.language == ENGLISH]
    held: dict[str, str] = {}
    for vocabulary in (mine, *english):
        for spellings in vocabulary.commands.values():
            held |= {s: spellings[0] for s in map(_loose, spellings) if s not in held}
    held |= {_loose(word): word for word in setting.words if _loose(word) not in held}
    return held


# ── words with something in their gap ────────────────────────────────────────

Read = Callable[[str], Ordered | None]


def _patterns(setting: Setting, *, thanking: bool) -> Sequence[tuple[str, Read]]:
    """Every spelling with a gap, the longest first, and what makes a command of what stands in the gap.

    ``thanking``: the message begins with a thanks, so that *thank* is no command without people.
    """
    found: list[tuple[str, Read]] = []
    plain = _of_workflow_otherwise if thanking else _of_workflow
    for word, spellings in setting.vocabulary.filled.items():
        found += [(spelling, partial(_filled, word, setting)) for spelling in spellings]
    found += [(f"{word} {GAP}", partial(plain, word, setting)) for word in setting.words]
    for spelling, word in _otherwise(setting).items():
        if GAP in spelling:
            found.append((spelling, partial(_of_workflow_otherwise, word, setting)))
            continue
        found.append((f"{spelling}: {GAP}", partial(_of_workflow, word, setting)))
        found.append((f"{spelling} {GAP}", partial(_of_workflow_otherwise, word, setting)))
    return sorted(found, key=lambda each: -len(each[0]))


def _fits(shaped: str, pattern: str) -> tuple[int, int] | None:
    """Where in a text the gap of a pattern lies; None if the text does not fit it."""
    if len(shaped) > MOST_FILLED_LETTERS and not pattern.endswith(GAP):
        return None
    found = _compiled(pattern).match(shaped)
    return found.span("gap") if found is not None else None


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str]:
    before, after = (r"\s+".join(map(re.escape, shape(part).split())) for part in pattern.split(GAP))
    head = rf"\W*{before}(?=[\s:,])" if before else r"\W*(?=\S)"
    tail = rf"(?P<gap>.+?)[\s,]+{after}\W*$" if after else r"(?P<gap>.*)$"
    return re.compile(head + tail, re.DOTALL)


def _filled(word: str, setting: Setting, gap: str) -> Ordered | None:
    """One of the bot's own commands with its gap filled, if it holds what belongs there.

    "my garden is open" and "stop by whenever you like" are not commands; *not from* and *pause* always are: what
    stands behind them must not pass for an answer to somebody else's question.
    """
    said = setting.vocabulary.said
    if word == PAUSE:
        return _pause(gap, setting)
    if word == NOT_FROM:
        listed = named(gap, setting.mentions, setting.asked_by, setting.people, said)
        return Ordered(Command(NOT_FROM, people=listed.people if listed.clear else ()))
    if len(gap) > MOST_FILLED_LETTERS:
        return None
    if word in OF_PEOPLE:
        listed = named(gap, setting.mentions, setting.asked_by, setting.people, said)
        return Ordered(Command(word, people=listed.people)) if listed.clear and listed.people else None
    if word in OF_NUMBERS:
        nth = number_in(gap, said)
        return Ordered(Command(word, nth=nth)) if nth is not None else None
    if word in OF_WORKFLOWS:
        letters = [s for v in setting.languages for s in v.commands[LETTER]] if word in OF_LETTERS else ()
        workflow = workflow_meant(gap, setting.definitions, said, letters)
        return Ordered(Command(word, workflow=workflow)) if workflow is not None else None
    if word == TIME_ZONE:
        meant = zone_meant(gap, said, setting.languages[0].language)
        return Ordered(Command(word, zone=meant.zone, place=meant.place, near=meant.near))
    if word == QUIET_HOURS:
        times = without_politeness(plainly(gap), said.polite)
        hours = hours_meant(times, [v.moments for v in setting.languages])
        return Ordered(Command(word, hours=hours)) if hours is not None or has_digit(gap) else None
    if word == LETTER:
        weekday = weekday_meant(gap, said)
        return Ordered(Command(word, weekday=weekday)) if weekday is not None else None
    known, language = language_meant(gap, said)
    return Ordered(Command(word, language=language)) if known else None


def _of_workflow(word: str, setting: Setting, gap: str) -> Ordered:
    """A workflow's own word: which of several, or people and words for a beginning."""
    nth = bare_number(gap)
    if nth is not None:
        return Ordered(Command(word, nth=nth))
    listed, words = leading_people(
        gap, setting.mentions, setting.asked_by, setting.people, setting.vocabulary.said
    )
    return Ordered(_command(word, listed, words), words)


def _of_workflow_otherwise(word: str, setting: Setting, gap: str) -> Ordered | None:
    """The same in other words, which may be everyday talk: without a colon, only with a number or people behind it."""
    order = _of_workflow(word, setting, gap)
    command = order.command
    return order if command.nth is not None or command.people or command.everyone else None


def _command(word: str, listed: Named, words: str) -> Command:
    return Command(
        word, people=listed.people, everyone=listed.everyone, rest=SOMETHING if words.strip() else None
    )


def _pause(rest: str, setting: Setting) -> Ordered:
    until_ms = setting.moment(_moment_in(rest, setting.vocabulary.pause.until))
    if until_ms is None:
        until_ms = setting.moment(_moment_in(rest, setting.vocabulary.pause.lasting))
    if until_ms is None:
        return Ordered(Command(PAUSE, rest=SOMETHING), rest)
    return Ordered(Command(PAUSE, until_ms=until_ms))


def _moment_in(rest: str, leading: Collection[str]) -> str:
    first, _, behind = rest.strip().partition(" ")
    return behind if first.casefold() in leading else rest
