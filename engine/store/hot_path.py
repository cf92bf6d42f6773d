"""Loading and committing a batch: hand-written SQL on one connection, in one thread, in one transaction.

Why not through the ORM: docs/decisions/0001-hand-written-sql-on-the-hot-path.md. What runs in the thread
cannot be cancelled half-way, so no transaction is left open. Every method is to be called in that thread.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.core.desk import Desk
from engine.core.instance import Snapshot
from engine.core.parcel import Direct, Parcel, Target
from engine.core.values import InstanceId, PersonId, RowId
from engine.runtime.ports import (
    AnyArrival,
    BadData,
    Changes,
    Conflict,
    Echo,
    Housed,
    Loaded,
    NewParcel,
    Rung,
    TextRow,
    ToInstance,
    Want,
)
from engine.store import codec
from engine.store import statements as sql
from engine.store.errors import speaking_of_sqlite
from engine.store.sealing import HOUSE, Key, KeyRing, scope_of_instance, scope_of_person

BUSY_MS = 5_000
LARGEST_TEXT_BYTES = 64 * 1024
STATEMENTS_CACHED = 256

Rows = Iterable[tuple[Any, ...]]


def scope_of_actor(actor: str) -> str:
    """Whose key seals what an actor (``i/<instance>``, ``d/<person>``) leaves behind."""
    return actor if actor.startswith("i/") else scope_of_person(PersonId(actor[2:]))


def scope_of_parcel(parcel: Parcel) -> str:
    """Whose key seals a parcel: the person's it goes to; in a shared room, the instance's it is about."""
    if isinstance(parcel.to, Direct):
        return scope_of_person(parcel.to.person)
    return HOUSE if parcel.about is None else scope_of_instance(parcel.about)


def scope_of_arrival(arrival: AnyArrival) -> str:
    """Whose key seals an arrival that waits or was set aside."""
    if isinstance(arrival, ToInstance):
        return scope_of_instance(arrival.instance)
    if isinstance(arrival, Rung):
        return scope_of_actor(arrival.actor)
    if isinstance(arrival, Echo | Housed):
        return HOUSE
    return scope_of_person(arrival.person)


def _each(values: Iterable[str]) -> tuple[str]:
    """A list as one SQL parameter, for ``json_each``: the statement stays the same and stays prepared."""
    return (json.dumps(list(values)),)


class HotPath:
    """The writer's connection."""

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self._ring = ring
        self._db = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, cached_statements=STATEMENTS_CACHED
        )
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=8000", "cache_size=-32000"):
                self._db.execute(f"PRAGMA {pragma}")
            self._try_master_key()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def _try_master_key(self) -> None:
        """Unwrap the key of the house, making it in a new database; WrongMasterKey if that cannot be."""
        with speaking_of_sqlite(), self._transaction("BEGIN IMMEDIATE"):
            found = self._db.execute(sql.SEALS, _each([HOUSE])).fetchone()
            if found is None:
                self._db.execute(sql.INSERT_SEAL, (HOUSE, self._ring.fresh(HOUSE)))
            else:
                self._ring.key(*found)

    # ── loading ──────────────────────────────────────────────────────────────

    def load(self, want: Want) -> Loaded:
        """Read what a batch wants, all of it as of one moment."""
        with speaking_of_sqlite(), self._transaction("BEGIN"):
            desks = dict(self._desks(want.desks | want.delivered))
            return Loaded(
                seen=frozenset(known for (known,) in self._select(sql.SEEN, want.ids)),
                snapshots=dict(self._snapshots(want.instances)),
                desks={person: desk for person, desk in desks.items() if person in want.desks},
                people=self._people(want.instances),
                targets=dict(self._targets(want.events)),
                delivered=self._delivered([desks[who] for who in want.delivered if who in desks]),
                lines=self._lines(want),
            )

    def _select(self, statement: str, ids: Iterable[str]) -> Rows:
        return self._db.execute(statement, _each(ids)) if ids else ()

    def _snapshots(self, instances: frozenset[InstanceId]) -> Iterator[tuple[InstanceId, Snapshot]]:
        for instance, sealed, wrapped in self._select(sql.INSTANCES, instances):
            key = self._ring.key(scope_of_instance(instance), wrapped)
            yield instance, codec.decode_snapshot(key.open(sealed, f"instances/{instance}"))

    def _desks(self, people: frozenset[PersonId]) -> Iterator[tuple[PersonId, Desk]]:
        for person, sealed, wrapped in self._select(sql.DESKS, people):
            key = self._ring.key(scope_of_person(person), wrapped)
            yield person, codec.decode_desk(key.open(sealed, f"desks/{person}"))

    def _people(self, instances: frozenset[InstanceId]) -> dict[InstanceId, tuple[PersonId, ...]]:
        refs: dict[InstanceId, dict[int, PersonId]] = {}
        for instance, ref, person in self._select(sql.PARTS, instances):
            refs.setdefault(instance, {})[int(ref[1:])] = person
        return {instance: in_order(found) for instance, found in refs.items()}

    def _targets(self, events: frozenset[str]) -> Iterator[tuple[str, Target]]:
        for event, row, scope, parcel, wrapped in self._select(sql.TARGETS, events):
            key = self._ring.key(scope, wrapped)
            target = codec.decode_parcel(key.open(parcel, f"outbox/{row}")).target
            if target is not None:
                yield event, target

    def _delivered(self, desks: list[Desk]) -> dict[PersonId, frozenset[RowId]]:
        prompts = {prompt.row for desk in desks for prompt in desk.prompts}
        sent = {row for (row,) in self._select(sql.SENT, prompts)}
        return {desk.person: frozenset(p.row for p in desk.prompts if p.row in sent) for desk in desks}

    def _lines(self, want: Want) -> dict[str, int]:
        actors = [f"i/{instance}" for instance in want.instances] + [f"d/{person}" for person in want.desks]
        return {actor: n for actor, n in self._select(sql.LINES, actors) if n is not None}

    # ── committing ───────────────────────────────────────────────────────────

    def commit(self, changes: Changes) -> None:
        """Write a batch; see ``Cellar.commit``."""
        for text in changes.texts:
            check_text(text)
        with speaking_of_sqlite(), self._transaction("BEGIN IMMEDIATE"):
            _Batch(self._db, self._ring, changes).write()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._db.execute(begin)
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


