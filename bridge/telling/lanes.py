"""Which line runs in which lane beside the cards: as few crossings as can be had, then as few lanes."""

from __future__ import annotations

from itertools import accumulate

import msgspec

MOST_ROUNDS = 20


class Line(msgspec.Struct, frozen=True):
    """Everything that leads to one state on one side: the y where each move leaves, and the y where they arrive.

    All of it shares one lane, so moves to the same state flow together.
    """

    to: str
    leaves: tuple[float, ...]
    arrives: float

    @property
    def top(self) -> float:
        return min(*self.leaves, self.arrives)

    @property
    def bottom(self) -> float:
        return max(*self.leaves, self.arrives)


def lanes_of(lines: list[Line]) -> dict[str, int]:
    """State → its lane, counted outward from the cards."""
    order = _untangled(sorted(lines, key=lambda line: (line.bottom - line.top, line.top)))
    lanes: dict[str, int] = {}
    for at, line in enumerate(order):
        inner = (lanes[other.to] for other in order[:at] if _side_by_side(line, other))
        lanes[line.to] = 1 + max(inner, default=-1)
    return lanes


def _crosses(outer: Line, inner: Line) -> int:
    """How often a line in an outer lane has to pass through one further in."""
    return sum(inner.top < y < inner.bottom for y in (*outer.leaves, outer.arrives))


def _untangled(order: list[Line]) -> list[Line]:
    """Move single lines to where they cross fewest others, until nothing helps any more."""
    cost = {(outer.to, inner.to): _crosses(outer, inner) for outer in order for inner in order}
    for _ in range(MOST_ROUNDS):
        before = order
        for line in before:
            rest = [other for other in order if other is not line]
            here = sum(cost[other.to, line.to] for other in rest)
            changes = (cost[line.to, other.to] - cost[other.to, line.to] for other in rest)
            costs = list(accumulate(changes, initial=here))
            best = costs.index(min(costs))
            if costs[best] < costs[order.index(line)]:
                order = [*rest[:best], line, *rest[best:]]
        if order == before:
            break
    return order


def _side_by_side(line: Line, other: Line) -> bool:
    """Whether two lines would touch in one lane; a little space between their ends is kept."""
    space = 14.0
    return line.top < other.bottom + space and other.top < line.bottom + space
