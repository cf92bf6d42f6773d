"""Vera, who uses another app than everybody else: she, Ana and the bot in one encrypted room, and the house running."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.demo.play import monday_morning
from tests.peers.js_peer import JsPeer
from tests.world import OpenWorld, Synapse, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse


class Gathering(NamedTuple):
    """Everybody, on a Monday morning, when the bot has said hello in the room."""

    here: World
    house: RunningHouse
    vera: JsPeer
    clock: JumpingClock


@contextlib.asynccontextmanager
async def gathered(
    world: OpenWorld,
    synapse: Synapse,
    folder: Path,
    *names: str,
    workflows: Mapping[str, str] | None = None,
) -> AsyncIterator[Gathering]:
    """``names``: who is there besides Vera, Ana among them. ``workflows``: the files of the circle, each by its name,
    all in use; None: as they ship.
    """
    async with contextlib.AsyncExitStack() as stack:
        here = await world(*names, invite_bot=True)
        account = await synapse.register(f"vera-{synapse.next_number()}", display_name="Vera")
        vera = await stack.enter_async_context(JsPeer(synapse.url, account.user_id, account.password))
        await here["ana"].invite(here.room, vera.user_id)
        await vera.join(here.room)
        clock = JumpingClock(monday_morning(JumpingClock(0).real_now_ms()))
        house = RunningHouse(here, folder, clock)
        if workflows is not None:
            own = folder / "workflows"
            own.mkdir()
            for name, text in workflows.items():
                (own / f"{name}.yaml").write_text(text)
            house.circle_goes_by(workflows=own, at_start=None)
        await stack.enter_async_context(house)
        await vera.wait_member(here.room, here.bot.user_id)
        await here["ana"].hears(here.room, "Hello, I'm Hearth")
        yield Gathering(here, house, vera, clock)
