"""One slip is one finding: at the word where it was made, saying what was found and what would be right."""

from __future__ import annotations

import pathlib

import pytest

from engine.loading.load import examine_file, examine_text
from engine.loading.moments import read_duration
from engine.loading.problem import Problem
from engine.loading.rests import read_again
from engine.loading.translations import SideFile

CLUB = """\
name: Book club
about: Read a book together.
people:
  host: starter
  readers: chosen by host
details:
  book: text
  meeting: date and time
steps:
  - ask: readers
    say: <host> invites you to read <book> on <meeting>.
    answers: [Count me in, Maybe]
    seen by: host
    until: 3 days before meeting
    needs: 2 Count me in
  - wait: until 1 day after meeting
  - ask: readers who answered Count me in
    say: Would you like to help next time?
    answers: [Gladly, With someone]
    seen by: host
"""
WEEKLY = """\
name: Check-in
about: Look at the week for a moment.
steps:
  - ask: everyone
    say: What went well?
    answers: in words
    seen by: me
  - again: every week
"""
SAY = "say: <host> invites you to read <book> on <meeting>."


def found_in(text: str) -> list[tuple[int, int, str, str]]:
    return [(p.line, p.column, p.message, p.hint) for p in examine_text(text, "club.yaml").problems]


def spoilt(old: str, new: str, text: str = CLUB) -> str:
    assert text.count(old) >= 1, f"there is no {old!r}"
    return text.replace(old, new, 1)


def test_the_files_to_be_spoilt_are_right() -> None:
    assert found_in(CLUB) == found_in(WEEKLY) == []


