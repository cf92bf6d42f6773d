"""How many messages a second leave in a fan-out, beside bare nio that sends all at once."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.bots import BotConfig
from bench.places import config_of, make_room, write_down
from tests.world import Synapse
from tests.world.crowd import Crowd

ROOMS = 100
ROUNDS = 3
WARM_UP_ROUNDS = 1
ROUND_SECONDS = 180


async def fan(which: str, config: BotConfig) -> dict[str, float]:
    """What one round took, in a process of its own."""
    path = write_down(config)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.bots",
        which,
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), ROUND_SECONDS))
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
    return {name: float(value) for name, value in said.items()}


def per_second(round_: dict[str, float], seconds: str = "seconds") -> float:
    """Messages per second of one round."""
    return round_["sent"] / round_[seconds]


async def fan_out(note: Callable[[str], None]) -> dict[str, Any]:
    """Messages per second to a hundred encrypted 1:1 rooms whose keys are shared already."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        for part in ("workflows", "hearth", "echo"):
            (folder / part).mkdir()
        async with Synapse() as synapse:
            bot, echo = await synapse.register("hearth"), await synapse.register("echo")
            mine, others = (
                await Crowd.gather(synapse, bot, ROOMS, "anna"),
                await Crowd.gather(synapse, echo, ROOMS, "otto"),
            )
            people = tuple(guest.user_id for guest in mine.guests)
            room = await asyncio.to_thread(make_room, synapse, mine.guests[0].account, bot)
            ours = config_of(bot, room, folder / "hearth", folder / "workflows", people)
            theirs = config_of(echo, room, folder / "echo", folder / "workflows")
            rounds = []
            for n in range(WARM_UP_ROUNDS + ROUNDS):
                note(f"fan-out: round {n + 1} of {WARM_UP_ROUNDS + ROUNDS}")
                rounds.append((await fan("fan-hearth", ours), await fan("fan-echo", theirs)))
            await mine.close()
            await others.close()
    kept = rounds[WARM_UP_ROUNDS:]
    ours_per_s = statistics.median(per_second(ours) for ours, _ in kept)
    theirs_per_s = statistics.median(per_second(theirs) for _, theirs in kept)
    deaf_per_s = statistics.median(per_second(theirs, "deaf_seconds") for _, theirs in kept)
    return {
        "what": f"messages per second to {ROOMS} encrypted 1:1 rooms, median of the rounds",
        "ours_per_s": round(ours_per_s, 1),
        "peer": "bare nio, all at once, listening meanwhile as ours does",
        "peer_per_s": round(theirs_per_s, 1),
        "ratio": round(ours_per_s / theirs_per_s, 2),
        "deaf_peer_per_s": round(deaf_per_s, 1),
        "deaf_ratio": round(ours_per_s / deaf_per_s, 2),
        "rounds": [
            {"ours_per_s": round(per_second(a), 1), "peer_per_s": round(per_second(b), 1)} for a, b in rounds
        ],
    }
