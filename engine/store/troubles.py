"""What waits for a human being: events that were set aside, messages that were given up; and how much there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from tortoise.expressions import F, Q, Subquery
from tortoise.functions import Count, Min
from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from engine.core.parcel import Parcel
from engine.core.values import CircleId, Ms, RowId
from engine.runtime.ports import Counts, Pile, Retried, Trouble
from engine.store import codec
from engine.store.models import Awaited, InboxEvent, Instance, OutboxRow, Quarantined, Seen, TimerRow
from engine.store.outbox import WAITING, keys_of
from engine.store.schemas import CELLAR
from engine.store.sealing import KeyRing, Unreadable
from engine.store.statements import LOST

EVENT, MESSAGE = "e", "m"
LET_GO = "let go of by a steward"
MOST_FOLLOWERS = 200
"""Of a message that is tried again: so many of those that were dropped with it are looked through."""
DIGITS = 18
"""More than any number of ours has."""


async def troubles(ring: KeyRing, limit: int) -> Sequence[Trouble]:
    """See ``Cellar.troubles``."""
    events = await Quarantined.all().order_by("-seq").limit(limit)
    keys = await keys_of(ring, (row.scope for row in events))
    found = [
        Trouble(
            f"{EVENT}{row.seq}",
            row.at,
            type(codec.decode_arrival(key.open(row.sealed, f"quarantine/{row.id}"))).__name__
            if (key := keys.get(row.scope)) is not None
            else "",
            row.error,
        )
        for row in events
    ]
    messages = await OutboxRow.filter(status="dead").order_by("-seq").limit(limit)
    found += [
        Trouble(
            f"{MESSAGE}{row.seq}",
            row.ended_at or 0,
            row.urgency,
            row.why or "",
            None if row.circle_id is None else CircleId(row.circle_id),  # type: ignore[attr-defined]
        )
        for row in messages
    ]
    return sorted(found, key=lambda trouble: (trouble.at_ms, trouble.id))


async def retry(ring: KeyRing, trouble: str) -> Retried:
    """See ``Cellar.retry``."""
    kind, number = _meant(trouble)
    if kind == EVENT:
        return await _decide_again(ring, number)
    return await _send_again(ring, number) if kind == MESSAGE else "unknown"


async def drop(trouble: str) -> bool:
    """See ``Cellar.drop``."""
    kind, number = _meant(trouble)
    if kind == EVENT:
        return bool(await Quarantined.filter(seq=number).delete())
    return bool(await OutboxRow.filter(seq=number, status="dead").update(status="dropped", why=LET_GO))


def _meant(trouble: str) -> tuple[str, int]:
    """What kind of trouble, and its number; one that cannot be for anything else."""
    kind, digits = trouble[:1], trouble[1:]
    known = kind in (EVENT, MESSAGE) and digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS
    return (kind, int(digits)) if known else (MESSAGE, 0)


async def _decide_again(ring: KeyRing, number: int) -> Retried:
    found = await Quarantined.get_or_none(seq=number)
    if found is None:
        return "unknown"
    key = (await keys_of(ring, [found.scope])).get(found.scope)
    if key is None:
        return "lost"
    arrival = key.open(found.sealed, f"quarantine/{found.id}")
    async with in_transaction(CELLAR):
        if not await Quarantined.filter(seq=number).delete():
            return "unknown"  # somebody else was faster
        await Seen.filter(id=found.id).delete()
        waiting = InboxEvent(id=found.id, scope=found.scope, sealed=key.seal(arrival, f"inbox/{found.id}"))
        await InboxEvent.bulk_create([waiting], ignore_conflicts=True)
    return "again"


# ── messages ─────────────────────────────────────────────────────────────────


async def _send_again(ring: KeyRing, number: int) -> Retried:
    found = await OutboxRow.get_or_none(seq=number, status="dead")
    if found is None:
        return "unknown"
    parcels = await _parcels(ring, [found])
    if not parcels:
        return "lost"
    follow = await _followers(ring, found)
    waits: list[Awaited] = []
    revived: list[str] = []
    status = await _status(before for parcel in (*parcels, *follow) for before in parcel.forerunners)
    for parcel in (*parcels, *follow):
        unsent = [b for b in parcel.forerunners if b not in revived and status.get(b) != "sent"]
        if any(status.get(before) != "waiting" for before in unsent):
            if not revived:
                return "lost"
            continue
        revived.append(parcel.row)
        again = [b for b in parcel.forerunners if status.get(b) != "sent"]
        waits += [Awaited(row=parcel.row, forerunner=before) for before in again]
    async with in_transaction(CELLAR):
        ended = OutboxRow.filter(row__in=revived, status__in=("dead", "dropped"))
        await ended.update(
            status="waiting",
            due_at=F("not_before"),
            lease_until=None,
            nudged=False,
            attempts=0,
            ended_at=None,
            why=None,
        )
        await Awaited.bulk_create(waits)
    return "again"


async def _followers(ring: KeyRing, found: OutboxRow) -> list[Parcel]:
    """What was dropped because this one was not sent, the oldest first."""
    dropped = OutboxRow.filter(lane=found.lane, status="dropped", why=LOST, seq__gt=found.seq)
    lost, follow = {RowId(found.row)}, []
    for parcel in await _parcels(ring, await dropped.order_by("seq").limit(MOST_FOLLOWERS)):
        if lost.intersection(parcel.forerunners):
            lost.add(parcel.row)
            follow.append(parcel)
    return follow


async def _parcels(ring: KeyRing, rows: Sequence[OutboxRow]) -> list[Parcel]:
    """Those of them that can be opened."""
    keys = await keys_of(ring, (row.scope for row in rows))
    found: list[Parcel] = []
    for row in rows:
        if row.scope in keys:
            with contextlib.suppress(Unreadable):  # then it is lost: nothing is left to be sent again
                opened = keys[row.scope].open(row.parcel, f"outbox/{row.row}")
                found.append(codec.decode_parcel(opened))
    return found


async def _status(rows: Iterable[str]) -> Mapping[str, str]:
    known = await OutboxRow.filter(row__in=sorted(set(rows))).values("row", "status")
    return {row["row"]: row["status"] for row in known}


# ── how much there is ────────────────────────────────────────────────────────


async def counts(now_ms: Ms) -> Counts:
    """See ``Cellar.counts``."""
    timers = TimerRow.filter(due_at__lte=now_ms)
    first = await timers.order_by("due_at").first()
    return Counts(
        outbox=await _outbox(now_ms),
        set_aside=await Quarantined.all().count(),
        given_up=await OutboxRow.filter(status="dead").count(),
        timers=await TimerRow.all().count(),
        timers_due=await timers.count(),
        timers_due_since_ms=None if first is None else first.due_at,
        inbox=await InboxEvent.all().count(),
        running=await Instance.filter(open=True).count(),
    )


NONE: tuple[int, Ms | None] = (0, None)


async def _outbox(now_ms: Ms) -> Mapping[str, Pile]:
    waiting = OutboxRow.filter(WAITING)
    due = waiting.filter(Q(due_at__lte=now_ms) | Q(lease_until__not_isnull=True)).exclude(
        row__in=Subquery(Awaited.all().values("row"))
    )
    failing, ready = await _by_kind(waiting.filter(attempts__gt=0), "tried_since"), await _by_kind(due)
    return {
        kind: Pile(
            due=ready.get(kind, NONE)[0],
            failing=failing.get(kind, NONE)[0],
            since_ms=_first(ready.get(kind, NONE)[1], failing.get(kind, NONE)[1]),
        )
        for kind in sorted({*failing, *ready})
    }


async def _by_kind(rows: QuerySet[OutboxRow], moment: str = "due_at") -> dict[str, tuple[int, Ms | None]]:
    """Per kind how many there are, and the first moment that stands in this column."""
    found: dict[str, tuple[int, Ms | None]] = {}
    counted = rows.annotate(number=Count("seq"), first=Min(moment)).group_by("urgency", "is_reaction")
    for row in await counted.values("urgency", "is_reaction", "number", "first"):
        kind = "reaction" if row["is_reaction"] else row["urgency"]
        number, first = found.get(kind, (0, None))
        found[kind] = (number + row["number"], _first(first, row["first"]))
    return found


def _first(*moments: Ms | None) -> Ms | None:
    return min((at_ms for at_ms in moments if at_ms is not None), default=None)
