"""Names and ways, one by one: what is not there, what can never be so, and what leads nowhere."""
# ruff: noqa: E501 - one case stands on one line

import pytest

from engine.loading.load import examine_text
from engine.loading.together import examine_together
from tests.engine.core.gathering import DECISION, GATHERING

Edit = tuple[str, str]

START = "        hand over: [what, friend as decider]\n"
ENDS = "      - when: decision ends\n        to: after\n"
CANCEL = "      - when: host writes cancel\n        to: dropped\n"
LAST = "      - at: 8 days after entering\n        to: done\n"
COUNT = "coming is at least enough"
MOVED = "been in moved at most 3 times"
ME = ("[Gladly]\n    seen by: host", "[Gladly]\n    seen by: me")
TOLD = ("          to: room\n          if: helps.gladly is at least 1\n", "          to: coming\n")
IN_THE_END = (
    "    brings in: which\n",
    "    brings in: which\n    tell:\n      to: room\n      say: So it was.\n",
)
CLOSING = (
    "      - when: thoughts closes\n        to: done\n      - at: 8 days after entering\n        to: done\n"
)
CANCEL_ON = "      - when: host writes postpone\n        to: moved\n"
SEATS = "    type: number, 1 to 20\n    default: 8\n"

FOUND: list[tuple[str, list[Edit]]] = [
    # people
    ("unknown-ask", [("named by answers to nominate", "named by answers to nominat")]),
    ("not-people", [("helper: one of coming, not host", "helper: named by answers to thoughts")]),
    ("unknown-part", [("one of coming, not host", "one of comming, not host")]),
    ("unknown-part", [("one of coming, not host", "one of coming, not hots")]),
    ("unknown-part", [("elders: stewards", "elders: everyone but hots")]),
    ("circular", [("helper: one of coming, not host", "helper: one of tester\n  tester: one of helper")]),
    ("circular", [("    ask: Whom do you trust?\n", "    ask: Whom do you trust?\n    asked of: friend\n")]),
    ("unknown-state", [("    ask again: starts\n", "    ask again: starts\n    if the starter leaves: moveed\n")]),
    ("unknown-part", [("    ask again: starts\n", "    ask again: starts\n    show help to: hots\n")]),
    # details
    ("bounds", [("1 to 20\n    default: 8", "at least 9\n    default: 8")]),
    ("bounds", [("places: seats", "places: 0")]),
    ("not-a-number", [("places: seats", "places: what")]),
    ("unknown-detail", [("places: seats", "places: seets")]),
    ("unknown-detail", [("    type: number\n    default: 2\n", "    type: number\n    default: 2\n    becomes: seets\n")]),
    ("another-type", [("    type: number\n    default: 2\n", "    type: number\n    default: 2\n    becomes: what\n")]),
    ("unknown-moment", [("hidden until: closed", "hidden until: sometime")]),
    ("unknown-moment", [("    type: date and time\n", "    type: date and time\n    default: 1 day after stars\n")]),
    ("unknown-part", [("    ask: Whom do you trust?\n    type: person\n", "    ask: Whom do you trust?\n    type: person, not hots\n")]),
    # starting others
    ("unknown-part", [(START, START + "        by: hots\n")]),
    ("unknown-detail", [("hand over: [what,", "hand over: [waht,")]),
    ("unknown-detail", [("hand over: [what,", "hand over: [what as topic,")]),
    ("another-type", [("hand over: [what,", "hand over: [host as what,")]),
    ("another-type", [("hand over: [what,", "hand over: [kind as what,")]),
    ("unknown-state", [("when: decision ends", "when: decision ends as decidedd")]),
    ("not-known-yet", [("  dropped:\n    tell:", "  dropped:\n    starts:\n      - workflow: decision\n        hand over: [starts as what]\n    tell:")]),
    ("never-holds", [(START, START + "        if: been in after at least 1 time\n")]),
    # promises
    ("room-sees-private", [("[Gladly]\n    seen by: host", "[Gladly]\n    seen by: circle")]),
    ("told-anyway", [ME, TOLD, IN_THE_END, (CLOSING, "      - at: 8 days after entering\n        if: helps.gladly is at least 1\n        to: done\n      - at: 9 days after entering\n        to: dropped\n")]),
    ("told-anyway", [ME, TOLD, IN_THE_END, (CLOSING, "      - when: as soon as helps.gladly is at least 1\n        to: done\n      - at: 9 days after entering\n        to: dropped\n")]),
    ("told-anyway", [ME, TOLD, (CANCEL_ON, "      - when: answered gladly to helps\n        to: after\n        tell:\n          to: room\n          say: Somebody helps.\n" + CANCEL_ON)]),
    ("told-anyway", [ME, TOLD, ("    public: <what>, at another time\n", "    public:\n      say: <what>, at another time\n      if: helps.gladly is at least 1\n")]),
    # public lists
    ("role-without-end", [("listed in: who holds what\n", ""), ("    public: <what>, at another time\n", ""), ("    public: <what>, <starts>\n", "    public: {say: '<what>, <starts>', listed in: who holds what}\n"), ("      - at: 1 day after starts\n        to: after\n  moved", "      - at: 30 days after entering\n        to: after\n  moved")]),
    # what is carried
    ("unknown-part", [("- by: host", "- by: hots")]),
    ("unknown-state", [("while: [on, moved]", "while: [on, moveed]")]),
    ("unknown-state", [("    afterwards: A day together\n", "    afterwards: A day together\n    after: doen\n")]),
    ("carried-state", [("    afterwards: A day together\n", "    afterwards: A day together\n    after: moved\n")]),
    ("not-known-yet", [("    while: [on, moved]\n", "")]),
    ("not-known-yet", [("afterwards: A day together", "afterwards: <what>")]),
    ("wider-audience", [("- by: host", "- by: friend"), ("You host <what>", "You host <coming>")]),
    ("names-others", [("afterwards: A day together", "afterwards: A day with <invited.coming>")]),
    ("names-others", [("afterwards: A day together", "afterwards: A day with <friend>"), ("    afterwards:", "    after: done\n    afterwards:")]),
    ("names-others", [("afterwards: A day together", "afterwards: A day with <number of invited.coming>"), ("    afterwards:", "    after: done\n    afterwards:")]),
    ("unknown-placeholder", [("afterwards: A day together", "afterwards: A day of <waht>")]),
    ("protected-no", [("    if: kind is project\n", "    if: coming is fewer than 3\n"), ("[on, moved]", "[open, on]")]),
    ("never-holds", [("    if: kind is project\n", "    if: kind is event and kind is project\n")]),
    ("not-looked-up", [("    if: kind is project\n", "    if: decision is in use\n")]),
    ("too-long", [("You host <what>, <starts>.", "You host <what>, <starts>. " * 30)]),
    # what is in use
    ("unknown-detail", [("brings in: which", "takes out: whcih")]),
    ("not-a-workflow", [("brings in: which", "takes out: kind")]),
    ("unknown-placeholder", [("They would like", "About <about what>: they would like")]),
    ("unknown-placeholder", [("They would like", "About <about whcih>: they would like")]),
    ("not-a-choice", [(MOVED, "which is decision")]),
    ("unknown-workflow", [(MOVED, "decisoin is in use")]),
    ("never-holds", [(MOVED, "decision is in use and Decision is not in use")]),
    # showing
    ("unknown-ask", [("    asks: [thoughts, private]\n", "    asks: [thoughts, private]\n    shows: nominat\n")]),
    # conditions that cannot hold
    ("never-holds", [(MOVED, "been in moved at least 1 time and been in on exactly 0 times")]),
    ("never-holds", [(MOVED, "kind is event and kind is project")]),
    ("never-holds", [(MOVED, "kind is event and not kind is given")]),
    ("never-holds", [(MOVED, "coming is at least 3 and coming is at most 2")]),
    ("never-holds", [("type: people, at most 20", "type: people, at most 2"), (COUNT, "coming is at least 3")]),
    ("never-holds", [("places: seats", "places: 2"), (COUNT, "coming is at least 3")]),
    ("never-holds", [("    type: number\n    default: 2", "    type: number, 21 to 30\n    default: 25")]),
    ("never-holds", [(COUNT, "two thirds said invited.coming and half said invited.maybe")]),
    ("never-holds", [(COUNT, "everyone said invited.coming and coming is at most 0")]),
    ("never-holds", [(COUNT, "helps.gladly is at least 1")]),
    ("never-holds", [("type: people, at most 20", "type: people, at most 3"), (COUNT, "coming is at least 2 and invited.maybe is at least 2")]),
    ("never-holds", [(COUNT, "coming is at least 3 and invited.coming + invited.maybe is at most 2")]),
    ("never-holds", [(COUNT, "coming is at most 1 and invited.maybe is at most 1 and invited.coming + invited.maybe is at least 3")]),
    ("never-holds", [("    if: kind is event\n", "    if: been in moved at least 2 times\n")]),
    ("always-holds", [(MOVED, "what is given")]),
    ("always-holds", [(MOVED, "kind is event or kind is project")]),
    ("unknown-detail", [(COUNT, "coming is at least enuf")]),
    ("unknown-state", [(MOVED, "been in mooved at most 3 times")]),
    ("unknown-ask", [("          say: \"Not joining", "          if: invitd.coming is at least 1\n          say: \"Not joining")]),
    ("unknown-part", [("    to: everyone\n    say: What should", "    to: everybody\n    say: What should")]),
    # moves
    ("never-taken", [(CANCEL, CANCEL + "      - when: host writes cancel\n        to: on\n")]),
    ("never-taken", [(LAST, LAST + "      - at: 9 days after entering\n        to: dropped\n")]),
    ("never-taken", [(ENDS, ENDS + "      - when: decision ends as decided\n        to: dropped\n")]),
    ("never-taken", [(ENDS, "      - when: answered helps\n        to: after\n      - when: answered gladly to helps\n        to: moved\n")]),
    ("never-taken", [("        if: coming is at least enough\n        to: on", "        if: coming is at least 1\n        to: on"), (CANCEL, CANCEL + "      - at: 1 day before starts\n        if: coming is at least 2\n        to: after\n")]),
    ("never-taken", [(CANCEL, CANCEL + "      - when: as soon as coming is at least 2\n        to: on\n      - when: as soon as coming is at least 3\n        to: after\n")]),
    ("spins", [(LAST, LAST + "      - at: starts\n        to: after\n")]),
    ("spins", [(LAST, LAST + "      - at: entering\n        if: kind is event\n        to: after\n")]),
    ("waits-for-ever", [("      - at: 7 days after entering\n        to: dropped\n  after", "      - at: 7 days after entering\n        if: coming is at least 1\n        to: dropped\n  after")]),
    # people who are nobody yet
    ("nobody-yet", [("    gather: [friend, guests, what, starts, kind]\n", "    gather: [friend, guests, what, starts, kind]\n    tell:\n      to: guests\n      say: Hello.\n")]),
    ("nobody-yet", [("    gather: [friend, guests, what, starts, kind]\n", "    gather: [friend, guests, what, starts, kind]\n    tell:\n      to: helper\n      say: Hello.\n")]),
]  # fmt: skip


