"""After a kill the homeserver may repeat an old answer: the house must not take it for the present."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from bridge.matrix.client import MatrixClient
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.matrix.sync import Delivery, RoomEvent
from tests.world import OpenWorld

SECRET = secrets.token_bytes(32)
EVERYBODY = Allowed(servers=frozenset({"hearth.test"}))


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


class Run:
    """One run of a client on kept rows: it ends when `is_over` says so, or in a kill before anything is committed."""

    def __init__(self, session: Session, keeper: MemoryKeeper) -> None:
        self._session = session
        self._keeper = keeper
        self._stop = asyncio.Event()
        self.deliveries: list[Delivery] = []

    async def until_caught_up_in(self, room: str) -> list[str]:
        """Run until everything from before is there; what was said in the room, as it came."""
        client = await self._open()

        async def take(delivery: Delivery) -> None:
            await self._keeper.commit(delivery.rows)
            self.deliveries.append(delivery)
            if delivery.caught_up and room in client.rooms:
                self._stop.set()

        await client.run(take, self._stop)
        await client.close()
        events = [event for delivery in self.deliveries for event in delivery.events]
        return [e.content["body"] for e in events if isinstance(e, RoomEvent) and e.type == "m.room.message"]

    async def until_killed(self) -> None:
        """Run until the first delivery, and die before it is committed."""
        client = await self._open()

        async def die(delivery: Delivery) -> None:
            raise Killed

        with pytest.raises(Killed):
            await client.run(die, self._stop)
        await client.close()

    async def _open(self) -> MatrixClient:
        return await MatrixClient.open(
            self._session, self._keeper, pickle_secret=SECRET, alias_salt=SECRET, allowed=EVERYBODY
        )


async def test_what_was_said_while_the_house_was_down_is_there_before_it_calls_itself_caught_up(
    world: OpenWorld,
) -> None:
    here = await world("ana", invite_bot=True)
    ana, bot = here["ana"], here.bot
    session = Session(bot.homeserver, bot.user_id, bot.device_id, bot.access_token)
    keeper = MemoryKeeper()
    await Run(session, keeper).until_caught_up_in(here.room)
    await ana.wait_for(lambda: bot.user_id in ana.people(here.room))
    await ana.say(here.room, "seen by the life that died")
    await Run(session, keeper).until_killed()
    await ana.say(here.room, "said while nobody listened")
    heard = await Run(session, keeper).until_caught_up_in(here.room)
    assert heard == ["seen by the life that died", "said while nobody listened"]
