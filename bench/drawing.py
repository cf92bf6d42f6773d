"""Lines over logarithmic axes, drawn as SVG by hand: a picture of a few figures needs no library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 470, 350
LEFT, RIGHT, TOP, BOTTOM = 62, 30, 58, 62
ROW = 20
COLOURS = ("#2f6f8f", "#b4542d", "#5b7a2e", "#7a4f8f")
INK, PALE, PAPER = "#22262e", "#d8dbe0", "#ffffff"
FONT = 'font-family="system-ui, sans-serif"'

Point = tuple[float, float]


class Line(NamedTuple):
    """Some points that belong together."""

    name: str
    points: Sequence[Point]


class Panel(NamedTuple):
    """One pair of axes."""

    across: str
    upward: str
    lines: Sequence[Line]


class Axis:
    """Where a value stands between two places, by its logarithm; it reaches from a power of ten to another."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))
        self._start = start
        self._length = end - start

    def at(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(self._start + share * self._length, 1)

    def marks(self) -> Iterator[float]:
        """The powers of ten."""
        yield from (10.0**power for power in range(self._low, self._high + 1))


def draw(title: str, panels: Sequence[Panel]) -> str:
    """The panels beside each other, what each line is below them."""
    rows = max(len(panel.lines) for panel in panels)
    width, height = WIDTH * len(panels), HEIGHT + ROW * rows + 10
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}" {FONT}>',
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
        _text(LEFT, 22, title, size=15, anchor="start"),
    ]
    for n, panel in enumerate(panels):
        parts += _panel(panel, WIDTH * n)
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, x: float) -> Iterator[str]:
    points = [point for line in panel.lines for point in line.points]
    across = Axis([point[0] for point in points], x + LEFT, x + WIDTH - RIGHT)
    upward = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP)
    for value in across.marks():
        place = across.at(value)
        yield _rule(place, TOP, place, HEIGHT - BOTTOM)
        yield _text(place, HEIGHT - BOTTOM + 16, _number(value))
    for value in upward.marks():
        place = upward.at(value)
        yield _rule(x + LEFT, place, x + WIDTH - RIGHT, place)
        yield _text(x + LEFT - 8, place + 4, _number(value), anchor="end")
    yield _text(x + (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 34, panel.across)
    yield _text(x + LEFT, TOP - 6, panel.upward, anchor="start", size=11)
    for n, (line, colour) in enumerate(zip(panel.lines, COLOURS, strict=False)):
        places = [(across.at(a), upward.at(b)) for a, b in line.points]
        path = " ".join(f"{a},{b}" for a, b in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in places)
        y = HEIGHT + ROW * n
        yield f'<rect x="{x + LEFT}" y="{y - 9}" width="14" height="4" fill="{colour}"/>'
        yield _text(x + LEFT + 22, y - 3, line.name, anchor="start")


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{PALE}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 12) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
