"""Polls as the JavaScript peer sees them and votes in them."""

from __future__ import annotations

import msgspec

from tests.peers.js_peer import WAIT_SECONDS, JsPeer


class PollAnswer(msgspec.Struct, frozen=True):
    """One answer on offer."""

    id: str
    text: str


class SeenPoll(msgspec.Struct, frozen=True):
    """A poll as matrix-js-sdk understands it; ``votes`` is who ticked what, as it counts them."""

    event_id: str
    sender: str
    question: str
    answers: tuple[PollAnswer, ...]
    disclosed: bool
    most_answers: int
    encrypted: bool
    ended: bool
    votes: dict[str, tuple[str, ...]]


async def wait_poll(peer: JsPeer, room: str, contains: str, *, ended: bool = False) -> SeenPoll:
    """The newest poll whose question holds a text; with ``ended``, once it counts as closed there."""
    answer = await peer.call(
        "wait_poll",
        room=room,
        contains=contains,
        ended=ended,
        timeout_ms=round(WAIT_SECONDS * 1000),
        timeout_seconds=WAIT_SECONDS + 5,
    )
    return msgspec.convert(answer, SeenPoll)


async def vote(peer: JsPeer, room: str, poll: str, *answers: str) -> str:
    """Vote, encrypted; no answer takes the vote back. The event's id."""
    answer = await peer.call("vote", room=room, poll=poll, answers=list(answers))
    return msgspec.convert(answer["event_id"], str)
