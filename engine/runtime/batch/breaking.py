"""How deciding breaks off."""

from __future__ import annotations


class Broke(Exception):
    """Deciding an event raised: the batch is to be decided again with that event set aside."""

    def __init__(self, arrival: str, error: str) -> None:
        super().__init__(error)
        self.arrival = arrival
        self.error = error


class NoDefinition(Exception):
    """An instance is pinned to a definition that is nowhere to be found."""
