"""A device that takes the place of another one: it believes nothing that may have changed before it listened."""

from __future__ import annotations

from bridge.cli.enrol import OF_A_DEVICE
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.session import login
from tests.bridge.matrix.conftest import Listen, Listener
from tests.world import OpenWorld


async def test_a_new_device_asks_for_everybodys_devices_anew(world: OpenWorld, listen: Listen) -> None:
    here = await world("ana", invite_bot=True)
    ana = here["ana"]
    bot = await listen(here.bot)
    await bot.until(lambda: bot.client.rooms.get(here.room))
    await bot.client.sender.deliver(
        here.room, "m.room.message", {"msgtype": "m.notice", "body": "hello"}, "t1"
    )
    assert bot.client.cipher.trust.outdated([ana.user_id]) == []
    again = Listener(bot.session, MemoryKeeper(dict(bot.keeper.rows)))
    await again.open()
    assert again.client.cipher.trust.outdated([ana.user_id]) == [], "the same device was told of every change"
    await again.client.close()

    homeserver = await Homeserver.connect(here.homeserver)
    session = await login(homeserver, here.bot.user_id, here.bot.password)
    await homeserver.close()
    rows = {key: value for key, value in bot.keeper.rows.items() if key[0] not in OF_A_DEVICE}
    new = Listener(session, MemoryKeeper(rows))
    client = await new.open()
    assert client.cipher.trust.outdated([ana.user_id]) == [ana.user_id]
    assert client.identity_state(ana.user_id) == bot.client.identity_state(ana.user_id)
    await client.close()
