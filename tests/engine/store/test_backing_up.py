"""A backup is whole, of one moment, and made beside whoever writes; what was erased does not come back with it."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from engine.core.values import CircleId, RowId
from engine.runtime.ports import Changes
from engine.store import TortoiseStore, WrongMasterKey, schemas, tables
from engine.store.backing_up import NoBackup, back_up, label_of, restore
from engine.store.copying import CannotCopy, Differs, NotEmpty, Progress, Tally, bring_up_to_date
from engine.store.hot_path import MARK
from engine.store.keyless import Keyless, KeysMissing
from engine.store.scopes import HOUSE
from engine.store.sealing import KeyRing
from engine.store.sides import Lodging
from tests.engine.store.conftest import MASTER_KEY, ground
from tests.engine.store.goods import I1, desk, mail, parcel, post, snapshot, text_row
from tests.engine.store.lodgings import contents, files, tell
from tests.world.postgres import Postgres

NOW = 1_795_400_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path, opened_once: Path) -> Lodging:
    if request.param == "postgres":
        return Lodging(request.getfixturevalue("postgres_database"))
    shutil.copytree(opened_once, tmp_path / "live")
    return files(tmp_path / "live")


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    """A folder for backups."""
    folder = tmp_path / "safe"
    folder.mkdir()
    return folder


async def open_in(lodging: Lodging) -> TortoiseStore:
    return await TortoiseStore.open(lodging.database, MASTER_KEY, keys=lodging.keys)


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def make_backup(source: Lodging, safe: Path, name: str = "one") -> tuple[Tally, ...]:
    label = await back_up(
        source, safe / f"{name}.db", safe / "hearth.keys", MASTER_KEY, now_ms=NOW, version="1.2"
    )
    return label.tallies


async def test_a_backup_is_one_file_and_one_of_keys_for_their_owner_alone(
    source: Lodging, safe: Path
) -> None:
    store = await open_in(source)
    await ground(store)
    await make_backup(source, safe)
    await store.close()
    assert names_in(safe) == ["hearth.keys", "one.db"]
    for name in names_in(safe):
        assert stat.S_IMODE((safe / name).stat().st_mode) == 0o600
        assert MASTER_KEY not in (safe / name).read_bytes()
    label = label_of(safe / "one.db")
    assert (label.made_ms, label.version) == (NOW, "1.2")
    assert {each.table: each.rows for each in label.tallies}["people"] == 2
    with closing(sqlite3.connect(safe / "one.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master WHERE name = 'seals'").fetchall() == []


async def test_what_is_written_while_a_backup_is_made_is_in_it_as_a_whole_or_not_at_all(
    source: Lodging, safe: Path, tmp_path: Path
) -> None:
    """Of each commit a text and a message: a backup in which one is without the other would be of two moments."""
    store = await open_in(source)
    g = await ground(store)
    written = 0
    reached = asyncio.Condition()

    async def write() -> None:
        nonlocal written
        while True:
            row = f"r{written}"
            texts = [text_row(row, g.ada, "quince")]
            await store.commit(Changes(texts=texts, parcels=mail(parcel(row, g.ada)).parcels))
            async with reached:
                written += 1
                reached.notify_all()

    async def until(many: int) -> int:
        async with asyncio.timeout(30), reached:
            await reached.wait_for(lambda: written >= many)
            return written

    writing = asyncio.create_task(write())
    before = await until(5)
    tallies = await make_backup(source, safe)
    await until(written + 5)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await store.close()
    rows = {each.table: each.rows for each in tallies}
    assert before <= rows["texts"] == rows["outbox"] < written
    target = files(tmp_path, "back")
    await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)
    kept = contents(target)
    assert {row[0] for row in tell(target, "SELECT id FROM texts")} == {
        row[0] for row in tell(target, "SELECT row FROM outbox")
    }
    assert len(kept["texts"]) == rows["texts"]


async def test_a_backup_that_was_cut_short_leaves_nothing_and_the_keys_of_before(
    source: Lodging, safe: Path
) -> None:
    await (await open_in(source)).close()
    await make_backup(source, safe)
    keys = (safe / "hearth.keys").read_bytes()

    def cut(progress: Progress) -> None:
        if (progress.what, progress.table) == ("compared", "seals"):
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await back_up(
            source, safe / "two.db", safe / "hearth.keys", MASTER_KEY, now_ms=1, version="", report=cut
        )
    assert names_in(safe) == ["hearth.keys", "one.db"]
    assert (safe / "hearth.keys").read_bytes() == keys


@pytest.mark.parametrize("files_alike", [True, False])
async def test_of_two_backups_at_once_one_is_refused_and_the_keys_are_whole(
    safe: Path, tmp_path: Path, opened_once: Path, files_alike: bool
) -> None:
    shutil.copytree(opened_once, tmp_path / "live")
    live = files(tmp_path / "live")
    await make_backup(live, safe, "before")
    names = ("one", "one" if files_alike else "two")
    made = await asyncio.gather(*(make_backup(live, safe, name) for name in names), return_exceptions=True)
    (refused,) = (each for each in made if isinstance(each, BaseException))
    assert isinstance(refused, CannotCopy), refused
    assert "another backup" in str(refused)
    assert names_in(safe) == ["before.db", "hearth.keys", "one.db"]
    await restore(safe / "one.db", safe / "hearth.keys", files(tmp_path, "back"), MASTER_KEY)


async def test_no_backup_is_written_over_and_no_keys_of_another_house(source: Lodging, safe: Path) -> None:
    await (await open_in(source)).close()
    await make_backup(source, safe)
    with pytest.raises(NotEmpty, match="never written over"):
        await make_backup(source, safe)
    other = files(safe, "other")
    await (await open_in(other)).close()
    with pytest.raises(WrongMasterKey, match="another database"):
        await back_up(source, safe / "two.db", safe / "other.keys", MASTER_KEY, now_ms=NOW, version="")
    with pytest.raises(CannotCopy, match="in use"):
        await back_up(other, safe / "two.db", safe / "other.keys", MASTER_KEY, now_ms=NOW, version="")
    assert not (safe / "two.db").exists()


# ── putting back ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("to_kind", ["sqlite", "postgres"])
async def test_a_backup_comes_back_into_either_kind_with_everything(
    source: Lodging, safe: Path, tmp_path: Path, to_kind: str, postgres: Postgres
) -> None:
    store = await open_in(source)
    g = await ground(store)
    await store.commit(Changes(desks={g.ada: (desk(g.ada, consent="yes"), 0)}))
    await store.close()
    before = contents(source)
    await make_backup(source, safe)
    target = files(tmp_path, "back") if to_kind == "sqlite" else Lodging(postgres.database())
    found = await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)
    assert found.made_ms == NOW
    assert contents(target) == before
    with pytest.raises(NotEmpty):
        await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)


async def test_whoever_was_erased_after_a_backup_stays_erased_with_the_newest_keys(
    safe: Path, tmp_path: Path
) -> None:
    live = files(tmp_path, "live")
    store = await open_in(live)
    g = await ground(store)
    await store.commit(Changes(texts=[text_row("t1", g.ada, "quince")]))
    await make_backup(live, safe)
    await store.forget(g.ada)
    await store.close()
    live.path.unlink()

    # The file of keys is there still: it is newer than the one of the backup, and counts.
    found = await restore(safe / "one.db", safe / "hearth.keys", live, MASTER_KEY, erase=1)
    assert found.keyless == Keyless(1, 2, 0, 0)
    store = await open_in(live)
    assert await store.matrix_id(g.ada) is None
    assert await store.matrix_id(g.bo) == "@bo:example.org"
    assert tell(live, "SELECT count(*) FROM texts") == [(0,)]
    await store.close()


@pytest.mark.parametrize("where", ["there", "named", "postgres"])
async def test_keys_that_are_older_than_the_backup_erase_nobody_unless_that_is_asked_for(
    safe: Path, tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    live, target = files(tmp_path, "live"), files(tmp_path, "back")
    if where == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        live, target = Lodging(server.database()), Lodging(server.database())
    store = await open_in(live)
    g = await ground(store)
    await store.close()
    await make_backup(live, safe)
    (safe / "hearth.keys").rename(safe / "old.keys")
    store = await open_in(live)
    cleo = await store.person("@cleo:example.org")
    began = Changes(snapshots={I1: (snapshot(g.circle), 0)}, texts=[text_row("t1", g.ada, "quince")])
    await store.commit(began)
    await store.close()
    await make_backup(live, safe, "two")
    keys: Path | None = safe / "old.keys"
    if where == "there" and target.keys is not None:
        shutil.copyfile(safe / "old.keys", target.keys)
        keys = None
    if where == "postgres":
        await restore(safe / "one.db", safe / "old.keys", target, MASTER_KEY)
        tell(target, "DROP SCHEMA public CASCADE")
        tell(target, "CREATE SCHEMA public")
    again = (safe / "two.db", keys, target, MASTER_KEY)
    with pytest.raises(KeysMissing, match="keys of 1 of 3 people and of 1 of 1 workflows"):
        await restore(*again, erase=1)
    assert target.is_postgres or not target.path.exists()
    found = await restore(*again, erase=2)
    assert found.keyless == Keyless(1, 3, 1, 1)
    store = await open_in(target)
    assert await store.matrix_id(cleo) is None
    assert await store.matrix_id(g.ada) == "@ada:example.org"
    await store.close()


async def test_what_waited_may_have_left_since_and_is_known_by_its_room(source: Lodging, safe: Path) -> None:
    store = await open_in(source)
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada), parcel("r2", g.bo), post("r3", g.circle)))
    first, *_ = await store.claim(NOW, 60_000, 1)
    await store.seal(first.parcel.row, "!room", b"ciphertext")
    await make_backup(source, safe)
    await store.close()
    target = files(safe, "back")
    await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)
    store = await open_in(target)
    begun = await store.in_flight()
    assert [(each.parcel.row, each.room, each.sealed) for each in begun] == [
        (first.parcel.row, "!room", b"ciphertext")
    ]
    journeys = await store.claim(NOW, 60_000, 9)  # at once: whoever had claimed it is no more
    assert {(each.parcel.row, each.room) for each in journeys} == {
        (row, "!room" if row == first.parcel.row else "") for row in map(RowId, ("r1", "r2", "r3"))
    }
    await store.close()


@pytest.mark.parametrize("damage", ["a row", "the pages", "another file", "no file", "a cut"])
async def test_a_backup_that_was_damaged_is_refused_before_anything_is_made(
    safe: Path, tmp_path: Path, damage: str, opened_once: Path
) -> None:
    shutil.copytree(opened_once, tmp_path / "live")
    store = await open_in(files(tmp_path / "live"))
    g = await ground(store)
    await store.commit(mail(*(parcel(f"r{n}", g.ada) for n in range(200))))
    await store.close()
    file = safe / "one.db"
    await make_backup(files(tmp_path / "live"), safe)
    match damage:
        case "a row":
            with closing(sqlite3.connect(file)) as db, db:
                db.execute("UPDATE people SET sealed = x'00'")
        case "the pages":
            content = bytearray(file.read_bytes())
            content[len(content) // 2 : len(content) // 2 + 9_000] = b"\xff" * 9_000
            file.write_bytes(content)
        case "another file":
            file.write_text("a shopping list\n" * 100)
        case "no file":
            file.unlink()
        case "a cut":
            file.write_bytes(file.read_bytes()[:-20_000])
    target = files(tmp_path, "back")
    with pytest.raises((Differs, NoBackup)):
        await restore(file, safe / "hearth.keys", target, MASTER_KEY)
    assert not target.path.exists()


async def test_without_any_keys_nothing_is_put_back(safe: Path, tmp_path: Path, opened_once: Path) -> None:
    shutil.copytree(opened_once, tmp_path / "live")
    await make_backup(files(tmp_path / "live"), safe)
    target = files(tmp_path, "back")
    with pytest.raises(CannotCopy, match="without keys"):
        await restore(safe / "one.db", None, target, MASTER_KEY)
    with pytest.raises(WrongMasterKey):
        await restore(safe / "one.db", safe / "hearth.keys", target, bytes(32))
    await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)


async def test_a_copy_of_the_file_that_was_made_by_other_means_is_a_backup_too(
    safe: Path, tmp_path: Path
) -> None:
    live = files(tmp_path, "live")
    store = await open_in(live)
    await ground(store)
    await store.commit(Changes(seen={"$a": NOW - 5, "$b": NOW - 9}))
    with closing(sqlite3.connect(live.path)) as db, closing(sqlite3.connect(safe / "plain.db")) as plain:
        db.backup(plain)
    await store.close()
    assert label_of(safe / "plain.db").made_ms == NOW - 5
    target = files(tmp_path, "back")
    await restore(safe / "plain.db", live.keys, target, MASTER_KEY)
    assert contents(target) == contents(live)


async def test_after_a_restore_nobody_has_leave_to_speak(source: Lodging, safe: Path, tmp_path: Path) -> None:
    store = await open_in(source)
    first = await store.take_lease("@bot:x", "there", 3_600_000)
    await store.close()
    await make_backup(source, safe)
    target = files(tmp_path, "back")
    await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)
    store = await open_in(target)
    again = await store.take_lease("@bot:x", "here", 1_000)
    await store.close()
    assert first is not None
    assert again is not None
    assert again.epoch == first.epoch + 1


async def test_a_backup_of_an_earlier_version_is_brought_up_to_date_on_the_way(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = files(tmp_path, "live")
    with monkeypatch.context() as earlier:
        make_earlier(earlier, tmp_path)
        await bring_up_to_date(live)
        with_fewer_tables(earlier, live)
        settle_in(live)
        await make_backup(live, safe)
    with closing(sqlite3.connect(safe / "one.db")) as db:
        columns = {row[1] for row in db.execute("PRAGMA table_info(outbox)")}
    assert "tried_since" not in columns
    before = (safe / "one.db").read_bytes()
    target = files(tmp_path, "back")
    await restore(safe / "one.db", safe / "hearth.keys", target, MASTER_KEY)
    assert (safe / "one.db").read_bytes() == before, "the backup itself is as it was"
    store = await open_in(target)
    assert await store.circles() == {CircleId("c"): "The garden"}
    await store.close()


def make_earlier(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """From here on this is the version of before the newest migrations."""
    package = folder / "earlier_migrations"
    here = Path(schemas.MIGRATIONS[schemas.CELLAR].__path__[0])
    shutil.copytree(here, package, ignore=shutil.ignore_patterns("__pycache__", "000[4-9]*"))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(schemas.MIGRATIONS, schemas.CELLAR, importlib.import_module(package.name))


def with_fewer_tables(monkeypatch: pytest.MonkeyPatch, live: Lodging) -> None:
    """From here on the tables are those that are in this database."""
    fewer = []
    for table in tables.CELLAR_TABLES:
        there = {row[1] for row in tell(live, f"PRAGMA main.table_info({table.name})")}
        columns = tuple(column for column in table.columns if column in there)
        if columns:
            fewer.append(dataclasses.replace(table, columns=columns, flags=table.flags & there))
    assert fewer != list(tables.CELLAR_TABLES)
    monkeypatch.setattr("engine.store.copying.CELLAR_TABLES", tuple(fewer))


def settle_in(live: Lodging) -> None:
    """A house with a circle in it, put in by hand: the store of this version does not open the tables of before."""
    ring = KeyRing(MASTER_KEY)
    wrapped = ring.fresh(HOUSE)
    tell(live, "INSERT INTO keys.seals (scope, wrapped) VALUES (?, ?)", HOUSE, wrapped)
    tell(live, "INSERT INTO house (id, sealed) VALUES (1, ?)", ring.key(HOUSE, wrapped).seal(b"", MARK))
    tell(live, "INSERT INTO circles (id, room, name) VALUES ('c', '!r:x', 'The garden')")
