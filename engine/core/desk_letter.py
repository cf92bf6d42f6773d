"""The weekly letter: once a week, on the person's own day, for whatever can wait (right 5)."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Alarm, Command, Gather, Heard
from engine.core.desk_table import SET_ANEW, Table
from engine.core.message import Count, Message, Phrase, When
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
    due_ms = next_letter(table.rhythm, table.desk.letter_weekday, table.facts.now_ms)
    table.desk = replace(table.desk, letter_ms=due_ms)
    table.emit(Alarm(LETTER, due_ms))
    return due_ms


def _is_wanted(table: Table) -> bool:
    desk = table.desk
    return desk.consent == "yes" and LETTER not in desk.muted and not desk.leaving


def ring_letter(table: Table, rang_ms: Ms | None) -> None:
    """Send the letter, if it would say anything to somebody who reads it; and in any case think of the next.

    With it comes, without a sound, what has waited for the budget: each a message of its own, to be answered by
    itself. ``rang_ms``: which moment rang, if that is known; of one week only one letter comes, whoever rings again.
    """
    desk = table.desk
    if rang_ms not in (None, desk.letter_ms):
        table.ignore(SET_ANEW)
        return
    if not _is_wanted(table):
        table.desk = replace(desk, letter_ms=None)
        table.ignore("no letters wished for")
        return
    arm(table)
    now_ms = table.facts.now_ms
    if now_ms < desk.own_rhythm.paused_until_ms:
        table.ignore("paused")
    elif desk.silent_letters >= MOST_SILENT:
        table.ignore("quiet until they write")
    elif not table.facts.news and not _held_back(table):
        table.ignore("nothing to tell")
    else:
        _send_letter(table)


def _send_letter(table: Table) -> None:
    held_back, silent = _held_back(table), table.desk.silent_letters + 1
    table.desk = replace(table.desk, silent_letters=silent)
    foot: tuple[Phrase, ...] = (Phrase("letter.goodbye"),) if silent == MOST_SILENT else ()
    if held_back:
        foot = (Phrase("weekly.with_it", slots={"n": Count(held_back)}), *foot)
    message = Message(view=LETTER, footer=foot)
    if not table.facts.news:
        message = Message(lines=(Phrase("weekly.head"),), footer=foot)
    table.greet()
    useful_until_ms = table.facts.now_ms + USEFUL_MS
    table.put(message, "quiet", useful_until_ms=useful_until_ms, personal=False)
    if held_back:
        table.emit(Gather(_spared(table)))


def _held_back(table: Table) -> int:
    """How many questions would come with a letter now: those that are not in the room yet, but for the one that the
    budget has room for.
    """
    desk, facts = table.desk, table.facts
    waiting = [
        prompt
        for prompt in desk.prompts
        if prompt.instance is not None
        and not (prompt.shared or prompt.sources or prompt.set_aside)
        and prompt.closes_ms > facts.now_ms
        and prompt.row not in facts.delivered
        and prompt.knock not in facts.delivered
    ]
    return max(0, len(waiting) - _spared(table))


def _spared(table: Table) -> int:
    return 1 if table.facts.has_budget else 0


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
