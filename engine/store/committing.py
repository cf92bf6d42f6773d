"""Writing a batch: one method per table, all inside the transaction of ``engine.store.hot_path``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.parcel import Direct, Parcel
from engine.core.rank import rank_of
from engine.core.schedule import without_a_sound
from engine.core.values import RowId
from engine.runtime.carrying import takes_back, texts_in
from engine.runtime.ports import BadData, Changes, Conflict, Gathered, NewParcel, TextCopy
from engine.store import codec
from engine.store import statements as sql
from engine.store.database import Database, Otherwise, Rows, each
from engine.store.scopes import (
    HOUSE,
    scope_of_actor,
    scope_of_arrival,
    scope_of_instance,
    scope_of_parcel,
    scope_of_person,
    scope_of_text,
)
from engine.store.sealing import Key

UNKNOWN = "a circle that is not known"


class Batch:
    """One batch on its way into the tables, inside a transaction."""

    def __init__(self, db: Database, keys: Mapping[str, Key], changes: Changes) -> None:
        self._db = db
        self._keys = keys
        self._changes = changes

    def _seal(self, scope: str, value: bytes, place: str) -> bytes:
        return self._keys[scope].seal(value, place)

    def write(self) -> None:
        self._write_seen()
        self._write_instances()
        self._write_desks()
        self._write_parts_and_journal()
        self._write_timers()
        self._write_texts()
        self._write_adoptions()
        self._write_inbox()
        self._write_outbox()
        self._write_kept()

    def _insert(self, statement: str, rows: Rows, clash: Exception) -> None:
        """Write the rows. One that is there already raises ``clash``."""
        self._db.put(statement, rows, Otherwise(clash, BadData(UNKNOWN)))

    def _replace(self, statement: str, rows: list[tuple[Any, ...]], table: str) -> None:
        """Write each row whose version is still the expected one; all of them or Conflict."""
        changed = Conflict(f"{table}: a row was changed by someone else")
        self._db.put(statement, rows, Otherwise(BadData(table), BadData(UNKNOWN), changed))

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
        rung = [(t.actor, t.name, t.entry, t.due_ms) for t in self._changes.rung]
        self._db.put(sql.DELETE_RUNG, rung)
        timers = self._changes.timers
        self._db.put(sql.DELETE_TIMER, [key for key, timer in timers.items() if timer is None])
        set_to = [(t.actor, t.name, t.entry, t.due_ms) for t in timers.values() if t is not None]
        self._db.put(sql.SET_TIMER, set_to)

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
        self._db.put(sql.SET_TEXT, texts)
        for copy in self._changes.copies:
            self._copy_text(copy)
        self._db.put(sql.END_TEXT, [(until, text) for text, until in self._changes.text_ends.items()])
        if self._changes.faded:
            self._db.put(sql.DELETE_TEXT, [(text,) for text in self._changes.faded])
            self._db.ask(sql.UNCARRY_TEXTS, each(self._changes.faded))

    def _write_adoptions(self) -> None:
        agreed = [(each.circle, each.workflow, each.in_use) for each in self._changes.adoptions]
        self._insert(sql.ADOPT, agreed, BadData("adopted"))

    def _copy_text(self, copy: TextCopy) -> None:
        found = self._db.execute(sql.TEXT, (copy.source,)).fetchone()
        if found is None:
            return
        person, instance, sealed = found
        key = self._keys.get(scope_of_text(person, instance))
        if key is None:
            return  # it was erased, and with it what it sealed
        body = key.open(sealed, f"texts/{copy.source}")
        owner = "" if copy.loose else person
        again = self._seal(scope_of_text(owner, copy.instance), body, f"texts/{copy.id}")
        self._db.ask(sql.SET_TEXT, (copy.id, owner, copy.instance, copy.until_ms, again))
        if copy.loose:
            self._db.ask(sql.DELETE_TEXT, (copy.source,))

    def _write_inbox(self) -> None:
        for aside in self._changes.set_aside:
            scope, name = scope_of_arrival(aside.arrival), aside.arrival.id
            sealed = self._seal(scope, codec.encode(aside.arrival), f"quarantine/{name}")
            self._db.ask(sql.SET_ASIDE, (name, aside.at_ms, aside.error, scope, sealed))
        waiting = []
        for event in self._changes.inbox:
            scope = scope_of_arrival(event)
            sealed = self._seal(scope, codec.encode(event), f"inbox/{event.id}")
            waiting.append((event.id, scope, sealed))
        self._db.put(sql.INSERT_INBOX, waiting)
        self._db.put(sql.DELETE_INBOX, [(done,) for done in self._changes.inbox_done])

    def _write_kept(self) -> None:
        if not self._changes.kept:
            return
        house = self._keys[HOUSE]
        # Many keys are Matrix ids: a row is found by a name that tells nobody who it is about.
        named = {(row.kind, house.fingerprint(row.key)): row for row in self._changes.kept}
        self._db.put(sql.DELETE_KEPT, [name for name, row in named.items() if row.value is None])
        sealed = [
            (kind, name, house.seal(codec.encode((row.key, row.value)), f"bridge/{kind}/{name}"))
            for (kind, name), row in named.items()
            if row.value is not None
        ]
        self._db.put(sql.SET_KEPT, sealed)

    # ── the outbox ───────────────────────────────────────────────────────────

    def _write_outbox(self) -> None:
        changes = self._changes
        lost = self._see_off()
        self._insert(
            sql.INSERT_PARCEL,
            [self._outbox_row(new) for new in changes.parcels],
            BadData("outbox: a row or transaction id stands there already"),
        )
        if changes.echoes:
            echoes = [(event, at_ms, transaction) for transaction, event, at_ms in changes.echoes]
            self._db.put(sql.ECHO, echoes)
            self._db.ask(sql.ECHOED, each(transaction for transaction, _, _ in changes.echoes))
        parcels = [new.parcel for new in changes.parcels]
        self._note_what_they_carry(parcels)
        lost += self._await_forerunners(parcels)
        if changes.withdrawn:
            gone = [row for (row,) in self._db.execute(sql.WITHDRAW, each(changes.withdrawn)).fetchall()]
            self._db.ask(sql.DELETE_AWAITED, each(gone))
            lost += gone
        self._drop_what_follows(lost)
        if changes.released:
            self._db.ask(sql.RELEASE, each(changes.released))
            self._db.ask(sql.NUDGE, each(changes.released))
        for gathered in changes.gathered:
            self._gather(gathered)

    def _gather(self, gathered: Gathered) -> None:
        scope = scope_of_person(gathered.person)
        found = self._db.execute(sql.TO_GATHER, (gathered.person, gathered.sparing)).fetchall()
        for row, sealed in found:
            place = f"outbox/{row}"
            hushed = without_a_sound(codec.decode_parcel(self._keys[scope].open(sealed, place)))
            due_ms = max(gathered.due_ms, hushed.not_before_ms)
            sealed_again = self._seal(scope, codec.encode(hushed), place)
            self._db.ask(sql.GATHER, (int(rank_of(hushed)), due_ms, sealed_again, row))

    def _outbox_row(self, new: NewParcel) -> tuple[Any, ...]:
        parcel = new.parcel
        person, circle = (
            (parcel.to.person, None) if isinstance(parcel.to, Direct) else (None, parcel.to.circle)
        )
        silent = parcel.belongs_below or takes_back(parcel)
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
            int(rank_of(parcel)),
            parcel.not_before_ms,
            new.due_ms,
            self._seal(scope, codec.encode(parcel), f"outbox/{parcel.row}"),
        )

    def _see_off(self) -> list[RowId]:
        """What had been waiting for people who leave is not sent any more; what takes something back is."""
        leaving = self._changes.leaving
        if not leaving:
            return []
        self._db.put(sql.LEAVE, [(person,) for person in leaving])
        gone = [
            row for (row,) in self._db.execute(sql.DROP_LEAVING, (*each(leaving), sql.LEAVING)).fetchall()
        ]
        self._db.ask(sql.DELETE_AWAITED, each(gone))
        return gone

    def _note_what_they_carry(self, parcels: list[Parcel]) -> None:
        carried = [(parcel.row, text) for parcel in parcels for text in sorted(texts_in(parcel.message))]
        self._db.put(sql.CARRY, carried)
        back = [(p.row, p.redacts or "") for p in parcels if takes_back(p)]
        if back:
            self._db.put(sql.TAKE_BACK, back)
            self._db.ask(sql.UNCARRY_ROWS, each(row for _, row in back))

    def _await_forerunners(self, parcels: list[Parcel]) -> list[RowId]:
        """Note what each parcel has to wait for; returns the forerunners that will never be sent."""
        pairs = [(p.row, before) for p in parcels for before in p.forerunners]
        if not pairs:
            return []
        known = dict(self._db.execute(sql.STATUS, each({before for _, before in pairs})))
        unsent = [(row, before) for row, before in pairs if known.get(before) != "sent"]
        self._db.put(sql.INSERT_AWAITED, unsent)
        return [before for _, before in unsent if known.get(before) != "waiting"]

    def _drop_what_follows(self, lost: list[RowId]) -> None:
        while lost:
            lost = [
                row for (row,) in self._db.execute(sql.DROP_FOLLOWERS, (*each(lost), sql.LOST)).fetchall()
            ]
            self._db.ask(sql.DELETE_AWAITED, each(lost))
