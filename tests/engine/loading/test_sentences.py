"""The small sentences inside a file: durations, moments, people, triggers and conditions."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.definition import (
    AllOf,
    AnsweredBy,
    AnyOf,
    BeenIn,
    Circle,
    Condition,
    Contacts,
    CountOf,
    DetailGiven,
    DetailIs,
    Everyone,
    EveryoneSaid,
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
    Part,
    Room,
    ShareSaid,
    Starter,
    Stewards,
    Trigger,
    Who,
)
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS
from engine.loading.conditions import read_condition
from engine.loading.labels import Labels, in_gap
from engine.loading.moments import FOR_EVER_DAYS, Unreadable, read_days, read_duration, read_moment
from engine.loading.people import Chosen, read_sources, read_trigger, read_who
from engine.loading.reader import slug, split_emoji

COMING = {"coming": (AnsweredBy("a", ("x", "y")), AnsweredBy("b", ("x",)))}


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("3 days", 3 * DAY_MS),
        ("1 day", DAY_MS),
        ("a week", 7 * DAY_MS),
        ("an hour", HOUR_MS),
        ("twelve months", 360 * DAY_MS),
        ("90 minutes", 90 * MINUTE_MS),
        ("1 year", 365 * DAY_MS),
        ("Two  Weeks", 14 * DAY_MS),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, ms: int) -> None:
    assert read_duration(text) == ms


@pytest.mark.parametrize(
    "text", ["3", "days", "0 days", "-1 day", "3 fortnights", "soon", "1.5 days", "99999 days", ""]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_duration(text)


def test_keeping_counts_whole_days() -> None:
    assert read_days("2 weeks") == 14
    with pytest.raises(Unreadable, match="whole days"):
        read_days("36 hours")


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("starts", MomentExpr("starts")),
        ("1 day before starts", MomentExpr("starts", -DAY_MS)),
        ("14 days after entering", MomentExpr("entering", 14 * DAY_MS)),
        ("24 hours before reply_by", MomentExpr("reply_by", -DAY_MS)),
        ("halfway to ends", MomentExpr("ends", halfway=True)),
        ("a week after opening", MomentExpr("opening", 7 * DAY_MS)),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, expr: MomentExpr) -> None:
    assert read_moment(text) == expr


@pytest.mark.parametrize(
    "text", ["3 days", "before starts", "some day before starts", "1 day before", "halfway", "Starts!"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_moment(text)


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("guests", Part("guests")),
        ("room", Room()),
        ("everyone", Circle()),
        ("everyone but holder", Circle(("holder",))),
        ("everyone but holder and host", Circle(("holder", "host"))),
        ("those who answered coming or maybe to invited", AnsweredBy("invited", ("coming", "maybe"))),
        ("answered coming to invited", AnsweredBy("invited", ("coming",))),
    ],
)
def test_people_are_named_in_words(text: str, who: Who) -> None:
    assert read_who(text) == who


@pytest.mark.parametrize(
    "text", ["all of them", "Guests", "everyone but", "those who answered yes to a, yes to b", ""]
)
def test_what_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_who(text)


LABELS = Labels(
    {
        "invited": {"count me in": "count_me_in", "count_me_in": "count_me_in", "maybe": "maybe"},
        "again": {"i'm coming, gladly": "coming", "coming": "coming", "maybe": "maybe"},
    },
    {"kind": {"a long walk": "walk", "walk": "walk", "event": "event"}},
)


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("mentioned", (Chosen("people"),)),
        ("chosen by host", (Chosen("people", "host"),)),
        ("one chosen by host", (Chosen("person", "host"),)),
        ("everyone", (Everyone(),)),
        ("everyone but host, guests and second", (Everyone(("host", "guests", "second")),)),
        ("named by answers to nominate", (NamedBy("nominate"),)),
        ("holder of Tea kitchen", (HolderOf("Tea kitchen"),)),
        ("understudy of facilitation", (HolderOf("facilitation", understudy=True),)),
        ("stewards", (Stewards(),)),
        ("safety contacts", (Contacts(),)),
        ("one of readers, not host", (OneOf("readers", ("host",)),)),
        ("one of readers", (OneOf("readers"),)),
        ("those who answered Count me in", (AnsweredBy("invited", ("count_me_in",)),)),
        (
            "those who answered Count me in or maybe to invited, I’m coming, gladly to again",
            (AnsweredBy("invited", ("count_me_in", "maybe")), AnsweredBy("again", ("coming",))),
        ),
    ],
)
def test_people_come_from_many_places(text: str, sources: tuple[object, ...]) -> None:
    assert read_sources(text, LABELS) == sources


def test_an_answer_that_two_questions_offer_needs_its_question() -> None:
    with pytest.raises(Unreadable, match="2 asks offer `Maybe`") as refused:
        read_sources("those who answered Maybe", LABELS)
    assert refused.value.hint == "write `Maybe to again`"
    with pytest.raises(Unreadable) as unknown:
        read_who("readers who answered Cuont me in", LABELS)
    assert unknown.value.hint == "did you mean `count me in`?"


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("Count me in is at least 2", CountOf((("invited", "count_me_in"),), ">=", 2)),
        (
            "invited.Count me in + again.coming > 1",
            CountOf((("invited", "count_me_in"), ("again", "coming")), ">", 1),
        ),
        ("everyone said I'm coming, gladly", EveryoneSaid("again", "coming")),
        ("half said invited.maybe", ShareSaid("invited", "maybe", 50)),
        ("two thirds said Count me in", ShareSaid("invited", "count_me_in", 67)),
        (
            "a third said again.coming and kind is event",
            AllOf((ShareSaid("again", "coming", 34), DetailIs("kind", "event"))),
        ),
        ("60 percent said invited.maybe", ShareSaid("invited", "maybe", 60)),
        ("75% said invited.maybe", ShareSaid("invited", "maybe", 75)),
        ("been in moved at least 2 times", BeenIn("moved", ">=", 2)),
        ("been in moved exactly 1 time", BeenIn("moved", "==", 1)),
        ("been in moved twice", BeenIn("moved", ">=", 2)),
        ("kind is A long walk", DetailIs("kind", "walk")),
        (
            "kind is not Event and kind is given",
            AllOf((NotThat(DetailIs("kind", "event")), DetailGiven("kind"))),
        ),
    ],
)
def test_conditions_know_labels_shares_and_how_often(text: str, condition: Condition) -> None:
    assert read_condition(text, COMING, LABELS) == condition


@pytest.mark.parametrize(
    "text",
    [
        "0 percent said a.x",
        "101% said a.x",
        "half a.x",
        "50 percent a.x",
        "been in",
        "been in moved at least",
        "a.☃",
    ],
)
def test_what_is_no_share_and_no_number_of_times_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_condition(text, COMING, LABELS)


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("answered Count me in to invited", OnAnswer("invited", "count_me_in")),
        ("answered Count me in", OnAnswer("invited", "count_me_in")),
        ("answered invited", OnAnswer("invited")),
        ("decision ends", OnEnded("decision")),
        ("Book club ends as done", OnEnded("book_club", "done")),
    ],
)
def test_triggers_know_labels_and_other_workflows(text: str, trigger: Trigger) -> None:
    assert read_trigger(text, LABELS) == trigger


@pytest.mark.parametrize(
    ("gap", "meant"),
    [
        ("invited.Count me in", "invited.count_me_in"),
        ("number of again.I'm coming, gladly", "number of again.coming"),
        ("Count me in", "invited.count_me_in"),
        ("host", "host"),
        ("maybe", "maybe"),
        ("not joining invited", "not joining invited"),
    ],
)
def test_placeholders_may_name_an_answer_by_its_label(gap: str, meant: str) -> None:
    assert in_gap(LABELS, gap) == meant


def test_for_ever_is_read_so_that_the_checker_can_say_no() -> None:
    assert read_days("for ever") == FOR_EVER_DAYS


def test_parts_are_filled_from_their_sources() -> None:
    assert read_sources("starter") == (Starter(),)
    assert read_sources("named in guests") == (NamedIn("guests"),)
    assert read_sources("those who answered x or y to a, x to b") == COMING["coming"]
    with pytest.raises(Unreadable, match="does not say who"):
        read_sources("the boss")


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("everything is gathered", OnGathered()),
        ("host writes cancel", OnCommand("cancel", ("host",))),
        ("host or holder writes lay down", OnCommand("lay down", ("host", "holder"))),
        ("answered renew to next", OnAnswer("next", "renew")),
        ("answered next", OnAnswer("next")),
        ("next closes", OnClosed("next")),
    ],
)
def test_triggers_are_read_in_words(text: str, trigger: Trigger) -> None:
    assert read_trigger(text) == trigger


@pytest.mark.parametrize("text", ["os.system writes", "gathered!", "answered", "host says cancel", ""])
def test_what_cannot_happen_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        read_trigger(text)


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("a.x + b.y >= 2", CountOf((("a", "x"), ("b", "y")), ">=", 2)),
        ("a.x is at least enough", CountOf((("a", "x"),), ">=", "enough")),
        ("a.x is exactly 0", CountOf((("a", "x"),), "==", 0)),
        ("a.x = 0", CountOf((("a", "x"),), "==", 0)),
        ("a.x fewer than 3", CountOf((("a", "x"),), "<", 3)),
        ("a.x is more than 3", CountOf((("a", "x"),), ">", 3)),
        ("coming is at most 5", CountOf((("a", "x"), ("a", "y"), ("b", "x")), "<=", 5)),
        ("everyone said a.x", EveryoneSaid("a", "x")),
        ("kind is event", DetailIs("kind", "event")),
        ("kind is not event", NotThat(DetailIs("kind", "event"))),
        ("helper is given", DetailGiven("helper")),
        ("helper is not given", NotThat(DetailGiven("helper"))),
        ("not kind is event", NotThat(DetailIs("kind", "event"))),
        (
            "kind is a or kind is b and helper is given",
            AnyOf((DetailIs("kind", "a"), AllOf((DetailIs("kind", "b"), DetailGiven("helper"))))),
        ),
        (
            "(kind is a or kind is b) and not helper is given",
            AllOf((AnyOf((DetailIs("kind", "a"), DetailIs("kind", "b"))), NotThat(DetailGiven("helper")))),
        ),
    ],
)
def test_conditions_are_read(text: str, condition: Condition) -> None:
    assert read_condition(text, COMING) == condition


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("a.x", 3),
        ("a. >= 1", 3),
        ("a.x >= ", 7),
        ("kind is", 7),
        ("(kind is a", 10),
        ("kind is a kind is b", 10),
        ("__import__('os')", 0),
        ("commin is at least 2", 0),
        ("a.x >= 2; drop", 8),
        ("everyone said a", 15),
        ("a.x is at 2", 7),
        ("not " * 40 + "kind is a", 68),
        ("a.x + " * 200 + "a.x > 1", 0),
    ],
)
def test_what_is_no_condition_is_refused_where_it_goes_wrong(text: str, offset: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read_condition(text, COMING)
    assert refused.value.offset == offset


def test_the_nearest_part_that_can_be_counted_is_named() -> None:
    with pytest.raises(Unreadable) as refused:
        read_condition("comming is at least 2", COMING)
    assert refused.value.hint == "did you mean `coming`?"


def refusal_offset(read: Callable[[str], object], text: str) -> int:
    try:
        read(text)
    except Unreadable as refused:
        return refused.offset
    return 0


@given(st.text(max_size=80))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    for read in (read_duration, read_moment, read_who, read_trigger, lambda t: read_condition(t, COMING)):
        assert 0 <= refusal_offset(read, text) <= len(text)


@pytest.mark.parametrize(
    ("label", "emoji", "rest"),
    [
        ("✅ I'm coming", "✅", "I'm coming"),
        ("1️⃣ First", "1️⃣", "First"),
        ("🛠️ A project", "🛠️", "A project"),
        ("👩‍🌾 Garden", "👩‍🌾", "Garden"),
        ("Maybe", "", "Maybe"),
        ("2 people", "", "2 people"),
        ("✅", "", "✅"),
        ("… or not", "", "… or not"),
    ],
)
def test_an_emoji_at_the_beginning_of_a_label_is_its_sign(label: str, emoji: str, rest: str) -> None:
    assert split_emoji(label) == (emoji, rest)


def test_labels_become_names() -> None:
    assert slug("Count me in") == "count_me_in"
    assert slug("I'd take it!") == "id_take_it"
    assert slug("2 of us") == ""
    assert slug("Ça va") == "ca_va"
