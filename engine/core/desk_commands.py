"""Commands: the bot's own words, what begins a workflow, and what some instance offers this person."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Alarm, Begin, Command, Heard, Pass, Release, Store, Withdraw
from engine.core.desk_own import offer_person
from engine.core.desk_private import OPEN, open_private
from engine.core.desk_table import HELLO, PERSON, TEXT_HELD_MS, Table
from engine.core.event import Commanded
from engine.core.message import Count, Message, Names, Phrase, Plain, Said, When
from engine.core.parcel import Shared
from engine.core.schedule import next_suitable_day
from engine.core.values import CircleId, InstanceId, Ref

UNKNOWN = "unknown"
"""The word of a command that was clearly meant as one, and that nobody knows."""
VIEWS = ("my", "who holds what", "what's on", "help")
PUBLIC_VIEWS = ("who holds what", "what's on")


def obey(table: Table, event: Heard, command: Command) -> None:
    """Do what a command says, or say kindly why not."""
    word = command.word
    if command.close_to is not None:
        table.say("unknown_command", close_to=Plain(command.close_to))
    elif word == UNKNOWN:
        table.say("unknown_command_plain")
    elif word in VIEWS:
        _show(table, event, word)
    elif word == PERSON:
        table.greet()
        offer_person(table)
    elif word in _OWN:
        _OWN[word](table, event, command)
    elif word in table.facts.begins:
        _begin(table, event, command)
    elif any(word in power.words for power in table.desk.powers.values()):
        _use_power(table, command)
    else:
        table.say("not_now")


def _show(table: Table, event: Heard, word: str) -> None:
    message = Message(view=word)
    if event.circle is not None and word in PUBLIC_VIEWS:
        table.put(message, "post", to=Shared(event.circle))
        return
    table.greet()
    table.put(message, "reply")


def _later(table: Table, event: Heard, command: Command) -> None:
    waiting = [p for p in table.waiting() if p.instance is not None]
    if event.target is not None:
        waiting = [p for p in waiting if p.row == event.target.row]
    if not waiting:
        table.say("later.nothing")
        return
    if len(waiting) > 1:
        table.say("which_one", n=Count(len(waiting)))
        return
    prompt = waiting[0]
    if table.desk.consent == "stopped":
        table.say("stop.already")  # nothing would be brought back
        return
    if prompt.put_off:
        table.say("later.again")
        return
    back_ms = next_suitable_day(table.desk.rhythm, table.facts.now_ms, prompt.closes_ms)
    if back_ms is None:
        table.say("later.too_late", until=When(prompt.closes_ms))
        return
    table.hush(prompt)
    table.keep(replace(prompt, put_off=True, reminder=None, rings_ms=back_ms))
    table.emit(Alarm(f"later:{prompt.row}", back_ms))
    table.say("later.ok", until=When(back_ms))


def _stop(table: Table, event: Heard, command: Command) -> None:
    already = table.desk.consent == "stopped"
    hello = table.by_ask(None, HELLO, 1)
    if hello is not None and not hello.sources and hello.row not in table.facts.delivered:
        # It asks what has just been said.
        table.remove(hello)
        table.emit(Withdraw(hello.row))
    table.fall_silent()
    table.desk = replace(table.desk, greeted=True)
    table.say("stop.already" if already else "stop.ok")


def _start(table: Table, event: Heard, command: Command) -> None:
    is_new = table.desk.consent == "unknown"
    rhythm = replace(table.desk.rhythm, paused_until_ms=0)
    table.desk = replace(table.desk, consent="yes", greeted=True, rhythm=rhythm)
    table.emit(Release())
    table.say("hello.thanks_yes" if is_new else "start.ok")


def _pause(table: Table, event: Heard, command: Command) -> None:
    until_ms = command.until_ms
    if until_ms is None or until_ms <= table.facts.now_ms:
        table.say("pause.when")
        return
    table.desk = replace(table.desk, rhythm=replace(table.desk.rhythm, paused_until_ms=until_ms))
    table.emit(Release())  # what waited for the end of a longer pause
    table.say("pause.ok", until=When(until_ms))


def _not_from(table: Table, event: Heard, command: Command) -> None:
    people = tuple(p for p in command.people if p != table.desk.person)
    if not people:
        table.say("not_from.whom")
        return
    desk = table.desk
    table.desk = replace(desk, not_from=tuple(dict.fromkeys((*desk.not_from, *people))))
    for prompt in desk.prompts:
        if prompt.starter in people:
            table.hush(prompt)
            table.withdraw(prompt)
    held_back = {letter.row for letter in desk.letters if letter.starter in people}
    for row in sorted(held_back):
        table.emit(Withdraw(row))
    boards = {key: row for key, row in desk.boards.items() if row not in held_back}
    letters = tuple(letter for letter in desk.letters if letter.row not in held_back)
    table.desk = replace(table.desk, boards=boards, letters=letters)
    table.say("not_from.ok", who=Names(people))


def _open(table: Table, event: Heard, command: Command) -> None:
    open_private(table)


_OWN = {
    "later": _later,
    "stop": _stop,
    "start": _start,
    "pause": _pause,
    "not from": _not_from,
    OPEN: _open,
}
OWN_WORDS = (*VIEWS, PERSON, *_OWN)
"""The bot's own words: they mean the same everywhere."""


def _begin(table: Table, event: Heard, command: Command) -> None:
    circle = _circle_for(table, event)
    if circle is None:
        return
    if table.desk.consent == "unknown":
        # Whoever begins something wishes to hear about it; anything more is theirs to say.
        table.desk = replace(table.desk, consent="when_invited")
    table.greet()
    if command.rest is not None:
        table.emit(Store(command.rest, table.facts.fresh_instance, table.facts.now_ms + TEXT_HELD_MS))
    table.emit(
        Begin(
            instance=table.facts.fresh_instance,
            workflow=table.facts.begins[command.word],
            circle=circle,
            people=tuple(p for p in command.people if p != table.desk.person),
            everyone=command.everyone,
            words=command.rest,
        )
    )


def _circle_for(table: Table, event: Heard) -> CircleId | None:
    if event.circle is not None:
        return event.circle
    if len(table.facts.circles) == 1:
        return table.facts.circles[0]
    table.say("which_circle" if table.facts.circles else "begin.no_circle")
    return None


def _use_power(table: Table, command: Command) -> None:
    word, nth = command.word, command.nth
    holding = [i for i, power in table.desk.powers.items() if word in power.words]
    if nth is None and len(holding) == 1:
        meant = holding[0]
    else:
        # A number means what it stood for when it was shown: the list may have become shorter since.
        listed = table.desk.listed.get(word, ())
        chosen = listed[nth - 1] if nth is not None and 1 <= nth <= len(listed) else None
        if chosen not in holding:
            _list_powers(table, word, holding)
            return
        meant = chosen
    table.emit(Pass(meant, Commanded(word, Ref(table.desk.person))))


def _list_powers(table: Table, word: str, holding: list[InstanceId]) -> None:
    lines = [Phrase("which_instance", slots={"word": Plain(word)})]
    for n, instance in enumerate(holding, 1):
        about = table.desk.powers[instance].about
        said = Said(about.key, about.digest, about.slots)
        lines.append(Phrase("which_instance.line", slots={"n": Count(n), "about": said}))
    table.greet()
    table.put(Message(lines=tuple(lines)), "reply")
    table.desk = replace(table.desk, listed={**table.desk.listed, word: tuple(holding)})
