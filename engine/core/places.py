"""Places: how many may take up an ask's first choice, who has one, and who waits for one.

Asks that one part counts together share their places if each of them has any: whoever has a
place by one of them has it by all, and takes one from all. An ask without places takes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.core.definition import Definition
from engine.core.values import AnyValue, Ms, Number, Ref


class Hall(Protocol):
    """What has to be known to seat people."""

    @property
    def definition(self) -> Definition: ...
    def detail(self, name: str) -> AnyValue | None: ...
    def linked(self, ask: str) -> tuple[str, ...]: ...
    def standing(self, ask: str, choice: str) -> Sequence[tuple[Ms, Ref]]:
        """(when, who) of every standing answer of this kind, places or not."""


def places_of(hall: Hall, ask: str) -> int | None:
    """How many may take up the first choice; None: as many as like, or nobody has said yet."""
    known = hall.definition.asks.get(ask)
    places = known.places if known is not None and known.choices else None
    if not isinstance(places, str):
        return places
    value = hall.detail(places)
    return value.n if isinstance(value, Number) else None


def is_for(hall: Hall, ask: str, choice: str) -> bool:
    """Whether places are for this choice of this ask."""
    known = hall.definition.asks.get(ask)
    if known is None or known.places is None or choice not in (c.id for c in known.choices[:1]):
        return False
    return places_of(hall, ask) is not None


def sharing(hall: Hall, ask: str) -> tuple[str, ...]:
    """The asks that take places from the same number, this one among them; none if it has none."""
    names = (ask, *hall.linked(ask))
    return tuple(name for name in names if places_of(hall, name) is not None)


def seated(hall: Hall, ask: str) -> frozenset[Ref]:
    """Who has a place: those who came first, until it is full."""
    came: dict[Ref, tuple[Ms, int]] = {}
    for name in sharing(hall, ask):
        places = places_of(hall, name) or 0
        for at_ms, who in hall.standing(name, hall.definition.asks[name].choices[0].id):
            earlier_ms, more = came.get(who, (at_ms, places))
            came[who] = min(at_ms, earlier_ms), max(places, more)
    taken: list[Ref] = []
    for who in sorted(came, key=lambda who: (came[who][0], who)):
        if len(taken) < came[who][1]:
            taken.append(who)
    return frozenset(taken)


def waiting(hall: Hall, ask: str) -> tuple[Ref, ...]:
    """Who would like a place of this ask and has none yet, in the order in which they came."""
    if places_of(hall, ask) is None:
        return ()
    inside = seated(hall, ask)
    came = sorted(hall.standing(ask, hall.definition.asks[ask].choices[0].id))
    return tuple(who for _, who in came if who not in inside)
