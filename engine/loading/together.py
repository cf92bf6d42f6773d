"""Files together: what the workflows of one folder need of each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from engine.core.check_together import check_together
from engine.core.finding import Finding
from engine.loading.load import Examined
from engine.loading.pointing import point
from engine.loading.problem import Problem
from engine.loading.standing import in_file


def examine_together(files: Mapping[str, Examined]) -> dict[str, tuple[Problem, ...]]:
    """For each file (by the name its problems call it) what it needs of the others and does not find.

    A file that is broken itself is taken to hold the workflow that its name says, so that mending it comes first.
    """
    fit = {file: each.definition for file, each in files.items() if each.definition is not None}
    others = {definition.name: definition for definition in fit.values()}
    broken = {PurePath(file).stem for file in files if file not in fit}
    found: dict[str, tuple[Problem, ...]] = {}
    for file, definition in fit.items():
        findings = [
            finding
            for finding in check_together(definition, others)
            if finding.code != "unknown-workflow" or finding.word not in broken
        ]
        found[file] = tuple(_problem(file, finding, files[file]) for finding in findings)
    return found


def _problem(file: str, finding: Finding, examined: Examined) -> Problem:
    if examined.compiled is not None:
        finding = in_file(finding, examined.compiled)
    at = point(finding.path, finding.word, examined.lines, examined.places)
    return Problem(file, at.line, at.column, finding.code, finding.severity, finding.message, finding.hint)
