"""The workflow whose events are counted, and the straight line they go through: one of everything, and no people."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

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
from engine.core.event import Commanded, Started
from engine.core.values import DAY_MS, CircleId, InstanceId, PersonId, Ref
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Begun, Cellar, Rung, TimerRow, ToInstance
from engine.testing import ManualClock

CALLERS = 64
RUNS_OF_EACH = 10
"""Instances that one person has begun."""


def relay() -> Definition:
    """A workflow whose every event moves the state, tells the room and sets a timer: one of everything."""

    def leg(name: str, to: str) -> StateDef:
        return StateDef(
            name=name,
            moves=(
                MoveDef(on=OnCommand("next", ("runner",)), to=to, tells=(TellDef(to=Room(), text="passed"),)),
                MoveDef(on=AtMoment(MomentExpr("entering", DAY_MS)), to="over"),
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


class OneWorkflow:
    """Implements ``engine.runtime.ports.Catalogue``."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition

    def in_service(self, name: str, circle: CircleId | None = None) -> Definition | None:
        return self._definition

    def begins(self, circle: CircleId | None = None) -> dict[str, str]:
        return {self._definition.begins_with: self._definition.name}

    async def by_digest(self, digest: str) -> Definition | None:
        return self._definition


class Nobody:
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


class Course:
    """The straight line over a store, with relays numbered from nought. ``submitted`` counts what was sent into it."""

    def __init__(self, store: Cellar, line: StraightLine, clock: ManualClock) -> None:
        self.store = store
        self.line = line
        self.clock = clock
        self._random = random.Random(1)

    async def begin(self, circle: CircleId, numbers: Iterable[int]) -> None:
        """Begin these relays in a circle, all of them in one commit."""
        arrivals = [self._arrival(n, Started(Ref(runner(n))), Begun("relay", circle)) for n in numbers]
        outcomes = await self.line.submit(arrivals)
        assert all(outcome.kind == "done" for outcome in outcomes), outcomes[:3]

    def _arrival(self, n: int, event: Started | Commanded, begin: Begun | None) -> ToInstance:
        return ToInstance(
            id=self.line.fresh_id(),
            occurred_ms=self.clock.now_ms(),
            instance=instance(n),
            event=event,
            begin=begin,
        )

    async def pass_on(self, n: int) -> None:
        """One whole event: the runner of this relay passes the baton on."""
        (outcome,) = await self.line.submit([self._arrival(n, Commanded("next", Ref(runner(n))), None)])
        assert outcome.kind == "done", outcome

    async def round(self, events: int, relays: Sequence[int]) -> float:
        """Events per second, every caller sending its next one, to any of its relays, once the last is durable."""

        async def caller(mine: Sequence[int]) -> None:
            for _ in range(events // CALLERS):
                await self.pass_on(self._random.choice(mine))

        shares = [relays[k::CALLERS] for k in range(CALLERS)]
        started = time.perf_counter()
        await asyncio.gather(*(caller(mine) for mine in shares))
        return events / (time.perf_counter() - started)

    async def alone(self, events: int, relays: Sequence[int]) -> list[float]:
        """How long one caller alone waits for each event, in milliseconds."""
        times = []
        for _ in range(events):
            started = time.perf_counter()
            await self.pass_on(self._random.choice(relays))
            times.append((time.perf_counter() - started) * 1000)
        return times

    async def ring(self, timers: Sequence[TimerRow]) -> None:
        """Fire these timers, as the bell does; their rows go in the same commit."""
        rings = [
            Rung(id=self.line.fresh_id(), occurred_ms=t.due_ms, actor=t.actor, name=t.name, entry=t.entry)
            for t in timers
        ]
        outcomes = await self.line.submit(rings)
        assert all(outcome.kind == "done" for outcome in outcomes), outcomes[:3]


@asynccontextmanager
async def course(store: Cellar, clock: ManualClock | None = None) -> AsyncIterator[Course]:
    """A line over this store, taking in; it ends with the context, the store does not."""
    clock = clock or ManualClock()
    definition = relay()
    nobody = Nobody()
    house = House(store, OneWorkflow(definition), nobody, nobody, random.Random(2))  # type: ignore[arg-type]
    line = StraightLine(house, clock)
    line.start()
    try:
        yield Course(store, line, clock)
    finally:
        await line.stop()


def instance(n: int) -> InstanceId:
    """The relay of this number."""
    return InstanceId(f"relay{n:07}")


def runner(n: int) -> PersonId:
    """Who runs in it."""
    return PersonId(f"runner{n // RUNS_OF_EACH:06}")
