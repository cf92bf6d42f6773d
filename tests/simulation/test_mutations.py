"""The simulation is worth something: broken in any of these places on purpose, the engine is found out by few seeds."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import PROMISES
from tests.simulation.mutations import MUTATIONS, mutated
from tests.simulation.pairs import play_pair
from tests.simulation.script import write_script
from tests.simulation.world import Played, play

MOST_SEEDS = 40
FOUND_BY = {
    "quiet hours": 2,
    "audience": 2,
    "cursor": 3,
    "outage": 6,
    "release": 3,
    "forgetting": 3,
    "circles": 2,
    "reminders": 2,
    "moments": 7,
    "agreements": 16,
    "a no is told": 22,
    "a no is counted": 35,
}
"""The seed that found it when it was last looked for from 0 on (0 for all others): it is tried first, to save time."""
PAIRED = "a_no_and_a_silence_look_alike"
TIME = "time_goes_on"


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_broken_on_purpose_is_found(name: str) -> None:
    promise, others = MUTATIONS[name].promise, set[str]()
    first = FOUND_BY.get(name, 0)
    for seed in (first, *(seed for seed in range(MOST_SEEDS) if seed != first)):
        found = _play(seed, name, paired=promise == PAIRED).broken
        if any(promise in finding for finding in found):
            return
        others |= {finding.partition(":")[0] for finding in found}
    pytest.fail(f"without {name}, {MOST_SEEDS} seeds break {sorted(others) or 'nothing'}, and not {promise}")


def _play(seed: int, name: str, *, paired: bool) -> Played:
    with mutated(name):
        return play_pair(seed) if paired else play(write_script(seed))


def test_each_mutation_breaks_a_promise_that_there_is() -> None:
    names = {promise.__name__ for promise in PROMISES} | {PAIRED, TIME}
    assert {mutation.promise for mutation in MUTATIONS.values()} <= names
    assert len(MUTATIONS) >= 10
    assert FOUND_BY.keys() <= MUTATIONS.keys()
