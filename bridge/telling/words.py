"""Every part of a definition in plain English: people, moments, triggers, conditions, and who sees what.

All functions are pure. They answer a phrase without a capital letter or a full stop, ready to stand in a sentence.
Answers are called by their labels, people and details by the names the file gives them; a `Teller` with a cast calls
people by first names instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import msgspec

from bridge.telling.audience import seen_by_in_words
from bridge.telling.claims import claim_in_words
from bridge.telling.lexis import (
    duration_in_words,
    is_made,
    is_one,
    joined,
    label,
    named,
    number_in_words,
    part_in_words,
    part_of,
    quoted,
    sentence,
    spoken,
)
from bridge.telling.moments import at_in_words, moment_in_words, until_in_words
from bridge.telling.readable import readable
from engine.core.definition import (
    AnsweredBy,
    AskDef,
    AtMoment,
    Circle,
    Condition,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OneOf,
    OnGathered,
    OnHolds,
    Part,
    PartDef,
    Room,
    Source,
    Starter,
    Stewards,
    Trigger,
    Who,
)

__all__ = [
    "Teller",
    "at_in_words",
    "audience_in_words",
    "condition_in_words",
    "duration_in_words",
    "is_one",
    "label",
    "moment_in_words",
    "named",
    "number_in_words",
    "part_in_words",
    "quoted",
    "sentence",
    "source_in_words",
    "spoken",
    "trigger_in_words",
    "until_in_words",
    "who_in_words",
]


# ── people, triggers, conditions, audiences ──────────────────────────────────


def who_in_words(definition: Definition, who: Who) -> str:
    """``the host``, ``those who said “Count me in”``, ``everyone in the circle but the host``."""
    return Teller(definition).who(who)


def source_in_words(definition: Definition, source: Source) -> str:
    """Where the people of a part come from: ``whoever begins it``, ``the stewards``."""
    return Teller(definition).source(source)


def trigger_in_words(definition: Definition, trigger: Trigger) -> str:
    """What sets a move off: ``when the host writes *cancel*``, ``after a week``, ``halfway to ends``."""
    return Teller(definition).trigger(trigger)


def condition_in_words(definition: Definition, condition: Condition) -> str:
    """What must hold: ``fewer than two are coming``, ``everyone who was asked said “Renew”``."""
    return Teller(definition).condition(condition)


def audience_in_words(definition: Definition, ask: AskDef) -> str:
    """Who sees an answer: ``only the host sees who says “Maybe”; a no is seen by nobody``."""
    return Teller(definition).audience(ask)


class Teller(msgspec.Struct, frozen=True):
    """Tells the parts of one definition; ``cast`` gives some of its parts a first name."""

    definition: Definition
    cast: dict[str, str] = {}

    # ── people ───────────────────────────────────────────────────────────────

    def part(self, name: str) -> str:
        """``the host``, ``those coming``, or the first name that the cast gives."""
        made = part_of(self.definition, name) if is_made(name) else None
        if made is not None and made.answered:
            return self.answerers(made.answered)
        return self.cast.get(name) or part_in_words(self.definition, name)

    def parts(self, names: Iterable[str], last: str = "and") -> str:
        """Several parts, each person of the cast once."""
        return joined(dict.fromkeys(self.part(name) for name in names), last)

    def is_one(self, who: Who) -> bool:
        """Whether these can only be one person at a time."""
        return is_one(self.definition, who)

    def who(self, who: Who) -> str:
        """Whom something is for."""
        match who:
            case Part(name=name):
                return self.part(name)
            case AnsweredBy():
                return self.answerers((who,))
            case Room():
                return "the circle's room"
            case Circle(but=but):
                return "everyone in the circle" + self._but(but)
            case _:
                assert_never(who)

    def one_of(self, who: Who) -> str:
        """Any one of these people: ``one of the guests``, ``Bruno``."""
        match who:
            case Room():
                return "someone in the room"
            case Circle():
                return "someone"
            case Part() | AnsweredBy():
                words = self.who(who)
                return words if self.is_one(who) else f"one of {words}"
            case _:
                assert_never(who)

    def source(self, source: Source) -> str:
        """Where the people of a part come from."""
        match source:
            case Starter():
                return "whoever begins it"
            case NamedIn(detail=detail):
                return self._named_in(detail)
            case NamedBy(ask=ask):
                return f"those named in the answers to {self.ask(ask)}"
            case AnsweredBy():
                return self.answerers((source,))
            case Everyone(but=but):
                return "everyone in the circle" + self._but(but)
            case HolderOf(role=role, understudy=understudy):
                return f"the understudy of {spoken(role)}" if understudy else f"whoever holds {spoken(role)}"
            case Stewards():
                return "the stewards"
            case Contacts():
                return "the safety contacts"
            case OneOf(part=part, but=but):
                left_out = f" not {self.parts(but, 'or')}," if but else ""
                return f"one of {self.part(part)},{left_out} found by chance"
            case _:
                assert_never(source)

    def sources(self, part: PartDef) -> str:
        """Where the people of a part come from, all its sources together."""
        others = [self.source(source) for source in part.sources if not isinstance(source, AnsweredBy)]
        return joined([*others, self.answerers(part.answered)] if part.answered else others)

    def answerers(self, by: tuple[AnsweredBy, ...]) -> str:
        """``those who said “I'm coming” or “Maybe”``, and to which question where that is not plain."""
        given = tuple((each.ask, choice) for each in by for choice in each.choices)
        one = len(by) == 1 and self.is_one(by[0])
        return f"{'whoever' if one else 'those who'} said {self.said(given)}"

    def _named_in(self, detail: str) -> str:
        known = self.definition.details.get(detail)
        one = known is not None and (known.kind == "person" or known.most == 1)
        person = "the person" if one else "the people"
        if known is None:
            return f"{person} named as {named(detail)}"
        if known.given:
            return f"{person} named in the command that begins it"
        chooser = self.part(known.asked) if known.asked else self.starter()
        one = known.asked is None or self.is_one(Part(known.asked))
        return f"{person} {chooser} {'names' if one else 'name'}"

    def starter(self) -> str:
        """Whoever begins it."""
        for part in self.definition.parts:
            if Starter() in part.sources:
                return self.part(part.name)
        return "whoever begins it"

    def _but(self, but: tuple[str, ...]) -> str:
        return f" but {self.parts(but)}" if but else ""

    # ── what somebody says ───────────────────────────────────────────────────

    def ask(self, ask: str) -> str:
        """A question: by whom it is put to, or by its name where that would not say which."""
        asked = self.definition.asks.get(ask)
        if asked is None or self.is_called_by_name(asked):
            return f"the question {quoted(readable(self.definition, ask))}"
        return (
            "the question in the room"
            if isinstance(asked.to, Room)
            else f"the question to {self.who(asked.to)}"
        )

    def is_called_by_name(self, ask: AskDef) -> bool:
        """Whether there are several questions to the same people, so that it needs its name."""
        return sum(other.to == ask.to for other in self.definition.asks.values()) > 1

    def said(self, given: tuple[tuple[str, str], ...], *, by: Who | None = None) -> str:
        """Answers by their labels, with the questions where another one offers the same label.

        ``by``: whose answers they are known to be, so that only questions to them can be meant.
        """
        definition = self.definition
        labels = dict.fromkeys(label(definition, ask, choice) for ask, choice in given)
        asks = dict.fromkeys(ask for ask, _ in given)
        others = [each for each in definition.asks.values() if each.name not in asks]
        mixed = any(
            label(definition, other.name, choice.id) in labels
            for other in others
            if by is None or other.to == by
            for choice in other.choices
        )
        words = joined(map(quoted, labels), "or")
        return f"{words} to {joined(dict.fromkeys(map(self.ask, asks)), 'or')}" if mixed else words

    def answer(self, ask: str, choice: str | None) -> str:
        """An answer as it comes: ``the host says “Go ahead, small”``, ``one of the guests answers``."""
        asked = self.definition.asks.get(ask)
        who = self.one_of(asked.to) if asked is not None else "someone"
        if choice is not None:
            return f"{who} says {self.said(((ask, choice),), by=asked.to if asked is not None else None)}"
        if asked is None or self.is_called_by_name(asked):
            return f"{who} answers {self.ask(ask)}"
        return f"{who} answers"

    # ── triggers and conditions ──────────────────────────────────────────────

    def trigger(self, trigger: Trigger) -> str:
        """What sets a move off."""
        match trigger:
            case AtMoment(moment=moment):
                return at_in_words(moment)
            case OnCommand(word=word, who=who):
                several = len(who) == 1 and not self.is_one(Part(who[0]))
                return f"when {'one of ' if several else ''}{self.parts(who, 'or')} writes *{word}*"
            case OnAnswer(ask=ask, choice=choice):
                return f"when {self.answer(ask, choice)}"
            case OnGathered():
                return "when everything is known"
            case OnClosed(ask=ask):
                return f"when {self.ask(ask)} closes"
            case OnHolds(condition=condition):
                return f"as soon as {self.condition(condition)}"
            case OnEnded(workflow=workflow, state="not_started"):
                return f"if *{spoken(workflow)}* cannot be started"
            case OnEnded(workflow=workflow, state=state):
                return f"when *{spoken(workflow)}* ends" + (f" as {quoted(spoken(state))}" if state else "")
            case _:
                assert_never(trigger)

    def condition(self, condition: Condition, *, denied: bool = False) -> str:
        """What must hold; ``denied``: what must not."""
        return claim_in_words(self, condition, denied=denied)

    def audience(self, ask: AskDef) -> str:
        """Who sees an answer."""
        return seen_by_in_words(self, ask)