def found(edits: list[Edit]) -> list[tuple[str, str]]:
    text = GATHERING
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    files = {"g": examine_text(text, "g"), "d": examine_text(DECISION, "d")}
    problems = (*files["g"].problems, *examine_together(files).get("g", ()))
    return [(problem.code, str(problem)) for problem in problems]


@pytest.mark.parametrize(("code", "edits"), FOUND, ids=[f"{c} {e[-1][1].strip()[:60]}" for c, e in FOUND])
def test_what_makes_no_sense_is_found(code: str, edits: list[Edit]) -> None:
    told = found(edits)
    assert {each for each, _ in told} == {code}, told


FINE: list[list[Edit]] = [
    [(ENDS, "      - when: decision ends as decided\n        to: after\n      - when: decision ends\n        to: moved\n")],
    [(ENDS, ENDS.replace("ends", "ends as not_started") + ENDS)],
    [(START, START + "        by: friend\n        if: kind is project\n")],
    [(COUNT, "coming is at least 2 or half said invited.coming")],
    [(COUNT, "coming is at least 2 and invited.maybe is at least 1 and invited.coming + invited.maybe is at least 3")],
    [(MOVED, "kind is event and coming is at least enough and half said invited.coming and a third said invited.maybe and invited.maybe is at least 7 and been in on at least 3 times")],
    [(MOVED, "been in moved exactly 2 times or been in on more than 2 times")],
    [(CANCEL, CANCEL + "      - when: as soon as coming is at least 5\n        to: on\n      - when: as soon as coming is at least 3\n        to: after\n")],
    [("      - at: 1 day before starts\n        if: coming is at least enough\n", "      - at: 2 days after entering\n        if: coming is at least 5\n        to: on\n      - at: 1 day before starts\n        if: coming is at least enough\n")],
    [(CANCEL, CANCEL + "      - when: coming writes cancel\n        to: dropped\n")],
    [("  elders: stewards", "  elders: understudy of care")],
    [("    ask again: starts\n", "    ask again: starts\n    show help to: [friend, host]\n    if the starter leaves: on\n")],
    [("    public: <what>, <starts>\n", "    public:\n      say: <what>, <starts>\n      if: kind is event\n")],
    [("hidden until: closed", "hidden until: shown"), ("  after:\n", "  after:\n    shows: nominate\n")],
    [("hidden until: closed", "hidden until: 1 day before starts")],
    [(SEATS, "    type: number, 1 to 20\n    default: 20\n")],
    # what is in use, and what is carried
    [("They would like", "<which>: <about which> They would like")],
    [(MOVED, "decision is in use and been in moved at most 3 times")],
    [(MOVED, "gathering is not in use and been in moved at most 3 times")],
    [("    while: [on, moved]\n", "    while: [open, on, moved]\n"), ("    if: kind is project\n", "    if: coming is at least 1\n")],
    [("    say: You host <what>, <starts>.\n    while: [on, moved]\n", "")],
    # public lists
    [("listed in: who holds what\n", "listed in: what's on\n"), ("      - at: 1 day after starts\n        to: after\n  moved", "      - at: 30 days after entering\n        to: after\n  moved")],
    [("    public: <what>, at another time\n", "    public: {say: '<what>', listed in: what's on}\n")],
    # promises
    [("    to: helper\n", "    to: coming\n"), ("    seen by: host\n    until: 1 day before", "    seen by: host, helper\n    until: 1 day before")],
    [ME, TOLD],
    [ME, ("    to: helper\n", "    to: coming\n")],
    [ME, TOLD, IN_THE_END],
    [("    to: helper\n", "    to: host\n"), ("[Gladly]\n    seen by: host", "[Gladly]\n    seen by: circle")],
]  # fmt: skip


