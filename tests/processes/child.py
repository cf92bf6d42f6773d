"""Several processes over one PostgreSQL: `python -m tests.processes.child CONFIG`, told what to do on standard input.

It loads everything once and forks one process for each that is to run, so that a start costs what Hearth's own start
costs. Each dies, or is stopped as by a machine that sleeps, at the boundary it was armed for, or by a signal. Reports
go to standard output, a JSON object per line.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bridge.wiring import Hearth
from engine.runtime.ports import Unavailable
from engine.store import TortoiseStore
from tests.crash.child import REPORTS, Config
from tests.crash.clock import SharedClock
from tests.crash.mortal import MortalHomeserver, MortalStore, mortal_row_store
from tests.crash.scythe import Scythe, teller

LOOKS_SECONDS = 0.05
OUTAGE_LOOKS = 400

S = TypeVar("S", bound=TortoiseStore)


class SharedConfig(Config, frozen=True):
    """What stays the same for all processes; `address` is where their database is."""

    address: str = ""


class Freezer(Scythe):
    """Ends its process, or stops it until somebody lets it go on, in the middle of whatever it does."""

    freezes = False

    def strike(self, boundary: str) -> None:
        """What it was armed for has come."""
        if not self.freezes:
            super().strike(boundary)
        self.arm({})
        self._tell(frozen=boundary)
        os.kill(os.getpid(), signal.SIGSTOP)


async def opened(kind: type[S], config: SharedConfig) -> S:
    """The store, as soon as the server is there: a process may begin while it is down."""
    for _ in range(OUTAGE_LOOKS):
        try:
            return await kind.open(config.address, config.secret)
        except Unavailable:
            await asyncio.sleep(LOOKS_SECONDS)
    return await kind.open(config.address, config.secret)


async def live(config: SharedConfig, number: int, jumps: list[list[int]], orders: int) -> None:
    """Run as one of several until told to stop."""
    tell = teller(number, REPORTS)
    scythe, clock, stop = Freezer({}, 0.003, tell), SharedClock.with_jumps(jumps), asyncio.Event()
    _obey(orders, clock, scythe, stop)
    store = await opened(MortalStore, config)
    store.scythe, store.moved = scythe, lambda: tell(moved=True)

    async def connect() -> MortalHomeserver:
        session = config.session
        homeserver = await MortalHomeserver.connect(session.homeserver, access_token=session.access_token)
        assert isinstance(homeserver, MortalHomeserver)
        homeserver.scythe = scythe
        return homeserver

    hearth = Hearth(config.plan(), store, clock, leases=store, holder=f"process {number}")
    telling = asyncio.create_task(_tell_who_speaks(hearth, tell))
    await hearth.run(stop, connect=connect, store_type=mortal_row_store(scythe))
    telling.cancel()
    await store.close()
    tell(stopped=True)


async def _tell_who_speaks(hearth: Hearth, tell: Any) -> None:
    while True:
        await hearth.ready.wait()
        tell(speaks=True)
        while hearth.ready.is_set():  # noqa: ASYNC110 - nothing else tells that an event was taken back
            await asyncio.sleep(LOOKS_SECONDS)
        tell(speaks=False)


def _obey(orders: int, clock: SharedClock, scythe: Freezer, stop: asyncio.Event) -> None:
    """Take orders while living: the house's time jumps, an end is set, or it is time to stop."""
    loop, rest = asyncio.get_running_loop(), bytearray()

    def read() -> None:
        rest.extend(os.read(orders, 1 << 16))
        while (end := rest.find(b"\n")) >= 0:
            order = json.loads(rest[:end])
            del rest[: end + 1]
            if "jumps" in order:
                clock.follow(order["jumps"])
            if "armed" in order:
                scythe.freezes = order["freezes"]
                scythe.arm(order["armed"])
            if "stop" in order:
                stop.set()

    loop.add_reader(orders, read)


# ── several at a time ────────────────────────────────────────────────────────


Live = Callable[[int, list[list[int]], int], Coroutine[Any, Any, None]]
"""What a process does, given its number, the house's time so far, and where its orders come from."""


class Begun(msgspec.Struct):
    """A process that was begun and has not ended: where its orders go, and what ends when it does."""

    pid: int
    orders: int
    end: int


class Nursery:
    """Forks processes, hands orders and signals on to them, and tells how each ended."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._begun: dict[int, Begun] = {}

    def run(self) -> None:
        """Do what standard input says until it ends; then nothing is left running."""
        teller(0, REPORTS)(nursery=True)
        rest = b""
        while True:
            ends = {begun.end: number for number, begun in self._begun.items()}
            readable, _, _ = select.select([0, *ends], [], [])
            for end in set(readable) - {0}:
                self._bury(ends[end])
            if 0 in readable:
                read = os.read(0, 1 << 16)
                if not read:
                    break
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    self._take(line)
        for number in list(self._begun):
            os.kill(self._begun[number].pid, signal.SIGKILL)
            self._bury(number)

    def _take(self, line: bytes) -> None:
        order = json.loads(line)
        number = order["to"]
        if "begin" in order:
            self._begin(number, order["begin"])
            return
        begun = self._begun.get(number)
        if begun is None:  # it has just ended
            return
        if "signal" in order:
            os.kill(begun.pid, order["signal"])
            return
        with suppress(BrokenPipeError):
            os.write(begun.orders, line + b"\n")

    def _begin(self, number: int, jumps: list[list[int]]) -> None:
        reading, orders = os.pipe()
        # Nobody writes to the second pipe: it ends when the last holder of its other end, the process, has ended.
        end, held = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(orders)
            os.close(end)
            for other in self._begun.values():
                os.close(other.orders)
                os.close(other.end)
            status = 1
            try:
                asyncio.run(self._live(number, jumps, reading))
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child: whatever it is goes to the log, then it exits
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(reading)
        os.close(held)
        self._begun[number] = Begun(pid, orders, end)

    def _bury(self, number: int) -> None:
        begun = self._begun.pop(number)
        _, status = os.waitpid(begun.pid, 0)
        os.close(begun.orders)
        os.close(begun.end)
        teller(number, REPORTS)(ended=os.waitstatus_to_exitcode(status))


def config_named_on_the_command_line() -> SharedConfig:
    """What whoever began the nursery wrote down."""
    return msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=SharedConfig)


def main() -> None:
    """Read the configuration and serve as nursery."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"
    )
    for chatty in ("nio", "aiosqlite", "asyncio", "tortoise", "transitions", "psycopg"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    Nursery(partial(live, config_named_on_the_command_line())).run()


if __name__ == "__main__":
    main()
