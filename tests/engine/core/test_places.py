"""Places: who has one, who waits, and what happens when one comes free."""

from __future__ import annotations

import random

import pytest

from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    BoardDef,
    Choice,
    CountOf,
    DetailDef,
    Everyone,
    MomentExpr,
    MoveDef,
    OnAnswer,
    OnCommand,
    OnHolds,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import Confirm, Post, Tell
from engine.core.message import Count, Names
from engine.core.values import DAY_MS, HOUR_MS, Number
from engine.core.view import View, people_now
from tests.engine.core.one_instance import YES, Course, question, workflow

IN = (Choice("in", "🙋"),)
STARTS = MomentExpr("opening", 3 * DAY_MS)


def table(places: int | str | None, *moves: MoveDef, board: bool = False) -> Course:
    """Members are asked to a table with so many places; ``go`` tells those who come."""
    ask = question(
        "a",
        "members",
        seen_by=("host",),
        places=places,
        until=MomentExpr("opening", DAY_MS),
        changeable_until=STARTS,
    )
    states = (
        StateDef(
            "open",
            asks=("a",),
            board=(BoardDef("host", "list"),) if board else (),
            moves=(*moves, MoveDef(OnCommand("go", ("host",)), "going")),
        ),
        StateDef("going", keeps=("a",), tells=(TellDef(Part("coming"), "going"),)),
    )
    definition = workflow(
        *states,
        parts={"members": [Everyone()], "coming": [AnsweredBy("a", ("yes",))]},
        asks=[ask],
        details=[DetailDef("seats", "number")],
        texts={"going": "It is on.", "list": "<a.yes> <number waiting for a>", "called": "supper"},
        gaps={"list": ("a.yes", "number waiting for a")},
    )
    return Course(definition, members=("p2", "p3", "p4", "p5"))


def coming(course: Course) -> tuple[str, ...]:
    return people_now(course.definition, course.snapshot, "coming")


def full(places: int | str = 2) -> Course:
    """Two places are taken, one person waits."""
    course = table(places).begin(seats=Number(2))
    for who in ("p2", "p3", "p4"):
        course.answer(who, "a", "yes")
    return course


@pytest.mark.parametrize("places", [2, "seats"])
def test_whoever_comes_first_has_a_place_and_whoever_comes_later_waits(places: int | str) -> None:
    course = full(places)
    assert coming(course) == ("p2", "p3")
    assert course.confirmed().key == "ack.waiting"
    assert course.command("p1", "go").told("going") == ["p2", "p3"]


def test_while_there_are_places_nobody_hears_of_them() -> None:
    course = table(2).begin().answer("p2", "a", "yes")
    assert course.confirmed().key == "ack.choice"


def test_without_a_number_there_are_places_for_all() -> None:
    course = table("seats").begin()
    for who in ("p2", "p3", "p4", "p5"):
        course.answer(who, "a", "yes")
    assert coming(course) == ("p2", "p3", "p4", "p5")


def test_a_maybe_takes_no_place_and_never_waits() -> None:
    course = table(1).begin().answer("p2", "a", "maybe").answer("p3", "a", "yes")
    assert coming(course) == ("p3",)
    assert course.answer("p4", "a", "maybe").confirmed().key == "ack.choice"
    assert View(course.definition, course.snapshot).who_said("a", "maybe") == ("p2", "p4")


def test_when_a_place_comes_free_the_first_who_waits_moves_up_and_hears_of_it() -> None:
    course = full().answer("p5", "a", "yes").answer("p2", "a", NO)
    assert coming(course) == ("p3", "p4")
    assert course.told("places.free") == ["p4"]
    (told,) = [e for e in course.effects if isinstance(e, Tell) and e.who == "p4"]
    assert told.message.lines[0].slots["about"].key == "called"  # type: ignore[union-attr]


def test_somebody_who_leaves_or_takes_their_answer_back_leaves_a_place_free() -> None:
    assert full().leave("p2").told("places.free") == ["p4"]
    course = full().take_back("p3", "a")
    assert course.told("places.free") == ["p4"]
    assert coming(course) == ("p2", "p4")


