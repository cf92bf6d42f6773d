"""What a picture of a workflow shows: its states as cards, its moves in words, how it begins and how it can end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, assert_never

import msgspec

from bridge.telling.lexis import capitalised, joined, label, named, part_in_words, quoted, sentence, spoken
from bridge.telling.order import order_of
from bridge.telling.readable import readable
from bridge.telling.words import condition_in_words, duration_in_words, trigger_in_words, who_in_words
from bridge.telling.written import as_written
from engine.core.definition import (
    AskDef,
    AtMoment,
    Condition,
    Definition,
    MoveDef,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    Room,
    Starter,
    StateDef,
    Trigger,
    Who,
)

MOST_LINES = 6
"""Lines of what is asked and told that a card shows; more are counted."""

LINE_CHARS = 150
NAME_CHARS = 60
WORDS_CHARS = 400
ALWAYS_FROM = 3
"""From so many states on, one and the same move is shown once for all of them."""

_STARRED = re.compile(r"\*([^*\n]+)\*")
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
_SHELVES = {"holds": "who holds what", "on": "what's on"}

Sign = Literal["moment", "command", "answer", "gathered", "closed", "holds", "ended", "leaving"]
Deed = Literal["ask", "tell", "start", "show"]


class Move(msgspec.Struct, frozen=True):
    """A way on, in words; ``covers`` are the (state, index of its move) pairs it stands for."""

    sign: Sign
    words: str
    to: str
    covers: tuple[tuple[str, int], ...] = ()
    where: str = ""
    """For one that goes from several states: which."""
    tells: str = ""
    """Who hears something as it goes."""

    @property
    def aside(self) -> str:
        """What is written smaller below its words."""
        return "; ".join(filter(None, (self.where, self.tells)))


class Happening(msgspec.Struct, frozen=True):
    """Something asked, told, begun or shown in a state."""

    deed: Deed
    words: str


class Card(msgspec.Struct, frozen=True):
    """A state: its readable name, what happens there, how it is left. Final ones have an outcome."""

    state: str
    name: str
    happenings: tuple[Happening, ...] = ()
    moves: tuple[Move, ...] = ()
    outcome: str | None = None


class Scene(msgspec.Struct, frozen=True):
    """A workflow as it is drawn: ``cards`` run downward from the first; ``always`` are moves from several of them."""

    title: str
    about: str
    begins: str
    cards: tuple[Card, ...]
    endings: tuple[Card, ...]
    always: tuple[Move, ...] = ()


def scene_of(definition: Definition) -> Scene:
    """Everything there is to draw of a workflow."""
    definition = as_written(definition)
    names = order_of(definition)
    order = [definition.states[name] for name in names]
    shared = _shared_moves(definition, names)
    covered = {pair for move in shared for pair in move.covers}
    leaving = _leaving(definition)
    often = {to: held for to, held in leaving.items() if len(held) >= ALWAYS_FROM}
    rarely = {name: to for to, held in leaving.items() if to not in often for name in held}
    cards = {state.name: _card(definition, state, covered, rarely.get(state.name)) for state in order}
    return Scene(
        title=shortened_title(definition),
        about=_short(_plainly(definition.about), LINE_CHARS * 2),
        begins=_begins(definition),
        cards=tuple(cards[state.name] for state in order if not state.final),
        endings=tuple(cards[state.name] for state in order if state.final),
        always=(
            *shared,
            *(_starter_leaves(definition, to, _where(definition, held, names)) for to, held in often.items()),
            *(_part_leaves(definition, part, to) for part, to in definition.if_leaves.items()),
        ),
    )


def _plainly(text: str) -> str:
    """A sentence without the stars that emphasise in a message: a word to write stands in quotes here, as elsewhere."""
    return _STARRED.sub(lambda found: found[1] if "<" in found[1] else quoted(found[1]), text)


def shortened_title(definition: Definition) -> str:
    """The title, in a length that fits a picture."""
    return _short(definition.title or spoken(definition.name), NAME_CHARS)


def name_of(definition: Definition, state: str) -> str:
    """The readable name of a state: ``few_so_far`` as ``Few so far``."""
    return _short(capitalised(readable(definition, state)), NAME_CHARS)


def _short(text: str, most: int) -> str:
    """One line of at most so many characters; what would turn the direction of writing around is left out."""
    flat = " ".join(text.translate(_TURNS).split())
    return flat if len(flat) <= most else flat[: most - 1].rstrip() + "…"


# ── cards ────────────────────────────────────────────────────────────────────


def _card(
    definition: Definition, state: StateDef, covered: set[tuple[str, int]], if_leaves: str | None
) -> Card:
    moves = [
        _move(definition, state, index)
        for index in range(len(state.moves))
        if (state.name, index) not in covered
    ]
    if if_leaves is not None:
        moves.append(_starter_leaves(definition, if_leaves, ""))
    happenings = list(_happenings(definition, state))
    if len(happenings) > MOST_LINES:
        more = len(happenings) - MOST_LINES + 1
        happenings = [*happenings[: MOST_LINES - 1], Happening("tell", f"and {more} more")]
    ending = _plainly(sentence(definition, state.outcome)) if state.outcome is not None else None
    outcome = _short(ending, WORDS_CHARS) if ending is not None else None
    return Card(state.name, name_of(definition, state.name), tuple(happenings), tuple(moves), outcome)


def _happenings(definition: Definition, state: StateDef) -> Iterator[Happening]:
    asked_of: dict[str, list[str]] = {}
    for name in state.gather:
        detail = definition.details.get(name)
        who = part_in_words(definition, detail.asked) if detail and detail.asked else _starter(definition)
        asked_of.setdefault(who, []).append(named(name))
    for who, names in asked_of.items():
        anew = " anew" if state.again else ""
        yield _happening("ask", f"asks {who}{anew} for {joined(names)}")
    for name in state.asks:
        if (ask := definition.asks.get(name)) is not None:
            yield _happening("ask", _asking(definition, ask))
    told = dict.fromkeys(who_in_words(definition, tell.to) for tell in state.tells)
    told |= dict.fromkeys(part_in_words(definition, board.to) for board in state.board)
    if told:
        yield _happening("tell", f"tells {joined(told)}")
    for start in state.starts:
        yield _happening("start", f"begins {quoted(spoken(start.workflow))}" + _if(definition, start.when))
    if state.shows:
        yield _happening("show", f"shows the answers to {joined(map(named, state.shows))}")
    if state.help_to:
        who = joined(who_in_words(definition, who) for who in state.help_to)
        yield _happening("show", f"shows {who} where help is to be had")
    for about, what in ((state.brings_in, "in use"), (state.takes_out, "in use no longer")):
        if about is not None:
            yield _happening("show", f"from here on, {quoted(spoken(about))} is {what}")
    shelf = state.public_shelf or definition.shelf
    if state.public is not None and shelf is not None:
        may = "may stand" if state.public_when is not None and state.public_otherwise is None else "stands"
        yield _happening("show", f"{may} in {quoted(_SHELVES[shelf])}")


def _happening(deed: Deed, words: str) -> Happening:
    return Happening(deed, _short(words, LINE_CHARS))


def _asking(definition: Definition, ask: AskDef) -> str:
    offered = [quoted(label(definition, ask.name, choice.id)) for choice in ask.choices]
    if ask.naming is not None:
        offered.append("a person" if ask.naming == "person" else "people")
    if ask.words:
        offered.append("in words")
    every = f" every {_period(ask.every_ms)}" if ask.every_ms is not None else ""
    return f"asks {_addressed(definition, ask.to)}{every}: {joined(offered, 'or')}{_if(definition, ask.when)}"


def _addressed(definition: Definition, who: Who) -> str:
    return "the whole room" if isinstance(who, Room) else who_in_words(definition, who)


def _period(span_ms: int) -> str:
    words = duration_in_words(span_ms)
    return words.removeprefix("an ").removeprefix("a ")


def _if(definition: Definition, condition: Condition | None) -> str:
    return f", if {condition_in_words(definition, condition)}" if condition is not None else ""


def _starter(definition: Definition) -> str:
    name = next((part.name for part in definition.parts if Starter() in part.sources), "starter")
    return part_in_words(definition, name)


def _begins(definition: Definition) -> str:
    if definition.begins_for is not None:
        return (
            f"begins when {'someone arrives' if definition.begins_for == 'arriving' else 'someone is here'}"
        )
    if any(detail.kind == "workflow" for detail in definition.details.values()):
        return f"begins when someone writes {quoted('try')} or {quoted('leave off')}"
    return f"begins when someone writes {quoted(definition.begins_with)}"


# ── moves ────────────────────────────────────────────────────────────────────


def _move(definition: Definition, state: StateDef, index: int) -> Move:
    move = state.moves[index]
    told = _told(definition, (move,))
    words = _words(definition, move)
    if move.when is None and any(other.on == move.on and other.when for other in state.moves[:index]):
        words += ", otherwise"
    return Move(_sign(move.on), words, move.to, ((state.name, index),), tells=told)


def _told(definition: Definition, moves: Iterable[MoveDef]) -> str:
    heard = dict.fromkeys(who_in_words(definition, tell.to) for move in moves for tell in move.tells)
    return _short(f"tells {joined(heard)}", LINE_CHARS) if heard else ""


def _words(definition: Definition, move: MoveDef) -> str:
    words = trigger_in_words(definition, move.on)
    match move.on:
        case OnCommand(word=name) | OnEnded(workflow=name):
            words = words.replace(f"*{name}*", quoted(name)).replace(
                f"*{spoken(name)}*", quoted(spoken(name))
            )
        case _:
            pass
    return _short(words + _if(definition, move.when), WORDS_CHARS)


def _sign(trigger: Trigger) -> Sign:
    match trigger:
        case AtMoment():
            return "moment"
        case OnCommand():
            return "command"
        case OnAnswer():
            return "answer"
        case OnGathered():
            return "gathered"
        case OnClosed():
            return "closed"
        case OnHolds():
            return "holds"
        case OnEnded():
            return "ended"
        case _:
            assert_never(trigger)


def _shared_moves(definition: Definition, order: Sequence[str]) -> tuple[Move, ...]:
    """Moves that several states have alike: each is drawn once."""
    found: dict[tuple[Trigger, Condition | None, str], list[tuple[str, int]]] = {}
    for state in definition.states.values():
        for index, move in enumerate(state.moves):
            if _is_told_alike(move.on):
                found.setdefault((move.on, move.when, move.to), []).append((state.name, index))
    return tuple(
        _shared_move(definition, places, order)
        for places in found.values()
        if len({state for state, _ in places}) >= ALWAYS_FROM
    )


def _is_told_alike(trigger: Trigger) -> bool:
    """Whether a trigger means the same in every state."""
    if isinstance(trigger, AtMoment):
        return trigger.moment.base not in ("entering", "opening") and not trigger.moment.halfway
    return isinstance(trigger, OnCommand | OnHolds | OnEnded)


def _shared_move(definition: Definition, places: list[tuple[str, int]], order: Sequence[str]) -> Move:
    state, index = places[0]
    move = definition.states[state].moves[index]
    where = _where(definition, (name for name, _ in places), order)
    told = _told(definition, (definition.states[name].moves[at] for name, at in places))
    return Move(_sign(move.on), _words(definition, move), move.to, tuple(places), where, told)


def _where(definition: Definition, held: Iterable[str], order: Sequence[str]) -> str:
    wanted = {*held}
    here = [name for name in order if name in wanted]
    all_of_them = [name for name in order if not definition.states[name].final]
    others = [name for name in all_of_them if name not in wanted]
    if not others:
        return "at any time"
    if len(others) < len(here):
        return f"at any time but in {joined(name_of(definition, name) for name in others)}"
    return f"in {joined(name_of(definition, name) for name in here)}"


def _leaving(definition: Definition) -> dict[str, list[str]]:
    """Where it goes when the starter is gone: state → those from which it goes there."""
    found: dict[str, list[str]] = {}
    for state in definition.states.values():
        to = state.if_starter_leaves or definition.if_starter_leaves
        if to is not None and not state.final:
            found.setdefault(to, []).append(state.name)
    return found


def _starter_leaves(definition: Definition, to: str, where: str) -> Move:
    return Move("leaving", f"if {_starter(definition)} leaves", to, (), where)


def _part_leaves(definition: Definition, part: str, to: str) -> Move:
    return Move("leaving", f"if {part_in_words(definition, part)} leaves", to, (), "at any time")
