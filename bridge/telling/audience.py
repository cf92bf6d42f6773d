"""Who sees an answer, in plain English."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bridge.telling.lexis import joined, label, number_in_words, quoted
from bridge.telling.moments import moment_in_words
from engine.core.definition import AskDef, Definition, Part, Room, Who


class Speaks(Protocol):
    """What calls people by their names."""

    @property
    def definition(self) -> Definition: ...
    def is_one(self, who: Who) -> bool: ...
    def who(self, who: Who) -> str: ...
    def parts(self, names: Iterable[str], last: str = "and") -> str: ...
    def part(self, name: str) -> str: ...


def seen_by_in_words(teller: Speaks, ask: AskDef) -> str:
    """Who sees an answer: ``only the host sees who says “Maybe”; a no is seen by nobody``."""
    what = _what_is_seen(teller, ask)
    in_room = isinstance(ask.to, Room)
    if ask.seen_by == ("me",):
        if teller.is_one(ask.to):
            return f"only {teller.who(ask.to)} sees the answer"
        return "nobody sees an answer but the person who gave it"
    if in_room or "circle" in ask.seen_by:
        seen = f"everyone in the circle sees {what}"
    else:
        parts = [part for part in ask.seen_by if part != "me"]
        one = len({teller.part(part) for part in parts}) == 1 and teller.is_one(Part(parts[0]))
        seen = f"only {teller.parts(parts)} {'sees' if one else 'see'} {what}"
    if ask.unsigned is not None:
        least = number_in_words(ask.unsigned)
        seen += f", without names, shuffled, in one go when it closes and if at least {least} have come"
    elif (hidden := _hidden_until(ask)) is not None:
        seen += f", and nobody before {hidden}"
    return seen if in_room else f"{seen}; a no is seen by nobody"


def _what_is_seen(teller: Speaks, ask: AskDef) -> str:
    one, seen = teller.is_one(ask.to), list[str]()
    if ask.choices and ask.unsigned is None:
        labels = [quoted(label(teller.definition, ask.name, c.id)) for c in ask.choices]
        whose = f"{teller.who(ask.to)}'s {labels[0]}" if isinstance(ask.to, Part) else f"a {labels[0]}"
        if one:
            seen.append(whose if len(labels) == 1 else f"what {teller.who(ask.to)} answers")
        else:
            seen.append(f"who says {joined(labels, 'or')}")
    if ask.naming is not None:
        seen.append("who is named" if one else "whom each of them names")
    if ask.words and not ask.choices:
        seen.append("the answers" if ask.unsigned is not None else "what is written")
    elif ask.words:
        seen.append("what is written with it")
    return joined(seen)


def _hidden_until(ask: AskDef) -> str | None:
    """Until when the answers stay hidden: ``it closes``; None if they do not."""
    if ask.hidden is None:
        return None
    if ask.hidden.until_closed:
        return "it closes"
    return moment_in_words(ask.hidden.until) if ask.hidden.until is not None else "they are shown"
