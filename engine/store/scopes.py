"""Whose key seals what: a person's, an instance's, or the house's for what belongs to nobody in particular."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.parcel import Direct, Parcel
from engine.core.values import InstanceId, PersonId
from engine.runtime.ports import AnyArrival, Changes, Echo, Faded, Housed, Noticed, Rung, ToInstance

HOUSE = "house"


def scope_of_person(person: PersonId) -> str:
    """Where the key of a person is found."""
    return f"p/{person}"


def scope_of_instance(instance: InstanceId) -> str:
    """Where the key of an instance is found."""
    return f"i/{instance}"


def scope_of_text(person: str, instance: str | None) -> str:
    """Whose key seals a text: its writer's; the instance's if nothing leads to its writer any more."""
    return scope_of_person(PersonId(person)) if person else scope_of_instance(InstanceId(instance or ""))


def scope_of_actor(actor: str) -> str:
    """Whose key seals what an actor (``i/<instance>``, ``d/<person>``) leaves behind."""
    return actor if actor.startswith("i/") else scope_of_person(PersonId(actor[2:]))


def scope_of_parcel(parcel: Parcel) -> str:
    """Whose key seals a parcel: the person's it goes to; in a shared room, the instance's it is about."""
    if isinstance(parcel.to, Direct):
        return scope_of_person(parcel.to.person)
    return HOUSE if parcel.about is None else scope_of_instance(parcel.about)


def scope_of_arrival(arrival: AnyArrival) -> str:
    """Whose key seals an arrival that waits or was set aside."""
    if isinstance(arrival, ToInstance):
        return scope_of_instance(arrival.instance)
    if isinstance(arrival, Rung):
        return scope_of_actor(arrival.actor)
    if isinstance(arrival, Echo | Faded | Housed | Noticed):
        return HOUSE
    return scope_of_person(arrival.person)


def scopes_of(changes: Changes) -> Iterator[str]:
    """Whose keys this batch needs."""
    yield from map(scope_of_instance, changes.snapshots)
    yield from map(scope_of_person, changes.desks)
    yield from (scope_of_person(gathered.person) for gathered in changes.gathered)
    yield from (scope_of_actor(line.actor) for line in changes.journal)
    yield from (scope_of_parcel(new.parcel) for new in changes.parcels)
    yield from (scope_of_person(text.person) for text in changes.texts)
    yield from (scope_of_instance(copy.instance) for copy in changes.copies if copy.loose)
    yield from (scope_of_arrival(aside.arrival) for aside in changes.set_aside)
    yield from map(scope_of_arrival, changes.inbox)
    if changes.kept:
        yield HOUSE