SLIPS = [
    # ── what YAML makes of it ────────────────────────────────────────────────
    ("    answers: [Count", "      answers: [Count", 12, 7,
     "this line is further in than its neighbours", "begin it in column 5, right below `say`"),
    ("    answers: [Count", "   answers: [Count", 12, 4,
     "this line is further out than its neighbours", "begin it in column 5, as line 11 does"),
    ("  - wait:", " - wait:", 16, 2,
     "this line is further out than its neighbours", "begin it in column 3, as line 10 does"),
    ("  - wait:", "    - wait:", 16, 5,
     "this line is further in than its neighbours", "begin it in column 3, as line 10 does"),
    ("  readers: chosen", "    readers: chosen", 5, 5,
     "this line is further in than its neighbours", "begin it in column 3, right below `host`"),
    (SAY, "say: Book club: read <book>?", 11, 19,
     "a second `: ` on one line", "put quotes around a text that contains a colon"),
    (SAY, "say: “Book club: read <book>?”", 11, 10,
     "`“` is not a quote here", 'use straight ones, `"`, around the whole text'),
    ("answers: [Count me in, Maybe]", "answers: [“Count me in: yes”, Maybe: x: y]", 12, 15,
     "`“` is not a quote here", 'use straight ones, `"`, around the whole text'),
    (SAY, "say: 'Who's in for <book>?'", 11, 14,
     "this apostrophe ends the text", "put \"…\" around the text instead of '…'"),
    ("[Count me in, Maybe]", "['Count me in, it's good', Maybe]", 12, 31,
     "this apostrophe ends the text", "put \"…\" around the text instead of '…'"),
    (SAY, "say: {host} invites you to read <book>.", 11, 10,
     "`{host}` is no gap", "gaps are written `<host>`"),
    (SAY, "say: Come and read {book} with <host>.", 11, 24,
     "`{book}` is no gap", "gaps are written `<book>`"),
    (SAY, "say: {host}", 11, 10,
     "a text should stand here", "gaps are written `<name>`, and a text with `{` in it needs quotes"),
    (SAY, 'say: "Would you read <book>?', 11, 10,
     "quotes that are never closed", "close them at the end of the text"),
    (SAY, 'say: "Read" <book>?', 11, 17,
     "a text goes on after its closing quote",
     "put quotes around the whole text; a quote inside it is written `\\\"`"),
    (SAY, "say: [Perhaps] read <book>?", 11, 20,
     "a text goes on after its closing bracket", "put quotes around the whole text"),
    ("Maybe]\n    seen", "Maybe\n    seen", 12, 14, "the bracket `[` is never closed", "close it with `]`"),
    ("    until: 3 days", "    until 3 days", 14, 5, "a key without a colon", "write `until: …`"),
    ("seen by: host", "seen by:host", 13, 12,
     "a space is missing after the colon", "write `seen by: host`"),
    ("  - wait:", "  -wait:", 16, 3, "a space is missing after the dash", "write `- wait: …`"),
    (SAY, SAY + "\n    And talk about it?", 12, 5, "a key without a colon",
     "write `key: text`; or indent it further, if it goes on from the line above"),
    (SAY, "say: > <book>?", 11, 10, "a text cannot begin with `>`", "put quotes around the whole text"),
    (SAY, "say: *<book>*, together", 11, 10,
     "a text cannot begin with `*`: `*<book>*` is a YAML reference, and these are not read",
     "put quotes around the whole text"),
    (SAY, "say: @room <book>?", 11, 10, "`@` at the beginning of a text", "put quotes around the text"),
    ("name: Book", "```yaml\nname: Book", 1, 1,
     "the lines with ``` do not belong to the file", "take them out"),
    # ── spaces that are none ─────────────────────────────────────────────────
    ("    seen by", "\u00a0\u00a0  seen by", 13, 1,
     "a non-breaking space stands here", "type it anew with the space bar"),
    ("seen by:", "se\u200ben by:", 13, 7, "a space that cannot be seen (zero-width) stands here", "delete it"),
    ("seen by: host", "seen by:\u00a0host", 13, 13,
     "a non-breaking space stands here", "type it anew with the space bar"),
    ("host: starter", "host: starter\u200b", 4, 16,
     "a space that cannot be seen (zero-width) stands here", "delete it"),
    ("3 days before", "3\u00a0days before", 14, 13,
     "a non-breaking space stands here", "type it anew with the space bar"),
    ("until: 3 days before meeting", "until: “3 days before meeting”", 14, 12,
     "`“` is not a quote here", 'use straight ones, `"`, around the whole text'),
    # ── keys and names ───────────────────────────────────────────────────────
    ("    answers: [Count", "    anwsers: [Count", 12, 5, "unknown key `anwsers`", "did you mean `answers`?"),
    ("seen by", "seenby", 13, 5, "unknown key `seenby`", "did you mean `seen by`?"),
    ("steps:", "Steps:", 9, 1, "unknown key `Steps`", "did you mean `steps`?"),
    ("ask: readers\n", "asks: readers\n", 10, 5, "unknown key `asks`", "did you mean `ask`?"),
    ('say: <host> invites you to read <book> on <meeting>.', 'say:"<host>: <book> on <meeting>."', 11, 8,
     "a space is missing after the colon", "write `say: …`"),
    ("[Count me in, Maybe]", '""', 12, 14, "nothing is written here", "write something, or leave the key out"),
    ("[Count me in, Maybe]", "[]", 12, 5, "step 1 cannot be answered", "add `answers:`, or `answers: in words`"),
    ("    answers: [Count me in, Maybe]\n", "", 10, 5, "`answers` is missing here", "add `answers: …`"),
    ("  host: starter", "  hots: starter", 5, 22,
     "unknown part `host` (also in lines 11, 13 and 20)", "did you mean `hots`?"),
    ("  meeting: date and time", "  metting: date and time", 11, 48,
     "unknown placeholder `meeting` (also in lines 14 and 16)", "did you mean `metting`?"),
    ("date and time", "date", 8, 12, "unknown type `date`", "did you mean `date and time`?"),
    ("date and time", "date and tiem", 8, 12, "unknown type `date and tiem`", "did you mean `date and time`?"),
    ("[Gladly, With someone]", "in wrods", 19, 14,
     "unknown answers `in wrods`", "did you mean `in words`?"),
    ("[Count me in, Maybe]", "Count me in, Maybe", 12, 14, "several answers stand here as one text",
     "write `[Count me in, Maybe]`; or put quotes around it if it is one answer"),
    ("answered Count me in", "answered Coming", 17, 31, "no ask offers `Coming`",
     "known here: `count me in`, `maybe`"),
    ("[Count me in, Maybe]", "[Count me in, Not this time]", 12, 28, "every ask brings `not this time` by itself",
     "leave it out; a no is always possible and costs nothing"),
    ("seen by: host", "seen by: everyone", 13, 14, "unknown part `everyone`", "did you mean `circle`?"),
    ("seen by: host", "seen by: 🙂", 13, 14, "unknown part `🙂`", "known here: `me`, `circle`, `host`, `readers`"),
    ("seen by: host", "seen by: circle", 13, 14,
     "step 1 is asked privately, and the whole room would see the answers",
     "name the one part that needs to see them, or ask it in the room with `ask: room`"),
    ("name: Book club", "name: Help", 1, 7,
     "`help` already means something of the bot's own", "choose another word"),
    # ── moments and lengths ──────────────────────────────────────────────────
    ("3 days before meeting", "31.02.2027", 14, 12, "`31.02.2027`: a fixed day or time cannot stand here",
     "count from one of your dates; write for example `1 day before meeting`, `meeting` or `3 days after opening`"),
    ("3 days before meeting", "next Friday", 14, 12, "`next Friday`: a fixed day or time cannot stand here",
     "count from one of your dates; write for example `1 day before meeting`, `meeting` or `3 days after opening`"),
    ("3 days before meeting", "3 days", 14, 12, "`3 days` does not say from when",
     "write for example `1 day before meeting`, `meeting` or `3 days after opening`"),
    ("until 1 day after meeting", "until some day", 16, 11, "`some day` is no moment",
     "write for example `until 1 day after meeting`, `for 2 weeks` or `until decision ends`"),
    ("3 days before meeting", "3 dyas before meeting", 14, 12,
     "`3 dyas` is no length of time", "did you mean `3 days`?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "column", "message", "hint"), SLIPS)
def test_a_slip_is_one_finding_where_it_was_made(
    old: str, new: str, line: int, column: int, message: str, hint: str
) -> None:
    assert found_in(spoilt(old, new)) == [(line, column, message, hint)]


@pytest.mark.parametrize(
    ("name", "hint"), [("gäste", "write `gaste`"), ("Host", "write `host`"), ("me", "choose another name")]
)
def test_a_bad_name_is_one_finding_however_often_it_stands(name: str, hint: str) -> None:
    found = found_in(CLUB.replace("host", name))
    assert [(line, column, found_hint) for line, column, _, found_hint in found] == [(4, 3, hint)]


def test_three_slips_in_one_step_are_three_findings() -> None:
    text = spoilt(
        "until:", "untill:", spoilt("answers:", "answer:", spoilt("ask: readers\n", "asks: readers\n"))
    )
    assert [(line, message) for line, _, message, _ in found_in(text)] == [
        (10, "unknown key `asks`"),
        (12, "unknown key `answer`"),
        (14, "unknown key `untill`"),
    ]


def test_details_under_people_are_sent_where_they_belong() -> None:
    found = found_in(spoilt("details:\n", ""))
    assert found[0] == (6, 9, "`text` is what a detail holds, no part", "write it under `details:`")


def test_steps_and_states_in_one_file_bring_nothing_but_that() -> None:
    states = "asks:\n  invited:\n    to: host\nstates:\n  open:\n    asks: invited\n"
    text = spoilt("details:", "  keen: those who answered yes to invited\ndetails:") + states
    assert [message for _, _, message, _ in found_in(text)] == [
        "a file with `steps` has no `asks`",
        "a file with `steps` has no `states`",
    ]


@pytest.mark.parametrize("word", ["every first Monday", "now and then"])
def test_a_round_that_cannot_be_read_says_nothing_of_how_long_it_takes(word: str) -> None:
    found = found_in(spoilt("every week", word, WEEKLY))
    assert [(line, column, message[-21:]) for line, column, message, _ in found] == [
        (8, 12, " is no length of time")
    ]


def test_a_day_of_the_week_is_told_how_to_come_round() -> None:
    assert found_in(spoilt("every week", "every Monday", WEEKLY)) == [
        (
            8,
            12,
            "`Monday` is no length of time",
            "write `1 week`; the day of the week is the one on which it was begun",
        )
    ]


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("every day", 1),
        ("daily", 1),
        ("every week", 7),
        ("weekly", 7),
        ("every other week", 14),
        ("fortnightly", 14),
        ("every fortnight", 14),
        ("every month", 30),
        ("monthly", 30),
        ("every 2 months", 60),
        ("month", 30),
        ("every year", 365),
    ],
)
def test_what_comes_round_is_understood_as_a_length(written: str, days: int) -> None:
    assert read_again(written) == read_duration(written) == days * 24 * 3600 * 1000


