"""Private exchanges: remembered by their ids, so that ``hide`` can take both sides of one back from the room.

What was answered still counts; only the room forgets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from engine.core.desk import Exchange, Heard, Prompt
from engine.core.desk_table import CALL, HELLO, Table
from engine.core.parcel import Target
from engine.core.values import InstanceId, RowId

MOST_EXCHANGES = 20
"""Private exchanges of one person that can still be hidden; the oldest is forgotten first."""
MOST_IN_ONE = 60
"""Messages, of each side, that one exchange remembers."""
MOST_ALSO = 20
"""Further messages that any other question remembers as its own."""
T = TypeVar("T")


def note(
    table: Table,
    about: str,
    *,
    rows: Iterable[RowId] = (),
    events: Iterable[str] = (),
    instance: InstanceId | None = None,
    spoken: bool = True,
) -> None:
    """Remember messages of a private exchange, which is the latest one then.

    ``spoken``: whether the person has asked for it or said something to it. The first one of an instance takes up
    the word that began that.
    """
    held = next((e for e in table.desk.private if e.about == about), None)
    taken = [about]
    if held is None:
        begun = next((e for e in table.desk.private if e.about == instance), None)
        taken += [begun.about] if begun is not None else []
        held = replace(begun or Exchange((), (), spoken=False), about=about, instance=instance)
    rows, events = _joined(held.rows, rows), _joined(held.events, events)
    grown = replace(held, rows=rows, events=events, spoken=held.spoken or spoken)
    others = (e for e in table.desk.private if e.about not in taken)
    table.desk = replace(table.desk, private=(*others, grown)[-MOST_EXCHANGES:])


def note_begun(table: Table, instance: InstanceId, event_id: str) -> None:
    """Remember the word that began something private."""
    note(table, instance, events=(event_id,), instance=instance)


def note_shown(table: Table, prompt: Prompt, row: RowId) -> None:
    """Remember a further message of a question's: an edit of it, or a copy."""
    if is_private(prompt):
        note(table, matter_of(prompt), rows=(row,), instance=prompt.instance)
        return
    lying = table.by_row(prompt.row) or prompt
    table.keep(replace(lying, also=_joined(lying.also, (row,))[-MOST_ALSO:]))


def note_said(table: Table, prompt: Prompt, event_id: str) -> None:
    """Remember what the person wrote to a private question."""
    if is_private(prompt) and event_id:
        note(table, matter_of(prompt), events=(event_id,), instance=prompt.instance)


def note_told(table: Table, instance: InstanceId, row: RowId) -> None:
    """Remember what an instance says to somebody whom it has asked something private: it is part of that."""
    held = next((e for e in reversed(table.desk.private) if e.instance == instance), None)
    if held is not None:
        note(table, held.about, rows=(row,), spoken=False)


def is_private(prompt: Prompt) -> bool:
    """Whether what is said to a question is remembered as a private exchange."""
    return prompt.message.sensitive or prompt.ask.startswith(CALL)


def matter_of(prompt: Prompt) -> str:
    """What an exchange is about: one question of an instance's, or one of the bot's own matters."""
    return prompt.row if prompt.instance is not None else prompt.ask


def _joined(held: tuple[T, ...], more: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*held, *more)))[-MOST_IN_ONE:]


def hide(table: Table, event: Heard) -> None:
    """Take back both sides of the question replied to, or of the latest private exchange in which they said something.

    What came of the same matter by itself after that goes with it, such as the next question. In reply to anything
    else nothing is taken back: what they meant stands elsewhere.
    """
    found = _meant(table, event.target) if event.target is not None else _latest(table, event.reply_to)
    if found is None:
        table.say("hide.nothing")
        return
    mine = () if event.circle is not None else (event.event_id,)
    bare = event.target is None and event.reply_to is None
    gone = (found, *_came_after(table, found)) if bare else (found,)
    rows = tuple(dict.fromkeys(row for exchange in gone for row in exchange.rows))
    events = tuple(dict.fromkeys(each for exchange in gone for each in exchange.events))
    table.take_from_room(rows, (*events, *mine))
    subjects = {exchange.about for exchange in gone}
    table.desk = replace(table.desk, private=tuple(e for e in table.desk.private if e.about not in subjects))
    for prompt in table.desk.prompts:
        if prompt.row in rows and not prompt.shared:
            _put_away(table, prompt)
    table.say("hide.ok")


def _latest(table: Table, reply_to: str | None) -> Exchange | None:
    """The latest private exchange that they had a part in; in reply to a message of their own, the one that it
    belongs to.
    """
    if reply_to is None:
        spoken = [exchange for exchange in table.desk.private if exchange.spoken]
        return (spoken or table.desk.private or (None,))[-1]
    for exchange in reversed(table.desk.private):
        if reply_to in exchange.events:
            return exchange
    for prompt in table.desk.prompts:
        if not prompt.shared and any(source.event_id == reply_to for source in prompt.sources):
            return _of(prompt)
    return None


def _came_after(table: Table, found: Exchange) -> tuple[Exchange, ...]:
    """What of the same instance was shown since."""
    if found.instance is None:
        return ()
    since = table.desk.private[table.desk.private.index(found) + 1 :]
    return tuple(exchange for exchange in since if exchange.instance == found.instance)


def _meant(table: Table, target: Target) -> Exchange | None:
    for exchange in table.desk.private:
        if target.row in exchange.rows:
            return exchange
    prompt = table.by_row(target.row)
    return None if prompt is None or prompt.shared or target.shared else _of(prompt)


def _of(prompt: Prompt) -> Exchange:
    rows = (prompt.row, prompt.reminder, *prompt.also)
    return Exchange(
        rows=tuple(row for row in rows if row is not None),
        events=tuple(source.event_id for source in prompt.sources),
        about=prompt.row,
    )


def _put_away(table: Table, prompt: Prompt) -> None:
    """A question that was taken back stays answered, or open, but nothing brings it up again by itself."""
    if prompt.instance is None and prompt.ask != HELLO:
        table.remove(prompt)  # it is theirs to ask for again
        return
    table.hush(prompt)
    table.keep(replace(prompt, hidden=True, also=(), rings_ms=None, poll=None))
