"""What is known of a person, and what becomes of it: theirs to see, to take along, to show and to end (right 11)."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Command, Forget, Heard, Prompt, Release, Source, Withdraw
from engine.core.desk_hide import note
from engine.core.desk_table import EXPORT, FORGET, Table, target_of
from engine.core.message import Count, Message, Option, Phrase
from engine.core.parcel import Shared
from engine.core.values import HOUR_MS, InstanceId

KNOW = "what do you know about me"
CARRIED, CARRIED_BY = "what i carried", "what they carried"
SHOW, KEEP = "show", "keep to myself"
WITH, WITHOUT = "with", "without"
GO, STAY = "forget", "stay"
GOING = {GO: "forget.yes", STAY: "forget.stay"}
TAKING = {WITH: "export.with", WITHOUT: "export.without"}
"""The choices of these two questions, and what they say."""
PLAIN_NO = {FORGET: STAY, EXPORT: WITHOUT}
"""What a plain no means there."""
DECIDES_WITHIN_MS = HOUR_MS
"""How long *yes, forget me* means that: nobody is erased by what they write the next day."""
MOST_SHOWN = 500
"""Lines that one person shows; of more, the oldest are their own again."""


# ── what is known ────────────────────────────────────────────────────────────


def tell_what_is_known(table: Table, event: Heard) -> None:
    """Show a person everything about them; ``hide`` takes it back from the room."""
    table.greet()
    row = table.put(Message(view="know"), "reply")
    note(table, KNOW, rows=(row,), events=_events(event))


def ask_about_export(table: Table, event: Heard) -> None:
    """Ask whether the file is to hold what they wrote only for themselves."""
    prompt = _ask(table, EXPORT, "export.ask", TAKING)
    note(table, EXPORT, rows=(prompt.row,), events=_events(event))


def answer_export(table: Table, prompt: Prompt, source: Source) -> None:
    """Send the file."""
    table.remove(prompt)
    document = "export with reflections" if source.choice == WITH else "export"
    row = table.put(Message(lines=(Phrase("export.here"),)), "reply", document=document)
    note(table, EXPORT, rows=(row,))


# ── to be forgotten ──────────────────────────────────────────────────────────


def ask_about_forgetting(table: Table, event: Heard) -> None:
    """Say what goes and what stays, and ask whether that is meant."""
    prompt = _ask(table, FORGET, "forget.ask", GOING)
    note(table, FORGET, rows=(prompt.row,), events=_events(event))


def answer_forgetting(table: Table, prompt: Prompt, source: Source) -> None:
    """From a yes on, nothing is taken in here any more; what still waits to be sent is dropped."""
    table.remove(prompt)
    if source.choice != GO:
        note(table, FORGET, rows=(table.say("forget.stayed"),))
        return
    if source.at_ms >= prompt.closes_ms:
        # They read it long ago: what goes and what stays is said again before anything does.
        _ask(table, FORGET, "forget.ask", GOING)
        return
    for lying in table.desk.prompts:
        if not lying.shared:
            table.hush(lying)
            table.withdraw(lying)
    for letter in table.desk.letters:
        table.emit(Withdraw(letter.row))
    table.fall_silent()
    table.desk = replace(table.desk, prompts=(), powers={}, letters=(), private=(), leaving=True)
    table.emit(Forget())
    table.emit(Release())


def let_stay(table: Table) -> None:
    """Whoever does something else first is asked once more: a stray number must not erase anybody."""
    asked = table.by_ask(None, FORGET, 1)
    if asked is not None:
        table.remove(asked)


def _ask(table: Table, ask: str, key: str, choices: dict[str, str]) -> Prompt:
    """One of the bot's own questions, answered in words or by number; the newest takes the place of an older one."""
    table.greet()
    older = table.by_ask(None, ask, 1)
    if older is not None:
        table.remove(older)
    options = tuple(Option(choice, "", Phrase(label)) for choice, label in choices.items())
    message = Message(lines=(Phrase(key),), options=options, sensitive=True)
    closes_ms = table.facts.now_ms + DECIDES_WITHIN_MS
    prompt = table.own_prompt(ask, tuple((choice, "") for choice in choices), message, closes_ms)
    table.put(message, "reply", target=target_of(prompt), row=prompt.row)
    table.keep(prompt)
    return prompt


def _events(event: Heard) -> tuple[str, ...]:
    """What they wrote, if it stands in their own room."""
    return (event.event_id,) if event.circle is None else ()


# ── what they carried ────────────────────────────────────────────────────────


def show_carried(table: Table, event: Heard, command: Command) -> None:
    """Show a person what they carried, numbered, so that each line can be shown or kept."""
    _list(table, event, Message(view=CARRIED))


def _list(table: Table, event: Heard, message: Message) -> None:
    table.greet()
    row = table.put(message, "reply")
    note(table, CARRIED, rows=(row,), events=_events(event))
    table.desk = replace(table.desk, listed={**table.desk.listed, CARRIED: table.facts.carried})


def show_line(table: Table, event: Heard, command: Command) -> None:
    """Let the circle see one line of what they carried."""
    meant = _line(table, event, command, "show.which")
    if meant is None:
        return
    n, instance = meant
    shown = (*(i for i in table.desk.shown if i != instance), instance)
    table.desk = replace(table.desk, shown=shown[-MOST_SHOWN:])
    table.say("show.ok", n=Count(n))


def keep_line(table: Table, event: Heard, command: Command) -> None:
    """Let nobody else see one line of what they carried."""
    meant = _line(table, event, command, "keep.which")
    if meant is None:
        return
    table.desk = replace(table.desk, shown=tuple(i for i in table.desk.shown if i != meant[1]))
    table.say("keep.ok")


def _line(table: Table, event: Heard, command: Command, which: str) -> tuple[int, InstanceId] | None:
    """Which line a number means: what stood there when it was shown last, if it still stands anywhere."""
    carried, nth = table.facts.carried, command.nth
    listed = table.desk.listed.get(CARRIED, ())
    if nth is None and len(carried) == 1 and listed in ((), carried):
        return 1, carried[0]
    if nth is not None and 1 <= nth <= len(listed) and listed[nth - 1] in carried:
        return nth, listed[nth - 1]
    if not carried:
        table.say("carried.nothing")
        return None
    _list(table, event, Message(lines=(Phrase(which),), view=CARRIED))
    return None


def show_carried_by(table: Table, event: Heard, command: Command) -> None:
    """Show what somebody lets the circle see of what they carried."""
    if len(command.people) != 1:
        table.say("carried.whom")
        return
    message = Message(view=f"carried by:{command.people[0]}")
    if event.circle is not None:
        table.put(message, "post", to=Shared(event.circle))
        return
    table.greet()
    table.put(message, "reply")
