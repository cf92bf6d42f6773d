"""Commands: the bot's own words, what begins a workflow, and what some instance offers this person."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from engine.core.desk import Alarm, Command, Heard, Pass, Prompt, Release, Withdraw
from engine.core.desk_asking import want_again
from engine.core.desk_hide import hide, note
from engine.core.desk_letter import LETTER, set_letter_day, start_letter, stop_letter
from engine.core.desk_person import offer_person
from engine.core.desk_practice import (
    LEAVE_OFF,
    TRY,
    begin,
    leave_off,
    say_it_rests,
    say_not_in_use,
    title_of,
    try_out,
)
from engine.core.desk_private import OPEN, open_private
from engine.core.desk_reading import IT_IS_ME, say_it_is_them
from engine.core.desk_rhythm import (
    NO_QUIET_HOURS,
    QUIET_HOURS,
    SETTINGS,
    TIME_ZONE,
    lift_quiet_hours,
    set_quiet_hours,
    set_time_zone,
)
from engine.core.desk_rights import (
    CARRIED,
    CARRIED_BY,
    KEEP,
    KNOW,
    SHOW,
    ask_about_export,
    ask_about_forgetting,
    keep_line,
    let_stay,
    show_carried,
    show_carried_by,
    show_line,
    tell_what_is_known,
)
from engine.core.desk_table import EXPORT, FORGET, HELLO, PERSON, Table
from engine.core.desk_which import ask_which
from engine.core.event import Commanded
from engine.core.message import Count, Message, Names, Phrase, Plain, Said, When
from engine.core.parcel import Shared
from engine.core.schedule import next_suitable_day
from engine.core.values import InstanceId, Ref

UNKNOWN = "unknown"
"""The word of a command that was clearly meant as one, and that nobody knows."""
VIEWS = ("my", "my people", "who holds what", "what's on", "help", "trust", SETTINGS)
PUBLIC_VIEWS = ("who holds what", "what's on", "trust")
HIDE = "hide"
AGAIN_FROM = "again from"
PRIVATE_WORDS = frozenset(
    (
        "my",
        "my people",
        SETTINGS,
        CARRIED,
        SHOW,
        KEEP,
        PERSON,
        OPEN,
        HIDE,
        KNOW,
        EXPORT,
        FORGET,
        "not from",
        AGAIN_FROM,
    )
)
"""Typed in a shared room, they are taken back there, and it goes on one to one."""
NOT_NOW = (HIDE, PERSON, "stop", "pause", "later", "not from")
"""Whoever writes one of these turns away from the private matter that lay before them."""


def obey(table: Table, event: Heard, command: Command) -> None:
    """Do what a command says, or say kindly why not."""
    word = command.word
    if word != FORGET:
        let_stay(table)
    if word in NOT_NOW:
        table.leave_alone()
    if event.circle is not None and _is_private(table, word):
        table.go_private(event.event_id, event.circle)
    if command.close_to is not None:
        table.say("unknown_command", close_to=Plain(command.close_to))
    elif word == UNKNOWN:
        table.say("unknown_command_plain")
    elif word in VIEWS:
        _show(table, event, word)
    elif word in _OWN:
        _OWN[word](table, event, command)
    elif word in table.facts.begins:
        begin(table, event, command)
    elif any(word in power.words for power in table.desk.powers.values()):
        _use_power(table, event, command)
    elif word in table.facts.could_begin:
        say_not_in_use(table, command)
    elif word in table.facts.resting:
        say_it_rests(table, event, command)
    else:
        table.say("not_now")


def _is_private(table: Table, word: str) -> bool:
    """Whether a word says something of whoever writes it that is not for a shared room (right 15)."""
    facts = table.facts
    begun = facts.begins.get(word) or facts.could_begin.get(word) or facts.resting.get(word)
    powers = (power for power in table.desk.powers.values() if word in power.words)
    return word in PRIVATE_WORDS or begun in facts.discreet or any(power.discreet for power in powers)


def _show(table: Table, event: Heard, word: str) -> None:
    message = Message(view=word)
    if event.circle is not None and word in PUBLIC_VIEWS:
        table.put(message, "post", to=Shared(event.circle))
        return
    table.greet()
    row = table.put(message, "reply")
    if word in PRIVATE_WORDS:
        events = (event.event_id,) if event.circle is None else ()
        note(table, word, rows=(row,), events=events)


def _later(table: Table, event: Heard, command: Command) -> None:
    waiting = [p for p in table.waiting() if p.instance is not None]
    if event.target is not None:
        waiting = [p for p in waiting if p.row == event.target.row]
    if not waiting:
        table.say("later.nothing")
        return
    if len(waiting) > 1:
        ask_which(table, event, waiting, [None] * len(waiting), later=True)
        return
    put_off(table, waiting[0])


def put_off(table: Table, prompt: Prompt) -> None:
    """Bring a question back once, on another day; or say kindly why not."""
    if table.desk.consent == "stopped":
        table.say("stop.already")  # nothing would be brought back
        return
    if prompt.put_off:
        table.say("later.again")
        return
    back_ms = next_suitable_day(table.rhythm, table.facts.now_ms, prompt.closes_ms)
    if back_ms is None:
        table.say("later.too_late", until=When(prompt.closes_ms))
        return
    table.hush(prompt)
    table.keep(replace(prompt, put_off=True, reminder=None, rings_ms=back_ms))
    table.emit(Alarm(f"later:{prompt.row}", back_ms))
    table.say("later.ok", until=When(back_ms))


def _stop(table: Table, event: Heard, command: Command) -> None:
    if command.workflow is not None:
        _stop_one(table, command.workflow)
        return
    already = table.desk.consent == "stopped"
    hello = table.by_ask(None, HELLO, 1)
    if hello is not None and not hello.sources and hello.row not in table.facts.delivered:
        # It asks what has just been said.
        table.remove(hello)
        table.emit(Withdraw(hello.row))
    table.fall_silent()
    table.desk = replace(table.desk, greeted=True)
    table.say("stop.already" if already else "stop.ok")


def _stop_one(table: Table, workflow: str) -> None:
    """Nothing more of one workflow; what it has asked is set aside, which looks like silence to others."""
    if workflow == LETTER:
        stop_letter(table)
        return
    table.desk = replace(table.desk, muted=tuple(dict.fromkeys((*table.desk.muted, workflow))))
    for prompt in table.desk.prompts:
        if prompt.workflow == workflow and not prompt.shared:
            table.hush(prompt)
            table.withdraw(prompt)
            table.keep(replace(prompt, set_aside=True))
    table.say("stop.workflow_ok", title=title_of(table, workflow))


def _start(table: Table, event: Heard, command: Command) -> None:
    if command.workflow is not None:
        _start_one(table, command.workflow)
        return
    is_new = table.desk.consent == "unknown"
    own = replace(table.desk.own_rhythm, paused_until_ms=0)
    table.desk = replace(table.desk, consent="yes", greeted=True, own_rhythm=own)
    table.emit(Release())
    table.say("hello.thanks_yes" if is_new else "start.ok")


def _start_one(table: Table, workflow: str) -> None:
    if workflow == LETTER:
        start_letter(table)
        return
    table.desk = replace(table.desk, muted=tuple(m for m in table.desk.muted if m != workflow))
    for prompt in table.desk.prompts:
        if prompt.workflow == workflow and prompt.starter not in table.desk.not_from:
            want_again(table, prompt)
    key = "start.workflow_stopped" if table.desk.consent == "stopped" else "start.workflow_ok"
    table.say(key, title=title_of(table, workflow))


def _speak(table: Table, event: Heard, command: Command) -> None:
    if command.language is None:
        table.say("language.which")
        return
    table.desk = replace(table.desk, language=command.language)
    table.say("language.ok")  # said in that language already: words are found when it is sent


def _pause(table: Table, event: Heard, command: Command) -> None:
    until_ms = command.until_ms
    if until_ms is None or until_ms <= table.facts.now_ms:
        table.say("pause.when")
        return
    own = replace(table.desk.own_rhythm, paused_until_ms=until_ms)
    table.desk = replace(table.desk, own_rhythm=own)
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
            table.keep(replace(prompt, set_aside=True))
    held_back = {letter.row for letter in desk.letters if letter.starter in people}
    for row in sorted(held_back):
        table.emit(Withdraw(row))
    boards = {key: row for key, row in desk.boards.items() if row not in held_back}
    letters = tuple(letter for letter in desk.letters if letter.row not in held_back)
    called_by = tuple(p for p in desk.called_by if p not in people)
    table.desk = replace(table.desk, boards=boards, letters=letters, called_by=called_by)
    table.say("not_from.ok", who=Names(people))


def _again_from(table: Table, event: Heard, command: Command) -> None:
    """What these people start comes again; what of theirs is open still comes too, or may be answered."""
    if not command.people:
        table.say("again_from.whom")
        return
    desk = table.desk
    back = tuple(person for person in desk.not_from if person in command.people)
    if not back:
        table.say("again_from.nothing", who=Names(command.people))
        return
    table.desk = replace(desk, not_from=tuple(person for person in desk.not_from if person not in back))
    for prompt in desk.prompts:
        if prompt.starter in back and prompt.workflow not in desk.muted:
            want_again(table, prompt)
    table.say("again_from.ok", who=Names(back))


def _person(table: Table, event: Heard) -> None:
    table.greet()
    offer_person(table, event)


_OWN: dict[str, Callable[[Table, Heard, Command], None]] = {
    "later": _later,
    "stop": _stop,
    "start": _start,
    "pause": _pause,
    "not from": _not_from,
    AGAIN_FROM: _again_from,
    "language": _speak,
    TIME_ZONE: set_time_zone,
    QUIET_HOURS: set_quiet_hours,
    NO_QUIET_HOURS: lift_quiet_hours,
    LETTER: set_letter_day,
    PERSON: lambda table, event, command: _person(table, event),
    OPEN: lambda table, event, command: open_private(table, event),
    HIDE: lambda table, event, command: hide(table, event),
    KNOW: lambda table, event, command: tell_what_is_known(table, event),
    EXPORT: lambda table, event, command: ask_about_export(table, event),
    FORGET: lambda table, event, command: ask_about_forgetting(table, event),
    CARRIED: show_carried,
    CARRIED_BY: show_carried_by,
    SHOW: show_line,
    KEEP: keep_line,
    TRY: try_out,
    LEAVE_OFF: leave_off,
    IT_IS_ME: say_it_is_them,
}
OWN_WORDS = (*VIEWS, *_OWN)
"""The bot's own words: they mean the same everywhere."""


