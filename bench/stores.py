"""Fresh databases for a bench, on the disk of this machine, durable as a community's would be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from tests.world.postgres import Postgres

Kind = Literal["sqlite", "postgres"]


class Place(NamedTuple):
    """Where a database is."""

    kind: Kind
    address: str


class Places(Protocol):
    """Makes the place of a new database."""

    def __call__(self) -> Place: ...


@contextmanager
def places(kind: Kind) -> Iterator[Places]:
    """Where new databases are made; they are gone afterwards."""
    with _on_sqlite() if kind == "sqlite" else _on_postgres() as fresh:
        yield fresh


@contextmanager
def _on_sqlite() -> Iterator[Places]:
    numbers = count(1)
    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        yield lambda: Place("sqlite", f"sqlite:///{Path(folder) / f'{next(numbers)}.db'}")


@contextmanager
def _on_postgres() -> Iterator[Places]:
    with Postgres(durable=True) as server:
        yield lambda: Place("postgres", server.database())
