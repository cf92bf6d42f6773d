"""The small words of telling: numbers, lists, lengths of time, names and labels as a person would say them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from bridge.wording.sentences import Sentences
from engine.core.definition import (
    TITLE_TEXT,
    AnsweredBy,
    AskDef,
    Circle,
    Definition,
    HolderOf,
    NamedBy,
    NamedIn,
    OneOf,
    Part,
    PartDef,
    Room,
    Starter,
    Who,
)
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Ms

_NUMBERS = [
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]
_LENGTHS: tuple[tuple[Ms, str], ...] = (
    (365 * DAY_MS, "year"),
    (30 * DAY_MS, "month"),
    (WEEK_MS, "week"),
    (DAY_MS, "day"),
    (HOUR_MS, "hour"),
    (MINUTE_MS, "minute"),
)
_SHARES = {25: "a quarter", 34: "a third", 50: "half", 67: "two thirds", 75: "three quarters"}
_TRAIT = re.compile(
    r".+(?:ing|ed|ous|ful|able|ible)|un.+|in|out|on|up|here|there|beside|away|with|for|against|afraid|alone|aware|free|"
    r"fine|glad|happy|keen|late|left|new|open|ready|safe|shaken|sure|well|yes|it"
)
"""Words that say how people are, and not what they are to others."""
_GROUPS = frozenset(("band", "circle", "crew", "group", "half", "pair", "party", "pool", "set", "team"))
_GAP = re.compile(r"<([a-z][a-z0-9_ .]*)>")


def number_in_words(n: int) -> str:
    """``two``; digits from thirteen on."""
    return _NUMBERS[n] if 0 <= n < len(_NUMBERS) else str(n)


def times_in_words(n: int) -> str:
    """``once``, ``twice``, ``three times``."""
    return {1: "once", 2: "twice"}.get(n, f"{number_in_words(n)} times")


def share_in_words(percent: int) -> str:
    """``two thirds``; ``60 percent`` for what has no short name."""
    return _SHARES.get(percent, f"{percent} percent")


def duration_in_words(span_ms: Ms) -> str:
    """``a week``, ``14 days`` as ``two weeks``: in the largest unit that it is a whole number of."""
    for unit_ms, unit in _LENGTHS:
        count, rest = divmod(span_ms, unit_ms)
        if count and not rest:
            if count == 1:
                return f"an {unit}" if unit == "hour" else f"a {unit}"
            return f"{number_in_words(count)} {unit}s"
    return "a moment" if span_ms < MINUTE_MS else f"{number_in_words(span_ms // MINUTE_MS)} minutes"


def joined(items: Iterable[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    held = list(items)
    if len(held) < 2:
        return "".join(held)
    return f"{', '.join(held[:-1])} {last} {held[-1]}"


def spoken(name: str) -> str:
    """A name of the file as it is read aloud: ``reply_by`` as ``reply by``."""
    return name.replace("_", " ")


def named(name: str) -> str:
    """A detail or a question by its name; one of several words stands in quotes, so that it reads as one."""
    return f"“{spoken(name)}”" if "_" in name or "-" in name else name


def quoted(text: str) -> str:
    """What somebody says, in quotes."""
    return f"“{text}”"


def capitalised(text: str) -> str:
    """The same sentence with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]


# ── sentences of the file, and the bot's own where it has none ───────────────


@functools.cache
def _own_sentences() -> Sentences:
    return Sentences.load()


def sentence(definition: Definition, key: str) -> str:
    """What stands under a text key, with its ``<placeholders>``: the file's sentence, or the bot's own."""
    if (own := definition.own.get(key)) is None:
        return definition.texts[key]
    gaps = {gap: f"<{placeholder}>" for gap, placeholder in own.gaps} | {
        gap: definition.title if word == TITLE_TEXT else word for gap, word in own.words
    }
    return _GAP.sub(lambda found: gaps.get(found[1], found[0]), _own_sentences().text(own.key))


