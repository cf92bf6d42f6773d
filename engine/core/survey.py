"""A survey of a definition: all its sentences, moments and conditions, each with the path to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, assert_never

import msgspec

from engine.core.definition import (
    AllOf,
    AnyOf,
    AskedLately,
    AtMoment,
    BeenIn,
    CarriedDef,
    Condition,
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    InUse,
    MomentExpr,
    NotThat,
    OnHolds,
    Part,
    Room,
    ShareSaid,
    Starter,
    StateDef,
    TellDef,
    Who,
)
from engine.core.finding import Path

Claim = CountOf | EveryoneSaid | ShareSaid | DetailIs | DetailGiven | BeenIn | InUse | AskedLately


class Saying(msgspec.Struct, frozen=True):
    """A sentence: who reads it, and when. ``state`` is where it is said, ``move`` the move it goes with."""

    key: str
    path: Path
    kind: Literal["ask", "label", "question", "tell", "board", "public", "outcome", "carried", "afterwards"]
    reader: Who
    state: str
    move: int | None = None
    owner: str | None = None
    """The ask or detail it belongs to."""


class Timing(msgspec.Struct, frozen=True):
    """A moment: in a state's move, in an ask, or as a detail's default."""

    moment: MomentExpr
    path: Path
    state: str | None = None
    ask: str | None = None


class Gap(msgspec.Struct, frozen=True):
    """What a ``<placeholder>`` refers to: a detail or part by ``name``, or an ask (and one of its answers)."""

    kind: Literal["name", "answer", "number", "not joining", "gone", "waiting", "about"]
    name: str
    choice: str | None = None


def read_gap(gap: str) -> Gap:
    """Take a placeholder apart."""
    if gap.startswith("number of "):
        ask, _, choice = gap.removeprefix("number of ").partition(".")
        return Gap("number", ask, choice)
    if gap.startswith("not joining "):
        return Gap("not joining", gap.removeprefix("not joining "))
    if gap.startswith("number waiting for "):
        return Gap("waiting", gap.removeprefix("number waiting for "))
    if gap.startswith("gone "):
        return Gap("gone", gap.removeprefix("gone "))
    if gap.startswith("about "):
        return Gap("about", gap.removeprefix("about "))
    if "." in gap:
        ask, _, choice = gap.partition(".")
        return Gap("answer", ask, choice)
    return Gap("name", gap)


def gaps_of(definition: Definition, key: str) -> tuple[str, ...]:
    """The placeholders that a sentence needs, whether the file wrote it or it is one of the bot's own."""
    own = definition.own.get(key)
    if own is not None:
        return tuple(gap for _, gap in own.gaps)
    return definition.gaps.get(key, ())


def sayings(definition: Definition) -> Iterator[Saying]:
    """Every sentence but ``called``, once for each state in which it can be said."""
    starter = next((part.name for part in definition.parts if Starter() in part.sources), "starter")
    for state in definition.states.values():
        for name in state.gather:
            if (detail := definition.details.get(name)) is None:
                continue
            reader = Part(detail.asked or starter)
            path: Path = ("details", name)
            yield Saying(name, (*path, "ask"), "question", reader, state.name, owner=name)
            for choice in detail.choices:
                key = f"{name}.{choice.id}"
                yield Saying(key, (*path, "choices", choice.id), "label", reader, state.name, owner=name)
        for name in state.asks:
            if (ask := definition.asks.get(name)) is None:
                continue
            path = ("asks", name)
            yield Saying(f"{name}.say", (*path, "say"), "ask", ask.to, state.name, owner=name)
            for choice in ask.choices:
                key = f"{name}.{choice.id}"
                yield Saying(key, (*path, "answers", choice.id), "label", ask.to, state.name, owner=name)
        yield from _said_in(state)
    yield from _carried(definition)


def _carried(definition: Definition) -> Iterator[Saying]:
    for index, carried in enumerate(definition.carried):
        path: Path = ("carried", str(index))
        reader = Part(carried.part)
        if carried.text is not None:
            for state in carried_in(definition, carried):
                yield Saying(carried.text, (*path, "say"), "carried", reader, state)
        if carried.after is not None:
            for state in carried_until(definition, carried):
                yield Saying(carried.after, (*path, "afterwards"), "afterwards", reader, state)


def carried_in(definition: Definition, carried: CarriedDef) -> tuple[str, ...]:
    """The states in which something is carried."""
    running = (state.name for state in definition.states.values() if not state.final)
    return tuple(name for name in carried.states or running if name in definition.states)


