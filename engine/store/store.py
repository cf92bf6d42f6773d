"""The cellar in a database: one writer, every transaction durable before it is answered."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Self, TypeVar
from weakref import WeakSet

from engine.core.definition import Definition
from engine.core.desk import Rhythm
from engine.core.desk_usual import EVERYBODY
from engine.core.instance import Snapshot
from engine.core.schedule import Standing
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.ports import (
    AnyArrival,
    Changes,
    Counts,
    Fate,
    Held,
    Journey,
    Lease,
    Line,
    Loaded,
    Placed,
    Retried,
    SetAside,
    TextKept,
    TimerRow,
    Trouble,
    Unavailable,
    Want,
)
from engine.store import opening, outbox, shelves, troubles
from engine.store.database import Collided, Place
from engine.store.hot_path import HotPath
from engine.store.sealing import KeyRing

T = TypeVar("T")
logger = logging.getLogger(__name__)

MOST_NAMES = 10_000
NAMES_KEPT_SECONDS = 1.0
"""So long a name is remembered at most: another process may forget the person, and tells nobody."""
PAUSES_MS = (0, 1, 2, 4, 8, 16, 32, 64, 128)
"""So long a transaction that had to give way waits before it is tried again, each time. One of those that collide
always gets through, so chance is not needed to keep them apart."""


@dataclass
class _Life:
    """What a store and the same store under a lease have in common."""

    forgotten: int = 0
    """How many people were forgotten: whoever reads a name meanwhile does not keep it."""
    names_until: float = 0
    """When the names that are remembered are to be read again, by the event loop's clock."""
    closed: bool = False


