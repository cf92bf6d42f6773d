"""How fast events go through the straight line, beside the raw database on the same disk.

``hearth bench engine --json`` prints one JSON object. Every figure stands beside its floor, measured
in the same run in alternating rounds; the ratio of the medians is what to look at, not the absolutes.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from engine.core.decide import decide
from engine.core.definition import (
    AtMoment,
    Definition,
    MomentExpr,
    MoveDef,
    OnCommand,
    PartDef,
    Room,
    Starter,
    StateDef,
    TellDef,
)
from engine.core.effect import Decision
from engine.core.event import Commanded, Facts, Started
from engine.core.values import CircleId, InstanceId, PersonId, Ref
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Begun, ToInstance
from engine.store import TortoiseStore
from engine.testing import ManualClock

CALLERS = 64
ROUNDS = 5
EVENTS_A_ROUND = 6_400
FLOOR_EVENTS_A_ROUND = 3_000


def relay() -> Definition:
    """A workflow whose every event moves the state, tells the room and sets a timer: one of everything."""

    def leg(name: str, to: str) -> StateDef:
        return StateDef(
            name=name,
            moves=(
                MoveDef(on=OnCommand("next", ("runner",)), to=to, tells=(TellDef(to=Room(), text="passed"),)),
                MoveDef(on=AtMoment(MomentExpr("entering", 86_400_000)), to="over"),
            ),
        )

    return Definition(
        name="relay",
        title="Relay",
        about="A baton goes round.",
        digest="bench-relay",
        begins_with="relay",
        parts=(PartDef("runner", (Starter(),)),),
        details={},
        asks={},
        states={
            "here": leg("here", "there"),
            "there": leg("there", "here"),
            "over": StateDef("over", final=True, outcome="over"),
        },
        start="here",
        texts={"passed": "<runner> passes it on.", "over": "It rests."},
        gaps={"passed": ("runner",)},
    )


class _OneWorkflow:
    """Implements ``engine.runtime.ports.Catalogue``."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def in_service(self, name: str, circle: CircleId | None = None) -> Definition | None:
        return self._definition

    def begins(self, circle: CircleId | None = None) -> dict[str, str]:
        return {self._definition.begins_with: self._definition.name}

    async def by_digest(self, digest: str) -> Definition | None:
        return self._definition


class _Nobody:
    """Implements the ports that this benchmark never uses."""

    async def members(self, circle: CircleId) -> list[PersonId]:
        return []

    async def circles_of(self, person: PersonId) -> list[CircleId]:
        return []

    def contacts(self, circle: CircleId) -> list[PersonId]:
        return []

    def stewards(self, circle: CircleId) -> list[PersonId]:
        return []

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> list[PersonId]:
        return []

    def read(self, *_: object) -> object:
        raise AssertionError("nobody speaks in this benchmark")


def decide_us(definition: Definition) -> float:
    """The median time of one ``decide``, in microseconds."""
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


