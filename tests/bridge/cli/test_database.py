"""A look at the database, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.cli.database import InOrder, Outdated, Unusable, look_at, shown
from tests.world.postgres import PASSWORD, Postgres

NO_KEYS = Path("nowhere.keys")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (Path("data/hearth.db"), "data/hearth.db"),
        ("postgresql://hearth:secret@db.example.org:5433/garden", "postgresql://db.example.org:5433/garden"),
        ("postgresql://hearth:secret@/garden?host=/run/postgresql", "postgresql:///…"),
        ("postgresql://hearth:se/cret@db.example.org/garden", "the PostgreSQL database"),
        ("postgresql://hearth:12/cret@db.example.org/garden", "the PostgreSQL database"),
        ("postgresql://hearth:se[cret@db.example.org/garden", "the PostgreSQL database"),
    ],
)
def test_an_address_is_said_without_its_password(place: Path | str, said: str) -> None:
    assert shown(place) == said


def test_a_database_of_postgresql_is_looked_at_too(postgres: Postgres, postgres_database: str) -> None:
    assert isinstance(look_at(postgres_database, NO_KEYS), InOrder)
    empty = postgres.database()
    found = look_at(empty, NO_KEYS)
    assert isinstance(found, Outdated)
    assert "0001_cellar" in found.names
    postgres.drop(empty)


@pytest.mark.parametrize(
    ("address", "found"),
    [
        (
            "postgresql://hearth:secret@127.0.0.1:1/garden",
            "postgresql://hearth@127.0.0.1:1/garden cannot be reached",
        ),
        ("postgresql://hearth:se/cret@127.0.0.1/garden", "the address of the database cannot be read"),
    ],
)
def test_what_is_wrong_with_it_is_said_without_its_password(address: str, found: str) -> None:
    seen = look_at(address, NO_KEYS)
    assert isinstance(seen, Unusable)
    assert seen.found.startswith(found)
    assert "cret" not in seen.found + seen.helps


def test_a_database_that_may_only_be_read_is_no_use(postgres_database: str) -> None:
    seen = look_at(f"{postgres_database}&options=-c%20default_transaction_read_only%3Don", NO_KEYS)
    assert isinstance(seen, Unusable)
    assert "cannot be written to" in seen.found
    assert PASSWORD not in seen.found
