"""What the tests of several processes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world.postgres import Postgres


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server of this test's own, which may be killed."""
    with Postgres() as running:
        yield running
