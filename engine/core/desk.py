"""A desk: what lies before one person: open questions, their rhythm, their word on being written to.

It is the second kind of snapshot: one per person, across circles. Everything a person says
comes to their desk first; the desk knows which question it answers and passes it on. Everything
that instances want from a person is laid on the desk; the desk decides what is put to them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.core.definition import Kind
from engine.core.event import Answered, Commanded, Left, TookBack
from engine.core.message import Message, Phrase
from engine.core.parcel import Parcel, Target, Urgency
from engine.core.values import AnyValue, CircleId, InstanceId, Ms, PersonId, RowId, TextId

Consent = Literal["unknown", "yes", "when_invited", "stopped"]


class Rhythm(msgspec.Struct, frozen=True):
    """When a person may be written to."""

    time_zone: str = "UTC"
    quiet_from_hour: int = 21
    quiet_to_hour: int = 9
    paused_until_ms: Ms = 0


class Source(msgspec.Struct, frozen=True):
    """One message or tap that answered a question; the newest one standing counts."""

    event_id: str
    at_ms: Ms
    choice: str | None = None
    text: TextId | None = None
    value: AnyValue | None = None


class Prompt(msgspec.Struct, frozen=True):
    """A question that lies on the desk, or (``shared``) one in the room that this person took up."""

    row: RowId
    instance: InstanceId | None
    ask: str
    round: int
    choices: tuple[tuple[str, str], ...]
    expects: Kind
    words: bool
    closes_ms: Ms
    changeable_ms: Ms
    message: Message
    optional: bool = False
    question_to: bool = False
    shared: bool = False
    settled: bool = False
    sources: tuple[Source, ...] = ()
    put_off: bool = False
    """True once the person wrote ``later``, which replaces the one reminder."""
    starter: PersonId = PersonId("")
    """Who began what it belongs to; empty for the bot's own questions and those taken up in the room."""
    reminder: RowId | None = None
    """The one reminder, once it lies in the outbox."""
    rings_ms: Ms | None = None
    """When it is to be brought up once more, as long as it is not answered."""
    knock: RowId | None = None
    """The row that says that something private waits, until the person opens it; the question itself has not
    been put before.
    """


class Letter(msgspec.Struct, frozen=True):
    """Something told to this person that may still lie in the outbox, and whose instance it came from."""

    row: RowId
    starter: PersonId
    until_ms: Ms


class Power(msgspec.Struct, frozen=True):
    """Command words that belong to an instance at present, and a phrase that says which one it is."""

    words: tuple[str, ...]
    about: Phrase


