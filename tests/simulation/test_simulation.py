"""Some hundred plays of all shipped workflows: whatever people do and whatever goes wrong, every promise is kept.

``make simulate SEEDS=10000`` plays more of them. A failing seed shows the shortest play that breaks the same promise.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from tests.privacy.crowd import WORKFLOWS
from tests.simulation import people
from tests.simulation.invariants import PROMISES
from tests.simulation.loop import SimulatedLoop, Stuck
from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.pairs import play_kept, play_pair, write_pair
from tests.simulation.script import ACTS, TROUBLES, write_script
from tests.simulation.shrink import kept, promise_of, shrink, told
from tests.simulation.world import World, play

ROUNDS = int(os.environ.get("HEARTH_SIMULATION", "3"))
"""Plays per workflow."""
PAIRS_AT_ONCE = 4


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_promise_is_kept_whatever_goes_wrong(workflow: str) -> None:
    for round_ in range(ROUNDS):
        seed = WORKFLOWS.index(workflow) + round_ * len(WORKFLOWS)
        script = write_script(seed)
        assert workflow in script.workflows
        if play(script).broken:
            shortest = shrink(script)
            command = f"python -m tests.simulation --seed {seed} --items {kept(shortest.script.items)}"
            pytest.fail(told(shortest, len(script.items), command))


@pytest.mark.parametrize("first", range(0, 4 * PAIRS_AT_ONCE, PAIRS_AT_ONCE))
def test_a_no_and_a_silence_look_alike_to_everybody_else(first: int) -> None:
    said_no = 0
    for seed in range(first, first + PAIRS_AT_ONCE):
        played = play_pair(seed)
        said_no += sum("decline:" in line and "says" in line for line in played.story)
        if played.broken:
            whole = write_pair(seed)[1]
            shortest = shrink(whole, tries=60, play=play_kept)
            command = f"python -m tests.simulation --pair {seed} --items {kept(shortest.script.items)}"
            pytest.fail(told(shortest, len(whole.items), command))
    assert said_no, "nobody said no to anything"


def test_the_two_plays_of_a_pair_differ_only_in_what_one_person_says() -> None:
    silent, declined = write_pair(3)
    assert [item for item in declined.items if item.kind != "decline"] == list(silent.items)
    assert {item.who for item in declined.items if item.kind == "decline"} == {silent.still}


# ── the simulation itself ────────────────────────────────────────────────────


def test_the_same_seed_gives_the_same_play_in_another_process_too() -> None:
    here = [play(write_script(seed)).digest for seed in (1, 4)]
    show = "from tests.simulation.world import play; from tests.simulation.script import write_script; "
    show += "import logging; logging.disable(50); print(*(play(write_script(s)).digest for s in (1, 4)))"
    env = {**os.environ, "PYTHONHASHSEED": "12345"}
    there = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True, env=env)
    assert there.stdout.split() == here


def test_plays_are_lively_enough_to_mean_something() -> None:
    plays = [play(write_script(seed)) for seed in range(6)]
    assert sum(played.sent for played in plays) > 200
    assert sum(played.commits for played in plays) > 600
    story = "\n".join(line for played in plays for line in played.story)
    assert "the process falls" in story
    assert "pick=" in story


def test_a_broken_promise_is_shown_by_the_shortest_play_that_breaks_it() -> None:
    with mutated("circles"):
        seed = next(seed for seed in range(20) if play(write_script(seed)).broken)
        whole = write_script(seed)
        shortest = shrink(whole, tries=60)
    assert promise_of(shortest.broken[0]) == MUTATIONS["circles"].promise
    assert len(shortest.script.items) < len(whole.items) / 4
    shown = told(shortest, len(whole.items), f"--items {kept(shortest.script.items)}")
    assert shortest.broken[0] in shown
    assert all(str(item.n) in shown for item in shortest.script.items)


def test_every_act_and_every_trouble_of_a_script_is_played() -> None:
    known = people.People(World(write_script(0)))
    assert all(known.knows(kind) for kind in ACTS)
    assert not any(known.knows(kind) for kind in TROUBLES)
    written = {item.kind for seed in range(200) for item in write_script(seed).items}
    assert written >= ACTS.keys() | TROUBLES.keys()


def test_every_promise_says_in_a_sentence_what_it_is() -> None:
    for promise in PROMISES:
        assert promise.__doc__ is not None, promise.__name__
        assert promise.__doc__.strip().endswith("."), promise.__name__


def test_made_up_time_takes_no_time_and_nobody_waits_for_ever() -> None:
    began = time.monotonic()
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        runner.run(asyncio.sleep(30 * 24 * 3600))
        assert runner.get_loop().time() == pytest.approx(30 * 24 * 3600)
        with pytest.raises(Stuck):
            runner.run(asyncio.Event().wait())
    assert time.monotonic() - began < 60
