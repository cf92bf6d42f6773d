"""In which circle: what somebody begins in their own room may be meant for several of theirs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.core.desk import Command, Handover, Heard, Prompt, Store, Undecided
from engine.core.desk_hide import note
from engine.core.desk_table import CIRCLE, TEXT_HELD_MS, Table, target_of
from engine.core.message import Message, NameOfCircle, Option, Phrase
from engine.core.values import HOUR_MS, CircleId, InstanceId, TextId

MOST_OFFERED = 50
"""Circles that are offered: more than one house serves."""
MOST_TAPPED = 9
"""Up to so many have a number that can be tapped."""
DECIDES_WITHIN_MS = 24 * HOUR_MS
KEYCAP = "\ufe0f\u20e3"


def ask_where(
    table: Table, event: Heard, command: Command, circles: Sequence[CircleId], *, private: bool
) -> None:
    """Ask which of these circles is meant; the newest such question takes the place of an older one."""
    drop_undecided(table)
    table.greet()
    offered = circles[:MOST_OFFERED]
    tapped = not private and len(offered) <= MOST_TAPPED
    options = tuple(
        Option(circle, f"{n}{KEYCAP}" if tapped else "", _label(n, circle))
        for n, circle in enumerate(offered, 1)
    )
    line = Phrase("which_circle.private" if private else "which_circle")
    message = Message(lines=(line,), options=options, sensitive=private)
    choices = tuple((option.id, option.emoji) for option in options)
    prompt = table.own_prompt(CIRCLE, choices, message, table.facts.now_ms + DECIDES_WITHIN_MS)
    table.put(message, "reply", target=target_of(prompt), row=prompt.row)
    if tapped:
        table.react(prompt.row, prompt, "reply", personal=True)
    table.keep(prompt)
    if command.rest is not None:
        table.emit(Store(command.rest, None, table.facts.now_ms + TEXT_HELD_MS))
    table.desk = replace(table.desk, undecided=Undecided(prompt.row, command, event.event_id))
    if private:
        note(table, CIRCLE, rows=(prompt.row,), events=(event.event_id,))


def _label(n: int, circle: CircleId) -> Phrase:
    return Phrase("which_circle.option", slots={"circle": NameOfCircle(circle, n)})


def drop_undecided(table: Table) -> None:
    """Whatever was asked about before is not asked about any more."""
    older = table.by_ask(None, CIRCLE, 1)
    if older is not None:
        table.remove(older)
        table.withdraw(older)
    table.desk = replace(table.desk, undecided=None)


def decided(table: Table, prompt: Prompt) -> Undecided | None:
    """What they would begin, now that they have said where; None if that is long ago, or something else since."""
    undecided = table.desk.undecided
    drop_undecided(table)
    if undecided is None or undecided.row != prompt.row or table.facts.occurred_ms >= prompt.closes_ms:
        return None
    return undecided


def words_for(table: Table, command: Command, instance: InstanceId) -> Command:
    """The command with the words that were kept for it, as those of what begins now."""
    if command.rest is None:
        return command
    words = TextId(instance)
    table.emit(Handover(command.rest, words, instance, table.facts.now_ms + TEXT_HELD_MS))
    return replace(command, rest=words)
