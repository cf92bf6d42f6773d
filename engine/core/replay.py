"""A history decided once more: what each line of a journal did, and what it did not do and why.

Pure, like deciding. All of it stands here: whoever shows any of it to somebody passes it through an audience filter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec
from msgspec.structs import replace

from engine.core.conditions import Scene, counted, holds, share_needed
from engine.core.decide import decide
from engine.core.definition import (
    AllOf,
    AnyOf,
    AtMoment,
    BeenIn,
    Condition,
    CountOf,
    Definition,
    EveryoneSaid,
    MoveDef,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnHolds,
    ShareSaid,
)
from engine.core.effect import Effect, Refusal
from engine.core.event import Answered, Commanded, Due, Ended, Event, Facts, Migrated, TookBack
from engine.core.instance import Answer, Snapshot
from engine.core.machine import UnknownState
from engine.core.survey import asks_in
from engine.core.values import Ms, Number
from engine.core.view import View

DECIDED = "decided"
"""The result of a journal line whose event was not refused."""

Stale = Literal["left", "dropped", "moved"]
"""Why a timer that rang meant nothing any more: the state it belonged to had been left, nothing waited for it, or it
had been set to a later moment.
"""

Known = Callable[[str], Definition | None]
"""Digest → a definition, if it is known."""


class Entry(msgspec.Struct, frozen=True):
    """One line of an instance's journal."""

    n: int
    event: Event
    facts: Facts
    result: str
    """``decided``, or the reason of a refusal."""


class Lack(msgspec.Struct, frozen=True):
    """One claim of a condition that did not hold, with what there was and what was needed where it counts something."""

    claim: Condition
    """Never ``AllOf`` or ``AnyOf``; under ``NotThat`` something that did hold."""
    found: int | None = None
    needed: int | None = None


class NotTaken(msgspec.Struct, frozen=True):
    """A move that this event could have set off, and what was lacking."""

    state: str
    move: MoveDef
    lacks: tuple[Lack, ...]


class Passage(msgspec.Struct, frozen=True):
    """One line of a journal, decided once more."""

    entry: Entry
    definition: Definition
    """The one by which it was decided; for ``Migrated`` the one it came from."""
    before: Snapshot | None
    after: Snapshot | None
    """The very same as ``before`` where nothing came of it."""
    result: str
    """What comes of it now; another one than ``entry.result`` tells that deciding has changed."""
    effects: tuple[Effect, ...] = ()
    not_taken: tuple[NotTaken, ...] = ()
    stale: Stale | None = None
    closed_ms: Ms | None = None
    """Of an answer that came too late: when its ask had closed."""
    into: Definition | None = None
    """What it was moved to."""

    @property
    def runs_on(self) -> Definition:
        """The definition that it runs on afterwards."""
        return self.into or self.definition

    @property
    def moved(self) -> bool:
        """Whether it stands in another state afterwards, or in the same one anew."""
        return entry_of(self.before) != entry_of(self.after)


class Unreplayable(Exception):
    """A history that cannot be decided once more; says which line and why."""


def replay(entries: Iterable[Entry], first: Definition, known: Known) -> Iterator[Passage]:
    """Decide a journal once more from its beginning, line by line.

    Args:
        entries: the journal in its order.
        first: the definition it began with.
        known: finds those it was moved to.

    Raises:
        Unreplayable: it speaks of what the definition does not have, or it was moved to one that is not known.
    """
    definition, snapshot = first, None
    for entry in entries:
        into = known(entry.event.to) if isinstance(entry.event, Migrated) else None
        if isinstance(entry.event, Migrated) and into is None and entry.result == DECIDED:
            raise Unreplayable(f"line {entry.n} moves it to {entry.event.to[:12]}, which is not known")
        try:
            passage = _pass(definition, snapshot, entry, into)
        except (KeyError, UnknownState) as error:
            raise Unreplayable(f"line {entry.n}: {definition.name} has no {error}") from error
        yield passage
        snapshot, definition = passage.after, passage.runs_on


def began_with(entries: Iterable[Entry], pinned: str) -> str | None:
    """The digest of the definition with which a history began; None if that was not noted and it has been moved since.

    ``pinned``: what it runs on now.
    """
    lines = tuple(entries)
    noted = next((entry.facts.definition for entry in lines if entry.facts.definition), None)
    if noted is not None:
        return noted
    was_moved = any(isinstance(entry.event, Migrated) and entry.result == DECIDED for entry in lines)
    return None if was_moved else pinned


def entry_of(snapshot: Snapshot | None) -> int:
    """How often a state has been entered; 0 before the beginning."""
    return snapshot.entry if snapshot is not None else 0


def _pass(definition: Definition, before: Snapshot | None, entry: Entry, into: Definition | None) -> Passage:
    decided = decide(definition, before, entry.event, entry.facts, into)
    if isinstance(decided, Refusal):
        return Passage(
            entry,
            definition,
            before,
            before,
            decided.reason,
            decided.effects,
            _not_taken(definition, before, before, entry) if decided.reason == "not_now" else (),
            _why_stale(before, entry.event, entry.facts) if decided.reason == "stale_timer" else None,
            _closed_ms(before, entry.event) if decided.reason == "closed" else None,
        )
    after = decided.snapshot
    if into is not None:
        return Passage(entry, definition, before, after, DECIDED, decided.effects, into=into)
    tried = _not_taken(definition, before, after, entry)
    return Passage(entry, definition, before, after, DECIDED, decided.effects, tried)


