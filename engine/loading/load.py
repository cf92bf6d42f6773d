"""Loading one workflow file: its definition, and everything that is wrong with it, at once."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from engine.core.check import check
from engine.core.definition import Definition
from engine.core.finding import Finding, Path
from engine.loading.compile import Compiled, compile_tree
from engine.loading.folder import TEXTS
from engine.loading.pointing import point
from engine.loading.problem import Ledger, Place, Problem
from engine.loading.reader import path_at, places_of
from engine.loading.signs import PLAIN_TEXT, foreign
from engine.loading.standing import for_authors
from engine.loading.translations import MOST_LANGUAGES, SIDE_FILE, SideFile, translate
from engine.loading.tree import MOST_BYTES, read_tree

MOST_REMEMBERED = 64
"""Files whose examination is kept at hand; a large one takes some tenths of a second."""


class Examined(msgspec.Struct, frozen=True):
    """What a file turned out to be: a definition if nothing stands in its way, and all that was found.

    An error in a translation does not stand in the way: the definition is there, without that language.
    """

    definition: Definition | None
    problems: tuple[Problem, ...]
    places: dict[Path, Place] = {}
    lines: tuple[str, ...] = ()
    """The file's text, for pointing into it."""
    compiled: Compiled | None = None
    """What the file was made into, for speaking of it as its author knows it."""


def examine_text(text: str, name: str, sides: Iterable[SideFile] = ()) -> Examined:
    """Examine the text of a workflow file; ``name`` is how its problems call it.

    ``sides``: the files that say its sentences in other languages. One with an error is left out, and the file is
    said in its own language in its place.
    """
    ledger = Ledger(name)
    root = read_tree(text, ledger)
    if root is None:
        return Examined(None, ledger.problems())
    compiled = compile_tree(root, ledger)
    definition = compiled.definition
    places = places_of(root)
    unread = [path_at(place, places) for place in ledger.places()]
    findings = for_authors(check(definition), compiled)
    lines = tuple(text.split("\n"))
    besides = _note([f for f in findings if not f.rests_on], places, lines, ledger)
    broken = [path_at(place, places) for place in {*ledger.places(), *besides}]
    resting = [] if _is_all_unsure(unread, compiled) else [f for f in findings if f.rests_on]
    _note([f for f in resting if not _is_shadow(f, broken)], places, lines, ledger)
    problems = list(ledger.problems())
    if ledger.has_errors():
        return Examined(None, tuple(problems), places, lines, compiled)
    for side in sides:
        translated = translate(compiled, places, side)
        problems += translated.problems
        if not any(problem.severity == "error" for problem in translated.problems):
            spoken = {**definition.translations, side.language: translated.texts}
            definition = replace(definition, translations=spoken)
    return Examined(definition, tuple(problems), places, lines, compiled)


def _note(
    findings: Iterable[Finding], places: Mapping[Path, Place], lines: Sequence[str], ledger: Ledger
) -> set[Place]:
    """Note findings; one name that is unknown is noted once. Returns the other places where it stands."""
    known = ledger.places()
    unknown: dict[str, dict[Place, Finding]] = {}
    for finding in findings:
        place = point(finding.path, finding.word, lines, places)
        if known & {place, point(finding.path, "", lines, places)}:
            continue
        if finding.code.startswith("unknown-"):
            unknown.setdefault(finding.word, {}).setdefault(place, finding)
        else:
            ledger.note(place, finding.code, finding.message, finding.hint, finding.severity)
    for at in unknown.values():
        first, *others = sorted(at, key=lambda place: (place.line, place.column))
        finding = at[first]
        message = finding.message + _also(first, others)
        ledger.note(first, finding.code, message, finding.hint, finding.severity)
    return {place for at in unknown.values() for place in at}


