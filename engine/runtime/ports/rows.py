"""What a cellar is given to keep, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.core.desk import Desk, DeskEvent, DeskFacts
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.ports.arrivals import AnyArrival, ToDesk, ToInstance


class KeptRow(msgspec.Struct, frozen=True):
    """One row of the bridge's own state (crypto, rooms, sync cursor); None deletes it."""

    kind: str
    key: str
    value: bytes | None


class Line(msgspec.Struct, frozen=True):
    """One journal line. ``actor`` is ``i/<instance>`` or ``d/<person>``; ``n`` counts from 1 within it."""

    actor: str
    n: int
    at_ms: Ms
    event: Event | DeskEvent
    facts: Facts | DeskFacts
    result: str
    """``decided``, or the reason of a refusal or of doing nothing."""


class TextRow(msgspec.Struct, frozen=True):
    """A free text to keep. ``instance`` None: it belongs to the person alone."""

    id: TextId
    person: PersonId
    instance: InstanceId | None
    body: str
    until_ms: Ms

    def __repr__(self) -> str:
        return f"TextRow(id={self.id!r})"


class TextCopy(msgspec.Struct, frozen=True):
    """A text under another id, for another instance or another time; nothing happens if ``source`` is not there.

    ``loose``: it is moved, and belongs to nobody any more, only to ``instance``, whose key seals it;
    nothing leads from it to its source. Otherwise both stand, and belong to the same person.
    """

    source: TextId
    id: TextId
    instance: InstanceId
    until_ms: Ms
    loose: bool = False


class Adoption(msgspec.Struct, frozen=True):
    """That a circle has a workflow in use, or (``in_use`` False) has it no longer."""

    circle: CircleId
    workflow: str
    in_use: bool


class TextKept(msgspec.Struct, frozen=True):
    """That a text is kept, for which instance and until when; not its words."""

    id: TextId
    instance: InstanceId | None
    until_ms: Ms


class Placed(msgspec.Struct, frozen=True):
    """A message of the bot's that stands in a room, or is on its way into it."""

    row: RowId
    to: Direct | Shared


class NewParcel(msgspec.Struct, frozen=True):
    """A parcel for the outbox, with the random transaction id it will travel under."""

    parcel: Parcel
    transaction: str
    due_ms: Ms


class TimerRow(msgspec.Struct, frozen=True):
    """A timer in the table."""

    actor: str
    name: str
    entry: int
    due_ms: Ms


class SetAside(msgspec.Struct, frozen=True):
    """An arrival that could not be decided: kept sealed, with the kind of error and where it happened."""

    arrival: AnyArrival
    error: str
    at_ms: Ms


class Trouble(msgspec.Struct, frozen=True):
    """Something that waits for a human being: an event that was set aside, or a message that was given up.

    ``id`` is short enough to be typed (``e3`` an event, ``m17`` a message) and never given twice. It tells nobody's
    words and not who it was about.
    """

    id: str
    at_ms: Ms
    what: str
    """Of an event its kind (``Spoken``), empty if it cannot be opened any more; of a message its urgency."""
    why: str
    """The kind and place of the error, or why the message could not be delivered."""
    circle: CircleId | None = None
    """Of a message: the circle in whose room it was to stand."""


Retried = Literal["again", "unknown", "lost"]
"""``lost``: it cannot be tried any more, because its key is erased or what it belongs to was not sent."""


class Fate(msgspec.Struct, frozen=True):
    """What has become of a parcel."""

    status: Literal["waiting", "sent", "dropped", "dead"]
    at_ms: Ms | None = None
    """When it was sent, or it was settled that it will not be; None for one that waits, or was withdrawn."""
    why: str = ""
    """Why it was not sent, or waits; never anybody's words."""


class Pile(msgspec.Struct, frozen=True):
    """What of one kind is in the outbox. ``due`` could leave now; ``failing`` has been tried in vain at least once, due
    or not; ``since_ms``: when the first of those that are due became so, or of those that wait for another try.

    What only waits for its time is not counted: one more of it may say that somebody has paused.
    """

    due: int = 0
    failing: int = 0
    since_ms: Ms | None = None


