"""`hearth check`: everything that is wrong with workflow files, one line each."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from bridge.cli.one_file import reason_of
from bridge.cli.speech import Halt, Status, say, warn
from bridge.scenarios.notation import holds_scenarios
from engine.core.definition import Definition
from engine.core.survey import workflows_looked_at
from engine.loading.catalogue import Catalogue, place_in
from engine.loading.folder import SUFFIXES, TEXTS
from engine.loading.folder import workflow_files as files_in
from engine.loading.load import examine_file, read_text
from engine.loading.problem import Problem
from engine.loading.together import examine_together
from engine.loading.translations import SIDE_FILE

LEFT_OUT = (TEXTS, "tests")
"""Folders whose files are no workflows: translations belong to theirs, scenarios are for `hearth test`."""
MOST_FOLDERS = 500


def problems_in(path: Path) -> tuple[Problem, ...]:
    """All problems of a workflow file, or of all the files of a folder and of how they go together."""
    try:
        if path.is_dir() and path.name == TEXTS:
            return tuple(problem for file in files_in(path) for problem in _problems_of_translation(file))
        if path.is_dir():
            closed: list[OSError] = []
            folders = list(_folders(path, closed.append))
            found = [problem for folder in folders for problem in _problems_of_folder(folder)]
            found += [_unreadable(Path(error.filename or path), error) for error in closed]
            found += _twice_in(path)
            return tuple(found) if workflow_files(path) or found else (_empty(path),)
        if not path.exists():
            return (_missing(path),)
        return _problems_of_file(path)
    except (OSError, ValueError) as error:  # a name that no file can have, a folder nobody may look into
        return (_unreadable(path, error),)


def _unreadable(path: Path, error: OSError | ValueError) -> Problem:
    hint = "check the path and its permissions"
    return _odd(path, "unreadable", f"cannot be read: {reason_of(error)}", hint)


def _missing(path: Path) -> Problem:
    if path.is_symlink():
        return _odd(path, "missing", "a link to a file that is not there", "mend the link, or remove it")
    return _odd(path, "missing", "no such file or folder", "check the path")


def _empty(path: Path) -> Problem:
    return _odd(path, "empty", "no workflow file in this folder", "workflow files end in .yaml")


def _odd(path: Path, code: str, message: str, hint: str) -> Problem:
    return Problem(str(path), 1, 1, code, "error", message, hint)


def _problems_of_folder(folder: Path) -> tuple[Problem, ...]:
    files = files_in(folder)
    links = [_missing(each) for each in sorted(folder.iterdir()) if _leads_nowhere(each)]
    if not files:
        return tuple(links)
    names = {file.stem for file in files}
    texts = folder / TEXTS
    lost = [each for each in (files_in(texts) if texts.is_dir() else ()) if _workflow_of(each) not in names]
    unsaid = _unsaid_in(files, files_in(texts) if texts.is_dir() else ())
    return (*Catalogue(folder).load(), *(_orphan(each) for each in lost), *unsaid, *links)


def _unsaid_in(workflows: Iterable[Path], translations: Iterable[Path]) -> Iterator[Problem]:
    """A language in which a folder's other workflows are said is expected of each of them."""
    found = [SIDE_FILE.fullmatch(each.name) for each in translations]
    said = {(each["stem"], each["language"].replace("_", "-")) for each in found if each is not None}
    languages = {language for stem, language in said if stem in {file.stem for file in workflows}}
    for file in workflows:
        missing = sorted(each for each in languages if (file.stem, each) not in said)
        if missing:
            wanted = [f"`{TEXTS}/{file.stem}.{language}{file.suffix}`" for language in missing]
            listed = " and ".join(f"`{each}`" for each in missing)
            message = f"nothing is said here in {listed}, as other workflows of this folder are"
            hint = f"add {' and '.join(wanted)} when there is time"
            yield Problem(str(file), 1, 1, "untranslated", "warning", message, hint)


def _leads_nowhere(path: Path) -> bool:
    """Whether this is the link of a workflow file that is not there; what editors leave in passing is none."""
    return (
        path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_symlink() and not path.exists()
    )


