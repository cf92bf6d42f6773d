"""Keeps several processes over one PostgreSQL going, and makes trouble for them, one trouble at a time."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from engine.core.values import Ms
from tests.crash.clock import SharedClock
from tests.crash.nursed import STOP_SECONDS, LifeFailed, Nursed
from tests.processes.child import SharedConfig
from tests.processes.look import SharedLook
from tests.world.postgres import Postgres

PROCESSES = 3
COME_UP_SECONDS = 60.0
REACHED_SECONDS = 6.0
"""So long it is waited for a boundary to be reached; then it strikes from outside, wherever the process is."""

SENDING = (
    "http.send message:before",
    "http.send message:during",
    "http.send message:after",
    "store.seal:before",
    "store.seal:after",
    "store.mark_sent:before",
    "store.claim:after",
    "http.sendToDevice:before",
    "http.sendToDevice:during",
    "http.keys/claim:during",
    "crypto.save_session:after",
)
HEARING = (
    "http.sync:after",
    "store.commit deeds:before",
    "store.commit deeds:during",
    "store.commit deeds:after",
    "store.commit rows:before",
    "store.commit echoes:before",
)


@dataclass
class Process:
    """One of them, as far as it is known from its reports."""

    number: int
    speaks: bool = False
    frozen: str = ""
    ended: bool = False


@dataclass
class Account:
    """What was done to them, and how long nobody had the leave to speak afterwards."""

    troubles: Counter[str] = field(default_factory=Counter)
    takeovers_ms: list[Ms] = field(default_factory=list)
    """From the moment a speaker died or fell asleep until another had its place."""
    silences_seconds: list[float] = field(default_factory=list)
    """The same until the other had caught up."""

    def __str__(self) -> str:
        lines = [f"  {count:4} {trouble}" for trouble, count in sorted(self.troubles.items())]
        taken = f"taken over after {self.takeovers_ms} ms"
        silent = f"caught up after {[round(each, 1) for each in self.silences_seconds]} s"
        return "\n".join([f"{self.troubles.total()} troubles; {taken}; {silent}", *lines])


def end_and_start(postgres: Postgres, *, dies: bool) -> None:
    """In one go, because whoever looks into the database meanwhile waits for it and lets nobody else run."""
    if dies:
        postgres.kill()
    else:
        postgres.shut_down()
    postgres.start_again()


class Several(Nursed):
    """Three processes over one database, as ``async with``: one speaks, and whoever dies is followed by another.

    `allow` says how much more trouble there is to be; of which kind, and when, is left to `chance`.
    """

    def __init__(
        self,
        config: SharedConfig,
        clock: SharedClock,
        chance: random.Random,
        postgres: Postgres,
        look: SharedLook,
        processes: int = PROCESSES,
    ) -> None:
        super().__init__(config, "tests.processes.child")
        self.clock = clock
        self.account = Account()
        self.at_each_start: Callable[[], None] = lambda: None
        """Called whenever one has caught up that speaks from then on; `until` raises what it raises."""
        self._chance = chance
        self._postgres = postgres
        self._look = look
        self._wanted = processes
        self._processes: dict[int, Process] = {}
        self._begun = 0
        self._allowed = 0
        self._one_trouble = asyncio.Lock()
        self._more = asyncio.Event()
        self._trouble: asyncio.Task[None]
        self._kinds: list[Callable[[], Awaitable[str]]] = []

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        await self._one_speaks()
        self._trouble = asyncio.create_task(self._make_trouble())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._trouble.cancel()
        await asyncio.gather(self._trouble, return_exceptions=True)
        await super().__aexit__(kind, error, trace)

    # ── what the play asks ───────────────────────────────────────────────────

    def allow(self, kills: int) -> None:
        """So much more trouble is to come."""
        self._allowed += kills
        self._more.set()

    def spare(self) -> None:
        """No more trouble, but for what has begun."""
        self._allowed = 0

    async def hold(self) -> None:
        """Kill all of them and let none follow until `go_on`."""
        await self._one_trouble.acquire()
        self._held = True
        self._to_all(signal=signal.SIGKILL)
        await self.until(lambda: not self._alive, lambda: "the end of all processes", STOP_SECONDS)
        self.account.troubles["all killed"] += 1

    def go_on(self) -> None:
        """Let others begin."""
        self._held = False
        self._fill_up()
        self._one_trouble.release()

    async def stop(self) -> None:
        """Let all of them shut down in order; nothing begins after it."""
        async with self._one_trouble:
            self._held = True
            self._to_all(stop=True)
            await self.until(lambda: not self._alive, lambda: "processes that stop when told", STOP_SECONDS)

    def jump_to(self, house_ms: Ms) -> None:
        """Move the house's time for all of them."""
        self.clock.jump_to(house_ms)
        self._to_all(jumps=self.clock.jumps)

    # ── reports ──────────────────────────────────────────────────────────────

    @property
    def _alive(self) -> list[Process]:
        return [each for each in self._processes.values() if not each.ended]

    @property
    def _speaker(self) -> Process | None:
        """Who has caught up and speaks; one that sleeps believes so, and does not."""
        speaking = [each for each in self._alive if each.speaks and not each.frozen]
        return max(speaking, key=lambda each: each.number) if len(speaking) == 1 else None

    def _take(self, report: dict[str, Any]) -> None:
        if "nursery" in report:
            self._fill_up()
            return
        process = self._processes[report["life"]]
        if "speaks" in report:
            process.speaks = report["speaks"]
            if process.speaks:
                self._look_around()
        elif "frozen" in report:
            process.frozen = report["frozen"]
        elif "ended" in report:
            process.ended, process.speaks, status = True, False, report["ended"]
            if status != -signal.SIGKILL and not (status == 0 and self._held):
                self._failure = LifeFailed(
                    f"process {process.number} ended with {status}:\n{self.log_tail()}"
                )
            self._fill_up()

    def _look_around(self) -> None:
        try:
            self.at_each_start()
        except Exception as error:  # noqa: BLE001  # raised again by `until`
            self._failure = error

    def _fill_up(self) -> None:
        while not self._held and len(self._alive) < self._wanted:
            self._begun += 1
            self._processes[self._begun] = Process(self._begun)
            self._order(to=self._begun, begin=self.clock.jumps)

    def _to_all(self, **order: Any) -> None:
        for process in self._alive:
            self._order(to=process.number, **order)

    # ── trouble ──────────────────────────────────────────────────────────────

    async def _make_trouble(self) -> None:
        while True:
            await self._more.wait()
            async with self._one_trouble:
                if not self._allowed:
                    self._more.clear()
                    continue
                try:
                    await self._one_speaks()
                    self.account.troubles[await self._next_kind()()] += 1
                    await self._one_speaks()
                except (TimeoutError, LifeFailed, AssertionError) as error:
                    self._failure = self._failure or error
                    await self._tell()
                    return
                self._allowed = max(0, self._allowed - 1)
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))  # a quiet time between two troubles

    def _next_kind(self) -> Callable[[], Awaitable[str]]:
        """Each kind in turn, in an order that changes; what happens to the one that speaks most often."""
        if not self._kinds:
            self._kinds = [
                self._kill_the_speaker,
                self._freeze_the_speaker,
                self._freeze_the_speaker,
                self._end_the_database,
                self._kill_another,
                self._freeze_another,
            ]
            self._chance.shuffle(self._kinds)
        return self._kinds.pop()

    async def _one_speaks(self) -> None:
        await self.until(
            lambda: self._speaker is not None, lambda: f"one that speaks: {self._alive}", COME_UP_SECONDS
        )

    async def _kill_the_speaker(self) -> str:
        speaker = self._speaker
        assert speaker is not None
        where = await self._strike(speaker, lambda: speaker.ended, freezes=False)
        await self._taken_over()
        return f"the speaker killed, {where}"

    async def _freeze_the_speaker(self) -> str:
        """It sleeps until another has spoken in its place, in the middle of whatever it did, and wakes up."""
        speaker = self._speaker
        assert speaker is not None
        where = await self._strike(speaker, lambda: bool(speaker.frozen), freezes=True)
        await self._taken_over()
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        self._order(to=speaker.number, signal=signal.SIGCONT)
        await self.until(
            lambda: not speaker.speaks or speaker.ended,
            lambda: f"process {speaker.number} falling silent, which slept too long",
            STOP_SECONDS,
        )
        speaker.frozen = ""
        return f"the speaker asleep, {where}"

    async def _strike(self, speaker: Process, done: Callable[[], bool], *, freezes: bool) -> str:
        """End it, or stop it, at a boundary, or from outside if that is not reached; where it was."""
        boundary = self._chance.choice((*SENDING, *SENDING, *HEARING))
        self._order(to=speaker.number, armed={boundary: self._chance.randint(1, 2)}, freezes=freezes)
        try:
            async with asyncio.timeout(REACHED_SECONDS):
                await self.until(done, lambda: boundary, 2 * REACHED_SECONDS)
            return boundary
        except TimeoutError:
            self._order(to=speaker.number, signal=signal.SIGSTOP if freezes else signal.SIGKILL)
        if freezes:
            speaker.frozen = "anywhere"
        await self.until(done, lambda: f"the end of process {speaker.number}", STOP_SECONDS)
        return "anywhere"

    async def _taken_over(self) -> None:
        """Wait until another speaks, and note how long that took."""
        died_ms, died_at = time.time_ns() // 1_000_000, time.monotonic()
        await self._one_speaks()
        self.account.takeovers_ms.append(self._look.speaker()[2] - died_ms)
        self.account.silences_seconds.append(time.monotonic() - died_at)

    async def _kill_another(self) -> str:
        process = self._chance.choice([each for each in self._alive if not each.speaks])
        self._order(to=process.number, signal=signal.SIGKILL)
        await self.until(lambda: process.ended, lambda: f"the end of process {process.number}", STOP_SECONDS)
        return "one that stood by killed"

    async def _freeze_another(self) -> str:
        process = self._chance.choice([each for each in self._alive if not each.speaks])
        self._order(to=process.number, signal=signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(0.5, 3.0))
        self._order(to=process.number, signal=signal.SIGCONT)
        return "one that stood by asleep"

    async def _end_the_database(self) -> str:
        dies = self._chance.random() < 0.5
        await asyncio.to_thread(end_and_start, self._postgres, dies=dies)
        return "the database killed" if dies else "the database restarted"
