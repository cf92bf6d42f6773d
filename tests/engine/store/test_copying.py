"""A copy holds what the original holds, whichever kind of database the two are, or it is no copy."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.core.values import TextId
from engine.runtime.ports import Changes, KeptRow, SetAside, Spoken
from engine.store import TortoiseStore, Unfinished, WrongMasterKey
from engine.store.copying import (
    CannotCopy,
    Differs,
    InUse,
    NotEmpty,
    NotOfThisVersion,
    Progress,
    bring_up_to_date,
    copy,
    holds_keys,
)
from engine.store.sides import Lodging
from engine.store.tables import CELLAR_TABLES, KEY_TABLES
from tests.engine.store.conftest import MASTER_KEY, ground
from tests.engine.store.goods import I1, desk, instance_line, mail, parcel, snapshot, text_row
from tests.engine.store.lodgings import contents, files, fill_every_table, remove_what_was_made_up, tell
from tests.world.postgres import Postgres

KINDS = ("sqlite", "postgres")
Make = Callable[[str], Lodging]


@pytest.fixture(scope="session")
def only_tables(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> dict[str, Lodging]:
    """Of each kind one with tables and nothing in them: copying that is quicker than making them each time."""
    made = {"sqlite": files(tmp_path_factory.mktemp("tables")), "postgres": Lodging(postgres.database())}
    for lodging in made.values():
        asyncio.run(bring_up_to_date(lodging))
    return made


@pytest.fixture
def make(tmp_path: Path, postgres: Postgres, only_tables: dict[str, Lodging]) -> Make:
    """A place of a kind, in which there is nothing yet: ``new`` ones do not even have tables."""

    def fresh(kind: str) -> Lodging:
        if "sqlite" in kind:
            made = tmp_path / f"s{len(list(tmp_path.iterdir()))}"
            made.mkdir()
            if kind == "sqlite":
                shutil.copytree(only_tables["sqlite"].path.parent, made, dirs_exist_ok=True)
            return files(made)
        like = str(only_tables["postgres"].database) if kind == "postgres" else None
        return Lodging(postgres.database(like))

    return fresh


async def open_in(lodging: Lodging) -> TortoiseStore:
    return await TortoiseStore.open(lodging.database, MASTER_KEY, keys=lodging.keys)


async def lived_in(lodging: Lodging) -> Lodging:
    """A place with a house in it, and something in every table."""
    store = await open_in(lodging)
    g = await ground(store)
    await store.commit(
        Changes(
            snapshots={I1: (snapshot(g.circle), 0)},
            desks={g.ada: (desk(g.ada, consent="yes"), 0)},
            parts=[(I1, "p1", g.ada)],
            journal=[instance_line(1)],
            texts=[text_row("t1", g.ada, "quince")],
            kept=[KeptRow("olm_account", "DEVICE", b"old ratchet"), KeptRow("room", "!r", b"kept")],
        )
    )
    await store.commit(mail(parcel("r1", g.ada)))
    await store.close()
    fill_every_table(lodging)
    return lodging


def test_every_table_that_a_model_has_is_copied(tmp_path: Path) -> None:
    place = files(tmp_path)
    asyncio.run(_open_and_close(place))
    found = tell(
        place,
        "SELECT name FROM main.sqlite_master WHERE type = 'table' UNION ALL"
        " SELECT name FROM keys.sqlite_master WHERE type = 'table'",
    )
    there = {name for (name,) in found} - {"tortoise_migrations", "sqlite_sequence"}
    assert {table.name for table in (*CELLAR_TABLES, *KEY_TABLES)} == there
    for table in CELLAR_TABLES:
        columns = {row[1] for row in tell(place, f"PRAGMA main.table_info({table.name})")}
        assert set(table.columns) == columns, table.name


async def _open_and_close(place: Lodging) -> None:
    await (await open_in(place)).close()


@pytest.mark.parametrize("from_kind", KINDS)
@pytest.mark.parametrize("to_kind", KINDS)
async def test_a_copy_has_every_row_of_every_table_and_opens_as_the_original_did(
    make: Make, from_kind: str, to_kind: str
) -> None:
    source, target = await lived_in(make(from_kind)), make(to_kind)
    before = contents(source)
    assert all(len(rows) >= 2 for rows in before.values())
    shown: list[Progress] = []
    tallies = await copy(source, target, MASTER_KEY, report=shown.append)
    assert contents(target) == before == contents(source)
    assert {each.table: each.rows for each in tallies} == {
        name: len(rows) - (name == "house") for name, rows in before.items()
    }
    assert {(each.what, each.table) for each in shown} == {
        (what, name) for what in ("copied", "compared") for name in before
    }
    assert all(each.done <= each.of for each in shown)
    remove_what_was_made_up(target)
    store = await open_in(target)
    ada = await store.person("@ada:example.org")
    assert await store.matrix_id(ada) == "@ada:example.org"
    assert await store.text(TextId("t1")) == "quince"
    assert await store.journal(f"i/{I1}") == [instance_line(1)]
    assert [each.parcel.row for each in await store.claim(10, 5, 9)] == ["r1"]
    await store.close()


@pytest.mark.parametrize("from_kind", KINDS)
@pytest.mark.parametrize("to_kind", KINDS)
async def test_a_number_that_was_given_once_is_not_given_again_in_the_copy(
    make: Make, from_kind: str, to_kind: str
) -> None:
    source, target = make(from_kind), make(to_kind)
    store = await open_in(source)
    g = await ground(store)

    def aside(n: int) -> Changes:
        spoken = Spoken(id=f"$a{n}", occurred_ms=1, person=g.ada, body="quince")
        return Changes(seen={f"$a{n}": 1}, set_aside=[SetAside(spoken, "E", n)])

    for n in range(3):
        await store.commit(aside(n))
    assert [each.id for each in await store.troubles(9)] == ["e1", "e2", "e3"]
    for trouble in ("e1", "e2", "e3"):
        assert await store.drop(trouble)
    await store.close()
    await copy(source, target, MASTER_KEY)
    store = await open_in(target)
    await store.commit(aside(4))
    assert [each.id for each in await store.troubles(9)] == ["e4"]
    await store.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_kinds_of_rows_that_belong_to_a_device_stay_behind(make: Make, kind: str) -> None:
    source, target = make(kind), make("sqlite")
    store = await open_in(source)
    await store.commit(Changes(kept=[KeptRow("olm_account", "D", b"1"), KeptRow("room", "!r", b"2")]))
    await store.close()
    await copy(source, target, MASTER_KEY, without=("olm_account", "olm_session"))
    store = await open_in(target)
    assert await store.kept() == {("room", "!r"): b"2"}
    await store.close()


# ── what is refused ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
async def test_a_target_in_which_there_is_anything_is_refused_and_left_as_it_was(
    make: Make, kind: str
) -> None:
    source, target = await lived_in(make("sqlite")), make(kind)
    store = await open_in(target)
    await store.close()
    before = contents(target)
    with pytest.raises(NotEmpty, match="not empty"):
        await copy(source, target, MASTER_KEY)
    assert contents(target) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", ["copied", "compared"])
async def test_a_copy_that_was_cut_short_is_refused_by_everybody_until_it_is_emptied(
    make: Make, kind: str, moment: str
) -> None:
    source, target = await lived_in(make("sqlite")), make(f"new {kind}")

    def cut(progress: Progress) -> None:
        if (progress.what, progress.table) == (moment, "outbox"):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await copy(source, target, MASTER_KEY, report=cut)
    with pytest.raises(Unfinished, match="not whole"):
        await open_in(target)
    with pytest.raises(Unfinished, match="empty it"):
        await copy(source, target, MASTER_KEY)
    with pytest.raises(Unfinished):
        await copy(target, make("sqlite"), MASTER_KEY)
    if target.is_postgres:
        tell(target, "DROP SCHEMA public CASCADE")
        tell(target, "DROP SCHEMA keys CASCADE")
        tell(target, "CREATE SCHEMA public")
    else:
        shutil.rmtree(target.path.parent)
        target.path.parent.mkdir()
    await copy(source, target, MASTER_KEY)
    assert contents(target) == contents(source)


async def test_the_keys_of_somebody_else_are_not_mixed_with_ours(make: Make) -> None:
    source, other = await lived_in(make("sqlite")), make("sqlite")
    await (await open_in(other)).close()
    other.path.unlink()
    assert holds_keys(other)
    with pytest.raises(NotEmpty, match="there are keys"):
        await copy(source, other, MASTER_KEY)
    with pytest.raises(WrongMasterKey, match="another database"):
        await copy(source, Lodging(make("sqlite").path, other.keys), MASTER_KEY, under_other_keys=True)


@pytest.mark.parametrize("kind", KINDS)
async def test_another_master_key_is_refused_before_anything_is_made(make: Make, kind: str) -> None:
    source, target = await lived_in(make(kind)), make("new sqlite")
    with pytest.raises(WrongMasterKey):
        await copy(source, target, bytes(32))
    assert not target.path.exists()


async def test_an_empty_database_and_one_of_an_earlier_version_are_no_source(make: Make) -> None:
    empty = make("new postgres")
    with pytest.raises(CannotCopy, match="no house in it"):
        await copy(empty, make("sqlite"), MASTER_KEY)
    old = await lived_in(make("sqlite"))
    ((newest,),) = tell(old, "SELECT max(name) FROM main.tortoise_migrations")
    tell(old, "DELETE FROM main.tortoise_migrations WHERE name = ?", newest)
    with pytest.raises(NotOfThisVersion, match=newest):
        await copy(old, make("sqlite"), MASTER_KEY)


async def test_what_changes_on_the_way_is_noticed(make: Make) -> None:
    source, target = await lived_in(make("sqlite")), make("postgres")

    def spoil(progress: Progress) -> None:
        if (progress.what, progress.table) == ("copied", "texts"):
            tell(target, "UPDATE seen SET at = 0 WHERE id = 'id 11 ü'")

    with pytest.raises(Differs, match="seen has other rows than it should"):
        await copy(source, target, MASTER_KEY, report=spoil)
    with pytest.raises(Unfinished):
        await open_in(target)


async def test_what_postgres_cannot_keep_is_said_by_its_table_and_not_repeated(make: Make) -> None:
    source, target = await lived_in(make("sqlite")), make("postgres")
    tell(source, "INSERT INTO seen (id, at) VALUES (?, 1)", "quince\0")
    with pytest.raises(CannotCopy, match="a row of seen cannot be kept") as told:
        await copy(source, target, MASTER_KEY)
    assert "quince" not in str(told.value)


async def test_a_postgres_database_that_a_house_has_open_is_not_copied(make: Make) -> None:
    source = await lived_in(make("postgres"))
    remove_what_was_made_up(source)
    store = await open_in(source)
    with pytest.raises(InUse, match="stop Hearth first"):
        await copy(source, make("sqlite"), MASTER_KEY)
    await store.close()
    await copy(source, make("sqlite"), MASTER_KEY)
