"""A real Hearth beside a world: its own database, its own device, signed and running."""

from __future__ import annotations

import asyncio
import random
import secrets
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from bridge.clock import HouseTime
from bridge.hall.keeping import CellarKeeper
from bridge.http import Hooks, Pulse
from bridge.matrix.client import MatrixClient
from bridge.matrix.cross_signing import Bootstrapped
from bridge.matrix.http import Homeserver
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.wiring import Hearth
from engine.store import TortoiseStore
from tests.world.world import World

SHIPPED = Path(__file__).parents[2] / "workflows"
QUIET_SECONDS = 60


class RunningHouse:
    """Hearth for one world, in this process: ``async with RunningHouse(world, folder, clock) as house``."""

    def __init__(
        self,
        world: World,
        folder: Path,
        clock: HouseTime,
        *,
        contacts: tuple[str, ...] = (),
        operator: str = "the host of this demo",
        in_use: frozenset[str] = frozenset(("invitation", "role")),
    ) -> None:
        self._world = world
        self._folder = folder
        self.clock = clock
        account = world.bot
        session = Session(world.homeserver, account.user_id, account.device_id, account.access_token)
        self.plan = Plan(
            session=session,
            circles=(
                CirclePlan(
                    room=world.room, workflows=SHIPPED, contacts=contacts, outside_help="112", at_start=in_use
                ),
            ),
            operator=operator,
            allowed=Allowed(users=frozenset(member.user_id for member in world.members.values())),
            pickle_secret=secrets.token_bytes(32),
            alias_salt=secrets.token_bytes(32),
        )
        self._master_key = secrets.token_bytes(32)
        self.store: TortoiseStore
        self.recovery_key = ""
        self.homeserver: Homeserver | None = None
        """For tests: speaks to the homeserver in place of the house's own; closed with each stop."""
        self.pulse: Pulse | None = None
        """For tests: is told how the house is, from the next start on."""
        self.hooks: Hooks | None = None
        """For tests: what may call from outside."""
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._hearth: Hearth

    def circle_goes_by(self, **fields: Any) -> None:
        """Before the start: change what its (first) circle goes by, by the names of ``CirclePlan``'s fields."""
        first, *others = self.plan.circles
        self.plan = msgspec.structs.replace(
            self.plan, circles=(msgspec.structs.replace(first, **fields), *others)
        )

    async def __aenter__(self) -> Self:
        self.store = await TortoiseStore.open(self._folder / "hearth.db", self._master_key)
        await self._settle_in()
        await self.start()
        return self

    async def _settle_in(self) -> None:
        """What ``hearth init`` does: keys uploaded, identity made, this device signed."""
        client = await MatrixClient.open(
            self.plan.session,
            CellarKeeper(self.store),
            pickle_secret=self.plan.pickle_secret,
            alias_salt=self.plan.alias_salt,
            allowed=self.plan.allowed,
        )
        try:
            made = await client.cross_signing.bootstrap(password=self._world.bot.password)
            assert isinstance(made, Bootstrapped), made
            self.recovery_key = str(made.recovery_key)
        finally:
            await client.close()

    async def start(self) -> None:
        """Begin to serve; returns when the first sync is committed."""
        self._stop = asyncio.Event()
        self._hearth = Hearth(
            self.plan, self.store, self.clock, random.SystemRandom(), pulse=self.pulse, hooks=self.hooks
        )
        living = self._hearth.run(self._stop, homeserver=self.homeserver)
        self._task = asyncio.create_task(living, name="hearth")
        ready = asyncio.create_task(self._hearth.ready.wait())
        await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=QUIET_SECONDS)
        if not ready.done():
            ready.cancel()
            self._task.result()

    def look_again(self) -> None:
        """Let the house look at its workflow files now."""
        self._hearth.look_again()

    async def stop(self) -> None:
        """Shut down cleanly; raises what the house raised."""
        self._stop.set()
        await self.ends()

    async def ends(self) -> None:
        """Wait until the house has ended, by itself or told to; raises what it raised, once."""
        task, self._task = self._task, None
        if task is not None:
            await task

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        finally:
            await self.store.close()

    async def quiet(self) -> None:
        """Wait until nothing is due and nothing is under way."""
        async with asyncio.timeout(QUIET_SECONDS):
            while not await self._is_quiet():
                self._hearth.rested.clear()
                await self._hearth.rested.wait()

    async def next_moment_ms(self) -> int | None:
        """The next moment at which anything is due, in house time."""
        moments = (await self.store.next_timer_ms(), await self.store.next_parcel_ms())
        return min((moment for moment in moments if moment is not None), default=None)

    async def _is_quiet(self) -> bool:
        if self._task is not None and self._task.done():
            self._task.result()
        now_ms = self.clock.now_ms()
        moments = (await self.store.next_timer_ms(), await self.store.next_parcel_ms())
        due = any(moment is not None and moment <= now_ms for moment in moments)
        return not due and not await self.store.in_flight()
