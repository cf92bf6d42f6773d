"""Killed at every boundary, restarted, and nobody notices."""

from __future__ import annotations

import asyncio
import math
import random
import secrets
import time
from pathlib import Path

import pytest

from bridge.matrix.session import Session
from tests.crash.child import Config
from tests.crash.clock import SharedClock
from tests.crash.lives import Lives
from tests.crash.look import Look
from tests.crash.play import Play
from tests.world import OpenWorld

MONDAY_9_00_MS = 1_800_262_800_000
KILLS_A_ROUND = 20
ENOUGH_FOR_ALL = 50


@pytest.mark.crash
@pytest.mark.timeout(7200)
async def test_killed_at_every_boundary_nothing_is_lost_and_nothing_happens_twice(
    world: OpenWorld, tmp_path: Path, seed: int, kills: int
) -> None:
    began = time.monotonic()
    chance = random.Random(seed)
    here = await world("ana", "bruno", "chen", "dora", invite_bot=True)
    session = Session(here.homeserver, here.bot.user_id, here.bot.device_id, here.bot.access_token)
    members = tuple(member.user_id for member in here.members.values())
    config = Config(str(tmp_path), session, here.bot.password, here.room, members, secrets.token_bytes(32))
    async with Lives(config, SharedClock(MONDAY_9_00_MS), chance) as lives:
        play = Play(here, lives, Look(config.database), chance)
        # The beginning and the first round hold most of what happens only once.
        rounds = max(2, math.ceil(kills / KILLS_A_ROUND))
        share = kills // (rounds + 1)
        lives.allow(share)
        await play.come_in()
        for number in range(1, rounds):
            await play.round(share)
        await play.round(kills - lives.killed)
        print(lives.account(), lives.starts_seconds)
        await lives.stop()
    print(time.monotonic() - began)
