"""In use: what a circle agrees to have, or to leave off, and where that can be asked for."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_known import Known
from engine.core.definition import Definition, InUse
from engine.core.finding import Finding, Path
from engine.core.survey import claims, conditions

UNSEEN = ("public", "carried")
"""Conditions that are looked at whenever somebody reads, where nothing but the instance itself is known."""


def check_in_use(definition: Definition) -> Iterator[Finding]:
    """Find workflows that nobody could agree to, and questions that could not be answered."""
    found = _InUse(definition)
    yield from found.states()
    yield from found.details()
    yield from found.conditions()


class _InUse(Known):
    """What one definition says of workflows that are in use."""

    def states(self) -> Iterator[Finding]:
        """Only a workflow is brought in or taken out."""
        for name, state in self._states.items():
            for key, detail in (("brings in", state.brings_in), ("takes out", state.takes_out)):
                if detail is None:
                    continue
                path: Path = ("states", name, key)
                yield from self._detail(path, detail)
                known = self._details.get(detail)
                if known is not None and known.kind != "workflow":
                    yield Finding(
                        path,
                        "not-a-workflow",
                        f"`{detail}` is no workflow",
                        "give it `type: workflow`",
                        word=detail,
                    )

    def details(self) -> Iterator[Finding]:
        """A workflow comes with the beginning, and nobody is asked for it."""
        hint = "leave it out here: `try` and `leave off` begin it with a workflow"
        for name, state in self._states.items():
            for index, detail in enumerate(state.gather):
                known = self._details.get(detail)
                if known is not None and known.kind == "workflow":
                    path: Path = ("states", name, "gather", str(index))
                    yield Finding(path, "never-asked", f"nobody is asked for `{detail}`", hint, word=detail)

    def conditions(self) -> Iterator[Finding]:
        """Whether a workflow is in use is looked at while something happens."""
        for clause in conditions(self._definition):
            if clause.kind not in UNSEEN:
                continue
            for claim in claims(clause.condition):
                if isinstance(claim, InUse):
                    yield Finding(
                        clause.path,
                        "not-looked-up",
                        f"whether `{claim.workflow}` is in use is not looked up for a line that is only read",
                        "let a move or an ask depend on it",
                        word=claim.workflow,
                    )
