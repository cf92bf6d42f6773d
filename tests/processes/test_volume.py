"""Three processes ring the timers of hundreds over one PostgreSQL, killed all the time: each rings once."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.session import Session
from engine.core.decide import decide
from engine.core.effect import Refusal
from engine.core.event import Due, Event, Facts
from engine.core.instance import Snapshot
from engine.core.values import MINUTE_MS, InstanceId
from engine.runtime.ports import Spoken, Want
from engine.store import TortoiseStore
from engine.testing import ManualClock
from tests.crash.nursed import LifeFailed, Nursed
from tests.engine.runtime.small_house import NOON, supper
from tests.processes.child import SharedConfig
from tests.processes.look import SharedLook
from tests.processes.ringer import PEOPLE, line_over
from tests.processes.several import end_and_start
from tests.world.postgres import Postgres

PROCESSES = 3
SUPPERS = 240
MOST_SECONDS = 90.0
TOGETHER = 60
TROUBLES = 24
"""Whoever is killed keeps what it claimed for a while: after so many they are left in peace."""


class Ringers(Nursed):
    """As many processes as are wanted; whoever dies is followed by another."""

    def __init__(self, config: SharedConfig) -> None:
        super().__init__(config, "tests.processes.ringer")
        self.ringing: set[int] = set()
        self.ended = 0
        self._alive: set[int] = set()
        self._begun = 0

    def _take(self, report: dict[str, Any]) -> None:
        number = report.get("life", 0)
        if "rings" in report:
            self.ringing.add(number)
        elif "ended" in report:
            self._alive.discard(number)
            self.ringing.discard(number)
            self.ended += 1
            if report["ended"] != -signal.SIGKILL:
                self._failure = LifeFailed(f"process {number} ended by itself:\n{self.log_tail()}")
        while not self._held and len(self._alive) < PROCESSES:
            self._begun += 1
            self._alive.add(self._begun)
            self._order(to=self._begun, begin=[])

    async def one_rings(self) -> int:
        await self.until(lambda: self.ringing, lambda: "one that rings")
        return min(self.ringing)

    def send(self, number: int, what: signal.Signals) -> None:
        self._order(to=number, signal=what)


async def fill(store: TortoiseStore) -> None:
    """Suppers that all close at the same time."""
    line, village = await line_over(store, ManualClock(NOON + SUPPERS * MINUTE_MS), seed=1)

    def says(n: int, who: str, body: str) -> Spoken:
        return Spoken(id=f"$e{n}", occurred_ms=NOON + n * MINUTE_MS, person=village.persons[who], body=body)

    await line.submit([says(-n, who, "start") for n, who in enumerate(PEOPLE, 1)])
    said = [says(n, PEOPLE[n % 3], f"supper @{PEOPLE[(n + 1) % 3]}") for n in range(SUPPERS)]
    for first in range(0, SUPPERS, TOGETHER):
        await line.submit(said[first : first + TOGETHER])
    await line.stop()


async def make_trouble(ringers: Ringers, postgres: Postgres, chance: random.Random) -> None:
    """Kill and stop them at random, and once the server too."""
    for n in range(TROUBLES):
        number = await ringers.one_rings()
        await asyncio.sleep(chance.uniform(0.0, 0.4))  # how long it is left in peace
        if n % 3:
            ringers.send(number, signal.SIGKILL)
            await ringers.until(lambda number=number: number not in ringers.ringing, lambda: "an end")  # type: ignore[misc]
        else:
            ringers.send(number, signal.SIGSTOP)
            await asyncio.sleep(chance.uniform(0.1, 0.5))  # how long it sleeps
            ringers.send(number, signal.SIGCONT)
        if n == 4:
            await asyncio.to_thread(end_and_start, postgres, dies=True)


async def all_rung(look: SharedLook) -> None:
    while look.timers_to_close():  # noqa: ASYNC110 - other processes do it, and tell nobody
        await asyncio.sleep(0.1)


@pytest.mark.crash
async def test_hundreds_of_timers_over_one_database_ring_once_each_whoever_is_killed(
    own_postgres: Postgres, tmp_path: Path, seed: int
) -> None:
    config = SharedConfig(
        folder=str(tmp_path),
        session=Session("", "@bot:hearth.test", "", ""),
        password="",
        room="",
        members=(),
        secret=bytes(range(32)),
        address=own_postgres.database(),
    )
    async with AsyncExitStack() as stack:
        store = await TortoiseStore.open(config.address, config.secret)
        stack.push_async_callback(store.close)
        look = SharedLook(config.address)
        stack.callback(look.close)
        await ring_all(store, look, config, own_postgres, seed)


async def ring_all(
    store: TortoiseStore, look: SharedLook, config: SharedConfig, own_postgres: Postgres, seed: int
) -> None:
    await fill(store)
    begun = [InstanceId(actor[2:]) for actor in look.actors() if actor.startswith("i/")]
    assert len(begun) == SUPPERS
    async with Ringers(config) as ringers:
        await ringers.one_rings()
        trouble = asyncio.create_task(make_trouble(ringers, own_postgres, random.Random(seed)))
        ringing = asyncio.create_task(all_rung(look))
        await asyncio.wait({ringing}, timeout=MOST_SECONDS)
        left = look.timers_to_close()
        trouble.cancel()
        ringing.cancel()
        ended = await asyncio.gather(trouble, ringing, return_exceptions=True)
        assert not left, (
            f"{left} timers were not rung, {ringers.ended} processes ended: {ended}\n{ringers.log_tail()}"
        )
        print(f"\nseed {seed}: {ringers.ended} of the processes were killed")
    results = Counter[str]()
    for instance in begun:
        results += await census_of(store, instance)
    print(dict(results))
    assert results["decided"] == SUPPERS, results
    assert "Traceback" not in ringers.log()


async def census_of(store: TortoiseStore, instance: InstanceId) -> Counter[str]:
    """Its journal has no gap and leads to what is stored; how its moments to close were decided."""
    lines = await store.journal(f"i/{instance}")
    assert [line.n for line in lines] == list(range(1, len(lines) + 1))
    snapshot: Snapshot | None = None
    results: Counter[str] = Counter()
    for line in lines:
        assert isinstance(line.event, Event)
        assert isinstance(line.facts, Facts)
        decided = decide(supper(), snapshot, line.event, line.facts)
        assert (decided.reason if isinstance(decided, Refusal) else "decided") == line.result
        if not isinstance(decided, Refusal):
            snapshot = decided.snapshot
        if isinstance(line.event, Due) and line.event.timer.startswith("close:rsvp:"):
            results[line.result] += 1
    stored = (await store.load(Want(instances=frozenset({instance})))).snapshots[instance]
    assert snapshot == stored
    assert stored.state == "review"
    return results
