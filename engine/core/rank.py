"""Who goes first when not everything can be sent at once: one pure order over what is due.

Replies and safety go before edits that acknowledge; these before questions; questions before notices, boards and polls;
the reactions a bot places under its own questions come last. Within a rank rooms take turns. What waits long moves up,
but never above a question: nobody who has just spoken waits for it. Within a room questions and notices keep the order
in which they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

import msgspec

from engine.core.parcel import Parcel
from engine.core.values import MINUTE_MS, Ms

MOVES_UP_AFTER_MS = 15 * MINUTE_MS


class Rank(IntEnum):
    """The lower, the sooner. Stored in the outbox: the numbers do not change."""

    REPLY = 0
    ACKNOWLEDGEMENT = 1
    QUESTION = 2
    NOTICE = 3
    REACTION = 4


class Head(msgspec.Struct, frozen=True):
    """The parcel of a room that would leave next."""

    seq: int
    """Its place in the outbox."""
    lane: str
    """The room whose order it keeps."""
    rank: int
    """As it is now, with what it has waited taken into account."""
    sealed: bool = False
    """It may stand in the room already, and is brought to its end before others of its rank begin."""


def rank_of(parcel: Parcel) -> Rank:
    """The rank a parcel is laid in with.

    Edits of one message all have the same rank, so that a later one never goes before an earlier one.
    """
    answers = parcel.urgency in ("reply", "safety")
    if parcel.reacts is not None:
        return Rank.REACTION
    if parcel.redacts is not None or parcel.redacts_event is not None:
        # What somebody asked to be taken back is gone before they are told so.
        return Rank.REPLY if answers else Rank.ACKNOWLEDGEMENT
    if parcel.edits is not None:
        return Rank.ACKNOWLEDGEMENT if answers else Rank.NOTICE
    if parcel.polls is not None or parcel.ends is not None:
        return Rank.NOTICE
    if answers:
        return Rank.REPLY
    if parcel.target is not None or parcel.urgency in ("hello", "timely", "change"):
        return Rank.QUESTION
    return Rank.NOTICE


def rank_now(rank: int, due_ms: Ms, now_ms: Ms) -> int:
    """The rank of something that has been due since ``due_ms``: one higher for each quarter of an hour."""
    if rank <= Rank.QUESTION:
        return rank
    return max(Rank.QUESTION, rank - max(0, now_ms - due_ms) // MOVES_UP_AFTER_MS)


def track_of(rank: int) -> int:
    """What keeps its order within a room: questions and what is told beside them read as they were written. Replies
    and acknowledgements do not wait for these, and reactions let all of them pass.
    """
    return int(Rank.QUESTION) if rank in (Rank.QUESTION, Rank.NOTICE) else rank


def first_of(due: Iterable[tuple[int, Head]]) -> Head:
    """Which of one room's parcels leaves next, of pairs of the rank it was laid in with and how it stands now; it
    leaves as soon as what waits behind it in its order may.
    """
    tracks: dict[int, list[Head]] = {}
    for rank, head in due:
        tracks.setdefault(track_of(rank), []).append(head)
    first = tracks[min(tracks)]
    leaves = min(first, key=lambda head: (not head.sealed, head.seq))
    return msgspec.structs.replace(leaves, rank=min(head.rank for head in first))


def choose(heads: Iterable[Head], served: Mapping[str, int], most: int, most_unasked: int) -> list[Head]:
    """Those that leave now: at most ``most``, at most ``most_unasked`` of them something other than a reply.

    ``served`` tells for rooms that were written to when their last turn was; the longer ago, the sooner.
    """
    ordered = sorted(heads, key=lambda head: (head.rank, not head.sealed, served.get(head.lane, 0), head.seq))
    replies = [head for head in ordered if head.rank == Rank.REPLY][: max(0, most)]
    others = [head for head in ordered if head.rank != Rank.REPLY]
    return replies + others[: max(0, min(most - len(replies), most_unasked))]
