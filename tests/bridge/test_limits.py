"""One small play against a Synapse with its default rate limits: slower, in order, complete, and never pushing."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.http import Homeserver, RateLimited
from tests.demo.play import monday_morning
from tests.world import Member, Message, Synapse, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

SMALL = """\
name: gathering
title: Gathering
about: Ask a few people whether they would like to come.
begins with: gather
called: <what>

people:
  host: starter
  guests: named in guests

details:
  guests:
    ask: Whom would you like to ask?
    type: people
  what:
    ask: What is it?
    type: words
    keep: 30 days

asks:
  joining:
    to: guests
    say: |
      <host> asks: <what>
    answers: in words
    keep: 30 days
    seen by: host
    until: 3 days after opening

states:
  draft:
    gather: [guests, what]
    moves:
      - when: everything is gathered
        to: open
      - at: 7 days after entering
        to: over
  open:
    asks: joining
    moves:
      - at: 3 days after entering
        to: over
  over:
    ends with: It is over.
"""
PATIENCE_SECONDS = 90.0
PER_SECOND_AT_MOST = 2.0
"""Requests of any kind that the bot may make on average, syncs included, while the homeserver holds it back."""


@dataclass
class Asked:
    """One request of the bot, as it went out."""

    at_seconds: float
    path: str
    limited: bool = False


class Counting(Homeserver):
    """The homeserver, and a list of what was asked of it."""

    asked: list[Asked]

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        asked = Asked(time.monotonic(), f"{method} {path}")
        self.asked.append(asked)
        try:
            return await super().request(method, path, **options)
        except RateLimited:
            asked.limited = True
            raise


async def has_choices(member: Member, bot: str, message: Message, choices: list[str]) -> None:
    """Wait until the bot has put exactly these reactions under its message."""

    def there() -> bool:
        taps = member.reactions(message.room_id, message.event_id)
        return {key for key, who in taps.items() if bot in who} == set(choices)

    await member.wait_for(there, PATIENCE_SECONDS, what=f"{choices} under a prompt")


@pytest.fixture
async def strict_world() -> AsyncIterator[World]:
    async with Synapse(limits="default") as synapse, World(("ana", "bruno", "chen"), synapse=synapse) as here:
        yield here


@pytest.mark.synapse
@pytest.mark.timeout(180)
async def test_under_the_default_limits_everything_arrives_in_order_and_paced(
    strict_world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = strict_world
    caplog.set_level(logging.INFO, "engine")
    bot = here.bot.user_id
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "gathering.yaml").write_text(SMALL)
    house = RunningHouse(here, tmp_path, JumpingClock(monday_morning(JumpingClock(0).real_now_ms())))
    house.circle_goes_by(workflows=tmp_path / "workflows", at_start=None)
    counting = await Counting.connect(here.homeserver, access_token=here.bot.access_token)
    counting.asked = []
    house.homeserver = counting
    await here.invite_bot()
    async with house:
        ana = here["ana"]
        await ana.hears(here.room, "Hello, I'm Hearth", sender=bot)
        await ana.say(here.room, "!hearth start")
        anas = await ana.wait_for(lambda: ana.find_dm(bot), what="a 1:1 room of Ana")
        await ana.hears(anas, "I'll write seldom", sender=bot)
        await ana.say(anas, "gather @bruno @chen: Soup on Friday")
        for name in ("bruno", "chen"):
            guest = here[name]
            room = await guest.wait_for(lambda guest=guest: guest.find_dm(bot), PATIENCE_SECONDS)  # type: ignore[misc]
            hello = await guest.hears(
                room, "May I write to you", sender=bot, timeout_seconds=PATIENCE_SECONDS
            )
            await guest.react(room, hello.event_id, "✉️")
        for name in ("bruno", "chen"):
            guest, room = here[name], here[name].find_dm(bot) or ""
            await guest.hears(room, "Soup on Friday", sender=bot, timeout_seconds=PATIENCE_SECONDS)
        for name in ("bruno", "chen"):
            guest, room = here[name], here[name].find_dm(bot) or ""
            hello, _invitation = (m for m in guest.read(room) if m.sender == bot)
            await has_choices(guest, bot, hello, ["👋", "✉️", "✖️"])
            assert len([m for m in guest.read(room) if m.sender == bot]) == 2
        await house.quiet()
        assert not [parcel for member in here.members.values() for parcel in member.undecryptable]

    limited = [asked for asked in counting.asked if asked.limited]
    sent = [asked for asked in counting.asked if "/send/" in asked.path and not asked.limited]
    assert limited, "these limits were not felt at all"
    held_back = counting.asked[counting.asked.index(limited[0]) :]
    seconds = held_back[-1].at_seconds - held_back[0].at_seconds
    seen = f"{seconds:.0f} s, {len(held_back)} requests, {len(limited)} limited, {len(sent)} sent"
    assert len(limited) <= 2 * len(sent), seen
    assert len(held_back) / seconds <= PER_SECOND_AT_MOST, seen
    # Nothing was given up, and nothing tried in vain so often that it would have been.
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith("engine")]
    assert len([asked for asked in counting.asked if asked.path.endswith("/createRoom")]) == 3