def test_whoever_waits_and_goes_away_takes_nothing_from_anybody() -> None:
    course = full().answer("p4", "a", NO)
    assert course.told("places.free") == []
    assert course.told("gone") == []
    assert coming(course) == ("p2", "p3")


@pytest.mark.parametrize("act", ["no", "back"])
def test_whoever_only_waited_and_goes_away_is_named_to_nobody_and_moves_nothing(act: str) -> None:
    course = table(1, MoveDef(OnAnswer("a", "no"), "going"), board=True).begin()
    course.answer("p2", "a", "yes").answer("p3", "a", "yes")
    if act == "no":
        assert course.answer("p3", "a", NO).confirmed().key == "ack.no"
    else:
        course.take_back("p3", "a")
    assert course.state == "open"
    view = View(course.definition, course.snapshot)
    assert view.who_turned("a") == ()
    (line,) = course.shown("p1")
    assert line.slots == {"a.yes": Names(("p2",)), "number waiting for a": Count(0)}


def test_whoever_had_a_place_and_goes_away_is_named_to_those_who_count_on_them() -> None:
    course = full().answer("p2", "a", NO)
    assert course.told("gone") == ["p1"]
    assert View(course.definition, course.snapshot).who_turned("a") == ("p2",)


def test_a_change_of_mind_and_back_is_a_new_beginning() -> None:
    course = full().answer("p2", "a", "maybe").answer("p2", "a", "yes")
    assert course.confirmed().key == "ack.waiting"
    assert coming(course) == ("p3", "p4")


def test_nobody_loses_a_place_to_a_message_that_was_on_its_way() -> None:
    course = table(1).begin()
    course.now_ms += DAY_MS // 2
    course.answer("p2", "a", "yes").answer("p3", "a", "yes", late_ms=HOUR_MS)
    assert coming(course) == ("p2",)
    assert course.confirmed().key == "ack.waiting"


def test_near_the_day_a_free_place_is_a_change_that_cannot_wait() -> None:
    course = full()
    course.now_ms += 2 * DAY_MS + HOUR_MS
    course.answer("p2", "a", NO)
    (told,) = [e for e in course.effects if isinstance(e, Tell) and e.who == "p4"]
    assert told.urgency == "change"


def test_once_nothing_can_change_those_who_still_wait_hear_that_no_place_came_free() -> None:
    course = full().ring("close:a:1")
    assert course.told("places.none") == []
    assert course.ring("fix:a:1").told("places.none") == ["p4"]


def test_a_place_that_came_free_is_told_once_however_far_the_event_carries() -> None:
    move = MoveDef(OnAnswer("a", "no"), "going")
    course = table(1, move).begin().answer("p2", "a", "yes").answer("p3", "a", "yes").answer("p2", "a", NO)
    assert course.state == "going"
    assert course.told("places.free") == ["p3"]
    assert course.told("going") == ["p3"]


def test_whoever_waits_is_not_counted() -> None:
    enough = MoveDef(OnHolds(CountOf((("a", "yes"),), ">=", 3)), "going")
    course = table(2, enough).begin()
    for who in ("p2", "p3", "p4"):
        course.answer(who, "a", "yes")
    assert course.state == "open"


@pytest.mark.parametrize("when", [None, CountOf((("a", "yes"),), ">=", 1)])
def test_an_answer_that_only_waits_moves_nothing_that_stands_on_that_answer(when: CountOf | None) -> None:
    move = MoveDef(OnAnswer("a", "yes"), "going", when=when)
    course = table(0, move).begin().answer("p2", "a", "yes")
    assert course.state == "open"


def test_the_host_sees_who_comes_and_how_many_wait() -> None:
    course = table(1, board=True).begin().answer("p2", "a", "yes").answer("p3", "a", "yes")
    (line,) = course.shown("p1")
    assert line.slots == {"a.yes": Names(("p2",)), "number waiting for a": Count(1)}


# ── in the room ──────────────────────────────────────────────────────────────


def in_room(*seen_by: str) -> Course:
    ask = AskDef("open", Room(), choices=IN, seen_by=seen_by, places=1, changeable_until=STARTS)
    return Course(workflow(StateDef("open", asks=("open",)), asks=[ask])).begin()