def floor_round(path: Path, events: int) -> float:
    """Events per second of raw sqlite3: UPDATE, journal and outbox, one durable commit per event."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS instance (id INTEGER PRIMARY KEY, version INTEGER, snapshot BLOB)")
    db.execute("CREATE TABLE IF NOT EXISTS journal (id INTEGER PRIMARY KEY, instance INTEGER, line BLOB)")
    db.execute("CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, instance INTEGER, parcel BLOB)")
    db.executemany(
        "INSERT OR IGNORE INTO instance VALUES (?, 0, ?)", [(n, b"x" * 400) for n in range(CALLERS)]
    )
    started = time.perf_counter()
    for n in range(events):
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            "UPDATE instance SET version = version + 1, snapshot = ? WHERE id = ?", (b"y" * 400, n % CALLERS)
        )
        db.execute("INSERT INTO journal (instance, line) VALUES (?, ?)", (n % CALLERS, b"j" * 200))
        db.execute("INSERT INTO outbox (instance, parcel) VALUES (?, ?)", (n % CALLERS, b"p" * 300))
        db.execute("COMMIT")
    taken = time.perf_counter() - started
    db.close()
    return events / taken


class _Ours:
    """The straight line over a real store, with one instance per caller."""

    def __init__(self, store: TortoiseStore, line: StraightLine, clock: ManualClock) -> None:
        self._store = store
        self._line = line
        self._clock = clock
        self._sent = 0
        self._runners: list[tuple[InstanceId, PersonId]] = []

    async def begin(self) -> None:
        circle = await self._store.ensure_circle("!bench:hearth.test", "Bench")
        for n in range(CALLERS):
            person = await self._store.person(f"@runner{n}:hearth.test")
            instance = InstanceId(f"bench{n}")
            await self._submit(instance, Started(Ref(person)), Begun("relay", circle))
            self._runners.append((instance, person))

    async def _submit(self, instance: InstanceId, event: Started | Commanded, begin: Begun | None) -> None:
        self._sent += 1
        arrival = ToInstance(
            id=f"bench:{self._sent}",
            occurred_ms=self._clock.now_ms(),
            instance=instance,
            event=event,
            begin=begin,
        )
        (outcome,) = await self._line.submit([arrival])
        assert outcome.kind == "done", outcome

    async def round(self, events: int) -> float:
        """Events per second with every caller sending its next event once the last one is durable."""

        async def caller(instance: InstanceId, person: PersonId) -> None:
            for _ in range(events // CALLERS):
                await self._submit(instance, Commanded("next", Ref(person)), None)

        started = time.perf_counter()
        await asyncio.gather(*(caller(*runner) for runner in self._runners))
        return events / (time.perf_counter() - started)

    async def alone(self, events: int) -> list[float]:
        """How long one caller alone waits for each event, in milliseconds."""
        times = []
        instance, person = self._runners[0]
        for _ in range(events):
            started = time.perf_counter()
            await self._submit(instance, Commanded("next", Ref(person)), None)
            times.append((time.perf_counter() - started) * 1000)
        return times


async def measure(note: Callable[[str], None]) -> dict[str, object]:
    """Measure everything once; ``note`` hears how far it is."""
    definition = relay()
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        store = await TortoiseStore.open(Path(folder) / "ours.db", secrets.token_bytes(32))
        clock = ManualClock()
        house = House(store, _OneWorkflow(definition), _Nobody(), _Nobody(), random.Random(1))  # type: ignore[arg-type]
        line = StraightLine(house, clock)
        line.start()
        ours = _Ours(store, line, clock)
        await ours.begin()
        ours_rounds, floor_rounds = [], []
        for n in range(ROUNDS):
            note(f"round {n + 1} of {ROUNDS}")
            ours_rounds.append(await ours.round(EVENTS_A_ROUND))
            floor_rounds.append(
                await asyncio.to_thread(floor_round, Path(folder) / "floor.db", FLOOR_EVENTS_A_ROUND)
            )
        alone = await ours.alone(500)
        await line.stop()
        await store.close()
    ours_per_s, floor_per_s = statistics.median(ours_rounds), statistics.median(floor_rounds)
    return {
        "what": "whole events (dedupe, load, decide, journal, snapshot, timer, outbox), SQLite WAL, FULL",
        "callers": CALLERS,
        "ours_per_s": round(ours_per_s),
        "floor": "raw sqlite3, UPDATE + journal + outbox, one commit per event",
        "floor_per_s": round(floor_per_s),
        "ratio": round(ours_per_s / floor_per_s, 2),
        "rounds": [
            {"ours_per_s": round(a), "floor_per_s": round(b), "ratio": round(a / b, 2)}
            for a, b in zip(ours_rounds, floor_rounds, strict=True)
        ],
        "alone_p50_ms": round(statistics.median(alone), 2),
        "decide_us": round(decide_us(definition), 1),
    }


def main(*, as_json: bool) -> None:
    """Measure and print."""
    result = asyncio.run(measure(lambda text: print(text, file=sys.stderr)))
    if as_json:
        print(json.dumps(result, indent=2))
        return
    print(f"{result['ours_per_s']} events/s beside a floor of {result['floor_per_s']}: {result['ratio']}")
    print(f"one caller alone: {result['alone_p50_ms']} ms; decide: {result['decide_us']} µs")


if __name__ == "__main__":
    main(as_json="--json" in sys.argv)
