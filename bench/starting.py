"""How long a whole Hearth takes from nothing to ready, and what it holds in memory then, beside an empty one.

Each start is a process of its own, on a real Synapse, over the same database as the one before; the first of each is
left out, in which a bot meets its rooms.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from bench.bots import BotConfig
from bench.places import config_of, make_room, write_down
from bench.stores import Place
from engine.store import TortoiseStore
from tests.world import Synapse

STARTS = 5
READY_SECONDS = 300
SETTLES_SECONDS = 5.0
MEGABYTE = 1_000_000


async def starts(
    filled: Sequence[tuple[Place, int]], master_key: bytes, note: Callable[[str], None]
) -> dict[int, dict[str, float]]:
    """By how many instances wait in a database: seconds until ready and megabytes resident, medians."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        (folder / "workflows").mkdir()
        async with Synapse() as synapse:
            bots = [await _placed(synapse, folder, place, size, master_key) for place, size in filled]
            found: dict[int, list[tuple[float, float]]] = {size: [] for _, size in filled}
            for n in range(STARTS + 1):
                note(f"start {n} of {STARTS}")
                for (_, size), config in zip(filled, bots, strict=True):
                    found[size].append(await _start(config))
    return {
        size: {
            "start_s": round(statistics.median(seconds for seconds, _ in each[1:]), 2),
            "resident_mb": round(statistics.median(mb for _, mb in each[1:]), 1),
        }
        for size, each in found.items()
    }


async def _placed(synapse: Synapse, folder: Path, place: Place, size: int, master_key: bytes) -> BotConfig:
    """A bot for this database, in as many rooms as the database has circles, each of them the room of one."""
    account, founder = await synapse.register(f"hearth{size}"), await synapse.register(f"founder{size}")
    store = await TortoiseStore.open(place.address, master_key)
    rooms = []
    for circle in await store.circles():
        rooms.append(await asyncio.to_thread(make_room, synapse, founder, account))
        await store.move_circle(circle, rooms[-1])
    await store.close()
    config = config_of(account, rooms[0], folder / f"hearth{size}", folder / "workflows")
    return replace(config, secret=master_key, store=place.address, rooms=tuple(rooms))


async def _start(config: BotConfig) -> tuple[float, float]:
    path = write_down(config)
    pipe, began = asyncio.subprocess.PIPE, time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bots", "hearth", str(path), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        seconds = time.perf_counter() - began
        assert said == b"ready\n", "the bot did not start"
        await asyncio.sleep(SETTLES_SECONDS)  # whatever it reads once it is ready is held too
        megabytes = resident_mb(process.pid)
        process.stdin.close()
        await asyncio.wait_for(process.wait(), READY_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return seconds, megabytes


def resident_mb(pid: int) -> float:
    """What a process holds in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
