"""Messages to the bot's device that strangers make up: dropped one by one, and nothing else notices."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nio
import pytest
import vodozemac

from tests.fakes import changes, poison
from tests.faults.scene import HELP, MakeScene
from tests.world import Account, Member, OpenWorld, Synapse, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

MONDAY_10_00_MS = 1_800_266_400_000


@pytest.mark.parametrize("name", poison.NAMED)
def test_the_poison_is_poison_to_plain_nio(tmp_path: Path, name: str) -> None:
    """The named exception really comes out of nio: what follows shows that ours is another matter."""
    store = nio.store.SqliteMemoryStore("@hearth:x", "DEVICE")
    olm = nio.crypto.Olm("@hearth:x", "DEVICE", store)
    content = poison.NAMED[name](olm.account.identity_keys["curve25519"])
    event = {"type": "m.room.encrypted", "sender": "@mallory:x", "content": content}
    with pytest.raises(getattr(vodozemac, name)):
        olm.handle_to_device_event(nio.ToDeviceEvent.parse_event(event))
    store.database.close()


async def curve_key_of(asking: Member, bot: Account) -> str:
    """The bot's key, as anybody may ask for it."""
    answer = await asking.call("POST", "/keys/query", {"device_keys": {bot.user_id: []}})
    return str(answer["device_keys"][bot.user_id][bot.device_id]["keys"][f"curve25519:{bot.device_id}"])


async def pour(mallory: Member, bot: Account, contents: list[Any]) -> None:
    """Send each to the bot's device, and to all devices it has, under several names."""
    for number, content in enumerate(contents):
        for kind in ("m.room.encrypted", "m.room_key", "m.room_key.withheld", "m.room_key_request"):
            device = "*" if number % 2 else bot.device_id
            messages = {"messages": {bot.user_id: {device: content}}}
            await mallory.call("PUT", f"/sendToDevice/{kind}/poison-{kind}-{number}", messages)


@pytest.fixture
async def house(world: OpenWorld, tmp_path: Path) -> AsyncIterator[tuple[World, RunningHouse]]:
    here = await world("ana", invite_bot=True)
    async with RunningHouse(here, tmp_path, JumpingClock(MONDAY_10_00_MS)) as running:
        yield here, running


async def test_a_stranger_without_a_common_room_cannot_disturb_the_bot(
    house: tuple[World, RunningHouse], synapse: Synapse, caplog: pytest.LogCaptureFixture
) -> None:
    here, running = house
    ana, bot = here["ana"], here.bot.user_id
    async with Member(await synapse.register(f"mallory-{synapse.next_number()}")) as mallory:
        assert not mallory.rooms
        curve_key = await curve_key_of(mallory, here.bot)
        await pour(mallory, here.bot, poison.all_sorts(curve_key))
        await ana.say(here.room, "!hearth help")
        room = await ana.wait_for(lambda: ana.find_dm(bot), what="a 1:1 room with the bot")
        await ana.hears(room, HELP, sender=bot)
        # The bot is restarted over the same poison's remains: no crash loop.
        await running.stop()
        await pour(mallory, here.bot, poison.all_sorts(curve_key)[:4])
        await running.start()
        before = len([m for m in ana.read(room) if HELP in m.body])
        await ana.say(room, "help")
        await ana.wait_for(lambda: len([m for m in ana.read(room) if HELP in m.body]) == before + 1)
        assert not ana.undecryptable
        told = [r for r in caplog.records if mallory.user_id in r.getMessage()]
        assert told
        assert not [r for r in caplog.records if r.exc_info]


async def test_what_even_a_homeserver_would_not_pass_on_does_no_harm(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    odd: list[Any] = [
        None,
        7,
        "m.room.encrypted",
        [],
        {},
        {"type": "m.room.encrypted"},
        {"type": "m.room.encrypted", "sender": 5, "content": {}},
        {"type": "m.room.encrypted", "sender": "@mallory:hearth.test", "content": "text"},
        {"type": ["m.room.encrypted"], "sender": "@mallory:hearth.test", "content": {}},
        {"type": "m.room_key", "sender": "@mallory:hearth.test", "content": {"session_key": "x"}},
    ]

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        answer["to_device"] = {"events": [*odd, *answer["to_device"]["events"], *odd]}
        answer["device_lists"] = {"changed": ["nobody", None, 5], "left": {"x": 1}}
        return answer

    with it.fails(changes(spoil), at="/sync") as spoiled:
        await it["ana"].say(room, "help")
        await it.answered("ana", room, times=2)
        assert spoiled.met
    it.stayed_logged_in()
