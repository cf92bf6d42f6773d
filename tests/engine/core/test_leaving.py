"""When the starter leaves: it ends kindly, or somebody takes it on."""

from __future__ import annotations

from engine.core.definition import (
    AnsweredBy,
    AskDef,
    Choice,
    DetailDef,
    Everyone,
    MoveDef,
    OnAnswer,
    OnCommand,
    OnGathered,
    Part,
    StateDef,
    Stewards,
)
from engine.core.values import Number
from engine.core.view import people_now
from tests.engine.core.one_instance import Course, workflow


def adoptable() -> Course:
    """If the host leaves, everybody is asked whether they would take it on."""
    ask = AskDef("adopt", Part("members"), choices=(Choice("take", "🤲"),), seen_by=("circle",))
    states = (
        StateDef("open", gather=("seats",), moves=(MoveDef(OnCommand("stop_it", ("keeper",)), "over"),)),
        StateDef("orphaned", asks=("adopt",), moves=(MoveDef(OnAnswer("adopt", "take"), "open"),)),
    )
    definition = workflow(
        *states,
        parts={"members": [Everyone(but=("host",))], "keeper": [AnsweredBy("adopt", ("take",))]},
        asks=[ask],
        details=[DetailDef("seats", "number", asked="keeper")],
        if_starter_leaves="orphaned",
    )
    return Course(definition, members=("p1", "p2", "p3")).begin()


def test_it_may_go_on_with_whoever_takes_it_on() -> None:
    course = adoptable().leave("p1")
    assert course.state == "orphaned"
    assert course.snapshot.finished_ms is None
    assert course.asked("adopt") == ["p2", "p3"]
    course.answer("p3", "adopt", "take")
    assert course.state == "open"
    assert people_now(course.definition, course.snapshot, "keeper") == ("p3",)
    assert course.snapshot.powers == {"p3": ("stop_it",)}
    assert course.asked("detail:seats") == ["p3"], "what is still missing is asked of whoever is there"


def test_what_somebody_was_asked_who_leaves_is_asked_of_whoever_is_there() -> None:
    definition = workflow(
        StateDef("open", gather=("seats",), moves=(MoveDef(OnGathered(), "over"),)),
        parts={"keepers": [Stewards()]},
        details=[DetailDef("seats", "number", asked="keepers")],
    )
    course = Course(definition, keepers=("p2", "p3")).begin()
    assert course.asked("detail:seats") == ["p2"]
    assert course.leave("p2").asked("detail:seats") == ["p3"]
    assert course.leave("p4").asked("detail:seats") == []
    assert course.give("p3", "seats", Number(2)).state == "over"


def test_others_may_leave_and_nothing_ends() -> None:
    assert adoptable().leave("p2").state == "open"


def test_one_state_may_say_it_otherwise() -> None:
    definition = workflow(
        StateDef("open", if_starter_leaves="rest"), StateDef("rest"), if_starter_leaves="over"
    )
    assert Course(definition).begin().leave("p1").state == "rest"
