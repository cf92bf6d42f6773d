"""The access token is gone: the house ends with the error that says so, and loses nothing."""

import logging

import msgspec
import pytest

from bridge.matrix.http import Homeserver, TokenLost
from bridge.matrix.session import login
from tests.fakes import loses_token
from tests.faults.scene import MakeScene, Scene


async def log_in_again(it: Scene) -> None:
    """What the operator does: the same device, a new token."""
    account = it.here.bot
    web = await Homeserver.connect(it.here.homeserver)
    session = await login(web, account.user_id, account.password, device_id=account.device_id)
    await web.close()
    it.house.plan = msgspec.structs.replace(it.house.plan, session=session)


@pytest.mark.parametrize(
    ("at", "soft"), [("", False), ("", True), ("/sync", False), ("/keys/", True)], ids=str
)
async def test_a_lost_token_ends_the_run_with_its_error_and_a_clear_line(
    scene: MakeScene, at: str, soft: bool, caplog: pytest.LogCaptureFixture
) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    with it.fails(loses_token(soft=soft), at=at) as lost:
        if at == "/keys/":
            await it.here.add("ana2", new_device_of="ana")
        await it["ana"].say(room, "help")
        with pytest.raises(TokenLost) as raised:
            await it.until(it.house.ends())
        after = lost.met
        await it.clock.pass_time(600)
        assert lost.met == after
    assert raised.value.soft_logout is soft
    lines = [record for record in caplog.records if record.levelno >= logging.CRITICAL]
    assert len(lines) == 1
    assert "access token is no longer valid" in lines[0].getMessage()
    assert "log the bot in again" in lines[0].getMessage()
    assert it.here.bot.access_token not in caplog.text
    it.stayed_logged_in()
    await log_in_again(it)
    await it.until(it.house.start())
    await it.answered("ana", room, times=2)


async def test_a_token_lost_before_the_start_is_the_same_error(scene: MakeScene) -> None:
    it = await scene("ana")
    room = await it.meet("ana")
    await it.until(it.house.stop())
    await it["ana"].say(room, "help")
    with it.fails(loses_token()), pytest.raises(TokenLost):
        await it.until(it.house.start())
    with pytest.raises(TokenLost):
        await it.house.ends()
    await it.until(it.house.start())
    await it.answered("ana", room, times=2)
