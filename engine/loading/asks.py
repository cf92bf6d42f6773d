"""Asks: a question, its answers, and who sees them."""

from __future__ import annotations

import re
from typing import Literal

from engine.core.definition import AskDef, Choice, Hidden, Part, Room, Who
from engine.loading.draft import IN_WORDS, Draft
from engine.loading.moments import Unreadable, read_duration, read_moment
from engine.loading.reader import Fields
from engine.loading.tree import Entry, Node, Text

NAMING: dict[str, Literal["person", "people"]] = {
    "a person": "person",
    "people": "people",
    "one person": "person",
}
_UNSIGNED = re.compile(r"(?:from +|at +least +)?(?P<k>\d{1,3})(?: +answers)?")
_DIGITS = re.compile(r"\d{1,4}")
_DETAIL = re.compile(r"[a-z][a-z0-9_]*")
PLACES_HINT = "write a number, for example `8`, or the name of a number detail"


def read_ask(draft: Draft, entry: Entry) -> AskDef:
    """Read an ask of a file with states."""
    fields = draft.fields("ask", entry.node, entry.key.place)
    to = draft.who(fields.node("to")) or Part(draft.starter)
    return ask_of(draft, entry.key.value, to, fields)


def ask_of(draft: Draft, name: str, to: Who, fields: Fields) -> AskDef:
    """An ask to ``to``, from its keys."""
    read = draft.read
    read.sentence(f"{name}.say", fields.node("say"))
    answers = fields.node("answers")
    naming = NAMING.get(answers.value.strip()) if isinstance(answers, Text) else None
    only_words = draft.says(answers, IN_WORDS)
    words = draft.flag(fields, "also", IN_WORDS) or only_words
    question_to = draft.name(fields, "question to")
    has_words = words or question_to is not None
    return AskDef(
        name=name,
        to=to,
        choices=() if only_words or naming else _choices(draft, name, answers),
        words=words,
        seen_by=read.names(fields.node("seen by")) or (("circle",) if isinstance(to, Room) else ("me",)),
        until=draft.moment(fields, "until"),
        changeable_until=draft.moment(fields, "changeable until"),
        keep_days=draft.days(fields) or (draft.keep_days if has_words else None),
        sensitive=draft.flag(fields, "care", "sensitive"),
        when=draft.condition(fields.node("if")),
        every_ms=read.parse(fields.node("every"), read_duration),
        question_to=question_to,
        replaces=read.names(fields.node("takes the place of")),
        naming=naming,
        hidden=read.parse(fields.node("hidden until"), read_hidden),
        unsigned=read.parse(fields.node("unsigned"), _read_unsigned),
        places=read.parse(fields.node("places"), read_places),
    )


def _choices(draft: Draft, name: str, answers: Node | None) -> tuple[Choice, ...]:
    """The answers on offer; `yes`, `no` and the like are words as good as any, if they are meant."""
    return draft.read.choices(name, answers, "answer")


def read_hidden(text: str) -> Hidden:
    """Read until when answers are hidden.

    Raises:
        Unreadable: it is neither ``closed`` nor ``shown`` nor a moment.
    """
    match text:
        case "closed" | "it closes" | "it has closed":
            return Hidden(until_closed=True)
        case "shown":
            return Hidden()
        case _:
            return Hidden(until=read_moment(text))


def _read_unsigned(text: str) -> int:
    found = _UNSIGNED.fullmatch(text)
    if found is None:
        raise Unreadable("unsigned", f"`{text}` does not say from how many answers", "write `from 5 answers`")
    return int(found["k"])


def read_places(text: str) -> int | str:
    """Read a number, or the name of the detail that holds it.

    Raises:
        Unreadable: it is neither.
    """
    if _DIGITS.fullmatch(text):
        return int(text)
    if _DETAIL.fullmatch(text):
        return text
    raise Unreadable("places", f"`{text}` is no number", PLACES_HINT)
