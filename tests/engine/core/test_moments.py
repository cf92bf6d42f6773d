"""From what a file says to a point in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.definition import MomentExpr
from engine.core.moments import resolve
from engine.core.values import AnyValue, Moment, Nothing, Number, Picked

offsets = st.integers(-(10**12), 10**12)


def at(expr: MomentExpr, **details: AnyValue) -> int | None:
    return resolve(expr, details, entered_ms=1_000, opened_ms=5_000)


@given(offsets)
def test_an_offset_is_counted_from_its_base(offset: int) -> None:
    assert at(MomentExpr("entering", offset)) == 1_000 + offset
    assert at(MomentExpr("opening", offset)) == 5_000 + offset
    assert at(MomentExpr("starts", offset), starts=Moment(9_000)) == 9_000 + offset


def test_a_detail_that_holds_no_moment_gives_none() -> None:
    expr = MomentExpr("starts", 5)
    assert at(expr) is None
    for value in (Nothing(), Number(7), Picked("event")):
        assert at(expr, starts=value) is None


@given(st.integers(0, 10**13), offsets)
def test_halfway_is_the_middle_between_entering_and_the_base(ends: int, offset: int) -> None:
    middle = at(MomentExpr("ends", offset, halfway=True), ends=Moment(ends))
    assert middle is not None
    assert abs(2 * (middle - offset) - (1_000 + ends)) <= 1


def test_a_detail_may_not_take_the_place_of_a_base() -> None:
    assert at(MomentExpr("entering", 1), entering=Moment(9_000)) == 1_001
