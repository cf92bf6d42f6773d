"""Many rows in one statement: the same rows, and found again by an index."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.ports import BadData
from engine.store import TortoiseStore, opening, statements
from engine.store.columns import Column
from engine.store.database import Database, Taken, each
from engine.store.in_bulk import TOGETHER, for_all_rows
from tests.engine.store.conftest import MASTER_KEY

ROWS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    statements.INSERT_SEEN: ("seen", [("a", 1), ("ü", 2), ("'; --", 2**62)]),
    statements.INSERT_LINE: (
        "journal",
        [("i/1", 1, 5, b"\x00\xff"), ("i/1", 2, -6, b""), ("i/0", 1, 7, b"x")],
    ),
    statements.SET_TIMER: ("timers", [("i/1", "b", 1, 5), ("i/1", "a", 2, 6)]),
    statements.INSERT_SEAL: ("keys.seals", [("i/1", b"1"), ("i/2", b"2")]),
    statements.INSERT_PART: ("parts", [("1", "p2", "x"), ("1", "p1", "")]),
    statements.INSERT_DESK: ("desks", [(3, b"1", "a"), (4, b"2", "b")]),
    statements.CARRY: ("carried", [("r1", "t1"), ("r1", "t2")]),
}


@pytest.fixture
def db(postgres_database: str) -> Iterator[Database]:
    found = opening.place_of(postgres_database, None).connect()
    yield found
    found.close()


@pytest.mark.parametrize("statement", ROWS, ids=lambda statement: ROWS[statement][0])
def test_rows_written_together_are_those_written_one_by_one_in_the_same_order(
    db: Database, statement: str
) -> None:
    table, rows = ROWS[statement]
    found = []
    for portions in ([rows], [[row] for row in rows]):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - of our own names
        for portion in portions:
            assert db.executemany(statement, portion) == len(portion)
        stored = db.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - of our own names
        found.append([row[-len(rows[0]) :] for row in stored])  # without the number a row was given
    together, singly = found
    assert together == singly
    assert len(together) == len(rows)


def test_a_row_that_is_there_already_is_told_of_though_it_came_among_others(db: Database) -> None:
    db.executemany(statements.INSERT_SEEN, [("a", 1)])
    with pytest.raises(Taken):
        db.executemany(statements.INSERT_SEEN, [("b", 1), ("a", 1)])


def test_only_rows_of_the_expected_version_are_replaced_and_counted(db: Database) -> None:
    db.executemany(statements.INSERT_DESK, [(1, b"old", "a"), (7, b"old", "b")])
    assert db.executemany(statements.UPDATE_DESK, [(2, b"new", "a", 1), (2, b"new", "b", 1)]) == 1
    found = db.execute("SELECT person, version, sealed FROM desks ORDER BY person").fetchall()
    assert found == [("a", 2, b"new"), ("b", 7, b"old")]


def test_every_kind_of_element_comes_as_it_is_and_nothing_stays_nothing(db: Database) -> None:
    kinds: dict[str, list[Any]] = {
        "text": ["ü", None, ""],
        "bigint": [-(2**63), 2**63 - 1, None],
        "boolean": [True, None, False],
        "bytea": [None, b"\x00\xff", b""],
    }
    arrays = ", ".join(f"?::{kind}[]" for kind in kinds)
    columns = [Column(kind, elements) for kind, elements in kinds.items()]
    found = db.execute(f"SELECT * FROM unnest({arrays})", columns).fetchall()  # noqa: S608 - of our own names
    assert found == list(zip(*kinds.values(), strict=True))


def test_a_number_that_no_column_holds_is_bad_data(db: Database) -> None:
    with pytest.raises(BadData):
        db.executemany(statements.INSERT_SEEN, [("a", 2**63), ("b", 1)])


@pytest.mark.parametrize("statement", sorted(TOGETHER))
def test_each_statement_takes_as_many_arrays_as_it_has_parameters(db: Database, statement: str) -> None:
    together, kinds = for_all_rows(statement)
    assert together.count("?") == statement.count("?") == len(kinds)
    # None of the arrays has an element: PostgreSQL reads the statement and writes nothing.
    with db.transaction("write"):
        assert db.execute(together, [Column(kind, []) for kind in kinds]).rowcount == 0


def test_what_was_seen_is_found_by_an_index_though_the_table_was_empty_when_it_was_first_asked(
    db: Database,
) -> None:
    plan = "\n".join(line for (line,) in db.execute(f"EXPLAIN {statements.SEEN}", each(["a"])))
    assert "Seq Scan" not in plan, plan
    assert "Index" in plan, plan


@pytest.mark.parametrize("statement", [statements.DUE_TIMERS, statements.NEXT_TIMER])
def test_sqlite_reads_timers_in_their_order_and_sorts_none(tmp_path: Path, statement: str) -> None:
    plan = _plan(tmp_path, statement, (1, 1)[: statement.count("?")])
    assert "USING INDEX" in plan or "USING COVERING INDEX" in plan, plan
    assert "TEMP B-TREE" not in plan, plan


def test_sqlite_steps_from_one_running_definition_to_the_next(tmp_path: Path) -> None:
    plan = _plan(tmp_path, statements.RUNNING_DEFINITIONS, ("circle",))
    assert plan.count("SEARCH instances USING COVERING INDEX") == 2, plan
    assert "SCAN instances" not in plan, plan


def _plan(folder: Path, statement: str, parameters: tuple[Any, ...]) -> str:
    async def make() -> None:
        await (await TortoiseStore.open(folder / "hearth.db", MASTER_KEY)).close()

    asyncio.run(make())
    with closing(sqlite3.connect(folder / "hearth.db")) as db:
        return "\n".join(row[-1] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
