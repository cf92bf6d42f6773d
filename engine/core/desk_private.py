"""Private matters: they knock first, are opened by the person, and take no reactions (right 15).

Reactions are never encrypted, not even in encrypted rooms, so whatever is sensitive is answered in
words or by number.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Alone, Heard, Prompt, Ticked
from engine.core.desk_hide import matter_of, note
from engine.core.desk_polls import put_poll
from engine.core.desk_table import Table, target_of
from engine.core.message import Count, Message, Option, Phrase
from engine.core.parcel import Urgency
from engine.core.schedule import LEAST_LEFT_MS
from engine.core.values import MINUTE_MS, InstanceId, RowId

OPEN = "open"
"""The word that shows what knocked."""
ALONE_MS = 15 * MINUTE_MS
"""How long whoever opened or answered something private is taken to be alone with it still: time enough to choose and
to name somebody in peace, and hardly enough to put the telephone on a table where others sit.
"""
KNOCK = Message(lines=(Phrase("knock"),), mention=True, sensitive=True)


def unmarked(message: Message) -> Message:
    """A question without emoji to tap: its choices are answered by their number or their words."""
    options = tuple(Option(o.id, "", o.label) for o in message.options)
    return replace(message, options=options, mention=False, sensitive=True)


def knock(table: Table, prompt: Prompt, urgency: Urgency, *, personal: bool) -> None:
    """Say that something private waits, and nothing of what it is."""
    row = table.put(
        KNOCK, urgency, useful_until_ms=prompt.closes_ms, about=prompt.instance, personal=personal
    )
    held = replace(prompt, knock=row)
    table.keep(held)
    table.await_answer(held)


def knock_again(table: Table, prompt: Prompt) -> None:
    """The one reminder of something private is another knock."""
    useful_ms = prompt.closes_ms - LEAST_LEFT_MS
    row = table.put(KNOCK, again_as(prompt), useful_until_ms=useful_ms, about=prompt.instance)
    table.keep(replace(prompt, reminder=row))
    note(table, matter_of(prompt), rows=(row,), instance=prompt.instance, spoken=False)


def again_as(prompt: Prompt) -> Urgency:
    """How a question is brought up once more: what the person put off comes when it was promised, budget or not."""
    return "change" if prompt.put_off else "timely"


def open_private(table: Table, event: Heard) -> None:
    """Show the oldest private question that waits; of those that have been shown, once more the oldest."""
    private = [p for p in table.waiting() if p.message.sensitive]
    shut = [p for p in private if p.knock is not None]
    if not private:
        table.say("open.nothing")
        return
    table.greet()
    prompt = (shut or private)[0]
    lines = prompt.message.lines
    if len(shut) > 1:
        lines = (*lines, Phrase("open.more", slots={"n": Count(len(shut) - 1)}))
    message = replace(prompt.message, lines=lines)
    rows = _show(table, prompt, message, row=prompt.row if shut else table.new_row())
    rows = rows if prompt.knock is None else (prompt.knock, *rows)
    events = (event.event_id,) if event.circle is None else ()
    note(table, matter_of(prompt), rows=rows, events=events, instance=prompt.instance)
    note_alone(table, prompt, event)


def _show(table: Table, prompt: Prompt, message: Message, *, row: RowId) -> tuple[RowId, ...]:
    """Put a private question into the room; the rows that are written there."""
    table.put(message, "reply", target=target_of(prompt), row=row, about=prompt.instance)
    shown = put_poll(table, replace(prompt, knock=None), row, "reply")
    table.keep(shown)
    return (row,) if shown.poll is None else (row, shown.poll)


# ── alone with it ────────────────────────────────────────────────────────────


def note_alone(table: Table, prompt: Prompt, event: Heard | Ticked) -> None:
    """Whoever opens or answers something private in their own room is alone with it, from when they wrote."""
    if event.circle is not None or not prompt.message.sensitive:
        return
    until_ms = table.facts.occurred_ms + ALONE_MS
    alone = Alone(prompt.instance, until_ms) if prompt.instance is not None else None
    table.desk = replace(table.desk, alone=alone)


def note_alone_with(table: Table, instance: InstanceId) -> None:
    """Whoever begins something private in their own room is alone with it, from when they wrote."""
    table.desk = replace(table.desk, alone=Alone(instance, table.facts.occurred_ms + ALONE_MS))


def is_alone(table: Table) -> bool:
    """Whether somebody is alone with something private now."""
    alone = table.desk.alone
    return alone is not None and table.facts.now_ms < alone.until_ms


def is_alone_with(table: Table, instance: InstanceId) -> bool:
    """Whether somebody is alone with a private matter of this instance now."""
    alone = table.desk.alone
    return alone is not None and alone.instance == instance and is_alone(table)


def show_at_once(table: Table, prompt: Prompt) -> None:
    """Put the next private question to somebody who is alone with that matter: a knock would only be in their way."""
    rows = _show(table, prompt, prompt.message, row=prompt.row)
    note(table, matter_of(prompt), rows=rows, instance=prompt.instance, spoken=False)
    table.await_answer(prompt)
