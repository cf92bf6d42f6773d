"""The cellar on SQLite: one file, one writer, every transaction durable before it is answered."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any, Self, TypeVar

from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.schedule import Standing
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.ports import (
    AnyArrival,
    Changes,
    Counts,
    Journey,
    Line,
    Loaded,
    Placed,
    Retried,
    SetAside,
    TextKept,
    TimerRow,
    Trouble,
    Want,
)
from engine.store import opening, outbox, shelves, troubles
from engine.store.errors import speaking_of_sqlite
from engine.store.hot_path import HotPath
from engine.store.sealing import KeyRing

T = TypeVar("T")
logger = logging.getLogger(__name__)

MOST_NAMES = 10_000


class TortoiseStore:
    """Implements ``engine.runtime.ports.Cellar`` on an SQLite file.

    Whatever is called runs to its end in a task of its own: a caller that is cancelled leaves no
    transaction open, and its work is either done entirely or not at all. One writes at a time.

    Made by ``open`` only; ``close`` waits for what is under way.
    """

    def __init__(
        self,
        hot: HotPath,
        thread: ThreadPoolExecutor,
        ring: KeyRing,
        context: contextvars.Context,
        chance: Random,
    ) -> None:
        self._hot = hot
        self._thread = thread
        self._ring = ring
        self._context = context
        self._random = chance
        self._turn = asyncio.Lock()
        self._names: dict[PersonId, str] = {}
        """Matrix ids that were asked for: each message asks several times, in a thread that is busy writing."""
        self._forgotten = 0
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path_or_url: str | Path,
        master_key: bytes,
        *,
        keys: Path | None = None,
        random: Random | None = None,
    ) -> Self:
        """Open the database, making it or bringing its tables up to date.

        Args:
            path_or_url: a file, or ``sqlite:///path``.
            master_key: 32 bytes, kept apart from the database and its backups.
            keys: the file of the keys that the master key wraps; beside the database if left out. Keep it out
                of the database's backups: what is erased here is then erased in those too.
            random: where new ids come from; the system's chance if left out.

        Raises:
            WrongMasterKey: the database was sealed with another one.
            NewerSchema: a newer version of this program has changed its tables.
            Unavailable: the file cannot be opened or written.
        """
        path, ring = opening.path_of(path_or_url), KeyRing(master_key)
        keys = keys or path.with_suffix(".keys")
        thread = ThreadPoolExecutor(1, thread_name_prefix="cellar")
        context = contextvars.Context()  # Tortoise keeps its connections in here, apart from any other's
        hot = await asyncio.create_task(_open(path, keys, ring, thread), context=context)
        store = cls(hot, thread, ring, context, random or SystemRandom())
        try:
            for person in await store._in_thread(hot.left_by_forgotten_people):
                await store.forget(person)
        except BaseException:
            await store.close()
            raise
        return store

    async def close(self) -> None:
        """Wait for what is under way, then close; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._under_way:
            await asyncio.wait(self._under_way)
        await self._in_own_task(opening.close_connections())
        await self._in_thread(self._hot.close)
        self._thread.shutdown()

    # ── how things are run ───────────────────────────────────────────────────

    async def _in_own_task(self, work: Awaitable[T]) -> T:
        async def run() -> T:
            with speaking_of_sqlite():
                return await work

        task = asyncio.get_running_loop().create_task(run(), context=self._context.copy())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_report)
            raise

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _read(self, work: Coroutine[Any, Any, T]) -> T:
        self._refuse_if_closed(work)
        return await self._in_own_task(work)

    async def _write(self, work: Coroutine[Any, Any, T]) -> T:
        async def in_turn() -> T:
            async with self._turn:
                return await work

        self._refuse_if_closed(work)
        return await self._in_own_task(in_turn())

    def _refuse_if_closed(self, work: Coroutine[Any, Any, Any]) -> None:
        if self._closed:
            work.close()
            raise RuntimeError("the cellar is closed")

    def _fresh_id(self) -> str:
        return self._random.randbytes(16).hex()

    # ── the hot path ─────────────────────────────────────────────────────────

    async def load(self, want: Want) -> Loaded:
        return await self._read(self._in_thread(self._hot.load, want))

    async def commit(self, changes: Changes) -> None:
        await self._write(self._in_thread(self._hot.commit, changes))

    # ── timers and inbox ─────────────────────────────────────────────────────

    async def due_timers(self, now_ms: Ms, limit: int) -> Sequence[TimerRow]:
        return await self._read(shelves.due_timers(now_ms, limit))

    async def waiting_inbox(self, limit: int) -> Sequence[AnyArrival]:
        return await self._read(shelves.waiting_inbox(self._ring, limit))

    async def next_timer_ms(self) -> Ms | None:
        return await self._read(shelves.next_timer_ms())

    # ── outbox ───────────────────────────────────────────────────────────────

    async def next_parcel_ms(self) -> Ms | None:
        return await self._read(self._in_thread(self._hot.sending.next_parcel_ms))

    async def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int | None = None
    ) -> Sequence[Journey]:
        most = limit if unasked is None else unasked
        return await self._write(self._in_thread(self._hot.sending.claim, now_ms, lease_ms, limit, most))

    async def in_flight(self) -> Sequence[Journey]:
        return await self._read(outbox.in_flight(self._ring))

    async def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId] = ()) -> None:
        await self._write(self._in_thread(self._hot.sending.seal, row, room, sealed, texts))

    async def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None:
        await self._write(self._in_thread(self._hot.sending.mark_sent, row, event, at_ms))

    async def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        await self._write(
            self._in_thread(partial(self._hot.sending.postpone, row, due_ms, why, failed=failed))
        )

    async def bury(self, row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
        await self._write(outbox.bury(row, why, at_ms, dead=dead))

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        return await self._read(self._in_thread(self._hot.sending.sent_event, row))

    async def standing(self, person: PersonId, now_ms: Ms) -> Standing:
        return await self._read(self._in_thread(self._hot.sending.standing, person, now_ms))

    # ── names and texts ──────────────────────────────────────────────────────

    async def person(self, matrix_id: str) -> PersonId:
        return await self._write(shelves.person(self._ring, matrix_id, self._fresh_id))

    async def matrix_id(self, person: PersonId) -> str | None:
        known = self._names.get(person)
        if known is not None:
            return known
        forgotten = self._forgotten
        found = await self._read(self._in_thread(self._hot.sending.matrix_id, person))
        if found is not None and forgotten == self._forgotten:
            if len(self._names) >= MOST_NAMES:
                self._names.clear()
            self._names[person] = found
        return found

    async def circle(self, room: str) -> CircleId | None:
        return await self._read(shelves.circle(room))

    async def ensure_circle(self, room: str, name: str) -> CircleId:
        return await self._write(shelves.ensure_circle(room, name, self._fresh_id))

    async def room_of(self, circle: CircleId) -> str:
        return await self._read(shelves.room_of(circle))

    async def move_circle(self, circle: CircleId, room: str) -> bool:
        return await self._write(shelves.move_circle(circle, room))

    async def circles(self) -> Mapping[CircleId, str]:
        return await self._read(shelves.circles())

    async def text(self, text: TextId) -> str | None:
        return await self._read(shelves.text(self._ring, text))

    async def ended_texts(self, now_ms: Ms, limit: int) -> Sequence[TextId]:
        return await self._read(shelves.ended_texts(now_ms, limit))

    async def texts_of(self, person: PersonId) -> Sequence[TextKept]:
        return await self._read(shelves.texts_of(person))

    async def rows_carrying(self, texts: Sequence[TextId]) -> Sequence[Placed]:
        return await self._read(shelves.rows_carrying(texts))

    async def rows_sent_to(self, person: PersonId) -> Sequence[Placed]:
        return await self._read(shelves.rows_sent_to(person))

    async def leaving(self) -> Sequence[PersonId]:
        return await self._read(shelves.leaving())

    async def forget(self, person: PersonId) -> None:
        """Erase a person: their key first of all, their Matrix id, desk, texts, journal and mail."""
        try:
            await self._write(shelves.forget(person))
        finally:
            # Whoever reads the name just now does not keep it either.
            self._forgotten += 1
            self._names.pop(person, None)

    # ── definitions and views ────────────────────────────────────────────────

    async def put_definition(self, definition: Definition, source: str) -> None:
        await self._write(shelves.put_definition(definition, source))

    async def definition(self, digest: str) -> Definition | None:
        return await self._read(shelves.definition(digest))

    async def open_instances(self, circle: CircleId) -> Sequence[Snapshot]:
        return await self._read(shelves.open_instances(self._ring, circle))

    async def instances_of(self, person: PersonId) -> Sequence[Snapshot]:
        return await self._read(shelves.instances_of(self._ring, person))

    async def adopted(self) -> Mapping[CircleId, Mapping[str, bool]]:
        return await self._read(shelves.adopted())

    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]:
        return await self._read(shelves.people_of(instance))

    async def journal(self, actor: str) -> Sequence[Line]:
        return await self._read(shelves.journal(self._ring, actor))

    async def quarantined(self) -> Sequence[SetAside]:
        """What could not be decided, oldest first."""
        return await self._read(shelves.quarantined(self._ring))

    async def troubles(self, limit: int) -> Sequence[Trouble]:
        return await self._read(troubles.troubles(self._ring, limit))

    async def retry(self, trouble: str) -> Retried:
        return await self._write(troubles.retry(self._ring, trouble))

    async def drop(self, trouble: str) -> bool:
        return await self._write(troubles.drop(trouble))

    async def counts(self, now_ms: Ms) -> Counts:
        return await self._read(troubles.counts(now_ms))

    async def kept(self) -> Mapping[tuple[str, str], bytes]:
        return await self._read(shelves.kept(self._ring))

    async def forget_seen(self, before_ms: Ms) -> int:
        """Delete the ids of arrivals dealt with before a moment; how many."""
        return await self._write(shelves.forget_seen(before_ms))


async def _open(path: Path, keys: Path, ring: KeyRing, thread: ThreadPoolExecutor) -> HotPath:
    loop = asyncio.get_running_loop()
    try:
        with speaking_of_sqlite():
            for app, file in ((opening.CELLAR, path), (opening.KEYS, keys)):
                await loop.run_in_executor(thread, opening.make_file, file)
                await loop.run_in_executor(thread, opening.refuse_newer, app, file)
            await opening.bring_up_to_date(path, keys)
            return await loop.run_in_executor(thread, HotPath, path, keys, ring)
    except BaseException:
        await opening.close_connections()
        thread.shutdown()
        raise


def _report(task: asyncio.Task[Any]) -> None:
    """Say what became of work whose caller did not wait for it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("work in the cellar failed after its caller had gone: %s", type(error).__name__)
