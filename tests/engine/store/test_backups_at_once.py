"""Two backups that are made at once: the keys in their place are whole at every moment, whoever comes first."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from engine.runtime.ports import Unavailable
from engine.store import TortoiseStore, WrongMasterKey, backing_up
from engine.store.alone import alone_with
from engine.store.backing_up import Label, back_up
from engine.store.copying import InUse, Progress, Report, copy
from engine.store.sides import Lodging
from tests.engine.store.conftest import MASTER_KEY
from tests.engine.store.lodgings import files

PEOPLE = 30


@pytest.fixture
async def live(tmp_path: Path) -> Lodging:
    """A house with a few people, and beside it a copy of its keys from yesterday."""
    found = files(tmp_path, "live")
    store = await TortoiseStore.open(found.database, MASTER_KEY, keys=found.keys)
    for n in range(PEOPLE):
        await store.person(f"@p{n}:example.org")
    await store.close()
    assert found.keys is not None
    shutil.copyfile(found.keys, tmp_path / "kept.keys")
    return found


def seals_in(keys: Path) -> int:
    with closing(sqlite3.connect(f"file:{keys}?mode=ro", uri=True)) as db:
        (count,) = db.execute("SELECT count(*) FROM seals").fetchone()
        return int(count)


def names_in(folder: Path) -> list[str]:
    """What lies there besides the live house."""
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("live"))


@pytest.mark.parametrize("table", ["people", "seals"])
@pytest.mark.parametrize("what", ["copied", "compared"])
async def test_two_backups_at_once_never_leave_keys_that_are_not_whole(
    live: Lodging, tmp_path: Path, what: str, table: str
) -> None:
    """The second begins in the midst of the first, with another file and the same keys, as by cron and by hand."""
    second: list[asyncio.Task[Label]] = []

    async def make(name: str, report: Report = lambda _: None) -> Label:
        return await back_up(
            live, tmp_path / name, tmp_path / "kept.keys", MASTER_KEY, now_ms=1, version="1", report=report
        )

    def begin(progress: Progress) -> None:
        if (progress.what, progress.table) == (what, table) and not second:
            second.append(asyncio.create_task(make("two.db")))

    label = await make("one.db", begin)
    with pytest.raises(InUse, match=r"kept\.keys"):
        await second[0]
    assert sum(each.rows for each in label.tallies if each.table == "people") == PEOPLE
    assert seals_in(tmp_path / "kept.keys") == PEOPLE + 1
    assert names_in(tmp_path) == ["kept.keys", "one.db"]
    assert (await make("two.db")).tallies == label.tallies


async def test_keys_that_do_not_open_the_backup_never_take_the_place_of_those_that_do(
    live: Lodging, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever comes between the copy and its place: here a cleaner that takes the half-made file away."""
    kept = tmp_path / "kept.keys"

    for leave, error in ((Path.unlink, Unavailable), (_emptied, WrongMasterKey)):

        async def copied(*these: object, leave: object = leave, **more: object) -> object:
            tallies = await copy(*these, **more)  # type: ignore[arg-type]
            leave(tmp_path / "kept.keys.part")  # type: ignore[operator]
            return tallies

        monkeypatch.setattr(backing_up, "copy", copied)
        with pytest.raises(error):
            await back_up(live, tmp_path / "one.db", kept, MASTER_KEY, now_ms=1, version="1")
        assert seals_in(kept) == PEOPLE + 1
        assert not (tmp_path / "one.db").exists()


def _emptied(keys: Path) -> None:
    with closing(sqlite3.connect(keys)) as db, db:
        db.execute("DELETE FROM seals")


def test_a_lock_is_one_persons_at_a_time_and_is_gone_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "kept.keys"
    with alone_with(file) as first, alone_with(file) as second:
        assert (first, second) == (True, False)
    assert not list(tmp_path.iterdir())
    with alone_with(file) as again:
        assert again
