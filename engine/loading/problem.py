"""What is wrong in a workflow file: where, what was found, and what helps."""

from __future__ import annotations

from typing import Literal

import msgspec

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

    def note(
        self, place: Place, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> None:
        """Add a problem."""
        problem = Problem(self.file, place.line, place.column, code, severity, message, hint)
        if problem not in self._problems:
            self._problems.append(problem)

    def places(self) -> frozenset[Place]:
        """Where something is already known to be wrong."""
        return frozenset(Place(p.line, p.column) for p in self._problems if p.severity == "error")

    def has_errors(self) -> bool:
        """Whether anything stands in the way of the file."""
        return any(problem.severity == "error" for problem in self._problems)

    def problems(self) -> tuple[Problem, ...]:
        """Everything found, in the order of the file."""
        return tuple(sorted(self._problems, key=lambda p: (p.line, p.column, p.code)))
