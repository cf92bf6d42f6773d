"""Gathering: what deciding wants to know of the world around an instance, and only if its definition needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

import msgspec

from engine.core.definition import (
    AnsweredBy,
    Circle,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    InUse,
    NamedBy,
    NamedIn,
    OneOf,
    PartDef,
    Source,
    Starter,
    StateDef,
    Stewards,
    Who,
)
from engine.core.sources import chosen_by_lot, is_outside
from engine.core.survey import parts_looked_at
from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Surroundings

MOST_KNOWN = 256
"""Definitions whose needs are held in memory."""
IN_USE = InUse.__struct_config__.tag


class Wanted(msgspec.Struct, frozen=True):
    """What the events of one definition need to be decided."""

    room: bool = False
    """Who is in the circle's room."""
    parts: tuple[PartDef, ...] = ()
    """Parts whose people lie outside the instance."""
    chance: bool = False
    practices: tuple[str, ...] = ()
    """Workflows of which it matters whether the circle has them in use."""
    lately: tuple[str, ...] = ()
    """Parts of which it matters whether an earlier one has asked them something."""


_wanted: dict[str, Wanted] = {}


def wanted_by(definition: Definition) -> Wanted:
    """What a definition's events need; worked out once per digest."""
    found = _wanted.get(definition.digest)
    if found is None:
        if len(_wanted) >= MOST_KNOWN:
            _wanted.clear()
        found = _wanted[definition.digest] = Wanted(
            room=any(isinstance(who, Circle) for who in _everybody_addressed(definition)),
            parts=tuple(part for part in definition.parts if is_outside(part)),
            chance=any(chosen_by_lot(part) for part in definition.parts),
            practices=tuple(sorted(_practices_in(msgspec.to_builtins(definition)))),
            lately=parts_looked_at(definition),
        )
    return found


def _practices_in(value: object) -> set[str]:
    """The workflows that ``… is in use`` names, wherever conditions stand in a definition."""
    if isinstance(value, dict):
        here = {value["workflow"]} if value.get("type") == IN_USE else set()
        return here.union(*map(_practices_in, value.values()))
    return set().union(*map(_practices_in, value)) if isinstance(value, list | tuple) else set()


def _everybody_addressed(definition: Definition) -> Iterator[Who]:
    yield from (ask.to for ask in definition.asks.values())
    for state in definition.states.values():
        yield from _addressed_in(state)


def _addressed_in(state: StateDef) -> Iterator[Who]:
    yield from (tell.to for tell in state.tells)
    yield from (tell.to for move in state.moves for tell in move.tells)
    yield from state.help_to


class Gathering:
    """Looks around for one batch. What was found is taken as found until the batch ends."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._members: dict[CircleId, Sequence[PersonId]] = {}
        self._holders: dict[tuple[CircleId, str, bool], Sequence[PersonId]] = {}
        self._parts: dict[tuple[CircleId, tuple[Source, ...]], Sequence[PersonId]] = {}

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        """Who is in the circle's room."""
        if circle not in self._members:
            self._members[circle] = await self._surroundings.members(circle)
        return self._members[circle]

    async def people(self, part: PartDef, circle: CircleId) -> Sequence[PersonId]:
        """Who a part is, as far as its people lie outside the instance."""
        key = (circle, part.sources)
        if key not in self._parts:
            found: dict[PersonId, None] = {}
            for source in part.sources:
                found.update(dict.fromkeys(await self._from(source, circle)))
            self._parts[key] = tuple(found)
        return self._parts[key]

    async def _from(self, source: Source, circle: CircleId) -> Sequence[PersonId]:
        match source:
            case Everyone():
                return await self.members(circle)
            case Stewards():
                return self._surroundings.stewards(circle)
            case Contacts():
                return self._surroundings.contacts(circle)
            case HolderOf(role=role, understudy=understudy):
                return await self._holders_of(circle, role, understudy=understudy)
            case Starter() | NamedIn() | NamedBy() | AnsweredBy() | OneOf():
                return ()
            case _:
                assert_never(source)

    async def _holders_of(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        key = (circle, role, understudy)
        if key not in self._holders:
            self._holders[key] = await self._surroundings.holders(circle, role, understudy=understudy)
        return self._holders[key]
