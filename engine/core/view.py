"""A view: how one instance stands, to be read. Sentences, conditions and pictures are made from it.

What it says of people and answers is what deciding itself goes by; nothing in it changes anything.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core import places
from engine.core.conditions import holds
from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    Circle,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OneOf,
    Part,
    PartDef,
    Room,
    Source,
    Starter,
    StateDef,
    Stewards,
    Who,
)
from engine.core.event import Facts
from engine.core.instance import Answer, AskState, Snapshot
from engine.core.message import Phrase, Said
from engine.core.phrasing import is_written, phrase
from engine.core.sources import lot_key
from engine.core.values import DAY_MS, AnyValue, Ms, Persons, Ref

MOST_LINKS = 256
"""Definitions whose links are held in memory."""
NO_FACTS = Facts(now_ms=0, occurred_ms=0)
"""For views that are about nothing but what the instance itself remembers."""


class View:
    """One instance as it stands."""

    def __init__(self, definition: Definition, snapshot: Snapshot, facts: Facts = NO_FACTS) -> None:
        self.definition = definition
        self.facts = facts
        self.now_ms = facts.now_ms
        self._old = snapshot
        self._version = snapshot.version
        self._state = snapshot.state
        self._entry = snapshot.entry
        self._entered_ms = snapshot.entered_ms
        self._details = dict(snapshot.details)
        self._asks = dict(snapshot.asks)
        self._timers = dict(snapshot.timers)
        self._powers = dict(snapshot.powers)
        self._boards = snapshot.boards
        self._gone = snapshot.gone
        self._finished_ms = snapshot.finished_ms
        self._visits = dict(snapshot.visits)
        self._groups = dict(snapshot.groups)
        self._children = dict(snapshot.children)
        self._ended = dict(snapshot.ended)
        self._started = snapshot.started

    @property
    def state(self) -> StateDef:
        """The present state."""
        return self.definition.states[self._state]

    @property
    def starter(self) -> Ref:
        """Whoever began it."""
        return self._old.starter

    def ask_state(self, name: str) -> AskState | None:
        """How an ask stands; None if it was never put."""
        return self._asks.get(name)

    def detail(self, name: str) -> AnyValue | None:
        """What a detail holds."""
        return self._details.get(name)

    def visits(self, state: str) -> int:
        """How often a state has been entered, the present time included."""
        return self._visits.get(state, 0)

    def is_in_use(self, workflow: str) -> bool:
        """Whether the circle has a workflow in use, as far as the facts say."""
        return workflow in self.facts.in_use

    def was_asked(self, part: str, within_ms: Ms) -> bool:
        """Whether another one with the same starter has put something to whoever holds a part, not longer ago."""
        asked = self.facts.lately.get(part, {})
        return any(self.now_ms - asked[ref] <= within_ms for ref in self.named(part) if ref in asked)

    def asked(self, ask: str) -> int:
        """How many were asked."""
        state = self._asks.get(ask)
        return len(state.asked) if state else 0

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        """Those whose standing answer is this one, in the order they gave it.

        Asks that one part counts together (the room's and the 1:1 invitation) are one question: what
        somebody said to it last is what they say.
        """
        given = self.standing(ask, choice)
        if given and places.is_for(self, ask, choice):
            inside = places.seated(self, ask)
            given = [each for each in given if each[1] in inside]
        return tuple(who for _, who in sorted(given))

    def standing(self, ask: str, choice: str) -> list[tuple[Ms, Ref]]:
        """(when, who) of every standing answer of this kind, whether or not there is a place for them."""
        state = self._asks.get(ask)
        if state is None or state.unsigned:
            return []
        linked = [self._asks[name] for name in self.linked(ask) if name in self._asks]
        return [
            (a.at_ms, who)
            for who, a in state.answers.items()
            if a.choice == choice and not any(_is_later(other.answers.get(who), a) for other in linked)
        ]

    def waiting(self, ask: str) -> tuple[Ref, ...]:
        """Those who would like a place and have none yet, in the order in which they came."""
        return places.waiting(self, ask)

    def answered_ms(self, ask: str) -> Ms:
        """When an answer that has come now counts as given: when it was. Where places are few, it is when it
        came to us, so that nobody who was told they have a place loses it to a message that was on its way.
        """
        names = (ask, *self.linked(ask))
        if not any(self.definition.asks[name].places is not None for name in names):
            return self.facts.occurred_ms
        given = (a.at_ms for name in names if name in self._asks for a in self._asks[name].answers.values())
        return max(self.now_ms, max(given, default=0) + 1)

    def who_named(self, ask: str) -> tuple[Ref, ...]:
        """Those whom the standing answers to an ask name."""
        state = self._asks.get(ask)
        answers = sorted(state.answers.values(), key=lambda a: a.at_ms) if state is not None else ()
        named = (Ref(who) for a in answers if isinstance(a.value, Persons) for who in a.value.who)
        return tuple(dict.fromkeys(named))

    def linked(self, ask: str) -> tuple[str, ...]:
        """The other asks that some part counts together with this one."""
        return _links_of(self.definition).get(ask, ())

    def counts(self, ask: str, who: Ref) -> bool:
        """Whether somebody has an answer standing, to this ask or one counted with it, that others may hear of."""
        return any(
            who in self.who_said(name, choice.id)
            for name in (ask, *self.linked(ask))
            for choice in self.definition.asks[name].choices
        )

    def who_turned(self, ask: str) -> tuple[Ref, ...]:
        """Those who had said an answer that travels early and no longer do."""
        state = self._asks.get(ask)
        if state is None:
            return ()
        return tuple(
            who for who, a in state.answers.items() if a.was_early and a.choice in (NO, None) and not a.text
        )

    def not_joining(self, ask: str) -> int:
        """How many of those asked gave no answer that travels early: a no and a silence are one number."""
        state = self._asks.get(ask)
        if state is None:
            return 0
        return sum(1 for who in state.asked if not travels(state.answers.get(who)))

    def people(self, part: str) -> tuple[Ref, ...]:
        """Whoever holds a part now, without those who have left."""
        return tuple(ref for ref in self.named(part) if ref not in self._gone)

    def named(self, part: str, *, whole: bool = False) -> tuple[Ref, ...]:
        """Whoever holds a part, as a sentence names them: those who have left are still called by their name.

        ``whole``: with those, too, whom ``everyone but …`` leaves out.
        """
        known = next((each for each in self.definition.parts if each.name == part), None)
        if known is None:
            return ()
        found = (ref for source in known.sources for ref in self._from(source, known, whole=whole))
        return tuple(dict.fromkeys(found))

    def _from(self, source: Source, part: PartDef, *, whole: bool) -> tuple[Ref, ...]:
        match source:
            case Starter():
                return (self._old.starter,)
            case NamedIn(detail=name):
                value = self._details.get(name)
                return tuple(Ref(p) for p in value.who) if isinstance(value, Persons) else ()
            case AnsweredBy():
                return tuple(ref for ref in self._answerers(source) if ref not in self._gone)
            case NamedBy(ask=ask):
                return self.who_named(ask)
            case Everyone() | HolderOf() | Stewards() | Contacts():
                group = self._group(part.name)
                # Two parts may leave each other out: whom they leave out is found without looking back.
                but = (
                    ()
                    if whole
                    else (name for by in part.sources if isinstance(by, Everyone) for name in by.but)
                )
                left_out = {ref for name in but for ref in self.named(name, whole=True)}
                return tuple(ref for ref in group if ref not in left_out)
            case OneOf():
                return self._groups.get(lot_key(part), ())
            case _:
                assert_never(source)

    def _group(self, part: str) -> tuple[Ref, ...]:
        """Who a part was found to be, or is by the facts if nothing has been put to it yet."""
        return self._groups[part] if part in self._groups else self.facts.groups.get(part, ())

    def _answerers(self, by: AnsweredBy) -> tuple[Ref, ...]:
        return tuple(ref for choice in by.choices for ref in self.who_said(by.ask, choice))

    def is_gone(self, who: Ref) -> bool:
        """Whether a person has left."""
        return who in self._gone

    def resolve_who(self, who: Who) -> tuple[Ref, ...]:
        """The people an ask or a tell is for, at this moment."""
        match who:
            case Part(name=name):
                found = self.people(name)
            case AnsweredBy():
                found = self._answerers(who)
            case Circle(but=but):
                left_out = {ref for part in but for ref in self.people(part)}
                found = tuple(ref for ref in self.facts.room if ref not in left_out)
            case Room():
                found = ()
            case _:
                assert_never(who)
        return tuple(ref for ref in dict.fromkeys(found) if ref not in self._gone)

    def _snapshot(self) -> Snapshot:
        old = self._old
        return Snapshot(
            id=old.id,
            circle=old.circle,
            definition=old.definition,
            state=self._state,
            version=self._version,
            entry=self._entry,
            entered_ms=self._entered_ms,
            started_ms=old.started_ms,
            starter=old.starter,
            details=self._details,
            asks=self._asks,
            timers=self._timers,
            powers=self._powers,
            boards=self._boards,
            gone=self._gone,
            finished_ms=self._finished_ms,
            visits=self._visits,
            groups=self._groups,
            parent=old.parent,
            children=self._children,
            ended=self._ended,
            started=self._started,
            depth=old.depth,
            spoken=old.spoken,
            unbidden=old.unbidden,
        )

    def is_promise(self, ask: str) -> bool:
        """Whether a yes to this ask holds beyond its closing, for something that begins later."""
        known = self.definition.asks.get(ask)
        return known is not None and known.changeable_until is not None

    def is_soon(self, ask: str) -> bool:
        """Whether what an ask is about begins within 24 hours."""
        return self._is_soon(self._asks[ask])

    def _is_soon(self, state: AskState) -> bool:
        return 0 < state.changeable_ms - self.now_ms <= DAY_MS

    def public_key(self) -> str | None:
        """The text key of the line that the circle may see now."""
        state = self.state
        return state.public if holds(state.public_when, self.seen) else state.public_otherwise

    @property
    def seen(self) -> View:
        """Things as they stand for whoever reads of them: answers that are still hidden are not there."""
        if all(state.shown for state in self._asks.values()):
            return self
        asks = {
            name: state if state.shown else replace(state, answers={}, asked=(), shown=True)
            for name, state in self._asks.items()
        }
        return View(self.definition, replace(self._snapshot(), asks=asks), self.facts)

    def _stands(self, name: str, ask: AskDef) -> list[tuple[Ref, ...]]:
        return [*(self.who_said(name, c.id) for c in ask.choices), self.waiting(name)]

    def has_shown_words(self, ask: str, who: Ref, reader: Ref) -> bool:
        """Whether a reader has a message with what somebody wrote."""
        return f"words:{ask}:{self._asks[ask].round}:{who}/{reader}" in self._boards

    def shows_ms(self, ask: str) -> Ms | None:
        """The moment at which hidden answers to an ask are shown; None if it is no moment, or they are shown."""
        state = self._asks.get(ask)
        timer = self._timers.get(f"show:{ask}:{state.round}") if state is not None else None
        return timer.due_ms if timer is not None else None

    def _readers(self, ask: AskDef) -> tuple[Ref, ...]:
        """Who is to see the answers, by part."""
        return tuple(dict.fromkeys(ref for part in ask.seen_by for ref in self.people(part)))

    def about(self) -> Phrase:
        """What this instance is called."""
        return phrase(self, "called") if is_written(self.definition, "called") else Phrase("called.nothing")

    def _about_said(self) -> Said:
        about = self.about()
        return Said(about.key, about.digest, about.slots)


_links: dict[str, dict[str, tuple[str, ...]]] = {}


def _links_of(definition: Definition) -> dict[str, tuple[str, ...]]:
    """Ask → the asks that some part counts together with it; found once per digest."""
    links = _links.get(definition.digest)
    if links is None:
        if len(_links) >= MOST_LINKS:
            _links.clear()
        found: dict[str, dict[str, None]] = {}
        for part in definition.parts:
            counted = dict.fromkeys(by.ask for by in part.answered)
            for ask in counted:
                found.setdefault(ask, {}).update(counted)
        links = {ask: tuple(name for name in names if name != ask) for ask, names in found.items()}
        _links[definition.digest] = links
    return links


def _is_later(other: Answer | None, answer: Answer) -> bool:
    """Whether somebody said something else, to an ask that is counted together with this one, after this answer."""
    if other is None or other.choice in (None, answer.choice):
        return False
    return other.at_ms > answer.at_ms


def travels(answer: Answer | None) -> bool:
    """Whether an answer is one that others may hear of: not a no, and not nothing."""
    if answer is None:
        return False
    if answer.choice is None:
        return answer.text is not None or answer.value is not None
    return answer.choice != NO


def people_now(definition: Definition, snapshot: Snapshot, part: str) -> tuple[Ref, ...]:
    """Whoever holds a part of an instance as it stands, without those who have left."""
    return View(definition, snapshot).people(part)


def called(definition: Definition, snapshot: Snapshot) -> Phrase:
    """What an instance is called, as it stands."""
    return View(definition, snapshot).about()
