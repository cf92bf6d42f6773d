"""The notation of scenario files: read whole, or refused with everything that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.rehearsal.acts import Say
from bridge.scenarios.expectation import Gets, HasEnded, IsAsked, OnlySees, PartIs, Sees, StandsIn
from bridge.scenarios.notation import Scenario, named_workflow, read_scenarios
from engine.core.definition import Definition
from tests.docs.pages import example

FILE = """\
people: [ana, bruno, chen]
beforehand:
  tea on Friday:
    - ana in the room: "tea @bruno and @chen"
    - ana: Friday 16:00
scenarios:
  Bruno comes:
    given:
      - Tea on  friday
      - chen: No, thanks
    when:
      - bruno: I'm coming
    then:
      - state: open
      - ana sees: Bruno
      - bruno does not see: Chen
      - chen never saw: Bruno
      - the room gets: nothing
      - bruno is asked: invited
      - chen is not asked: invited
      - nobody but ana sees: Bruno
      - coming: bruno
      - ana gets: 1 message
    and then:
      - ended: Tea was drunk.
      - coming: nobody
"""


@pytest.fixture(scope="module")
def definition() -> Definition:
    return example("tea")


def scenarios_in(text: str, definition: Definition) -> list[Scenario]:
    read = read_scenarios(text, "tests/tea.yaml", definition)
    assert all(isinstance(each, Scenario) for each in read), [str(each) for each in read]
    return [each for each in read if isinstance(each, Scenario)]


def problems_in(text: str, definition: Definition) -> list[str]:
    read = read_scenarios(text, "tests/tea.yaml", definition)
    return [str(each) for each in read if not isinstance(each, Scenario)]


def test_a_scenario_is_what_was_given_what_happens_and_what_is_then_true(definition: Definition) -> None:
    (scenario,) = scenarios_in(FILE, definition)
    assert (scenario.name, scenario.people) == ("Bruno comes", ("ana", "bruno", "chen"))
    given, when, again = scenario.turns
    assert [act.act for act in given.acts] == [
        Say("ana", "tea @bruno and @chen", room=True),
        Say("ana", "Friday 16:00"),
        Say("chen", "No, thanks"),
    ]
    assert not given.fresh
    assert [each.expectation for each in when.expected] == [
        StandsIn("open"),
        Sees("ana", "Bruno"),
        Sees("bruno", "Chen", expected=False),
        Sees("chen", "Bruno", expected=False, reach="ever"),
        Gets(None, 0),
        IsAsked("bruno", "invited"),
        IsAsked("chen", "invited", expected=False),
        OnlySees(("ana",), "Bruno"),
        PartIs("coming", frozenset({"bruno"})),
        Gets("ana", 1),
    ]
    assert [each.expectation for each in again.expected] == [
        HasEnded("Tea was drunk."),
        PartIs("coming", frozenset()),
    ]


def test_without_a_list_of_people_there_are_enough_and_all_who_act(definition: Definition) -> None:
    text = FILE.replace("people: [ana, bruno, chen]\n", "").replace("- chen: No, thanks", "- zoe: No, thanks")
    (scenario,) = scenarios_in(text, definition)
    assert {"ana", "bruno", "chen", "zoe"} <= set(scenario.people)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("- state: open", "- state: opne", "14:9 unknown state `opne`; did you mean `open`?"),
        ("ana sees", "anna sees", "unknown person `anna`; did you mean `ana`?"),
        ("asked: invited\n      - chen", "asked: invitd\n      - chen", "did you mean `invited`?"),
        ("ana gets: 1 message", "ana gets: some", "`some` is no number of messages"),
        ("state: open", "feeling: good", "`feeling` is nothing that can be expected"),
        ("- bruno: I'm coming", "- brno: I'm coming", "nobody here is called `brno`; did you mean `bruno`?"),
        ("- Tea on  friday", "- tee on friday", "`tee on friday` is no act"),
        ("- Tea on  friday", "- tea on Sunday", "is called so; did you mean `tea on friday`?"),
        ("- Tea on  friday", "- everybody sleeps now", "is called so; known there: `tea on friday`"),
        ("coming: bruno", "kitchen: bruno", "unknown part `kitchen`; known: "),
        ("coming: nobody", "comin: nobody", "unknown part `comin`; did you mean `coming`?"),
        ("    when:", "    wenn:", "unknown key `wenn`; did you mean `when`?"),
        ("scenarios:", "scenario:", "`scenarios` is missing"),
        ("- state: open", "- [state, open]", "each dash is one expectation"),
        ("coming: nobody", "coming: nobdy", "unknown person `nobdy`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    definition: Definition, right: str, wrong: str, said: str
) -> None:
    assert right in FILE
    problems = problems_in(FILE.replace(right, wrong, 1), definition)
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("tests/tea.yaml:") for problem in problems)


def test_a_scenario_that_expects_nothing_is_no_test(definition: Definition) -> None:
    text = "scenarios:\n  Nothing:\n    when:\n      - ana: hello\n"
    (problem,) = problems_in(text, definition)
    assert problem.startswith(
        "tests/tea.yaml:2:3 `Nothing` expects nothing; add `then:`; for example `- state: "
    )


def test_a_file_is_about_its_namesake_or_about_the_one_it_names(tmp_path: Path) -> None:
    file = tmp_path / "tests" / "tea.yaml"
    assert named_workflow("scenarios:\n", file) == tmp_path / "tea.yaml"
    assert named_workflow("workflow: ../other.yaml\n", file) == tmp_path / "other.yaml"


def test_an_empty_file_is_told_what_a_scenario_file_begins_with(definition: Definition) -> None:
    assert problems_in("", definition) == ["tests/tea.yaml:1:1 the file is empty; start with `scenarios:`"]
    (problem,) = problems_in("- a\n", definition)
    assert "a scenario file begins with keys; start with `scenarios:`" in problem
