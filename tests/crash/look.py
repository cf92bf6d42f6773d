"""A look into the database from outside, at what lies open in it: what is under way, what was sent, what was seen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.values import Ms

UNDER_WAY = """
    SELECT 'timer ' || actor || ' ' || name FROM timers WHERE due_at <= ?1
    UNION ALL SELECT 'event ' || id FROM inbox
    UNION ALL SELECT 'parcel ' || row || CASE WHEN sealed IS NULL THEN '' ELSE ' sealed' END
            || CASE WHEN lease_until IS NULL THEN '' ELSE ' leased' END
        FROM outbox o WHERE status = 'waiting' AND (sealed IS NOT NULL OR lease_until IS NOT NULL
            OR (due_at <= ?1 AND NOT EXISTS (SELECT 1 FROM awaited a WHERE a.row = o.row)))"""
SEEN = "SELECT id FROM seen"
ACTORS = "SELECT DISTINCT actor FROM journal ORDER BY actor"
ROWS = "SELECT row, transaction_id, status, room, event_id, is_reaction, why FROM outbox ORDER BY seq"
WAITS = """
    SELECT 'timer ' || actor || ' ' || name FROM timers WHERE name <> 'letter'
    UNION ALL SELECT 'parcel ' || row || ' ' || coalesce(why, '') FROM outbox WHERE status = 'waiting'"""
NEXT = """
    SELECT min(due_at) FROM (SELECT due_at FROM timers WHERE name <> 'letter'
        UNION ALL SELECT due_at FROM outbox o WHERE status = 'waiting' AND due_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM awaited a WHERE a.row = o.row))"""


CARRYING = "SELECT DISTINCT c.row FROM carried c JOIN outbox o ON o.row = c.row WHERE o.status = 'sent'"
TO_FADE = """
    SELECT 'text ' || id FROM texts WHERE until <= ?1
    UNION ALL SELECT 'parcel ' || row FROM outbox WHERE status = 'waiting' AND row IN (SELECT by FROM taken_back)"""


class Row(NamedTuple):
    """One row of the outbox, without what it says."""

    row: str
    transaction: str
    status: str
    room: str | None
    event: str | None
    is_reaction: bool
    why: str | None


class Look:
    """Reads the house's database while it lives, dies and lives again; every look is a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _select(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            return db.execute(statement, values).fetchall()

    def under_way(self, now_ms: Ms) -> list[str]:
        """What is due or half done; empty when the house is quiet."""
        return [found for (found,) in self._select(UNDER_WAY, now_ms)]

    def unseen(self, events: Iterable[str]) -> set[str]:
        """Those of these events that have not been taken in."""
        return set(events) - {event for (event,) in self._select(SEEN)}

    def rows(self) -> list[Row]:
        """The outbox, oldest first."""
        return [Row(*found) for found in self._select(ROWS)]

    def actors(self) -> list[str]:
        """Everybody and everything that has a journal."""
        return [actor for (actor,) in self._select(ACTORS)]

    def carrying(self) -> set[str]:
        """The rows of messages in which somebody's words stand."""
        return {row for (row,) in self._select(CARRYING)}

    def to_fade(self, now_ms: Ms) -> list[str]:
        """Texts past their end date, and what is still to be taken back."""
        return [found for (found,) in self._select(TO_FADE, now_ms)]

    def next_moment_ms(self) -> Ms | None:
        """The next moment anything in the house waits for, but for weekly letters, which never end."""
        ((at_ms,),) = self._select(NEXT)
        found: Ms | None = at_ms
        return found

    def waits(self) -> list[str]:
        """Everything that still waits for its moment, or for something else."""
        return [found for (found,) in self._select(WAITS)]
