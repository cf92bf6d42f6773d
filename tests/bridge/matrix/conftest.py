"""A bot that does nothing but listen and send: the Matrix side of the bridge on rows kept in memory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest

from bridge.matrix.client import MatrixClient
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.matrix.sync import Delivery, RoomEvent, UndecryptableEvent
from tests.conftest import WITHOUT_GUARD
from tests.world import Account

T = TypeVar("T")

PICKLE_SECRET = bytes(range(32))
SALT = b"a salt for tests"
WAIT_SECONDS = 5.0 if WITHOUT_GUARD in os.environ else 30.0
"""Where a guard is taken away, what is waited for is not going to come."""
EVERYBODY = Allowed(servers=frozenset({"hearth.test"}))


def session_of(account: Account) -> Session:
    return Session(account.homeserver, account.user_id, account.device_id, account.access_token)


class Listener:
    """A running client; `stop` and `start` again are a restart from the committed rows."""

    def __init__(self, session: Session, keeper: MemoryKeeper, **options: Any) -> None:
        self.session = session
        self.keeper = keeper
        self.deliveries: list[Delivery] = []
        self.options = {"allowed": EVERYBODY, "chance": random.Random(7), **options}
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self.client: MatrixClient = None  # type: ignore[assignment]

    async def handle(self, delivery: Delivery) -> None:
        await self.keeper.commit(delivery.rows)
        self.deliveries.append(delivery)
        async with self._changed:
            self._changed.notify_all()

    async def open(self) -> MatrixClient:
        """Open the client without syncing."""
        options = {"pickle_secret": PICKLE_SECRET, "alias_salt": SALT, **self.options}
        self.client = await MatrixClient.open(self.session, self.keeper, **options)
        return self.client

    async def start(self) -> MatrixClient:
        await self.open()
        keep_up = self.client.sync._upkeep

        async def keep_up_and_tell(answer: Mapping[str, Any]) -> None:
            await keep_up(answer)
            async with self._changed:
                self._changed.notify_all()

        self.client.sync._upkeep = keep_up_and_tell
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(self.client.run(self.handle, self._stop))
        self._running.add_done_callback(self._ended)
        return self.client

    def _ended(self, task: asyncio.Task[None]) -> None:
        async def tell() -> None:
            async with self._changed:
                self._changed.notify_all()

        if not task.cancelled() and task.exception() is not None:
            self._telling = asyncio.ensure_future(tell())

    async def stop(self) -> None:
        self._stop.set()
        if self._running is not None:
            running, self._running = self._running, None
            await running
        await self.client.close()

    @property
    def events(self) -> list[RoomEvent | UndecryptableEvent]:
        return [event for delivery in self.deliveries for event in delivery.events]

    def texts(self, room_id: str) -> list[str]:
        """The bodies of all readable messages of a room, in the order they came."""
        return [
            event.content["body"]
            for event in self.events
            if isinstance(event, RoomEvent) and event.room_id == room_id and event.type == "m.room.message"
        ]

    async def until(self, predicate: Callable[[], T | None]) -> T:
        """Wait until `predicate()` is true, looking after each delivery and after what was due behind it."""

        async def look() -> T:
            async with self._changed:
                while True:
                    if self._running is not None and self._running.done():
                        self._running.result()
                    if found := predicate():
                        return found
                    await self._changed.wait()

        return await asyncio.wait_for(look(), WAIT_SECONDS)

    async def hears(self, room_id: str, text: str) -> RoomEvent:
        def heard() -> RoomEvent | None:
            for event in self.events:
                if not isinstance(event, RoomEvent) or event.room_id != room_id:
                    continue
                body = event.content.get("body")
                if isinstance(body, str) and text in body:
                    return event
            return None

        return await self.until(heard)


Listen = Callable[..., Awaitable[Listener]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Start listeners that stop with the test: `bot = await listen(account)`."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(account: Account, keeper: MemoryKeeper | None = None, **options: Any) -> Listener:
            listener = Listener(session_of(account), keeper or MemoryKeeper(), **options)
            await listener.start()
            stack.push_async_callback(listener.stop)
            return listener

        yield start
