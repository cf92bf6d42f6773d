"""What the cellars on disk promise to each other, SQLite and PostgreSQL alike: several handles, several processes, and
callers that do not wait.
"""

from __future__ import annotations

import asyncio
import sys

import pytest

from engine.core.values import RowId
from engine.runtime.ports import Changes, Conflict, Want
from tests.engine.store.conftest import OnDisk, ground
from tests.engine.store.goods import desk, mail, parcel

NOW = 1_000_000


async def test_several_may_open_a_new_database_at_once(new_disk: OnDisk) -> None:
    stores = await asyncio.gather(*(new_disk.open() for _ in range(4)))
    people = await asyncio.gather(*(store.person("@ada:example.org") for store in stores))
    circles = await asyncio.gather(*(store.ensure_circle("!circle:example.org", "c") for store in stores))
    assert (len(set(people)), len(set(circles))) == (1, 1)


async def test_of_two_handles_that_change_the_same_thing_one_must_decide_again(disk: OnDisk) -> None:
    one, other = await disk.open(), await disk.open()
    g = await ground(one)
    await one.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    both = await asyncio.gather(
        *(store.commit(Changes(desks={g.ada: (desk(g.ada, 2), 1)})) for store in (one, other)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in both if outcome is not None] == [Conflict]
    assert (await other.load(Want(desks=frozenset({g.ada})))).desks[g.ada].version == 2


async def test_whoever_takes_over_knows_no_name_that_was_forgotten_meanwhile(disk: OnDisk) -> None:
    one, other = await disk.open(), await disk.open()
    g = await ground(one)
    assert await other.matrix_id(g.ada) == "@ada:example.org"
    await one.forget(g.ada)
    lease = await other.take_lease("@bot:example.org", "other", 1_000)
    assert lease is not None
    assert await other.under(lease).matrix_id(g.ada) is None


async def test_a_name_that_another_process_forgot_is_soon_forgotten_here(disk: OnDisk) -> None:
    one, other = await disk.open(), await disk.open()
    g = await ground(one)
    assert await other.matrix_id(g.ada) == "@ada:example.org"
    await one.forget(g.ada)
    async with asyncio.timeout(10):  # nobody is told of it
        while await other.matrix_id(g.ada) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await other.matrix_id(g.bo) == "@bo:example.org"


COUNT = """
import asyncio, sys
from engine.runtime.ports import Changes, Conflict, Want
from engine.store import TortoiseStore
from msgspec.structs import replace

async def count(path, steps):
    store = await TortoiseStore.open(path, bytes(range(32)))
    ada = await store.person("@ada:example.org")
    while steps:
        desk = (await store.load(Want(desks=frozenset({ada})))).desks[ada]
        try:
            new = replace(desk, version=desk.version + 1)
            await store.commit(Changes(desks={ada: (new, desk.version)}))
            steps -= 1
        except Conflict:
            pass
    await store.close()

asyncio.run(count(sys.argv[1], int(sys.argv[2])))
"""


async def test_processes_that_count_together_lose_no_step(disk: OnDisk) -> None:
    store = await disk.open()
    g = await ground(store)
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    counting = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", COUNT, str(disk.where), "40")
        for _ in range(2)
    ]
    assert [await process.wait() for process in counting] == [0, 0]
    assert (await store.load(Want(desks=frozenset({g.ada})))).desks[g.ada].version == 81


async def test_a_claim_gives_each_parcel_to_one_of_two_handles(disk: OnDisk) -> None:
    one, other = await disk.open(), await disk.open()
    g = await ground(one)
    people = [await one.person(f"@{n}:example.org") for n in range(20)]
    await one.commit(mail(*(parcel(f"r{n}", who) for n, who in enumerate(people))))
    claims = await asyncio.gather(*(store.claim(NOW, 100, 3) for store in (one, other) * 4))
    rows = [journey.parcel.row for claim in claims for journey in claim]
    assert (len(rows), len(set(rows))) == (20, 20)
    assert g.circle


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancelled_caller_leaks_nothing(disk: OnDisk, steps: int) -> None:
    store = await disk.open()
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada)))
    works = [
        asyncio.create_task(store.commit(Changes(seen={"$a": 1}, desks={g.ada: (desk(g.ada), 0)}))),
        asyncio.create_task(store.claim(NOW, 100, 1)),
        asyncio.create_task(store.mark_sent(RowId("r1"), "$r1", NOW)),
        asyncio.create_task(store.ensure_circle("!new:example.org", "New")),
    ]
    for _ in range(steps):
        await asyncio.sleep(0)
    for work in works:
        work.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    async with asyncio.timeout(5):
        await store.commit(Changes(seen={"$b": 1}))
        await store.mark_sent(RowId("r1"), "$r1", NOW)
        found = await store.load(Want(ids=frozenset({"$a", "$b"}), desks=frozenset({g.ada})))
    assert "$b" in found.seen
    assert ("$a" in found.seen) == (g.ada in found.desks)


async def test_closing_waits_for_what_is_under_way(disk: OnDisk) -> None:
    store = await disk.open()
    work = asyncio.create_task(store.commit(Changes(seen={"$a": 1})))
    await asyncio.sleep(0)
    await store.close()
    await work
    assert (await (await disk.open()).load(Want(ids=frozenset({"$a"})))).seen == {"$a"}
