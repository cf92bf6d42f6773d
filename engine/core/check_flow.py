"""Ways: every state can be reached and left, none waits for ever, and nothing is used before it is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from engine.core.check_chart import Chart, Names
from engine.core.check_people import part_of
from engine.core.check_possible import Possible
from engine.core.definition import (
    AnsweredBy,
    AtMoment,
    Condition,
    Contacts,
    CountOf,
    Everyone,
    EveryoneSaid,
    HolderOf,
    MoveDef,
    NamedBy,
    NamedIn,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OneOf,
    OnGathered,
    OnHolds,
    Part,
    ShareSaid,
    Source,
    Starter,
    StateDef,
    Stewards,
    Who,
)
from engine.core.finding import Finding, Path
from engine.core.survey import Saying, claims, gaps_of, move_of, read_gap, sayings, tells_of, timings


def check_flow(chart: Chart) -> Iterator[Finding]:
    """Find states that cannot be reached or left, and what is used too early."""
    yield from _reached(chart)
    yield from _left(chart)
    yield from _leavings(chart)
    yield from _gathered(chart)
    yield from _waits(chart)
    yield from _luck(chart)
    yield from _moments_known(chart)
    yield from _words_known(chart)
    yield from _people_known(chart)


# ── every state can be reached and left ──────────────────────────────────────


def _reached(chart: Chart) -> Iterator[Finding]:
    for name in chart.states:
        if name not in chart.reached:
            yield Finding(
                ("states", name),
                "unreachable",
                f"nothing leads to the state `{name}`",
                f"add a move with `to: {name}`, or leave the state out",
            )


def _left(chart: Chart) -> Iterator[Finding]:
    ending = _ending(chart)
    for name, state in chart.states.items():
        path: Path = ("states", name)
        if state.final and state.moves:
            yield Finding(
                path, "moves-after-end", f"`{name}` is an end, and yet has moves", "leave one of them out"
            )
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


def _ending(chart: Chart) -> set[str]:
    """The states from which moves lead to an end; that people may leave is no way out. A dead end is said by itself."""
    last = {name for name, state in chart.states.items() if state.final or not state.moves}
    return chart.reach(last, chart.backwards(chart.moves))


def _leavings(chart: Chart) -> Iterator[Finding]:
    """Where a part is left empty it is over; only what a starter began may be taken up by somebody else."""
    for part, to in chart.definition.if_leaves.items():
        if to in chart.states and not chart.states[to].final:
            path = (f"if {part} leaves",)
            yield Finding(path, "not-an-end", f"`{to}` is not an end", "name a state with `ends with`")


def _gathered(chart: Chart) -> Iterator[Finding]:
    for name, state in chart.states.items():
        path: Path = ("states", name)
        gathers = [index for index, move in enumerate(state.moves) if isinstance(move.on, OnGathered)]
        if gathers and not state.gather:
            yield Finding(
                (*path, "moves", str(gathers[0]), "when"),
                "nothing-gathered",
                f"`{name}` gathers nothing",
                "list details under `gather`",
            )
        elif state.gather and not gathers:
            yield Finding(
                path,
                "gathered-for-nothing",
                f"nothing happens once `{name}` has gathered everything",
                "add a move with `when: everything is gathered`",
            )


# ── none waits for ever ──────────────────────────────────────────────────────


def _waits(chart: Chart) -> Iterator[Finding]:
    """Every state that is no end has a moment at which it is left, whatever people do."""
    for name, state in chart.states.items():
        if state.final or not state.moves or name not in chart.reached:
            continue
        if any(
            _surely_comes(chart, state, move) or _is_too_early(chart, state, move) for move in state.moves
        ):
            continue
        hint = "add a move without `if`, for example `at: 14 days after entering`"
        if state.asks and all(isinstance(move.on, OnAnswer) for move in state.moves):
            yield Finding(
                ("states", name),
                "must-answer",
                f"`{state.asks[0]}` could not be left unanswered: nothing but an answer leads out of `{name}`",
                hint,
            )
        else:
            yield Finding(
                ("states", name),
                "waits-for-ever",
                f"`{name}` may wait for ever if nobody does anything",
                hint,
            )


def _surely_comes(chart: Chart, state: StateDef, move: MoveDef) -> bool:
    """Whether a moment stands, and one of the moves that it sets off is taken whatever else is so."""
    if not isinstance(move.on, AtMoment) or not chart.stands(move.on.moment, state.name):
        return False
    conditions = [other.when for other in state.moves if other.on == move.on]
    if None in conditions:
        return True
    otherwise = [NotThat(each) for each in conditions if each is not None]
    return Possible(chart).together(otherwise, state.name) is False


def _is_too_early(chart: Chart, state: StateDef, move: MoveDef) -> bool:
    """Whether a moment would come if its day were known: then it is the day that must be mended."""
    return (
        isinstance(move.on, AtMoment)
        and move.when is None
        and move.on.moment.base in chart.definition.details
        and not chart.stands(move.on.moment, state.name)
    )


def _luck(chart: Chart) -> Iterator[Finding]:
    """A loop can be left by time or by somebody's word, and not only if the answers happen to fit."""
    ending = _ending(chart)
    last = {name for name, state in chart.states.items() if state.final or not state.moves}
    sure = chart.reach(last, chart.backwards(lambda name: _sure_targets(chart, name)))
    for name, state in chart.states.items():
        loops = name in chart.reached and name in ending and name in chart.after(name)
        if loops and name not in sure and any(_surely_comes(chart, state, move) for move in state.moves):
            yield Finding(
                ("states", name),
                "loop-by-luck",
                f"`{name}` comes round again and again until the answers happen to fit",
                f"let it end after a while, for example with `if: been in {name} at least 3 times`",
            )


