"""Who may see what under a definition, so that two versions of it can be compared (right 12: audiences never widen)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from engine.core.definition import (
    AnsweredBy,
    Circle,
    Condition,
    Definition,
    Everyone,
    NotThat,
    OneOf,
    Part,
    Room,
    Source,
    Starter,
    Who,
)
from engine.core.survey import all_tells, gaps_of, sayings

DEEPEST = 8
"""How far it is followed who is asked what somebody answered."""


class RoomIf(msgspec.Struct, frozen=True, tag="room_if"):
    """The circle's room, as long as a condition holds."""

    condition: Condition


Reader = Source | Room | RoomIf
"""One origin of people, or the room; several together make an audience."""

Audience = frozenset[Reader]
Shown = dict[str, Audience]
"""What is shown (a placeholder, or for a part's names where its people come from) → to whom, anywhere."""

EXISTENCE = ""
"""What the room learns by any sentence at all: that there is such an instance."""


def readers(definition: Definition, who: Who) -> Audience:
    """Where the people of a ``Who`` come from; answers one by one, so that each is a reader of its own."""
    match who:
        case Part(name=name):
            return part_readers(definition, name)
        case AnsweredBy(ask=ask, choices=choices):
            return frozenset(AnsweredBy(ask, (choice,)) for choice in choices)
        case Circle(but=but):
            return frozenset((Everyone(but),))
        case Room():
            return frozenset((Room(),))
        case _:
            assert_never(who)


def part_readers(definition: Definition, name: str) -> Audience:
    """Where the people of a part come from."""
    part = next((each for each in definition.parts if each.name == name), None)
    if part is None:
        return frozenset((Starter(),)) if name == "starter" else frozenset()
    found: set[Reader] = set()
    for source in part.sources:
        found |= readers(definition, source) if isinstance(source, AnsweredBy) else {source}
    return frozenset(found)


def answer_readers(definition: Definition, ask: str) -> Audience:
    """Who sees the answers to an ask, besides each person their own."""
    found: set[Reader] = set()
    for name in definition.asks[ask].seen_by:
        if name == "circle":
            found.add(Room())
        elif name != "me":
            found |= part_readers(definition, name)
    return frozenset(found)


def is_within(definition: Definition, reader: Reader, known: Audience, depth: int = 0) -> bool:
    """Whether whoever this is, under this definition, was among those who could see it."""
    if reader in known or Room() in known:
        return True
    if depth >= DEEPEST:
        return False
    match reader:
        case AnsweredBy(ask=ask):
            to = definition.asks[ask].to
            if isinstance(to, Room):
                return False
            asked = readers(definition, to)
        case OneOf(part=part):
            asked = part_readers(definition, part)
        case Everyone(but=but) if but:
            return Everyone() in known
        case _:
            return False
    return bool(asked) and all(is_within(definition, each, known, depth + 1) for each in asked)


def shown(definition: Definition) -> Shown:
    """Everything that a definition's sentences show, and to whom."""
    found: dict[str, set[Reader]] = {}
    for key, audience in _said(definition):
        if any(isinstance(reader, Room | RoomIf) for reader in audience):
            found.setdefault(EXISTENCE, set()).update(audience)
        for gap in gaps_of(definition, key):
            found.setdefault(_meaning(definition, gap), set()).update(audience)
    for detail in definition.details.values():
        # Whoever is asked for something knows it, and whoever began knows how it began.
        found.setdefault(detail.name, set()).update(part_readers(definition, detail.asked or "starter"))
    return {what: frozenset(audience) for what, audience in found.items()}


def _said(definition: Definition) -> Iterator[tuple[str, Audience]]:
    for saying in sayings(definition):
        if saying.kind == "afterwards":
            yield saying.key, frozenset((Room(),))  # whoever carried it may show it to the circle
        elif not isinstance(saying.reader, Room):
            yield saying.key, readers(definition, saying.reader)
    for tell, _ in all_tells(definition):
        if isinstance(tell.to, Room):
            yield tell.text, _room(tell.when)
    for ask in definition.asks.values():
        if isinstance(ask.to, Room):
            yield f"{ask.name}.say", _room(ask.when)
    for state in definition.states.values():
        if (state.public_shelf or definition.shelf) is None:
            continue
        if state.public is not None:
            yield state.public, _room(state.public_when)
        if state.public_otherwise is not None and state.public_when is not None:
            yield state.public_otherwise, _room(NotThat(state.public_when))


def _room(condition: Condition | None) -> Audience:
    return frozenset((Room() if condition is None else RoomIf(condition),))


def _meaning(definition: Definition, gap: str) -> str:
    """What a placeholder stands for, however the part behind it is called."""
    if gap in definition.details or not any(part.name == gap for part in definition.parts):
        return gap
    return " and ".join(sorted(str(source) for source in part_readers(definition, gap)))
