"""What the cellar on SQLite promises beyond the port: about its files, its keys, its neighbours and its past."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tortoise.context import TortoiseContext

from engine.core.desk import DeskEvent, DeskFacts, Heard, Reading
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.message import Message, Phrase
from engine.core.message import Text as TextSlot
from engine.core.values import RowId, TextId
from engine.runtime.ports import (
    BadData,
    Changes,
    Conflict,
    KeptRow,
    Line,
    SetAside,
    Spoken,
    TextCopy,
    TimerRow,
    ToDesk,
    ToInstance,
    Unavailable,
    Want,
)
from engine.store import NewerSchema, TortoiseStore, Unreadable, WrongMasterKey
from engine.store.errors import speaking_of_sqlite
from engine.store.opening import CELLAR, KEYS, configuration
from engine.store.schemas import known
from engine.store.sealing import Key, KeyRing
from engine.store.sqlite import SqliteFiles
from tests.engine.store.conftest import MASTER_KEY, Ground, Open, ground
from tests.engine.store.goods import (
    I1,
    answered_snapshot,
    desk,
    desk_line,
    instance_line,
    let_end,
    new,
    parcel,
    prompt,
    snapshot,
    target,
    text_row,
)

NOW = 1_000_000


# ── the past ─────────────────────────────────────────────────────────────────


async def test_reopening_finds_everything(open_store: Open) -> None:
    store = await open_store()
    g = await ground(store)
    changes = Changes(
        seen={"$a": 1},
        snapshots={I1: (snapshot(g.circle), 0)},
        desks={g.ada: (desk(g.ada, consent="yes"), 0)},
        parts=[(I1, "p1", g.ada)],
        journal=[instance_line(1), desk_line(1, g.ada)],
        timers={(f"i/{I1}", "t"): TimerRow(f"i/{I1}", "t", 1, 5)},
        parcels=[new(parcel("r1", g.ada)), new(parcel("b1", g.bo, target=target("b1")))],
        texts=[text_row("t1", g.ada, "words")],
        set_aside=[SetAside(Spoken(id="$1", occurred_ms=1, person=g.ada, body="words"), "E", 5)],
        inbox=[ToDesk(id="e", occurred_ms=1, person=g.ada, event=Heard("$1", Reading(), TextId("t1")))],
        kept=[KeptRow("sync", "", b"s1")],
    )
    await store.commit(changes)
    await store.claim(NOW, 5, 1)
    await store.seal(RowId("r1"), "!room", b"ciphertext")
    await store.mark_sent(RowId("b1"), "$b1", NOW)
    await store.close()

    store = await open_store()
    want = Want(
        ids=frozenset({"$a"}),
        instances=frozenset({I1}),
        desks=frozenset({g.ada}),
        events=frozenset({"$b1"}),
    )
    found = await store.load(want)
    assert found.seen == {"$a"}
    assert found.snapshots == {I1: snapshot(g.circle)}
    assert found.desks == {g.ada: desk(g.ada, consent="yes")}
    assert found.people == {I1: (g.ada,)}
    assert found.targets == {"$b1": target("b1")}
    assert found.lines == {f"i/{I1}": 1, f"d/{g.ada}": 1}
    assert await store.journal(f"i/{I1}") == [instance_line(1)]
    assert await store.due_timers(9, 9) == [TimerRow(f"i/{I1}", "t", 1, 5)]
    assert [(j.parcel.row, j.sealed) for j in await store.in_flight()] == [("r1", b"ciphertext")]
    assert await store.text(TextId("t1")) == "words"
    assert await store.quarantined() == changes.set_aside
    assert await store.waiting_inbox(9) == changes.inbox
    assert await store.kept() == {("sync", ""): b"s1"}
    assert await store.person("@ada:example.org") == g.ada
    assert await store.circles() == {g.circle: "The garden"}


def files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.is_file()]


async def test_the_files_belong_to_their_owner_alone(open_store: Open, tmp_path: Path) -> None:
    await ground(await open_store())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in files(tmp_path)}
    assert {"hearth.db", "hearth.db-wal", "hearth.keys"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_every_commit_is_flushed_to_the_disk(open_store: Open) -> None:
    store = await open_store()

    def ask() -> dict[str, object]:
        names = ("main.journal_mode", "main.synchronous", "keys.synchronous", "foreign_keys")
        return {name: store._hot._db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    pragmas = await store._in_thread(ask)
    assert pragmas == {
        "main.journal_mode": "wal",
        "main.synchronous": 2,
        "keys.synchronous": 2,
        "foreign_keys": 1,
    }


async def test_an_address_is_as_good_as_a_path(tmp_path: Path) -> None:
    store = await TortoiseStore.open(f"sqlite://{tmp_path}/other.db", MASTER_KEY)
    await store.close()
    assert (tmp_path / "other.db").exists()


@pytest.mark.parametrize("address", ["mysql://host/db", "sqlite://:memory:", "sqlite://"])
async def test_an_address_of_another_kind_is_refused_by_name(address: str) -> None:
    with pytest.raises(ValueError, match="only sqlite"):
        await TortoiseStore.open(address, MASTER_KEY)


async def test_a_file_that_cannot_be_opened_says_which(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        await TortoiseStore.open(tmp_path / "nowhere" / "hearth.db", MASTER_KEY)
    (tmp_path / "letter.db").write_bytes(b"Dear Ada, " * 1000)
    with pytest.raises(Unavailable):
        await TortoiseStore.open(tmp_path / "letter.db", MASTER_KEY)


async def test_closed_is_closed(open_store: Open) -> None:
    store = await open_store()
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.commit(Changes())
    with pytest.raises(RuntimeError, match="closed"):
        await store.kept()


# ── migrations ───────────────────────────────────────────────────────────────


def applied(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT app, name FROM tortoise_migrations ORDER BY id").fetchall()


async def test_an_existing_database_is_opened_without_migrating_again(
    open_store: Open, tmp_path: Path
) -> None:
    for _ in range(3):
        await (await open_store()).close()
    names = sorted(known(CELLAR))
    assert applied(tmp_path / "hearth.db") == [(CELLAR, name) for name in names]
    assert applied(tmp_path / "hearth.keys") == [(KEYS, "0001_keys")]


@pytest.mark.parametrize(("file", "app"), [("hearth.db", CELLAR), ("hearth.keys", KEYS)])
async def test_a_database_of_a_newer_version_is_refused_by_name(
    open_store: Open, tmp_path: Path, file: str, app: str
) -> None:
    await (await open_store()).close()
    with closing(sqlite3.connect(tmp_path / file)) as db:
        db.execute(
            "INSERT INTO tortoise_migrations (app, name, applied_at) VALUES (?, '0009_later', '2030-01-01')",
            (app,),
        )
        db.commit()
    with pytest.raises(NewerSchema, match="0009_later"):
        await open_store()


def shape(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: (
                sorted(row[1:] for row in db.execute(f"PRAGMA table_info({name})")),
                sorted(row[2:] for row in db.execute(f"PRAGMA foreign_key_list({name})")),
                sorted(
                    tuple(column[2] for column in db.execute(f"PRAGMA index_info({index[1]})"))
                    for index in db.execute(f"PRAGMA index_list({name})")
                ),
            )
            for name in tables
            if name not in ("tortoise_migrations", "sqlite_sequence")
        }


def without_order(tables: dict[str, Any]) -> dict[str, Any]:
    return {name: ({column[:4] for column in cols}, fks, ixs) for name, (cols, fks, ixs) in tables.items()}


async def test_the_migrations_make_the_tables_that_the_models_describe(
    open_store: Open, tmp_path: Path
) -> None:
    await (await open_store()).close()
    paths = tmp_path / "models.db", tmp_path / "models.keys"
    async with TortoiseContext() as context:
        await context.init(config=configuration(SqliteFiles(*paths)))
        await context.generate_schemas()
    for migrated, described in zip(("hearth.db", "hearth.keys"), paths, strict=True):
        assert without_order(shape(tmp_path / migrated)) == without_order(shape(described))


DIE = """
import asyncio, os, signal, sqlite3, sys
from pathlib import Path
from engine.store import TortoiseStore

