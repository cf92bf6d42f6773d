"""Keeps a house going whose process is killed again and again, and decides where each life ends."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec

from engine.core.values import MINUTE_MS, Ms
from tests.crash.child import Config, Life
from tests.crash.clock import SharedClock
from tests.crash.nursed import STOP_SECONDS, LifeFailed, Nursed
from tests.crash.scythe import ANY

LEASE_OVER_MS = 2 * MINUTE_MS + 1_000
"""House time that passes between two lives: a parcel the dead one had claimed is free again."""

AWAITED = ("before", "during", "after")
CALLED = ("before", "after")
OUTSIDE = "outside:anytime"
"""Killed from outside, wherever it was."""

FLEETING = (
    "crypto.load",
    "crypto.save_account",
    "crypto.save_devices",
    "crypto.save_room_key",
    "crypto.save_session",
    "http.createRoom",
    "http.join",
    "http.keys/claim",
    "http.keys/query",
    "http.keys/upload",
    "http.put room keys",
    "http.put m.direct",
    "http.send edit",
    "http.send message",
    "http.send reaction",
    "http.sendToDevice",
    "store.commit deeds",
    "store.commit moments",
    "store.move_circle",
    "store.postpone",
)
"""What matters most or happens only now and then, in every play: a life ends there as soon as there is a chance."""

RECURRING = (
    "crypto.drop_sessions",
    "http.sync",
    "keeper.commit",
    "store.claim",
    "store.commit deeds",
    "store.commit echoes",
    "store.commit moments",
    "store.commit rows",
    "store.mark_sent",
    "store.seal",
)
"""What happens all the time."""

RARE = (
    "http.drop room keys",
    "http.invite",
    "http.keys/device_signing/upload",
    "http.keys/signatures/upload",
    "http.put secrets",
    "http.read",
    "http.receipt",
    "http.room_keys/version",
    "http.send reply",
    "http.typing",
    "store.bury",
    "store.drop",
    "store.person",
    "store.retry",
)
"""What a play may or may not cross; taken like the fleeting where it is met."""


PATIENT = 300
"""After so many boundaries of any name a life ends in any case."""

AGAIN = 0.2
"""How likely a life is to end at something rare, or at another phase of something seldom than before."""


class Lives(Nursed):
    """One life after another on the same database, as ``async with``; the first begins armed for nothing.

    `allow` says how many more lives are to end in a kill; which ones, and where, is left to `chance`.
    """

    def __init__(self, config: Config, clock: SharedClock, chance: random.Random) -> None:
        self.at_each_start: Callable[[], None] = lambda: None
        """Called whenever a life has caught up; `until` raises what it raises."""
        super().__init__(config, "tests.crash.child")
        self._chance = chance
        self.clock = clock
        self.kills: Counter[str] = Counter()
        """Per boundary, how often it was the last."""
        self.began = 0
        self.starts_seconds: list[float] = []
        self._allowed = 0
        self._life: Life | None = None
        self._begun_at = 0.0
        self._struck: str | None = None

    # ── beginning and ending ─────────────────────────────────────────────────

    async def stop(self) -> None:
        """Let the present life shut down in order; nothing begins after it."""
        self._held = True
        self._order(stop=True)
        await self.until(lambda: self._life is None, lambda: "a life that stops when told", STOP_SECONDS)

    async def hold(self) -> None:
        """Kill the present life from outside and let none follow until `go_on`."""
        self._held = True
        self._order(kill=True)
        await self.until(lambda: self._life is None, lambda: "the end of a killed life", STOP_SECONDS)

    def go_on(self) -> None:
        """Let the next life begin."""
        self._held = False
        self._begin()

    # ── what the play asks ───────────────────────────────────────────────────

    @property
    def killed(self) -> int:
        return self.kills.total()

    def allow(self, kills: int) -> None:
        """That many more lives are to be killed, beginning with the present one."""
        if self._allowed == 0 and kills and self._life is not None:
            self._order(armed=self._arm())
        self._allowed += kills

    def spare(self) -> None:
        """No more kills: the present life is armed for nothing."""
        self._allowed = 0
        self._order(armed={})

    def jump_to(self, house_ms: Ms) -> None:
        """Move the house's time for this life and all that follow."""
        self.clock.jump_to(house_ms)
        self._order(jumps=self.clock.jumps)

    # ── reports ──────────────────────────────────────────────────────────────

    def _take(self, report: dict[str, Any]) -> None:
        if "nursery" in report:
            self._begin()
        elif "ready" in report:
            self.starts_seconds.append(time.monotonic() - self._begun_at)
            try:
                self.at_each_start()
            except Exception as error:  # noqa: BLE001  # raised again by `until`
                self._failure = error
        elif "killed" in report:
            self._struck = report["killed"]
        elif "ended" in report:
            self._end(report["ended"])

    def _end(self, status: int) -> None:
        life, self._life = self._life, None
        if status == 0 and self._held:
            return
        if status != -9:
            self._failure = LifeFailed(f"life {life} ended with {status}:\n{self.log_tail()}")
            return
        self.kills[self._struck or OUTSIDE] += 1
        self._allowed = max(0, self._allowed - 1)
        if not self._held:
            self._begin()

    def _begin(self) -> None:
        self._struck = None
        if self.began:
            self.clock.jump_to(self.clock.now_ms() + LEASE_OVER_MS)
        self.began += 1
        self._begun_at = time.monotonic()
        armed = self._arm() if self._allowed else {}
        during_seconds = self._chance.uniform(0.0, 0.006)
        self._life = Life(self.began, armed, during_seconds, tuple(self.clock.jumps))
        self._order(life=msgspec.to_builtins(self._life))

    # ── where the next life ends ─────────────────────────────────────────────

    def _arm(self) -> dict[str, int]:
        """Boundaries for the next life: the first that is reached as often as said is its last.

        As long as something that belongs to every play was never killed, a life is given the time to get there. Later
        it is other phases of that and what is rare, now and then; of what recurs the boundaries killed least.
        """
        never_killed = self.never_killed()
        if never_killed:
            first = {
                f"{operation}:{self._chance.choice(_phases(operation))}": 1 for operation in never_killed
            }
            return {ANY: PATIENT, **first}
        armed = {ANY: self._chance.randint(PATIENT // 5, PATIENT)}
        for operation in (*FLEETING, *RARE):
            fresh = [phase for phase in _phases(operation) if not self.kills[f"{operation}:{phase}"]]
            if fresh and self._chance.random() < AGAIN:
                armed[f"{operation}:{self._chance.choice(fresh)}"] = 1
        recurring = [f"{operation}:{phase}" for operation in RECURRING for phase in _phases(operation)]
        recurring.sort(key=lambda boundary: (self.kills[boundary], self._chance.random()))
        return {**armed, **{boundary: self._chance.randint(1, 10) for boundary in recurring[:4]}}

    def _hits(self, operation: str) -> int:
        return sum(self.kills[f"{operation}:{phase}"] for phase in _phases(operation))

    def never_killed(self) -> list[str]:
        """The operations of every play at which no life has ended."""
        return [
            operation for operation in dict.fromkeys((*FLEETING, *RECURRING)) if not self._hits(operation)
        ]

    def account(self) -> str:
        """How many kills there were of each kind, for people to read."""
        lines = [f"  {count:4} {boundary}" for boundary, count in sorted(self.kills.items())]
        slowest = max(self.starts_seconds, default=0.0)
        return "\n".join([f"{self.killed} kills, the slowest start took {slowest:.2f} s:", *lines])


def _phases(operation: str) -> tuple[str, ...]:
    return CALLED if operation.startswith("crypto.") else AWAITED
