"""What people say to one instance, and what is kindly not taken."""

from __future__ import annotations

import pytest

from engine.core.decide import begin_details, decide, public_line
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    Choice,
    Circle,
    CountOf,
    DetailDef,
    Everyone,
    MomentExpr,
    MoveDef,
    OnCommand,
    OnGathered,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import Ask, Confirm, KeepText, Refusal, Reopen, Settle
from engine.core.event import Answered, Commanded, Due, Facts, Left, Started, TookBack
from engine.core.limits import USUAL, Reached
from engine.core.message import Count, Names, Text
from engine.core.values import (
    DAY_MS,
    HOUR_MS,
    AnyValue,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    TextId,
    Words,
)
from tests.engine.core.one_instance import NOON_MS, YES, Course, question, workflow

NOW = Facts(NOON_MS, NOON_MS)
STARTS = MomentExpr("opening", 3 * DAY_MS)


def supper() -> Course:
    """Two guests are asked by the host, to whom they may put questions."""
    ask = question("a", "guests", seen_by=("host", "guests"), question_to="host", changeable_until=STARTS)
    states = StateDef(
        "open",
        asks=("a",),
        moves=(
            MoveDef(OnCommand("thank", ("host",)), "over", tells=(TellDef(AnsweredBy("a", ("yes",)), "ty"),)),
        ),
    )
    definition = workflow(states, parts={"guests": [Everyone()]}, asks=[ask], texts={"ty": "Thank you."})
    return Course(definition, guests=("p2", "p3")).begin()


# ── before and after ─────────────────────────────────────────────────────────


def test_what_has_not_begun_hears_nothing_and_what_has_begun_begins_once() -> None:
    course = supper()
    assert decide(course.definition, None, Left(Ref("p2")), NOW) == Refusal("not_begun")
    assert course.happen(Started(Ref("p2"))).refused == "already_begun"


def test_once_it_is_over_whoever_speaks_hears_so() -> None:
    course = supper().answer("p2", "a", "yes").command("p1", "thank")
    assert course.told("ty") == ["p2"]
    assert course.happen(Commanded("thank", Ref("p1"))).told("over") == ["p1"]
    assert course.happen(Left(Ref("p2"))).refused == "over"
    assert course.answer("p3", "a", "yes").told("closed") == ["p3"]
    assert any(isinstance(effect, Settle) for effect in course.effects)
    assert public_line(course.definition, course.snapshot) is None


def test_a_timer_that_is_stale_or_early_and_a_second_leaving_change_nothing() -> None:
    course = supper().leave("p3")
    assert course.leave("p3").refused == "no_change"
    assert course.happen(Due("close:a:1", 7)).refused == "stale_timer"
    assert course.happen(Due("close:a:1", 1)).refused == "stale_timer"


# ── answers that cannot be taken ─────────────────────────────────────────────


def test_words_for_a_question_that_does_not_exist_are_not_kept() -> None:
    course = supper().happen(Answered("nothing", 1, Ref("p2"), text=TextId("t")))
    assert course.refused == "unknown_ask"
    assert [e for e in course.effects if isinstance(e, KeepText)] == [KeepText(TextId("t"), NOON_MS)]
    assert course.happen(TookBack("nothing", 1, Ref("p2"))).refused == "unknown_ask"


def test_a_choice_that_is_not_on_offer_leaves_the_question_open() -> None:
    course = supper().answer("p2", "a", "perhaps")
    assert course.refused == "unknown_choice"
    assert any(isinstance(effect, Reopen) for effect in course.effects)


def test_whoever_asks_the_room_does_not_answer_themselves() -> None:
    ask = AskDef("open", Room(), choices=YES, seen_by=("host", "circle"))
    course = (
        Course(workflow(StateDef("open", asks=("open",)), asks=[ask])).begin().answer("p1", "open", "yes")
    )
    assert course.refused == "not_asked"


