"""From a text key to a phrase: which values go into its gaps. No words are found here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, assert_never

from engine.core.definition import NO, AskDef, Choice, Definition
from engine.core.message import AnySlot, Count, Message, Names, Option, Phrase, Said, Text, When
from engine.core.values import AnyValue, Moment, Ms, Nothing, Number, Persons, Picked, Ref, Words

NO_EMOJI = "✖️"


class Known(Protocol):
    """What a gap can be filled from."""

    @property
    def definition(self) -> Definition: ...
    def people(self, part: str) -> tuple[Ref, ...]: ...
    def named(self, part: str) -> tuple[Ref, ...]: ...
    def detail(self, name: str) -> AnyValue | None: ...
    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]: ...
    def who_turned(self, ask: str) -> tuple[Ref, ...]: ...
    def not_joining(self, ask: str) -> int: ...


def phrase(known: Known, key: str) -> Phrase:
    """The phrase for one of the definition's own texts, its gaps filled as things stand."""
    definition = known.definition
    slots = {gap: _slot(known, gap) for gap in definition.gaps.get(key, ())}
    return Phrase(key=key, digest=definition.digest, slots=slots)


def _slot(known: Known, gap: str) -> AnySlot:
    head, _, rest = gap.partition(" ")
    if gap.startswith("number of "):
        ask, _, choice = gap.removeprefix("number of ").partition(".")
        return Count(len(known.who_said(ask, choice)))
    if gap.startswith("not joining "):
        return Count(known.not_joining(gap.removeprefix("not joining ")))
    if head == "gone" and rest:
        return Names(known.who_turned(rest))
    if "." in gap:
        ask, _, choice = gap.partition(".")
        return Names(known.who_said(ask, choice))
    if gap in known.definition.details:
        return value_slot(known.definition, gap, known.detail(gap))
    return Names(known.named(gap))


def value_slot(definition: Definition, detail: str, value: AnyValue | None) -> AnySlot:
    """How the value of a detail is said."""
    match value:
        case None | Nothing():
            return Said("nothing")
        case Words(text=text):
            return Text(text)
        case Moment(at_ms=at_ms):
            return When(at_ms)
        case Persons(who=who):
            return Names(who)
        case Number(n=n):
            return Count(n)
        case Picked(choice=choice):
            return Said(f"{detail}.{choice}", definition.digest)
        case _:
            assert_never(value)


def options(owner: str, choices: Sequence[Choice], digest: str, *, with_no: bool) -> tuple[Option, ...]:
    """The choices of an ask or a detail, with the no that every private ask brings."""
    offered = tuple(Option(c.id, c.emoji, Phrase(f"{owner}.{c.id}", digest)) for c in choices)
    return (*offered, Option(NO, NO_EMOJI, Phrase("no.label"))) if with_no else offered


def seen_by(known: Known, ask: AskDef, reader: Ref | None) -> Said:
    """Who sees an answer, said to ``reader``."""
    if ask.seen_by == ("me",):
        return Said("seen.me")
    if "circle" in ask.seen_by:
        return Said("seen.circle")
    who: list[Ref] = []
    for part in ask.seen_by:
        who.extend(p for p in known.people(part) if p not in who and p != reader)
    return Said("seen.people", slots={"who": Names(tuple(who))})


def private_ask(known: Known, ask: AskDef, reader: Ref, closes_ms: Ms) -> Message:
    """A question as one person will see it 1:1."""
    seen = seen_by(known, ask, reader)
    foot = "footer.mine" if seen == Said("seen.me") else "footer.ask"
    return Message(
        lines=(phrase(known, f"{ask.name}.say"),),
        options=options(ask.name, ask.choices, known.definition.digest, with_no=True),
        footer=(Phrase(foot, slots={"seen": seen, "until": When(closes_ms)}),),
        mention=True,
    )


def room_ask(known: Known, ask: AskDef, closes_ms: Ms, *, closed: bool = False) -> Message:
    """An open question as the room sees it, with those who have taken it up so far."""
    lines = [phrase(known, f"{ask.name}.say")]
    for choice in ask.choices:
        who = known.who_said(ask.name, choice.id)
        if who:
            label = Said(f"{ask.name}.{choice.id}", known.definition.digest)
            lines.append(Phrase("room.taken", slots={"label": label, "who": Names(who)}))
    foot = Phrase("room.closed") if closed else Phrase("footer.room", slots={"until": When(closes_ms)})
    return Message(
        lines=tuple(lines),
        options=() if closed else options(ask.name, ask.choices, known.definition.digest, with_no=False),
        footer=(foot,),
    )
