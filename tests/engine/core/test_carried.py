"""What people carry, read off the instances themselves: while they run, and once they have ended."""

from __future__ import annotations

from engine.core.carried import Line, line_afterwards, lines_carried
from engine.core.definition import (
    AnsweredBy,
    CarriedDef,
    CountOf,
    Definition,
    DetailDef,
    Hidden,
    MoveDef,
    NamedIn,
    OnCommand,
    StateDef,
)
from engine.core.message import Names, Phrase, Text
from engine.core.values import Persons, Ref, TextId, Words
from tests.engine.core.one_instance import Course, question, workflow

ANA, BEN, CHEN = Ref("p1"), Ref("p2"), Ref("p3")
NOBODY = Persons(())


def role(*carried: CarriedDef, **more: object) -> Definition:
    """Proposed to a holder, held, reviewed, and then handed over; laid down at any time."""
    rest = MoveDef(OnCommand("rest", ("host",)), "resting")
    return workflow(
        StateDef("proposed", asks=("take",), moves=(MoveDef(OnCommand("go", ("host",)), "held"), rest)),
        StateDef("held", moves=(MoveDef(OnCommand("review", ("host",)), "review"), rest)),
        StateDef("review", moves=(MoveDef(OnCommand("pass", ("host",)), "handed_over"), rest)),
        StateDef("handed_over", final=True, outcome="over"),
        StateDef("resting", final=True, outcome="over"),
        parts={"holder": [NamedIn("holder")], "gladly": [AnsweredBy("take", ("yes",))]},
        asks=[question("take", "holder", **more)],  # type: ignore[arg-type]
        details=[DetailDef("holder", "people"), DetailDef("title", "words")],
        texts={
            "holding": "<title>, with <holder>",
            "held": "<title>",
            "helped": "helped",
            "as well": "helped",
        },
        gaps={"holding": ("title", "holder"), "held": ("title",)},
        carried=carried,
    )


HOLDING = CarriedDef(
    "holder", "role", "holding", ("held", "review"), after="held", after_states=("handed_over", "resting")
)


def held(definition: Definition, *words: str) -> Course:
    course = Course(definition).begin(holder=Persons(("p2",)), title=Words(TextId("t")))
    for word in words:
        course.command("p1", word)
    return course


def test_a_role_is_carried_by_its_holder_in_the_states_that_say_so_and_by_nobody_else() -> None:
    definition = role(HOLDING)
    course = held(definition)
    assert lines_carried(definition, course.snapshot, BEN) == ()
    course.command("p1", "go")
    digest = definition.digest
    slots = {"title": Text(TextId("t")), "holder": Names((BEN,))}
    assert lines_carried(definition, course.snapshot, BEN) == (
        Line("role", Phrase("holding", digest, slots)),
    )
    assert lines_carried(definition, course.snapshot, ANA) == ()
    assert line_afterwards(definition, course.snapshot, BEN) is None


def test_without_states_it_is_carried_as_long_as_it_runs() -> None:
    definition = role(CarriedDef("holder", "commitment", "helped", after="helped"))
    course = held(definition)
    assert [line.kind for line in lines_carried(definition, course.snapshot, BEN)] == ["commitment"]
    course.command("p1", "rest")
    assert lines_carried(definition, course.snapshot, BEN) == ()
    assert line_afterwards(definition, course.snapshot, BEN) == Phrase("helped", definition.digest)


def test_what_was_carried_is_said_after_the_ends_that_say_so() -> None:
    definition = role(HOLDING)
    passed_on = held(definition, "go", "review", "pass")
    line = Phrase("held", definition.digest, {"title": Text(TextId("t"))})
    assert line_afterwards(definition, passed_on.snapshot, BEN) == line
    assert line_afterwards(definition, passed_on.snapshot, ANA) is None
    only_passed_on = role(CarriedDef("holder", "role", after="held", after_states=("handed_over",)))
    assert line_afterwards(only_passed_on, held(only_passed_on, "go", "rest").snapshot, BEN) is None


def test_whoever_was_only_asked_has_carried_nothing() -> None:
    definition = role(HOLDING)
    assert line_afterwards(definition, held(definition, "rest").snapshot, BEN) is None
    assert line_afterwards(definition, held(definition, "go", "rest").snapshot, BEN) is not None


def test_whoever_has_left_carries_nothing_and_it_is_not_said_of_them() -> None:
    definition = role(HOLDING)
    course = held(definition, "go").leave("p2")
    assert lines_carried(definition, course.snapshot, BEN) == ()
    assert line_afterwards(definition, course.command("p1", "rest").snapshot, BEN) is None


def test_a_condition_decides_for_both_lines() -> None:
    said_yes = CountOf((("take", "yes"),), ">=", 1)
    definition = role(CarriedDef("holder", "role", "helped", when=said_yes, after="held"))
    course = held(definition)
    assert lines_carried(definition, course.snapshot, BEN) == ()
    course.answer("p2", "take", "yes")
    assert len(lines_carried(definition, course.snapshot, BEN)) == 1
    assert line_afterwards(definition, course.command("p1", "rest").snapshot, BEN) is not None
    assert line_afterwards(definition, held(definition, "rest").snapshot, BEN) is None


def test_hidden_answers_do_not_show_in_what_is_carried() -> None:
    said_yes = CountOf((("take", "yes"),), ">=", 1)
    definition = role(CarriedDef("holder", "role", "helped", when=said_yes), hidden=Hidden(until_closed=True))
    course = held(definition).answer("p2", "take", "yes")
    assert lines_carried(definition, course.snapshot, BEN) == ()
    assert len(lines_carried(definition, course.command("p1", "go").snapshot, BEN)) == 1


def test_the_same_held_in_two_parts_is_one_line() -> None:
    both = (CarriedDef("holder", "beside", "helped"), CarriedDef("gladly", "beside", "as well"))
    definition = role(*both)
    course = held(definition).answer("p2", "take", "yes")
    assert len(lines_carried(definition, course.snapshot, BEN)) == 1


def test_something_may_be_said_afterwards_only_and_in_a_state_the_file_has_lost_nothing_is() -> None:
    definition = role(CarriedDef("holder", "role", after="held"), HOLDING)
    course = held(definition, "go")
    assert [line.phrase.key for line in lines_carried(definition, course.snapshot, BEN)] == ["holding"]
    other = workflow(StateDef("elsewhere"), carried=(HOLDING,))
    assert lines_carried(other, course.snapshot, BEN) == ()
