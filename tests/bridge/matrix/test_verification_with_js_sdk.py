"""Comparing keys with matrix-js-sdk: in rooms and device to device, begun by either side, and all ways it can end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.matrix.cipher import VERIFICATION
from bridge.matrix.clock import SystemClock
from bridge.matrix.cross_signing import Bootstrapped
from bridge.matrix.http import Homeserver, path
from bridge.matrix.megolm import TRANSACTION
from bridge.matrix.outbound import IdentityChanged
from bridge.matrix.sas import EMOJI
from bridge.matrix.trust import IdentityState
from bridge.matrix.verification import OLDEST_MS, Compared, Comparing
from tests.peers.js_peer import JsPeer, require_js_peer

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

WAIT_SECONDS = 20


@pytest.fixture
def js_peer_runs() -> None:
    require_js_peer()


class LeapingClock(SystemClock):
    """Real time, until it leaps."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self._leapt = asyncio.Event()

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def leap(self, ms: int) -> None:
        self.ahead_ms += ms
        self._leapt.set()
        self._leapt = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        until_ms = self.now_ms() + int(seconds * 1000)
        while (left_ms := until_ms - self.now_ms()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leapt.wait(), left_ms / 1000)


class Comparison:
    """Vera's app and a bot in a 1:1 room, and what the bot's house is told."""

    def __init__(self, bot: Any, vera: JsPeer, room: str, clock: LeapingClock, token: str) -> None:
        self.bot = bot
        self.token = token
        self.vera = vera
        self.room = room
        self.clock = clock
        self.news: asyncio.Queue[Comparing | Compared] = asyncio.Queue()
        self.listen()

    def listen(self) -> None:
        self.bot.client.verification.listener = self.news.put

    async def told(self) -> Comparing | Compared:
        return await asyncio.wait_for(self.news.get(), WAIT_SECONDS)

    async def ask(self, where: str) -> None:
        bot = self.bot.session
        if where == "room":
            await self.vera.ask_to_compare(bot.user_id, room=self.room)
        else:
            await self.vera.ask_to_compare(bot.user_id, device=bot.device_id)
        await self.vera.wait_comparing("Ready")

    async def sees_the_same(self) -> None:
        """Both sides show the same emoji and numbers."""
        emoji, numbers = await self.vera.wait_emoji()
        shown = await self.told()
        assert isinstance(shown, Comparing)
        assert len(shown.emoji) == 7
        assert tuple(EMOJI[each] for each in shown.emoji) == emoji
        assert shown.decimals == numbers

    async def ends(self) -> str:
        news = await self.told()
        assert isinstance(news, Compared)
        assert news.user_id == self.vera.user_id
        return news.outcome

    async def is_verified(self) -> bool:
        return (await self.vera.user_trust(self.bot.session.user_id)).verified


@pytest.fixture
async def comparison(synapse, listen) -> AsyncIterator[Comparison]:
    account = await synapse.register(f"vera{synapse.next_number()}")
    clock = LeapingClock()
    bot = await listen(await synapse.register(f"bot{synapse.next_number()}"), clock=clock)
    assert isinstance(await bot.client.cross_signing.bootstrap(), Bootstrapped)
    async with JsPeer(synapse.url, account.user_id, account.password) as vera:
        await vera.autojoin()
        room = await bot.client.ensure_direct(vera.user_id)
        await vera.wait_joined(room)
        await bot.until(lambda: vera.user_id in bot.client.rooms.get(room).joined())
        await vera.device_trust(bot.session.user_id, bot.session.device_id, signed=True)
        yield Comparison(bot, vera, room, clock, account.access_token)


@pytest.mark.parametrize("where", ["room", "device"])
@pytest.mark.parametrize("who", ["vera", "bot"])
async def test_after_comparing_the_app_shows_the_bot_as_verified(
    comparison: Comparison, where: str, who: str
) -> None:
    vera = comparison.vera
    assert not await comparison.is_verified()
    await comparison.ask(where)
    if who == "vera":
        await vera.begin_comparing()
    else:
        await vera.take_up_comparing()
    await comparison.sees_the_same()
    assert not await comparison.is_verified(), "the bot vouches for nothing before a person has compared"
    await vera.say_compared("same")
    assert await vera.wait_compared() == "done"
    await vera.wait_comparing("Done")
    assert await comparison.ends() == "same"
    await vera.wait_trusted(comparison.bot.session.user_id)
    trust = await vera.device_trust(comparison.bot.session.user_id, comparison.bot.session.device_id)
    assert trust.cross_signing_verified


@pytest.mark.parametrize("where", ["room", "device"])
async def test_pictures_that_differ_leave_the_bot_unverified_and_it_can_be_tried_again(
    comparison: Comparison, where: str
) -> None:
    vera = comparison.vera
    await comparison.ask(where)
    await vera.begin_comparing()
    await comparison.sees_the_same()
    await vera.say_compared("different")
    assert await comparison.ends() == "different"
    assert (await vera.wait_comparing("Cancelled"))[0] == "m.mismatched_sas"
    assert not await comparison.is_verified()
    await comparison.ask(where)
    await vera.begin_comparing()
    await comparison.sees_the_same()
    await vera.say_compared("same")
    assert await comparison.ends() == "same"
    await vera.wait_trusted(comparison.bot.session.user_id)


