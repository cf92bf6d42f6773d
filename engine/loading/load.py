"""Loading one workflow file: its definition, and everything that is wrong with it, at once."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping

import msgspec

from engine.core.check import check
from engine.core.definition import Definition
from engine.core.finding import Finding, Path
from engine.loading.compile import compile_tree
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.reader import path_at, place_of, places_of
from engine.loading.tree import MOST_BYTES, read_tree


class Examined(msgspec.Struct, frozen=True):
    """What a file turned out to be: a definition if nothing stands in its way, and all that was found."""

    definition: Definition | None
    problems: tuple[Problem, ...]
    places: dict[Path, Place] = {}


def examine_text(text: str, name: str) -> Examined:
    """Examine the text of a workflow file; ``name`` is how its problems call it."""
    ledger = Ledger(name)
    root = read_tree(text, ledger)
    if root is None:
        return Examined(None, ledger.problems())
    definition = compile_tree(root, ledger)
    places = places_of(root)
    findings = check(definition)
    _note([f for f in findings if not f.rests_on], places, ledger)
    broken = [path_at(place, places) for place in ledger.places()]
    _note([f for f in findings if f.rests_on and not _is_shadow(f, broken)], places, ledger)
    fit = not ledger.has_errors()
    return Examined(definition if fit else None, ledger.problems(), places)


def _note(findings: Iterable[Finding], places: Mapping[Path, Place], ledger: Ledger) -> None:
    known = ledger.places()
    for finding in findings:
        place = place_of(finding.path, places)
        if place not in known:
            ledger.note(place, finding.code, finding.message, finding.hint, finding.severity)


def _is_shadow(finding: Finding, broken: Iterable[Path]) -> bool:
    """Whether something that a finding rests on is itself broken."""
    return any(path[: len(base)] == base for path in broken for base in finding.rests_on)


def examine_file(path: pathlib.Path, name: str | None = None) -> Examined:
    """Examine a workflow file. A file that cannot be read is a problem like any other."""
    name = name or str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "check the path and its permissions"
        return Examined(
            None, (Problem(name, 1, 1, "unreadable", "error", f"cannot be read: {reason}", hint),)
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(raw) > MOST_BYTES:
            text = raw.decode(
                "utf-8", "replace"
            )  # the limit may have cut a character in two; it is refused anyway
        else:
            line = raw[: error.start].count(b"\n") + 1
            problem = Problem(
                name, line, 1, "encoding", "error", "this is not UTF-8", "save the file as UTF-8 text"
            )
            return Examined(None, (problem,))
    return examine_text(text, name)


def load_definition(source: pathlib.Path | str, name: str | None = None) -> Definition | tuple[Problem, ...]:
    """Load a definition from a path or from a file's text.

    Args:
        source: a path (``pathlib.Path``), or the text itself.
        name: how problems call the file; the path if not given.

    Returns:
        The definition; or all problems of the file, in its order, if any is an error.
    """
    if isinstance(source, pathlib.Path):
        source_name = name or str(source)
        examined = examine_file(source, source_name)
    else:
        examined = examine_text(source, name or "workflow.yaml")
    return examined.definition or examined.problems