def carried_until(definition: Definition, carried: CarriedDef) -> tuple[str, ...]:
    """The ends after which it can be said that something was carried."""
    ends = (state.name for state in definition.states.values() if state.final)
    return tuple(name for name in carried.after_states or ends if name in definition.states)


def _said_in(state: StateDef) -> Iterator[Saying]:
    path: Path = ("states", state.name)
    for tell, where in _tells(state.tells, path):
        yield from _in_tell(tell, where, state.name)
    for index, board in enumerate(state.board):
        yield Saying(board.text, (*path, "board", str(index), "say"), "board", Part(board.to), state.name)
    for key in (state.public, state.public_otherwise):
        if key is not None:
            yield Saying(key, (*path, "public"), "public", Room(), state.name)
    if state.outcome is not None:
        yield Saying(state.outcome, (*path, "ends with"), "outcome", Room(), state.name)
    for index, move in enumerate(state.moves):
        for tell, where in _tells(move.tells, (*path, "moves", str(index))):
            yield from _in_tell(tell, where, state.name, move=index)


def _in_tell(tell: TellDef, path: Path, state: str, move: int | None = None) -> Iterator[Saying]:
    """What is told, and what stands in the file that goes along: what the instance is called."""
    yield Saying(tell.text, (*path, "say"), "tell", tell.to, state, move=move)
    if tell.calendar is not None:
        yield Saying("called", (*path, "calendar"), "tell", tell.to, state, move=move)


def _tells(tells: tuple[TellDef, ...], path: Path) -> Iterator[tuple[TellDef, Path]]:
    for index, tell in enumerate(tells):
        yield tell, (*path, "tell", str(index))


def all_tells(definition: Definition) -> Iterator[tuple[TellDef, Path]]:
    """Everything said without asking."""
    for state in definition.states.values():
        yield from tells_of(state)


def tells_of(state: StateDef) -> Iterator[tuple[TellDef, Path]]:
    """Everything that is said without asking on entering a state and on leaving it by a move."""
    path: Path = ("states", state.name)
    yield from _tells(state.tells, path)
    for index, move in enumerate(state.moves):
        yield from _tells(move.tells, (*path, "moves", str(index)))


def move_of(path: Path) -> int | None:
    """Which move of its state something stands in, if it stands in one; a state may itself be called `moves`."""
    match path:
        case ("states", _, "moves", index, *_):
            return int(index)
        case _:
            return None


def timings(definition: Definition) -> Iterator[Timing]:
    """Every moment."""
    for detail in definition.details.values():
        if detail.default_moment is not None:
            yield Timing(detail.default_moment, ("details", detail.name, "default"))
    for ask in definition.asks.values():
        if ask.until is not None:
            yield Timing(ask.until, ("asks", ask.name, "until"), ask=ask.name)
        if ask.changeable_until is not None:
            yield Timing(ask.changeable_until, ("asks", ask.name, "changeable until"), ask=ask.name)
        if ask.hidden is not None and ask.hidden.until is not None:
            yield Timing(ask.hidden.until, ("asks", ask.name, "hidden until"), ask=ask.name)
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, AtMoment):
                path = ("states", state.name, "moves", str(index), "at")
                yield Timing(move.on.moment, path, state=state.name)


class Clause(msgspec.Struct, frozen=True):
    """A condition: where it stands, and what hangs on it.

    ``state`` is the state in which it is looked at (an ask's has none of its own, and what is carried may have
    several ``states``), ``move`` the move it belongs to, ``reader`` whoever would learn from what is said that it
    holds.
    """

    condition: Condition
    path: Path
    kind: Literal["ask", "tell", "board", "public", "move", "as soon as", "start", "carried"]
    state: str | None = None
    move: int | None = None
    ask: str | None = None
    reader: Who | None = None
    states: tuple[str, ...] = ()


def conditions(definition: Definition) -> Iterator[Clause]:
    """Every condition."""
    for ask in definition.asks.values():
        if ask.when is not None:
            yield Clause(ask.when, ("asks", ask.name, "if"), "ask", ask=ask.name)
    for state in definition.states.values():
        yield from _conditions_of(state)
    for index, carried in enumerate(definition.carried):
        if carried.when is not None:
            path: Path = ("carried", str(index), "if")
            states = (
                *(carried_in(definition, carried) if carried.text is not None else ()),
                *(carried_until(definition, carried) if carried.after is not None else ()),
            )
            yield Clause(carried.when, path, "carried", reader=Part(carried.part), states=states)


