"""Side by side with matrix-js-sdk, in the mode that excludes devices their owner has not signed."""

import pytest

from bridge.matrix.cross_signing import Bootstrapped, DeviceState
from bridge.matrix.outbound import IdentityChanged
from bridge.matrix.secret_storage import RecoveryKey
from bridge.matrix.trust import IdentityState
from tests.peers.js_peer import JsPeer, Shield, assert_device_signed_by_owner, require_js_peer

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]


@pytest.fixture
def js_peer_runs() -> None:
    require_js_peer()


def note(text: str) -> dict[str, str]:
    return {"msgtype": "m.notice", "body": text}


async def test_a_strict_client_reads_the_bot_and_is_read_by_it(synapse, listen) -> None:
    account = await synapse.register(f"vera{synapse.next_number()}")
    bot = await listen(await synapse.register(f"bot{synapse.next_number()}"))
    assert isinstance(await bot.client.cross_signing.bootstrap(), Bootstrapped)
    async with JsPeer(synapse.url, account.user_id, account.password) as vera:
        await vera.autojoin()
        room_id = await bot.client.ensure_direct(vera.user_id)
        await vera.wait_joined(room_id)
        await bot.until(lambda: vera.user_id in bot.client.rooms.get(room_id).joined())
        event_id = await bot.client.sender.deliver(room_id, "m.room.message", note("hello vera"), "t1")
        message = await vera.wait_event(room_id, event_id)
        assert message.body == "hello vera"
        assert message.shield == Shield(colour="NONE", reason=None)
        await assert_device_signed_by_owner(vera, bot.session.user_id, bot.session.device_id)
        await vera.send(room_id, "hello bot")
        heard = await bot.hears(room_id, "hello bot")
        assert heard.encrypted
        assert heard.sender_trust == "signed"
        await bot.stop()
        await vera.send(room_id, "are you asleep?")
        await bot.start()
        await bot.hears(room_id, "are you asleep?")
        edit = {
            **note("* hello Vera"),
            "m.new_content": note("hello Vera"),
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        await bot.client.sender.deliver(room_id, "m.room.message", edit, "t2")
        await vera.wait_message(room_id, "hello Vera")

        # She loses her identity and makes another one: private messages wait until somebody says it is her.
        await vera.bootstrap(replace=True)
        await vera.send(room_id, "a new me")
        await bot.hears(room_id, "a new me")
        await bot.until(lambda: bot.client.identity_state(vera.user_id) is IdentityState.CHANGED)
        await vera.send(room_id, "hello?")
        await bot.until(lambda: [d for d in bot.deliveries if vera.user_id in d.identities_changed])
        with pytest.raises(IdentityChanged):
            await bot.client.sender.deliver(room_id, "m.room.message", note("in private"), "t3")
        await bot.client.acknowledge_identity(vera.user_id)
        event_id = await bot.client.sender.deliver(room_id, "m.room.message", note("in private"), "t3")
        assert (await vera.wait_event(room_id, event_id)).body == "in private"
        assert sum(vera.user_id in delivery.identities_changed for delivery in bot.deliveries) == 1


async def test_the_recovery_key_opens_the_bots_secrets_in_another_implementation(synapse, listen) -> None:
    account = await synapse.register(f"bot{synapse.next_number()}")
    bot = await listen(account)
    done = await bot.client.cross_signing.bootstrap()
    assert isinstance(done, Bootstrapped)
    async with JsPeer(
        synapse.url, account.user_id, account.password, strict=False, cross_sign=False
    ) as other:
        await other.recover(done.recovery_key.words())
        await assert_device_signed_by_owner(other, account.user_id, other.device_id)


async def test_secrets_stored_by_another_implementation_sign_the_bots_device(synapse, listen) -> None:
    account = await synapse.register(f"bot{synapse.next_number()}")
    async with JsPeer(
        synapse.url, account.user_id, account.password, strict=False, cross_sign=False
    ) as other:
        words = await other.bootstrap(secret_storage=True)
        assert words is not None
        bot = await listen(account)
        assert await bot.client.cross_signing.device_state() is DeviceState.UNSIGNED
        assert await bot.client.cross_signing.restore(RecoveryKey.read(words)) is DeviceState.SIGNED
