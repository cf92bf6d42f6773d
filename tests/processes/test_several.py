"""Three processes over one PostgreSQL and one bot account, killed, put to sleep and woken up: nobody notices."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from pathlib import Path

import pytest

from bridge.hall.keeping import CellarKeeper
from bridge.matrix.client import MatrixClient
from bridge.matrix.session import Session
from engine.store import TortoiseStore
from tests.crash.census import Census
from tests.crash.clock import SharedClock
from tests.crash.play import Play, people_for
from tests.processes.child import SharedConfig
from tests.processes.look import SharedLook
from tests.processes.several import Several
from tests.world import OpenWorld, World
from tests.world.postgres import Postgres

MONDAY_9_00_MS = 1_800_262_800_000
TROUBLES = 5
"""In a run of the whole suite; `make kill` makes one for ten of its kills."""
TROUBLES_A_ROUND = 6
TAKEOVER_MS = 10_000
SLOW_MS = 5_000
"""What a machine that is busy with other tests may take longer."""
PLAY_SECONDS = 240
SECONDS_PER_TROUBLE = 40


@pytest.mark.crash
@pytest.mark.synapse
@pytest.mark.timeout(0)  # it has a limit of its own, by how much trouble there is
async def test_killed_asleep_or_without_a_database_several_lose_nothing_and_do_nothing_twice(
    world: OpenWorld, own_postgres: Postgres, tmp_path: Path, seed: int, kills: int
) -> None:
    began, chance = time.monotonic(), random.Random(seed)
    troubles = max(TROUBLES, kills // 10)
    rounds = -(-troubles // TROUBLES_A_ROUND)
    here = await world(*people_for(rounds), invite_bot=True)
    config = _config(here, tmp_path, own_postgres.database())
    await _settle_in(config)
    look = SharedLook(config.address)
    async with Several(config, SharedClock(MONDAY_9_00_MS), chance, own_postgres, look) as several:
        play = Play(here, several, look, chance)
        census = Census(play, config, look)
        several.at_each_start = census.glance
        try:
            async with asyncio.timeout(PLAY_SECONDS + SECONDS_PER_TROUBLE * troubles):
                await _perform(play, several, troubles, rounds)
        finally:
            print(f"\nseed {seed}\n{several.account}\n{time.monotonic() - began:.0f} s")
    census.of_log(several.log())
    census.of_rooms()
    census.of_outbox()
    census.of_acknowledgements()
    store = await TortoiseStore.open(config.address, config.secret)
    try:
        await census.of_house(store)
        await census.of_homeserver(store)
    finally:
        await store.close()
        look.close()
    census.report()
    taken_ms = several.account.takeovers_ms
    assert all(each <= TAKEOVER_MS + SLOW_MS for each in taken_ms), taken_ms


async def _perform(play: Play, several: Several, troubles: int, rounds: int) -> None:
    """All rounds, with the trouble spread over them."""
    await play.come_in()
    for left in range(rounds, 0, -1):
        done = several.account.troubles.total()
        await play.round(max(0, troubles - done) // left)
    several.spare()
    await play.talk()
    await several.stop()


async def _settle_in(config: SharedConfig) -> None:
    """What `hearth init` does."""
    plan, store = config.plan(), await TortoiseStore.open(config.address, config.secret)
    client = await MatrixClient.open(
        plan.session, CellarKeeper(store), pickle_secret=plan.pickle_secret, alias_salt=plan.alias_salt
    )
    await client.cross_signing.bootstrap(password=config.password)
    await client.close()
    await store.close()


def _config(here: World, folder: Path, address: str) -> SharedConfig:
    bot = here.bot
    session = Session(here.homeserver, bot.user_id, bot.device_id, bot.access_token)
    return SharedConfig(
        folder=str(folder),
        session=session,
        password=bot.password,
        room=here.room,
        members=tuple(member.user_id for member in here.members.values()),
        secret=secrets.token_bytes(32),
        address=address,
    )
