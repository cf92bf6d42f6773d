"""The small words everything else is made of: ids, moments, and the values a detail can hold."""

from __future__ import annotations

from typing import NewType

import msgspec

InstanceId = NewType("InstanceId", str)
"""One running workflow; 128 random bits as hex."""

PersonId = NewType("PersonId", str)
"""One person across circles; 128 random bits as hex, never a Matrix id."""

Ref = NewType("Ref", str)
"""One person within one instance: ``p1``, ``p2`` and so on."""

CircleId = NewType("CircleId", str)
TextId = NewType("TextId", str)
"""A free text, held once and sealed; everything else carries only this id."""

RowId = NewType("RowId", str)
"""An outbox row, derived from (actor, version, n), so that deciding again gives the same id."""

Ms = int
"""Milliseconds; points in time are milliseconds since 1970-01-01 UTC."""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


class Value(msgspec.Struct, frozen=True, tag_field="is"):
    """What a detail can hold. Text is never here, only its id."""


class Words(Value, frozen=True, tag="words"):
    """A free text, held elsewhere."""

    text: TextId


class Moment(Value, frozen=True, tag="moment"):
    """A point in time."""

    at_ms: Ms


class Persons(Value, frozen=True, tag="persons"):
    """People by reference, in the order they were named."""

    who: tuple[str, ...]


class Number(Value, frozen=True, tag="number"):
    """A whole number."""

    n: int


class Picked(Value, frozen=True, tag="picked"):
    """One of the choices that a detail offers."""

    choice: str


class Nothing(Value, frozen=True, tag="nothing"):
    """The person was asked and left it open on purpose."""


AnyValue = Words | Moment | Persons | Number | Picked | Nothing
