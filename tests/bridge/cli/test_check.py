"""`hearth check`: all problems of all files, in order, for people and for programs."""

import json
from pathlib import Path

import pytest

from bridge.cli.check import MOST_FOLDERS
from tests.bridge.command import PROJECT_FOLDER, hearth
from tests.engine.core.gathering import DECISION, GATHERING
from tests.engine.loading.small import SMALL

KEYS = {"file", "line", "column", "code", "severity", "message", "hint"}
TYPO = SMALL.replace("to: open", "to: opne", 1)
UNUSED = SMALL.replace("asks: [invited, room_wide]", "asks: [invited]")


def put(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


async def found(*arguments: object) -> list[dict[str, object]]:
    outcome = await hearth("check", "--format", "json", *arguments)
    listed: list[dict[str, object]] = json.loads(outcome.out)
    assert outcome.status == (1 if listed else 0)
    assert not outcome.err
    assert all(set(each) == KEYS for each in listed)
    return listed


async def test_a_list_without_problems_is_an_empty_list() -> None:
    assert await found(PROJECT_FOLDER / "workflows") == []


async def test_a_problem_is_one_object_with_seven_keys(tmp_path: Path) -> None:
    put(tmp_path, tea=TYPO)
    [problem, *_] = await found(tmp_path / "tea.yaml")
    line = SMALL[: SMALL.index("to: open")].count("\n") + 1
    assert problem == {
        "file": f"{tmp_path}/tea.yaml",
        "line": line,
        "column": 13,
        "code": "unknown-state",
        "severity": "error",
        "message": "unknown state `opne`",
        "hint": "did you mean `open`?",
    }


async def test_all_files_are_told_in_order_and_each_problem_once(tmp_path: Path) -> None:
    put(tmp_path / "b", tea=TYPO)
    put(tmp_path / "a", tea=TYPO.replace("kind is green", "kind is gren"))
    problems = await found(tmp_path / "b", tmp_path, tmp_path / "b" / "tea.yaml")
    places = [(p["file"], p["line"], p["column"]) for p in problems]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert {str(p["file"]) for p in problems} == {f"{tmp_path}/a/tea.yaml", f"{tmp_path}/b/tea.yaml"}


async def test_a_warning_is_a_problem_too(tmp_path: Path) -> None:
    put(tmp_path, tea=UNUSED)
    assert [p["severity"] for p in await found(tmp_path)] == ["warning"]
    outcome = await hearth("check", tmp_path)
    assert outcome.status == 1
    assert "/tea.yaml:37:3 warning: no state asks `room_wide`; " in outcome.err
    assert "1 file, 1 warning." in outcome.out
    assert "warnings included" in " ".join((await hearth("check", "--help")).out.split())


async def test_scenarios_and_translations_are_no_workflows(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL)
    put(tmp_path / "tests", tea="given: nothing\n")
    put(tmp_path / ".drafts", tea="half a thought")
    put(
        tmp_path / "more",
        green=SMALL.replace("name: tea", "name: green").replace("with: tea", "with: green"),
    )
    outcome = await hearth("check", tmp_path)
    assert outcome.out == "2 files, no problem found.\n"
    assert outcome.status == 0
    assert [p["message"] for p in await found(tmp_path / "tests")] == ["no workflow file in this folder"]


async def test_what_a_file_starts_is_looked_for_beside_it(tmp_path: Path) -> None:
    put(tmp_path, gathering=GATHERING, decision=DECISION)
    assert await found(tmp_path / "gathering.yaml") == []
    assert await found(tmp_path) == []
    put(tmp_path, decision=DECISION.replace("what", "topic"))
    for path in (tmp_path, tmp_path / "gathering.yaml"):
        [problem] = await found(path)
        assert problem["code"] == "unknown-detail"
        assert problem["message"] == "`decision` has no detail `what`"
    put(tmp_path, decision="name: decision\n")
    assert {str(p["file"]) for p in await found(tmp_path)} == {f"{tmp_path}/decision.yaml"}


async def test_what_nobody_may_read_and_what_is_no_path_are_problems(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL)
    for path in (tmp_path / "gone", "a\0b", "x" * 5000):
        [problem] = await found(path)
        assert problem["code"] in ("missing", "unreadable")
        assert (problem["line"], problem["column"]) == (1, 1)
        outcome = await hearth("check", path)
        assert (outcome.status, outcome.out) == (1, "0 files, 1 problem.\n")


async def test_a_folder_that_never_ends_is_not_walked_for_ever(tmp_path: Path) -> None:
    for number in range(MOST_FOLDERS + 3):
        (tmp_path / f"f{number:04}").mkdir()
    put(tmp_path, tea=SMALL)
    (tmp_path / "round").symlink_to(tmp_path)
    assert await found(tmp_path) == []


@pytest.mark.parametrize("path", ["tea.yaml", "./tea.yaml", "sub/../tea.yaml"])
async def test_a_file_is_called_as_it_was_typed(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "sub", other=SMALL)
    put(tmp_path, tea=TYPO)
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) not in (await hearth("check", path)).text
    assert {p["file"] for p in await found(path)} == {str(Path(path))}


