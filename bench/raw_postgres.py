"""What PostgreSQL does by itself: three plain writes and one durable transaction per event, in raw asyncpg."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from bench.floors import LINE_BYTES, PARCEL_BYTES, ROWS, SNAPSHOT_BYTES, TABLES

CONNECTIONS = 16
SERIAL = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"


async def prepared(address: str) -> asyncpg.Pool:
    """Connections to a database in which the tables have just been made, with a row for each caller."""
    pool = await asyncpg.create_pool(address, min_size=CONNECTIONS, max_size=CONNECTIONS)
    await pool.execute(TABLES.format(blob="BYTEA", serial=SERIAL))
    rows = [(n, bytes(SNAPSHOT_BYTES)) for n in range(ROWS)]
    await pool.executemany("INSERT INTO instance VALUES ($1, 0, $2)", rows)
    return pool


class PostgresFloor:
    """Raw asyncpg: so many connections, each with one transaction per event, every statement prepared."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, address: str) -> PostgresFloor:
        return cls(await prepared(address))

    async def close(self) -> None:
        await self._pool.close()

    async def round(self, events: int) -> float:
        """Events per second."""

        async def caller(first: int) -> None:
            async with self._pool.acquire() as connection:
                update = await connection.prepare(
                    "UPDATE instance SET version = version + 1, snapshot = $2 WHERE id = $1"
                )
                journal = await connection.prepare("INSERT INTO journal (instance, line) VALUES ($1, $2)")
                outbox = await connection.prepare("INSERT INTO outbox (instance, parcel) VALUES ($1, $2)")
                for k in range(events // CONNECTIONS):
                    row = (first + CONNECTIONS * k) % ROWS
                    async with connection.transaction():
                        await update.fetch(row, bytes(SNAPSHOT_BYTES))
                        await journal.fetch(row, bytes(LINE_BYTES))
                        await outbox.fetch(row, bytes(PARCEL_BYTES))

        started = time.perf_counter()
        await asyncio.gather(*(caller(first) for first in range(CONNECTIONS)))
        return events / (time.perf_counter() - started)
