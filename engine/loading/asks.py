"""Asks: a question, its answers, and who sees them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Literal

from msgspec.structs import replace

from engine.core.definition import AskDef, Choice, Hidden, MomentExpr, Part, Room, Who
from engine.core.finding import surely_meant
from engine.loading.draft import IN_WORDS, Draft
from engine.loading.moments import Unreadable, read_duration, read_moment
from engine.loading.reader import Fields, split_emoji
from engine.loading.tree import Entry, Items, Node, Text

NAMING: dict[str, Literal["person", "people"]] = {
    "a person": "person",
    "people": "people",
    "one person": "person",
}
_UNSIGNED = re.compile(r"(?:from +|at +least +)?(?P<k>\d{1,3})(?: +answers)?")
_DIGITS = re.compile(r"\d{1,4}")
_DETAIL = re.compile(r"[a-z][a-z0-9_]*")
HIDDEN = ("closed", "shown")
"""Until when answers are hidden, other than a moment."""
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
    if isinstance(answers, Text):
        answers = _meant(draft, answers)
    naming = NAMING.get(answers.value.strip()) if isinstance(answers, Text) else None
    only_words = draft.says(answers, IN_WORDS)
    words = draft.flag(fields, "also", IN_WORDS) or only_words
    question_to = draft.name(fields, "question to")
    has_words = words or question_to is not None
    if naming:
        _note_names_in_words(draft, fields)
    days, from_answer = draft.kept(fields)
    return AskDef(
        name=name,
        to=to,
        choices=() if only_words or naming else _choices(draft, name, answers),
        words=words,
        seen_by=read.names(fields.node("seen by")) or (("circle",) if isinstance(to, Room) else ("me",)),
        until=draft.moment(fields, "until"),
        changeable_until=draft.moment(fields, "changeable until"),
        keep_days=days or (draft.keep_days if has_words else None),
        sensitive=draft.flag(fields, "care", "sensitive"),
        when=draft.condition(fields.node("if")),
        every_ms=read.parse(fields.node("every"), read_duration),
        question_to=question_to,
        replaces=read.names(fields.node("takes the place of")),
        naming=naming,
        hidden=read.parse(
            fields.node("hidden until"), partial(read_hidden, moment=draft.read_moment, dates=draft.dates())
        ),
        unsigned=read.parse(fields.node("unsigned"), _read_unsigned),
        places=read.parse(fields.node("places"), read_places),
        kept_from_answer=from_answer,
        poll=draft.flag(fields, "with", "a poll"),
    )


def _choices(draft: Draft, name: str, answers: Node | None) -> tuple[Choice, ...]:
    """The answers on offer; `yes`, `no` and the like are words as good as any, if they are meant."""
    if isinstance(answers, Items):
        _note_halves(draft, answers)
    return draft.read.choices(name, answers, "answer")


def _note_halves(draft: Draft, answers: Items) -> None:
    """`[Yes, gladly]` is two answers, and looks like one: a comma stands before a small letter."""
    labels = [item for item in answers.items if isinstance(item, Text)]
    on_one_line = len({label.place.line for label in labels}) == 1
    for first, second in pairwise(labels if on_one_line else ()):
        one, other = (split_emoji(label.value.strip())[1] for label in (first, second))
        if one[:1].isupper() and other[:1].islower() and second.plain:
            message = f"`{one}` and `{other}` are two answers here"
            hint = f'if they are one, put quotes around it: `"{one}, {other}"`; if they are two, begin both alike'
            draft.read.note(second.place, "one-or-two", message, hint, "warning")


def _note_names_in_words(draft: Draft, fields: Fields) -> None:
    """Whatever is written to a question that also takes words is taken for words: nobody would be named."""
    for key in ("also", "question to"):
        node = fields.node(key)
        if node is not None:
            message = f"an answer that names people has no `{key}`: what is written would count as words"
            draft.read.note(
                node.place, "names-or-words", message, "ask for the words in a question of their own"
            )


def _meant(draft: Draft, answers: Text) -> Text:
    """What stands in place of a list of answers, as it was surely meant."""
    known = (IN_WORDS, *NAMING)
    written = answers.value.strip()
    near = surely_meant(written, known) if written not in known else None
    if near is None:
        return answers
    draft.read.note(answers.place, "answers", f"unknown answers `{written}`", f"did you mean `{near}`?")
    return replace(answers, value=near)


def read_hidden(
    text: str, moment: Callable[[str], MomentExpr] = read_moment, dates: Sequence[str] = ()
) -> Hidden:
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
            near = surely_meant(text, HIDDEN) if text not in dates else None
            if near is not None:
                raise Unreadable("moment", f"`{text}` is no moment", f"did you mean `{near}`?")
            return Hidden(until=moment(text))


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
