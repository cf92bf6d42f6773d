"""What waits goes in one go, in its order, and what is refused is told as if it had not waited; on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.ports import BadData, Conflict
from engine.store import opening, statements
from engine.store.database import AS_IT_COMES, Collided, Database, Otherwise, Taken, each

CLASH, FEWER = Conflict("clash"), Conflict("fewer")
OTHERWISE = Otherwise(taken=CLASH, fewer=FEWER)


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, opened_once: Path, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        shutil.copytree(opened_once, tmp_path, dirs_exist_ok=True)
        found = opening.place_of(tmp_path / "hearth.db", None).connect()
    else:
        found = opening.place_of(request.getfixturevalue("postgres_database"), None).connect()
    yield found
    found.close()


Puts = tuple[str, list[tuple[Any, ...]], Otherwise]


def _put(db: Database, *puts: Puts, after: str = "") -> None:
    """All of these in one transaction, after that statement."""
    with db.transaction("write"):
        if after:
            db.ask(after)
        for put in puts:
            db.put(*put)


def _seen(db: Database) -> list[str]:
    return sorted(name for (name,) in db.execute("SELECT id FROM seen"))


def test_an_answer_knows_of_all_that_was_put_before_it_and_nothing_that_came_after(db: Database) -> None:
    with db.transaction("write"):
        db.put(statements.INSERT_SEEN, [("a", 1)])
        asked = db.ask(statements.SEEN, each(["a", "b"]))
        assert asked.fetchall() == [("a",)]
        db.put(statements.INSERT_SEEN, [("b", 1), ("c", 1)])
    assert _seen(db) == ["a", "b", "c"]


def test_an_answer_is_good_after_the_transaction_is_over(db: Database) -> None:
    db.execute(statements.INSERT_SEEN, ("a", 1))
    with db.transaction("read"):
        asked = db.ask(statements.SEEN, each(["a"]))
    assert asked.fetchall() == [("a",)]


def test_of_several_refusals_the_first_is_raised_and_nothing_is_written(db: Database) -> None:
    db.executemany(statements.INSERT_SEEN, [("a", 1)])
    good: Puts = (statements.INSERT_SEEN, [("b", 1), ("c", 1)], Otherwise(fewer=FEWER))
    taken: Puts = (statements.INSERT_SEEN, [("d", 1), ("a", 1)], OTHERWISE)
    with pytest.raises(Conflict, match="clash"):
        _put(db, good, taken, (statements.UPDATE_DESK, [(2, b"", "nobody", 1)], OTHERWISE))
    assert _seen(db) == ["a"]


def test_fewer_rows_than_there_were_to_be_replaced_are_told_of_before_anything_is_committed(
    db: Database,
) -> None:
    db.executemany(statements.INSERT_DESK, [(1, b"old", "a"), (7, b"old", "b")])
    replaced: Puts = (statements.UPDATE_DESK, [(2, b"new", "a", 1), (2, b"new", "b", 1)], OTHERWISE)
    with pytest.raises(Conflict, match="fewer"):
        _put(db, replaced, (statements.INSERT_SEEN, [("a", 1)], AS_IT_COMES))
    assert {row[0] for row in db.execute("SELECT sealed FROM desks")} == {b"old"}
    assert _seen(db) == []


def test_without_a_word_for_it_a_row_that_is_there_is_told_of_as_such(db: Database) -> None:
    row: Puts = (statements.INSERT_SEEN, [("a", 1)], AS_IT_COMES)
    with pytest.raises(Taken):
        _put(db, row, row)
    assert _seen(db) == []


def test_a_statement_that_is_skipped_once_can_be_used_again(postgres_database: str) -> None:
    db = opening.place_of(postgres_database, None).connect()
    unlucky = "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$"
    seen: Puts = (statements.INSERT_SEEN, [("a", 1), ("b", 1)], AS_IT_COMES)
    done: Puts = (statements.DELETE_INBOX, [("a",), ("b",)], AS_IT_COMES)
    for _ in range(3):
        with pytest.raises(Collided):
            _put(db, seen, done, after=unlucky)
    _put(db, seen, done)
    assert _seen(db) == ["a", "b"]
    db.close()


def test_a_value_that_cannot_be_written_leaves_the_connection_as_it_was(postgres_database: str) -> None:
    db = opening.place_of(postgres_database, None).connect()
    good: Puts = (statements.INSERT_SEEN, [("a", 1)], AS_IT_COMES)
    with pytest.raises(BadData):
        _put(db, good, (statements.INSERT_SEEN, [("b", 2**63), ("c", 1)], AS_IT_COMES))
    assert _seen(db) == []
    db.close()
