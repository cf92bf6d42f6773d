"""Everything the grammar of states, details and asks can say is heard, and what is nearly right is said to be."""

from __future__ import annotations

import pytest

from engine.core.definition import (
    AtMoment,
    Circle,
    CountOf,
    Definition,
    DetailDef,
    Hidden,
    MomentExpr,
    NamedIn,
    OnHolds,
    Part,
    StartDef,
)
from engine.core.values import DAY_MS
from engine.loading.load import examine_text, load_definition

EVERYTHING = """\
name: A whole day
about: Everything there is to say.
begins when: someone arrives
keep: 60 days
people:
  host: starter
  readers: chosen by host
  helper: [one chosen by readers, mentioned]
  keen: those who answered Count me in
details:
  book: text
  meeting: date and time, may be past
  seats: number, 1 to 20
  kind: [📅 Event, Project]
  readers:
    ask: Whom would you like to invite?
    type: people, 3 to 5
  note:
    type: words, optional
    keep: 10 days
asks:
  invited:
    to: readers
    say: Would you come? <book>
    answers: [Count me in, Maybe]
    also: in words
    seen by: host
    hidden until: closed
    places: seats
    keep: 20 days
  named:
    to: everyone but host
    say: Whom do you see with this?
    answers: a person
    seen by: host
    hidden until: shown
  mixed:
    to: everyone
    say: What would you change?
    answers: in words
    seen by: host
    unsigned: from 5 answers
  alone:
    to: host
    say: How is it really?
    answers: ["1", "2"]
    seen by: me
    care: sensitive
    hidden until: 1 day after opening
states:
  draft:
    gather: [book, meeting, seats, kind, readers, helper, note]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: done
  open:
    asks: [invited, named]
    moves:
      - when: as soon as invited.Count me in is at least 3
        to: shown
      - when: answered Maybe to invited
        to: shown
      - at: until meeting
        to: shown
      - every: 2 weeks
        to: shown
  shown:
    shows: named
    show help to: [host, readers]
    asks: [mixed, alone]
    starts:
      workflow: Book club
      by: helper
      hand over: [book, host as proposer]
      if: kind is project
    moves:
      - when: book club ends as done
        to: done
      - at: 9 days after entering
        to: done
  done:
    ends with: It is over.
"""


def loaded(text: str = EVERYTHING) -> Definition:
    definition = load_definition(text, "day.yaml")
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    return definition


def test_a_head_says_when_it_begins_by_itself_and_how_long_words_stay() -> None:
    day = loaded()
    assert (day.name, day.begins_with, day.begins_for) == ("a_whole_day", "a whole day", "arriving")
    assert day.details["book"].keep_days == 60
    assert day.details["note"].keep_days == 10
    assert day.asks["invited"].keep_days == 20
    assert day.asks["mixed"].keep_days == 60
    assert loaded(EVERYTHING.replace("keep: 60 days\n", "")).details["book"].keep_days == 90


def test_details_have_short_forms_bounds_and_come_with_people() -> None:
    details = loaded().details
    assert details["seats"] == DetailDef("seats", "number", least=1, most=20)
    assert [(c.id, c.emoji) for c in details["kind"].choices] == [("event", "📅"), ("project", "2️⃣")]
    assert not details["meeting"].not_past
    assert (details["readers"].least, details["readers"].most, details["readers"].asked) == (3, 5, None)
    assert (details["helper"].kind, details["helper"].asked, details["helper"].given) == (
        "person",
        "readers",
        False,
    )


def test_a_detail_that_is_written_asks_in_its_own_words_and_all_others_in_the_bots() -> None:
    day = loaded()
    assert day.texts["readers"] == "Whom would you like to invite?"
    assert {*day.own} == {"book", "meeting", "seats", "kind", "note", "helper"}
    assert day.own["note"].key == "detail.words"


def test_a_part_may_be_chosen_by_others_than_the_starter() -> None:
    text = EVERYTHING.replace("[one chosen by readers, mentioned]", "one chosen by readers")
    assert loaded(text).details["helper"].asked == "readers"
    assert loaded(text).parts[2].sources == (NamedIn("helper"),)


def test_asks_say_who_sees_what_when_and_how_many_fit() -> None:
    asks = loaded().asks
    assert (asks["invited"].hidden, asks["invited"].places) == (Hidden(until_closed=True), "seats")
    assert (asks["named"].naming, asks["named"].hidden, asks["named"].choices) == ("person", Hidden(), ())
    assert asks["named"].to == Circle(("host",))
    assert asks["mixed"].unsigned == 5
    assert asks["alone"].hidden == Hidden(until=MomentExpr("opening", DAY_MS))
    assert [c.id for c in asks["alone"].choices] == ["answer_1", "answer_2"]


def test_moves_may_wait_for_a_condition_an_answer_by_its_label_or_come_round() -> None:
    on = [move.on for move in loaded().states["open"].moves]
    assert on[0] == OnHolds(CountOf((("invited", "count_me_in"),), ">=", 3))
    assert on[2] == AtMoment(MomentExpr("meeting"))
    assert on[3] == AtMoment(MomentExpr("entering", 14 * DAY_MS))


def test_states_start_others_show_what_was_hidden_and_where_help_is() -> None:
    shown = loaded().states["shown"]
    assert shown.shows == ("named",)
    assert shown.help_to == (Part("host"), Part("readers"))
    assert shown.starts[0].hands == (("book", "book"), ("host", "proposer"))
    assert isinstance(shown.starts[0], StartDef)
    assert (shown.starts[0].workflow, shown.starts[0].by) == ("book_club", "helper")


@pytest.mark.parametrize(
    ("old", "new", "code", "hint"),
    [
        ("begins when: someone arrives", "begins when: it rains", "arrival", "someone arrives"),
        ("also: in words", "also: yes", "word", "or leave the line out"),
        ("care: sensitive", "care: true", "word", "write `care: sensitive`"),
        ("number, 1 to 20", "number, 20 to 1", "type", "`number, 1 to 20`"),
        ("number, 1 to 20", "number, at lest 1", "type", "at least 2"),
        ("book: text", "book: Which book?", "type", "`text`"),
        ("book: text", "book: text, 3 to 5", "type", "`people, 3 to 5`"),
        ("unsigned: from 5 answers", "unsigned: yes", "unsigned", "from 5 answers"),
        ("places: seats", "places: a few", "places", "number"),
        ("hidden until: closed", "hidden until: the end of time", "moment", "1 day before meeting"),
        ("host as proposer", "host as the proposer", "hand-over", "its name there"),
        ("every: 2 weeks", "every: 2 weeks\n        at: meeting", "trigger", "either"),
        ("chosen by host", "picked by host", "part", "chosen by host"),
        ("answered Maybe to invited", "answered Perhaps to invited", "unknown-answer", "count_me_in"),
        ("answered Maybe to invited", "answered Perhaps", "unknown-answer", "`count me in`, `maybe`"),
        ("keep: 60 days", "keep: for ever", "no-end-date", "90 days"),
        ("name: A whole day", "name: 2 days", "name", "begin with a letter"),
    ],
)
def test_what_is_nearly_right_is_told_with_what_would_be(old: str, new: str, code: str, hint: str) -> None:
    assert old in EVERYTHING
    problems = examine_text(EVERYTHING.replace(old, new, 1), "day.yaml").problems
    assert [p for p in problems if p.code == code and hint in p.hint], [str(p) for p in problems]
