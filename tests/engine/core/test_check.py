"""Each case spoils a small, right file in one place and names what the checker finds, and where."""

import pytest

from engine.core.check import check
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    AtMoment,
    Choice,
    Circle,
    CountOf,
    Definition,
    EveryoneSaid,
    MomentExpr,
    MoveDef,
    OnAnswer,
    Part,
    PartDef,
    Starter,
    StateDef,
    TellDef,
)
from engine.core.finding import Finding, nearest
from engine.core.survey import read_gap
from engine.loading.load import load_definition
from tests.engine.loading.small import SMALL, line_of, spoilt

LONG = "tea " * 200

NAMES = [
    ("to: open", "to: opne", "unknown-state", "did you mean `open`?"),
    ("gather: [guests,", "gather: [gests,", "unknown-detail", "did you mean `guests`?"),
    ("asks: [invited,", "asks: [invitd,", "unknown-ask", "did you mean `invited`?"),
    ("keeps: invited", "keeps: inwited", "unknown-ask", "did you mean `invited`?"),
    ("named in guests", "named in gests", "unknown-detail", "did you mean `guests`?"),
    ("named in guests", "named in starts", "not-people", "give it `type: people`"),
    ("answered coming to", "answered comming to", "unknown-answer", "did you mean `coming`?"),
    ("to: coming\n    say: How", "to: comming\n    say: How", "unknown-part", "did you mean `coming`?"),
    ("seen by: host\n    keep", "seen by: hosts\n    keep", "unknown-part", "did you mean `host`?"),
    ("board:\n      to: host", "board:\n      to: hots", "unknown-part", "did you mean `host`?"),
    ("host writes cancel", "hots writes cancel", "unknown-part", "did you mean `host`?"),
    ("when: after closes", "when: afer closes", "unknown-ask", "did you mean `after`?"),
    ("when: after closes", "when: room_wide closes", "not-asked-here", "add it to `asks` or `keeps`"),
    ("when: after closes", "when: answered comin to invited", "unknown-answer", "did you mean `coming`?"),
    (
        "1 day before starts\n    changeable",
        "1 day before what\n    changeable",
        "not-a-moment",
        "give it `type: date and time`",
    ),
    ("changeable until: starts", "changeable until: start", "unknown-moment", "did you mean `starts`?"),
    ("if: kind is green", "if: kind is gren", "unknown-answer", "did you mean `green`?"),
    ("if: kind is green", "if: kid is green", "unknown-detail", "did you mean `kind`?"),
    ("if: kind is green", "if: tea is given", "unknown-detail", None),
    ("coming is at least enough", "coming is at least what", "not-a-number", None),
    (
        "coming is at least enough",
        "everyone said invited.comming",
        "unknown-answer",
        "did you mean `coming`?",
    ),
    ("coming is at least enough", "everyone said room_wide.count_me_in", "nobody-asked", "count it"),
    ("<what>, <starts>", "<what>, <start>", "unknown-placeholder", "did you mean `starts`?"),
    ("Coming: <coming>", "Coming: <invited.comin>", "unknown-answer", "did you mean `coming`?"),
    ("Coming: <coming>", "Gone: <gone inwited>", "unknown-ask", "did you mean `invited`?"),
    ("  coming: those", "  what: those", "two-meanings", None),
    ("  after:\n", "  what:\n", "two-meanings", None),
    (", kind]", "]", "never-given", None),
    ("asks: [invited, room_wide]", "asks: [invited]", "unused", None),
    ("default: 2", "default: 2\n    asked of: hots", "unknown-part", "did you mean `host`?"),
    (
        "    ask: Which?\n    choices:\n      green: 🍵 Green\n      black: Black",
        "    ask: Which?\n    type: choice",
        "no-choices",
        None,
    ),
    (
        "      black: Black",
        "      black: Black\n    default: balck",
        "unknown-answer",
        "did you mean `black`?",
    ),
    ("name: tea", "name: tea\nif the starter leaves: droped", "unknown-state", "did you mean `dropped`?"),
    ("name: tea", "name: tea\nif guest leaves: dropped", "unknown-part", "did you mean `guests`?"),
    (
        'invited>"\n',
        'invited>"\n          calendar: start\n',
        "unknown-detail",
        "did you mean `starts`?",
    ),
    ('invited>"\n', 'invited>"\n          calendar: what\n', "unknown-detail", None),
]