def _also(first: Place, others: Iterable[Place]) -> str:
    """In which other lines the same name stands: one slip is one finding, however often it shows."""
    numbers = [str(line) for line in dict.fromkeys(place.line for place in others) if line != first.line]
    if not numbers:
        return ""
    listed = ", ".join(numbers[:-1]) + (" and " if len(numbers) > 1 else "") + numbers[-1]
    return f" (also in line{'' if len(numbers) == 1 else 's'} {listed})"


def _is_all_unsure(unread: Iterable[Path], compiled: Compiled) -> bool:
    """Whether something could not be read on which every way stands: a part, a detail, or a step."""
    sections = ("people", "details", *(("steps",) if compiled.steps else ()))
    return any(path[:1] == (section,) for path in unread for section in sections)


def _is_shadow(finding: Finding, broken: Iterable[Path]) -> bool:
    """Whether something that a finding rests on is itself broken."""
    return any(path[: len(base)] == base for path in broken for base in finding.rests_on)


def examine_file(path: pathlib.Path, name: str | None = None) -> Examined:
    """Examine a workflow file with its translations. One that cannot be read is a problem like any other."""
    name = name or str(path)
    text = read_text(path, name)
    if isinstance(text, Problem):
        return Examined(None, (text,))
    sides: list[SideFile] = []
    problems: list[Problem] = []
    found = _sides_of(path)
    for number, (language, side) in enumerate(found):
        side_name = str(pathlib.PurePath(name).parent / TEXTS / side.name)
        if number >= MOST_LANGUAGES:
            message = f"{len(found)} translations of `{path.name}`; the first {MOST_LANGUAGES} are read"
            problems.append(Problem(side_name, 1, 1, "too-many", "error", message, "keep fewer"))
            break
        said = read_text(side, side_name)
        if isinstance(said, Problem):
            problems.append(said)
        else:
            sides.append(SideFile(side_name, language, said))
    examined = _examined(text, name, tuple(sides))
    return replace(examined, problems=(*examined.problems, *problems))


@functools.lru_cache(maxsize=MOST_REMEMBERED)
def _examined(text: str, name: str, sides: tuple[SideFile, ...]) -> Examined:
    """As `examine_text`. A whole folder is looked at when one file of it has changed; the others are as they were."""
    return examine_text(text, name, sides)


def _sides_of(path: pathlib.Path) -> list[tuple[str, pathlib.Path]]:
    """The side files of a workflow file, each with its language."""
    try:
        files = sorted(each for each in (path.parent / TEXTS).iterdir() if each.is_file())
    except OSError:
        return []
    matched = [(found, each) for each in files if (found := SIDE_FILE.fullmatch(each.name)) is not None]
    sides = {m["language"].replace("_", "-"): each for m, each in matched if m["stem"] == path.stem}
    return list(sides.items())


def read_text(path: pathlib.Path, name: str) -> str | Problem:
    """The text of a file, as far as any is read."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        hint = "check the path and its permissions"
        return Problem(name, 1, 1, "unreadable", "error", f"cannot be read: {reason}", hint)
    what = foreign(raw)
    if what is not None:
        return Problem(name, 1, 1, "encoding", "error", what, PLAIN_TEXT)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(raw) > MOST_BYTES:
            # The limit may have cut a character in two; the file is refused anyway.
            return raw.decode("utf-8", "replace")
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        return Problem(name, line, column, "encoding", "error", "this is not UTF-8", PLAIN_TEXT)


def load_definition(source: pathlib.Path | str, name: str | None = None) -> Definition | tuple[Problem, ...]:
    """Load a definition from a path or from a file's text.

    Args:
        source: a path (``pathlib.Path``), or the text itself.
        name: how problems call the file; the path if not given.

    Returns:
        The definition; or all problems of the file, in its order, if any stands in its way.
    """
    if isinstance(source, pathlib.Path):
        source_name = name or str(source)
        examined = examine_file(source, source_name)
    else:
        examined = examine_text(source, name or "workflow.yaml")
    return examined.definition or examined.problems
