"""Details: what fits, what is never asked for, and the bot's own questions for them."""

from __future__ import annotations

import pytest

from engine.core.decide import begin_details, public_line
from engine.core.definition import (
    AskDef,
    Choice,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnAnswer,
    OnCommand,
    OnGathered,
    OwnText,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import Ask, Empower, Post, Tell
from engine.core.event import Answered
from engine.core.message import Count, Names, Phrase, Plain, Said, When
from engine.core.phrasing import phrase
from engine.core.values import DAY_MS, AnyValue, Moment, Nothing, Number, Persons, Ref
from engine.core.view import View, called
from tests.engine.core.one_instance import NOON_MS, YES, Course, question, workflow


def gathering(*details: DetailDef, **more: object) -> Course:
    """Everything is gathered, then it goes on to ``open``."""
    names = tuple(detail.name for detail in details)
    return Course(
        workflow(
            StateDef("draft", gather=names, moves=(MoveDef(OnGathered(), "open"),)),
            StateDef("open"),
            details=details,
            texts=dict.fromkeys(names, "?"),
            **more,  # type: ignore[arg-type]
        )
    )


def people(n: int) -> Persons:
    return Persons(tuple(f"p{number}" for number in range(2, 2 + n)))


# ── what fits ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("least", "most", "key", "slots"),
    [
        (3, 5, "bounds.people.between", {"least": Count(3), "most": Count(5)}),
        (3, None, "bounds.people.least", {"n": Count(3)}),
        (None, 5, "bounds.people.most", {"n": Count(5)}),
        (4, 4, "bounds.people.exactly", {"n": Count(4)}),
    ],
)
def test_too_few_or_too_many_people_hear_how_many_would_fit(
    least: int | None, most: int | None, key: str, slots: dict[str, Count]
) -> None:
    course = gathering(DetailDef("crew", "people", least=least, most=most)).begin()
    for n in (1, 9):
        if (n == 1 and least is None) or (n == 9 and most is None):
            continue
        course.give("p1", "crew", people(n))
        assert course.refused == "not_now"
        assert course.state == "draft"
        (told,) = [e for e in course.effects if isinstance(e, Tell)]
        assert told.message.lines == (Phrase(key, slots=dict(slots)),)
    assert course.give("p1", "crew", people(4)).state == "open"


@pytest.mark.parametrize(("n", "fits"), [(0, False), (1, True), (20, True), (21, False)])
def test_a_number_lies_between_its_bounds(n: int, fits: bool) -> None:
    course = gathering(DetailDef("seats", "number", least=1, most=20)).begin().give("p1", "seats", Number(n))
    assert (course.state == "open") == fits
    assert course.told("bounds.number.between") == ([] if fits else ["p1"])


@pytest.mark.parametrize("value", [Nothing(), Moment(NOON_MS + DAY_MS)])
def test_bounds_are_for_people_and_numbers_only(value: AnyValue) -> None:
    kind = "moment" if isinstance(value, Moment) else "number"
    detail = DetailDef("it", kind, least=2, most=3, optional=True)  # type: ignore[arg-type]
    assert gathering(detail).begin().give("p1", "it", value).state == "open"


def test_people_named_in_the_beginning_who_are_too_few_are_asked_for() -> None:
    definition = gathering(DetailDef("crew", "people", least=2)).definition
    assert begin_details(definition, ("p2",), everyone=False, words=None) == {}
    assert begin_details(definition, ("p2", "p3"), everyone=False, words=None) == {
        "crew": Persons(("p2", "p3"))
    }


def test_of_two_people_named_in_the_beginning_none_is_taken_for_the_one_that_is_asked_for() -> None:
    definition = gathering(DetailDef("cook", "person")).definition
    assert begin_details(definition, ("p2", "p3"), everyone=False, words=None) == {}
    assert begin_details(definition, ("p2",), everyone=False, words=None) == {"cook": Persons(("p2",))}


# ── those that come with the beginning ───────────────────────────────────────


