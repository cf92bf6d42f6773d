"""How it goes on from a state, and what states are called when a story speaks of them."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.telling.lexis import capitalised, is_asked_anew, joined, quoted, spoken
from bridge.telling.quoting import Paragraph, told
from bridge.telling.readable import STEPS_OWN, is_made_of_steps, readable
from bridge.telling.words import Teller, until_in_words
from engine.core.definition import (
    AllOf,
    AtMoment,
    Condition,
    Definition,
    MomentExpr,
    MoveDef,
    OnCommand,
    OnEnded,
    StateDef,
    Trigger,
)

CANCEL = "cancel"


def called(teller: Teller, name: str) -> str:
    """A state in the middle of a sentence: by its name, or (of steps) by what happens in it."""
    definition = teller.definition
    state = definition.states.get(name)
    if state is None or not is_made_of_steps(definition):
        return quoted(spoken(name))
    if name == definition.start and state.gather:
        return "what is needed to begin"
    if name == definition.start and not state.asks:
        return "it begins"
    if state.final or state.gather or is_choice_of_few(definition, state):
        return quoted(readable(definition, name))
    if state.asks:
        ask = definition.asks[state.asks[0]]
        which = f" ({quoted(readable(definition, ask.name))})" if teller.is_called_by_name(ask) else ""
        return f"asking {teller.who(ask.to)}{which}{' again' if is_asked_anew(ask) else ''}"
    return _waiting(teller, state)


def _waiting(teller: Teller, state: StateDef) -> str:
    match [move.on for move in state.moves]:
        case [AtMoment(moment=MomentExpr(base="entering", offset_ms=0)), *_]:
            return quoted(readable(teller.definition, state.name))
        case [AtMoment(moment=moment), *_]:
            return f"waiting {until_in_words(moment, 0)}"
        case [OnEnded() as ended, *_]:
            return f"waiting until {teller.trigger(ended).removeprefix('when ')}"
        case _:
            return quoted(readable(teller.definition, state.name))


def is_detour(definition: Definition, state: StateDef) -> bool:
    """Whether steps only come here when something does not go as written: too few, another date."""
    asked_again = bool(state.again) and not any(isinstance(move.on, AtMoment) for move in state.moves[:1])
    anew = any(is_asked_anew(definition.asks[name]) for name in state.asks)
    return is_made_of_steps(definition) and (is_choice_of_few(definition, state) or asked_again or anew)


def is_choice_of_few(definition: Definition, state: StateDef) -> bool:
    """Whether this is the question that steps bring by themselves where too few said yes."""
    keys = (definition.own.get(f"{ask}.say") for ask in state.asks)
    return any(own is not None and own.key.startswith(f"{STEPS_OWN}few") for own in keys)


def why_too_few(teller: Teller, few: StateDef) -> str | None:
    """What did not come together where a choice of few is put: ``fewer than two said “Count me in”``."""
    for state in teller.definition.states.values():
        for group in _by_trigger(state.moves):
            if (
                len(group) > 1
                and group[-1].to == few.name
                and group[-1].when is None
                and group[0].when is not None
            ):
                return teller.condition(_needed(group[0].when), denied=True)
    return None


def _needed(condition: Condition) -> Condition:
    """What was needed: the first of several claims; the others only say whom there is to ask next."""
    return condition.those[0] if isinstance(condition, AllOf) else condition


def leads_to(teller: Teller, to: str, here: str = "") -> str:
    """``it goes on with “open”``, ``it ends as “cancelled”``; ``here`` is the state that is left."""
    if to == here:
        return f"{called(teller, to)} begins anew"
    state = teller.definition.states.get(to)
    if state is not None and is_choice_of_few(teller.definition, state):
        return f"{teller.starter()} chooses what becomes of it"
    return f"it {'ends as' if state is not None and state.final else 'goes on with'} {called(teller, to)}"


def ways_onward(teller: Teller, state: StateDef) -> Iterator[Paragraph]:
    """How a state is left: by plain moves in one paragraph, by those with branches in a list each."""
    moves = tuple(move for move in state.moves if not _is_told_at_the_end(teller.definition, move))
    plain: dict[str, list[str]] = {}
    for group in _by_trigger(moves):
        if len(group) > 1 or group[0].tells:
            yield from _branching(teller, group, state.name)
            continue
        move = group[0]
        joint = ", if" if isinstance(move.on, AtMoment) else " and"
        condition = f"{joint} {teller.condition(move.when)}" if move.when is not None else ""
        plain.setdefault(move.to, []).append(f"{teller.trigger(move.on)}{condition}")
    said = [
        capitalised(f"{', or '.join(triggers)}, {leads_to(teller, to, state.name)}.")
        for to, triggers in plain.items()
    ]
    if said:
        yield Paragraph(" ".join(said))


def _by_trigger(moves: tuple[MoveDef, ...]) -> list[list[MoveDef]]:
    """Moves for the same thing together, in the order in which they are tried."""
    found: dict[Trigger, list[MoveDef]] = {}
    for move in moves:
        found.setdefault(move.on, []).append(move)
    return list(found.values())


def _branching(teller: Teller, group: list[MoveDef], here: str) -> Iterator[Paragraph]:
    if len(group) == 1 and group[0].when is None:
        heard = " ".join(told(teller, tell, most=90) for tell in group[0].tells)
        if is_made_of_steps(teller.definition) and group[0].on == AtMoment(MomentExpr("entering")):
            yield Paragraph(heard)
            return
        yield Paragraph(
            capitalised(f"{teller.trigger(group[0].on)}, {leads_to(teller, group[0].to, here)}. {heard}")
        )
        return
    yield Paragraph(capitalised(f"{teller.trigger(group[0].on)}:"))
    for index, move in enumerate(group):
        condition = f"if {teller.condition(move.when)}, " if move.when is not None else ""
        otherwise = "otherwise " if index and move.when is None else ""
        heard = "".join(f" {told(teller, tell, most=90)}" for tell in move.tells)
        yield Paragraph(
            capitalised(f"{condition}{otherwise}{leads_to(teller, move.to, here)}.{heard}"), "item"
        )


# ── what steps bring by themselves ───────────────────────────────────────────


def _is_told_at_the_end(definition: Definition, move: MoveDef) -> bool:
    """Steps can be called off anywhere: that is said once."""
    return is_made_of_steps(definition) and _calls_off(move)


def _calls_off(move: MoveDef) -> bool:
    return isinstance(move.on, OnCommand) and move.on.word == CANCEL


def calling_off(teller: Teller) -> str:
    """How steps are called off, in one sentence; empty for a file of states, which says so itself."""
    definition = teller.definition
    if not is_made_of_steps(definition):
        return ""
    moves = [move for state in definition.states.values() for move in state.moves if _calls_off(move)]
    ends = dict.fromkeys(called(teller, move.to) for move in moves)
    if not ends:
        return ""
    how_far = ", depending on how far it has come" if len(ends) > 1 else ""
    said = (
        f"{teller.starter()} may write *{CANCEL}* at any time: then it ends as {joined(ends, 'or')}{how_far}."
    )
    return f"{said} It ends in the same way if {teller.starter()} leaves the circle."
