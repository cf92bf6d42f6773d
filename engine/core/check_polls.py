"""Polls: only where there is something to choose, and where nothing is to be hidden from those who see the votes."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.definition import AskDef, Definition, Room
from engine.core.finding import Finding, Path


def check_polls(definition: Definition) -> Iterator[Finding]:
    """Find polls without a choice, and polls that would show what is to stay hidden."""
    for ask in definition.asks.values():
        if ask.poll:
            yield from _polled(ask)


def _polled(ask: AskDef) -> Iterator[Finding]:
    path: Path = ("asks", ask.name, "with")
    if not ask.choices:
        yield Finding(
            path,
            "poll-nothing-to-choose",
            "a poll offers answers, and here there are none to choose from",
            "write them under `answers`, or leave `with` out",
        )
    if isinstance(ask.to, Room) and ask.hidden is not None:
        yield Finding(
            path,
            "poll-hides-nothing",
            "in the room everybody sees each vote at once, and these answers are to stay hidden",
            "leave `hidden until` out, or ask each person with `to: everyone`",
        )
