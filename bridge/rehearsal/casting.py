"""Casting: how many made-up people a workflow needs to show itself, and how it begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bridge.rehearsal.acts import Act, Come, Say
from bridge.rehearsal.cast import NAMES, roles_in
from engine.core.definition import (
    AllOf,
    AnyOf,
    Condition,
    CountOf,
    Definition,
    NotThat,
    OnHolds,
)

USUAL = 4
"""Somebody who begins, and three others."""
SPARE_UNSIGNED = 3
"""Where answers stand without names, so many more are asked than have to answer (right 13)."""
MOST = len(NAMES)
MENTIONED = 3
"""How many the starter names when the workflow is about those named in its beginning."""


def people_for(definition: Definition) -> tuple[str, ...]:
    """Who is on stage: the first begins it, and there are enough others for everything the file speaks of."""
    others = max((USUAL - 1, *_needed(definition)))
    holding = 2 if roles_in([definition]) else 0
    return NAMES[: min(MOST, 1 + others + holding)]


def _needed(definition: Definition) -> Iterator[int]:
    """How many people besides the starter each part of a file can make use of."""
    for detail in definition.details.values():
        if detail.kind == "people":
            yield detail.least or 0
    for ask in definition.asks.values():
        if ask.unsigned is not None:
            yield ask.unsigned + SPARE_UNSIGNED
        if isinstance(ask.places, int):
            yield ask.places + 1  # so that somebody has to wait
    for state in definition.states.values():
        for move in state.moves:
            if move.when is not None:
                yield from _counted(move.when)
            if isinstance(move.on, OnHolds):
                yield from _counted(move.on.condition)


def _counted(condition: Condition) -> Iterator[int]:
    match condition:
        case CountOf(bound=int(bound)):
            yield bound + 1
        case NotThat(that=that):
            yield from _counted(that)
        case AllOf(those=those) | AnyOf(those=those):
            for each in those:
                yield from _counted(each)
        case _:
            return


def beginning(definition: Definition, people: Sequence[str], others: Iterable[Definition] = ()) -> Act:
    """How it begins: the first person writes its word, or (where an arrival begins it) somebody new comes.

    What is about another workflow begins with one of ``others``: on stage a circle has everything in use, so that is
    left off.
    """
    if definition.begins_for is not None:
        return Come(next(name for name in NAMES if name not in people))
    other = spoken_of(definition, others)
    if other is not None:
        return Say(people[0], f"leave off {other.title}")
    words = definition.begins_with
    if any(detail.given and detail.kind == "people" for detail in definition.details.values()):
        named = " and ".join(f"@{name}" for name in people[1 : 1 + MENTIONED])
        words = f"{words} {named}"
    return Say(people[0], words)


def spoken_of(definition: Definition, others: Iterable[Definition]) -> Definition | None:
    """The workflow that one which is about another (``try pulse``) is shown with; None if it is about none."""
    if not any(detail.kind == "workflow" for detail in definition.details.values()):
        return None
    return next((each for each in others if each.name != definition.name and each.begins_for is None), None)
