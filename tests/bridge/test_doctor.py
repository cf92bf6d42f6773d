"""`hearth doctor` finds what is wrong, says it in one line with what helps, and changes nothing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from bridge.cli.doctor import Finding, examine
from bridge.settings import Settings, load_settings
from bridge.views.trust import in_groups
from tests.bridge.command import Outcome, hearth
from tests.bridge.houses import ENCRYPTED, Ground, SetUp, lay_ground, set_up
from tests.world import Synapse


def lines(outcome: Outcome, check: str) -> list[str]:
    """The doctor's lines about one thing."""
    return [line for line in outcome.out.splitlines() if line[6:].startswith(f"{check} ")]


def line(outcome: Outcome, check: str) -> str:
    found = lines(outcome, check)
    assert len(found) == 1, outcome.out
    return found[0]


def loaded(house: SetUp) -> Settings:
    settings = load_settings(house.folder, {})
    assert isinstance(settings, Settings), str(settings)
    return settings


async def findings(house: SetUp, *, now_ahead_seconds: float = 0.0) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    async for finding in examine(house.folder, {}, now=lambda: time.time() + now_ahead_seconds):
        found.setdefault(finding.check, []).append(finding)
    return found


def let_it_take_back(ground: Ground, **others: int) -> None:
    """Give the bot the power over its circle's room that it may be given; ``others``: what else takes which power."""
    at = f"/rooms/{ground.room}/state/m.room.power_levels"
    levels = ground.call("GET", at)
    users = {**levels["users"], ground.bot.user_id: 50}
    ground.call("PUT", at, {**levels, **others, "users": users})


