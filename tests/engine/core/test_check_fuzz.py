"""Spoilt files: whatever a file holds, the checker answers with places in it, and what it calls fit can be played."""

from random import Random

from bench.fuzz import cases, look_at, play, sources
from engine.core.check_rules import RULES
from engine.core.definition import Definition
from engine.loading.load import load_definition
from tests.engine.core.gathering import DECISION, GATHERING
from tests.engine.loading.small import SMALL

CASES = 500


def test_no_file_brings_the_checker_down_and_a_fit_one_can_be_played(seed: int) -> None:
    spoilt = cases(seed, sources(GATHERING, DECISION, SMALL))
    for number in range(CASES):
        text = next(spoilt)
        try:
            look_at(text, number)
        except Exception as error:
            raise AssertionError(f"seed {seed}, case {number}:\n{text}") from error


def test_every_broken_rule_has_its_place_inside_the_file() -> None:
    for name, rule in RULES.items():
        examined = look_at(GATHERING.replace(rule.right, rule.wrong, 1), 1)
        assert examined.definition is not None or name in {problem.code for problem in examined.problems}, (
            name
        )


def test_the_right_files_can_be_played_in_many_ways(seed: int) -> None:
    ended: set[str] = set()
    for text in sources(GATHERING, DECISION, SMALL):
        definition = load_definition(text)
        assert isinstance(definition, Definition), definition
        for turn in range(40):
            last = play(definition, Random(f"{seed}/{turn}"), steps=60)
            ended |= {last.state} if last is not None and last.finished_ms is not None else set()
    assert len(ended) > 4, f"seed {seed}: hardly anything came to an end: {ended}"
