"""What is possible: whether several conditions can hold together, found by trying all that matters.

A condition looks at few things: what a choice detail holds, whether a detail is given, how many said
something, how often a state has been entered. Each becomes a variable with the few values between which
the condition's truth can change; all combinations are tried. Where they are too many, nothing is claimed.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import assert_never

from engine.core.check_chart import Chart
from engine.core.check_people import most_answers, most_people
from engine.core.definition import (
    NO,
    AllOf,
    AnyOf,
    AskedLately,
    BeenIn,
    Condition,
    CountOf,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    InUse,
    NotThat,
    Op,
    ShareSaid,
)
from engine.core.survey import claims

MOST_COMBINATIONS = 5_000
MANY = 1_000_000
"""More people, and more times, than anything here counts."""

COMPARES: dict[Op, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}

Variable = tuple[str, ...]
World = Mapping[Variable, object]


class Possible:
    """What can hold in a workflow."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._definition = chart.definition

    def together(self, those: Iterable[Condition], state: str) -> bool | None:
        """Whether all of these can hold at once in a state; None if that cannot be told."""
        wanted = tuple(those)
        values = self._values(wanted, state)
        if values is None:
            return None
        size = 1
        for each in values.values():
            size *= len(each)
        if size > MOST_COMBINATIONS:
            return None
        names = list(values)
        worlds = (dict(zip(names, each, strict=True)) for each in itertools.product(*values.values()))
        return any(
            self._is_consistent(world) and all(_holds(each, world) for each in wanted) for world in worlds
        )

    # ── variables and their values ───────────────────────────────────────────

    def _values(self, those: tuple[Condition, ...], state: str) -> dict[Variable, list[object]] | None:
        found: dict[Variable, set[object]] = {}
        numbers = {0, 1, *self._numbers(those)}
        marks = sorted({n + step for n in numbers for step in (-1, 0, 1) if n + step >= 0})
        for claim in (claim for each in those for claim in claims(each)):
            match claim:
                case DetailIs(detail=name) | DetailGiven(detail=name):
                    if name not in self._definition.details or not self._can_be(claim):
                        return None
                    found[("detail", name)] = self._held(name, state)
                case CountOf(terms=terms, bound=bound):
                    most = self._most(terms, state)
                    if most is None:
                        return None
                    found[_count(terms)] = {n for n in marks if n <= most} | (
                        {most} if most < MANY else set()
                    )
                    if isinstance(bound, str):
                        if bound not in self._definition.details:
                            return None
                        found[("number", bound)] = self._bounds(bound, marks)
                case EveryoneSaid(ask=ask, choice=choice) | ShareSaid(ask=ask, choice=choice):
                    if not self._is_offered(ask, choice):
                        return None
                    found[("share", ask, choice)] = {n for n in marks if n < 100} | {100}
                case BeenIn(state=name):
                    if name not in self._chart.states:
                        return None
                    least, most = self._visits(name, state)
                    found[("visits", name)] = {n for n in {*marks, least, most} if least <= n <= most}
                case InUse(workflow=workflow):
                    found[("in use", workflow)] = {True, False}
                case AskedLately(part=part, within_ms=within_ms):
                    found[("lately", part, str(within_ms))] = {True, False}
                case _:
                    assert_never(claim)
        return {name: sorted(values, key=repr) for name, values in found.items()}

    def _numbers(self, those: tuple[Condition, ...]) -> Iterator[int]:
        for claim in (claim for each in those for claim in claims(each)):
            match claim:
                case CountOf(bound=int(bound)):
                    yield bound
                case CountOf(bound=str(name)) if name in self._definition.details:
                    detail = self._definition.details[name]
                    yield from (n for n in (detail.least, detail.most) if n is not None)
                case ShareSaid(percent=percent):
                    yield percent
                case BeenIn(times=times):
                    yield times
                case _:
                    pass

    def _held(self, name: str, state: str) -> set[object]:
        """What a detail can hold: its choices, ``True`` for anything else, None for nothing."""
        detail = self._definition.details[name]
        held: set[object] = {c.id for c in detail.choices} or {True}
        known = self._chart.known.get(state, frozenset())
        # Of people, ``everyone`` may have been said, which names none of them.
        surely = name in known and not detail.optional and not detail.given and detail.kind != "people"
        return held if surely else {*held, None}

    def _can_be(self, claim: DetailIs | DetailGiven) -> bool:
        if isinstance(claim, DetailGiven):
            return True
        return claim.choice in [choice.id for choice in self._definition.details[claim.detail].choices]

    def _bounds(self, name: str, marks: list[int]) -> set[object]:
        detail = self._definition.details[name]
        least = detail.least or 0
        most = MANY if detail.most is None else detail.most
        return {n for n in (*marks, least, most) if least <= n <= most} or {least}

    def _is_offered(self, ask: str, choice: str) -> bool:
        known = self._definition.asks.get(ask)
        return known is not None and choice in (NO, *(c.id for c in known.choices))

    def _most(self, terms: tuple[tuple[str, str], ...], state: str) -> int | None:
        """How many people these answers can come from; None if one of them does not exist."""
        total = 0
        for name in dict.fromkeys(ask for ask, _ in terms):
            choices = tuple(choice for ask, choice in terms if ask == name)
            if not all(self._is_offered(name, choice) for choice in choices):
                return None
            if name not in self._chart.may_be_put(state):
                continue  # nobody has been asked by then
            most = most_answers(self._definition, self._definition.asks[name], choices)
            total += MANY if most is None else most
        return min(total, MANY)

    def _visits(self, name: str, state: str) -> tuple[int, int]:
        """How often a state can have been entered, at least and at most, while another one lasts."""
        most = MANY if name in self._chart.after(name) else 1
        if name == state:
            return 1, most
        if state not in self._chart.after(name):
            return 0, 0
        return int(self._chart.always_passes(name, state)), most

    # ── which worlds there are ───────────────────────────────────────────────

    def _is_consistent(self, world: World) -> bool:
        return self._shares_fit(world) and self._counts_fit(world)

    def _shares_fit(self, world: World) -> bool:
        shares: dict[str, int] = {}
        for variable, value in world.items():
            if variable[0] == "share":
                shares[variable[1]] = shares.get(variable[1], 0) + int(str(value))
                count = world.get(_count(((variable[1], variable[2]),)))
                if count is not None and (count == 0) != (value == 0):
                    return False
        return all(total <= 100 for total in shares.values())

    def _counts_fit(self, world: World) -> bool:
        counts = {v: int(str(n)) for v, n in world.items() if v[0] == "count"}
        alone: dict[str, int] = {}
        for variable, n in counts.items():
            if len(variable) == 2:
                ask = variable[1].partition(".")[0]
                alone[ask] = alone.get(ask, 0) + n
        for ask, total in alone.items():
            most = most_people(self._definition, self._definition.asks[ask].to)
            if most is not None and total > most:
                return False
        return all(
            n <= counts[wider]
            for variable, n in counts.items()
            for wider in counts
            if set(variable[1:]) < set(wider[1:])
        ) and all(
            n <= sum(m for each, m in counts.items() if each != variable)
            for variable, n in counts.items()
            if len(variable) > 2
            and set(variable[1:]) == {t for each in counts if each != variable for t in each[1:]}
        )


