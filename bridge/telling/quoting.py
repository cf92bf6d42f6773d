"""Paragraphs of a story, and how sentences of the file stand in them."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from bridge.telling.lexis import capitalised, quoted, sentence
from bridge.telling.words import Teller
from engine.core.definition import Circle, Condition, Room, TellDef, Who

Kind = Literal["said", "quoted", "item"]
LONG = 180
"""Characters of a sentence of the file that a story repeats; asks are repeated whole."""

_ANSWERED = re.compile(r"<[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*>")
_MADE = re.compile(r"<[a-z][a-z0-9_]*__[a-z0-9_]+>")
_COUNTED = re.compile(r"<(?:number of|not joining) [a-z0-9_.]+>")


class Paragraph(msgspec.Struct, frozen=True):
    """One paragraph: said by the story, quoted from the file, or an item of a list."""

    text: str
    kind: Kind = "said"


def as_read(text: str, teller: Teller) -> str:
    """A sentence of the file as somebody would read it: people by their first names, the rest left in brackets."""
    for part, name in teller.cast.items():
        text = text.replace(f"<{part}>", name)
    text = _COUNTED.sub("<how many>", _MADE.sub("<names>", _ANSWERED.sub("<names>", text)))
    return re.sub(r"<[^<>]*>", lambda found: found[0].replace("_", " "), text)


def excerpt(text: str, teller: Teller, most: int = LONG) -> str:
    """The beginning of a sentence of the file, in quotes, on one line."""
    words = " ".join(as_read(text, teller).split())
    if len(words) <= most:
        return quoted(words)
    cut = words[:most].rsplit(" ", 1)[0].rstrip(",;:·–/ ")
    return quoted(f"{cut} …")


def provided(teller: Teller, condition: Condition | None) -> str:
    """``if kind is “A project”, ``, to begin a sentence with; nothing where there is no condition."""
    return "" if condition is None else f"if {teller.condition(condition)}, "


def is_said_of_one(teller: Teller, who: Who) -> bool:
    """Whether the verb of these people is a singular: one person, or everyone."""
    return teller.is_one(who) or isinstance(who, Circle) or teller.who(who).startswith("every")


def told(teller: Teller, tell: TellDef, most: int = LONG) -> str:
    """Who hears what: ``Bruno hears: “It's called off.”``"""
    words = excerpt(sentence(teller.definition, tell.text), teller, most)
    hears = "hears" if is_said_of_one(teller, tell.to) else "hear"
    who = (
        "everyone reads in the circle's room"
        if isinstance(tell.to, Room)
        else f"{teller.who(tell.to)} {hears}{_along(tell)}"
    )
    return capitalised(f"{provided(teller, tell.when)}{who}: {words}")


def _along(tell: TellDef) -> str:
    """What goes along with a sentence, behind who hears it."""
    if tell.calendar is None:
        return ""
    file = "a file that takes it out of the calendar" if tell.called_off else "a file for the calendar"
    return f", with {file}"
