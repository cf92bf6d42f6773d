"""`hearth test`, as a steward runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bridge.command import hearth, hearth_without_rights
from tests.docs.pages import example_text

SCENARIOS = """\
people: [ana, bruno]
scenarios:
  Bruno comes:
    given:
      - ana in the room: "tea @bruno"
      - ana: Friday 16:00
    when:
      - bruno: I'm coming
    then:
      - state: open
      - ana sees: Bruno
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tea.yaml").write_text(example_text("tea"), "utf-8")
    (tmp_path / "tests" / "tea.yaml").write_text(SCENARIOS, "utf-8")
    return tmp_path


@pytest.mark.parametrize("named", ["", "tea.yaml", "tests", "tests/tea.yaml"])
async def test_a_folder_a_workflow_or_its_scenarios_may_be_named(folder: Path, named: str) -> None:
    outcome = await hearth("test", folder / named)
    assert outcome.status == 0
    assert "✓ Bruno comes" in outcome.out
    assert outcome.out.endswith("1 scenario, all as they say.\n")


async def test_what_does_not_go_as_it_says_is_shown_with_what_was_there(folder: Path) -> None:
    file = folder / "tests" / "tea.yaml"
    file.write_text(SCENARIOS.replace("state: open", "state: done"), "utf-8")
    outcome = await hearth("test", folder)
    assert outcome.status == 1
    assert "✗ Bruno comes\n    line 10: expected state: done\n      it stands in `open`" in outcome.out
    assert outcome.out.endswith("1 scenario, 1 not as they say.\n")


async def test_for_machines_there_is_a_list_of_results(folder: Path) -> None:
    file = folder / "tests" / "tea.yaml"
    file.write_text(SCENARIOS.replace("ana sees: Bruno", "ana sees: Chen"), "utf-8")
    outcome = await hearth("test", folder, "--format", "json")
    (result,) = json.loads(outcome.out)
    assert outcome.status == 1
    assert result["found"].startswith("ana saw this\n      | ")
    assert {key: result[key] for key in ("file", "line", "column", "scenario", "passed", "expected")} == {
        "file": str(file),
        "line": 11,
        "column": 9,
        "scenario": "Bruno comes",
        "passed": False,
        "expected": "ana sees: Chen",
    }


async def test_a_bad_scenario_file_is_told_like_a_bad_workflow_file(folder: Path) -> None:
    file = folder / "tests" / "tea.yaml"
    file.write_text(SCENARIOS.replace("bruno: I'm", "brno: I'm"), "utf-8")
    outcome = await hearth("test", folder)
    assert outcome.status == 1
    assert f"{file}:8:9 nobody here is called `brno`; did you mean `bruno`?" in outcome.err


async def test_checking_a_scenario_file_says_what_is_wrong_in_it(folder: Path) -> None:
    file = folder / "tests" / "tea.yaml"
    outcome = await hearth("check", file)
    assert (outcome.status, outcome.out) == (0, "1 file, no problem found.\n")
    file.write_text(SCENARIOS.replace("state: open", "state: opne"), "utf-8")
    outcome = await hearth("check", file)
    assert outcome.status == 1
    assert f"{file}:10:9 unknown state `opne`; did you mean `open`?" in outcome.err


async def test_a_bad_workflow_file_is_told_instead_of_played(folder: Path) -> None:
    (folder / "tea.yaml").write_text("name: tea\n", "utf-8")
    outcome = await hearth("test", folder)
    assert outcome.status == 1
    assert f"{folder / 'tea.yaml'}:1:1 `about` is missing" in outcome.err
    assert "✓" not in outcome.out


@pytest.mark.parametrize(
    "text", ["", "- a\n- b\n", "scenarios: 3\n", "scenarios:\n  A: 1\n", "\t", "a: &b c\n"]
)
async def test_whatever_stands_in_a_scenario_file_it_ends_with_words(folder: Path, text: str) -> None:
    (folder / "tests" / "tea.yaml").write_text(text, "utf-8")
    outcome = await hearth("test", folder)
    assert outcome.status == 1
    assert "tea.yaml:" in outcome.err


async def test_without_scenarios_it_says_where_they_would_lie(folder: Path) -> None:
    (folder / "tests" / "tea.yaml").unlink()
    outcome = await hearth("test", folder / "tea.yaml")
    assert outcome.status == 2
    assert str(folder / "tests" / "tea.yaml") in outcome.err


async def test_what_cannot_be_read_is_said_kindly_and_the_rest_is_played(folder: Path) -> None:
    (folder / "tests" / "lost.yaml").symlink_to("nowhere.yaml")
    (folder / "tests" / "more.yaml").mkdir()
    outcome = await hearth("test", folder)
    assert outcome.status == 1
    assert "lost.yaml:1:1 cannot be read: No such file or directory" in outcome.err
    assert "more.yaml:1:1 cannot be read: Is a directory" in outcome.err
    assert outcome.out.endswith("1 scenario, all as they say. 2 files could not be played.\n")
    for odd, said in (
        (folder / "tests" / "lost.yaml", "a link to a file that is not there"),
        (folder / ("x" * 300), "cannot be read (File name too long)."),
        (folder / "none.yaml", "There is no file"),
    ):
        outcome = await hearth("test", odd)
        assert outcome.status in (1, 2)
        assert said in outcome.err, outcome.text


async def test_without_the_right_to_look_it_says_which_file_or_folder(folder: Path) -> None:
    for closed in (folder / "tests" / "tea.yaml", folder / "tests", folder):
        kept = closed.stat().st_mode
        closed.chmod(0)
        try:
            # A folder of scenarios holds no workflows for `hearth check`, whatever its rights.
            for command in ("test",) if closed.name == "tests" else ("test", "check"):
                outcome = await hearth_without_rights(command, closed)
                assert outcome.status == 1
                assert str(closed) in outcome.err
                assert "cannot be read" in outcome.err
                assert "Permission denied" in outcome.err
        finally:
            closed.chmod(kept)
