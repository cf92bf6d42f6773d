"""The abilities the runtime needs of others, each a small Protocol, and the values that pass through them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from engine.core.definition import Definition
from engine.core.desk import Command, Desk, DeskEvent, DeskFacts, Reading
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.message import Message
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.schedule import Standing
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId

# ── what arrives ─────────────────────────────────────────────────────────────


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


# ── what is kept ─────────────────────────────────────────────────────────────


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


class Pile(msgspec.Struct, frozen=True):
    """What of one kind is in the outbox. ``due`` could leave now; ``failing`` has been tried in vain at least once, due
    or not; ``since_ms``: when the first of those that are due became so.

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


class Conflict(Exception):
    """Someone else changed a row since it was loaded: nothing was written; decide again."""


class BadData(Exception):
    """The database refused a value of this batch: nothing was written; find the one that is to blame."""


class Unavailable(Exception):
    """The database cannot be reached or cannot write now: nothing was written; try again."""


class Journey(msgspec.Struct, frozen=True):
    """A parcel that was claimed for sending."""

    parcel: Parcel
    transaction: str
    attempts: int
    sealed: bytes | None
    """What was encrypted for it earlier, so that a second try sends the very same."""
    room: str | None
    """The Matrix room it was sealed for."""


class Cellar(Protocol):
    """Keeps things; decides nothing. One implementation per store, one contract suite for all."""

    async def load(self, want: Want) -> Loaded: ...

    async def commit(self, changes: Changes) -> None:
        """Write everything in one durable transaction.

        Raises:
            Conflict: a version was not the expected one, or a seen id exists already.
            BadData: a value cannot be stored.
            Unavailable: the database cannot be written at present.
        """

    # timers
    async def due_timers(self, now_ms: Ms, limit: int) -> Sequence[TimerRow]: ...
    async def waiting_inbox(self, limit: int) -> Sequence[AnyArrival]:
        """Events that wait for the next batch, and those that ``retry`` has laid there; the oldest first."""

    async def next_timer_ms(self) -> Ms | None:
        """The earliest moment of a timer."""

    async def next_parcel_ms(self) -> Ms | None:
        """The earliest moment at which ``claim`` could find something: no parcel whose forerunner has not
        been sent counts, and a leased one counts from the end of its lease.
        """

    # outbox
    async def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int | None = None
    ) -> Sequence[Journey]:
        """Lease due parcels, the first to go coming first: at most one per room at a time, ordered by
        ``engine.core.rank``, and within a rank the oldest first; rooms take turns. None whose forerunner
        (``Parcel.forerunners``) has not been sent.

        ``unasked``: at most so many of them other than replies; ``limit`` if left out.
        """

    async def in_flight(self) -> Sequence[Journey]:
        """Parcels that were sealed but never confirmed: to be settled before anything else after a start."""

    async def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId] = ()) -> None:
        """Keep what was encrypted. From here on the parcel cannot be withdrawn.

        ``texts``: those that stand written out in it besides what its message names.

        Raises:
            Conflict: it was withdrawn, dropped or sent meanwhile; it must not be sent.
        """

    async def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None: ...
    async def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        """Give the lease back; ``due_ms`` None: until the person is released; ``failed``: an attempt."""

    async def bury(self, row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
        """It will not be sent: dropped by the rules, or (``dead``) given up after too many attempts."""

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        """(room id, event id) of a sent parcel."""

    async def standing(self, person: PersonId, now_ms: Ms) -> Standing: ...

    # names and texts
    async def person(self, matrix_id: str) -> PersonId:
        """The person behind a Matrix id, made known on first sight."""

    async def matrix_id(self, person: PersonId) -> str | None: ...
    async def circle(self, room: str) -> CircleId | None: ...
    async def ensure_circle(self, room: str, name: str) -> CircleId: ...
    async def room_of(self, circle: CircleId) -> str: ...
    async def move_circle(self, circle: CircleId, room: str) -> bool:
        """From now on the circle goes by this room, under the same id; doing it again does nothing.

        False, and nothing is changed, where another circle goes by that room.

        Raises:
            LookupError: the circle is not known.
        """

    async def circles(self) -> Mapping[CircleId, str]:
        """Every circle's name."""

    async def text(self, text: TextId) -> str | None: ...
    async def ended_texts(self, now_ms: Ms, limit: int) -> Sequence[TextId]:
        """Texts whose end date has passed, the oldest first."""

    async def texts_of(self, person: PersonId) -> Sequence[TextKept]:
        """Every text of a person's that is kept, the one that goes first coming first."""

    async def rows_carrying(self, texts: Sequence[TextId]) -> Sequence[Placed]:
        """The messages in which these texts were written out, the oldest first: those that have been sent, and those
        that may be just now (leased or sealed). None that has been taken back, or is to be.
        """

    async def rows_sent_to(self, person: PersonId) -> Sequence[Placed]:
        """All messages that stand in a person's 1:1 room or are just being sent there, the oldest first: no
        reactions, none that has been taken back, or is to be.
        """

    async def leaving(self) -> Sequence[PersonId]:
        """People whose forgetting is under way, and for whom nothing leaves the outbox any more: what waits until they
        are back in their room does not count.
        """

    async def forget(self, person: PersonId) -> None:
        """Erase a person, key first; what is left refers to nobody. Doing it again does nothing."""

    async def forget_seen(self, before_ms: Ms) -> int:
        """Forget the ids of events decided before a moment; how many."""

    # definitions and views
    async def put_definition(self, definition: Definition, source: str) -> None: ...
    async def definition(self, digest: str) -> Definition | None: ...
    async def open_instances(self, circle: CircleId) -> Sequence[Snapshot]: ...
    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]: ...
    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]:
        """Every instance, running or ended, in which a reference leads to this person; the oldest first.

        Standing there does not mean that they know of it: whoever shows something asks what was put to them.
        """

    async def adopted(self) -> Mapping[CircleId, Mapping[str, bool]]:
        """Circle → workflow → whether it came into use there by agreement, or went out of it."""

    async def journal(self, actor: str) -> Sequence[Line]: ...

    # what waits for a human being
    async def troubles(self, limit: int) -> Sequence[Trouble]:
        """Events that were set aside and messages that were given up: of each the newest so many, the oldest first."""

    async def retry(self, trouble: str) -> Retried:
        """Let it be tried again from the start: an event is decided by the next who looks at the inbox, a message
        leaves when it may, together with what belongs to it. Should it fail again, it has a new id.
        """

    async def drop(self, trouble: str) -> bool:
        """Let go of it for good; False if there is nothing by this id."""

    async def counts(self, now_ms: Ms) -> Counts: ...

    # the bridge's own rows
    async def kept(self) -> Mapping[tuple[str, str], bytes]: ...


