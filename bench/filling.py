"""Fills a store with relays: some are begun and decided, the others are their like under other names.

What a commit of the line would write is written for each, through the store's own commit: sealed with a key of its own,
with its journal, its part, its timer and the desk of whoever runs. Left out is deciding a million times the same, and
the first words to each person: the outbox is empty.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bench.relay import RUNS_OF_EACH, Course, course, instance, runner
from engine.core.desk import Desk
from engine.core.instance import Snapshot
from engine.core.values import CircleId, InstanceId, Ms, PersonId
from engine.runtime.ports import Cellar, Changes, Line, TimerRow
from engine.store import TortoiseStore, codec
from engine.store.scopes import HOUSE, scope_of_person
from engine.testing import ManualClock, MemoryStore


class Begun(msgspec.Struct, frozen=True):
    """What beginning the relays of one person wrote, but for the journal."""

    snapshots: dict[InstanceId, tuple[Snapshot, int]]
    desks: dict[PersonId, tuple[Desk, int]]
    parts: list[tuple[InstanceId, str, PersonId]]
    timers: list[TimerRow]


class Model(NamedTuple):
    """The relays of the first person, as bytes in which names can be replaced by others of the same length."""

    circle: CircleId
    begun: bytes
    lines: tuple[tuple[str, int, Ms, bytes], ...]
    seen: int


class _Noting(MemoryStore):
    """A store in memory that shows what was committed last, and knows everybody."""

    last = Changes()

    async def matrix_id(self, person: PersonId) -> str | None:
        return _matrix_id(person)

    async def commit(self, changes: Changes) -> None:
        await super().commit(changes)
        self.last = changes


_decode = msgspec.msgpack.Decoder(Begun).decode


async def model_of(now_ms: Ms) -> Model:
    """The relays of one person, begun at this moment."""
    store = _Noting(random=random.Random(1))
    circle = await store.ensure_circle("!bench:hearth.test", "Bench")
    async with course(store, ManualClock(now_ms)) as over:
        await over.begin(circle, range(RUNS_OF_EACH))
    last = store.last
    timers = [timer for timer in last.timers.values() if timer is not None]
    assert len(timers) == len(last.snapshots) == RUNS_OF_EACH
    assert runner(0) in last.desks
    assert not last.inbox
    begun = Begun(last.snapshots, last.desks, last.parts, timers)
    lines = tuple((each.actor, each.n, each.at_ms, codec.encode_line(each)) for each in last.journal)
    return Model(circle, codec.encode(begun), lines, len(last.seen))


def like(model: Model, people: Sequence[tuple[int, CircleId]], now_ms: Ms, chance: random.Random) -> Changes:
    """What beginning the relays of these people, by number and circle, would write."""
    changes = Changes()
    for n, circle in people:
        names = _Names(n, circle, model.circle)
        begun = _decode(names.put(model.begun))
        changes.snapshots |= begun.snapshots
        changes.desks |= begun.desks
        changes.parts += begun.parts
        changes.timers |= {(timer.actor, timer.name): timer for timer in begun.timers}
        changes.journal += [names.line(line) for line in model.lines]
        changes.seen |= {chance.randbytes(16).hex(): now_ms for _ in range(model.seen)}
    return changes


class _Names:
    """What the first person's relays are called, and another's."""

    def __init__(self, n: int, circle: CircleId, old_circle: CircleId) -> None:
        first = n * RUNS_OF_EACH
        pairs = ((_stem(0), _stem(first)), (runner(0), runner(first)), (old_circle, circle))
        self._pairs = [(old.encode(), new.encode()) for old, new in pairs]
        assert all(len(old) == len(new) for old, new in self._pairs)

    def put(self, content: bytes) -> bytes:
        for old, new in self._pairs:
            content = content.replace(old, new)
        return content

    def line(self, line: tuple[str, int, Ms, bytes]) -> Line:
        actor, n, at_ms, content = line
        return codec.decode_line(self.put(actor.encode()).decode(), n, at_ms, self.put(content))


def _stem(n: int) -> str:
    """What the names of a person's relays have in common."""
    return instance(n)[:-1]


async def enrol(store: Cellar, people: Sequence[PersonId]) -> None:
    """Make these people known, each with a key and a sealed Matrix id, as meeting them one by one would."""
    assert isinstance(store, TortoiseStore)
    hot = store._hot

    def write() -> None:
        scopes = {scope_of_person(person) for person in people}
        hot._make_keys(scopes)
        keys = hot._keys(scopes | {HOUSE})
        rows = [
            (
                person,
                keys[HOUSE].fingerprint(_matrix_id(person)),
                keys[scope_of_person(person)].seal(_matrix_id(person).encode(), f"people/{person}"),
            )
            for person in people
        ]
        with hot._db.transaction("write"):
            hot._db.executemany("INSERT INTO people (id, fingerprint, sealed) VALUES (?, ?, ?)", rows)

    await store._write(store._in_thread, write)


def _matrix_id(person: PersonId) -> str:
    return f"@{person}:hearth.test"


async def fill(over: Course, circles: Sequence[CircleId], first: int, last: int) -> None:
    """Write the relays from ``first`` to before ``last`` as if they had begun now, in one commit."""
    assert first % RUNS_OF_EACH == last % RUNS_OF_EACH == 0
    now_ms = over.clock.now_ms()
    people = range(first // RUNS_OF_EACH, last // RUNS_OF_EACH)
    await enrol(over.store, [runner(n * RUNS_OF_EACH) for n in people])
    placed = [(n, circles[n % len(circles)]) for n in people]
    changes = like(await model_of(now_ms), placed, now_ms, random.Random(first))
    await over.store.commit(changes)
