"""Answers that stay hidden until they are shown to everybody at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.decide import public_line
from engine.core.definition import (
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    CountOf,
    Definition,
    DetailDef,
    Hidden,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnClosed,
    OnCommand,
    OnGathered,
    OnHolds,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import Ask, Effect, KeepText, Show, Tell
from engine.core.event import Answered, Due, Left
from engine.core.message import Count, Names, Said, When
from engine.core.values import DAY_MS, Moment, Persons, Ref
from tests.engine.core.one_instance import NOON_MS, YES, Course, workflow

CLOSED = Hidden(until_closed=True)
IN_TWO_DAYS = Hidden(MomentExpr("opening", 2 * DAY_MS))
SHOWN = Hidden()
GUESTS = Persons(("p2", "p3", "p4"))
A_WEEK = MomentExpr("entering", 7 * DAY_MS)


def circle(hidden: Hidden, *, moves: tuple[MoveDef, ...] = (), **more: object) -> Definition:
    """Three guests are asked; the host has a board, and reads what they write."""
    ask = AskDef(
        "a",
        Part("guests"),
        **({"choices": YES, "words": True, "seen_by": ("host",), "hidden": hidden} | more),
    )
    board = BoardDef("host", "board")
    states = (
        StateDef(
            "open",
            asks=("a",),
            board=(board, BoardDef("host", "enough", CountOf((("a", "yes"),), ">=", 2))),
            moves=(*moves, MoveDef(OnCommand("show", ("host",)), "seen"), MoveDef(AtMoment(A_WEEK), "over")),
            public="line",
        ),
        StateDef(
            "seen", keeps=("a",), shows=("a",), board=(board,), moves=(MoveDef(AtMoment(A_WEEK), "over"),)
        ),
    )
    gaps = dict.fromkeys(("board", "line"), ("a.yes", "number of a.yes", "gone a", "not joining a", "takers"))
    return workflow(
        *states,
        parts={"guests": [NamedIn("guests")], "takers": [AnsweredBy("a", ("yes",))]},
        asks=[ask],
        details=[DetailDef("guests", "people")],
        texts={key: key for key in ("board", "line", "enough", "a.say")},
        gaps=gaps,
    )


def begun(hidden: Hidden, **more: object) -> Course:
    return Course(circle(hidden, **more)).begin(guests=GUESTS)  # type: ignore[arg-type]


def seen_by_others(effects: tuple[Effect, ...], who: str) -> list[Effect]:
    """What an event set off for anybody but ``who``; end dates and timers are seen by nobody."""
    return [e for e in effects if getattr(e, "who", None) != who and not isinstance(e, KeepText)]


def keys(course: Course, who: str) -> list[str]:
    """What the last event showed somebody, the board aside."""
    return [line.key for line in course.shown(who) if line.key != "board"]


@pytest.mark.parametrize("hidden", [CLOSED, IN_TWO_DAYS, SHOWN])
def test_while_it_is_hidden_nobody_else_sees_that_anything_was_answered(hidden: Hidden) -> None:
    course = begun(hidden)
    acts: list[tuple[str, Callable[[], Course]]] = [
        ("p2", lambda: course.write("p2", "a")),
        ("p3", lambda: course.answer("p3", "a", "yes")),
        ("p4", lambda: course.answer("p4", "a", "yes")),
        ("p4", lambda: course.answer("p4", "a", "no")),
        ("p3", lambda: course.take_back("p3", "a")),
    ]
    for who, act in acts:
        assert seen_by_others(act().effects, who) == []


@pytest.mark.parametrize("hidden", [CLOSED, IN_TWO_DAYS, SHOWN])
def test_placeholders_and_parts_read_as_empty_while_it_is_hidden(hidden: Hidden) -> None:
    course = begun(hidden).answer("p2", "a", "yes")
    line = public_line(course.definition, course.snapshot)
    assert line is not None
    assert line.slots == {
        "a.yes": Names(()),
        "number of a.yes": Count(0),
        "gone a": Names(()),
        "not joining a": Count(0),
        "takers": Names(()),
    }


def test_hidden_answers_count_for_moves_all_the_same() -> None:
    enough = MoveDef(OnHolds(CountOf((("a", "yes"),), ">=", 2)), "over")
    course = begun(CLOSED, moves=(enough,)).answer("p2", "a", "yes")
    assert course.state == "open"
    assert course.answer("p3", "a", "yes").state == "over"


def test_when_it_closes_words_are_passed_on_in_the_order_they_were_written_and_boards_follow() -> None:
    course = (
        begun(CLOSED).pass_days(1).write("p3", "a").pass_days(1).write("p2", "a").answer("p4", "a", "yes")
    )
    course.ring("close:a:1")
    shown = course.shown("p1")
    assert [line.key for line in shown] == ["words_from", "words_from", "board"]
    assert [line.slots["who"] for line in shown[:2]] == [Names(("p3",)), Names(("p2",))]
    assert shown[2].slots["a.yes"] == Names(("p4",))
    assert course.snapshot.asks["a"].shown


def test_in_the_room_nobody_stands_under_the_question_until_it_has_closed() -> None:
    ask = AskDef("a", Room(), choices=YES, seen_by=("circle",), hidden=CLOSED)
    moves = (MoveDef(AtMoment(A_WEEK), "over"),)
    course = Course(workflow(StateDef("open", asks=("a",), moves=moves), asks=[ask])).begin()
    course.answer("p2", "a", "yes")
    assert course.posted() == []
    course.ring("close:a:1")
    assert course.posted() == [["a.say", "room.taken"]]


def in_room() -> Course:
    """Everybody in the room is asked; who answered is hidden until a state shows it."""
    ask = AskDef("a", Room(), choices=YES, seen_by=("circle",), hidden=SHOWN)
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("show", ("host",)), "seen"),)),
        StateDef("seen", keeps=("a",), shows=("a",), moves=(MoveDef(AtMoment(A_WEEK), "over"),)),
    )
    return Course(workflow(*states, asks=[ask])).begin()


def test_a_question_that_has_closed_in_the_room_names_nobody_until_a_state_shows_it() -> None:
    course = in_room().answer("p2", "a", "yes").ring("close:a:1")
    assert course.posted() == [["a.say"]]
    assert course.command("p1", "show").posted() == [["a.say", "room.taken"]]
    assert course.snapshot.asks["a"].settled


def test_a_question_that_nobody_answered_stands_in_the_room_as_it_was() -> None:
    course = in_room().ring("close:a:1")
    assert course.command("p1", "show").posted() == []


def test_which_line_the_circle_may_read_does_not_turn_on_hidden_answers() -> None:
    ask = AskDef("a", Part("guests"), choices=YES, seen_by=("host",), hidden=CLOSED)
    state = StateDef(
        "open",
        asks=("a",),
        moves=(MoveDef(AtMoment(A_WEEK), "over"),),
        public="enough",
        public_when=CountOf((("a", "yes"),), ">=", 1),
        public_otherwise="not yet",
    )
    definition = workflow(
        state, parts={"guests": [NamedIn("guests")]}, asks=[ask], details=[DetailDef("guests", "people")]
    )
    course = Course(definition).begin(guests=GUESTS).answer("p2", "a", "yes")
    line = public_line(course.definition, course.snapshot)
    assert line is not None
    assert line.key == "not yet"


def test_nobody_is_shown_their_own_words() -> None:
    course = begun(CLOSED, seen_by=("host", "guests")).write("p2", "a").ring("close:a:1")
    assert keys(course, "p2") == []
    assert keys(course, "p3") == keys(course, "p1") == ["words_from"]


def test_leaving_the_state_closes_it_too() -> None:
    moves = (MoveDef(OnCommand("on", ("host",)), "over"),)
    course = begun(CLOSED, moves=moves).write("p2", "a").command("p1", "on")
    assert keys(course, "p1") == ["words_from"]


@pytest.mark.parametrize(("hidden", "to"), [(CLOSED, "over"), (SHOWN, "seen")])
def test_what_is_said_on_the_way_out_knows_what_is_shown_by_going(hidden: Hidden, to: str) -> None:
    said = (TellDef(Part("host"), "board"),)
    course = begun(hidden, moves=(MoveDef(OnCommand("on", ("host",)), to, tells=said),))
    course.answer("p2", "a", "yes").command("p1", "on")
    (told,) = [e.message.lines[0] for e in course.effects if isinstance(e, Tell)]
    assert told.slots["a.yes"] == Names(("p2",))


def test_a_move_when_it_closes_finds_it_shown_already() -> None:
    course = begun(CLOSED, moves=(MoveDef(OnClosed("a"), "seen"),)).answer("p2", "a", "yes").ring("close:a:1")
    assert course.state == "seen"
    assert course.shown("p1")[-1].slots["a.yes"] == Names(("p2",))


def test_at_its_moment_it_is_shown_whether_or_not_it_is_still_open() -> None:
    course = begun(IN_TWO_DAYS).write("p2", "a")
    assert course.snapshot.timers["show:a:1"].due_ms == NOON_MS + 2 * DAY_MS
    course.ring("show:a:1")
    assert keys(course, "p1") == ["words_from"]
    assert course.snapshot.asks["a"].open
    assert "show:a:1" not in course.snapshot.timers


@pytest.mark.parametrize("unsigned", [None, 5])
def test_when_its_date_is_moved_the_moment_it_is_shown_moves_too(unsigned: int | None) -> None:
    day_before = MomentExpr("when", -DAY_MS)
    ask = AskDef(
        "a",
        Part("guests"),
        words=True,
        seen_by=("host",),
        until=MomentExpr("when"),
        changeable_until=MomentExpr("when", DAY_MS),
        hidden=Hidden(day_before),
        unsigned=unsigned,
    )
    definition = workflow(
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("move", ("host",)), "moving"),)),
        StateDef(
            "moving",
            gather=("when",),
            again=("when",),
            keeps=("a",),
            moves=(MoveDef(OnGathered(), "moved"),),
        ),
        StateDef("moved", keeps=("a",), moves=(MoveDef(AtMoment(A_WEEK), "over"),)),
        parts={"guests": [NamedIn("guests")]},
        asks=[ask],
        details=[DetailDef("guests", "people"), DetailDef("when", "moment")],
    )
    guests = Persons(tuple(f"p{n}" for n in range(2, 10)))
    first_ms, then_ms = NOON_MS + 3 * DAY_MS, NOON_MS + 6 * DAY_MS
    course = Course(definition).begin(guests=guests, when=Moment(first_ms)).write("p2", "a")
    course.command("p1", "move").give("p1", "when", Moment(then_ms))
    state = course.snapshot.asks["a"]
    assert state.closes_ms == then_ms
    if unsigned:
        assert (state.changeable_ms, "show:a:1" in course.snapshot.timers) == (then_ms, False)
        wish = Answered("fewer:a:p2", 1, Ref("p2"), choice="name")
        assert course.pass_days(5).happen(wish).refused is None
    else:
        assert state.changeable_ms == then_ms + DAY_MS
        assert course.snapshot.timers["show:a:1"].due_ms == then_ms - DAY_MS


def test_a_state_that_shows_it_shows_it() -> None:
    course = begun(SHOWN).write("p2", "a").answer("p3", "a", "yes").command("p1", "show")
    assert [line.key for line in course.shown("p1")] == ["words_from", "board"]


def test_an_edit_after_it_was_shown_is_seen_at_once() -> None:
    course = begun(IN_TWO_DAYS).write("p2", "a").ring("show:a:1").write("p2", "a")
    assert keys(course, "p1") == ["words_from"]
    assert keys(course.take_back("p2", "a"), "p1") == ["text.gone"]


def test_a_yes_that_nobody_saw_and_that_became_a_no_is_a_no_like_any_other() -> None:
    until = MomentExpr("opening", 7 * DAY_MS)
    for act in ("no", "back"):
        course = begun(CLOSED, until=MomentExpr("opening", DAY_MS), changeable_until=until)
        course.answer("p2", "a", "yes")
        if act == "no":
            assert course.answer("p2", "a", "no").confirmed().key == "ack.no"
        else:
            course.take_back("p2", "a")
        course.ring("close:a:1")
        assert course.shown("p1")[-1].slots["gone a"] == Names(())
        course.happen(Left(Ref("p4")))
        assert course.told("gone") == []


@pytest.mark.parametrize("act", ["no", "back"])
def test_a_yes_that_nobody_saw_goes_without_a_word_to_anybody(act: str) -> None:
    until = MomentExpr("opening", 7 * DAY_MS)
    course = begun(SHOWN, until=MomentExpr("opening", DAY_MS), changeable_until=until)
    course.answer("p2", "a", "yes")
    if act == "no":
        course.answer("p2", "a", "no")
    else:
        course.take_back("p2", "a")
    assert seen_by_others(course.effects, "p2") == []


def test_a_yes_that_was_shown_and_became_a_no_is_told_as_always() -> None:
    until = MomentExpr("opening", 7 * DAY_MS)
    course = begun(CLOSED, until=MomentExpr("opening", DAY_MS), changeable_until=until)
    course.answer("p2", "a", "yes").ring("close:a:1").answer("p2", "a", "no")
    assert course.told("gone") == ["p1"]


def test_what_was_taken_back_before_is_never_shown() -> None:
    course = begun(CLOSED).write("p2", "a").take_back("p2", "a").ring("close:a:1")
    assert keys(course, "p1") == []


def test_nothing_is_shown_any_more_once_all_is_over_before_the_moment() -> None:
    moves = (MoveDef(OnCommand("on", ("host",)), "over"),)
    course = begun(IN_TWO_DAYS, moves=moves).write("p2", "a").command("p1", "on")
    assert course.shown("p1") == []
    assert course.snapshot.timers == {}


def test_a_new_round_is_hidden_again() -> None:
    ask_again = (MoveDef(OnCommand("again", ("host",)), "open"),)
    course = begun(CLOSED, moves=ask_again).write("p2", "a").command("p1", "again")
    assert keys(course, "p1")[0] == "words_from"
    assert not course.snapshot.asks["a"].shown
    assert keys(course.write("p2", "a"), "p1") == []


def test_the_moment_of_an_earlier_round_shows_nothing_of_the_next() -> None:
    ask_again = (MoveDef(OnCommand("again", ("host",)), "open"),)
    course = begun(IN_TWO_DAYS, moves=ask_again)
    first = course.snapshot.timers["show:a:1"]
    course.pass_days(1).command("p1", "again").write("p2", "a").pass_days(1)
    assert course.happen(Due("show:a:1", first.entry)).refused == "stale_timer"
    assert not course.snapshot.asks["a"].shown
    assert keys(course.ring("show:a:2"), "p1") == ["words_from"]


def test_an_ask_that_takes_the_place_of_one_that_was_never_put_is_put_all_the_same() -> None:
    instead = AskDef("b", Part("guests"), choices=YES, seen_by=("host",), replaces=("a",))
    first = AskDef("a", Part("guests"), choices=YES, when=CountOf((("b", "yes"),), ">=", 1))
    definition = workflow(
        StateDef("open", asks=("a", "b"), moves=(MoveDef(AtMoment(A_WEEK), "over"),)),
        parts={"guests": [NamedIn("guests")]},
        asks=[first, instead],
        details=[DetailDef("guests", "people")],
    )
    course = Course(definition).begin(guests=GUESTS)
    assert (course.asked("a"), course.asked("b")) == ([], ["p2", "p3", "p4"])


def test_hidden_answers_that_another_ask_replaces_are_never_shown() -> None:
    instead = AskDef("b", Part("guests"), choices=YES, seen_by=("host",), replaces=("a",))
    first = circle(CLOSED)
    states = {
        **first.states,
        "again": StateDef("again", asks=("b",), keeps=("a",), moves=first.states["seen"].moves),
    }
    opened = states["open"]
    states["open"] = StateDef(
        "open", asks=("a",), moves=(*opened.moves, MoveDef(OnCommand("on", ("host",)), "again"))
    )
    definition = workflow(
        *(s for s in states.values() if not s.final),
        parts={"guests": [NamedIn("guests")]},
        asks=[*first.asks.values(), instead],
        details=first.details.values(),
    )
    course = Course(definition).begin(guests=GUESTS).write("p2", "a").command("p1", "on")
    assert course.asked("b") == ["p2", "p3", "p4"]
    assert "words_from" not in keys(course, "p1")


@pytest.mark.parametrize(
    ("hidden", "said"),
    [
        (CLOSED, lambda seen: Said("seen.after_closing", slots={"seen": seen})),
        (
            IN_TWO_DAYS,
            lambda seen: Said("seen.after", slots={"seen": seen, "until": When(NOON_MS + 2 * DAY_MS)}),
        ),
        (SHOWN, lambda seen: Said("seen.once_shown", slots={"seen": seen})),
    ],
)
def test_the_foot_of_the_question_and_the_thanks_say_until_when_it_is_hidden(
    hidden: Hidden, said: Callable[[Said], Said]
) -> None:
    course = begun(hidden)
    (message,) = [e.message for e in course.effects if isinstance(e, Ask) and e.who == "p2"]
    seen = said(Said("seen.people", slots={"who": Names(("p1",))}))
    assert message.footer[0].slots["seen"] == seen
    assert course.write("p2", "a").confirmed().slots["seen"] == seen


# ── two runs that differ only in what one person said ────────────────────────

sayings = st.lists(
    st.sampled_from(["yes", "maybe", "no", "words", "back", "silence"]), min_size=1, max_size=4
)


@given(sayings, sayings, st.sampled_from([CLOSED, IN_TWO_DAYS, SHOWN]))
def test_until_it_is_shown_nobody_else_can_tell_what_one_person_said(
    one: list[str], other: list[str], hidden: Hidden
) -> None:
    assert others_saw(one, hidden) == others_saw(other, hidden)


def others_saw(says: list[str], hidden: Hidden) -> list[object]:
    course = begun(hidden)
    saw: list[object] = []
    for word in says:
        match word:
            case "words":
                course.write("p2", "a")
            case "back":
                course.take_back("p2", "a")
            case "silence":
                continue
            case choice:
                course.answer("p2", "a", choice)
        saw += seen_by_others(course.effects, "p2")
    course.answer("p3", "a", "yes")
    saw += [e for e in seen_by_others(course.effects, "p2") if not isinstance(e, Show) or e.who != "p3"]
    return [*saw, public_line(course.definition, course.snapshot)]
