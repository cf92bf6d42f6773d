"""What people carry, what a circle has in use, and what begins for everybody: heard, translated, and told when it is
nearly right.
"""

from __future__ import annotations

import pytest

from engine.core.check_together import check_together
from engine.core.definition import (
    AllOf,
    AnsweredBy,
    AnyOf,
    CarriedDef,
    CountOf,
    Definition,
    DetailDef,
    InUse,
    NotThat,
)
from engine.loading.load import examine_text, load_definition
from engine.loading.translations import SideFile

PRACTICE = """\
name: Shared practice
about: Agree on something to have together.
begins when: someone is here
needs: safety contacts
listed in: who holds what
people:
  host: starter
  helper: one chosen by host
details:
  which: workflow
  ends: date and time
asks:
  shall:
    to: everyone
    say: Shall we have *<which>*? <about which>
    answers: [Yes please]
    seen by: host
    until: 7 days after opening
carried:
  - by: helper
    as: a role
    say: "*<which>*, with <host>, until <ends>"
    while: [open, held]
    if: shall.Yes please is at least 1
    afterwards: "*<which>*"
    after: done
  - by: host
    as: someone to stand beside
    afterwards: Somebody beside me.
states:
  draft:
    gather: [helper, ends]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: set_aside
  open:
    asks: shall
    public: {say: "<which>?", listed in: what's on}
    moves:
      - at: 8 days after entering
        if: shall.Yes please is at least 1 and Feedback round is not in use
        to: held
      - at: 8 days after entering
        to: set_aside
  held:
    brings in: which
    public:
      - say: <helper> has <which>
        if: shall.Yes please is at least 3
        listed in: who holds what
      - say: "<which>"
    moves:
      - at: ends
        to: done
  done:
    takes out: which
    ends with: It was there for a while.
  set_aside:
    ends with: It is not here now.
"""

CLUB = """\
name: Book club
about: Read a book together.
listed in: what's on
people:
  host: starter
  readers: chosen by host
  coming: those who answered Count me in
details:
  book: text
  meeting: date and time
carried:
  by: coming
  as: a commitment
  say: Reading <book> until <meeting>
  if: invited.Count me in is at least 1
  afterwards: <book>
steps:
  - ask: readers
    named: invited
    say: <host> invites you to read <book> on <meeting>.
    answers: [Count me in]
    seen by: host
    until: 3 days before meeting
    needs: 2 Count me in
  - wait: until 1 day after meeting
"""


WIDE = AnyOf(
    (
        CountOf((("shall", "yes_please"),), ">=", 1),
        NotThat(AllOf((InUse("pulse"), NotThat(InUse("role"))))),
    )
)


def loaded(text: str = PRACTICE) -> Definition:
    definition = load_definition(text, "practice.yaml")
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    return definition


def problems(text: str) -> list[tuple[str, str]]:
    return [(p.code, f"{p.line}:{p.column} {p.message}; {p.hint}") for p in examine_text(text, "p").problems]


# ── heard ────────────────────────────────────────────────────────────────────


def test_a_head_says_for_whom_it_begins_by_itself_and_what_it_needs() -> None:
    assert (loaded().begins_for, loaded().needs_contacts) == ("present", True)
    without = PRACTICE.replace("begins when: someone is here\nneeds: safety contacts\n", "")
    assert (loaded(without).begins_for, loaded(without).needs_contacts) == (None, False)
    arriving = loaded(PRACTICE.replace("someone is here", "somebody arrives"))
    assert arriving.begins_for == "arriving"
    assert arriving.digest != loaded().digest


def test_a_workflow_is_a_detail_that_comes_with_the_beginning_and_is_never_asked_for() -> None:
    definition = loaded()
    assert definition.details["which"] == DetailDef("which", "workflow", given=True)
    assert "which" not in definition.own
    assert definition.gaps["shall.say"] == ("which", "about which")
    assert (definition.states["held"].brings_in, definition.states["held"].takes_out) == ("which", None)
    assert (definition.states["done"].brings_in, definition.states["done"].takes_out) == (None, "which")


