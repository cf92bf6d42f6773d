"""Whom somebody may call on: the safety contacts of their circles, without those who are in it themselves (right 14).

Why somebody is left out is told to nobody: not to who asks, not in a log, not in a journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.core.definition import Contacts, Definition, NamedBy, NamedIn, PartDef, Starter
from engine.core.desk import Asked, Boarded, Desk, Told
from engine.core.instance import Snapshot
from engine.core.values import CircleId, InstanceId, PersonId
from engine.core.view import people_now
from engine.runtime.localize import Cast
from engine.runtime.ports import Catalogue, Cellar, Line, Surroundings, Want
from engine.runtime.practices import is_private

NAMED = (Starter, NamedIn, NamedBy)


async def contacts_for(
    desk: Desk,
    circles: Iterable[CircleId],
    desks: Mapping[PersonId, Desk],
    cellar: Cellar,
    catalogue: Catalogue,
    surroundings: Surroundings,
) -> tuple[PersonId, ...]:
    """The contacts that this person may be offered; ``desks`` are those known already, newer than what is stored.

    Not: themselves, whom they do not want to hear from or who does not want to hear from them, who has said stop,
    and whoever has a part in a private matter that has reached this person.
    """
    all_contacts = dict.fromkeys(c for circle in circles for c in surroundings.contacts(circle))
    asked = [c for c in all_contacts if c != desk.person and c not in desk.not_from]
    if not asked:
        return ()
    loaded = await cellar.load(Want(desks=frozenset(asked)))
    known = {**loaded.desks, **desks}
    reached = [c for c in asked if c not in known or _hears(known[c], desk.person)]
    involved = await _involved_with(desk, cellar, catalogue) if reached else frozenset()
    return tuple(contact for contact in reached if contact not in involved)


def _hears(contact: Desk, person: PersonId) -> bool:
    return contact.consent != "stopped" and person not in contact.not_from


async def _involved_with(desk: Desk, cellar: Cellar, catalogue: Catalogue) -> frozenset[PersonId]:
    """Everybody with a named part in a private matter that runs and that this person began, or that was put to them.

    What has not reached them does not count: that somebody is missing must never tell of a matter they do not know.
    """
    involved: set[PersonId] = set()
    reached: frozenset[InstanceId] | None = None
    for snapshot in await cellar.instances_of(desk.person):
        definition = await catalogue.by_digest(snapshot.definition)
        if snapshot.finished_ms is not None or definition is None or not is_private(definition):
            continue
        cast = Cast(await cellar.people_of(snapshot.id))
        if cast.person(snapshot.starter) != desk.person:
            if reached is None:
                reached = _put_to(await cellar.journal(f"d/{desk.person}"))
            if snapshot.id not in reached:
                continue
        involved.update(_named(definition, snapshot, cast))
    return frozenset(involved)


def _put_to(journal: Sequence[Line]) -> frozenset[InstanceId]:
    """The instances from which something was laid on a desk, and not kept away from it.

    Command words do not count: they are given whether or not anything is put to somebody.
    """
    return frozenset(
        line.event.instance
        for line in journal
        if isinstance(line.event, Asked | Told | Boarded) and line.result == "decided"
    )


def _named(definition: Definition, snapshot: Snapshot, cast: Cast) -> set[PersonId]:
    refs = (
        ref
        for part in definition.parts
        if _is_named(part)
        for ref in people_now(definition, snapshot, part.name)
    )
    return {cast.person(ref) for ref in refs}


def _is_named(part: PartDef) -> bool:
    return any(isinstance(s, NAMED) for s in part.sources) and not any(
        isinstance(s, Contacts) for s in part.sources
    )
