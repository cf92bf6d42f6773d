"""What an answer costs in an instance of three people, and in one of three thousand; and the ten thousandth answer.

``hearth bench growth`` asks everybody of a circle something, through the line over SQLite, and lets everybody answer:
one person at a time, each answer durable before the next, and as many at once as there are callers. What is measured
is the processor time of the process, all its threads together: how that grows does not depend on what the disk, or the
rest of the machine, is doing.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from bench.drawing import Line, Panel, draw
from bench.filling import enrol
from bench.relay import CALLERS, Nobody, OneWorkflow
from bench.stores import places
from engine.core.definition import Definition
from engine.core.event import Answered, Event, Started
from engine.core.values import CircleId, InstanceId, PersonId, Ref
from engine.loading.load import load_definition
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Begun, ToInstance
from engine.store import TortoiseStore
from engine.testing import ManualClock

PEOPLE = (3, 10, 30, 100, 300, 1_000, 3_000)
ANSWERS = (10, 30, 100, 300, 1_000, 3_000, 10_000)
"""After so many answers the next ones are timed."""
ROUNDS = 3
ALONE = 30
AT_ONCE = 10
"""Batches of answers that come together, in each round."""
LATER = 30
"""Answers that are timed at each step of an instance's length."""
CHOICES = ("yes", "maybe", "no")

ROUND_OF_ALL = """\
name: gather_all
title: Everybody
about: Ask everybody one thing.
begins with: everybody

people:
  host: starter
  others: everyone but host

asks:
  coming:
    to: others
    say: <host> would like to know whether you come.
    answers:
      yes: ✅ Yes
      maybe: 🤷 Maybe
    seen by: host
    until: 30 days after opening
    keep: 30 days

states:
  open:
    asks: coming
    moves:
      - at: 40 days after entering
        to: over
  over:
    ends with: It is over.
"""


def everybody() -> Definition:
    """The workflow; it goes through the same reading and checking as any file."""
    found = load_definition(ROUND_OF_ALL, "gather_all")
    assert isinstance(found, Definition), found
    return found


class Crowd(Nobody):
    """A circle of so many people, whoever asks."""

    def __init__(self, size: int) -> None:
        self._members = [PersonId(f"member{n:05}") for n in range(size + 1)]

    async def members(self, circle: CircleId) -> list[PersonId]:
        return self._members


class Round:
    """Circles of one size, in which everybody is asked."""

    def __init__(self, line: StraightLine, clock: ManualClock, circle: CircleId, people: int) -> None:
        self._line = line
        self._clock = clock
        self._circle = circle
        self._chance = random.Random(people)
        self.people = people
        self._begun = 0
        self._said: dict[int, int] = {}
        """How often each has answered in this instance."""
        self.begin_ms: list[float] = []
        self.alone_ms: list[float] = []
        self.together_ms: list[float] = []

    async def _submit(self, events: Sequence[Event], begin: Begun | None = None) -> float:
        """The processor time until they are durable, in milliseconds for each."""
        instance = InstanceId(f"{self.people}of{self._begun}")
        arrivals = [
            ToInstance(
                id=self._line.fresh_id(),
                occurred_ms=self._clock.now_ms(),
                instance=instance,
                event=event,
                begin=begin,
            )
            for event in events
        ]
        started = time.process_time()
        outcomes = await self._line.submit(arrivals)
        assert all(outcome.kind == "done" for outcome in outcomes), outcomes[:3]
        return (time.process_time() - started) * 1000 / len(events)

    async def begin(self) -> None:
        """Ask everybody."""
        self._begun += 1
        self._said.clear()
        host = Ref("member00000")
        self.begin_ms.append(await self._submit([Started(host)], Begun("gather_all", self._circle)))

    def _answer(self) -> Answered:
        """Somebody's answer, or what they say instead of the one they gave."""
        who = self._chance.randint(1, self.people)
        self._said[who] = self._said.get(who, 0) + 1
        choice = CHOICES[self._said[who] % len(CHOICES)]
        return Answered("coming", 1, Ref(f"member{who:05}"), choice)

    async def answers(self, count: int) -> None:
        """So many, quickly."""
        for _ in range(0, count, CALLERS):
            await self._submit([self._answer() for _ in range(CALLERS)])

    async def alone(self, count: int) -> list[float]:
        """So many, one at a time."""
        return [await self._submit([self._answer()]) for _ in range(count)]

    async def go(self) -> None:
        await self.begin()
        everybody_once = [
            Answered("coming", 1, Ref(f"member{who:05}"), "yes") for who in range(1, self.people + 1)
        ]
        await self._submit(everybody_once)
        self.alone_ms += await self.alone(ALONE)
        for _ in range(AT_ONCE):
            self.together_ms.append(await self._submit([self._answer() for _ in range(CALLERS)]))

    def figures(self) -> dict[str, Any]:
        return {
            "people": self.people,
            "asking_ms": round(statistics.median(self.begin_ms), 2),
            "answer_alone_ms": round(statistics.median(self.alone_ms), 3),
            "answer_together_ms": round(statistics.median(self.together_ms), 3),
        }


