"""Whatever happens in whatever order, the cellar in memory and the one on disk say the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.message import Message, Phrase, Text
from engine.core.values import DAY_MS, InstanceId, PersonId, RowId, TextId
from engine.runtime.ports import (
    Adoption,
    BadData,
    Changes,
    Conflict,
    KeptRow,
    TextCopy,
    TimerRow,
    Trouble,
    Want,
)
from engine.store import TortoiseStore
from engine.testing import MemoryStore
from tests.engine.store.conftest import MASTER_KEY, Where
from tests.engine.store.goods import (
    desk,
    instance_line,
    let_end,
    new,
    parcel,
    post,
    prompt,
    snapshot,
    target,
    text_row,
)

Cellar = MemoryStore | TortoiseStore
STEPS = 150
LEASE_MS = 40


class Walk:
    """Random steps; each is a function that is done to both cellars, so that their answers can be compared."""

    def __init__(self, random: Random, circle: Any, people: list[PersonId]) -> None:
        self.random = random
        self.circle = circle
        self.people = people
        self.now_ms = 1_000
        self.rows: list[RowId] = [RowId("never-there")]
        self.n = 0

    def step(self) -> Callable[[Cellar], Awaitable[object]]:
        self.now_ms += self.random.choice((0, 1, 20, DAY_MS))
        steps = (
            [self.commit] * 5
            + [self.claim] * 3
            + [*(self.seal, self.mark_sent, self.postpone, self.bury, self.retry, self.drop)]
        )
        return self.random.choice(
            [*steps, self.forget, self.expire, self.leave] if self.random.random() < 0.1 else steps
        )()

    def row(self) -> RowId:
        return self.random.choice(self.rows[-12:])

    def claim(self) -> Callable[[Cellar], Awaitable[object]]:
        now_ms, limit = self.now_ms, self.random.randint(1, 4)
        unasked = self.random.choice((None, 0, 1, 3))
        return lambda cellar: cellar.claim(now_ms, LEASE_MS, limit, unasked)

    def seal(self) -> Callable[[Cellar], Awaitable[object]]:
        row, room = self.row(), self.random.choice(("!a", "!b"))
        texts = [TextId(f"t{self.random.randint(1, 6)}") for _ in range(self.random.randint(0, 2))]
        return lambda cellar: cellar.seal(row, room, row.encode(), texts)

    def mark_sent(self) -> Callable[[Cellar], Awaitable[object]]:
        row, now_ms = self.row(), self.now_ms
        return lambda cellar: cellar.mark_sent(row, f"${row}", now_ms)

    def postpone(self) -> Callable[[Cellar], Awaitable[object]]:
        row, failed = self.row(), self.random.random() < 0.5
        due_ms = self.random.choice((None, self.now_ms, self.now_ms + 20, self.now_ms + DAY_MS))
        return lambda cellar: cellar.postpone(row, due_ms, "why", failed=failed)

    def bury(self) -> Callable[[Cellar], Awaitable[object]]:
        row, now_ms, dead = self.row(), self.now_ms, self.random.random() < 0.5
        return lambda cellar: cellar.bury(row, "why", now_ms, dead=dead)

    def retry(self) -> Callable[[Cellar], Awaitable[object]]:
        which = self.random.random()

        async def retry(cellar: Cellar) -> object:
            found = await numbered(cellar, 9)
            return found and await cellar.retry(found[int(which * len(found))].id)

        return retry

    def drop(self) -> Callable[[Cellar], Awaitable[object]]:
        which = self.random.random()

        async def drop(cellar: Cellar) -> object:
            found = await numbered(cellar, 9)
            return found and await cellar.drop(found[int(which * len(found))].id)

        return drop

    def forget(self) -> Callable[[Cellar], Awaitable[object]]:
        person = self.people[-1]
        return lambda cellar: cellar.forget(person)

    def expire(self) -> Callable[[Cellar], Awaitable[object]]:
        now_ms = self.now_ms
        return lambda cellar: let_end(cellar, now_ms)

    def leave(self) -> Callable[[Cellar], Awaitable[object]]:
        changes = Changes(leaving=[self.random.choice(self.people)])
        return lambda cellar: cellar.commit(changes)

    def commit(self) -> Callable[[Cellar], Awaitable[object]]:
        changes, random = Changes(), self.random
        for _ in range(random.randint(0, 4)):
            self.lay_in(changes)
        for chance, add in ((0.3, self.withdraw), (0.3, self.release), (0.3, self.echo), (0.5, self.state)):
            if random.random() < chance:
                add(changes)
        return lambda cellar: cellar.commit(changes)

    def lay_in(self, changes: Changes) -> None:
        self.n += 1
        random, row = self.random, RowId(f"row{self.n}")
        more: dict[str, Any] = {"about": random.choice((None, InstanceId("1" * 32)))}
        if random.random() < 0.5:
            more[random.choice(("edits", "reacts", "replies", "redacts"))] = self.row()
        if random.random() < 0.1:
            more["redacts_event"] = "$said"
        if random.random() < 0.3:
            texts = {str(n): Text(TextId(f"t{random.randint(1, 6)}")) for n in range(2)}
            more["message"] = Message(lines=(Phrase("say", slots=texts),))
        if random.random() < 0.3:
            more["target"] = target(row)
        if random.random() < 0.2:
            more["not_before_ms"] = self.now_ms + 30
        if random.random() < 0.2:
            what = replace(post(row, self.circle), **more)
        else:
            urgency = random.choice(("timely", "reply", "quiet"))
            what = parcel(row, random.choice(self.people), urgency=urgency, **more)
        changes.parcels.append(new(what, self.now_ms + random.choice((0, 0, 20))))
        self.rows.append(row)

    def withdraw(self, changes: Changes) -> None:
        changes.withdrawn.append(self.row())

    def release(self, changes: Changes) -> None:
        changes.released.add(self.random.choice(self.people))

    def echo(self, changes: Changes) -> None:
        row = self.row()
        changes.echoes.append((f"txn-{row}", f"${row}", self.now_ms))

    def state(self, changes: Changes) -> None:
        random, n = self.random, self.random.randint(1, 6)
        instance, person = InstanceId(str(n % 3) * 32), random.choice(self.people)
        changes.seen[f"$seen{random.randint(1, 60)}"] = self.now_ms
        changes.snapshots[instance] = (snapshot(self.circle, instance, n), random.choice((0, n - 1, n)))
        prompts = tuple(prompt(self.row()) for _ in range(2))
        changes.desks[person] = (desk(person, n, prompts=prompts), random.choice((0, n - 1)))
        changes.journal.append(instance_line(random.randint(1, 40), instance))
        timer = TimerRow(f"i/{instance}", f"t{n}", n, self.now_ms + n)
        changes.timers[timer.actor, timer.name] = random.choice((timer, None))
        rang_ms = self.now_ms + random.choice((n, -random.randint(1, 30)))
        changes.rung.append(TimerRow(f"i/{instance}", f"t{n}", n, rang_ms))
        changes.texts.append(text_row(f"t{n}", person, f"words {self.n}", self.now_ms + n))
        changes.text_ends[TextId(f"t{random.randint(1, 6)}")] = self.now_ms + 1
        copies = random.choice(((), (TextCopy(TextId(f"t{n}"), TextId(f"c{n}"), instance, self.now_ms + n),)))
        moved = TextCopy(TextId(f"t{7 - n}"), TextId(f"m{n}"), instance, self.now_ms + n, loose=True)
        changes.copies.extend((*copies, *random.choice(((), (moved,)))))
        changes.parts.append((instance, f"p{n}", person))
        changes.adoptions.append(Adoption(self.circle, f"w{n}", random.random() < 0.5))
        changes.kept.append(KeptRow("kind", str(n), random.choice((b"value", None))))


async def begin(cellar: Cellar, random: Random) -> Walk:
    circle = await cellar.ensure_circle("!circle:example.org", "The garden")
    return Walk(random, circle, [await cellar.person(f"@{n}:example.org") for n in range(4)])


async def done(cellar: Cellar, step: Callable[[Cellar], Awaitable[object]]) -> object:
    try:
        return await step(cellar)
    except (Conflict, BadData) as refused:
        return type(refused)


async def numbered(cellar: Cellar, limit: int) -> list[Trouble]:
    """What waits for a human being, the oldest number first: numbers may have gaps where a transaction was undone."""
    return sorted(await cellar.troubles(limit), key=lambda trouble: (trouble.id[0], int(trouble.id[1:])))


async def everything(cellar: Cellar, walk: Walk) -> list[object]:
    """All that can be seen of a cellar."""
    instances = [InstanceId(str(n) * 32) for n in range(3)]
    want = Want(
        ids=frozenset(f"$seen{n}" for n in range(61)),
        instances=frozenset(instances),
        desks=frozenset(walk.people),
        events=frozenset(f"${row}" for row in walk.rows),
        delivered=frozenset(walk.people),
    )
    return [
        await cellar.load(want),
        await cellar.in_flight(),
        await cellar.next_parcel_ms(),
        await cellar.next_timer_ms(),
        await cellar.due_timers(walk.now_ms, 5),
        [await cellar.sent_event(row) for row in walk.rows[-20:]],
        [await cellar.standing(person, walk.now_ms) for person in walk.people],
        [await cellar.text(TextId(f"{kind}{n}")) for kind in "tcm" for n in range(7)],
        [await cellar.journal(f"i/{instance}") for instance in instances],
        [await cellar.rows_carrying([TextId(f"t{n}"), TextId(f"t{n + 1}")]) for n in range(1, 6)],
        [await cellar.rows_sent_to(person) for person in walk.people],
        [await cellar.texts_of(person) for person in walk.people],
        [await cellar.instances_of(person) for person in walk.people],
        await cellar.ended_texts(walk.now_ms, 4),
        await cellar.leaving(),
        await cellar.adopted(),
        await cellar.open_instances(walk.circle),
        await cellar.kept(),
        [replace(trouble, id=trouble.id[0]) for trouble in await numbered(cellar, 5)],
        await cellar.counts(walk.now_ms),
    ]


WALKS = [("sqlite", 0), ("sqlite", 1), ("sqlite", 2), ("colliding", 3), ("serializable", 4)]


@pytest.mark.parametrize(("where", "nth"), WALKS, indirect=["where"])
async def test_both_cellars_give_the_same_answers(where: Where, nth: int, seed: int) -> None:
    disk = await TortoiseStore.open(where, MASTER_KEY, random=Random(seed + nth))
    memory = MemoryStore(Random(seed + nth))
    try:
        walk = await begin(memory, Random(seed + nth))
        assert (await begin(disk, Random(seed + nth))).people == walk.people
        for n in range(STEPS):
            step = walk.step()
            here, there = await done(memory, step), await done(disk, step)
            assert here == there, f"step {n} of seed {seed}, walk {nth}: {step.__qualname__}"
            if n % 5 == 0:
                seen_here, seen_there = await everything(memory, walk), await everything(disk, walk)
                for mine, other in zip(seen_here, seen_there, strict=True):
                    assert mine == other, f"after step {n} of seed {seed}, walk {nth}: {step.__qualname__}"
    finally:
        await disk.close()