def test_what_is_settled_cannot_be_taken_back() -> None:
    course = supper().answer("p2", "a", "yes")
    course.now_ms += 8 * DAY_MS
    assert course.take_back("p2", "a").refused == "closed"


def test_whoever_could_not_come_after_all_is_known_to_the_others_but_not_told_of_themselves() -> None:
    course = supper().answer("p2", "a", "yes").answer("p2", "a", NO)
    assert course.told("gone") == ["p1", "p3"]


def test_whoever_begins_something_hears_so_at_once_or_in_a_moment_what_follows() -> None:
    assert Course(workflow(StateDef("open"))).begin().told("begun") == ["p1"]
    at_once = MoveDef(AtMoment(MomentExpr("entering")), "next")
    course = Course(workflow(StateDef("open", moves=(at_once,)), StateDef("next"))).begin()
    assert course.told("begun") == []
    assert course.ring("at:00").told("begun") == ["p1"]


# ── words that move it on ──────────────────────────────────────────────────────


def closing_hours() -> Course:
    """The host may end it once somebody comes; nobody else may."""
    enough = CountOf((("a", "yes"),), ">=", 1)
    moves = (MoveDef(OnCommand("thank", ("host",)), "over", when=enough),)
    definition = workflow(
        StateDef("open", asks=("a",), moves=moves),
        parts={"guests": [Everyone()]},
        asks=[question("a", "guests")],
    )
    return Course(definition, guests=("p2", "p3")).begin()


def test_a_word_that_is_somebody_elses_moves_nothing_and_they_hear_so() -> None:
    course = closing_hours().answer("p2", "a", "yes").command("p2", "thank")
    assert (course.refused, course.state) == ("not_yours", "open")
    assert course.told("not_yours") == ["p2"]


def test_a_word_that_comes_too_soon_moves_nothing_and_they_hear_so() -> None:
    course = closing_hours().command("p1", "thank")
    assert (course.refused, course.state) == ("not_now", "open")
    assert course.told("not_now") == ["p1"]
    assert course.answer("p2", "a", "yes").command("p1", "thank").state == "over"


# ── what is said without asking ──────────────────────────────────────────────


def farewell(*tells: TellDef, board: BoardDef | None = None) -> Course:
    """The host writes ``thank``, and whatever is said on the way is said."""
    enough = MoveDef(OnCommand("thank", ("host",)), "over", tells=tells)
    definition = workflow(
        StateDef("open", asks=("a",), moves=(enough,), board=(board,) if board else ()),
        parts={"guests": [Everyone()]},
        asks=[question("a", "guests", seen_by=("host",))],
        texts={"ty": "Thank you.", "list": "<a.yes>"},
        gaps={"list": ("a.yes",)},
    )
    return Course(definition, room=("p1", "p2", "p3"), guests=("p2",)).begin()


def test_it_is_said_only_where_its_condition_holds() -> None:
    tell = TellDef(Part("guests"), "ty", when=CountOf((("a", "yes"),), ">=", 1))
    assert farewell(tell).command("p1", "thank").told("ty") == []
    assert farewell(tell).answer("p2", "a", "yes").command("p1", "thank").told("ty") == ["p2"]


def test_it_is_said_to_everybody_who_is_in_the_room_then_or_once_in_the_room_itself() -> None:
    assert farewell(TellDef(Circle(but=("host",)), "ty")).command("p1", "thank").told("ty") == ["p2", "p3"]
    course = farewell(TellDef(Room(), "ty")).command("p1", "thank")
    assert (course.posted(), course.told("ty")) == ([["ty"]], [])


def test_a_board_whose_condition_does_not_hold_yet_is_not_there_yet() -> None:
    board = BoardDef("host", "list", when=CountOf((("a", "yes"),), ">=", 1))
    course = farewell(board=board)
    assert course.shown("p1") == []
    assert [line.key for line in course.answer("p2", "a", "yes").shown("p1")] == ["list"]


