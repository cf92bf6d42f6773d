"""Whom a message can reach: what somebody can be from outside, and what nobody can be at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.core.definition import (
    AnsweredBy,
    Circle,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OneOf,
    Part,
    Room,
    Source,
    Starter,
    Stewards,
    Who,
)

MOST_COMPARED = 8
"""Messages of one state that are looked at for whether they exclude each other; more are counted all."""


def roles(definition: Definition) -> tuple[tuple[str, ...], ...]:
    """What somebody can be from outside: each part that is no result of answers, and at last nothing of it."""
    outside = [part.name for part in definition.parts if any(map(_is_outside, part.sources))]
    starters = [part.name for part in definition.parts if Starter() in part.sources]
    alone = [(name,) for name in outside if name not in starters]
    return ((*starters,), *alone, ()) if starters else (*alone, ())


def _is_outside(source: Source) -> bool:
    return isinstance(source, Starter | NamedIn | NamedBy | HolderOf | Stewards | Contacts)


def can_reach(definition: Definition, who: Who, parts: tuple[str, ...]) -> bool:
    """Whether somebody who is these parts from outside may be one of those meant."""
    return _can_reach(definition, who, parts, ())


def _can_reach(definition: Definition, who: Who, parts: tuple[str, ...], seen: tuple[str, ...]) -> bool:
    match who:
        case Room():
            return True
        case Circle(but=but):
            return not set(but) & set(parts)
        case AnsweredBy(ask=ask):
            asked = definition.asks.get(ask)
            if asked is None or ask in seen:
                return False
            if isinstance(asked.to, Room) and set(asked.seen_by) & set(parts):
                return False  # whoever asks the room does not answer themselves
            return _can_reach(definition, asked.to, parts, (*seen, ask))
        case Part(name=name):
            if name in parts:
                return True
            known = next((part for part in definition.parts if part.name == name), None)
            if known is None or name in seen:
                return False
            seen = (*seen, name)
            return any(_may_be(definition, source, parts, seen) for source in known.sources)


def _may_be(definition: Definition, source: Source, parts: tuple[str, ...], seen: tuple[str, ...]) -> bool:
    match source:
        case AnsweredBy():
            return _can_reach(definition, source, parts, seen)
        case Everyone(but=but):
            return not set(but) & set(parts)
        case OneOf(part=part, but=but):
            return not set(but) & set(parts) and _can_reach(definition, Part(part), parts, seen)
        case _:
            return False


# ── what comes together ──────────────────────────────────────────────────────


def most_together(definition: Definition, coming: list[tuple[Who, int]]) -> int:
    """The most of these that can come to one person, who has given one answer to what counts as one question."""
    best = 0
    for chosen in _subsets(coming) if len(coming) <= MOST_COMPARED else [coming]:
        if not any(_exclude(definition, a, b) for (a, _), (b, _) in combinations(chosen, 2)):
            best = max(best, sum(count for _, count in chosen))
    return best if len(coming) <= MOST_COMPARED else sum(count for _, count in coming)


def _subsets(coming: list[tuple[Who, int]]) -> Iterator[list[tuple[Who, int]]]:
    for size in range(len(coming) + 1):
        yield from map(list, combinations(coming, size))


def _exclude(definition: Definition, one: Who, other: Who) -> bool:
    """Whether nobody can be both: by different answers to the same question, or to several that count as one."""
    ours, theirs = _answers(definition, one), _answers(definition, other)
    if not ours or not theirs or ours & theirs:
        return False
    asks = {ask for ask, _ in ours | theirs}
    as_one = [{by.ask for by in part.answered} for part in definition.parts]
    return len(asks) == 1 or any(asks <= counted for counted in as_one)


def _answers(definition: Definition, who: Who) -> set[tuple[str, str]]:
    """The answers that make somebody one of these; empty where anything else may."""
    match who:
        case AnsweredBy(ask=ask, choices=choices):
            return {(ask, choice) for choice in choices}
        case Part(name=name):
            part = next((each for each in definition.parts if each.name == name), None)
            if part is None or len(part.answered) != len(part.sources):
                return set()
            return {(by.ask, choice) for by in part.answered for choice in by.choices}
        case _:
            return set()
