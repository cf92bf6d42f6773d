"""Conditions: the closed vocabulary, evaluated."""

from __future__ import annotations

from typing import Protocol, assert_never

from engine.core.definition import (
    AllOf,
    AnyOf,
    Condition,
    CountOf,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    NotThat,
)
from engine.core.values import AnyValue, Nothing, Number, Persons, Picked, Ref


class Scene(Protocol):
    """What a condition may look at."""

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        """Those who gave this answer."""

    def asked(self, ask: str) -> int:
        """How many were asked."""

    def detail(self, name: str) -> AnyValue | None: ...


def holds(condition: Condition | None, scene: Scene) -> bool:
    """Whether a condition holds now; no condition always does."""
    match condition:
        case None:
            return True
        case CountOf():
            return _count_holds(condition, scene)
        case EveryoneSaid(ask=ask, choice=choice):
            return 0 < scene.asked(ask) == len(scene.who_said(ask, choice))
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


def _count_holds(condition: CountOf, scene: Scene) -> bool:
    # People, not answers: whoever said yes both in the room and 1:1 is one person.
    total = len({who for ask, choice in condition.terms for who in scene.who_said(ask, choice)})
    bound = condition.bound
    if isinstance(bound, str):
        value = scene.detail(bound)
        if not isinstance(value, Number):
            return False
        bound = value.n
    match condition.op:
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
            assert_never(condition.op)
