"""In which order the states of a workflow stand in a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from engine.core.definition import Definition


def order_of(definition: Definition) -> tuple[str, ...]:
    """The states from top to bottom: the first, then as the file has them, the final ones last.

    A file that jumps about is put in an order of its own where that makes fewer moves run upward and keeps as many
    states next to one they lead to.
    """
    states = definition.states
    start = definition.start
    written = [start, *(name for name in states if name != start and not states[name].final)]
    known = {*written}
    ways = {
        name: [move.to for move in states[name].moves if move.to in known and move.to != name]
        for name in written
    }
    followed = _followed(start, ways)
    followed += [name for name in written if name not in {*followed}]
    better = _upward(followed, ways) < _upward(written, ways) and _next_door(followed, ways) >= _next_door(
        written, ways
    )
    order = followed if better else written
    return (*order, *_furthest_first(definition, order))


def _furthest_first(definition: Definition, order: Sequence[str]) -> list[str]:
    """The final states, those that are reached from furthest down first: so their lines lie within each other."""
    last = {move.to: at for at, name in enumerate(order) for move in definition.states[name].moves}
    rest = [name for name in definition.states if name not in {*order}]
    return sorted(rest, key=lambda name: -last.get(name, -1))


def _followed(start: str, ways: Mapping[str, Sequence[str]]) -> list[str]:
    """All that can be reached, each after those that lead to it as far as loops allow (reverse postorder)."""
    seen, done = {start}, []
    path = [(start, list(ways[start]))]
    while path:
        name, left = path[-1]
        if not left:
            done.append(name)
            path.pop()
        elif (after := left.pop()) not in seen:
            seen.add(after)
            path.append((after, list(ways[after])))
    return done[::-1]


def _upward(order: Sequence[str], ways: Mapping[str, Sequence[str]]) -> int:
    place = {name: at for at, name in enumerate(order)}
    return sum(place[to] < place[name] for name in order for to in {*ways[name]})


def _next_door(order: Sequence[str], ways: Mapping[str, Sequence[str]]) -> int:
    return sum(after in ways[name] for name, after in pairwise(order))
