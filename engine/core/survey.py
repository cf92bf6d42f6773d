"""A survey of a definition: all its sentences, moments and conditions, each with the path to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, assert_never

import msgspec

from engine.core.definition import (
    AllOf,
    AnyOf,
    AtMoment,
    BeenIn,
    Condition,
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    MomentExpr,
    NotThat,
    Part,
    Room,
    ShareSaid,
    Starter,
    StateDef,
    TellDef,
    Who,
)
from engine.core.finding import Path

Claim = CountOf | EveryoneSaid | ShareSaid | DetailIs | DetailGiven | BeenIn


class Saying(msgspec.Struct, frozen=True):
    """A sentence: who reads it, and when. ``state`` is where it is said, ``move`` the move it goes with."""

    key: str
    path: Path
    kind: Literal["ask", "label", "question", "tell", "board", "public", "outcome"]
    reader: Who
    state: str | None = None
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

    kind: Literal["name", "answer", "number", "not joining", "gone"]
    name: str
    choice: str | None = None


def read_gap(gap: str) -> Gap:
    """Take a placeholder apart."""
    if gap.startswith("number of "):
        ask, _, choice = gap.removeprefix("number of ").partition(".")
        return Gap("number", ask, choice)
    if gap.startswith("not joining "):
        return Gap("not joining", gap.removeprefix("not joining "))
    if gap.startswith("gone "):
        return Gap("gone", gap.removeprefix("gone "))
    if "." in gap:
        ask, _, choice = gap.partition(".")
        return Gap("answer", ask, choice)
    return Gap("name", gap)


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


def _said_in(state: StateDef) -> Iterator[Saying]:
    path: Path = ("states", state.name)
    for tell, where in _tells(state.tells, path):
        yield Saying(tell.text, (*where, "say"), "tell", tell.to, state.name)
    for index, board in enumerate(state.board):
        yield Saying(board.text, (*path, "board", str(index), "say"), "board", Part(board.to), state.name)
    for key in (state.public, state.public_otherwise):
        if key is not None:
            yield Saying(key, (*path, "public"), "public", Room(), state.name)
    if state.outcome is not None:
        yield Saying(state.outcome, (*path, "ends with"), "outcome", Room(), state.name)
    for index, move in enumerate(state.moves):
        for tell, where in _tells(move.tells, (*path, "moves", str(index))):
            yield Saying(tell.text, (*where, "say"), "tell", tell.to, state.name, move=index)


def _tells(tells: tuple[TellDef, ...], path: Path) -> Iterator[tuple[TellDef, Path]]:
    for index, tell in enumerate(tells):
        yield tell, (*path, "tell", str(index))


def all_tells(definition: Definition) -> Iterator[tuple[TellDef, Path]]:
    """Everything said without asking."""
    for state in definition.states.values():
        path: Path = ("states", state.name)
        yield from _tells(state.tells, path)
        for index, move in enumerate(state.moves):
            yield from _tells(move.tells, (*path, "moves", str(index)))


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
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if isinstance(move.on, AtMoment):
                path = ("states", state.name, "moves", str(index), "at")
                yield Timing(move.on.moment, path, state=state.name)


def conditions(definition: Definition) -> Iterator[tuple[Condition, Path]]:
    """Every condition."""
    for ask in definition.asks.values():
        if ask.when is not None:
            yield ask.when, ("asks", ask.name, "if")
    for tell, path in all_tells(definition):
        if tell.when is not None:
            yield tell.when, (*path, "if")
    for state in definition.states.values():
        for index, board in enumerate(state.board):
            if board.when is not None:
                yield board.when, ("states", state.name, "board", str(index), "if")
        if state.public_when is not None:
            yield state.public_when, ("states", state.name, "public")
        for index, move in enumerate(state.moves):
            if move.when is not None:
                yield move.when, ("states", state.name, "moves", str(index), "if")


def claims(condition: Condition) -> Iterator[Claim]:
    """The single claims that a condition is made of."""
    match condition:
        case NotThat(that=that):
            yield from claims(that)
        case AllOf(those=those) | AnyOf(those=those):
            for each in those:
                yield from claims(each)
        case CountOf() | EveryoneSaid() | ShareSaid() | DetailIs() | DetailGiven() | BeenIn():
            yield condition
        case _:
            assert_never(condition)
