"""Room keys lie backed up on the homeserver, nobody slips one in, and what is forgotten goes from there too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vodozemac
from nio.crypto import InboundGroupSession

from bridge.matrix.backup import (
    ALGORITHM,
    DUE,
    GONE,
    MAC_NAME,
    BackupRow,
    BackupState,
    mac_key_of,
    public_key_of,
    seal,
    unseal,
)
from bridge.matrix.cross_signing import Bootstrapped, DeviceState
from bridge.matrix.http import Homeserver, Refused, ServerTrouble, path
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.secret_storage import from_base64
from bridge.matrix.session import login
from bridge.matrix.sync import RoomEvent
from bridge.matrix.text import canonical
from tests.bridge.command import hearth
from tests.bridge.houses import lay_ground, set_up
from tests.bridge.matrix.conftest import Listener
from tests.bridge.matrix.test_hazards import Tampering, settle
from tests.world import Synapse, World

SEED = bytes(range(32))
ME, ANA, ROOM = "@hearth:example.org", "@ana:example.org", "!room:example.org"
CURVE, ED = "A" * 43, "B" * 42 + "A"


def note(body: str) -> dict[str, Any]:
    return {"msgtype": "m.notice", "body": body}


# ── one entry ────────────────────────────────────────────────────────────────


def a_session() -> Any:
    group = vodozemac.GroupSession()
    return InboundGroupSession(group.session_key.to_base64(), ED, CURVE, ROOM)


ROW = BackupRow(public_key_of(SEED), mac_key_of(SEED), "1")


def key() -> Any:
    return vodozemac.PkDecryption.from_key(vodozemac.Curve25519SecretKey.from_bytes(SEED))


def test_an_entry_comes_back_as_it_went_in() -> None:
    session = a_session()
    opened = unseal(ROW, key(), ME, ROOM, seal(ROW, ME, session, ANA))
    assert opened is not None
    assert (opened[0].id, opened[0].ed25519, opened[0].sender_key, opened[1]) == (session.id, ED, CURVE, ANA)


def test_an_entry_has_the_shape_of_the_specification() -> None:
    data = seal(ROW, ME, a_session(), ANA)
    assert set(data) == {"ciphertext", "ephemeral", "mac", "signatures"}
    parts = (from_base64(data[name]) for name in ("ciphertext", "mac", "ephemeral"))
    plain = json.loads(key().decrypt(vodozemac.Message(*parts)))
    assert plain["algorithm"] == "m.megolm.v1.aes-sha2"
    assert plain["sender_claimed_keys"] == {"ed25519": ED}
    assert (plain["sender_key"], plain["forwarding_curve25519_key_chain"]) == (CURVE, [])


def without(data: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != name}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: without(data, "signatures"),
        lambda data: without(data, "ciphertext"),
        lambda data: {**data, "mac": data["mac"][::-1]},
        lambda data: {**data, "more": 1},
        lambda data: {**data, "signatures": {ME: {MAC_NAME: "AAAA"}}},
        lambda data: {**data, "signatures": {ME: {MAC_NAME: 5}}},
        lambda data: {**data, "signatures": {ANA: data["signatures"][ME]}},
    ],
)
def test_an_entry_that_somebody_else_put_there_is_not_taken(spoil: Callable[[Any], Any]) -> None:
    assert unseal(ROW, key(), ME, ROOM, spoil(seal(ROW, ME, a_session(), ANA))) is None


def test_only_the_private_key_makes_the_key_entries_are_authenticated_with() -> None:
    other = BackupRow(ROW.public_key, mac_key_of(bytes(32)), "1")
    assert unseal(ROW, key(), ME, ROOM, seal(other, ME, a_session(), ANA)) is None
    assert mac_key_of(SEED).hex() not in repr(ROW)


# ── with a homeserver ────────────────────────────────────────────────────────


async def a_bot(here: World, listen: Any, **options: Any) -> tuple[Listener, Bootstrapped]:
    """In the room, with an identity and a backup."""
    bot = await listen(here.bot, **options)
    await settle(here, bot)
    done = await bot.client.cross_signing.bootstrap(password=here.bot.password)
    assert isinstance(done, Bootstrapped)
    return bot, done


async def backed_up(bot: Listener) -> dict[str, set[str]]:
    """Room → sessions in the backup."""
    version = await bot.client.homeserver.request("GET", path("room_keys", "version"))
    answer = await bot.client.homeserver.request(
        "GET", path("room_keys", "keys"), query={"version": version["version"]}
    )
    return {room: set(held["sessions"]) for room, held in answer["rooms"].items()}


async def new_device(here: World, listen: Any) -> Listener:
    homeserver = await Homeserver.connect(here.homeserver)
    session = await login(homeserver, here.bot.user_id, here.bot.password)
    await homeserver.close()
    bot = Listener(session, MemoryKeeper())
    await bot.open()
    return bot


@pytest.mark.synapse
async def test_a_device_with_the_recovery_key_reads_what_the_lost_one_read(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, done = await a_bot(here, listen)
    await here["ana"].say(here.room, "an old word")
    await bot.hears(here.room, "an old word")
    await bot.client.sender.deliver(here.room, "m.room.message", note("and an answer"), "t1")
    await here["ana"].hears(here.room, "and an answer")
    await bot.client.backup.keep()
    assert bot.client.backup.due == 0
    assert len((await backed_up(bot))[here.room]) == 2
    await bot.stop()

    later = await new_device(here, listen)
    signing = later.client.cross_signing
    assert await signing.restore(done.recovery_key) is DeviceState.SIGNED
    opened = await signing.open_backup(done.recovery_key)
    assert (opened.state, opened.restored) == (BackupState.KEPT, 2)
    assert later.client.backup.due == 0, "what came out need not go in again"
    again = await signing.open_backup(done.recovery_key)
    assert (again.state, again.restored) == (BackupState.KEPT, 0)
    await later.client.close()
    await later.start()
    await later.hears(here.room, "an old word")
    read = [e for e in later.events if isinstance(e, RoomEvent) and e.content.get("body") == "and an answer"]
    assert [event.sender for event in read] == [here.bot.user_id]
    await here["ana"].say(here.room, "a new word")
    await later.hears(here.room, "a new word")
    await later.client.backup.keep()
    assert later.client.backup.due == 0
    await later.stop()
    await bot.start()


@pytest.mark.synapse
async def test_each_key_goes_once_and_what_is_due_survives_a_restart(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    puts: list[str] = []
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)

    async def fail(method: str, where: str, options: dict[str, Any]) -> None:
        if method == "PUT" and where.endswith("/room_keys/keys"):
            raise ServerTrouble("as if it were down")

    async def count(method: str, where: str, options: dict[str, Any]) -> None:
        if method == "PUT" and where.endswith("/room_keys/keys"):
            puts.append(where)

    homeserver.before = fail
    bot, _ = await a_bot(here, listen, homeserver=homeserver)
    await here["ana"].say(here.room, "one")
    await bot.hears(here.room, "one")
    with pytest.raises(ServerTrouble):
        await bot.client.backup.keep()
    assert bot.client.backup.due == 1
    await bot.stop()
    assert [kind for kind, _ in bot.keeper.rows if kind == DUE] == [DUE]

    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
    homeserver.before = count
    bot.options["homeserver"] = homeserver
    await bot.start()
    await here["ana"].say(here.room, "two")
    await bot.hears(here.room, "two")
    await bot.client.backup.keep()
    assert len(await backed_up(bot)) == 1
    for _ in range(3):
        await bot.client.backup.keep()
    assert len(puts) == 1
    assert not [kind for kind, _ in bot.keeper.rows if kind == DUE]


@pytest.mark.synapse
async def test_the_keys_of_a_room_that_is_left_go_from_the_backup_as_well(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    refuse = [True]
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)

    async def fail(method: str, where: str, options: dict[str, Any]) -> None:
        if method == "DELETE" and "/room_keys/keys/" in where and refuse[0]:
            raise ServerTrouble("as if it were down")

    homeserver.before = fail
    bot, _ = await a_bot(here, listen, homeserver=homeserver)
    ana = here["ana"].user_id
    await bot.client.ensure_direct(ana)
    private = await here["ana"].wait_for(lambda: here["ana"].find_dm(here.bot.user_id))
    await bot.client.sender.deliver(private, "m.room.message", note("between us"), "t1")
    await here["ana"].say(here.room, "to all")
    await bot.hears(here.room, "to all")
    await bot.client.backup.keep()
    assert set(await backed_up(bot)) == {private, here.room}

    await bot.client.direct.let_go(ana)
    with pytest.raises(ServerTrouble):
        await bot.client.backup.keep()
    assert (GONE, private) in bot.keeper.rows, "it is tried until it is done"
    refuse[0] = False
    await bot.client.backup.keep()
    assert set(await backed_up(bot)) == {here.room}
    assert not [kind for kind, _ in bot.keeper.rows if kind == GONE]


@pytest.mark.synapse
async def test_a_key_that_the_homeserver_slips_in_is_not_restored(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, done = await a_bot(here, listen)
    version = await bot.client.homeserver.request("GET", path("room_keys", "version"))
    forged = InboundGroupSession(vodozemac.GroupSession().session_key.to_base64(), ED, CURVE, here.room)
    # Everything a homeserver knows: the public key, but not what entries are authenticated with.
    theirs = BackupRow(version["auth_data"]["public_key"], bytes(32), version["version"])
    data = seal(theirs, here.bot.user_id, forged, here["ana"].user_id)
    entry = {"first_message_index": 0, "forwarded_count": 0, "is_verified": True, "session_data": data}
    await bot.client.homeserver.request(
        "PUT",
        path("room_keys", "keys"),
        query={"version": version["version"]},
        body={"rooms": {here.room: {"sessions": {forged.id: entry}}}},
    )
    later = await new_device(here, listen)
    opened = await later.client.cross_signing.open_backup(done.recovery_key)
    assert (opened.state, opened.restored) == (BackupState.KEPT, 0)
    await later.client.close()


@pytest.mark.synapse
async def test_a_backup_that_somebody_else_made_is_never_written_to(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, done = await a_bot(here, listen)
    other = {"public_key": public_key_of(bytes(reversed(range(32)))), "signatures": {}}
    body = {"algorithm": ALGORITHM, "auth_data": other}
    answer = await bot.client.homeserver.request("POST", path("room_keys", "version"), body=body)
    here["ana"].client.olm.outbound_group_sessions.pop(here.room, None)
    await here["ana"].say(here.room, "one")
    await bot.hears(here.room, "one")
    await bot.client.backup.keep()
    assert bot.client.backup.due == 1
    where, query = path("room_keys", "keys"), {"version": answer["version"]}
    assert await bot.client.homeserver.request("GET", where, query=query) == {"rooms": {}}
    assert await bot.client.backup.look() is BackupState.FOREIGN
    opened = await bot.client.cross_signing.open_backup(done.recovery_key)
    assert opened.state is BackupState.FOREIGN
    with pytest.raises(Refused):
        await bot.client.homeserver.request("PUT", where, query={"version": "1"}, body={"rooms": {}})


@pytest.mark.synapse
async def test_a_homeserver_without_backups_is_not_asked_after_each_sync(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    asked: list[str] = []
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)

    async def refuse(method: str, where: str, options: dict[str, Any]) -> None:
        if "/room_keys/" in where:
            asked.append(where)
            raise Refused(f"{method} {where}", 404, "M_UNRECOGNIZED", {})

    homeserver.before = refuse
    bot = await listen(here.bot, homeserver=homeserver)
    await settle(here, bot)
    await bot.client.backup.begin(SEED)
    for _ in range(3):
        await bot.client.backup.keep()
    assert len(asked) == 2, "one look, one attempt to make it"


@pytest.mark.synapse
async def test_the_backup_is_signed_by_the_device_and_the_identity(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, _ = await a_bot(here, listen)
    version = await bot.client.homeserver.request("GET", path("room_keys", "version"))
    auth = version["auth_data"]
    signatures = auth["signatures"][here.bot.user_id]
    machine = bot.client.cipher.machine
    master = bot.client.cipher.trust.person(here.bot.user_id).master
    bare = canonical({"public_key": auth["public_key"]})
    for name, public in ((machine.device_id, machine.signing_key), (master, master)):
        signature = vodozemac.Ed25519Signature.from_base64(signatures[f"ed25519:{name}"])
        vodozemac.Ed25519PublicKey.from_base64(public).verify_signature(bare, signature)


@pytest.mark.synapse
async def test_a_house_without_a_backup_gets_one_with_its_recovery_key(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, done = await a_bot(here, listen)
    homeserver = bot.client.homeserver
    await homeserver.request("DELETE", path("room_keys", "version", "1"))
    data = path("user", here.bot.user_id, "account_data", "m.megolm_backup.v1")
    await homeserver.request("PUT", data, body={})
    await here["ana"].say(here.room, "one")
    await bot.hears(here.room, "one")
    await bot.client.backup.keep()
    assert await bot.client.backup.look() is BackupState.GONE
    opened = await bot.client.cross_signing.open_backup(done.recovery_key)
    assert (opened.state, opened.restored) == (BackupState.KEPT, 0)
    await bot.client.backup.keep()
    assert len((await backed_up(bot))[here.room]) == 1


@pytest.mark.synapse
async def test_a_house_set_up_anew_with_the_recovery_key_goes_on_with_the_backup(
    synapse: Synapse, tmp_path: Path
) -> None:
    first = await set_up(await lay_ground(synapse), tmp_path / "first")
    ground = first.ground
    before = ground.call("GET", "/room_keys/version", of=ground.bot)
    done = await hearth(
        "init",
        "--unattended",
        "--folder",
        tmp_path / "second",
        **ground.answers(),
        HEARTH_INIT_RECOVERY_KEY=first.recovery_key,
    )
    assert done.status == 0, done.text
    assert "0 room keys came out of the account's backup" in done.out
    assert "Room keys are backed up under the recovery key." in done.out
    after = ground.call("GET", "/room_keys/version", of=ground.bot)
    assert (after["version"], after["auth_data"]) == (before["version"], before["auth_data"])
    looked = await hearth("doctor", "--folder", tmp_path / "second")
    assert "room keys are backed up" in looked.out