class Counts(msgspec.Struct, frozen=True):
    """How much there is of everything that waits; numbers only."""

    outbox: Mapping[str, Pile] = {}
    """Per urgency; the reactions that the bot places count as ``reaction``."""
    set_aside: int = 0
    given_up: int = 0
    timers: int = 0
    timers_due: int = 0
    timers_due_since_ms: Ms | None = None
    inbox: int = 0
    running: int = 0
    """Instances that have not ended."""


class Gathered(msgspec.Struct, frozen=True):
    """What waits for one person and would count against their budget comes without a sound from now on, outside of the
    budget: all but the ``sparing`` oldest, and what is on its way already.
    """

    person: PersonId
    due_ms: Ms
    sparing: int = 0


class Changes(msgspec.Struct):
    """Everything one commit writes. All of it, or none."""

    seen: dict[str, Ms] = {}
    snapshots: dict[InstanceId, tuple[Snapshot, int]] = {}
    """New snapshot and the version it replaces; version 0 means it is new."""
    desks: dict[PersonId, tuple[Desk, int]] = {}
    parts: list[tuple[InstanceId, str, PersonId]] = []
    journal: list[Line] = []
    rung: list[TimerRow] = []
    """Moments that have rung, before ``timers``: they are deleted, unless they have been set anew since."""
    timers: dict[tuple[str, str], TimerRow | None] = {}
    parcels: list[NewParcel] = []
    withdrawn: list[RowId] = []
    released: set[PersonId] = set()
    gathered: list[Gathered] = []
    texts: list[TextRow] = []
    copies: list[TextCopy] = []
    """Made after ``texts`` are written and before ``text_ends``."""
    text_ends: dict[TextId, Ms] = {}
    echoes: list[tuple[str, str, Ms]] = []
    """(transaction, event id, when): parcels seen in their room."""
    set_aside: list[SetAside] = []
    inbox: list[ToInstance | ToDesk] = []
    """Events that wait for the next batch."""
    inbox_done: list[str] = []
    """Ids of events that have waited, or may have; others are passed over."""
    adoptions: list[Adoption] = []
    faded: list[TextId] = []
    """Texts that are deleted."""
    leaving: list[PersonId] = []
    """People who are to be forgotten once nothing waits any more to be sent, or taken back, in their room. What had
    been waiting for them before this commit is dropped.
    """
    kept: list[KeptRow] = []


class Want(msgspec.Struct, frozen=True):
    """What a batch needs to see before it decides."""

    ids: frozenset[str] = frozenset()
    instances: frozenset[InstanceId] = frozenset()
    desks: frozenset[PersonId] = frozenset()
    events: frozenset[str] = frozenset()
    """Event ids whose target is wanted."""
    delivered: frozenset[PersonId] = frozenset()
    """People of whom it is wanted which prompts are in their room."""


class Loaded(msgspec.Struct, frozen=True):
    """What the store found. Absent keys mean absent things."""

    seen: frozenset[str] = frozenset()
    snapshots: Mapping[InstanceId, Snapshot] = {}
    desks: Mapping[PersonId, Desk] = {}
    people: Mapping[InstanceId, tuple[PersonId, ...]] = {}
    """Per instance the person behind p1, p2, …; an erased one is the empty string."""
    targets: Mapping[str, Target] = {}
    delivered: Mapping[PersonId, frozenset[RowId]] = {}
    lines: Mapping[str, int] = {}
    """Per wanted actor (``i/…``, ``d/…``) that has a journal the number of its last line."""


class Journey(msgspec.Struct, frozen=True):
    """A parcel that was claimed for sending."""

    parcel: Parcel
    transaction: str
    attempts: int
    sealed: bytes | None
    """What was encrypted for it earlier, so that a second try sends the very same."""
    room: str | None
    """The Matrix room it was sealed for. If nothing is sealed now, it may have left before all the same, into that
    room, or an empty one for any: it is looked for before it is sealed anew.
    """
