"""Whatever version made the database, with people's things in it: it opens today, and nothing of them is lost."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget
from tortoise.migrations.recorder import MigrationRecorder
from tortoise.transactions import in_transaction

from engine.core.definition import Definition, StateDef
from engine.core.desk import Heard, Reading
from engine.core.message import Message, Phrase, Text
from engine.core.values import RowId, TextId
from engine.runtime.ports import Adoption, Changes, KeptRow, SetAside, Spoken, TimerRow, ToDesk, Want
from engine.store import TortoiseStore, hot_path, opening
from engine.store.schemas import CELLAR, KEYS, known
from engine.store.tables import CELLAR_TABLES, KEY_TABLES
from tests.engine.store.conftest import Ground, OnDisk, ground
from tests.engine.store.goods import I1, desk, desk_line, instance_line, new, parcel, post, snapshot, text_row
from tests.world.postgres import Postgres

NOW = 1_000_000
VERSIONS = sorted(known(CELLAR))
WRITTEN_WHEN_OPENED = {"house", "carried"}
"""The marks of the house, and which message carries which text, which an early version did not note."""


def definition() -> Definition:
    states = {"open": StateDef("open", final=True)}
    return Definition("tea", "Tea", "", "d1", "invite", (), {}, {}, states, "open", {"a": "Tea"}, {})


async def full_store(store: TortoiseStore) -> Ground:
    """Something in every table there is."""
    g = await ground(store)
    message = Message(lines=(Phrase("said", slots={"what": Text(TextId("t1"))}),))
    spoken = Spoken(id="$1", occurred_ms=1, person=g.ada, body="words")
    await store.commit(
        Changes(
            seen={"$a": 1},
            snapshots={I1: (snapshot(g.circle), 0)},
            desks={g.ada: (desk(g.ada, consent="yes"), 0)},
            parts=[(I1, "p1", g.ada)],
            journal=[instance_line(1), desk_line(1, g.ada)],
            timers={(f"i/{I1}", "t"): TimerRow(f"i/{I1}", "t", 1, 5)},
            parcels=[
                new(parcel("r1", g.ada, message=message, about=I1)),
                new(parcel("r2", g.ada, replies=RowId("r1"))),
                new(parcel("r3", g.bo, redacts=RowId("r2"))),
            ],
            texts=[text_row("t1", g.ada, "words")],
            set_aside=[SetAside(spoken, "E", 5)],
            inbox=[ToDesk(id="e", occurred_ms=1, person=g.ada, event=Heard("$1", Reading(), TextId("t1")))],
            kept=[KeptRow("sync", "", b"s1")],
            adoptions=[Adoption(g.circle, "tea", in_use=True)],
            leaving=[g.bo],
        )
    )
    await store.put_definition(definition(), "source")
    assert await store.take_lease("@hearth:example.org", "one process", 1_000) is not None
    await store.claim(NOW, 5, 1)
    await store.seal(RowId("r1"), "!room", b"ciphertext")
    return g


async def found_in(store: TortoiseStore, g: Ground) -> None:
    """What was put in is there."""
    found = await store.load(Want(ids=frozenset({"$a"}), instances=frozenset({I1}), desks=frozenset({g.ada})))
    assert found.seen == {"$a"}
    assert found.snapshots == {I1: snapshot(g.circle)}
    assert found.desks == {g.ada: desk(g.ada, consent="yes")}
    assert found.people == {I1: (g.ada,)}
    assert await store.journal(f"i/{I1}") == [instance_line(1)]
    assert await store.journal(f"d/{g.ada}") == [desk_line(1, g.ada)]
    assert await store.due_timers(9, 9) == [TimerRow(f"i/{I1}", "t", 1, 5)]
    assert [(j.parcel.row, j.sealed) for j in await store.in_flight()] == [("r1", b"ciphertext")]
    assert await store.text(TextId("t1")) == "words"
    assert len(await store.quarantined()) == len(await store.waiting_inbox(9)) == 1
    assert await store.definition("d1") == definition()
    assert await store.kept() == {("sync", ""): b"s1"}
    assert await store.person("@ada:example.org") == g.ada
    assert [placed.row for placed in await store.rows_carrying([TextId("t1")])] == ["r1"]
    await store.mark_sent(RowId("r1"), "$r1", NOW)
    await store.commit(Changes(parcels=[new(parcel("later", g.ada))], seen={"$later": 1}))
    assert (await store.counts(NOW)).running == 1


async def make_as_of(disk: OnDisk, version: str) -> None:
    """The tables as the version made them whose newest migration this was."""
    place = opening.place_of(disk.where)
    place.prepare()
    config = opening.configuration(place)
    await Tortoise.init(config=config)
    try:
        for app, target in ((KEYS, "0001_keys"), (CELLAR, version)):
            connection = get_connection(app)
            await MigrationRecorder(connection).ensure_schema(place.schema_editor(connection))
            async with in_transaction(app) as transaction:
                executor = MigrationExecutor(transaction, {app: config["apps"][app]})
                executor.recorder = executor.loader.recorder = opening._Recorder(transaction)
                await executor.migrate([MigrationTarget(app, target)])
    finally:
        await Tortoise.close_connections()


def columns_of(disk: OnDisk, table: str) -> list[str]:
    """Those a table has; none if it is not there."""
    with closing(connect(disk)) as db:
        try:
            return [column[0] for column in db.execute(f"SELECT * FROM {table} LIMIT 0").description]  # noqa: S608
        except (sqlite3.OperationalError, psycopg.errors.UndefinedTable):
            return []


def rows_of(disk: OnDisk, table: str, columns: Iterable[str]) -> list[tuple[Any, ...]]:
    names = ", ".join(f'"{name}"' for name in columns)
    with closing(connect(disk)) as db:
        return sorted(db.execute(f"SELECT {names} FROM {table}").fetchall(), key=repr)  # noqa: S608 - our own names


def connect(disk: OnDisk) -> Any:
    if isinstance(disk.where, str):
        return psycopg.connect(disk.where, autocommit=True)
    db = sqlite3.connect(disk.where, isolation_level=None)
    db.execute("ATTACH ? AS keys", (str(disk.where.with_suffix(".keys")),))
    return db


def move_rows(source: OnDisk, target: OnDisk, table: str) -> list[str]:
    """Bring a table's rows over, as far as the target has columns for them; the columns."""
    columns = columns_of(target, table)
    if not columns:
        return columns
    names = ", ".join(f'"{name}"' for name in columns)
    with closing(connect(target)) as db:
        for row in rows_of(source, table, columns):
            places = ", ".join("?" if isinstance(target.where, Path) else "%s" for _ in columns)
            db.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", row)  # noqa: S608 - our own names
        if isinstance(target.where, str):
            for name in {"id", "seq"} & set(columns):
                db.execute(
                    "SELECT setval(s, 1000) FROM pg_get_serial_sequence(%s, %s) AS s WHERE s IS NOT NULL",
                    (table, name),
                )
    return columns