def looked_at_in(definition: Definition, clause: Clause) -> tuple[str, ...]:
    """The states in which a condition is looked at."""
    if clause.state is not None:
        return (clause.state,)
    asking = (state.name for state in definition.states.values() if clause.ask in state.asks)
    return clause.states or tuple(asking)


def workflows_looked_at(definition: Definition) -> tuple[str, ...]:
    """The workflows of which a definition's conditions ask whether they are in use."""
    found = (claim for clause in conditions(definition) for claim in claims(clause.condition))
    return tuple(dict.fromkeys(claim.workflow for claim in found if isinstance(claim, InUse)))


def parts_looked_at(definition: Definition) -> tuple[str, ...]:
    """The parts of which a definition's conditions ask whether they were asked before."""
    found = (claim for clause in conditions(definition) for claim in claims(clause.condition))
    return tuple(dict.fromkeys(claim.part for claim in found if isinstance(claim, AskedLately)))


def _conditions_of(state: StateDef) -> Iterator[Clause]:
    path: Path = ("states", state.name)
    for tell, where in _tells(state.tells, path):
        if tell.when is not None:
            yield Clause(tell.when, (*where, "if"), "tell", state.name, reader=tell.to)
    for index, board in enumerate(state.board):
        if board.when is not None:
            where = (*path, "board", str(index), "if")
            yield Clause(board.when, where, "board", state.name, reader=Part(board.to))
    if state.public_when is not None:
        yield Clause(state.public_when, (*path, "public", "0", "if"), "public", state.name, reader=Room())
    for index, start in enumerate(state.starts):
        if start.when is not None:
            yield Clause(start.when, (*path, "starts", str(index), "if"), "start", state.name)
    for index, move in enumerate(state.moves):
        here = (*path, "moves", str(index))
        if isinstance(move.on, OnHolds):
            yield Clause(move.on.condition, (*here, "when"), "as soon as", state.name, index)
        if move.when is not None:
            yield Clause(move.when, (*here, "if"), "move", state.name, index)
        for tell, where in _tells(move.tells, here):
            if tell.when is not None:
                yield Clause(tell.when, (*where, "if"), "tell", state.name, index, reader=tell.to)


def claims(condition: Condition) -> Iterator[Claim]:
    """The single claims that a condition is made of."""
    match condition:
        case NotThat(that=that):
            yield from claims(that)
        case AllOf(those=those) | AnyOf(those=those):
            for each in those:
                yield from claims(each)
        case (
            CountOf()
            | EveryoneSaid()
            | ShareSaid()
            | DetailIs()
            | DetailGiven()
            | BeenIn()
            | InUse()
            | AskedLately()
        ):
            yield condition
        case _:
            assert_never(condition)


def asks_in(condition: Condition, *, negative: bool | None = None) -> frozenset[str]:
    """The asks whose answers a condition looks at.

    ``negative`` picks those for which it wants few answers (True) or many (False): ``coming is fewer
    than 2`` and ``not everyone said …`` want few. None: all of them.
    """
    found: set[str] = set()
    for claim, wants_few in _leaning(condition, turned=False):
        if negative is None or negative in wants_few:
            found |= {name for name, _ in answers_in(claim)}
    return frozenset(found)


def answers_in(claim: Claim) -> tuple[tuple[str, str], ...]:
    """The (ask, answer) pairs that a claim looks at."""
    match claim:
        case CountOf(terms=terms):
            return terms
        case EveryoneSaid(ask=ask, choice=choice) | ShareSaid(ask=ask, choice=choice):
            return ((ask, choice),)
        case DetailIs() | DetailGiven() | BeenIn() | InUse() | AskedLately():
            return ()
        case _:
            assert_never(claim)


def _leaning(condition: Condition, *, turned: bool) -> Iterator[tuple[Claim, frozenset[bool]]]:
    match condition:
        case NotThat(that=that):
            yield from _leaning(that, turned=not turned)
        case AllOf(those=those) | AnyOf(those=those):
            for each in those:
                yield from _leaning(each, turned=turned)
        case CountOf(op="=="):
            yield condition, frozenset({True, False})
        case CountOf(op=op):
            yield condition, frozenset({(op in ("<", "<=")) != turned})
        case EveryoneSaid() | ShareSaid() | DetailIs() | DetailGiven() | BeenIn() | InUse() | AskedLately():
            yield condition, frozenset({turned})
        case _:
            assert_never(condition)
