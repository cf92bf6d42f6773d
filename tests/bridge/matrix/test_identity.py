"""The bot's device is signed by its owner, and the recovery key signs a new one."""

import pytest

from bridge.matrix.cross_signing import AlreadyHasIdentity, Bootstrapped, DeviceState
from bridge.matrix.http import Homeserver, path
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.secret_storage import RecoveryKey, WrongRecoveryKey
from bridge.matrix.session import LoginRefused, login
from tests.bridge.matrix.conftest import Listener


async def keys_of(homeserver: Homeserver, user_id: str) -> dict:
    return await homeserver.request("POST", path("keys", "query"), body={"device_keys": {user_id: []}})


async def test_the_first_start_gives_the_account_an_identity_and_the_second_leaves_it_alone(
    world, listen
) -> None:
    here = await world("ana")
    bot = await listen(here.bot)
    signing = bot.client.cross_signing
    assert await signing.device_state() is DeviceState.NO_IDENTITY
    shown: list[RecoveryKey] = []

    async def show(key: RecoveryKey) -> None:
        assert not (await keys_of(bot.client.homeserver, here.bot.user_id))["master_keys"]
        shown.append(key)

    done = await signing.bootstrap(password=here.bot.password, reveal=show)
    assert isinstance(done, Bootstrapped)
    assert shown == [done.recovery_key]
    assert await signing.device_state() is DeviceState.SIGNED
    seen_by_ana = await here["ana"].call("POST", "/keys/query", {"device_keys": {here.bot.user_id: []}})
    signatures = seen_by_ana["device_keys"][here.bot.user_id][here.bot.device_id]["signatures"]
    self_signing = next(iter(seen_by_ana["self_signing_keys"][here.bot.user_id]["keys"]))
    assert self_signing in signatures[here.bot.user_id]
    again = await signing.bootstrap(password=here.bot.password)
    assert again == AlreadyHasIdentity(DeviceState.SIGNED)


async def test_a_new_device_signs_itself_with_the_recovery_key(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    done = await bot.client.cross_signing.bootstrap(password=here.bot.password)
    assert isinstance(done, Bootstrapped)
    homeserver = await Homeserver.connect(here.homeserver)
    session = await login(homeserver, here.bot.user_id, here.bot.password)
    await homeserver.close()
    other = Listener(session, MemoryKeeper())
    client = await other.start()
    assert await client.cross_signing.device_state() is DeviceState.UNSIGNED
    with pytest.raises(WrongRecoveryKey):
        await client.cross_signing.restore(RecoveryKey.new())
    words = done.recovery_key.words()
    assert await client.cross_signing.restore(RecoveryKey.read(words)) is DeviceState.SIGNED
    assert await client.cross_signing.restore(RecoveryKey.read(words)) is DeviceState.SIGNED
    await other.until(lambda: here.room in client.rooms)
    event_id = await client.sender.deliver(
        here.room, "m.room.message", {"body": "new", "msgtype": "m.text"}, "t"
    )
    assert (await here["ana"].sees(here.room, event_id)).body == "new"
    await other.stop()


async def test_a_wrong_password_is_refused_without_repeating_it(synapse, world) -> None:
    here = await world("ana")
    homeserver = await Homeserver.connect(here.homeserver)
    with pytest.raises(LoginRefused) as refused:
        await login(homeserver, here.bot.user_id, "not the password")
    await homeserver.close()
    assert "not the password" not in str(refused.value)


def test_a_mistyped_recovery_key_is_noticed() -> None:
    words = RecoveryKey.new().words()
    for wrong in (words[:-1], words.replace(words[7], "1" if words[7] != "1" else "2", 1), "0" + words, ""):
        with pytest.raises(WrongRecoveryKey):
            RecoveryKey.read(wrong)
    assert RecoveryKey.read(words.replace(" ", "")).words() == words


def test_no_secret_shows_in_a_repr() -> None:
    key = RecoveryKey.new()
    assert key.words()[:4] not in repr(key)
