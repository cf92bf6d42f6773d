"""A picture with everything in its place: the values between laying out and drawing.

All numbers are in units of the picture, x to the right, y downward; the left edge of all cards is at x 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from bridge.telling.scene import Card, Deed, Move, Sign

Style = Literal[
    "title", "about", "remark", "name", "happening", "move", "aside", "to", "heading", "outcome", "badge"
]
Side = Literal["left", "right", "down"]

SIZES: Mapping[Style, float] = {
    "title": 22,
    "about": 13,
    "remark": 13,
    "name": 16,
    "happening": 12.5,
    "move": 13,
    "aside": 12.5,
    "to": 13,
    "heading": 13,
    "outcome": 13,
    "badge": 12.5,
}
BOLD = frozenset(("title", "name", "to", "heading", "badge"))
LEADING = 1.38


class Here(msgspec.Struct, frozen=True):
    """What marks where an instance stands: the states, the words of their mark, and a sentence under the title."""

    states: tuple[str, ...]
    words: str
    remark: str = ""


class Box(msgspec.Struct, frozen=True):
    """A rectangle: its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The y halfway down."""
        return self.y + self.height / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than an edge."""
        return (
            self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom
        )


class Written(msgspec.Struct, frozen=True):
    """One line of text. ``box`` is the room it may take; it is written from its left, or ends at its right."""

    text: str
    style: Style
    box: Box
    ends_right: bool = False

    @property
    def baseline(self) -> float:
        return self.box.y + self.box.height * 0.74


class Drawn(msgspec.Struct, frozen=True):
    """A small sign, by its centre."""

    sign: Sign | Deed
    x: float
    y: float


class PlacedMove(msgspec.Struct, frozen=True):
    """A move as a row of a card: its words, the name of where it leads, and the side its line leaves by."""

    move: Move
    box: Box
    sign: Drawn
    written: tuple[Written, ...]
    side: Side


class PlacedCard(msgspec.Struct, frozen=True):
    """A card with everything on it; ``card`` is None for the one that holds what may happen anywhere."""

    card: Card | None
    box: Box
    written: tuple[Written, ...]
    signs: tuple[Drawn, ...] = ()
    moves: tuple[PlacedMove, ...] = ()
    badge: Box | None = None
    entry: float = 0.0
    """The y at which lines from the side come in."""


class Route(msgspec.Struct, frozen=True):
    """A line to a state: corners from where it leaves to where it arrives; ``side`` is the lane it runs in."""

    to: str
    side: Side
    points: tuple[tuple[float, float], ...]


class Drawing(msgspec.Struct, frozen=True):
    """A picture, all its parts placed."""

    frame: Box
    """All there is to see; the cards' left edge is at x 0."""
    heading: tuple[Written, ...]
    start: tuple[float, float]
    """The centre of the mark at which it begins."""
    cards: tuple[PlacedCard, ...]
    routes: tuple[Route, ...]

    def written(self) -> Iterable[Written]:
        """Every line of text, from top to bottom."""
        yield from self.heading
        for card in self.cards:
            yield from card.written
            for move in card.moves:
                yield from move.written
