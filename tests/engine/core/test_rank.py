"""Who goes first when not everything can be sent at once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.message import Message
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.rank import MOVES_UP_AFTER_MS, Head, Rank, choose, first_of, rank_now, rank_of
from engine.core.values import CircleId, PersonId, RowId

ADA, CIRCLE = Direct(PersonId("ada")), Shared(CircleId("c"))
BEFORE = RowId("before")
QUESTION = Target(RowId("q"), None, "ask", 1, ())


def parcel(urgency: Any, **more: Any) -> Parcel:
    return Parcel(RowId("row"), more.pop("to", ADA), urgency, Message(), **more)


@pytest.mark.parametrize(
    ("given", "rank"),
    [
        (parcel("reply"), Rank.REPLY),
        (parcel("reply", to=CIRCLE), Rank.REPLY),
        (parcel("reply", target=QUESTION), Rank.REPLY),
        (parcel("reply", replies=BEFORE), Rank.REPLY),
        (parcel("safety"), Rank.REPLY),
        (parcel("reply", edits=BEFORE), Rank.ACKNOWLEDGEMENT),
        (parcel("reply", redacts=BEFORE), Rank.REPLY),
        (parcel("post", to=CIRCLE, redacts_event="$said"), Rank.ACKNOWLEDGEMENT),
        (parcel("hello", target=QUESTION), Rank.QUESTION),
        (parcel("timely"), Rank.QUESTION),
        (parcel("change"), Rank.QUESTION),
        (parcel("quiet", target=QUESTION), Rank.QUESTION),
        (parcel("post", to=CIRCLE, target=QUESTION), Rank.QUESTION),
        (parcel("quiet"), Rank.NOTICE),
        (parcel("post", to=CIRCLE), Rank.NOTICE),
        (parcel("quiet", edits=BEFORE), Rank.NOTICE),
        (parcel("timely", polls=BEFORE), Rank.NOTICE),
        (parcel("reply", ends=BEFORE), Rank.NOTICE),
        (parcel("reply", reacts=BEFORE, emoji="👍"), Rank.REACTION),
        (parcel("timely", reacts=BEFORE, emoji="👍"), Rank.REACTION),
    ],
)
def test_replies_go_before_what_acknowledges_questions_notices_and_reactions(
    given: Parcel, rank: Rank
) -> None:
    assert rank_of(given) == rank


def test_what_waits_long_moves_up_but_never_above_a_question() -> None:
    late = 3 * MOVES_UP_AFTER_MS
    assert [rank_now(rank, 0, MOVES_UP_AFTER_MS - 1) for rank in Rank] == list(Rank)
    assert [rank_now(rank, 0, MOVES_UP_AFTER_MS) for rank in Rank] == [0, 1, 2, 2, 3]
    assert [rank_now(rank, 0, late) for rank in Rank] == [0, 1, 2, 2, 2]
    assert rank_now(Rank.REACTION, late, 0) == Rank.REACTION  # a clock that was put back


def test_a_reply_goes_first_and_the_unasked_leave_places_free() -> None:
    heads = [Head(n, f"room{n}", Rank.QUESTION) for n in range(5)]
    reply = Head(9, "room9", Rank.REPLY)
    assert choose([*heads, reply], {}, 4, 2) == [reply, *heads[:2]]
    assert choose([*heads, reply], {}, 1, 1) == [reply]
    assert choose(heads, {}, 4, 0) == []
    assert choose([reply], {}, 0, 3) == []


def test_rooms_take_turns_and_what_was_begun_is_ended_first() -> None:
    heads = [Head(n, f"room{n}", Rank.QUESTION) for n in range(4)]
    assert choose(heads, {"room0": 7, "room1": 3}, 3, 3) == [heads[2], heads[3], heads[1]]
    begun = Head(9, "room0", Rank.QUESTION, sealed=True)
    assert choose([*heads[1:], begun], {"room0": 7}, 1, 1) == [begun]


def test_within_a_room_questions_and_notices_keep_their_order_and_leave_as_soon_as_the_first_of_them_may() -> (
    None
):
    notice, question = Head(1, "room", Rank.NOTICE), Head(2, "room", Rank.QUESTION)
    both = [(int(Rank.QUESTION), question), (int(Rank.NOTICE), notice)]
    assert first_of(both) == Head(1, "room", Rank.QUESTION)
    reply = Head(3, "room", Rank.REPLY)
    assert first_of([*both, (int(Rank.REPLY), reply)]) == reply
    begun = Head(4, "room", Rank.NOTICE, sealed=True)
    assert first_of([*both, (int(Rank.NOTICE), begun)]) == Head(4, "room", Rank.QUESTION, sealed=True)


def test_a_reaction_lets_others_of_its_room_pass_however_long_it_has_waited() -> None:
    waited = (int(Rank.REACTION), Head(1, "room", Rank.QUESTION))
    question = Head(2, "room", Rank.QUESTION)
    assert first_of([waited, (int(Rank.QUESTION), question)]) == question
    assert first_of([waited]) == Head(1, "room", Rank.QUESTION)
