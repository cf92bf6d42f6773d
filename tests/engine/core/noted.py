"""A course of events of which a journal is kept, as the house keeps it."""

from __future__ import annotations

from engine.core.definition import Definition
from engine.core.event import Event, Facts
from engine.core.replay import Entry, Passage, replay
from tests.engine.core.one_instance import Course


class Noted(Course):
    """A course of events of which a journal is kept, as the house keeps it."""

    def __init__(self, definition: Definition) -> None:
        super().__init__(definition)
        self.journal: list[Entry] = []

    def happen(self, event: Event, *, late_ms: int = 0) -> Noted:
        super().happen(event, late_ms=late_ms)
        facts = Facts(
            now_ms=self.now_ms,
            occurred_ms=self.now_ms - late_ms,
            instance="i1",
            circle="c1",
            in_use=self.in_use,
        )
        self.journal.append(Entry(len(self.journal) + 1, event, facts, self.refused or "decided"))
        return self

    def passages(self, *known: Definition) -> list[Passage]:
        by_digest = {definition.digest: definition for definition in known}
        return list(replay(self.journal, self.definition, by_digest.get))
