"""Tortoise's connections to PostgreSQL.

Those it would make itself log the password, forget the options of the address, and come back late after an outage.
"""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row
from tortoise.backends.base.client import TransactionalDBClient, TransactionContextPooled
from tortoise.backends.psycopg.client import PsycopgClient, TransactionWrapper
from tortoise.connection import get_connections

from engine.runtime.ports import Unavailable
from engine.store.address import Address

MOST_CONNECTIONS = 4
"""One transaction writes at a time; the rest is for whoever looks something up meanwhile."""
WAIT_SECONDS = 30
"""So long somebody waits for one of them."""

Connection = psycopg.AsyncConnection[Any]


class Pool:
    """A few connections, made when they are needed, and made anew when they turn out to be gone."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(MOST_CONNECTIONS)

    async def acquire(self) -> Connection:
        """A connection that answers; psycopg.OperationalError if there is none to be had."""
        try:
            await asyncio.wait_for(self._free.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable("every connection to the database has been busy for too long") from None
        try:
            while self._idle:
                connection = self._idle.pop()
                try:
                    await connection.execute("")
                except psycopg.Error:
                    await connection.close()  # it was lost while nobody used it
                else:
                    return connection
            return await psycopg.AsyncConnection.connect(
                **self._parameters, autocommit=True, row_factory=dict_row
            )
        except BaseException:
            self._free.release()
            raise

    async def release(self, connection: Connection) -> None:
        """Give it back; one in which something was left open is not used again."""
        if not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            await connection.close()
        self._free.release()

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()


class _Transaction(TransactionContextPooled):
    async def __aenter__(self) -> TransactionalDBClient:
        try:
            return await super().__aenter__()
        except BaseException:
            # Nobody leaves what they have not entered: what was taken for it is given back here.
            if hasattr(self, "token"):
                await self.client._parent._pool.release(self.client._connection)
                get_connections().reset(self.token)
            raise


class PostgresClient(PsycopgClient):
    """Implements what Tortoise asks of a connection."""

    def __init__(self, address: Address, app: str, **more: Any) -> None:
        super().__init__(**more)
        self._parameters = address.parameters_for(app)

    _pool: Pool | None = None  # type: ignore[assignment]

    async def create_connection(self, with_db: bool) -> None:
        """See ``PsycopgClient``; nothing is connected yet."""
        self._pool = Pool(self._parameters)

    async def _close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    def _in_transaction(self) -> _Transaction:
        return _Transaction(TransactionWrapper(self), self._pool_init_lock)


client_class = PostgresClient
"""Where Tortoise looks for it."""
