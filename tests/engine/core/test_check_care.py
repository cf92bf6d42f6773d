"""The care rules, one by one: what is refused, and what stays possible beside it."""
# ruff: noqa: E501 - one case stands on one line

import pytest

from engine.core import check_care, desk_commands
from tests.engine.core.gathering import GATHERING
from tests.engine.core.test_check_rules import problems

Edit = tuple[str, str]

CANCEL = "      - when: host writes cancel\n        to: dropped\n"
HELPS = "    asks: helps\n"
CLOSES = "      - when: thoughts closes\n        to: done\n"
AFTER = "    asks: [thoughts, private]\n"

REFUSED: list[tuple[str, str, list[Edit]]] = [
    # a move, message or view that depends on a protected no before its moment
    ("protected-no", "a word that works only while few have said yes", [(CANCEL, CANCEL.replace("cancel\n", "cancel\n        if: coming is fewer than 2\n"))]),
    ("protected-no", "the same turned round", [(CANCEL, CANCEL.replace("cancel\n", "cancel\n        if: not coming is at least 2\n"))]),
    ("protected-no", "the same with an exact count", [(CANCEL, CANCEL.replace("cancel\n", "cancel\n        if: coming is exactly 1\n"))]),
    ("protected-no", "as soon as few have", [(CANCEL, CANCEL + "      - when: as soon as not everyone said invited.coming\n        to: after\n")]),
    ("protected-no", "as soon as a share has not", [(CANCEL, CANCEL + "      - when: as soon as not half said invited.coming\n        to: after\n")]),
    ("protected-no", "a board for the host while it is open", [('      say: "Coming: <coming>"', '      say: "Coming: <coming>"\n      if: coming is at most 1')]),
    ("protected-no", "a question that comes later, while it is open", [("[invited, wide, nominate]", "[invited, wide, nominate, helps]"), ("    say: Would you help", "    every: 7 days\n    until: 6 days after opening\n    if: coming is fewer than 2\n    say: Would you help"), (HELPS, "")]),
    ("protected-no", "who said no, by name", [('say: "Coming: <coming>"', 'say: "Coming: <invited.no>"')]),
    ("protected-no", "a share of those who said no", [("coming is at least enough", "half said invited.no")]),
    # a path that tells who declined
    ("singled-out", "a question to the rest of the room", [("    to: everyone\n    say: Who would", "    to: everyone but eager\n    say: Who would")]),
    ("singled-out", "a part of those who are left", [("  elders: stewards", "  elders: everyone but eager")]),
    ("singled-out", "one of those who were asked and did not come", [("elders: stewards", "elders: one of guests, not coming")]),
    ("wider-audience", "those who come, for somebody else to know", [("        hand over: [what, friend as decider]\n", "        hand over: [what, helper as decider]\n        by: friend\n")]),
    # a safety or consent answer seen by others
    ("sensitive-seen", "the safety contacts", [("  elders: stewards", "  elders: safety contacts"), ("    seen by: me\n", "    seen by: elders\n")]),
    ("sensitive-seen", "whoever holds a role", [("  elders: stewards", "  elders: holder of care"), ("    seen by: me\n", "    seen by: elders\n")]),
    ("sensitive-seen", "one of the stewards", [("  elders: stewards", "  elders: stewards\n  elder: one of elders"), ("    seen by: me\n", "    seen by: elder\n")]),
    ("sensitive-seen", "a room that is told if", [("    asks: helps\n", "    asks: [helps, private]\n"), (AFTER, "    asks: thoughts\n"), ("    ends with: It was a good day.", "    tell:\n      to: room\n      if: private.well is at least 1\n      say: All is well.\n    ends with: It was a good day.")]),
    # recording a consent outcome
    ("consent-recorded", "an end of its own for one answer", [(CLOSES, "      - when: answered well to private\n        to: done\n")]),
    ("consent-recorded", "words that outlive the season", [("    care: sensitive\n", "    care: sensitive\n    also: in words\n    keep: 200 days\n")]),
    ("wider-audience consent-recorded", "an outcome that says it", [("    ends with: It was a good day.", "    ends with: <number of private.well> felt well.")]),
    # unsigned
    ("unsigned-counted", "how many did not write", [("    ends with: It was a good day.", "    tell:\n      to: host\n      say: Not with words <not joining thoughts>.\n    ends with: It was a good day.")]),
    ("unsigned-counted", "who wrote", [("    ends with: It was a good day.", "    tell:\n      to: host\n      say: Gone are <gone thoughts>.\n    ends with: It was a good day.")]),
    ("unsigned-too-few-asked", "a part of seven at most", [("type: people, at most 20", "type: people, at most 7"), ("    to: everyone\n    say: What should", "    to: guests\n    say: What should")]),
    ("unsigned-not-words", "answers beside the words", [("    unsigned: from 5 answers\n", "    unsigned: from 5 answers\n    also: in words\n"), ("    answers: in words\n", "    answers: [Fine]\n")]),
    # a whole room as audience of a private ask
    ("room-sees-private", "a part that is everyone", [("  elders: stewards", "  elders: everyone"), ("    say: Would you help <host> on the day?\n    answers: [Gladly]\n    seen by: host", "    say: Would you help <host> on the day?\n    answers: [Gladly]\n    seen by: elders")]),
    # a second reminder
    ("second-reminder", "a state that asks again the day after", [("      - at: 1 day after starts\n        to: after\n", "      - at: 1 day after starts\n        to: after\n      - at: 1 day after entering\n        to: on\n")]),
    ("second-reminder", "the same words under another name", [("    say: Would you help <host> on the day?\n", "    say: Would you help <host> on the day?\n"), (HELPS, "    asks: [helps, again]\n"), ("  thoughts:\n", "  again:\n    to: helper\n    say: Would  you help <host> on the DAY?\n    answers: [Gladly]\n    seen by: host\n  thoughts:\n")]),
    # length, with the answers and in each language
    ("too-long", "a question whose answers are long", [("answers: [Well, Not so well]", f"answers: [{'Well ' * 70}, {'Not so well ' * 25}]")]),
    ("role-without-end", "two states in turn that no day ends", [("      - at: 1 day after starts\n        to: after\n  moved:", "      - at: 30 days after entering\n        to: after\n  moved:"), ("    ask again: starts\n", "    ask again: what\n"), (AFTER, AFTER + "    public: <what>\n"), ("at: 8 days after entering", "at: 8 days after starts")]),
    ("singled-out", "the rest of a part that is everyone", [("elders: stewards", "elders: everyone"), ("    to: helper\n", "    to: elders\n"), ("those who answered i_would to wide", "those who answered gladly to helps"), ("      to: coming\n      say: It is not", "      to: everyone but eager\n      say: It is not")]),
    ("sensitive-no-knock", "words to a sensitive question that another reads", [("    seen by: me\n    care: sensitive\n", "    seen by: host\n    care: sensitive\n    also: in words\n")]),
    ("sensitive-no-knock", "people named to a sensitive question", [("    answers: [Well, Not so well]\n    seen by: me\n", "    answers: a person\n    seen by: host\n")]),
    ("sensitive-no-knock", "places for a sensitive question", [("    care: sensitive\n", "    care: sensitive\n    places: 3\n")]),
    ("unknown-part", "a reader of a sensitive answer who is not there", [("    seen by: me\n", "    seen by: freind\n")]),
    ("shown-too-early", "a sentence that tells by its condition", [("    to: everyone\n    say: Who would be a good host next time?\n    answers: a person", "    to: everyone\n    say: Is this the way?\n    answers: [Agreed]"), ("  chosen: named by answers to nominate\n", ""), ("<chosen>", "<number of nominate.agreed>"), ("          say: \"Not joining", "          if: nominate.agreed is at least 1\n          say: \"Not joining")]),
    ("unsigned-counted unsigned-not-words", "a part of those who answered", [("    answers: in words\n", "    answers: [Fine]\n    also: in words\n"), ("those who answered i_would to wide", "those who answered fine to thoughts")]),
    ("unsigned-counted unsigned-not-words", "a way that depends on them", [("    answers: in words\n", "    answers: [Fine]\n    also: in words\n"), ("when: thoughts closes\n", "when: thoughts closes\n        if: thoughts.fine is at least 1\n")]),
    # people who are nobody yet
    ("nobody-yet", "an answer to what was never asked", [("      to: host\n      say: \"They would like to host next time: <chosen>.\"", "      to: those who answered gladly to again\n      say: Thank you."), ("  thoughts:\n", "  again:\n    to: helper\n    say: And again?\n    answers: [Gladly]\n    seen by: host\n  thoughts:\n")]),
]  # fmt: skip


