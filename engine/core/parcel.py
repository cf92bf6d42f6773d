"""A parcel: one thing that is to leave the house, as it lies in the outbox."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.message import Message
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId

Urgency = Literal["hello", "reply", "timely", "change", "quiet", "safety", "post"]
"""``hello`` is the first contact, ``post`` goes to a shared room; the others as in ``engine.core.effect``."""


class Direct(msgspec.Struct, frozen=True, tag="direct"):
    """The person's own 1:1 room."""

    person: PersonId


class Shared(msgspec.Struct, frozen=True, tag="shared"):
    """The circle's room."""

    circle: CircleId


class Target(msgspec.Struct, frozen=True):
    """What a sent message asks, kept with it: a tap on it can be read even if the file has changed since."""

    row: RowId
    instance: InstanceId | None
    """None: the bot's own question (first contact)."""
    ask: str
    round: int
    choices: tuple[tuple[str, str], ...]
    """(choice id, emoji), in the order they were offered."""
    shared: bool = False


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One outbox row's content.

    ``edits``, ``reacts``, ``replies`` and ``redacts`` name rows that must have been sent before; ``emoji`` is set
    with ``reacts``. ``about`` is the instance it belongs to, for views and for forgetting. A parcel with
    ``redacts`` or ``redacts_event`` has no message: it takes something back that stands in the room.
    """

    row: RowId
    to: Direct | Shared
    urgency: Urgency
    message: Message
    not_before_ms: Ms = 0
    useful_until_ms: Ms | None = None
    edits: RowId | None = None
    reacts: RowId | None = None
    replies: RowId | None = None
    redacts: RowId | None = None
    redacts_event: str | None = None
    """The Matrix event that is taken back: something this person wrote, at their own wish."""
    document: str | None = None
    """The view (``export``, ``export with reflections``) that travels as a file; the message is its caption."""
    emoji: str | None = None
    target: Target | None = None
    about: InstanceId | None = None
    personal: bool = True
    """False: not meant for someone who asked to be written to only when named."""
