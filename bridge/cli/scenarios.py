"""`hearth test`: a steward's own scenarios, played through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bridge.cli.check import is_fit, line_of
from bridge.cli.one_file import reason_of
from bridge.cli.speech import Halt, Status, say, warn
from bridge.rehearsal.playbill import Playbill
from bridge.scenarios.notation import Scenario, holds_scenarios, named_workflow, read_scenarios
from bridge.scenarios.play import Failure, play
from bridge.settings import shipped_workflows
from engine.core.definition import Definition
from engine.loading.folder import SUFFIXES
from engine.loading.load import examine_file, read_text
from engine.loading.problem import Problem

FOLDER = "tests"
"""Beside workflow files, the folder with their scenarios."""


class Result(msgspec.Struct, frozen=True):
    """What became of one scenario; ``expected`` and ``found`` are empty where all came true."""

    file: str
    line: int
    column: int
    scenario: str
    passed: bool
    expected: str = ""
    found: str = ""


def play_scenarios(paths: Sequence[Path], output: str) -> Status:
    """Play all scenarios that are meant; PROBLEMS if one does not go as it says."""
    if not paths:
        raise Halt("No file is named.", "For example: hearth test workflows/", Status.USAGE)
    files = list(dict.fromkeys(file for path in paths for file in scenario_files(path)))
    problems: list[Problem] = []
    results: list[Result] = []
    for file in files:
        found = _play_file(file)
        problems += (each for each in found if isinstance(each, Problem))
        results += (each for each in found if isinstance(each, Result))
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode([*problems, *results])).decode())
    else:
        _print(files, problems, results)
        say(_summary(problems, results))
    return Status.OK if is_fit(problems) and all(result.passed for result in results) else Status.PROBLEMS


def scenario_files(path: Path) -> list[Path]:
    """The scenario files meant by a path: itself, those of a folder, or those beside a workflow file."""
    try:
        return _scenario_files(path)
    except (OSError, ValueError) as error:  # a folder nobody may look into, a name that no file can have
        which = getattr(error, "filename", None) or path
        raise Halt(
            f"{which} cannot be read ({reason_of(error)}).", "Check the path and its permissions."
        ) from error


def _scenario_files(path: Path) -> list[Path]:
    folder = path if path.name == FOLDER else path / FOLDER
    if path.is_dir():
        files = (
            sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES) if folder.is_dir() else []
        )
        if not files:
            raise Halt(
                f"There are no scenarios in {folder}.",
                "They lie in a folder `tests` beside the workflow files.",
            )
        return files
    if not path.exists():
        if path.is_symlink():
            raise Halt(f"{path} is a link to a file that is not there.", "Mend the link.", Status.USAGE)
        raise Halt(f"There is no file {path}.", "Check the path.", Status.USAGE)
    text = read_text(path, str(path))
    if path.parent.name == FOLDER or not isinstance(text, str) or holds_scenarios(text):
        return [path]
    beside = path.parent / FOLDER / path.name
    if not beside.exists():
        raise Halt(f"There are no scenarios for {path}.", f"Write them in {beside}.", Status.USAGE)
    return [beside]


class Ready(msgspec.Struct, frozen=True):
    """A scenario file that can be played."""

    scenarios: tuple[Scenario, ...]
    definition: Definition
    folder: Path
    """Where its workflow lies, and the others that may be started."""


def read_file(file: Path) -> Ready | tuple[Problem, ...]:
    """Read a scenario file with the workflow it is about; all problems of either."""
    text = read_text(file, str(file))
    if not isinstance(text, str):
        return (text,)
    workflow = named_workflow(text, file)
    examined = examine_file(workflow)
    if examined.definition is None:
        return examined.problems
    read = read_scenarios(text, str(file), examined.definition)
    problems = tuple(each for each in read if isinstance(each, Problem))
    scenarios = tuple(each for each in read if isinstance(each, Scenario))
    return problems or Ready(scenarios, examined.definition, workflow.parent)


def _play_file(file: Path) -> list[Problem | Result]:
    ready = read_file(file)
    if not isinstance(ready, Ready):
        return list(ready)
    playbill = Playbill.around(ready.definition, ready.folder, shipped_workflows())
    found: list[Problem | Result] = []
    for scenario in ready.scenarios:
        failures = asyncio.run(play(scenario, ready.definition, playbill))
        found += _results(str(file), scenario, failures)
    return found


def _results(file: str, scenario: Scenario, failures: Sequence[Failure]) -> Iterable[Result]:
    if not failures:
        yield Result(file, scenario.place.line, scenario.place.column, scenario.name, True)
    for failure in failures:
        place = failure.place
        yield Result(file, place.line, place.column, scenario.name, False, failure.expected, failure.found)


def _print(files: Sequence[Path], problems: Sequence[Problem], results: Sequence[Result]) -> None:
    for problem in problems:
        warn(line_of(problem))
    for file in files:
        own = [result for result in results if result.file == str(file)]
        if own:
            say(str(file))
        for name, of_one in _by_scenario(own).items():
            passed = all(result.passed for result in of_one)
            say(f"  {'✓' if passed else '✗'} {name}")
            for result in (each for each in of_one if not each.passed):
                say(f"    line {result.line}: expected {result.expected}\n      {result.found}")


def _summary(problems: Sequence[Problem], results: Sequence[Result]) -> str:
    unplayed = len({problem.file for problem in problems if problem.severity == "error"})
    left = f"{unplayed} file{'' if unplayed == 1 else 's'} could not be played." if unplayed else ""
    played = len({(result.file, result.scenario) for result in results})
    if not played:
        return left or "No scenario was played."
    failed = len({(result.file, result.scenario) for result in results if not result.passed})
    how = f"{failed} not as they say" if failed else "all as they say"
    return " ".join(filter(None, (f"{played} scenario{'' if played == 1 else 's'}, {how}.", left)))


def _by_scenario(results: Iterable[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.scenario, []).append(result)
    return found
