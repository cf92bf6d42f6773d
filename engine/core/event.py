"""What can happen to an instance. Everything enters as one of these.

People are references (``p1``): whoever carries an event in has already looked them up.
"""

from __future__ import annotations

import msgspec

from engine.core.limits import USUAL, Limits
from engine.core.values import AnyValue, InstanceId, Ms, Ref, TextId


class Started(msgspec.Struct, frozen=True, tag="started"):
    """Someone began it, with whatever details they had already given."""

    by: Ref
    details: dict[str, AnyValue] = {}
    parent: InstanceId | None = None
    """The instance that started it; then nobody typed anything."""
    depth: int = 0
    """How many workflows in a row, each within a day of its own beginning, led to this one."""
    spoken: bool = False
    """True if its starter has just said something that this follows from: what comes to them at once is a reply."""
    unbidden: bool = False
    """True if nobody began it: it begins by itself with its starter, or follows from one that did."""


class Answered(msgspec.Struct, frozen=True, tag="answered"):
    """Somebody answered an ask, or changed their answer."""

    ask: str
    round: int
    by: Ref
    choice: str | None = None
    text: TextId | None = None
    value: AnyValue | None = None


class TookBack(msgspec.Struct, frozen=True, tag="took_back"):
    """Somebody withdrew their answer and left none in its place."""

    ask: str
    round: int
    by: Ref


class Commanded(msgspec.Struct, frozen=True, tag="commanded"):
    """Somebody wrote a command word that this workflow knows."""

    word: str
    by: Ref


class Due(msgspec.Struct, frozen=True, tag="due"):
    """A timer came due."""

    timer: str
    entry: int


class Left(msgspec.Struct, frozen=True, tag="left"):
    """A person left the circle, or asked not to be known here any more."""

    who: Ref


class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """A workflow that this one started has ended in a final state; ``not_started`` if it could not begin."""

    child: InstanceId
    workflow: str
    state: str


class Migrated(msgspec.Struct, frozen=True, tag="migrated"):
    """Somebody who may moved it to another version of its workflow, into a state of that version."""

    to: str
    """The digest of the definition."""
    state: str


Event = Started | Answered | TookBack | Commanded | Due | Left | Ended | Migrated


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that deciding may know besides snapshot and event; journalled, so a replay needs nothing else."""

    now_ms: Ms
    """When the event was received."""
    occurred_ms: Ms
    """When it happened, by the homeserver's clock; never later than ``now_ms``."""
    room: tuple[Ref, ...] = ()
    """Who is in the circle's room, for definitions that ask everybody there."""
    instance: str = ""
    """Set for ``Started``: the id of the instance to be."""
    circle: str = ""
    seed: int = 0
    """Chance, for whatever is found by it."""
    groups: dict[str, tuple[Ref, ...]] = {}
    """Part → who that is now, for the parts whose people lie outside the instance."""
    in_use: tuple[str, ...] = ()
    """Which of the workflows that the definition's conditions speak of the circle has in use."""
    lately: dict[str, dict[Ref, Ms]] = {}
    """Part → whom another one of this workflow, begun by the same person here, has put something to as that part →
    when it last did; only of people who have a reference here, and only for parts that the conditions speak of.
    """
    definition: str = ""
    """Set for ``Started``: the digest of the definition it begins with, so that its story can be told from there
    however often it is moved. Empty in what was journalled before this was.
    """
    limits: Limits = USUAL