@pytest.mark.parametrize(
    ("disk", "version"),
    [*(("sqlite", each) for each in VERSIONS), *(("postgres", each) for each in VERSIONS[-2:])],
    indirect=["disk"],
)
async def test_a_database_of_each_version_opens_today_with_everything_in_it(
    disk: OnDisk, version: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    store = await disk.open()
    g = await full_store(store)
    await store.close()
    server: Postgres | None = request.getfixturevalue("postgres") if isinstance(disk.where, str) else None
    old = OnDisk(tmp_path / "old.db" if server is None else server.database(), disk.opened)
    await asyncio.create_task(make_as_of(old, version), context=contextvars.Context())
    tables = [table.quoted for table in (*CELLAR_TABLES, *KEY_TABLES)]
    before = {}
    for table in tables:
        if columns := move_rows(disk, old, table):
            before[table] = columns, rows_of(old, table, columns)
    if '"carried"' not in before:
        old.tell("DELETE FROM house WHERE id = 2")
    store = await old.open()
    for table, (columns, rows) in before.items():
        assert rows, f"{table}: put something into it, in full_store"
        if table.strip('"') not in WRITTEN_WHEN_OPENED:
            assert rows_of(old, table, columns) == rows, table
    await found_in(store, g)
    await store.close()
    if server is not None and isinstance(old.where, str):
        server.drop(old.where)


async def test_a_database_of_before_forgetting_learns_what_its_many_messages_carry(tmp_path: Path) -> None:
    today = OnDisk(tmp_path / "hearth.db")
    old = OnDisk(tmp_path / "old.db", today.opened)
    store = await today.open()
    g = await ground(store)
    message = Message(lines=(Phrase("said", slots={"what": Text(TextId("t1"))}),))
    many = [parcel(f"r{n}", g.ada, message=message) for n in range(hot_path.PORTION + 2)]
    theirs = [replace(post("s1", g.circle), message=message), parcel("b1", g.bo, message=message)]
    await store.commit(
        Changes(
            texts=[text_row("t1", g.ada, "words")],
            parcels=[*map(new, many), *map(new, theirs), new(parcel("plain", g.ada))],
        )
    )
    for row in (*(each.row for each in (*many, *theirs)), "plain"):
        await store.mark_sent(RowId(row), f"${row}", NOW)
    await store.close()
    erased = f"DELETE FROM keys.seals WHERE scope = 'p/{g.bo}'"  # noqa: S608 - whoever was forgotten stays so
    today.tell(erased)
    await asyncio.create_task(make_as_of(old, "0001_cellar"), context=contextvars.Context())
    for table in (*CELLAR_TABLES, *KEY_TABLES):
        move_rows(today, old, table.quoted)
    old.tell("DELETE FROM house WHERE id = 2")
    for _ in range(2):
        store = await old.open()
        found = await store.rows_carrying([TextId("t1")])
        assert [placed.row for placed in found] == [*(each.row for each in many), "s1"]
        assert len(await store.rows_sent_to(g.ada)) == len(many) + 1
        assert await store.adopted() == {}
        assert await store.text(TextId("t1")) == "words"
        await store.close()


# ── the tables of today ──────────────────────────────────────────────────────


def shape(disk: OnDisk) -> dict[str, Any]:
    """Tables, their columns, and what is indexed."""
    assert isinstance(disk.where, str)
    with psycopg.connect(disk.where) as db:
        columns = db.execute(
            "SELECT table_schema, table_name, column_name, data_type, is_nullable, character_maximum_length"
            " FROM information_schema.columns WHERE table_schema IN ('public', 'keys')"
        ).fetchall()
        indexes = db.execute(
            "SELECT schemaname, tablename, regexp_replace(indexdef, '.* USING', '') FROM pg_indexes"
            " WHERE schemaname IN ('public', 'keys')"
        ).fetchall()
    theirs = [row for row in (*columns, *indexes) if row[1] != "tortoise_migrations"]
    found: dict[str, list[str]] = {}
    for schema, table, *what in theirs:
        found.setdefault(f"{schema}.{table}", []).append(str(what))
    return {table: sorted(what) for table, what in found.items()}


async def test_the_migrations_make_the_tables_that_the_models_describe_in_postgresql_too(
    postgres: Postgres, postgres_opened_once: str
) -> None:
    described = OnDisk(postgres.database())
    place = opening.place_of(described.where)
    place.prepare()
    async with TortoiseContext() as context:
        await context.init(config=opening.configuration(place))
        await context.generate_schemas()
    assert shape(described) == shape(OnDisk(postgres_opened_once))
    assert isinstance(described.where, str)
    postgres.drop(described.where)
