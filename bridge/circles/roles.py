"""Who carries a role in a circle: found among the instances whose public line stands under ``who holds what``.

A role is known by what its instance is called. Its parts say who carries it: ``holder`` holds it; ``second`` (who
has said yes to learning it), or where a file has no such part ``understudy``, is its understudy. A role that the
circle cannot see, because nobody has said yes to it yet or it has come to its end, is held by nobody; and so is one
that stands among what's on because it is open.

Two titles mean something to the bot itself, in each of its languages: who holds the role of a steward looks after the
circle, and who holds that of a safety contact is one, as long as the role has a term (docs/decisions/0034). Nobody gets
there alone: somebody else described the role and asked them, it grew out of something else that the circle did
together, or whoever held it before passed it to them as to their understudy. A role that was laid down and that
somebody took up by themselves is a role, and no office.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Literal, Protocol

import msgspec

from bridge.reading.plainly import loosely, plainly
from bridge.wording.template import Piece, fill
from bridge.wording.vocabulary import offices_by_title
from engine.core.decide import public_line, public_shelf, public_shelves
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.message import Text
from engine.core.values import CircleId, InstanceId, Moment, Ms, PersonId, TextId
from engine.core.view import called, people_now
from engine.runtime.localize import Cast

SHELF = "holds"
HOLDER = ("holder",)
UNDERSTUDY = ("second", "understudy")
TERM = "ends"
"""The detail of a role that says when its term ends."""

Kind = Literal["steward", "contact"]
STEWARD: Kind = "steward"
CONTACT: Kind = "contact"


class Office(msgspec.Struct, frozen=True):
    """That somebody looks after a circle, or is its safety contact, until the term of their role ends."""

    kind: Kind
    person: PersonId
    ends_ms: Ms


class Records(Protocol):
    """What is kept of the instances that run."""

    async def open_instances(
        self, circle: CircleId, of: Collection[str] | None = None
    ) -> Sequence[Snapshot]: ...
    async def running_definitions(self, circle: CircleId) -> Sequence[str]: ...
    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]: ...
    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]: ...
    async def text(self, text: TextId) -> str | None: ...


class Definitions(Protocol):
    """Finds the definition an instance is pinned to."""

    async def by_digest(self, digest: str) -> Definition | None: ...


class Roles:
    """The roles of all circles, looked up when somebody asks."""

    def __init__(self, records: Records, definitions: Definitions) -> None:
        self._records = records
        self._definitions = definitions

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        """Who holds the role of this title, or is its understudy; titles are compared as they are heard."""
        found: dict[PersonId, None] = {}
        wanted = plainly(role)
        async for definition, snapshot in self._held(circle):
            title = plainly(await self._title(definition, snapshot))
            if title and title == wanted:
                parts = UNDERSTUDY if understudy else HOLDER
                found.update(dict.fromkeys(await self._people(definition, snapshot, parts)))
        return tuple(found)

    async def offices(self, circle: CircleId) -> Sequence[Office]:
        """Who looks after a circle, or is its safety contact, by a role; one whose term is over still counts, for it
        goes on until its holder has said what becomes of it.
        """
        titles = {loosely(title): kind for title, kind in offices_by_title().items()}
        found: list[Office] = []
        async for definition, snapshot in self._held(circle):
            term = snapshot.details.get(TERM)
            kind = titles.get(loosely(await self._title(definition, snapshot)))
            if kind is None or not isinstance(term, Moment):
                continue
            starter = Cast(await self._records.people_of(snapshot.id)).person(snapshot.starter)
            found += [
                Office(kind, person, term.at_ms)
                for person in await self._people(definition, snapshot, HOLDER)
                if person != starter or await self._was_given(definition, snapshot, person)
            ]
        return found

    async def _was_given(self, definition: Definition, snapshot: Snapshot, person: PersonId) -> bool:
        """Whether a role that its holder began themselves came to them through others."""
        before = next(
            (each for each in await self._records.instances_of(person) if each.id == snapshot.parent), None
        )
        former = None if before is None else await self._definitions.by_digest(before.definition)
        if before is None or former is None:
            return False
        if former.name != definition.name:
            return True
        passed = any(
            start.workflow == definition.name and start.by in UNDERSTUDY
            for start in former.states[before.state].starts
        )
        return passed and any(holder != person for holder in await self._people(former, before, HOLDER))

    async def _held(self, circle: CircleId) -> AsyncIterator[tuple[Definition, Snapshot]]:
        """Every role that the circle knows to be held."""
        running = await self._records.running_definitions(circle)
        roles = [digest for digest in running if await self._may_be_held(digest)]
        for snapshot in await self._records.open_instances(circle, roles):
            definition = await self._definitions.by_digest(snapshot.definition)
            if definition is None or public_shelf(definition, snapshot) != SHELF:
                continue  # a role that is open at present
            if public_line(definition, snapshot) is not None:
                yield definition, snapshot

    async def _may_be_held(self, digest: str) -> bool:
        definition = await self._definitions.by_digest(digest)
        return definition is not None and SHELF in public_shelves(definition)

    async def _people(
        self, definition: Definition, snapshot: Snapshot, parts: Sequence[str]
    ) -> tuple[PersonId, ...]:
        part = _part(definition, parts)
        refs = people_now(definition, snapshot, part) if part is not None else ()
        cast = Cast(await self._records.people_of(snapshot.id))
        return tuple(person for ref in refs if (person := cast.person(ref)))

    async def _title(self, definition: Definition, snapshot: Snapshot) -> str:
        """What an instance is called, in the words its people gave; names and moments in it are no part of a title."""
        about = called(definition, snapshot)
        if about.digest is None:
            return ""
        words: dict[str, Piece] = {}
        for gap, slot in about.slots.items():
            text = await self._records.text(slot.text) if isinstance(slot, Text) else None
            words[gap] = Piece.of(text or "")
        return fill(definition.texts[about.key], words).plain


def _part(definition: Definition, names: Sequence[str]) -> str | None:
    there = {part.name for part in definition.parts}
    return next((name for name in names if name in there), None)
