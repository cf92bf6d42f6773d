"""Polls as they travel: what is sent is what clients know, and a vote is read whoever wrote it, however badly."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.inbound import Ignored, Knowledge, SpokenDraft, VotedDraft, translate
from bridge.matrix.polls import (
    END,
    MOST_ANSWERS,
    RESPONSE,
    START,
    TEXT,
    Ballot,
    Vote,
    end_of,
    start_of,
    vote_in,
)
from bridge.matrix.sync import RoomEvent
from engine.core.values import CircleId

ON_POLL = {"m.relates_to": {"rel_type": "m.reference", "event_id": "$poll"}}


def test_a_poll_has_its_question_its_answers_and_a_text_for_those_who_are_shown_no_polls() -> None:
    content = start_of(
        Ballot("Tea?", (("yes", "🍵 Yes"), ("no", "No, thanks")), "Tea?\n1. 🍵 Yes\n2. No, thanks")
    )
    poll = content[START]
    assert poll["question"][TEXT] == "Tea?"
    assert [(each["id"], each[TEXT]) for each in poll["answers"]] == [("yes", "🍵 Yes"), ("no", "No, thanks")]
    assert (poll["max_selections"], poll["kind"]) == (1, "org.matrix.msc3381.poll.disclosed")
    assert content[TEXT] == content["body"] == "Tea?\n1. 🍵 Yes\n2. No, thanks"
    assert content["m.mentions"] == {}


def test_no_poll_has_more_answers_than_apps_show() -> None:
    many = tuple((str(n), str(n)) for n in range(30))
    assert len(start_of(Ballot("?", many, "?"))[START]["answers"]) == MOST_ANSWERS


def test_the_end_of_a_poll_refers_to_its_start() -> None:
    content = end_of("$poll", "This has closed.")
    assert content[END] == {}
    assert content["m.relates_to"] == ON_POLL["m.relates_to"]
    assert content[TEXT] == "This has closed."


@pytest.mark.parametrize(
    "content",
    [
        {RESPONSE: {"answers": ["yes"]}},
        {"m.poll.response": {"answers": ["yes"]}},
        {"m.selections": ["yes"]},
    ],
)
def test_a_vote_is_read_in_each_of_its_spellings(content: dict[str, Any]) -> None:
    assert vote_in(content | ON_POLL) == Vote("$poll", ("yes",))


@pytest.mark.parametrize(
    "content",
    [{}, {RESPONSE: {}}, {RESPONSE: {"answers": []}}, {RESPONSE: {"answers": [1]}}, {RESPONSE: {"answers": ["a", 1]}},
     {RESPONSE: {"answers": ["x" * 300]}}, {RESPONSE: {"answers": ["a"] * 30}}, {RESPONSE: "yes"}],
)  # fmt: skip
def test_a_spoilt_vote_names_nothing(content: dict[str, Any]) -> None:
    assert vote_in(content | ON_POLL) == Vote("$poll", ())


@pytest.mark.parametrize(
    "relation",
    [None, {}, {"rel_type": "m.annotation", "event_id": "$poll"}, {"rel_type": "m.reference"},
     {"rel_type": "m.reference", "event_id": 7}, {"rel_type": "m.reference", "event_id": ""}],
)  # fmt: skip
def test_what_refers_to_no_poll_is_no_vote(relation: Any) -> None:
    assert vote_in({RESPONSE: {"answers": ["yes"]}, "m.relates_to": relation}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(selections=JSON, response=JSON, relation=JSON)
def test_whatever_a_stranger_sends_is_a_vote_or_none(selections: Any, response: Any, relation: Any) -> None:
    for related in (relation, ON_POLL["m.relates_to"]):
        content = {"m.selections": selections, RESPONSE: response, "m.relates_to": related}
        found = vote_in(content)
        assert found is None or all(isinstance(each, str) for each in found.answers)


def test_a_ballot_and_its_words_are_never_written_into_a_log() -> None:
    assert "Tea" not in repr(Ballot("Tea?", (("yes", "Tea"),), "Tea"))


# ── at the door ──────────────────────────────────────────────────────────────

KNOWN = Knowledge("@hearth:x", ("Hearth",), {"!dm:x": "@ana:x"}, {"!room:x": CircleId("circle")})


def arrived(kind: str, content: dict[str, Any], room: str = "!dm:x", sender: str = "@ana:x") -> object:
    event = RoomEvent(room, "$event", sender, kind, None, content, 900)
    return translate(event, KNOWN, 1_000)


@pytest.mark.parametrize("kind", [RESPONSE, "m.poll.response"])
def test_a_vote_comes_in_from_a_room_we_know(kind: str) -> None:
    found = arrived(kind, {kind: {"answers": ["yes"]}} | ON_POLL)
    assert found == VotedDraft(
        id="$event", occurred_ms=900, sender="@ana:x", circle=None, target="$poll", answers=("yes",)
    )
    shared = arrived(kind, {kind: {"answers": []}} | ON_POLL, "!room:x", "@ben:x")
    assert isinstance(shared, VotedDraft)
    assert (shared.circle, shared.answers) == (CircleId("circle"), ())
    assert arrived(kind, {kind: {"answers": ["yes"]}}) == Ignored("malformed")
    assert arrived(kind, ON_POLL, "!dm:x", "@stranger:x") == Ignored("stranger")


@pytest.mark.parametrize(
    ("falls_back", "reply_to", "latest"), [(True, "$root", "$last"), (False, "$last", None)]
)
def test_what_is_written_in_a_thread_says_which(falls_back: bool, reply_to: str, latest: str | None) -> None:
    relation = {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": falls_back,
        "m.in_reply_to": {"event_id": "$last"},
    }
    found = arrived("m.room.message", {"msgtype": "m.text", "body": "yes", "m.relates_to": relation})
    assert isinstance(found, SpokenDraft)
    assert (found.thread, found.reply_to, found.latest) == ("$root", reply_to, latest)
