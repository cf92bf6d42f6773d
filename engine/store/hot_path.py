"""Loading and committing a batch: hand-written SQL on one connection, in one thread, in one transaction.

Why not through the ORM: docs/decisions/0001-hand-written-sql-on-the-hot-path.md. What runs in the thread
cannot be cancelled half-way, so no transaction is left open. Every method is to be called in that thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path

from engine.core.desk import Desk
from engine.core.instance import Snapshot
from engine.core.parcel import Parcel, Target
from engine.core.values import InstanceId, PersonId, RowId
from engine.runtime.carrying import texts_in
from engine.runtime.ports import Changes, Conflict, Loaded, Want
from engine.store import codec
from engine.store import statements as sql
from engine.store.committing import Batch, Rows, check_text, each
from engine.store.errors import speaking_of_sqlite
from engine.store.opening import BUSY_MS
from engine.store.scopes import HOUSE, scope_of_instance, scope_of_person, scope_of_text, scopes_of
from engine.store.sealing import Key, KeyRing, Unreadable, WrongMasterKey
from engine.store.sending import Sending

STATEMENTS_CACHED = 256
MARK = "house/mark"
FILLED_MARK = "house/carried"
PORTION = 500
PRAGMAS = (
    "main.journal_mode = WAL",
    "main.synchronous = FULL",
    "keys.journal_mode = WAL",
    "keys.synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what was deleted is overwritten, not merely forgotten
    "main.wal_autocheckpoint = 8000",  # pages, 32 MB: the same pages change often, so fewer copies pay
    "main.cache_size = -32000",  # KiB
)


class HotPath:
    """The writer's connection."""

    def __init__(self, path: Path, keys_path: Path, ring: KeyRing) -> None:
        self._ring = ring
        self._keys_path = keys_path
        self._db = sqlite3.connect(
            path, timeout=BUSY_MS / 1000, isolation_level=None, cached_statements=STATEMENTS_CACHED
        )
        try:
            self._db.execute("ATTACH ? AS keys", (str(keys_path),))
            for pragma in PRAGMAS:
                self._db.execute(f"PRAGMA {pragma}")
            self._try_keys()
            self._fill_in_what_is_carried()
            self.sending = Sending(self._db, ring, self._transaction)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    # ── keys ─────────────────────────────────────────────────────────────────

    def _try_keys(self) -> None:
        """Make sure that master key, key file and database belong together; new ones are joined here."""
        with speaking_of_sqlite():
            marked = self._db.execute(sql.MARK).fetchone()
            if marked is None:
                self._make_keys({HOUSE} - self._keys({HOUSE}).keys())
            house = self._keys({HOUSE}).get(HOUSE)
            if house is None:
                raise WrongMasterKey(
                    f"the keys of this database are not in {self._keys_path}; put them there"
                )
            if marked is None:
                self._db.execute(sql.SET_MARK, (house.seal(b"", MARK),))
            else:
                _compare(house, marked[0], self._keys_path)

    def _keys(self, scopes: AbstractSet[str]) -> dict[str, Key]:
        found = self._db.execute(sql.SEALS, each(scopes))
        return {scope: self._ring.key(scope, wrapped) for scope, wrapped in found}

    def _make_keys(self, scopes: AbstractSet[str]) -> None:
        """Make new keys durable, before anything is sealed with them."""
        with self._transaction("BEGIN IMMEDIATE"):
            self._db.executemany(sql.INSERT_SEAL, [(scope, self._ring.fresh(scope)) for scope in scopes])

    def left_by_forgotten_people(self) -> list[PersonId]:
        """People whose key was erased and of whom something is there all the same, as after a restore."""
        with speaking_of_sqlite():
            return [person for (person,) in self._db.execute(sql.WITHOUT_KEY)]

    def _fill_in_what_is_carried(self) -> None:
        """Note for messages that were laid in before this was kept track of which texts they carry; once."""
        with speaking_of_sqlite():
            if self._db.execute(sql.FILLED).fetchone() is not None:
                return
            with self._transaction("BEGIN IMMEDIATE"):
                if (
                    self._db.execute(sql.FILLED).fetchone() is None
                ):  # otherwise somebody else has just done it
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
        return self._db.execute(statement, each(ids)) if ids else ()

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
        prompts = {row for desk in desks for row in desk.prompt_rows()}
        sent = {row for (row,) in self._select(sql.SENT, prompts)}
        return {desk.person: frozenset(row for row in desk.prompt_rows() if row in sent) for desk in desks}

    def _lines(self, want: Want) -> dict[str, int]:
        actors = [f"i/{instance}" for instance in want.instances] + [f"d/{person}" for person in want.desks]
        return {actor: n for actor, n in self._select(sql.LINES, actors) if n is not None}

    # ── committing ───────────────────────────────────────────────────────────

    def commit(self, changes: Changes) -> None:
        """Write a batch; see ``Cellar.commit``."""
        for text in changes.texts:
            check_text(text)
        scopes = set(scopes_of(changes))
        with speaking_of_sqlite():
            missing = self._try_to_commit(changes, scopes)
            if missing:
                self._make_keys(missing)
                if self._try_to_commit(changes, scopes):
                    raise Conflict("a key was erased meanwhile")
            if changes.faded or any(copy.loose for copy in changes.copies):
                # What was deleted or moved is not to be found in the log either; if somebody reads just now, it is
                # emptied at the next deletion.
                self._db.execute("PRAGMA main.wal_checkpoint(TRUNCATE)")

    def _try_to_commit(self, changes: Changes, scopes: set[str]) -> set[str]:
        """Write, if every key is there; returns those that are not.

        Keys cannot be erased meanwhile: BEGIN IMMEDIATE holds off other writers in both files.
        """
        with self._transaction("BEGIN IMMEDIATE"):
            # Texts of somebody whose key was erased cannot be copied, and get no new key for it.
            keys = self._keys(scopes | self._owners(changes))
            missing = scopes - keys.keys()
            if not missing:
                Batch(self._db, keys, changes).write()
            return missing

    def _owners(self, changes: Changes) -> set[str]:
        """Whose keys open what is to be copied."""
        found = self._select(sql.OWNERS, [copy.source for copy in changes.copies])
        return {scope_of_text(person, instance) for person, instance in found}

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


def _compare(house: Key, mark: bytes, keys_path: Path) -> None:
    try:
        house.open(mark, MARK)
    except Unreadable:
        raise WrongMasterKey(f"the keys in {keys_path} belong to another database") from None


def in_order(refs: dict[int, PersonId]) -> tuple[PersonId, ...]:
    """The people behind p1, p2, …; nobody's place is taken by the next."""
    return tuple(refs.get(n, PersonId("")) for n in range(1, max(refs, default=0) + 1))