def test_the_word_the_before_a_date_is_read_past() -> None:
    assert found_in(spoilt("3 days before meeting", "3 days before the meeting")) == []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00", "this is a word processor's file, or a zip archive"),
        (b"{\\rtf1\\ansi name: Check-in}", "this is a word processor's file"),
        (CLUB.encode("utf-16"), "this is UTF-16"),
        (CLUB.encode("utf-16-le"), "this is UTF-16"),
        (b"<!DOCTYPE html><html>", "this is a web page"),
        (b"%PDF-1.7", "this is a PDF"),
    ],
)
def test_what_is_no_text_file_is_called_what_it_is(raw: bytes, said: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "club.yaml"
    path.write_bytes(raw)
    assert examine_file(path, "club.yaml").problems == (
        Problem("club.yaml", 1, 1, "encoding", "error", said, "save it as plain text, UTF-8"),
    )


def test_spaces_that_only_look_odd_are_welcome_in_what_people_read() -> None:
    french = spoilt("say: Would you like to help next time?", "say: Tu aides la prochaine fois\u00a0? 👩‍👧")
    assert found_in(french) == []


def test_what_a_translation_lacks_is_said_once_in_the_order_of_the_file_near_the_first_place() -> None:
    german = "title: Lesekreis\nabout: Lesen.\nsteps:\n  - say: <host> fragt <book>, <meeting>?\n  - {}\n"
    german += "  - answers: [Gern]\n"
    found = examine_text(CLUB, "club.yaml", [SideFile("texts/club.de.yaml", "de", german)])
    (problem,) = found.problems
    assert (problem.line, problem.column) == (4, 10)
    first = "`steps.0.answers.0`, `steps.0.answers.1`, `steps.2.say` and 1 more"
    assert problem.message.partition(": ")[2] == f"{first}; they are said in the language of the file"


def test_a_misspelt_key_of_a_translation_is_one_finding() -> None:
    german = (
        "title: Lesekreis\nabout: Lesen.\nstesp:\n  - say: <host> fragt.\n    answers: [Dabei, Vielleicht]\n"
    )
    found = examine_text(CLUB, "club.yaml", [SideFile("texts/club.de.yaml", "de", german)])
    assert [str(p) for p in found.problems] == [
        "texts/club.de.yaml:3:1 `stesp` is no sentence of the workflow file; did you mean `steps`?"
    ]