def test_a_detail_that_comes_with_the_beginning_is_never_asked_for() -> None:
    given = DetailDef("mentioned", "people", given=True)
    course = gathering(given, DetailDef("seats", "number"), parts={"them": [NamedIn("mentioned")]}).begin()
    assert course.asked("detail:mentioned") == []
    assert course.asked("detail:seats") == ["p1"]
    assert course.give("p1", "seats", Number(1)).state == "open"


def test_whoever_is_mentioned_in_the_beginning_is_known() -> None:
    definition = gathering(DetailDef("mentioned", "people", given=True)).definition
    details = begin_details(definition, ("p2", "p3"), everyone=False, words=None)
    assert Course(definition).begin(**details).snapshot.details == {"mentioned": Persons(("p2", "p3"))}


def test_nobody_is_asked_for_a_detail_who_has_left() -> None:
    course = gathering(DetailDef("a", "number"), DetailDef("b", "number", asked="host")).begin()
    course.leave("p1")
    assert course.state == "draft"
    assert course.asked("detail:a") == []


# ── the bot's own sentences ──────────────────────────────────────────────────

OWN = {
    "seats": OwnText("detail.number", words=(("what", "seats"),)),
    "kind": OwnText("detail.choice", words=(("what", "kind"),)),
    "kind.big": OwnText("steps.big"),
    "few.say": OwnText("steps.few", gaps=(("who", "host"), ("n", "number of few.yes"), ("when", "starts"))),
    "few.yes": OwnText("steps.yes", words=(("what", "small"),)),
    "called": OwnText("steps.called", gaps=(("n", "seats"),)),
    "line": OwnText("steps.line"),
}


def own_words() -> Course:
    """A workflow that has hardly a sentence of its own."""
    kind = DetailDef("kind", "choice", choices=(Choice("big", "🐘"),))
    return Course(
        workflow(
            StateDef("draft", gather=("seats", "kind"), moves=(MoveDef(OnGathered(), "open"),)),
            StateDef(
                "open",
                asks=("few",),
                moves=(MoveDef(OnAnswer("few", "yes"), "over", tells=(TellDef(Part("host"), "line"),)),),
                public="line",
            ),
            asks=[question("few", "host")],
            details=[DetailDef("seats", "number"), kind, DetailDef("starts", "moment")],
            texts={"few.maybe": "Maybe"},
            own=OWN,
        )
    )


def test_a_detail_without_a_question_is_asked_for_in_the_bots_own_words() -> None:
    course = own_words().begin()
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    assert ask.message.lines == (Phrase("detail.number", slots={"what": Plain("seats")}),)


def test_labels_may_be_the_bots_own_too() -> None:
    course = own_words().begin().give("p1", "seats", Number(3))
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    assert [option.label for option in ask.message.options] == [Phrase("steps.big")]


def test_gaps_of_the_bots_own_sentences_are_filled_from_the_file() -> None:
    course = own_words().begin(starts=Moment(NOON_MS + DAY_MS)).give("p1", "seats", Number(3))
    course.happen(Answered("detail:kind", 1, Ref("p1"), choice="big"))
    assert course.confirmed().slots == {"value": Said("steps.big")}
    (ask,) = [e for e in course.effects if isinstance(e, Ask)]
    slots = {"who": Names(("p1",)), "n": Count(0), "when": When(NOON_MS + DAY_MS)}
    assert ask.message.lines == (Phrase("steps.few", slots=slots),)
    labels = [
        Phrase("steps.yes", slots={"what": Plain("small")}),
        Phrase("few.maybe", course.definition.digest),
    ]
    assert [option.label for option in ask.message.options[:2]] == labels
    assert public_line(course.definition, course.snapshot) == Phrase("steps.line")
    course.answer("p1", "few", "yes")
    assert course.confirmed() == Phrase(
        "ack.detail", slots={"value": Said("steps.yes", slots={"what": Plain("small")})}
    )
    assert course.told("steps.line") == ["p1"]


def test_what_it_is_called_may_be_the_bots_own_sentence() -> None:
    course = own_words().begin(seats=Number(3))
    assert called(course.definition, course.snapshot) == Phrase("steps.called", slots={"n": Count(3)})


