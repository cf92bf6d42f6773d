"""The fixture `scene`: `it = await scene("ana", "bruno")`.

`unknown`: a part of the API that this homeserver does without.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes import FakeHomeserver, StandingClock, says
from tests.faults.scene import AtTheDisk, MakeScene, Scene, folder_in
from tests.world import World
from tests.world.house import RunningHouse


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[MakeScene]:
    async with contextlib.AsyncExitStack() as stack:
        at_the_disk = AtTheDisk()

        async def make(*names: str, unknown: str = "") -> Scene:
            clock = StandingClock(lambda: (homeserver.busy, at_the_disk()))
            homeserver = FakeHomeserver(folder_in(tmp_path, "people"), clock.now_ms)
            await stack.enter_async_context(homeserver)
            here = await stack.enter_async_context(World(names, synapse=homeserver, invite_bot=True))  # type: ignore[arg-type]
            if unknown:
                homeserver.fails(says(404, "M_UNRECOGNIZED"), at=unknown)
            house = RunningHouse(here, folder_in(tmp_path, "house"), clock)
            await stack.enter_async_context(house)
            at_the_disk.watch(house.store)
            made = Scene(homeserver, clock, here, house)
            # Whatever a test leaves scripted must not stand in the way of stopping.
            stack.callback(homeserver.forgive)
            await made.settle()
            return made

        yield make
