"""Checking: everything about a definition that should not be so, found before anything runs, all at once."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from engine.core.check_burden import check_burden
from engine.core.check_care import check_no, check_words_taken
from engine.core.check_carried import check_carried
from engine.core.check_chart import Chart
from engine.core.check_flow import check_flow
from engine.core.check_in_use import check_in_use
from engine.core.check_lately import check_lately
from engine.core.check_logic import check_logic
from engine.core.check_names import check_names
from engine.core.check_parts import check_parts
from engine.core.check_polls import check_polls
from engine.core.check_promise import check_promise
from engine.core.check_sight import check_sight
from engine.core.check_together import check_together
from engine.core.check_unsigned import check_unsigned
from engine.core.definition import Definition
from engine.core.finding import Finding, Path

__all__ = ["Finding", "check", "check_together"]


def check(definition: Definition) -> tuple[Finding, ...]:
    """All findings about a definition by itself; none means that it may be put into service.

    Names are looked at first, then the ways through the states, then the care rules; the latter two
    say what each of their findings rests on. What a definition needs of other files is for
    ``check_together``.
    """
    found = [*check_parts(definition), *check_names(definition)]
    found += [*check_carried(definition), *check_in_use(definition)]
    found += check_words_taken(definition)
    found += check_lately(definition)
    if definition.start in definition.states:
        chart = Chart(definition)
        found += (_resting_on(finding, ("states",)) for finding in _of_states(chart))
        found += (_resting_on(finding, finding.path[:2]) for finding in _of_care(chart))
    return tuple(dict.fromkeys(found))


def _of_states(chart: Chart) -> Iterator[Finding]:
    yield from check_flow(chart)
    yield from check_logic(chart)


def _of_care(chart: Chart) -> Iterator[Finding]:
    yield from check_no(chart)
    yield from check_sight(chart)
    yield from check_burden(chart)
    yield from check_unsigned(chart.definition)
    yield from check_polls(chart.definition)
    yield from check_promise(chart)


def _resting_on(finding: Finding, path: Path) -> Finding:
    return replace(finding, rests_on=(path, *finding.rests_on))
