"""The outbox between commit and delivery.

Every transaction here begins with a write, so that it waits for its turn when another process writes; one that
began with a read would fail at once, because SQLite cannot let it write on top of what it has read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tortoise.expressions import Q, Subquery
from tortoise.transactions import in_transaction

from engine.core.values import Ms, RowId
from engine.runtime.ports import Journey
from engine.store import codec
from engine.store.keys import Seal
from engine.store.models import Awaited, OutboxRow
from engine.store.opening import CELLAR
from engine.store.sealing import Key, KeyRing
from engine.store.statements import LOST

WAITING = Q(status="waiting")
NO_KEY = "its key has been erased"


async def keys_of(ring: KeyRing, scopes: Iterable[str]) -> dict[str, Key]:
    """The keys of these scopes, as far as they have not been erased."""
    seals = await Seal.filter(scope__in=list(set(scopes)))
    return {seal.scope: ring.key(seal.scope, seal.wrapped) for seal in seals}


async def in_flight(ring: KeyRing) -> Sequence[Journey]:
    """See ``Cellar.in_flight``."""
    rows = await OutboxRow.filter(WAITING, sealed__not_isnull=True).order_by("seq")
    keys = await keys_of(ring, (row.scope for row in rows))
    return [_journey(row, keys[row.scope]) for row in rows if row.scope in keys]


def _journey(row: OutboxRow, key: Key) -> Journey:
    parcel = codec.decode_parcel(key.open(row.parcel, f"outbox/{row.row}"))
    sealed = None if row.sealed is None else key.open(row.sealed, f"outbox/{row.row}/sealed")
    return Journey(parcel, row.transaction_id, row.attempts, sealed, row.room)


async def bury(row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
    """See ``Cellar.bury``."""
    async with in_transaction(CELLAR):
        await _end(row, "dead" if dead else "dropped", why, at_ms)


async def _end(row: RowId, status: str, why: str, at_ms: Ms) -> None:
    buried = await OutboxRow.filter(WAITING, row=row).update(
        status=status, why=why, ended_at=at_ms, sealed=None, lease_until=None
    )
    if buried:
        await Awaited.filter(row=row).delete()
        await drop_what_follows([row])


async def drop_what_follows(lost: list[str]) -> None:
    """Drop what belongs to parcels that will never be in their room, and what belongs to that in turn."""
    while lost:
        followers = Awaited.filter(forerunner__in=lost).values("row")
        falling = OutboxRow.filter(WAITING, row__in=Subquery(followers), sealed__isnull=True)
        lost = [row["row"] for row in await falling.values("row")]
        await OutboxRow.filter(row__in=lost).update(status="dropped", why=LOST, lease_until=None)
        await Awaited.filter(row__in=lost).delete()
