"""When the starter leaves: it ends kindly, or somebody takes it on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    Choice,
    DetailDef,
    Everyone,
    MomentExpr,
    MoveDef,
    OnAnswer,
    OnCommand,
    OnGathered,
    Part,
    Source,
    StateDef,
    Stewards,
)
from engine.core.effect import Tell
from engine.core.values import DAY_MS, HOUR_MS, Number
from engine.core.view import people_now
from tests.engine.core.one_instance import Course, question, workflow


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


# ── a yes that somebody had counted on ───────────────────────────────────────


def supper(**ask: Any) -> Course:
    """Two guests are asked by the host whether they come, in nine days."""
    fields: dict[str, Any] = {
        "seen_by": ("host", "guests"),
        "changeable_until": MomentExpr("opening", 9 * DAY_MS),
    } | ask
    asked = question("a", "guests", **fields)
    states = (StateDef("open", asks=("a",)), StateDef("alone"))
    parts: dict[str, Sequence[Source]] = {"guests": (Everyone(),), "first": (AnsweredBy("a", ("yes",)),)}
    definition = workflow(
        *states, parts=parts, asks=[asked], if_leaves={"first": "alone"}, if_starter_leaves="over"
    )
    return Course(definition, guests=("p2", "p3")).begin()


def test_whoever_leaves_and_had_said_yes_is_told_of_to_those_who_see_it() -> None:
    course = supper().answer("p2", "a", "yes").answer("p3", "a", "yes").leave("p2")
    assert course.told("gone") == ["p1", "p3"]
    assert course.leave("p2").refused == "no_change"


@pytest.mark.parametrize(("passed_ms", "urgency"), [(0, "quiet"), (8 * DAY_MS + HOUR_MS, "change")])
def test_it_makes_a_sound_only_the_day_before(passed_ms: int, urgency: str) -> None:
    course = supper().answer("p2", "a", "yes").answer("p3", "a", "yes")
    course.now_ms += passed_ms
    told = [e for e in course.leave("p2").effects if isinstance(e, Tell) and e.message.lines[0].key == "gone"]
    assert [(e.who, e.urgency) for e in told] == [("p1", urgency), ("p3", urgency)]


def test_in_a_private_matter_nobody_is_named() -> None:
    course = supper(sensitive=True, seen_by=("host",)).answer("p2", "a", "yes").answer("p3", "a", "yes")
    assert (course.leave("p2").told("gone"), course.told("gone.private")) == ([], ["p1"])


def test_of_a_no_of_silence_and_of_what_has_begun_nothing_is_said() -> None:
    course = supper().answer("p2", "a", NO).answer("p3", "a", "yes")
    assert course.leave("p2").told("gone") == []
    assert supper().leave("p2").told("gone") == []
    begun = supper().answer("p2", "a", "yes").answer("p3", "a", "yes")
    begun.now_ms += 9 * DAY_MS
    assert begun.leave("p2").told("gone") == []


def test_of_what_holds_no_longer_than_its_question_nothing_is_said() -> None:
    course = supper(changeable_until=None).answer("p2", "a", "yes").answer("p3", "a", "yes")
    assert course.leave("p2").told("gone") == []


def test_where_leaving_leads_somewhere_else_that_says_what_there_is_to_say() -> None:
    course = supper().answer("p2", "a", "yes").leave("p2")
    assert (course.state, course.told("gone")) == ("alone", [])
    assert supper().answer("p2", "a", "yes").leave("p1").told("gone") == []
