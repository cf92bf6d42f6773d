"""What SQLite does by itself: three plain writes and one durable commit per event, in its raw driver."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

ROWS = 64
"""Rows that are changed, as many as there are callers."""
SNAPSHOT_BYTES, LINE_BYTES, PARCEL_BYTES = 400, 200, 300

TABLES = """
    CREATE TABLE instance (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, snapshot {blob} NOT NULL);
    CREATE TABLE journal (id {serial}, instance INTEGER NOT NULL, line {blob} NOT NULL);
    CREATE TABLE outbox (id {serial}, instance INTEGER NOT NULL, parcel {blob} NOT NULL);"""


def sqlite_round(path: Path, events: int) -> float:
    """Events per second of ``sqlite3``, WAL, ``synchronous=FULL``."""
    is_new = not path.exists()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    if is_new:
        db.executescript(TABLES.format(blob="BLOB", serial="INTEGER PRIMARY KEY"))
        rows = [(n, bytes(SNAPSHOT_BYTES)) for n in range(ROWS)]
        db.executemany("INSERT INTO instance VALUES (?, 0, ?)", rows)
    started = time.perf_counter()
    for n in range(events):
        db.execute("BEGIN IMMEDIATE")
        db.execute(
            "UPDATE instance SET version = version + 1, snapshot = ? WHERE id = ?",
            (bytes(SNAPSHOT_BYTES), n % ROWS),
        )
        db.execute("INSERT INTO journal (instance, line) VALUES (?, ?)", (n % ROWS, bytes(LINE_BYTES)))
        db.execute("INSERT INTO outbox (instance, parcel) VALUES (?, ?)", (n % ROWS, bytes(PARCEL_BYTES)))
        db.execute("COMMIT")
    taken = time.perf_counter() - started
    db.close()
    return events / taken
