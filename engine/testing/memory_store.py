"""A cellar without a disk: the same promises as the real one, for tests, previews and simulations."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, fields, replace
from itertools import count
from random import Random
from typing import Literal, cast

from engine.core.definition import Definition
from engine.core.desk import Desk, Rhythm
from engine.core.desk_usual import EVERYBODY, rhythm_of
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.rank import Head, Rank, first_of, rank_now, rank_of
from engine.core.schedule import Standing, without_a_sound
from engine.core.values import WEEK_MS, CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.carrying import takes_back, texts_in
from engine.runtime.keepable import check_text
from engine.runtime.ports import (
    AnyArrival,
    BadData,
    Cellar,
    Changes,
    Conflict,
    Counts,
    Echo,
    Faded,
    Fate,
    Gathered,
    Held,
    Housed,
    Journey,
    KeptRow,
    Lease,
    Line,
    Loaded,
    NewParcel,
    Noticed,
    Pile,
    Placed,
    Retried,
    Rung,
    SetAside,
    TextCopy,
    TextKept,
    TextRow,
    TimerRow,
    ToInstance,
    Trouble,
    Want,
)
from engine.runtime.turns import Turns
from engine.testing.memory_leases import MemoryLeases, Speaking

LOST = "what it belongs to was not sent"
LARGEST_NUMBER = 2**63 - 1


@dataclass
class _Row:
    """An outbox row as it stands."""

    parcel: Parcel
    transaction: str
    seq: int
    due_ms: Ms | None
    status: Literal["waiting", "sent", "dropped", "dead"] = "waiting"
    lease_until_ms: Ms | None = None
    nudged: bool = False
    attempts: int = 0
    tried_since_ms: Ms | None = None
    """When it was due at first, if it was tried in vain since; None once its time was chosen anew."""
    sealed: bytes | None = None
    room: str | None = None
    event: str | None = None
    at_ms: Ms | None = None
    why: str | None = None
    rank: int = Rank.NOTICE
    """As it was laid in; see ``engine.core.rank``."""
    awaits: set[RowId] = field(default_factory=set)
    """Forerunners that have not been sent."""

    @property
    def lane(self) -> str:
        """The room whose order it keeps."""
        to = self.parcel.to
        return f"d/{to.person}" if isinstance(to, Direct) else f"s/{to.circle}"

    @property
    def takes_back(self) -> bool:
        """Whether it is no message, but takes one back."""
        return takes_back(self.parcel)

    @property
    def stands(self) -> bool:
        """Whether it is in its room, or may be just now."""
        return self.status == "sent" or (
            self.status == "waiting" and (self.sealed is not None or self.lease_until_ms is not None)
        )

    @property
    def is_budgeted(self) -> bool:
        """Whether it counts among what may ask for somebody's attention."""
        parcel = self.parcel
        return parcel.urgency == "timely" and not parcel.belongs_below and not self.takes_back

    def head(self, due_ms: Ms, now_ms: Ms) -> Head:
        """It as the next to leave of its room."""
        return Head(self.seq, self.lane, rank_now(self.rank, due_ms, now_ms), self.sealed is not None)

    def is_for(self, person: PersonId) -> bool:
        return isinstance(self.parcel.to, Direct) and self.parcel.to.person == person

    def journey(self) -> Journey:
        return Journey(self.parcel, self.transaction, self.attempts, self.sealed, self.room)


