"""What every test may ask for: one homeserver for the whole run, worlds on it, and a seed that is shown."""

from __future__ import annotations

import contextlib
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from tests.world import OpenWorld, Synapse, World
    from tests.world.postgres import Postgres

DEFAULT_KILLS = 50
WITHOUT_GUARD = "HEARTH_WITHOUT_GUARD"
"""Names a guard to do without; see `tests.faults.guards`."""
LENT_SYNAPSE = "HEARTH_LENT_SYNAPSE"
"""The homeserver of the run that started this one; see `tests.faults.test_guards`."""
SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `make kill`."""
    group = parser.getgroup("hearth")
    group.addoption(
        "--kills", type=int, default=DEFAULT_KILLS, help="how often the crash test kills the process"
    )
    group.addoption("--seed", type=int, default=None, help="repeat a run that used this seed")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of this run; a worker of pytest-xdist takes the one that was chosen for all of them."""
    given = config.getoption("--seed")
    if given is None:
        given = getattr(config, "workerinput", {}).get("seed")
    config.stash[SEED] = random.SystemRandom().randrange(2**32) if given is None else given
    if WITHOUT_GUARD in os.environ:
        from tests.faults.guards import take_away_one

        take_away_one()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed, which the header shows, to a worker of pytest-xdist."""
    node.workerinput["seed"] = node.config.stash[SEED]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Half a character, which some tests log on purpose, cannot travel from a worker; its number can."""
    whole: dict[str, Any] | None = _in_whole_characters((yield))
    return whole


def _in_whole_characters(data: Any) -> Any:
    match data:
        case str():
            return data.encode(errors="backslashreplace").decode()
        case dict():
            return {key: _in_whole_characters(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(map(_in_whole_characters, data))
        case _:
            return data


def pytest_report_header(config: pytest.Config) -> str:
    """Say the seed, so that a failure can be repeated."""
    return f"seed: {config.stash[SEED]} (repeat with --seed)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real homeserver, so that `-m "not synapse"` leaves it out."""
    for item in items:
        if "synapse" in getattr(item, "fixturenames", ()):
            item.add_marker("synapse")


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this run."""
    return request.config.stash[SEED]


@pytest.fixture(scope="session")
def kills(request: pytest.FixtureRequest) -> int:
    """How often the crash test kills."""
    wanted: int = request.config.getoption("--kills")
    return wanted


@pytest.fixture(scope="session")
def synapse() -> Iterator[Synapse]:
    """One real Synapse without rate limits for the whole run; a test that runs others lends them its own."""
    from tests.world import Synapse

    lent = os.environ.get(LENT_SYNAPSE)
    with Synapse() if lent is None else Synapse.borrowed(lent) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One real PostgreSQL for the whole run, started at first need."""
    from tests.world.postgres import Postgres

    with Postgres() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_opened_once(postgres: Postgres) -> str:
    """The address of an empty store; emptying it again is much faster than making all its tables."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from engine.store import TortoiseStore

    address = postgres.database()

    async def open_and_close() -> None:
        await (await TortoiseStore.open(address, bytes(range(32)))).close()

    with ThreadPoolExecutor(1) as apart:  # whoever needs it first may be running in a loop already
        apart.submit(asyncio.run, open_and_close()).result()
    postgres.remember(address)
    return address


@pytest.fixture
def postgres_database(postgres: Postgres, postgres_opened_once: str) -> Iterator[str]:
    """The address of a store of this test's own, empty, with the master key 0, 1, 2, … 31."""
    yield postgres_opened_once
    postgres.empty(postgres_opened_once)


@pytest.fixture
async def world(synapse: Synapse) -> AsyncIterator[OpenWorld]:
    """Open worlds on the shared Synapse: `here = await world("ana", "bruno")`; they end with the test."""
    from tests.world import World

    async with contextlib.AsyncExitStack() as stack:

        async def open_world(*members: str, **options: Any) -> World:
            return await stack.enter_async_context(World(members, synapse=synapse, **options))

        yield open_world
