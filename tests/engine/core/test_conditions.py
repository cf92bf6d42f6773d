"""What conditions mean."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.conditions import holds
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
    ShareSaid,
)
from engine.core.values import AnyValue, Moment, Ms, Nothing, Number, Persons, Picked, Ref, TextId, Words

YES = (("rsvp", "yes"),)


@dataclass
class Seen:
    """A scene as a test lays it out: ask → choice → who."""

    said: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    were_asked: dict[str, int] = field(default_factory=dict)
    details: dict[str, AnyValue] = field(default_factory=dict)
    been: dict[str, int] = field(default_factory=dict)
    in_use: tuple[str, ...] = ()
    asked_ago: dict[str, Ms] = field(default_factory=dict)

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        return tuple(Ref(who) for who in self.said.get(ask, {}).get(choice, ()))

    def asked(self, ask: str) -> int:
        return self.were_asked.get(ask, 0)

    def detail(self, name: str) -> AnyValue | None:
        return self.details.get(name)

    def visits(self, state: str) -> int:
        return self.been.get(state, 0)

    def is_in_use(self, workflow: str) -> bool:
        return workflow in self.in_use

    def was_asked(self, part: str, within_ms: Ms) -> bool:
        return part in self.asked_ago and self.asked_ago[part] <= within_ms


def test_no_condition_always_holds() -> None:
    assert holds(None, Seen())


def test_a_workflow_is_in_use_or_it_is_not() -> None:
    assert holds(InUse("pulse"), Seen(in_use=("pulse",)))
    assert not holds(InUse("pulse"), Seen(in_use=("role",)))


def test_somebody_was_asked_within_a_time_or_was_not() -> None:
    assert holds(AskedLately("other", 60), Seen(asked_ago={"other": 60}))
    assert not holds(AskedLately("other", 60), Seen(asked_ago={"other": 61}))
    assert not holds(AskedLately("other", 60), Seen(asked_ago={"helper": 1}))


@pytest.mark.parametrize(
    ("op", "holding"),
    [(">=", {2, 3}), ("<=", {0, 1, 2}), (">", {3}), ("<", {0, 1}), ("==", {2})],
)
def test_a_count_is_compared_with_its_bound(op: str, holding: set[int]) -> None:
    for n in range(4):
        scene = Seen({"rsvp": {"yes": tuple(f"p{i}" for i in range(n))}})
        condition = CountOf(YES, op, 2)  # type: ignore[arg-type]
        assert holds(condition, scene) == (n in holding)


def test_people_are_counted_not_answers() -> None:
    scene = Seen({"rsvp": {"yes": ("p1", "p2")}, "open": {"in": ("p2", "p3")}})
    both = (("rsvp", "yes"), ("open", "in"))
    assert holds(CountOf(both, "==", 3), scene)


def test_a_bound_may_be_a_number_that_was_given() -> None:
    scene = Seen({"rsvp": {"yes": ("p1",)}}, details={"enough": Number(1)})
    assert holds(CountOf(YES, ">=", "enough"), scene)


@pytest.mark.parametrize("value", [None, Nothing(), Moment(1)])
def test_a_count_against_a_number_nobody_gave_never_holds(value: AnyValue | None) -> None:
    scene = Seen(details={} if value is None else {"enough": value})
    assert not any(holds(CountOf(YES, op, "enough"), scene) for op in (">=", "<=", "==", "<", ">"))  # type: ignore[arg-type]


def test_everyone_said_it_only_if_somebody_was_asked_and_all_of_them_did() -> None:
    everyone = EveryoneSaid("rsvp", "yes")
    assert not holds(everyone, Seen())
    assert not holds(everyone, Seen({"rsvp": {"yes": ("p1",)}}, {"rsvp": 2}))
    assert holds(everyone, Seen({"rsvp": {"yes": ("p1", "p2")}}, {"rsvp": 2}))


@pytest.mark.parametrize(
    ("percent", "asked", "said", "holding"),
    [
        (50, 4, 2, True),
        (50, 5, 2, False),
        (34, 3, 1, True),
        (34, 100, 33, False),
        (67, 3, 2, True),
        (67, 100, 66, False),
        (100, 2, 2, True),
    ],
)
def test_a_share_is_of_all_who_were_asked(percent: int, asked: int, said: int, holding: bool) -> None:
    scene = Seen({"rsvp": {"yes": tuple(f"p{n}" for n in range(said))}}, {"rsvp": asked})
    assert holds(ShareSaid("rsvp", "yes", percent), scene) == holding


def test_where_nobody_was_asked_no_share_said_anything() -> None:
    assert not holds(ShareSaid("rsvp", "yes", 1), Seen())


@pytest.mark.parametrize(("op", "holding"), [(">=", {2, 3}), ("==", {2}), ("<", {0, 1})])
def test_a_state_has_been_entered_so_often(op: str, holding: set[int]) -> None:
    for n in range(4):
        scene = Seen(been={"moved": n} if n else {})
        assert holds(BeenIn("moved", op, 2), scene) == (n in holding)  # type: ignore[arg-type]


def test_a_detail_is_what_was_picked_and_nothing_else() -> None:
    scene = Seen(details={"kind": Picked("event"), "note": Words(TextId("event"))})
    assert holds(DetailIs("kind", "event"), scene)
    assert not holds(DetailIs("kind", "project"), scene)
    assert not holds(DetailIs("note", "event"), scene)
    assert not holds(DetailIs("missing", "event"), scene)


@pytest.mark.parametrize(
    ("value", "given_"),
    [
        (None, False),
        (Nothing(), False),
        (Persons(()), False),
        (Persons(("p1",)), True),
        (Number(0), True),
        (Words(TextId("t")), True),
    ],
)
def test_a_detail_is_given_if_it_holds_something(value: AnyValue | None, given_: bool) -> None:
    scene = Seen(details={} if value is None else {"d": value})
    assert holds(DetailGiven("d"), scene) == given_


@given(st.lists(st.booleans(), max_size=5))
def test_and_or_not_mean_what_they_say(truths: list[bool]) -> None:
    scene = Seen(details={"yes": Number(1)})
    those: tuple[Condition, ...] = tuple(DetailGiven("yes" if truth else "no") for truth in truths)
    assert holds(AllOf(those), scene) == all(truths)
    assert holds(AnyOf(those), scene) == any(truths)
    assert holds(NotThat(AnyOf(those)), scene) != any(truths)
