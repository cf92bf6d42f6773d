"""The process that is killed: `python -m tests.crash.child CONFIG`, told what to do line by line on standard input.

It loads everything once and forks one process per life, so that a start costs what Hearth's own start costs, and not
the import of its libraries. A life opens the database from the disk, serves the homeserver and ends at the boundary it
was armed for; nothing of it is left but the files. Reports go to standard output, a JSON object per line.
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
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dateparser
import msgspec

from bridge.hall.keeping import CellarKeeper
from bridge.matrix.client import MatrixClient
from bridge.matrix.cross_signing import Bootstrapped, DeviceState
from bridge.matrix.rooms import Allowed
from bridge.matrix.secret_storage import RecoveryKey
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.wiring import Hearth
from tests.crash.clock import SharedClock
from tests.crash.mortal import MortalHomeserver, MortalKeeper, MortalStore, mortal_row_store
from tests.crash.scythe import Scythe, teller

SHIPPED = Path(__file__).parents[2] / "workflows"
REPORTS = 1


class Config(msgspec.Struct, frozen=True):
    """What stays the same over all lives; `folder` holds the database and what `hearth init` would keep."""

    folder: str
    session: Session
    password: str
    room: str
    members: tuple[str, ...]
    secret: bytes
    workflows: str = str(SHIPPED)
    contacts: tuple[str, ...] = ()
    stewards: tuple[str, ...] = ()
    in_use: tuple[str, ...] | None = ("invitation",)
    """What a circle has in use at its start; None: everything in the folder."""

    @property
    def database(self) -> Path:
        return Path(self.folder) / "hearth.db"

    @property
    def recovery_key(self) -> Path:
        return Path(self.folder) / "recovery-key"

    @property
    def settled(self) -> Path:
        return Path(self.folder) / "settled"

    def plan(self) -> Plan:
        """The plan every life, and whoever looks at what they left, goes by."""
        return Plan(
            session=self.session,
            circles=(
                CirclePlan(
                    room=self.room,
                    workflows=Path(self.workflows),
                    stewards=self.stewards,
                    contacts=self.contacts,
                    outside_help="112",
                    at_start=None if self.in_use is None else frozenset(self.in_use),
                ),
            ),
            operator="the crash test",
            allowed=Allowed(users=frozenset(self.members)),
            pickle_secret=self.secret,
            alias_salt=self.secret,
        )


class Life(msgspec.Struct, frozen=True):
    """One life: where it is to end, and the house's time so far."""

    number: int
    armed: dict[str, int]
    during_seconds: float
    jumps: tuple[tuple[int, int], ...]


async def live(config: Config, life: Life, orders: int) -> None:
    """Serve until told to stop, or until the scythe strikes."""
    tell = teller(life.number, REPORTS)
    scythe = Scythe(life.armed, life.during_seconds, tell)
    clock, stop = SharedClock.with_jumps(life.jumps), asyncio.Event()
    _obey(orders, clock, scythe, stop)
    store = await MortalStore.open(config.database, config.secret)
    store.scythe, store.moved = scythe, lambda: tell(moved=True)
    keeper = MortalKeeper(CellarKeeper(store), scythe)
    row_store = mortal_row_store(scythe)
    if not config.settled.exists():
        await _settle_in(config, keeper, scythe)
    homeserver = await _homeserver(config, scythe)
    hearth = Hearth(config.plan(), store, clock, keeper=keeper)
    telling = asyncio.create_task(_tell_when_ready(hearth, tell))
    await hearth.run(stop, homeserver=homeserver, store_type=row_store)
    telling.cancel()
    await store.close()
    tell(stopped=True)


def _obey(orders: int, clock: SharedClock, scythe: Scythe, stop: asyncio.Event) -> None:
    """Take orders while living: the house's time jumps, the end is set anew, or it is time to stop."""
    loop, rest = asyncio.get_running_loop(), bytearray()

    def read() -> None:
        rest.extend(os.read(orders, 1 << 16))
        while (end := rest.find(b"\n")) >= 0:
            order = json.loads(rest[:end])
            del rest[: end + 1]
            if "jumps" in order:
                clock.follow(order["jumps"])
            if "armed" in order:
                scythe.arm(order["armed"])
            if "stop" in order:
                stop.set()

    loop.add_reader(orders, read)


