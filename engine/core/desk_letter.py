"""The weekly letter: once a week, on the person's own day, for whatever can wait (right 5)."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Alarm, Command, Heard
from engine.core.desk_table import Table
from engine.core.message import Message, Phrase, When
from engine.core.schedule import next_letter
from engine.core.values import DAY_MS, Ms

LETTER = "letter"
"""The alarm, the view, and what ``stop letter`` mutes."""
MOST_SILENT = 4
"""Letters in a row without a word; the last of them says goodbye."""
MOST_UNANSWERED = 3
"""Questions in a row without a word; after them, questions make no sound, and the letter gathers them."""
USEFUL_MS = 6 * DAY_MS


def keep_letter_coming(table: Table) -> None:
    """See to it that the next letter is due, if this person is to get letters, and not otherwise."""
    is_due = table.desk.letter_ms is not None
    if not table.is_touched or is_due == _is_wanted(table):
        return
    if is_due:
        table.desk = replace(table.desk, letter_ms=None)
        table.emit(Alarm(LETTER, None))
    else:
        arm(table)


def arm(table: Table) -> Ms:
    """Set when the next letter is due, from now on."""
    due_ms = next_letter(table.desk.rhythm, table.desk.letter_weekday, table.facts.now_ms)
    table.desk = replace(table.desk, letter_ms=due_ms)
    table.emit(Alarm(LETTER, due_ms))
    return due_ms


def _is_wanted(table: Table) -> bool:
    desk = table.desk
    return desk.consent == "yes" and LETTER not in desk.muted and not desk.leaving


def ring_letter(table: Table) -> None:
    """Send the letter, if it would say anything to somebody who reads it; and in any case think of the next."""
    desk = table.desk
    if not _is_wanted(table):
        table.desk = replace(desk, letter_ms=None)
        table.ignore("no letters wished for")
        return
    arm(table)
    now_ms = table.facts.now_ms
    if now_ms < desk.rhythm.paused_until_ms:
        table.ignore("paused")
    elif desk.silent_letters >= MOST_SILENT:
        table.ignore("quiet until they write")
    elif not table.facts.news:
        table.ignore("nothing to tell")
    else:
        silent = desk.silent_letters + 1
        table.desk = replace(table.desk, silent_letters=silent)
        foot = (Phrase("letter.goodbye"),) if silent == MOST_SILENT else ()
        message = Message(view=LETTER, footer=foot)
        table.greet()
        table.put(message, "quiet", useful_until_ms=now_ms + USEFUL_MS, personal=False)


def note_sign_of_life(table: Table) -> None:
    """Whoever writes or taps reads along: letters and questions come to them as before."""
    table.desk = replace(table.desk, silent_letters=0, unanswered=0)


def set_letter_day(table: Table, event: Heard, command: Command) -> None:
    """Set the day of the letter; without a day, show what a letter would say now."""
    if command.weekday is None:
        table.greet()
        due_ms = table.desk.letter_ms
        foot = Phrase("letter.none")
        if _is_wanted(table):
            foot = Phrase("letter.day", slots={"until": When(arm(table) if due_ms is None else due_ms)})
        table.put(Message(view=LETTER, footer=(foot,)), "reply")
        return
    table.desk = replace(table.desk, letter_weekday=command.weekday % 7)
    if _is_wanted(table):
        table.say("letter.ok", until=When(arm(table)))
    else:
        table.say("start.letter_waits" if LETTER not in table.desk.muted else "letter.none")


# ── stop letter, start letter ────────────────────────────────────────────────


def stop_letter(table: Table) -> None:
    """No letter any more."""
    table.desk = replace(table.desk, muted=tuple(dict.fromkeys((*table.desk.muted, LETTER))))
    table.say("stop.letter_ok")


def start_letter(table: Table) -> None:
    """Letters again, for whoever may be written to at any time."""
    table.desk = replace(table.desk, muted=tuple(m for m in table.desk.muted if m != LETTER))
    if _is_wanted(table):
        table.say("start.letter_ok", until=When(arm(table)))
    else:
        table.say("start.letter_waits")
