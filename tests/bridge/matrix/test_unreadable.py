"""What cannot be read is said once and kindly in the 1:1 room, and counts when its key arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.cipher import Undecryptable
from bridge.matrix.inbound import Cause, Ignored, Knowledge, UnreadDraft, hashed_session, translate
from bridge.matrix.sync import UndecryptableEvent
from engine.core.desk_reading import KEY_COMES_LATE_MS
from engine.core.values import CircleId
from tests.bridge.matrix.test_hazards import Tampering
from tests.demo.play import monday_morning
from tests.world import Member, OpenWorld, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

ANA, ROOM, DM = "@ana:example.org", "!room:example.org", "!dm:example.org"
KNOWN = Knowledge(
    user_id="@hearth:example.org", names=("Hearth",), direct={DM: ANA}, circles={ROOM: CircleId("circle")}
)
COULD_NOT = "I couldn't read what you wrote"

# ── what it means to the house ───────────────────────────────────────────────


def locked(reason: Any, withheld: str = "", *, room: str = DM, sender: str = ANA) -> UndecryptableEvent:
    cause = Undecryptable("session", reason, withheld, True)
    return UndecryptableEvent(room, "$event", sender, 999_000, cause)


@pytest.mark.parametrize(
    ("reason", "withheld", "cause"),
    [
        ("no_key", "", "no_key"),
        ("key_starts_later", "", "no_key"),
        ("withheld", "m.unverified", "unverified"),
        ("withheld", "m.blacklisted", "blocked"),
        ("withheld", "m.unauthorised", "blocked"),
        ("withheld", "m.no_olm", "no_key"),
        ("withheld", "org.example.whatever", "no_key"),
        ("malformed", "", "damaged"),
        ("algorithm", "", "damaged"),
    ],
)
def test_each_cause_is_named_in_the_writers_terms(reason: str, withheld: str, cause: Cause) -> None:
    draft = translate(locked(reason, withheld), KNOWN, 1_000_000)
    assert draft == UnreadDraft(
        id="$event", occurred_ms=999_000, sender=ANA, session=hashed_session(DM, "session"), cause=cause
    )


@pytest.mark.parametrize("reason", ["replayed", "wrong_sender"])
def test_what_was_tampered_with_is_answered_by_nothing(reason: str) -> None:
    assert translate(locked(reason), KNOWN, 1_000_000) == Ignored("undecryptable")


def test_in_a_shared_room_and_to_strangers_nothing_is_said() -> None:
    assert translate(locked("no_key", room=ROOM), KNOWN, 1_000_000) == Ignored("undecryptable")
    assert translate(locked("no_key", sender="@eve:example.org"), KNOWN, 1_000_000) == Ignored(
        "undecryptable"
    )


# ── the whole bot ────────────────────────────────────────────────────────────


class Held:
    """A house to which to-device messages come only when they are let through."""

    def __init__(self, here: World, house: RunningHouse, clock: JumpingClock) -> None:
        self.here, self.house, self.clock = here, house, clock
        self.through = asyncio.Event()
        self.through.set()
        self.asked = asyncio.Event()
        self._held: list[dict[str, Any]] = []

    def hold(self, method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if not path.endswith("/sync"):
            return answer
        events = answer.get("to_device", {}).get("events", [])
        if self.through.is_set():
            held, self._held = self._held, []
            return {**answer, "to_device": {"events": held + events}}
        self._held += events
        return {**answer, "to_device": {"events": []}}

    async def note(self, method: str, path: str, options: dict[str, Any]) -> None:
        if "m.room_key_request" in path:
            self.asked.set()

    @property
    def ana(self) -> Member:
        return self.here["ana"]

    async def dm(self) -> str:
        """Ana's 1:1 room, in which she has been greeted and has not answered yet."""
        bot = self.here.bot.user_id
        await self.ana.hears(self.here.room, "Hello, I'm Hearth")
        await self.ana.say(self.here.room, "!hearth help")
        room = await self.ana.wait_for(lambda: self.ana.find_dm(bot), what="a 1:1 room with the bot")
        await self.ana.hears(room, "May I write to you", sender=bot)
        await self.ana.hears(room, "for when you'd like to talk", sender=bot)
        return room

    async def say_unreadably(self, room: str, text: str) -> None:
        """With a new session, whose key stays on the way."""
        self.through.clear()
        self.ana.client.olm.outbound_group_sessions.pop(room, None)
        await self.ana.say(room, text)

    async def wait_asked(self) -> None:
        await asyncio.wait_for(self.asked.wait(), 30)

    def heard(self, room: str, text: str) -> int:
        return sum(text in line for line in self.ana.transcript(room))


@pytest.fixture
async def held(world: OpenWorld, tmp_path: Path) -> AsyncIterator[Held]:
    async with AsyncExitStack() as stack:
        here = await world("ana", invite_bot=True)
        clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
        house = RunningHouse(here, tmp_path, clock)
        held = Held(here, house, clock)
        homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
        homeserver.before, homeserver.after = held.note, held.hold
        house.homeserver = homeserver
        await stack.enter_async_context(house)
        yield held


@pytest.mark.synapse
async def test_an_unreadable_answer_is_answered_once_and_counts_when_its_key_comes(held: Held) -> None:
    ana, room = held.ana, await held.dm()
    await held.say_unreadably(room, "1")
    await held.wait_asked()
    assert not held.heard(room, COULD_NOT)
    held.clock.jump_to(held.clock.now_ms() + KEY_COMES_LATE_MS)
    await ana.hears(room, COULD_NOT, sender=held.here.bot.user_id)
    await ana.say(room, "are you there?")
    await ana.react(room, (await ana.hears(room, "May I write to you")).event_id, "🙂")
    held.through.set()
    await ana.say(held.here.room, "!hearth who holds what")
    await ana.hears(room, "The key has come", sender=held.here.bot.user_id)
    await ana.hears(room, "I'll write seldom", sender=held.here.bot.user_id)
    assert held.heard(room, COULD_NOT) == 0, "its place is taken by the good news"


@pytest.mark.synapse
async def test_a_key_that_is_a_little_late_is_nothing_to_write_about(held: Held) -> None:
    ana, room = held.ana, await held.dm()
    await held.say_unreadably(room, "1")
    await held.wait_asked()
    held.through.set()
    await ana.say(held.here.room, "!hearth who holds what")
    await ana.hears(room, "I'll write seldom", sender=held.here.bot.user_id)
    held.clock.jump_to(held.clock.now_ms() + 2 * KEY_COMES_LATE_MS)
    await held.house.quiet()
    assert not held.heard(room, COULD_NOT)
    assert not held.heard(room, "The key has come")
