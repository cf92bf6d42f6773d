"""Killed at a bad moment: what was not committed is forgotten, and nothing is missing afterwards."""

import asyncio
import contextlib
import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from bridge.matrix.crypto_store import RowStore
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import MemoryKeeper, Row
from bridge.matrix.sync import Delivery, RoomEvent, UndecryptableEvent
from tests.bridge.matrix.conftest import Listener, session_of


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it runs."""


class Fate:
    """Kills at the n-th boundary that is passed; afterwards nothing can be done any more."""

    def __init__(self, boundaries: float) -> None:
        self.left = boundaries
        self.where = ""
        self.dead = asyncio.Event()

    def passes(self, where: str) -> None:
        self.left -= 1
        if self.left <= 0:
            self.where = self.where or where
            self.dead.set()
            raise Killed(where)


class MortalKeeper(MemoryKeeper):
    def __init__(self, rows: dict[tuple[str, str], bytes], fate: Fate) -> None:
        super().__init__(rows)
        self._fate = fate

    async def commit(self, rows) -> None:
        self._fate.passes("before a commit")
        await super().commit(rows)
        self._fate.passes("after a commit")


class MortalHomeserver(Homeserver):
    fate: Fate

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        kind = path.rsplit("/v3/", maxsplit=1)[-1].split("/", maxsplit=1)[0]
        self.fate.passes(f"before {method} {kind}")
        answer = await super().request(method, path, **options)
        self.fate.passes(f"after {method} {kind}")
        return answer


def mortal_store(fate: Fate) -> type[RowStore]:
    """A store whose every saving method is a boundary."""

    def boundary(name: str) -> Any:
        def save(self: RowStore, *arguments: Any) -> Any:
            fate.passes(f"before {name}")
            done = getattr(RowStore, name)(self, *arguments)
            fate.passes(f"after {name}")
            return done

        return save

    names = [name for name in vars(RowStore) if name.startswith(("save_", "add_"))]
    return type("MortalStore", (RowStore,), {name: boundary(name) for name in names})


class Remembering(Listener):
    """What it hears is committed together with everything else a delivery changed."""

    async def handle(self, delivery: Delivery) -> None:
        heard = [
            Row("heard", event.event_id, str(event.content.get("body")).encode())
            for event in delivery.events
            if isinstance(event, RoomEvent) and event.sender != self.session.user_id
        ]
        lost = [
            Row("lost", event.event_id, event.cause.reason.encode())
            for event in delivery.events
            if isinstance(event, UndecryptableEvent)
        ]
        twice = [row.key for row in heard if ("heard", row.key) in self.keeper.rows]
        assert not twice
        await super().handle(msgspec.structs.replace(delivery, rows=(*delivery.rows, *heard, *lost)))

    def has_heard(self, text: str) -> bool:
        return text.encode() in [value for (kind, _), value in self.keeper.rows.items() if kind == "heard"]


class Life:
    """One process: a listener over rows on "disk" that survive it."""

    def __init__(self, here: Any, rows: dict[tuple[str, str], bytes], boundaries: float) -> None:
        self.fate = Fate(boundaries)
        self._here = here
        self.keeper = MortalKeeper(rows, self.fate)
        self.listener: Remembering = None  # type: ignore[assignment]

    async def run(self, doing: Any) -> bool:
        """Do it and return True, or return False if killed meanwhile."""
        homeserver = await MortalHomeserver.connect(
            self._here.homeserver, access_token=self._here.bot.access_token
        )
        homeserver.fate = self.fate
        self.listener = Remembering(
            session_of(self._here.bot), self.keeper, homeserver=homeserver, store_type=mortal_store(self.fate)
        )
        work = asyncio.ensure_future(self._work(doing))
        dead = asyncio.ensure_future(self.fate.dead.wait())
        await asyncio.wait([work, dead], return_when=asyncio.FIRST_COMPLETED)
        survived = not self.fate.dead.is_set()
        dead.cancel()
        running = self.listener._running
        if not survived:
            work.cancel()
            if running is not None:
                running.cancel()
        killed = (Killed, asyncio.CancelledError) if not survived else ()
        for task in (work, running):
            if task is not None:
                with contextlib.suppress(*killed):
                    await task
        await homeserver.close()
        return survived

    async def _work(self, doing: Any) -> None:
        await self.listener.start()
        await doing(self.listener)
        await self.listener.stop()


@pytest.mark.timeout(300)
async def test_killed_anywhere_every_message_is_read_and_sent_once(world, seed: int) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    ana, bruno = here["ana"], here["bruno"]
    chance = random.Random(seed)
    rows: dict[tuple[str, str], bytes] = {}
    kills: Counter[str] = Counter()

    async def until_done(doing: Any) -> None:
        nonlocal rows
        while True:
            life = Life(here, rows, chance.randrange(1, 25) if sum(kills.values()) < 100 else float("inf"))
            survived = await asyncio.wait_for(life.run(doing), 60)
            rows = life.keeper.rows
            if survived:
                return
            kills[life.fate.where] += 1

    async def arrive(bot: Remembering) -> None:
        await bot.until(lambda: here.room in bot.client.rooms)
        await speaker.wait_for(lambda: here.bot.user_id in speaker.people(here.room))

    for number in range(12):
        text, said = f"round {number}", f"said {number}"
        turn = (ana, bruno)[number % 2]
        if number == 6:
            await bruno.leave(here.room)
        if number == 8:
            await ana.invite(here.room, bruno.user_id)
            await bruno.wait_for(lambda: here.room in bruno.rooms)

        async def carry(bot: Remembering, text: str = text, said: str = said, turn: Any = turn) -> None:
            await bot.until(lambda: here.room in bot.client.rooms)
            room_id = await bot.client.ensure_direct(turn.user_id)
            for where in (here.room, room_id):
                content = {"msgtype": "m.notice", "body": said}
                await bot.client.sender.deliver(where, "m.room.message", content, f"{text} {where}")
            await bot.until(lambda: bot.has_heard(text))

        speaker = ana if number in {6, 7} else turn
        if number == 0:
            await until_done(arrive)
        await speaker.say(here.room, text)
        await until_done(carry)

    # Everything said so far is in the rooms once, and readable; so is what comes next.
    event_ids: list[str] = []

    async def last(bot: Remembering) -> None:
        room_id = await bot.client.ensure_direct(ana.user_id)
        for where in (here.room, room_id):
            content = {"msgtype": "m.notice", "body": "the end"}
            event_ids.append(
                await bot.client.sender.deliver(where, "m.room.message", content, f"end {where}")
            )
        await ana.sees(here.room, event_ids[0])
        await ana.sees(room_id, event_ids[1])
        await ana.say(here.room, "the very end")
        await bot.until(lambda: bot.has_heard("the very end"))

    kills["(enough)"] += 100
    await until_done(last)
    assert not [value for (kind, _), value in rows.items() if kind == "lost"], seed
    for room_id in sorted(ana.rooms):
        counted = Counter(m.body for m in ana.read(room_id) if m.sender == here.bot.user_id)
        assert all(count == 1 for count in counted.values()), (seed, room_id, counted)
    shared = [m.body for m in ana.read(here.room) if m.sender == here.bot.user_id]
    assert shared == [*(f"said {number}" for number in range(12)), "the end"], seed
    assert not ana.undecryptable, seed
    assert sum(kills.values()) - 100 >= 20, (seed, kills)
    assert len(ana.rooms) == len(bruno.rooms) == 2, seed


async def test_killed_between_taking_in_and_committing_the_next_start_reads_everything(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    keeper = MemoryKeeper()
    bot = await listen(here.bot, keeper)
    await bot.until(lambda: here.room in bot.client.rooms)
    await here["ana"].wait_for(lambda: here.bot.user_id in here["ana"].people(here.room))
    await bot.stop()
    await here["ana"].say(here.room, "the first with a new key")

    taken: list[Delivery] = []

    async def die(delivery: Delivery) -> None:
        taken.append(delivery)
        raise Killed

    for _ in range(3):
        mortal = Listener(session_of(here.bot), MemoryKeeper(keeper.rows))
        client = await mortal.open()
        with pytest.raises(Killed):
            await client.run(die, asyncio.Event())
        await client.close()
    assert len(taken) == 3
    for delivery in taken:
        assert [e.content["body"] for e in delivery.events if isinstance(e, RoomEvent)] == [
            "the first with a new key"
        ]
    bot.deliveries.clear()
    await bot.start()
    await bot.hears(here.room, "the first with a new key")
    await here["ana"].say(here.room, "and the next")
    await bot.hears(here.room, "and the next")
    assert not [event for event in bot.events if isinstance(event, UndecryptableEvent)]
