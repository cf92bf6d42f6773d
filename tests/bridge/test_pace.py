"""A crowd is written to under a homeserver's limits: nothing lost, hardly a refusal, and replies go first."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import RealTime
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.wiring import Hearth
from engine.core.desk import Desk, Rhythm
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Target
from engine.core.values import PersonId, RowId
from engine.runtime.ports import Changes, NewParcel
from engine.store import TortoiseStore
from tests.fakes import FakeHomeserver
from tests.fakes.limits import LeakyBucket
from tests.fakes.script import paces
from tests.world.crowd import Crowd, Guest
from tests.world.synapse import Account

MEMBERS = 200
PROMPTS = 500
REPLIES = 40
SCALE = 50
DEFAULT_PER_SECOND, DEFAULT_BURST = 0.2, 10
QUICK_SECONDS = 2.0
MOST_REFUSED = 0.02
PATIENCE_SECONDS = 150.0
CHOICES = (("yes", "👍"),)
STATUS = "SELECT status, count(*) FROM outbox GROUP BY status"
ANSWERED = (
    "SELECT ended_at FROM outbox WHERE person = ? AND urgency = 'reply' AND status = 'sent' ORDER BY seq"
)
ORDER = "SELECT is_reaction FROM outbox WHERE status = 'sent' AND urgency = 'change' ORDER BY ended_at"


class Hall:
    """A house with a crowd that it may write to, at a homeserver with limits, without any app."""

    def __init__(self, server: FakeHomeserver, crowd: Crowd, bot: Account, folder: Path) -> None:
        self.server = server
        self.crowd = crowd
        self.bot = bot
        self._folder = folder
        self.people: dict[str, PersonId] = {}

    @classmethod
    async def open(cls, server: FakeHomeserver, folder: Path) -> tuple[Hall, TortoiseStore, Plan]:
        bot, steward = await server.register("hearth"), await server.register("steward")
        room = server.memory.create_room(steward.user_id, {"preset": "public_chat"}).room_id
        server.memory.join(room, bot.user_id)
        hall = cls(server, await Crowd.gather(server, bot, MEMBERS), bot, folder)
        key = secrets.token_bytes(32)
        store = await TortoiseStore.open(folder / "hearth.db", key)
        session = Session(server.url, bot.user_id, bot.device_id, bot.access_token)
        (folder / "workflows").mkdir()
        plan = Plan(
            session=session,
            circles=(CirclePlan(room, folder / "workflows", quiet_from_hour=0, quiet_to_hour=0),),
            operator="nobody",
            allowed=Allowed(),
            pickle_secret=key,
            alias_salt=key,
        )
        for guest in hall.crowd.guests:
            hall.people[guest.user_id] = await store.person(guest.user_id)
        rhythm = Rhythm("UTC", 0, 0)
        desks = {p: (Desk(p, 1, consent="yes", greeted=True, rhythm=rhythm), 0) for p in hall.people.values()}
        await store.commit(Changes(desks=desks))
        return hall, store, plan

    async def prompt_all(self, store: TortoiseStore) -> None:
        """Lay questions for everybody in, some for two, and one reaction under each."""
        now_ms = RealTime().now_ms()
        people = list(self.people.values())
        parcels = []
        for n in range(PROMPTS):
            row, to = RowId(f"prompt{n}"), Direct(people[n % MEMBERS])
            words = Message(lines=(Phrase("need_choice"),))
            parcels.append(Parcel(row, to, "change", words, target=Target(row, None, "bench", 1, CHOICES)))
        parcels.append(
            Parcel(RowId("tap"), parcels[0].to, "change", Message(), reacts=parcels[0].row, emoji="👍")
        )
        laid = [NewParcel(parcel, secrets.token_hex(16), now_ms) for parcel in parcels]
        await store.commit(Changes(parcels=laid))

    def rows(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self._folder / 'hearth.db'}?mode=ro", uri=True)) as db:
            return db.execute(statement, values).fetchall()

    def sends(self) -> tuple[int, int]:
        """How many messages the bot sent or tried to, and how many of them were refused."""
        asked = self.server.asked_by(self.bot.user_id, "/send/")
        return len(asked), sum(1 for one in asked if one.status == 429)

    async def reply_ms(self, guest: Guest) -> int:
        """How long it takes until the bot's reply to somebody's word is in their room."""
        person = self.people[guest.user_id]
        before = len(self.rows(ANSWERED, person))
        said_ms = await self.crowd.say(guest, "help")
        await until(lambda: len(self.rows(ANSWERED, person)) > before, "a reply")
        return int(self.rows(ANSWERED, person)[before][0]) - said_ms


async def until(is_so: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Look now and then: what is waited for happens in the database, which tells nobody."""
    give_up = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def living(plan: Plan, store: TortoiseStore) -> AsyncIterator[None]:
    stop = asyncio.Event()
    house = Hearth(plan, store, RealTime())
    task = asyncio.create_task(house.run(stop))
    ready = asyncio.create_task(house.ready.wait())
    try:
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        ready.cancel()
        stop.set()
        await task