class Reader(Protocol):
    """Reads what a message says, at the door, so that nothing further in needs its words."""

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        """What was understood, and the words worth keeping should anyone keep them.

        ``words`` are the command words that would mean something from this person now; ``circles`` the one it was
        said in, or in a 1:1 room all of theirs: no other's workflows are known there. The words
        worth keeping are the message without prefix and quotes, or what stood behind a command;
        ``Command.rest`` is set (to any id) exactly when something did; such a message is read once
        more without ``words``, for all of it should it turn out to be an answer.
        """


class Catalogue(Protocol):
    """The workflows in service in each circle, and every definition that a running instance is pinned to."""

    def in_service(self, name: str, circle: CircleId) -> Definition | None: ...
    def begins(self, circle: CircleId) -> Mapping[str, str]:
        """Command word → workflow name."""

    async def by_digest(self, digest: str) -> Definition | None: ...


class Surroundings(Protocol):
    """What the runtime asks of the world outside at the moment of deciding."""

    async def members(self, circle: CircleId) -> Sequence[PersonId]: ...
    async def circles_of(self, person: PersonId) -> Sequence[CircleId]: ...
    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        """Its safety contacts."""

    def has_outside_help(self, circle: CircleId) -> bool:
        """Whether help from outside is named for it."""

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        """Who looks after it."""

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        """Who holds the role of this title there at present, as its circle may know; or is its understudy."""


class Clock(Protocol):
    """The house's time."""

    def now_ms(self) -> Ms: ...

    def after(self, real_ms: Ms) -> Ms:
        """What ``now_ms()`` will be once this much real time has passed.

        Leases, retries and what a homeserver asks for are real time, however fast the house's runs.
        """

    async def wait_until(self, at_ms: Ms) -> None:
        """Return once ``now_ms() >= at_ms``; may be cancelled."""


class KeptBack(Exception):
    """Not to be sent before something about its person changes, of which the outbox hears as a release."""


class Sent(msgspec.Struct, frozen=True):
    """It is in the room, under this event id."""

    event: str


class Sealed(msgspec.Struct, frozen=True):
    """What was encrypted, and the texts of people that stand written out in it."""

    content: bytes
    texts: frozenset[TextId] = frozenset()
    """Also those that its parcel does not name, because a view brought them."""


class Postman(Protocol):
    """Brings one parcel into its Matrix room."""

    async def room_for(self, parcel: Parcel) -> str:
        """The room it goes to; a 1:1 room is made (once) if there is none."""

    async def is_present(self, person: PersonId) -> bool:
        """Whether the person is in their 1:1 room; making it and inviting them counts as not yet."""

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        """Render and encrypt; everything the room's members need to read it has been shared and kept.

        Raises ``NothingToSay`` for a letter in which nothing would stand any more.
        """

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        """Send what was sealed; the same transaction sends it once.

        Where the homeserver may have forgotten the transaction (long ago, or another device), the
        room is searched for it first.
        """

    async def let_go(self, person: PersonId) -> None:
        """Leave the 1:1 room of somebody who is about to be forgotten, and keep nothing that leads to them.

        Doing it again does no harm. Raises ``TryLater`` if it cannot be done now.
        """


class TryLater(Exception):
    """A parcel cannot leave now; ``after_ms`` says how long to wait at least, if anyone said so.

    ``why`` is a short reason without anybody's words.
    """

    def __init__(self, why: str, after_ms: Ms | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.after_ms = after_ms


class Paced(TryLater):
    """The homeserver wants us slower: nobody's fault, and no attempt in vain."""


class Undeliverable(Exception):
    """A parcel can never be delivered as it is."""


class NothingToSay(Exception):
    """What a parcel was to tell is over by now, and there is nothing else in it: it is dropped, and no fault."""
