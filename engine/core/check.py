"""Checking: everything about a definition that should not be so, found before anything runs, all at once."""

from __future__ import annotations

from engine.core.check_care import check_care
from engine.core.check_flow import check_flow
from engine.core.check_names import check_names
from engine.core.definition import Definition
from engine.core.finding import Finding

__all__ = ["Finding", "check"]


def check(definition: Definition) -> tuple[Finding, ...]:
    """All findings about a definition; none means that it may be put into service.

    Names are looked at first, then the ways through the states, then the care rules. Each of the
    three passes over what the one before has already found to be missing.
    """
    found = (*check_names(definition), *check_flow(definition), *check_care(definition))
    return tuple(dict.fromkeys(found))
