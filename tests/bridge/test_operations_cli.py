"""`hearth ops` on the machine itself, beside a Hearth that is stopped; and what health and the log are like there."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from engine.core.message import Message
from engine.core.parcel import Direct, Parcel
from engine.core.values import PersonId, RowId
from engine.runtime.ports import Changes, NewParcel, SetAside, Spoken
from engine.store import TortoiseStore
from tests.bridge.houses import SetUp, lay_ground, set_up
from tests.bridge.test_cli import free_port, start
from tests.world import Synapse

WORDS = "quince"


@pytest.fixture
async def house(synapse: Synapse, tmp_path: Path) -> SetUp:
    return await set_up(await lay_ground(synapse), tmp_path)


async def opened(house: SetUp) -> TortoiseStore:
    key = bytes.fromhex((house.folder / "secrets" / "master.key").read_text().strip())
    database = house.folder / "data" / "hearth.db"
    return await TortoiseStore.open(database, key, keys=house.folder / "keys" / "hearth.keys")


async def goes_wrong(house: SetUp) -> PersonId:
    """One event was set aside, and one message was given up."""
    store = await opened(house)
    ben = await store.person("@ben:example.org")
    spoken = Spoken(id="$1", occurred_ms=1, person=ben, body=WORDS)
    lost = Parcel(RowId("r1"), Direct(ben), "timely", Message())
    await store.commit(
        Changes(
            seen={"$1": 5},
            set_aside=[SetAside(spoken, "ValueError in ear.read:1", 5)],
            parcels=[NewParcel(lost, "t1", 0)],
        )
    )
    await store.bury(RowId("r1"), "403 for @ben:example.org", 9, dead=True)
    await store.close()
    return ben


async def test_what_waits_is_shown_tried_again_and_let_go_of(house: SetUp) -> None:
    calm = await house.hearth("ops", "status")
    assert calm.status == 0
    assert "set aside: 0, given up: 0" in calm.out

    ben = await goes_wrong(house)
    shown = await house.hearth("ops", "status")
    assert "e1     1970-01-01 00:00 UTC  Spoken: ValueError in ear.read:1" in shown.out
    assert "m1     1970-01-01 00:00 UTC  timely message: 403 for …" in shown.out
    assert WORDS not in shown.text
    assert "ben" not in shown.text
    assert ben not in shown.text
    held = json.loads((await house.hearth("ops", "status", "--format", "json")).out)
    assert [trouble["id"] for trouble in held["troubles"]] == ["e1", "m1"]
    assert held["counts"]["set_aside"] == 1

    retried = await house.hearth("ops", "retry", "e1")
    assert (retried.status, retried.out) == (0, "e1: tried again when Hearth is started\n")
    again = await house.hearth("ops", "retry", "e1")
    assert (again.status, again.out) == (1, "e1: there is nothing by this number\n")
    store = await opened(house)
    assert [each.id for each in await store.waiting_inbox(9)] == ["$1"]
    await store.close()

    unsure = await house.hearth("ops", "drop", "m1")
    assert (unsure.status, "--sure" in unsure.err) == (1, True)
    assert (await house.hearth("ops", "drop", "m1", "--sure")).out == "m1: let go of\n"
    assert (await house.hearth("ops", "drop", "m1", "--sure")).status == 1
    assert (await house.hearth("ops", "drop")).status == 2
    assert (await house.hearth("ops", "retry")).out == "Nothing waits for you.\n"


async def test_without_a_database_it_says_what_helps(tmp_path: Path, synapse: Synapse) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    (house.folder / "data" / "hearth.db").unlink()
    told = await house.hearth("ops", "status")
    assert told.status == 1
    assert "hearth init" in told.err


async def test_a_log_for_machines_is_one_object_a_line_and_names_nobodys_words(
    house: SetUp,
) -> None:
    await goes_wrong(house)
    port = str(free_port())
    running = await start(
        house, HEARTH_HOUSE_LOG_FORMAT="json", HEARTH_HOUSE_LOG_LEVEL="debug", HEARTH_HTTP_PORT=port
    )
    try:
        await running.says("serving 1 rooms")
        assert (await house.hearth("ops", "retry", "e1")).out == "e1: tried again within a minute\n"
        assert await running.end(signal.SIGTERM) == 0
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    lines = [json.loads(line) for line in running.log.splitlines()]
    assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)
    assert "stopped in order" in [line["message"] for line in lines]
    assert WORDS not in running.log
