"""Moves that are taken as soon as a condition holds, whatever made it hold."""

from __future__ import annotations

import pytest

from engine.core.definition import (
    AnsweredBy,
    BeenIn,
    BoardDef,
    CountOf,
    DetailDef,
    DetailGiven,
    Everyone,
    MoveDef,
    NotThat,
    OnAnswer,
    OnCommand,
    OnHolds,
    Part,
    ShareSaid,
    StateDef,
    TellDef,
)
from engine.core.effect import Confirm, Settle, Tell
from engine.core.turn import MovesInCircles
from engine.core.values import Number
from tests.engine.core.one_instance import Course, question, workflow

TWO_YES = CountOf((("a", "yes"),), ">=", 2)


def members_asked(*moves: MoveDef, **more: object) -> Course:
    """Four members are asked; ``done`` says so to the host and ends nothing."""
    states = (
        StateDef("open", asks=("a",), moves=moves, **more),  # type: ignore[arg-type]
        StateDef("done", tells=(TellDef(Part("host"), "done"),)),
    )
    definition = workflow(
        *states,
        parts={"members": [Everyone()], "joining": [AnsweredBy("a", ("yes",))]},
        asks=[question("a", "members", seen_by=("host",))],
        texts={"done": "There are enough.", "list": "<a.yes>"},
        gaps={"list": ("a.yes",)},
    )
    return Course(definition, members=("p2", "p3", "p4", "p5")).begin()


def test_it_goes_on_with_the_answer_that_makes_it_hold() -> None:
    course = members_asked(MoveDef(OnHolds(TWO_YES), "done")).answer("p2", "a", "yes")
    assert course.state == "open"
    course.answer("p3", "a", "maybe")
    assert course.state == "open"
    course.answer("p4", "a", "yes")
    assert course.state == "done"
    assert course.told("done") == ["p1"]


def test_whoever_leaves_may_make_it_hold() -> None:
    half = ShareSaid("a", "yes", 50)
    course = members_asked(MoveDef(OnHolds(half), "done")).answer("p2", "a", "yes").leave("p5")
    assert course.state == "open"
    assert course.leave("p4").state == "done"


def test_it_is_looked_at_on_entering_too() -> None:
    here = MoveDef(OnHolds(NotThat(DetailGiven("seats"))), "over")
    definition = workflow(
        StateDef("open", moves=(MoveDef(OnCommand("on", ("host",)), "next"),)),
        StateDef("next", asks=("a",), moves=(here,)),
        asks=[question("a", "host")],
        details=[DetailDef("seats", "number")],
    )
    assert Course(definition).begin(seats=Number(1)).command("p1", "on").state == "next"
    course = Course(definition).begin().command("p1", "on")
    assert course.state == "over"
    assert course.asked("a") == ["p1"], "what the state asks was asked before it was looked at"


def test_a_further_condition_may_keep_it_back() -> None:
    kept_back = MoveDef(OnHolds(TWO_YES), "done", when=BeenIn("open", ">=", 2))
    course = members_asked(kept_back).answer("p2", "a", "yes").answer("p3", "a", "yes")
    assert course.state == "open"


def test_what_an_answer_moves_comes_before_what_holds() -> None:
    moves = (MoveDef(OnHolds(TWO_YES), "done"), MoveDef(OnAnswer("a", "yes"), "over", when=TWO_YES))
    assert members_asked(*moves).answer("p2", "a", "yes").answer("p3", "a", "yes").state == "over"


def test_a_refused_event_moves_nothing() -> None:
    course = (
        members_asked(MoveDef(OnHolds(TWO_YES), "done")).answer("p2", "a", "yes").answer("p2", "a", "yes")
    )
    assert course.refused == "no_change"
    assert course.state == "open"


def test_the_thanks_say_that_nothing_can_be_changed_any_more() -> None:
    course = (
        members_asked(MoveDef(OnHolds(TWO_YES), "done")).answer("p2", "a", "yes").answer("p3", "a", "yes")
    )
    assert course.confirmed().key == "ack.detail"
    assert [e.who for e in course.effects if isinstance(e, Settle)] == ["p2", "p3", "p4", "p5"]


def test_whoever_answers_is_thanked_before_they_hear_what_follows_from_it() -> None:
    course = (
        members_asked(MoveDef(OnHolds(TWO_YES), "done")).answer("p2", "a", "yes").answer("p3", "a", "yes")
    )
    kinds = [type(e) for e in course.effects if isinstance(e, Confirm | Tell | Settle)]
    assert kinds[0] is Confirm
    assert Tell in kinds


def test_a_board_shows_what_it_showed_before_the_move() -> None:
    course = members_asked(MoveDef(OnHolds(TWO_YES), "done"), board=(BoardDef("host", "list"),))
    course.answer("p2", "a", "yes")
    assert len(course.shown("p1")) == 1


def test_a_circle_of_moves_is_noticed() -> None:
    definition = workflow(
        StateDef("here", moves=(MoveDef(OnHolds(BeenIn("here", ">=", 1)), "there"),)),
        StateDef("there", moves=(MoveDef(OnHolds(BeenIn("here", ">=", 1)), "here"),)),
    )
    with pytest.raises(MovesInCircles):
        Course(definition).begin()


def test_a_chain_of_moves_is_walked_to_its_end() -> None:
    names = [f"s{n}" for n in range(10)]
    states = [
        StateDef(name, moves=(MoveDef(OnHolds(BeenIn("s0", "==", 1)), after),))
        for name, after in zip(names, [*names[1:], "over"], strict=True)
    ]
    course = Course(workflow(*states)).begin()
    assert course.state == "over"
    assert course.snapshot.finished_ms is not None


# ── how often, and how large a share ─────────────────────────────────────────


def moved_twice() -> Course:
    """``move`` goes round by way of ``moved``; from the second time on it is over."""
    definition = workflow(
        StateDef("due", moves=(MoveDef(OnCommand("move", ("host",)), "moved"),)),
        StateDef(
            "moved",
            moves=(
                MoveDef(OnCommand("on", ("host",)), "over", when=BeenIn("moved", ">=", 2)),
                MoveDef(OnCommand("on", ("host",)), "due"),
            ),
        ),
    )
    return Course(definition).begin()


def test_a_state_knows_how_often_it_has_been_entered() -> None:
    course = moved_twice().command("p1", "move").command("p1", "on")
    assert course.state == "due"
    assert course.snapshot.visits == {"due": 2, "moved": 1}
    assert course.command("p1", "move").command("p1", "on").state == "over"


@pytest.mark.parametrize(
    ("percent", "needed"), [(34, 2), (50, 2), (67, 3), (75, 3), (76, 4), (100, 4), (1, 1)]
)
def test_a_share_is_of_all_who_were_asked(percent: int, needed: int) -> None:
    course = members_asked(MoveDef(OnHolds(ShareSaid("a", "yes", percent)), "done"))
    for n, who in enumerate(("p2", "p3", "p4", "p5"), 1):
        course.answer(who, "a", "yes")
        assert (course.state == "done") == (n >= needed)
        if course.state == "done":
            return
