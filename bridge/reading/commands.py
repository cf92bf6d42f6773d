"""Whether a message is a command: one of the bot's own, a workflow's beginning, a word some instance offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from bridge.reading.people import Named, People, leading_people, named
from bridge.reading.plainly import bare_number, plainly, without_politeness
from bridge.wording.vocabulary import Vocabulary
from engine.core.desk import Command
from engine.core.values import Ms, PersonId, TextId

PAUSE, NOT_FROM = "pause", "not from"
UNKNOWN = "unknown"
"""The word of a command that nobody knows: what was really written is nobody's to keep."""
SOMETHING = TextId("something")
"""Says only that words stood behind a command; whoever keeps them gives them their own id."""
SHORT_WORDS = 3
CLOSE = 0.78
"""Alike enough to ask; below it "soup" would be "stop"."""
MOST_LETTERS = 30
"""A mistyped command is no longer than this."""


class Setting(msgspec.Struct, frozen=True):
    """What reading a command leans on."""

    words: tuple[str, ...]
    """Command words of workflows and instances that would mean something from this person now."""
    mentions: tuple[PersonId, ...]
    asked_by: PersonId
    people: People
    vocabulary: Vocabulary
    moment: Callable[[str], Ms | None]


class Ordered(msgspec.Struct, frozen=True):
    """A command, and the words behind it that are worth keeping."""

    command: Command
    words: str = ""

    def __repr__(self) -> str:
        return f"Ordered({self.command.word!r})"


def ordered(text: str, setting: Setting) -> Ordered | None:
    """Read a message as a command; None if it is not one."""
    whole = without_politeness(plainly(text), setting.vocabulary.said.polite)
    if not whole:
        return None
    exact = _exact(whole, setting)
    if exact is not None:
        return Ordered(Command(exact))
    for spelling, word in _by_length(_spellings(setting)):
        rest = _behind(text, spelling)
        if rest is not None:
            held = _with_rest(word, rest, setting)
            if held is not None:
                return held
    return None


def mistyped(text: str, setting: Setting) -> Command | None:
    """A short message that is nearly a command: ``close_to`` says which."""
    whole = without_politeness(plainly(text), setting.vocabulary.said.polite)
    if not whole or len(whole) > MOST_LETTERS or len(whole.split()) > SHORT_WORDS:
        return None
    spellings = _spellings(setting)
    near = _nearest(whole, spellings)
    first, _, behind = whole.partition(" ")
    if near is None and behind and first not in spellings:
        near = _nearest(first, [spelling for spelling in spellings if " " not in spelling])
    return Command(UNKNOWN, close_to=spellings[near]) if near else None


def _nearest(written: str, spellings: Iterable[str]) -> str | None:
    """The spelling that differs by a slip: a letter too few, too many or wrong in a longer word, or two swapped."""
    held = list(spellings)
    swapped = [spelling for spelling in held if sorted(spelling) == sorted(written)]
    near = swapped or get_close_matches(written, held, n=1, cutoff=CLOSE)
    return near[0] if near else None


def _exact(whole: str, setting: Setting) -> str | None:
    """The word itself, with any apostrophe or none. ``not from`` alone asks whom, so it is one too."""
    bare = whole.replace("'", "")
    for spelling, word in _spellings(setting).items():
        if whole == spelling or bare == spelling.replace("'", ""):
            return word
    return None


def _spellings(setting: Setting) -> Mapping[str, str]:
    """Spelling → word. The bot's own words win over a workflow's."""
    held = {plainly(word): word for word in setting.words}
    held |= {s: word for word, spellings in setting.vocabulary.commands.items() for s in spellings}
    return {spelling: word for spelling, word in held.items() if spelling}


def _by_length(spellings: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    return sorted(spellings.items(), key=lambda item: -len(item[0]))


def _behind(text: str, spelling: str) -> str | None:
    """What stands behind a word at the beginning; None if the message does not begin with it."""
    spaced = r"\s+".join(re.escape(part) for part in spelling.split())
    found = re.match(rf"\W*{spaced}(?=[\s:,])", text, re.IGNORECASE)
    return text[found.end() :].lstrip(" \t\n:,").rstrip() if found else None


def _with_rest(word: str, rest: str, setting: Setting) -> Ordered | None:
    own = word in setting.vocabulary.commands
    if word == PAUSE:
        return _pause(rest, setting)
    if word == NOT_FROM:
        listed = named(rest, setting.mentions, setting.asked_by, setting.people, setting.vocabulary.said)
        # No ``rest``, even if nobody was found: these words must not pass for an answer to somebody else's question.
        return Ordered(Command(NOT_FROM, people=listed.people if listed.clear else ()))
    if own:
        return None  # "my garden is open" and "help me carry it" are not commands
    nth = bare_number(rest)
    if nth is not None:
        return Ordered(Command(word, nth=nth))
    return _begin(word, rest, setting)


def _begin(word: str, rest: str, setting: Setting) -> Ordered:
    listed, words = leading_people(
        rest, setting.mentions, setting.asked_by, setting.people, setting.vocabulary.said
    )
    return Ordered(_command(word, listed, words), words)


def _command(word: str, listed: Named, words: str) -> Command:
    return Command(
        word, people=listed.people, everyone=listed.everyone, rest=SOMETHING if words.strip() else None
    )


def _pause(rest: str, setting: Setting) -> Ordered | None:
    until_ms = setting.moment(_moment_in(rest, setting.vocabulary.pause.until))
    if until_ms is None:
        until_ms = setting.moment(_moment_in(rest, setting.vocabulary.pause.lasting))
    if until_ms is None:
        return Ordered(Command(PAUSE, rest=SOMETHING), rest)
    return Ordered(Command(PAUSE, until_ms=until_ms))


def _moment_in(rest: str, leading: Collection[str]) -> str:
    first, _, behind = rest.strip().partition(" ")
    return behind if first.casefold() in leading else rest
