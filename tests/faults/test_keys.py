"""Keys that are malformed, missing, used up or not passed on: whoever can be reached is, and nobody reads half."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes import changes, says
from tests.faults.scene import HELP, MakeScene
from tests.world import Member, OpenWorld, Synapse
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

MONDAY_10_00_MS = 1_800_266_400_000
CURVE = "signed_curve25519"
VIEW = "Nobody holds a role here at the moment"


def spoiled_devices(answer: dict[str, Any], user_id: str) -> dict[str, Any]:
    devices = answer.get("device_keys", {})
    if user_id in devices:
        devices[user_id] = {
            "X": {"keys": {"ed25519:X": "é", "curve25519:X": 5}},
            "Y": 3,
            "": None,
            "Z": {"user_id": user_id, "device_id": "Z", "keys": {"ed25519:Z": "A" * 43}, "signatures": []},
        }
        answer["master_keys"] = {user_id: {"keys": "none"}, "@x": 4}
        answer["self_signing_keys"] = []
    return answer


def spoiled_claims(answer: dict[str, Any], user_id: str) -> dict[str, Any]:
    claimed = answer.get("one_time_keys", {})
    for device_id in claimed.get(user_id, {}):
        claimed[user_id][device_id] = {f"{CURVE}:A": {"key": "short", "signatures": 5}, "x": None}
    return answer


@pytest.mark.parametrize(
    ("at", "spoil"),
    [("/keys/query", spoiled_devices), ("/keys/claim", spoiled_claims)],
    ids=["query", "claim"],
)
async def test_one_persons_malformed_keys_leave_the_others_reachable(
    scene: MakeScene, at: str, spoil: Any
) -> None:
    it = await scene("ana", "bruno")
    await it.until(it.house.stop())
    newcomer = await it.here.add("chen")
    with it.fails(changes(lambda answer: spoil(answer, newcomer.user_id)), at=at) as spoiled:
        await it.until(it.house.start())
        await it["ana"].say(it.here.room, "!hearth who holds what")
        for name in ("ana", "bruno"):
            await it.until(it[name].hears(it.here.room, VIEW))
        await it.clock.pass_time(60)
        assert spoiled.met
        assert not it["ana"].undecryptable
    # Once the keys are in order the newcomer reads what comes then.
    await it.clock.pass_time(3600)
    newcomer.rooms.add(it.here.room)
    await newcomer.say(it.here.room, "!hearth who holds what")
    await it.until(newcomer.hears(it.here.room, VIEW))
    it.stayed_logged_in()


@pytest.mark.parametrize(
    "body", [[], None, {"device_keys": 5, "one_time_keys": ["x"], "failures": 1}], ids=str
)
@pytest.mark.parametrize("at", ["/keys/query", "/keys/claim"])
async def test_an_answer_of_no_sense_is_no_answer_and_the_letter_waits(
    scene: MakeScene, at: str, body: Any
) -> None:
    it = await scene("ana")
    began_ms = it.clock.now_ms()
    with it.fails(changes(lambda answer: body), at=at) as spoiled:
        bruno = await it.here.add("bruno")
        # In the clear: an encrypted word would bring the keys that shall be asked for along.
        where = f"/rooms/{it.here.room}/send/m.room.message/clear"
        await bruno.call("PUT", where, {"msgtype": "m.text", "body": "!hearth help"})
        await it.clock.pass_time(300)
        assert spoiled.met
        it.paced(began_ms)
    room = await it.until(bruno.wait_for(lambda: bruno.find_dm(it.bot)), at_most_seconds=8000)
    await it.until(bruno.hears(room, HELP), at_most_seconds=8000)
    await it.answered("bruno", room, times=1)
    it.stayed_logged_in()


async def test_a_key_that_could_not_be_passed_on_holds_the_message_back_until_it_can_be_read(
    scene: MakeScene,
) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    await it.here.add("ana2", new_device_of="ana")
    with it.fails(says(500), at="/sendToDevice/") as failing:
        await it["ana"].say(room, "help")
        await it.clock.pass_time(120)
        assert failing.met
        assert len(it.heard("ana", room)) == 1
    await it.answered("ana", room, times=2)
    phone = it["ana2"]
    await phone.wait_for(lambda: any(HELP in message.body for message in phone.read(room)))
    it.stayed_logged_in()


async def test_the_bot_offers_keys_again_when_it_hears_that_none_is_left(scene: MakeScene) -> None:
    it = await scene("ana")
    memory = it.homeserver.memory
    device = memory.users[it.bot].devices[it.here.bot.device_id]
    await it.clock.pass_time(5)
    for _ in range(len(device.one_time) + 1):
        memory.claim_keys({"one_time_keys": {it.bot: {device.device_id: CURVE}}})
    assert device.fallback_used
    used = dict(device.fallback)
    await it.meet("ana")
    assert len(device.one_time) >= 40
    assert not device.fallback_used
    assert device.fallback != used


async def test_one_time_keys_a_stranger_used_up_are_offered_anew(
    world: OpenWorld, synapse: Synapse, tmp_path: Path
) -> None:
    here = await world("ana", invite_bot=True)
    ana, bot = here["ana"], here.bot
    claim = {"one_time_keys": {bot.user_id: {bot.device_id: CURVE}}}
    async with (
        RunningHouse(here, tmp_path, JumpingClock(MONDAY_10_00_MS)),
        Member(await synapse.register(f"mallory-{synapse.next_number()}")) as mallory,
    ):
        await ana.hears(here.room, "Hello, I'm Hearth")

        async def claimed() -> dict[str, Any]:
            answer = await mallory.call("POST", "/keys/claim", claim)
            (key,) = answer["one_time_keys"][bot.user_id][bot.device_id].values()
            return dict(key)

        keys = [await claimed() for _ in range(51)]
        assert keys[-1].get("fallback") is True
        # Somebody's new app meets the bot while only the fallback key is left.
        phone = await here.add("ana2", new_device_of="ana")
        await phone.say(here.room, "!hearth help")
        room = await ana.wait_for(lambda: ana.find_dm(bot.user_id), what="a 1:1 room with the bot")
        await ana.hears(room, HELP, sender=bot.user_id)
        assert not (await claimed()).get("fallback")


async def test_a_message_that_names_neither_key_nor_device_of_its_sender_is_read(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    stripped = 0

    def strip(answer: dict[str, Any]) -> dict[str, Any]:
        nonlocal stripped
        for joined in answer.get("rooms", {}).get("join", {}).values():
            for event in joined["timeline"]["events"]:
                if event["type"] == "m.room.encrypted":
                    stripped += bool(event["content"].pop("sender_key", None))
                    event["content"].pop("device_id", None)
        return answer

    with it.fails(changes(strip), at="/sync"):
        await it["ana"].say(room, "help")
        await it.answered("ana", room, times=2)
    assert stripped


@pytest.mark.parametrize(
    "part", ["/room_keys/", "/receipt/", "/typing/"], ids=["backups", "receipts", "typing"]
)
async def test_a_homeserver_that_can_do_less_is_no_hindrance(
    scene: MakeScene, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    it = await scene("ana", unknown=part)
    room = await it.meet("ana")
    await it["ana"].say(room, "help")
    await it.answered("ana", room, times=2)
    await it.until(it.house.stop())
    await it.until(it.house.start())
    await it["ana"].say(room, "help")
    await it.answered("ana", room, times=3)
    assert not [record for record in caplog.records if record.exc_info]
    # Two starts and the setting up: nothing asks for a backup with each message.
    assert len(it.asked("/room_keys/version")) < 10
    it.stayed_logged_in()
