"""Where the people of a part come from."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import sources, view
from engine.core.definition import (
    AnsweredBy,
    AtMoment,
    BoardDef,
    Contacts,
    DetailDef,
    Everyone,
    HolderOf,
    MomentExpr,
    MoveDef,
    NamedBy,
    NamedIn,
    OnAnswer,
    OnCommand,
    OneOf,
    Part,
    Source,
    Starter,
    StateDef,
    Stewards,
    TellDef,
)
from engine.core.message import Names
from engine.core.sources import MOST_KNOWN, draw, sought_parts
from engine.core.values import DAY_MS, Persons, Ref
from engine.core.view import View, people_now
from tests.engine.core.one_instance import Course, question, workflow

A_DAY = MomentExpr("entering", DAY_MS)


@pytest.mark.parametrize("source", [Everyone(), HolderOf("Facilitation"), Stewards(), Contacts()])
def test_people_who_lie_outside_are_those_of_the_facts(source: Source) -> None:
    definition = workflow(
        StateDef("open", asks=("a",)), parts={"them": [source]}, asks=[question("a", "them")]
    )
    assert Course(definition, them=("p4", "p2")).begin().asked("a") == ["p4", "p2"]


def test_everyone_but_some_leaves_them_out_however_else_they_would_belong() -> None:
    parts = {"others": [Everyone(but=("host", "guests")), Stewards()], "guests": [NamedIn("guests")]}
    definition = workflow(
        StateDef("open", asks=("a",)),
        parts=parts,
        asks=[question("a", "others")],
        details=[DetailDef("guests", "people")],
    )
    course = Course(definition, others=("p1", "p2", "p3", "p4"))
    assert course.begin(guests=Persons(("p3",))).asked("a") == ["p2", "p4"]


def test_two_parts_that_leave_each_other_out_are_found_all_the_same() -> None:
    parts = {"these": [Everyone(but=("those",))], "those": [Everyone(but=("these",))]}
    definition = workflow(StateDef("open", asks=("a",)), parts=parts, asks=[question("a", "these")])
    course = Course(definition, these=("p1", "p2"), those=("p2",))
    assert course.begin().asked("a") == ["p1"]


def test_several_sources_are_one_after_another_and_each_person_once() -> None:
    parts = {"team": [Starter(), NamedIn("guests"), Stewards()]}
    definition = workflow(
        StateDef("open", asks=("a",)),
        parts=parts,
        asks=[question("a", "team")],
        details=[DetailDef("guests", "people")],
    )
    course = Course(definition, team=("p2", "p5"))
    assert course.begin(guests=Persons(("p3", "p2"))).asked("a") == ["p1", "p3", "p2", "p5"]


def test_a_part_that_nobody_knows_is_nobody() -> None:
    definition = workflow(StateDef("open", asks=("a",)), asks=[question("a", "nobody_knows_them")])
    assert Course(definition).begin().asked("a") == []


# ── found when something is put to them, and remembered ──────────────────────


def stewards_asked_twice() -> Course:
    """The stewards are asked in one state, told and asked again in the next."""
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "more"),)),
        StateDef("more", asks=("b",), tells=(TellDef(Part("stewards"), "hello"),)),
    )
    asks = [question("a", "stewards", seen_by=("host",)), question("b", "stewards", seen_by=("host",))]
    definition = workflow(*states, parts={"stewards": [Stewards()]}, asks=asks, texts={"hello": "Hello."})
    return Course(definition, stewards=("p2", "p3"))


def test_whoever_was_asked_stays_asked_though_others_come() -> None:
    course = stewards_asked_twice().begin()
    course.groups = {"stewards": (Ref("p4"),)}
    course.answer("p2", "a", "yes")
    assert course.refused is None
    assert course.snapshot.asks["a"].asked == ("p2", "p3")
    assert course.answer("p4", "a", "yes").refused == "not_asked"


def test_the_next_thing_is_put_to_who_it_is_then() -> None:
    course = stewards_asked_twice().begin()
    course.groups = {"stewards": (Ref("p3"), Ref("p4"))}
    course.command("p1", "on")
    assert course.asked("b") == course.told("hello") == ["p3", "p4"]


def test_a_view_without_facts_sees_whom_the_instance_remembers() -> None:
    course = stewards_asked_twice().begin()
    assert course.snapshot.groups == {"stewards": ("p2", "p3")}
    assert people_now(course.definition, course.snapshot, "stewards") == ("p2", "p3")


def test_whoever_has_left_is_asked_no_more() -> None:
    course = stewards_asked_twice().begin().leave("p3").command("p1", "on")
    assert course.asked("b") == ["p2"]


def test_a_tell_between_two_states_finds_them_too() -> None:
    move = MoveDef(OnCommand("on", ("host",)), "more", tells=(TellDef(Part("stewards"), "hello"),))
    definition = workflow(
        StateDef("open", moves=(move,)),
        StateDef("more"),
        parts={"stewards": [Stewards()]},
        texts={"hello": "Hello."},
    )
    course = Course(definition, stewards=("p2",)).begin()
    course.groups = {"stewards": (Ref("p3"),)}
    assert course.command("p1", "on").told("hello") == ["p3"]


def read_by_stewards() -> Course:
    """The host answers, the stewards see it on a board; then the state moves on, and the host is asked again."""
    states = (
        StateDef(
            "open",
            asks=("a",),
            board=(BoardDef("stewards", "list"),),
            moves=(MoveDef(OnCommand("on", ("host",)), "more"),),
        ),
        StateDef(
            "more",
            board=(BoardDef("stewards", "list"),),
            moves=(MoveDef(OnCommand("again", ("host",)), "open"),),
        ),
    )
    definition = workflow(
        *states,
        parts={"stewards": [Stewards()]},
        asks=[question("a", "host", seen_by=("stewards",))],
        texts={"list": "<a.yes>"},
        gaps={"list": ("a.yes",)},
    )
    return Course(definition, stewards=("p2",)).begin()


def test_an_answer_is_never_seen_by_more_than_was_said_when_it_was_asked() -> None:
    course = read_by_stewards().answer("p1", "a", "yes")
    course.groups = {"stewards": (Ref("p2"), Ref("p3"))}
    course.command("p1", "on")
    assert course.shown("p2") == [], "it reads as before"
    assert not course.shown("p3")


def test_with_nothing_answered_yet_those_who_see_it_are_found_afresh() -> None:
    course = read_by_stewards()
    course.groups = {"stewards": (Ref("p3"),)}
    course.command("p1", "on")
    assert course.shown("p3")


def test_who_is_said_to_read_an_answer_stays_so_as_long_as_it_is_waited_for() -> None:
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "more"),)),
        StateDef("more", keeps=("a",), tells=(TellDef(Part("stewards"), "hello"),)),
    )
    definition = workflow(
        *states,
        parts={"stewards": [Stewards()], "members": [Everyone()]},
        asks=[question("a", "members", words=True, seen_by=("stewards",))],
        texts={"hello": "Hello."},
    )
    course = Course(definition, stewards=("p2",), members=("p4",)).begin()
    course.groups = {**course.groups, "stewards": (Ref("p2"), Ref("p3"))}
    course.command("p1", "on").write("p4", "a")
    assert course.shown("p2")
    assert not course.shown("p3")


# ── one of them ──────────────────────────────────────────────────────────────


def one_of(*sources: Source, but: tuple[str, ...] = ("host",)) -> Course:
    """One of the members is asked, and asked anew (by chance) each day."""
    states = StateDef(
        "open",
        asks=("a",),
        moves=(MoveDef(AtMoment(A_DAY), "open"), MoveDef(OnCommand("x", ("buddy",)), "over")),
    )
    definition = workflow(
        states,
        parts={"members": [Everyone()], "buddy": [*sources, OneOf("members", but)]},
        asks=[question("a", "buddy")],
    )
    return Course(definition, members=("p1", "p2", "p3", "p4"))


@given(st.integers(0, 2**48 - 1))
def test_one_is_found_by_chance_and_never_one_who_is_left_out(seed: int) -> None:
    course = one_of()
    course.seed = seed
    (found,) = course.begin().asked("a")
    assert found in ("p2", "p3", "p4")
    assert people_now(course.definition, course.snapshot, "buddy") == (found,)
    assert course.snapshot.powers == {Ref(found): ("x",)}


def test_chance_finds_everybody_about_equally_often() -> None:
    among = tuple(Ref(f"p{n}") for n in range(1, 6))
    found = Counter(draw(seed, "buddy", among)[0] for seed in range(5_000))
    assert set(found) == set(among)
    assert min(found.values()) > 800


def test_the_same_seed_finds_the_same_person_and_each_part_its_own() -> None:
    among = tuple(Ref(f"p{n}") for n in range(1, 30))
    assert draw(7, "buddy", among) == draw(7, "buddy", among)
    assert any(draw(seed, "buddy", among) != draw(seed, "second", among) for seed in range(10))


def test_chance_is_asked_again_each_time_an_ask_opens() -> None:
    course, found = one_of().begin(), set()
    for seed in range(20):
        course.seed = seed
        course.ring("at:00")
        found.update(course.asked("a"))
    assert found == {"p2", "p3", "p4"}


@pytest.mark.parametrize("seed", range(8))
def test_whom_chance_has_found_it_stays_until_they_are_asked_anew(seed: int) -> None:
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "more"),)),
        StateDef("more", tells=(TellDef(Part("buddy"), "hello"),)),
    )
    definition = workflow(
        *states,
        parts={"members": [Everyone()], "buddy": [OneOf("members")]},
        asks=[question("a", "buddy")],
        texts={"hello": "Hello."},
    )
    course = Course(definition, members=("p2", "p3", "p4", "p5")).begin()
    found = course.asked("a")
    course.seed = seed + 1
    assert course.command("p1", "on").told("hello") == found


def test_nobody_who_is_gone_is_found_and_nobody_at_all_if_nobody_is_left() -> None:
    course = one_of().begin()
    for who in ("p2", "p3", "p4"):
        course.leave(who)
        course.ring("at:00")
        assert who not in course.asked("a")
    assert course.asked("a") == []
    assert course.snapshot.groups["buddy"] == ()


def test_chance_may_stand_beside_people_who_lie_outside() -> None:
    course = one_of(Stewards())
    course.groups |= {"buddy": (Ref("p9"),)}
    first, by_lot = course.begin().asked("a")
    assert first == "p9"
    assert by_lot in ("p2", "p3", "p4")


def test_two_found_by_chance_are_two_people() -> None:
    course = one_of(OneOf("members"))
    for seed in range(20):
        course.seed = seed
        course.begin() if seed == 0 else course.ring("at:00")
        assert len(set(course.asked("a"))) == 2


# ── those whom answers name ──────────────────────────────────────────────────


def nominating(naming: str = "people", **more: object) -> Course:
    """The members name people, whom the host reads of; then those named are asked whether they would."""
    states = (
        StateDef("open", asks=("nominate",), moves=(MoveDef(OnCommand("on", ("host",)), "asking"),)),
        StateDef("asking", asks=("would",), keeps=("nominate",)),
    )
    asks = [
        question("nominate", "members", naming=naming, seen_by=("host",), **more),
        question("would", "nominees", seen_by=("host",)),
    ]
    parts: dict[str, list[Source]] = {"members": [Everyone()], "nominees": [NamedBy("nominate")]}
    return Course(workflow(*states, parts=parts, asks=asks), members=("p1", "p2", "p3", "p4")).begin()


def test_those_named_by_answers_are_people_each_once_in_the_order_they_were_named() -> None:
    course = nominating().name("p2", "nominate", "p4", "p3").pass_days(1).name("p3", "nominate", "p1", "p4")
    assert course.command("p1", "on").asked("would") == ["p4", "p3", "p1"]


def test_a_changed_answer_names_only_whom_it_names_now() -> None:
    course = nominating().name("p2", "nominate", "p4").name("p2", "nominate", "p3")
    assert course.command("p1", "on").asked("would") == ["p3"]


def test_whoever_sees_the_answer_reads_who_names_whom() -> None:
    course = nominating().name("p2", "nominate", "p4", "p3")
    (line,) = course.shown("p1")
    assert line.key == "names_from"
    assert line.slots == {"who": Names(("p2",)), "named": Names(("p4", "p3"))}
    confirmed = course.confirmed()
    assert confirmed.key == "ack.named"
    assert confirmed.slots["named"] == Names(("p4", "p3"))


def test_names_that_are_taken_back_are_gone_for_the_reader_too() -> None:
    course = nominating().name("p2", "nominate", "p4").take_back("p2", "nominate")
    assert [line.key for line in course.shown("p1")] == ["text.gone"]
    assert course.command("p1", "on").asked("would") == []


def test_after_it_has_closed_a_name_is_confirmed_without_a_date() -> None:
    states = StateDef("open", asks=("nominate",), moves=(MoveDef(OnAnswer("nominate"), "over"),))
    definition = workflow(
        states, parts={"members": [Everyone()]}, asks=[question("nominate", "members", naming="person")]
    )
    confirmed = Course(definition, members=("p2",)).begin().name("p2", "nominate", "p3").confirmed()
    assert confirmed.key == "ack.detail"
    assert confirmed.slots == {"value": Names(("p3",))}


@pytest.mark.parametrize(("naming", "people"), [("person", ("p3", "p4")), ("person", ()), ("people", ())])
def test_an_answer_that_does_not_name_as_asked_is_kindly_asked_for_again(
    naming: str, people: tuple[str, ...]
) -> None:
    course = nominating(naming).name("p2", "nominate", *people)
    assert course.refused == "unknown_choice"
    assert course.told("need_names") == ["p2"]


def test_people_are_no_answer_to_a_question_with_choices() -> None:
    course = nominating().command("p1", "on")
    definition = workflow(
        StateDef("open", asks=("a",)), parts={"them": [Everyone()]}, asks=[question("a", "them")]
    )
    course = Course(definition, them=("p2",)).begin().name("p2", "a", "p3")
    assert course.refused == "unknown_choice"


def test_a_no_is_as_welcome_where_people_are_named() -> None:
    course = nominating().answer("p2", "nominate", "no")
    assert course.refused is None
    assert course.shown("p1") == []
    assert course.command("p1", "on").asked("would") == []


def test_those_who_answered_are_a_source_beside_others() -> None:
    definition = workflow(
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "more"),)),
        StateDef("more", asks=("b",)),
        parts={"members": [Everyone()], "team": [Starter(), AnsweredBy("a", ("yes",))]},
        asks=[question("a", "members"), question("b", "team")],
    )
    course = Course(definition, members=("p2", "p3")).begin().answer("p3", "a", "yes").command("p1", "on")
    assert course.asked("b") == ["p1", "p3"]


def test_only_so_many_definitions_are_kept_in_mind() -> None:
    for n in range(MOST_KNOWN + 10):
        definition = workflow(StateDef("open"), parts={"them": [Stewards()]}, name=f"w{n}")
        sought_parts(definition)
        View(definition, Course(definition).begin().snapshot).linked("a")
        assert len(sources._sought) <= MOST_KNOWN
        assert len(view._links) <= view.MOST_LINKS
