"""What keeps everything, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from engine.core.definition import Definition
from engine.core.desk import Rhythm
from engine.core.desk_usual import EVERYBODY
from engine.core.instance import Snapshot
from engine.core.schedule import Standing
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.ports.arrivals import AnyArrival
from engine.runtime.ports.rows import (
    Changes,
    Counts,
    Fate,
    Journey,
    Line,
    Loaded,
    Placed,
    Retried,
    TextKept,
    TimerRow,
    Trouble,
    Want,
)


class Conflict(Exception):
    """Someone else changed a row since it was loaded: nothing was written; decide again."""


class BadData(Exception):
    """The database refused a value of this batch: nothing was written; find the one that is to blame."""


class Unavailable(Exception):
    """The database cannot be reached or cannot write now: nothing was written; try again."""


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
    async def claim_timers(self, due_ms: Ms, lease_ms: Ms, limit: int) -> Sequence[TimerRow]:
        """Timers due by ``due_ms``, the earliest first, for one of several to ring: nobody else is given them for
        ``lease_ms`` by the store's own clock, unless they are set anew. One that was rung and could not be decided
        comes back after that.
        """

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

    async def free_claims(self) -> int:
        """Let what was claimed and not sealed be claimed again; how many. For whoever is the only one that sends, when
        they begin: whoever claimed it before is not there any more, or writes nothing more.
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

    async def crowding(self, most: int, limit: int) -> Sequence[RowId]:
        """Parcels that wait for a room beyond ``most``, those that would leave last; at most ``limit``, and none that
        is on its way. Replies, acknowledgements and what takes something back neither count nor are among them.
        """

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        """(room id, event id) of a sent parcel."""

    async def fates(self, rows: Collection[RowId]) -> Mapping[RowId, Fate]:
        """What has become of each of these; absent: there is no such parcel (any more)."""

    async def standing(self, person: PersonId, now_ms: Ms, usual: Rhythm = EVERYBODY) -> Standing:
        """What counts about a person when something is to be sent to them; they go by ``usual`` where they have not
        chosen otherwise.
        """
        ...

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
    async def open_instances(self, circle: CircleId, of: Collection[str] | None = None) -> Sequence[Snapshot]:
        """Those that run in a circle, the oldest first; with ``of`` only those of these definitions (digests)."""

    async def running_definitions(self, circle: CircleId) -> Sequence[str]:
        """The digests that something in a circle runs by: found without looking at all that runs."""

    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]: ...
    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]:
        """Every instance, running or ended, in which a reference leads to this person; the oldest first.

        Standing there does not mean that they know of it: whoever shows something asks what was put to them.
        """

    async def begun_by(self, person: PersonId, most: int) -> int:
        """How many instances run that this person began; nobody counts further than ``most``."""

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