def test_a_moment_that_rests_on_a_date_nobody_gave_is_not_waited_for() -> None:
    move = MoveDef(AtMoment(MomentExpr("starts")), "over")
    definition = workflow(StateDef("open", moves=(move,)), details=[DetailDef("starts", "moment")])
    assert Course(definition).begin().snapshot.timers == {}
    given = Course(definition).begin(starts=Moment(NOON_MS + DAY_MS))
    assert given.ring("at:00").state == "over"


# ── asked again and again ────────────────────────────────────────────────────


def every_week(until: MomentExpr | None = None) -> Course:
    """Two guests are asked every week how it goes; the host reads what they write."""
    ask = question("a", "guests", words=True, seen_by=("host",), every_ms=7 * DAY_MS, until=until)
    moves = (MoveDef(OnCommand("stop_it", ("host",)), "over"),)
    states = StateDef("open", asks=("a",), moves=moves)
    return Course(workflow(states, parts={"guests": [Everyone()]}, asks=[ask]), guests=("p2", "p3")).begin()


@pytest.mark.parametrize("until", [MomentExpr("opening", 2 * DAY_MS), MomentExpr("opening", 30 * DAY_MS)])
def test_what_is_repeated_is_asked_after_its_time_and_then_each_time_anew(until: MomentExpr) -> None:
    course = every_week(until)
    assert "a" not in course.snapshot.asks
    assert course.ring("again:a:0").asked("a") == ["p2", "p3"]
    assert course.now_ms == NOON_MS + 7 * DAY_MS
    course.write("p2", "a")
    if course.snapshot.asks["a"].closes_ms < NOON_MS + 14 * DAY_MS:
        course.ring("close:a:1")
    assert course.ring("again:a:0").asked("a") == ["p2", "p3"]
    assert course.now_ms == NOON_MS + 14 * DAY_MS
    state = course.snapshot.asks["a"]
    assert (state.round, state.answers) == (2, {})
    assert course.happen(Answered("a", 1, Ref("p3"), text=TextId("late"))).refused == "closed"


def test_what_is_repeated_is_asked_no_more_once_it_is_over() -> None:
    assert every_week().command("p1", "stop_it").snapshot.timers == {}


# ── a guest's question ───────────────────────────────────────────────────────


def test_a_question_is_carried_to_the_host_and_its_answer_back() -> None:
    course = supper().write("p2", "a")
    name = "question:a:p2:1"
    assert course.asked(name) == ["p1"]
    assert [e.line.key for e in course.effects if isinstance(e, Confirm)] == ["ack.question"]
    course.write("p1", name)
    assert course.told("answer_from") == ["p2"]
    assert course.confirmed().key == "ack.words"


def test_a_second_question_is_one_of_its_own_and_there_is_an_end_to_them() -> None:
    course = supper()
    for n in range(1, USUAL.questions_per_guest + 1):
        assert course.write("p2", "a").asked(f"question:a:p2:{n}") == ["p1"]
    assert course.write("p2", "a").told("limit.guest") == ["p2"]
    assert course.refused == "questions_per_guest"
    assert course.effects[-1] == Reached("questions_per_guest")


def test_a_question_goes_to_nobody_once_the_host_has_left() -> None:
    assert supper().leave("p1").write("p2", "a").refused == "not_now"


def test_an_answer_for_whoever_has_left_is_kept_to_itself() -> None:
    course = supper().write("p2", "a").leave("p2").write("p1", "question:a:p2:1")
    assert course.told("answer_from") == []


def test_a_question_can_be_left_without_words() -> None:
    course = supper().write("p2", "a").happen(Answered("question:a:p2:1", 1, Ref("p1"), choice=NO))
    assert course.refused is None
    assert course.told("answer_from") == []


def test_two_who_talk_go_on_though_the_state_moves() -> None:
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "more"),)),
        StateDef("more", keeps=("a",), moves=(MoveDef(OnCommand("end", ("host",)), "over"),)),
    )
    definition = workflow(
        *states, parts={"guests": [Everyone()]}, asks=[question("a", "guests", question_to="host")]
    )
    course = Course(definition, guests=("p2",)).begin().write("p2", "a").command("p1", "on")
    assert not course.snapshot.asks["question:a:p2:1"].settled
    assert course.command("p1", "end").snapshot.asks["question:a:p2:1"].settled


