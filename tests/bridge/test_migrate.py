"""`hearth migrate-instances` shows what would happen, and then has the house do it: running or not."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from bridge.cli.migrate import AT_ONCE
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.loading.load import load_definition
from engine.runtime.practices import Practices
from engine.store import TortoiseStore
from engine.testing import MemoryStore
from tests.bridge.command import Outcome, hearth
from tests.bridge.folders.test_librarian import LATER, TEA
from tests.bridge.test_settings import KEY, furnish
from tests.engine.runtime.small_house import Shelf, SmallHouse

PRIVATE = TEA.replace("listed in: what's on\n", "").replace("    public: Tea with <host>\n", "")
RENAMED = LATER.replace("  open:\n", "  inviting:\n").replace("to: open", "to: inviting")
PEOPLE = ("ana", "ben", "chen", "dora")


def compiled(text: str) -> Definition:
    found = load_definition(text)
    assert isinstance(found, Definition), found
    return found


class _Shelf(Shelf):
    """What a house finds: its own definition in memory, every other where it is stored."""

    def __init__(self, store: TortoiseStore, definition: Definition) -> None:
        super().__init__(definition)
        self._store = store

    async def by_digest(self, digest: str) -> Definition | None:
        return await super().by_digest(digest) or await self._store.definition(digest)


class Teahouse:
    """A house with settings and a database of its own, in which tea is under way."""

    def __init__(self, folder: Path, house: SmallHouse) -> None:
        self.folder = folder
        self.house = house

    def write(self, text: str) -> Path:
        path = self.folder / "tea.yaml"
        path.write_text(text)
        return path

    async def move(self, *arguments: str) -> Outcome:
        file = self.folder / "tea.yaml"
        return await hearth("migrate-instances", "--folder", self.folder, file, *arguments)

    async def running(self) -> list[Snapshot]:
        return list(await self.house.snapshots())


@contextlib.asynccontextmanager
async def teahouse(folder: Path, text: str = TEA) -> AsyncIterator[Teahouse]:
    furnish(folder)
    (folder / "data").mkdir()
    (folder / "keys").mkdir()
    store = await TortoiseStore.open(
        folder / "data" / "hearth.db", bytes.fromhex(KEY), keys=folder / "keys" / "hearth.keys"
    )
    house = SmallHouse(store=cast(MemoryStore, store))
    try:
        definition = compiled(text)
        await store.put_definition(definition, text)
        house.shelf = _Shelf(store, definition)
        house.practices = Practices(house.shelf, house.village, rehearsed=True)
        house.line = house.another_line()
        house.bell._line = house.line
        house.village.circle = await store.ensure_circle("!circle:hearth.test", "Circle")
        for name in PEOPLE:
            house.village.persons[name] = await store.person(f"@{name}:hearth.test")
            house.postman.present.add(house.id(name))
        house.line.start()
        for name in PEOPLE:
            await house.say(name, "start")
        await house.settle()
        yield Teahouse(folder, house)
        await house.close()
    finally:
        await store.close()


@pytest.fixture
async def four(tmp_path: Path) -> AsyncIterator[Teahouse]:
    """Four that everybody can see."""
    async with teahouse(tmp_path) as tea:
        for name, guest in zip(PEOPLE, (*PEOPLE[1:], PEOPLE[0]), strict=True):
            await tea.house.say(name, f"tea @{guest}")
        await tea.house.settle()
        yield tea


async def test_it_counts_first_and_changes_nothing(four: Teahouse) -> None:
    four.write(LATER)
    before = await four.running()
    shown = await four.move()
    assert shown.status == 0, shown.text
    assert "4 in open → open" in shown.out
    assert "Nothing has been changed. The same command with --apply moves them." in shown.out
    await four.house.settle()
    assert await four.running() == before


async def test_applied_the_running_house_moves_them_and_nobody_hears_of_it(four: Teahouse) -> None:
    four.write(LATER)
    four.house.postman.brought.clear()
    asked = await four.move("--apply")
    assert asked.status == 0, asked.text
    assert "Asked for." in asked.out
    again = await four.move("--apply")
    assert again.status == 0, "asked for twice, done once"
    await four.house.settle()
    assert {s.definition for s in await four.running()} == {compiled(LATER).digest}
    assert four.house.postman.brought == []
    assert "Nothing runs on another version" in (await four.move()).out
    assert await cast(TortoiseStore, four.house.store).quarantined() == []


async def test_a_move_is_a_line_in_the_journal(four: Teahouse) -> None:
    four.write(LATER)
    await four.move("--apply")
    await four.house.settle()
    (first, *_) = await four.running()
    lines = await four.house.store.journal(f"i/{first.id}")
    assert type(lines[-1].event).__name__ == "Migrated"
    assert lines[-1].result == "decided"


async def test_a_state_that_is_gone_needs_a_way(four: Teahouse) -> None:
    four.write(RENAMED)
    refused = await four.move("--apply")
    assert refused.status == 1
    assert "4 in open → needs --map open=… (draft, inviting)" in refused.out
    assert "either all of them are moved, or none" in refused.out
    moved = await four.move("--map", "open=inviting", "--apply")
    assert moved.status == 0, moved.text
    await four.house.settle()
    assert {s.state for s in await four.running()} == {"inviting"}


async def test_what_stands_in_the_way_is_said_and_then_none_is_moved(four: Teahouse) -> None:
    four.write(LATER.replace("seen by: host", "seen by: host, guests"))
    before = await four.running()
    refused = await four.move("--apply")
    assert refused.status == 1
    assert "in the way: the answers to `invited` would be seen by more people" in refused.out
    await four.house.settle()
    assert await four.running() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--map", "open"), "Write --map OLD_STATE=NEW_STATE."),
        (("--map", "open=opne"), "Did you mean open?"),
        (("--map", "open=done"), "done is an end"),
        (("--map", "opne=open"), "Did you mean open?"),
        (("--map", "open=open", "--map", "open=draft"), "Name one."),
    ],
)
async def test_a_way_that_is_not_clear_is_not_guessed(
    four: Teahouse, arguments: tuple[str, ...], said: str
) -> None:
    four.write(LATER)
    refused = await four.move(*arguments)
    assert refused.status == 2, refused.text
    assert said in refused.err


async def test_only_one_version_may_be_named(four: Teahouse) -> None:
    four.write(LATER)
    assert "Nothing runs" in (await four.move("--from", "ffffffffffff0000")).out
    assert "4 in open" in (await four.move("--from", compiled(TEA).digest[:12])).out


async def test_a_file_that_is_not_fit_is_no_version(four: Teahouse) -> None:
    four.write(TEA.replace("to: done", "to: doone"))
    refused = await four.move()
    assert refused.status == 1
    assert "unknown state `doone`" in refused.err


async def test_one_or_two_that_only_those_in_them_know_of_are_a_few(tmp_path: Path) -> None:
    async with teahouse(tmp_path, PRIVATE) as tea:
        changed = tea.write(PRIVATE.replace("3 days after opening", "4 days after opening"))
        for n, name in enumerate(PEOPLE, 1):
            await tea.house.say(name, f"tea @{PEOPLE[n % 4]}")
            report = json.loads((await tea.move("--format", "json")).out)
            (row,) = report["rows"]
            assert (row["state"], row["count"]) == (("*", "a few") if n < 3 else ("open", str(n)))
            shown = await tea.move()
            assert ("a few elsewhere → each to the state of the same name" in shown.out) == (n < 3)
        assert changed.exists()


async def test_many_are_asked_for_in_portions(tmp_path: Path) -> None:
    async with teahouse(tmp_path) as tea:
        many = AT_ONCE + 3
        for n in range(many):
            await tea.house.say(PEOPLE[n % 4], f"tea @{PEOPLE[(n + 1) % 4]}")
        tea.write(LATER)
        asked = await tea.move("--apply")
        assert f"{many} in open → open" in asked.out
        await tea.house.settle()
        assert {s.definition for s in await tea.running()} == {compiled(LATER).digest}


async def test_without_a_database_there_is_nothing_to_move(tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / "tea.yaml").write_text(TEA)
    refused = await hearth("migrate-instances", "--folder", tmp_path, tmp_path / "tea.yaml")
    assert refused.status == 1
    assert "is not there" in refused.err
