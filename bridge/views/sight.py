"""What one person may see of the house: their own desk, and the matters they know of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from engine.core.carried import Line, lines_carried
from engine.core.carried_order import Afterwards, afterwards_in_order, took_part
from engine.core.decide import public_line, public_shelf, public_shelves
from engine.core.definition import Definition
from engine.core.desk import Desk, Prompt, Rhythm
from engine.core.instance import Snapshot
from engine.core.message import AnySlot, Names, Phrase, Said, Text
from engine.core.values import CircleId, InstanceId, Ms, PersonId, Ref, RowId, TextId
from engine.runtime.localize import Cast, name_phrase
from engine.runtime.ports import Catalogue, Cellar, Want


class Around(Protocol):
    """Knows who belongs where, and who looks after a circle."""

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]: ...
    def contacts(self, circle: CircleId) -> Sequence[PersonId]: ...
    def stewards(self, circle: CircleId) -> Sequence[PersonId]: ...


class InUse(Protocol):
    """Knows which workflows a circle has taken up, and which it could."""

    def in_use(self, circle: CircleId) -> Sequence[str]: ...
    def offered(self, circle: CircleId) -> Sequence[str]: ...


class Everything:
    """Implements `InUse` for a house in which nothing has to be agreed to."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def in_use(self, circle: CircleId) -> Sequence[str]:
        return tuple(dict.fromkeys(self._catalogue.begins(circle).values()))

    def offered(self, circle: CircleId) -> Sequence[str]:
        return ()


class Sources(NamedTuple):
    """What every view is gathered from."""

    cellar: Cellar
    catalogue: Catalogue
    around: Around
    in_use: InUse
    circle_name: Callable[[CircleId], str | None]
    """What the people of a circle call it; None: as it is kept."""
    usual: Callable[[PersonId], Awaitable[Rhythm]]
    """When somebody is written to who has not chosen otherwise."""


class Matter(NamedTuple):
    """One instance, as somebody who stands in it is known there."""

    definition: Definition
    snapshot: Snapshot
    who: Ref
    cast: Cast

    @property
    def is_private(self) -> bool:
        """Whether nothing of it is ever public and something in it is asked in private: views only count it."""
        asks = self.definition.asks.values()
        return self.definition.shelf is None and any(ask.sensitive for ask in asks)


class Public(NamedTuple):
    """A line that a whole circle may see, and where it belongs."""

    shelf: str
    is_open: bool
    """True for something that usually somebody holds, and nobody does at present."""
    phrase: Phrase


class Own(msgspec.Struct, frozen=True):
    """A person's own: their desk, which of its questions are in their room, and the matters they know of."""

    desk: Desk
    delivered: frozenset[RowId]
    matters: tuple[Matter, ...]

    def waiting(self, now_ms: Ms) -> tuple[Prompt, ...]:
        """The questions of others that wait for an answer, the oldest first, and may stand in a list."""
        private = {m.snapshot.id for m in self.matters if m.is_private}
        waiting = self._waiting(now_ms)
        return tuple(p for p in waiting if not p.message.sensitive and p.instance not in private)

    def waiting_privately(self, now_ms: Ms) -> tuple[Prompt, ...]:
        """Private questions that wait, also those that have only knocked; ``open`` shows them."""
        return tuple(p for p in self._waiting(now_ms) if p.message.sensitive)

    def waiting_plainly(self, now_ms: Ms) -> tuple[Prompt, ...]:
        """Plain questions of private matters: they lie in the room, and no list says what they are."""
        private = {m.snapshot.id for m in self.matters if m.is_private}
        waiting = self._waiting(now_ms)
        return tuple(p for p in waiting if not p.message.sensitive and p.instance in private)

    def _waiting(self, now_ms: Ms) -> tuple[Prompt, ...]:
        return tuple(p for p in self.desk.prompts if p.instance is not None and self._waits(p, now_ms))

    def _waits(self, prompt: Prompt, now_ms: Ms) -> bool:
        if prompt.shared or prompt.sources or prompt.set_aside:
            return False
        if prompt.closes_ms <= now_ms or prompt.workflow in self.desk.muted:
            return False
        return prompt.row in self.delivered or prompt.knock in self.delivered

    def running(self) -> tuple[Matter, ...]:
        """What they know of and has not ended."""
        return tuple(matter for matter in self.matters if matter.snapshot.finished_ms is None)

    def held(self) -> tuple[tuple[InstanceId, Line], ...]:
        """What they hold at present, for their eyes only."""
        return tuple(
            (m.snapshot.id, Line(line.kind, name_phrase(line.phrase, m.cast)))
            for m in self.running()
            for line in lines_carried(m.definition, m.snapshot, m.who)
        )

    def afterwards(self) -> tuple[Afterwards, ...]:
        """What they carried, in the order of its numbers."""
        casts = {m.snapshot.id: m.cast for m in self.matters}
        lines = afterwards_in_order((m.definition, m.snapshot, m.who) for m in self.matters)
        return tuple(
            Afterwards(line.instance, line.ended_ms, name_phrase(line.phrase, casts[line.instance]))
            for line in lines
        )


