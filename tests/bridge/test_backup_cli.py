"""`hearth backup`, `hearth restore` and `hearth store copy` on a real homeserver: nothing lost, no device twice."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest

from bridge.cli.enrol import OF_A_DEVICE
from bridge.operations import caretaker
from bridge.settings import Settings, load_settings
from engine.core.message import Message, Phrase
from engine.core.parcel import Parcel, Shared
from engine.core.values import PersonId, RowId
from engine.runtime.ports import Changes, NewParcel
from engine.store import TortoiseStore
from engine.store.backing_up import label_of
from tests.bridge.command import RUN_SECONDS, hearth_process
from tests.bridge.houses import SetUp, lay_ground, set_up
from tests.bridge.test_cli import free_port, start
from tests.world import Member, Synapse
from tests.world.postgres import Postgres


@pytest.fixture
async def house(synapse: Synapse, tmp_path: Path) -> SetUp:
    folder = tmp_path / "house"
    folder.mkdir()
    return await set_up(await lay_ground(synapse), folder)


def settings_of(house: SetUp, **environ: str) -> Settings:
    found = load_settings(house.folder, environ)
    assert isinstance(found, Settings), str(found)
    return found


async def opened(house: SetUp, database: str | Path | None = None) -> TortoiseStore:
    settings = settings_of(house)
    where = database or house.folder / "data" / "hearth.db"
    keys = house.folder / "keys" / "hearth.keys" if database is None else None
    return await TortoiseStore.open(where, settings.secrets.master_key, keys=keys)


def login(house: SetUp) -> dict[str, str]:
    """What a new login is told in the environment."""
    password = house.ground.bot.password
    return {"HEARTH_INIT_PASSWORD": password, "HEARTH_INIT_RECOVERY_KEY": house.recovery_key}


def is_signed(house: SetUp, device: str) -> bool:
    asked: dict[str, object] = {"device_keys": {house.ground.bot.user_id: []}}
    devices = house.ground.call("POST", "/keys/query", asked)["device_keys"][house.ground.bot.user_id]
    return len(devices[device]["signatures"][house.ground.bot.user_id]) == 2


async def accounts_in(store: TortoiseStore) -> list[str]:
    """The devices whose keys lie in a store."""
    return [key for kind, key in await store.kept() if kind == "olm_account"]


async def test_a_backup_that_was_put_back_has_everything_but_the_device_which_is_new_and_signed(
    house: SetUp, tmp_path: Path
) -> None:
    before = settings_of(house).secrets.device_id
    store = await opened(house)
    ben = await store.person("@ben:example.org")
    kinds = {kind for kind, _ in await store.kept()} - OF_A_DEVICE
    await store.close()
    file = tmp_path / "backup.db"

    made = await house.hearth("backup", file, "--keys", tmp_path / "hearth.keys")
    assert made.status == 0, made.text
    assert "the keys, in place of any older copy there" in made.out
    for each in (file, tmp_path / "hearth.keys"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    again = await house.hearth("backup", file, "--keys", tmp_path / "hearth.keys")
    assert (again.status, "is there already" in again.err) == (1, True)
    filled = await house.hearth("restore", file, "--unattended")
    assert (filled.status, "is not empty" in filled.err) == (1, True)

    shutil.rmtree(house.folder / "data")
    shutil.rmtree(house.folder / "keys")
    back = await house.hearth(
        "restore", file, "--keys", tmp_path / "hearth.keys", "--unattended", **login(house)
    )
    assert back.status == 0, back.text
    after = settings_of(house).secrets.device_id
    assert after != before
    assert is_signed(house, after)
    devices = house.ground.call("GET", "/devices", of=house.ground.bot)["devices"]
    assert before not in {device["device_id"] for device in devices}, "the old one is logged out"
    store = await opened(house)
    assert await store.matrix_id(ben) == "@ben:example.org"
    assert await accounts_in(store) == [after]
    assert kinds <= {kind for kind, _ in await store.kept()}
    kept = (await store.kept())[caretaker.KIND, caretaker.KEY]
    assert msgspec.json.decode(kept, type=caretaker.Register).restored_ms == label_of(file).made_ms
    await store.close()


async def test_what_was_erased_after_a_backup_stays_erased_when_it_is_put_back(
    house: SetUp, tmp_path: Path
) -> None:
    store = await opened(house)
    ben = await store.person("@ben:example.org")
    cleo = await store.person("@cleo:example.org")
    await store.close()
    assert (await house.hearth("backup", tmp_path / "backup.db", "--keys", tmp_path / "old.keys")).status == 0
    store = await opened(house)
    await store.forget(ben)
    await store.close()

    shutil.rmtree(house.folder / "data")
    asked = ("restore", tmp_path / "backup.db", "--only-data")
    older = await house.hearth(*asked, "--keys", tmp_path / "old.keys")
    assert (older.status, "must stay erased" in older.err) == (1, True), older.text
    unsure = await house.hearth(*asked)
    assert (unsure.status, "has no keys of 1 of " in unsure.err) == (1, True), unsure.text
    assert "Nothing was written" in unsure.err
    assert "--erase 1" in unsure.err
    assert not (house.folder / "data" / "hearth.db").exists()
    back = await house.hearth(*asked, "--erase", "1")
    assert back.status == 0, back.text
    assert "There are no keys of 1 of " in back.out
    store = await opened(house)
    assert await store.matrix_id(ben) is None
    assert await store.matrix_id(cleo) == "@cleo:example.org"
    assert await store.person("@ben:example.org") != ben
    await store.close()


async def test_a_house_that_was_put_back_does_not_start_without_its_new_device(
    house: SetUp, tmp_path: Path
) -> None:
    assert (
        await house.hearth("backup", tmp_path / "backup.db", "--keys", tmp_path / "hearth.keys")
    ).status == 0
    shutil.rmtree(house.folder / "data")
    assert (await house.hearth("restore", tmp_path / "backup.db", "--only-data")).status == 0
    started = await hearth_process("run", "--folder", house.folder, HEARTH_HTTP_PORT="0")
    assert started.status == 78
    assert "hearth init --log-in-again" in started.err


async def test_a_backup_is_made_while_the_house_runs_and_a_copy_is_not(house: SetUp, tmp_path: Path) -> None:
    running = await start(house, HEARTH_HTTP_PORT=str(free_port()))
    try:
        await running.says("serving 1 rooms")
        made = await house.hearth("backup", tmp_path / "backup.db", "--keys", tmp_path / "hearth.keys")
        assert made.status == 0, made.text
        copied = await house.hearth("store", "copy", "settings", tmp_path / "copy.db")
        assert (copied.status, "Another Hearth is at work" in copied.err) == (1, True)
        assert not (tmp_path / "copy.db").exists()
        assert await running.end(signal.SIGTERM) == 0
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    assert label_of(tmp_path / "backup.db").tallies


async def test_a_house_moves_to_postgres_and_back_without_its_device(
    house: SetUp, tmp_path: Path, postgres: Postgres
) -> None:
    store = await opened(house)
    ben = await store.person("@ben:example.org")
    await store.close()
    url = postgres.database()
    there = await house.hearth("store", "copy", "settings", url)
    assert there.status == 0, there.text
    assert "each the same in both" in there.out
    assert "quiet-harbour" not in there.text, "no password is shown"
    store = await opened(house, url)
    assert await store.matrix_id(ben) == "@ben:example.org"
    assert await accounts_in(store) == []
    await store.close()
    back = await house.hearth("store", "copy", url, tmp_path / "back.db")
    assert back.status == 0, back.text
    store = await opened(house, tmp_path / "back.db")
    assert await store.matrix_id(PersonId(ben)) == "@ben:example.org"
    await store.close()
    with psycopg.connect(url) as db:
        db.execute("UPDATE house SET sealed = 'unfinished' WHERE id = 1")
    unfinished = await hearth_process("run", "--folder", house.folder, HEARTH_DATABASE_URL=url)
    assert (unfinished.status, "it is not whole" in unfinished.err) == (78, True), unfinished.text
    full = await house.hearth("store", "copy", "settings", postgres.database(like=url))
    assert (full.status, "empty it first" in full.err) == (1, True)
    full = await house.hearth("store", "copy", "settings", tmp_path / "back.db")
    assert (full.status, "is not empty" in full.err) == (1, True)
    assert "quiet-harbour" not in full.text
    keys = tmp_path / "hearth.keys"
    assert (await house.hearth("backup", tmp_path / "b.db", "--keys", keys)).status == 0
    other = postgres.database()
    restored = await house.hearth(
        *("restore", tmp_path / "b.db", "--keys", keys, "--only-data"), HEARTH_DATABASE_URL=other
    )
    assert restored.status == 0, restored.text
    store = await opened(house, other)
    assert await store.matrix_id(ben) == "@ben:example.org"
    await store.close()
    same = await house.hearth("store", "copy", "settings", "settings")
    assert (same.status, "the same" in same.err) == (2, True)
    gone = await house.hearth("store", "copy", tmp_path / "nothing.db", url)
    assert (gone.status, "is not there" in gone.err) == (1, True)


async def test_what_left_after_a_backup_is_found_in_its_room_and_not_sent_again(
    house: SetUp, tmp_path: Path
) -> None:
    store = await opened(house)
    circle = await store.ensure_circle(house.ground.room, house.ground.room)
    parcel = Parcel(RowId("r1"), Shared(circle), "post", Message(lines=(Phrase("ops.calm"),)))
    await store.commit(Changes(parcels=[NewParcel(parcel, secrets.token_hex(16), 0)]))
    await store.close()
    assert (
        await house.hearth("backup", tmp_path / "backup.db", "--keys", tmp_path / "hearth.keys")
    ).status == 0

    async with Member(house.ground.steward, stores=tmp_path):
        first = await sent_by_a_run(house, "r1")
        shutil.rmtree(house.folder / "data")
        back = await house.hearth("restore", tmp_path / "backup.db", "--unattended", **login(house))
        assert back.status == 0, back.text
        store = await opened(house)
        assert await store.sent_event(RowId("r1")) is None
        await store.close()
        assert await sent_by_a_run(house, "r1") == first


async def sent_by_a_run(house: SetUp, row: str) -> tuple[str, str]:
    """Let the house run until a message has left, and its keys are backed up; its room and event."""
    running = await start(house, HEARTH_HTTP_PORT=str(free_port()))
    try:
        await running.says("serving 1 rooms")
        left = (
            "SELECT (SELECT count(*) FROM outbox WHERE row = ? AND status = 'sent'),"
            " (SELECT count(*) FROM bridge WHERE kind = 'backup_due')"
        )
        with closing(sqlite3.connect(house.folder / "data" / "hearth.db")) as db:
            async with asyncio.timeout(RUN_SECONDS):
                while True:
                    if db.execute(left, (row,)).fetchone() == (1, 0):
                        break
                    await asyncio.sleep(0.1)  # there is nothing to wait on but what another process writes
        assert await running.end(signal.SIGTERM) == 0
    except TimeoutError as late:
        # It says that it serves before it has logged in or synced: how far it came is in what it said since.
        await running.end(signal.SIGTERM)
        raise AssertionError(f"{row} has not left after {RUN_SECONDS} s:\n{running.log}") from late
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    store = await opened(house)
    found = await store.sent_event(RowId(row))
    await store.close()
    assert found is not None
    return found
