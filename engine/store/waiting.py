"""What waits, and for what: timers that come due, and what is run by; in SQL written by hand.

The bell asks after every commit, so this has to be as quick with a million rows as with a few (docs/bench.md).
Every method is to be called in the thread of ``engine.store.hot_path``.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.values import CircleId, Ms
from engine.runtime.ports import TimerRow
from engine.store import statements as sql
from engine.store.database import Database


class Waiting:
    """The timers, and what runs, on the writer's connection."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def due_timers(self, now_ms: Ms, limit: int) -> Sequence[TimerRow]:
        """See ``Cellar.due_timers``."""
        return [TimerRow(*row) for row in self._db.execute(sql.DUE_TIMERS, (now_ms, limit))]

    def claim_timers(self, due_ms: Ms, lease_ms: Ms, limit: int) -> Sequence[TimerRow]:
        """See ``Cellar.claim_timers``."""
        with self._db.transaction("write"):
            claimed = [
                TimerRow(*row) for row in self._db.execute(sql.CLAIM_TIMERS, (due_ms, lease_ms, limit))
            ]
        return sorted(claimed, key=lambda timer: (timer.due_ms, timer.actor, timer.name))

    def next_timer_ms(self) -> Ms | None:
        """See ``Cellar.next_timer_ms``."""
        found = self._db.execute(sql.NEXT_TIMER).fetchone()
        return None if found is None else int(found[0])

    def running_definitions(self, circle: CircleId) -> Sequence[str]:
        """See ``Cellar.running_definitions``: steps from each to the next, however much runs by it."""
        return [
            digest for (digest,) in self._db.execute(sql.RUNNING_DEFINITIONS, (circle,)) if digest is not None
        ]
