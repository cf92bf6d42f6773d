"""The `hearth` command as an operator runs it: a process of its own, with an environment of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
RUN_SECONDS = 60.0
SETUP = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from bridge.cli import main; sys.exit(main(sys.argv[1:]))"
)


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def own_environment(**variables: str) -> dict[str, str]:
    """This process's environment without anything of Hearth's, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEARTH_")}
    return {**kept, "PYTHONWARNINGS": "error", **variables}


def command(*arguments: str | Path) -> list[str]:
    """What to execute, from a source checkout that need not be installed."""
    return [sys.executable, "-c", SETUP, str(PROJECT_FOLDER), *map(str, arguments)]


async def hearth(
    *arguments: str | Path, typed: str | None = None, cwd: Path | None = None, **variables: str
) -> Outcome:
    """Run `hearth` to its end; `typed` goes to its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command(*arguments),
        stdin=asyncio.subprocess.PIPE if typed is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=own_environment(**variables),
        cwd=cwd,
    )
    try:
        out, err = await asyncio.wait_for(
            process.communicate(typed.encode() if typed is not None else None), RUN_SECONDS
        )
    except BaseException:
        process.kill()
        await process.wait()
        raise
    outcome = Outcome(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in outcome.text, outcome.text
    return outcome
