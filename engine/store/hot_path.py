"""Loading and committing a batch: hand-written SQL on one connection, in one thread, in one transaction.

Why not through the ORM: docs/decisions/0001-hand-written-sql-on-the-hot-path.md. What runs in the thread
cannot be cancelled half-way, so no transaction is left open. Every method is to be called in that thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from engine.core.desk import Desk
from engine.core.instance import Snapshot
from engine.core.parcel import Parcel, Target
from engine.core.values import InstanceId, PersonId, RowId
from engine.runtime.carrying import texts_in
from engine.runtime.keepable import check_text
from engine.runtime.ports import Changes, Conflict, Lease, Loaded, Want
from engine.store import codec
from engine.store import statements as sql
from engine.store.committing import Batch
from engine.store.database import Database, Rows, Unfinished, each
from engine.store.leases import LeaseBook, asking_for, refuse_superseded
from engine.store.scopes import HOUSE, scope_of_instance, scope_of_person, scope_of_text, scopes_of
from engine.store.sealing import Key, KeyRing, Unreadable, WrongMasterKey
from engine.store.sending import Sending
from engine.store.waiting import Waiting

MARK = "house/mark"
UNFINISHED = b"unfinished"
"""In the place of the mark while a copy fills the database (``engine.store.copying``)."""
FILLED_MARK = "house/carried"
PORTION = 500
MOST_REMEMBERED = 4_096


class _Outdated(Exception):
    """The keys are not those that are remembered any more."""


class HotPath:
    """The writer's connection."""

    def __init__(self, db: Database, ring: KeyRing, keys: str) -> None:
        self._db = db
        self._ring = ring
        self._where_keys_lie = keys
        self._wrapped: dict[str, bytes] = {}
        """Keys as they were last read, by scope. What is sealed with one is written only if it is still there."""
        try:
            self._try_keys()
            self._fill_in_what_is_carried()
            self.sending = Sending(self._db, ring)
            self.waiting = Waiting(self._db)
            self.leases = LeaseBook(self._db)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    # ── keys ─────────────────────────────────────────────────────────────────

    def _try_keys(self) -> None:
        """Make sure that master key, keys and database belong together; new ones are joined here."""
        marked = self._db.execute(sql.MARK).fetchone()
        if marked is not None and marked[0] == UNFINISHED:
            raise Unfinished("a copy into this database did not come to its end: it is not whole")
        if marked is None:
            self._make_keys({HOUSE} - self._keys({HOUSE}).keys())
        house = self._keys({HOUSE}).get(HOUSE)
        if house is None:
            raise WrongMasterKey(
                f"the keys of this database are not in {self._where_keys_lie}; put them there"
            )
        if marked is None:
            self._db.execute(sql.SET_MARK, (house.seal(b"", MARK),))
        else:
            _compare(house, marked[0], self._where_keys_lie)

    def _keys(self, scopes: AbstractSet[str], statement: str = sql.SEALS) -> dict[str, Key]:
        found = self._db.execute(statement, each(scopes))
        return {scope: self._key(scope, wrapped) for scope, wrapped in found}

    def _key(self, scope: str, wrapped: bytes) -> Key:
        """A key that was just read. Its wrapped form is remembered, as long as there is room."""
        if len(self._wrapped) >= MOST_REMEMBERED:
            self._wrapped.clear()
        self._wrapped[scope] = wrapped
        return self._ring.key(scope, wrapped)

    def _make_keys(self, scopes: AbstractSet[str]) -> None:
        """Make new keys durable, before anything is sealed with them."""
        with self._db.transaction("write"):
            fresh = [(scope, self._ring.fresh(scope)) for scope in sorted(scopes)]
            self._db.executemany(sql.INSERT_SEAL, fresh)

    def left_by_forgotten_people(self) -> list[PersonId]:
        """People whose key was erased and of whom something is there all the same, as after a restore."""
        return [person for (person,) in self._db.execute(sql.WITHOUT_KEY)]

    def _fill_in_what_is_carried(self) -> None:
        """Note for messages that were laid in before this was kept track of which texts they carry; once."""
        if self._db.execute(sql.FILLED).fetchone() is not None:
            return
        with self._db.transaction("alone"):
            if self._db.execute(sql.FILLED).fetchone() is None:  # otherwise somebody else has just done it
                for row, parcel in self._messages():
                    carried = sorted(texts_in(parcel.message))
                    self._db.executemany(sql.CARRY, [(row, text) for text in carried])
                house = self._keys({HOUSE})[HOUSE]
                self._db.execute(sql.SET_FILLED, (house.seal(b"", FILLED_MARK),))

    def _messages(self) -> Iterator[tuple[str, Parcel]]:
        """Every message that is in its room, or may still come there, whose key has not been erased."""
        last = 0
        while portion := self._db.execute(sql.PARCELS, (last, PORTION)).fetchall():
            for _, row, scope, parcel, wrapped in portion:
                yield row, codec.decode_parcel(self._ring.key(scope, wrapped).open(parcel, f"outbox/{row}"))
            last = portion[-1][0]

    def wipe(self) -> bool:
        """See ``Database.wipe``."""
        return self._db.wipe()

    # ── loading ──────────────────────────────────────────────────────────────

    def load(self, want: Want) -> Loaded:
        """Read what a batch wants, all of it as of one moment."""
        with self._db.transaction("read"):
            # All are asked before the first answer is looked at: a database that is far away is asked only once.
            seen = self._select(sql.SEEN, want.ids)
            stored = self._select(sql.INSTANCES, want.instances)
            people = self._select(sql.PARTS, want.instances)
            targets = self._select(sql.TARGETS, want.events)
            lines = self._select(sql.LINES, _actors(want))
            at_desks = self._select(sql.DESKS, want.desks | want.delivered)
            # Which messages may have been delivered stands on the desks themselves.
            early = dict(self._desks(at_desks)) if want.delivered else None
            delivered = (
                self._delivered([early[who] for who in want.delivered if who in early]) if early else {}
            )
        desks = dict(self._desks(at_desks)) if early is None else early
        return Loaded(
            seen=frozenset(known for (known,) in seen),
            snapshots=dict(self._snapshots(stored)),
            desks={person: desk for person, desk in desks.items() if person in want.desks},
            people=_people(people),
            targets=dict(self._targets(targets)),
            delivered=delivered,
            lines={actor: n for actor, n in lines if n is not None},
        )

    def _select(self, statement: str, ids: Iterable[str]) -> Rows:
        return self._db.ask(statement, each(ids)) if ids else ()

    def _snapshots(self, found: Rows) -> Iterator[tuple[InstanceId, Snapshot]]:
        for instance, sealed, wrapped in found:
            key = self._key(scope_of_instance(instance), wrapped)
            yield instance, codec.decode_snapshot(key.open(sealed, f"instances/{instance}"))

    def _desks(self, found: Rows) -> Iterator[tuple[PersonId, Desk]]:
        for person, sealed, wrapped in found:
            key = self._key(scope_of_person(person), wrapped)
            yield person, codec.decode_desk(key.open(sealed, f"desks/{person}"))

    def _targets(self, found: Rows) -> Iterator[tuple[str, Target]]:
        for event, row, scope, parcel, wrapped in found:
            key = self._ring.key(scope, wrapped)
            target = codec.decode_parcel(key.open(parcel, f"outbox/{row}")).target
            if target is not None:
                yield event, target

    def _delivered(self, desks: list[Desk]) -> dict[PersonId, frozenset[RowId]]:
        prompts = {row for desk in desks for row in desk.prompt_rows()}
        sent = {row for (row,) in self._select(sql.SENT, prompts)}
        return {desk.person: frozenset(row for row in desk.prompt_rows() if row in sent) for desk in desks}

    # ── committing ───────────────────────────────────────────────────────────

    def commit(self, changes: Changes, lease: Lease | None = None) -> None:
        """Write a batch; see ``Cellar.commit`` and ``Leases.under``."""
        for text in changes.texts:
            check_text(text)
        scopes = set(scopes_of(changes))
        if not self._commit_as_remembered(changes, scopes, lease):
            missing = self._try_to_commit(changes, scopes, lease)
            if missing:
                self._make_keys(missing)
                if self._try_to_commit(changes, scopes, lease):
                    raise Conflict("a key was erased meanwhile")
        if changes.faded or any(copy.loose for copy in changes.copies):
            # What was deleted or moved is not to be found in the log either; if somebody reads just now, it is
            # emptied at the next deletion.
            self._db.wipe()

    def _commit_as_remembered(self, changes: Changes, scopes: set[str], lease: Lease | None) -> bool:
        """Write, sealed with the keys as they were read last; whether they are still the same, and it is done.

        So nothing has to be waited for before everything is written.
        """
        known = {scope: self._wrapped[scope] for scope in scopes if scope in self._wrapped}
        if len(known) < len(scopes) or changes.copies:
            return False
        try:
            with self._db.transaction("write"):
                refuse = asking_for(self._db, lease, moves=bool(changes.kept))
                held = self._db.ask(sql.SEALS_HELD, each(scopes))
                keys = {scope: self._ring.key(scope, wrapped) for scope, wrapped in known.items()}
                Batch(self._db, keys, changes).write()
                refuse()
                if dict(held) != known:
                    raise _Outdated
        except _Outdated:
            self._wrapped.clear()
            return False
        return True

    def _try_to_commit(self, changes: Changes, scopes: set[str], lease: Lease | None) -> set[str]:
        """Write, if every key is there; returns those that are not.

        Keys cannot be erased meanwhile: they are held until the transaction is over.
        """
        with self._db.transaction("write"):
            refuse_superseded(self._db, lease, moves=bool(changes.kept))
            # Texts of somebody whose key was erased cannot be copied, and get no new key for it.
            keys = self._keys(scopes | self._owners(changes), sql.SEALS_HELD)
            missing = scopes - keys.keys()
            if not missing:
                Batch(self._db, keys, changes).write()
            return missing

    def _owners(self, changes: Changes) -> set[str]:
        """Whose keys open what is to be copied."""
        found = self._select(sql.OWNERS, [copy.source for copy in changes.copies])
        return {scope_of_text(person, instance) for person, instance in found}


def _compare(house: Key, mark: bytes, where: str) -> None:
    try:
        house.open(mark, MARK)
    except Unreadable:
        raise WrongMasterKey(f"the keys in {where} belong to another database") from None


def _actors(want: Want) -> list[str]:
    return [f"i/{instance}" for instance in want.instances] + [f"d/{person}" for person in want.desks]


def _people(found: Rows) -> dict[InstanceId, tuple[PersonId, ...]]:
    refs: dict[InstanceId, dict[int, PersonId]] = {}
    for instance, ref, person in found:
        refs.setdefault(instance, {})[int(ref[1:])] = person
    return {instance: in_order(found) for instance, found in refs.items()}


def in_order(refs: dict[int, PersonId]) -> tuple[PersonId, ...]:
    """The people behind p1, p2, …; nobody's place is taken by the next."""
    return tuple(refs.get(n, PersonId("")) for n in range(1, max(refs, default=0) + 1))
