"""Two houses over one PostgreSQL and one bot account: one speaks, and when it ends the other goes on."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.clock import RealTime
from bridge.hall.keeping import CellarKeeper
from bridge.http import Pulse
from bridge.matrix.client import MatrixClient
from bridge.matrix.http import Homeserver
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.wiring import Hearth
from engine.store import TortoiseStore
from tests.world import Member, Synapse, World

SHIPPED = Path(__file__).parents[2] / "workflows"
MASTER_KEY = bytes(range(32))
START_SECONDS = 60.0
TAKEOVER_SECONDS = 10.0


def plan_of(here: World) -> Plan:
    account = here.bot
    circle = CirclePlan(
        room=here.room,
        workflows=SHIPPED,
        at_start=frozenset(("invitation",)),
        quiet_from_hour=0,
        quiet_to_hour=0,
    )
    return Plan(
        session=Session(here.homeserver, account.user_id, account.device_id, account.access_token),
        circles=(circle,),
        operator="the host of this test",
        allowed=Allowed(users=frozenset(member.user_id for member in here.members.values())),
        pickle_secret=secrets.token_bytes(32),
        alias_salt=secrets.token_bytes(32),
        quiet_from_hour=0,
        quiet_to_hour=0,
    )


class Process:
    """One of several houses, with a store of its own over the same database."""

    def __init__(self, name: str, plan: Plan, store: TortoiseStore) -> None:
        self.pulse = Pulse()
        self.store = store
        self.hearth = Hearth(plan, store, RealTime(), pulse=self.pulse, leases=store, holder=name)
        self._session = plan.session
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(self.hearth.run(self._stop, connect=self._connect), name=name)

    async def _connect(self) -> Homeserver:
        return await Homeserver.connect(self._session.homeserver, access_token=self._session.access_token)

    async def speaks(self, within_seconds: float = START_SECONDS) -> None:
        """Wait until it has caught up as the one that speaks."""
        ready = asyncio.create_task(self.hearth.ready.wait())
        done, _ = await asyncio.wait(
            {ready, self._task}, timeout=within_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if self._task in done:
            self._task.result()
        assert ready in done, f"{self._task.get_name()} does not speak after {within_seconds:g} s"

    async def stands_by(self) -> bool:
        return (await self.pulse.readiness()).stands_by

    async def end(self) -> None:
        self._stop.set()
        await self._task
        await self.store.close()


@asynccontextmanager
async def several(plan: Plan, address: str, password: str) -> AsyncIterator[list[Process]]:
    """Two houses that have come up, the first of which speaks."""
    store = await TortoiseStore.open(address, MASTER_KEY)
    client = await MatrixClient.open(
        plan.session, CellarKeeper(store), pickle_secret=plan.pickle_secret, alias_salt=plan.alias_salt
    )
    await client.cross_signing.bootstrap(password=password)
    await client.close()
    houses = [Process("one", plan, store)]
    try:
        await houses[0].speaks()
        houses.append(Process("two", plan, await TortoiseStore.open(address, MASTER_KEY)))
        yield houses
    finally:
        for house in houses:
            await house.end()


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Look every now and then until something is so."""
    give_up = time.monotonic() + seconds
    while not await is_so():
        assert time.monotonic() < give_up, f"waited {seconds:g} s in vain for {what}"
        await asyncio.sleep(0.05)


async def greeted(member: Member, room: str, bot: str) -> str:
    """Their 1:1 room with the bot, once it has said hello there."""
    await member.hears(room, "Hello", sender=bot)
    await member.say(room, "!hearth start")
    direct = await member.wait_for(lambda: member.find_dm(bot), what="a 1:1 room with Hearth")
    await member.hears(direct, "", sender=bot)
    return direct


@pytest.mark.synapse
async def test_when_one_ends_the_other_goes_on_where_it_was(synapse: Synapse, postgres_database: str) -> None:
    async with World(("ana",), synapse=synapse) as here:
        await here.invite_bot()
        ana, bot, plan = here["ana"], here.bot.user_id, plan_of(here)
        async with several(plan, postgres_database, here.bot.password) as (one, two):
            direct = await greeted(ana, here.room, bot)
            await until(two.stands_by, START_SECONDS, what="the second one to stand by")
            assert (await two.pulse.readiness()).ready, "it answers webhooks, and decides what comes due"
            assert not two.hearth.ready.is_set()
            held = await two.store.lease_of(bot)
            assert held is not None
            assert held.holder == "one"

            said = len([m for m in ana.read(direct) if m.sender == bot])
            await ana.say(direct, "help")
            await ana.wait_for(
                lambda: len([m for m in ana.read(direct) if m.sender == bot]) > said, what="help of the first"
            )
            await one.end()
            await two.speaks(TAKEOVER_SECONDS)
            said = len([m for m in ana.read(direct) if m.sender == bot])
            await ana.say(direct, "help")
            await ana.wait_for(
                lambda: len([m for m in ana.read(direct) if m.sender == bot]) > said,
                what="help of the second",
            )
            assert not ana.undecryptable
            bodies = [m.body for m in ana.read(direct) if m.sender == bot]
            assert len([each for each in bodies if "Hello" in each]) <= 1, "nothing is said twice"
            held = await two.store.lease_of(bot)
            assert held is not None
            assert (held.holder, held.epoch) == ("two", 2)
            assert held.left_ms > 0
