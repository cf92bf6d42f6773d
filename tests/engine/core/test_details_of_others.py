"""Details that somebody else than the starter is asked for: their no is protected, and they are known first."""

from __future__ import annotations

from engine.core.definition import (
    NO,
    AtMoment,
    Choice,
    DetailDef,
    DetailGiven,
    Everyone,
    MomentExpr,
    MoveDef,
    NamedIn,
    OneOf,
    OnGathered,
    OnHolds,
    StateDef,
)
from engine.core.effect import Ask, Confirm, SetTimer
from engine.core.message import Phrase, When
from engine.core.values import DAY_MS, Number, Persons, Picked
from tests.engine.core.one_instance import NOON_MS, Course, workflow

WEEK = MomentExpr("entering", 7 * DAY_MS)
CLOSES_MS = NOON_MS + 7 * DAY_MS


def walk(*details: DetailDef) -> Course:
    """A guide is found by chance and asked which way; after a week it goes on without."""
    states = (
        StateDef(
            "draft",
            gather=tuple(detail.name for detail in details),
            moves=(
                MoveDef(OnGathered(), "on"),
                MoveDef(AtMoment(WEEK), "without"),
                MoveDef(OnHolds(DetailGiven("way")), "on"),
            ),
        ),
        StateDef("on", moves=(MoveDef(AtMoment(WEEK), "draft"),)),
        StateDef("without", moves=(MoveDef(AtMoment(WEEK), "draft"),)),
    )
    definition = workflow(
        *states,
        parts={"walkers": [Everyone()], "guide": [OneOf("walkers", ("host",))]},
        details=details,
        texts={detail.name: "?" for detail in details},
    )
    return Course(definition, walkers=("p1", "p2", "p3", "p4")).begin()


WAY = DetailDef("way", "words", asked="guide")


def guide_of(course: Course) -> str:
    (guide,) = course.snapshot.groups["guide"]
    return guide


def test_whoever_did_not_begin_it_is_offered_a_no_and_hears_until_when() -> None:
    course = walk(WAY)
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    assert ask.who == guide_of(course)
    assert [option.id for option in ask.message.options] == [NO]
    until = Phrase("footer.detail_asked", slots={"until": When(CLOSES_MS)})
    assert ask.message.footer[0] == until
    assert ask.closes_ms == CLOSES_MS


def test_a_question_that_the_next_state_needs_too_stays_open_across_them() -> None:
    day, week = (AtMoment(MomentExpr("entering", days * DAY_MS)) for days in (1, 7))
    states = (
        StateDef("first", gather=("way",), moves=(MoveDef(OnGathered(), "on"), MoveDef(day, "second"))),
        StateDef("second", gather=("way",), moves=(MoveDef(OnGathered(), "on"), MoveDef(week, "on"))),
        StateDef("on"),
    )
    course = Course(workflow(*states, details=(DetailDef("way", "words"),), texts={"way": "?"})).begin()
    assert course.ring("at:01").state == "second"
    assert course.asked("detail:way") == []
    assert course.pass_days(5).write("p1", "detail:way").state == "on"


def test_the_starter_is_offered_no_no_to_their_own_question() -> None:
    course = walk(DetailDef("way", "choice", choices=(Choice("river", "🌊"),)))
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    assert (ask.who, [option.id for option in ask.message.options]) == ("p1", ["river"])
    assert course.answer("p1", "detail:way", NO).refused == "unknown_choice"


def test_a_no_to_a_detail_is_heard_by_nobody_and_moves_nothing_before_its_time() -> None:
    course = walk(WAY, DetailDef("bring", "number", asked="guide"))
    guide = guide_of(course)
    course.answer(guide, "detail:way", NO)
    assert course.effects == (
        Confirm(course.snapshot.groups["guide"][0], "detail:way", 1, course.confirmed()),
    )
    assert course.confirmed() == Phrase("ack.no", slots={"until": When(CLOSES_MS)})
    assert (course.state, course.snapshot.details) == ("draft", {})
    assert course.ring("at:01").state == "without"


def test_a_no_to_a_detail_leaves_what_silence_leaves() -> None:
    silent, declined = walk(WAY), walk(WAY)
    declined.answer(guide_of(declined), "detail:way", NO)
    for course in (silent, declined):
        course.ring("at:01")
    assert silent.effects == declined.effects


def test_whoever_has_said_no_to_a_detail_is_not_asked_again_when_somebody_leaves() -> None:
    course = walk(WAY)
    course.answer(guide_of(course), "detail:way", NO)
    course.leave(next(who for who in ("p2", "p3", "p4") if who != guide_of(course)))
    assert not [e for e in course.effects if isinstance(e, Ask | SetTimer)]


def test_a_no_to_a_detail_can_become_an_answer_and_be_taken_back() -> None:
    course = walk(WAY)
    guide = guide_of(course)
    course.answer(guide, "detail:way", NO).take_back(guide, "detail:way")
    assert course.confirmed() == Phrase("ack.took_back", slots={"until": When(CLOSES_MS)})
    course.answer(guide, "detail:way", NO).write(guide, "detail:way")
    assert course.state == "on"


def test_an_answer_that_becomes_a_no_while_more_is_gathered_is_not_held_any_more() -> None:
    number = DetailDef("bring", "number", asked="guide")
    course = walk(number, DetailDef("way", "words", asked="guide"))
    guide = guide_of(course)
    course.give(guide, "bring", Number(2)).answer(guide, "detail:bring", NO)
    assert course.snapshot.details == {}


def test_a_choice_of_ones_own_called_no_is_an_answer() -> None:
    course = walk(DetailDef("way", "choice", choices=(Choice(NO, "🙅"),), asked="guide"))
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    assert len(ask.message.options) == 1
    course.answer(guide_of(course), "detail:way", NO)
    assert course.snapshot.details["way"] == Picked(NO)


def test_each_time_chance_says_anew_whom_a_detail_is_asked_of() -> None:
    course, guides = walk(WAY), set()
    for seed in range(6):
        guides.add(guide_of(course))
        course.ring("at:01")
        course.seed = seed
        course.ring("at:00")
    assert len(guides) > 1


def test_a_detail_waits_until_somebody_is_the_part_that_is_asked() -> None:
    dish, cook = DetailDef("dish", "words", asked="cook"), DetailDef("cook", "person")
    states = (
        StateDef("draft", gather=("dish", "cook"), moves=(MoveDef(OnGathered(), "on"),)),
        StateDef("on"),
    )
    definition = workflow(
        *states, parts={"cook": [NamedIn("cook")]}, details=(dish, cook), texts={"dish": "?", "cook": "?"}
    )
    course = Course(definition).begin()
    assert (course.asked("detail:dish"), course.asked("detail:cook")) == ([], ["p1"])
    course.give("p1", "cook", Persons(("p2",)))
    assert course.asked("detail:dish") == ["p2"]
    assert course.write("p2", "detail:dish").state == "on"
