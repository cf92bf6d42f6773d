"""A look into a PostgreSQL database from outside, while processes over it and the server itself die."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from engine.core.values import Ms
from engine.store.postgres import as_postgres_reads_it
from tests.crash.look import Look

OUTAGE_SECONDS = 30.0
TO_CLOSE = "SELECT count(*) FROM timers WHERE name LIKE 'close:rsvp:%'"
SPEAKS = "SELECT holder, epoch, since FROM speakers"


class SharedLook(Look):
    """Waits while the server is down: somebody is about to start it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._db: psycopg.Connection[Any] | None = None

    def _select(self, statement: str, *values: object) -> list[Any]:
        give_up_at = time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                if self._db is None:
                    self._db = psycopg.connect(
                        self._address, autocommit=True, cursor_factory=psycopg.RawCursor
                    )
                return self._db.execute(as_postgres_reads_it(statement).encode(), values or None).fetchall()
            except psycopg.OperationalError:
                self.close()
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)  # there is nothing to wait on but time

    def speaker(self) -> tuple[str, int, Ms]:
        """Who has the leave to speak, or had it last; the how-manieth that is; and since when, in real time."""
        ((holder, epoch, since_ms),) = self._select(SPEAKS)
        return holder, epoch, since_ms

    def timers_to_close(self) -> int:
        """How many timers there are that close the answers to suppers."""
        ((n,),) = self._select(TO_CLOSE)
        return int(n)

    def close(self) -> None:
        """Let go of the database."""
        if self._db is not None:
            self._db.close()
            self._db = None
