"""What a circle has in use: agreeing to it, leaving it off, and what depends on it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.decide import begin_details, public_line, public_shelf, public_shelves
from engine.core.definition import (
    ABOUT_TEXT,
    TITLE_TEXT,
    BoardDef,
    Definition,
    DetailDef,
    InUse,
    MoveDef,
    OnCommand,
    Part,
    StartDef,
    StateDef,
    TellDef,
)
from engine.core.effect import Adopt, Finish, Show, StartOther
from engine.core.event import Answered
from engine.core.instance import AskState
from engine.core.message import Said
from engine.core.phrasing import phrase
from engine.core.starting import fitting
from engine.core.survey import workflows_looked_at
from engine.core.values import Moment, Number, Picked, Ref, TextId, Words
from engine.core.view import View
from tests.engine.core.one_instance import NOON_MS, Course, workflow

PULSE = Picked("digest of pulse")
WHICH = DetailDef("which", "workflow", given=True)
GOES_ON = StateDef("on")


def practice(*states: StateDef, **more: object) -> Definition:
    return workflow(*states, details=[WHICH], **more)  # type: ignore[arg-type]


def test_what_a_state_brings_in_is_in_use_from_its_entering_on() -> None:
    course = Course(practice(StateDef("agreed", brings_in="which"))).begin(which=PULSE)
    assert Adopt("digest of pulse", in_use=True) in course.effects


def test_an_end_may_take_a_workflow_out_and_then_it_is_over() -> None:
    asking = StateDef("asking", moves=(MoveDef(OnCommand("leave", ("host",)), "agreed"),))
    left_off = StateDef("agreed", takes_out="which", final=True, outcome="over")
    course = Course(practice(asking, left_off)).begin(which=PULSE)
    assert not any(isinstance(effect, Adopt) for effect in course.effects)
    effects = course.command("p1", "leave").effects
    adopted, finished = effects.index(Adopt("digest of pulse", in_use=False)), effects.index(Finish("agreed"))
    assert adopted < finished


def test_begun_by_its_own_word_it_knows_no_workflow_and_changes_nothing() -> None:
    course = Course(practice(StateDef("agreed", brings_in="which"))).begin()
    assert course.state == "agreed"
    assert not any(isinstance(effect, Adopt) for effect in course.effects)


def test_the_workflow_it_is_about_is_called_by_its_title_and_says_what_it_is_about() -> None:
    gaps = {"heard": ("which", "about which")}
    definition = practice(GOES_ON, texts={"heard": "<which>: <about which>"}, gaps=gaps)
    course = Course(definition).begin(which=PULSE)
    assert phrase(View(definition, course.snapshot), "heard").slots == {
        "which": Said(TITLE_TEXT, "digest of pulse"),
        "about which": Said(ABOUT_TEXT, "digest of pulse"),
    }
    nothing = View(definition, Course(definition).begin().snapshot)
    assert phrase(nothing, "heard").slots == {"which": Said("nothing"), "about which": Said("nothing")}


def test_a_beginning_carries_the_workflow_it_was_given_and_nothing_else() -> None:
    definition = workflow(GOES_ON, details=[WHICH, DetailDef("seats", "number")])
    given = {"which": PULSE, "seats": Number(3), "unheard of": PULSE}
    assert begin_details(definition, (), everyone=False, words=None, given=given) == {"which": PULSE}
    assert begin_details(definition, (), everyone=False, words=None) == {}


def test_a_workflow_is_handed_on_as_one_and_nothing_else_is_taken_for_one() -> None:
    definition = practice(GOES_ON)
    assert fitting(definition, {"which": PULSE}, "p1", NOON_MS) == {"which": PULSE}
    assert fitting(definition, {"which": Words(TextId("t"))}, "p1", NOON_MS) == {}


@pytest.mark.parametrize("value", [PULSE, Number(1), Moment(NOON_MS)])
def test_nobody_can_answer_with_a_workflow(value: Picked | Number | Moment) -> None:
    """It is never asked for; a question for it could only come out of a broken row."""
    course = Course(practice(GOES_ON)).begin()
    open_ask = AskState(1, NOON_MS, NOON_MS + 9, NOON_MS + 9, asked=(Ref("p1"),))
    course.stand(replace(course.snapshot, asks={"detail:which": open_ask}))
    course.happen(Answered("detail:which", 1, Ref("p1"), value=value))
    assert course.refused == "unknown_choice"


# ── what depends on it ───────────────────────────────────────────────────────


def test_a_state_starts_another_workflow_only_where_that_is_in_use() -> None:
    starts = (StartDef("feedback_round", when=InUse("feedback_round")),)
    definition = workflow(StateDef("on", starts=starts))
    course = Course(definition)
    assert not [e for e in course.begin().effects if isinstance(e, StartOther)]
    course = Course(definition)
    course.in_use = ("feedback_round",)
    assert [e.workflow for e in course.begin().effects if isinstance(e, StartOther)] == ["feedback_round"]
    assert workflows_looked_at(definition) == ("feedback_round",)


def test_what_is_kept_up_to_date_goes_by_what_is_in_use_then() -> None:
    board = BoardDef("host", "offered", InUse("mentorship"))
    definition = workflow(StateDef("on", board=(board,)), texts={"offered": "There is mentoring."})
    course = Course(definition)
    course.in_use = ("mentorship",)
    assert [e.board.partition("#")[0] for e in course.begin().effects if isinstance(e, Show)] == ["offered"]


# ── beginning by itself ──────────────────────────────────────────────────────


@pytest.mark.parametrize("begins_for", ["arriving", "present"])
def test_what_begins_by_itself_answers_nobody(begins_for: str) -> None:
    tell = TellDef(Part("host"), "hello")
    definition = workflow(
        StateDef("on", tells=(tell,)), texts={"hello": "Good to have you."}, begins_for=begins_for
    )
    course = Course(definition).begin()
    assert course.told("hello") == ["p1"]
    assert "reply" not in {getattr(effect, "urgency", None) for effect in course.effects}
    assert "reply" in {
        getattr(effect, "urgency", None)
        for effect in Course(replace(definition, begins_for=None)).begin().effects
    }


# ── which public list ────────────────────────────────────────────────────────


def test_a_state_may_put_its_line_into_another_list_than_the_rest() -> None:
    openly = StateDef(
        "open", public="needed", public_shelf="on", moves=(MoveDef(OnCommand("take", ("host",)), "held"),)
    )
    held = StateDef("held", public="holds")
    texts = {"needed": "Somebody is needed.", "holds": "Somebody holds it."}
    definition = workflow(openly, held, texts=texts, shelf="holds")
    course = Course(definition).begin()
    assert public_shelves(definition) == {"on", "holds"}
    assert public_shelf(definition, course.snapshot) == "on"
    assert public_line(definition, course.snapshot) is not None
    assert public_shelf(definition, course.command("p1", "take").snapshot) == "holds"
    lost = replace(course.snapshot, state="gone from the file")
    assert (public_shelf(definition, lost), public_line(definition, lost)) == ("holds", None)
