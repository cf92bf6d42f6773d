"""The `hearth` command as an operator runs it, with an environment of its own: in this process, or in another one."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import shutil
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.cli import main

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
RUN_SECONDS = 60.0
SETUP = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bridge.cli import main; sys.exit(main(sys.argv[1:]))"


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


async def hearth(*arguments: str | Path, **variables: str) -> Outcome:
    """Run a command to its end in this process, with only these variables in its environment."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        # A thread, since a command brings an event loop of its own.
        status = await asyncio.to_thread(_status_of, list(map(str, arguments)), variables)
    outcome = Outcome(status, out.getvalue(), err.getvalue())
    assert "Traceback" not in outcome.text, outcome.text
    return outcome


def _status_of(arguments: list[str], environ: dict[str, str]) -> int:
    try:
        return main(arguments, environ)
    except SystemExit as end:  # argparse's way to end
        return int(end.code or 0)


async def hearth_process(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> Outcome:
    """Run the command to its end in a process of its own."""
    process = await start_process(*arguments, cwd=cwd, **variables)
    try:
        out, err = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    outcome = Outcome(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in outcome.text, outcome.text
    return outcome


async def hearth_without_rights(*arguments: str | Path) -> Outcome:
    """Run the command as somebody to whom the rights of files apply, also where the tests run as root."""
    if os.geteuid() != 0:
        return await hearth_process(*arguments)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv, as root may read everything")
    dropped = "-dac_override,-dac_read_search"
    process = await asyncio.create_subprocess_exec(
        *[setpriv, f"--bounding-set={dropped}", f"--inh-caps={dropped}"],
        *[sys.executable, "-c", SETUP, str(PROJECT_FOLDER), *map(str, arguments)],
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=own_environment(),
    )
    out, err = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    outcome = Outcome(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in outcome.text, outcome.text
    return outcome


async def start_process(
    *arguments: str | Path, cwd: Path | None = None, terminal: int | None = None, **variables: str
) -> asyncio.subprocess.Process:
    """Start the command in a process of its own, at a terminal if one is given; whoever starts it ends it."""
    return await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", SETUP, str(PROJECT_FOLDER), *map(str, arguments)],
        stdin=asyncio.subprocess.DEVNULL if terminal is None else terminal,
        stdout=asyncio.subprocess.PIPE if terminal is None else terminal,
        stderr=asyncio.subprocess.PIPE if terminal is None else terminal,
        env=own_environment(**variables),
        cwd=cwd,
        # A terminal sends Ctrl-C to the session it belongs to.
        start_new_session=terminal is not None,
        preexec_fn=None if terminal is None else _take_terminal,
    )


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
