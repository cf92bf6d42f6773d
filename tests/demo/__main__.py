"""``make demo``: start a homeserver, let five people and Hearth live through some months together."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.demo.play import Play, monday_morning
from tests.world import World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

PEOPLE = ("ana", "bruno", "chen", "dora", "eli")
IN_USE = frozenset(("invitation", "role", "feedback_round", "trust_repair"))
"""What this circle has taken up."""


def progress(text: str) -> None:
    """One line about what is being prepared."""
    print(f"· {text}", flush=True)


async def run(*, keep: bool) -> None:
    """Play everything; with ``keep`` leave it running until the person at the keyboard has had enough."""
    began = time.monotonic()
    progress("starting a homeserver (Synapse) on this machine …")
    with tempfile.TemporaryDirectory(prefix="hearth-demo-") as folder:
        async with World(PEOPLE, invite_bot=True) as world:
            progress(f"{len(PEOPLE)} people are in an encrypted room; Hearth is moving in …")
            clock = JumpingClock(monday_morning(time.time_ns() // 1_000_000))
            contacts = (world["dora"].user_id, world["eli"].user_id)
            async with RunningHouse(
                world,
                Path(folder),
                clock,
                contacts=contacts,
                operator="whoever started this demo",
                in_use=IN_USE,
            ) as house:
                play = Play(world, house, clock)
                await play.invitation()
                await play.season()
                messages = sum(1 for m in world.members.values() for room in m.rooms for _ in m.read(room))
                undecryptable = sum(len(m.undecryptable) for m in world.members.values())
                if keep:
                    await play.another()
                    await stay(world)
    print(
        "\nAn invitation, a role handed over, a round of feedback and something mended, from the first word to"
        " the last, in real encrypted rooms."
    )
    print(
        f"{len(PEOPLE)} people read {messages} messages, {undecryptable} of them unreadable, "
        f"in {time.monotonic() - began:.0f} seconds."
    )
    if undecryptable:
        raise SystemExit(1)


async def stay(world: World) -> None:
    """Leave everything running and say how to get in."""
    print("\nEverything is still running. Log in with your own Matrix client:")
    print(f"  homeserver  {world.homeserver}")
    for member in world.members.values():
        print(f"  {member.user_id:<24} password  {member.account.password}")
    print("The people of the play no longer act by themselves. Press Ctrl-C to end it.", flush=True)
    done = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, done.set)
    await done.wait()


def main() -> None:
    """Parse the command line and play."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running afterwards")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    asyncio.run(run(keep=options.keep))


if __name__ == "__main__":
    main()