WAYS = [
    ("to: on\n", "to: dropped\n", "unreachable", None),
    ("    ends with: No tea.", "    asks: []", "dead-end", None),
    ("      - at: 10 days after entering\n        to: done\n", "", "waits-for-ever", None),
    ("      - at: 1 day before starts\n        to: dropped\n", "", "waits-for-ever", None),
    (
        "at: 10 days after entering\n        to: done",
        "at: 10 days after entering\n        to: on",
        "waits-for-ever",
        "-",
    ),
    ("guests, what, starts, kind]", "guests, what, kind]", "never-given", None),
    ("Which tea?", "Which tea, <host>, for <starts>?", "not-known-yet", None),
    ("ends with: No tea.", "ends with: No <what>.", "not-known-yet", None),
    ("type: date and time", "type: date and time, optional", "not-known-yet", None),
    ("        if: coming is at least enough\n", "", "never-taken", None),
    ("    gather: [guests, what, starts, kind]\n", "", "nothing-gathered", None),
    (
        "- when: everything is gathered\n        to: open",
        "- when: host writes go\n        to: open",
        "gathered-for-nothing",
        None,
    ),
    ("name: tea", "name: tea\nif the guests leaves: draft", "not-an-end", None),
    (
        "    ends with: Tea was drunk.",
        "    ends with: Tea was drunk.\n    moves:\n      - at: 1 day after entering\n        to: dropped",
        "moves-after-end",
        None,
    ),
    ("Coming: <coming>", "Not joining: <not joining invited>", "protected-no", None),
    ("Tea for all.", "Tea for all but <not joining invited>.", "protected-no", None),
    (
        "    keeps: invited\n",
        "    tell:\n      to: host\n      say: Without <not joining invited>.\n",
        "never",
        "-",
    ),
    ("at: 1 day before starts\n        if", "at: 2 days before starts\n        if", "protected-no", None),
]

CARE = [
    ("maybe: Maybe", "no: No", "built-in", "leave it out"),
    ("maybe: Maybe", "later: In a while", "built-in", "leave it out"),
    ("maybe: Maybe", "not_me: No.", "built-in", "leave it out"),
    ("maybe: Maybe", "stop: 🛑 Enough", "built-in", "leave it out"),
    ("maybe: Maybe", "person: A human", "built-in", "leave it out"),
    ("maybe: Maybe", "maybe: ✖️ Maybe", "built-in", "choose another emoji"),
    ("maybe: Maybe", "maybe: ✅ Maybe", "same-emoji", None),
    ("coming is at least enough", "invited.no is at least 1", "protected-no", None),
    ("coming is at least enough", "everyone said invited.no", "protected-no", None),
    ("if: kind is green", "if: not (invited.no is exactly 0 or kind is green)", "protected-no", None),
    ("answered coming to invited", "answered coming or no to invited", "protected-no", None),
    ("to: coming\n    say: How", "to: those who answered no to invited\n    say: How", "protected-no", None),
    ("host writes cancel", "answered no to invited", "protected-no", None),
    ("Coming: <coming>", "No: <invited.no>", "protected-no", None),
    ("Coming: <coming>", "No: <number of invited.no>", "protected-no", None),
    ("seen by: host\n    keep", "seen by: circle\n    keep", "room-sees-private", None),
    ("seen by: host, circle", "seen by: host", "room-sees-all", None),
    ("answers: [🙋 Count me in]", "answers: in words", "room-words", None),
    ("if: kind is green", "care: sensitive", "room-sensitive", None),
    ("seen by: host\n    keep", "seen by: me, host\n    keep", "me-and-others", None),
    ("Tea for all.", "Tea for all, and <coming>.", "wider-audience", None),
    ("How was it?", "How was it, <invited.maybe>?", "wider-audience", None),
    ("How was it?", "How was it, <number of invited.maybe>?", "wider-audience", None),
    ("How was it?", LONG, "too-long", None),
    ("Which tea?", LONG, "too-long", None),
    ("maybe: Maybe", f"maybe: {LONG}", "too-long", None),
    ("ends with: No tea.", f"ends with: {LONG}", "too-long", None),
    ("    answers: in words\n", "    answers: []\n", "no-answer", None),
    ("    answers: in words\n", "    answers: in words\n    every: 3 days\n", "overlapping", None),
    ("answers: [🙋 Count me in]", "answers: [a1, b, c, d, e, f, g, h, i, j]", "too-many-choices", None),
    ("begins with: tea", "begins with: help", "own-word", None),
    ("host writes cancel", "host writes stop", "own-word", None),
]


def test_the_small_file_is_right() -> None:
    tea = load_definition(SMALL)
    assert isinstance(tea, Definition)
    assert check(tea) == ()


