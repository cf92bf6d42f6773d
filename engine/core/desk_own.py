"""The bot's own two questions: may it write to this person, and whom may it tell that they would like to talk."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Prompt, Release, Source
from engine.core.desk_table import HELLO, HELLO_CHOICES, PERSON, Table, target_of
from engine.core.message import Message, Names, Option, Phrase
from engine.core.parcel import Direct
from engine.core.values import DAY_MS, PersonId

CONTACT = "contact:"


def answer_own(table: Table, prompt: Prompt, source: Source) -> None:
    """Take an answer to one of the bot's own questions."""
    if prompt.ask == HELLO:
        _answer_hello(table, prompt, source)
    else:
        _answer_person(table, prompt, source)


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


def _answer_person(table: Table, prompt: Prompt, source: Source) -> None:
    """Nothing is sent to anyone without this tap (right 14)."""
    table.remove(prompt)
    choice = source.choice or ""
    if choice == "outside":
        table.say("person.outside")
    elif choice.startswith(CONTACT):
        contact = PersonId(choice.removeprefix(CONTACT))
        me = Names((table.desk.person,))
        message = Message(lines=(Phrase("person.message_to_contact", slots={"who": me}),), mention=True)
        table.put(message, "safety", to=Direct(contact))
        table.say("person.told", who=Names((contact,)))
    else:
        table.say("person.nobody")


def offer_person(table: Table) -> None:
    """Ask whom to tell; the newest such question takes the place of an older one."""
    older = table.by_ask(None, PERSON, 1)
    if older is not None:
        table.remove(older)
    # A choice names the person, not their place in a list that may have changed when it is tapped.
    contacts = [c for c in table.facts.contacts if c != table.desk.person and c not in table.desk.not_from]
    labels = {f"{CONTACT}{c}": Phrase("person.contact", slots={"who": Names((c,))}) for c in contacts}
    labels |= {"outside": Phrase("person.choose_outside"), "nobody": Phrase("person.choose_nobody")}
    options = tuple(Option(choice, "", label) for choice, label in labels.items())
    key = "person.answer" if contacts else "person.answer_alone"
    message = Message(lines=(Phrase(key),), options=options)
    choices = tuple((choice, "") for choice in labels)
    prompt = table.own_prompt(PERSON, choices, message, table.facts.now_ms + DAY_MS)
    table.put(message, "safety", target=target_of(prompt), row=prompt.row)
    table.keep(prompt)


def show_understood(table: Table, prompt: Prompt, line: Phrase) -> None:
    """Show, once per answer, what was understood: by an edit, which makes no sound."""
    message = replace(prompt.message, footer=(line,), mention=False)
    table.put(message, "reply", edits=prompt.row, about=prompt.instance)