GERMAN = (
    "about: Zusammen Tee trinken.\nasks:\n  invited:\n    say: <host> lädt dich ein zu <wat>, <starts>.\n"
)


async def test_a_translation_is_checked_with_its_workflow(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "tea.de.yaml").write_text(GERMAN, encoding="utf-8")
    with_its_workflow = await found(tmp_path)
    assert {str(p["file"]) for p in with_its_workflow} == {f"{tmp_path}/texts/tea.de.yaml"}
    assert [p["code"] for p in with_its_workflow if p["severity"] == "error"]
    assert "untranslated" in {p["code"] for p in with_its_workflow}
    for path in (tmp_path / "texts" / "tea.de.yaml", tmp_path / "texts", tmp_path / "tea.yaml"):
        assert await found(path) == with_its_workflow


@pytest.mark.parametrize("name", ["coffee.de.yaml", "tea.yaml", "deutsch.yaml"])
async def test_a_translation_of_nothing_is_told(tmp_path: Path, name: str) -> None:
    put(tmp_path, tea=SMALL)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / name).write_text(GERMAN, encoding="utf-8")
    for path in (tmp_path, tmp_path / "texts", tmp_path / "texts" / name):
        assert [(p["code"], p["severity"]) for p in await found(path)] == [("orphan", "warning")]


async def test_one_name_in_two_folders_inside_one_another_is_pointed_out(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL)
    put(tmp_path / "old", tee=SMALL)
    [problem] = await found(tmp_path)
    assert (problem["file"], problem["line"], problem["column"]) == (f"{tmp_path}/old/tee.yaml", 1, 7)
    assert problem["message"] == f"`name: tea` already stands in {tmp_path}/tea.yaml"
    assert problem["severity"] == "warning"


async def test_an_error_in_a_translation_is_an_error(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL)
    put(tmp_path / "texts", **{"tea.de": "asks:\n  invited:\n    say: <hots> lädt ein.\n"})
    errors = [p for p in await found(tmp_path) if p["severity"] == "error"]
    assert {(p["file"], p["line"]) for p in errors} == {(f"{tmp_path}/texts/tea.de.yaml", 3)}


async def test_a_language_that_other_workflows_of_the_folder_speak_is_missed_once(tmp_path: Path) -> None:
    put(tmp_path, tea=SMALL, decision=DECISION)
    put(
        tmp_path / "texts",
        **{"decision.de": "title: E\n", "decision.pt_BR": "title: E\n", "coffee.fr": "title: C\n"},
    )
    found_here = await found(tmp_path)
    (missing,) = [p for p in found_here if p["file"] == f"{tmp_path}/tea.yaml"]
    assert (missing["line"], missing["code"], missing["severity"]) == (1, "untranslated", "warning")
    assert (
        missing["message"]
        == "nothing is said here in `de` and `pt-BR`, as other workflows of this folder are"
    )
    assert missing["hint"] == "add `texts/tea.de.yaml` and `texts/tea.pt-BR.yaml` when there is time"
    assert await found(tmp_path / "tea.yaml") == []


async def test_whether_a_workflow_is_in_use_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    asking = DECISION.replace(
        "when: answered yes to decide", "when: answered yes to decide\n        if: tea is in use"
    )
    put(tmp_path, decision=asking)
    assert [(p["code"], p["severity"]) for p in await found(tmp_path / "decision.yaml")] == [
        ("unknown-workflow", "warning")
    ]
    put(tmp_path, tea=SMALL)
    assert await found(tmp_path / "decision.yaml") == []
