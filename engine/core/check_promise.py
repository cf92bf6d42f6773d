"""Promises: what a question says of who reads its answers stays true, whatever is put or told later."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_chart import Chart
from engine.core.check_people import most_people, part_of
from engine.core.definition import AskDef, MoveDef, OnAnswer, OneOf, OnHolds, Part, Room, StateDef
from engine.core.finding import Finding, Path
from engine.core.survey import asks_in, conditions, move_of, tells_of


def check_promise(chart: Chart) -> Iterator[Finding]:
    """Find readers that may be somebody else later, and answers for oneself alone that the room hears of."""
    yield from _by_lot(chart)
    yield from _told_to_the_room(chart)


# ── whoever reads stays who they were ────────────────────────────────────────


def _by_lot(chart: Chart) -> Iterator[Finding]:
    """A part found by chance is found anew each time it is asked; if it reads answers, these were told of another."""
    for ask in chart.definition.asks.values():
        for part in ask.seen_by:
            known = part_of(chart.definition, part)
            if known is None or not any(isinstance(source, OneOf) for source in known.sources):
                continue
            later = {name for state in _asking(chart, ask.name) for name in chart.after(state)}
            if any(part in _asked_in(chart, chart.states[name]) for name in later & chart.reached):
                yield Finding(
                    ("asks", ask.name, "seen by"),
                    "reader-by-lot",
                    f"`{part}` is found by chance again when it is asked later, and was promised as a reader here",
                    "let somebody read it who stays, or ask that part before this",
                    "warning",
                    word=part,
                )


def _asking(chart: Chart, ask: str) -> list[str]:
    return [state.name for state in chart.states.values() if ask in state.asks]


def _asked_in(chart: Chart, state: StateDef) -> set[str]:
    """The parts that are asked something on entering a state."""
    definition = chart.definition
    asks = [definition.asks[name].to for name in state.asks if name in definition.asks]
    details = [definition.details[name].asked for name in state.gather if name in definition.details]
    return {to.name for to in asks if isinstance(to, Part)} | {name for name in details if name is not None}


# ── for oneself alone ────────────────────────────────────────────────────────


def _told_to_the_room(chart: Chart) -> Iterator[Finding]:
    """What nobody but one person sees is not told to the room by what follows from it. Of several, the room learns no
    more than how it came out.
    """
    own = {ask.name: ask for ask in chart.definition.asks.values() if _is_for_oneself(chart, ask)}
    for state in chart.states.values():
        for tell, path in tells_of(state):
            if not isinstance(tell.to, Room):
                continue
            found = asks_in(tell.when) if tell.when is not None else frozenset()
            if (move := move_of(path)) is not None:
                found |= _hangs_on(state.moves[move])
            else:
                found |= _ways_in(chart, state.name)
            for name in sorted(found & own.keys()):
                yield _told(path, name)
    for clause in conditions(chart.definition):
        if clause.kind == "public":
            for name in sorted(asks_in(clause.condition) & own.keys()):
                yield _told(clause.path, name)


def _is_for_oneself(chart: Chart, ask: AskDef) -> bool:
    """Whether only the one who answers sees it; the bot's own questions about how to go on promise nothing."""
    own = f"{ask.name}.say" in chart.definition.own
    return ask.seen_by == ("me",) and not own and most_people(chart.definition, ask.to) == 1


def _hangs_on(move: MoveDef) -> frozenset[str]:
    """The asks on whose answers it hangs that a move is taken."""
    found = asks_in(move.when) if move.when is not None else frozenset[str]()
    match move.on:
        case OnAnswer(ask=ask):
            return found | {ask}
        case OnHolds(condition=condition):
            return found | asks_in(condition)
        case _:
            return found


def _ways_in(chart: Chart, name: str) -> frozenset[str]:
    """The asks on which every way into a state hangs."""
    ways = [_hangs_on(move) for state in chart.states.values() for move in state.moves if move.to == name]
    if not ways or name == chart.definition.start:
        return frozenset()
    return frozenset.intersection(*ways)


def _told(path: Path, ask: str) -> Finding:
    return Finding(
        path,
        "told-anyway",
        f"the room would learn what was answered to `{ask}`, and nobody else was to see that",
        "say under `seen by` who hears of it, or tell the room nothing here",
        "warning",
        rests_on=(("asks", ask),),
        word=ask,
    )
