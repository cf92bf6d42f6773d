"""How quickly Hearth answers and how much it sends, beside bare nio on the same Synapse in the same run.

``hearth bench bridge`` starts a real Synapse, and beside it, each in a process of its own, Hearth and an echo bot of
bare nio. Rounds alternate, so that whatever else the machine does meets both; what counts is the ratio of the medians.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.bots import BotConfig
from bench.fan_out import fan_out
from bench.limits import default_limits as under_default_limits
from bench.memory import memory
from bench.places import config_of, write_down
from tests.world import Member, Synapse, World

QUESTIONS = 10
"""Details asked for one after another: each answer has the next question as its answer."""
ROUNDS = 4
WARM_UP_ROUNDS = 1
START_SECONDS = 60
ANSWER_SECONDS = 30


def chain() -> str:
    """A workflow that asks many small questions of whoever begins it, each right after the last was answered."""
    names = [f"q{n:02}" for n in range(QUESTIONS)]
    details = "\n".join(f"  {n}:\n    ask: Question {n}?\n    type: words" for n in names)
    return f"""\
name: chain
title: Chain
about: Ask one question after another.
begins with: chain

people:
  asker: starter

details:
{details}

states:
  draft:
    gather: [{", ".join(names)}]
    moves:
      - when: everything is gathered
        to: over
      - at: 7 days after entering
        to: over
  over:
    ends with: It is over.
"""


@asynccontextmanager
async def bot(which: str, config: BotConfig) -> AsyncIterator[asyncio.subprocess.Process]:
    """A bot in a process of its own, ready to answer."""
    path = write_down(config)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bots", which, str(path), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        assert said == b"ready\n", f"the {which} bot did not start"
        yield process
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), START_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


# ── from an answer to the next message ───────────────────────────────────────


async def time_to_answer(member: Member, room: str, bot_id: str, text: str) -> float:
    """How long it takes, in milliseconds, from sending a message until another one of the bot's is read."""
    known = {message.event_id for message in member.read(room)}
    started = time.perf_counter()
    await member.say(room, text)
    await member.wait_for(
        lambda: any(
            m.sender == bot_id and m.decrypted and m.event_id not in known for m in member.read(room)
        ),
        ANSWER_SECONDS,
        what="an answer",
    )
    return (time.perf_counter() - started) * 1000


class Talk:
    """One person who talks with both bots in turn."""

    def __init__(self, member: Member, hearth: str, hearth_room: str, echo: str, echo_room: str) -> None:
        self._member = member
        self._hearth, self._hearth_room = hearth, hearth_room
        self._echo, self._echo_room = echo, echo_room

    async def round(self) -> tuple[list[float], list[float]]:
        """Both answer as many messages, in turn; milliseconds of each (Hearth, bare nio)."""
        ours, theirs = [], []
        await time_to_answer(self._member, self._hearth_room, self._hearth, "chain")
        for n in range(QUESTIONS - 1):
            words = f"Words for question {n}, {time.monotonic_ns()}"
            ours.append(await time_to_answer(self._member, self._hearth_room, self._hearth, words))
            # Its acknowledgement comes after that: the peer is not measured while it is still at work.
            await self._member.hears(self._hearth_room, words, sender=self._hearth)
            theirs.append(await time_to_answer(self._member, self._echo_room, self._echo, words))
        await self._member.say(self._hearth_room, last := f"The last words, {time.monotonic_ns()}")
        await self._member.hears(self._hearth_room, last, sender=self._hearth)
        return ours, theirs


async def latency(note: Callable[[str], None]) -> dict[str, Any]:
    """The median time from a person's answer to the bot's next message, beside an echo bot of bare nio."""
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as name:
        folder = Path(name)
        workflows = folder / "workflows"
        workflows.mkdir()
        (workflows / "chain.yaml").write_text(chain())
        async with Synapse() as synapse, World(("ana",), synapse=synapse) as here:
            ana = here["ana"]
            echo_account = await synapse.register("echo")
            await here.invite_bot()
            ours = config_of(here.bot, here.room, folder / "hearth", workflows)
            theirs = config_of(echo_account, here.room, folder / "echo", workflows)
            async with bot("hearth", ours), bot("echo", theirs):
                talk = await _introduced(ana, here.room, here.bot.user_id, echo_account.user_id)
                rounds = []
                for n in range(WARM_UP_ROUNDS + ROUNDS):
                    note(f"latency: round {n + 1} of {WARM_UP_ROUNDS + ROUNDS}")
                    rounds.append(await talk.round())
    ours_ms = [each for one, _ in rounds[WARM_UP_ROUNDS:] for each in one]
    theirs_ms = [each for _, one in rounds[WARM_UP_ROUNDS:] for each in one]
    return {
        "what": "from a member's answer to the bot's next message, encrypted 1:1 room, median",
        "answers": len(ours_ms),
        "ours_ms": round(statistics.median(ours_ms), 1),
        "ours_p95_ms": round(_p95(ours_ms), 1),
        "peer": "an echo bot of bare nio",
        "peer_ms": round(statistics.median(theirs_ms), 1),
        "peer_p95_ms": round(_p95(theirs_ms), 1),
        "ratio": round(statistics.median(ours_ms) / statistics.median(theirs_ms), 2),
        "rounds": [
            {"ours_ms": round(statistics.median(a), 1), "peer_ms": round(statistics.median(b), 1)}
            for a, b in rounds
        ],
    }


async def _introduced(ana: Member, room: str, hearth: str, echo: str) -> Talk:
    await ana.hears(room, "Hello", sender=hearth)
    await ana.say(room, "!hearth start")
    hearth_room = await ana.wait_for(lambda: ana.find_dm(hearth), what="a 1:1 room with Hearth")
    await ana.hears(hearth_room, "", sender=hearth)
    echo_room = await ana.dm_with(echo)
    await ana.wait_for(lambda: echo in ana.people(echo_room), what="the echo bot")
    return Talk(ana, hearth, hearth_room, echo, echo_room)


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


async def measure(note: Callable[[str], None], *, default_limits: bool = False) -> dict[str, Any]:
    """Measure everything once; ``note`` hears how far it is. ``default_limits``: that too, which takes long."""
    result = {"latency": await latency(note), "fan_out": await fan_out(note), "memory": await memory(note)}
    if default_limits:
        result["default_limits"] = await under_default_limits(note)
    return result


def main(*, as_json: bool, default_limits: bool = False) -> None:
    """Measure and print."""
    note = partial(print, file=sys.stderr, flush=True)
    result = asyncio.run(measure(note, default_limits=default_limits))
    if as_json:
        print(json.dumps(result, indent=2))
        return
    answers, sends, held = result["latency"], result["fan_out"], result["memory"]
    print(
        f"answer to next message: {answers['ours_ms']} ms; {answers['peer']} {answers['peer_ms']} ms: "
        f"{answers['ratio']}"
    )
    print(
        f"fan-out: {sends['ours_per_s']} messages/s; {sends['peer']} {sends['peer_per_s']}: {sends['ratio']}"
    )
    print(f"memory: {held['ours_mb']} MB; {held['peer']} {held['peer_mb']} MB: {held['ratio']}")
    if default_limits:
        limits = result["default_limits"]
        print(
            f"default limits: {limits['ended']} in {limits['seconds']} s, {limits['refused']} of "
            f"{limits['requests']} requests refused, replies p95 {limits['reply_p95_ms']} ms"
        )


if __name__ == "__main__":
    main(as_json="--json" in sys.argv, default_limits="--default-limits" in sys.argv)
