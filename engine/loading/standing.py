"""Where a finding stands in the file: what steps were made into is spoken of as the steps that they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from engine.core.finding import Finding, Path
from engine.core.survey import conditions, sayings, tells_of
from engine.loading.compile import Compiled

_STATE = re.compile(r"(?:(?:the|this) )?(?:state )?`(?P<name>[a-z][a-z0-9_]*)`")
_ABOUT_STATES = re.compile(r"\b(?:states?|moves?|gather(?:ed|s)?|keeps)\b")


MADE = ("never-taken",)
"""What is found in ways between steps that come with them: passing over a step may be a way that is never taken."""


EVERYWHERE = ("never-holds", "always-holds", "nobody-yet")
"""What counts only if it is found wherever a thing of the file stands: of several ways to a step, one may make its
condition empty, or pass by the question whose answers say whom it is for."""


def for_authors(findings: Iterable[Finding], compiled: Compiled) -> list[Finding]:
    """The findings about what somebody wrote, as they know it; ways that come with steps by themselves are left out."""
    found = [each for each in findings if not compiled.steps or _is_written(each)]
    stand: dict[Path, set[Path]] = {}
    if compiled.steps:
        for path in _paths(compiled):
            stand.setdefault(standing(path, compiled.stands), set()).add(path)
    told = {(each.code, each.path) for each in found}
    return [
        in_file(each, compiled)
        for each in found
        if each.code not in EVERYWHERE
        or all(
            (each.code, path) in told for path in stand.get(standing(each.path, compiled.stands), {each.path})
        )
    ]


def _paths(compiled: Compiled) -> Iterator[Path]:
    """The paths of what can stand in several places of the definition."""
    definition = compiled.definition
    yield from (clause.path for clause in conditions(definition))
    yield from (saying.path for saying in sayings(definition))
    for state in definition.states.values():
        yield from ((*path, "to") for _, path in tells_of(state))


def _is_written(finding: Finding) -> bool:
    match finding.path:
        case ("states", _, "board", *_):
            return False  # boards come with steps
        case _:
            return finding.code not in MADE


def in_file(finding: Finding, compiled: Compiled) -> Finding:
    """A finding as its author knows the file: at its own place, and of steps where there are steps."""
    path = standing(finding.path, compiled.stands)
    rests_on = tuple(standing(each, compiled.stands) for each in finding.rests_on)
    if not compiled.steps:
        return replace(finding, path=path, rests_on=rests_on)
    rests_on = tuple(("steps",) if each == ("states",) else each for each in rests_on)
    # An author of steps never wrote a state or a move: a hint about those would lead nowhere.
    hint = "" if _ABOUT_STATES.search(finding.hint) else _of_steps(finding.hint, compiled)
    hint = _without_made(hint.replace("`to: ", "`ask: "), compiled)
    message = _of_steps(finding.message, compiled)
    word = compiled.meant.get(finding.word, finding.word)
    return replace(finding, path=path, rests_on=rests_on, message=message, hint=hint, word=word)


def standing(path: Path, stands: Mapping[Path, Path]) -> Path:
    """The path in the file of something in the definition."""
    for length in range(len(path), 0, -1):
        found = stands.get(path[:length])
        if found is not None:
            return (*found, *path[length:])
    return path


def _without_made(hint: str, compiled: Compiled) -> str:
    """A hint without the dates that steps bring with them: nobody wrote their names."""
    made = {path[1] for path, at in compiled.stands.items() if path[0] == "details" and at[0] == "steps"}
    for name in made:
        hint = (
            hint.replace(f", `{name}`", "")
            .replace(f"`{name}`, ", "")
            .replace(f"known here: `{name}`", "write it under `details:`")
        )
    return hint


def _of_steps(text: str, compiled: Compiled) -> str:
    def as_step(found: re.Match[str]) -> str:
        number = compiled.steps.get(found["name"])
        return found[0] if number is None else f"step {number}"

    for made in sorted(compiled.meant, key=len, reverse=True):
        text = text.replace(made, compiled.meant[made])
    return _STATE.sub(as_step, text)
