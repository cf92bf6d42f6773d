"""What somebody has carried: the lines that ``show 2`` counts."""

from __future__ import annotations

from engine.core.carried_order import afterwards_in_order
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.values import InstanceId, PersonId, Ref
from engine.runtime.ports import Catalogue, Cellar


async def carried_by(person: PersonId, cellar: Cellar, catalogue: Catalogue) -> tuple[InstanceId, ...]:
    """The instances whose lines ``what i carried`` shows, in the order of their numbers."""
    ended: list[tuple[Definition, Snapshot, Ref]] = []
    for snapshot in await cellar.instances_of(person):
        definition = await catalogue.by_digest(snapshot.definition)
        people = await cellar.people_of(snapshot.id)
        if snapshot.finished_ms is not None and definition is not None and person in people:
            ended.append((definition, snapshot, Ref(f"p{people.index(person) + 1}")))
    return tuple(line.instance for line in afterwards_in_order(ended))
