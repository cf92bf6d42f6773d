"""The examples for stewards, played: what comes with steps by itself does what is promised."""

from __future__ import annotations

import functools
import pathlib

import pytest

from engine.core.definition import Definition
from engine.core.effect import Show, Tell
from engine.core.values import Persons
from engine.loading.load import load_definition
from tests.workflows.walk import Walk

EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"
HOST, BRUNO, CHEN, DANA = "p1", "p2", "p3", "p4"
READERS = "ask_readers"
AGAIN = "ask_readers_anew"


@functools.cache
def example(name: str) -> Definition:
    loaded = load_definition(EXAMPLES / f"{name}.yaml")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
    return loaded


def club(in_days: float = 20) -> Walk:
    """A book club that has just gone out to three readers."""
    walk = Walk(example("book_club"))
    walk.begin(book=walk.words(), readers=Persons((BRUNO, CHEN, DANA)))
    return walk.give(HOST, "meeting", walk.at(in_days))


def tells(walk: Walk, who: str) -> int:
    return sum(1 for effect in walk.effects if isinstance(effect, Tell) and effect.who == who)


def test_a_book_club_from_its_first_question_to_its_last() -> None:
    walk = club()
    assert walk.state == READERS
    assert walk.asked() == {(BRUNO, READERS), (CHEN, READERS), (DANA, READERS)}
    walk.answer(BRUNO, READERS, "count_me_in").answer(CHEN, READERS, "count_me_in").wait(18)
    assert walk.state == "waiting"
    walk.wait(3)
    assert walk.state == "ask_readers_2"
    assert set(walk.snapshot.asks["ask_readers_2"].asked) == {BRUNO, CHEN}
    assert walk.wait(8).state == "done"


def test_a_question_is_open_for_a_while_even_if_the_date_is_near() -> None:
    walk = club(in_days=2)
    assert walk.state == READERS
    assert walk.snapshot.asks[READERS].closes_ms == walk.now_ms + 24 * 60 * 60 * 1000


@pytest.mark.parametrize(("choice", "state"), [("small", "waiting"), ("let_go", "not_this_time")])
def test_with_too_few_the_starter_chooses(choice: str, state: str) -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").wait(17.5)
    assert walk.state == "too_few"
    assert walk.answer(HOST, "too_few", choice).state == state
    assert walk.told() == ({BRUNO, HOST} if choice == "let_go" else set())


def too_few_of(walk: Walk) -> Walk:
    """Bruno said maybe, Chen said no, Dana nothing; the host wants another date."""
    walk.answer(BRUNO, READERS, "maybe").answer(CHEN, READERS, "no").wait(17.5)
    return walk.answer(HOST, "too_few", "new_date")


def test_for_another_date_only_those_who_said_yes_or_maybe_are_asked_again_and_hear_nothing_else() -> None:
    walk = too_few_of(club())
    assert walk.told() == set()
    walk.give(HOST, "meeting", walk.at(30))
    assert (walk.state, walk.told()) == (AGAIN, set())
    assert walk.asked() == {(BRUNO, AGAIN)}
    assert walk.snapshot.asks[READERS].answers == {}


def test_where_the_host_looks_for_a_date_for_long_those_who_are_waiting_hear_that_it_is_moving() -> None:
    walk = too_few_of(club()).wait(0.2)
    assert (walk.state, walk.told()) == ("between_dates", {BRUNO})
    walk.give(HOST, "meeting", walk.at(30))
    assert walk.asked() == {(BRUNO, AGAIN)}


def test_where_nobody_had_said_yes_or_maybe_all_are_asked_once_more() -> None:
    walk = club().answer(CHEN, READERS, "no").wait(17.5).answer(HOST, "too_few", "new_date")
    walk.give(HOST, "meeting", walk.at(30))
    assert walk.state == READERS
    assert {who for who, _ in walk.asked()} == {BRUNO, CHEN, DANA}


def test_what_is_said_to_the_second_question_counts_as_if_it_had_been_said_to_the_first() -> None:
    walk = too_few_of(club())
    walk.give(HOST, "meeting", walk.at(30))
    walk.answer(BRUNO, AGAIN, "count_me_in").wait(27.5)
    assert walk.state == "too_few"
    walk.answer(HOST, "too_few", "small").wait(4)
    assert (walk.state, walk.asked()) == ("ask_readers_2", {(BRUNO, "ask_readers_2")})


def test_whoever_says_nothing_to_the_second_question_is_not_asked_a_third_time() -> None:
    walk = club().answer(BRUNO, READERS, "maybe").answer(CHEN, READERS, "count_me_in").wait(17.5)
    walk.answer(HOST, "too_few", "new_date").give(HOST, "meeting", walk.at(30))
    walk.answer(CHEN, AGAIN, "count_me_in").wait(27.5).answer(HOST, "too_few", "new_date")
    walk.give(HOST, "meeting", walk.at(30))
    assert walk.asked() == {(CHEN, AGAIN)}


