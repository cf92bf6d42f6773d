"""Two hundred people are written to under Synapse's own limits: how long it takes, and who waits meanwhile.

``hearth bench bridge --default-limits``: it takes some eighteen minutes, nearly all spent waiting for the limit.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.places import config_of, make_room, write_down
from tests.world import Synapse
from tests.world.crowd import Crowd

MEMBERS = 200
SPEAKS_EVERY_SECONDS = 50.0
"""One of them says something this often on average, each time another; a reply takes from the same limit."""
LONGEST_SECONDS = 45 * 60.0
START_SECONDS = 120.0
REPLY_SECONDS = 60.0
ANSWERS = "SELECT max(ended_at), count(*) FROM outbox WHERE urgency = 'reply' AND status = 'sent'"
WAITING = "SELECT count(*) FROM outbox WHERE status = 'waiting' AND urgency = 'change'"
ENDED = "SELECT status, count(*) FROM outbox WHERE urgency = 'change' GROUP BY status"


class Books:
    """What the house has written down of its outbox, read beside it."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def rows(self, statement: str) -> list[Any]:
        """What the statement finds now."""
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10)) as db:
            return db.execute(statement).fetchall()

    def waiting(self) -> int:
        """How many of the questions have not been sent."""
        return int(self.rows(WAITING)[0][0])


async def reply_ms(crowd: Crowd, who: int, books: Books) -> int:
    """How long somebody waits who says something now."""
    ((_, before),) = books.rows(ANSWERS)
    said_ms = await crowd.say(crowd.guests[who], "help")
    give_up = time.monotonic() + REPLY_SECONDS
    while True:
        ((at_ms, replies),) = books.rows(ANSWERS)
        if replies > before:
            return int(at_ms) - said_ms
        assert time.monotonic() < give_up, f"no reply within {REPLY_SECONDS:g} s"
        await asyncio.sleep(0.1)


async def talk_meanwhile(crowd: Crowd, books: Books, chance: random.Random) -> list[int]:
    """Now and then somebody speaks, until every question has been sent; how long each waited, in milliseconds."""
    waits_ms: list[int] = []
    give_up = time.monotonic() + LONGEST_SECONDS
    speaks_at = time.monotonic() + SPEAKS_EVERY_SECONDS
    while books.waiting():
        assert time.monotonic() < give_up, f"not everything was sent within {LONGEST_SECONDS:g} s"
        if time.monotonic() >= speaks_at:
            waits_ms.append(await reply_ms(crowd, chance.randrange(MEMBERS), books))
            speaks_at = time.monotonic() + chance.uniform(0.5, 1.5) * SPEAKS_EVERY_SECONDS
        await asyncio.sleep(0.5)
    return waits_ms


async def default_limits(note: Callable[[str], None], seed: int = 1) -> dict[str, Any]:
    """Ask everybody something at once, under the limits that Synapse comes with."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        for part in ("workflows", "hearth"):
            (folder / part).mkdir()
        async with Synapse() as synapse:
            note("default limits: people and rooms")
            bot = await synapse.register("hearth")
            crowd = await Crowd.gather(synapse, bot, MEMBERS)
            people = tuple(guest.user_id for guest in crowd.guests)
            room = await asyncio.to_thread(make_room, synapse, crowd.guests[0].account, bot)
            path = write_down(config_of(bot, room, folder / "hearth", folder / "workflows", people))
            # Two hundred registrations and joins would take hours under the limits; what is measured is the sending.
            await asyncio.to_thread(synapse.restart, "default")
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.bots", "limited", str(path), stdin=pipe, stdout=pipe
            )
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                said = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
                assert said == b"ready\n", "the bot did not start"
                note("default limits: sending")
                books, began = Books(folder / "hearth" / "hearth.db"), time.monotonic()
                waits_ms = sorted(await talk_meanwhile(crowd, books, random.Random(seed)))
                seconds = time.monotonic() - began
                process.stdin.close()
                counted = json.loads(await asyncio.wait_for(process.stdout.readline(), START_SECONDS))
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            ended = dict(books.rows(ENDED))
            await crowd.close()
    return {
        "what": f"{MEMBERS} members with 1:1 rooms are each asked something at once, under Synapse's default limits",
        "ended": ended,
        "seconds": round(seconds),
        "floor_seconds": round((MEMBERS + len(waits_ms) - 10) / 0.2),
        "foretold_seconds": counted["foretold_seconds"],
        "requests": counted["asked"],
        "refused": counted["refused"],
        "refused_share": round(counted["refused"] / counted["asked"], 4),
        "replies": len(waits_ms),
        "reply_p50_ms": waits_ms[len(waits_ms) // 2],
        "reply_p95_ms": waits_ms[int(len(waits_ms) * 0.95)],
        "reply_max_ms": waits_ms[-1],
    }
