"""A workflow as a Mermaid state diagram, for pages and wikis that draw one from text."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.telling.drawing import Here
from bridge.telling.scene import Card, Move, Scene

_PLAIN = frozenset(" ,.!?'()/+-“”‘’…–—·→")


def mermaid(scene: Scene, here: Here | None = None) -> str:
    """The text of a ``stateDiagram-v2`` that ends with a line break."""
    return "\n".join(_lines(scene, here)) + "\n"


def _lines(scene: Scene, here: Here | None) -> Iterator[str]:
    ids = {card.state: f"s{at}" for at, card in enumerate((*scene.cards, *scene.endings), 1)}
    yield "stateDiagram-v2"
    yield f"    accTitle: {_escape(scene.title)}"
    about = " ".join(filter(None, (scene.about, here.remark if here is not None else "")))
    yield f"    accDescr: {_escape(about or scene.title)}"
    yield "    direction TB"
    for card in (*scene.cards, *scene.endings):
        yield f'    state "{_label(card, here)}" as {ids[card.state]}'
    first = next(iter(ids.values()))
    yield f"    [*] --> {first}: {_escape(scene.begins)}"
    for card in scene.cards:
        together: dict[str, list[str]] = {}
        for move in card.moves:
            together.setdefault(move.to, []).append(
                _escape(", ".join(filter(None, (move.words, move.tells))))
            )
        for to, labels in together.items():
            yield f"    {ids[card.state]} --> {ids[to]}: {'<br/>or '.join(labels)}"
    for card in scene.endings:
        yield f"    {ids[card.state]} --> [*]"
    for to in dict.fromkeys(move.to for move in scene.always):
        yield f"    note right of {ids[to]}"
        yield from (f"        {_note(move)}" for move in scene.always if move.to == to)
        yield "    end note"
    if here is not None:
        yield "    classDef here fill:#fff4cf,stroke:#9a6700,stroke-width:3px,color:#22262e"
        yield from (f"    class {ids[state]} here" for state in here.states if state in ids)


def _label(card: Card, here: Here | None) -> str:
    lines = [card.name]
    if here is not None and card.state in here.states:
        lines.append(here.words)
    if card.outcome:
        lines.append(card.outcome)
    lines += [happening.words for happening in card.happenings]
    return "<br/>".join(map(_escape, lines))


def _note(move: Move) -> str:
    return _escape(", ".join(filter(None, (move.where, move.words, move.tells))))


def _escape(text: str) -> str:
    """Text that Mermaid takes for nothing but text: all signs but harmless ones as their numbers."""
    flat = " ".join(text.split())
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in flat)
