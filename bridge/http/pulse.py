"""How a running house is: whether it can do its work, and a few numbers, with no people, rooms or words in them."""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from bridge.http.numbers import Answer, Gauges, Numbers, Request
from engine.core.limits import LimitName

log = logging.getLogger(__name__)

STALE_SECONDS = 180.0
"""A sync waits half a minute at most; after this long without one something is wrong."""
STORE_SECONDS = 5.0
"""So long the database may take to write one row, or to count."""
ASK_AGAIN_SECONDS = 2.0
"""However often somebody looks, the database is asked no more often than this."""


class Reason(enum.StrEnum):
    """Why it is not ready."""

    STARTING = "the homeserver has not answered a sync yet"
    CATCHING_UP = "what happened before the start is still being taken in"
    NO_SYNC = "the homeserver has not answered a sync for three minutes"
    TOKEN_LOST = "the access token is no longer valid: run `hearth init --log-in-again`"  # noqa: S105 - a sentence
    STORE = "the database cannot be written"
    STOPPING = "it is stopping"


class Readiness(msgspec.Struct, frozen=True):
    """`reasons` is empty if all is well; `seconds_since_sync` is None before the first."""

    ready: bool
    reasons: tuple[str, ...]
    seconds_since_sync: float | None
    workflow_files_refused: int = 0
    """Files that are not fit as they lie there; what they served before goes on serving, so this is no reason."""
    stands_by: bool = False
    """Another process speaks; this one decides beside it, and is ready to take over."""


class Vitals(Protocol):
    """What a house can be asked while it runs."""

    async def can_write(self) -> bool:
        """Whether the database takes a row."""

    async def gauges(self) -> Gauges | None:
        """How much there is of everything; None while the database cannot say."""


class Pulse:
    """Remembers what was last noted, and asks the house for the rest when somebody looks; one thread only."""

    def __init__(
        self,
        now_seconds: Callable[[], float] = time.monotonic,
        ask_again_seconds: float = ASK_AGAIN_SECONDS,
    ) -> None:
        self._now_seconds = now_seconds
        self._begun_at = now_seconds()
        self._synced_at: float | None = None
        self._has_caught_up = self._has_lost_token = self._is_stopping = self._stands_by = False
        self._refused_files = 0
        self._vitals: Vitals | None = None
        self._numbers = Numbers()
        self._writes = _Asked(now_seconds, ask_again_seconds)
        self._counts = _Asked(now_seconds, ask_again_seconds)

    # ── noting ───────────────────────────────────────────────────────────────

    def watch(self, vitals: Vitals) -> None:
        """From here on the house can be asked; it has yet to catch up with what happened before."""
        self._vitals = vitals
        self._has_caught_up = self._is_stopping = self._stands_by = False

    def note_standing_by(self) -> None:
        """Another process speaks; nothing is heard from the homeserver here."""
        self._has_caught_up, self._stands_by, self._synced_at = False, True, None

    def note_sync(self) -> None:
        """The homeserver answered a sync, be it with nothing."""
        self._synced_at = self._now_seconds()

    def note_caught_up(self) -> None:
        """All that happened before the start is committed."""
        self._has_caught_up = True

    def note_token_lost(self) -> None:
        """The homeserver does not know us any more; only an operator can help."""
        self._has_lost_token = True

    def note_stopping(self) -> None:
        """It was told to stop."""
        self._is_stopping = True

    def note_refused_files(self, number: int) -> None:
        """The workflow files were looked at: so many are not fit."""
        self._refused_files = number

    def note_request(self, kind: Request, answer: Answer, seconds: float) -> None:
        """The homeserver was asked for something."""
        self._numbers.note_request(kind, answer, seconds)

    def note_decided(self, seconds: float, outcomes: Mapping[str, int]) -> None:
        """Some events were decided and written; how long that took, and what became of how many."""
        self._numbers.note_decided(seconds, outcomes)

    def note_unreadable(self, number: int) -> None:
        """So many messages came without a key."""
        self._numbers.note_unreadable(number)

    def note_limit(self, limit: LimitName, times: int) -> None:
        """A limit of the settings was reached, so often."""
        self._numbers.note_limit(limit, times)

    # ── looking ──────────────────────────────────────────────────────────────

    async def readiness(self) -> Readiness:
        """Whether the house can do its work just now, and what keeps it from that."""
        vitals = self._vitals
        writes = vitals is None or await self._writes.asked(vitals.can_write) is True
        since_seconds = self._since_sync_seconds()
        found = {
            Reason.TOKEN_LOST: self._has_lost_token,
            Reason.STORE: not writes,
            Reason.STARTING: since_seconds is None and not self._stands_by,
            Reason.NO_SYNC: since_seconds is not None and since_seconds >= STALE_SECONDS,
            Reason.CATCHING_UP: since_seconds is not None and not self._has_caught_up,
            Reason.STOPPING: self._is_stopping,
        }
        reasons = tuple(reason.value for reason, is_so in found.items() if is_so)
        return Readiness(not reasons, reasons, since_seconds, self._refused_files, self._stands_by)

    async def metrics(self) -> str:
        """The numbers in the text format Prometheus reads."""
        gauges = await self._counts.asked(self._vitals.gauges) if self._vitals is not None else None
        plain = {
            "up_seconds": round(self._now_seconds() - self._begun_at, 1),
            "ready": float((await self.readiness()).ready),
            "stands_by": float(self._stands_by),
            "workflow_files_refused": self._refused_files,
        }
        return self._numbers.text(
            plain, self._since_sync_seconds(), gauges if isinstance(gauges, Gauges) else None
        )

    def _since_sync_seconds(self) -> float | None:
        return None if self._synced_at is None else round(self._now_seconds() - self._synced_at, 1)


class _Asked:
    """The answer to a question that costs something: asked by one at a time, and kept for a moment.

    While an answer is overdue the question is not put a second time.
    """

    def __init__(self, now_seconds: Callable[[], float], ask_again_seconds: float) -> None:
        self._now_seconds = now_seconds
        self._ask_again_seconds = ask_again_seconds
        self._task: asyncio.Task[object] | None = None
        self._asked_at = 0.0

    async def asked(self, question: Callable[[], Awaitable[object]]) -> object:
        """The answer; None if it does not come in time, or cannot be given."""
        is_old = self._now_seconds() - self._asked_at >= self._ask_again_seconds
        if self._task is None or (self._task.done() and is_old):
            self._asked_at = self._now_seconds()
            self._task = asyncio.ensure_future(_answer(question))
        await asyncio.wait({self._task}, timeout=STORE_SECONDS)
        return self._task.result() if self._task.done() and not self._task.cancelled() else None


async def _answer(question: Callable[[], Awaitable[object]]) -> object:
    try:
        return await question()
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever looks is told that there is no answer
        log.warning("the house does not say how it is: %s", type(error).__name__)
        return None
