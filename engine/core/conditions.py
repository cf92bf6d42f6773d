"""Conditions: the closed vocabulary, evaluated."""

from __future__ import annotations

from typing import Protocol, assert_never

from engine.core.definition import (
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
from engine.core.values import AnyValue, Ms, Nothing, Number, Persons, Picked, Ref

THIRDS = {34: (1, 3), 67: (2, 3)}
"""What a file calls thirds, and what no whole percent is: two of three people are two thirds of them."""


class Scene(Protocol):
    """What a condition may look at."""

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        """Those who gave this answer."""

    def asked(self, ask: str) -> int:
        """How many were asked."""

    def detail(self, name: str) -> AnyValue | None: ...
    def visits(self, state: str) -> int:
        """How often a state has been entered."""

    def is_in_use(self, workflow: str) -> bool:
        """Whether the circle has a workflow in use."""

    def was_asked(self, part: str, within_ms: Ms) -> bool:
        """Whether an earlier one with the same starter has put something to whoever holds a part."""


def holds(condition: Condition | None, scene: Scene) -> bool:
    """Whether a condition holds now; no condition always does."""
    match condition:
        case None:
            return True
        case CountOf():
            return _count_holds(condition, scene)
        case EveryoneSaid(ask=ask, choice=choice):
            return 0 < scene.asked(ask) == len(scene.who_said(ask, choice))
        case ShareSaid(ask=ask, choice=choice):
            asked = scene.asked(ask)
            return asked > 0 and len(scene.who_said(ask, choice)) >= share_needed(condition, asked)
        case BeenIn(state=state, op=op, times=times):
            return _compare(scene.visits(state), op, times)
        case InUse(workflow=workflow):
            return scene.is_in_use(workflow)
        case AskedLately(part=part, within_ms=within_ms):
            return scene.was_asked(part, within_ms)
        case DetailIs(detail=name, choice=choice):
            return scene.detail(name) == Picked(choice)
        case DetailGiven(detail=name):
            return scene.detail(name) not in (None, Nothing(), Persons(()))
        case NotThat(that=that):
            return not holds(that, scene)
        case AllOf(those=those):
            return all(holds(each, scene) for each in those)
        case AnyOf(those=those):
            return any(holds(each, scene) for each in those)
        case _:
            assert_never(condition)


def counted(condition: CountOf, scene: Scene) -> int:
    """How many gave one of these answers: people, not answers, as whoever said yes both in the room and 1:1 is one."""
    return len({who for ask, choice in condition.terms for who in scene.who_said(ask, choice)})


def share_needed(condition: ShareSaid, asked: int) -> int:
    """How many of so many who were asked are the share that is needed."""
    part, whole = THIRDS.get(condition.percent, (condition.percent, 100))
    return -(-asked * part // whole)


def _count_holds(condition: CountOf, scene: Scene) -> bool:
    total = counted(condition, scene)
    bound = condition.bound
    if isinstance(bound, str):
        value = scene.detail(bound)
        if not isinstance(value, Number):
            return False
        bound = value.n
    return _compare(total, condition.op, bound)


def _compare(total: int, op: Op, bound: int) -> bool:
    match op:
        case ">=":
            return total >= bound
        case "<=":
            return total <= bound
        case ">":
            return total > bound
        case "<":
            return total < bound
        case "==":
            return total == bound
        case _:
            assert_never(op)
