"""Every part of a definition has plain words, and they are the words a person would use."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from bridge.telling.cast import cast_of
from bridge.telling.words import (
    Teller,
    at_in_words,
    audience_in_words,
    condition_in_words,
    duration_in_words,
    moment_in_words,
    source_in_words,
    trigger_in_words,
    until_in_words,
    who_in_words,
)
from engine.core.definition import (
    AllOf,
    AnsweredBy,
    AnyOf,
    AskDef,
    AskedLately,
    AtMoment,
    BeenIn,
    Choice,
    Circle,
    Condition,
    Contacts,
    CountOf,
    Definition,
    DetailDef,
    DetailGiven,
    DetailIs,
    Everyone,
    EveryoneSaid,
    Hidden,
    HolderOf,
    MomentExpr,
    NamedBy,
    NamedIn,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OneOf,
    OnGathered,
    OnHolds,
    Part,
    PartDef,
    Room,
    ShareSaid,
    Source,
    Starter,
    StateDef,
    Stewards,
    Trigger,
    Who,
)
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS

YES, MAYBE = Choice("yes", ""), Choice("maybe", "")
DINNER = Definition(
    name="dinner",
    title="Dinner",
    about="Eat together.",
    digest="d",
    begins_with="dinner",
    parts=(
        PartDef("host", (Starter(),)),
        PartDef("guests", (NamedIn("guests"),)),
        PartDef("cook", (NamedIn("cook"),)),
        PartDef("coming", (AnsweredBy("invited", ("yes",)),)),
        PartDef("helpers", (AnsweredBy("helping", ("yes",)),)),
        PartDef("chef", (AnsweredBy("cooking", ("yes",)),)),
        PartDef("nominees", (NamedBy("nominate"),)),
    ),
    details={
        "guests": DetailDef("guests", "people"),
        "cook": DetailDef("cook", "person", asked="guests"),
        "mentioned": DetailDef("mentioned", "people", given=True),
        "kind": DetailDef("kind", "choice", choices=(Choice("warm", ""),)),
        "starts": DetailDef("starts", "moment"),
        "reply_by": DetailDef("reply_by", "moment"),
        "enough": DetailDef("enough", "number"),
        "place": DetailDef("place", "words"),
    },
    asks={
        "invited": AskDef("invited", Part("guests"), (YES, MAYBE), seen_by=("host",)),
        "helping": AskDef("helping", Part("coming"), (YES,), seen_by=("host", "cook")),
        "cooking": AskDef("cooking", Part("cook"), (YES,), seen_by=("host",)),
        "nominate": AskDef("nominate", Circle(), naming="person", seen_by=("host",)),
        "open": AskDef("open", Room(), (YES,), seen_by=("host", "circle")),
        "mood": AskDef("mood", Part("host"), (YES, MAYBE)),
        "notes": AskDef("notes", Part("host"), words=True),
    },
    states={"draft": StateDef("draft")},
    start="draft",
    texts={
        "invited.yes": "I'm coming",
        "invited.maybe": "Maybe",
        "helping.yes": "Gladly",
        "cooking.yes": "I'll cook",
        "open.yes": "Count me in",
        "mood.yes": "Good",
        "mood.maybe": "Mixed",
        "kind.warm": "A warm meal",
    },
    gaps={},
)


@pytest.mark.parametrize(
    ("span_ms", "said"),
    [
        (DAY_MS, "a day"),
        (HOUR_MS, "an hour"),
        (7 * DAY_MS, "a week"),
        (14 * DAY_MS, "two weeks"),
        (10 * DAY_MS, "ten days"),
        (90 * DAY_MS, "three months"),
        (365 * DAY_MS, "a year"),
        (36 * HOUR_MS, "36 hours"),
        (20 * MINUTE_MS, "20 minutes"),
    ],
)
def test_a_length_of_time_is_said_in_its_largest_whole_unit(span_ms: int, said: str) -> None:
    assert duration_in_words(span_ms) == said


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (Part("host"), "the host"),
        (Part("guests"), "the guests"),
        (Part("coming"), "those coming"),
        (Part("helpers"), "the helpers"),
        (AnsweredBy("invited", ("yes", "maybe")), "those who said “I'm coming” or “Maybe”"),
        (AnsweredBy("cooking", ("yes",)), "whoever said “I'll cook”"),
        (Room(), "the circle's room"),
        (Circle(), "everyone in the circle"),
        (Circle(("host",)), "everyone in the circle but the host"),
    ],
)
def test_people_are_called_as_somebody_would_call_them(who: Who, said: str) -> None:
    assert who_in_words(DINNER, who) == said


@pytest.mark.parametrize(
    ("name", "said", "is_one"),
    [
        ("coming", "those coming", False),
        ("unsure", "those unsure", False),
        ("agreed_to", "those agreed to", False),
        ("helpers", "the helpers", False),
        ("buddy", "the buddy", True),
        ("next_holder", "the next holder", True),
        ("pair", "the pair", False),
        ("crew_one", "crew one", False),
    ],
)
def test_those_who_answered_are_called_as_their_names_sound(name: str, said: str, is_one: bool) -> None:
    by = (AnsweredBy("invited", ("yes",)), AnsweredBy("helping", ("yes",)))
    definition = msgspec.structs.replace(DINNER, parts=(*DINNER.parts, PartDef(name, by)))
    assert who_in_words(definition, Part(name)) == said
    assert Teller(definition).is_one(Part(name)) == is_one
    assert name not in cast_of(definition), "whoever it is has been somebody else before"


def test_where_one_place_is_there_one_person_is_meant() -> None:
    asks = {**DINNER.asks, "helping": msgspec.structs.replace(DINNER.asks["helping"], places=1)}
    definition = msgspec.structs.replace(DINNER, asks=asks)
    assert Teller(definition).is_one(AnsweredBy("helping", ("yes",)))
    assert not Teller(DINNER).is_one(AnsweredBy("helping", ("yes",)))


@pytest.mark.parametrize(
    ("op", "bound", "said"), [(">=", 1, "anyone is in the pair"), (">=", 2, "at least two are in the pair")]
)
def test_a_group_is_counted_by_who_is_in_it(op: Literal[">="], bound: int, said: str) -> None:
    pair = PartDef("pair", (AnsweredBy("invited", ("maybe",)),))
    definition = msgspec.structs.replace(DINNER, parts=(*DINNER.parts, pair))
    assert condition_in_words(definition, CountOf((("invited", "maybe"),), op, bound)) == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Starter(), "whoever begins it"),
        (NamedIn("guests"), "the people the host names"),
        (NamedIn("cook"), "the person the guests name"),
        (NamedIn("mentioned"), "the people named in the command that begins it"),
        (NamedBy("nominate"), "those named in the answers to the question to everyone in the circle"),
        (AnsweredBy("invited", ("yes",)), "those who said “I'm coming”"),
        (Everyone(("host", "cook")), "everyone in the circle but the host and the cook"),
        (HolderOf("care_of_the_garden"), "whoever holds care of the garden"),
        (HolderOf("facilitation", understudy=True), "the understudy of facilitation"),
        (Stewards(), "the stewards"),
        (Contacts(), "the safety contacts"),
        (OneOf("guests", ("host",)), "one of the guests, not the host, found by chance"),
    ],
)
def test_it_is_said_where_people_come_from(source: Source, said: str) -> None:
    assert source_in_words(DINNER, source) == said


def test_moments_are_said_with_the_names_of_the_file() -> None:
    assert moment_in_words(MomentExpr("starts", -DAY_MS)) == "a day before starts"
    assert moment_in_words(MomentExpr("entering", 7 * DAY_MS)) == "a week after this begins"
    assert moment_in_words(MomentExpr("reply_by")) == "“reply by”"
    assert moment_in_words(MomentExpr("starts", halfway=True)) == "halfway to starts"
    assert at_in_words(MomentExpr("entering", 7 * DAY_MS)) == "after a week"
    assert at_in_words(MomentExpr("entering")) == "at once"
    assert at_in_words(MomentExpr("reply_by")) == "at “reply by”"
    assert until_in_words(MomentExpr("opening", 2 * DAY_MS), 0) == "for two days"
    assert until_in_words(None, 7 * DAY_MS) == "for a week"
    assert until_in_words(MomentExpr("starts", -HOUR_MS), 0) == "until an hour before starts"


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (AtMoment(MomentExpr("starts", 3 * HOUR_MS)), "three hours after starts"),
        (OnCommand("cancel", ("host",)), "when the host writes *cancel*"),
        (OnCommand("leave", ("guests",)), "when one of the guests writes *leave*"),
        (OnCommand("rest", ("host", "cook")), "when the host or the cook writes *rest*"),
        (OnAnswer("cooking", "yes"), "when the cook says “I'll cook”"),
        (OnAnswer("invited", "maybe"), "when one of the guests says “Maybe”"),
        (OnAnswer("open", "yes"), "when someone in the room says “Count me in”"),
        (OnAnswer("nominate"), "when someone answers"),
        (OnAnswer("notes"), "when the host answers the question “notes”"),
        (OnGathered(), "when everything is known"),
        (OnClosed("invited"), "when the question to the guests closes"),
        (OnClosed("mood"), "when the question “mood” closes"),
        (OnHolds(CountOf((("invited", "yes"),), ">=", 5)), "as soon as at least five are coming"),
        (OnEnded("decision"), "when *decision* ends"),
        (OnEnded("decision", "let_go"), "when *decision* ends as “let go”"),
        (OnEnded("decision", "not_started"), "if *decision* cannot be started"),
    ],
)
def test_it_is_said_what_sets_a_move_off(trigger: Trigger, said: str) -> None:
    assert trigger_in_words(DINNER, trigger) == said


COMING = (("invited", "yes"),)
EITHER = (("invited", "yes"), ("invited", "maybe"))


@pytest.mark.parametrize(
    ("condition", "said", "denied"),
    [
        (CountOf(COMING, ">=", 2), "at least two are coming", "fewer than two are coming"),
        (CountOf(COMING, ">=", 1), "anyone is coming", "nobody is coming"),
        (CountOf(COMING, "==", 0), "nobody is coming", "anyone is coming"),
        (CountOf(COMING, "==", 3), "exactly three are coming", "not exactly three are coming"),
        (
            CountOf(COMING, ">=", "enough"),
            "at least as many as “enough” are coming",
            "fewer than “enough” are coming",
        ),
        (
            CountOf((("helping", "yes"),), ">", 2),
            "there are more than two helpers",
            "there are at most two helpers",
        ),
        (CountOf((("cooking", "yes"),), ">=", 1), "there is a chef", "there is no chef"),
        (
            CountOf((("mood", "yes"),), ">=", 1),
            "the host said “Good”",
            "the host did not say “Good”",
        ),
        (
            CountOf(EITHER, ">=", 4),
            "at least four said “I'm coming” or “Maybe”",
            "fewer than four said “I'm coming” or “Maybe”",
        ),
        (
            EveryoneSaid("invited", "yes"),
            "everyone who was asked said “I'm coming”",
            "not everyone who was asked said “I'm coming”",
        ),
        (EveryoneSaid("cooking", "yes"), "the cook said “I'll cook”", "the cook did not say “I'll cook”"),
        (
            ShareSaid("invited", "yes", 67),
            "at least two thirds of those asked said “I'm coming”",
            "fewer than two thirds of those asked said “I'm coming”",
        ),
        (DetailIs("kind", "warm"), "kind is “A warm meal”", "kind is not “A warm meal”"),
        (DetailGiven("cook"), "someone is named as cook", "nobody is named as cook"),
        (DetailGiven("guests"), "guests are named", "no guests are named"),
        (DetailGiven("place"), "place is given", "place is left open"),
        (
            AskedLately("cook", 60 * DAY_MS),
            "the cook was asked in an earlier one by the same person within the last two months",
            "the cook was not asked in an earlier one by the same person within the last two months",
        ),
        (
            BeenIn("new_date", ">=", 2),
            "“new date” has been reached at least twice",
            "“new date” has been reached fewer than twice",
        ),
        (
            BeenIn("new_date", ">=", 1),
            "“new date” has been reached",
            "“new date” has never been reached",
        ),
        (
            AllOf((DetailGiven("place"), DetailIs("kind", "warm"))),
            "place is given and kind is “A warm meal”",
            "place is left open or kind is not “A warm meal”",
        ),
        (
            AllOf((DetailGiven("place"), AnyOf((DetailGiven("cook"), CountOf(COMING, ">=", 1))))),
            "place is given and either someone is named as cook or anyone is coming",
            "place is left open or both nobody is named as cook and nobody is coming",
        ),
    ],
)
def test_a_condition_and_its_opposite_are_both_said_plainly(
    condition: Condition, said: str, denied: str
) -> None:
    assert condition_in_words(DINNER, condition) == said
    assert condition_in_words(DINNER, NotThat(condition)) == denied
    assert condition_in_words(DINNER, NotThat(NotThat(condition))) == said


def test_everyone_or_named_is_said_by_whom_it_is_for() -> None:
    reach = DetailDef("reach", "choice", choices=(Choice("everyone", ""), Choice("named", "")))
    definition = msgspec.structs.replace(DINNER, details={**DINNER.details, "reach": reach}, reach="reach")
    assert condition_in_words(definition, DetailIs("reach", "everyone")) == "it is for everyone"
    assert condition_in_words(definition, DetailIs("reach", "named")) == "it is only for people who are named"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ("invited", "only the host sees who says “I'm coming” or “Maybe”; a no is seen by nobody"),
        ("helping", "only the host and the cook see who says “Gladly”; a no is seen by nobody"),
        ("cooking", "only the host sees the cook's “I'll cook”; a no is seen by nobody"),
        ("nominate", "only the host sees whom each of them names; a no is seen by nobody"),
        ("open", "everyone in the circle sees who says “Count me in”"),
        ("mood", "only the host sees the answer"),
    ],
)
def test_it_is_said_who_sees_an_answer(ask: str, said: str) -> None:
    assert audience_in_words(DINNER, DINNER.asks[ask]) == said


def test_what_is_hidden_says_until_when() -> None:
    ask = DINNER.asks["invited"]
    seen = "only the host sees who says “I'm coming” or “Maybe”, and nobody before"
    no = "; a no is seen by nobody"
    for hidden, until in (
        (Hidden(until_closed=True), "it closes"),
        (Hidden(MomentExpr("starts")), "starts"),
        (Hidden(), "they are shown"),
    ):
        told = audience_in_words(DINNER, msgspec.structs.replace(ask, hidden=hidden))
        assert told == f"{seen} {until}{no}"


def test_what_is_unsigned_says_how_it_is_shown() -> None:
    ask = AskDef("kept", Part("guests"), words=True, seen_by=("host",), unsigned=5)
    told = audience_in_words(DINNER, ask)
    assert "without names, shuffled, in one go when it closes and if at least five have come" in told


def test_a_cast_gives_people_first_names() -> None:
    teller = Teller(DINNER, {"host": "Bruno", "cook": "Ana", "chef": "Ana"})
    assert teller.audience(DINNER.asks["helping"]).startswith("only Bruno and Ana see who")
    assert teller.trigger(OnCommand("cancel", ("host",))) == "when Bruno writes *cancel*"
    assert teller.condition(CountOf((("cooking", "yes"),), "==", 0)) == "Ana is not the chef"
    assert teller.source(NamedIn("guests")) == "the people Bruno names"
