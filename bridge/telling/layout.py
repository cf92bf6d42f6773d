"""Where everything of a picture stands: one column of cards, and lanes beside it for the moves that skip cards.

All numbers are in units of the picture, x to the right, y downward. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from bridge.telling.drawing import (
    BOLD,
    LEADING,
    SIZES,
    Box,
    Drawing,
    Drawn,
    Here,
    PlacedCard,
    PlacedMove,
    Route,
    Side,
    Style,
    Written,
)
from bridge.telling.lanes import Line, lanes_of
from bridge.telling.measure import width_of, wrap
from bridge.telling.scene import Card, Happening, Move, Scene

ALWAYS = "From several places"
ENDINGS = "How it can end"

MARGIN = 18.0
CARD_WIDTH = 364.0
PAD = 14.0
INDENT = 24.0
GAP = 26.0
"""Between two cards, where the arrow to the next one stands."""
ENDING_GAP = 12.0
LANE, NARROW_LANE = 12.0, 7.0
"""From one lane to the next; closer where many of them would make a picture too wide for a phone."""
READABLE_WIDTH = 540.0
FIRST_LANE = 20.0
"""From a card's edge to the nearest lane: room for an arrowhead."""
NO_LANE = 6.0
SPINE = PAD + 7
"""The x of the line from one card to the next: below the signs."""


# ── the column ───────────────────────────────────────────────────────────────


def lay_out(scene: Scene, here: Here | None = None) -> Drawing:
    """Place everything: first the column of cards at x 0, then the lanes beside it, then all into the frame."""
    sides = _sides(scene)
    column = _Column(scene, sides, here)
    column.write(scene.title, "title")
    column.write(scene.about, "about")
    if here is not None:
        column.write(here.remark, "remark")
    column.down(10)
    column.start(scene.begins)
    for card in scene.cards:
        column.card(card)
    if scene.always:
        column.always(ALWAYS, scene.always)
    if scene.endings:
        column.down(4)
        column.write(ENDINGS, "heading")
        column.down(2)
    for card in scene.endings:
        column.card(card)
    return _framed(column, scene)


def _sides(scene: Scene) -> dict[tuple[str, str], Side]:
    """By which side a line leaves, from each state ("" for what holds everywhere) to each other."""
    place = {card.state: at for at, card in enumerate((*scene.cards, *scene.endings))}
    always = len(scene.cards)
    sides: dict[tuple[str, str], Side] = {}
    for start, moves in (*((card.state, card.moves) for card in scene.cards), ("", scene.always)):
        for move in moves:
            at, to = place.get(start, always - 0.5), place[move.to]
            follows = to == at + 1 and to < len(scene.cards)
            sides[start, move.to] = "down" if follows else "right" if to > at else "left"
    return sides


class _Column:
    """Places cards one under the other; x 0 is the cards' left edge."""

    def __init__(self, scene: Scene, sides: Mapping[tuple[str, str], Side], here: Here | None) -> None:
        self._sides, self._here = sides, here
        self._endings = {card.state for card in scene.endings}
        self._names = {card.state: card.name for card in (*scene.cards, *scene.endings)}
        self.y = MARGIN
        self.heading: list[Written] = []
        self.cards: list[PlacedCard] = []
        self.mark = (0.0, 0.0)

    def down(self, height: float) -> None:
        self.y += height

    def write(self, text: str, style: Style) -> None:
        """Text over the whole width of the column."""
        lines, self.y = _write(text, style, 0, self.y, CARD_WIDTH)
        self.heading += lines
        self.y += 4 if lines else 0

    def start(self, words: str) -> None:
        """The mark at which it begins, the words beside it."""
        x = SPINE
        self.mark = (x, self.y + 8)
        lines, bottom = _write(words, "move", x + 16, self.y - 1, CARD_WIDTH - x - 16)
        self.heading += lines
        self.y = max(bottom, self.y + 16) + 18

    def card(self, card: Card) -> None:
        """The card of a state."""
        top, ending = self.y, card.state in self._endings
        left = PAD + (22 if ending else 0)
        written: list[Written] = []
        signs: list[Drawn] = []
        badge = None
        y = top + (9 if ending else 11)
        if self._here is not None and card.state in self._here.states:
            badge, words, y = self._badge(self._here.words, left, y)
            written += words
        name, y = _write(card.name, "name", left, y, CARD_WIDTH - left - PAD)
        entry = name[0].box.middle if name else y
        written += name
        if card.outcome:
            lines, y = _write(card.outcome, "outcome", left, y + 1, CARD_WIDTH - left - PAD)
            written += lines
        for happening in card.happenings:
            sign, lines, y = self._happening(happening, left, y + 3)
            written += lines
            signs.append(sign)
        y += 8 if ending else 10
        moves, y = self._moves(card.state, card.moves, y)
        box = Box(0, top, CARD_WIDTH, y - top)
        self.cards.append(PlacedCard(card, box, tuple(written), tuple(signs), moves, badge, entry))
        self.y = y + (ENDING_GAP if ending else GAP)

    def always(self, heading: str, moves: Sequence[Move]) -> None:
        """The card of what may happen in many states."""
        top = self.y
        name, y = _write(heading, "name", PAD, top + 10, CARD_WIDTH - 2 * PAD)
        placed, y = self._moves("", moves, y + 7)
        box = Box(0, top, CARD_WIDTH, y - top)
        self.cards.append(PlacedCard(None, box, tuple(name), (), placed))
        self.y = y + GAP

    def _badge(self, words: str, x: float, y: float) -> tuple[Box, list[Written], float]:
        lines, bottom = _write(words, "badge", x + 9, y + 4, CARD_WIDTH - x - PAD - 18)
        widest = max((width_of(line.text, SIZES["badge"], bold=True) for line in lines), default=0)
        return Box(x, y, widest + 18, bottom - y + 4), lines, bottom + 11

    def _happening(self, happening: Happening, x: float, y: float) -> tuple[Drawn, list[Written], float]:
        lines, bottom = _write(happening.words, "happening", x + INDENT, y, CARD_WIDTH - x - INDENT - PAD)
        middle = lines[0].box.middle if lines else y
        return Drawn(happening.deed, x + 7, middle), lines, bottom

    def _moves(self, state: str, moves: Iterable[Move], y: float) -> tuple[tuple[PlacedMove, ...], float]:
        placed = []
        for move in moves:
            row = self._move(state, move, y)
            placed.append(row)
            y = row.box.bottom
        return tuple(placed), y

    def _move(self, state: str, move: Move, top: float) -> PlacedMove:
        """A row: the words, the name of the next state at the right of their last line if it fits, or below."""
        x, width = PAD + INDENT, CARD_WIDTH - 2 * PAD - INDENT
        lines, y = _write(move.words, "move", x, top + 5, width)
        aside, y = _write(move.aside, "aside", x, y, width)
        lines += aside
        side = self._sides[state, move.to]
        names = wrap(_leading_to(self._names[move.to], side), SIZES["to"], width, bold=True)
        last = lines[-1]
        used = width_of(last.text, SIZES[last.style], bold=last.style in BOLD)
        wide = max(width_of(name, SIZES["to"], bold=True) for name in names)
        if used + wide + 8 <= width:
            y = last.box.y
        for name in names:
            taken = width_of(name, SIZES["to"], bold=True)
            box = Box(x + width - taken, y, taken, SIZES["to"] * LEADING)
            lines.append(Written(name, "to", box, ends_right=True))
            y = box.bottom
        box = Box(0, top, CARD_WIDTH, max(y, last.box.bottom) + 5 - top)
        return PlacedMove(move, box, Drawn(move.sign, PAD + 7, lines[0].box.middle), tuple(lines), side)