def test_each_thing_that_is_carried_says_by_whom_as_what_and_when() -> None:
    role, beside = loaded().carried
    some = CountOf((("shall", "yes_please"),), ">=", 1)
    states = ("open", "held")
    said, after = "carried.1.say", "carried.1.afterwards"
    assert role == CarriedDef("helper", "role", said, states, some, after, ("done",))
    assert beside == CarriedDef("host", "beside", after="carried.2.afterwards")
    assert loaded().texts["carried.1.say"] == "*<which>*, with <host>, until <ends>"
    assert loaded().gaps["carried.1.say"] == ("which", "host", "ends")


def test_the_lines_of_a_state_may_stand_in_a_list_of_their_own() -> None:
    states = loaded().states
    assert [states[name].public_shelf for name in ("draft", "open", "held")] == [None, "on", "holds"]


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("feedback_round is in use", InUse("feedback_round")),
        ("Feedback round is in use", InUse("feedback_round")),
        ("Before you ask is not in use", NotThat(InUse("before_you_ask"))),
        ("not Pulse is in use", NotThat(InUse("pulse"))),
        ("pulse is in use or role is in use", AnyOf((InUse("pulse"), InUse("role")))),
        ("(Pulse is in use)", InUse("pulse")),
        ("Crew call-out is in use", InUse("crew_call_out")),
        ("shall.Yes please is at least 1 or not (pulse is in use and role is not  in use)", WIDE),
    ],
)
def test_a_condition_asks_by_name_or_title_whether_a_workflow_is_in_use(
    written: str, condition: object
) -> None:
    text = PRACTICE.replace("shall.Yes please is at least 1 and Feedback round is not in use", written)
    assert loaded(text).states["open"].moves[0].when == condition


# ── of steps ─────────────────────────────────────────────────────────────────


def test_in_a_file_of_steps_it_is_carried_once_all_is_gathered_and_stays_if_all_went_well() -> None:
    club = loaded(CLUB)
    (carried,) = club.carried
    assert "gathering" not in carried.states
    assert {"ask_invited", "too_few", "waiting"} & {*carried.states}
    assert carried.after_states == ("done",)
    assert not any(club.states[name].final for name in carried.states)


def test_whoever_is_asked_again_for_another_date_carries_it_as_well() -> None:
    club = loaded(CLUB)
    (carried,) = club.carried
    terms = (("invited", "count_me_in"), ("invited_anew", "count_me_in"))
    assert carried.when == CountOf(terms, ">=", 1)
    coming = next(part for part in club.parts if part.name == "coming")
    assert coming.sources == tuple(AnsweredBy(ask, ("count_me_in",)) for ask, _ in terms)


@pytest.mark.parametrize("key", ["while: waiting", "after: done"])
def test_steps_have_no_states_to_speak_of(key: str) -> None:
    found = problems(CLUB.replace("  as: a commitment\n", f"  as: a commitment\n  {key}\n"))
    assert [code for code, _ in found] == ["both"]
    assert "a file with `steps` has no" in found[0][1]


# ── in other languages ───────────────────────────────────────────────────────


def translated(german: str, text: str = PRACTICE) -> dict[str, str]:
    found = examine_text(text, "practice.yaml", [SideFile("practice.de.yaml", "de", german)])
    assert found.definition is not None
    assert {p.severity for p in found.problems} <= {"warning"}, [str(p) for p in found.problems]
    return found.definition.translations["de"]


def test_what_is_carried_is_said_in_other_languages_too() -> None:
    german = """\
carried:
  - say: "*<which>*, mit <host>, bis <ends>"
    afterwards: "*<which>*"
  - afterwards: Jemand an meiner Seite.
"""
    said = translated(german)
    assert said["carried.1.say"] == "*<which>*, mit <host>, bis <ends>"
    assert said["carried.2.afterwards"] == "Jemand an meiner Seite."
    alone = translated("carried:\n  say: Bis <meeting> lesen wir <book>\n", CLUB)
    assert alone["carried.1.say"] == "Bis <meeting> lesen wir <book>"


