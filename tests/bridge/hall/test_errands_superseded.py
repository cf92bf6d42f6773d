"""A webhook, or a look at the workflow files, that meets the moment in which another process begins to speak."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from bridge.circles.neighbours import Neighbours
from bridge.folders.librarian import Librarian, Stewards
from bridge.hall.errands import DeskErrands
from bridge.http.hooks import Beginning, Hook
from engine.runtime.line import StraightLine
from engine.runtime.ports import Superseded, Unavailable
from engine.testing import ManualClock, MemoryStore, faulty

HOOK = Hook("shed", "@ana:example.org", ("invite",), "0" * 32)


class _Circles:
    """Knows whom the hook acts for by asking a store that is another process's by now."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def learn(self, user_id: str) -> str:
        raise self._error


@pytest.mark.parametrize("error", [Superseded("another process"), Unavailable("away")])
async def test_whoever_calls_a_hook_just_then_is_told_to_ask_again(error: Exception) -> None:
    errands = DeskErrands(
        cast(StraightLine, None), MemoryStore(), cast(Neighbours, _Circles(error)), ManualClock()
    )
    answer = await errands.carry_out(HOOK, Beginning("1", "invite"))
    assert answer.outcome == "later"


async def test_looking_at_workflow_files_ends_then_and_is_no_defect_of_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    cellar, faults = faulty(MemoryStore())
    librarian = Librarian(tmp_path, cellar, ManualClock(), Stewards())
    await librarian.open()
    for name in ("commit", "load", "kept", "circles"):
        faults.fail(name, Superseded("another process"), times=9)

    async def look(_line: StraightLine) -> None:
        await cellar.kept()

    monkeypatch.setattr(librarian, "look", look)
    with pytest.raises(Superseded):
        async with asyncio.timeout(10):
            await librarian.run(cast(StraightLine, None), asyncio.Event())
    assert "could not be examined" not in caplog.text
