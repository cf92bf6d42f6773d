"""Values to bytes and back. Whatever is stored passes through here, and only here.

What most of them have in common, their defaults, is not written (``omit_defaults``): a quarter fewer bytes, and less
time. So a default, once it has been released, stays what it is; a field that is new brings its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.core.definition import Definition
from engine.core.desk import Desk, DeskEvent, DeskFacts
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.parcel import Parcel
from engine.core.values import Ms
from engine.runtime.ports import AnyArrival, Line

T = TypeVar("T")

encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


class _InstanceLine(msgspec.Struct, frozen=True, array_like=True):
    event: Event
    facts: Facts
    result: str


class _DeskLine(msgspec.Struct, frozen=True, array_like=True):
    event: DeskEvent
    facts: DeskFacts
    result: str


class _StoredDefinition(Definition, frozen=True):
    """A definition as it may lie in a database: those stored first said with one flag when they begin."""

    arrival: bool = False


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    return msgspec.msgpack.Decoder(kind).decode


decode_snapshot = _decoder(Snapshot)
decode_desk = _decoder(Desk)
decode_kept: Callable[[bytes], tuple[str, bytes]] = _decoder(tuple[str, bytes])
"""A row of the bridge: its key and its value."""
decode_parcel = _decoder(Parcel)
decode_arrival: Callable[[bytes], AnyArrival] = msgspec.msgpack.Decoder(AnyArrival).decode
_decode_instance_line = _decoder(_InstanceLine)
_decode_desk_line = _decoder(_DeskLine)
_decode_stored = _decoder(_StoredDefinition)


def decode_definition(content: bytes) -> Definition:
    """A definition again, whichever version of the engine stored it; its digest stays the one it had."""
    found = _decode_stored(content)
    known = {name: getattr(found, name) for name in Definition.__struct_fields__}
    if found.arrival:
        known["begins_for"] = "arriving"
    return Definition(**known)


def encode_line(line: Line) -> bytes:
    """What of a journal line is sealed: the event, what was known, and what came of it."""
    return encode((line.event, line.facts, line.result))


def decode_line(actor: str, n: int, at_ms: Ms, content: bytes) -> Line:
    """A journal line again; whether it is an instance's or a desk's stands in its actor."""
    read = _decode_instance_line if actor.startswith("i/") else _decode_desk_line
    found = read(content)
    return Line(actor, n, at_ms, found.event, found.facts, found.result)