def test_what_a_translation_leaves_out_is_one_finding_with_its_first_places() -> None:
    found = examine_text(
        PRACTICE, "practice.yaml", [SideFile("practice.de.yaml", "de", "title: Gemeinsam\n")]
    )
    (problem,) = found.problems
    assert (problem.file, problem.line, problem.code) == ("practice.de.yaml", 1, "untranslated")
    assert problem.message == (
        "11 of 12 texts are not translated here: `about`, `asks.shall.say`, `asks.shall.answers.0` and 8 more;"
        " they are said in the language of the file"
    )
    without_two = "title: G\nabout: G\nasks: {shall: {say: '<which>? <about which>', answers: [Ja]}}\n"
    without_two += (
        "carried:\n  - say: '<which>, <host>, <ends>'\n    afterwards: <which>\n  - afterwards: G\n"
    )
    without_two += "states:\n  open: {public: {say: <which>}}\n  held: {public: [{say: '<helper> <which>'},"
    without_two += " {say: <which>}]}\n"
    found = examine_text(PRACTICE, "practice.yaml", [SideFile("practice.de.yaml", "de", without_two)])
    assert [p.message.partition("; ")[0] for p in found.problems] == [
        "2 of 12 texts are not translated here: `states.done.ends with` and `states.set_aside.ends with`"
    ]


# ── nearly right ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (
            "someone is here",
            "someone is hear",
            "arrival",
            "3:14 nothing begins by itself when `someone is hear`",
        ),
        ("someone is here", "someone is hear", "arrival", "did you mean `someone is here`?"),
        ("someone is here", "the moon is full", "arrival", "`begins when: someone arrives`, or"),
        ("needs: safety contacts", "needs: a roof", "word", "write `needs: safety contacts`"),
        ("needs: safety", "neds: safety", "unknown-key", "did you mean `needs`?"),
        ("  - by: helper", "  - bye: helper", "unknown-key", "did you mean `by`?"),
        ("as: a role", "as: a roll", "carried-as", "nothing is carried as `a roll`; did you mean `a role`?"),
        ("as: a role", "as: president", "carried-as", "known: `a role`, `a commitment`"),
        ("    as: a role\n", "", "missing", "20:5 `as` is missing here"),
        ("by: helper", "by: helpr", "unknown-part", "did you mean `helper`?"),
        ("[open, held]", "[open, hold]", "unknown-state", "did you mean `held`?"),
        ("after: done", "after: don", "unknown-state", "did you mean `done`?"),
        ("Feedback round is not in use", "pulse is is in use", "condition", "`pulse is in use`"),
        (
            "  - by: helper\n    as: a role\n",
            "  - helper\n  - by: helper\n    as: a role\n",
            "not-a-map",
            "`by: …`",
        ),
        ("which: workflow", "which: work flow", "type", "did you mean `workflow`?"),
        ("brings in: which", "brings in: whihc", "unknown-detail", "did you mean `which`?"),
        ("brings in: which", "bring in: which", "unknown-key", "did you mean `brings in`?"),
        ("<about which>", "<about wich>", "unknown-placeholder", "did you mean `about which`?"),
        ("what's on}", "whats on}", "shelf", "there is no list `whats on`; did you mean `what's on`?"),
        (
            '      - say: "<which>"\n',
            '      - say: "<which>"\n        listed in: what\'s on\n',
            "public",
            "one list",
        ),
    ],
)
def test_a_slip_is_found_with_what_was_meant(old: str, new: str, code: str, said: str) -> None:
    assert PRACTICE.count(old) >= 1
    found = problems(PRACTICE.replace(old, new, 1))
    assert code in {each for each, _ in found}, found
    assert any(said in message for each, message in found if each == code), found


def test_a_workflow_that_lies_nowhere_is_never_in_use_and_that_is_a_warning() -> None:
    practice = loaded()
    feedback = loaded(CLUB.replace("name: Book club", "name: Feedback rounds"))
    (finding,) = check_together(practice, {"feedback_rounds": feedback})
    assert (finding.code, finding.severity) == ("unknown-workflow", "warning")
    assert finding.hint == "did you mean `feedback_rounds`?"
    by_title = loaded(CLUB.replace("name: Book club", "name: rounds\ntitle: Feedback round"))
    (finding,) = check_together(practice, {"rounds": by_title})
    assert finding.hint == "did you mean `rounds`?"
    assert check_together(practice, {"feedback_round": feedback}) == ()
    itself = loaded(PRACTICE.replace("Feedback round is not in use", "Shared practice is in use"))
    assert check_together(itself, {}) == ()


def test_whoever_gathers_a_workflow_hears_that_nobody_is_asked_for_it() -> None:
    found = problems(PRACTICE.replace("gather: [helper, ends]", "gather: [which, helper, ends]"))
    assert [code for code, _ in found] == ["never-asked"]
