"""Unsigned answers (right 13): only where it can be kept, released at once, and with no way back to their writers."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.decide import public_line
from engine.core.definition import (
    AskDef,
    AtMoment,
    BoardDef,
    CountOf,
    Definition,
    DetailDef,
    Everyone,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnHolds,
    Part,
    PartDef,
    Starter,
    StateDef,
)
from engine.core.effect import Ask, Effect, KeepText, Mix, Show
from engine.core.event import Answered
from engine.core.message import Count, Names, Phrase, Text, When
from engine.core.unsigned import ask_of, wish_of
from engine.core.values import DAY_MS, Moment, Persons, Ref, TextId
from tests.engine.core.one_instance import NOON_MS, YES, Course, workflow

A_WEEK = MomentExpr("entering", 7 * DAY_MS)
EIGHT = Persons(tuple(f"p{n}" for n in range(2, 10)))
"""Eight people besides the host: just enough for unsigned(5)."""


def round_of(
    *, k: int = 5, seen_by: tuple[str, ...] = ("host",), to: str = "givers", **more: object
) -> Definition:
    """Givers are asked for words that the host reads."""
    ask = AskDef("a", Part(to), **({"words": True, "seen_by": seen_by, "unsigned": k} | more))  # type: ignore[arg-type]
    moves = (
        MoveDef(OnAnswer("a"), "over"),
        MoveDef(OnClosed("a"), "after"),
        MoveDef(OnCommand("on", ("host",)), "over"),
    )
    board = BoardDef("host", "board")
    return workflow(
        StateDef("open", asks=("a",), board=(board,), moves=moves, public="board"),
        StateDef("after", board=(board,), moves=(MoveDef(AtMoment(A_WEEK), "over"),)),
        parts={"givers": [NamedIn("givers")], "all": [Starter(), NamedIn("givers")], "room": [Everyone()]},
        asks=[ask],
        details=[DetailDef("givers", "people")],
        texts={"a.say": "How was it?", "board": "Not joining: <not joining a>"},
        gaps={"board": ("not joining a", "number of a.no")},
    )


def begun(givers: Persons = EIGHT, **more: object) -> Course:
    return Course(round_of(**more)).begin(givers=givers)  # type: ignore[arg-type]


def wish(course: Course, who: str, choice: str) -> Course:
    name = wish_of("a", Ref(who))
    return course.happen(Answered(name, course.snapshot.asks[name].round, Ref(who), choice=choice))


def written_by(course: Course, *writers: str) -> Course:
    for who in writers:
        course.write(who, "a")
    return course


def mix(course: Course) -> Mix:
    (found,) = [e for e in course.effects if isinstance(e, Mix)]
    return found


def prompt(course: Course, who: str = "p2") -> Ask:
    return next(e for e in course.effects if isinstance(e, Ask) and e.who == who)


def seen_by_others(effects: tuple[Effect, ...], who: str) -> list[Effect]:
    return [e for e in effects if getattr(e, "who", None) != who and not isinstance(e, KeepText)]


# ── where it can be kept ─────────────────────────────────────────────────────


def test_it_is_put_unsigned_if_three_more_are_asked_than_have_to_answer_and_says_so_before() -> None:
    course = begun()
    assert course.snapshot.asks["a"].unsigned == 5
    message = prompt(course).message
    assert message.lines[1] == Phrase("unsigned", slots={"who": Names(("p1",)), "n": Count(5)})
    assert [line.key for line in message.footer] == ["footer.unsigned", "footer.kept"]


@pytest.mark.parametrize(
    "more",
    [
        {"givers": Persons(EIGHT.who[:7])},
        {"k": 4},
        {"k": 6},
        {"seen_by": ("circle",)},
        {"seen_by": ("givers",)},
        {"choices": YES},
    ],
)
def test_where_it_cannot_be_kept_it_is_a_named_ask_and_says_so(more: dict[str, object]) -> None:
    course = begun(**more)  # type: ignore[arg-type]
    state = course.snapshot.asks["a"]
    assert (state.unsigned, state.shown) == (0, True)
    assert [line.key for line in prompt(course).message.footer] == ["footer.named", "footer.kept"]


def test_whoever_reads_the_answers_is_not_counted_and_not_asked() -> None:
    course = begun(to="all")
    assert course.snapshot.asks["a"].unsigned == 5
    assert course.asked("a") == list(EIGHT.who)
    fewer = begun(Persons(EIGHT.who[:7]), to="all")
    assert fewer.snapshot.asks["a"].unsigned == 0
    assert "p1" in fewer.asked("a")


def test_words_for_nobody_but_oneself_are_neither_named_nor_mixed() -> None:
    course = begun(seen_by=("me",))
    assert course.snapshot.asks["a"].unsigned == 0
    assert [line.key for line in prompt(course).message.footer] == ["footer.mine", "footer.kept"]


# ── while it is open ─────────────────────────────────────────────────────────


def test_whoever_has_written_is_asked_at_once_what_shall_happen_if_too_few_do() -> None:
    course = begun().write("p2", "a")
    assert course.confirmed().key == "ack.unsigned"
    asked = prompt(course)
    assert (asked.ask, asked.urgency, asked.reminds) == ("fewer:a:p2", "reply", False)
    assert [o.id for o in asked.message.options] == ["name", "drop"]
    assert course.write("p2", "a").asked("fewer:a:p2") == []


def test_nobody_is_asked_that_who_says_no_and_it_goes_with_the_words() -> None:
    course = begun().answer("p2", "a", "no")
    assert course.asked("fewer:a:p2") == []
    course.write("p3", "a").take_back("p3", "a")
    assert "fewer:a:p3" not in course.snapshot.asks
    course.write("p3", "a")
    assert course.asked("fewer:a:p3") == ["p3"]
    course.answer("p3", "a", "no")
    assert "fewer:a:p3" not in course.snapshot.asks


def test_the_question_without_reactions_where_it_is_sensitive() -> None:
    course = begun(sensitive=True).write("p2", "a")
    assert [o.emoji for o in prompt(course).message.options] == ["", ""]


def test_a_wish_can_be_changed_and_taken_back_and_nothing_else_is_a_wish() -> None:
    course = wish(begun().write("p2", "a"), "p2", "name")
    assert course.confirmed().key == "fewer.noted_name"
    assert wish(course, "p2", "drop").confirmed().key == "fewer.noted_drop"
    course.take_back("p2", "fewer:a:p2")
    assert wish(course, "p2", "maybe").refused == "unknown_choice"
    course.happen(Answered("fewer:a:p2", 1, Ref("p3"), choice="name"))
    assert course.refused == "not_asked"


def test_that_somebody_has_written_moves_nothing_and_shows_nowhere() -> None:
    course = begun()
    before = public_line(course.definition, course.snapshot)
    for who in EIGHT.who:
        course.write(who, "a")
        assert course.state == "open"
        assert seen_by_others(course.effects, who) == []
        assert public_line(course.definition, course.snapshot) == before


# ── enough have written ──────────────────────────────────────────────────────


def test_when_it_closes_all_of_it_goes_to_each_reader_in_one_message() -> None:
    course = written_by(begun(), *EIGHT.who[:5]).ring("close:a:1")
    moved = mix(course)
    assert moved.texts == tuple(sorted(f"t{n}" for n in range(1, 6)))
    (shown,) = [e for e in course.effects if isinstance(e, Show) and e.who == "p1" and "words:" in e.board]
    head, *lines = shown.message.lines
    assert head.key == "unsigned.head"
    assert [line.slots for line in lines] == [{"text": Text(text)} for text in moved.under]
    assert head.slots.keys() == {"question"}, "neither names nor times nor how many were asked"
    assert not set(moved.under) & set(moved.texts)


def test_nothing_leads_from_a_released_answer_to_who_wrote_it() -> None:
    course = wish(written_by(begun(), *EIGHT.who[:5]), "p2", "name").ring("close:a:1")
    state = course.snapshot.asks["a"]
    assert (state.answers, state.released, state.settled) == ({}, 5, True)
    assert state.texts == mix(course).under
    assert not [name for name in course.snapshot.asks if name.startswith("fewer:")]
    kept = msgspec.json.encode(course.snapshot).decode()
    assert not [t for t in mix(course).texts if f'"{t}"' in kept]
    ended = {e.text: e.until_ms for e in course.effects if isinstance(e, KeepText)}
    assert {text: ended[text] for text in mix(course).texts} == dict.fromkeys(
        mix(course).texts, course.now_ms
    )


def test_whoever_wrote_what_it_is_released_the_same_way() -> None:
    one, other = begun(), begun()
    one.write("p2", "a").write("p3", "a")
    other.write("p3", "a").write("p2", "a")
    for course in (one, other):
        written_by(course, *EIGHT.who[2:6]).ring("close:a:1")
    assert mix(one) == mix(other)
    assert one.snapshot.asks["a"] == other.snapshot.asks["a"]
    assert [e for e in one.effects if isinstance(e, Show)] == [
        e for e in other.effects if isinstance(e, Show)
    ]


def test_the_order_in_which_it_was_written_is_not_the_order_in_which_it_is_released() -> None:
    def released(*texts: str) -> Mix:
        course = begun()
        for who, text in zip(EIGHT.who, texts, strict=False):
            course.happen(Answered("a", 1, Ref(who), text=TextId(text)))
            course.now_ms += 1
        return mix(course.ring("close:a:1"))

    assert released("t1", "t2", "t3", "t4", "t5") == released("t4", "t2", "t5", "t1", "t3")


def test_whoever_has_come_to_read_since_is_not_one_of_those_who_are_enough() -> None:
    definition = round_of(seen_by=("reads",))
    definition = msgspec.structs.replace(
        definition,
        parts=(*definition.parts, PartDef("reads", (Starter(), NamedIn("more")))),
        details=definition.details | {"more": DetailDef("more", "people")},
        digest="with another reader",
        states=definition.states
        | {
            "open": msgspec.structs.replace(
                definition.states["open"], moves=(MoveDef(OnCommand("on", ("host",)), "growing"),)
            ),
            "growing": StateDef("growing", gather=("more",), keeps=("a",)),
        },
    )
    course = written_by(Course(definition).begin(givers=EIGHT), *EIGHT.who[:5])
    assert course.snapshot.asks["a"].unsigned == 5
    course.command("p1", "on").give("p1", "more", Persons(("p2",))).ring("close:a:1")
    assert course.snapshot.asks["a"].released == 0
    assert not [e for e in course.effects if isinstance(e, Mix)]


def test_that_somebody_will_not_write_moves_nothing_either() -> None:
    definition = round_of()
    noes = MoveDef(OnHolds(CountOf((("a", "no"),), ">=", 1)), "over")
    opened = msgspec.structs.replace(definition.states["open"], moves=(noes,))
    definition = msgspec.structs.replace(
        definition, states=definition.states | {"open": opened}, digest="with noes counted"
    )
    assert Course(definition).begin(givers=EIGHT).answer("p2", "a", "no").state == "open"


def test_until_it_closes_it_can_be_changed_and_no_longer_whatever_the_file_says() -> None:
    course = begun(changeable_until=MomentExpr("opening", 30 * DAY_MS))
    state = course.snapshot.asks["a"]
    asked = prompt(course)
    assert asked.changeable_ms == asked.closes_ms == state.changeable_ms == state.closes_ms
    assert course.write("p2", "a").confirmed().slots == {"until": When(state.closes_ms)}
    written_by(course, *EIGHT.who[1:5]).ring("close:a:1")
    assert course.snapshot.asks["a"].settled


def test_once_released_nothing_can_be_added_changed_or_taken_back() -> None:
    course = written_by(begun(), *EIGHT.who[:5]).ring("close:a:1")
    assert course.write("p2", "a").refused == "closed"
    assert course.take_back("p3", "a").refused in ("closed", "no_change")


def test_leaving_the_state_releases_it_too_and_its_words_get_their_end_date() -> None:
    course = written_by(begun(keep_days=10), *EIGHT.who[:5]).command("p1", "on")
    ends = [e for e in course.effects if isinstance(e, KeepText)]
    held = {e.text: e.until_ms for e in ends}
    assert {held[text] for text in mix(course).under} == {course.now_ms + 10 * DAY_MS}
    assert course.effects.index(mix(course)) < min(n for n, e in enumerate(course.effects) if e in ends)


def test_words_released_in_an_earlier_round_end_when_the_next_begins() -> None:
    definition = round_of()
    again = MoveDef(OnCommand("again", ("host",)), "open")
    opened = msgspec.structs.replace(definition.states["open"], moves=(again,))
    definition = msgspec.structs.replace(
        definition, states=definition.states | {"open": opened}, digest="with another round"
    )
    course = written_by(Course(definition).begin(givers=EIGHT), *EIGHT.who[:5]).command("p1", "again")
    released = mix(course).under
    ends = [e.text for e in course.effects if isinstance(e, KeepText)]
    assert set(released) <= set(ends)
    assert course.snapshot.asks["a"].texts == ()


# ── too few have written ─────────────────────────────────────────────────────


def test_if_too_few_have_written_those_are_shown_with_names_who_chose_so_and_the_rest_is_dropped() -> None:
    course = written_by(begun(), *EIGHT.who[:4])
    wish(course, "p3", "name")
    wish(course, "p4", "drop")
    course.ring("close:a:1")
    shown = [line for line in course.shown("p1") if line.key != "board"]
    assert shown == [Phrase("words_from", slots={"who": Names(("p3",)), "text": Text(TextId("t2"))})]
    state = course.snapshot.asks["a"]
    assert (set(state.answers), state.released, state.unsigned) == ({"p3"}, 0, 0)
    dropped = {e.text for e in course.effects if isinstance(e, KeepText) and e.until_ms == course.now_ms}
    assert dropped == {"t1", "t3", "t4"}
    assert not [name for name in course.snapshot.asks if name.startswith("fewer:")]


def test_a_no_and_what_was_taken_back_do_not_count_nor_does_who_has_left() -> None:
    course = written_by(begun(), *EIGHT.who[:6]).answer("p2", "a", "no").take_back("p3", "a")
    assert course.leave("p4").snapshot.asks.keys().isdisjoint({wish_of("a", Ref("p4"))})
    course.ring("close:a:1")
    assert course.snapshot.asks["a"].released == 0
    assert [line.key for line in course.shown("p1") if line.key != "board"] == []


def test_a_wish_whose_ask_was_put_off_can_still_be_given() -> None:
    course = begun().write("p2", "a")
    assert ask_of("fewer:a:p2") == "a"
    course.pass_days(1)
    assert wish(course, "p2", "name").refused is None


def test_a_wish_that_was_taken_back_is_none_also_when_its_ask_has_been_put_off() -> None:
    definition = round_of(until=MomentExpr("when"))
    definition = msgspec.structs.replace(
        definition,
        details=definition.details | {"when": DetailDef("when", "moment")},
        digest="with a date that moves",
        states=definition.states
        | {
            "open": msgspec.structs.replace(
                definition.states["open"], moves=(MoveDef(OnCommand("move", ("host",)), "moving"),)
            ),
            "moving": StateDef("moving", gather=("when",), again=("when",), keeps=("a",)),
        },
    )
    course = Course(definition).begin(givers=EIGHT, when=Moment(NOON_MS + 3 * DAY_MS))
    wish(course.write("p2", "a"), "p2", "name")
    course.command("p1", "move").give("p1", "when", Moment(NOON_MS + 6 * DAY_MS))
    assert course.pass_days(5).take_back("p2", "fewer:a:p2").refused is None
    assert course.confirmed().slots == {"until": When(NOON_MS + 6 * DAY_MS)}
    course.ring("close:a:1")
    assert not [line for line in course.shown("p1") if line.key == "words_from"]


# ── two runs that differ only in what one person wrote ───────────────────────

sayings = st.lists(st.sampled_from(["words", "no", "back", "name", "drop"]), max_size=4)


@given(sayings, sayings, st.integers(0, 3))
def test_until_it_is_released_nobody_else_can_tell_what_one_person_did(
    one: list[str], other: list[str], others: int
) -> None:
    assert others_saw(one, others) == others_saw(other, others)


def others_saw(says: list[str], others: int) -> list[object]:
    course = written_by(begun(), *EIGHT.who[4 : 4 + others])
    saw: list[object] = []
    for word in says:
        if word == "words":
            course.write("p2", "a")
        elif word == "back":
            course.take_back("p2", "a")
        elif word == "no":
            course.answer("p2", "a", "no")
        elif wish_of("a", Ref("p2")) in course.snapshot.asks:
            wish(course, "p2", word)
        else:
            continue
        saw += seen_by_others(course.effects, "p2")
    course.answer("p3", "a", "no")
    return [*saw, *seen_by_others(course.effects, "p3"), public_line(course.definition, course.snapshot)]
