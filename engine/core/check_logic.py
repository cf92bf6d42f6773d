"""Logic: conditions that can hold, moves that can be taken, and no circle in which nobody does anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from engine.core.check_chart import Chart
from engine.core.check_possible import Possible
from engine.core.definition import (
    AllOf,
    AtMoment,
    BeenIn,
    Condition,
    MoveDef,
    NotThat,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    StateDef,
    Trigger,
)
from engine.core.finding import Finding, Path
from engine.core.survey import Clause, claims, conditions, looked_at_in


def check_logic(chart: Chart) -> Iterator[Finding]:
    """Find conditions and moves that mean nothing, and moves that go round by themselves."""
    possible = Possible(chart)
    for clause in conditions(chart.definition):
        yield from _constant(chart, possible, clause)
    for state in chart.states.values():
        yield from _hidden_moves(possible, state)
        yield from _fights(state)
    yield from _spins(chart)


# ── conditions ───────────────────────────────────────────────────────────────


def _constant(chart: Chart, possible: Possible, clause: Clause) -> Iterator[Finding]:
    looked_at = [name for name in looked_at_in(chart.definition, clause) if name in chart.reached]
    if not looked_at:
        return
    if all(possible.together([clause.condition], name) is False for name in looked_at):
        yield Finding(
            clause.path,
            "never-holds",
            "this can never be so",
            "look at its names and numbers: how many can answer by then, and what was there before?",
        )
    elif all(possible.together([NotThat(clause.condition)], name) is False for name in looked_at):
        yield Finding(
            clause.path,
            "always-holds",
            "this is always so",
            "leave the condition out, or write what was meant",
            "warning",
        )


# ── moves that hide each other ───────────────────────────────────────────────


def _hidden_moves(possible: Possible, state: StateDef) -> Iterator[Finding]:
    for index, move in enumerate(state.moves):
        earlier = [
            (n, other)
            for n, other in enumerate(state.moves)
            if n != index and _comes_first(other.on, n, move.on, index)
        ]
        always = next((n for n, other in earlier if _conditions(other) == []), None)
        path: Path = ("states", state.name, "moves", str(index))
        if always is not None:
            yield Finding(
                path,
                "never-taken",
                f"move {always + 1} of this state is always taken first",
                "give that one an `if`, or put it last",
            )
            continue
        mine = _conditions(move)
        # A condition may hold at one moment and not at the next, so only the same moment counts.
        same = [o for _, o in earlier if not isinstance(o.on, AtMoment) or o.on == move.on]
        if not same or possible.together(mine, state.name) is False:
            continue
        if possible.together([*mine, *(NotThat(_all(other)) for other in same)], state.name) is False:
            yield Finding(
                path,
                "never-taken",
                "whenever this could be taken, a move above it is taken first",
                "put it above that one, or change one of the conditions",
            )


def _comes_first(other: Trigger, n: int, on: Trigger, index: int) -> bool:
    """Whether ``other``, where its condition holds, is taken before ``on`` in all that sets ``on`` off."""
    match other, on:
        case AtMoment(moment=first), AtMoment(moment=then) if first.base == then.base == "entering":
            return (first.offset_ms, n) < (then.offset_ms, index)
        case OnAnswer(ask=first_ask, choice=first_choice), OnAnswer(ask=ask, choice=choice):
            return n < index and first_ask == ask and first_choice in (None, choice)
        case OnEnded(workflow=first_flow, state=first_state), OnEnded(workflow=flow, state=state):
            return n < index and first_flow == flow and first_state in (None, state)
        case OnCommand(word=first_word, who=first_who), OnCommand(word=word, who=who):
            return n < index and first_word == word and set(first_who) >= set(who)
        case OnHolds(), OnHolds():
            return n < index
        case _:
            return n < index and other == on


def _conditions(move: MoveDef) -> list[Condition]:
    own = [move.on.condition] if isinstance(move.on, OnHolds) else []
    return own if move.when is None else [*own, move.when]


def _all(move: MoveDef) -> Condition:
    return AllOf(tuple(_conditions(move)))


def _fights(state: StateDef) -> Iterator[Finding]:
    """One word leads to one place, whoever writes it."""
    first: dict[str, tuple[OnCommand, MoveDef]] = {}
    for index, move in enumerate(state.moves):
        if not isinstance(move.on, OnCommand):
            continue
        on, other = first.setdefault(move.on.word, (move.on, move))
        if set(on.who) != set(move.on.who) and move.to != other.to:
            yield Finding(
                ("states", state.name, "moves", str(index), "when"),
                "fighting",
                f"`{on.word}` cannot lead to `{other.to}` for some and to `{move.to}` for others",
                "give one of them another word",
                word=on.word,
            )


# ── circles in which nobody does anything ────────────────────────────────────


def _spins(chart: Chart) -> Iterator[Finding]:
    at_once: dict[str, list[str]] = {
        name: [m.to for m in state.moves if m.to in chart.states and _is_at_once(chart, state, m)]
        for name, state in chart.states.items()
    }
    told: set[str] = set()
    for name in chart.states:
        circle = chart.reach(at_once[name], at_once.__getitem__)
        if name not in circle or name in told or name not in chart.reached:
            continue
        told |= {each for each in circle if name in chart.reach(at_once[each], at_once.__getitem__)}
        yield Finding(
            ("states", name),
            "spins",
            f"`{name}` would lead back to itself at once, over and over",
            "let time pass on the way, for example `at: 1 day after entering`",
        )


def _is_at_once(chart: Chart, state: StateDef, move: MoveDef) -> bool:
    """Whether a move may be taken as soon as its state is entered, however often that happens."""
    counted = any(isinstance(claim, BeenIn) for each in _conditions(move) for claim in claims(each))
    if counted or state.final:
        return False
    match move.on:
        case OnHolds():
            return True
        case AtMoment(moment=moment) if moment.base == "entering":
            return moment.offset_ms <= 0
        case AtMoment():
            return True  # once that day is past, it is past for ever
        case OnCommand() | OnAnswer() | OnGathered() | OnClosed() | OnEnded():
            return False
        case _:
            assert_never(move.on)