class _Batch:
    """One batch on its way into the tables, inside a transaction."""

    def __init__(self, db: sqlite3.Connection, ring: KeyRing, changes: Changes) -> None:
        self._db = db
        self._changes = changes
        self._keys = self._keys_for(ring, set(_scopes(changes)))

    def _keys_for(self, ring: KeyRing, scopes: set[str]) -> dict[str, Key]:
        """The keys of these scopes; those that are new are kept with the batch, or not at all."""
        wrapped = dict(self._db.execute(sql.SEALS, _each(scopes)))
        fresh = {scope: ring.fresh(scope) for scope in scopes - wrapped.keys()}
        self._db.executemany(sql.INSERT_SEAL, fresh.items())
        return {scope: ring.key(scope, kept) for scope, kept in (wrapped | fresh).items()}

    def _seal(self, scope: str, value: bytes, place: str) -> bytes:
        return self._keys[scope].seal(value, place)

    def write(self) -> None:
        self._write_seen()
        self._write_instances()
        self._write_desks()
        self._write_parts_and_journal()
        self._write_timers()
        self._write_texts()
        self._write_inbox()
        self._write_outbox()
        self._write_kept()

    def _insert(self, statement: str, rows: Rows, clash: Exception) -> int:
        """Write the rows; how many were written. A row that is there already raises ``clash``."""
        try:
            return self._db.executemany(statement, rows).rowcount
        except sqlite3.IntegrityError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
                raise BadData("a circle that is not known") from None
            raise clash from None

    def _replace(self, statement: str, rows: list[tuple[Any, ...]], table: str) -> None:
        """Write each row whose version is still the expected one; all of them or Conflict."""
        if rows and self._insert(statement, rows, BadData(table)) != len(rows):
            raise Conflict(f"{table}: a row was changed by someone else")

    def _write_seen(self) -> None:
        self._insert(
            sql.INSERT_SEEN, self._changes.seen.items(), Conflict("seen: an arrival is known already")
        )

    def _write_instances(self) -> None:
        new, changed = [], []
        for instance, (snapshot, replaced) in self._changes.snapshots.items():
            sealed = self._seal(scope_of_instance(instance), codec.encode(snapshot), f"instances/{instance}")
            values = (
                snapshot.circle,
                snapshot.definition,
                snapshot.state,
                snapshot.version,
                snapshot.entry,
                snapshot.finished_ms is None,
                sealed,
                instance,
            )
            if replaced == 0:
                new.append(values)
            else:
                changed.append((*values, replaced))
        self._replace(sql.INSERT_INSTANCE, new, "instances")
        self._replace(sql.UPDATE_INSTANCE, changed, "instances")

    def _write_desks(self) -> None:
        new, changed = [], []
        for person, (desk, replaced) in self._changes.desks.items():
            sealed = self._seal(scope_of_person(person), codec.encode(desk), f"desks/{person}")
            if replaced == 0:
                new.append((desk.version, sealed, person))
            else:
                changed.append((desk.version, sealed, person, replaced))
        self._replace(sql.INSERT_DESK, new, "desks")
        self._replace(sql.UPDATE_DESK, changed, "desks")

    def _write_parts_and_journal(self) -> None:
        self._insert(sql.INSERT_PART, self._changes.parts, Conflict("parts: a reference is taken already"))
        lines = (
            (
                line.actor,
                line.n,
                line.at_ms,
                self._seal(
                    scope_of_actor(line.actor), codec.encode_line(line), f"journal/{line.actor}/{line.n}"
                ),
            )
            for line in self._changes.journal
        )
        self._insert(sql.INSERT_LINE, lines, Conflict("journal: a line of this number is written already"))

    def _write_timers(self) -> None:
        timers = self._changes.timers
        self._db.executemany(sql.DELETE_TIMER, [key for key, timer in timers.items() if timer is None])
        set_to = [(t.actor, t.name, t.entry, t.due_ms) for t in timers.values() if t is not None]
        self._db.executemany(sql.SET_TIMER, set_to)

    def _write_texts(self) -> None:
        texts = (
            (
                text.id,
                text.person,
                text.instance,
                text.until_ms,
                self._seal(scope_of_person(text.person), text.body.encode(), f"texts/{text.id}"),
            )
            for text in self._changes.texts
        )
        self._db.executemany(sql.SET_TEXT, texts)
        self._db.executemany(sql.END_TEXT, [(until, text) for text, until in self._changes.text_ends.items()])

    def _write_inbox(self) -> None:
        for aside in self._changes.set_aside:
            scope, name = scope_of_arrival(aside.arrival), aside.arrival.id
            sealed = self._seal(scope, codec.encode(aside.arrival), f"quarantine/{name}")
            self._db.execute(sql.SET_ASIDE, (name, aside.at_ms, aside.error, scope, sealed))
        waiting = []
        for event in self._changes.inbox:
            scope = scope_of_arrival(event)
            sealed = self._seal(scope, codec.encode(event), f"inbox/{event.id}")
            waiting.append((event.id, scope, sealed))
        self._db.executemany(sql.INSERT_INBOX, waiting)
        self._db.executemany(sql.DELETE_INBOX, [(done,) for done in self._changes.inbox_done])

    def _write_kept(self) -> None:
        kept = {(row.kind, row.key): row for row in self._changes.kept}.values()  # the last word counts
        self._db.executemany(sql.DELETE_KEPT, [(row.kind, row.key) for row in kept if row.value is None])
        sealed = [
            (row.kind, row.key, self._seal(HOUSE, row.value, f"bridge/{row.kind}/{row.key}"))
            for row in kept
            if row.value is not None
        ]
        self._db.executemany(sql.SET_KEPT, sealed)

    # ── the outbox ───────────────────────────────────────────────────────────

    def _write_outbox(self) -> None:
        changes = self._changes
        self._insert(
            sql.INSERT_PARCEL,
            [self._outbox_row(new) for new in changes.parcels],
            BadData("outbox: a row or transaction id stands there already"),
        )
        lost = self._await_forerunners([new.parcel for new in changes.parcels])
        if changes.withdrawn:
            gone = [row for (row,) in self._db.execute(sql.WITHDRAW, _each(changes.withdrawn)).fetchall()]
            self._db.execute(sql.DELETE_AWAITED, _each(gone))
            lost += gone
        self._drop_what_follows(lost)
        if changes.released:
            self._db.execute(sql.RELEASE, _each(changes.released))
            self._db.execute(sql.NUDGE, _each(changes.released))
        if changes.echoes:
            echoes = [(event, at_ms, transaction) for transaction, event, at_ms in changes.echoes]
            self._db.executemany(sql.ECHO, echoes)
            self._db.execute(sql.ECHOED, _each(transaction for transaction, _, _ in changes.echoes))

    def _outbox_row(self, new: NewParcel) -> tuple[Any, ...]:
        parcel = new.parcel
        person, circle = (
            (parcel.to.person, None) if isinstance(parcel.to, Direct) else (None, parcel.to.circle)
        )
        silent = parcel.edits is not None or parcel.reacts is not None
        scope = scope_of_parcel(parcel)
        return (
            parcel.row,
            new.transaction,
            f"s/{circle}" if person is None else f"d/{person}",
            scope,
            person,
            circle,
            parcel.about,
            parcel.urgency,
            parcel.reacts is not None,
            person is not None and parcel.urgency == "timely" and not silent,
            parcel.not_before_ms,
            new.due_ms,
            self._seal(scope, codec.encode(parcel), f"outbox/{parcel.row}"),
        )

    def _await_forerunners(self, parcels: list[Parcel]) -> list[RowId]:
        """Note what each parcel has to wait for; returns the forerunners that will never be sent."""
        pairs = [(p.row, before) for p in parcels for before in (p.edits, p.reacts, p.replies) if before]
        if not pairs:
            return []
        known = dict(self._db.execute(sql.STATUS, _each({before for _, before in pairs})))
        unsent = [(row, before) for row, before in pairs if known.get(before) != "sent"]
        self._db.executemany(sql.INSERT_AWAITED, unsent)
        return [before for _, before in unsent if known.get(before) != "waiting"]

    def _drop_what_follows(self, lost: list[RowId]) -> None:
        while lost:
            lost = [
                row for (row,) in self._db.execute(sql.DROP_FOLLOWERS, (*_each(lost), sql.LOST)).fetchall()
            ]
            self._db.execute(sql.DELETE_AWAITED, _each(lost))


