"""Playing scenarios: what comes true passes in silence, and what does not says what was there instead."""

from __future__ import annotations

import pytest

from bridge.rehearsal import Playbill
from bridge.scenarios.notation import Scenario, read_scenarios
from bridge.scenarios.play import Failure, play
from tests.docs.pages import example

HEAD = """\
people: [ana, bruno, chen]
beforehand:
  tea on Friday:
    - ana in the room: "tea @bruno and @chen"
    - ana: Friday 16:00
scenarios:
  It goes:
    given:
      - tea on Friday
"""


async def played(rest: str) -> tuple[Failure, ...]:
    definition = example("tea")
    (scenario,) = read_scenarios(HEAD + rest, "tests/tea.yaml", definition)
    assert isinstance(scenario, Scenario), scenario
    return await play(scenario, definition, Playbill([definition]))


TRUE = [
    "state: open",
    "ana sees: Bruno",
    "chen does not see: Bruno",
    "chen never saw: Bruno",
    "nobody but ana sees: Bruno",
    "nobody but bruno sees: You said",
    "coming: bruno",
    "chen is asked: invited",
    "bruno is not asked: invited",
    "chen gets: nothing",
    "the room gets: nothing",
]


@pytest.mark.parametrize("expected", TRUE)
async def test_what_is_true_passes(expected: str) -> None:
    assert await played(f"    when:\n      - bruno: I'm coming\n    then:\n      - {expected}\n") == ()


FALSE = [
    ("state: done", "it stands in `open`"),
    ("ended: Tea was drunk.", "it has not ended; it stands in `open`"),
    ("chen sees: Bruno", "chen saw nothing"),
    ("ana does not see: Bruno", "ana saw this\n      | "),
    ("nobody sees: coming", "saw this"),
    ("nobody but ana and chen sees: Bruno", "chen did not see it either"),
    ("coming: nobody", "it is bruno"),
    ("chen is not asked: invited", "chen is asked `invited`"),
    ("bruno is asked: invited", "bruno is asked nothing"),
    ("chen gets: 2 messages", "0 messages came"),
]


@pytest.mark.parametrize(("expected", "found"), FALSE)
async def test_what_is_not_true_says_what_is(expected: str, found: str) -> None:
    (failure,) = await played(f"    when:\n      - bruno: I'm coming\n    then:\n      - {expected}\n")
    assert failure.expected == expected
    assert found in failure.found
    assert failure.place.line == 13


async def test_an_act_that_cannot_be_played_ends_the_scenario_and_says_why() -> None:
    (failure,) = await played("    when:\n      - bruno to wants: Gladly\n    then:\n      - state: done\n")
    assert "bruno has not been asked `wants`" in failure.found
    assert failure.place.line == 11


async def test_an_end_is_known_by_its_sentence() -> None:
    rest = "    when:\n      - skip: 40 days\n    then:\n      - ended: {}\n"
    (failure,) = await played(rest.format("Something else."))
    said = failure.found.partition(": ")[2]
    assert await played(rest.format(said)) == ()