@pytest.mark.timeout(240)
@pytest.mark.parametrize("per_second", [DEFAULT_PER_SECOND * SCALE, 0.0], ids=["default limits", "exempt"])
async def test_a_crowd_is_prompted_and_whoever_speaks_meanwhile_hears_at_once(
    per_second: float, tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "engine")
    chance = random.Random(seed)
    async with FakeHomeserver(tmp_path, RealTime().now_ms) as server:
        hall, store, plan = await Hall.open(server, tmp_path)
        server.fails(paces(LeakyBucket(per_second, DEFAULT_BURST)), at="/send/", by=hall.bot.user_id)
        try:
            async with living(plan, store):
                pass  # it learns which rooms there are: what is laid in before that would get new ones
            await hall.prompt_all(store)
            begun = time.monotonic()
            async with living(plan, store):
                waits_ms: list[int] = []
                for guest in chance.sample(hall.crowd.guests, REPLIES if per_second else 5):
                    waits_ms.append(await hall.reply_ms(guest))
                    await asyncio.sleep(chance.uniform(0, 0.4))
                waited = dict(hall.rows(STATUS)).get("waiting", 0)
                await until(lambda: "waiting" not in dict(hall.rows(STATUS)), "everything to be sent")
            seconds = time.monotonic() - begun
            sent, refused = hall.sends()
            seen = f"seed {seed}: {sent} sent in {seconds:.0f} s, {refused} refused, replies {sorted(waits_ms)} ms"
            assert dict(hall.rows(STATUS)).keys() == {"sent"}, seen
            assert refused <= MOST_REFUSED * sent, seen
            assert sorted(waits_ms)[int(len(waits_ms) * 0.95) - 1] < QUICK_SECONDS * 1000, seen
            reactions = [bool(is_reaction) for (is_reaction,) in hall.rows(ORDER)]
            assert reactions.index(True) >= PROMPTS - 20, f"{seen}: a reaction went before others' prompts"
            for guest in hall.crowd.guests[::50]:
                heard = [
                    e for e in await hall.crowd.heard(guest, hall.bot) if e["type"] == "m.room.encrypted"
                ]
                assert len(heard) >= PROMPTS // MEMBERS, seen
            if per_second:
                assert waited > PROMPTS // 2, "too few were waiting for this to say anything"
                assert seconds <= 1.3 * PROMPTS / per_second + 10, seen
                assert re.search(
                    r"\d+ messages wait for the homeserver's limit; .* the last in about", caplog.text
                )
            else:
                assert refused == 0, seen
            print(seen)  # noqa: T201 - shown with -s, for whoever wants to know how far from the bounds it was
        finally:
            await hall.crowd.close()
            await store.close()
