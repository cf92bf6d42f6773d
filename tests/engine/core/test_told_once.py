"""What is kept up to date: boards that go on, the room's message at its end, and a reply to every beginning."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    Circle,
    Definition,
    Everyone,
    Hidden,
    MomentExpr,
    MoveDef,
    NamedBy,
    OnCommand,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.effect import Ask, KeepText, Post, Show, Tell
from engine.core.event import Answered, Started
from engine.core.message import Message, Names, Phrase, Said, When
from engine.core.phrasing import seen_by
from engine.core.values import DAY_MS, InstanceId, Ref, TextId
from engine.core.view import View
from tests.engine.core.one_instance import NOON_MS, YES, Course, question, workflow

STARTS = MomentExpr("opening", 3 * DAY_MS)
ON, BACK, OFF = (OnCommand(word, ("host",)) for word in ("on", "back", "off"))


# ── boards ───────────────────────────────────────────────────────────────────


def boards(second: str = "<a.yes>") -> Course:
    """Guests are asked; the host has a board, in this state and in the next."""
    states = (
        StateDef("open", asks=("a",), board=(BoardDef("host", "one"),), moves=(MoveDef(ON, "more"),)),
        StateDef("more", keeps=("a",), board=(BoardDef("host", "two"),), moves=(MoveDef(BACK, "open"),)),
    )
    definition = workflow(
        *states,
        parts={"guests": [Everyone()]},
        asks=[question("a", "guests", seen_by=("host",), changeable_until=STARTS)],
        texts={"one": "<a.yes>", "two": second},
        gaps={"one": ("a.yes",), "two": ("a.yes",)},
    )
    return Course(definition, guests=("p2",)).begin()


def shows(course: Course) -> list[str]:
    return [e.board for e in course.effects if isinstance(e, Show)]


def test_a_board_that_reads_the_same_in_the_next_state_goes_on() -> None:
    course = boards()
    assert shows(course) == ["one#1"]
    assert shows(course.command("p1", "on")) == []
    assert shows(course.answer("p2", "a", "yes")) == ["one#1"]


def test_a_board_that_says_something_else_is_a_new_one() -> None:
    course = boards("Still coming: <a.yes>")
    assert shows(course.command("p1", "on")) == ["two#2"]


def test_where_something_is_asked_anew_what_stood_on_the_board_stays() -> None:
    course = boards().answer("p2", "a", "yes").command("p1", "on")
    assert shows(course.command("p1", "back")) == ["one#3"]


# ── taking back is not a no ──────────────────────────────────────────────────


def test_only_a_no_says_that_somebody_cannot_after_all() -> None:
    course = boards().answer("p2", "a", "yes")
    assert course.take_back("p2", "a").told("gone") == []
    assert course.answer("p2", "a", NO).told("gone") == ["p1"]


def test_a_no_after_a_yes_says_so_once() -> None:
    course = boards().answer("p2", "a", "yes").answer("p2", "a", NO)
    assert course.told("gone") == ["p1"]
    assert course.answer("p2", "a", "maybe").answer("p2", "a", NO).told("gone") == ["p1"]


def test_a_no_after_nothing_says_nothing() -> None:
    assert boards().answer("p2", "a", NO).told("gone") == []


# ── words beside a choice ────────────────────────────────────────────────────


def test_who_may_read_it_sees_the_choice_and_the_words_and_the_prompt_says_both_are_welcome() -> None:
    ask = AskDef("a", Part("guests"), choices=YES, words=True, seen_by=("host",))
    board = BoardDef("host", "one")
    definition = workflow(
        StateDef("open", asks=("a",), board=(board,)),
        parts={"guests": [Everyone()]},
        asks=[ask],
        texts={"one": "<a.yes>"},
        gaps={"one": ("a.yes",)},
    )
    course = Course(definition, guests=("p2",)).begin()
    (put,) = [e for e in course.effects if isinstance(e, Ask)]
    assert put.message.lines[1:] == (Phrase("words_welcome"),)
    course.happen(Answered("a", 1, Ref("p2"), "yes"))
    course.happen(Answered("a", 1, Ref("p2"), "yes", TextId("t")))
    assert [line.key for line in course.shown("p1")] == ["words_from"]
    assert course.confirmed().key == "ack.choice_and_words"
    course.happen(Answered("a", 1, Ref("p2"), "maybe", TextId("t")))
    assert [line.key for line in course.shown("p1")] == ["one", "words_from"]


def test_words_that_stand_are_not_lost_with_a_choice_that_comes_too_late() -> None:
    ask = AskDef("a", Part("guests"), choices=YES, words=True, seen_by=("host",))
    definition = workflow(
        StateDef("open", asks=("a",), moves=(MoveDef(OFF, "over"),)),
        parts={"guests": [Everyone()]},
        asks=[ask],
    )
    course = Course(definition, guests=("p2",)).begin()
    course.happen(Answered("a", 1, Ref("p2"), text=TextId("t")))
    course.pass_days(8).happen(Answered("a", 1, Ref("p2"), "yes", TextId("t")))
    assert course.refused == "closed"
    assert not [e for e in course.effects if isinstance(e, KeepText)]
    course.command("p1", "off").happen(Answered("a", 1, Ref("p2"), "yes", TextId("t")))
    assert course.refused == "over"
    assert not [e for e in course.effects if isinstance(e, KeepText)]


# ── the room's message ───────────────────────────────────────────────────────


def room(outcome: str = "It was called off.", **more: Any) -> Course:
    """The room is asked for a day; whoever takes it up may change their mind for three. The host may call it off."""
    ask = AskDef(
        "a",
        Room(),
        choices=YES,
        seen_by=("circle",),
        until=MomentExpr("opening", DAY_MS),
        changeable_until=STARTS,
    )
    states = (
        StateDef("open", asks=("a",), moves=(MoveDef(OFF, "off"), MoveDef(ON, "on"))),
        StateDef("on"),
        StateDef("off", final=True, outcome="off.outcome"),
    )
    return Course(workflow(*states, asks=[ask], texts={"off.outcome": outcome}, **more)).begin()


def foot(course: Course) -> list[Phrase]:
    return [line for e in course.effects if isinstance(e, Post) for line in e.message.footer]


def test_the_rooms_message_is_closed_when_it_closes_and_says_until_when_minds_may_change() -> None:
    course = room().answer("p2", "a", "yes").ring("close:a:1")
    changeable = Phrase("room.closed_but", slots={"until": When(NOON_MS + 3 * DAY_MS)})
    assert foot(course) == [changeable]
    course.answer("p2", "a", "maybe")
    assert foot(course) == [changeable], "it does not open again"
    assert not any(e.message.options for e in course.effects if isinstance(e, Post))
    assert foot(course.ring("fix:a:1")) == [Phrase("room.closed")]


@pytest.mark.parametrize("closed", [False, True])
def test_the_rooms_message_says_that_it_was_called_off(closed: bool) -> None:
    course = room()
    if closed:
        course.ring("close:a:1")
    course.command("p1", "off")
    (line,) = foot(course)
    assert (line.key, line.digest) == ("off.outcome", course.definition.digest)


def test_an_end_that_names_somebody_is_not_told_to_the_room() -> None:
    course = room("<host> called it off.", gaps={"off.outcome": ("host",)})
    assert foot(course.command("p1", "off")) == [Phrase("room.closed")]


def test_a_question_that_only_a_next_state_ends_says_that_it_has_closed() -> None:
    assert foot(room().command("p1", "on")) == [Phrase("room.closed")]


# ── who sees it ──────────────────────────────────────────────────────────────


def nominations(*seen_by: str, asked: bool = True) -> Course:
    """The voters, the host among them, name somebody; whoever is named is asked, or nobody is."""
    asks = [question("who", "voters", naming="person", seen_by=seen_by)]
    if asked:
        asks.append(question("would", "named", seen_by=("host",)))
    definition = workflow(
        StateDef("open", asks=("who",)),
        parts={"voters": [Everyone()], "named": [NamedBy("who")]},
        asks=asks,
    )
    return Course(definition, voters=("p1", "p2")).begin()


def seen(course: Course, who: str) -> object:
    (ask,) = [e for e in course.effects if isinstance(e, Ask) and e.who == who]
    return ask.message.footer[0].slots["seen"]


def test_whoever_is_the_only_one_to_see_it_reads_that_they_are() -> None:
    course = nominations("host", asked=False)
    assert seen(course, "p1") == Said("seen.me")
    assert seen(course, "p2") == Said("seen.people", slots={"who": Names((Ref("p1"),))})


def test_an_audience_that_is_still_to_come_is_not_called_nobody_but_me() -> None:
    course = nominations("host", "named", asked=False)
    assert seen(course, "p1") == Said("seen.people", slots={"who": Names(())})


def crew(*seen_by: str, hidden: bool = False) -> Course:
    """Everyone, the host among them, is asked whether they join; those who do are the crew."""
    ask = question("join", "members", seen_by=seen_by)
    definition = workflow(
        StateDef("open", asks=("join",)),
        parts={"members": [Everyone()], "crew": [AnsweredBy("join", ("yes",))]},
        asks=[replace(ask, hidden=Hidden(until_closed=True)) if hidden else ask],
    )
    return Course(definition, members=("p1", "p2", "p3")).begin()


def test_those_who_will_answer_so_are_named_before_they_have() -> None:
    course = crew("host", "crew")
    assert seen(course, "p1") == Said("seen.joining"), "not nobody, and not only me"
    assert seen(course, "p2") == Said("seen.people_joining", slots={"who": Names((Ref("p1"),))})
    assert seen(crew("crew"), "p2") == Said("seen.joining")
    assert seen(crew("host"), "p1") == Said("seen.me")


def test_who_has_joined_already_is_named_only_where_answers_are_not_hidden() -> None:
    for hidden in (False, True):
        course = crew("host", "crew", hidden=hidden).answer("p3", "join", "yes").answer("p2", "join", "yes")
        ask = course.definition.asks["join"]
        who = seen_by(View(course.definition, course.snapshot), ask, Ref("p2"))
        named = (Ref("p1"),) if hidden else (Ref("p1"), Ref("p3"))
        assert who == Said("seen.people_joining", slots={"who": Names(named)})


def test_whoever_names_somebody_reads_that_they_will_be_asked() -> None:
    assert seen(nominations("me"), "p2") == Said("seen.named", slots={"seen": Said("seen.me")})
    assert seen(nominations("me", asked=False), "p2") == Said("seen.me")


def test_nobody_reads_that_it_stays_unknown_who_named_where_that_is_shown() -> None:
    for readers in (("named",), ("circle",)):
        said = seen(nominations(*readers), "p2")
        assert isinstance(said, Said)
        assert said.key != "seen.named"


def test_the_thanks_for_a_name_say_the_same() -> None:
    course = nominations("me").name("p2", "who", "p3")
    assert course.confirmed().slots["seen"] == Said("seen.named", slots={"seen": Said("seen.me")})


# ── a beginning ──────────────────────────────────────────────────────────────


def begun_in(*states: StateDef, **more: Any) -> Definition:
    return workflow(
        *states,
        parts={"guests": [Everyone()]},
        asks=[question("a", "guests", seen_by=("host",)), AskDef("all", Circle(), choices=YES)],
        texts={"hi": "Hello."},
        **more,
    )


def replies(course: Course) -> list[str]:
    """What comes to the starter as a reply, by the key of its first line."""
    found = [e for e in course.effects if isinstance(e, Ask | Tell) and e.who == "p1"]
    return [e.message.lines[0].key for e in found if e.urgency == "reply"]


def test_whoever_begins_what_asks_only_others_hears_that_it_has_begun() -> None:
    course = Course(begun_in(StateDef("open", asks=("a",))), guests=("p2",)).begin()
    assert replies(course) == ["begun"]
    (told,) = [e for e in course.effects if isinstance(e, Tell)]
    assert told.message == Message(
        lines=(Phrase("begun", slots={"title": Said(":title", course.definition.digest)}),)
    )


def test_whoever_hears_something_anyway_is_not_told_that_it_has_begun() -> None:
    tell = StateDef("open", asks=("a",), tells=(TellDef(Part("host"), "hi"),))
    assert replies(Course(begun_in(tell), guests=("p2",)).begin()) == ["hi"]


def test_what_follows_at_once_from_a_beginning_is_a_reply_too() -> None:
    at_once = MoveDef(AtMoment(MomentExpr("entering")), "open")
    states = (StateDef("beginning", moves=(at_once,)), StateDef("open", asks=("all",)))
    course = Course(begun_in(*states), room=("p1", "p2")).begin()
    assert course.effects
    assert replies(course) == []
    assert replies(course.ring("at:00")) == ["all.say"]
    assert [e.urgency for e in course.effects if isinstance(e, Ask)] == ["reply", "timely"]


def test_what_comes_later_by_itself_is_no_reply() -> None:
    states = (
        StateDef("beginning", moves=(MoveDef(AtMoment(MomentExpr("entering")), "open"),)),
        StateDef("open", asks=("all",)),
    )
    late = Course(begun_in(*states), room=("p1",)).begin().pass_days(1)
    assert replies(late.ring("at:00")) == []
    handed = Course(begun_in(*states), room=("p1",)).happen(Started(Ref("p1"), {}, InstanceId("parent")))
    assert replies(handed.ring("at:00")) == []
