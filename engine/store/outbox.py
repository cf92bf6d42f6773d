"""What is rarely asked of the outbox; the steps of a message on its way out are ``engine.store.sending``'s."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from tortoise.expressions import Q, Subquery
from tortoise.functions import Count

from engine.core.rank import Rank
from engine.core.values import RowId
from engine.runtime.ports import Fate, Journey
from engine.store import codec
from engine.store.keys import Seal
from engine.store.models import Awaited, OutboxRow
from engine.store.sealing import Key, KeyRing, Unreadable
from engine.store.statements import LOST

WAITING = Q(status="waiting")
UNASKED = Q(rank__gt=int(Rank.ACKNOWLEDGEMENT))
NO_KEY = "its key has been erased"
AT_ONCE = 500
"""Rows looked up by one query: a database takes only so many values."""


async def keys_of(ring: KeyRing, scopes: Iterable[str]) -> dict[str, Key]:
    """The keys of these scopes, as far as they have not been erased."""
    seals = await Seal.filter(scope__in=list(set(scopes)))
    return {seal.scope: ring.key(seal.scope, seal.wrapped) for seal in seals}


async def in_flight(ring: KeyRing) -> Sequence[Journey]:
    """See ``Cellar.in_flight``."""
    rows = await OutboxRow.filter(WAITING, sealed__not_isnull=True).order_by("seq")
    keys = await keys_of(ring, (row.scope for row in rows))
    found = (_journey(row, keys[row.scope]) for row in rows if row.scope in keys)
    return [journey for journey in found if journey is not None]


def _journey(row: OutboxRow, key: Key) -> Journey | None:
    """None: what was stored of it cannot be opened, which whoever claims it next will say."""
    try:
        parcel = codec.decode_parcel(key.open(row.parcel, f"outbox/{row.row}"))
        sealed = None if row.sealed is None else key.open(row.sealed, f"outbox/{row.row}/sealed")
    except Unreadable:
        return None
    return Journey(parcel, row.transaction_id, row.attempts, sealed, row.room)


async def fates(rows: Collection[RowId]) -> Mapping[RowId, Fate]:
    """See ``Cellar.fates``."""
    wanted = list(rows)
    found: dict[RowId, Fate] = {}
    for start in range(0, len(wanted), AT_ONCE):
        query = OutboxRow.filter(row__in=wanted[start : start + AT_ONCE])
        for row, status, at_ms, why in await query.values_list("row", "status", "ended_at", "why"):
            found[RowId(row)] = Fate(status, at_ms, why or "")
    return found


async def crowding(most: int, limit: int) -> Sequence[RowId]:
    """See ``Cellar.crowding``."""
    crowded = OutboxRow.filter(WAITING, UNASKED).annotate(n=Count("seq")).group_by("lane").filter(n__gt=most)
    found: list[RowId] = []
    for lane in await crowded.values_list("lane", flat=True):
        rows = OutboxRow.filter(WAITING, UNASKED, lane=lane, sealed__isnull=True, lease_until__isnull=True)
        beyond = rows.order_by("rank", "seq").offset(most).limit(limit - len(found))
        found += [RowId(row["row"]) for row in await beyond.values("row")]
        if len(found) >= limit:
            break
    return found


async def drop_what_follows(lost: list[str]) -> None:
    """Drop what belongs to parcels that will never be in their room, and what belongs to that in turn."""
    while lost:
        followers = Awaited.filter(forerunner__in=lost).values("row")
        falling = OutboxRow.filter(WAITING, row__in=Subquery(followers), sealed__isnull=True)
        lost = [row["row"] for row in await falling.values("row")]
        await OutboxRow.filter(row__in=lost).update(status="dropped", why=LOST, lease_until=None)
        await Awaited.filter(row__in=lost).delete()
