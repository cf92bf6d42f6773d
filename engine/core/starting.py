"""One workflow starting another: its id, what it is handed, and what of that fits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Protocol

from engine.core.definition import Definition, DetailDef, StartDef
from engine.core.values import (
    DAY_MS,
    AnyValue,
    InstanceId,
    Moment,
    Ms,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    Words,
)

NOT_STARTED = "not_started"
"""The state in which a workflow that could not begin counts as ended."""
HASTE_MS = DAY_MS
"""What is started later than this after its parent's beginning begins a new row."""


class Giver(Protocol):
    """What hands over."""

    def detail(self, name: str) -> AnyValue | None: ...
    def people(self, part: str) -> tuple[Ref, ...]: ...


def id_of_child(parent: InstanceId, version: int, n: int) -> InstanceId:
    """The id of the ``n``-th instance that ``parent`` starts in one decision: the same however often it is decided."""
    origin = f"{parent}:{version}:{n}".encode()
    return InstanceId(hashlib.blake2b(origin, digest_size=16).hexdigest())


def lately(started: tuple[Ms, ...], now_ms: Ms) -> tuple[Ms, ...]:
    """Those moments that lie within the last day."""
    return tuple(at_ms for at_ms in started if now_ms - at_ms < DAY_MS)


def depth_of_child(depth: int, started_ms: Ms, now_ms: Ms) -> int:
    """How many in a row a child would be."""
    return depth + 1 if now_ms - started_ms < HASTE_MS else 1


def handed(giver: Giver, start: StartDef) -> dict[str, AnyValue]:
    """What is handed over, under the names it has there: details as they stand, parts as the people who hold them."""
    found: dict[str, AnyValue] = {}
    for mine, theirs in start.hands:
        value = giver.detail(mine)
        if value is None and (people := giver.people(mine)):
            value = Persons(people)
        if value is not None:
            found[theirs] = value
    return found


def fitting(
    definition: Definition, details: Mapping[str, AnyValue], starter: str, now_ms: Ms
) -> dict[str, AnyValue]:
    """What of the details handed over a workflow can take, as if its starter had given them; it asks for the rest."""
    found: dict[str, AnyValue] = {}
    for name, value in details.items():
        detail = definition.details.get(name)
        taken = _taken(detail, value, starter, now_ms) if detail is not None else None
        if taken is not None:
            found[name] = taken
    return found


def _taken(detail: DetailDef, value: AnyValue, starter: str, now_ms: Ms) -> AnyValue | None:
    match detail.kind, value:
        case (_, Nothing()):
            return value if detail.optional else None
        case ("words", Words()):
            return value
        case ("moment", Moment(at_ms=at_ms)):
            return value if at_ms > now_ms or not detail.not_past else None
        case ("number", Number(n=n)):
            return value if is_within(detail, n) else None
        case ("workflow", Picked()):
            return value
        case ("choice", Picked(choice=choice)):
            return value if any(choice == offered.id for offered in detail.choices) else None
        case ("person", Persons(who=who)):
            return value if len(who) == 1 else None
        case ("people", Persons(who=who)):
            others = tuple(each for each in who if each != starter)
            return Persons(others) if others and is_within(detail, len(others)) else None
        case _:
            return None


def is_within(detail: DetailDef, n: int) -> bool:
    """Whether so many people, or this number, lie between a detail's bounds."""
    return (detail.least is None or n >= detail.least) and (detail.most is None or n <= detail.most)
