"""What a script may say, and how everything that it may not is named with its place."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.rehearsal.acts import Come, Leave, Pass, PassOn, PassTo, PassToDay, Say, TakeBack
from bridge.rehearsal.script import Script, read_line, read_script
from engine.core.definition import MomentExpr
from engine.core.values import DAY_MS
from engine.loading.moments import Unreadable

WHOLE = """\
people: [ana, bruno]
play:
  - ana in the room: "invite @bruno: Soup"
  - bruno: coming
  - bruno to personal: Is there a lift?
  - bruno takes it back
  - bruno leaves
  - bruno comes back
  - skip
  - skip: 3 days
  - skip: to 1 day before starts
  - skip: to Friday 19:00
"""


def test_a_script_is_a_list_of_what_people_do_and_how_time_passes() -> None:
    script = read_script(WHOLE, "soup.yaml")
    assert isinstance(script, Script), script
    assert script.people == ("ana", "bruno")
    assert [scripted.act for scripted in script.acts] == [
        Say("ana", "invite @bruno: Soup", room=True),
        Say("bruno", "coming"),
        Say("bruno", "Is there a lift?", to="personal"),
        TakeBack("bruno"),
        Leave("bruno"),
        Come("bruno"),
        PassOn(),
        Pass(3 * DAY_MS),
        PassTo(MomentExpr("starts", -DAY_MS), "1 day before starts"),
        PassToDay("Friday 19:00"),
    ]


@pytest.mark.parametrize(
    ("line", "act"),
    [
        ("bruno: coming", Say("bruno", "coming")),
        ("@Bruno:  coming ", Say("bruno", "coming")),
        ("room ana: invite everyone: Soup", Say("ana", "invite everyone: Soup", room=True)),
        ("ana in the room: invite", Say("ana", "invite", room=True)),
        ("ana to what: Soup: with bread", Say("ana", "Soup: with bread", to="what")),
        ("skip", PassOn()),
        ("Skip 2 weeks", Pass(14 * DAY_MS)),
        ("skip to reply_by", PassTo(MomentExpr("reply_by"), "reply_by")),
        ("skip until starts", PassTo(MomentExpr("starts"), "starts")),
        ("skip: 3 days", Pass(3 * DAY_MS)),
        ("hana comes", Come("hana")),
    ],
)
def test_at_the_prompt_the_same_stands_on_one_line(line: str, act: object) -> None:
    assert read_line(line) == act


@pytest.mark.parametrize("line", ["", "blub", "bruno", "bruno:", "skip: ?", ": coming", "bruno dances"])
def test_what_is_no_act_is_said_to_be_none(line: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_line(line)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("line", "helps"),
    [
        ("a piano", "write who says it: `ana: a piano`"),
        ("bruno dances", "put a colon behind the name: `bruno: dances`"),
        ("bruno", "put a colon behind the name: `bruno: …`"),
    ],
)
def test_words_that_nobody_says_are_shown_with_somebody_who_says_them(line: str, helps: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_line(line)
    assert helps in refused.value.hint


@pytest.mark.parametrize(
    ("text", "found"), [("", "the file is empty"), ("- ana: tea\n", "a script begins with keys")]
)
def test_a_script_without_keys_is_told_which_key_begins_one(text: str, found: str) -> None:
    (problem,) = read_script(text, "bad.yaml")  # type: ignore[misc]
    assert str(problem) == f"bad.yaml:1:1 {found}; start with `play:`"


def test_all_problems_of_a_script_come_at_once_each_with_its_place() -> None:
    problems = read_script(
        """\
peple: [ana]
people: [ana, bruno, bruno, 4you]
play:
  - ana: hello
  - brunno: coming
  - dance
  - ana: [1, 2]
  - skip: soon
  - {ana: 1, bruno: 2}
""",
        "bad.yaml",
    )
    assert isinstance(problems, tuple)
    found = [(p.line, p.column, p.code) for p in problems]
    assert found == [
        (1, 1, "unknown-key"),
        (2, 22, "twice"),
        (2, 29, "name"),
        (5, 5, "nobody"),
        (6, 5, "act"),
        (7, 5, "act"),
        (9, 5, "act"),
    ], "\n".join(map(str, problems))
    assert "did you mean `people`?" in str(problems[0])
    assert "did you mean `bruno`?" in str(problems[3])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not-a-map"),
        ("people: [ana]\n", "missing"),
        ("play: ana\n", "not-a-list"),
        ("play:\n\t- skip\n", "tab"),
        ("play:\n  - ana: invite @bruno: Soup\n", "yaml"),
    ],
)
def test_a_file_that_is_no_script_says_what_it_lacks(text: str, code: str) -> None:
    problems = read_script(text, "script.yaml")
    assert isinstance(problems, tuple)
    assert [p.code for p in problems] == [code]
    assert all(p.hint for p in problems)


PIECES = (
    *("ana", "bruno", "room ", " to ", "skip", "3 days", "reply_by", "play:"),
    *(":", " ", "- ", "\n", '"', "@", "[", "🙂"),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=6)), max_size=12).map("".join))
def test_whatever_is_written_is_read_or_refused_with_a_reason(text: str) -> None:
    with contextlib.suppress(Unreadable):
        read_line(text)
    read = read_script(f"play:\n  - {text}\n", "any.yaml")
    assert isinstance(read, Script) or read
