"""The stewards' own scenarios of everything that ships, and of the examples: all go as they say."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from bridge.cli.scenarios import scenario_files
from bridge.rehearsal.playbill import Playbill
from bridge.scenarios.expectation import HasEnded
from bridge.scenarios.notation import Scenario, named_workflow, read_scenarios
from bridge.scenarios.play import outcome_of, play
from engine.core.definition import Definition
from engine.loading.load import load_definition

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "workflows", ROOT / "docs" / "examples")


def all_scenarios() -> list[tuple[Definition, Scenario, str]]:
    found: list[tuple[Definition, Scenario, str]] = []
    for folder in FOLDERS:
        for file in scenario_files(folder):
            text = file.read_text("utf-8")
            definition = load_definition(named_workflow(text, file))
            assert isinstance(definition, Definition), definition
            for each in read_scenarios(text, file.name, definition):
                assert isinstance(each, Scenario), str(each)
                found.append((definition, each, f"{file.stem}: {each.name}"))
    return found


LEFT_OFF = "It is no longer in use here."
PLAYED_ELSEWHERE = {"gratitude": {LEFT_OFF}, "pulse": {LEFT_OFF}}
"""Ends for which a whole circle must agree first, so that no scenario of the file itself reaches them: gratitude's is
in tests/scenarios/test_started_small.py, pulse's in workflows/tests/practice.yaml.
"""

SCENARIOS = all_scenarios()
DEFINITIONS = {definition.name: definition for definition, _, _ in SCENARIOS}


@functools.cache
def beside(name: str) -> Playbill:
    """A workflow and what it may start, as `hearth test` plays it."""
    return Playbill.around(DEFINITIONS[name], *FOLDERS)


@pytest.mark.parametrize(
    ("definition", "scenario"), [(d, s) for d, s, _ in SCENARIOS], ids=[n for *_, n in SCENARIOS]
)
async def test_it_goes_as_it_says(definition: Definition, scenario: Scenario) -> None:
    assert await play(scenario, definition, beside(definition.name)) == ()


@pytest.mark.parametrize("folder", FOLDERS, ids=["workflows", "examples"])
def test_every_end_of_every_workflow_is_reached_in_a_scenario(folder: Path) -> None:
    for file in sorted(folder.glob("*.yaml")):
        definition = load_definition(file)
        assert isinstance(definition, Definition)
        expected = {
            each.expectation.outcome
            for own, scenario, _ in SCENARIOS
            if own.name == definition.name
            for turn in scenario.turns
            for each in turn.expected
            if isinstance(each.expectation, HasEnded)
        }
        ends = {outcome_of(definition, state.name) for state in definition.states.values() if state.final}
        ends -= PLAYED_ELSEWHERE.get(definition.name, set())
        assert ends <= expected, f"{file.name}: no scenario ends with {ends - expected}"