def edited(edits: list[Edit]) -> str:
    text = GATHERING
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(("codes", "what", "edits"), REFUSED, ids=[f"{c}: {w}" for c, w, _ in REFUSED])
def test_what_care_forbids_is_refused(codes: str, what: str, edits: list[Edit]) -> None:
    found = {p.code for p in problems(edited(edits)) if p.severity == "error"}
    assert found == set(codes.split()), [what, *map(str, problems(edited(edits)))]


ALLOWED: list[tuple[str, list[Edit]]] = [
    ("too few, once it has closed", [("        if: coming is at least enough\n        to: on", "        if: not coming is fewer than enough\n        to: on")]),
    ("two moves at one moment that leave nothing out", [("      - at: 1 day before starts\n        to: dropped\n", "      - at: 1 day before starts\n        if: coming is fewer than enough\n        to: dropped\n")]),
    ("everyone has said yes before the time", [(CANCEL, CANCEL + "      - when: as soon as everyone said invited.coming\n        to: on\n")]),
    ("a friend who was named reads a sensitive answer", [("    seen by: me\n", "    seen by: friend\n")]),
    ("the starter reads a sensitive answer", [("    seen by: me\n", "    seen by: host\n")]),
    ("somebody named in an answer reads it", [("    seen by: me\n", "    seen by: chosen\n")]),
    ("a helper who was asked and said yes reads it", [("    seen by: me\n", "    seen by: helper\n")]),
    ("a sensitive answer leads on", [(CLOSES, "      - when: answered well to private\n        to: open\n")]),
    ("hidden answers are counted", [("    to: everyone\n    say: Who would be a good host next time?\n    answers: a person", "    to: everyone\n    say: Is this the way?\n    answers: [Agreed]"), ("  chosen: named by answers to nominate\n", ""), ("<chosen>", "<number of nominate.agreed>"), (CANCEL, CANCEL + "      - when: as soon as two thirds said nominate.agreed\n        to: on\n")]),
    ("unsigned answers from a part large enough", [("type: people, at most 20", "type: people, at most 8"), ("    to: everyone\n    say: What should", "    to: guests\n    say: What should")]),
    ("asked again after a week", [("      - at: 1 day after starts\n        to: after\n", "      - at: 1 day after starts\n        to: after\n      - at: 7 days after entering\n        to: on\n")]),
    ("the same words where the answers take the place", [(HELPS, "    asks: [helps, again]\n"), ("  thoughts:\n", "  again:\n    to: helper\n    takes the place of: helps\n    say: Would you help <host> on the day?\n    answers: [Gladly]\n    seen by: host\n  thoughts:\n")]),
    ("somebody else takes it up when the starter leaves", [("if the starter leaves: dropped", "if the starter leaves: moved")]),
    ("everyone but a few people who were named", [("    to: everyone\n    say: Who would", "    to: everyone but friend\n    say: Who would")]),
    ("unsigned answers from people whose number nobody knows", [("elders: stewards", "elders: safety contacts"), ("    to: everyone\n    say: What should", "    to: elders\n    say: What should")]),
    ("unsigned answers from those who were named", [("    to: everyone\n    say: What should", "    to: chosen\n    say: What should")]),
    ("unsigned answers from those who took it up in the room", [("    to: everyone\n    say: What should", "    to: those who answered i_would to wide\n    say: What should")]),
    ("one of those who come, named to the host", [("next time: <chosen>", "next time: <helper>")]),
    ("everyone but some who were named and said yes", [("    to: everyone\n    say: Who would", "    to: everyone but coming\n    say: Who would")]),
    ("who comes, handed on by the host who sees it", [("friend as decider", "helper as decider")]),
    ("another one of those who said yes", [("elders: stewards", "elders: one of coming, not helper")]),
    ("how many wait for a place", [("say: \"Coming: <coming>\"", "say: \"Coming: <coming>, waiting: <number waiting for invited>\"")]),
    ("six hundred letters", [("It is not happening this time.", "x" * 600)]),
    ("a loop with a count", [("been in moved at most 3 times", "been in moved fewer than 4 times")]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "edits"), ALLOWED, ids=[w for w, _ in ALLOWED])
def test_what_care_allows_is_left_alone(what: str, edits: list[Edit]) -> None:
    assert problems(edited(edits)) == (), what


def test_every_word_that_the_bot_listens_to_by_itself_is_taken() -> None:
    assert {*desk_commands.OWN_WORDS} <= check_care.OWN_WORDS
