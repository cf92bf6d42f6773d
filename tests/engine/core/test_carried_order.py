"""The numbers of ``what I carried``: in the order in which things ended, and only of what somebody took part in."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.carried_order import afterwards_in_order, took_part
from engine.core.definition import (
    AnsweredBy,
    CarriedDef,
    Definition,
    DetailDef,
    MoveDef,
    NamedIn,
    OnCommand,
    StateDef,
)
from engine.core.instance import Snapshot
from engine.core.values import InstanceId, Persons, Ref
from tests.engine.core.one_instance import Course, question, workflow

ANA, BEN, CHEN = Ref("p1"), Ref("p2"), Ref("p3")


def carrying(**more: object) -> Definition:
    """Ana names people, who may take it; whoever is named holds it, and so does Ana."""
    return workflow(
        StateDef("open", asks=("take",), moves=(MoveDef(OnCommand("rest", ("host",)), "resting"),)),
        StateDef("resting", final=True, outcome="over"),
        parts={"named": [NamedIn("named")], "gladly": [AnsweredBy("take", ("yes",))]},
        asks=[question("take", "named")],
        details=[DetailDef("named", "people")],
        texts={"line": "a line"},
        carried=(
            CarriedDef("host", "role", after="line"),
            CarriedDef("named", "role", after="line"),
        ),
        **more,
    )


def course(*, answers: bool = True, **more: object) -> Course:
    begun = Course(carrying(**more)).begin(named=Persons((BEN, CHEN)))
    return begun.answer(BEN, "take", "yes") if answers else begun


def ended(name: str, ended_ms: int) -> tuple[Definition, Snapshot, Ref]:
    definition = carrying()
    snapshot = course().command(ANA, "rest").snapshot
    return definition, replace(snapshot, id=InstanceId(name), finished_ms=ended_ms), ANA


def test_what_ended_first_is_number_one_however_early_something_else_began() -> None:
    found = afterwards_in_order([ended("b", 30), ended("a", 30), ended("c", 10)])
    assert [(line.instance, line.ended_ms) for line in found] == [("c", 10), ("a", 30), ("b", 30)]
    assert {line.phrase.key for line in found} == {"line"}


def test_what_still_runs_or_says_nothing_afterwards_has_no_number() -> None:
    definition, snapshot, _ = ended("a", 30)
    silent = replace(definition, carried=())
    running = replace(snapshot, finished_ms=None)
    assert afterwards_in_order([(definition, running, ANA), (silent, snapshot, ANA)]) == ()


def test_whoever_is_only_named_has_carried_nothing_and_whoever_answered_or_began_it_has() -> None:
    definition, snapshot, _ = ended("a", 30)
    lines = {who: afterwards_in_order([(definition, snapshot, who)]) for who in (ANA, BEN, CHEN)}
    assert [len(line) for line in lines.values()] == [1, 1, 0]


def test_whoever_took_their_answer_back_has_taken_part_all_the_same() -> None:
    taken_back = course().take_back(BEN, "take")
    assert took_part(taken_back.definition, taken_back.snapshot, BEN)
    assert not took_part(taken_back.definition, taken_back.snapshot, CHEN)


def test_whom_something_else_made_the_starter_takes_part_once_something_was_put_to_them() -> None:
    begun = course(answers=False)
    for definition, snapshot in (
        (begun.definition, replace(begun.snapshot, parent=InstanceId("p"))),
        (replace(begun.definition, begins_for="arriving"), begun.snapshot),
    ):
        assert not took_part(definition, snapshot, ANA)
        state = snapshot.asks["take"]
        asked = replace(snapshot, asks={"take": replace(state, asked=(ANA,))})
        assert took_part(definition, asked, ANA)