async def own_of(sources: Sources, person: PersonId) -> Own:
    """All that a person's own views are made of."""
    want = Want(desks=frozenset((person,)), delivered=frozenset((person,)))
    loaded = await sources.cellar.load(want)
    desk = loaded.desks.get(person) or Desk(person)
    delivered = loaded.delivered.get(person, frozenset())
    known = _on_the_desk(desk, delivered)
    matters = [
        matter
        for matter in await matters_of(sources, person)
        if matter.snapshot.id in known or took_part(matter.definition, matter.snapshot, matter.who)
    ]
    return Own(desk, delivered, tuple(matters))


async def matters_of(sources: Sources, person: PersonId) -> list[Matter]:
    """Every instance in which a person stands, also those that nothing may tell them of."""
    found: list[Matter] = []
    for snapshot in await sources.cellar.instances_of(person):
        definition = await sources.catalogue.by_digest(snapshot.definition)
        people = await sources.cellar.people_of(snapshot.id)
        if definition is None or person not in people:
            continue
        who = Ref(f"p{people.index(person) + 1}")
        found.append(Matter(definition, snapshot, who, Cast(people)))
    return found


def _on_the_desk(desk: Desk, delivered: frozenset[RowId]) -> frozenset[InstanceId]:
    """The instances of which something lies before a person: a question they have seen, or a message kept up to date.

    Command words alone do not count: they are given whether or not anything was put to somebody.
    """
    asked = {p.instance for p in desk.prompts if p.knock is None and p.row in delivered}
    boards = {InstanceId(key.partition("/")[0]) for key in desk.boards}
    return frozenset(i for i in (*asked, *boards) if i is not None)


# ── what is public ───────────────────────────────────────────────────────────


async def public_lines(sources: Sources, circle: CircleId) -> list[Public]:
    """Every line of a circle that all of it may see, whatever began first coming first."""
    found: list[Public] = []
    shown: list[str] = []
    for digest in await sources.cellar.running_definitions(circle):
        definition = await sources.catalogue.by_digest(digest)
        if definition is not None and public_shelves(definition):
            shown.append(digest)
    for snapshot in await sources.cellar.open_instances(circle, shown):
        definition = await sources.catalogue.by_digest(snapshot.definition)
        shelf = public_shelf(definition, snapshot) if definition is not None else None
        line = public_line(definition, snapshot) if definition is not None else None
        if definition is None or shelf is None or line is None:
            continue
        cast = Cast(await sources.cellar.people_of(snapshot.id))
        is_open = shelf == "on" and definition.shelf == "holds"
        found.append(Public(shelf, is_open, name_phrase(line, cast)))
    return found


def names_somebody(phrase: Phrase | Said, person: PersonId) -> bool:
    """Whether a sentence names this person."""
    return any(_names(slot, person) for slot in phrase.slots.values())


def _names(slot: AnySlot, person: PersonId) -> bool:
    if isinstance(slot, Names):
        return person in slot.who
    return isinstance(slot, Said) and names_somebody(slot, person)


def texts_in(slots: Mapping[str, AnySlot]) -> list[TextId]:
    """The texts of people that a sentence carries."""
    found: list[TextId] = []
    for slot in slots.values():
        if isinstance(slot, Text):
            found.append(slot.text)
        elif isinstance(slot, Said):
            found += texts_in(slot.slots)
    return found


def entry(about: Phrase) -> Phrase:
    """A phrase as one line of a list."""
    return Phrase("views.entry", slots={"about": said(about)})


def said(phrase: Phrase) -> Said:
    """A phrase, to stand within another."""
    return Said(phrase.key, phrase.digest, phrase.slots)
