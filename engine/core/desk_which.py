"""Which of several questions is meant: they are listed by number, and the number answers with what was said before."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.core.definition import TITLE_TEXT
from engine.core.desk import Handover, Heard, Prompt, Source, Store, Which
from engine.core.desk_table import TEXT_HELD_MS, Table
from engine.core.message import Count, Message, Phrase, Said
from engine.core.values import MINUTE_MS

MOST_LISTED = 9
"""Questions that are listed; of more, the newest."""
HELD_MS = 30 * MINUTE_MS
"""How long what was said waits for its number."""


def ask_which(
    table: Table,
    event: Heard,
    prompts: Sequence[Prompt],
    sources: Sequence[Source | None],
    *,
    later: bool = False,
) -> None:
    """List these questions by number; ``sources``: what was said, as each of them would take it."""
    listed, taken = prompts[-MOST_LISTED:], tuple(sources[-MOST_LISTED:])
    if any(source is not None and source.text is not None for source in taken):
        table.emit(Store(event.text, None, table.facts.now_ms + HELD_MS))
    lines = [Phrase("which_one", slots={"n": Count(len(prompts))})]
    lines += [_line(n, prompt) for n, prompt in enumerate(listed, 1)]
    table.greet()
    table.put(Message(lines=tuple(lines)), "reply")
    until_ms = table.facts.occurred_ms + HELD_MS
    table.desk = replace(table.desk, which=Which(tuple(p.row for p in listed), taken, until_ms, later))


def _line(n: int, prompt: Prompt) -> Phrase:
    """A question in one line; of something private only that it is there."""
    if prompt.message.sensitive or not prompt.message.lines:
        return Phrase("which_one.line", slots={"n": Count(n), "briefly": Said("which_one.private")})
    first = prompt.message.lines[0]
    asks_back = first.digest is None and first.key == "question_from"
    briefly = Said("my.question" if asks_back else first.key, first.digest, first.slots)
    if first.digest is None:
        return Phrase("which_one.line", slots={"n": Count(n), "briefly": briefly})
    title = Said(TITLE_TEXT, first.digest)
    return Phrase("which_one.titled", slots={"n": Count(n), "title": title, "briefly": briefly})


def taken_up(table: Table, event: Heard) -> tuple[Which, int] | None:
    """What was said before and the place of the question that the person now says it is for, if they do.

    Whatever else they say in their own room, it is about something else: then what was said before is let go of.
    """
    which, number = table.desk.which, event.reading.number
    if which is None or event.circle is not None:
        return None
    table.desk = replace(table.desk, which=None)
    if event.target is not None or number is None or not 1 <= number <= len(which.rows):
        return None
    return (which, number - 1) if table.facts.occurred_ms < which.until_ms else None


def handed_over(table: Table, event: Heard, prompt: Prompt, source: Source) -> Source:
    """The words that were kept, as this question's own."""
    if source.text is None:
        return source
    until_ms = table.facts.now_ms + TEXT_HELD_MS
    table.emit(Handover(source.text, event.text, prompt.instance, until_ms))
    return replace(source, text=event.text)


def let_go_of(table: Table, event_id: str) -> None:
    """What was said has been removed: it is for no question any more."""
    which = table.desk.which
    if which is not None and any(s is not None and s.event_id == event_id for s in which.sources):
        table.desk = replace(table.desk, which=None)
