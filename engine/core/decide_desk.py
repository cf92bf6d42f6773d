"""Deciding at a desk: what a person's message answers, what is put to them, and what is kept from them.

Pure and synchronous, like ``decide``. An instance never learns that something was kept from a
person: to it, that is silence.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core.desk import (
    Alarm,
    Arrived,
    Asked,
    Boarded,
    Called,
    CallTaken,
    Compared,
    Comparing,
    Confirmed,
    Desk,
    DeskDecision,
    DeskEvent,
    DeskFacts,
    Empowered,
    Errand,
    Estranged,
    Heard,
    Helped,
    Power,
    Prompt,
    Rang,
    Readable,
    Recognized,
    Refused,
    Release,
    Reopened,
    Reworded,
    Settled,
    TakenBack,
    Tapped,
    Ticked,
    Told,
    Unreadable,
)
from engine.core.desk_asking import put_question
from engine.core.desk_comparing import say_how_it_ended, show_own_side
from engine.core.desk_errand import run_errand
from engine.core.desk_hearing import hear, reword, take_back, tap, tick
from engine.core.desk_hide import note_told
from engine.core.desk_letter import (
    LETTER,
    MOST_UNANSWERED,
    keep_letter_coming,
    note_sign_of_life,
    ring_letter,
)
from engine.core.desk_own import show_understood
from engine.core.desk_person import hear_call, hear_call_taken, offer_person, ring_call
from engine.core.desk_polls import end_poll
from engine.core.desk_private import again_as, is_alone_with, knock, knock_again, show_at_once, unmarked
from engine.core.desk_reading import (
    find_readable,
    keep_nothing_secret_from_strangers,
    meet_stranger,
    miss,
    recognize,
)
from engine.core.desk_table import CALL, FOREVER_MS, SET_ANEW, Table, plain_emoji, plain_yes, target_of
from engine.core.message import Count, Message, Phrase, When
from engine.core.parcel import CALENDAR, Urgency
from engine.core.schedule import LEAST_LEFT_MS, calm_moment, reminder_moment
from engine.core.values import DAY_MS, PersonId, RowId

__all__ = ["decide_desk", "plain_emoji", "plain_yes"]

LEAVING = "being forgotten"
BOARD_WAITS_MS = 60 * DAY_MS
MOST_BOARDS = 200
"""Messages kept up to date for one person; of one beyond that, the oldest begins anew as a new message."""


def decide_desk(desk: Desk, event: DeskEvent, facts: DeskFacts) -> DeskDecision:
    """Decide one event at one desk: a new desk, and what follows from it."""
    if desk.leaving:
        return DeskDecision(desk, (), LEAVING)
    spoken = isinstance(event, Heard | Unreadable)
    table = Table(desk, facts, spoken=spoken)
    _take(table, event)
    if isinstance(event, Heard | Tapped | Ticked | Arrived) and not (table.is_ignored and _in_a_room(event)):
        note_sign_of_life(table)
        if _in_a_room(event):
            table.leave_alone()
    keep_letter_coming(table)
    keep_nothing_secret_from_strangers(table, spoken=spoken)
    return table.close()


def _in_a_room(event: Heard | Tapped | Ticked | Arrived) -> bool:
    """Whether it was said in a shared room, where what is not for the bot is nothing it goes by."""
    return not isinstance(event, Arrived) and event.circle is not None


def _take(table: Table, event: DeskEvent) -> None:
    match event:
        case Heard():
            hear(table, event)
        case Tapped():
            tap(table, event)
        case Ticked():
            tick(table, event)
        case Reworded():
            reword(table, event)
        case TakenBack():
            take_back(table, event)
        case Arrived():
            table.emit(Release())
        case Refused():
            table.fall_silent()
        case Asked():
            _ask(table, event)
        case Settled():
            _settle(table, event)
        case Reopened():
            _reopen(table, event)
        case Confirmed():
            _confirm(table, event)
        case Told():
            _tell(table, event)
        case Boarded():
            _board(table, event)
        case Empowered():
            _empower(table, event)
        case Helped():
            _show_help(table, event)
        case Called():
            hear_call(table, event)
        case CallTaken():
            hear_call_taken(table, event)
        case Rang():
            _ring(table, event)
        case Errand():
            run_errand(table, event)
        case Unreadable():
            miss(table, event)
        case Readable():
            find_readable(table, event)
        case Estranged():
            meet_stranger(table, event)
        case Recognized():
            recognize(table)
        case Comparing():
            show_own_side(table, event)
        case Compared():
            say_how_it_ended(table, event)
        case _:
            assert_never(event)


# ── what instances want of the person ────────────────────────────────────────


def _kept_away(table: Table, starter: PersonId, urgency: Urgency) -> str | None:
    """Why something that an instance sends is not put to this person; to the instance it is silence."""
    if urgency == "reply":
        return None
    if starter in table.desk.not_from:
        return "not from this person"
    return "asked not to be written to" if table.desk.consent == "stopped" else None


def _ask(table: Table, event: Asked) -> None:
    why = _kept_away(table, event.starter, event.urgency)
    if why is None and event.workflow in table.desk.muted and event.urgency != "reply":
        why = "not from this workflow"
    if why is None and not event.personal and table.desk.consent == "when_invited":
        why = "only when someone invites them"
    if why is not None:
        table.ignore(why)
        return
    if table.is_full():
        _say_it_is_full(table)
        return
    table.greet()
    row = table.new_row()
    remind_ms = reminder_moment(table.rhythm, table.facts.now_ms, event.closes_ms)
    message = unmarked(event.message) if event.sensitive else event.message
    urgency, reminds = event.urgency, event.reminds
    if urgency == "timely" and table.desk.unanswered >= MOST_UNANSWERED:
        # It lies there for whoever looks, and the weekly letter names it.
        urgency, reminds, message = "quiet", False, replace(message, mention=False)
    prompt = Prompt(
        row=row,
        instance=event.instance,
        ask=event.ask,
        round=event.round,
        choices=tuple((o.id, o.emoji) for o in message.options),
        expects=event.expects,
        words=event.words,
        closes_ms=event.closes_ms,
        changeable_ms=event.changeable_ms,
        message=message,
        optional=event.optional,
        question_to=event.question_to,
        starter=event.starter,
        rings_ms=remind_ms if reminds else None,
        workflow=event.workflow,
    )
    if event.sensitive:
        if urgency == "reply" and is_alone_with(table, event.instance):
            show_at_once(table, prompt)
        else:
            knock(table, prompt, urgency, personal=event.personal)
        return
    if urgency == "reply" and not is_alone_with(table, event.instance):
        # They have said something elsewhere since: what they write now answers this.
        table.leave_alone()
    put_question(table, prompt, urgency, personal=event.personal)


def _say_it_is_full(table: Table) -> None:
    """No more questions are put to this person; they hear that once a day, and it asks nothing of them."""
    table.reach("questions_per_person")
    now_ms = table.facts.now_ms
    if now_ms - table.desk.told_full_ms < DAY_MS:
        return
    table.desk = replace(table.desk, told_full_ms=now_ms)
    n = Count(table.facts.limits.questions_per_person)
    line = Phrase("limit.questions", slots={"n": n})
    table.put(Message(lines=(line,)), "quiet", useful_until_ms=now_ms + DAY_MS)


def _settle(table: Table, event: Settled) -> None:
    prompt = table.by_ask(event.instance, event.ask, event.round)
    if prompt is None:
        table.ignore("nothing lay here of that")
        return
    table.remove(prompt)
    table.hush(prompt)
    end_poll(table, prompt)
    if not prompt.shared:
        table.withdraw(prompt)
    if _went_unanswered(table, prompt):
        table.desk = replace(table.desk, unanswered=min(table.desk.unanswered + 1, MOST_UNANSWERED))


def _went_unanswered(table: Table, prompt: Prompt) -> bool:
    """Whether a question of somebody else's lay before this person until it closed, and they left it (right 5)."""
    desk, facts = table.desk, table.facts
    seen = (prompt.knock or prompt.row) in facts.delivered and facts.now_ms >= desk.own_rhythm.paused_until_ms
    others = not prompt.shared and not prompt.set_aside and prompt.starter != desk.person
    return seen and others and not prompt.sources and facts.now_ms >= prompt.closes_ms


