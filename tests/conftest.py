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

DEFAULT_KILLS = 50
WITHOUT_GUARD = "HEARTH_WITHOUT_GUARD"
"""Names a guard to do without; see `tests.faults.guards`."""
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
    """One real Synapse without rate limits for the whole run."""
    from tests.world import Synapse

    with Synapse() as running:
        yield running


@pytest.fixture
async def world(synapse: Synapse) -> AsyncIterator[OpenWorld]:
    """Open worlds on the shared Synapse: `here = await world("ana", "bruno")`; they end with the test."""
    from tests.world import World

    async with contextlib.AsyncExitStack() as stack:

        async def open_world(*members: str, **options: Any) -> World:
            return await stack.enter_async_context(World(members, synapse=synapse, **options))

        yield open_world
