"""A workflow drawn as SVG: text stays text, light and dark, on paper and on a small screen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from bridge.telling.drawing import (
    BOLD,
    SIZES,
    Box,
    Drawing,
    Drawn,
    Here,
    PlacedCard,
    PlacedMove,
    Route,
    Written,
)
from bridge.telling.layout import ENDINGS, lay_out
from bridge.telling.scene import Scene

FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", Arial, '
    '"Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji", sans-serif'
)
CORNER = 7.0

# Each name of a colour with its light and its dark form. Light ones stand in the drawing itself, so that a viewer
# without style sheets shows them; dark ones only in the style sheet.
COLOURS = {
    "paper": ("#faf9f6", "#17191d"),
    "card": ("#ffffff", "#22262c"),
    "edge": ("#c9ccd3", "#444b56"),
    "rule": ("#e9eaee", "#333942"),
    "ink": ("#22262e", "#eceef1"),
    "soft": ("#565d6a", "#b4bac4"),
    "spine": ("#6b7280", "#98a0ac"),
    "ending": ("#f3f2ee", "#1e2126"),
    "here": ("#fff4cf", "#3a3115"),
    "mark": ("#9a6700", "#e3b341"),
    "on": ("#ffffff", "#17191d"),
}
HUES = (
    ("#1f6f78", "#6cc5cd"),
    ("#8a4b8f", "#d79bdc"),
    ("#4a5fa8", "#9db0f0"),
    ("#9c5221", "#e6a877"),
    ("#55701f", "#b3cd7c"),
    ("#a33d55", "#f098aa"),
    ("#47637f", "#9fbcd8"),
    ("#776014", "#d9c26b"),
)
_SIGNS = {
    "moment": "M0-6a6 6 0 1 0 .01 0zM0-3.4V0l2.4 1.6",
    "command": "M-5.5-4-1.5 0l-4 4M.5 4h5",
    "answer": "M-5.5.5l3.5 4 7-8.5",
    "gathered": "M-5.5-4h2M-.5-4h6M-5.5 0h2M-.5 0h6M-5.5 4h2M-.5 4h6",
    "closed": "M-6-4H6V4.5H-6zM-6-4 0 1l6-5",
    "holds": "M0-6 6 0 0 6-6 0z",
    "ended": "M0-6a6 6 0 1 0 .01 0zM-2-2h4v4h-4z",
    "leaving": "M1-5.5h-6v11h6M-1.5 0h7.5M3.5-2.7 6.2 0 3.5 2.7",
    "ask": "M-6-5H6V3H-.5L-3.5 6V3H-6zM-3-1h.01M0-1h.01M3-1h.01",
    "tell": "M-6-4H6V4.5H-6zM-6-4 0 1l6-5",
    "start": "M-3.5-5.5 5.5 0l-9 5.5z",
    "show": "M-6.5 0C-3.5-5 3.5-5 6.5 0 3.5 5-3.5 5-6.5 0zM0-1.8a1.8 1.8 0 1 0 .01 0z",
}


def picture(scene: Scene, here: Here | None = None) -> str:
    """A whole SVG document that ends with a line break; ``here`` marks where an instance stands."""
    drawing = lay_out(scene, here)
    endings = " ".join(f"{card.name}: {card.outcome or ''}".strip() for card in scene.endings)
    parts = (scene.about, here.remark if here else "", f"It {scene.begins}.", f"{ENDINGS}: {endings}")
    return "\n".join(_document(drawing, scene.title, " ".join(filter(None, parts)))) + "\n"


def _document(drawing: Drawing, title: str, description: str) -> Iterator[str]:
    frame = drawing.frame
    width, height = _n(frame.width), _n(frame.height)
    hues = _hues_of(drawing)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hearth" width="{width}" height="{height}" '
        f'viewBox="{_n(frame.x)} {_n(frame.y)} {width} {height}" role="graphics-document document" '
        f'aria-labelledby="hearth-title hearth-about" font-family={quoteattr(FONTS)} '
        'style="display:block;margin:auto;max-width:100%;height:auto">'
    )
    yield f'<title id="hearth-title">{_text(title)}</title>'
    yield f'<desc id="hearth-about">{_text(description)}</desc>'
    yield f"<style>{_style()}</style>"
    yield f"<rect {_place(frame)} {_paint('paper')}/>"
    yield from _routes(drawing.routes, hues)
    yield _mark_of_start(drawing)
    for written in drawing.heading:
        yield _written(written)
    for card in drawing.cards:
        yield from _card(card, hues)
    yield from _arrowheads(drawing.routes, hues)
    yield "</svg>"


def _hues_of(drawing: Drawing) -> dict[str, str]:
    """State → the name of its colour; all lines that lead to it share it. Only lines in lanes need one."""
    reached = {route.to for route in drawing.routes if route.side != "down"}
    states = [card.card.state for card in drawing.cards if card.card is not None]
    return {state: f"h{at % len(HUES)}" for at, state in enumerate(s for s in states if s in reached)}


# ── lines ────────────────────────────────────────────────────────────────────


def _routes(routes: Iterable[Route], hues: dict[str, str]) -> Iterator[str]:
    """Lines that flow together are drawn together, each with a seam that keeps it apart from what it crosses."""
    together: dict[tuple[str, str], list[str]] = {}
    for route in sorted(routes, key=lambda each: -max(abs(x) for x, _ in each.points)):
        together.setdefault((route.to, route.side), []).append(_path(route.points))
    for (to, side), paths in together.items():
        name = "spine" if side == "down" else hues[to]
        whole = "".join(paths)
        yield f'<path d="{whole}" {_paint(stroke="paper")} stroke-width="5"/>'
        yield f'<path d="{whole}" {_paint(stroke=name)} stroke-width="1.7"/>'


def _path(points: tuple[tuple[float, float], ...]) -> str:
    """A line with rounded corners through right angles."""
    (x, y), *rest = points
    parts = [f"M{_n(x)} {_n(y)}"]
    for at, corner in enumerate(rest[:-1]):
        after = rest[at + 1]
        radius = min(CORNER, _far((x, y), corner) / 2, _far(corner, after) / 2)
        before, behind = _toward(corner, (x, y), radius), _toward(corner, after, radius)
        parts.append(
            f"L{_n(before[0])} {_n(before[1])}Q{_n(corner[0])} {_n(corner[1])} {_n(behind[0])} {_n(behind[1])}"
        )
        x, y = corner
    end = _toward(rest[-1], (x, y), 5)
    return "".join((*parts, f"L{_n(end[0])} {_n(end[1])}"))


def _far(start: tuple[float, float], end: tuple[float, float]) -> float:
    return abs(start[0] - end[0]) + abs(start[1] - end[1])


def _toward(start: tuple[float, float], end: tuple[float, float], length: float) -> tuple[float, float]:
    """The point at this distance from a start along a horizontal or vertical way to an end."""
    way = _far(start, end) or 1.0
    share = min(1.0, length / way)
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _arrowheads(routes: Iterable[Route], hues: dict[str, str]) -> Iterator[str]:
    ends = dict.fromkeys((route.points[-1], route.side, route.to) for route in routes)
    for (x, y), side, to in ends:
        match side:
            case "down":
                points = f"{_n(x)},{_n(y)} {_n(x - 5)},{_n(y - 9)} {_n(x + 5)},{_n(y - 9)}"
            case "right":
                points = f"{_n(x)},{_n(y)} {_n(x + 9)},{_n(y - 5)} {_n(x + 9)},{_n(y + 5)}"
            case _:
                points = f"{_n(x)},{_n(y)} {_n(x - 9)},{_n(y - 5)} {_n(x - 9)},{_n(y + 5)}"
        yield f'<polygon points="{points}" {_paint("spine" if side == "down" else hues[to])}/>'


def _mark_of_start(drawing: Drawing) -> str:
    x, y = drawing.start
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="6" {_paint("spine")}/>'


# ── cards ────────────────────────────────────────────────────────────────────


def _card(placed: PlacedCard, hues: dict[str, str]) -> Iterator[str]:
    card = placed.card
    state = f' data-state="{_text(card.state)}"' if card is not None else ""
    yield f"<g{state}>"
    ending = card is not None and card.outcome is not None
    here = placed.badge is not None
    fill = "here" if here else "ending" if ending else "card"
    edge = "mark" if here else "edge"
    dashes = ' stroke-dasharray="5 4"' if card is None else ""
    width = "2.5" if here else "1.2"
    yield f'<rect {_place(placed.box)} rx="12" {_paint(fill, edge)} stroke-width="{width}"{dashes}/>'
    if card is not None and (hue := hues.get(card.state)) is not None:
        yield from _hue_of_card(placed, hue, ending=ending)
    elif ending:
        yield from _hue_of_card(placed, "spine", ending=True)
    if placed.badge is not None:
        yield f'<rect {_place(placed.badge)} rx="{_n(min(placed.badge.height / 2, 12))}" {_paint("mark")}/>'
    for written in placed.written:
        yield _written(written)
    for sign in placed.signs:
        yield _sign(sign, "soft")
    for move in placed.moves:
        yield from _move(move, hues)
    yield "</g>"


def _hue_of_card(placed: PlacedCard, hue: str, *, ending: bool) -> Iterator[str]:
    """Where a card's colour shows: an ending's double ring, or a dot behind the name."""
    if ending:
        x, y = _n(22.0), _n(placed.entry)
        yield f'<circle cx="{x}" cy="{y}" r="6.5" {_paint(stroke=hue)} stroke-width="1.7"/>'
        yield f'<circle cx="{x}" cy="{y}" r="3.2" {_paint(hue)}/>'


def _move(placed: PlacedMove, hues: dict[str, str]) -> Iterator[str]:
    box = placed.box
    line = f'x1="{_n(box.x + 1)}" y1="{_n(box.y)}" x2="{_n(box.right - 1)}" y2="{_n(box.y)}"'
    yield f'<g data-to="{_text(placed.move.to)}"><line {line} {_paint(stroke="rule")} stroke-width="1"/>'
    yield _sign(placed.sign, "soft")
    name = "ink" if placed.side == "down" else hues[placed.move.to]
    for written in placed.written:
        yield _written(written, name if written.style == "to" else None)
    yield "</g>"


def _sign(sign: Drawn, name: str) -> str:
    return (
        f'<path transform="translate({_n(sign.x)} {_n(sign.y)})" d="{_SIGNS[sign.sign]}" '
        f'{_paint(stroke=name)} stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _written(written: Written, name: str | None = None) -> str:
    colour = name or {"about": "soft", "happening": "soft", "aside": "soft", "badge": "on"}.get(
        written.style, "ink"
    )
    x = written.box.right if written.ends_right else written.box.x
    anchor = ' text-anchor="end"' if written.ends_right else ""
    weight = ' font-weight="600"' if written.style in BOLD else ""
    size = _n(SIZES[written.style])
    return (
        f'<text x="{_n(x)}" y="{_n(written.baseline)}" font-size="{size}"{weight}{anchor} {_paint(colour)}>'
        f"{_text(written.text)}</text>"
    )


# ── how it is written ────────────────────────────────────────────────────────


def _light(name: str) -> str:
    return HUES[int(name[1:])][0] if name not in COLOURS else COLOURS[name][0]


def _paint(fill: str | None = None, stroke: str | None = None) -> str:
    """The colours of a shape: as attributes for light, as classes for the style sheet."""
    classes = [f"f-{fill}"] * (fill is not None) + [f"s-{stroke}"] * (stroke is not None)
    line = f' stroke="{_light(stroke)}"' if stroke is not None else ""
    return f'class="{" ".join(classes)}" fill="{_light(fill) if fill is not None else "none"}"{line}'


def _style() -> str:
    dark = {name: pair[1] for name, pair in COLOURS.items()}
    dark |= {f"h{at}": pair[1] for at, pair in enumerate(HUES)}
    rules = "".join(
        f".hearth .f-{name}{{fill:{colour}}}.hearth .s-{name}{{stroke:{colour}}}"
        for name, colour in dark.items()
    )
    return (
        f"@media screen and (prefers-color-scheme:dark){{{rules}}}"
        "@media print{.hearth .f-paper{fill:#fff}.hearth{print-color-adjust:exact}}"
    )


def _place(box: Box) -> str:
    return f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'


def _n(number: float) -> str:
    """A number, to a tenth, without trailing zeros."""
    return f"{number:.1f}".removesuffix(".0")


def _text(text: str) -> str:
    """Text that XML takes: escaped, and without characters that no XML may hold."""
    fit = "".join(char if _may_stand(ord(char)) else "\ufffd" for char in text)
    return escape(fit, {'"': "&quot;", "'": "&#39;"})


def _may_stand(code: int) -> bool:
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