@pytest.mark.parametrize("shown", [False, True])
async def test_whoever_asked_can_stop_at_any_time(comparison: Comparison, shown: bool) -> None:
    await comparison.ask("room")
    if shown:
        await comparison.vera.begin_comparing()
        await comparison.sees_the_same()
    await comparison.vera.say_compared("stop")
    assert await comparison.ends() == "stopped"
    assert not await comparison.is_verified()


async def test_after_ten_minutes_the_app_hears_that_it_took_too_long(comparison: Comparison) -> None:
    await comparison.ask("room")
    await comparison.vera.begin_comparing()
    await comparison.sees_the_same()
    comparison.clock.leap(OLDEST_MS)
    assert await comparison.ends() == "too_late"
    code, by = await comparison.vera.wait_comparing("Cancelled")
    assert (code, by) == ("m.timeout", comparison.bot.session.user_id)
    assert not await comparison.is_verified()


@pytest.mark.parametrize("where", ["room", "device"])
async def test_a_restart_ends_it_kindly_and_the_next_try_succeeds(comparison: Comparison, where: str) -> None:
    vera, bot = comparison.vera, comparison.bot
    await comparison.ask(where)
    await vera.begin_comparing()
    await comparison.sees_the_same()
    await bot.stop()
    await bot.start()
    comparison.listen()
    await vera.say_compared("same")
    assert await comparison.ends() == "lost"
    assert (await vera.wait_comparing("Cancelled"))[0] == "m.unknown_transaction"
    assert not await comparison.is_verified()
    await comparison.ask(where)
    await vera.begin_comparing()
    await comparison.sees_the_same()
    await vera.say_compared("same")
    assert await comparison.ends() == "same"


@pytest.mark.parametrize("where", ["room", "device"])
async def test_an_identity_that_was_reset_is_accepted_once_it_has_been_compared(
    comparison: Comparison, where: str
) -> None:
    vera, bot, room = comparison.vera, comparison.bot, comparison.room
    await vera.bootstrap(replace=True)
    await bot.until(lambda: [d for d in bot.deliveries if vera.user_id in d.identities_changed])
    assert bot.client.identity_state(vera.user_id) is IdentityState.CHANGED
    private = {"msgtype": "m.notice", "body": "in private"}
    with pytest.raises(IdentityChanged):
        await bot.client.sender.deliver(room, "m.room.message", private, "t1")
    await comparison.ask(where)
    await vera.begin_comparing()
    await comparison.sees_the_same()
    assert bot.client.identity_state(vera.user_id) is IdentityState.CHANGED
    await vera.say_compared("same")
    assert await comparison.ends() == "same"
    assert bot.client.identity_state(vera.user_id) is IdentityState.KNOWN
    event_id = await bot.client.sender.deliver(room, "m.room.message", private, "t1")
    assert (await vera.wait_event(room, event_id)).body == "in private"


async def test_what_both_sides_hash_carries_no_mark_of_ours(comparison: Comparison) -> None:
    await comparison.ask("room")
    await comparison.vera.take_up_comparing()
    await comparison.sees_the_same()
    own = [each for each in comparison.bot.events if each.sender == comparison.bot.session.user_id]
    kinds = [each.type for each in own if each.type.startswith(VERIFICATION)]
    assert kinds == [f"{VERIFICATION}{kind}" for kind in ("ready", "start", "key")]
    assert not [each for each in own if each.type in kinds and TRANSACTION in each.content]


async def test_junk_about_verification_hurts_nobody(comparison: Comparison) -> None:
    bot = comparison.bot.session
    junk: list[dict[str, Any]] = [
        {},
        {"transaction_id": 7},
        {"transaction_id": "t" * 5000},
        {"transaction_id": "t", "key": [], "mac": "x", "keys": {}, "commitment": None},
        {"transaction_id": "t2", "from_device": {"a": 1}, "methods": "m.sas.v1", "timestamp": "soon"},
    ]
    kinds = ("request", "ready", "start", "accept", "key", "mac", "cancel", "done", "", "nonsense")
    homeserver = await Homeserver.connect(bot.homeserver, access_token=comparison.token)
    try:
        for kind in kinds:
            for n, content in enumerate(junk):
                where = path("sendToDevice", f"m.key.verification.{kind}", f"{kind}{n}")
                body = {"messages": {bot.user_id: {bot.device_id: content}}}
                await homeserver.request("PUT", where, body=body)
    finally:
        await homeserver.close()
    # Two of them could have been comparisons from before a restart.
    assert [await comparison.ends(), await comparison.ends()] == ["lost", "lost"]
    await comparison.ask("room")
    await comparison.vera.begin_comparing()
    await comparison.sees_the_same()
    await comparison.vera.say_compared("same")
    assert await comparison.ends() == "same"
