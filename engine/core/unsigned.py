"""Unsigned answers: when they are possible at all, what is said about them, and how they are put together (right 13).

Before they are released nobody learns who or how many have written; afterwards nothing leads from
an answer back to whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from engine.core.definition import AskDef
from engine.core.instance import Answer, AskState
from engine.core.message import Count, Message, Option, Phrase, Said, Text, When
from engine.core.values import Ms, Ref, TextId

LEAST = 5
"""Below this many, writing could be told apart by its style and by who has been about."""
SPARE = 3
"""So many more are asked than have to answer."""

FEWER = "fewer:"
"""What the question is called that asks what shall happen if too few write."""
NAME = "name"
DROP = "drop"
WISHES = (Option(NAME, "✍️", Phrase("fewer.name")), Option(DROP, "🍂", Phrase("fewer.drop")))


def unsigned_among(ask: AskDef, asked: Iterable[Ref], readers: Collection[Ref]) -> int:
    """k, if this ask can be put as an unsigned one to these people; otherwise 0.

    Who reads the answers is not asked and not counted. What the whole circle reads has no one who
    only writes, so it cannot be unsigned. Only words can be mixed: a choice that few make tells who they are.
    """
    k = ask.unsigned or 0
    plain_words = ask.words and not ask.choices and ask.naming is None
    if k < LEAST or not plain_words or not readers or "circle" in ask.seen_by:
        return 0
    return k if sum(1 for who in asked if who not in readers) >= k + SPARE else 0


def wish_of(ask: str, who: Ref) -> str:
    """The name under which somebody is asked what shall happen if too few write."""
    return f"{FEWER}{ask}:{who}"


def ask_of(wish: str) -> str:
    """The ask that a wish belongs to."""
    return wish.removeprefix(FEWER).rpartition(":")[0]


def wish_message(k: int, closes_ms: Ms, *, sensitive: bool) -> Message:
    """The question itself: show my name, or drop it. Whoever leaves it open has theirs dropped."""
    options = tuple(Option(o.id, "" if sensitive else o.emoji, o.label) for o in WISHES)
    line = Phrase("fewer", slots={"n": Count(k), "until": When(closes_ms)})
    return Message(lines=(line,), options=options)


class Sorted(msgspec.Struct, frozen=True):
    """What becomes of the answers at closing: all mixed, or only those whose writers show their names."""

    mixed: tuple[TextId, ...] = ()
    named: dict[Ref, Answer] = {}


def sort_out(state: AskState, readers: Collection[Ref], wishes: Mapping[Ref, str | None]) -> Sorted:
    """Decide what is shown. Those who have come to read since they were asked do not count."""
    written = {who: a for who, a in state.answers.items() if a.text is not None}
    if sum(1 for who in written if who not in readers) >= state.unsigned:
        return Sorted(mixed=tuple(sorted(a.text for a in written.values() if a.text is not None)))
    return Sorted(named={who: a for who, a in written.items() if wishes.get(who) == NAME})


def mixed_message(question: Phrase, texts: Iterable[TextId]) -> Message:
    """All of them in one message, without names, times or ids."""
    head = Phrase("unsigned.head", slots={"question": Said(question.key, question.digest, question.slots)})
    return Message(lines=(head, *(Phrase("unsigned.one", slots={"text": Text(text)}) for text in texts)))
