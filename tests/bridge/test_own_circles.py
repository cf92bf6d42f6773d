"""`hearth init` and `hearth doctor` where circles have settings of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli.doctor import BACKED_UP
from bridge.matrix.backup import BackupState
from bridge.settings import Settings, load_settings
from tests.bridge.command import hearth
from tests.bridge.houses import ENCRYPTED, Ground, lay_ground, set_up
from tests.bridge.test_doctor import findings, line, lines
from tests.world import Synapse


def make_room(ground: Ground, name: str, *, alias: bool = False, invite: bool = True) -> str:
    """A room of the steward's, by its alias or its id."""
    local = f"{name}{ground.synapse.next_number()}"
    body = {
        "preset": "private_chat",
        "name": name,
        "invite": [ground.bot.user_id] if invite else [],
        "initial_state": [ENCRYPTED],
        **({"room_alias_name": local} if alias else {}),
    }
    made: str = ground.call("POST", "/createRoom", body)["room_id"]
    return f"#{local}:{ground.bot.user_id.partition(':')[2]}" if alias else made


def garden(ground: Ground, **others: str) -> dict[str, str]:
    """A circle of its own, as the environment names it, with a room, two contacts and a stewards' room."""
    both = f"{ground.steward.user_id}, {ground.contact.user_id}"
    own = {
        "ROOM": make_room(ground, "garden", alias=True),
        "STEWARDS": ground.contact.user_id,
        "CONTACTS": both,
        "LANGUAGE": "de",
        "STEWARDS_ROOM": make_room(ground, "shed"),
    }
    return {f"HEARTH_CIRCLES_GARDEN_{name}": value for name, value in {**own, **others}.items()}


def loaded(folder: Path) -> Settings:
    settings = load_settings(folder, {})
    assert isinstance(settings, Settings), str(settings)
    return settings


# ── hearth init ──────────────────────────────────────────────────────────────


