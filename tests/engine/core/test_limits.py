"""Limits: what happens when something would be more than may be, and that nothing gets lost without a word."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.decide import begin_details
from engine.core.definition import (
    AskDef,
    Choice,
    Circle,
    Definition,
    DetailDef,
    MoveDef,
    NamedIn,
    OnCommand,
    OnEnded,
    OnGathered,
    StartDef,
    StateDef,
)
from engine.core.desk import Begin, Command, DeskFacts, Heard, Reading, Settled
from engine.core.effect import Ask, Effect, StartOther, Tell
from engine.core.event import Facts, Started
from engine.core.limits import USUAL, LimitName, Limits, Reached
from engine.core.message import Count
from engine.core.starting import NOT_STARTED
from engine.core.values import DAY_MS, InstanceId, Persons, Picked, Ref, TextId
from tests.engine.core.one_desk import I1, NOON, OneDesk, asked
from tests.engine.core.one_instance import YES, Course, question, workflow

FIVE = tuple(f"p{n}" for n in range(1, 6))


def limited(**limits: int) -> Limits:
    return Limits(**limits)


def reached(effects: tuple[object, ...]) -> list[LimitName]:
    return [each.limit for each in effects if isinstance(each, Reached)]


def test_each_limit_has_a_name_under_which_a_journal_and_a_number_know_it() -> None:
    names = set(LimitName.__args__)  # type: ignore[attr-defined]
    assert names == {field.name for field in msgspec.structs.fields(Limits)}


def test_what_is_journalled_holds_only_those_that_deciding_goes_by_and_only_where_they_differ() -> None:
    limits = limited(rooms=20, questions_per_person=7, started_in_a_row=2)
    facts = Facts(1, 1, limits=limits.for_deciding)
    written = msgspec.json.decode(msgspec.json.encode(facts))
    assert written["limits"] == {"questions_per_person": 7, "started_in_a_row": 2}
    assert "limits" not in msgspec.json.decode(msgspec.json.encode(Facts(1, 1, limits=USUAL.for_deciding)))
    assert msgspec.json.decode(b'{"now_ms": 1, "occurred_ms": 1}', type=DeskFacts).limits == USUAL


# ── how many people, and how many questions ──────────────────────────────────


def to_everybody(*names: str, **more: object) -> Definition:
    asks = [AskDef(name, Circle(), choices=YES, **more) for name in names or ("a",)]  # type: ignore[arg-type]
    state = StateDef(
        "open", asks=tuple(names or ("a",)), moves=(MoveDef(OnCommand("on", ("host",)), "over"),)
    )
    return workflow(state, asks=asks)


def test_of_more_people_than_one_instance_may_reach_the_first_are_asked_and_its_starter_hears_that() -> None:
    course = Course(to_everybody(), room=FIVE)
    course.limits = limited(people_per_instance=3)
    course.begin()
    assert course.asked("a") == ["p1", "p2", "p3"]
    assert course.snapshot.asks["a"].asked == ("p1", "p2", "p3")
    assert (course.told("limit.fewer_asked"), reached(course.effects)) == (["p1"], ["people_per_instance"])


def test_exactly_as_many_as_may_are_asked_without_a_word() -> None:
    course = Course(to_everybody(), room=FIVE)
    course.limits = limited(people_per_instance=5, prompts_per_instance=5)
    assert course.begin().asked("a") == list(FIVE)
    assert (course.told("limit.fewer_asked"), reached(course.effects)) == ([], [])


def test_questions_that_lie_open_count_and_at_least_one_is_always_put_so_that_it_goes_on() -> None:
    course = Course(to_everybody("a", "b", "c"), room=FIVE)
    course.limits = limited(prompts_per_instance=7)
    course.begin()
    assert [len(course.asked(name)) for name in ("a", "b", "c")] == [5, 2, 1]
    assert reached(course.effects) == ["prompts_per_instance", "prompts_per_instance"]


def test_of_a_private_question_not_even_its_starter_hears_that_it_was_put_to_fewer() -> None:
    course = Course(to_everybody("a", sensitive=True), room=FIVE)
    course.limits = limited(people_per_instance=3)
    course.begin()
    assert (len(course.asked("a")), course.told("limit.fewer_asked")) == (3, [])
    assert reached(course.effects) == ["people_per_instance"]


def test_nobody_is_told_of_it_whose_starter_has_left() -> None:
    later = StateDef("later", asks=("a",), moves=(MoveDef(OnCommand("over", ("host",)), "over"),))
    definition = workflow(
        StateDef("open", moves=(MoveDef(OnCommand("on", ("others",)), "later"),)),
        later,
        asks=[AskDef("a", Circle(), choices=YES)],
        parts={"others": [NamedIn("others")]},
        details=[DetailDef("others", "people")],
    )
    course = Course(definition, room=FIVE[1:]).begin(others=Persons(("p2",))).leave("p1")
    course.limits = limited(people_per_instance=2)
    course.command("p2", "on")
    assert (len(course.asked("a")), course.told("limit.fewer_asked")) == (2, [])


GUESTS = DetailDef("guests", "people")
REACH = DetailDef("reach", "choice", choices=(Choice("everyone", ""), Choice("named", "")))
INVITATION = workflow(
    StateDef("draft", gather=("guests",), moves=(MoveDef(OnGathered(), "open"),)),
    StateDef("open"),
    details=[GUESTS, REACH],
    texts={"guests": "?"},
    reach="reach",
)


def test_more_people_than_fit_are_not_named_and_whoever_named_them_is_asked_back() -> None:
    course = Course(INVITATION)
    course.limits = limited(people_per_instance=2)
    course.begin().give("p1", "guests", Persons(("p2", "p3", "p4")))
    assert (course.refused, course.told("bounds.people.most")) == ("people_per_instance", ["p1"])
    assert reached(course.effects) == ["people_per_instance"]
    assert course.give("p1", "guests", Persons(("p2", "p3"))).state == "open"


def test_everyone_is_no_answer_where_there_are_more_than_fit() -> None:
    course = Course(INVITATION, room=FIVE)
    course.limits = limited(people_per_instance=4)
    course.begin().give("p1", "guests", Picked("everyone"))
    assert (course.refused, course.told("bounds.people.most")) == ("people_per_instance", ["p1"])
    course.limits = USUAL
    assert course.give("p1", "guests", Picked("everyone")).state == "open"


def test_whoever_begins_with_too_many_is_asked_for_them_once_more() -> None:
    course = Course(INVITATION)
    course.limits = limited(people_per_instance=2)
    course.begin(guests=Persons(("p2", "p3", "p4")), reach=Picked("named"))
    assert course.asked("detail:guests") == ["p1"]
    assert course.told("bounds.people.most") == ["p1"]
    (told,) = [each for each in course.effects if isinstance(each, Tell)]
    assert told.message.lines[0].slots == {"n": Count(2)}
    assert (course.state, reached(course.effects)) == ("draft", ["people_per_instance"])
    assert course.snapshot.details == {"reach": Picked("named")}


def test_whoever_begins_with_everyone_where_they_are_too_many_is_asked_whom_they_mean() -> None:
    course = Course(INVITATION, room=FIVE)
    course.limits = limited(people_per_instance=2)
    course.begin(**begin_details(INVITATION, (), everyone=True, words=None))
    assert (course.asked("detail:guests"), course.snapshot.details) == (["p1"], {})
    assert course.give("p1", "guests", Persons(("p2",))).state == "open"


def test_what_another_workflow_hands_over_is_left_out_without_a_word_to_somebody_who_said_nothing() -> None:
    course = Course(INVITATION)
    course.limits = limited(people_per_instance=1)
    course.happen(Started(Ref("p1"), {"guests": Persons(("p2", "p3"))}, InstanceId("parent")))
    assert (course.told("bounds.people.most"), reached(course.effects)) == ([], ["people_per_instance"])
    assert [effect.who for effect in course.effects if isinstance(effect, Ask)] == ["p1"]


# ── workflows that start others ──────────────────────────────────────────────


def starting() -> Definition:
    waits = (MoveDef(OnEnded("decision"), "open"), MoveDef(OnCommand("on", ("host",)), "over"))
    return workflow(StateDef("open", starts=(StartDef("decision"),), moves=waits))


def _started(effects: tuple[Effect, ...]) -> list[str | None]:
    return [each.by for each in effects if isinstance(each, StartOther)]


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (limited(started_in_a_row=2), "started_in_a_row"),
        (limited(started_per_day=0), "started_per_day"),
    ],
)
def test_one_more_than_may_be_started_is_not_and_whoever_started_it_hears_how_it_ended(
    limits: Limits, limit: LimitName
) -> None:
    course = Course(starting())
    course.limits = limits
    course.happen(Started(Ref("p1"), {}, InstanceId("parent"), depth=2))
    assert (_started(course.effects), reached(course.effects)) == ([None], [limit])
    (child,) = course.snapshot.children
    assert NOT_STARTED not in course.snapshot.ended.values()
    assert course.snapshot.children[child] == "decision"


# ── at the desk ──────────────────────────────────────────────────────────────


def test_whoever_has_begun_as_much_as_one_person_may_hears_that_this_was_not_begun() -> None:
    here = OneDesk()
    here.facts |= {"begun": 3, "limits": limited(begun_per_person=3)}
    here.order("invite")
    assert here.said == ["limit.begun"]
    assert here.parcels[0].message.lines[0].slots == {"n": Count(3)}
    assert not [each for each in here.effects if isinstance(each, Begin)]
    assert (reached(here.effects), here.last.ignored) == (["begun_per_person"], "begun_per_person")
    here.facts["begun"] = 2
    here.order("invite")
    assert [each for each in here.effects if isinstance(each, Begin)]


def test_a_circle_is_not_asked_to_take_something_up_by_somebody_who_has_begun_that_much() -> None:
    here = OneDesk()
    here.facts |= {"begun": 1, "limits": limited(begun_per_person=1), "offers": {"pulse": "d-pulse"}}
    here.write(command=Command("try", workflow="pulse"))
    assert (here.said, reached(here.effects)) == (["limit.begun"], ["begun_per_person"])


def full(n: int = 5, **desk: object) -> OneDesk:
    here = OneDesk(**desk)
    here.facts["limits"] = limited(questions_per_person=n)
    for each in range(n):
        here.ask(f"q{each}")
    return here


def test_a_full_desk_takes_no_more_questions_and_its_person_hears_so_once_a_day_without_a_sound() -> None:
    here = full()
    before = {p.row for p in here.desk.prompts}
    here.do(asked("one too many"))
    assert (here.said, here.parcels[0].urgency) == (["limit.questions"], "quiet")
    assert here.parcels[0].message.lines[0].slots == {"n": Count(5)}
    assert (reached(here.effects), here.last.ignored) == (["questions_per_person"], "questions_per_person")
    here.do(asked("and another"))
    assert (here.said, reached(here.effects)) == ([], ["questions_per_person"])
    assert {p.row for p in here.desk.prompts} == before
    here.now_ms = NOON + DAY_MS
    here.do(asked("the next day"))
    assert here.said == ["limit.questions"]
    here.do(Settled(I1, "q0", 1))
    here.do(asked("once there is room"))
    assert here.has("once there is room")


def test_a_full_desk_says_nothing_to_somebody_who_asked_not_to_be_written_to() -> None:
    here = full()
    here.order("stop")
    here.do(asked("one too many"))
    assert (here.said, here.effects, here.last.ignored) == ([], (), "asked not to be written to")


def test_the_bots_own_questions_are_put_to_a_full_desk_too() -> None:
    here = full()
    here.order("person")
    assert here.has("person", None)


def test_a_message_that_is_too_long_is_counted_and_said_to_be_so_and_so_is_an_edit() -> None:
    here = OneDesk()
    here.do(Heard("$long", Reading(too_long=True), TextId("t")))
    assert (here.said, reached(here.effects)) == (["too_long"], ["text_bytes"])
    question_ = here.ask()
    event = here.tap("✅", question_)
    here.edit(event, too_long=True)
    assert (here.said, reached(here.effects)) == (["too_long"], ["text_bytes"])
    assert here.prompt("rsvp").sources[-1].choice == "yes"


# ── a guest's questions ──────────────────────────────────────────────────────


def test_a_guest_may_put_only_so_many_questions_and_what_was_too_much_is_not_kept() -> None:
    definition = workflow(
        StateDef("open", asks=("a",), moves=(MoveDef(OnCommand("on", ("host",)), "over"),)),
        parts={"guests": [NamedIn("guests")]},
        asks=[question("a", "guests", question_to="host")],
        details=[GUESTS],
    )
    course = Course(definition)
    course.limits = limited(questions_per_guest=1)
    course.begin(guests=Persons(("p2", "p3"))).write("p2", "a")
    assert course.asked("question:a:p2:1") == ["p1"]
    course.write("p2", "a")
    assert (course.refused, course.told("limit.guest")) == ("questions_per_guest", ["p2"])
    assert reached(course.effects) == ["questions_per_guest"]
    assert course.write("p3", "a").asked("question:a:p3:1") == ["p1"]