def _leading_to(name: str, side: Side) -> str:
    return f"{name} {'↑' if side == 'left' else '↓' if side == 'down' else '→'}"


def _write(text: str, style: Style, x: float, y: float, width: float) -> tuple[list[Written], float]:
    """The lines of a text from y on, and the y below them."""
    size, bold = SIZES[style], style in BOLD
    lines = []
    for line in wrap(text, size, width, bold=bold):
        box = Box(x, y, width_of(line, size, bold=bold), size * LEADING)
        lines.append(Written(line, style, box))
        y = box.bottom
    return lines, y


# ── the lines ────────────────────────────────────────────────────────────────


def _framed(column: _Column, scene: Scene) -> Drawing:
    entries = {placed.card.state: placed.entry for placed in column.cards if placed.card is not None}
    ports = [(row, _port(row)) for placed in column.cards for row in placed.moves]
    lines: dict[Side, list[Line]] = {}
    for side in _EDGES:
        leaving: dict[str, list[float]] = {}
        for row, y in ports:
            if row.side == side:
                leaving.setdefault(row.move.to, []).append(y)
        lines[side] = [Line(to, tuple(ys), entries[to]) for to, ys in leaving.items()]
    lanes = {side: lanes_of(held) for side, held in lines.items()}
    counts = {side: 1 + max(held.values(), default=-1) for side, held in lanes.items()}
    apart = _apart(counts.values())
    routes: list[Route] = []
    room: dict[Side, float] = {}
    for side, (edge, outward) in _EDGES.items():
        for line in lines[side]:
            x = edge + outward * (FIRST_LANE + apart * lanes[side][line.to])
            for y in line.leaves:
                corners = ((edge, y), (x, y), (x, line.arrives), (edge, line.arrives))
                routes.append(Route(line.to, side, corners))
        room[side] = MARGIN + (FIRST_LANE + apart * (counts[side] - 1) if counts[side] else NO_LANE)
    routes += _straight_down(column, scene)
    left = room["left"]
    bottom = max(placed.box.bottom for placed in column.cards) + MARGIN
    frame = Box(-left, 0, left + CARD_WIDTH + room["right"], bottom)
    return Drawing(frame, tuple(column.heading), column.mark, tuple(column.cards), tuple(routes))


_EDGES: dict[Side, tuple[float, float]] = {"left": (0.0, -1.0), "right": (CARD_WIDTH, 1.0)}
"""Side → the x of the cards' edge there, and which way is outward."""


def _apart(counts: Collection[int]) -> float:
    """How far lanes lie from each other, with so many of them at the sides."""
    gaps = sum(max(0, count - 1) for count in counts)
    firsts = sum(FIRST_LANE if count else NO_LANE for count in counts)
    left = READABLE_WIDTH - CARD_WIDTH - 2 * MARGIN - firsts
    return LANE if not gaps else max(NARROW_LANE, min(LANE, left / gaps))


def _port(row: PlacedMove) -> float:
    """The y at which a row's line leaves: beside the name on the right, beside the sign on the left."""
    names = [line for line in row.written if line.style == "to"]
    return names[-1].box.middle if row.side == "right" else row.sign.y


def _straight_down(column: _Column, scene: Scene) -> list[Route]:
    x, tops = SPINE, {placed.card.state: placed.box.y for placed in column.cards if placed.card}
    routes = [Route(card.state, "down", (column.mark, (x, tops[card.state]))) for card in scene.cards[:1]]
    for placed in column.cards:
        below = dict.fromkeys(row.move.to for row in placed.moves if row.side == "down")
        routes += [Route(to, "down", ((x, placed.box.bottom), (x, tops[to]))) for to in below]
    return routes