def label(definition: Definition, owner: str, choice: str) -> str:
    """The label of an answer, without quotes; its id where nothing labels it."""
    key = f"{owner}.{choice}"
    return sentence(definition, key) if key in definition.texts or key in definition.own else spoken(choice)


# ── people ───────────────────────────────────────────────────────────────────


def part_of(definition: Definition, name: str) -> PartDef | None:
    """The part of this name; None if there is none."""
    return next((part for part in definition.parts if part.name == name), None)


def is_made(name: str) -> bool:
    """Whether a part comes with steps by itself: those who gave an answer, to a question or once it was put anew."""
    return "__" in name


def is_asked_anew(ask: AskDef) -> bool:
    """Whether this is the question that steps put for another date, to those who had taken the first one up."""
    to = ask.to.name if isinstance(ask.to, Part) else ""
    return is_made(to) and any(to.startswith(f"{first}__") for first in ask.replaces)


def is_one(definition: Definition, who: Who) -> bool:
    """Whether these can only be one person at a time."""
    return _is_one(definition, who, ())


def _is_one(definition: Definition, who: Who, seen: tuple[str, ...]) -> bool:
    match who:
        case Part(name=name):
            part = part_of(definition, name)
            if part is not None and _is_called_one(part):
                return True
            if part is None or len(part.sources) != 1 or name in seen:
                # Several sources that are each one person (`starter` from two asks) may still be two people.
                return False
            source = part.sources[0]
            match source:
                case Starter() | OneOf():
                    return True
                case NamedIn(detail=detail):
                    known = definition.details.get(detail)
                    return known is not None and (known.kind == "person" or known.most == 1)
                case HolderOf():
                    return True
                case NamedBy(ask=ask):
                    asked = definition.asks.get(ask)
                    return (
                        asked is not None
                        and asked.naming == "person"
                        and _is_one(definition, asked.to, (*seen, name))
                    )
                case AnsweredBy():
                    return _is_one(definition, source, (*seen, name))
                case _:
                    return False
        case AnsweredBy(ask=ask):
            asked = definition.asks.get(ask)
            return asked is not None and (asked.places == 1 or _is_one(definition, asked.to, seen))
        case Room() | Circle():
            return False


def is_trait(definition: Definition, name: str) -> bool:
    """Whether a part is called by what its people are (``coming``, ``unsure``), not by what they are to others.

    Nobody writes that down: it is told by the word.
    """
    part = part_of(definition, name)
    return (
        part is not None and _is_by_answers(part) and _describes(name) and not is_one(definition, Part(name))
    )


def is_group(name: str) -> bool:
    """Whether a part of several people is called by one word in the singular: ``pair``, ``crew_one``."""
    return bool(_GROUPS & set(name.split("_")))


def _is_called_one(part: PartDef) -> bool:
    """Whether a part that people come into by answers is called as one person is: ``buddy``, ``writer``."""
    name = part.name
    plural = name.endswith(("s", "people", "men", "folk"))
    return _is_by_answers(part) and not (plural or _describes(name) or is_group(name) or is_made(name))


def _is_by_answers(part: PartDef) -> bool:
    return len(part.answered) == len(part.sources)


def _describes(name: str) -> bool:
    """Whether a word says how people are, as ``coming``, ``interested`` or ``unsure`` do."""
    return any(_TRAIT.fullmatch(word) for word in name.split("_"))


def part_in_words(definition: Definition, name: str) -> str:
    """``the host``; ``those coming`` for a part that is called by what its people are; ``crew one``."""
    if name in ("everyone", "everybody", "anyone", "all"):
        return "everyone" if name == "all" else name
    if name.rpartition("_")[2] in _NUMBERS or name[-1:].isdigit():
        return spoken(name)
    return f"those {spoken(name)}" if is_trait(definition, name) else f"the {spoken(name)}"