def _count(terms: tuple[tuple[str, str], ...]) -> Variable:
    return ("count", *sorted({f"{ask}.{choice}" for ask, choice in terms}))


def _holds(condition: Condition, world: World) -> bool:
    match condition:
        case NotThat(that=that):
            return not _holds(that, world)
        case AllOf(those=those):
            return all(_holds(each, world) for each in those)
        case AnyOf(those=those):
            return any(_holds(each, world) for each in those)
        case DetailIs(detail=name, choice=choice):
            return world[("detail", name)] == choice
        case DetailGiven(detail=name):
            return world[("detail", name)] is not None
        case CountOf(terms=terms, op=op, bound=bound):
            against = bound if isinstance(bound, int) else int(str(world[("number", bound)]))
            return COMPARES[op](int(str(world[_count(terms)])), against)
        case EveryoneSaid(ask=ask, choice=choice):
            return world[("share", ask, choice)] == 100
        case ShareSaid(ask=ask, choice=choice, percent=percent):
            return int(str(world[("share", ask, choice)])) >= percent
        case BeenIn(state=name, op=op, times=times):
            return COMPARES[op](int(str(world[("visits", name)])), times)
        case InUse(workflow=workflow):
            return world[("in use", workflow)] is True
        case AskedLately(part=part, within_ms=within_ms):
            return world[("lately", part, str(within_ms))] is True
        case _:
            assert_never(condition)
