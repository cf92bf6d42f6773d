"""``person``: whom to tell that somebody would like to talk, and that they are heard (right 14).

Nothing is sent to anyone without the member's own choice, and nothing but that they would like to talk. Whoever the
matter may be about learns nothing: they are not in the list, and no message, view or count of it goes anywhere else.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from engine.core.desk import Alarm, Call, Called, CallTaken, Heard, Inform, Prompt, Source, Withdraw
from engine.core.desk_hide import note
from engine.core.desk_private import knock
from engine.core.desk_table import CALL, PERSON, SET_ANEW, Table, target_of
from engine.core.message import AnySlot, Message, Names, Option, Phrase
from engine.core.values import DAY_MS, HOUR_MS, WEEK_MS, Ms, PersonId, RowId

CONTACT = "contact:"
OUTSIDE, NOBODY = "outside", "nobody"
WRITE = "write"
HEARD_WITHIN_MS = DAY_MS
"""How long an acknowledgement is waited for."""
SAME_CALL_MS = HOUR_MS
"""Choosing the same contact again within this time is the same call: it may be a second tap."""
CALLS_KEPT_MS = 30 * DAY_MS
MOST_CALLS = 50
"""Calls, of either side, that one desk remembers."""


# ── the member's side ────────────────────────────────────────────────────────


def offer_person(table: Table, event: Heard | None = None) -> None:
    """Ask whom to tell; the newest such question takes the place of an older one. ``event``: they wrote for it."""
    contacts = _contacts(table)
    table.leave_alone()
    for older in _lists(table):
        table.remove(older)
        table.withdraw(older)
    key = "person.answer" if contacts else "person.no_one"
    prompt = _question(table, Phrase(key), contacts, table.facts.now_ms + DAY_MS)
    table.put(prompt.message, "safety", target=target_of(prompt), row=prompt.row)
    table.keep(prompt)
    asked_here = event is not None and event.circle is None
    note(table, PERSON, rows=(prompt.row,), events=(event.event_id,) if event and asked_here else ())


def _contacts(table: Table, but: Collection[PersonId] = ()) -> list[PersonId]:
    unwanted = {table.desk.person, *table.desk.not_from, *but}
    return [contact for contact in table.facts.contacts if contact not in unwanted]


def _lists(table: Table) -> list[Prompt]:
    return [p for p in table.desk.prompts if p.instance is None and p.ask == PERSON]


def _question(table: Table, line: Phrase, contacts: list[PersonId], closes_ms: Ms) -> Prompt:
    # A choice names the person, not their place in a list that may have changed when it is chosen.
    labels = {f"{CONTACT}{c}": Phrase("person.contact", slots={"who": Names((c,))}) for c in contacts}
    labels |= {OUTSIDE: Phrase("person.choose_outside"), NOBODY: Phrase("person.choose_nobody")}
    options = tuple(Option(choice, "", label) for choice, label in labels.items())
    message = Message(lines=(line,), options=options, sensitive=True)
    return table.own_prompt(PERSON, tuple((choice, "") for choice in labels), message, closes_ms)


def answer_person(table: Table, prompt: Prompt, source: Source) -> None:
    """Nothing is sent to anyone without this choice, and a stray number after it calls nobody."""
    for lying in _lists(table):
        if lying.knock is None:
            table.remove(lying)
    choice = source.choice or ""
    contact = PersonId(choice.removeprefix(CONTACT))
    if choice == OUTSIDE:
        row = table.say("person.outside")
    elif not choice.startswith(CONTACT):
        row = table.say("person.nobody")
    elif contact in _contacts(table):
        row = _call(table, contact)
    else:
        # They cannot be told any more; who can is asked afresh, and why not is nobody's to know.
        offer_person(table)
        return
    note(table, PERSON, rows=(row,))


def _call(table: Table, contact: PersonId) -> RowId:
    now_ms, who = table.facts.now_ms, Names((contact,))
    waits = next((c for c in table.desk.calls if c.contact == contact and not c.answered), None)
    if waits is not None and now_ms - waits.at_ms < SAME_CALL_MS:
        return table.say("person.told_already", who=who)
    kept = [c for c in table.desk.calls if c.contact != contact and c.at_ms > now_ms - CALLS_KEPT_MS]
    calls = (*kept, Call(contact, now_ms))[-MOST_CALLS:]
    table.desk = replace(table.desk, calls=calls)
    table.emit(Inform(contact, Called(table.desk.person)))
    table.emit(Alarm(f"{CALL}{contact}", now_ms + HEARD_WITHIN_MS))
    return table.say("person.told", who=who)


def ring_call(table: Table, contact: PersonId, rang_ms: Ms | None) -> None:
    """A contact has not answered in time: ask once whether to try somebody else. It knocks, as others may see the
    screen. ``rang_ms``: which moment rang, if that is known.
    """
    waits = next((c for c in table.desk.calls if c.contact == contact and not c.answered), None)
    if waits is None:
        table.ignore("answered or over")
        return
    if waits.rang or rang_ms not in (None, waits.at_ms + HEARD_WITHIN_MS):
        table.ignore(SET_ANEW)
        return
    calls = tuple(replace(c, rang=c.rang or c == waits) for c in table.desk.calls)
    table.desk = replace(table.desk, calls=calls)
    table.leave_alone()
    for older in _lists(table):
        # A list that somebody may be choosing from at this moment stays: a number must not be taken for anything else.
        if older.knock is not None or older.closes_ms <= table.facts.now_ms:
            table.remove(older)
            table.withdraw(older)
    silent = {c.contact for c in table.desk.calls if not c.answered}
    contacts = _contacts(table, but=silent)
    slots: dict[str, AnySlot] = {"who": Names((contact,))}
    line = Phrase("person.silent" if contacts else "person.silent_alone", slots=slots)
    prompt = _question(table, line, contacts, table.facts.now_ms + WEEK_MS)
    knock(table, prompt, "safety", personal=True)


def hear_call_taken(table: Table, event: CallTaken) -> None:
    """A contact will write, however late: say so, without a sound that others might hear."""
    if not any(c.contact == event.by and not c.answered for c in table.desk.calls):
        table.ignore("nobody waits for that")
        return
    calls = tuple(replace(c, answered=c.answered or c.contact == event.by) for c in table.desk.calls)
    table.desk = replace(table.desk, calls=calls)
    table.emit(Alarm(f"{CALL}{event.by}", None))
    for asked in _lists(table):
        if asked.knock is not None:
            # Whether to try somebody else is no question any more.
            table.remove(asked)
            table.emit(Withdraw(asked.knock))
    if event.by in table.desk.not_from:
        return
    message = Message(lines=(Phrase("person.taken", slots={"who": Names((event.by,))}),))
    note(table, PERSON, rows=(table.put(message, "safety"),))


# ── the contact's side ───────────────────────────────────────────────────────


def hear_call(table: Table, event: Called) -> None:
    """Tell a safety contact that somebody would like to talk, and let them say that they will write."""
    if table.desk.consent == "stopped" or event.by in table.desk.not_from:
        table.ignore("asked not to be written to")
        return
    table.greet()
    ask = f"{CALL}{event.by}"
    for lying in table.desk.prompts:
        is_call = lying.instance is None and lying.ask.startswith(CALL)
        if is_call and (lying.ask == ask or lying.closes_ms <= table.facts.now_ms):
            table.remove(lying)
    message = Message(
        lines=(Phrase("person.message_to_contact", slots={"who": Names((event.by,))}),),
        options=(Option(WRITE, "", Phrase("person.write")),),
        footer=(Phrase("person.call_foot"),),
        mention=True,
    )
    prompt = table.own_prompt(ask, ((WRITE, ""),), message, table.facts.now_ms + CALLS_KEPT_MS)
    prompt = replace(prompt, starter=event.by)
    table.put(message, "safety", target=target_of(prompt), row=prompt.row)
    table.keep(prompt)
    callers = (*(p for p in table.desk.called_by if p != event.by), event.by)
    table.desk = replace(table.desk, called_by=callers[-MOST_CALLS:])
    note(table, ask, rows=(prompt.row,))


def answer_call(table: Table, prompt: Prompt) -> None:
    """The contact will write: whoever called hears it, if they are still here."""
    by = PersonId(prompt.ask.removeprefix(CALL))
    table.remove(prompt)
    table.desk = replace(table.desk, called_by=tuple(p for p in table.desk.called_by if p != by))
    if by in table.facts.gone:
        note(table, prompt.ask, rows=(table.say("person.gone"),))
        return
    table.emit(Inform(by, CallTaken(table.desk.person)))
    row = table.say("person.thanks", who=Names((by,)))
    note(table, prompt.ask, rows=(row,))
