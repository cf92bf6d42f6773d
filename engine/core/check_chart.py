"""The chart: how the states of a definition lead to each other, and what surely holds in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.core.definition import (
    AskDef,
    AtMoment,
    Definition,
    MomentExpr,
    MoveDef,
    OnClosed,
    OnGathered,
    StateDef,
)
from engine.core.survey import Saying
from engine.core.values import DAY_MS

Names = frozenset[str]

USUAL_UNTIL = MomentExpr(base="opening", offset_ms=7 * DAY_MS)
"""When an ask closes whose file does not say."""


class Chart:
    """The graph of one definition's states. ``start`` must be one of them."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.states = definition.states
        self._after: dict[str, set[str]] = {}
        self.reached = self.reach({definition.start}, self.targets)
        everything = frozenset(definition.asks)
        given = frozenset(d.name for d in definition.details.values() if d.given)
        self.known = self._flow(self.known_after, lambda _, known: known, self._with_defaults(given))
        self.closed = self._flow(self.closed_after, self._closed_on_entering, everything)
        self.shown = self._flow(self.shown_after, self._shown_on_entering, everything)

    # ── ways ─────────────────────────────────────────────────────────────────

    def leavings(self, state: StateDef) -> list[str]:
        """Where a state leads when people leave; those of the file come after the state's own."""
        starters = state.if_starter_leaves or self.definition.if_starter_leaves
        return [name for name in (*self.definition.if_leaves.values(), starters) if name in self.states]

    def targets(self, name: str) -> list[str]:
        """Where a state leads, whatever it takes."""
        state = self.states[name]
        return [] if state.final else [*self.moves(name), *self.leavings(state)]

    def moves(self, name: str) -> list[str]:
        """Where the moves of a state lead."""
        state = self.states[name]
        return [] if state.final else [move.to for move in state.moves if move.to in self.states]

    def reach(self, start: Iterable[str], targets: Callable[[str], Iterable[str]]) -> set[str]:
        """All that can be reached from ``start``, itself included."""
        found = set(start)
        queue = list(found)
        while queue:
            for name in targets(queue.pop()):
                if name not in found:
                    found.add(name)
                    queue.append(name)
        return found

    def backwards(self, targets: Callable[[str], Iterable[str]]) -> Callable[[str], Iterable[str]]:
        """The same ways, the other way round."""
        back: dict[str, list[str]] = {name: [] for name in self.states}
        for name in self.states:
            for to in targets(name):
                back[to].append(name)
        return back.__getitem__

    def after(self, name: str) -> set[str]:
        """The states that can come after a state; itself only if a way leads back to it."""
        found = self._after.get(name)
        if found is None:
            found = self._after[name] = self.reach(self.targets(name), self.targets)
        return found

    def always_passes(self, name: str, state: str) -> bool:
        """Whether every way to a state leads through another one."""
        start = self.definition.start
        around = self.reach({start} - {name}, lambda each: (to for to in self.targets(each) if to != name))
        return state not in around

    def _flow(
        self,
        after: Callable[[StateDef, MoveDef | None, Names], Names],
        entering: Callable[[StateDef, Names], Names],
        start: Names,
    ) -> dict[str, Names]:
        """What surely holds on entering each state, whichever way it was reached."""
        first = self.definition.start
        holds: dict[str, Names] = {first: entering(self.states[first], start)}
        queue = [first]
        while queue:
            state = self.states[queue.pop()]
            ways = [(m.to, after(state, m, holds[state.name])) for m in state.moves if m.to in self.states]
            if not state.final and not self._only_begins(state):
                ways += [(to, after(state, None, holds[state.name])) for to in self.leavings(state)]
            for to, then in ways:
                now = entering(self.states[to], then)
                if to in holds:
                    now &= holds[to]
                if now != holds.get(to):
                    holds[to] = now
                    queue.append(to)
        return holds

    def _only_begins(self, state: StateDef) -> bool:
        """Whether nobody but the starter has heard of anything yet: then nobody is left to be told of a leaving."""
        return state.name == self.definition.start and not state.asks and not state.tells

    # ── what is known ────────────────────────────────────────────────────────

    def _with_defaults(self, known: Names) -> Names:
        found = set(known)
        for name, detail in self.definition.details.items():
            moment = detail.default_moment
            stands = moment is not None and moment.base in found | {"entering"}
            if stands or (detail.default_choice, detail.default_number) != (None, None):
                found.add(name)
        return frozenset(found)

    def known_after(self, state: StateDef, move: MoveDef | None, known: Names) -> Names:
        """The details that are there once a move out of a state is taken (None: somebody left)."""
        if move is None or not isinstance(move.on, OnGathered):
            return known
        details = [self.definition.details[name] for name in state.gather if name in self.definition.details]
        also = frozenset(d.becomes for d in details if d.becomes is not None)
        return self._with_defaults(known | frozenset(state.gather) | also)

    def known_when_said(self, saying: Saying) -> Names:
        """The details that are there when a sentence is said."""
        state = self.states[saying.state]
        known = self.known.get(state.name, frozenset())
        if saying.move is not None:
            return self.known_after(state, state.moves[saying.move], known)
        if saying.owner in state.gather:
            before = state.gather[: state.gather.index(saying.owner)]
            return self._with_defaults(known | frozenset(before))
        return known

    def stands(self, moment: MomentExpr, state: str) -> bool:
        """Whether a moment can be counted on in a state."""
        if moment.base in ("entering", "opening"):
            return True
        detail = self.definition.details.get(moment.base)
        if detail is None:
            return True  # said elsewhere
        may_be_nothing = (detail.optional or detail.given) and detail.default_moment is None
        return moment.base in self.known.get(state, frozenset()) and not may_be_nothing

    def may_be_known(self, name: str) -> Names:
        """The details that can be there in a state at the latest."""
        before = [state for state in self.states.values() if self._comes_before(state.name, name)]
        gathered = {each for state in before for each in state.gather}
        also = {self.definition.details[n].becomes for n in gathered if n in self.definition.details}
        given = {d.name for d in self.definition.details.values() if d.given}
        return self._with_defaults(frozenset(gathered | given | {each for each in also if each is not None}))

    def may_be_put(self, name: str, *, before: bool = False) -> Names:
        """The asks that can have been put while a state lasts, or (``before``) before it is entered."""
        states = [s for s in self.states.values() if self._comes_before(s.name, name) or s.name == name]
        return frozenset(
            each for s in states if not before or self._comes_before(s.name, name) for each in s.asks
        )

    def _comes_before(self, first: str, then: str) -> bool:
        return then in self.after(first)

    # ── what is closed, and what is shown ────────────────────────────────────

    def closed_after(self, state: StateDef, move: MoveDef | None, closed: Names) -> Names:
        """The asks that are surely closed once a move out of a state is taken."""
        inside = closed - frozenset(state.asks)
        if move is None:
            return inside
        return inside | {ask.name for ask in self._open_in(state) if closes(move, ask)}

    def _closed_on_entering(self, state: StateDef, closed: Names) -> Names:
        return closed | (frozenset(self.definition.asks) - frozenset(state.keeps))

    def shown_after(self, state: StateDef, move: MoveDef | None, shown: Names) -> Names:
        """The asks whose answers are surely hidden no more once a move out of a state is taken."""
        inside = shown - frozenset(name for name in state.asks if self._is_hidden(name))
        if move is None:
            return inside
        return inside | {ask.name for ask in self._open_in(state) if _shows(move, ask)}

    def _shown_on_entering(self, state: StateDef, shown: Names) -> Names:
        left = [
            ask.name
            for ask in self.definition.asks.values()
            if ask.hidden is not None and ask.hidden.until_closed and ask.name not in state.keeps
        ]
        return shown | frozenset(left) | frozenset(state.shows)

    def _is_hidden(self, name: str) -> bool:
        ask = self.definition.asks.get(name)
        return ask is not None and ask.hidden is not None

    def _open_in(self, state: StateDef) -> list[AskDef]:
        names = (*state.asks, *state.keeps)
        return [self.definition.asks[name] for name in names if name in self.definition.asks]

    def closed_at(self, state: str, move: int | None, *, lasting: bool) -> Names:
        """The asks that are surely closed: at a move out of a state, else on entering it or (``lasting``) in it."""
        return self._at(state, move, self.closed, self.closed_after, lasting=lasting)

    def shown_at(self, state: str, move: int | None, *, lasting: bool) -> Names:
        """The asks whose answers are surely hidden no more, likewise."""
        return self._at(state, move, self.shown, self.shown_after, lasting=lasting)

    def _at(
        self,
        name: str,
        move: int | None,
        flow: dict[str, Names],
        after: Callable[[StateDef, MoveDef | None, Names], Names],
        *,
        lasting: bool,
    ) -> Names:
        state = self.states[name]
        holds = flow.get(name, frozenset())
        if move is not None:
            return after(state, state.moves[move], holds)
        return after(state, None, holds) if lasting else holds


def closes(move: MoveDef, ask: AskDef) -> bool:
    """Whether an ask has surely closed when this move is taken."""
    if isinstance(move.on, OnClosed):
        return move.on.ask == ask.name
    return _comes_after(move, ask.until or USUAL_UNTIL, ask)


def _shows(move: MoveDef, ask: AskDef) -> bool:
    if ask.hidden is None:
        return True
    if ask.hidden.until_closed:
        return closes(move, ask)
    return ask.hidden.until is not None and _comes_after(move, ask.hidden.until, ask)


def _comes_after(move: MoveDef, until: MomentExpr, ask: AskDef) -> bool:
    if not isinstance(move.on, AtMoment):
        return False
    at = move.on.moment
    same_base = until.base == at.base or (
        until.base == "opening" and at.base == "entering" and ask.every_ms is None
    )
    return same_base and until.halfway == at.halfway and at.offset_ms >= until.offset_ms
