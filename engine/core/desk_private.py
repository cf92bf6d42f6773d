"""Private matters: they knock first, are opened by the person, and take no reactions (right 15).

Reactions are never encrypted, not even in encrypted rooms, so whatever is sensitive is answered in
words or by number.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Prompt
from engine.core.desk_table import Table, target_of
from engine.core.message import Count, Message, Option, Phrase
from engine.core.parcel import Urgency
from engine.core.schedule import LEAST_LEFT_MS

OPEN = "open"
"""The word that shows what knocked."""
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


def again_as(prompt: Prompt) -> Urgency:
    """How a question is brought up once more: what the person put off comes when it was promised, budget or not."""
    return "change" if prompt.put_off else "timely"


def open_private(table: Table) -> None:
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
    table.put(
        replace(prompt.message, lines=lines),
        "reply",
        target=target_of(prompt),
        row=prompt.row if shut else table.new_row(),
        about=prompt.instance,
    )
    table.keep(replace(prompt, knock=None))
