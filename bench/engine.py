"""How fast events go through the straight line, beside the raw database on the same disk.

``hearth bench engine`` measures on SQLite and on PostgreSQL. Every figure stands beside its floor, measured in the
same run in alternating rounds; the ratio of the medians is what to look at, not the absolutes. PostgreSQL's floor is
asyncpg, and beside it stands DBOS carrying out the same human event; both come with ``pip install --group bench``, and
without them SQLite is measured alone.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.filling import enrol
from bench.floors import sqlite_round
from bench.relay import CALLERS, Course, course, relay, runner
from bench.stores import Place, places
from engine.core.decide import decide
from engine.core.effect import Decision
from engine.core.event import Commanded, Facts, Started
from engine.core.values import Ref
from engine.store import TortoiseStore

ROUNDS = 7
WARM_UP_ROUNDS = 1
EVENTS_A_ROUND = 6_400
FLOOR_EVENTS_A_ROUND = 3_200
PEER_EVENTS_A_ROUND = 192
ALONE = 100
"""Events of one caller alone, each round."""
PEER_SECONDS = 120

Round = Callable[[], Awaitable[float]]
"""Carries out a round; events per second."""


def decide_us() -> float:
    """The median time of one ``decide``, in microseconds."""
    definition = relay()
    facts = Facts(now_ms=1_800_000_000_000, occurred_ms=1_800_000_000_000, instance="i", circle="c")
    begun = decide(definition, None, Started(Ref("p1")), facts)
    assert isinstance(begun, Decision)
    event = Commanded("next", Ref("p1"))
    times = []
    for _ in range(20_000):
        started = time.perf_counter_ns()
        decide(definition, begun.snapshot, event, facts)
        times.append(time.perf_counter_ns() - started)
    return statistics.median(times) / 1000


class Side:
    """One of those that are measured side by side, and what it reached."""

    def __init__(self, round_: Round) -> None:
        self._round = round_
        self.per_s: list[float] = []

    async def round(self) -> None:
        self.per_s.append(await self._round())

    def median(self) -> float:
        return statistics.median(self.per_s[WARM_UP_ROUNDS:])


@asynccontextmanager
async def ours(place: Place) -> AsyncIterator[Course]:
    """The straight line over a new database, with a relay for each caller."""
    store = await TortoiseStore.open(place.address, secrets.token_bytes(32))
    try:
        circle = await store.ensure_circle("!bench:hearth.test", "Bench")
        async with course(store) as over:
            await enrol(store, sorted({runner(n) for n in RELAYS}))
            await over.begin(circle, RELAYS)
            yield over
    finally:
        await store.close()


RELAYS = range(CALLERS)


async def side_by_side(sides: Sequence[Side], over: Course, what: str, note: Callable[[str], None]) -> float:
    """Let them go in turns; how long one caller alone waits for an event of ours, in milliseconds, at the median."""
    alone: list[float] = []
    for n in range(WARM_UP_ROUNDS + ROUNDS):
        note(f"{what}: round {n + 1} of {WARM_UP_ROUNDS + ROUNDS}")
        for side in sides:
            await side.round()
        alone += await over.alone(ALONE, RELAYS[:1])
    return statistics.median(alone[ALONE * WARM_UP_ROUNDS :])


async def on_sqlite(note: Callable[[str], None]) -> dict[str, Any]:
    """Beside ``sqlite3``."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder, places("sqlite") as fresh:
        floor_path = Path(folder) / "floor.db"
        async with ours(fresh()) as over:
            us = Side(partial(over.round, EVENTS_A_ROUND, RELAYS))
            floor = Side(partial(asyncio.to_thread, sqlite_round, floor_path, FLOOR_EVENTS_A_ROUND))
            alone_ms = await side_by_side([us, floor], over, "sqlite", note)
    return {
        "store": "SQLite, WAL, synchronous=FULL",
        "ours_per_s": round(us.median()),
        "floor": "raw sqlite3: UPDATE, journal, outbox, one commit per event",
        "floor_per_s": round(floor.median()),
        "ratio": round(us.median() / floor.median(), 2),
        "alone_p50_ms": round(alone_ms, 2),
        "rounds": [round(a / b, 2) for a, b in zip(us.per_s, floor.per_s, strict=True)],
    }


async def on_postgres(note: Callable[[str], None]) -> dict[str, Any]:
    """Beside asyncpg, and beside DBOS where that is installed."""
    from bench.raw_postgres import CONNECTIONS, PostgresFloor  # noqa: PLC0415 - its driver is an extra

    with places("postgres") as fresh:
        async with AsyncExitStack() as stack:
            over = await stack.enter_async_context(ours(fresh()))
            raw = await PostgresFloor.open(fresh().address)
            stack.push_async_callback(raw.close)
            us = Side(partial(over.round, EVENTS_A_ROUND, RELAYS))
            floor = Side(partial(raw.round, FLOOR_EVENTS_A_ROUND))
            peer = None
            if importlib.util.find_spec("dbos") is not None:
                peer = Side(await stack.enter_async_context(_durable(fresh())))
            sides = [us, floor, peer] if peer is not None else [us, floor]
            alone_ms = await side_by_side(sides, over, "postgres", note)
    result = {
        "store": "PostgreSQL, fsync on",
        "ours_per_s": round(us.median()),
        "floor": f"raw asyncpg: {CONNECTIONS} connections, UPDATE, journal, outbox, one transaction per event",
        "floor_per_s": round(floor.median()),
        "ratio": round(us.median() / floor.median(), 2),
        "alone_p50_ms": round(alone_ms, 2),
        "rounds": [round(a / b, 2) for a, b in zip(us.per_s, floor.per_s, strict=True)],
    }
    if peer is not None:
        result |= {
            "peer": "DBOS: recv, a step with the same three writes",
            "peer_per_s": round(peer.median(), 1),
            "peer_ratio": round(us.median() / peer.median(), 1),
        }
    return result


@asynccontextmanager
async def _durable(place: Place) -> AsyncIterator[Round]:
    """The peer, in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.durable", place.address, stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    wanted, said = process.stdin, process.stdout

    async def carry() -> float:
        wanted.write(f"{PEER_EVENTS_A_ROUND}\n".encode())
        return float(await asyncio.wait_for(said.readline(), PEER_SECONDS))

    try:
        assert await asyncio.wait_for(said.readline(), PEER_SECONDS) == b"ready\n", "DBOS did not start"
        yield carry
    finally:
        process.kill()
        await process.wait()


async def measure(note: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything once; ``note`` hears how far it is."""
    return {
        "what": "whole events (dedupe, load, decide, journal, snapshot, timer, outbox)",
        "callers": CALLERS,
        "rounds": ROUNDS,
        "sqlite": await on_sqlite(note),
        "postgres": await on_postgres(note) if importlib.util.find_spec("asyncpg") is not None else None,
        "decide_us": round(decide_us(), 1),
    }


def main(*, as_json: bool) -> dict[str, Any]:
    """Measure and print."""
    result = asyncio.run(measure(partial(print, file=sys.stderr, flush=True)))
    if as_json:
        print(json.dumps(result, indent=2))
        return result
    for each in filter(None, (result["sqlite"], result["postgres"])):
        print(f"{each['store']}: {each['ours_per_s']} events/s; {each['floor']}: {each['floor_per_s']}")
        print(f"  ratio {each['ratio']}; one caller alone waits {each['alone_p50_ms']} ms")
        if "peer" in each:
            print(f"  {each['peer']}: {each['peer_per_s']} events/s, {each['peer_ratio']} times less")
    print(f"decide: {result['decide_us']} µs")
    return result
