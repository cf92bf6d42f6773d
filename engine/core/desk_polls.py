"""Polls: a question's choices once more, for one tap that nobody but the room's members can read.

Reactions are never encrypted, polls are. The question itself stands above its poll as it always does, so that nobody
needs a client that shows polls, and its text can be brought up to date, which a poll's cannot.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Prompt, Put, Withdraw
from engine.core.desk_table import Table, target_of
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Urgency
from engine.core.values import RowId

CLOSED = Message(lines=(Phrase("poll.closed"),))
"""What stands in a poll's end, for clients that show no polls."""


def as_poll(message: Message) -> Message:
    """What a poll says of its question: the question and the choices."""
    return Message(lines=message.lines[:1], options=message.options, sensitive=message.sensitive, poll=True)


def put_poll(
    table: Table, prompt: Prompt, below: RowId, urgency: Urgency, *, personal: bool = True
) -> Prompt:
    """Lay a question's poll in the outbox, below the message ``below``; returns the question with it.

    One whose poll stands already, or that has none, stays as it is.
    """
    if not prompt.message.poll or prompt.poll is not None:
        return prompt
    row = table.new_row()
    parcel = Parcel(
        row=row,
        to=Direct(table.desk.person),
        urgency=urgency,
        message=as_poll(prompt.message),
        polls=below,
        useful_until_ms=prompt.closes_ms,
        target=target_of(prompt),
        about=prompt.instance,
        personal=personal,
    )
    table.emit(Put(parcel))
    return replace(prompt, poll=row)


def end_poll(table: Table, prompt: Prompt) -> None:
    """Close a question's poll where it stands; one that has not left yet never comes."""
    if prompt.poll is None:
        return
    table.emit(Withdraw(prompt.poll))
    me = Direct(table.desk.person)
    table.emit(Put(Parcel(table.new_row(), me, "quiet", CLOSED, ends=prompt.poll, about=prompt.instance)))
