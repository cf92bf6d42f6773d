"""What is wrong in a workflow file: where, what was found, and what helps."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_SPOKEN_OF = re.compile(r"`([^`]*)`")

Severity = Literal["error", "warning"]
"""An ``error`` keeps a file out of service; a ``warning`` asks a steward to look."""


class Place(msgspec.Struct, frozen=True):
    """A place in a file; both count from 1."""

    line: int = 1
    column: int = 1


class Problem(msgspec.Struct, frozen=True):
    """One problem of one file; written as ``file:line:column message; hint``."""

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where} {self.message}; {self.hint}" if self.hint else f"{where} {self.message}"


class Ledger:
    """Collects the problems of one file, so that all of them are reported at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._problems: list[Problem] = []
        self._misnamed: set[str] = set()

    def note(
        self, place: Place, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> None:
        """Add a problem; one that speaks of a name which is known to be wrong only follows from that."""
        if self._follows(message):
            return
        problem = Problem(self.file, place.line, place.column, code, severity, message, hint)
        if problem not in self._problems:
            self._problems.append(problem)

    def misname(self, *names: str) -> None:
        """Remember names that have been found to be wrong: whatever speaks of them is silent until they are mended."""
        self._misnamed.update(names)

    def _follows(self, message: str) -> bool:
        spoken_of = _SPOKEN_OF.findall(message) if self._misnamed else ()
        return any(
            re.search(rf"(?<!\w){re.escape(name)}(?!\w)", each)
            for each in spoken_of
            for name in self._misnamed
        )

    def places(self) -> frozenset[Place]:
        """Where something is already known to be wrong."""
        return frozenset(Place(p.line, p.column) for p in self._problems if p.severity == "error")

    def has_errors(self) -> bool:
        """Whether anything stands in the way of the file."""
        return any(problem.severity == "error" for problem in self._problems)

    def problems(self) -> tuple[Problem, ...]:
        """Everything found, in the order of the file."""
        return tuple(sorted(self._problems, key=lambda p: (p.line, p.column, p.code)))