async def test_after_init_all_is_well(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    let_it_take_back(house.ground)
    outcome = await house.hearth("doctor")
    assert outcome.status == 0, outcome.out
    assert outcome.out.endswith("\nAll is well.\n")
    for check in (
        "settings",
        "permissions",
        "workflows",
        "database",
        "homeserver",
        "clock",
        "token",
        "device",
        "rooms",
        "people",
        "safety",
    ):
        assert lines(outcome, check), f"{check} was not looked at"
    assert "encrypted, and may send there" in line(outcome, "rooms")


async def test_the_findings_can_be_read_by_a_program(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    let_it_take_back(house.ground)
    report = json.loads((await house.hearth("doctor", "--format", "json")).out)
    assert report["healthy"] is True
    assert {finding["rank"] for finding in report["findings"]} == {"ok"}
    assert all(set(finding) == {"check", "rank", "found", "helps"} for finding in report["findings"])


async def test_the_doctor_changes_nothing(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    before = rows_of(loaded(house).database.path)
    await house.hearth("doctor")
    assert rows_of(loaded(house).database.path) == before


def rows_of(database: Path) -> Mapping[str, list[object]]:
    with closing(sqlite3.connect(database)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608


# ── settings and files ───────────────────────────────────────────────────────


async def test_settings_that_cannot_be_used_are_all_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "hearth.toml").write_text("[htp]\nport = 1\n")
    outcome = await hearth("doctor", "--folder", tmp_path)
    assert outcome.status == 1
    assert "fail  settings       hearth.toml:1 unknown section [htp]; did you mean [http]?" in outcome.out
    assert {text[6:].split()[0] for text in outcome.out.splitlines() if text.startswith("fail")} == {
        "settings"
    }


async def test_a_database_that_others_can_open_is_a_warning_with_the_command_that_mends_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    database = loaded(house).database.path
    database.chmod(0o644)
    outcome = await house.hearth("doctor")
    assert outcome.status == 0
    assert (
        f"warn  permissions    others can open {database} (mode 0644); run: chmod 600 {database}"
        in outcome.out
    )


async def test_broken_workflow_files_are_named_with_line_and_column(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "broken.yaml").write_text("name: Broken\nabout: [\n")
    (folder / "odd.yaml").write_text("name: Odd\nabot: x\n")
    outcome = await house.hearth("doctor", HEARTH_HOUSE_WORKFLOW_FOLDER=str(folder))
    assert outcome.status == 1
    assert any(f"{folder}/broken.yaml:" in text for text in lines(outcome, "workflows"))
    assert any(f"{folder}/odd.yaml:2:1" in text for text in lines(outcome, "workflows"))
    assert line(outcome, "device").startswith("ok"), "the rest is looked at all the same"


# ── the database ─────────────────────────────────────────────────────────────


async def test_a_missing_database_is_said(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    loaded(house).database.path.unlink()
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "hearth.db is not there; run `hearth init`, or put it back" in line(outcome, "database")
    assert not loaded(house).database.path.exists()


async def test_a_file_that_is_no_database_is_said(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    loaded(house).database.path.write_bytes(b"not a database, " * 1000)
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "hearth.db is no SQLite database" in line(outcome, "database")


async def test_a_damaged_database_is_found(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    database = loaded(house).database.path
    content = bytearray(database.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    database.write_bytes(content)
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "hearth.db is damaged" in line(outcome, "database")


async def test_a_database_of_a_newer_version_is_refused(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    with closing(sqlite3.connect(loaded(house).database.path)) as db:
        db.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES ('cellar', '9999_later', 0)"
        )
        db.commit()
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "was written by a newer Hearth (9999_later)" in line(outcome, "database")


async def test_the_master_key_of_another_house_is_found(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    (tmp_path / "secrets" / "master.key").write_text("ab" * 32)
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert any(
        "do not belong together" in text and text.startswith("fail") for text in lines(outcome, "database")
    )


async def test_a_lost_file_of_keys_is_found_and_no_new_one_takes_its_place(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    loaded(house).database.keys.unlink()
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "hearth.keys is not there" in line(outcome, "database")
    assert not loaded(house).database.keys.exists()


# ── the homeserver ───────────────────────────────────────────────────────────


async def test_a_homeserver_that_does_not_answer_is_said_and_what_could_not_be_looked_at(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    outcome = await house.hearth("doctor", HEARTH_HOMESERVER_URL="http://127.0.0.1:1")
    assert outcome.status == 1
    assert "nothing answers at 127.0.0.1:1 (Connection refused)" in lines(outcome, "homeserver")[0]
    assert "were not looked at" in lines(outcome, "homeserver")[1]
    assert not lines(outcome, "token")


async def test_a_clock_that_is_half_a_minute_wrong_is_a_warning(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    assert (await findings(house, now_ahead_seconds=20))["clock"][0].rank == "ok"
    (behind,) = (await findings(house, now_ahead_seconds=45))["clock"]
    assert behind.rank == "warn"
    assert "seconds behind this machine's" in behind.found
    assert "NTP" in behind.helps
    (ahead,) = (await findings(house, now_ahead_seconds=-3600))["clock"]
    assert "seconds ahead of this machine's" in ahead.found


async def test_a_token_that_is_not_valid_is_found_with_the_command_that_mends_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    outcome = await house.hearth("doctor", HEARTH_SECRETS_ACCESS_TOKEN="syt_wrong")
    assert outcome.status == 1
    assert lines(outcome, "token")[0] == (
        "fail  token          the access token is not valid (any more); run `hearth init --log-in-again`"
    )
    assert "syt_wrong" not in outcome.text


async def test_the_token_of_another_account_is_found(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    outcome = await house.hearth("doctor", HEARTH_SECRETS_ACCESS_TOKEN=ground.contact.access_token)
    assert outcome.status == 1
    assert f"the token belongs to {ground.contact.user_id}" in lines(outcome, "token")[0]


async def test_an_unsigned_device_is_found_with_the_command_that_mends_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    await house.hearth(
        "init", "--unattended", "--log-in-again", HEARTH_INIT_PASSWORD=house.ground.bot.password
    )
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert line(outcome, "device").startswith(
        "fail  device         the bot's device is not signed by its owner"
    )
    assert "run `hearth init` and give the account's recovery key" in line(outcome, "device")


async def test_a_room_the_bot_is_not_in_is_found(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    ground.call("POST", f"/rooms/{ground.room}/kick", {"user_id": ground.bot.user_id})
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert line(outcome, "rooms").startswith(f"fail  rooms          not in {ground.room}")
    assert f"invite {ground.bot.user_id} there" in line(outcome, "rooms")


async def test_a_room_nobody_knows_is_found(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    outcome = await house.hearth("doctor", HEARTH_CIRCLE_ROOMS="#nowhere:hearth.test")
    assert outcome.status == 1
    assert "no room is called #nowhere:hearth.test" in line(outcome, "rooms")


async def test_a_room_where_the_bot_may_not_write_is_found(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    levels = ground.call("GET", f"/rooms/{ground.room}/state/m.room.power_levels")
    ground.call("PUT", f"/rooms/{ground.room}/state/m.room.power_levels", {**levels, "events_default": 50})
    outcome = await house.hearth("doctor")
    assert outcome.status == 1
    assert "may not send m.room.message, m.reaction, m.room.encrypted" in line(outcome, "rooms")


async def test_a_room_where_the_bot_may_not_take_anything_back_is_a_warning_with_what_it_takes(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    outcome = await house.hearth("doctor")
    assert outcome.status == 0
    assert line(outcome, "rooms").startswith("warn")
    assert "may not take back a private word that somebody writes there by mistake" in line(outcome, "rooms")
    assert line(outcome, "rooms").endswith("; give the bot power level 50 there, if the circle agrees")
    let_it_take_back(house.ground, redact=60)
    assert "power level 60" in line(await house.hearth("doctor"), "rooms")
    let_it_take_back(house.ground, redact=50)
    assert line(await house.hearth("doctor"), "rooms").startswith("ok")


async def test_in_the_stewards_room_nothing_has_to_be_taken_back(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    let_it_take_back(house.ground)
    made = house.ground.call(
        "POST",
        "/createRoom",
        {"preset": "private_chat", "invite": [house.ground.bot.user_id], "initial_state": [ENCRYPTED]},
    )
    house.ground.call("POST", f"/join/{made['room_id']}", {}, of=house.ground.bot)
    outcome = await house.hearth("doctor", HEARTH_HOUSE_STEWARDS_ROOM=made["room_id"])
    assert [text[:4].strip() for text in lines(outcome, "rooms")] == ["ok", "ok"]


async def test_a_room_without_encryption_is_a_warning(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse, encrypted=False), tmp_path)
    outcome = await house.hearth("doctor")
    assert outcome.status == 0
    assert line(outcome, "rooms").startswith("warn")
    assert "not encrypted" in line(outcome, "rooms")


async def test_stewards_and_contacts_that_do_not_exist_are_found(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    outcome = await house.hearth(
        "doctor",
        HEARTH_CIRCLE_STEWARDS="@nobody:hearth.test",
        HEARTH_SAFETY_CONTACTS="@noone:hearth.test, Dora",
    )
    assert outcome.status == 1
    assert (
        "fail  people         steward @nobody:hearth.test: no such account; check the spelling" in outcome.out
    )
    assert "safety contact @noone:hearth.test: no such account" in outcome.out
    assert "warn  safety         1 of the safety contacts has no Matrix id" in outcome.out
    assert "1 safety contact the bot can write to; ask two people or more" in outcome.out


async def test_the_fingerprint_is_the_one_that_the_homeserver_shows_to_others(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    settings = loaded(house)
    own, device = settings.homeserver.user_id, settings.secrets.device_id
    shown = ground.call("POST", "/keys/query", {"device_keys": {own: []}})
    key = shown["device_keys"][own][device]["keys"][f"ed25519:{device}"]
    assert f"its fingerprint is {in_groups(key)}" in line(await house.hearth("doctor"), "device")
