"""Rows gather, leave in batches, and come back when a batch could not be committed."""

import asyncio

import pytest

from bridge.matrix.keep import Ledger, MemoryKeeper, NotCommitted, Row


class Broken(MemoryKeeper):
    broken = True

    async def commit(self, rows) -> None:
        if self.broken:
            raise NotCommitted("disk full")
        await super().commit(rows)


class Slow(MemoryKeeper):
    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def commit(self, rows) -> None:
        self.begun.set()
        await self.go_on.wait()
        await super().commit(rows)


async def test_a_row_is_written_as_it_is_when_its_batch_leaves() -> None:
    keeper = MemoryKeeper()
    ledger = Ledger(keeper)
    ratchet = [1]
    ledger.note("session", "a", lambda: bytes(ratchet))
    ratchet[0] = 2
    ledger.put("gone", "b", b"x")
    ledger.put("gone", "b", None)
    async with ledger.turn:
        await ledger.commit()
    assert keeper.rows == {("session", "a"): b"\x02"}
    async with ledger.turn:
        await ledger.commit()
    assert keeper.commits == 1


async def test_a_batch_that_could_not_be_committed_leaves_with_the_next_as_things_are_then() -> None:
    keeper = Broken()
    ledger = Ledger(keeper)
    ratchet = [1]
    ledger.note("session", "a", lambda: bytes(ratchet))
    ledger.put("cursor", "", b"old")
    with pytest.raises(NotCommitted):
        await ledger.commit()
    ratchet[0] = 2
    ledger.put("cursor", "", b"new")
    keeper.broken = False
    await ledger.commit()
    assert keeper.rows == {("session", "a"): b"\x02", ("cursor", ""): b"new"}


async def test_a_cancelled_commit_has_landed_before_the_turn_is_given_on() -> None:
    keeper = Slow()
    ledger = Ledger(keeper)
    ledger.put("a", "", b"1")

    async def commit() -> None:
        async with ledger.turn:
            await ledger.commit()

    task = asyncio.create_task(commit())
    await keeper.begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert ledger.turn.locked()
    keeper.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not ledger.turn.locked()
    assert keeper.rows == {("a", ""): b"1"}


def test_a_row_shows_no_value() -> None:
    assert "secret" not in repr(Row("kind", "key", b"secret"))
