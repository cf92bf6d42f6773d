"""What each message passes through on its way out: claimed, judged, sealed, marked; in SQL written by hand.

A person's next message waits for every one of these steps, hence no ORM (docs/decisions/0036-pace.md has the figures).
Every method is to be called in the thread of ``engine.store.hot_path``, which cannot be cancelled half-way.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Any

from engine.core.desk import Desk, Rhythm
from engine.core.desk_usual import rhythm_of
from engine.core.rank import Head
from engine.core.schedule import Standing
from engine.core.values import WEEK_MS, Ms, PersonId, RowId, TextId
from engine.runtime.ports import Conflict, Journey, Lease
from engine.runtime.turns import Turns
from engine.store import codec
from engine.store import statements as sql
from engine.store.database import Database, each
from engine.store.leases import refuse_superseded
from engine.store.scopes import scope_of_person
from engine.store.sealing import Key, KeyRing, Unreadable, WrongMasterKey

log = logging.getLogger(__name__)

NO_KEY = "its key has been erased"
DAMAGED = "what was stored of it cannot be opened"
MOST_HEADS = 1_000
"""Of so many rooms with something due those are chosen whose turn it is."""


class Sending:
    """The outbox between commit and delivery, on the writer's connection."""

    def __init__(self, db: Database, ring: KeyRing) -> None:
        self._db = db
        self._ring = ring
        self._turns = Turns()

    def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int, speaker: Lease | None
    ) -> Sequence[Journey]:
        """See ``Cellar.claim``. Looking costs little, so that nothing is locked while there is nothing to be had."""
        (soonest_ms,) = self._db.execute(sql.NEXT_PARCEL).fetchone()
        if soonest_ms is None or soonest_ms > now_ms:
            return []
        with self._db.transaction("alone"):
            refuse_superseded(self._db, speaker)
            self._db.execute(sql.END_LEASES, (now_ms,))
            found = self._db.execute(sql.HEADS, (now_ms, MOST_HEADS)).fetchall()
            heads = [Head(seq, lane, rank, bool(sealed)) for seq, lane, rank, sealed in found]
            served = self._turns.whose(heads, limit, unasked)
            if not served:
                return []
            chosen = [head.seq for head in served]
            self._db.execute(sql.LEASE, (now_ms + lease_ms, *each(chosen)))
            rows = {row[0]: row[1:] for row in self._db.execute(sql.JOURNEYS, each(chosen))}
            claimed = [journey for seq in chosen if (journey := self._journey(rows[seq], now_ms)) is not None]
        self._turns.note(served)  # only now: had it collided, nobody would have had their turn
        return claimed

    def free_claims(self, speaker: Lease | None) -> int:
        """See ``Cellar.free_claims``."""
        with self._db.transaction("write"):
            refuse_superseded(self._db, speaker)
            return self._db.execute(sql.FREE_CLAIMS).rowcount

    def _journey(self, row: tuple[Any, ...], now_ms: Ms) -> Journey | None:
        name, transaction, attempts, room, scope, parcel, sealed, wrapped = row
        if wrapped is None:
            self._end(name, "dropped", NO_KEY, now_ms)
            return None
        try:
            key = self._ring.key(scope, wrapped)
            opened = key.open(parcel, f"outbox/{name}")
            message = None if sealed is None else key.open(sealed, f"outbox/{name}/sealed")
        except (Unreadable, WrongMasterKey) as error:
            # The house was opened with its keys: this one row is damaged, and keeps nobody else waiting.
            log.error("a message is given up: %s", error)  # noqa: TRY400 - no words
            self._end(name, "dead", DAMAGED, now_ms)
            return None
        return Journey(codec.decode_parcel(opened), transaction, attempts, message, room)

    def seal(
        self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId], speaker: Lease | None
    ) -> None:
        """See ``Cellar.seal``."""
        with self._db.transaction("write"):
            refuse_superseded(self._db, speaker)
            found = self._db.execute(sql.TO_SEAL, (row,)).fetchone()
            if found is None:
                raise Conflict(f"outbox: {row} is not there any more, or its key is not")
            scope, status, person, about, wrapped = found
            if status != "waiting":
                raise Conflict(f"outbox: {row} does not wait for sending any more")
            key = self._ring.key(scope, wrapped)
            kept = self._db.execute(sql.KEEP_SEALED, (room, key.seal(sealed, f"outbox/{row}/sealed"), row))
            if not kept.rowcount:  # somebody else has taken it back since this looked
                raise Conflict(f"outbox: {row} does not wait for sending any more")
            self._db.executemany(sql.CARRY, [(row, text) for text in sorted(texts)])
            if person is not None:
                self._db.execute(sql.REMEMBER_ROOM, (room, person, about))

    def mark_sent(self, row: RowId, event: str, at_ms: Ms, speaker: Lease | None) -> None:
        """See ``Cellar.mark_sent``."""
        with self._db.transaction("write"):
            refuse_superseded(self._db, speaker)
            self._db.execute(sql.MARK_SENT, (event, at_ms, row))
            self._db.execute(sql.FOLLOWED, (row,))

    def postpone(
        self, row: RowId, due_ms: Ms | None, why: str, speaker: Lease | None, *, failed: bool
    ) -> None:
        """See ``Cellar.postpone``."""
        with self._db.transaction("write"):
            refuse_superseded(self._db, speaker)
            heeds_nudge = not failed or due_ms is None
            self._db.execute(sql.POSTPONE, (heeds_nudge, due_ms, why, int(failed), row))

    def bury(self, row: RowId, why: str, at_ms: Ms, speaker: Lease | None, *, dead: bool) -> None:
        """See ``Cellar.bury``."""
        with self._db.transaction("write"):
            refuse_superseded(self._db, speaker)
            self._end(row, "dead" if dead else "dropped", why, at_ms)

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

    def standing(self, person: PersonId, now_ms: Ms, usual: Rhythm) -> Standing:
        """See ``Cellar.standing``."""
        found = self._db.execute(sql.DESKS, each([person])).fetchone()
        desk = Desk(person)
        if found is not None:
            key = self._ring.key(scope_of_person(person), found[2])
            desk = codec.decode_desk(key.open(found[1], f"desks/{person}"))
        sent = tuple(at for (at,) in self._db.execute(sql.TIMELY_SENT, (person, now_ms - WEEK_MS)))
        return Standing(desk.consent, rhythm_of(desk, usual), present=False, timely_sent_ms=sent)

    def matrix_id(self, person: PersonId) -> str | None:
        """See ``Cellar.matrix_id``."""
        found = self._db.execute(sql.NAME, (person,)).fetchone()
        if found is None:
            return None
        key: Key = self._ring.key(scope_of_person(person), found[1])
        return key.open(found[0], f"people/{person}").decode()
