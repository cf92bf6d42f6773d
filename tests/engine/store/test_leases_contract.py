"""Who speaks for an account, in every store: one at a time, and whoever was before is fenced off."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.core.values import InstanceId, RowId
from engine.runtime.ports import Cellar, Changes, KeptRow, Superseded, TimerRow
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import mail, parcel

BOT = "@hearth:example.org"
LONG_MS = 3_600_000
AT_ONCE_MS = 0
"""A lease that has ended as soon as it was taken."""


async def test_one_has_the_lease_and_the_others_are_told_so(g: Ground) -> None:
    assert await g.cellar.lease_of(BOT) is None
    lease = await g.cellar.take_lease(BOT, "first", LONG_MS)
    assert lease is not None
    assert (lease.holder, lease.epoch) == ("first", 1)
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is None
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert (held.holder, held.epoch) == ("first", 1)
    assert 0 <= held.held_ms < 60_000
    assert LONG_MS - 60_000 < held.left_ms <= LONG_MS
    assert await g.cellar.take_lease("@other:example.org", "second", LONG_MS) is not None, (
        "of another account"
    )


async def test_a_lease_that_ended_is_anybodys_and_begins_a_new_epoch(g: Ground) -> None:
    first = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert first is not None
    second = await g.cellar.take_lease(BOT, "second", LONG_MS)
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert not await g.cellar.renew_lease(first, LONG_MS)
    await g.cellar.end_lease(first)
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert held.holder == "second"
    assert held.left_ms > 0, "whoever lost it cannot end it"


async def test_a_lease_that_ended_and_nobody_took_is_kept(g: Ground) -> None:
    lease = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert lease is not None
    assert await g.cellar.renew_lease(lease, LONG_MS)
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is None


async def test_a_lease_given_back_is_free_at_once(g: Ground) -> None:
    lease = await g.cellar.take_lease(BOT, "first", LONG_MS)
    assert lease is not None
    await g.cellar.end_lease(lease)
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is not None


R = RowId("r1")
WRITES: dict[str, Callable[[Cellar], Awaitable[object]]] = {
    "commit": lambda cellar: cellar.commit(Changes(kept=[KeptRow("olm", "account", b"new")])),
    "claim": lambda cellar: cellar.claim(10, 1_000, 10),
    "free_claims": lambda cellar: cellar.free_claims(),
    "seal": lambda cellar: cellar.seal(R, "!room:example.org", b"sealed"),
    "mark_sent": lambda cellar: cellar.mark_sent(R, "$1", 10),
    "postpone": lambda cellar: cellar.postpone(R, 99, "later", failed=True),
    "bury": lambda cellar: cellar.bury(R, "given up", 10, dead=True),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_whoever_was_superseded_writes_nothing_more(
    g: Ground, write: Callable[[Cellar], Awaitable[object]]
) -> None:
    first = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert first is not None
    speaker = g.cellar.under(first)
    await speaker.commit(mail(parcel(R, g.ada)))
    before = (await g.cellar.kept(), await g.cellar.fates([R]), await g.cellar.next_parcel_ms())
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is not None
    with pytest.raises(Superseded, match=BOT):
        await write(speaker)
    assert (await g.cellar.kept(), await g.cellar.fates([R]), await g.cellar.next_parcel_ms()) == before
    assert [journey.attempts for journey in await g.cellar.claim(10, 1_000, 10)] == [0]


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_a_lease_that_merely_ended_stops_nobody(
    g: Ground, write: Callable[[Cellar], Awaitable[object]]
) -> None:
    lease = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert lease is not None
    speaker = g.cellar.under(lease)
    await speaker.commit(mail(parcel(R, g.ada)))
    await write(speaker)
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is not None


async def test_those_who_wait_can_tell_that_the_bridges_rows_have_changed(g: Ground) -> None:
    lease = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert lease is not None
    await g.cellar.under(lease).commit(Changes(kept=[KeptRow("olm", "account", b"new")]))
    await g.cellar.under(lease).commit(mail(parcel(R, g.ada)))
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert held.moves == 1
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is not None
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert held.moves == 1, "whoever takes over has seen them all"


async def test_the_store_itself_is_bound_by_no_lease(g: Ground) -> None:
    assert await g.cellar.take_lease(BOT, "first", LONG_MS) is not None
    await g.cellar.commit(mail(parcel(R, g.ada)))
    assert len(await g.cellar.claim(10, 1_000, 10)) == 1


async def test_whoever_takes_over_sends_what_was_claimed_before(g: Ground) -> None:
    await g.cellar.commit(mail(parcel(R, g.ada), parcel(RowId("r2"), g.bo)))
    assert len(await g.cellar.claim(10, 1_000, 10)) == 2
    await g.cellar.seal(R, "!room:example.org", b"sealed")
    assert await g.cellar.claim(10, 1_000, 10) == []
    assert await g.cellar.free_claims() == 1
    assert [journey.parcel.row for journey in await g.cellar.in_flight()] == [R]
    assert [journey.parcel.row for journey in await g.cellar.claim(10, 1_000, 10)] == [RowId("r2")]
    assert await g.cellar.free_claims() == 1


async def test_under_a_lease_everything_else_is_as_ever(g: Ground) -> None:
    lease = await g.cellar.take_lease(BOT, "first", LONG_MS)
    assert lease is not None
    speaker = g.cellar.under(lease)
    assert await speaker.person("@ada:example.org") == g.ada
    assert await speaker.matrix_id(g.ada) == "@ada:example.org"
    await speaker.forget(g.ada)
    assert await g.cellar.matrix_id(g.ada) is None


async def test_others_are_told_whether_all_that_happened_has_been_heard(g: Ground) -> None:
    first = await g.cellar.take_lease(BOT, "first", AT_ONCE_MS)
    assert first is not None
    assert await g.cellar.renew_lease(first, AT_ONCE_MS)
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert not held.heard
    assert await g.cellar.renew_lease(first, AT_ONCE_MS, heard=True)
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert held.heard is True
    assert await g.cellar.take_lease(BOT, "second", LONG_MS) is not None
    held = await g.cellar.lease_of(BOT)
    assert held is not None
    assert held.heard is False, "whoever takes over has to hear first"


# ── timers that several ring ─────────────────────────────────────────────────


I1 = InstanceId("i1")


def moments(*due_ms: int) -> Changes:
    timers = [TimerRow(f"i/{I1}", f"t{n}", 1, at_ms) for n, at_ms in enumerate(due_ms)]
    return Changes(timers={(timer.actor, timer.name): timer for timer in timers})


async def test_a_timer_is_claimed_by_one_until_its_claim_has_ended(g: Ground) -> None:
    await g.cellar.commit(moments(30, 10, 20, 99))
    assert [t.due_ms for t in await g.cellar.claim_timers(50, LONG_MS, 2)] == [10, 20]
    assert [t.due_ms for t in await g.cellar.claim_timers(50, AT_ONCE_MS, 9)] == [30]
    assert [t.due_ms for t in await g.cellar.claim_timers(50, LONG_MS, 9)] == [30], "its claim ended at once"
    assert await g.cellar.claim_timers(50, LONG_MS, 9) == []


async def test_a_claimed_timer_is_still_there_and_one_that_was_set_anew_is_anybodys(g: Ground) -> None:
    await g.cellar.commit(moments(10))
    claimed = await g.cellar.claim_timers(50, LONG_MS, 9)
    assert await g.cellar.due_timers(50, 9) == claimed == [TimerRow(f"i/{I1}", "t0", 1, 10)]
    await g.cellar.commit(moments(15))
    assert [t.due_ms for t in await g.cellar.claim_timers(50, LONG_MS, 9)] == [15]


async def test_of_many_who_claim_at_the_same_time_each_has_timers_of_its_own(g: Ground) -> None:
    await g.cellar.commit(moments(*range(60)))
    claims = await asyncio.gather(*(g.cellar.claim_timers(99, LONG_MS, 9) for _ in range(8)))
    found = [timer.name for claimed in claims for timer in claimed]
    assert len(found) == len(set(found)) == 60
