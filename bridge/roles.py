"""Who carries a role in a circle: found among the instances whose public line stands under ``who holds what``.

A role is known by what its instance is called. Its parts say who carries it: ``holder`` holds it; ``second`` (who
has said yes to learning it), or where a file has no such part ``understudy``, is its understudy. A role that the
circle cannot see, because nobody has said yes to it yet or it has come to its end, is held by nobody; and so is one
that stands among what's on because it is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.reading.plainly import plainly
from bridge.wording.template import Piece, fill
from engine.core.decide import public_line, public_shelf
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.message import Text
from engine.core.values import CircleId, InstanceId, PersonId, TextId
from engine.core.view import called, people_now
from engine.runtime.localize import Cast

SHELF = "holds"
HOLDER = ("holder",)
UNDERSTUDY = ("second", "understudy")


class Records(Protocol):
    """What is kept of the instances that run."""

    async def open_instances(self, circle: CircleId) -> Sequence[Snapshot]: ...
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
        for snapshot in await self._records.open_instances(circle):
            definition = await self._definitions.by_digest(snapshot.definition)
            if definition is None or public_shelf(definition, snapshot) != SHELF:
                continue  # nothing of that list, or a role that is open at present
            if public_line(definition, snapshot) is None:
                continue
            title = plainly(await self._title(definition, snapshot))
            if not title or title != wanted:
                continue
            part = _part(definition, UNDERSTUDY if understudy else HOLDER)
            refs = people_now(definition, snapshot, part) if part is not None else ()
            cast = Cast(await self._records.people_of(snapshot.id))
            found.update((person, None) for ref in refs if (person := cast.person(ref)))
        return tuple(found)

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
