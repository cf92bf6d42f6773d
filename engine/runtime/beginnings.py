"""What begins by itself: once for each person, and never again (docs/decisions/0022)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from engine.core.definition import Definition, Part, Starter
from engine.core.values import CircleId, InstanceId, PersonId
from engine.runtime.ports import Catalogue
from engine.runtime.practices import Practices

ID_BYTES = 16


def instance_for(circle: CircleId, workflow: str, person: PersonId) -> InstanceId:
    """The one instance that ever begins by itself for this person there: whoever comes back has had theirs."""
    digest = blake2b(digest_size=ID_BYTES)
    for part in (circle, workflow, person):
        name = part.encode()
        digest.update(len(name).to_bytes(4) + name)
    return InstanceId(digest.hexdigest())


def beginning_for_arrival(
    practices: Practices, catalogue: Catalogue, circle: CircleId
) -> Iterator[Definition]:
    """What begins with somebody who comes into a circle's room."""
    return _beginning(catalogue, circle, practices.in_use(circle), ("arriving", "present"))


def beginning_for_all(
    catalogue: Catalogue, circle: CircleId, workflows: Iterable[str]
) -> Iterator[Definition]:
    """Which of these begin with everybody who is there when the circle begins to use them."""
    return _beginning(catalogue, circle, workflows, ("present",))


def _beginning(
    catalogue: Catalogue, circle: CircleId, workflows: Iterable[str], kinds: tuple[str, ...]
) -> Iterator[Definition]:
    for name in workflows:
        definition = catalogue.in_service(name, circle)
        if definition is not None and definition.begins_for in kinds:
            yield definition


def comes_round(definition: Definition) -> bool:
    """Whether it asks its starter alone, with nothing to be said before, and comes back to that by itself: a second
    one would ask them everything twice.
    """
    start = definition.states[definition.start]
    alone = {Part(part.name) for part in definition.parts if part.sources == (Starter(),)}
    asks_them = bool(start.asks) and all(definition.asks[name].to in alone for name in start.asks)
    return asks_them and not start.gather and definition.start in _after(definition)


def _after(definition: Definition) -> set[str]:
    """The states that the moves from the first one lead to."""
    found: set[str] = set()
    left = [definition.start]
    while left:
        onward = {move.to for move in definition.states[left.pop()].moves} - found
        found |= onward
        left += onward
    return found