def _reopen(table: Table, event: Reopened) -> None:
    prompt = table.by_ask(event.instance, event.ask, event.round)
    if prompt is None or not prompt.sources:
        table.ignore("nothing lay here of that")
        return
    changed = replace(prompt, sources=prompt.sources[:-1])
    table.keep(changed)
    table.await_answer(changed)


def _confirm(table: Table, event: Confirmed) -> None:
    prompt = table.by_ask(event.instance, event.ask, event.round)
    if prompt is None or prompt.shared:
        table.ignore("seen in the room itself" if prompt else "nothing lay here of that")
        return
    show_understood(table, prompt, event.line)


def _tell(table: Table, event: Told) -> None:
    why = _kept_away(table, event.starter, event.urgency)
    if why is not None:
        table.ignore(why)
        return
    table.greet()
    about = event.instance or None
    # A date is told in words, and its file carries them.
    document = CALENDAR if event.message.occasion is not None else None
    row = table.put(
        event.message, event.urgency, useful_until_ms=event.useful_until_ms, about=about, document=document
    )
    note_told(table, event.instance, row)
    if event.urgency != "reply":
        until_ms = event.useful_until_ms
        table.note_letter(
            row, event.starter, table.facts.now_ms + FOREVER_MS if until_ms is None else until_ms
        )


