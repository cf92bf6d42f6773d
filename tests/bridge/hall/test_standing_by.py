"""A process that cannot stand by any more leaves no leave to speak behind that nobody makes use of."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from bridge.plan import Plan
from bridge.wiring import Hearth
from engine.runtime.ports import Lease
from engine.runtime.speaking import Speaker
from engine.testing import ManualClock, MemoryStore

BOT = "@hearth:example.org"


class _Broken:
    """A life that takes in the moment at which it is given up that it is our turn."""

    def __init__(self, store: MemoryStore, other: Lease) -> None:
        self._store = store
        self._other = other

    async def stand_by(self, _over: asyncio.Event) -> None:
        await self._store.end_lease(self._other)
        raise RuntimeError("a defect")


@pytest.mark.parametrize("pause_seconds", [0.0, 3600.0])
async def test_whoever_fails_while_standing_by_neither_takes_nor_keeps_the_leave_to_speak(
    monkeypatch: pytest.MonkeyPatch, pause_seconds: float
) -> None:
    store = MemoryStore()
    other = await store.take_lease(BOT, "other", 60_000)
    assert other is not None

    async def pause(_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)

    hearth = Hearth(cast(Plan, None), store, cast(Any, ManualClock()), leases=store, holder="ours")
    monkeypatch.setattr(hearth, "_live", lambda *_: _Broken(store, other))
    speaker = Speaker(store, BOT, "ours", pause=pause)
    with pytest.raises(RuntimeError, match="a defect"):
        await hearth._stand_by(speaker, asyncio.Event())
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert await store.take_lease(BOT, "third", 60_000) is not None
