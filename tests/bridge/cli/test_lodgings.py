"""`hearth backup`, `hearth restore` and `hearth store copy` as an operator reads them: a result, or what helps."""

from __future__ import annotations

import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from bridge.cli.lodgings import ProgressLine
from bridge.cli.speech import Status
from engine.store import TortoiseStore
from engine.store.copying import Progress
from engine.store.hot_path import UNFINISHED
from tests.bridge.cli.test_graph import KEY, furnish
from tests.bridge.command import Outcome, hearth

PASSWORD = "quiet-harbour"
AWAY = f"postgresql://hearth:{PASSWORD}@127.0.0.1:1/garden"


@pytest.fixture
async def house(tmp_path: Path) -> Path:
    """A folder with an empty house."""
    folder = tmp_path / "house"
    folder.mkdir()
    database = furnish(folder).database
    database.keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = await TortoiseStore.open(database.path, bytes.fromhex(KEY), keys=database.keys, random=Random(1))
    await store.person("@ada:example.org")
    await store.close()
    return folder


async def in_house(house: Path, *arguments: str | Path, **variables: str) -> Outcome:
    first = 2 if arguments[0] == "store" else 1
    return await hearth(*arguments[:first], "--folder", house, *arguments[first:], **variables)


def database_in(house: Path) -> Path:
    return furnished(house, "hearth.db")


def furnished(house: Path, name: str) -> Path:
    (found,) = house.rglob(name)
    return found


async def back_up(house: Path) -> tuple[Path, Path]:
    file, keys = house.parent / "backup.db", house.parent / "kept.keys"
    made = await in_house(house, "backup", file, "--keys", keys)
    assert made.status == 0, made.text
    return file, keys


async def test_away_from_a_terminal_only_the_result_is_printed(house: Path) -> None:
    file, keys = house.parent / "backup.db", house.parent / "kept.keys"
    made = await in_house(house, "backup", file, "--keys", keys)
    assert (made.status, made.err) == (0, ""), made.text
    copied = await in_house(house, "store", "copy", "settings", house.parent / "copy.db")
    assert (copied.status, copied.err) == (0, ""), copied.text
    for each in ("hearth.db", "hearth.keys"):
        furnished(house, each).unlink()
    back = await in_house(house, "restore", file, "--keys", keys, "--only-data")
    assert (back.status, back.err) == (0, ""), back.text


class Terminal(io.StringIO):
    """Says of itself that somebody looks at it."""

    def isatty(self) -> bool:
        return True


def test_at_a_terminal_one_line_says_how_far_it_is_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    line = ProgressLine()
    line(Progress("copied", "texts", 3, 7))
    assert terminal.getvalue() == "\rcopied texts: 3 of 7"
    line.end()
    assert terminal.getvalue().endswith("\r" + " " * 20 + "\r")


async def test_an_unfinished_database_is_called_so_also_where_there_are_keys_to_replace(house: Path) -> None:
    _, keys = await back_up(house)
    with closing(sqlite3.connect(database_in(house))) as db, db:
        db.execute("UPDATE house SET sealed = ? WHERE id = 1", (UNFINISHED,))
    refused = await in_house(house, "backup", house.parent / "next.db", "--keys", keys)
    assert refused.status == 1
    assert "it is not whole" in refused.err
    assert "master key" not in refused.err


async def test_a_database_that_cannot_be_reached_is_named_with_the_reason_and_without_its_password(
    house: Path,
) -> None:
    said = "postgresql://hearth@127.0.0.1:1/garden cannot be reached: "
    for arguments in (
        ("backup", house.parent / "backup.db", "--keys", house.parent / "kept.keys"),
        ("store", "copy", "settings", house.parent / "copy.db"),
    ):
        outcome = await in_house(house, *arguments, HEARTH_DATABASE_URL=AWAY)
        assert outcome.status == 1
        assert said in outcome.err
        assert "refused" in outcome.err
        assert PASSWORD not in outcome.text
    outcome = await in_house(house, "store", "copy", "settings", AWAY)
    assert said in outcome.err
    assert PASSWORD not in outcome.text


@pytest.mark.parametrize(
    "typed",
    [
        f"postgresql:/hearth:{PASSWORD}@db/hearth",
        f"postgres:hearth:{PASSWORD}@db/hearth",
        f"hearth:{PASSWORD}@db.example.org/hearth",
        f"PostgreSQL://hearth:{PASSWORD}@db/hearth",
        f"pg://hearth:{PASSWORD}@db/hearth",
        f"postgresql//hearth:{PASSWORD}@db/hearth",
    ],
)
async def test_an_address_that_is_mistyped_is_no_file_and_its_password_is_not_repeated(
    house: Path, typed: str
) -> None:
    for ends in (("settings", typed), (typed, house.parent / "copy.db")):
        outcome = await in_house(house, "store", "copy", *ends)
        assert outcome.status == Status.USAGE
        assert "postgresql://user@host" in outcome.err
        assert PASSWORD not in outcome.text
    assert not (house.parent / "copy.db").exists()


async def test_a_damaged_backup_is_refused_with_the_hint_to_use_another_one(house: Path) -> None:
    file, keys = await back_up(house)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE people SET sealed = x'00'")
    refused = await in_house(house, "restore", file, "--keys", keys, "--only-data")
    assert refused.status == 1
    for each in ("hearth.db", "hearth.keys"):
        furnished(house, each).unlink()
    refused = await in_house(house, "restore", file, "--keys", keys, "--only-data")
    assert refused.err == (
        f"hearth: {file}: people has other rows than it should.\nNothing was written. Use another backup.\n"
    )


async def test_what_is_no_backup_and_what_holds_no_house_is_answered_with_what_helps(house: Path) -> None:
    gone = house.parent / "gone.db"
    refused = await in_house(house, "restore", gone, "--only-data")
    assert refused.err == f"hearth: {gone} is not there.\nCheck its path.\n"
    other = house.parent / "list.db"
    other.write_text("a shopping list\n" * 100, encoding="utf-8")
    refused = await in_house(house, "restore", other, "--only-data")
    assert "is no backup that Hearth can read" in refused.err
    assert "Name a file that `hearth backup` made" in refused.err
    with closing(sqlite3.connect(database_in(house))) as db, db:
        db.execute("DELETE FROM house")
    refused = await in_house(house, "store", "copy", "settings", house.parent / "copy.db")
    assert "there is no house in it.\nCheck that it is the one you mean." in refused.err
