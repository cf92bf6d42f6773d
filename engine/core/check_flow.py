"""Ways: every state can be reached and left, none waits for ever, and nothing is used before it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
from engine.core.finding import Finding, Path
from engine.core.survey import Saying, read_gap, sayings, timings
from engine.core.values import DAY_MS

Names = frozenset[str]

USUAL_UNTIL = MomentExpr(base="opening", offset_ms=7 * DAY_MS)
"""When an ask closes whose file does not say."""


def check_flow(definition: Definition) -> Iterator[Finding]:
    """Find states that cannot be reached or left, and what is used too early."""
    if definition.start not in definition.states:
        return
    ways = _Ways(definition)
    yield from ways.reached()
    yield from ways.left()
    yield from ways.never_taken()
    yield from ways.waits()
    yield from ways.known_in_time()
    yield from ways.closed_in_time()


class _Ways:
    """The graph of one definition's states."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._states = definition.states
        self._reached = self._reach({definition.start}, self._targets)
        self._known = self._flow(self._known_after, self._known_on_entering, self._with_defaults(frozenset()))
        self._closed = self._flow(self._closed_after, self._closed_on_entering, frozenset(definition.asks))

    def _leavings(self) -> list[str]:
        goes = [*self._definition.if_leaves.values(), self._definition.if_starter_leaves]
        return [name for name in goes if name in self._states]

    def _targets(self, name: str) -> list[str]:
        state = self._states[name]
        if state.final:
            return []
        leavings = [state.if_starter_leaves] if state.if_starter_leaves in self._states else []
        return [*(m.to for m in state.moves if m.to in self._states), *leavings, *self._leavings()]

    def _reach(self, start: set[str], targets: Callable[[str], list[str]]) -> set[str]:
        found, queue = set(start), list(start)
        while queue:
            for name in targets(queue.pop()):
                if name not in found:
                    found.add(name)
                    queue.append(name)
        return found

    def _flow(
        self,
        after: Callable[[StateDef, MoveDef | None, Names], Names],
        entering: Callable[[StateDef, Names], Names],
        start: Names,
    ) -> dict[str, Names]:
        """What surely holds on entering each state, whichever way it was reached."""
        holds: dict[str, Names] = {
            self._definition.start: entering(self._states[self._definition.start], start)
        }
        queue = [self._definition.start]
        while queue:
            state = self._states[queue.pop()]
            ways = [(m.to, after(state, m, holds[state.name])) for m in state.moves if m.to in self._states]
            if not state.final and not self._only_begins(state):
                ways += [(to, after(state, None, holds[state.name])) for to in self._leavings()]
            for to, then in ways:
                now = entering(self._states[to], then)
                if to in holds:
                    now &= holds[to]
                if now != holds.get(to):
                    holds[to] = now
                    queue.append(to)
        return holds

    def _only_begins(self, state: StateDef) -> bool:
        """Whether nobody but the starter has heard of anything yet: then nobody is left to be told of a leaving."""
        return state.name == self._definition.start and not state.asks and not state.tells

    # ── what is known ────────────────────────────────────────────────────────

    def _with_defaults(self, known: Names) -> Names:
        found = set(known)
        for name, detail in self._definition.details.items():
            moment = detail.default_moment
            stands = moment is not None and moment.base in found | {"entering"}
            if stands or (detail.default_choice, detail.default_number) != (None, None):
                found.add(name)
        return frozenset(found)

    def _known_after(self, state: StateDef, move: MoveDef | None, known: Names) -> Names:
        if move is not None and isinstance(move.on, OnGathered):
            return self._with_defaults(known | frozenset(state.gather))
        return known

    def _known_on_entering(self, state: StateDef, known: Names) -> Names:
        """A detail that is asked for afresh holds what it held until the new answer comes."""
        return known

    # ── what is closed ───────────────────────────────────────────────────────

    def _closed_after(self, state: StateDef, move: MoveDef | None, closed: Names) -> Names:
        inside = closed - frozenset(state.asks)
        if move is None:
            return inside
        return inside | {
            name
            for name in (*state.asks, *state.keeps)
            if (ask := self._definition.asks.get(name)) is not None and _closes(move, ask)
        }

    def _closed_on_entering(self, state: StateDef, closed: Names) -> Names:
        return closed | (frozenset(self._definition.asks) - frozenset(state.keeps))

    # ── findings ─────────────────────────────────────────────────────────────

    def reached(self) -> Iterator[Finding]:
        """Every state can be reached."""
        for name in self._states:
            if name not in self._reached:
                yield Finding(
                    ("states", name),
                    "unreachable",
                    f"nothing leads to the state `{name}`",
                    f"add a move with `to: {name}`, or leave the state out",
                )

    def left(self) -> Iterator[Finding]:
        """Every state ends, or leads to one that does."""
        back: dict[str, list[str]] = {name: [] for name in self._states}
        for name in self._states:
            for to in self._targets(name):
                back[to].append(name)
        ending = self._reach({n for n, s in self._states.items() if s.final}, back.__getitem__)
        for name, state in self._states.items():
            path: Path = ("states", name)
            if state.final and state.moves:
                yield Finding(
                    path, "moves-after-end", f"`{name}` is an end, and yet has moves", "leave one of them out"
                )
            elif state.final and not self._definition.texts.get(state.outcome or ""):
                yield Finding(path, "no-outcome", f"`{name}` does not say how it ended", "add `ends with: …`")
            elif not state.final and not state.moves:
                yield Finding(
                    path,
                    "dead-end",
                    f"there is no way out of `{name}`",
                    "add `moves:`, or `ends with: …` if it is an end",
                )
            elif name not in ending:
                yield Finding(
                    path,
                    "no-end",
                    f"no way from `{name}` leads to an end",
                    "add a move to a state with `ends with`",
                )
        leaving = {f"if {p} leaves": to for p, to in self._definition.if_leaves.items()}
        if self._definition.if_starter_leaves is not None:
            leaving["if the starter leaves"] = self._definition.if_starter_leaves
        for key, to in leaving.items():
            if to in self._states and not self._states[to].final:
                yield Finding((key,), "not-an-end", f"`{to}` is not an end", "name a state with `ends with`")
        for name, state in self._states.items():
            own = state.if_starter_leaves
            if own in self._states and not self._states[own].final:
                path = ("states", name, "if the starter leaves")
                yield Finding(path, "not-an-end", f"`{own}` is not an end", "name a state with `ends with`")

    def never_taken(self) -> Iterator[Finding]:
        """No move stands behind one that is always taken first, or on something that never happens."""
        for name, state in self._states.items():
            path: Path = ("states", name)
            taken: dict[object, int] = {}
            for index, move in enumerate(state.moves):
                if move.on in taken:
                    yield Finding(
                        (*path, "moves", str(index)),
                        "never-taken",
                        f"move {taken[move.on] + 1} of this state is always taken first",
                        "give that one an `if`, or put it last",
                    )
                if move.when is None:
                    taken.setdefault(move.on, index)
            gathers = any(isinstance(move.on, OnGathered) for move in state.moves)
            if gathers and not state.gather:
                yield Finding(
                    path, "nothing-gathered", f"`{name}` gathers nothing", "list details under `gather`"
                )
            elif state.gather and not gathers:
                yield Finding(
                    path,
                    "gathered-for-nothing",
                    f"nothing happens once `{name}` has gathered everything",
                    "add a move with `when: everything is gathered`",
                )

    def waits(self) -> Iterator[Finding]:
        """Every state that is no end has a moment at which it is left, whatever people do."""
        for name, state in self._states.items():
            if state.final or not state.moves or name not in self._reached:
                continue
            if not any(self._surely_comes(state, move) for move in state.moves):
                yield Finding(
                    ("states", name),
                    "waits-for-ever",
                    f"`{name}` may wait for ever if nobody does anything",
                    "add a move without `if`, for example `at: 14 days after entering`",
                )

    def _surely_comes(self, state: StateDef, move: MoveDef) -> bool:
        return (
            isinstance(move.on, AtMoment) and move.when is None and self._stands(move.on.moment, state.name)
        )

    def _stands(self, moment: MomentExpr, state: str) -> bool:
        if moment.base in ("entering", "opening"):
            return True
        detail = self._definition.details.get(moment.base)
        if detail is None:
            return True
        may_be_nothing = detail.optional and detail.default_moment is None
        return moment.base in self._known.get(state, frozenset()) and not may_be_nothing

    def known_in_time(self) -> Iterator[Finding]:
        """No moment and no sentence needs a detail that may not be there yet."""
        for timing in timings(self._definition):
            states = [timing.state] if timing.state else []
            if timing.ask is not None:
                states = [s.name for s in self._states.values() if timing.ask in s.asks]
            for state in states:
                if state in self._reached and not self._stands(timing.moment, state):
                    yield _too_early(timing.path, timing.moment.base, state)
        for saying in sayings(self._definition):
            if saying.state not in self._reached:
                continue
            known = self._known_when_said(saying)
            for written in self._definition.gaps.get(saying.key, ()):
                gap = read_gap(written)
                if gap.kind == "name" and gap.name in self._definition.details and gap.name not in known:
                    yield _too_early(saying.path, gap.name, saying.state)

    def _known_when_said(self, saying: Saying) -> Names:
        state = self._states[saying.state or self._definition.start]
        known = self._known.get(state.name, frozenset())
        if saying.move is not None:
            return self._known_after(state, state.moves[saying.move], known)
        if saying.owner in state.gather:
            before = state.gather[: state.gather.index(saying.owner)]
            return self._with_defaults(known | frozenset(before))
        return known

    def closed_in_time(self) -> Iterator[Finding]:
        """How many are not joining is said only after an ask has closed, and never in a board."""
        for saying in sayings(self._definition):
            for written in self._definition.gaps.get(saying.key, ()):
                gap = read_gap(written)
                if gap.kind != "not joining" or gap.name not in self._definition.asks:
                    continue
                if saying.kind == "board" or gap.name not in self._closed_when_said(saying):
                    yield Finding(
                        saying.path,
                        "protected-no",
                        f"`<{written}>` would show a no before its moment",
                        f"say it once, in a `tell` after `{gap.name}` has closed",
                        rests_on=(("asks", gap.name),),
                    )

    def _closed_when_said(self, saying: Saying) -> Names:
        state = self._states[saying.state or self._definition.start]
        closed = self._closed.get(state.name, frozenset())
        if saying.move is not None:
            return self._closed_after(state, state.moves[saying.move], closed)
        return closed if saying.kind in ("tell", "outcome") else closed - frozenset(state.asks)


def _too_early(path: Path, name: str, state: str | None) -> Finding:
    return Finding(
        path,
        "not-known-yet",
        f"`{name}` may not be known yet in the state `{state}`",
        "gather it in an earlier state, or give it a default",
        rests_on=(("details", name),),
    )


def _closes(move: MoveDef, ask: AskDef) -> bool:
    """Whether an ask has surely closed when this move is taken."""
    if isinstance(move.on, OnClosed):
        return move.on.ask == ask.name
    if not isinstance(move.on, AtMoment):
        return False
    until, at = ask.until or USUAL_UNTIL, move.on.moment
    same_base = until.base == at.base or (
        until.base == "opening" and at.base == "entering" and ask.every_ms is None
    )
    return same_base and until.halfway == at.halfway and at.offset_ms >= until.offset_ms
