"""`hearth check`: everything that is wrong with workflow files, one line each."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bridge.cli.speech import Halt, Status, say, warn
from engine.core.definition import Definition
from engine.loading.catalogue import Catalogue
from engine.loading.load import examine_file
from engine.loading.problem import Problem

SUFFIXES = (".yaml", ".yml")


async def _nothing_stored(_digest: str) -> Definition | None:
    return None


def problems_in(path: Path) -> tuple[Problem, ...]:
    """All problems of a workflow file, or of all the files of a folder and of how they go together."""
    if path.is_dir():
        if not workflow_files(path):
            hint = "workflow files end in .yaml"
            return (Problem(str(path), 1, 1, "empty", "error", "no workflow file in this folder", hint),)
        return Catalogue(path, _nothing_stored).load()
    if not path.exists():
        return (Problem(str(path), 1, 1, "missing", "error", "no such file or folder", "check the path"),)
    return examine_file(path).problems


def workflow_files(path: Path) -> list[Path]:
    """The workflow files meant by a path."""
    if not path.is_dir():
        return [path] if path.exists() else []
    return sorted(each for each in path.iterdir() if each.suffix in SUFFIXES and each.is_file())


def is_fit(problems: Iterable[Problem]) -> bool:
    """Whether files with these problems may be in service: warnings do not stand in the way."""
    return not any(problem.severity == "error" for problem in problems)


def check(paths: Sequence[Path], output: str) -> Status:
    """Print all problems; PROBLEMS if one of them keeps a file out of service."""
    if not paths:
        raise Halt("No file is named.", "For example: hearth check workflows/", Status.USAGE)
    problems = tuple(problem for path in paths for problem in problems_in(path))
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(problems)).decode())
    else:
        for problem in problems:
            warn(line_of(problem))
        say(_summary(paths, problems))
    return Status.OK if is_fit(problems) else Status.PROBLEMS


def line_of(problem: Problem) -> str:
    """`file:line:column message; hint`, with a word in front of what is only a warning."""
    if problem.severity == "error":
        return str(problem)
    return str(msgspec.structs.replace(problem, message=f"warning: {problem.message}"))


def _summary(paths: Iterable[Path], problems: Sequence[Problem]) -> str:
    files = len({file for path in paths for file in workflow_files(path)})
    errors = sum(problem.severity == "error" for problem in problems)
    looked = f"{files} file{'' if files == 1 else 's'}"
    if not problems:
        return f"{looked}, no problem found."
    warnings = len(problems) - errors
    counts = [
        f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "problem"), (warnings, "warning")) if n
    ]
    return f"{looked}, {' and '.join(counts)}."
