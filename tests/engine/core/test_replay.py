"""A history decided once more: it comes out as it was, and says what did not happen and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from engine.core.definition import (
    AllOf,
    AnyOf,
    AskedLately,
    AtMoment,
    BeenIn,
    Condition,
    CountOf,
    Definition,
    DetailDef,
    DetailGiven,
    EveryoneSaid,
    InUse,
    MomentExpr,
    MoveDef,
    NamedIn,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    ShareSaid,
    StartDef,
    StateDef,
)
from engine.core.event import Commanded, Due, Ended, Facts, Migrated, Started
from engine.core.replay import (
    Entry,
    Lack,
    Passage,
    Unreplayable,
    began_with,
    entry_of,
    unmet,
)
from engine.core.values import DAY_MS, Number, Persons, Ref
from engine.core.view import View
from tests.engine.core.noted import Noted
from tests.engine.core.one_instance import NOON_MS, question, workflow

GUESTS = DetailDef("guests", "people")
ENOUGH = DetailDef("enough", "number")
IN_A_WEEK = AtMoment(MomentExpr("entering", 7 * DAY_MS))
THREE = CountOf((("invited", "yes"),), ">=", 3)
AS_MANY = CountOf((("invited", "yes"),), ">=", "enough")


def inviting(*moves: MoveDef, **more: object) -> Definition:
    """Its starter invites people, once they are named."""
    return workflow(
        StateDef("open", asks=("invited",), moves=(*moves, MoveDef(OnCommand("stop", ("host",)), "over"))),
        StateDef("on", moves=(MoveDef(OnCommand("back", ("host",)), "open"),)),
        parts={"guests": (NamedIn("guests"),)},
        details=(GUESTS, ENOUGH),
        asks=(question("invited", "guests", seen_by=("host",)),),
        texts={"invited.say": "Come?"},
        **more,
    )


def begun(definition: Definition, *people: str) -> Noted:
    course = Noted(definition)
    course.begin(guests=Persons(people or ("p2", "p3", "p4")), enough=Number(2))
    return course


def missed(passage: Passage) -> list[tuple[MoveDef, Sequence[Lack]]]:
    return [(each.move, each.lacks) for each in passage.not_taken]


# ── it comes out as it was ───────────────────────────────────────────────────


def test_each_line_comes_out_as_it_was() -> None:
    course = begun(inviting(MoveDef(OnHolds(THREE), "on")))
    for who in ("p2", "p3", "p4"):
        course.answer(who, "invited", "yes")
    course.command("p2", "stop")
    passages = course.passages()
    assert [passage.result for passage in passages] == [entry.result for entry in course.journal]
    assert passages[-1].after == course.snapshot
    assert [passage.moved for passage in passages] == [True, False, False, True, False]
    assert passages[0].before is None
    assert entry_of(passages[0].before) == 0


def test_it_goes_on_with_the_definition_that_it_was_moved_to() -> None:
    old = inviting()
    new = inviting(MoveDef(OnCommand("on", ("host",)), "on"))
    course = begun(old)
    course.happen(Migrated(new.digest, "open"))
    assert course.refused == "does_not_fit"  # the course knows no other definition
    course.journal[-1] = replace(course.journal[-1], result="decided")
    course.journal.append(
        Entry(3, Commanded("on", Ref("p1")), Facts(now_ms=NOON_MS, occurred_ms=NOON_MS), "decided")
    )
    first, moved, on = course.passages(new)
    assert (first.runs_on, moved.definition, moved.runs_on, on.definition) == (old, old, new, new)
    assert (on.result, on.after and on.after.state) == ("decided", "on")


def test_a_history_that_was_moved_to_something_unknown_says_so() -> None:
    course = begun(inviting())
    course.happen(Migrated("0123456789abcdef", "open"))
    assert [passage.result for passage in course.passages()] == ["decided", "does_not_fit"]
    course.journal[-1] = replace(course.journal[-1], result="decided")
    with pytest.raises(Unreplayable, match="line 2 moves it to 0123456789ab, which is not known"):
        course.passages()


def test_what_is_nowhere_in_the_definition_says_in_which_line() -> None:
    definition = workflow(
        StateDef("naming", gather=("guests",), moves=(MoveDef(OnGathered(), "over"),)), details=(GUESTS,)
    )
    course = Noted(definition)
    course.begin()
    course.give("p1", "guests", Persons(("p2",)))
    other = replace(definition, details={})
    course.definition = replace(other, states={"naming": StateDef("naming"), "over": other.states["over"]})
    course.journal[1] = replace(course.journal[1], event=Commanded("go", Ref("p1")))
    assert [passage.result for passage in course.passages()] == ["decided", "not_yours"]
    course.definition = replace(other, digest="another", details={})
    with pytest.raises(Unreplayable, match="line 1: made_up has no 'guests'"):
        course.passages()


def test_what_it_began_with_is_noted_or_known_as_long_as_it_was_not_moved() -> None:
    facts = Facts(now_ms=0, occurred_ms=0)
    started = Entry(1, Started(Ref("p1")), facts, "decided")
    moved = Entry(2, Migrated("new", "open"), facts, "decided")
    refused = replace(moved, result="does_not_fit")
    assert began_with([started], "pinned") == "pinned"
    assert began_with([started, refused], "pinned") == "pinned"
    assert began_with([started, moved], "pinned") is None
    noted = replace(started, facts=replace(facts, definition="first"))
    assert began_with([noted, moved], "pinned") == "first"


# ── what did not happen ──────────────────────────────────────────────────────


def test_a_moment_that_brought_nothing_says_how_many_were_lacking() -> None:
    onward = MoveDef(IN_A_WEEK, "on", when=THREE)
    course = begun(inviting(onward, MoveDef(IN_A_WEEK, "over")))
    course.answer("p2", "invited", "yes").answer("p3", "invited", "yes")
    course.ring("at:00")
    passage = course.passages()[-1]
    assert missed(passage) == [(onward, (Lack(THREE, 2, 3),))]
    assert passage.not_taken[0].state == "open"
    course.ring("at:01")
    assert missed(course.passages()[-1]) == []


def test_what_goes_on_as_soon_as_enough_have_said_yes_counts_up_to_it() -> None:
    onward = MoveDef(OnHolds(AS_MANY), "on")
    course = begun(inviting(onward))
    course.answer("p2", "invited", "yes").take_back("p2", "invited").answer("p2", "invited", "maybe")
    course.answer("p2", "invited", "yes").answer("p3", "invited", "yes")
    found = [missed(passage) for passage in course.passages()]
    lacks = [[(onward, (Lack(AS_MANY, n, 2),))] for n in (1, 0, 0, 1)]
    assert found == [[], *lacks, []]


def test_of_several_ways_only_those_before_the_one_that_was_taken_were_looked_at() -> None:
    on = MoveDef(OnClosed("invited"), "on", when=THREE)
    over = MoveDef(OnClosed("invited"), "over", when=NotThat(THREE))
    again = MoveDef(OnClosed("invited"), "open", when=THREE)
    course = begun(inviting(on, over, again))
    course.ring("close:invited:1")
    assert course.state == "over"
    assert missed(course.passages()[-1]) == [(on, (Lack(THREE, 0, 3),))]


def test_an_answer_that_sets_off_one_way_tells_of_those_before_it() -> None:
    everyone = EveryoneSaid("invited", "yes")
    all_in = MoveDef(OnAnswer("invited", "yes"), "over", when=everyone)
    some = MoveDef(OnAnswer("invited"), "on", when=CountOf((("invited", "yes"),), ">", 0))
    course = begun(inviting(all_in, some))
    course.answer("p2", "invited", "yes")
    assert course.state == "on"
    assert missed(course.passages()[-1]) == [(all_in, (Lack(everyone, 1, 3),))]


def test_a_word_that_led_nowhere_says_what_it_takes() -> None:
    onward = MoveDef(OnCommand("go", ("host",)), "on", when=DetailGiven("when"))
    definition = inviting(onward)
    definition = replace(definition, details={**definition.details, "when": DetailDef("when", "moment")})
    course = begun(definition)
    course.command("p1", "go").command("p2", "go")
    _, refused, not_theirs = course.passages()
    assert (refused.result, missed(refused)) == ("not_now", [(onward, (Lack(DetailGiven("when")),))])
    assert (not_theirs.result, missed(not_theirs)) == ("not_yours", [])


def test_the_end_of_another_workflow_may_not_be_the_one_that_is_waited_for() -> None:
    onward = MoveDef(OnEnded("helper", "done"), "on", when=THREE)
    definition = workflow(
        StateDef(
            "open",
            starts=(StartDef("helper"),),
            moves=(onward, MoveDef(OnEnded("helper", "lost"), "over", when=THREE)),
        ),
        asks=(question("invited", "host"),),
    )
    course = Noted(definition)
    course.begin()
    (child,) = course.snapshot.children
    course.happen(Ended(child, "helper", "done"))
    assert missed(course.passages()[-1]) == [(onward, (Lack(THREE, 0, 3),))]


def test_a_timer_of_something_left_dropped_or_put_off_is_told_apart() -> None:
    course = begun(inviting(MoveDef(IN_A_WEEK, "on")))
    course.happen(Due("at:00", 1)).happen(Due("show:invited:1", 1))
    course.ring("at:00").happen(Due("at:00", 1))
    assert [passage.stale for passage in course.passages()] == [None, "moved", "dropped", None, "left"]


def test_an_answer_that_came_too_late_says_when_it_had_closed() -> None:
    course = begun(inviting())
    closes_ms = course.snapshot.asks["invited"].closes_ms
    course.ring("close:invited:1").answer("p2", "invited", "yes")
    passage = course.passages()[-1]
    assert (passage.result, passage.closed_ms, missed(passage)) == ("closed", closes_ms, [])


def test_after_the_end_nothing_is_missed() -> None:
    course = begun(inviting(MoveDef(OnHolds(THREE), "on")))
    course.command("p1", "stop").answer("p2", "invited", "yes")
    passage = course.passages()[-1]
    assert (passage.result, missed(passage)) == ("over", [])


# ── what a condition lacks ───────────────────────────────────────────────────

YES = CountOf((("invited", "yes"),), ">=", 1)
MAYBE = CountOf((("invited", "maybe"),), ">=", 1)
NO_BOUND = CountOf((("invited", "yes"),), ">=", "unknown")
SHARE = ShareSaid("invited", "yes", 67)
EVERYONE = EveryoneSaid("invited", "yes")
BEEN = BeenIn("open", ">=", 2)
USED = InUse("pulse")
LATELY = AskedLately("guests", DAY_MS)


@pytest.mark.parametrize(
    ("condition", "lacks"),
    [
        (None, ()),
        (YES, ()),
        (MAYBE, (Lack(MAYBE, 0, 1),)),
        (NO_BOUND, (Lack(NO_BOUND, 1, None),)),
        (AllOf((YES, MAYBE, USED)), (Lack(MAYBE, 0, 1), Lack(USED))),
        (AnyOf((MAYBE, SHARE)), (Lack(MAYBE, 0, 1), Lack(SHARE, 1, 2))),
        (EVERYONE, (Lack(EVERYONE, 1, 3),)),
        (NotThat(YES), (Lack(NotThat(YES), 1, 1),)),
        (NotThat(NotThat(MAYBE)), (Lack(MAYBE, 0, 1),)),
        (NotThat(AllOf((YES, NotThat(MAYBE)))), (Lack(NotThat(YES), 1, 1), Lack(MAYBE, 0, 1))),
        (NotThat(AnyOf((YES, MAYBE))), (Lack(NotThat(YES), 1, 1),)),
        (BEEN, (Lack(BEEN, 1, 2),)),
        (LATELY, (Lack(LATELY),)),
    ],
    ids=str,
)
def test_it_is_said_which_claims_did_not_hold(condition: Condition | None, lacks: tuple[Lack, ...]) -> None:
    course = begun(inviting())
    course.answer("p2", "invited", "yes")
    assert unmet(condition, View(course.definition, course.snapshot)) == lacks


def test_two_thirds_of_three_are_two() -> None:
    course = begun(inviting())
    course.answer("p2", "invited", "yes").answer("p3", "invited", "yes")
    assert unmet(SHARE, View(course.definition, course.snapshot)) == ()


def test_a_move_that_waits_for_everything_to_be_known_is_not_told_of() -> None:
    definition = workflow(
        StateDef("naming", gather=("guests",), moves=(MoveDef(OnGathered(), "over", when=THREE),)),
        details=(GUESTS,),
        asks=(question("invited", "host"),),
    )
    course = Noted(definition)
    course.begin()
    course.give("p1", "guests", Persons(("p2",)))
    assert course.state == "naming"
    assert missed(course.passages()[-1]) == []


def test_a_no_and_somebody_leaving_miss_nothing() -> None:
    course = begun(inviting(MoveDef(OnAnswer("invited"), "on")))
    course.answer("p2", "invited", "no").leave("p3")
    assert course.state == "open"
    assert [missed(passage) for passage in course.passages()] == [[], [], []]
