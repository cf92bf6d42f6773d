"""Together: what a workflow needs of the other workflows beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.core.definition import Definition, DetailDef, InUse, OnEnded, StartDef, StateDef
from engine.core.finding import Finding, Path, did_you_mean
from engine.core.survey import claims, conditions

NOT_STARTED = "not_started"
"""The state in which a workflow counts as ended that could not be started."""


def check_together(definition: Definition, others: Mapping[str, Definition]) -> tuple[Finding, ...]:
    """Findings about what is started and handed over; ``others`` are the workflows there are, by name."""
    return tuple(dict.fromkeys(_findings(definition, others)))


def _findings(definition: Definition, others: Mapping[str, Definition]) -> Iterator[Finding]:
    for state in definition.states.values():
        for index, start in enumerate(state.starts):
            path: Path = ("states", state.name, "starts", str(index))
            other = others.get(start.workflow)
            if other is None:
                if not _is_ready(definition, start.workflow):
                    yield _missing(path, start.workflow, others)
            else:
                yield from _handed(definition, other, start, path)
        yield from _ended(state, others)
    yield from _in_use(definition, others)


def _in_use(definition: Definition, others: Mapping[str, Definition]) -> Iterator[Finding]:
    """Whether a workflow is in use can only be so of one that there is."""
    known = (*others, definition.name)
    for clause in conditions(definition):
        for claim in claims(clause.condition):
            if isinstance(claim, InUse) and claim.workflow not in known:
                yield Finding(
                    clause.path,
                    "unknown-workflow",
                    f"there is no workflow `{claim.workflow}` beside this file, so it is never in use",
                    _meant(claim.workflow, others)
                    or did_you_mean(claim.workflow, known, "add it, or leave the condition out"),
                    "warning",
                    word=claim.workflow,
                )


def _meant(written: str, others: Mapping[str, Definition]) -> str | None:
    """The workflow whose title somebody wrote, where its name is another one."""
    for other in others.values():
        if re.sub(r"[^a-z0-9]+", "_", other.title.lower()).strip("_") == written:
            return f"did you mean `{other.name}`?"
    return None


def _is_ready(definition: Definition, workflow: str) -> bool:
    """Whether a file says what happens if a workflow cannot be started."""
    moves = [move for state in definition.states.values() for move in state.moves]
    return any(move.on in (OnEnded(workflow), OnEnded(workflow, NOT_STARTED)) for move in moves)


def _missing(path: Path, workflow: str, others: Mapping[str, Definition]) -> Finding:
    return Finding(
        (*path, "workflow"),
        "unknown-workflow",
        f"there is no workflow `{workflow}` beside this file",
        _meant(workflow, others)
        or did_you_mean(
            workflow,
            others,
            f"add it, or say what happens without it: `when: {workflow} ends as {NOT_STARTED}`",
        ),
        "warning",
        word=workflow,
    )


def _handed(definition: Definition, other: Definition, start: StartDef, path: Path) -> Iterator[Finding]:
    for here, there in start.hands:
        target = other.details.get(there)
        if target is None:
            yield Finding(
                (*path, "hand over"),
                "unknown-detail",
                f"`{other.name}` has no detail `{there}`",
                did_you_mean(there, other.details, _list_of(other)),
                word=there,
            )
        elif not _fits(definition, here, target):
            yield Finding(
                (*path, "hand over"),
                "another-type",
                f"`{here}` is of another type than `{there}` in `{other.name}`",
                "give both the same `type`",
                word=here,
            )


def _list_of(other: Definition) -> str:
    names = ", ".join(f"`{name}`" for name in other.details)
    return f"it has {names}" if names else "it has none; leave `hand over` out"


def _fits(definition: Definition, here: str, target: DetailDef) -> bool:
    people = ("person", "people")
    detail = definition.details.get(here)
    if detail is None:
        return target.kind in people  # a part: its people are handed over
    if detail.kind == "choice":
        return target.kind == "choice" and {c.id for c in detail.choices} <= {c.id for c in target.choices}
    return detail.kind == target.kind or (detail.kind in people and target.kind in people)


def _ended(state: StateDef, others: Mapping[str, Definition]) -> Iterator[Finding]:
    for index, move in enumerate(state.moves):
        if not isinstance(move.on, OnEnded) or move.on.state in (None, NOT_STARTED):
            continue
        other = others.get(move.on.workflow)
        ends = [s.name for s in other.states.values() if s.final] if other is not None else []
        if other is not None and move.on.state not in ends:
            listed = ", ".join(f"`{each}`" for each in (*ends, NOT_STARTED))
            yield Finding(
                ("states", state.name, "moves", str(index), "when"),
                "unknown-state",
                f"`{other.name}` has no end called `{move.on.state}`",
                did_you_mean(move.on.state or "", [*ends, NOT_STARTED], f"its ends are {listed}"),
                word=move.on.state or "",
            )
