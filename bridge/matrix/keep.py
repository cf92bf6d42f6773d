"""What the bridge remembers, as rows somebody else makes durable.

The bridge does no storage I/O. Whatever must survive (Olm account, sessions, room state, sync cursor) is a `Row`;
changes gather in a `Ledger` and leave it in batches, each committed in one transaction: the rows of a sync answer
by the handler, together with what was decided about its events; all others by `Ledger.commit`.

Two batches must never pass each other, or an older ratchet would overwrite a newer one and encrypt two messages
with the same key. Hence one rule: whoever changes remembered state holds `Ledger.turn` from the first change until
its batch is committed. A batch that could not be committed goes back into the ledger and leaves with the next one.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One remembered value, addressed by kind and key; `value` None deletes it."""

    kind: str
    key: str
    value: bytes | None = msgspec.field(default=None)

    def __repr__(self) -> str:
        size = "deleted" if self.value is None else f"{len(self.value)} bytes"
        return f"Row({self.kind!r}, {self.key!r}, {size})"


class NotCommitted(Exception):
    """The store cannot commit at present; the same batch may be tried again."""


class Keeper(Protocol):
    """Keeps rows durably."""

    async def load(self) -> dict[tuple[str, str], bytes]:
        """Every row, by (kind, key)."""
        ...

    async def commit(self, rows: Sequence[Row]) -> None:
        """Make all rows durable in one transaction, or raise `NotCommitted` and change nothing."""
        ...


class MemoryKeeper:
    """A keeper for tests: `rows` is what a real one would have on disk."""

    def __init__(self, rows: dict[tuple[str, str], bytes] | None = None) -> None:
        self.rows = dict(rows or {})
        self.commits = 0

    async def load(self) -> dict[tuple[str, str], bytes]:
        return dict(self.rows)

    async def commit(self, rows: Sequence[Row]) -> None:
        self.commits += 1
        for row in rows:
            if row.value is None:
                self.rows.pop((row.kind, row.key), None)
            else:
                self.rows[row.kind, row.key] = row.value


Write = Callable[[], bytes | None]
"""Produces the row's value at the moment the batch leaves, so that a ratchet is stored as far as it has turned."""


class Batch(msgspec.Struct, frozen=True):
    """Rows on their way into the store, and how to make them anew should they not arrive."""

    rows: tuple[Row, ...]
    writes: dict[tuple[str, str], Write]


class Ledger:
    """Gathers what changed until a batch takes it to the keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._writes: dict[tuple[str, str], Write] = {}
        self.turn = asyncio.Lock()

    def note(self, kind: str, key: str, write: Write) -> None:
        """Remember that this row changed; `write` is called when the batch is taken."""
        self._writes[kind, key] = write

    def put(self, kind: str, key: str, value: bytes | None) -> None:
        """Remember a row whose value is known now; None deletes it."""
        self.note(kind, key, lambda: value)

    def take(self) -> Batch:
        """Everything that changed since the last batch, in the order it first changed."""
        writes, self._writes = self._writes, {}
        rows = tuple(Row(kind, key, write()) for (kind, key), write in writes.items())
        return Batch(rows, writes)

    def give_back(self, batch: Batch) -> None:
        """The batch was not committed: its rows leave with the next one, unless they changed again meanwhile."""
        self._writes = {**batch.writes, **self._writes}

    async def commit(self) -> None:
        """Commit everything that changed, in one transaction; call it holding `turn`.

        Shielded: a caller who is cancelled leaves no half-known state behind.
        """
        batch = self.take()
        if not batch.rows:
            return
        task = asyncio.ensure_future(self._commit(batch))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            # `turn` is released when this returns, so the batch must have landed or come back before that.
            await _settled(task)
            raise

    async def _commit(self, batch: Batch) -> None:
        try:
            await self._keeper.commit(batch.rows)
        except BaseException:
            self.give_back(batch)
            raise


async def _settled(task: "asyncio.Future[None]") -> None:
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
    if not task.cancelled():
        task.exception()
