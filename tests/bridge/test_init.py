"""`hearth init` on a real homeserver: once is enough, twice is harmless, and nothing is ever written over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import vodozemac
from nio.crypto import InboundGroupSession

from bridge.cli import enrol
from bridge.cli.init import init
from bridge.cli.speech import Halt
from bridge.matrix.client import MatrixClient
from bridge.matrix.cross_signing import KINDS, SigningKey
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.session import Session
from bridge.settings import Settings, load_settings
from tests.bridge.command import hearth, hearth_process, start_process
from tests.bridge.houses import Ground, lay_ground, recovery_key_in, set_up
from tests.world import Synapse


def device_of(ground: Ground, device_id: str) -> Mapping[str, object]:
    asked = {"device_keys": {ground.bot.user_id: []}}
    devices = ground.call("POST", "/keys/query", asked)["device_keys"][ground.bot.user_id]
    found: Mapping[str, object] = devices[device_id]
    return found


def is_signed(ground: Ground, device_id: str) -> bool:
    """Whether somebody else sees the device signed by more than itself."""
    signatures = device_of(ground, device_id)["signatures"]
    assert isinstance(signatures, dict)
    return len(signatures[ground.bot.user_id]) == 2


def loaded(folder: Path) -> Settings:
    settings = load_settings(folder, {})
    assert isinstance(settings, Settings), str(settings)
    return settings


def contents_of(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


# ── without a person ─────────────────────────────────────────────────────────


async def test_init_logs_in_once_signs_the_device_joins_the_room_and_writes_settings(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    settings = loaded(tmp_path)
    assert settings.homeserver.user_id == ground.bot.user_id
    assert settings.circle.rooms == (ground.room,)
    assert settings.circle.stewards == (ground.steward.user_id,)
    assert is_signed(ground, settings.secrets.device_id)
    assert ground.bot.user_id in ground.call("GET", f"/rooms/{ground.room}/joined_members")["joined"]
    devices = ground.call("GET", "/devices", of=ground.bot)["devices"]
    named = {device["device_id"]: device.get("display_name") for device in devices}
    assert named[settings.secrets.device_id] == "Hearth"
    assert len(named) == 2, "one login besides the test's own"
    assert house.recovery_key
    for content in contents_of(tmp_path):
        assert ground.bot.password.encode() not in content, "the password is kept nowhere"
        assert house.recovery_key.encode() not in content, "nor is the recovery key"


async def test_secrets_database_and_keys_are_their_owners_alone(synapse: Synapse, tmp_path: Path) -> None:
    await set_up(await lay_ground(synapse), tmp_path)
    for folder in ("secrets", "data", "keys"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700, folder
        for file in (tmp_path / folder).iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_a_second_init_changes_nothing_and_shows_no_second_key(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    files = [tmp_path / "hearth.toml", *(tmp_path / "secrets").iterdir()]
    before = {file: file.read_bytes() for file in files}
    again = await house.hearth(
        "init", "--unattended", **house.ground.answers(HEARTH_HOUSE_OPERATOR="Somebody")
    )
    assert again.status == 0, again.text
    assert "RECOVERY KEY" not in again.text
    assert "signed already" in again.out
    assert {file: file.read_bytes() for file in files} == before
    assert len(house.ground.call("GET", "/devices", of=house.ground.bot)["devices"]) == 2


async def test_what_is_missing_or_wrong_is_said_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    done = await hearth(
        "init", "--unattended", "--folder", tmp_path, HEARTH_CIRCLE_STEWARDS="ana", HEARTH_HTTP_PORT="many"
    )
    assert done.status == 78
    for said in (
        "HEARTH_HOMESERVER_USER_ID is not set; The bot's account.",
        "HEARTH_CIRCLE_ROOMS is not set",
        'HEARTH_CIRCLE_STEWARDS: "ana" is no Matrix id; for example @hearth:example.org',
        "HEARTH_SAFETY_OUTSIDE_HELP is not set",
        "HEARTH_HOUSE_OPERATOR is not set",
        'HEARTH_HTTP_PORT: "many" is no whole number',
        "Neither HEARTH_INIT_PASSWORD nor HEARTH_SECRETS_ACCESS_TOKEN is set",
    ):
        assert said in done.err
    assert not (tmp_path / "hearth.toml").exists()
    assert not (tmp_path / "secrets").exists()


async def test_a_wrong_password_is_said_without_repeating_it_and_the_right_one_goes_on(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    wrong = ground.answers(HEARTH_INIT_PASSWORD="not-the-password")
    done = await hearth("init", "--unattended", "--folder", tmp_path, **wrong)
    assert done.status == 1
    assert "Account or password is not right." in done.err
    assert "not-the-password" not in done.text
    assert not (tmp_path / "hearth.toml").exists()
    await set_up(ground, tmp_path)


async def test_a_room_that_nobody_knows_is_said_and_the_login_is_kept_for_the_next_try(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    mistyped = ground.answers(HEARTH_CIRCLE_ROOMS="#cirlce:hearth.test")
    done = await hearth("init", "--unattended", "--folder", tmp_path, **mistyped)
    assert done.status == 1
    assert "No room is called #cirlce:hearth.test here." in done.err
    again = await hearth(
        "init", "--unattended", "--folder", tmp_path, **ground.answers(HEARTH_INIT_PASSWORD="")
    )
    assert again.status == 0, again.text
    assert "The login of an earlier time is used." in again.out
    assert len(ground.call("GET", "/devices", of=ground.bot)["devices"]) == 2


async def test_a_room_without_an_invitation_is_said_and_everything_else_is_done(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse, invite=False)
    done = await hearth("init", "--unattended", "--folder", tmp_path, **ground.answers())
    assert done.status == 0, done.text
    assert f"Not yet in {ground.room}: the bot is not invited; invite it there" in done.out
    assert is_signed(ground, loaded(tmp_path).secrets.device_id)


async def test_nobody_answering_at_the_address_is_said_plainly(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    done = await hearth(
        "init",
        "--unattended",
        "--folder",
        tmp_path,
        **ground.answers(HEARTH_INIT_SERVER="http://127.0.0.1:1"),
    )
    assert done.status == 1
    assert "nothing answers at 127.0.0.1:1 (Connection refused)." in done.err


async def test_an_access_token_is_enough_to_log_in(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(
        ground, tmp_path, HEARTH_INIT_PASSWORD="", HEARTH_SECRETS_ACCESS_TOKEN=ground.bot.access_token
    )
    assert loaded(tmp_path).secrets.device_id == ground.bot.device_id
    assert is_signed(ground, ground.bot.device_id)
    assert (await house.hearth("doctor")).status == 0


async def test_the_token_of_another_account_is_refused(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)
    done = await hearth(
        "init",
        "--unattended",
        "--folder",
        tmp_path,
        **ground.answers(HEARTH_INIT_PASSWORD="", HEARTH_SECRETS_ACCESS_TOKEN=ground.contact.access_token),
    )
    assert done.status == 1
    assert f"This access token belongs to {ground.contact.user_id}, not to {ground.bot.user_id}." in done.err


async def test_an_identity_that_is_there_is_never_replaced_and_its_recovery_key_signs_the_new_device(
    synapse: Synapse, tmp_path: Path
) -> None:
    first = await set_up(await lay_ground(synapse), tmp_path / "first")
    ground, other = first.ground, tmp_path / "second"
    masters = ground.call("POST", "/keys/query", {"device_keys": {ground.bot.user_id: []}})["master_keys"]
    without = await hearth("init", "--unattended", "--folder", other, **ground.answers())
    assert without.status == 1
    assert "its recovery key is needed" in without.err
    assert "RECOVERY KEY of" not in without.out
    wrong = " ".join(["EsTA"] * 12)
    mistyped = await hearth("init", "--unattended", "--folder", other, HEARTH_INIT_RECOVERY_KEY=wrong)
    assert mistyped.status == 1
    assert "The recovery key does not fit" in mistyped.err
    assert not is_signed(ground, loaded(other).secrets.device_id)
    done = await hearth(
        "init", "--unattended", "--folder", other, HEARTH_INIT_RECOVERY_KEY=first.recovery_key
    )
    assert done.status == 0, done.text
    assert first.recovery_key not in done.text
    assert is_signed(ground, loaded(other).secrets.device_id)
    assert is_signed(ground, loaded(first.folder).secrets.device_id)
    now = ground.call("POST", "/keys/query", {"device_keys": {ground.bot.user_id: []}})["master_keys"]
    assert now == masters


async def test_a_lost_token_is_mended_by_logging_in_again(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    before = loaded(tmp_path)
    synapse.request("POST", "/_matrix/client/v3/logout", {}, token=before.secrets.access_token)
    lost = await house.hearth("init", "--unattended")
    assert lost.status == 78
    assert "hearth init --log-in-again" in lost.err
    mended = await house.hearth(
        "init",
        "--unattended",
        "--log-in-again",
        HEARTH_INIT_PASSWORD=house.ground.bot.password,
        HEARTH_INIT_RECOVERY_KEY=house.recovery_key,
    )
    assert mended.status == 0, mended.text
    after = loaded(tmp_path)
    assert after.secrets.device_id != before.secrets.device_id
    assert after.secrets.master_key == before.secrets.master_key
    assert after.secrets.alias_salt == before.secrets.alias_salt
    assert (await house.hearth("doctor")).status == 0


async def test_a_lost_database_means_a_new_device_and_never_old_keys_under_an_old_name(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "keys")
    plain = await house.hearth("init", "--unattended")
    assert plain.status == 78
    assert "with other keys than ours" in plain.err
    assert "--log-in-again" in plain.err
    mended = await house.hearth(
        "init",
        "--unattended",
        "--log-in-again",
        HEARTH_INIT_PASSWORD=house.ground.bot.password,
        HEARTH_INIT_RECOVERY_KEY=house.recovery_key,
    )
    assert mended.status == 0, mended.text
    assert is_signed(house.ground, loaded(tmp_path).secrets.device_id)


async def test_an_old_database_that_was_put_back_learns_the_keys_that_were_backed_up_since(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    for folder in ("data", "keys"):
        shutil.copytree(tmp_path / folder, tmp_path / "old" / folder)
    settings, room = loaded(tmp_path), house.ground.room
    keys = enrol.Keys(settings.secrets.pickle_key, settings.secrets.alias_salt, settings.secrets.master_key)
    async with _client_of(settings, keys) as client:
        machine = client.cipher.machine
        group = vodozemac.GroupSession()
        told = InboundGroupSession(
            group.session_key.to_base64(), machine.signing_key, machine.curve_key, room
        )
        assert machine.add_room_key(room, told, settings.homeserver.user_id)
        await client.backup.keep()
        assert client.backup.due == 0
    for folder in ("data", "keys"):
        shutil.rmtree(tmp_path / folder)
        shutil.copytree(tmp_path / "old" / folder, tmp_path / folder)
    mended = await house.hearth(
        "init",
        "--unattended",
        "--log-in-again",
        HEARTH_INIT_PASSWORD=house.ground.bot.password,
        HEARTH_INIT_RECOVERY_KEY=house.recovery_key,
    )
    assert mended.status == 0, mended.text
    assert "1 room keys came out of the account's backup." in mended.out
    async with _client_of(loaded(tmp_path), keys) as client:
        held = client.cipher.machine.inbound_group_store.get(room, told.sender_key, told.id)
        assert held is not None


@contextlib.asynccontextmanager
async def _client_of(settings: Settings, keys: enrol.Keys) -> AsyncIterator[MatrixClient]:
    """The device of this house, on its own database."""
    session = Session(
        settings.homeserver.url,
        settings.homeserver.user_id,
        settings.secrets.device_id,
        settings.secrets.access_token,
    )
    database = settings.database
    async with (
        enrol.opened_store(database.path, database.keys, keys.master_key) as store,
        enrol.opened_client(session, store, keys) as client,
    ):
        yield client


async def test_a_lost_master_key_is_said_and_no_new_one_takes_its_place(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    (tmp_path / "secrets" / "master.key").unlink()
    done = await house.hearth("init", "--unattended")
    assert done.status == 78
    assert "master.key is not, and nothing else opens it." in done.err
    assert not (tmp_path / "secrets" / "master.key").exists()


async def test_settings_that_cannot_be_read_are_left_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "hearth.toml").write_text("[house\n")
    done = await hearth("init", "--unattended", "--folder", tmp_path)
    assert done.status == 78
    assert "Nothing was changed." in done.err
    assert (tmp_path / "hearth.toml").read_text() == "[house\n"


async def test_overwriting_is_done_only_when_told_and_keeps_the_old_settings_beside(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    old = (tmp_path / "hearth.toml").read_text()
    device = loaded(tmp_path).secrets.device_id
    done = await house.hearth(
        "init", "--unattended", "--overwrite", **house.ground.answers(HEARTH_HOUSE_OPERATOR="Cleo")
    )
    assert done.status == 0, done.text
    assert loaded(tmp_path).house.operator == "Cleo"
    assert loaded(tmp_path).secrets.device_id == device
    assert (tmp_path / "hearth.toml.before").read_text() == old


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = await hearth("init", "--unattended", "--folder", tmp_path / "file" / "folder")
    assert done.status == 1
    assert "cannot be made (Not a directory)" in done.err


async def test_without_a_terminal_nobody_is_asked(tmp_path: Path) -> None:
    done = await hearth_process("init", "--folder", tmp_path)
    assert done.status == 1
    assert "There is no terminal to ask on.\nAdd --unattended" in done.err


async def test_ctrl_c_at_a_question_ends_it_at_once(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    try:
        process = await start_process("init", "--folder", tmp_path, terminal=theirs)
        shown = b""
        while b"The bot's account" not in shown:
            shown += await asyncio.wait_for(asyncio.to_thread(os.read, ours, 1024), 30)
        for _ in range(20):
            # One that comes in the instant before the question waits would only be seen with the next key.
            os.write(ours, b"\x03")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 1)
                break
        assert process.returncode == 130
    finally:
        os.close(ours)
        os.close(theirs)


# ── with a person ────────────────────────────────────────────────────────────


class Person:
    """Someone at a terminal, who gives answers in order and sees what is shown."""

    patient = True

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.paused = 0

    def ask(self, question: str, *, variable: str, default: str = "", secret: bool = False) -> str:
        assert self.answers, f"nobody expected to be asked: {question}"
        self.asked.append(f"{question} [{default}]" if default else question)
        return self.answers.pop(0) or default

    def confirm(self, question: str) -> bool:
        return self.ask(question, variable="") == "yes"

    def pause(self, text: str) -> None:
        self.paused += 1


async def test_a_person_is_asked_again_after_a_mistake_and_offered_what_is_likely(
    synapse: Synapse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground = await lay_ground(synapse)
    person = Person(
        "hearth",  # no full id
        ground.bot.user_id,
        "http://127.0.0.1:1",  # nobody is there
        ground.synapse.url,
        "a wrong password",
        ground.bot.password,
        "",  # a room is needed
        ground.alias,
        ground.steward.user_id,
        "",
        "112",
        "Ana",
        "Europe/Berlinn",
        "Europe/Berlin",
    )
    await init(person, tmp_path, {}, overwrite=False, log_in_again=False)
    assert not person.answers
    assert person.paused == 1, "the recovery key waits until it was seen"
    shown = capsys.readouterr().out
    assert recovery_key_in(shown)
    assert '"hearth" is no Matrix id; for example @hearth:example.org' in shown
    assert "nothing answers at 127.0.0.1:1" in shown
    assert "Account or password is not right. Please try again." in shown
    assert "a wrong password" not in shown
    assert 'did you mean "Europe/Berlin"?' in shown
    assert any("[hearth.test]" in question for question in person.asked), (
        "the server's name follows from the id"
    )
    assert any("[UTC]" in question for question in person.asked)
    assert "Fewer than two safety contacts" in shown
    settings = loaded(tmp_path)
    assert settings.circle.time_zone == "Europe/Berlin"
    assert settings.safety.contacts == ()


async def test_someone_who_gives_up_can_go_on_later(synapse: Synapse, tmp_path: Path) -> None:
    ground = await lay_ground(synapse)

    class Leaves(Person):
        def ask(self, question: str, *, variable: str, default: str = "", secret: bool = False) -> str:
            if not self.answers:
                raise KeyboardInterrupt
            return super().ask(question, variable=variable, default=default, secret=secret)

    leaving = Leaves(ground.bot.user_id, ground.synapse.url, ground.bot.password, ground.alias)
    with pytest.raises(KeyboardInterrupt):
        await init(leaving, tmp_path, {}, overwrite=False, log_in_again=False)
    back = Person(
        ground.bot.user_id, ground.synapse.url, ground.alias, ground.steward.user_id, "", "112", "Ana", ""
    )
    await init(back, tmp_path, {}, overwrite=False, log_in_again=False)
    assert is_signed(ground, loaded(tmp_path).secrets.device_id)
    assert len(ground.call("GET", "/devices", of=ground.bot)["devices"]) == 2


async def test_an_identity_replaced_by_somebody_else_is_not_accepted_without_a_word(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    ground = house.ground
    await replace_identity(ground)
    refused = await house.hearth("init", "--unattended")
    assert refused.status == 1
    assert f"The identity of {ground.bot.user_id} was replaced since the last time" in refused.err
    denied = Person("no")
    with pytest.raises(Halt, match="nobody said that this was meant"):
        await init(denied, tmp_path, {}, overwrite=False, log_in_again=False)


async def replace_identity(ground: Ground) -> None:
    """Reset the account's cross-signing identity, as its owner does in an app (or a thief of the password)."""
    keys = {kind: SigningKey(bytes([n + 1]) * 32) for n, kind in enumerate(KINDS)}
    body = {f"{kind}_key": key.described(ground.bot.user_id, kind) for kind, key in keys.items()}
    for kind in KINDS[1:]:
        signature = keys["master"].sign(body[f"{kind}_key"])
        signed = {f"ed25519:{keys['master'].public}": signature}
        body[f"{kind}_key"]["signatures"] = {ground.bot.user_id: signed}
    homeserver = await Homeserver.connect(ground.synapse.url, access_token=ground.bot.access_token)
    where = path("keys", "device_signing", "upload")
    try:
        with pytest.raises(Refused) as refused:
            await homeserver.request("POST", where, body=body)
        password = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": ground.bot.user_id},
            "password": ground.bot.password,
            "session": refused.value.answer["session"],
        }
        await homeserver.request("POST", where, body={**body, "auth": password})
    finally:
        await homeserver.close()