# ── details ──────────────────────────────────────────────────────────────────


def gathering(*details: DetailDef, **more: object) -> Course:
    names = tuple(detail.name for detail in details)
    states = (StateDef("draft", gather=names, moves=(MoveDef(OnGathered(), "open"),)), StateDef("open"))
    texts = dict.fromkeys(names, "?")
    return Course(workflow(*states, details=details, texts=texts, **more)).begin()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("detail", "value", "key"),
    [
        (DetailDef("it", "number"), Nothing(), "unknown_choice"),
        (DetailDef("it", "person"), Nothing(), "unknown_choice"),
        (DetailDef("it", "people"), Persons(("p1",)), "need_people"),
        (DetailDef("it", "moment"), Moment(NOON_MS), "moment_past"),
    ],
)
def test_a_value_that_does_not_do_is_asked_for_again(detail: DetailDef, value: AnyValue, key: str) -> None:
    course = gathering(detail).give("p1", "it", value)
    assert course.state == "draft"
    assert course.told(key) == ["p1"]


@pytest.mark.parametrize(
    ("detail", "value"),
    [
        (DetailDef("it", "number", optional=True), Nothing()),
        (DetailDef("it", "words", optional=True), Nothing()),
        (DetailDef("it", "person"), Persons(("p2",))),
        (DetailDef("it", "person"), Persons(("p1",))),
        (DetailDef("it", "people"), Persons(("p2", "p3"))),
        (DetailDef("it", "moment", not_past=False), Moment(NOON_MS)),
    ],
)
def test_a_value_that_does_is_held(detail: DetailDef, value: AnyValue) -> None:
    course = gathering(detail).give("p1", "it", value)
    assert course.state == "open"
    assert course.snapshot.details["it"] == value


def test_words_are_held_by_id_and_choices_by_name() -> None:
    kind = DetailDef("kind", "choice", choices=(Choice("big", "🐘"),))
    course = gathering(DetailDef("what", "words"), kind).write("p1", "detail:what")
    assert course.snapshot.details["what"] == Words(TextId("t1"))
    assert course.confirmed().slots == {"value": Text(TextId("t1"))}
    course.happen(Answered("detail:kind", 1, Ref("p1"), choice="small"))
    assert course.told("unknown_choice") == ["p1"]
    course.happen(Answered("detail:kind", 1, Ref("p1"), choice="big"))
    assert course.snapshot.details["kind"] == Picked("big")


def test_everyone_is_as_good_as_names_where_a_file_asks_for_either() -> None:
    reach = DetailDef("reach", "choice", choices=(Choice("everyone", ""), Choice("named", "")))
    states = (StateDef("draft", gather=("guests",), moves=(MoveDef(OnGathered(), "open"),)), StateDef("open"))
    definition = workflow(
        *states, details=[DetailDef("guests", "people"), reach], texts={"guests": "?"}, reach="reach"
    )
    course = Course(definition).begin().give("p1", "guests", Picked("everyone"))
    assert course.snapshot.details == {"guests": Persons(()), "reach": Picked("everyone")}
    assert begin_details(definition, (), everyone=True, words=None) == course.snapshot.details
    assert begin_details(definition, ("p2",), everyone=False, words=None)["reach"] == Picked("named")


def test_what_was_said_with_the_beginning_goes_to_the_first_detail_that_takes_it() -> None:
    details = (DetailDef("n", "number"), DetailDef("what", "words"), DetailDef("why", "words"))
    definition = gathering(*details).definition
    found = begin_details(definition, (), everyone=False, words=TextId("t"))
    assert found == {"what": Words(TextId("t"))}