def _twice_in(path: Path) -> Iterator[Problem]:
    """What folders inside one another both hold; within one folder the catalogue says so."""
    seen: dict[tuple[str, str], Path] = {}
    for file in workflow_files(path):
        examined = examine_file(file)
        definition = examined.definition
        if definition is None:
            continue
        for key, word in (("name", definition.name), ("begins with", definition.begins_with)):
            first = seen.setdefault((key, word), file)
            if first.parent != file.parent:
                place = place_in(examined, key)
                message = f"`{key}: {word}` already stands in {first}"
                hint = "choose another, or keep one of them; a bot that had both would know only one"
                yield Problem(str(file), place.line, place.column, "twice", "warning", message, hint)
                break


def _workflow_of(translation: Path) -> str:
    """The name of the workflow file that a translation belongs to; empty if its own name does not say."""
    matched = SIDE_FILE.fullmatch(translation.name)
    return matched["stem"] if matched else ""


def _orphan(path: Path) -> Problem:
    name = _workflow_of(path)
    found = (
        f"there is no workflow file `{name}`" if name else "this file's name does not say what it translates"
    )
    helps = "name it like the workflow file, and the language: `invitation.de.yaml`"
    return Problem(str(path), 1, 1, "orphan", "warning", found, helps)


def _problems_of_file(path: Path) -> tuple[Problem, ...]:
    if path.parent.name == TEXTS and path.suffix in SUFFIXES:
        return _problems_of_translation(path)
    text = read_text(path, str(path))
    if isinstance(text, str) and holds_scenarios(text):
        return _problems_of_scenarios(path)
    examined = examine_file(path)
    beside: tuple[Problem, ...] = ()
    if examined.definition is not None and _speaks_of_others(examined.definition):
        others = {str(other): examine_file(other) for other in files_in(path.parent) if other != path}
        beside = examine_together({**others, str(path): examined})[str(path)]
    return (*examined.problems, *beside)


def _speaks_of_others(definition: Definition) -> bool:
    return bool(workflows_looked_at(definition)) or any(s.starts for s in definition.states.values())


def _problems_of_translation(path: Path) -> tuple[Problem, ...]:
    """A translation is read beside its workflow; only what is wrong with itself is said."""
    name = _workflow_of(path)
    workflows = [path.parent.parent / f"{name}{suffix}" for suffix in SUFFIXES]
    workflow = next((each for each in workflows if name and each.exists()), None)
    if workflow is None:
        return (_orphan(path),)
    return tuple(problem for problem in examine_file(workflow).problems if Path(problem.file) == path)


def _problems_of_scenarios(path: Path) -> tuple[Problem, ...]:
    from bridge.cli.scenarios import Ready, read_file  # noqa: PLC0415 - the whole engine in memory, rarely needed

    read = read_file(path)
    return () if isinstance(read, Ready) else read


def _passed_by(_error: OSError) -> None:
    """What cannot be looked into holds no file that could be counted."""


def _folders(path: Path, closed: Callable[[OSError], None] = _passed_by) -> Iterator[Path]:
    """A folder and those inside it, without translations, scenarios and what is hidden.

    ``closed`` hears of those that cannot be looked into.
    """
    if path.name in LEFT_OUT:
        return
    for count, (folder, inside, _) in enumerate(os.walk(path, onerror=closed)):
        if count >= MOST_FOLDERS:
            return
        inside[:] = sorted(name for name in inside if name not in LEFT_OUT and not name.startswith("."))
        yield Path(folder)


def workflow_files(path: Path) -> list[Path]:
    """The workflow files meant by a path; none where nothing can be read."""
    try:
        if not path.is_dir():
            return [path] if path.exists() else []
        folders = [path] if path.name == TEXTS else _folders(path)
        return [file for folder in folders for file in files_in(folder)]
    except (OSError, ValueError):
        return []


def is_fit(problems: Iterable[Problem]) -> bool:
    """Whether files with these problems may be in service: warnings do not stand in the way."""
    return not any(problem.severity == "error" for problem in problems)


def check(paths: Sequence[Path], output: str) -> Status:
    """Print all problems; PROBLEMS if there is any, be it only a warning."""
    if not paths:
        raise Halt("No file is named.", "For example: hearth check workflows/", Status.USAGE)
    problems = in_order(problem for path in paths for problem in problems_in(path))
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(problems)).decode())
    else:
        for problem in problems:
            warn(line_of(problem))
        say(_summary(paths, problems))
    return Status.PROBLEMS if problems else Status.OK


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, file by file and line by line."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column, p.code)))


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