@pytest.mark.parametrize("edits", FINE, ids=[e[-1][1].strip()[:60] for e in FINE])
def test_what_makes_sense_is_left_alone(edits: list[Edit]) -> None:
    assert found(edits) == []


def test_a_state_may_have_the_name_of_something_of_the_language() -> None:
    told = GATHERING.replace("to: coming\n      say: It is not", "to: room\n      say: It is not")
    assert told != GATHERING
    for name in ("moves", "board", "tell"):
        assert examine_text(told.replace("dropped", name), "g").problems == (), name


def test_a_workflow_that_is_missing_or_has_no_details_is_named() -> None:
    assert examine_together({"g": examine_text(GATHERING, "g")})["g"] == ()
    alone = {"g": examine_text(GATHERING.replace(ENDS, ""), "g")}
    [problem] = examine_together(alone)["g"]
    assert (problem.code, problem.severity) == ("unknown-workflow", "warning")
    assert problem.hint == "add it, or say what happens without it: `when: decision ends as not_started`"
    bare = "name: decision\nabout: A\nsteps:\n  - tell: room\n    say: Hello.\n"
    both = {"g": examine_text(GATHERING, "g"), "d": examine_text(bare, "d")}
    assert [p.hint for p in examine_together(both)["g"]] == ["it has none; leave `hand over` out"] * 2
    assert examine_together({**alone, "decision.yaml": examine_text("name: [", "decision.yaml")})["g"] == ()


@pytest.mark.parametrize(
    "edit",
    [
        (MOVED, "Deciding together is in use"),
        ("      - workflow: decision\n", "      - workflow: Deciding together\n        if: kind is event\n      - workflow: decision\n"),
    ],
)  # fmt: skip
def test_whoever_writes_the_title_of_another_workflow_hears_its_name(edit: Edit) -> None:
    titled = DECISION.replace("name: decision\n", "name: decision\ntitle: Deciding together\n")
    files = {"g": examine_text(GATHERING.replace(*edit, 1), "g"), "d": examine_text(titled, "d")}
    assert files["g"].problems == ()
    (problem,) = examine_together(files)["g"]
    assert (problem.code, problem.hint) == ("unknown-workflow", "did you mean `decision`?")
