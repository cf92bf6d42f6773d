"""What an instance wants done. Effects are values; the runtime carries them out in the same transaction."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.definition import Kind
from engine.core.instance import Snapshot
from engine.core.limits import LimitName, Reached
from engine.core.message import Message, Phrase
from engine.core.values import AnyValue, InstanceId, Ms, Ref, RowId, TextId

Urgency = Literal["reply", "timely", "change", "quiet", "safety"]
"""How a message may travel.

``reply`` answers what the person just said; ``timely`` obeys budget and quiet hours; ``change``
obeys quiet hours only: it concerns something within 24 hours that they said yes to, or brings back
what they put off until now; ``quiet`` is a notice that makes no sound; ``safety`` always goes.
"""


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Put a question to one person, 1:1."""

    who: Ref
    ask: str
    round: int
    message: Message
    expects: Kind
    words: bool
    closes_ms: Ms
    changeable_ms: Ms
    urgency: Urgency
    personal: bool
    """True when somebody named this person; False when everybody in the room is asked."""
    optional: bool = False
    question_to: bool = False
    reminds: bool = True
    """False for questions that are part of a conversation the person began."""
    sensitive: bool = False
    """True: it knocks first, and takes no reactions (right 15)."""


class Settle(msgspec.Struct, frozen=True, tag="settle"):
    """A question to this person is over; nothing can change any more."""

    who: Ref
    ask: str
    round: int


class Reopen(msgspec.Struct, frozen=True, tag="reopen"):
    """What this person answered could not be taken: the question lies open as it did before."""

    who: Ref
    ask: str
    round: int


class Confirm(msgspec.Struct, frozen=True, tag="confirm"):
    """An answer of this person was counted: show it to them, once, by an edit of the prompt."""

    who: Ref
    ask: str
    round: int
    line: Phrase


class Tell(msgspec.Struct, frozen=True, tag="tell"):
    """Say something to one person without asking."""

    who: Ref
    message: Message
    urgency: Urgency
    useful_until_ms: Ms | None = None


class Show(msgspec.Struct, frozen=True, tag="show"):
    """Keep one message of this person up to date; the first time it is sent, later it is edited."""

    who: Ref
    board: str
    message: Message
    urgency: Urgency = "quiet"
    """How it is sent the first time; an edit never asks for attention."""


class Post(msgspec.Struct, frozen=True, tag="post"):
    """Say something in the circle's room; with ``ask``, an open ask that anyone there may take up."""

    row: RowId
    message: Message
    ask: str | None = None
    round: int = 0
    edits: RowId | None = None
    useful_until_ms: Ms | None = None
    ends_poll: bool = False
    """True: nothing about the ask can change any more, so that its poll is closed."""


class SetTimer(msgspec.Struct, frozen=True, tag="set_timer"):
    """Wake this instance at a moment."""

    name: str
    due_ms: Ms
    entry: int


class DropTimer(msgspec.Struct, frozen=True, tag="drop_timer"):
    """A moment is no longer waited for."""

    name: str


class Empower(msgspec.Struct, frozen=True, tag="empower"):
    """From now on these command words of this person belong to this instance."""

    who: Ref
    words: tuple[str, ...]
    about: Phrase


class KeepText(msgspec.Struct, frozen=True, tag="keep_text"):
    """A text is kept until then, and no longer."""

    text: TextId
    until_ms: Ms


class Mix(msgspec.Struct, frozen=True, tag="mix"):
    """Move these texts to new ids that belong to nobody, in an order found by chance and kept nowhere.

    Neither is in an order that tells which became which: only whoever carries this out ever knows.
    """

    texts: tuple[TextId, ...]
    under: tuple[TextId, ...]
    until_ms: Ms


class StartOther(msgspec.Struct, frozen=True, tag="start_other"):
    """Begin another workflow; it hears back with ``Ended``, also if it cannot begin."""

    instance: InstanceId
    workflow: str
    by: Ref | None
    """Who is its starter; None: there is nobody, so it cannot begin."""
    details: dict[str, AnyValue] = {}
    """What it is handed, under its own names; what does not fit there is left out."""
    depth: int = 0
    spoken: bool = False
    """True if it follows from what its starter has just said."""
    unbidden: bool = False
    """True if it follows, with the same starter and without a word of theirs, from one that began by itself."""


class Help(msgspec.Struct, frozen=True, tag="help"):
    """Show this person where help is to be had, as ``person`` would."""

    who: Ref


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """The circle has a workflow in use from now on; with ``in_use`` False, no longer."""

    definition: str
    """The digest of the definition that people agreed to; it counts for every later version of its workflow."""
    in_use: bool


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """The instance has ended."""

    state: str


Effect = (
    Ask
    | Settle
    | Reopen
    | Confirm
    | Tell
    | Show
    | Post
    | SetTimer
    | DropTimer
    | Empower
    | KeepText
    | Mix
    | StartOther
    | Help
    | Adopt
    | Finish
    | Reached
)


class Decision(msgspec.Struct, frozen=True):
    """A new snapshot and what follows from it."""

    snapshot: Snapshot
    effects: tuple[Effect, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """An expected no: nothing changes; ``reason`` is journalled, ``effects`` are at most a kind reply, and which limit
    was reached where that is the reason.
    """

    reason: (
        Literal[
            "already_begun",
            "not_begun",
            "over",
            "closed",
            "not_asked",
            "unknown_ask",
            "unknown_choice",
            "stale_timer",
            "not_yours",
            "not_now",
            "no_change",
            "does_not_fit",
        ]
        | LimitName
    )
    effects: tuple[Effect, ...] = ()
