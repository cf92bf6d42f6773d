"""What arrives at the straight line, and what became of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.desk import Command, DeskEvent
from engine.core.event import Event
from engine.core.message import Message
from engine.core.values import CircleId, InstanceId, Ms, PersonId, TextId


class Arrival(msgspec.Struct, frozen=True, tag_field="is", kw_only=True):
    """Something that happened outside. ``id`` is unique for ever: the same id twice is the same event."""

    id: str
    occurred_ms: Ms


class Spoken(Arrival, frozen=True, tag="spoken", kw_only=True):
    """A person wrote in a room that the bot is in; ``circle`` is None in their 1:1 room.

    ``edits`` is the event id of an earlier message that this one replaces.
    """

    person: PersonId
    body: str
    circle: CircleId | None = None
    reply_to: str | None = None
    edits: str | None = None
    mentions: tuple[PersonId, ...] = ()
    addressed: bool = False
    thread: str | None = None
    """The event that the thread in which they wrote began with."""
    latest: str | None = None
    """The message that stood last in the thread when they wrote there without replying to any one of it."""
    room: str = ""
    """The Matrix room, where the circle has several; empty: its only one."""
    in_clear: bool = False
    """Written without encryption, though the room is encrypted."""

    def __repr__(self) -> str:
        return f"Spoken(id={self.id!r}, person={self.person!r})"


class Reacted(Arrival, frozen=True, tag="reacted", kw_only=True):
    """A person put a reaction on a message."""

    person: PersonId
    target: str
    emoji: str
    circle: CircleId | None = None


class Ordered(Arrival, frozen=True, tag="ordered", kw_only=True):
    """A tool does something in a person's name: a word of an instance, or with ``words`` something that begins."""

    person: PersonId
    command: Command
    words: str = ""
    instance: InstanceId | None = None

    def __repr__(self) -> str:
        return f"Ordered(id={self.id!r}, person={self.person!r})"


class Voted(Arrival, frozen=True, tag="voted", kw_only=True):
    """A person voted in a poll; no answers, or one that is not on offer, take the vote back."""

    person: PersonId
    target: str
    answers: tuple[str, ...]
    circle: CircleId | None = None


class Removed(Arrival, frozen=True, tag="removed", kw_only=True):
    """A person removed an event of their own; ``event`` is the removed one's id."""

    person: PersonId
    event: str


class Moved(Arrival, frozen=True, tag="moved", kw_only=True):
    """A person joined or left: their 1:1 room, or (``circle``) the circle's room."""

    person: PersonId
    joined: bool
    circle: CircleId | None = None


class Housed(Arrival, frozen=True, tag="housed", kw_only=True):
    """The bot is in a circle's room: it introduces itself there, once, before it writes to anyone."""

    circle: CircleId


class Noticed(Arrival, frozen=True, tag="noticed", kw_only=True):
    """The house has something to say in a shared room that is about nobody: what became of a workflow file."""

    circle: CircleId
    message: Message
    useful_until_ms: Ms
    urgency: Literal["post", "reply"] = "post"
    """``reply``: somebody there asked for it just now."""


class Echo(Arrival, frozen=True, tag="echo", kw_only=True):
    """The homeserver showed us our own message: the proof that it is in the room."""

    transaction: str
    event: str


class Rung(Arrival, frozen=True, tag="rung", kw_only=True):
    """A timer of an instance or an alarm of a desk came due."""

    actor: str
    name: str
    entry: int


class ToInstance(Arrival, frozen=True, tag="to_instance", kw_only=True):
    """An event on its way to an instance. While on its way, its people are person ids."""

    instance: InstanceId
    event: Event
    begin: Begun | None = None


class ToDesk(Arrival, frozen=True, tag="to_desk", kw_only=True):
    """An event on its way to a desk."""

    person: PersonId
    event: DeskEvent


class Begun(msgspec.Struct, frozen=True):
    """What a new instance is to be made of."""

    workflow: str
    circle: CircleId
    definition: str = ""
    """The digest that was in service when its beginning was heard; empty in what was stored before this was."""


class Faded(Arrival, frozen=True, tag="faded", kw_only=True):
    """Texts have reached their end date: they go, and so do the bot's own messages that carry them (right 11)."""

    texts: tuple[TextId, ...]


AnyArrival = (
    Spoken
    | Ordered
    | Reacted
    | Voted
    | Removed
    | Moved
    | Housed
    | Noticed
    | Echo
    | Faded
    | Rung
    | ToInstance
    | ToDesk
)


class Outcome(msgspec.Struct, frozen=True):
    """What became of an arrival. ``why`` gives the reason for anything but ``done``."""

    kind: Literal["done", "seen_before", "refused", "ignored", "quarantined"]
    why: str | None = None
