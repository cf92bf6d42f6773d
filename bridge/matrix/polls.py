"""Polls as they travel: started, voted in, closed (MSC3381 as clients send it; the stable names are read as well).

Sent under the names that clients know today (`org.matrix.msc3381.*`, texts as `org.matrix.msc1767.text`). A vote is
read whichever of the three spellings its sender uses: today's, the stable type with the same shape, or the
proposal's last text with `m.selections`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.matrix.text import as_dict, as_list, as_text
from engine.core.values import TextId

START = "org.matrix.msc3381.poll.start"
RESPONSE = "org.matrix.msc3381.poll.response"
END = "org.matrix.msc3381.poll.end"
DISCLOSED = "org.matrix.msc3381.poll.disclosed"
TEXT = "org.matrix.msc1767.text"

RESPONSES = frozenset({RESPONSE, "m.poll.response"})
MOST_ANSWERS = 20
"""More are cut off by whoever shows a poll (MSC3381)."""
LONGEST_ID = 255


class Ballot(msgspec.Struct, frozen=True):
    """A poll in words: its question, its answers as (id, label), and all of it as plain text."""

    question: str
    answers: tuple[tuple[str, str], ...]
    text: str
    texts: frozenset[TextId] = frozenset()
    """The texts of people that stand written out in it."""

    def __repr__(self) -> str:
        return f"Ballot({len(self.answers)} answers)"


class Vote(msgspec.Struct, frozen=True):
    """A vote: the poll it was cast in, and the ids that were ticked."""

    poll: str
    answers: tuple[str, ...]


def start_of(ballot: Ballot) -> dict[str, Any]:
    """The content that starts a poll in which one answer counts, and whose votes everyone in the room may see."""
    return {
        START: {
            "question": {TEXT: ballot.question, "body": ballot.question, "msgtype": "m.text"},
            "kind": DISCLOSED,
            "max_selections": 1,
            "answers": [{"id": id_, TEXT: label} for id_, label in ballot.answers[:MOST_ANSWERS]],
        },
        TEXT: ballot.text,
        "body": ballot.text,
        "m.mentions": {},
    }


def end_of(poll: str, text: str) -> dict[str, Any]:
    """The content that closes a poll, with a text for those who are shown no polls."""
    return {
        END: {},
        TEXT: text,
        "body": text,
        "m.relates_to": {"rel_type": "m.reference", "event_id": poll},
        "m.mentions": {},
    }


def vote_in(content: Mapping[str, Any]) -> Vote | None:
    """The vote that an event's content casts; None for one that belongs to no poll.

    No answer, or anything that can be none (MSC3381: a spoiled vote), leaves ``answers`` empty.
    """
    relation = as_dict(content.get("m.relates_to"))
    poll = as_text(relation.get("event_id"))
    if relation.get("rel_type") != "m.reference" or not poll:
        return None
    ticked = as_list(content.get("m.selections"))
    for name in sorted(RESPONSES):
        ticked = ticked or as_list(as_dict(content.get(name)).get("answers"))
    answers = tuple(each for each in ticked if isinstance(each, str) and 0 < len(each) <= LONGEST_ID)
    if len(answers) < len(ticked) or len(answers) > MOST_ANSWERS:
        return Vote(poll, ())
    return Vote(poll, answers)
