"""One workflow starts another, hands things over, and hears how it ended; and help is shown."""

from __future__ import annotations

import pytest

from engine.core.definition import (
    AnsweredBy,
    Choice,
    Definition,
    DetailDef,
    DetailGiven,
    Hidden,
    MoveDef,
    NamedIn,
    OnCommand,
    OnEnded,
    Part,
    StartDef,
    StateDef,
)
from engine.core.effect import Ask, Help, StartOther
from engine.core.event import Ended, Started
from engine.core.limits import USUAL
from engine.core.starting import NOT_STARTED, fitting, id_of_child
from engine.core.values import (
    AnyValue,
    InstanceId,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    TextId,
    Words,
)
from tests.engine.core.one_instance import NOON_MS, Course, question, workflow

GUESTS = Persons(("p2", "p3"))
WHAT = Words(TextId("what"))


def parent(*starts: StartDef, waits_for: str | None = "decided", late: bool = False) -> Definition:
    """It starts something, and goes on when it hears of its end: at once, or (``late``) once the host says so."""
    waits = MoveDef(OnEnded("decision", waits_for), "over")
    first = () if late else (waits, MoveDef(OnEnded("decision", NOT_STARTED), "alone"))
    return workflow(
        StateDef("open", starts=starts, moves=(*first, MoveDef(OnCommand("on", ("host",)), "waiting"))),
        StateDef("waiting", moves=(waits, MoveDef(OnCommand("again", ("host",)), "open"))),
        StateDef("alone", moves=(MoveDef(OnCommand("on", ("host",)), "over"),)),
        parts={"guests": [NamedIn("guests")]},
        details=[DetailDef("guests", "people"), DetailDef("what", "words"), DetailDef("when", "moment")],
    )


DECISION = StartDef(
    "decision", hands=(("what", "proposal"), ("guests", "affected"), ("when", "by"), ("host", "who"))
)


def begun(*starts: StartDef, **more: object) -> Course:
    definition = parent(*(starts or (DECISION,)), **more)  # type: ignore[arg-type]
    return Course(definition).begin(guests=GUESTS, what=WHAT)


def started(course: Course) -> list[StartOther]:
    return [e for e in course.effects if isinstance(e, StartOther)]


def end(course: Course, state: str = "decided") -> Course:
    (child,) = course.snapshot.children
    return course.happen(Ended(child, "decision", state))


def test_entering_starts_it_with_what_is_handed_over() -> None:
    course = begun()
    (other,) = started(course)
    assert (other.workflow, other.by) == ("decision", "p1")
    assert other.details == {"proposal": WHAT, "affected": GUESTS, "who": Persons(("p1",))}
    assert course.snapshot.children == {other.instance: "decision"}


def test_the_starter_is_the_first_of_the_part_that_is_named() -> None:
    assert started(begun(StartDef("decision", by="guests")))[0].by == "p2"


def test_without_anybody_in_the_part_nobody_is_the_starter() -> None:
    course = Course(parent(StartDef("decision", by="guests"))).begin()
    assert started(course)[0].by is None


def test_whoever_has_left_is_not_made_its_starter() -> None:
    course = Course(
        workflow(
            StateDef("open", moves=(MoveDef(OnCommand("on", ("host",)), "next"),)),
            StateDef("next", starts=(StartDef("decision", by="guests"),)),
            parts={"guests": [NamedIn("guests")]},
            details=[DetailDef("guests", "people")],
        )
    ).begin(guests=GUESTS)
    assert started(course.leave("p2").command("p1", "on"))[0].by == "p3"


def test_what_begins_because_its_starter_left_is_not_theirs() -> None:
    definition = workflow(
        StateDef("open"), StateDef("next", starts=(StartDef("decision"),)), if_starter_leaves="next"
    )
    (other,) = started(Course(definition).begin().leave("p1"))
    assert other.by is None, "it counts as one that could not begin"


def test_who_gave_an_answer_that_is_still_hidden_is_not_handed_over() -> None:
    hands = (("takers", "affected"), ("guests", "known"))
    definition = workflow(
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "next"),)),
        StateDef("next", keeps=("a",), starts=(StartDef("decision", hands=hands),)),
        parts={"guests": [NamedIn("guests")], "takers": [AnsweredBy("a", ("yes",))]},
        asks=[question("a", "guests", seen_by=("host",), hidden=Hidden(until_closed=True))],
        details=[DetailDef("guests", "people")],
    )
    course = Course(definition).begin(guests=GUESTS).answer("p2", "a", "yes").command("p1", "on")
    assert started(course)[0].details == {"known": GUESTS}


