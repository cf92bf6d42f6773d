"""Checking: everything about a definition that should not be so, found before anything runs, all at once."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.check_care import check_care
from engine.core.check_flow import check_flow
from engine.core.check_names import check_names
from engine.core.definition import Definition
from engine.core.finding import Finding, Path

__all__ = ["Finding", "check"]


def check(definition: Definition) -> tuple[Finding, ...]:
    """All findings about a definition; none means that it may be put into service.

    Names are looked at first, then the ways through the states, then the care rules; the latter two
    say what each of their findings rests on.
    """
    found = list(check_names(definition))
    found += (_resting_on(finding, ("states",)) for finding in check_flow(definition))
    found += (_resting_on(finding, finding.path[:2]) for finding in check_care(definition))
    return tuple(dict.fromkeys(found))


def _resting_on(finding: Finding, path: Path) -> Finding:
    return replace(finding, rests_on=(path, *finding.rests_on))
