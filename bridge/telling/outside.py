"""What whoever takes no part may see of a running instance: the audience filter of pictures and replays.

Right 12: a private workflow shows outsiders an opaque id and that it needs a human, nothing else. Whoever runs the
house and whoever looks after its workflows is an outsider to everything that the circle does not see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from bridge.telling.lexis import sentence
from engine.core.decide import public_line, public_shelf
from engine.core.definition import AtMoment, Definition, StateDef
from engine.core.instance import Snapshot
from engine.core.values import Ms


class Private(msgspec.Struct, frozen=True):
    """Nothing may be shown. It says the same of an instance that is not there."""


class Public(msgspec.Struct, frozen=True):
    """One with a line that its circle sees now.

    ``states`` are all in which it may stand as far as that line tells, in the definition's order; ``since_ms``
    is when it came there, if there is only one.
    """

    states: tuple[str, ...]
    since_ms: Ms | None


def seen_from_outside(definition: Definition | None, snapshot: Snapshot | None) -> Public | Private:
    """What an outsider may know of where an instance stands, by the definition it is pinned to.

    States that show the circle the same sentence are told apart only where the calendar alone leads from one to the
    other: what somebody answered or decided in private must not show in which of them is marked.
    """
    if definition is None or snapshot is None or public_shelf(definition, snapshot) is None:
        return Private()
    line = public_line(definition, snapshot)
    if line is None:
        return Private()
    keys = {
        sentence(definition, key)
        for key in _public_keys(definition.states[snapshot.state])
        if line.key in (key, *(own.key for own in (definition.own.get(key),) if own is not None))
    }
    alike = [
        state.name
        for state in definition.states.values()
        if not state.final and any(sentence(definition, key) in keys for key in _public_keys(state))
    ]
    ways = tuple(_ways(definition))
    together = _not_told_apart(definition, ways, alike)[snapshot.state]
    again = Way(snapshot.state, snapshot.state, by_calendar=False)
    return Public(together, snapshot.entered_ms if len(together) == 1 and again not in ways else None)


def _public_keys(state: StateDef) -> tuple[str, ...]:
    return tuple(key for key in (state.public, state.public_otherwise) if key is not None)


class Way(msgspec.Struct, frozen=True):
    """That one state can follow another, and whether it does so by the calendar alone, which everyone can read."""

    start: str
    to: str
    by_calendar: bool


def _ways(definition: Definition) -> Iterator[Way]:
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            yield Way(state.name, move.to, by_calendar=_by_calendar(definition, state, index))
        for to in (state.if_starter_leaves or definition.if_starter_leaves, *definition.if_leaves.values()):
            if to is not None and not state.final:
                yield Way(state.name, to, by_calendar=False)


def _not_told_apart(
    definition: Definition, ways: Sequence[Way], alike: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """State → all that an outsider cannot tell from it, among states that show the same sentence."""
    groups = {name: frozenset((name,)) for name in alike}
    # Where the sentence can appear, its appearance alone does not say in which of those states.
    first = [definition.start] if definition.start in groups else []
    _unite(groups, (*first, *(way.to for way in ways if way.to in groups and way.start not in groups)))
    inside = [way for way in ways if way.to in groups and way.start in groups]
    changed = True
    while changed:
        before = dict(groups)
        for way in inside:
            # Whoever follows the calendar must know from where: a state that is not told apart leads nowhere alone.
            if not (way.by_calendar and len(groups[way.start]) == 1):
                _unite(groups, (way.start, way.to))
        changed = groups != before
    return {
        name: tuple(state for state in definition.states if state in group) for name, group in groups.items()
    }


def _by_calendar(definition: Definition, state: StateDef, index: int) -> bool:
    """Whether a move comes by a date that the public line shows, or by time alone, whatever anybody says."""
    move = state.moves[index]
    if not isinstance(move.on, AtMoment) or move.when is not None:
        return False
    if any(other.on == move.on and other.when is not None for other in state.moves[:index]):
        return False
    shown = {gap for key in _public_keys(state) for gap in definition.gaps.get(key, ())}
    return move.on.moment.base in {"entering", *shown}


def _unite(groups: dict[str, frozenset[str]], names: Iterable[str]) -> None:
    whole = frozenset().union(*(groups[name] for name in names))
    for name in whole:
        groups[name] = whole