def _board(table: Table, event: Boarded) -> None:
    why = _kept_away(table, event.starter, "quiet")
    if why is not None:
        table.ignore(why)
        return
    key = f"{event.instance}/{event.board}"
    row = table.desk.boards.get(key)
    if row is not None:
        table.put(event.message, "quiet", edits=row, about=event.instance)
        return
    table.greet()
    row = table.put(event.message, event.urgency, about=event.instance)
    newest = list(table.desk.boards.items())[-(MOST_BOARDS - 1) :]
    table.desk = replace(table.desk, boards={**dict(newest), key: row})
    table.note_letter(row, event.starter, table.facts.now_ms + BOARD_WAITS_MS)


def _empower(table: Table, event: Empowered) -> None:
    # Changed in place, so that "the second one" stays the second one.
    power = Power(event.words, event.about, event.discreet, event.unbidden)
    powers = {**table.desk.powers, event.instance: power}
    if not event.words:
        del powers[event.instance]
    table.desk = replace(table.desk, powers=powers)


def _show_help(table: Table, event: Helped) -> None:
    # It is asked of nobody who wants nothing from here: ``person`` is theirs to write at any time. But whoever has
    # just said there that they were hurt is answered.
    just_said = is_alone_with(table, event.instance)
    why = None if just_said else _kept_away(table, event.starter, "safety")
    if why is not None:
        table.ignore(why)
        return
    table.greet()
    offer_person(table)


def _ring(table: Table, event: Rang) -> None:
    kind, _, row = event.alarm.partition(":")
    if event.alarm == LETTER:
        ring_letter(table, event.due_ms)
        return
    if event.alarm.startswith(CALL):
        ring_call(table, PersonId(event.alarm.removeprefix(CALL)), event.due_ms)
        return
    prompt = table.by_row(RowId(row))
    if prompt is None or prompt.sources:
        table.ignore("answered or over")
    elif prompt.set_aside:
        table.ignore("set aside")
    elif kind == "remind" and prompt.put_off:
        table.ignore("put off until another day")
    elif prompt.reminder is not None:
        table.ignore("reminded already")
    elif event.due_ms is not None and prompt.rings_ms not in (None, event.due_ms):
        table.ignore(SET_ANEW)
    elif (prompt.knock or prompt.row) not in table.facts.delivered:
        table.ignore("not in the room yet")
    else:
        _remind_in_calm(table, event, prompt)


def _remind_in_calm(table: Table, event: Rang, prompt: Prompt) -> None:
    """Remind now, or where too little time has passed since another reminder, or it is night, a while later.

    After an outage many come due at once: they are spread, and those that would come too late are left out.
    """
    now_ms = table.facts.now_ms
    calm_ms = calm_moment(table.rhythm, table.desk.reminded_ms, now_ms)
    if prompt.closes_ms - calm_ms < LEAST_LEFT_MS:
        table.ignore("too late for a reminder")
        return
    if calm_ms > now_ms:
        table.keep(replace(prompt, rings_ms=calm_ms))
        table.emit(Alarm(event.alarm, calm_ms))
        return
    table.desk = replace(table.desk, reminded_ms=now_ms)
    if prompt.message.sensitive:
        knock_again(table, prompt)
    else:
        _remind(table, prompt)


def _remind(table: Table, prompt: Prompt) -> None:
    """Remind once; a tap on the reminder, or a reply to it, answers the question itself."""
    line = Phrase("reminder", slots={"until": When(prompt.closes_ms)})
    message = Message(lines=(line,), mention=True)
    if prompt.hidden:  # there is nothing left in the room to reply to
        message = replace(prompt.message, footer=(line,))
    row = table.put(
        message,
        again_as(prompt),
        target=target_of(prompt),
        replies=None if prompt.hidden else prompt.row,
        useful_until_ms=prompt.closes_ms - LEAST_LEFT_MS,
        about=prompt.instance,
    )
    table.keep(replace(prompt, reminder=row))
