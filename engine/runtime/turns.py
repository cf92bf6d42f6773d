"""Whose turn it is: rooms that were written to lately wait until the others have been."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from engine.core.rank import Head, choose

MOST_REMEMBERED = 4096


class Turns:
    """Remembers in which order rooms had their turns, of the last ``MOST_REMEMBERED``."""

    def __init__(self) -> None:
        self._served: dict[str, int] = {}
        self._n = 0

    def choose(self, heads: Iterable[Head], most: int, most_unasked: int) -> list[Head]:
        """``engine.core.rank.choose``, and note that these have had their turn."""
        chosen = self.whose(heads, most, most_unasked)
        self.note(chosen)
        return chosen

    def whose(self, heads: Iterable[Head], most: int, most_unasked: int) -> list[Head]:
        """``engine.core.rank.choose``; what comes of it is not known yet."""
        return choose(heads, self._served, most, most_unasked)

    def note(self, chosen: Iterable[Head]) -> None:
        """These have had their turn."""
        for head in chosen:
            self._n += 1
            self._served.pop(head.lane, None)
            self._served[head.lane] = self._n
        for lane in list(islice(self._served, max(0, len(self._served) - MOST_REMEMBERED))):
            del self._served[lane]
