"""A parcel: one thing that is to leave the house, as it lies in the outbox."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.message import Message, Phrase
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId

Urgency = Literal["hello", "reply", "timely", "change", "quiet", "safety", "post"]
"""``hello`` is the first contact, ``post`` goes to a shared room; the others as in ``engine.core.effect``."""


CALENDAR = "calendar"
"""The document that puts the occasion of a message into the reader's calendar."""


WHOEVER = "whoever"
"""Stands for the identity that the person has when it is written."""


class Direct(msgspec.Struct, frozen=True, tag="direct"):
    """The person's own 1:1 room."""

    person: PersonId


class Shared(msgspec.Struct, frozen=True, tag="shared"):
    """The circle's room."""

    circle: CircleId
    room: str = ""
    """The Matrix room of the circle's in which somebody has just spoken; empty: where its public lines go."""


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
    labels: tuple[Phrase, ...] = ()
    """What each choice is called, in that order: in a shared room it may be said in any language."""


class Parcel(msgspec.Struct, frozen=True, omit_defaults=True):
    """One outbox row's content.

    ``edits``, ``reacts``, ``replies``, ``redacts``, ``polls`` and ``ends`` name rows that must have been sent
    before; ``emoji`` is set with ``reacts``. ``about`` is the instance it belongs to, for views and for forgetting.
    A parcel with ``redacts`` or ``redacts_event`` has no message: it takes something back that stands in the room.
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
    """What travels as a file, with the message as its caption: a view (``export``, ``export with reflections``), or
    the message's own occasion (``CALENDAR``).
    """
    emoji: str | None = None
    target: Target | None = None
    about: InstanceId | None = None
    personal: bool = True
    """False: not meant for someone who asked to be written to only when named."""
    polls: RowId | None = None
    """The question whose choices this offers once more, as a poll; its message holds the question and the choices."""
    ends: RowId | None = None
    """The poll that this closes; its message says so where polls are not shown."""
    thread: str | None = None
    """The Matrix event whose thread it is written into: where the person has just spoken."""
    for_anyone: bool = False
    """True: it says nothing private, and may reach devices of an identity that nobody has vouched for yet."""
    recognizes: str | None = None
    """Names the person's identity that is theirs from here on, before this is written to them; or `WHOEVER`."""

    @property
    def forerunners(self) -> tuple[RowId, ...]:
        """The rows that must have been sent before this one can be."""
        rows = (self.edits, self.reacts, self.replies, self.redacts, self.polls, self.ends)
        return tuple(row for row in rows if row is not None)

    @property
    def belongs_below(self) -> bool:
        """Whether it only adds to, or changes, something that stands in the room: no message of its own to anyone."""
        return (self.edits or self.reacts or self.polls or self.ends) is not None