def test_a_detail_that_is_taken_back_is_asked_for_anew() -> None:
    course = gathering(DetailDef("a", "number"), DetailDef("b", "number")).give("p1", "a", Number(1))
    assert course.take_back("p1", "detail:a").asked("detail:a") == ["p1"]
    assert "a" not in course.snapshot.details


def test_defaults_stand_in_for_what_nobody_was_asked() -> None:
    details = (
        DetailDef("starts", "moment"),
        DetailDef("seats", "number", default_number=8),
        DetailDef("kind", "choice", choices=YES, default_choice="yes"),
        DetailDef("reply_by", "moment", default_moment=MomentExpr("starts", -DAY_MS)),
        DetailDef("later", "moment", default_moment=MomentExpr("nothing", DAY_MS)),
        DetailDef("open", "words"),
    )
    states = (StateDef("draft", gather=("starts",), moves=(MoveDef(OnGathered(), "open"),)), StateDef("open"))
    course = Course(workflow(*states, details=details, texts={"starts": "?"})).begin()
    course.give("p1", "starts", Moment(NOON_MS + HOUR_MS))
    held = course.snapshot.details
    assert (held["seats"], held["kind"]) == (Number(8), Picked("yes"))
    assert held["reply_by"] == Moment(NOON_MS + HOUR_MS // 2), (
        "too soon for a day before: the middle of what is left"
    )
    assert held.keys() == {"starts", "seats", "kind", "reply_by"}


def test_what_only_a_part_can_tell_that_nobody_is_yet_is_asked_of_nobody() -> None:
    course = gathering(DetailDef("it", "number", asked="nobody_yet"))
    assert [e for e in course.effects if isinstance(e, Ask)] == []
    assert course.state != "over"


def test_what_is_said_of_an_ask_that_was_never_put_is_empty() -> None:
    definition = workflow(
        StateDef(
            "open",
            asks=("a",),
            moves=(MoveDef(OnCommand("on", ("host",)), "over", tells=(TellDef(Part("host"), "who"),)),),
        ),
        parts={"guests": [Everyone()]},
        asks=[question("a", "guests")],
        texts={"who": "<a.yes>"},
        gaps={"who": ("a.yes", "b.yes", "gone b", "not joining b")},
    )
    course = Course(definition, guests=("p2",)).begin().answer("p2", "a", "yes").command("p1", "on")
    (told,) = [e for e in course.effects if getattr(e, "who", "") == "p1" and hasattr(e, "urgency")]
    assert told.message.lines[0].slots == {
        "a.yes": Names(("p2",)),
        "b.yes": Names(()),
        "gone b": Names(()),
        "not joining b": Count(0),
    }  # type: ignore[union-attr]


def test_that_a_yes_is_taken_back_in_a_private_matter_is_said_without_a_name() -> None:
    """It comes without a knock."""
    until = MomentExpr("opening", 2 * DAY_MS)
    a = question("a", "guests", seen_by=("host",), changeable_until=until, sensitive=True)
    parts = {"guests": (Everyone(("host",)),)}
    definition = workflow(StateDef("open", asks=("a",)), asks=[a], parts=parts)
    course = Course(definition, guests=("p2",)).begin().answer("p2", "a", "yes").answer("p2", "a", NO)
    assert (course.told("gone"), course.told("gone.private")) == ([], ["p1"])


@pytest.mark.parametrize(("seen_by", "mine"), [("host", ""), ("me", "_mine")])
@pytest.mark.parametrize(("poll", "kind"), [(True, "sensitive_poll"), (False, "sensitive")])
def test_the_foot_of_a_private_question_names_the_poll_where_there_is_one(
    seen_by: str, mine: str, poll: bool, kind: str
) -> None:
    ask = question("a", "guests", seen_by=(seen_by,), sensitive=True, poll=poll)
    definition = workflow(StateDef("open", asks=("a",)), parts={"guests": [Everyone()]}, asks=[ask])
    (put,) = [e for e in Course(definition, guests=("p2",)).begin().effects if isinstance(e, Ask)]
    assert put.message.footer[0].key == f"footer.{kind}{mine}"
