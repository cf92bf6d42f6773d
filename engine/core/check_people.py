"""People: how many a part can be at most, and whose answers a part shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from engine.core.definition import (
    AnsweredBy,
    AskDef,
    Circle,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OneOf,
    Part,
    PartDef,
    Room,
    Source,
    Starter,
    Stewards,
    Who,
)


def part_of(definition: Definition, name: str) -> PartDef | None:
    """The part of this name; None if there is none."""
    return next((part for part in definition.parts if part.name == name), None)


def most_people(definition: Definition, who: Who, seen: frozenset[str] = frozenset()) -> int | None:
    """How many people are meant at most; None if nothing in the definition says so."""
    match who:
        case Part(name=name):
            part = part_of(definition, name)
            if part is None or name in seen:
                return None
            return _sum(_most_from(definition, source, seen | {name}) for source in part.sources)
        case AnsweredBy():
            return _most_from(definition, who, seen)
        case Room() | Circle():
            return None
        case _:
            assert_never(who)


def _most_from(definition: Definition, source: Source, seen: frozenset[str]) -> int | None:
    match source:
        case Starter() | OneOf():
            return 1
        case NamedIn(detail=name):
            detail = definition.details.get(name)
            if detail is None:
                return None
            return 1 if detail.kind == "person" else detail.most
        case NamedBy(ask=name):
            ask = definition.asks.get(name)
            return most_people(definition, ask.to, seen) if ask and ask.naming == "person" else None
        case AnsweredBy(ask=name, choices=choices):
            ask = definition.asks.get(name)
            return None if ask is None else most_answers(definition, ask, choices, seen)
        case Everyone() | HolderOf() | Stewards() | Contacts():
            return None
        case _:
            assert_never(source)


def most_answers(
    definition: Definition, ask: AskDef, choices: tuple[str, ...], seen: frozenset[str] = frozenset()
) -> int | None:
    """How many people can give one of these answers to an ask at most; None if there is no bound."""
    asked = most_people(definition, ask.to, seen)
    first = ask.choices[0].id if ask.choices else None
    if isinstance(ask.places, int) and set(choices) == {first}:
        return ask.places if asked is None else min(asked, ask.places)
    return asked


def _sum(bounds: Iterable[int | None]) -> int | None:
    total = 0
    for bound in bounds:
        if bound is None:
            return None
        total += bound
    return total


def said_yes_to(definition: Definition, name: str) -> tuple[str, ...]:
    """The asks that have to be answered to be in a part."""
    part = part_of(definition, name)
    return tuple(dict.fromkeys(by.ask for by in part.answered)) if part is not None else ()


def asks_behind(definition: Definition, name: str, seen: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The asks whose answers say who is in a part: naming the part shows them."""
    part = part_of(definition, name)
    if part is None or name in seen:
        return ()
    found: list[str] = []
    for source in part.sources:
        match source:
            case AnsweredBy(ask=ask) | NamedBy(ask=ask):
                found.append(ask)
            case OneOf(part=other):
                found += asks_behind(definition, other, seen | {name})
            case Starter() | NamedIn() | Everyone() | HolderOf() | Stewards() | Contacts():
                pass
            case _:
                assert_never(source)
    return tuple(dict.fromkeys(found))
