"""Each guard is needed: taken away, the claim that stands for its hazard fails."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import LENT_SYNAPSE, WITHOUT_GUARD
from tests.faults.guards import GUARDS
from tests.world import Synapse

ROOT = Path(__file__).parents[2]
TESTS_FAILED = 1
"""pytest's exit status where tests ran and at least one of them failed; any other number is another story."""


NOT_NEEDED = tuple(
    f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "schemathesis", "anyio", "platformdirs")
)
"""Plugins that only take their time to be loaded."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", GUARDS)
async def test_without_its_guard_a_hazard_is_noticed(name: str, synapse: Synapse) -> None:
    lent = synapse.lend(1 + list(GUARDS).index(name))
    options = ("-x", "-q", *NOT_NEEDED, "--tb=line", "--no-header")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *options, GUARDS[name].test),
        cwd=ROOT,
        env={**os.environ, WITHOUT_GUARD: name, LENT_SYNAPSE: lent},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    assert running.returncode == TESTS_FAILED, f"without {name}:\n{said.decode(errors='replace')}"