def _scopes(changes: Changes) -> Iterator[str]:
    """Whose keys this batch needs."""
    yield from map(scope_of_instance, changes.snapshots)
    yield from map(scope_of_person, changes.desks)
    yield from (scope_of_actor(line.actor) for line in changes.journal)
    yield from (scope_of_parcel(new.parcel) for new in changes.parcels)
    yield from (scope_of_person(text.person) for text in changes.texts)
    yield from (scope_of_arrival(aside.arrival) for aside in changes.set_aside)
    yield from map(scope_of_arrival, changes.inbox)
    if changes.kept:
        yield HOUSE


def in_order(refs: dict[int, PersonId]) -> tuple[PersonId, ...]:
    """The people behind p1, p2, …; nobody's place is taken by the next."""
    return tuple(refs.get(n, PersonId("")) for n in range(1, max(refs, default=0) + 1))


def check_text(text: TextRow) -> None:
    """Refuse a text that cannot be kept; its words stay out of the message."""
    try:
        size_bytes = len(text.body.encode())
    except UnicodeEncodeError:
        raise BadData(f"texts: {text.id} holds characters that are not Unicode text") from None
    if size_bytes > LARGEST_TEXT_BYTES:
        raise BadData(f"texts: {text.id} has {size_bytes} bytes; at most {LARGEST_TEXT_BYTES} are kept")
