"""A second start toward the same person: what the first one leaves behind, and who may notice."""

from __future__ import annotations

import pytest

from engine.core.check_lately import check_lately
from engine.core.definition import (
    AskDef,
    AskedLately,
    AtMoment,
    BoardDef,
    Definition,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    NotThat,
    OnCommand,
    OnGathered,
    OnHolds,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.survey import answers_in, asks_in, parts_looked_at
from engine.core.values import DAY_MS, Nothing, Persons, Ref
from tests.engine.core.one_instance import Course, question, workflow

SIXTY = AskedLately("other", 60 * DAY_MS)
OTHER = DetailDef("other", "person", but=("host",))
HELPER = DetailDef("helper", "person", optional=True, but=("host", "other"))
TEXTS = {"help": "Take somebody along.", "told": "It was asked before.", "shown": "Shown."}
PARTS = {"other": (NamedIn("other"),), "helper": (NamedIn("helper"),)}
ON = OnCommand("on", ("host",))


def repair(*states: StateDef, asks: tuple[AskDef, ...] = (), **more: object) -> Definition:
    """Its starter names the other, and may take a helper along."""
    return workflow(
        *states,
        parts=PARTS,  # type: ignore[arg-type]
        details=(OTHER, HELPER),
        asks=(question("invited", "other", seen_by=("host",)), *asks),
        texts=TEXTS,
        **more,  # type: ignore[arg-type]
    )


def rule(*, when: object = SIXTY) -> Definition:
    """Whoever was asked lately is asked again only with a helper."""
    again = MoveDef(OnGathered(), "helped", when=when, tells=(TellDef(Part("host"), "help"),))  # type: ignore[arg-type]
    return repair(
        StateDef("naming", gather=("other",), moves=(again, MoveDef(OnGathered(), "inviting"))),
        StateDef("helped", gather=("helper",), moves=(MoveDef(OnGathered(), "inviting"),)),
        StateDef("inviting", asks=("invited",)),
    )


# ── what it does ─────────────────────────────────────────────────────────────


def test_whom_an_earlier_one_asked_lately_is_asked_with_a_helper_only_and_its_starter_hears_why() -> None:
    course = Course(rule()).begin()
    course.lately = {"other": {Ref("p2"): course.now_ms - 60 * DAY_MS}}
    course.give("p1", "other", Persons(("p2",)))
    assert (course.state, course.told("help")) == ("helped", ["p1"])


@pytest.mark.parametrize(
    "lately",
    [
        {},
        {"other": {Ref("p3"): 0}},
        {"helper": {Ref("p2"): 59 * DAY_MS}},
        {"other": {Ref("p2"): 61 * DAY_MS}},
    ],
)
def test_somebody_else_or_somebody_asked_longer_ago_is_asked_at_once(
    lately: dict[str, dict[Ref, int]],
) -> None:
    course = Course(rule()).begin()
    course.lately = {
        part: {who: course.now_ms - ago for who, ago in asked.items()} for part, asked in lately.items()
    }
    course.give("p1", "other", Persons(("p2",)))
    assert (course.state, course.told("help")) == ("inviting", [])


def test_what_this_one_has_put_to_somebody_is_no_earlier_question() -> None:
    again = MoveDef(ON, "over", when=SIXTY)
    definition = repair(
        StateDef("naming", gather=("other",), moves=(MoveDef(OnGathered(), "inviting"),)),
        StateDef("inviting", asks=("invited",), moves=(again, MoveDef(ON, "naming"))),
    )
    course = Course(definition).begin().give("p1", "other", Persons(("p2",)))
    assert course.asked("invited") == ["p2"]
    assert course.command("p1", "on").state == "inviting"


def test_the_parts_that_conditions_ask_about_are_known() -> None:
    assert parts_looked_at(rule()) == ("other",)
    assert parts_looked_at(rule(when=None)) == ()
    assert answers_in(SIXTY) == ()
    assert asks_in(NotThat(SIXTY), negative=True) == frozenset()


# ── who can be named ─────────────────────────────────────────────────────────


def test_nobody_can_name_themselves_as_the_other_and_the_question_stays() -> None:
    course = Course(rule()).begin().give("p1", "other", Persons(("p1",)))
    assert course.refused == "not_now"
    assert course.told("somebody_else") == ["p1"]
    assert course.snapshot.asks["detail:other"].open
    assert course.give("p1", "other", Persons(("p2",))).state == "inviting"


@pytest.mark.parametrize("who", ["p1", "p2"])
def test_neither_of_the_two_can_be_the_helper(who: str) -> None:
    course = Course(rule()).begin()
    course.lately = {"other": {Ref("p2"): course.now_ms}}
    course.give("p1", "other", Persons(("p2",))).give("p1", "helper", Persons((who,)))
    assert (course.state, course.told("somebody_else")) == ("helped", ["p1"])
    assert course.give("p1", "helper", Persons(("p3",))).state == "inviting"


def test_to_leave_it_open_names_nobody() -> None:
    course = Course(rule()).begin()
    course.lately = {"other": {Ref("p2"): course.now_ms}}
    course.give("p1", "other", Persons(("p2",))).give("p1", "helper", Nothing())
    assert course.state == "inviting"


def test_whoever_begins_it_with_their_own_name_is_asked_whom_they_mean() -> None:
    course = Course(rule()).begin(other=Persons(("p1",)))
    assert "other" not in course.snapshot.details
    assert course.asked("detail:other") == ["p1"]
    taken = Course(rule()).begin(other=Persons(("p2",)), unheard_of=Persons(("p1",)))
    assert (taken.state, "unheard_of" in taken.snapshot.details) == ("inviting", True)


# ── who may notice ───────────────────────────────────────────────────────────


def codes(definition: Definition) -> list[str]:
    return [finding.code for finding in check_lately(definition)]


def test_a_move_may_depend_on_it_and_what_the_starter_is_told_or_asked() -> None:
    assert codes(rule()) == []
    assert codes(rule(when=NotThat(SIXTY))) == []
    mine = question("mine", "host", when=SIXTY)
    told = TellDef(Part("host"), "told", SIXTY)
    assert codes(repair(StateDef("on", asks=("mine",), tells=(told,)), asks=(mine,))) == []


@pytest.mark.parametrize(
    "definition",
    [
        repair(StateDef("on", tells=(TellDef(Part("other"), "told", SIXTY),))),
        repair(StateDef("on", tells=(TellDef(Room(), "told", SIXTY),))),
        repair(StateDef("on", asks=("theirs",)), asks=(question("theirs", "helper", when=SIXTY),)),
        repair(StateDef("on", board=(BoardDef("host", "shown", SIXTY),))),
        repair(StateDef("on", public="shown", public_when=SIXTY)),
        repair(StateDef("on", moves=(MoveDef(OnHolds(SIXTY), "over"),))),
        repair(
            StateDef("on", moves=(MoveDef(ON, "over", when=SIXTY, tells=(TellDef(Part("other"), "told"),)),))
        ),
        repair(
            StateDef("on", moves=(MoveDef(ON, "next", when=SIXTY), MoveDef(ON, "over"))),
            StateDef("next", tells=(TellDef(Part("other"), "told"),)),
        ),
    ],
)
def test_nobody_else_is_shown_told_or_asked_anything_that_depends_on_it(definition: Definition) -> None:
    assert codes(definition) == ["told-of-others"]


def test_a_state_that_is_reached_otherwise_too_tells_nothing() -> None:
    later = MoveDef(AtMoment(MomentExpr("entering", DAY_MS)), "next")
    again = MoveDef(ON, "on", when=SIXTY)
    fresh = repair(
        StateDef("on", moves=(MoveDef(ON, "next", when=NotThat(SIXTY)), MoveDef(ON, "over"))),
        StateDef("next", asks=("invited",)),
    )
    assert codes(fresh) == []
    definition = repair(
        StateDef("on", asks=("invited",), moves=(MoveDef(ON, "next", when=SIXTY), later, again)),
        StateDef("next", asks=("invited",), tells=(TellDef(Part("host"), "told"),)),
    )
    assert codes(definition) == []


def test_a_part_that_nothing_is_put_to_was_never_asked() -> None:
    helper = MoveDef(ON, "over", when=AskedLately("helper", DAY_MS))
    assert codes(repair(StateDef("on", moves=(helper,)))) == ["nobody-asked"]
    told = DetailDef("wish", "words", asked="helper")
    asked = workflow(StateDef("on", moves=(helper,)), parts=PARTS, details=(told,))  # type: ignore[arg-type]
    assert codes(asked) == []
    unknown = repair(StateDef("on", moves=(MoveDef(ON, "over", when=AskedLately("nobody", DAY_MS)),)))
    assert codes(unknown) == []
