"""The same human event as a step of a durable execution: ``python -m bench.durable ADDRESS``, for `bench.engine`.

DBOS as its handbook says: a workflow per running relay waits for what a person does (``recv``), and a step of it writes
the snapshot, the journal and the outbox in one transaction of its own tables. For each number on its standard input it
says on its output how many such events a second it carried out, by as many callers as Hearth has, each of which sends
its next event once the last one is written.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time

import asyncpg
from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench.floors import LINE_BYTES, PARCEL_BYTES, ROWS, SNAPSHOT_BYTES
from bench.raw_postgres import prepared

TOPIC = "next"
WAITS_SECONDS = 86_400.0


class Book:
    """Where a step writes, and who waits for it."""

    pool: asyncpg.Pool
    written: dict[int, asyncio.Future[None]]


book = Book()


@DBOS.step()
async def write(relay: int) -> None:
    """What one event leaves behind, in one transaction."""
    async with book.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE instance SET version = version + 1, snapshot = $2 WHERE id = $1",
            relay,
            bytes(SNAPSHOT_BYTES),
        )
        await connection.execute(
            "INSERT INTO journal (instance, line) VALUES ($1, $2)", relay, bytes(LINE_BYTES)
        )
        await connection.execute(
            "INSERT INTO outbox (instance, parcel) VALUES ($1, $2)", relay, bytes(PARCEL_BYTES)
        )


@DBOS.workflow()
async def run(relay: int) -> None:
    """A relay: each time somebody passes the baton on, it is written down; it ends when nobody does for a day."""
    while await DBOS.recv_async(TOPIC, WAITS_SECONDS) is not None:
        await write(relay)
        book.written[relay].set_result(None)


async def carry(events: int) -> float:
    """Events per second."""

    async def caller(relay: int) -> None:
        for _ in range(events // ROWS):
            book.written[relay] = asyncio.get_running_loop().create_future()
            await DBOS.send_async(str(relay), "next", TOPIC)
            await book.written[relay]

    started = time.perf_counter()
    await asyncio.gather(*(caller(relay) for relay in range(ROWS)))
    return events / (time.perf_counter() - started)


async def main(address: str) -> None:
    book.pool = await prepared(address)
    book.written = {}
    config = DBOSConfig(
        name="bench", system_database_url=address.replace("postgresql:", "postgresql+psycopg:")
    )
    DBOS(config=config)
    logging.getLogger("dbos").setLevel(logging.ERROR)
    DBOS.launch()
    for relay in range(ROWS):
        with SetWorkflowID(str(relay)):
            await DBOS.start_workflow_async(run, relay)
    print("ready", flush=True)
    for line in iter(sys.stdin.readline, ""):
        print(await carry(int(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
