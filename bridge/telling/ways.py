"""The heaviest seven days on any way through the states of a definition."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.core.definition import AtMoment, Definition, MoveDef, OnClosed, StateDef
from engine.core.turn import ASK_OPEN_MS
from engine.core.values import WEEK_MS, Ms

MOST_STEPS = 100_000
"""Steps of the search; a file with more ways than that is weighed as if all its states came in one week."""


class Count(msgspec.Struct, frozen=True):
    """Messages: those that make a sound (unless the weekly limit makes them wait), and those that never do."""

    sounding: int = 0
    quiet: int = 0

    @property
    def all(self) -> int:
        """All of them."""
        return self.sounding + self.quiet

    def __add__(self, other: Count) -> Count:
        return Count(self.sounding + other.sounding, self.quiet + other.quiet)


class Mail(Protocol):
    """What comes to somebody."""

    def on_entering(self, state: StateDef) -> Count:
        """With a state, within the week after it was entered."""
        ...

    def from_before(self, state: StateDef) -> Count:
        """What was asked before the state was entered, and goes on in it."""
        ...

    def under_way(self, state: StateDef) -> Count:
        """In the course of a state that was entered before the week began."""
        ...

    def on_moving(self, move: MoveDef) -> Count:
        """With a move."""
        ...


class _Way(msgspec.Struct, frozen=True):
    to: str
    lapse_ms: Ms
    """The shortest time in the state before it can be taken."""
    count: Count


class Ways:
    """The states with what each brings, and how fast one can follow upon another.

    What people do, and moments that details give, may come at once. A state may come twice in a week only where time
    must pass in between: how often people go round on their own is theirs.
    """

    def __init__(self, definition: Definition, mail: Mail) -> None:
        self._definition = definition
        self._entering = {name: mail.on_entering(state) for name, state in definition.states.items()}
        self._from_before = {name: mail.from_before(state) for name, state in definition.states.items()}
        self._under_way = {name: mail.under_way(state) for name, state in definition.states.items()}
        self._ways = {name: self._ways_from(state, mail) for name, state in definition.states.items()}
        self._steps = 0

    def heaviest(self) -> Count:
        """The most that comes within seven days, wherever they begin."""
        self._steps = 0
        best = Count()
        try:
            for name in self._definition.states:
                entered = self._entering[name] + self._from_before[name]
                best = _heavier(best, entered + self._onward(name, 0, {name: 0}, settled=False))
                best = _heavier(best, self._under_way[name] + self._onward(name, 0, {}, settled=True))
        except _TooManyWays:
            return self._everything()
        return best

    def goes_round(self) -> bool:
        """Whether somebody may come to a state again without time having to pass: what it brings comes again then."""
        return any(name in self._soon_after(name) for name in self._definition.states)

    def _soon_after(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            soon = {way.to for way in self._ways[waiting.pop()] if not way.lapse_ms} - found
            found |= soon
            waiting += soon
        return found

    def _onward(self, name: str, now_ms: Ms, entered: dict[str, Ms], *, settled: bool) -> Count:
        """The most that can follow; ``settled``: the state began before the week, so its time may be up at once."""
        best = Count()
        for way in self._ways[name]:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise _TooManyWays
            at_ms = now_ms if settled else now_ms + way.lapse_ms
            if at_ms >= WEEK_MS or entered.get(way.to, -1) >= at_ms:
                continue
            following = self._onward(way.to, at_ms, {**entered, way.to: at_ms}, settled=False)
            best = _heavier(best, way.count + self._entering[way.to] + following)
        return best

    def _everything(self) -> Count:
        lapses = [way.lapse_ms for ways in self._ways.values() for way in ways if way.lapse_ms]
        rounds = 1 + WEEK_MS // min(lapses, default=WEEK_MS)
        held = [*self._entering.values(), *self._under_way.values()]
        held += [way.count for ways in self._ways.values() for way in ways]
        return Count(sum(c.sounding for c in held) * rounds, sum(c.quiet for c in held) * rounds)

    def _ways_from(self, state: StateDef, mail: Mail) -> tuple[_Way, ...]:
        """One way to each state that can follow: the fastest and the heaviest of its moves in one."""
        if state.final:
            return ()
        found: dict[str, _Way] = {}
        for move in state.moves:
            way = _Way(move.to, self._lapse(state, move), mail.on_moving(move))
            known = found.get(move.to, way)
            found[move.to] = _Way(
                move.to, min(known.lapse_ms, way.lapse_ms), _heavier(known.count, way.count)
            )
        definition = self._definition
        left = (state.if_starter_leaves or definition.if_starter_leaves, *definition.if_leaves.values())
        for name in left:
            if name is not None and name in definition.states:
                known = found.get(name, _Way(name, 0, Count()))
                found[name] = _Way(name, 0, known.count)
        return tuple(way for way in found.values() if way.to in definition.states)

    def _lapse(self, state: StateDef, move: MoveDef) -> Ms:
        match move.on:
            case AtMoment(moment=moment) if moment.base == "entering" and not moment.halfway:
                return max(0, moment.offset_ms)
            case OnClosed(ask=name) if name in state.asks:
                until = self._definition.asks[name].until
                if until is None:
                    return ASK_OPEN_MS
                return max(0, until.offset_ms) if until.base == "opening" and not until.halfway else 0
            case _:
                return 0


class _TooManyWays(Exception):
    """The file has more ways than can be walked."""


def _heavier(one: Count, other: Count) -> Count:
    return max(one, other, key=lambda count: (count.all, count.sounding))