def _why_stale(before: Snapshot | None, event: Event, facts: Facts) -> Stale:
    assert before is not None
    assert isinstance(event, Due)
    if event.entry != before.entry:
        return "left"
    timer = before.timers.get(event.timer)
    return "moved" if timer is not None and timer.due_ms > facts.now_ms else "dropped"


def _closed_ms(before: Snapshot | None, event: Event) -> Ms | None:
    held = before.asks.get(event.ask) if before is not None and isinstance(event, Answered) else None
    return held.closes_ms if held is not None else None


# ── what did not happen ──────────────────────────────────────────────────────


def _not_taken(
    definition: Definition, before: Snapshot | None, after: Snapshot | None, entry: Entry
) -> tuple[NotTaken, ...]:
    """The moves out of the state before that this event could have set off, and that lacked something.

    Of moves with one trigger only those before the one that was taken were ever looked at.
    """
    if before is None or after is None or before.finished_ms is not None:
        return ()
    scene = View(definition, _as_looked_at(before, after, entry), entry.facts)
    found: list[NotTaken] = []
    for index, move in enumerate(definition.states[before.state].moves):
        if not _could_set_off(move, index, entry.event):
            continue
        lacks = (*_lacks_of(move, scene), *unmet(move.when, scene))
        if lacks:
            found.append(NotTaken(before.state, move, lacks))
        elif entry_of(before) != entry_of(after):
            break
    return tuple(found)


def _as_looked_at(before: Snapshot, after: Snapshot, entry: Entry) -> Snapshot:
    """How things stood when its moves were looked at: an answer is counted first."""
    if before.entry == after.entry:
        return after
    event = entry.event
    held = before.asks.get(event.ask) if isinstance(event, Answered) else None
    if held is None or not isinstance(event, Answered):
        return before
    answer = Answer(entry.facts.occurred_ms, event.choice, event.text, event.value)
    answers = {**held.answers, event.by: answer}
    return replace(before, asks={**before.asks, event.ask: replace(held, answers=answers)})


def _could_set_off(move: MoveDef, index: int, event: Event) -> bool:
    match event:
        case Due(timer=timer):
            kind, _, rest = timer.partition(":")
            if isinstance(move.on, AtMoment):
                return timer == f"at:{index:02}"
            return (
                isinstance(move.on, OnClosed) and kind == "close" and move.on.ask == rest.rpartition(":")[0]
            )
        case Answered(ask=ask, choice=choice):
            if isinstance(move.on, OnAnswer):
                return move.on.ask == ask and move.on.choice in (None, choice)
            return isinstance(move.on, OnHolds) and ask in asks_in(move.on.condition)
        case TookBack(ask=ask):
            return isinstance(move.on, OnHolds) and ask in asks_in(move.on.condition)
        case Commanded(word=word):
            return isinstance(move.on, OnCommand) and move.on.word == word
        case Ended(workflow=workflow, state=state):
            return (
                isinstance(move.on, OnEnded)
                and move.on.workflow == workflow
                and move.on.state in (None, state)
            )
        case _:
            return False


def _lacks_of(move: MoveDef, scene: Scene) -> tuple[Lack, ...]:
    return unmet(move.on.condition, scene) if isinstance(move.on, OnHolds) else ()


def unmet(condition: Condition | None, scene: Scene) -> tuple[Lack, ...]:
    """The claims for whose sake a condition does not hold; none if it does."""
    if condition is None or holds(condition, scene):
        return ()
    match condition:
        case AllOf(those=those) | AnyOf(those=those):
            return tuple(lack for each in those for lack in unmet(each, scene))
        case NotThat(that=NotThat(that=that)):
            return unmet(that, scene)
        case NotThat(that=AllOf(those=those)):
            return tuple(lack for each in those for lack in unmet(NotThat(each), scene))
        case NotThat(that=AnyOf(those=those)):
            return tuple(lack for each in those for lack in unmet(NotThat(each), scene))
        case _:
            return (_measured(condition, scene),)


def _measured(claim: Condition, scene: Scene) -> Lack:
    """A claim with what it counts: there was so much, and so much was needed (of ``NotThat``: was too much)."""
    match claim.that if isinstance(claim, NotThat) else claim:
        case CountOf() as count:
            value = scene.detail(count.bound) if isinstance(count.bound, str) else Number(count.bound)
            return Lack(claim, counted(count, scene), value.n if isinstance(value, Number) else None)
        case EveryoneSaid(ask=ask, choice=choice):
            return Lack(claim, len(scene.who_said(ask, choice)), scene.asked(ask))
        case ShareSaid(ask=ask, choice=choice) as share:
            return Lack(claim, len(scene.who_said(ask, choice)), share_needed(share, scene.asked(ask)))
        case BeenIn(state=state, times=times):
            return Lack(claim, scene.visits(state), times)
        case _:
            return Lack(claim)