@pytest.mark.parametrize(("old", "new", "code", "hint"), [*NAMES, *WAYS, *CARE])
def test_what_should_not_be_is_found(old: str, new: str, code: str, hint: str | None) -> None:
    found = spoilt(old, new)
    if hint == "-":
        assert found == ()
        return
    assert code in {p.code for p in found}, [str(p) for p in found]
    first = next(p for p in found if p.code == code)
    assert first.message
    assert hint is None or first.hint.startswith(hint)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("to: open", "to: opne", ("to: open", 13)),
        ("asks: [invited, room_wide]", "asks: [invited, romm_wide]", ("asks: [invited", 21)),
        ("maybe: Maybe", "no: No", ("maybe: Maybe", 11)),
        ("Coming: <coming>", "No: <invited.no>", ('say: "Coming', 26)),
        ("    ends with: No tea.", "    asks: []", ("  dropped:", 3)),
        ("begins with: tea", "begins with: help", ("begins with: tea", 14)),
    ],
)
def test_a_finding_points_at_what_is_wrong(old: str, new: str, where: tuple[str, int]) -> None:
    piece, column = where
    places = {(p.line, p.column) for p in spoilt(old, new)}
    assert (line_of(piece), column) in places


def test_one_slip_is_one_problem() -> None:
    for old, new, code, _ in (case for case in NAMES if case[2] != "two-meanings"):
        errors = [p for p in spoilt(old, new) if p.severity == "error"]
        assert len({(p.line, p.code) for p in errors}) <= 2, (new, [str(p) for p in errors])
        assert code in {p.code for p in spoilt(old, new)}


def test_a_warning_keeps_no_file_out_of_service() -> None:
    assert isinstance(
        load_definition(SMALL.replace("asks: [invited, room_wide]", "asks: [invited]")), Definition
    )


def test_the_nearest_name_is_near() -> None:
    assert nearest("aproved", ["approved", "rejected"]) == "approved"
    assert nearest("x", ["approved", "rejected"]) is None


def test_placeholders_are_taken_apart() -> None:
    kinds = [read_gap(gap).kind for gap in ("host", "a.x", "number of a.x", "not joining a", "gone a")]
    assert kinds == ["name", "answer", "number", "not joining", "gone"]


def bare(**changes: object) -> Definition:
    """The smallest definition there can be, made by hand."""
    fields: dict[str, object] = {
        "name": "x",
        "title": "X",
        "about": "",
        "digest": "d",
        "begins_with": "x",
        "parts": (PartDef("host", (Starter(),)),),
        "details": {},
        "asks": {},
        "states": {"end": StateDef("end", final=True, outcome="end")},
        "start": "end",
        "texts": {"end": "Over."},
        "gaps": {},
    }
    return Definition(**(fields | changes))  # type: ignore[arg-type]


def codes(definition: Definition) -> set[str]:
    return {finding.code for finding in check(definition)}


def test_a_definition_made_by_hand_is_checked_as_well() -> None:
    assert check(bare()) == ()
    assert codes(bare(start="nowhere")) == set()
    wait = StateDef("wait", moves=(MoveDef(AtMoment(MomentExpr("gone")), "end"),))
    assert codes(bare(states={"wait": wait, **bare().states}, start="wait")) == {"unknown-moment"}


def test_people_who_are_left_out_must_exist() -> None:
    tells = (TellDef(Circle(("ghost",)), "end"), TellDef(AnsweredBy("ghost", (NO,)), "end"))
    state = StateDef("end", final=True, outcome="end", tells=tells)
    assert codes(bare(states={"end": state})) == {"unknown-part", "unknown-ask"}.union({"protected-no"})


def test_a_circle_of_states_without_an_end_is_found() -> None:
    states = {
        "a": StateDef("a", moves=(MoveDef(AtMoment(MomentExpr("entering", 1)), "b"),)),
        "b": StateDef("b", moves=(MoveDef(AtMoment(MomentExpr("entering", 1)), "a"),)),
    }
    assert codes(bare(states=states, start="a")) == {"no-end"}


def test_an_answer_that_calls_itself_no_is_refused_where_it_is_offered() -> None:
    ask = AskDef("q", Part("host"), choices=(Choice(NO, "❌"),), seen_by=("host",))
    move = MoveDef(OnAnswer("q", NO), "end", when=CountOf((("q", NO),), ">=", 1))
    late = MoveDef(AtMoment(MomentExpr("entering", 1)), "end", when=EveryoneSaid("q", NO))
    last = MoveDef(AtMoment(MomentExpr("entering", 2)), "end")
    begin = StateDef("begin", asks=("q",), moves=(move, late, last))
    found = check(bare(asks={"q": ask}, states={"begin": begin, **bare().states}, start="begin"))
    assert {f.code for f in found} == {"built-in"}
    assert all(isinstance(f, Finding) and f.path for f in found)


def test_an_ask_that_offers_nothing_is_one_finding_whoever_counts_its_answers() -> None:
    ask = AskDef("q", Part("host"), seen_by=("host",))
    tells = (TellDef(AnsweredBy("q", ("yes",)), "end"),)
    moves = (MoveDef(AtMoment(MomentExpr("entering", 1)), "end", tells=tells),)
    begin = StateDef("begin", asks=("q",), moves=moves)
    states = {"begin": begin, **bare().states}
    assert codes(bare(asks={"q": ask}, states=states, start="begin")) == {"no-answer"}
