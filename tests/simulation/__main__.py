"""Plays many seeds, and shows the shortest play of the first that breaks a promise: ``python -m tests.simulation``."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.pairs import play_kept, write_pair
from tests.simulation.script import write_script
from tests.simulation.shrink import kept, shrink, told
from tests.simulation.world import Played, play

TOLD_EVERY = 100


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many seeds are played")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one, with its whole story")
    parser.add_argument("--pair", type=int, help="a no held against a silence: only the pair of this seed")
    parser.add_argument("--items", help="only these things of its script happen, by their numbers: 3,17,40")
    parser.add_argument("--without", choices=sorted(MUTATIONS), help="break this on purpose first")
    parser.add_argument("--processes", type=int, default=2, help="how many are played at once")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long")
    return parser.parse_args()


def _play(seed: int, without: str | None) -> Played:
    logging.disable(logging.CRITICAL)
    with mutated(without):
        return play(write_script(seed))


def _show_one(seed: int, items: str | None, without: str | None) -> int:
    script = write_script(seed)
    if items:
        wanted = {int(n) for n in items.split(",")}
        script = script._replace(items=tuple(item for item in script.items if item.n in wanted))
    with mutated(without):
        played = play(script)
    _say(played.script, *played.story, *(f"! {finding}" for finding in played.broken))
    return bool(played.broken)


def _show_pair(seed: int, items: str | None, without: str | None) -> int:
    script = write_pair(seed)[1]
    if items:
        wanted = {int(n) for n in items.split(",")}
        script = script._replace(items=tuple(item for item in script.items if item.n in wanted))
    with mutated(without):
        played = play_kept(script)
    _say(played.script, *played.story, *(f"! {finding}" for finding in played.broken))
    return bool(played.broken)


def _show_shortest(seed: int, without: str | None) -> None:
    whole = write_script(seed)
    with mutated(without):
        played = shrink(whole)
    more = f" --without '{without}'" if without else ""
    command = f"python -m tests.simulation --seed {seed} --items {kept(played.script.items)}{more}"
    _say(told(played, len(whole.items), command))


def _say(*lines: object) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main() -> int:
    """0 if every promise was kept."""
    logging.disable(logging.CRITICAL)
    options = _options()
    if options.seed is not None:
        return _show_one(options.seed, options.items, options.without)
    if options.pair is not None:
        return _show_pair(options.pair, options.items, options.without)
    began, commits, sent = time.monotonic(), 0, 0
    seeds = range(options.first, options.first + options.seeds)
    with ProcessPoolExecutor(options.processes) as pool:
        plays = pool.map(_play, seeds, [options.without] * len(seeds), chunksize=5)
        for n, played in enumerate(plays, 1):
            commits, sent = commits + played.commits, sent + played.sent
            if played.broken:
                pool.shutdown(cancel_futures=True)
                _show_shortest(played.script.seed, options.without)
                return 1
            seconds = time.monotonic() - began
            if n % TOLD_EVERY == 0 or n == len(seeds):
                _say(
                    f"{n} plays, {commits} commits, {sent} messages, {seconds:.0f} s: nothing broken",
                )
            if seconds > options.minutes * 60:
                pool.shutdown(cancel_futures=True)
                _say(f"stopped after {options.minutes:g} minutes")
                break
    return 0


if __name__ == "__main__":
    sys.exit(main())