class TortoiseStore:
    """Implements ``engine.runtime.ports.Cellar`` and ``Leases`` on SQLite files or in a PostgreSQL database.

    Whatever is called runs to its end in a task of its own: a caller that is cancelled leaves no
    transaction open, and its work is either done entirely or not at all. One writes at a time.

    Made by ``open`` only; ``close`` waits for what is under way.
    """

    def __init__(
        self,
        hot: HotPath,
        place: Place,
        thread: ThreadPoolExecutor,
        ring: KeyRing,
        context: contextvars.Context,
        chance: Random,
    ) -> None:
        self._hot = hot
        self._place = place
        self._thread = thread
        self._ring = ring
        self._context = context
        self._random = chance
        self._turn = asyncio.Lock()
        self._names: dict[PersonId, str] = {}
        """Matrix ids that were asked for: each message asks several times, in a thread that is busy writing."""
        self._under_way: set[asyncio.Task[Any]] = set()
        self._life = _Life()
        self._lease: Lease | None = None
        """Under which it writes; None: under none."""

    @classmethod
    async def open(
        cls,
        where: str | Path | Place,
        master_key: bytes,
        *,
        keys: Path | None = None,
        random: Random | None = None,
    ) -> Self:
        """Open the database, making it or bringing its tables up to date.

        Args:
            where: a file, ``sqlite:///path``, or ``postgresql://user:password@host:port/name``.
            master_key: 32 bytes, kept apart from the database and its backups.
            keys: for SQLite the file of the keys that the master key wraps; beside the database if left out. With
                PostgreSQL they lie in a schema ``keys`` of the same database. Keep them out of the database's
                backups: what is erased here is then erased in those too.
            random: where new ids come from; the system's chance if left out.

        Raises:
            WrongMasterKey: the database was sealed with another one.
            NewerSchema: a newer version of this program has changed its tables.
            Unavailable: the database cannot be reached, opened or written.
            ValueError: the address is of no kind that is known.
        """
        place = opening.place_of(where, keys) if isinstance(where, str | Path) else where
        ring = KeyRing(master_key)
        if any(type(other._place) is not type(place) for other in _OPEN if not other._life.closed):
            raise RuntimeError("a store of another kind is open in this process: close it first")
        thread = ThreadPoolExecutor(1, thread_name_prefix="cellar")
        context = contextvars.Context()  # Tortoise keeps its connections in here, apart from any other's
        hot = await asyncio.create_task(_open(place, ring, thread), context=context)
        store = cls(hot, place, thread, ring, context, random or SystemRandom())
        _OPEN.add(store)
        try:
            for person in await store._read(store._in_thread, hot.left_by_forgotten_people):
                await store.forget(person)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Wait for what is under way, then close; a second time does nothing."""
        if self._life.closed:
            return
        self._life.closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._in_own_task(opening.close_connections)
        await self._in_thread(self._hot.close)
        self._thread.shutdown()

    # ── how things are run ───────────────────────────────────────────────────

    async def _in_own_task(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        task = asyncio.get_running_loop().create_task(
            _persistently(self._place, work, arguments), context=self._context.copy()
        )
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _read(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        self._refuse_if_closed()
        return await self._in_own_task(work, *arguments)

    async def _write(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        async def in_turn() -> T:
            async with self._turn:
                return await _persistently(self._place, work, arguments)

        self._refuse_if_closed()
        return await self._in_own_task(in_turn)

    def _refuse_if_closed(self) -> None:
        if self._life.closed:
            raise RuntimeError("the cellar is closed")

    def _fresh_id(self) -> str:
        return self._random.randbytes(16).hex()

    # ── the hot path ─────────────────────────────────────────────────────────

    async def load(self, want: Want) -> Loaded:
        return await self._read(self._in_thread, self._hot.load, want)

    async def commit(self, changes: Changes) -> None:
        await self._write(self._in_thread, self._hot.commit, changes, self._lease)

    # ── timers and inbox ─────────────────────────────────────────────────────

    async def due_timers(self, now_ms: Ms, limit: int) -> Sequence[TimerRow]:
        return await self._read(self._in_thread, self._hot.waiting.due_timers, now_ms, limit)

    async def claim_timers(self, due_ms: Ms, lease_ms: Ms, limit: int) -> Sequence[TimerRow]:
        return await self._write(self._in_thread, self._hot.waiting.claim_timers, due_ms, lease_ms, limit)

    async def waiting_inbox(self, limit: int) -> Sequence[AnyArrival]:
        return await self._read(shelves.waiting_inbox, self._ring, limit)

    async def next_timer_ms(self) -> Ms | None:
        return await self._read(self._in_thread, self._hot.waiting.next_timer_ms)

    # ── outbox ───────────────────────────────────────────────────────────────

    async def next_parcel_ms(self) -> Ms | None:
        return await self._read(self._in_thread, self._hot.sending.next_parcel_ms)

    async def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int | None = None
    ) -> Sequence[Journey]:
        most = limit if unasked is None else unasked
        claim = partial(self._hot.sending.claim, now_ms, lease_ms, limit, most, self._lease)
        return await self._write(self._in_thread, claim)

    async def free_claims(self) -> int:
        return await self._write(self._in_thread, self._hot.sending.free_claims, self._lease)

    async def in_flight(self) -> Sequence[Journey]:
        return await self._read(outbox.in_flight, self._ring)

    async def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId] = ()) -> None:
        await self._write(self._in_thread, self._hot.sending.seal, row, room, sealed, texts, self._lease)

    async def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None:
        await self._write(self._in_thread, self._hot.sending.mark_sent, row, event, at_ms, self._lease)

    async def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        postpone = partial(self._hot.sending.postpone, row, due_ms, why, self._lease, failed=failed)
        await self._write(self._in_thread, postpone)

    async def bury(self, row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
        bury = partial(self._hot.sending.bury, row, why, at_ms, self._lease, dead=dead)
        await self._write(self._in_thread, bury)

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        return await self._read(self._in_thread, self._hot.sending.sent_event, row)

    async def crowding(self, most: int, limit: int) -> Sequence[RowId]:
        return await self._read(outbox.crowding, most, limit)

    async def fates(self, rows: Collection[RowId]) -> Mapping[RowId, Fate]:
        return await self._read(outbox.fates, rows)

    async def standing(self, person: PersonId, now_ms: Ms, usual: Rhythm = EVERYBODY) -> Standing:
        return await self._read(self._in_thread, self._hot.sending.standing, person, now_ms, usual)

    # ── who speaks ───────────────────────────────────────────────────────────

    async def take_lease(self, account: str, holder: str, lease_ms: Ms) -> Lease | None:
        return await self._write(self._in_thread, self._hot.leases.take, account, holder, lease_ms)

    async def renew_lease(self, lease: Lease, lease_ms: Ms, *, heard: bool = False) -> bool:
        return await self._write(self._in_thread, self._hot.leases.renew, lease, lease_ms, heard)

    async def end_lease(self, lease: Lease) -> None:
        await self._write(self._in_thread, self._hot.leases.end, lease)

    async def lease_of(self, account: str) -> Held | None:
        return await self._read(self._in_thread, self._hot.leases.of, account)

    def under(self, lease: Lease) -> TortoiseStore:
        """The same store, over the same connections, writing under a lease; see ``Leases.under``."""
        # Others may have forgotten people meanwhile: whoever begins to speak remembers nobody's name.
        self._names.clear()
        self._life.names_until = 0  # somebody else has spoken until now, and may have forgotten people
        speaker = copy(self)
        speaker._lease = lease
        return speaker

    # ── names and texts ──────────────────────────────────────────────────────

    async def person(self, matrix_id: str) -> PersonId:
        return await self._write(shelves.person, self._ring, matrix_id, self._fresh_id)

    async def matrix_id(self, person: PersonId) -> str | None:
        now = asyncio.get_running_loop().time()
        if now >= self._life.names_until:
            self._names.clear()
            self._life.names_until = now + NAMES_KEPT_SECONDS
        known = self._names.get(person)
        if known is not None:
            return known
        forgotten = self._life.forgotten
        found: str | None = await self._read(self._in_thread, self._hot.sending.matrix_id, person)
        if found is not None and forgotten == self._life.forgotten:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[person] = found
        return found

    async def circle(self, room: str) -> CircleId | None:
        return await self._read(shelves.circle, room)

    async def ensure_circle(self, room: str, name: str) -> CircleId:
        return await self._write(shelves.ensure_circle, room, name, self._fresh_id)

    async def room_of(self, circle: CircleId) -> str:
        return await self._read(shelves.room_of, circle)

    async def move_circle(self, circle: CircleId, room: str) -> bool:
        return await self._write(shelves.move_circle, circle, room)

    async def circles(self) -> Mapping[CircleId, str]:
        return await self._read(shelves.circles)

    async def text(self, text: TextId) -> str | None:
        return await self._read(shelves.text, self._ring, text)

    async def ended_texts(self, now_ms: Ms, limit: int) -> Sequence[TextId]:
        return await self._read(shelves.ended_texts, now_ms, limit)

    async def texts_of(self, person: PersonId) -> Sequence[TextKept]:
        return await self._read(shelves.texts_of, person)

    async def rows_carrying(self, texts: Sequence[TextId]) -> Sequence[Placed]:
        return await self._read(shelves.rows_carrying, texts)

    async def rows_sent_to(self, person: PersonId) -> Sequence[Placed]:
        return await self._read(shelves.rows_sent_to, person)

    async def leaving(self) -> Sequence[PersonId]:
        return await self._read(shelves.leaving)

    async def forget(self, person: PersonId) -> None:
        """Erase a person: their key first of all, their Matrix id, desk, texts, journal and mail."""
        try:
            await self._write(shelves.forget, person)
            if not await self._write(self._in_thread, self._hot.wipe):
                logger.info("somebody reads what was deleted; the log is emptied at the next deletion")
        finally:
            # Whoever reads the name just now does not keep it either.
            self._life.forgotten += 1
            self._names.pop(person, None)

    # ── definitions and views ────────────────────────────────────────────────

    async def put_definition(self, definition: Definition, source: str) -> None:
        await self._write(shelves.put_definition, definition, source)

    async def definition(self, digest: str) -> Definition | None:
        return await self._read(shelves.definition, digest)

    async def open_instances(self, circle: CircleId, of: Collection[str] | None = None) -> Sequence[Snapshot]:
        return await self._read(shelves.open_instances, self._ring, circle, of)

    async def running_definitions(self, circle: CircleId) -> Sequence[str]:
        return await self._read(self._in_thread, self._hot.waiting.running_definitions, circle)

    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]:
        return await self._read(shelves.instances_of, self._ring, person)

    async def begun_by(self, person: PersonId, most: int) -> int:
        return await self._read(shelves.begun_by, person, most)

    async def adopted(self) -> Mapping[CircleId, Mapping[str, bool]]:
        return await self._read(shelves.adopted)

    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]:
        return await self._read(shelves.people_of, instance)

    async def journal(self, actor: str) -> Sequence[Line]:
        return await self._read(shelves.journal, self._ring, actor)

    async def quarantined(self) -> Sequence[SetAside]:
        """What could not be decided, oldest first."""
        return await self._read(shelves.quarantined, self._ring)

    async def troubles(self, limit: int) -> Sequence[Trouble]:
        return await self._read(troubles.troubles, self._ring, limit)

    async def retry(self, trouble: str) -> Retried:
        return await self._write(troubles.retry, self._ring, trouble)

    async def drop(self, trouble: str) -> bool:
        return await self._write(troubles.drop, trouble)

    async def counts(self, now_ms: Ms) -> Counts:
        return await self._read(troubles.counts, now_ms)

    async def kept(self) -> Mapping[tuple[str, str], bytes]:
        return await self._read(shelves.kept, self._ring)

    async def forget_seen(self, before_ms: Ms) -> int:
        """Delete the ids of arrivals dealt with before a moment; how many."""
        return await self._write(shelves.forget_seen, before_ms)


_OPEN: WeakSet[TortoiseStore] = WeakSet()
"""Tortoise knows one dialect at a time for each table: it would ask one database in the words of another."""


async def _persistently(place: Place, work: Callable[..., Awaitable[T]], arguments: Sequence[Any]) -> T:
    """Do it, and once more each time it had to give way to another transaction; Unavailable when that is too often.

    It is no Conflict: nothing was found that somebody else has changed, and all that helps is to wait.
    """
    for pause_ms in PAUSES_MS:
        try:
            with place.speaking():
                return await work(*arguments)
        except Collided:
            await asyncio.sleep(pause_ms / 1000)
    raise Unavailable("others were at the same rows every time")


async def _open(place: Place, ring: KeyRing, thread: ThreadPoolExecutor) -> HotPath:
    in_thread = partial(asyncio.get_running_loop().run_in_executor, thread)
    try:
        await _persistently(place, in_thread, (place.prepare,))
        with place.speaking():
            await opening.bring_up_to_date(place)
        return await _persistently(place, in_thread, (lambda: HotPath(place.connect(), ring, place.keys),))
    except BaseException:
        await opening.close_connections()
        thread.shutdown()
        raise


def _report(task: asyncio.Task[Any]) -> None:
    """Say what became of work whose caller did not wait for it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("work in the cellar failed after its caller had gone: %s", type(error).__name__)
