"""What outsiders see of a running instance: never more than the line that its circle sees."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.settings import shipped_workflows
from bridge.telling.outside import Private, Public, seen_from_outside
from engine.core.definition import AtMoment, Definition, MomentExpr, MoveDef, OnCommand, StateDef
from engine.core.instance import Snapshot
from engine.core.values import DAY_MS, CircleId, InstanceId, Picked
from engine.loading.load import examine_file
from tests.bridge.telling.strange import tea

SINCE_MS = 1_800_000_000_000


def shipped(name: str) -> Definition:
    definition = examine_file(shipped_workflows() / f"{name}.yaml").definition
    assert definition is not None
    return definition


def standing(definition: Definition, state: str, **details: Picked) -> Snapshot:
    return Snapshot(
        id=InstanceId("0" * 32),
        circle=CircleId("c"),
        definition=definition.digest,
        state=state,
        entered_ms=SINCE_MS,
        details=dict(details),
    )


def test_one_without_a_public_line_now_is_private() -> None:
    assert seen_from_outside(tea(), standing(tea(), "draft")) == Private()
    invitation = shipped("invitation")
    to_some = standing(invitation, "open", reach=Picked("named"))
    assert seen_from_outside(invitation, to_some) == Private()


def test_one_that_is_not_there_looks_like_a_private_one() -> None:
    assert seen_from_outside(tea(), None) == seen_from_outside(None, None) == Private()


def test_one_that_is_over_is_private_again() -> None:
    over = replace(standing(tea(), "asked"), finished_ms=SINCE_MS)
    assert seen_from_outside(tea(), over) == Private()


def test_one_on_no_public_list_is_private_whatever_lines_it_has() -> None:
    assert seen_from_outside(replace(tea(), shelf=None), standing(tea(), "asked")) == Private()


def test_the_state_and_since_when_show_where_the_public_line_tells_them() -> None:
    turns = shipped("turns")
    assert seen_from_outside(turns, standing(turns, "turn")) == Public(("turn",), SINCE_MS)


def test_what_a_holder_answered_in_private_does_not_show() -> None:
    """To renew is told to the circle once it is done: until then it looks like the month before."""
    role = shipped("role")
    seen = {
        state: seen_from_outside(role, standing(role, state))
        for state in ("last_month", "renewing", "renewed")
    }
    assert len({*seen.values()}) == 1
    (shown,) = {*seen.values()}
    assert isinstance(shown, Public)
    assert {"last_month", "renewing", "renewed"} <= {*shown.states}
    assert shown.since_ms is None


@pytest.mark.parametrize("state", ["open", "asking_again", "accepted"])
def test_whether_enough_said_yes_does_not_show(state: str) -> None:
    invitation = shipped("invitation")
    seen = seen_from_outside(invitation, standing(invitation, state, reach=Picked("everyone")))
    assert seen == Public(("open", "asking_again", "accepted"), None)


def two_states(move: MoveDef, *before: MoveDef) -> Definition:
    """`one` leads to `two`; both show the circle the same line."""
    states = {
        "draft": StateDef("draft", moves=(MoveDef(OnCommand("go", ("host",)), "one"),)),
        "one": StateDef("one", public="line", moves=(*before, move)),
        "two": StateDef("two", public="line", moves=(MoveDef(OnCommand("stop", ("host",)), "end"),)),
        "end": StateDef("end", final=True, outcome="good"),
    }
    return replace(tea(), states=states, start="draft")


def moment(base: str) -> AtMoment:
    return AtMoment(MomentExpr(base, DAY_MS))


@pytest.mark.parametrize("base", ["entering", "starts"])
def test_a_date_that_everyone_sees_tells_states_apart(base: str) -> None:
    definition = two_states(MoveDef(moment(base), "two"))
    assert seen_from_outside(definition, standing(definition, "two")) == Public(("two",), SINCE_MS)


def test_a_date_that_the_line_does_not_show_does_not_tell_states_apart() -> None:
    definition = two_states(MoveDef(moment("reply_by"), "two"))
    assert seen_from_outside(definition, standing(definition, "two")) == Public(("one", "two"), None)


def test_a_condition_keeps_states_together_even_for_the_move_after_it() -> None:
    asked = tea().states["asked"].moves[0].when
    assert asked is not None
    definition = two_states(MoveDef(moment("starts"), "two"), MoveDef(moment("starts"), "end", when=asked))
    assert seen_from_outside(definition, standing(definition, "one")) == Public(("one", "two"), None)


def test_that_somebody_left_does_not_show() -> None:
    """Adoption: when the starter is gone, `two` follows `one`; the line stays."""
    definition = two_states(MoveDef(moment("starts"), "end"))
    one = replace(definition.states["one"], if_starter_leaves="two")
    definition = replace(definition, states={**definition.states, "one": one})
    assert seen_from_outside(definition, standing(definition, "two")) == Public(("one", "two"), None)


def test_since_when_does_not_show_a_state_entered_again_in_private() -> None:
    definition = two_states(MoveDef(moment("starts"), "two"), MoveDef(OnCommand("again", ("host",)), "one"))
    assert seen_from_outside(definition, standing(definition, "one")) == Public(("one",), None)
    assert seen_from_outside(definition, standing(definition, "two")) == Public(("two",), SINCE_MS)
