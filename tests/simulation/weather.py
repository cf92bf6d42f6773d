"""What goes wrong, and when: windows of misfortune over one store and one homeserver."""

from __future__ import annotations

import random
from typing import NamedTuple

from engine.core.values import Ms


class Window(NamedTuple):
    """One misfortune while it lasts; what it strikes is drawn from its own lot."""

    until_ms: Ms
    lot: random.Random


class Weather:
    """Which misfortunes are on."""

    def __init__(self) -> None:
        self._windows: dict[str, Window] = {}

    def turn(self, kind: str, until_ms: Ms, lot: random.Random) -> None:
        """Let something go wrong until then."""
        self._windows[kind] = Window(until_ms, lot)

    def clear(self) -> None:
        """From here on nothing goes wrong."""
        self._windows.clear()

    def strikes(self, kind: str, now_ms: Ms, share: float = 1.0) -> bool:
        """Whether it happens now; with a ``share`` below 1 only now and then."""
        window = self._windows.get(kind)
        return window is not None and now_ms < window.until_ms and window.lot.random() < share

    def lot(self, kind: str) -> random.Random:
        """The lot of a misfortune that is on."""
        return self._windows[kind].lot