def _sure_targets(chart: Chart, name: str) -> list[str]:
    state = chart.states[name]
    if state.final:
        return []
    loops = name in chart.after(name)
    return [m.to for m in state.moves if m.to in chart.states and _is_sure(m, loops=loops)]


def _is_sure(move: MoveDef, *, loops: bool) -> bool:
    """Whether time or somebody's word leads this way; outside of a loop, any way does."""
    match move.on:
        case AtMoment() | OnCommand() | OnClosed() | OnEnded():
            return not (loops and _needs_answers(move.when))
        case OnHolds(condition=condition):
            return not (loops and _needs_answers(condition))
        case OnAnswer() | OnGathered():
            return not loops
        case _:
            assert_never(move.on)


def _needs_answers(condition: Condition | None) -> bool:
    if condition is None:
        return False
    return any(isinstance(claim, CountOf | EveryoneSaid | ShareSaid) for claim in claims(condition))


# ── nothing is used before it is known ───────────────────────────────────────


def _moments_known(chart: Chart) -> Iterator[Finding]:
    for timing in timings(chart.definition):
        states = [timing.state] if timing.state else []
        if timing.ask is not None:
            states = [s.name for s in chart.states.values() if timing.ask in s.asks]
        base = timing.moment.base
        detail = chart.definition.details.get(base)
        for state in states:
            if state not in chart.reached or chart.stands(timing.moment, state):
                continue
            if detail is not None and (detail.optional or detail.given):
                yield Finding(
                    timing.path,
                    "not-known-yet",
                    f"`{base}` may be left open, so nothing can count on it",
                    "take `optional` away, or give it a default",
                    rests_on=(("details", base),),
                    word=base,
                )
            else:
                yield _too_early(timing.path, base, state)


