"""What the live views show: gathered when they are sent, as far as the reader may see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from bridge.wording.render import Hearer
from engine.core.decide import public_line
from engine.core.definition import ABOUT_TEXT, TITLE_TEXT, Definition
from engine.core.desk import Desk
from engine.core.message import Count, Phrase, Plain
from engine.core.values import CircleId, PersonId
from engine.runtime.localize import Cast, name_phrase
from engine.runtime.ports import Catalogue, Cellar, Want

MOST_BEGINNINGS = 8
LONGEST_ABOUT = 60
"""Characters: one line, or hardly more, on a phone."""
SHIPPED = {("invitation", "invite"): "help.invite", ("role", "role"): "help.role"}
"""(workflow, the words that begin it) → the line of a workflow that comes with Hearth."""
_AFTER_SENTENCE = re.compile(r"(?<=[.!?…])\s")
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
        if view == "help":
            return self._beginnings(hearer)
        if view == "my":
            return await self._my(hearer.person) if hearer.person is not None else ()
        found: list[Phrase] = []
        for circle in await self._circles_for(hearer):
            found.extend(await self._public(circle, SHELVES[view]))
        return found

    def _beginnings(self, hearer: Hearer) -> list[Phrase]:
        """What can be begun here, one line each."""
        found = [
            (word, definition)
            for word, name in self._catalogue.begins().items()
            if (definition := self._catalogue.in_service(name)) is not None
        ]
        found.sort(key=lambda each: (each[1].name, each[0]) not in SHIPPED)
        lines = [_beginning(word, d, hearer.language) for word, d in found[:MOST_BEGINNINGS]]
        more = len(found) - len(lines)
        return [*lines, Phrase("help.more", slots={"n": Count(more)})] if more else lines

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


def _beginning(word: str, definition: Definition, language: str) -> Phrase:
    shipped = SHIPPED.get((definition.name, word))
    if shipped is not None:
        return Phrase(shipped)
    translated = definition.translations.get(language, {})
    about = translated.get(ABOUT_TEXT) or definition.about or translated.get(TITLE_TEXT) or definition.title
    return Phrase("help.begin", slots={"word": Plain(word), "about": Plain(_in_one_line(about))})


def _in_one_line(about: str) -> str:
    """The first sentence, as far as one line goes."""
    first = _AFTER_SENTENCE.split(" ".join(about.split()), maxsplit=1)[0].removesuffix(".")
    if len(first) <= LONGEST_ABOUT:
        return first
    kept = first[:LONGEST_ABOUT].rpartition(" ")[0] or first[: LONGEST_ABOUT - 1]
    return f"{kept.rstrip(' ,;:–—-')}…"
