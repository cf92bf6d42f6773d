"""The bot's own questions: may it write to this person, and whatever they asked of it themselves."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Prompt, Release, Source
from engine.core.desk_hide import note_shown
from engine.core.desk_person import answer_call, answer_person
from engine.core.desk_practice import begin_where
from engine.core.desk_rights import answer_export, answer_forgetting
from engine.core.desk_table import CALL, CIRCLE, EXPORT, FORGET, HELLO, HELLO_CHOICES, PERSON, Table
from engine.core.message import Message, Phrase

ASKED_FOR = (PERSON, EXPORT, CIRCLE)
"""What the person has just asked for themselves: a number alone is meant for it, if it came last. To be forgotten
is not among them: where a number might as well answer another question, they say which.
"""


def answer_own(table: Table, prompt: Prompt, source: Source) -> None:
    """Take an answer to one of the bot's own questions."""
    if prompt.ask == HELLO:
        _answer_hello(table, prompt, source)
    elif prompt.ask == EXPORT:
        answer_export(table, prompt, source)
    elif prompt.ask == CIRCLE:
        begin_where(table, prompt, source)
    elif prompt.ask == FORGET:
        answer_forgetting(table, prompt, source)
    elif prompt.ask.startswith(CALL):
        answer_call(table, prompt)
    else:
        answer_person(table, prompt, source)


def _answer_hello(table: Table, prompt: Prompt, source: Source) -> None:
    for choice, _, consent in HELLO_CHOICES:
        if choice == source.choice:
            if consent == "stopped":
                table.fall_silent()
            else:
                table.desk = replace(table.desk, consent=consent)
            table.keep(replace(prompt, sources=(source,)))
            show_understood(table, prompt, Phrase(f"hello.thanks_{choice}"))
            table.emit(Release())
            return
    table.say("need_choice")


def show_understood(table: Table, prompt: Prompt, line: Phrase) -> None:
    """Show, once per answer, what was understood: by an edit, which makes no sound."""
    if prompt.hidden:
        row = table.put(Message(lines=(line,)), "reply", about=prompt.instance)
    else:
        message = replace(prompt.message, footer=(line,), mention=False)
        row = table.put(message, "reply", edits=prompt.row, about=prompt.instance)
    note_shown(table, prompt, row)