def _use_power(table: Table, event: Heard, command: Command) -> None:
    word, nth = command.word, command.nth
    holding = [i for i, power in table.desk.powers.items() if word in power.words]
    known = [i for i in holding if not table.desk.powers[i].unbidden or _lies_before(table, i)]
    if event.target is not None and event.target.instance in holding:
        meant = event.target.instance
    elif nth is None and len(known or holding) == 1:
        (meant,) = known or holding
    else:
        # A number means what it stood for when it was shown: the list may have become shorter since.
        listed = table.desk.listed.get(word, ())
        chosen = listed[nth - 1] if nth is not None and 1 <= nth <= len(listed) else None
        if chosen not in holding:
            _list_powers(table, word, known or holding)
            return
        meant = chosen
    table.say_where_it_goes_on()
    table.emit(Pass(meant, Commanded(word, Ref(table.desk.person))))


def _lies_before(table: Table, instance: InstanceId) -> bool:
    """Whether something of an instance has been put to the person lately: they know then that it is there."""
    desk, delivered = table.desk, table.facts.delivered
    asked = any(
        prompt.instance == instance and (prompt.row in delivered or prompt.knock in delivered)
        for prompt in desk.prompts
    )
    shown = any(key.partition("/")[0] == instance for key in desk.boards)
    return asked or shown or any(exchange.instance == instance for exchange in desk.private)


def _list_powers(table: Table, word: str, holding: list[InstanceId]) -> None:
    lines = [Phrase("which_instance", slots={"word": Plain(word)})]
    for n, instance in enumerate(holding, 1):
        about = table.desk.powers[instance].about
        said = Said(about.key, about.digest, about.slots)
        lines.append(Phrase("which_instance.line", slots={"n": Count(n), "about": said}))
    table.greet()
    table.put(Message(lines=tuple(lines)), "reply")
    table.desk = replace(table.desk, listed={**table.desk.listed, word: tuple(holding)})