def _words_known(chart: Chart) -> Iterator[Finding]:
    details = chart.definition.details
    for saying in sayings(chart.definition):
        if saying.state not in chart.reached:
            continue
        known = chart.known_when_said(saying)
        for written in gaps_of(chart.definition, saying.key):
            gap = read_gap(written)
            if gap.kind == "name" and gap.name in details and gap.name not in known:
                yield _too_early(saying.path, gap.name, saying.state)
            elif gap.kind not in ("name", "about") and not _can_be_put(chart, gap.name, saying):
                yield Finding(
                    saying.path,
                    "nobody-yet",
                    f"`{gap.name}` is not asked before this is said, so `<{written}>` would be empty",
                    f"say it after `{gap.name}`",
                    rests_on=(("asks", gap.name),),
                    word=written,
                )
    for state in chart.states.values():
        known = chart.known.get(state.name, frozenset())
        for index, start in enumerate(state.starts):
            for here, _ in start.hands:
                if state.name in chart.reached and here in details and here not in known:
                    path = ("states", state.name, "starts", str(index), "hand over")
                    yield _too_early(path, here, state.name)


def _can_be_put(chart: Chart, ask: str, saying: Saying) -> bool:
    later = saying.move is not None or saying.kind in ("board", "public", "ask", "label", "carried")
    put = chart.may_be_put(saying.state, before=not later)
    return ask in put or ask not in chart.definition.asks


def _people_known(chart: Chart) -> Iterator[Finding]:
    """Whoever is asked or told something can have been chosen, or have answered, by then."""
    definition = chart.definition
    for state in chart.states.values():
        if state.name not in chart.reached:
            continue
        for name in state.asks:
            ask = definition.asks.get(name)
            if ask is not None and not _can_be(chart, ask.to, state.name, later=ask.every_ms is not None):
                yield _nobody(("states", state.name, "asks"), name, ask.to, state.name)
        for tell, path in tells_of(state):
            if not _can_be(chart, tell.to, state.name, later=move_of(path) is not None):
                yield _nobody((*path, "to"), "", tell.to, state.name)


def _can_be(chart: Chart, who: Who, state: str, *, later: bool) -> bool:
    """Whether there can be anybody: on entering a state, or ``later`` in it."""
    put = chart.may_be_put(state, before=not later)
    known = chart.may_be_known(state) | (frozenset(chart.states[state].gather) if later else frozenset())
    if isinstance(who, AnsweredBy):
        return who.ask in put or who.ask not in chart.definition.asks
    part = part_of(chart.definition, who.name) if isinstance(who, Part) else None
    if part is None or not part.sources:
        return True
    return any(_has_anybody(chart, source, put, known) for source in part.sources)


def _has_anybody(chart: Chart, source: Source, put: Names, known: Names) -> bool:
    match source:
        case NamedIn(detail=name):
            return name in known or name not in chart.definition.details
        case NamedBy(ask=name) | AnsweredBy(ask=name):
            ask = chart.definition.asks.get(name)
            means_something = ask is not None and (ask.naming is not None or isinstance(source, AnsweredBy))
            return name in put or not means_something
        case OneOf(part=name):
            part = part_of(chart.definition, name)
            others = () if part is None else part.sources
            return not others or any(
                isinstance(each, OneOf) or _has_anybody(chart, each, put, known) for each in others
            )
        case Starter() | Everyone() | HolderOf() | Stewards() | Contacts():
            return True
        case _:
            assert_never(source)


def _nobody(path: Path, word: str, who: Who, state: str) -> Finding:
    asked = f"have answered `{who.ask}`" if isinstance(who, AnsweredBy) else "be there"
    if isinstance(who, Part):
        asked = f"be `{who.name}`"
    return Finding(
        path,
        "nobody-yet",
        f"in the state `{state}` nobody can {asked} yet",
        "say it in a later state, once they have been chosen or have answered",
        word=word,
    )


def _too_early(path: Path, name: str, state: str | None) -> Finding:
    return Finding(
        path,
        "not-known-yet",
        f"`{name}` may not be known yet in the state `{state}`",
        "gather it in an earlier state, or give it a default",
        rests_on=(("details", name),),
        word=name,
    )