def test_what_nobody_said_is_handed_over_as_the_file_takes_it_to_be() -> None:
    start = StartDef("decision", hands=(("seats", "places"),))
    definition = workflow(
        StateDef("open", starts=(start,)), details=[DetailDef("seats", "number", default_number=8)]
    )
    assert started(Course(definition).begin())[0].details == {"places": Number(8)}


def test_a_condition_may_keep_it_from_starting() -> None:
    course = begun(StartDef("decision", when=DetailGiven("when")))
    assert started(course) == []
    assert course.snapshot.children == {}


def test_the_same_decision_gives_the_same_id_and_no_other_does() -> None:
    assert started(begun()) == started(begun())
    ids = {id_of_child(InstanceId(p), v, n) for p in ("i1", "i11") for v in (1, 11) for n in (1, 2, 11)}
    assert len(ids) == 12
    two = started(begun(DECISION, DECISION))
    assert two[0].instance != two[1].instance


def test_its_end_is_heard_once_and_moves_on_as_decided() -> None:
    course = begun()
    (child,) = course.snapshot.children
    assert end(course).state == "over"
    assert course.snapshot.children == {}
    assert course.happen(Ended(child, "decision", "decided")).refused == "over"


def test_another_end_is_told_apart() -> None:
    assert end(begun(), "parked").state == "open"
    assert end(begun(waits_for=None), "parked").state == "over"


def test_that_it_could_not_begin_is_heard_as_an_end() -> None:
    assert end(begun(), NOT_STARTED).state == "alone"


def test_an_end_that_came_before_anybody_waited_for_it_is_not_lost() -> None:
    course = end(begun(late=True))
    assert course.state == "open"
    assert course.command("p1", "on").state == "over"


def test_an_end_that_was_waited_for_is_heard_once() -> None:
    on = MoveDef(OnCommand("on", ("host",)), "waiting")
    definition = workflow(
        StateDef("open", starts=(DECISION,), moves=(on,)),
        StateDef("waiting", moves=(MoveDef(OnEnded("decision"), "heard"),)),
        StateDef("heard", moves=(on,)),
    )
    course = end(Course(definition).begin()).command("p1", "on")
    assert course.state == "heard"
    assert course.command("p1", "on").state == "waiting"


def test_an_end_in_another_state_than_is_waited_for_moves_nothing_later_either() -> None:
    course = end(begun(late=True), "parked")
    assert course.command("p1", "on").state == "waiting"


def test_an_end_is_forgotten_when_the_same_is_started_anew() -> None:
    course = end(begun(late=True), "parked").command("p1", "on").command("p1", "again")
    assert course.snapshot.ended == {}
    assert len(course.snapshot.children) == 1


def test_the_end_of_something_else_changes_nothing() -> None:
    course = begun()
    assert course.happen(Ended(InstanceId("x"), "decision", "decided")).refused == "no_change"


def test_whom_another_workflow_made_the_starter_is_not_answered_but_asked() -> None:
    definition = workflow(
        StateDef("open", gather=("what",), moves=(MoveDef(OnCommand("on", ("host",)), "over"),)),
        details=[DetailDef("what", "words")],
        texts={"what": "What?"},
    )
    typed = Course(definition).begin()
    handed = Course(definition).happen(Started(Ref("p1"), {}, InstanceId("parent")))
    assert [e.urgency for course in (typed, handed) for e in course.effects if isinstance(e, Ask)] == [
        "reply",
        "timely",
    ]
    assert handed.snapshot.parent == "parent"


def test_workflows_that_start_one_another_at_once_come_to_an_end() -> None:
    definition = parent(DECISION)
    last = Course(definition).happen(Started(Ref("p1"), {}, InstanceId("i0"), USUAL.started_in_a_row))
    assert started(last)[0].by is None
    before = Course(definition).happen(Started(Ref("p1"), {}, InstanceId("i0"), USUAL.started_in_a_row - 1))
    assert (started(before)[0].by, started(before)[0].depth) == ("p1", USUAL.started_in_a_row)