connect = sqlite3.connect

def watched(*args, **more):
    db = connect(*args, **more)
    db.set_trace_callback(die)
    return db

def die(statement):
    if sys.argv[2] in statement:
        os.kill(os.getpid(), signal.SIGKILL)

sqlite3.connect = watched
asyncio.run(TortoiseStore.open(Path(sys.argv[1]), bytes(range(32))))
"""


@pytest.mark.crash
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE IF NOT EXISTS",
        'CREATE TABLE "seals"',
        'CREATE TABLE "outbox"',
        'INSERT INTO "tortoise_migrations"',
        "COMMIT",
        "ATTACH",
        "INSERT INTO keys.seals",
        "INSERT INTO house",
    ],
)
async def test_killed_at_its_first_opening_it_opens_the_next_time(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "hearth.db"
    dying = await asyncio.create_subprocess_exec(sys.executable, "-c", DIE, str(path), statement)
    assert await dying.wait() == -signal.SIGKILL
    store = await TortoiseStore.open(path, MASTER_KEY)
    await full_house(store)
    await store.close()


# ── outages ───────────────────────────────────────────────────────────────


async def test_a_commit_waits_for_another_writer_to_finish(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await ground(store)
    with closing(sqlite3.connect(tmp_path / "hearth.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = {
            asyncio.create_task(store.commit(Changes(desks={g.ada: (desk(g.ada), 0)}))),
            asyncio.create_task(store.claim(NOW, 1, 1)),
        }
        done, _ = await asyncio.wait(waiting, timeout=0.05)
        assert not done
        other.execute("ROLLBACK")
    await asyncio.gather(*waiting)


def test_a_full_disk_and_a_locked_file_are_outages(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("PRAGMA max_page_count = 3")
        with pytest.raises(Unavailable, match="SQLITE_FULL"), speaking_of_sqlite():
            db.execute("INSERT INTO t VALUES (zeroblob(100000))")
        with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(Unavailable, match="SQLITE_BUSY"), speaking_of_sqlite():
                db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(sqlite3.OperationalError, match="no such table"), speaking_of_sqlite():
            db.execute("SELECT * FROM missing")


# ── seals ────────────────────────────────────────────────────────────────────

CHOICE = "zephyr-choice"
WORDS = "quince marmalade"


async def full_house(store: TortoiseStore) -> Ground:
    """A store in which somebody answered, in every place where an answer leaves a trace."""
    g = await ground(store)
    choices = ((CHOICE, "👍"),)
    confirmed = Message(lines=(Phrase(f"rsvp.{CHOICE}", None, {"w": TextSlot(TextId("t1"))}),))
    heard = Heard("$1", Reading(picks={RowId("r1"): CHOICE}), TextId("t1"))
    spoken = Spoken(id="$1", occurred_ms=1, person=g.ada, body=WORDS)
    answer = instance_line(1, choice=CHOICE, text="t1")
    assert not isinstance(answer.event, DeskEvent)
    await store.commit(
        Changes(
            snapshots={I1: (answered_snapshot(g.circle, CHOICE, TextId("t1")), 0)},
            desks={g.ada: (desk(g.ada, prompts=(prompt("r1", choices),)), 0)},
            parts=[(I1, "p1", g.ada)],
            journal=[answer, Line(f"d/{g.ada}", 1, 1, heard, DeskFacts(1, 1), "decided")],
            texts=[text_row("t1", g.ada, WORDS)],
            parcels=[new(parcel("r1", g.ada, message=confirmed))],
            inbox=[
                ToInstance(id="e1", occurred_ms=1, instance=I1, event=answer.event),
                ToDesk(id="e2", occurred_ms=1, person=g.ada, event=heard),
            ],
            set_aside=[SetAside(spoken, "ValueError", 5)],
            kept=[KeptRow("session", "s", WORDS.encode())],
        )
    )
    await store.claim(NOW, 5, 1)
    await store.seal(RowId("r1"), "!room", WORDS.encode())
    return g


def raw(tmp_path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in files(tmp_path))


async def test_the_files_tell_nobodys_answer(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await full_house(store)
    for moment in ("while open", "after closing"):
        found = raw(tmp_path)
        assert g.ada.encode() in found, moment
        for secret in (WORDS, "quince", CHOICE, "zephyr", "@ada", "@bo"):
            assert secret.encode() not in found, (moment, secret)
            assert secret.encode("utf-16-le") not in found, (moment, secret)
        await store.close()


async def test_another_master_key_is_refused_in_plain_words(open_store: Open, tmp_path: Path) -> None:
    await full_house(await open_store())
    with pytest.raises(WrongMasterKey, match="does not belong to this database"):
        await TortoiseStore.open(tmp_path / "hearth.db", bytes(32))
    with pytest.raises(ValueError, match="32"):
        await TortoiseStore.open(tmp_path / "hearth.db", b"short")


async def test_a_missing_or_foreign_key_file_is_refused_in_plain_words(
    open_store: Open, tmp_path: Path
) -> None:
    store = await open_store()
    await full_house(store)
    await store.close()
    with pytest.raises(WrongMasterKey, match=r"are not in .*elsewhere\.keys"):
        await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY, keys=tmp_path / "elsewhere.keys")
    stranger = await TortoiseStore.open(tmp_path / "stranger.db", MASTER_KEY)
    await stranger.close()
    with pytest.raises(WrongMasterKey, match="another database"):
        await TortoiseStore.open(tmp_path / "hearth.db", MASTER_KEY, keys=tmp_path / "stranger.keys")


async def test_an_erased_key_takes_everything_it_sealed_with_it(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await full_house(store)
    with closing(sqlite3.connect(tmp_path / "hearth.keys")) as db:
        db.execute("DELETE FROM seals WHERE scope <> 'house'")
        db.commit()
    assert await store.text(TextId("t1")) is None
    assert await store.journal(f"i/{I1}") == []
    assert await store.journal(f"d/{g.ada}") == []
    assert await store.in_flight() == []
    assert await store.quarantined() == []
    assert await store.waiting_inbox(9) == []
    assert await store.open_instances(g.circle) == []
    found = await store.load(Want(instances=frozenset({I1}), desks=frozenset({g.ada})))
    assert (found.snapshots, found.desks) == ({}, {})
    assert await store.claim(NOW + 99, 5, 9) == []
    assert (await store.standing(g.ada, NOW)).consent == "unknown"
    with pytest.raises(Conflict):
        await store.seal(RowId("r1"), "!room", b"again")


async def test_nothing_of_a_forgotten_person_stays_in_the_files(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await full_house(store)
    with closing(sqlite3.connect(tmp_path / "hearth.keys")) as db:
        sql = "SELECT wrapped FROM seals WHERE scope = ?"
        (wrapped,) = db.execute(sql, (f"p/{g.ada}",)).fetchone()
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        (sealed,) = db.execute("SELECT sealed FROM texts").fetchone()
    assert wrapped in raw(tmp_path)
    assert sealed in raw(tmp_path)
    await store.forget(g.ada)
    for trace in (wrapped, sealed, g.ada.encode()):
        assert trace not in raw(tmp_path)


async def test_an_expired_text_does_not_stay_in_the_files(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    await full_house(store)
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        (sealed,) = db.execute("SELECT sealed FROM texts").fetchone()
    assert await let_end(store, NOW) == 1
    assert sealed not in raw(tmp_path)


async def test_a_released_text_is_sealed_for_nobody_and_its_source_does_not_stay_in_the_files(
    open_store: Open, tmp_path: Path
) -> None:
    store = await open_store()
    g = await ground(store)
    await store.commit(
        Changes(
            snapshots={I1: (snapshot(g.circle), 0)},
            desks={g.ada: (desk(g.ada), 0)},
            texts=[text_row("source", g.ada, WORDS)],
        )
    )
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        (sealed,) = db.execute("SELECT sealed FROM texts WHERE id = 'source'").fetchone()
    assert sealed in raw(tmp_path)
    await store.commit(Changes(copies=[TextCopy(TextId("source"), TextId("mixed"), I1, 500, loose=True)]))
    assert sealed not in raw(tmp_path)
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        assert db.execute("SELECT id, person, instance FROM texts").fetchall() == [("mixed", "", I1)]
    await store.close()
    again = await open_store()
    assert await again.text(TextId("mixed")) == WORDS


async def test_an_erased_key_cannot_be_copied_around(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await ground(store)
    await store.commit(Changes(texts=[text_row("t1", g.ada, WORDS)]))
    with closing(sqlite3.connect(tmp_path / "hearth.keys")) as db:
        db.execute("DELETE FROM seals WHERE scope = ?", (f"p/{g.ada}",))
        db.commit()
    for loose in (False, True):
        copy = TextCopy(TextId("t1"), TextId(f"copy{loose}"), I1, 500, loose=loose)
        await store.commit(
            Changes(snapshots={I1: (snapshot(g.circle), 0)} if not loose else {}, copies=[copy])
        )
        assert await store.text(TextId(f"copy{loose}")) is None


async def test_a_backup_does_not_bring_a_forgotten_person_back(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await full_house(store)
    await store.close()
    shutil.copy(tmp_path / "hearth.db", tmp_path / "backup")
    store = await open_store()
    await store.forget(g.ada)
    await store.close()
    shutil.copy(tmp_path / "backup", tmp_path / "hearth.db")
    store = await open_store()
    assert await store.matrix_id(g.ada) is None
    assert await store.text(TextId("t1")) is None
    assert await store.people_of(I1) == ("",)
    again = await store.person("@ada:example.org")
    await store.commit(Changes(desks={again: (desk(again), 0)}))
    assert await store.matrix_id(g.bo) == "@bo:example.org"


async def test_what_is_sealed_cannot_be_moved_to_another_place(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    g = await full_house(store)
    await store.commit(Changes(texts=[text_row("t2", g.ada, "other words")]))
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        db.execute("UPDATE texts SET sealed = (SELECT sealed FROM texts WHERE id = 't1') WHERE id = 't2'")
        db.commit()
    with pytest.raises(Unreadable, match="texts/t2"):
        await store.text(TextId("t2"))


async def test_a_damaged_snapshot_is_bad_data_and_says_where(open_store: Open, tmp_path: Path) -> None:
    store = await open_store()
    await full_house(store)
    with closing(sqlite3.connect(tmp_path / "hearth.db")) as db:
        db.execute("UPDATE instances SET sealed = x'01'")
        db.commit()
    with pytest.raises(BadData, match=f"instances/{I1}"):
        await store.load(Want(instances=frozenset({I1})))


async def test_a_commit_that_is_refused_loses_no_key(open_store: Open) -> None:
    store = await open_store()
    g = await ground(store)
    refused = Changes(
        texts=[text_row("t1", g.ada, WORDS)], snapshots={I1: (snapshot(g.circle, version=9), 8)}
    )
    with pytest.raises(Conflict):
        await store.commit(refused)
    await store.commit(Changes(texts=[text_row("t1", g.ada, WORDS)]))
    await store.close()
    assert await (await open_store()).text(TextId("t1")) == WORDS


def test_the_same_content_is_never_sealed_the_same_way_twice() -> None:
    key = Key(bytes(32))
    assert len({key.seal(b"yes", "here") for _ in range(100)}) == 100


def test_a_fingerprint_is_the_same_each_time_and_another_with_another_key() -> None:
    prints = [Key(raw).fingerprint("@ada:example.org") for raw in (bytes(32), bytes(32), MASTER_KEY)]
    assert prints[0] == prints[1] != prints[2]
    assert Key(bytes(32)).fingerprint("@bo:example.org") != prints[0]
    assert "00" not in repr(Key(bytes(32)))


def test_a_wrapped_key_serves_its_own_scope_only() -> None:
    ring = KeyRing(MASTER_KEY)
    wrapped = ring.fresh("p/ada")
    assert ring.key("p/ada", wrapped).open(ring.key("p/ada", wrapped).seal(b"x", "y"), "y") == b"x"
    with pytest.raises(WrongMasterKey):
        ring.key("p/bo", wrapped)


# ── no free text in journals and snapshots ───────────────────────────────────

JUDGED = frozenset(
    {
        # ids and references
        *("id", "row", "instance", "circle", "person", "starter", "by", "who", "text", "event_id", "rest"),
        *(
            "not_from",
            "contacts",
            "circles",
            "people",
            "picks",
            "fresh_instance",
            "delivered",
            "room",
            "asked",
        ),
        *(
            "definition",
            "edits",
            "reacts",
            "replies",
            "parts",
            "gone",
            "details",
            "asks",
            "answers",
            "powers",
        ),
        # names out of workflow files and the bot's own wording
        *("ask", "choice", "choices", "word", "words", "key", "digest", "slots", "view", "board", "boards"),
        *("timer", "timers", "alarm", "workflow", "begins", "close_to", "emoji", "state", "about", "muted"),
        *("ended", "texts"),
        # the names of time zones, out of the tz database and CLDR
        *("zone", "place", "near", "time_zone"),
        # what a circle has in use or could have, and the code of a language
        *("uses", "offers", "titles", "could_begin", "resting", "worded", "discreet", "in_use", "language"),
        *("begins_in", "offers_in", "together"),
        # the instances of somebody's own lines, and the events of an edit and of what is replied to
        *("carried", "edit", "reply_to"),
        # hashes of a Megolm session's id and of an identity's public key
        *("session", "identity"),
        # other instances, who a part is, and whom an earlier one asked
        *("parent", "child", "children", "groups", "visits", "to", "found", "lately"),
    }
)


def text_fields(kind: msgspec.inspect.Type, name: str, seen: set[type]) -> set[str]:
    """The names of all fields in which a string could stand."""
    match kind:
        case msgspec.inspect.StrType():
            return {name}
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            if cls in seen:
                return set()
            seen.add(cls)
            return set().union(*(text_fields(f.type, f.name, seen) for f in fields))
        case msgspec.inspect.UnionType(types=types):
            return set().union(*(text_fields(t, name, seen) for t in types))
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.FrozenSetType(item_type=item):
            return text_fields(item, name, seen)
        case msgspec.inspect.TupleType(item_types=items):
            return set().union(*(text_fields(t, name, seen) for t in items))
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return text_fields(key, name, seen) | text_fields(value, name, seen)
        case _:
            return set()


@pytest.mark.parametrize("kind", [Event, Facts, DeskEvent, DeskFacts, Snapshot])
def test_no_journal_or_snapshot_has_a_place_for_free_text(kind: Any) -> None:
    found = text_fields(msgspec.inspect.type_info(kind), "", set())
    assert found - JUDGED == set(), "judge each new field: may a person's own words ever stand there?"
