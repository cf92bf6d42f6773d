"""The bots that are measured, each a process of its own: ``python -m bench.bots hearth|echo CONFIG``.

``hearth`` is a whole Hearth over its own database; ``echo`` is a bot of bare nio, encrypted, that answers every text
with the same text. Each says ``ready`` on its standard output and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import nio

from bridge.clock import RealTime
from bridge.hall.keeping import CellarKeeper
from bridge.matrix.client import MatrixClient
from bridge.matrix.http import Homeserver, RateLimited
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.wiring import Hearth
from engine.core.desk import Desk, Rhythm
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Target
from engine.core.values import PersonId, RowId
from engine.runtime.ports import Changes, NewParcel, Want
from engine.store import TortoiseStore

SYNC_MS = 30_000


class BotConfig(msgspec.Struct, frozen=True):
    """What a bot starts with; ``folder`` is where it keeps everything."""

    folder: str
    session: Session
    password: str
    room: str
    secret: bytes
    workflows: str
    people: tuple[str, ...] = ()
    """Matrix ids of those it writes to, unasked."""
    store: str = ""
    """The address of its database; empty: a file in its folder."""
    rooms: tuple[str, ...] = ()
    """The rooms of its circles, if there are several."""

    def __repr__(self) -> str:
        return f"BotConfig({self.session.user_id!r})"


def plan_of(config: BotConfig) -> Plan:
    """The plan of the measured house: no quiet hours, everything in use."""
    circles = (
        CirclePlan(room, Path(config.workflows), quiet_from_hour=0, quiet_to_hour=0)
        for room in config.rooms or (config.room,)
    )
    return Plan(
        session=config.session,
        circles=tuple(circles),
        operator="the bench",
        allowed=Allowed(servers=frozenset((config.session.user_id.partition(":")[2],))),
        pickle_secret=config.secret,
        alias_salt=config.secret,
        quiet_from_hour=0,
        quiet_to_hour=0,
    )


async def hearth(config: BotConfig, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Serve as ``hearth run`` would."""
    store = await TortoiseStore.open(config.store or Path(config.folder) / "hearth.db", config.secret)
    plan = plan_of(config)
    client = await MatrixClient.open(
        plan.session, CellarKeeper(store), pickle_secret=config.secret, alias_salt=config.secret
    )
    await client.cross_signing.bootstrap(password=config.password)
    await client.close()
    house = Hearth(plan, store, RealTime())
    serving = asyncio.create_task(house.run(stop))
    waiting = asyncio.create_task(house.ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    ready()
    await serving
    await store.close()


async def echo(config: BotConfig, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Answer as a small nio bot would: ``sync_forever`` and ``room_send``, its store as nio makes it."""
    session = config.session
    client = nio.AsyncClient(session.homeserver, session.user_id, store_path=config.folder)
    client.restore_login(session.user_id, session.device_id, session.access_token)

    async def invited(room: nio.MatrixRoom, event: nio.InviteEvent) -> None:
        await client.join(room.room_id)

    async def heard(room: nio.MatrixRoom, event: nio.RoomMessageText) -> None:
        if event.sender == session.user_id:
            return
        content = {"msgtype": "m.text", "body": event.body}
        await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    client.add_event_callback(invited, nio.InviteEvent)
    client.add_event_callback(heard, nio.RoomMessageText)
    await client.keys_upload()
    syncing = asyncio.create_task(client.sync_forever(SYNC_MS, full_state=True))
    ready()
    await stop.wait()
    syncing.cancel()
    await asyncio.wait([syncing])
    await client.close()


# ── sending to many ──────────────────────────────────────────────────────────


class Counting(Homeserver):
    """The homeserver, and when messages were accepted or refused."""

    sent_seconds: list[float]
    refused: int

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if "/send/" not in path:
            return await super().request(method, path, **options)
        try:
            answer = await super().request(method, path, **options)
        except RateLimited as limited:
            self.refused += "(not asked)" not in str(limited)
            raise
        self.sent_seconds.append(time.perf_counter())
        return answer


async def counting(session: Session) -> Counting:
    """The homeserver of a session, counted."""
    homeserver = await Counting.connect(session.homeserver, access_token=session.access_token)
    homeserver.sent_seconds, homeserver.refused = [], 0
    return homeserver


async def willing(store: TortoiseStore, user_ids: Iterable[str]) -> list[PersonId]:
    """These people, who may be written to at any hour."""
    rhythm, people = Rhythm("UTC", 0, 0), [await store.person(user_id) for user_id in user_ids]
    known = (await store.load(Want(desks=frozenset(people)))).desks
    new = {p: (Desk(p, 1, consent="yes", greeted=True, rhythm=rhythm), 0) for p in people if p not in known}
    await store.commit(Changes(desks=new))
    return people


async def lay_questions(store: TortoiseStore, people: Iterable[PersonId]) -> list[RowId]:
    """A question for each, which nobody has asked for."""
    words, rows = Message(lines=(Phrase("need_choice"),)), []
    parcels = []
    for person in people:
        row = RowId(secrets.token_hex(8))
        rows.append(row)
        target = Target(row, None, "bench", 1, ())
        parcels.append(Parcel(row, Direct(person), "change", words, target=target))
    now_ms = RealTime().now_ms()
    await store.commit(Changes(parcels=[NewParcel(p, secrets.token_hex(16), now_ms) for p in parcels]))
    return rows


async def fan_hearth(config: BotConfig, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """One life of Hearth that sends a question to each of its people; prints how long that took."""
    folder = Path(config.folder)
    store = await TortoiseStore.open(folder / "hearth.db", config.secret)
    if not (folder / "signed").exists():
        client = await MatrixClient.open(
            config.session, CellarKeeper(store), pickle_secret=config.secret, alias_salt=config.secret
        )
        await client.cross_signing.bootstrap(password=config.password)
        await client.close()
        await _learn_the_rooms(config, store)
        (folder / "signed").touch()
    people = await willing(store, config.people)
    rows = await lay_questions(store, people)
    homeserver = await counting(config.session)
    house = Hearth(plan_of(config), store, RealTime())
    serving = asyncio.create_task(house.run(stop, homeserver=homeserver))
    while len(homeserver.sent_seconds) < len(rows) and not serving.done():
        await asyncio.wait([serving], timeout=0.05)
    stop.set()
    await serving
    await store.close()
    took = homeserver.sent_seconds[-1] - homeserver.sent_seconds[0]
    print(json.dumps({"seconds": took, "sent": len(rows), "refused": homeserver.refused}), flush=True)


class Foretold(logging.Handler):
    """Hears the first time the house tells its operator when everything will have left."""

    in_seconds: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.in_seconds is None and isinstance(record.args, tuple) and len(record.args) == 3:
            _waiting, _per_second, minutes = record.args
            assert isinstance(minutes, float)
            self.in_seconds = 60 * minutes


async def limited(config: BotConfig, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """A house with a question for each of its people, until it is told to end; prints what its homeserver was asked."""
    store = await TortoiseStore.open(Path(config.folder) / "hearth.db", config.secret)
    client = await MatrixClient.open(
        config.session, CellarKeeper(store), pickle_secret=config.secret, alias_salt=config.secret
    )
    await client.cross_signing.bootstrap(password=config.password)
    await client.close()
    await _learn_the_rooms(config, store)
    await lay_questions(store, await willing(store, config.people))
    foretold, outbox_log = Foretold(), logging.getLogger("engine.runtime.outbox")
    outbox_log.setLevel(logging.INFO)
    outbox_log.addHandler(foretold)
    homeserver = await counting(config.session)
    house = Hearth(plan_of(config), store, RealTime())
    serving = asyncio.create_task(house.run(stop, homeserver=homeserver))
    ready()
    await serving
    await store.close()
    asked = len(homeserver.sent_seconds) + homeserver.refused
    said = {"asked": asked, "refused": homeserver.refused, "foretold_seconds": foretold.in_seconds}
    print(json.dumps(said), flush=True)


async def _learn_the_rooms(config: BotConfig, store: TortoiseStore) -> None:
    """A first life, in which nobody is written to: which rooms there are it learns from its first sync."""
    stop = asyncio.Event()
    house = Hearth(plan_of(config), store, RealTime())
    serving = asyncio.create_task(house.run(stop))
    waiting = asyncio.create_task(house.ready.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await serving


async def fan_echo(config: BotConfig, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Bare nio that writes to each of its rooms at once, after a first message to each; prints how long that took.

    First deaf, then listening meanwhile, as every bot does and as Hearth does that it is compared with; both are told.
    """
    session = config.session
    client = nio.AsyncClient(session.homeserver, session.user_id, store_path=config.folder)
    client.restore_login(session.user_id, session.device_id, session.access_token)
    if client.should_upload_keys:
        await client.keys_upload()
    await client.sync(0, full_state=True)
    if client.should_query_keys:
        await client.keys_query()
    rooms = [room for room in client.rooms.values() if len(room.users) == 2]

    async def say(room: nio.MatrixRoom) -> None:
        content = {"msgtype": "m.text", "body": "I couldn't tell which choice you mean. Its number will do."}
        sent = await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)
        assert isinstance(sent, nio.RoomSendResponse), sent

    for room in rooms:
        await say(room)
    begun = time.perf_counter()
    await asyncio.gather(*(say(room) for room in rooms))
    deaf = time.perf_counter() - begun
    await client.sync(0)
    syncing = asyncio.create_task(client.sync_forever(SYNC_MS))
    begun = time.perf_counter()
    await asyncio.gather(*(say(room) for room in rooms))
    took = time.perf_counter() - begun
    syncing.cancel()
    await asyncio.wait([syncing])
    await client.close()
    said = {"seconds": took, "deaf_seconds": deaf, "sent": len(rooms), "refused": 0}
    print(json.dumps(said), flush=True)


BOTS: dict[str, Callable[[BotConfig, asyncio.Event, Callable[[], None]], Awaitable[None]]] = {
    "hearth": hearth,
    "echo": echo,
    "fan-hearth": fan_hearth,
    "fan-echo": fan_echo,
    "limited": limited,
}


async def _live(which: str, config: BotConfig) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def ended() -> None:
        if not sys.stdin.buffer.read1(1024):
            loop.remove_reader(sys.stdin)
            stop.set()

    loop.add_reader(sys.stdin, ended)
    await BOTS[which](config, stop, lambda: print("ready", flush=True))


def main() -> None:
    """Be the bot that the command line names."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    which, path = sys.argv[1:]
    asyncio.run(_live(which, msgspec.json.decode(Path(path).read_bytes(), type=BotConfig)))


if __name__ == "__main__":
    main()