class Desk(msgspec.Struct, frozen=True):
    """Everything known about one person's correspondence. ``version`` counts the events that changed it."""

    person: PersonId
    version: int = 0
    consent: Consent = "unknown"
    greeted: bool = False
    rhythm: Rhythm = Rhythm()
    muted: tuple[str, ...] = ()
    """Workflow names this person does not want to be asked by."""
    not_from: tuple[PersonId, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    powers: dict[InstanceId, Power] = {}
    boards: dict[str, RowId] = {}
    """``instance/board`` → the row that is edited."""
    letters: tuple[Letter, ...] = ()
    """What was told lately, so that ``not from`` can still hold it back."""
    listed: dict[str, tuple[InstanceId, ...]] = {}
    """Command word → the instances it was last said to mean, in that order."""

    def prompt_rows(self) -> tuple[RowId, ...]:
        """The rows of which it matters whether they are in the person's room: questions and knocks."""
        knocks = (prompt.knock for prompt in self.prompts if prompt.knock is not None)
        return (*(prompt.row for prompt in self.prompts), *knocks)


# ── what comes to a desk ─────────────────────────────────────────────────────


class Command(msgspec.Struct, frozen=True):
    """A command as read at the door: its word, and what stood behind it.

    ``word`` is one of the bot's own words, a workflow's beginning, or a word some instance offered.
    """

    word: str
    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    rest: TextId | None = None
    until_ms: Ms | None = None
    nth: int | None = None
    """``cancel 2``: which of several."""
    close_to: str | None = None
    """Set when ``word`` was not known: the nearest one that is."""


class Reading(msgspec.Struct, frozen=True):
    """What a message says, as far as it could be read; never its words.

    ``picks`` lists, per prompt row, the choice its words, emoji or number name.
    """

    command: Command | None = None
    picks: dict[RowId, str] = {}
    moment_ms: Ms | None = None
    people: tuple[PersonId, ...] = ()
    everyone: bool = False
    number: int | None = None
    empty: bool = False
    """True for ``none`` or ``skip``: left open on purpose."""
    declines: bool = False
    """True for a plain no."""
    too_long: bool = False
    blank: bool = False
    """True if there are no words to keep."""
    found: tuple[PersonId, ...] = ()
    """Whom a list of people names, where it names somebody else too who could not be found."""


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """The person wrote a message; ``circle`` is None in their 1:1 room.

    ``text`` is the id under which the words will be kept, if anyone keeps them.
    """

    event_id: str
    reading: Reading
    text: TextId
    circle: CircleId | None = None
    target: Target | None = None
    addressed: bool = False
    """True when the bot was spoken to by prefix or by name."""


class Tapped(msgspec.Struct, frozen=True, tag="tapped"):
    """The person put a reaction on one of the bot's messages."""

    event_id: str
    emoji: str
    target: Target | None
    circle: CircleId | None = None


class Reworded(msgspec.Struct, frozen=True, tag="reworded"):
    """The person edited a message that had been an answer."""

    event_id: str
    reading: Reading
    text: TextId


class TakenBack(msgspec.Struct, frozen=True, tag="taken_back"):
    """The person removed a reaction or a message."""

    event_id: str


class Arrived(msgspec.Struct, frozen=True, tag="arrived"):
    """The person is in their 1:1 room."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The person declined or left their 1:1 room."""


class Asked(msgspec.Struct, frozen=True, tag="asked"):
    """An instance asks this person something."""

    instance: InstanceId
    workflow: str
    starter: PersonId
    ask: str
    round: int
    message: Message
    expects: Kind
    words: bool
    closes_ms: Ms
    changeable_ms: Ms
    urgency: Urgency
    personal: bool
    optional: bool = False
    question_to: bool = False
    reminds: bool = True
    sensitive: bool = False
    """True: it knocks first, and takes no reactions (right 15)."""


class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """A question is over."""

    instance: InstanceId
    ask: str
    round: int


class Reopened(msgspec.Struct, frozen=True, tag="reopened"):
    """The last answer to a question could not be taken: it lies open as before."""

    instance: InstanceId
    ask: str
    round: int


class Confirmed(msgspec.Struct, frozen=True, tag="confirmed"):
    """An answer was counted."""

    instance: InstanceId
    ask: str
    round: int
    line: Phrase


class Told(msgspec.Struct, frozen=True, tag="told"):
    """An instance says something to this person; with empty ids, the house itself does."""

    instance: InstanceId
    starter: PersonId
    message: Message
    urgency: Urgency
    useful_until_ms: Ms | None = None


class Boarded(msgspec.Struct, frozen=True, tag="boarded"):
    """An instance keeps a message up to date for this person."""

    instance: InstanceId
    board: str
    message: Message
    starter: PersonId = PersonId("")


class Empowered(msgspec.Struct, frozen=True, tag="empowered"):
    """These command words belong to this instance now; none means none."""

    instance: InstanceId
    words: tuple[str, ...]
    about: Phrase


class Helped(msgspec.Struct, frozen=True, tag="helped"):
    """An instance shows this person where help is to be had (right 14)."""

    instance: InstanceId
    starter: PersonId


class Rang(msgspec.Struct, frozen=True, tag="rang"):
    """An alarm of the desk came due."""

    alarm: str


DeskEvent = (
    Heard
    | Tapped
    | Reworded
    | TakenBack
    | Arrived
    | Refused
    | Asked
    | Settled
    | Reopened
    | Confirmed
    | Told
    | Boarded
    | Empowered
    | Helped
    | Rang
)


class DeskFacts(msgspec.Struct, frozen=True):
    """What a desk may know besides itself and the event."""

    now_ms: Ms
    occurred_ms: Ms
    circles: tuple[CircleId, ...] = ()
    """Circles this person belongs to."""
    begins: dict[str, str] = {}
    """Command word → workflow in service that it begins."""
    fresh_instance: InstanceId = InstanceId("")
    """An unused id, should a workflow begin."""
    contacts: tuple[PersonId, ...] = ()
    """The safety contacts of the person's circle."""
    delivered: frozenset[RowId] = frozenset()
    """Which of the person's prompts are in their room, as far as the event asks for it."""


# ── what a desk wants done ───────────────────────────────────────────────────


class Pass(msgspec.Struct, frozen=True, tag="pass"):
    """Carry an event on to an instance; ``by`` in it stands for this person."""

    instance: InstanceId
    event: Answered | TookBack | Commanded | Left


class Begin(msgspec.Struct, frozen=True, tag="begin"):
    """Start a workflow for this person."""

    instance: InstanceId
    workflow: str
    circle: CircleId
    people: tuple[PersonId, ...]
    everyone: bool
    words: TextId | None


class Put(msgspec.Struct, frozen=True, tag="put"):
    """Lay a parcel in the outbox."""

    parcel: Parcel


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw"):
    """Take a parcel out of the outbox if it has not left yet."""

    row: RowId


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Look again at everything that waits for this person."""


class Alarm(msgspec.Struct, frozen=True, tag="alarm"):
    """Wake this desk at a moment; None takes the alarm off."""

    name: str
    due_ms: Ms | None


class Store(msgspec.Struct, frozen=True, tag="store"):
    """Keep the words of the message just heard, until then."""

    text: TextId
    instance: InstanceId | None
    until_ms: Ms


DeskEffect = Pass | Begin | Put | Withdraw | Release | Alarm | Store


class DeskDecision(msgspec.Struct, frozen=True):
    """A new desk and what follows. An unchanged desk with no effects means: noted, nothing to do."""

    desk: Desk
    effects: tuple[DeskEffect, ...] = ()
    ignored: str | None = None
    """Why nothing was done, for the journal."""
