"""A person compares keys with the bot: what it sees on its side, and how that ended.

The comparison itself is the door's business; here it is only put into words. None of it is private, and it is written
to the very identity that is being compared.
"""

from __future__ import annotations

from engine.core.desk import Compared, Comparing, Put
from engine.core.desk_table import Table
from engine.core.message import AnySlot, Count, Message, Phrase, Said
from engine.core.parcel import Direct, Parcel
from engine.core.values import MINUTE_MS, Ms

SHOWN_FOR_MS = 10 * MINUTE_MS
"""No comparison takes longer: what comes later is of no use to anyone."""
PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")


def show_own_side(table: Table, event: Comparing) -> None:
    """Write what the bot sees, so that the person can hold it beside what their app shows."""
    slots: dict[str, AnySlot] = {}
    if event.emoji:
        key = "compare.emoji"
        slots = {place: Said(f"emoji.{each}") for place, each in zip(PLACES, event.emoji, strict=False)}
    else:
        key = "compare.numbers"
        slots = {place: Count(each) for place, each in zip(PLACES, event.numbers, strict=False)}
    _put(table, Phrase(key, slots=slots), table.facts.now_ms + SHOWN_FOR_MS)


def say_how_it_ended(table: Table, event: Compared) -> None:
    """Say kindly how the comparison ended, and what that means."""
    _put(table, Phrase(f"compare.{event.outcome}"), table.facts.now_ms + 6 * SHOWN_FOR_MS)


def _put(table: Table, line: Phrase, useful_until_ms: Ms) -> None:
    table.greet()
    parcel = Parcel(
        row=table.new_row(),
        to=Direct(table.desk.person),
        urgency="reply",
        message=Message(lines=(line,)),
        useful_until_ms=useful_until_ms,
        for_anyone=True,
    )
    table.emit(Put(parcel))
