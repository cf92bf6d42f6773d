"""What the live views show: gathered when they are sent, as far as the reader may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bridge.wording.render import Hearer
from engine.core.decide import public_line
from engine.core.desk import Desk
from engine.core.message import Count, Phrase
from engine.core.values import CircleId, PersonId
from engine.runtime.localize import Cast, name_phrase
from engine.runtime.ports import Catalogue, Cellar, Want

SHELVES = {"who holds what": "holds", "what's on": "on"}


class CirclesOf(Protocol):
    """Knows which circles a person belongs to."""

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]: ...


class HouseViews:
    """Implements ``bridge.wording.render.Views``."""

    def __init__(self, cellar: Cellar, catalogue: Catalogue, circles: CirclesOf) -> None:
        self._cellar = cellar
        self._catalogue = catalogue
        self._circles = circles

    async def lines(self, view: str, hearer: Hearer) -> Sequence[Phrase]:
        if view == "my":
            return await self._my(hearer.person) if hearer.person is not None else ()
        found: list[Phrase] = []
        for circle in await self._circles_for(hearer):
            found.extend(await self._public(circle, SHELVES[view]))
        return found

    async def _circles_for(self, hearer: Hearer) -> Sequence[CircleId]:
        if hearer.circle is not None:
            return [hearer.circle]
        return await self._circles.circles_of(hearer.person) if hearer.person is not None else ()

    async def _public(self, circle: CircleId, shelf: str) -> list[Phrase]:
        lines: list[Phrase] = []
        for snapshot in await self._cellar.open_instances(circle):
            definition = await self._catalogue.by_digest(snapshot.definition)
            if definition is None or definition.shelf != shelf:
                continue
            line = public_line(definition, snapshot)
            if line is not None:
                lines.append(name_phrase(line, Cast(await self._cellar.people_of(snapshot.id))))
        return lines

    async def _my(self, person: PersonId) -> list[Phrase]:
        want = Want(desks=frozenset((person,)), delivered=frozenset((person,)))
        loaded = await self._cellar.load(want)
        desk = loaded.desks.get(person) or Desk(person)
        delivered = loaded.delivered.get(person, frozenset())
        waiting = [
            p
            for p in desk.prompts
            if p.instance is not None and not p.sources and not p.shared
            if p.row in delivered or p.knock in delivered
        ]
        lines = [line for p in waiting if not p.message.sensitive for line in p.message.lines[:1]]
        private = sum(1 for p in waiting if p.message.sensitive)
        if private:
            lines.append(Phrase("my.private", slots={"n": Count(private)}))
        lines.extend(power.about for power in desk.powers.values())
        return lines
