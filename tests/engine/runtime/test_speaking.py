"""One speaks, the others wait; whoever cannot keep the leave to speak falls silent before anybody else may have it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import pytest

from engine.core.values import Ms
from engine.runtime.ports import Changes, KeptRow, Lease, Superseded, Unavailable
from engine.runtime.speaking import LEASE_MS, LOOK_MS, RENEW_MS, STALE_MS, Speaker
from engine.testing import ManualClock, MemoryStore, faulty
from engine.testing.memory_leases import MemoryLeases

BOT = "@hearth:example.org"


@dataclass
class Here:
    """Processes over one store, whose clock and whose own clocks are the same one, moved by hand."""

    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.store = MemoryStore(leases=MemoryLeases(self.clock.now_ms))
        self.cellar, self.faults = faulty(self.store)

    def speaker(self, holder: str) -> Speaker:
        return Speaker(
            self.cellar,
            BOT,
            holder,
            monotonic=lambda: self.clock.now_ms() / 1000,
            pause=lambda seconds: self.clock.wait_until(self.clock.after(int(seconds * 1000))),
        )

    async def pass_ms(self, by_ms: Ms) -> None:
        for _ in range(max(1, by_ms // 250)):
            await self.clock.advance(250)
            for _ in range(20):
                await asyncio.sleep(0)


@pytest.fixture
def here() -> Here:
    return Here()


async def test_it_is_kept_as_long_as_whoever_speaks_lives(here: Here) -> None:
    first, second, stop = here.speaker("first"), here.speaker("second"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    holding = asyncio.create_task(first.hold(lease, stop))
    waiting = asyncio.create_task(second.turn(stop))
    await here.pass_ms(10 * LEASE_MS)
    assert not holding.done()
    assert not waiting.done()
    stop.set()
    assert await waiting is None
    await holding


async def test_when_whoever_spoke_has_died_another_speaks_within_ten_seconds(here: Here) -> None:
    first, second, stop = here.speaker("first"), here.speaker("second"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    holding = asyncio.create_task(first.hold(lease, stop))
    waiting = asyncio.create_task(second.turn(stop))
    await here.pass_ms(3 * RENEW_MS)
    holding.cancel()
    died_ms = here.clock.now_ms()
    while not waiting.done():
        await here.pass_ms(250)
    taken = await waiting
    assert taken is not None
    assert taken.epoch == lease.epoch + 1
    assert here.clock.now_ms() - died_ms <= LEASE_MS + 2 * LOOK_MS < 10_000


async def test_whoever_ends_in_order_lets_others_speak_at_once(here: Here) -> None:
    first, second = here.speaker("first"), here.speaker("second")
    lease = await first.take()
    assert lease is not None
    assert await second.take() is None
    await first.give_back(lease)
    assert await second.take() is not None


async def test_whoever_wakes_up_after_others_took_over_says_nothing_more(here: Here) -> None:
    first, second, stop = here.speaker("first"), here.speaker("second"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    await here.clock.advance(LEASE_MS)
    assert await second.take() is not None
    holding = asyncio.create_task(first.hold(lease, stop))
    await here.pass_ms(2 * RENEW_MS)
    with pytest.raises(Superseded, match="taken over"):
        await holding
    with pytest.raises(Superseded):
        await here.store.under(lease).commit(Changes(kept=[KeptRow("olm", "account", b"old")]))


async def test_while_the_store_is_away_it_falls_silent_before_the_lease_ends(here: Here) -> None:
    first, stop = here.speaker("first"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    taken_ms = here.clock.now_ms()
    holding = asyncio.create_task(first.hold(lease, stop))
    here.faults.fail("renew_lease", Unavailable("away"), times=30)
    while not holding.done():
        await here.pass_ms(250)
    with pytest.raises(Superseded, match="renewed in time"):
        await holding
    assert LEASE_MS <= here.clock.now_ms() - taken_ms <= LEASE_MS + LOOK_MS


async def test_an_outage_that_is_short_changes_nothing(here: Here) -> None:
    first, stop = here.speaker("first"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    holding = asyncio.create_task(first.hold(lease, stop))
    here.faults.fail("renew_lease", Unavailable("away"), times=2)
    await here.pass_ms(3 * LEASE_MS)
    assert not holding.done()
    assert await here.speaker("second").take() is None
    stop.set()
    await holding


async def test_those_who_wait_look_anew_when_much_was_said_meanwhile(here: Here) -> None:
    first, second, stop = here.speaker("first"), here.speaker("second"), asyncio.Event()
    lease = await first.take()
    assert lease is not None
    holding = asyncio.create_task(first.hold(lease, stop))
    waiting = asyncio.create_task(second.turn(stop))
    await here.pass_ms(2 * STALE_MS)
    assert not waiting.done(), "nothing was said"
    await here.store.under(lease).commit(Changes(kept=[KeptRow("sync", "cursor", b"s2")]))
    await here.pass_ms(2 * LOOK_MS)
    assert await waiting is None
    stop.set()
    await holding


async def test_a_store_that_cannot_be_asked_is_asked_again(here: Here) -> None:
    speaker = here.speaker("first")
    here.faults.fail("take_lease", Unavailable("away"))
    assert await speaker.take() is None
    assert await speaker.take() is not None


async def test_whoever_slept_longer_than_its_lease_says_nothing_before_it_has_asked_again(here: Here) -> None:
    speaker, stop = here.speaker("first"), asyncio.Event()
    with pytest.raises(Superseded):
        speaker.require_leave()
    lease = await speaker.take()
    assert lease is not None
    speaker.require_leave()
    await here.clock.advance(LEASE_MS)
    with pytest.raises(Superseded, match="not renewed"):
        speaker.require_leave()
    holding = asyncio.create_task(speaker.hold(lease, stop))
    await here.pass_ms(RENEW_MS + LOOK_MS)
    speaker.require_leave()
    stop.set()
    await holding


async def test_others_know_how_far_back_whoever_speaks_has_heard_everything(here: Here) -> None:
    first, second, stop, heard = (
        here.speaker("first"),
        here.speaker("second"),
        asyncio.Event(),
        asyncio.Event(),
    )
    assert await second.unheard_ms() is None
    lease = await first.take()
    assert lease is not None
    holding = asyncio.create_task(first.hold(lease, stop, heard.is_set))
    await here.pass_ms(2 * RENEW_MS)
    assert await second.unheard_ms() is None, "it has not caught up"
    heard.set()
    await here.pass_ms(2 * RENEW_MS)
    assert 0 <= (await second.unheard_ms() or 0) <= RENEW_MS
    holding.cancel()
    await here.pass_ms(LEASE_MS)
    assert LEASE_MS <= (await second.unheard_ms() or 0) <= LEASE_MS + RENEW_MS
    assert await second.take() is not None
    assert await first.unheard_ms() is None, "whoever takes over has to hear first"


async def test_a_time_of_day_that_is_put_back_keeps_nobody_from_renewing_or_from_looking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The event loop's own seconds go on, whatever the machine says the time is."""
    store, stop = MemoryStore(), asyncio.Event()
    renewed, looked = 0, 0
    enough = asyncio.Event()

    async def renew_lease(lease: Lease, lease_ms: Ms, *, heard: bool = False) -> bool:
        nonlocal renewed
        renewed += 1
        return True

    async def take_lease(account: str, holder: str, lease_ms: Ms) -> None:
        nonlocal looked
        looked += 1
        if min(renewed, looked) >= 3:
            enough.set()

    first, second = Speaker(store, BOT, "first"), Speaker(store, BOT, "second")
    lease = await first.take()
    assert lease is not None
    monkeypatch.setattr(store, "renew_lease", renew_lease)
    monkeypatch.setattr(store, "take_lease", take_lease)
    monkeypatch.setattr("engine.runtime.speaking.RENEW_MS", 20)
    monkeypatch.setattr("engine.runtime.speaking.LOOK_MS", 20)
    true_time = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: true_time() - 60 * 10**9 * min(renewed, 1))
    monkeypatch.setattr(time, "time", lambda: time.time_ns() / 10**9)
    tasks = [asyncio.create_task(first.hold(lease, stop)), asyncio.create_task(second.turn(stop))]
    async with asyncio.timeout(10):
        await enough.wait()
    stop.set()
    await asyncio.gather(*tasks)