async def _tell_when_ready(hearth: Hearth, tell: Any) -> None:
    await hearth.ready.wait()
    tell(ready=True)


async def _homeserver(config: Config, scythe: Scythe) -> MortalHomeserver:
    session = config.session
    homeserver = await MortalHomeserver.connect(session.homeserver, access_token=session.access_token)
    assert isinstance(homeserver, MortalHomeserver)
    homeserver.scythe = scythe
    return homeserver


async def _settle_in(config: Config, keeper: MortalKeeper, scythe: Scythe) -> None:
    """What `hearth init` does, killed at any point and begun again: keys, an identity, this device signed."""

    async def reveal(key: RecoveryKey) -> None:
        config.recovery_key.write_text(key.words())

    plan = config.plan()
    client = await MatrixClient.open(
        plan.session,
        keeper,
        pickle_secret=plan.pickle_secret,
        alias_salt=plan.alias_salt,
        allowed=plan.allowed,
        homeserver=await _homeserver(config, scythe),
        store_type=mortal_row_store(scythe),
    )
    made = await client.cross_signing.bootstrap(password=config.password, reveal=reveal)
    if not isinstance(made, Bootstrapped) and made.device is not DeviceState.SIGNED:
        await client.cross_signing.restore(RecoveryKey.read(config.recovery_key.read_text()))
    state = await client.cross_signing.device_state()
    assert state is DeviceState.SIGNED, state
    await client.close()
    config.settled.touch()


# ── lives, one after another ─────────────────────────────────────────────────


class Nursery:
    """Forks lives, hands orders on to the one that is on, and tells how it ended."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pid = 0
        self._number = 0
        self._orders = -1
        self._end = -1

    def run(self) -> None:
        """Do what standard input says until it ends; then nothing is left running."""
        tell = teller(0, REPORTS)
        tell(nursery=True)
        rest = b""
        while True:
            watched = [0] + ([self._end] if self._pid else [])
            readable, _, _ = select.select(watched, [], [])
            if self._pid and self._end in readable:
                self._bury()
            if 0 in readable:
                read = os.read(0, 1 << 16)
                if not read:
                    self._kill()
                    return
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        order = json.loads(line)
        if "life" in order:
            assert not self._pid, "one life at a time"
            self._begin(msgspec.convert(order["life"], Life))
        elif "kill" in order:
            self._kill()
        elif self._pid:
            with suppress(BrokenPipeError):  # it has just ended: the next life is told from the start
                os.write(self._orders, line + b"\n")

    def _begin(self, life: Life) -> None:
        reading, self._orders = os.pipe()
        # Nobody writes to the second pipe: it ends when the last holder of its other end, the life, has ended.
        self._end, held = os.pipe()
        self._number, self._pid = life.number, os.fork()
        if not self._pid:
            os.close(self._orders)
            os.close(self._end)
            status = 1
            try:
                asyncio.run(live(self._config, life, reading))
                status = 0
            except BaseException:  # noqa: BLE001 - a forked child: whatever it is goes to the log, then it exits
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(reading)
        os.close(held)

    def _kill(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            self._bury()

    def _bury(self) -> None:
        _, status = os.waitpid(self._pid, 0)
        os.close(self._orders)
        os.close(self._end)
        self._pid = 0
        teller(self._number, REPORTS)(ended=os.waitstatus_to_exitcode(status))


def main() -> None:
    """Read the configuration and serve as nursery."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(process)d %(name)s %(levelname)s %(message)s"
    )
    for chatty in ("nio", "aiosqlite", "asyncio", "tortoise", "transitions"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its languages are loaded at the first use, which would otherwise be once per life.
    dateparser.parse(
        "Friday 19:00", languages=["en"], settings={"RELATIVE_BASE": datetime(2027, 1, 18, tzinfo=UTC)}
    )
    Nursery(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Config)).run()


if __name__ == "__main__":
    main()
