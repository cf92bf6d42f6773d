"""Killed at every boundary, restarted, and nobody notices."""

from __future__ import annotations

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
    rounds = max(2, math.ceil(kills / KILLS_A_ROUND))
    here = await world(*people_for(rounds), invite_bot=True)
    session = Session(here.homeserver, here.bot.user_id, here.bot.device_id, here.bot.access_token)
    members = tuple(member.user_id for member in here.members.values())
    config = Config(str(tmp_path), session, here.bot.password, here.room, members, secrets.token_bytes(32))
    async with Lives(config, SharedClock(MONDAY_9_00_MS), chance) as lives:
        look = Look(config.database)
        play = Play(here, lives, look, chance)
        lives.allow(kills * 2 // 5)
        await play.come_in()
        for round_ in range(rounds, 0, -1):
            await play.round((kills - lives.killed) // round_)
        while lives.killed < kills:
            await play.round(kills - lives.killed)
        await play.talk()
        await lives.stop()
        print(
            f"\nseed {seed}\n{lives.account()}\n{len(play.rounds)} rounds, {time.monotonic() - began:.0f} s"
        )
        census = Census(play, config, look)
        census.of_rooms()
        census.of_outbox()
        census.of_acknowledgements()
        census.of_log(lives.log())
        store = await TortoiseStore.open(config.database, config.secret)
        try:
            await census.of_house(store)
            await census.of_homeserver(store)
        finally:
            await store.close()
        census.report()
        assert lives.killed >= kills
        if kills >= ENOUGH_FOR_ALL:
            assert not lives.never_killed()
