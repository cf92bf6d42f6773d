"""How long words are kept is said before they are written, and may count from when they were."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.decide import decide
from engine.core.definition import (
    KEEP_DAYS,
    AskDef,
    Definition,
    DetailDef,
    Everyone,
    MoveDef,
    OnCommand,
    Part,
    StateDef,
)
from engine.core.effect import Ask, Decision, KeepText, Mix
from engine.core.event import Facts, Migrated
from engine.core.message import Count, Phrase
from engine.core.migrate import Obstacle, obstacles
from engine.core.turn import QUESTION, is_kept_from_answer, kept_until_ms
from engine.core.values import DAY_MS, Ms, TextId
from tests.engine.core.one_instance import NOON_MS, Course, question, workflow

THIRTY = {"words": True, "keep_days": 30, "kept_from_answer": True}
ENDS = MoveDef(OnCommand("end", ("host",)), "over")
AGAIN = MoveDef(OnCommand("again", ("host",)), "open")


def writing(ask: AskDef | None = None, **more: object) -> Definition:
    """The host is asked for words, as often as they like, until it ends."""
    asks = [ask or question("a", "host", **THIRTY)]
    return workflow(StateDef("open", asks=("a",), moves=(ENDS, AGAIN)), asks=asks, **more)  # type: ignore[arg-type]


def kept(course: Course) -> dict[str, Ms]:
    """Text → when it goes, as the last event has it, in days from noon."""
    return {e.text: (e.until_ms - NOON_MS) // DAY_MS for e in course.effects if isinstance(e, KeepText)}


# ── from the answer on ───────────────────────────────────────────────────────


def test_words_go_so_many_days_after_they_were_written_however_long_it_runs() -> None:
    course = Course(writing()).begin().pass_days(2).write("p1", "a")
    assert kept(course) == {"t1": 32}
    assert kept(course.pass_days(1).command("p1", "again")) == {"t1": 32}
    assert kept(course.pass_days(90).command("p1", "end")) == {}
    assert kept(Course(writing()).begin().write("p1", "a").command("p1", "end")) == {}


def test_other_words_in_their_place_let_the_first_go_at_once() -> None:
    course = Course(writing()).begin().write("p1", "a").pass_days(1).write("p1", "a")
    assert kept(course) == {"t1": 1, "t2": 31}


def test_words_that_are_kept_from_the_end_still_are() -> None:
    course = Course(writing(question("a", "host", words=True, keep_days=30))).begin().write("p1", "a")
    assert kept(course.pass_days(9).command("p1", "end")) == {"t1": 39}


def test_what_is_asked_about_a_question_and_answered_goes_by_the_question() -> None:
    ask = question("a", "guest", question_to="host", kept_from_answer=True, keep_days=30)
    definition = workflow(
        StateDef("open", asks=("a",), moves=(ENDS,)), asks=[ask], parts={"guest": (Everyone(("host",)),)}
    )
    course = Course(definition, guest=("p2",)).begin().write("p2", "a")
    assert kept(course) == {"t1": 30}
    assert kept(course.pass_days(1).write("p1", f"{QUESTION}a:p2:1")) == {"t2": 31}
    assert kept(course.command("p1", "end")) == {}
    assert is_kept_from_answer(definition, f"{QUESTION}a:p2:1")
    assert not is_kept_from_answer(definition, "detail:a")
    assert kept_until_ms(definition, "a", NOON_MS) == NOON_MS + 30 * DAY_MS


def test_unsigned_words_count_from_when_they_were_mixed() -> None:
    everyone = [f"p{n}" for n in range(2, 12)]
    ask = AskDef("a", Part("all"), seen_by=("host",), unsigned=5, **THIRTY)  # type: ignore[arg-type]
    parts = {"all": (Everyone(("host",)),)}
    course = Course(writing(ask, parts=parts), all=everyone).begin()
    for who in everyone:
        course.write(who, "a")
    (mix,) = [e for e in course.ring("close:a:1").effects if isinstance(e, Mix)]
    assert mix.until_ms == course.now_ms + 30 * DAY_MS


# ── in another version ───────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "stands_in_the_way"),
    [
        ({}, {"kept_from_answer": True}, False),
        ({"kept_from_answer": True}, {}, True),
        ({"kept_from_answer": True}, {"kept_from_answer": True}, False),
    ],
)
def test_a_version_that_keeps_words_longer_is_not_moved_into(
    before: dict[str, bool], after: dict[str, bool], stands_in_the_way: bool
) -> None:
    old = writing(question("a", "host", words=True, keep_days=30, **before))
    new = writing(question("a", "host", words=True, keep_days=30, **after))
    course = Course(old).begin().write("p1", "a")
    found = obstacles(old, new, course.snapshot, "open")
    assert (Obstacle("kept_longer", "a") in found) == stands_in_the_way


@pytest.mark.parametrize(
    ("before", "after", "goes"),
    [
        ({}, {"kept_from_answer": True}, {"t1": 30}),
        ({"kept_from_answer": True}, None, {}),
        ({}, None, {"t1": 30}),
    ],
)
def test_words_from_before_a_version_that_counts_otherwise_have_an_end_all_the_same(
    before: dict[str, bool], after: dict[str, bool] | None, goes: dict[str, int]
) -> None:
    old = writing(question("a", "host", words=True, keep_days=30, **before))
    new = writing(question("a", "host", words=True, keep_days=30, **(after or {})))
    if after is None:
        new = workflow(StateDef("open", moves=(ENDS,)))
        settled = Course(old).begin().write("p1", "a")
        held = msgspec.structs.replace(settled.snapshot.asks["a"], settled=True, open=False)
        snapshot = msgspec.structs.replace(settled.snapshot, asks={"a": held}, timers={})
    else:
        snapshot = Course(old).begin().write("p1", "a").snapshot
    moved = decide(old, snapshot, Migrated(new.digest, "open"), Facts(NOON_MS, NOON_MS), new)
    assert isinstance(moved, Decision), moved
    ends = [e for e in moved.effects if isinstance(e, KeepText)]
    assert {e.text: (e.until_ms - NOON_MS) // DAY_MS for e in ends} == {
        TextId(text): days for text, days in goes.items()
    }


# ── said before anything is written ──────────────────────────────────────────


def foot(course: Course, ask: str) -> tuple[Phrase, ...]:
    (asked,) = [e for e in course.effects if isinstance(e, Ask) and e.ask == ask]
    return asked.message.footer[1:]


@pytest.mark.parametrize(
    ("more", "key", "days"),
    [
        ({"words": True}, "footer.kept", KEEP_DAYS),
        ({"words": True, "keep_days": 30, "sensitive": True}, "footer.kept", 30),
        (THIRTY, "footer.kept_from_answer", 30),
    ],
)
def test_a_question_that_takes_words_says_how_long_they_are_kept(
    more: dict[str, object], key: str, days: int
) -> None:
    course = Course(writing(question("a", "host", **more))).begin()
    assert foot(course, "a") == (Phrase(key, slots={"n": Count(days)}),)


def test_a_question_that_takes_none_does_not_speak_of_them() -> None:
    assert foot(Course(writing(question("a", "host"))).begin(), "a") == ()


@pytest.mark.parametrize(("kind", "said"), [("words", (30,)), ("number", ())])
def test_so_does_a_detail(kind: str, said: tuple[int, ...]) -> None:
    detail = DetailDef("what", kind, keep_days=30)  # type: ignore[arg-type]
    course = Course(workflow(StateDef("draft", gather=("what",)), details=[detail])).begin()
    assert foot(course, "detail:what") == tuple(
        Phrase("footer.kept", slots={"n": Count(days)}) for days in said
    )
