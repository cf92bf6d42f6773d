"""What the cellar on PostgreSQL promises beyond the port: about addresses, outages, neighbours, and its statements."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from engine.core.values import RowId
from engine.runtime.ports import BadData, Changes, Conflict, Gathered, KeptRow, Unavailable, Want
from engine.store import NewerSchema, TortoiseStore, WrongMasterKey, statements
from engine.store.address import address_of
from engine.store.database import Collided, Taken, Unmet
from engine.store.looking import look
from engine.store.opening import place_of
from engine.store.postgres import as_postgres_reads_it, speaking_of_postgres
from engine.store.sqlite import SqliteDatabase
from tests.engine.store.colliding import CollidingPlace
from tests.engine.store.conftest import MASTER_KEY, ground
from tests.engine.store.goods import I1, desk, mail, parcel, snapshot, text_row
from tests.world.postgres import PASSWORD, Postgres

NOW = 1_000_000
LOCKED = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
async def store(postgres_database: str) -> AsyncIterator[TortoiseStore]:
    opened = await TortoiseStore.open(postgres_database, MASTER_KEY)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Postgres]:
    """A server that may be stopped, and started again."""
    with Postgres() as running:
        yield running


# ── its statements ───────────────────────────────────────────────────────────


STATEMENTS = {
    name: text
    for name, text in vars(statements).items()
    if name.isupper() and isinstance(text, str) and re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH) ", text)
}


def test_every_statement_is_looked_at() -> None:
    words = {name for name, text in vars(statements).items() if name.isupper() and isinstance(text, str)}
    assert words - STATEMENTS.keys() == {"LOST", "LEAVING", "FREE"}
    assert len(STATEMENTS) > 60


@pytest.mark.parametrize("name", sorted(STATEMENTS))
def test_both_databases_understand_each_statement(
    name: str, postgres_opened_once: str, opened_once: Path
) -> None:
    text = STATEMENTS[name]
    with psycopg.connect(postgres_opened_once, autocommit=True) as db:
        db.execute(f"PREPARE tried AS {as_postgres_reads_it(text)}".encode())
    with closing(SqliteDatabase(opened_once / "hearth.db", opened_once / "hearth.keys")) as file:
        numbered = [int(n) for n in re.findall(r"\?(\d+)", text)]
        file.execute(f"EXPLAIN {text}", [None] * (max(numbered, default=0) or text.count("?")))


def test_lists_places_and_held_rows_are_said_in_postgresqls_words() -> None:
    said = as_postgres_reads_it(
        "SELECT a FROM t WHERE a IN (SELECT value FROM json_each(?)) AND b = ? -- FOR SHARE"
    )
    assert said == "SELECT a FROM t WHERE a = ANY($1) AND b = $2  FOR SHARE"
    assert as_postgres_reads_it("SELECT ?2, ?1, ?2") == "SELECT $2, $1, $2"
    assert as_postgres_reads_it("SELECT value FROM json_each(?)") == (
        "SELECT value FROM unnest($1::text[]) AS value"
    )


# ── its address ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://hearth:se/cret@host/name",
        "postgresql://hearth:se@cret@host:x/name",
        "postgresql://hearth:se#cret@host/name?secret=1",
        "postgresql://hearth:se%cret@host/name",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_being_repeated(address: str) -> None:
    with pytest.raises(ValueError, match="cannot be read") as refused:
        place_of(address)
    assert "cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_an_address_is_shown_without_its_password() -> None:
    address = address_of("postgresql://hearth:secret@db.example.org:5433/garden?sslmode=require")
    assert str(address) == "postgresql://hearth@db.example.org:5433/garden"
    assert "secret" not in repr(address)
    assert address.parameters["password"] == "secret"
    assert address.parameters["sslmode"] == "require"


async def test_the_password_is_neither_logged_nor_said_nor_shown(
    postgres: Postgres, postgres_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = await TortoiseStore.open(postgres_database, MASTER_KEY)
    await ground(store)
    shown = [repr(store), repr(vars(store)["_place"]), str(vars(store)["_place"].address)]
    await store.close()
    postgres.tell("CREATE ROLE guest LOGIN PASSWORD 'another word'")
    wrong = postgres_database.replace("postgres:", "guest:").replace(PASSWORD, "overheard")
    with pytest.raises(Unavailable) as refused:
        await TortoiseStore.open(wrong, MASTER_KEY)
    with pytest.raises(Unavailable) as seen:
        await asyncio.to_thread(look, wrong)
    said = [*shown, str(refused.value), repr(refused.value), str(seen.value), caplog.text]
    for secret in (PASSWORD, "overheard"):
        assert not [text for text in said if secret in text]
    assert "password authentication failed" in str(refused.value)


async def test_a_server_that_is_not_there_is_said_with_its_address() -> None:
    with pytest.raises(Unavailable, match=r"postgresql://hearth@127\.0\.0\.1:1/garden cannot be reached"):
        await TortoiseStore.open("postgresql://hearth@127.0.0.1:1/garden", MASTER_KEY)


async def test_a_database_that_is_not_there_is_an_outage(postgres: Postgres) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        await TortoiseStore.open(postgres.address("nowhere"), MASTER_KEY)


async def test_a_look_says_what_is_there_and_changes_nothing(
    postgres: Postgres, postgres_database: str
) -> None:
    empty = postgres.database()
    assert look(empty).lacks[-1] == "0001_keys"
    assert len(look(empty).lacks) > 3
    found = look(postgres_database)
    assert (found.lacks, found.writable) == ((), True)
    assert found.size_bytes > 1_000_000
    assert look(f"{postgres_database}&options=-c%20default_transaction_read_only%3Don").writable is False
    postgres.drop(empty)


# ── keys ─────────────────────────────────────────────────────────────────────


async def test_another_master_key_and_lost_keys_are_refused_in_plain_words(postgres: Postgres) -> None:
    address = postgres.database()
    await (await TortoiseStore.open(address, MASTER_KEY)).close()
    with pytest.raises(WrongMasterKey, match="does not belong to this database"):
        await TortoiseStore.open(address, bytes(32))
    with psycopg.connect(address) as db:
        db.execute("DELETE FROM keys.seals")
    with pytest.raises(WrongMasterKey, match="are not in the schema keys of postgresql://"):
        await TortoiseStore.open(address, MASTER_KEY)
    postgres.drop(address)


async def test_who_was_forgotten_stays_so_when_everything_but_the_keys_comes_back(postgres: Postgres) -> None:
    address = postgres.database()
    store = await TortoiseStore.open(address, MASTER_KEY)
    g = await ground(store)
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    await store.close()
    with psycopg.connect(address) as db:
        db.execute("DELETE FROM keys.seals WHERE scope = %s", (f"p/{g.ada}",))
    store = await TortoiseStore.open(address, MASTER_KEY)
    assert await store.matrix_id(g.ada) is None
    assert await store.matrix_id(g.bo) == "@bo:example.org"
    await store.close()
    with psycopg.connect(address) as db:
        assert db.execute("SELECT person FROM desks").fetchall() == []
    postgres.drop(address)


async def test_a_database_of_a_newer_version_is_refused_by_name(postgres: Postgres) -> None:
    address = postgres.database()
    await (await TortoiseStore.open(address, MASTER_KEY)).close()
    newer = "INSERT INTO {} (app, name, applied_at) VALUES ('{}', '0099_later', now())"
    for table, app in (("tortoise_migrations", "cellar"), ("keys.tortoise_migrations", "keys")):
        with psycopg.connect(address) as db:
            db.execute(newer.format(table, app).encode())
        with pytest.raises(NewerSchema, match="0099_later"):
            await TortoiseStore.open(address, MASTER_KEY)
        with pytest.raises(NewerSchema, match="0099_later"):
            look(address)
        with psycopg.connect(address) as db:
            db.execute(f"DELETE FROM {table} WHERE name = '0099_later'".encode())  # noqa: S608 - our own names
    postgres.drop(address)


# ── outages ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "meant"),
    [
        ("40001", Collided),
        ("40P01", Collided),
        ("57P01", Unavailable),
        ("57014", Unavailable),
        ("53100", Unavailable),
        ("53300", Unavailable),
        ("08006", Unavailable),
        ("58030", Unavailable),
        ("XX001", Unavailable),
        ("25006", Unavailable),
        ("25P03", Unavailable),
        ("22001", BadData),
        ("22003", BadData),
        ("23514", BadData),
        ("23505", Taken),
        ("23503", Unmet),
        ("42703", psycopg.errors.UndefinedColumn),
    ],
)
def test_each_state_means_what_the_port_says(postgres: Postgres, state: str, meant: type[Exception]) -> None:
    with pytest.raises(meant), speaking_of_postgres():
        postgres.tell(f"DO $$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '{state}'; END $$")


@pytest.mark.parametrize("value", ["nul \0 here", "half \ud800 character", "x" * 300, 2**70])
async def test_a_value_that_cannot_be_stored_is_bad_data_and_not_repeated(
    store: TortoiseStore, value: Any
) -> None:
    changes = Changes(seen={"$a": value} if isinstance(value, int) else {value: 1})
    with pytest.raises(BadData) as refused:
        await store.commit(changes)
    assert str(value)[:4] not in str(refused.value)
    assert refused.value.__cause__ is None
    await store.commit(Changes(seen={"$b": 1}))


EVERY_WAY: list[Callable[[TortoiseStore], Awaitable[object]]] = [
    lambda store: store.load(Want(ids=frozenset({"$a"}))),
    lambda store: store.commit(Changes(kept=[KeptRow("kind", "key", b"value")])),
    lambda store: store.kept(),
    lambda store: store.ensure_circle("!c:example.org", "c"),
    lambda store: store.claim(NOW, 5, 1),
    lambda store: store.next_parcel_ms(),
    lambda store: store.counts(NOW),
    lambda store: store.retry("e1"),
]


@pytest.mark.parametrize("end", ["shut_down", "kill"])
async def test_while_the_server_is_away_everything_is_unavailable_and_afterwards_it_works_again(
    own_server: Postgres, end: str
) -> None:
    store = await TortoiseStore.open(own_server.database(), MASTER_KEY)
    g = await ground(store)
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    await asyncio.to_thread(getattr(own_server, end))
    async with asyncio.timeout(60):
        for way in EVERY_WAY:
            with pytest.raises(Unavailable):
                await way(store)
    await asyncio.to_thread(own_server.start_again)
    async with asyncio.timeout(30):
        for way in EVERY_WAY:
            await way(store)
        assert (await store.load(Want(desks=frozenset({g.ada})))).desks[g.ada].version == 1
        assert await store.matrix_id(g.bo) == "@bo:example.org"
        await store.close()


async def test_a_server_that_was_restarted_while_nobody_looked_is_not_noticed_by_a_batch(
    own_server: Postgres,
) -> None:
    store = await TortoiseStore.open(own_server.database(), MASTER_KEY)
    g = await ground(store)
    await asyncio.to_thread(own_server.restart)
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    await asyncio.to_thread(own_server.restart)
    assert (await store.load(Want(desks=frozenset({g.ada})))).desks[g.ada].version == 1
    assert await store.circles() == {g.circle: "The garden"}
    await store.close()


async def test_a_connection_that_is_cut_in_the_middle_leaves_nothing_half_done(store: TortoiseStore) -> None:
    g = await ground(store)
    with psycopg.connect(_address(store), autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("LOCK TABLE desks IN ACCESS EXCLUSIVE MODE")
        work = asyncio.create_task(
            store.commit(Changes(snapshots={I1: (snapshot(g.circle), 0)}, desks={g.ada: (desk(g.ada), 0)}))
        )
        await _until_somebody_waits(other)
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(Unavailable):
            await work
        other.execute("ROLLBACK")
    found = await store.load(Want(instances=frozenset({I1}), desks=frozenset({g.ada})))
    assert (found.snapshots, found.desks) == ({}, {})


# ── neighbours ───────────────────────────────────────────────────────────────


def _address(store: TortoiseStore) -> str:
    parameters = vars(store)["_place"].address.parameters
    return f"postgresql://{parameters['user']}:{parameters['password']}@/{parameters['dbname']}?host={parameters['host']}"


async def _until_somebody_waits(db: psycopg.Connection[Any]) -> None:
    async with asyncio.timeout(10):  # the server tells nobody who waits, so it is asked
        while not db.execute(LOCKED).fetchone():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_is_sent_just_now_is_not_waited_for_for_ever(store: TortoiseStore) -> None:
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada)))
    await store.claim(NOW, 10, 1)
    with psycopg.connect(_address(store), autocommit=True) as other:
        other.execute("BEGIN")
        other.execute(
            "UPDATE outbox SET status = 'sent', event_id = '$r1', lease_until = NULL WHERE row = 'r1'"
        )
        laying_in = asyncio.create_task(store.commit(mail(parcel("r2", g.ada, replies=RowId("r1")))))
        await _until_somebody_waits(other)
        other.execute("DELETE FROM awaited WHERE forerunner = 'r1'")
        other.execute("COMMIT")
    await laying_in
    assert [journey.parcel.row for journey in await store.claim(NOW, 10, 9)] == ["r2"]


async def test_what_is_taken_back_between_the_look_and_the_sealing_is_not_sent(store: TortoiseStore) -> None:
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada)))
    await store.claim(NOW, 10, 1)
    with psycopg.connect(_address(store), autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("UPDATE outbox SET status = 'dropped', why = 'withdrawn', lease_until = NULL")
        sealing = asyncio.create_task(store.seal(RowId("r1"), "!room", b"sealed"))
        await _until_somebody_waits(other)
        other.execute("COMMIT")
    with pytest.raises(Conflict, match="does not wait"):
        await sealing


async def test_what_is_sent_while_a_letter_gathers_counts_as_it_was_sent(store: TortoiseStore) -> None:
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada)))
    with psycopg.connect(_address(store), autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("UPDATE outbox SET status = 'sent', event_id = '$r1', ended_at = %s", (NOW,))
        gathering = asyncio.create_task(store.commit(Changes(gathered=[Gathered(g.ada, NOW, 0)])))
        await _until_somebody_waits(other)
        other.execute("COMMIT")
    await gathering
    assert (await store.standing(g.ada, NOW)).timely_sent_ms == (NOW,)


@pytest.mark.parametrize("known", [False, True])
async def test_nothing_is_sealed_with_a_key_that_is_being_erased(
    store: TortoiseStore, *, known: bool
) -> None:
    g = await ground(store)
    if known:
        await store.commit(Changes(texts=[text_row("t1", g.ada, "her key is remembered from here on")]))
    with psycopg.connect(_address(store), autocommit=True) as other:
        other.execute("BEGIN")
        other.execute("DELETE FROM keys.seals WHERE scope = %s", (f"p/{g.ada}",))
        work = asyncio.create_task(store.commit(Changes(desks={g.ada: (desk(g.ada), 0)})))
        await _until_somebody_waits(other)
        other.execute("COMMIT")
    await work
    assert (await store.load(Want(desks=frozenset({g.ada})))).desks[g.ada] == desk(g.ada)


async def test_whoever_collides_every_time_is_told_to_wait(postgres_database: str, seed: int) -> None:
    place = CollidingPlace(postgres_database, Random(seed))
    store = await TortoiseStore.open(place, MASTER_KEY)
    g = await ground(store)
    with psycopg.connect(postgres_database, autocommit=True) as other:
        other.execute(
            "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '40001'; END $$"
        )
        other.execute("CREATE TRIGGER never BEFORE INSERT ON desks FOR EACH ROW EXECUTE FUNCTION never()")
        with pytest.raises(Unavailable, match="every time"):
            await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
        other.execute("DROP FUNCTION never CASCADE")
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    assert place.collisions
    await store.close()


async def test_a_process_that_stops_in_a_transaction_does_not_hold_back_the_others(
    store: TortoiseStore,
) -> None:
    g = await ground(store)
    await store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))
    with closing(psycopg.connect(_address(store), autocommit=True)) as stopped:
        stopped.execute("SET idle_in_transaction_session_timeout = 200")
        stopped.execute("BEGIN")
        stopped.execute("UPDATE desks SET version = 9")
        async with asyncio.timeout(10):
            await store.commit(Changes(desks={g.ada: (desk(g.ada, 2), 1)}))
    shown = await asyncio.to_thread(_idle_timeout, store)
    assert shown == "10s"


def _idle_timeout(store: TortoiseStore) -> str:
    (shown,) = vars(store)["_hot"]._db.execute("SHOW idle_in_transaction_session_timeout").fetchone()
    return str(shown)


async def test_two_kinds_of_store_at_once_are_refused_in_one_process(
    store: TortoiseStore, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError, match="another kind"):
        await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY)
    await store.close()
    other = await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY)
    await other.close()
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as file:
        assert file.execute("SELECT count(*) FROM circles").fetchone() == (0,)
