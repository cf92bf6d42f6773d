"""Opening the database file: making it, bringing its tables up to date, refusing what is newer."""

from __future__ import annotations

import os
import pkgutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.migrations.executor import MigrationExecutor
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.migrations.schema_editor.sqlite import SqliteSchemaEditor
from tortoise.transactions import in_transaction

from engine.runtime.ports import Unavailable
from engine.store import key_migrations, migrations

CELLAR = "cellar"
KEYS = "keys"
BUSY_MS = 5_000
_MIGRATIONS = {CELLAR: migrations, KEYS: key_migrations}


class NewerSchema(Exception):
    """The database was written by a newer version of this program."""


def path_of(path_or_url: str | Path) -> Path:
    """The file meant by a path or a ``sqlite://`` address."""
    if isinstance(path_or_url, Path):
        return path_or_url
    scheme, separator, rest = path_or_url.partition("://")
    if not separator:
        return Path(path_or_url)
    if scheme != "sqlite" or not rest or rest == ":memory:":
        raise ValueError(f"database {scheme}://…: only sqlite:///path/to/file is known so far")
    return Path(rest)


def make_file(path: Path) -> None:
    """Make sure the file is there, a new one for its owner alone; SQLite gives its side files the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise Unavailable(f"the database {path} cannot be opened: {error.strerror}") from error


def refuse_newer(app: str, path: Path) -> None:
    """Raise NewerSchema if the file has had migrations that are not known here."""
    known = {module.name for module in pkgutil.iter_modules(_MIGRATIONS[app].__path__)}
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000)) as db:
        table = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'tortoise_migrations'").fetchone()
        sql = "SELECT name FROM tortoise_migrations WHERE app = ?"
        applied = {name for (name,) in db.execute(sql, (app,))} if table else set()
    unknown = sorted(applied - known)
    if unknown:
        raise NewerSchema(
            f"{path} has tables of a newer version ({', '.join(unknown)}); "
            "run that version, or restore a backup made before it"
        )


def configuration(path: Path, keys_path: Path) -> dict[str, Any]:
    """What Tortoise needs to know: two files, each with its own models and migrations."""
    return {
        "connections": {CELLAR: _connection(path), KEYS: _connection(keys_path)},
        "apps": {
            CELLAR: _app(CELLAR, "engine.store.models"),
            KEYS: _app(KEYS, "engine.store.keys"),
        },
    }


def _connection(path: Path) -> dict[str, Any]:
    pragmas = {
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "busy_timeout": BUSY_MS,
        "foreign_keys": "ON",
        "secure_delete": "ON",
    }
    return {"engine": "tortoise.backends.sqlite", "credentials": {"file_path": str(path), **pragmas}}


def _app(name: str, models: str) -> dict[str, Any]:
    return {"models": [models], "default_connection": name, "migrations": _MIGRATIONS[name].__name__}


class _Recorder(MigrationRecorder):
    """Records migrations in a transaction; its table is there already, and making it would end the transaction."""

    async def ensure_schema(self, schema_editor: object) -> None:
        pass


async def bring_up_to_date(path: Path, keys_path: Path) -> None:
    """Run the migrations that are missing; afterwards Tortoise is ready in the present context."""
    config = configuration(path, keys_path)
    await Tortoise.init(config=config)
    for app in (KEYS, CELLAR):
        await _migrate(app, config["apps"][app])


async def _migrate(app: str, app_config: dict[str, Any]) -> None:
    """Change the tables and record it in one transaction.

    Tortoise alone would record in a second one: killed in between, it would make its tables twice and never
    get further. The first write waits for whoever else may be migrating and holds them off meanwhile.
    """
    connection = get_connection(app)
    await MigrationRecorder(connection).ensure_schema(SqliteSchemaEditor(connection, atomic=False))
    async with in_transaction(app) as transaction:
        await transaction.execute_query("DELETE FROM tortoise_migrations WHERE 0")
        executor = MigrationExecutor(transaction, {app: app_config})
        executor.recorder = executor.loader.recorder = _Recorder(transaction)
        await executor.migrate()


async def close_connections() -> None:
    """Close what Tortoise has open in the present context."""
    await Tortoise.close_connections()