def test_a_sentence_of_the_file_goes_before_the_bots_own() -> None:
    definition = workflow(StateDef("open"), texts={"line": "Ours."}, own={"line": OwnText("steps.line")})
    view = View(definition, Course(definition).begin().snapshot)
    assert phrase(view, "line") == Phrase("line", definition.digest)


def test_in_the_room_a_label_of_the_bots_own_stands_before_who_took_it_up() -> None:
    ask = AskDef("open", Room(), choices=YES[:1], seen_by=("circle",))
    definition = workflow(
        StateDef("open", asks=("open",)), asks=[ask], own={"open.yes": OwnText("steps.join")}
    )
    course = Course(definition).begin().answer("p2", "open", "yes")
    (post,) = [e for e in course.effects if isinstance(e, Post)]
    assert post.message.lines[1].slots["label"] == Said("steps.join")


# ── dates that follow from others ────────────────────────────────────────────


def dated(offset_ms: int, base: str = "starts") -> Course:
    """It starts some day; guests answer by a moment that is reckoned from it unless it was given."""
    by = DetailDef("answer_by", "moment", default_moment=MomentExpr(base, offset_ms))
    return Course(workflow(StateDef("open"), details=[DetailDef("starts", "moment"), by]))


def test_a_date_nobody_gave_is_reckoned_and_lies_halfway_where_it_would_be_past() -> None:
    starts = Moment(NOON_MS + 4 * DAY_MS)
    assert dated(-DAY_MS).begin(starts=starts).snapshot.details["answer_by"] == Moment(NOON_MS + 3 * DAY_MS)
    assert dated(-7 * DAY_MS).begin(starts=starts).snapshot.details["answer_by"] == Moment(
        NOON_MS + 2 * DAY_MS
    )
    past = Moment(NOON_MS - DAY_MS)
    assert dated(-DAY_MS).begin(starts=past).snapshot.details["answer_by"] == Moment(NOON_MS - 2 * DAY_MS)
    assert "answer_by" not in dated(-DAY_MS).begin().snapshot.details


def test_a_new_date_takes_the_place_of_the_old_one_and_what_is_promised_to_people_follows() -> None:
    later = DetailDef("later", "moment", becomes="starts")
    ask = question("a", "guests", until=MomentExpr("starts", -DAY_MS), changeable_until=MomentExpr("starts"))
    move = MoveDef(OnCommand("move", ("host",)), "moving")
    states = (
        StateDef("open", asks=("a",), moves=(move,)),
        StateDef("moving", gather=("later",), keeps=("a",), moves=(MoveDef(OnGathered(), "moved"),)),
        StateDef("moved", keeps=("a",)),
    )
    definition = workflow(
        *states,
        parts={"guests": [NamedIn("guests")]},
        asks=[ask],
        details=[DetailDef("guests", "people"), DetailDef("starts", "moment"), later],
    )
    first_ms, then_ms = NOON_MS + 3 * DAY_MS, NOON_MS + 9 * DAY_MS
    course = Course(definition).begin(guests=people(2), starts=Moment(first_ms))
    course.answer("p2", "a", "yes").ring("close:a:1")
    course.command("p1", "move").give("p1", "later", Moment(then_ms))
    assert course.state == "moved"
    assert course.snapshot.details["starts"] == Moment(then_ms)
    assert course.snapshot.timers["fix:a:1"].due_ms == then_ms
    assert "close:a:1" not in course.snapshot.timers, "what has closed does not open again"
    course.now_ms = first_ms + DAY_MS
    assert course.answer("p2", "a", "no").refused is None
    assert course.answer("p3", "a", "yes").refused == "closed"


def test_a_command_is_about_what_it_is_called_or_about_nothing() -> None:
    open_ = StateDef("open", moves=(MoveDef(OnCommand("stop_it", ("host",)), "over"),))
    course = Course(workflow(open_)).begin()
    (power,) = [e for e in course.effects if isinstance(e, Empower)]
    assert power.about == Phrase("called.nothing")
