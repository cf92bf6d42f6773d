"""matrix-js-sdk keeps its keys back or sends them late, turns them as a room asks, resets its identity, and reads the
bot's own backup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bridge.matrix.backup import BackupState
from bridge.matrix.cross_signing import Bootstrapped
from bridge.matrix.keep import MemoryKeeper
from engine.core.desk_reading import KEY_COMES_LATE_MS
from tests.bridge.matrix.conftest import Listener, session_of
from tests.bridge.matrix.test_hazards import Tampering
from tests.bridge.matrix.test_unreadable import Held
from tests.demo.play import monday_morning
from tests.peers.js_peer import JsPeer
from tests.world import OpenWorld, Synapse
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

COULD_NOT = "I couldn't read what you wrote"
TURNS_AFTER = 2
CAKE = """\
name: Cake
about: Find out about cake.
steps:
  - ask: everyone but starter
    named: cake
    say: "Would you like cake?"
    answers: [With cream, Without]
    seen by: starter
    until: 3 days after opening
  - tell: starter
    say: Everyone has been asked.
"""


class Visit:
    """Vera with matrix-js-sdk, in a 1:1 room with the whole bot, which she lets write to her."""

    def __init__(self, held: Held, vera: JsPeer, room: str) -> None:
        self.here, self.house, self.clock = held.here, held.house, held.clock
        self.vera, self.room = vera, room
        self.held = held
        """What keeps from the bot what is sent to its device, keys among it."""
        self.bot = held.here.bot.user_id

    async def hears(self, text: str, after: str | None = None) -> str:
        message = await self.vera.wait_message(self.room, text, sender=self.bot, after=after)
        return message.event_id

    async def caught_up(self) -> None:
        """Wait until the bot has taken in everything that was sent before."""
        ana = self.here["ana"]
        await ana.say(self.here.room, "!hearth what's on")
        await ana.hears(self.here.room, "Nothing", sender=self.bot)

    async def bodies(self) -> list[str]:
        return [str(m.body) for m in await self.vera.messages(self.room) if m.sender == self.bot]


@pytest.fixture
async def visit(world: OpenWorld, synapse: Synapse, tmp_path: Path) -> AsyncIterator[Visit]:
    async with AsyncExitStack() as stack:
        here = await world("ana", invite_bot=True)
        account = await synapse.register(f"vera-{synapse.next_number()}", display_name="Vera")
        vera = await stack.enter_async_context(
            JsPeer(synapse.url, account.user_id, account.password, strict=False)
        )
        await here["ana"].invite(here.room, vera.user_id)
        await vera.join(here.room)
        clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
        (tmp_path / "workflows").mkdir()
        (tmp_path / "workflows" / "cake.yaml").write_text(CAKE)
        house = RunningHouse(here, tmp_path, clock)
        house.circle_goes_by(workflows=tmp_path / "workflows", at_start=None)
        held = Held(here, house, clock)
        homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
        homeserver.before, homeserver.after = held.note, held.hold
        house.homeserver = homeserver
        await stack.enter_async_context(house)
        await vera.wait_member(here.room, here.bot.user_id)
        await vera.send(here.room, "!hearth help")
        invite = await vera.wait_invite(here.bot.user_id)
        room = await vera.join(invite.room)
        visit = Visit(held, vera, room)
        hello = await visit.hears("May I write to you")
        await vera.send(room, "1", reply_to=hello)
        await visit.hears("I'll write seldom")
        yield visit


async def test_an_app_that_keeps_its_keys_back_is_told_what_helps_and_once(visit: Visit) -> None:
    await visit.vera.withhold()
    first = await visit.vera.send(visit.room, "who holds what")
    await visit.vera.send(visit.room, "hello?")
    await visit.caught_up()
    visit.clock.jump_to(visit.clock.now_ms() + KEY_COMES_LATE_MS)
    await visit.hears("your app gives keys only to whom you have verified", after=first)
    await visit.vera.withhold(False)
    second = await visit.vera.send(visit.room, "who holds what")
    await visit.hears("Nobody holds a role", after=second)
    assert len([body for body in await visit.bodies() if COULD_NOT in body]) == 1


async def test_an_answer_whose_key_comes_late_counts_when_it_comes(visit: Visit) -> None:
    vera, room, held = visit.vera, visit.room, visit.held
    await visit.here["ana"].say(visit.here.room, "!hearth cake")
    asked = await visit.hears("Would you like cake?")

    async def answer_unreadably(text: str) -> str:
        """With a new key, which stays on its way to the bot."""
        await vera.turn_key(room)
        held.through.clear()
        held.asked.clear()
        said = await vera.send(room, text)
        await held.wait_asked()
        return said

    first = await answer_unreadably("1")
    visit.clock.jump_to(visit.clock.now_ms() + KEY_COMES_LATE_MS)
    await visit.hears(COULD_NOT, after=first)
    held.through.set()
    await visit.caught_up()
    await visit.hears("The key has come", after=first)
    assert await visit.hears("You said: With cream") == asked

    await answer_unreadably("without")
    held.through.set()
    await visit.caught_up()
    assert await visit.hears("You said: Without") == asked
    visit.clock.jump_to(visit.clock.now_ms() + 2 * KEY_COMES_LATE_MS)
    await visit.house.quiet()
    assert not [body for body in await visit.bodies() if COULD_NOT in body], "a little late is no trouble"


async def test_where_the_room_wants_keys_turned_both_sides_turn_them_and_read_each_other(
    visit: Visit,
) -> None:
    vera = visit.vera
    room = await vera.create_room(invite=(visit.bot,), direct=True, turns_after=TURNS_AFTER)
    await vera.wait_member(room, visit.bot)
    for _ in range(5):
        said = await vera.send(room, "what's on")
        await vera.wait_message(room, "Nothing is on", sender=visit.bot, after=said)
    heard = await vera.messages(room)
    assert not [message.failure for message in heard if message.failure]
    for sender in (visit.bot, vera.user_id):
        keys = Counter(message.session for message in heard if message.sender == sender and message.encrypted)
        assert len(keys) >= 3, f"{sender} turned its key {len(keys) - 1} times"
        assert max(keys.values()) <= TURNS_AFTER


async def test_after_a_reset_private_things_wait_until_it_is_me_and_then_leave_at_once(visit: Visit) -> None:
    await visit.vera.bootstrap(replace=True)
    noticed = await visit.hears("Your Matrix identity is another one than before")
    asked = await visit.vera.send(visit.room, "who holds what")
    await visit.caught_up()
    await visit.house.quiet()
    assert not [body for body in await visit.bodies() if "Nobody holds a role" in body]
    await visit.vera.send(visit.room, "it's me")
    thanks = await visit.hears("What I kept back comes now", after=noticed)
    await visit.hears("Nobody holds a role", after=asked)
    assert thanks
    later = await visit.vera.send(visit.room, "what's on")
    await visit.hears("Nothing", after=later)
    assert len([body for body in await visit.bodies() if "another one than before" in body]) == 1


async def test_the_sdk_reads_what_the_bot_backed_up(world: OpenWorld, synapse: Synapse) -> None:
    here = await world("ana", invite_bot=True)
    bot = Listener(session_of(here.bot), MemoryKeeper())
    await bot.start()
    try:
        made = await bot.client.cross_signing.bootstrap(password=here.bot.password)
        assert isinstance(made, Bootstrapped)
        await bot.until(lambda: here.room in bot.client.rooms)
        await here["ana"].wait_for(lambda: here.bot.user_id in here["ana"].people(here.room))
        said = await here["ana"].say(here.room, "long ago")
        await bot.hears(here.room, "long ago")
        answer = await bot.client.sender.deliver(
            here.room, "m.room.message", {"msgtype": "m.notice", "body": "I see"}, "t1"
        )
        await bot.client.backup.keep()
        assert bot.client.backup.due == 0
        async with JsPeer(
            synapse.url, here.bot.user_id, here.bot.password, strict=False, cross_sign=False
        ) as app:
            await app.wait_joined(here.room)
            await app.recover(made.recovery_key.words())
            restored = await app.restore_backup(made.recovery_key.words())
            assert (restored.total, restored.imported, restored.trusted) == (2, 2, True)
            await app.messages(here.room, at_least=20)
            assert (await app.wait_event(here.room, said)).body == "long ago"
            assert (await app.wait_event(here.room, answer)).body == "I see"
        assert await bot.client.backup.look() is BackupState.KEPT
    finally:
        await bot.stop()