@asynccontextmanager
async def circle_of(people: int, address: str) -> AsyncIterator[Round]:
    """A database with one circle of so many people besides the host."""
    store = await TortoiseStore.open(address, bytes(32))
    clock, crowd = ManualClock(), Crowd(people)
    house = House(store, OneWorkflow(everybody()), crowd, crowd, random.Random(2))  # type: ignore[arg-type]
    line = StraightLine(house, clock)
    line.start()
    try:
        await enrol(store, await crowd.members(CircleId("")))
        yield Round(line, clock, await store.ensure_circle("!bench:hearth.test", "Bench"), people)
    finally:
        await line.stop()
        await store.close()


async def by_people(note: Callable[[str], None]) -> list[dict[str, Any]]:
    """What it costs to ask, and to answer, by how many people are asked."""
    found: list[dict[str, Any]] = []
    with places("sqlite") as fresh:
        for people in PEOPLE:
            note(f"{people} people")
            async with circle_of(people, fresh().address) as round_:
                for _ in range(ROUNDS):
                    await round_.go()
                found.append(round_.figures())
    return found


async def by_answers(note: Callable[[str], None]) -> list[dict[str, Any]]:
    """What the next answer costs, by how many were given in the same instance before."""
    found: list[dict[str, Any]] = []
    given = 0
    with places("sqlite") as fresh:
        async with circle_of(10, fresh().address) as round_:
            await round_.begin()
            for answers in ANSWERS:
                note(f"{answers} answers")
                await round_.answers(max(0, answers - given))
                times = await round_.alone(LATER)
                found.append({"answers": answers, "answer_alone_ms": round(statistics.median(times), 3)})
                given = answers + LATER
    return found


async def measure(note: Callable[[str], None]) -> dict[str, Any]:
    """Measure both; ``note`` hears how far it is."""
    return {
        "what": "milliseconds of processor time for each answer: decided, sealed, durable",
        "store": "SQLite, WAL, synchronous=FULL",
        "by_people": await by_people(note),
        "by_answers": await by_answers(note),
    }


def picture(result: dict[str, Any]) -> str:
    """The figures as an SVG."""

    def points(rows: Sequence[dict[str, Any]], by: str, what: str) -> list[tuple[float, float]]:
        return [(row[by], row[what]) for row in rows]

    people, answers = result["by_people"], result["by_answers"]
    asking = [(row["people"], row["asking_ms"] / row["people"]) for row in people]
    return draw(
        "What an answer costs",
        [
            Panel(
                "people in the instance",
                "milliseconds of processor time",
                [
                    Line("asking everybody, for each of them", asking),
                    Line("an answer that comes alone", points(people, "people", "answer_alone_ms")),
                    Line(
                        f"one of {CALLERS} that come together", points(people, "people", "answer_together_ms")
                    ),
                ],
            ),
            Panel(
                "answers given before, ten people",
                "milliseconds of processor time",
                [Line("an answer that comes alone", points(answers, "answers", "answer_alone_ms"))],
            ),
        ],
    )


def main(*, as_json: bool) -> dict[str, Any]:
    """Measure and print."""
    result = asyncio.run(measure(partial(print, file=sys.stderr, flush=True)))
    if as_json:
        print(json.dumps(result, indent=2))
        return result
    for row in result["by_people"]:
        print(
            f"{row['people']} people: asking {row['asking_ms']} ms, an answer alone {row['answer_alone_ms']} ms, "
            f"one of {CALLERS} {row['answer_together_ms']} ms"
        )
    for row in result["by_answers"]:
        print(f"after {row['answers']} answers: {row['answer_alone_ms']} ms")
    return result