@pytest.mark.parametrize(
    ("seen_by", "line"), [(("circle",), "room.waiting_names"), (("host",), "room.waiting")]
)
def test_the_room_sees_who_is_in_and_how_many_wait(seen_by: tuple[str, ...], line: str) -> None:
    course = in_room(*seen_by).answer("p2", "open", "in").answer("p3", "open", "in")
    assert course.posted() == [["open.say", "room.taken", line]]
    (post,) = [e for e in course.effects if isinstance(e, Post)]
    assert post.message.lines[1].slots["who"] == Names(("p2",))
    assert post.message.lines[2].slots == (
        {"who": Names(("p3",))} if "circle" in seen_by else {"n": Count(1)}
    )


def test_once_closed_the_room_sees_only_who_was_in() -> None:
    course = in_room("circle").answer("p2", "open", "in").answer("p3", "open", "in").ring("close:open:1")
    assert course.posted() == [["open.say", "room.taken"]]


# ── asks that are counted together ───────────────────────────────────────────


def linked(room_places: int | None, own_places: int | None) -> Course:
    asks = [
        AskDef("own", Part("members"), choices=IN, places=own_places),
        AskDef("open", Room(), choices=IN, seen_by=("circle",), places=room_places),
    ]
    parts = {"members": [Everyone()], "coming": [AnsweredBy("own", ("in",)), AnsweredBy("open", ("in",))]}
    definition = workflow(StateDef("open", asks=("own", "open")), parts=parts, asks=asks)
    return Course(definition, members=("p2", "p3", "p4")).begin()


def test_linked_asks_that_both_have_places_share_them() -> None:
    course = linked(2, 2).answer("p2", "own", "in").answer("p5", "open", "in").answer("p3", "own", "in")
    assert set(coming(course)) == {"p2", "p5"}
    course.answer("p2", "own", NO)
    assert course.told("places.free") == ["p3"]


def test_whoever_says_it_in_both_places_takes_one_place() -> None:
    course = linked(2, 2).answer("p2", "own", "in").answer("p2", "open", "in").answer("p3", "own", "in")
    assert set(coming(course)) == {"p2", "p3"}


def test_an_ask_without_places_takes_none() -> None:
    course = linked(1, None).answer("p2", "own", "in").answer("p3", "own", "in").answer("p5", "open", "in")
    assert set(coming(course)) == {"p2", "p3", "p5"}
    assert course.answer("p6", "open", "in").confirmed().key == "ack.waiting"


@pytest.mark.parametrize("seed", range(30))
def test_there_are_never_more_than_there_are_places_and_none_stays_empty_while_somebody_waits(
    seed: int,
) -> None:
    chance = random.Random(seed)
    course = linked(2, 2)
    for _ in range(40):
        who = chance.choice(("p2", "p3", "p4"))
        ask = chance.choice(("own", "open"))
        before = set(coming(course))
        choice = chance.choice(("in", NO)) if ask == "own" else "in"
        course.now_ms += chance.choice((0, 0, 1))
        if (
            ask == "open"
            and choice == "in"
            and chance.random() < 0.3
            and who in course.snapshot.asks["open"].answers
        ):
            course.take_back(who, ask)
        else:
            course.answer(who, ask, choice, late_ms=chance.choice((0, 5)))
        inside = set(coming(course))
        view = View(course.definition, course.snapshot)
        waiting = {*view.waiting("own"), *view.waiting("open")}
        assert len(inside) <= 2, f"seed {seed}"
        assert len(inside) == 2 or not waiting, f"seed {seed}"
        assert not inside & waiting, f"seed {seed}"
        assert before - {who} <= inside, f"seed {seed}: somebody lost their place"
        for event in course.effects:
            if isinstance(event, Confirm) and event.line.key == "ack.waiting":
                assert event.who not in inside, f"seed {seed}"
        for told in course.told("places.free"):
            assert told in inside - before, f"seed {seed}"


def test_yes_is_the_first_choice() -> None:
    assert YES[0].id == "yes"