@dataclass
class MemoryStore:
    """Implements ``engine.runtime.ports.Cellar`` in memory; a seeded ``random`` gives the same ids again."""

    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311 - repeatable on purpose
    _seen: dict[str, Ms] = field(default_factory=dict)
    _snapshots: dict[InstanceId, Snapshot] = field(default_factory=dict)
    _desks: dict[PersonId, Desk] = field(default_factory=dict)
    _parts: dict[InstanceId, dict[str, PersonId]] = field(default_factory=dict)
    _journal: dict[str, dict[int, Line]] = field(default_factory=dict)
    _timers: dict[tuple[str, str], TimerRow] = field(default_factory=dict)
    _claims: dict[tuple[str, str], Ms] = field(default_factory=dict)
    """Until when a timer is somebody's to ring."""
    _outbox: dict[RowId, _Row] = field(default_factory=dict)
    _by_transaction: dict[str, _Row] = field(default_factory=dict)
    _by_event: dict[str, _Row] = field(default_factory=dict)
    _waiting: dict[RowId, _Row] = field(default_factory=dict)
    """The part of the outbox that may still leave, oldest first."""
    _carries: dict[RowId, frozenset[TextId]] = field(default_factory=dict)
    """The texts that a message carries, as long as it has not been taken back."""
    _taken_back: dict[RowId, RowId] = field(default_factory=dict)
    """Parcel → the message that it takes back."""
    _adoptions: dict[tuple[CircleId, str], bool] = field(default_factory=dict)
    _leaving: set[PersonId] = field(default_factory=set)
    _texts: dict[TextId, TextRow] = field(default_factory=dict)
    _set_aside: dict[str, SetAside] = field(default_factory=dict)
    _set_aside_as: dict[str, int] = field(default_factory=dict)
    """The number of each event that was ever set aside; the newest, should it have been tried again."""
    _inbox: dict[str, AnyArrival] = field(default_factory=dict)
    _kept: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _people: dict[PersonId, str] = field(default_factory=dict)
    _person_ids: dict[str, PersonId] = field(default_factory=dict)
    _circles: dict[CircleId, tuple[str, str]] = field(default_factory=dict)
    _definitions: dict[str, Definition] = field(default_factory=dict)
    _sources: dict[str, str] = field(default_factory=dict)
    _seq: Iterator[int] = field(default_factory=lambda: count(1))
    _turns: Turns = field(default_factory=Turns)
    leases: MemoryLeases = field(default_factory=MemoryLeases)

    # ── who speaks ───────────────────────────────────────────────────────────

    async def take_lease(self, account: str, holder: str, lease_ms: Ms) -> Lease | None:
        return self.leases.take(account, holder, lease_ms)

    async def renew_lease(self, lease: Lease, lease_ms: Ms, *, heard: bool = False) -> bool:
        return self.leases.renew(lease, lease_ms, heard=heard)

    async def end_lease(self, lease: Lease) -> None:
        self.leases.end(lease)

    async def lease_of(self, account: str) -> Held | None:
        return self.leases.of(account)

    def under(self, lease: Lease) -> Cellar:
        """The same store, writing under a lease; see ``Leases.under``."""
        return cast("Cellar", Speaking(self, self.leases, lease))

    # ── the hot path ─────────────────────────────────────────────────────────

    async def load(self, want: Want) -> Loaded:
        actors = [f"i/{key}" for key in want.instances] + [f"d/{key}" for key in want.desks]
        return Loaded(
            seen=frozenset(key for key in want.ids if key in self._seen),
            snapshots={key: self._snapshots[key] for key in want.instances if key in self._snapshots},
            desks={key: self._desks[key] for key in want.desks if key in self._desks},
            people={key: self._people_of(key) for key in want.instances if key in self._parts},
            targets=dict(self._targets(want.events)),
            delivered={
                person: frozenset(row for row in desk.prompt_rows() if self._is_sent(row))
                for person, desk in self._desks.items()
                if person in want.delivered
            },
            lines={actor: max(self._journal[actor]) for actor in actors if actor in self._journal},
        )

    def _targets(self, events: frozenset[str]) -> Iterator[tuple[str, Target]]:
        for event in events:
            row = self._by_event.get(event)
            if row is not None and row.parcel.target is not None:
                yield event, row.parcel.target

    async def commit(self, changes: Changes) -> None:
        self._check_conflicts(changes)
        self._check_data(changes)
        self._write_states(changes)
        self._write_waiting(changes)
        self._write_outbox(changes)

    def _check_conflicts(self, changes: Changes) -> None:
        for key in changes.seen:
            if key in self._seen:
                raise Conflict(f"seen: {key} is known already")
        for instance, (_, replaced) in changes.snapshots.items():
            found = self._snapshots[instance].version if instance in self._snapshots else 0
            if found != replaced:
                raise Conflict(f"instances: {instance} stands at version {found}, not {replaced}")
        for person, (_, replaced) in changes.desks.items():
            found = self._desks[person].version if person in self._desks else 0
            if found != replaced:
                raise Conflict(f"desks: {person} stands at version {found}, not {replaced}")
        parts = {(instance, ref) for instance, ref, _ in changes.parts}
        taken = [(i, ref) for i, ref in parts if ref in self._parts.get(i, {})]
        if taken or len(parts) != len(changes.parts):
            raise Conflict("parts: a reference is taken already")
        lines = {(line.actor, line.n) for line in changes.journal}
        written = [(actor, n) for actor, n in lines if n in self._journal.get(actor, {})]
        if written or len(lines) != len(changes.journal):
            raise Conflict("journal: a line of this number is written already")

    def _check_data(self, changes: Changes) -> None:
        for instance, (snapshot, _) in changes.snapshots.items():
            if snapshot.circle not in self._circles:
                raise BadData(
                    f"instances: {instance} belongs to circle {snapshot.circle}, which is not known"
                )
        for new in changes.parcels:
            if isinstance(new.parcel.to, Shared) and new.parcel.to.circle not in self._circles:
                raise BadData(f"outbox: {new.parcel.row} goes to a circle that is not known")
        for text in changes.texts:
            check_text(text)
        rows = {new.parcel.row for new in changes.parcels}
        transactions = {new.transaction for new in changes.parcels}
        known = rows & self._outbox.keys() or transactions & self._by_transaction.keys()
        if known or len(rows) < len(changes.parcels) or len(transactions) < len(changes.parcels):
            raise BadData("outbox: a row or transaction id stands there already")
        for adoption in changes.adoptions:
            if adoption.circle not in self._circles:
                raise BadData(f"adoptions: circle {adoption.circle} is not known")
        moments = list(changes.seen.values())
        moments += [timer.due_ms for timer in changes.timers.values() if timer is not None]
        moments += [new.due_ms for new in changes.parcels]
        moments += (
            [text.until_ms for text in changes.texts]
            + [copied.until_ms for copied in changes.copies]
            + list(changes.text_ends.values())
        )
        if any(abs(at_ms) > LARGEST_NUMBER for at_ms in moments):
            raise BadData("a moment is too far away to be stored")

    def _write_states(self, changes: Changes) -> None:
        self._seen.update(changes.seen)
        self._snapshots.update({key: snapshot for key, (snapshot, _) in changes.snapshots.items()})
        self._desks.update({key: desk for key, (desk, _) in changes.desks.items()})
        for instance, ref, person in changes.parts:
            self._parts.setdefault(instance, {})[ref] = person
        for line in changes.journal:
            self._journal.setdefault(line.actor, {})[line.n] = line
        for rang in changes.rung:
            if self._timers.get((rang.actor, rang.name)) == rang:
                self._claims.pop((rang.actor, rang.name), None)
                del self._timers[rang.actor, rang.name]
        for key, timer in changes.timers.items():
            self._claims.pop(key, None)
            if timer is None:
                self._timers.pop(key, None)
            else:
                self._timers[key] = timer

    def _write_waiting(self, changes: Changes) -> None:
        for text in changes.texts:
            self._texts[text.id] = text
        for wanted in changes.copies:
            self._copy(wanted)
        for text_id, until_ms in changes.text_ends.items():
            if text_id in self._texts:
                kept = self._texts[text_id]
                self._texts[text_id] = TextRow(kept.id, kept.person, kept.instance, kept.body, until_ms)
        for text_id in changes.faded:
            self._texts.pop(text_id, None)
        gone = set(changes.faded)
        if gone:
            self._carries = {row: left for row, held in self._carries.items() if (left := held - gone)}
        for adoption in changes.adoptions:
            self._adoptions[adoption.circle, adoption.workflow] = adoption.in_use
        for aside in changes.set_aside:
            if aside.arrival.id not in self._set_aside:
                self._set_aside_as[aside.arrival.id] = next(self._seq)
            self._set_aside[aside.arrival.id] = aside
        for event in changes.inbox:
            self._inbox.setdefault(event.id, event)
        for key in changes.inbox_done:
            self._inbox.pop(key, None)
        for row in changes.kept:
            self._keep(row)

    def _copy(self, wanted: TextCopy) -> None:
        kept = self._texts.get(wanted.source)
        if kept is None:
            return
        owner = PersonId("") if wanted.loose else kept.person
        self._texts[wanted.id] = TextRow(wanted.id, owner, wanted.instance, kept.body, wanted.until_ms)
        if wanted.loose:
            del self._texts[wanted.source]

    def _keep(self, row: KeptRow) -> None:
        if row.value is None:
            self._kept.pop((row.kind, row.key), None)
        else:
            self._kept[row.kind, row.key] = row.value

    def _write_outbox(self, changes: Changes) -> None:
        self._see_off(changes.leaving)
        rows = [self._add(new) for new in changes.parcels]
        for transaction, event, at_ms in changes.echoes:
            if transaction in self._by_transaction:
                self._sent(self._by_transaction[transaction], event, at_ms)
        lost = {before for row in rows for before in self._await_forerunners(row)}
        for key in changes.withdrawn:
            if key in self._waiting and self._waiting[key].sealed is None:
                self._drop(self._waiting[key], "withdrawn", None, dead=False)
                lost.add(key)
        self._drop_what_follows(lost)
        for person in changes.released:
            self._release(person)
        for gathered in changes.gathered:
            self._gather(gathered)

    def _add(self, new: NewParcel) -> _Row:
        row = _Row(new.parcel, new.transaction, next(self._seq), new.due_ms, rank=rank_of(new.parcel))
        self._outbox[new.parcel.row] = row
        self._by_transaction[new.transaction] = row
        self._waiting[new.parcel.row] = row
        if carried := texts_in(new.parcel.message):
            self._carries[new.parcel.row] = carried
        return row

    def _see_off(self, leaving: Sequence[PersonId]) -> None:
        """What had been waiting for people who leave is not sent any more; what takes something back is."""
        self._leaving.update(leaving)
        lost = {
            key
            for key, row in self._waiting.items()
            if row.sealed is None and not row.takes_back and any(row.is_for(person) for person in leaving)
        }
        for key in lost:
            self._drop(self._waiting[key], "they are leaving", None, dead=False)
        self._drop_what_follows(lost)

    def _await_forerunners(self, row: _Row) -> Iterator[RowId]:
        """Note what a parcel has to wait for; gives those that will never be sent."""
        parcel = row.parcel
        if parcel.redacts is not None:
            self._taken_back[parcel.row] = parcel.redacts
            self._carries.pop(parcel.redacts, None)
        for before in parcel.forerunners:
            if not self._is_sent(before):
                row.awaits.add(before)
                if before not in self._waiting:
                    yield before

    def _release(self, person: PersonId) -> None:
        for row in self._waiting.values():
            if not row.is_for(person):
                continue
            if row.lease_until_ms is None:
                row.due_ms = row.parcel.not_before_ms
            else:
                row.nudged = True

    def _gather(self, gathered: Gathered) -> None:
        waiting = [
            row
            for row in self._waiting.values()
            if row.is_for(gathered.person)
            and row.is_budgeted
            and row.sealed is None
            and row.lease_until_ms is None
        ]
        for row in waiting[gathered.sparing :]:
            row.parcel = without_a_sound(row.parcel)
            row.rank = rank_of(row.parcel)
            row.due_ms = max(gathered.due_ms, row.parcel.not_before_ms)

    # ── timers and inbox ─────────────────────────────────────────────────────

    async def due_timers(self, now_ms: Ms, limit: int) -> Sequence[TimerRow]:
        due = [timer for timer in self._timers.values() if timer.due_ms <= now_ms]
        return sorted(due, key=lambda timer: (timer.due_ms, timer.actor, timer.name))[:limit]

    async def claim_timers(self, due_ms: Ms, lease_ms: Ms, limit: int) -> Sequence[TimerRow]:
        now_ms = self.leases.now_ms()
        held = {key for key, until_ms in self._claims.items() if until_ms > now_ms}
        due = await self.due_timers(due_ms, len(self._timers))
        claimed = [timer for timer in due if (timer.actor, timer.name) not in held][:limit]
        self._claims.update({(timer.actor, timer.name): now_ms + lease_ms for timer in claimed})
        return claimed

    async def waiting_inbox(self, limit: int) -> Sequence[AnyArrival]:
        return list(self._inbox.values())[:limit]

    async def next_timer_ms(self) -> Ms | None:
        return min((timer.due_ms for timer in self._timers.values()), default=None)

    # ── outbox ───────────────────────────────────────────────────────────────

    async def next_parcel_ms(self) -> Ms | None:
        leased = {
            row.lane: row.lease_until_ms for row in self._waiting.values() if row.lease_until_ms is not None
        }
        free = [row for row in self._waiting.values() if row.lane not in leased and not row.awaits]
        moments = [row.due_ms for row in free if row.due_ms is not None]
        return min([*moments, *leased.values()], default=None)

    async def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int | None = None
    ) -> Sequence[Journey]:
        for row in self._waiting.values():
            if row.lease_until_ms is not None and row.lease_until_ms <= now_ms:
                row.lease_until_ms = None
        taken = {row.lane for row in self._waiting.values() if row.lease_until_ms is not None}
        due: dict[str, list[tuple[int, Head]]] = {}
        for row in self._waiting.values():
            if row.due_ms is not None and row.due_ms <= now_ms and row.lane not in taken and not row.awaits:
                due.setdefault(row.lane, []).append((row.rank, row.head(row.due_ms, now_ms)))
        heads = [first_of(of_lane) for of_lane in due.values()]
        chosen = self._turns.choose(heads, limit, limit if unasked is None else unasked)
        rows = {row.seq: row for row in self._waiting.values()}
        for head in chosen:
            rows[head.seq].lease_until_ms = now_ms + lease_ms
            rows[head.seq].nudged = False
        return [rows[head.seq].journey() for head in chosen]

    async def free_claims(self) -> int:
        claimed = [r for r in self._waiting.values() if r.lease_until_ms is not None and r.sealed is None]
        for row in claimed:
            row.lease_until_ms = None
        return len(claimed)

    async def in_flight(self) -> Sequence[Journey]:
        return [row.journey() for row in self._waiting.values() if row.sealed is not None]

    async def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId] = ()) -> None:
        found = self._waiting.get(row)
        if found is None:
            raise Conflict(f"outbox: {row} does not wait for sending any more")
        found.room, found.sealed = room, sealed
        if texts:
            self._carries[row] = self._carries.get(row, frozenset()).union(texts)

    async def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None:
        if row in self._outbox:
            self._sent(self._outbox[row], event, at_ms)

    async def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        found = self._waiting.get(row)
        if found is None:
            return
        found.tried_since_ms = (found.tried_since_ms or found.due_ms) if failed else None
        found.due_ms = (
            found.parcel.not_before_ms if found.nudged and (not failed or due_ms is None) else due_ms
        )
        found.lease_until_ms, found.nudged, found.why = None, False, why
        found.attempts += failed

    async def bury(self, row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
        found = self._waiting.get(row)
        if found is not None:
            self._drop(found, why, at_ms, dead=dead)
            self._drop_what_follows({row})

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        found = self._outbox.get(row)
        if found is None or found.event is None:
            return None
        return found.room or "", found.event

    async def crowding(self, most: int, limit: int) -> Sequence[RowId]:
        lanes: dict[str, list[_Row]] = {}
        for row in sorted(self._waiting.values(), key=lambda row: (row.rank, row.seq)):
            if row.rank > Rank.ACKNOWLEDGEMENT:
                lanes.setdefault(row.lane, []).append(row)
        free = [
            [row for row in rows if row.sealed is None and row.lease_until_ms is None]
            for rows in lanes.values()
            if len(rows) > most
        ]
        return [row.parcel.row for rows in free for row in rows[most:]][:limit]

    async def fates(self, rows: Collection[RowId]) -> Mapping[RowId, Fate]:
        found = {key: self._outbox[key] for key in rows if key in self._outbox}
        return {key: Fate(row.status, row.at_ms, row.why or "") for key, row in found.items()}

    async def standing(self, person: PersonId, now_ms: Ms, usual: Rhythm = EVERYBODY) -> Standing:
        desk = self._desks.get(person) or Desk(person)
        sent = sorted(
            row.at_ms
            for row in self._outbox.values()
            if row.status == "sent"
            and row.is_for(person)
            and row.is_budgeted
            and row.at_ms is not None
            and row.at_ms > now_ms - WEEK_MS
        )
        return Standing(desk.consent, rhythm_of(desk, usual), present=False, timely_sent_ms=tuple(sent))

    def _is_sent(self, key: RowId) -> bool:
        return key in self._outbox and self._outbox[key].status == "sent"

    def _sent(self, row: _Row, event: str, at_ms: Ms) -> None:
        if row.status == "sent":
            return
        row.status, row.event, row.at_ms = "sent", event, at_ms
        row.sealed, row.lease_until_ms = None, None
        self._by_event[event] = row
        self._waiting.pop(row.parcel.row, None)
        for other in self._waiting.values():
            other.awaits.discard(row.parcel.row)

    def _drop(self, row: _Row, why: str, at_ms: Ms | None, *, dead: bool) -> None:
        row.status, row.why, row.at_ms = "dead" if dead else "dropped", why, at_ms
        row.sealed, row.lease_until_ms = None, None
        self._waiting.pop(row.parcel.row, None)

    def _drop_what_follows(self, lost: set[RowId]) -> None:
        """Drop what belongs to parcels that will never be in their room, and what belongs to that in turn."""
        while lost:
            followers = [row for row in self._waiting.values() if row.awaits & lost and row.sealed is None]
            for row in followers:
                self._drop(row, LOST, None, dead=False)
            lost = {row.parcel.row for row in followers}

    # ── names and texts ──────────────────────────────────────────────────────

    async def person(self, matrix_id: str) -> PersonId:
        known = self._person_ids.get(matrix_id)
        if known is None:
            known = PersonId(self._fresh())
            self._person_ids[matrix_id] = known
            self._people[known] = matrix_id
        return known

    async def matrix_id(self, person: PersonId) -> str | None:
        return self._people.get(person)

    async def circle(self, room: str) -> CircleId | None:
        return next((key for key, (_, found) in self._circles.items() if found == room), None)

    async def ensure_circle(self, room: str, name: str) -> CircleId:
        key = await self.circle(room) or CircleId(self._fresh())
        self._circles[key] = (name, room)
        return key

    async def room_of(self, circle: CircleId) -> str:
        if circle not in self._circles:
            raise LookupError(f"circle {circle} is not known")
        return self._circles[circle][1]

    async def move_circle(self, circle: CircleId, room: str) -> bool:
        there = await self.circle(room)
        if there is not None:
            return there == circle
        if circle not in self._circles:
            raise LookupError(f"circle {circle} is not known")
        self._circles[circle] = (self._circles[circle][0], room)
        return True

    async def circles(self) -> Mapping[CircleId, str]:
        return {key: name for key, (name, _) in self._circles.items()}

    async def text(self, text: TextId) -> str | None:
        kept = self._texts.get(text)
        return None if kept is None else kept.body

    async def ended_texts(self, now_ms: Ms, limit: int) -> Sequence[TextId]:
        over = [text for text in self._texts.values() if text.until_ms <= now_ms]
        return [text.id for text in sorted(over, key=lambda text: (text.until_ms, text.id))[:limit]]

    async def texts_of(self, person: PersonId) -> Sequence[TextKept]:
        mine = [text for text in self._texts.values() if text.person == person]
        mine.sort(key=lambda text: (text.until_ms, text.id))
        return [TextKept(text.id, text.instance, text.until_ms) for text in mine]

    async def rows_carrying(self, texts: Sequence[TextId]) -> Sequence[Placed]:
        wanted = frozenset(texts)
        found = (self._outbox[row] for row, held in self._carries.items() if held & wanted)
        back = set(self._taken_back.values())
        return _placed(row for row in found if row.stands and row.parcel.row not in back)

    async def rows_sent_to(self, person: PersonId) -> Sequence[Placed]:
        mine = (row for row in self._outbox.values() if row.is_for(person) and row.stands)
        messages = (row for row in mine if row.parcel.reacts is None and not row.takes_back)
        back = set(self._taken_back.values())
        return _placed(row for row in messages if row.parcel.row not in back)

    async def leaving(self) -> Sequence[PersonId]:
        under_way = [
            row.parcel.to.person
            for row in self._waiting.values()
            if isinstance(row.parcel.to, Direct)
            and (row.due_ms is not None or row.lease_until_ms is not None)
        ]
        return sorted(self._leaving.difference(under_way))

    async def forget(self, person: PersonId) -> None:
        """Erase everything by which this person could be known again: name, desk, texts, journal, mail."""
        matrix_id = self._people.pop(person, None)
        if matrix_id is not None:
            del self._person_ids[matrix_id]
        self._desks.pop(person, None)
        self._journal.pop(f"d/{person}", None)
        self._parts = {
            instance: {ref: PersonId("") if who == person else who for ref, who in refs.items()}
            for instance, refs in self._parts.items()
        }
        self._timers = {key: timer for key, timer in self._timers.items() if key[0] != f"d/{person}"}
        texts = {key for key, text in self._texts.items() if text.person == person}
        self._carries = {row: left for row, held in self._carries.items() if (left := held - texts)}
        self._texts = {key: text for key, text in self._texts.items() if key not in texts}
        self._inbox = {key: e for key, e in self._inbox.items() if not _is_of(e, person)}
        self._set_aside = {key: a for key, a in self._set_aside.items() if not _is_of(a.arrival, person)}
        mail = [row for row in self._outbox.values() if row.is_for(person)]
        self._leaving.discard(person)
        for row in mail:
            self._carries.pop(row.parcel.row, None)
            self._taken_back.pop(row.parcel.row, None)
            del self._outbox[row.parcel.row], self._by_transaction[row.transaction]
            self._waiting.pop(row.parcel.row, None)
            if row.event is not None:
                del self._by_event[row.event]
        self._drop_what_follows({row.parcel.row for row in mail})

    def _fresh(self) -> str:
        return self.random.randbytes(16).hex()

    # ── definitions and views ────────────────────────────────────────────────

    async def put_definition(self, definition: Definition, source: str) -> None:
        self._definitions[definition.digest] = definition
        self._sources[definition.digest] = source

    async def definition(self, digest: str) -> Definition | None:
        return self._definitions.get(digest)

    async def open_instances(self, circle: CircleId, of: Collection[str] | None = None) -> Sequence[Snapshot]:
        mine = [s for s in self._running(circle) if of is None or s.definition in of]
        return sorted(mine, key=lambda snapshot: (snapshot.started_ms, snapshot.id))

    async def running_definitions(self, circle: CircleId) -> Sequence[str]:
        return sorted({s.definition for s in self._running(circle)})

    def _running(self, circle: CircleId) -> list[Snapshot]:
        return [s for s in self._snapshots.values() if s.circle == circle and s.finished_ms is None]

    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]:
        theirs = (key for key, refs in self._parts.items() if person in refs.values())
        found = [self._snapshots[key] for key in theirs if key in self._snapshots]
        return sorted(found, key=lambda snapshot: (snapshot.started_ms, snapshot.id))

    async def begun_by(self, person: PersonId, most: int) -> int:
        theirs = (key for key, refs in self._parts.items() if refs.get("p1") == person)
        found = (self._snapshots[key] for key in theirs if key in self._snapshots)
        return min(most, sum(1 for snapshot in found if snapshot.finished_ms is None))

    async def adopted(self) -> Mapping[CircleId, Mapping[str, bool]]:
        agreed: dict[CircleId, dict[str, bool]] = {}
        for (circle, workflow), in_use in sorted(self._adoptions.items()):
            agreed.setdefault(circle, {})[workflow] = in_use
        return agreed

    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]:
        return self._people_of(instance)

    def _people_of(self, instance: InstanceId) -> tuple[PersonId, ...]:
        refs = self._parts.get(instance, {})
        last = max((int(ref[1:]) for ref in refs), default=0)
        return tuple(refs.get(f"p{n}", PersonId("")) for n in range(1, last + 1))

    async def journal(self, actor: str) -> Sequence[Line]:
        lines = self._journal.get(actor, {})
        return [lines[n] for n in sorted(lines)]

    async def forget_seen(self, before_ms: Ms) -> int:
        old = [key for key, at_ms in self._seen.items() if at_ms < before_ms]
        for key in old:
            del self._seen[key]
        return len(old)

    async def quarantined(self) -> Sequence[SetAside]:
        """What could not be decided, oldest first."""
        return list(self._set_aside.values())

    # ── what waits for a human being ─────────────────────────────────────────

    async def troubles(self, limit: int) -> Sequence[Trouble]:
        events = [
            Trouble(f"e{self._set_aside_as[key]}", aside.at_ms, type(aside.arrival).__name__, aside.error)
            for key, aside in self._set_aside.items()
        ]
        messages = [
            Trouble(
                f"m{row.seq}",
                row.at_ms or 0,
                row.parcel.urgency,
                row.why or "",
                row.parcel.to.circle if isinstance(row.parcel.to, Shared) else None,
            )
            for row in self._outbox.values()
            if row.status == "dead"
        ]
        newest = [
            trouble
            for found in (events, messages)
            for trouble in sorted(found, key=lambda each: -int(each.id[1:]))[:limit]
        ]
        return sorted(newest, key=lambda trouble: (trouble.at_ms, trouble.id))

    async def retry(self, trouble: str) -> Retried:
        event = next((key for key, seq in self._set_aside_as.items() if trouble == f"e{seq}"), None)
        if event is not None and event in self._set_aside:
            self._inbox[event] = self._set_aside.pop(event).arrival
            self._seen.pop(event, None)
            return "again"
        row = self._dead(trouble)
        return "unknown" if row is None else self._send_again(row)

    async def drop(self, trouble: str) -> bool:
        event = next((key for key, seq in self._set_aside_as.items() if trouble == f"e{seq}"), None)
        if event is not None:
            return self._set_aside.pop(event, None) is not None
        row = self._dead(trouble)
        if row is not None:
            row.status, row.why = "dropped", "let go of by a steward"
        return row is not None

    def _dead(self, trouble: str) -> _Row | None:
        dead = (row for row in self._outbox.values() if row.status == "dead")
        return next((row for row in dead if trouble == f"m{row.seq}"), None)

    def _send_again(self, dead: _Row) -> Retried:
        lost, again = {dead.parcel.row}, [dead]
        for row in sorted(self._outbox.values(), key=lambda row: row.seq):
            fell = (
                row.status == "dropped" and row.why == LOST and row.lane == dead.lane and row.seq > dead.seq
            )
            if fell and lost.intersection(row.parcel.forerunners):
                lost.add(row.parcel.row)
                again.append(row)
        for row in again:
            unsent = {key for key in row.parcel.forerunners if not self._is_sent(key)}
            if unsent - self._waiting.keys():
                if row is dead:
                    return "lost"
                continue
            row.status, row.due_ms, row.attempts, row.why, row.at_ms = (
                "waiting",
                row.parcel.not_before_ms,
                0,
                None,
                None,
            )
            row.awaits = unsent
            self._waiting[row.parcel.row] = row
        self._waiting = dict(sorted(self._waiting.items(), key=lambda each: each[1].seq))
        return "again"

    async def counts(self, now_ms: Ms) -> Counts:
        due_timers = [timer.due_ms for timer in self._timers.values() if timer.due_ms <= now_ms]
        outbox: dict[str, Pile] = {}
        for row in self._waiting.values():
            kind = "reaction" if row.parcel.reacts is not None else row.parcel.urgency
            is_due = not row.awaits and (
                row.lease_until_ms is not None or (row.due_ms is not None and row.due_ms <= now_ms)
            )
            if not (is_due or row.attempts):
                continue
            pile = outbox.get(kind, Pile())
            moments = (pile.since_ms, row.tried_since_ms, row.due_ms if is_due else None)
            since = [at for at in moments if at is not None]
            outbox[kind] = Pile(
                pile.due + is_due,
                pile.failing + (row.attempts > 0),
                min(since, default=None),
            )
        return Counts(
            outbox=dict(sorted(outbox.items())),
            set_aside=len(self._set_aside),
            given_up=sum(row.status == "dead" for row in self._outbox.values()),
            timers=len(self._timers),
            timers_due=len(due_timers),
            timers_due_since_ms=min(due_timers, default=None),
            inbox=len(self._inbox),
            running=sum(snapshot.finished_ms is None for snapshot in self._snapshots.values()),
        )

    async def kept(self) -> Mapping[tuple[str, str], bytes]:
        return dict(self._kept)

    # ── for rehearsals ───────────────────────────────────────────────────────

    def begun(self) -> Sequence[Snapshot]:
        """Everything that was ever begun, in the order in which it began."""
        return list(self._snapshots.values())

    def fork(self) -> MemoryStore:
        """A store that stands as this one does, and goes its own way from here."""
        other = MemoryStore()
        other.random.setstate(self.random.getstate())
        # A row changes as long as it waits; from then on both may look at the same one.
        waiting = {key: replace(row, awaits=set(row.awaits)) for key, row in self._waiting.items()}
        rows = {**self._outbox, **waiting}
        for each in fields(self):
            held = getattr(self, each.name)
            if isinstance(held, dict):
                setattr(other, each.name, dict(held))
            elif isinstance(held, set):
                setattr(other, each.name, set(held))
        other._parts = {key: dict(parts) for key, parts in self._parts.items()}
        other._journal = {key: dict(lines) for key, lines in self._journal.items()}
        other._outbox, other._waiting = rows, waiting
        other._by_transaction = self._by_transaction | {row.transaction: row for row in waiting.values()}
        other._seq = copy(self._seq)
        return other


def _is_of(arrival: AnyArrival, person: PersonId) -> bool:
    """Whether it came from this person, is on its way to their desk, or rings there."""
    if isinstance(arrival, Rung):
        return arrival.actor == f"d/{person}"
    return not isinstance(arrival, Echo | Faded | Housed | Noticed | ToInstance) and arrival.person == person


def _placed(rows: Iterable[_Row]) -> list[Placed]:
    return [Placed(row.parcel.row, row.parcel.to) for row in sorted(rows, key=lambda row: row.seq)]
