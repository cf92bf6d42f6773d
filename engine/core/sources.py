"""People whom an instance cannot know by itself: those who lie outside it, and those found by chance."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from engine.core.definition import (
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    OneOf,
    PartDef,
    Stewards,
)
from engine.core.values import Ref

MOST_KNOWN = 256
"""Definitions whose parts are held in memory."""
OUTSIDE = (Everyone, HolderOf, Stewards, Contacts)


def is_outside(part: PartDef) -> bool:
    """Whether some of a part's people stand in ``Facts.groups``."""
    return any(isinstance(source, OUTSIDE) for source in part.sources)


def chosen_by_lot(part: PartDef) -> tuple[OneOf, ...]:
    """The sources of a part from which one person is found by chance."""
    return tuple(source for source in part.sources if isinstance(source, OneOf))


def lot_key(part: PartDef) -> str:
    """Under which name ``Snapshot.groups`` keeps whom chance found for a part."""
    return f"{part.name} by lot" if is_outside(part) else part.name


def draw(seed: int, part: str, among: Sequence[Ref]) -> tuple[Ref, ...]:
    """One of these people, the same one for the same seed; nobody if there is nobody."""
    if not among:
        return ()
    return (among[crc32(f"{seed}:{part}".encode()) % len(among)],)


_sought: dict[str, tuple[PartDef, ...]] = {}


def sought_parts(definition: Definition) -> tuple[PartDef, ...]:
    """The parts that have to be found: outside, or by chance. Worked out once per digest."""
    found = _sought.get(definition.digest)
    if found is None:
        if len(_sought) >= MOST_KNOWN:
            _sought.clear()
        found = tuple(part for part in definition.parts if is_outside(part) or chosen_by_lot(part))
        _sought[definition.digest] = found
    return found
