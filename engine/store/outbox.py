"""The outbox between commit and delivery.

Every transaction here begins with a write, so that it waits for its turn when another process writes; one that
began with a read would fail at once, because SQLite cannot let it write on top of what it has read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tortoise.expressions import F, Q, Subquery
from tortoise.functions import Min
from tortoise.transactions import in_transaction

from engine.core.desk import Desk
from engine.core.schedule import Standing
from engine.core.values import WEEK_MS, Ms, PersonId, RowId, TextId
from engine.runtime.ports import Conflict, Journey
from engine.store import codec
from engine.store.keys import Seal
from engine.store.models import Awaited, Carried, DeskRow, DirectRoom, Instance, OutboxRow
from engine.store.opening import CELLAR
from engine.store.scopes import scope_of_person
from engine.store.sealing import Key, KeyRing
from engine.store.statements import LOST

WAITING = Q(status="waiting")
NO_KEY = "its key has been erased"


async def keys_of(ring: KeyRing, scopes: Iterable[str]) -> dict[str, Key]:
    """The keys of these scopes, as far as they have not been erased."""
    seals = await Seal.filter(scope__in=list(set(scopes)))
    return {seal.scope: ring.key(seal.scope, seal.wrapped) for seal in seals}


async def claim(ring: KeyRing, now_ms: Ms, lease_ms: Ms, limit: int) -> Sequence[Journey]:
    """See ``Cellar.claim``."""
    async with in_transaction(CELLAR):
        await OutboxRow.filter(WAITING, lease_until__lte=now_ms).update(lease_until=None)
        taken = OutboxRow.filter(WAITING, lease_until__not_isnull=True).values("lane")
        heads = (
            OutboxRow.filter(WAITING, due_at__lte=now_ms, lease_until__isnull=True)
            .exclude(lane__in=Subquery(taken))
            .exclude(row__in=Subquery(Awaited.all().values("row")))
            .annotate(head=Min("seq"))
            .group_by("lane")
            .values("head")
        )
        rows = await OutboxRow.filter(seq__in=Subquery(heads)).order_by("is_reaction", "seq").limit(limit)
        chosen = OutboxRow.filter(seq__in=[row.seq for row in rows])
        await chosen.update(lease_until=now_ms + lease_ms, nudged=False)
        keys = await keys_of(ring, (row.scope for row in rows))
        for row in rows:
            if row.scope not in keys:
                await _end(RowId(row.row), "dropped", NO_KEY, now_ms)
    return [_journey(row, keys[row.scope]) for row in rows if row.scope in keys]


async def in_flight(ring: KeyRing) -> Sequence[Journey]:
    """See ``Cellar.in_flight``."""
    rows = await OutboxRow.filter(WAITING, sealed__not_isnull=True).order_by("seq")
    keys = await keys_of(ring, (row.scope for row in rows))
    return [_journey(row, keys[row.scope]) for row in rows if row.scope in keys]


def _journey(row: OutboxRow, key: Key) -> Journey:
    parcel = codec.decode_parcel(key.open(row.parcel, f"outbox/{row.row}"))
    sealed = None if row.sealed is None else key.open(row.sealed, f"outbox/{row.row}/sealed")
    return Journey(parcel, row.transaction_id, row.attempts, sealed, row.room)


async def seal(ring: KeyRing, row: RowId, room: str, sealed: bytes, texts: Collection[TextId]) -> None:
    """See ``Cellar.seal``."""
    found = await OutboxRow.get_or_none(row=row)
    key = None if found is None else (await keys_of(ring, [found.scope])).get(found.scope)
    if found is None or key is None:
        raise Conflict(f"outbox: {row} is not there any more")
    async with in_transaction(CELLAR):
        kept = await OutboxRow.filter(WAITING, row=row).update(
            room=room, sealed=key.seal(sealed, f"outbox/{row}/sealed")
        )
        if not kept:
            raise Conflict(f"outbox: {row} does not wait for sending any more")
        if texts:
            await Carried.bulk_create([Carried(row=row, text=text) for text in sorted(texts)])
        if found.person is not None:
            await _remember_room(room, PersonId(found.person), found.about)


async def _remember_room(room: str, person: PersonId, about: str | None) -> None:
    instance = None if about is None else await Instance.get_or_none(id=about)
    circle = None if instance is None else instance.circle_id
    await DirectRoom.bulk_create(
        [DirectRoom(room=room, person=person, circle_id=circle)], ignore_conflicts=True
    )


async def mark_sent(row: RowId, event: str, at_ms: Ms) -> None:
    """See ``Cellar.mark_sent``."""
    async with in_transaction(CELLAR):
        unsent = OutboxRow.filter(~Q(status="sent"), row=row)
        await unsent.update(status="sent", event_id=event, ended_at=at_ms, sealed=None, lease_until=None)
        await Awaited.filter(forerunner=row).delete()


async def postpone(row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
    """See ``Cellar.postpone``."""
    waiting = OutboxRow.filter(WAITING, row=row)
    async with in_transaction(CELLAR):
        await waiting.update(due_at=due_ms, lease_until=None, why=why, attempts=F("attempts") + int(failed))
        if not failed or due_ms is None:
            await waiting.filter(nudged=True).update(due_at=F("not_before"))
        await waiting.update(nudged=False)


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


async def sent_event(row: RowId) -> tuple[str, str] | None:
    """See ``Cellar.sent_event``."""
    found = await OutboxRow.get_or_none(row=row)
    if found is None or found.event_id is None:
        return None
    return found.room or "", found.event_id


async def standing(ring: KeyRing, person: PersonId, now_ms: Ms) -> Standing:
    """See ``Cellar.standing``."""
    desk = await _desk(ring, person) or Desk(person)
    sent = await (
        OutboxRow.filter(person=person, status="sent", is_budgeted=True, ended_at__gt=now_ms - WEEK_MS)
        .order_by("ended_at")
        .values("ended_at")
    )
    timely_sent_ms = tuple(row["ended_at"] for row in sent)
    return Standing(desk.consent, desk.rhythm, present=False, timely_sent_ms=timely_sent_ms)


async def _desk(ring: KeyRing, person: PersonId) -> Desk | None:
    row = await DeskRow.get_or_none(person=person)
    scope = scope_of_person(person)
    key = None if row is None else (await keys_of(ring, [scope])).get(scope)
    if row is None or key is None:
        return None
    return codec.decode_desk(key.open(row.sealed, f"desks/{person}"))


async def next_parcel_ms() -> Ms | None:
    """See ``Cellar.next_parcel_ms``. A room whose parcel is leased is looked at again when the lease ends."""
    leased = OutboxRow.filter(WAITING, lease_until__not_isnull=True)
    free = (
        OutboxRow.filter(WAITING, due_at__not_isnull=True, lease_until__isnull=True)
        .exclude(lane__in=Subquery(leased.values("lane")))
        .exclude(row__in=Subquery(Awaited.all().values("row")))
    )
    first = [
        *await leased.order_by("lease_until").limit(1).values(at="lease_until"),
        *await free.order_by("due_at").limit(1).values(at="due_at"),
    ]
    return min((row["at"] for row in first), default=None)