def test_when_nobody_chooses_it_closes_kindly_before_the_date() -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").wait(17.5)
    assert walk.wait(2.45).state == "not_this_time"


def test_only_those_who_said_yes_or_maybe_hear_that_it_is_called_off() -> None:
    walk = club().answer(BRUNO, READERS, "maybe").answer(CHEN, READERS, "no").write(HOST, "cancel")
    assert (walk.state, walk.told()) == ("cancelled", {BRUNO, HOST})


def test_after_the_meeting_nobody_hears_that_it_is_called_off() -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").answer(CHEN, READERS, "count_me_in").wait(21.5)
    walk.answer(BRUNO, "ask_readers_2", "gladly").write(HOST, "cancel")
    assert (walk.state, walk.told()) == ("stopped", {HOST})


def test_when_the_starter_leaves_those_who_said_yes_hear_that_it_is_off() -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").leave(HOST)
    assert (walk.state, walk.told()) == ("cancelled", {BRUNO})


def test_a_no_makes_no_ripple() -> None:
    walk = club().answer(CHEN, READERS, "no")
    assert not [e for e in walk.effects if isinstance(e, Tell | Show)]


def test_a_yes_may_become_a_no_until_the_meeting() -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").answer(CHEN, READERS, "count_me_in").wait(18)
    walk.answer(BRUNO, READERS, "no")
    assert (walk.refused, walk.state) == (None, "waiting")
    walk.wait(3)
    assert set(walk.snapshot.asks["ask_readers_2"].asked) == {CHEN}


def test_when_nobody_is_left_for_the_last_question_it_simply_ends() -> None:
    walk = club().answer(BRUNO, READERS, "count_me_in").answer(CHEN, READERS, "count_me_in").wait(18)
    walk.answer(BRUNO, READERS, "no").answer(CHEN, READERS, "no").wait(4)
    assert walk.state == "done"


def test_whoever_said_yes_twice_hears_once_that_it_is_off(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(
        "name: Twice\nabout: Twice.\npeople:\n  host: starter\n  other: one chosen by host\nsteps:\n"
        "  - ask: other\n    say: Would you?\n    answers: [Gladly]\n    seen by: host\n"
        "  - ask: other\n    say: And on?\n    answers: [Gladly]\n    seen by: host\n"
    )
    loaded = load_definition(path)
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
    walk = Walk(loaded).begin(other=Persons((BRUNO,))).answer(BRUNO, "ask_other", "gladly").wait(7.5)
    walk.answer(BRUNO, "ask_other_2", "gladly").write(HOST, "cancel")
    assert tells(walk, BRUNO) == 1


def test_a_thank_you_round_comes_every_month_until_it_is_enough() -> None:
    walk = Walk(example("thank_you_round")).begin().wait(0)
    assert walk.state == "ask_everyone"
    assert walk.wait(6).state == "resting"
    walk.wait(25)
    assert (walk.state, walk.snapshot.asks["ask_everyone"].round) == ("ask_everyone", 2)
    assert walk.write(HOST, "enough").state == "enough"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_ends_by_itself_or_goes_on_coming_round(path: pathlib.Path) -> None:
    definition = example(path.stem)
    walk = Walk(definition, people=9).begin()
    for name, detail in definition.details.items():
        if name not in definition.states[definition.start].gather:
            continue
        match detail.kind:
            case "words":
                walk.give(HOST, name, walk.words())
            case "moment":
                walk.give(HOST, name, walk.at(20))
            case _:
                walk.give(HOST, name, Persons((BRUNO, CHEN)))
    walk.wait(100)
    comes_round = "resting" in definition.states
    assert comes_round or walk.snapshot.finished_ms is not None


MONTHLY = """\
name: Supper
about: Cook together once a month.
people:
  guests: chosen by starter
details:
  evening: date and time
steps:
  - ask: guests
    named: invited
    say: Supper on <evening>?
    answers: [I'm coming]
    seen by: starter
    until: 1 day before evening
    needs: 2 I'm coming
  - wait: until 1 day after evening
  - again: every 2 months
"""


def test_when_it_comes_round_answers_to_a_second_question_count_no_more() -> None:
    definition = load_definition(MONTHLY, "supper.yaml")
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    walk = Walk(definition)
    walk.begin(guests=Persons((BRUNO, CHEN))).give(HOST, "evening", walk.at(5))
    walk.answer(BRUNO, "invited", "im_coming").wait(4.2).answer(HOST, "too_few", "new_date")
    walk.give(HOST, "evening", walk.at(9)).answer(BRUNO, "invited_anew", "im_coming").wait(8.5)
    walk.answer(HOST, "too_few", "small").wait(68)
    assert walk.state == "next_round"
    walk.give(HOST, "evening", walk.at(5))
    assert walk.state == "ask_invited"
    assert walk.snapshot.asks["invited_anew"].answers == {}
