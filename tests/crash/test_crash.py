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
from engine.store import TortoiseStore
from tests.crash.census import Census
from tests.crash.child import Config
from tests.crash.clock import SharedClock
from tests.crash.lives import Lives
from tests.crash.look import Look
from tests.crash.play import Play, people_for
from tests.world import OpenWorld, World

MONDAY_9_00_MS = 1_800_262_800_000
KILLS_A_ROUND = 20
ENOUGH_FOR_ALL = 50
"""With so many kills every operation that belongs to every play is killed at least once."""

PLAY_SECONDS = 180
SECONDS_PER_KILL = 4


@pytest.mark.crash
@pytest.mark.timeout(0)  # it has a limit of its own, by the number of kills
async def test_killed_at_every_boundary_nothing_is_lost_and_nothing_happens_twice(
    world: OpenWorld, tmp_path: Path, seed: int, kills: int
) -> None:
    began = time.monotonic()
    chance = random.Random(seed)
    rounds = max(2, math.ceil(kills / KILLS_A_ROUND))
    here = await world(*people_for(rounds), invite_bot=True)
    config = _config(here, tmp_path)
    look = Look(config.database)
    async with Lives(config, SharedClock(MONDAY_9_00_MS), chance) as lives:
        play = Play(here, lives, look, chance)
        census = Census(play, config, look)
        lives.at_each_start = census.glance
        try:
            async with asyncio.timeout(PLAY_SECONDS + SECONDS_PER_KILL * kills):
                await _perform(play, lives, kills, rounds)
        finally:
            seconds = time.monotonic() - began
            print(f"\nseed {seed}\n{lives.account()}\n{len(play.rounds)} rounds, {seconds:.0f} s")
        census.of_log(lives.log())
    census.of_rooms()
    census.of_outbox()
    census.of_acknowledgements()
    store = await TortoiseStore.open(config.database, config.secret)
    try:
        await census.of_house(store)
        await census.of_homeserver(store)
    finally:
        await store.close()
    census.report()
    async with Lives(config, lives.clock, chance) as later:
        carrying = await play.long_after(later, max(2, kills // 20))
        print(f"long after: {later.account()}")
    census.of_log(later.log())
    census.of_fading(carrying)
    census.report()
    assert lives.killed >= kills
    assert kills < ENOUGH_FOR_ALL or not lives.never_killed()


async def _perform(play: Play, lives: Lives, kills: int, rounds: int) -> None:
    """All rounds, with the kills spread over them; most of what happens only once happens at the beginning."""
    lives.allow(kills * 2 // 5)
    await play.come_in()
    for left in range(rounds, 0, -1):
        await play.round(max(0, kills - lives.killed) // left)
    while lives.killed < kills:
        await play.round(kills - lives.killed)
    lives.spare()
    await play.talk()
    await lives.stop()


def _config(here: World, folder: Path) -> Config:
    bot = here.bot
    session = Session(here.homeserver, bot.user_id, bot.device_id, bot.access_token)
    members = tuple(member.user_id for member in here.members.values())
    return Config(str(folder), session, bot.password, here.room, members, secrets.token_bytes(32))