async def test_init_writes_down_a_circle_of_its_own_and_is_then_in_all_of_its_rooms(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    own = garden(ground)
    await set_up(ground, tmp_path, **own)
    settings = loaded(tmp_path)
    circle = settings.circles["garden"]
    assert settings.circle.rooms == (ground.room,)
    assert circle.room is not None
    assert circle.room.startswith("!")
    assert (circle.stewards, circle.language) == ((ground.contact.user_id,), "de")
    joined = ground.call("GET", "/joined_rooms", of=ground.bot)["joined_rooms"]
    assert set(joined) == {ground.room, circle.room, own["HEARTH_CIRCLES_GARDEN_STEWARDS_ROOM"]}
    text = (tmp_path / "hearth.toml").read_text("utf-8")
    common, _, section = text.partition("\n[circles.garden]\n")
    assert f"# {own['HEARTH_CIRCLES_GARDEN_ROOM']} is {circle.room}\nroom = " in section
    assert f"# {ground.alias} is {ground.room}" in common
    assert circle.room not in common


async def test_where_the_only_circle_says_everything_itself_no_other_is_asked_for(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    own = garden(ground)
    answers = ground.answers(HEARTH_CIRCLE_ROOMS="", HEARTH_CIRCLE_STEWARDS="", **own)
    done = await hearth("init", "--unattended", "--folder", tmp_path, **answers)
    assert done.status == 0, done.text
    settings = loaded(tmp_path)
    assert (settings.circle.rooms, settings.circle.stewards) == ((), ())
    assert list(settings.circles) == ["garden"]


async def test_a_second_init_joins_the_rooms_of_a_circle_that_was_written_in_by_hand(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    room, stewards = make_room(ground, "orchard"), make_room(ground, "ladder")
    with (tmp_path / "hearth.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[circles.orchard]\nroom = "{room}"\nstewards_room = "{stewards}"\n')
    before = (tmp_path / "hearth.toml").read_bytes()
    done = await house.hearth("init", "--unattended", **ground.answers(HEARTH_INIT_PASSWORD=""))
    assert done.status == 0, done.text
    assert (tmp_path / "hearth.toml").read_bytes() == before
    joined = ground.call("GET", "/joined_rooms", of=ground.bot)["joined_rooms"]
    assert {room, stewards} <= set(joined)


async def test_what_is_wrong_with_a_circle_of_its_own_is_said_before_anything_is_done(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    wrong = garden(ground, LANGUAGE="klingon", STEWARDS="nobody")
    done = await hearth("init", "--unattended", "--folder", tmp_path, **ground.answers(**wrong))
    assert done.status != 0
    assert "HEARTH_CIRCLES_GARDEN_LANGUAGE: " in done.err
    assert "HEARTH_CIRCLES_GARDEN_STEWARDS: " in done.err
    assert not (tmp_path / "hearth.toml").exists()


async def test_a_room_of_a_circle_of_its_own_that_nobody_knows_is_said_with_its_place(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    wrong = garden(ground, ROOM="#graden:hearth.test")
    done = await hearth("init", "--unattended", "--folder", tmp_path, **ground.answers(**wrong))
    assert done.status == 1
    assert "No room is called #graden:hearth.test ([circles.garden] room) here." in done.err


# ── hearth doctor ────────────────────────────────────────────────────────────


async def test_the_doctor_looks_at_what_each_circle_has_of_its_own(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    found = await findings(await set_up(ground, tmp_path, **garden(ground)))
    assert [each.rank for each in found["rooms"]] == ["warn", "warn", "ok"], found["rooms"]
    assert "(garden)" in found["rooms"][1].found
    assert "(shed)" in found["rooms"][2].found
    assert [each.rank for each in found["safety"]] == ["ok", "ok"], "the common contacts, and the garden's"
    said = " ".join(each.found for each in found["people"])
    assert f"steward {ground.contact.user_id} exists" in said, "steward of the garden alone"
    assert len(found["language"]) == 2


async def test_a_lost_room_is_said_with_the_setting_that_names_it(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path, **garden(ground))
    lost = {
        "HEARTH_CIRCLES_GARDEN_ROOM": "#graden:hearth.test",
        "HEARTH_CIRCLES_GARDEN_STEWARDS_ROOM": "#sehd:hearth.test",
        "HEARTH_CIRCLE_ROOMS": "#cirlce:hearth.test",
    }
    outcome = await house.hearth("doctor", **lost)
    assert outcome.status == 1
    assert [text.partition("; ")[2] for text in lines(outcome, "rooms")] == [
        "check [circle] rooms",
        "check [circles.garden] room",
        "check [circles.garden] stewards_room",
    ]


async def test_too_few_contacts_are_said_with_the_circle_that_has_them(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path, **garden(ground))
    outcome = await house.hearth("doctor", HEARTH_CIRCLES_GARDEN_CONTACTS=ground.contact.user_id)
    common, own = lines(outcome, "safety")
    assert common.startswith("ok")
    assert own.startswith("warn")
    assert "[circles.garden] contacts" in own


async def test_a_broken_workflow_file_of_one_circle_is_found(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path, **garden(ground))
    folder = tmp_path / "workflows of the garden"
    folder.mkdir()
    (folder / "broken.yaml").write_text("name: Broken\nabout: [\n")
    outcome = await house.hearth("doctor", HEARTH_CIRCLES_GARDEN_WORKFLOW_FOLDER=str(folder))
    assert outcome.status == 1
    assert any(f"{folder}/broken.yaml:" in text for text in lines(outcome, "workflows"))
    assert lines(outcome, "workflows")[0].startswith("ok"), "the house's own are fit"


# ── the backup of room keys ──────────────────────────────────────────────────


async def test_a_backup_that_another_app_made_is_said_in_a_sentence(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    algorithm, data = "m.megolm_backup.v1.curve25519-aes-sha2", {"public_key": "c2Vjb25k", "signatures": {}}
    body = {"algorithm": algorithm, "auth_data": data}
    ground.call("POST", "/room_keys/version", body, of=ground.bot)
    said = line(await house.hearth("doctor"), "device")
    assert said.startswith("ok")
    assert said.endswith(BACKED_UP[BackupState.FOREIGN])
    assert "because the account has a backup that another app made" in said


@pytest.mark.parametrize("state", BackupState)
def test_however_the_backup_stands_there_is_a_sentence_for_it(state: BackupState) -> None:
    assert BACKED_UP[state].startswith("its room keys are ")