def test_a_round_that_begins_its_successor_after_days_may_do_so_for_ever() -> None:
    definition = workflow(
        StateDef("open", moves=(MoveDef(OnCommand("on", ("host",)), "next"),)),
        StateDef("next", starts=(DECISION,), moves=(MoveDef(OnCommand("on", ("host",)), "over"),)),
    )
    course = Course(definition).happen(Started(Ref("p1"), {}, InstanceId("i0"), USUAL.started_in_a_row))
    course.pass_days(2).command("p1", "on")
    assert (started(course)[0].by, started(course)[0].depth) == ("p1", 1)


def test_what_could_not_begin_is_not_tried_again_in_the_same_breath() -> None:
    waits = (MoveDef(OnEnded("decision"), "open"), MoveDef(OnCommand("on", ("host",)), "over"))
    definition = workflow(StateDef("open", starts=(DECISION,), moves=waits))
    course = end(Course(definition).begin(), NOT_STARTED)
    assert (course.state, course.snapshot.children, started(course)) == ("open", {}, [])


def test_one_instance_starts_only_so_many_a_day() -> None:
    waits = (MoveDef(OnEnded("decision"), "open"), MoveDef(OnCommand("on", ("host",)), "over"))
    course = Course(workflow(StateDef("open", starts=(DECISION,), moves=waits))).begin()
    for _ in range(USUAL.started_per_day - 1):
        assert started(end(course))[0].by == "p1"
    assert started(end(course))[0].by is None
    assert started(end(course.pass_days(1)))[0].by == "p1"
    assert len(course.snapshot.started) == 1


def test_the_last_state_may_start_something_too() -> None:
    over = StateDef("end", final=True, outcome="over", starts=(DECISION,))
    definition = workflow(StateDef("open", moves=(MoveDef(OnCommand("on", ("host",)), "end"),)), over)
    course = Course(definition).begin().command("p1", "on")
    assert len(started(course)) == 1
    assert end(course).refused == "over"


# ── what fits ────────────────────────────────────────────────────────────────

TAKES = workflow(
    StateDef("open"),
    details=[
        DetailDef("words", "words"),
        DetailDef("moment", "moment"),
        DetailDef("past", "moment", not_past=False),
        DetailDef("number", "number", least=2, most=4),
        DetailDef("choice", "choice", choices=(Choice("a", "🅰️"),)),
        DetailDef("person", "person"),
        DetailDef("people", "people", most=2),
        DetailDef("optional", "moment", optional=True),
    ],
)


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("words", WHAT, WHAT),
        ("words", Number(1), None),
        ("moment", Moment(NOON_MS + 1), Moment(NOON_MS + 1)),
        ("moment", Moment(NOON_MS), None),
        ("past", Moment(NOON_MS), Moment(NOON_MS)),
        ("number", Number(4), Number(4)),
        ("number", Number(5), None),
        ("number", Number(1), None),
        ("choice", Picked("a"), Picked("a")),
        ("choice", Picked("b"), None),
        ("person", Persons(("me",)), Persons(("me",))),
        ("person", Persons(("me", "ana")), None),
        ("people", Persons(("me", "ana", "ben")), Persons(("ana", "ben"))),
        ("people", Persons(("ana", "ben", "chen")), None),
        ("people", Persons(("me",)), None),
        ("optional", Nothing(), Nothing()),
        ("moment", Nothing(), None),
        ("unknown", WHAT, None),
    ],
)
def test_what_does_not_fit_is_left_out(name: str, value: AnyValue, taken: AnyValue | None) -> None:
    assert fitting(TAKES, {name: value}, "me", NOON_MS) == ({} if taken is None else {name: taken})


# ── help ─────────────────────────────────────────────────────────────────────


def test_entering_shows_help_to_whom_the_file_says() -> None:
    definition = workflow(
        StateDef(
            "open",
            help_to=(Part("host"), Part("guests"), Part("host")),
            moves=(MoveDef(OnCommand("on", ("host",)), "over"),),
        ),
        parts={"guests": [NamedIn("guests")]},
        details=[DetailDef("guests", "people")],
    )
    course = Course(definition).begin(guests=GUESTS)
    assert [e.who for e in course.effects if isinstance(e, Help)] == ["p1", "p2", "p3"]
