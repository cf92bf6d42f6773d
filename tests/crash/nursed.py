"""Whoever looks after processes that die: begins them through a nursery, hears their reports, and waits for things."""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.crash.child import Config

PROJECT = Path(__file__).resolve().parents[2]
LOG_LINES_SHOWN = 60
STOP_SECONDS = 30


class LifeFailed(Exception):
    """A life ended by itself, which only a defect does; the message ends with what it wrote."""


class Nursed(ABC):
    """A nursery as ``async with``: orders go to it, its reports are taken line by line."""

    def __init__(self, config: Config, nursery: str) -> None:
        """``nursery``: the module that is run with the path of the configuration."""
        self._config = config
        self._nursery = nursery
        self._held = False
        self._failure: BaseException | None = None
        self._changed = asyncio.Condition()
        self._process: asyncio.subprocess.Process
        self._reading: asyncio.Task[None]
        self._log = Path(config.folder) / "lives.log"

    async def __aenter__(self) -> Self:
        path = Path(self._config.folder) / "config.json"
        path.write_bytes(msgspec.json.encode(self._config))
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._nursery,
                str(path),
                cwd=PROJECT,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held = True
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def until(
        self, predicate: Callable[[], object], what: Callable[[], str], seconds: float = 60.0
    ) -> None:
        """Wait until the predicate holds, looking again whenever a life reports something.

        Raises what failed meanwhile, or TimeoutError with what was waited for and what the lives wrote.
        """

        async def look() -> None:
            async with self._changed:
                while True:
                    if self._failure is not None:
                        raise self._failure
                    if predicate():
                        return
                    await self._changed.wait()

        try:
            await asyncio.wait_for(look(), seconds)
        except TimeoutError:
            raise TimeoutError(f"waited {seconds:g} s for {what()}\n{self.log_tail()}") from None

    def log(self) -> str:
        """Everything all lives wrote."""
        return self._log.read_text(errors="replace")

    def log_tail(self) -> str:
        """The end of what the lives wrote."""
        return "\n".join(self.log().splitlines()[-LOG_LINES_SHOWN:])

    @abstractmethod
    def _take(self, report: dict[str, Any]) -> None:
        """Hear one report."""

    def _order(self, **order: Any) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, ConnectionResetError):  # its end is reported by what it no longer says
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))
            await self._tell()
        if not self._held:
            self._failure = self._failure or LifeFailed(f"nobody begins lives any more:\n{self.log_tail()}")
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
