"""What begins by itself: with whoever comes into a circle, and with everybody once it is in use."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.definition import Definition
from engine.core.event import Started
from engine.core.values import CircleId, PersonId, Ref
from engine.runtime.batch.ledger import Ledger
from engine.runtime.beginnings import beginning_for_all, beginning_for_arrival, instance_for
from engine.runtime.gathering import Gathering
from engine.runtime.house import House
from engine.runtime.ports import AnyArrival, Begun, Moved, Want


class Welcoming:
    """Begins in one batch what begins by itself."""

    def __init__(self, house: House, around: Gathering, ledger: Ledger) -> None:
        self._house = house
        self._around = around
        self._ledger = ledger

    def arrived(self, arrival: Moved, circle: CircleId) -> None:
        """Begin, with whoever came into the circle's room, what begins by itself when someone arrives."""
        beginning = beginning_for_arrival(self._house.practices, self._house.catalogue, circle)
        for n, definition in enumerate(beginning):
            self._begin_by_itself(definition, circle, arrival.person, f"{n}", arrival)

    async def for_all(self, circle: CircleId, workflows: Iterable[str], n: int, cause: AnyArrival) -> None:
        """Begin with everybody in the circle's room what its circle uses from now on, if they have not had it."""
        for definition in beginning_for_all(self._house.catalogue, circle, workflows):
            people = {
                instance_for(circle, definition.name, person): person
                for person in await self._around.members(circle)
            }
            had = (await self._house.cellar.load(Want(instances=frozenset(people)))).snapshots
            for k, (instance, person) in enumerate(people.items()):
                if instance not in had:
                    self._begin_by_itself(definition, circle, person, f"{n}.{definition.name}.{k}", cause)

    def _begin_by_itself(
        self, definition: Definition, circle: CircleId, person: PersonId, n: str, cause: AnyArrival
    ) -> None:
        self._ledger.to_instance(
            cause,
            n,
            instance_for(circle, definition.name, person),
            Started(Ref(person), unbidden=True),
            Begun(definition.name, circle, definition.digest),
        )
