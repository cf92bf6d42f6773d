"""Opening the database: finding it, making it, bringing its tables up to date, refusing what is newer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.exceptions import BaseORMException
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction

from engine.store.database import Collided, NewerSchema, Place, Taken
from engine.store.schemas import CELLAR, KEYS, MIGRATIONS, MODELS
from engine.store.sqlite import SqliteFiles

__all__ = [
    "CELLAR",
    "KEYS",
    "NewerSchema",
    "bring_up_to_date",
    "close_connections",
    "configuration",
    "place_of",
]

MOST_AT_ONCE = 20
"""So many may open a new database at the same moment; each finds out in turn that another has made it."""


def place_of(path_or_url: str | Path, keys: Path | None = None) -> Place:
    """What is meant by a path, a ``sqlite://`` or a ``postgresql://`` address.

    Raises:
        ValueError: an address of another kind, or one that cannot be read; it is not repeated, as it may hold a
            password.
    """
    if isinstance(path_or_url, str) and is_postgres(path_or_url):
        # Whoever stays with SQLite need not load a second driver.
        from engine.store.address import address_of  # noqa: PLC0415
        from engine.store.postgres import PostgresPlace  # noqa: PLC0415

        return PostgresPlace(address_of(path_or_url))
    path = path_of(path_or_url)
    return SqliteFiles(path, keys or path.with_suffix(".keys"))


def is_postgres(url: str) -> bool:
    """Whether it is an address of PostgreSQL."""
    return url.startswith(("postgresql://", "postgres://"))


def path_of(path_or_url: str | Path) -> Path:
    """The file meant by a path or a ``sqlite://`` address."""
    if isinstance(path_or_url, Path):
        return path_or_url
    scheme, separator, rest = path_or_url.partition("://")
    if not separator:
        return Path(path_or_url)
    if scheme != "sqlite" or not rest or rest == ":memory:":
        raise ValueError(
            f"database {scheme}://…: only sqlite:///path/to/file and postgresql://user@host/name are known"
        )
    return Path(rest)


def configuration(place: Place) -> dict[str, Any]:
    """What Tortoise needs to know: two connections, each with its own models and migrations."""
    return {"connections": place.connections(), "apps": {app: _app(app) for app in (CELLAR, KEYS)}}


def _app(name: str) -> dict[str, Any]:
    return {"models": [MODELS[name]], "default_connection": name, "migrations": MIGRATIONS[name].__name__}


class _Recorder(MigrationRecorder):
    """Records migrations in a transaction; its table is there already, and making it would end the transaction."""

    async def ensure_schema(self, schema_editor: object) -> None:
        pass

    def _placeholder(self, pos: int) -> str:
        # Tortoise writes $1 here for every PostgreSQL driver; psycopg reads %s.
        return "%s" if self._dialect == "postgres" else super()._placeholder(pos)


async def bring_up_to_date(place: Place) -> None:
    """Run the migrations that are missing; afterwards Tortoise is ready in the present context."""
    config = configuration(place)
    EXECUTOR_CACHE.clear()  # by the names of tables it remembers statements of whatever dialect was open before
    await Tortoise.init(config=config)
    for app in (KEYS, CELLAR):
        for left in reversed(range(MOST_AT_ONCE)):
            try:
                with place.speaking():
                    await _migrate(app, config["apps"][app], place)
                break
            except (Collided, Taken, BaseORMException):
                # Another process made the same tables first. If it is something else it comes again.
                if not left:
                    raise


async def _migrate(app: str, app_config: dict[str, Any], place: Place) -> None:
    """Change the tables and record it in one transaction.

    Tortoise alone would record in a second one: killed in between, it would make its tables twice and never
    get further. The first write waits for whoever else may be migrating and holds them off meanwhile.
    """
    connection = get_connection(app)
    await MigrationRecorder(connection).ensure_schema(place.schema_editor(connection))
    async with in_transaction(app) as transaction:
        await transaction.execute_query("DELETE FROM tortoise_migrations WHERE 1 = 0")
        executor = MigrationExecutor(transaction, {app: app_config})
        executor.recorder = executor.loader.recorder = _Recorder(transaction)
        await executor.migrate()


async def close_connections() -> None:
    """Close what Tortoise has open in the present context."""
    await Tortoise.close_connections()
