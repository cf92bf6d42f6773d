"""Lately: whom the starter of an instance has put something to before, by the same workflow in the same circle.

Nothing of the earlier ones leaves this place but people that the instance knows already, and when they were asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.core.definition import Definition, Part
from engine.core.instance import AskState, Snapshot
from engine.core.turn import DETAIL
from engine.core.values import CircleId, InstanceId, Ms, PersonId, Ref
from engine.runtime.localize import Cast
from engine.runtime.ports import Catalogue, Cellar


async def asked_lately(
    instance: InstanceId,
    definition: Definition,
    circle: CircleId,
    cast: Cast,
    parts: Sequence[str],
    cellar: Cellar,
    catalogue: Catalogue,
    newer: Mapping[InstanceId, Snapshot | None],
    casts: Mapping[InstanceId, Cast],
) -> dict[str, dict[Ref, Ms]]:
    """Part → who of this cast was asked as that part by another instance of the same starter → when they last were.

    ``newer`` and ``casts``: instances that this batch has looked at already, as they stand in it.
    """
    starter = cast.person("p1")
    found: dict[str, dict[Ref, Ms]] = {part: {} for part in parts}
    stored = await cellar.instances_of(starter) if parts and starter else ()
    for snapshot in (newer.get(each.id) or each for each in stored):
        if snapshot.id == instance or snapshot.circle != circle:
            continue
        theirs = await catalogue.by_digest(snapshot.definition)
        if theirs is None or theirs.name != definition.name:
            continue
        people = casts.get(snapshot.id) or Cast(await cellar.people_of(snapshot.id))
        if people.person(snapshot.starter) != starter:
            continue
        for part in parts:
            for state in _put_to(part, theirs, snapshot):
                for ref in _known(state, people, cast):
                    found[part][ref] = max(state.opened_ms, found[part].get(ref, 0))
    return {part: people_asked for part, people_asked in found.items() if people_asked}


def _put_to(part: str, definition: Definition, snapshot: Snapshot) -> list[AskState]:
    """What was put to whoever held a part."""
    asks = [name for name, ask in definition.asks.items() if ask.to == Part(part)]
    details = [DETAIL + name for name, detail in definition.details.items() if detail.asked == part]
    return [snapshot.asks[name] for name in (*asks, *details) if name in snapshot.asks]


def _known(state: AskState, people: Cast, cast: Cast) -> list[Ref]:
    asked: list[PersonId] = [people.person(ref) for ref in state.asked]
    return [ref for person in asked if person and (ref := cast.known(person)) is not None]
