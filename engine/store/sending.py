"""What each message passes through on its way out: claimed, judged, sealed, marked; in SQL written by hand.

A person's next message waits for every one of these steps, hence no ORM (docs/decisions/0036-pace.md has the figures).
Every method is to be called in the thread of ``engine.store.hot_path``, which cannot be cancelled half-way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import Any

from engine.core.desk import Desk
from engine.core.rank import Head
from engine.core.schedule import Standing
from engine.core.values import WEEK_MS, Ms, PersonId, RowId, TextId
from engine.runtime.ports import Conflict, Journey
from engine.runtime.turns import Turns
from engine.store import codec
from engine.store import statements as sql
from engine.store.committing import each
from engine.store.scopes import scope_of_person
from engine.store.sealing import Key, KeyRing

NO_KEY = "its key has been erased"
MOST_HEADS = 1_000
"""Of so many rooms with something due those are chosen whose turn it is."""

Transaction = Callable[[str], AbstractContextManager[None]]


class Sending:
    """The outbox between commit and delivery, on the writer's connection."""

    def __init__(self, db: sqlite3.Connection, ring: KeyRing, transaction: Transaction) -> None:
        self._db = db
        self._ring = ring
        self._transaction = transaction
        self._turns = Turns()

    def claim(self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int) -> Sequence[Journey]:
        """See ``Cellar.claim``. Looking costs little, so that nothing is locked while there is nothing to be had."""
        (soonest_ms,) = self._db.execute(sql.NEXT_PARCEL).fetchone()
        if soonest_ms is None or soonest_ms > now_ms:
            return []
        with self._transaction("BEGIN IMMEDIATE"):
            self._db.execute(sql.END_LEASES, (now_ms,))
            found = self._db.execute(sql.HEADS, (now_ms, MOST_HEADS)).fetchall()
            heads = [Head(seq, lane, rank, bool(sealed)) for seq, lane, rank, sealed in found]
            chosen = [head.seq for head in self._turns.choose(heads, limit, unasked)]
            if not chosen:
                return []
            self._db.execute(sql.LEASE, (now_ms + lease_ms, *each(chosen)))
            rows = {row[0]: row[1:] for row in self._db.execute(sql.JOURNEYS, each(chosen))}
            return [journey for seq in chosen if (journey := self._journey(rows[seq], now_ms)) is not None]

    def _journey(self, row: tuple[Any, ...], now_ms: Ms) -> Journey | None:
        name, transaction, attempts, room, scope, parcel, sealed, wrapped = row
        if wrapped is None:
            self._end(name, "dropped", NO_KEY, now_ms)
            return None
        key = self._ring.key(scope, wrapped)
        return Journey(
            codec.decode_parcel(key.open(parcel, f"outbox/{name}")),
            transaction,
            attempts,
            None if sealed is None else key.open(sealed, f"outbox/{name}/sealed"),
            room,
        )

    def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId]) -> None:
        """See ``Cellar.seal``."""
        with self._transaction("BEGIN IMMEDIATE"):
            found = self._db.execute(sql.TO_SEAL, (row,)).fetchone()
            if found is None:
                raise Conflict(f"outbox: {row} is not there any more, or its key is not")
            scope, status, person, about, wrapped = found
            if status != "waiting":
                raise Conflict(f"outbox: {row} does not wait for sending any more")
            key = self._ring.key(scope, wrapped)
            self._db.execute(sql.KEEP_SEALED, (room, key.seal(sealed, f"outbox/{row}/sealed"), row))
            self._db.executemany(sql.CARRY, [(row, text) for text in sorted(texts)])
            if person is not None:
                self._db.execute(sql.REMEMBER_ROOM, (room, person, about))

    def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None:
        """See ``Cellar.mark_sent``."""
        with self._transaction("BEGIN IMMEDIATE"):
            self._db.execute(sql.MARK_SENT, (event, at_ms, row))
            self._db.execute(sql.FOLLOWED, (row,))

    def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        """See ``Cellar.postpone``."""
        with self._transaction("BEGIN IMMEDIATE"):
            heeds_nudge = not failed or due_ms is None
            self._db.execute(sql.POSTPONE, (heeds_nudge, due_ms, why, failed, row))

    def _end(self, row: str, status: str, why: str, at_ms: Ms) -> None:
        if not self._db.execute(sql.END_PARCEL, (status, why, at_ms, row)).rowcount:
            return
        lost = [row]
        while lost:
            self._db.execute(sql.DELETE_AWAITED, each(lost))
            lost = [
                gone for (gone,) in self._db.execute(sql.DROP_FOLLOWERS, (*each(lost), sql.LOST)).fetchall()
            ]

    # ── what a step has to know ──────────────────────────────────────────────

    def next_parcel_ms(self) -> Ms | None:
        """See ``Cellar.next_parcel_ms``."""
        (found,) = self._db.execute(sql.NEXT_PARCEL).fetchone()
        return None if found is None else int(found)

    def sent_event(self, row: RowId) -> tuple[str, str] | None:
        """See ``Cellar.sent_event``."""
        found = self._db.execute(sql.SENT_EVENT, (row,)).fetchone()
        return None if found is None else (found[0] or "", found[1])

    def standing(self, person: PersonId, now_ms: Ms) -> Standing:
        """See ``Cellar.standing``."""
        found = self._db.execute(sql.DESKS, each([person])).fetchone()
        desk = Desk(person)
        if found is not None:
            key = self._ring.key(scope_of_person(person), found[2])
            desk = codec.decode_desk(key.open(found[1], f"desks/{person}"))
        sent = tuple(at for (at,) in self._db.execute(sql.TIMELY_SENT, (person, now_ms - WEEK_MS)))
        return Standing(desk.consent, desk.rhythm, present=False, timely_sent_ms=sent)

    def matrix_id(self, person: PersonId) -> str | None:
        """See ``Cellar.matrix_id``."""
        found = self._db.execute(sql.NAME, (person,)).fetchone()
        if found is None:
            return None
        key: Key = self._ring.key(scope_of_person(person), found[1])
        return key.open(found[0], f"people/{person}").decode()
