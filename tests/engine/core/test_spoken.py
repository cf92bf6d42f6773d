"""Whether somebody has just spoken as something begins with them: then it answers, and else it keeps its hours."""

from __future__ import annotations

import pytest

from engine.core.definition import (
    AskDef,
    AtMoment,
    Circle,
    Definition,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnAnswer,
    OnCommand,
    Part,
    StartDef,
    StateDef,
    TellDef,
)
from engine.core.effect import Ask, StartOther, Tell
from engine.core.event import Started
from engine.core.values import DAY_MS, InstanceId, Persons, Ref
from tests.engine.core.one_instance import Course, question, workflow

MINE = question("mine", "host")
TOLD = TellDef(Part("host"), "hello")


def asking(**more: object) -> Definition:
    """Its starter is told something and asked something, and so is everyone."""
    asks = (MINE, AskDef("all", Circle(), choices=MINE.choices, seen_by=("host",)))
    return workflow(
        StateDef("on", asks=("mine", "all"), tells=(TOLD,)),
        asks=asks,
        texts={"hello": "Hello."},
        **more,  # type: ignore[arg-type]
    )


def urgencies(course: Course) -> set[str]:
    return {e.urgency for e in course.effects if isinstance(e, Ask | Tell) and e.who == "p1"}


def begun(definition: Definition, **more: object) -> Course:
    return Course(definition, room=("p1", "p2")).happen(Started(Ref("p1"), **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("begins_for", [None, "arriving", "present"])
def test_what_somebody_begins_by_a_word_answers_them_also_if_it_could_begin_by_itself(
    begins_for: str | None,
) -> None:
    assert urgencies(begun(asking(begins_for=begins_for), spoken=True)) == {"reply"}


def test_a_beginning_from_before_this_was_noted_is_read_as_it_was_meant() -> None:
    assert urgencies(begun(asking())) == {"reply"}
    assert urgencies(begun(asking(begins_for="present"))) == {"timely"}
    assert urgencies(begun(asking(), parent=InstanceId("i0"))) == {"timely"}


def test_what_another_workflow_starts_answers_whoever_has_just_spoken() -> None:
    assert urgencies(begun(asking(), parent=InstanceId("i0"), spoken=True)) == {"reply"}


def test_what_follows_a_first_state_that_is_over_at_once_is_still_a_reply_to_who_has_spoken() -> None:
    at_once = MoveDef(AtMoment(MomentExpr("entering", 0)), "on")
    definition = workflow(
        StateDef("first", moves=(at_once,)),
        StateDef("on", asks=("mine",)),
        asks=(MINE,),
        begins_for="arriving",
    )
    assert urgencies(begun(definition, spoken=True).ring("at:00")) == {"reply"}
    assert urgencies(begun(definition, unbidden=True).ring("at:00")) == {"timely"}


# ── what comes unbidden ──────────────────────────────────────────────────────


def personal(course: Course) -> dict[tuple[str, str], bool]:
    return {(e.ask, e.who): e.personal for e in course.effects if isinstance(e, Ask)}


def test_what_begins_by_itself_invites_nobody_to_its_questions() -> None:
    everyone = {("all", "p1"): False, ("all", "p2"): False}
    assert personal(begun(asking(begins_for="present"), unbidden=True)) == {("mine", "p1"): False, **everyone}
    assert personal(begun(asking(begins_for="present"), spoken=True)) == {("mine", "p1"): True, **everyone}


def test_it_asks_for_what_it_needs_unbidden_too_and_goes_on_with_whoever_has_answered() -> None:
    details = (DetailDef("who", "person"), DetailDef("other", "person"))
    parts = {"other": (NamedIn("other"),)}
    answered = MoveDef(OnAnswer("mine"), "on")
    definition = workflow(
        StateDef("first", gather=("who",), asks=("mine",), moves=(answered,)),
        StateDef("on", gather=("other",)),
        asks=(MINE,),
        details=details,
        parts=parts,  # type: ignore[arg-type]
        begins_for="arriving",
    )
    course = begun(definition, unbidden=True)
    assert personal(course) == {("detail:who", "p1"): False, ("mine", "p1"): False}
    course.answer("p1", "mine", "yes")
    assert personal(course) == {("detail:other", "p1"): True}
    assert course.snapshot.unbidden


# ── what it starts ───────────────────────────────────────────────────────────


def leading(by: str | None = None, **more: object) -> Definition:
    """Its starter's word, or a day, leads to another workflow."""
    moves = (
        MoveDef(OnCommand("go", ("host", "other")), "led"),
        MoveDef(AtMoment(MomentExpr("entering", DAY_MS)), "led"),
    )
    return workflow(
        StateDef("on", moves=moves),
        StateDef("led", starts=(StartDef("child", by),)),
        parts={"other": (NamedIn("other"),)},
        details=(DetailDef("other", "person"),),
        **more,  # type: ignore[arg-type]
    )


def started(course: Course) -> tuple[bool, bool]:
    (effect,) = [e for e in course.effects if isinstance(e, StartOther)]
    return effect.spoken, effect.unbidden


def led(definition: Definition, **more: object) -> Course:
    return begun(definition, details={"other": Persons(("p2",))}, **more)


def test_what_is_started_follows_from_its_starters_word_or_it_does_not() -> None:
    assert started(led(leading()).command("p1", "go")) == (True, False)
    assert started(led(leading()).command("p2", "go")) == (False, False)
    assert started(led(leading("other")).command("p2", "go")) == (True, False)
    assert started(led(leading("other")).command("p1", "go")) == (False, False)
    assert started(led(leading()).ring("at:01")) == (False, False)
    assert started(begun(leading("other")).command("p1", "go")) == (False, False)


def test_what_follows_by_itself_from_what_began_by_itself_is_unbidden_too() -> None:
    by_itself = {"begins_for": "present"}
    assert started(led(leading(**by_itself), unbidden=True).ring("at:01")) == (False, True)  # type: ignore[arg-type]
    assert started(led(leading(**by_itself), unbidden=True).command("p1", "go")) == (True, False)  # type: ignore[arg-type]
    assert started(led(leading("other", **by_itself), unbidden=True).ring("at:01")) == (False, False)  # type: ignore[arg-type]
