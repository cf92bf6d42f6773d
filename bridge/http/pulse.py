"""How a running house is: a few numbers and moments, with no people, rooms or words in them."""

import enum
import time
from collections.abc import Callable

import msgspec

STALE_SECONDS = 180.0
"""A sync waits half a minute at most; after this long without one something is wrong."""


class Counter(enum.StrEnum):
    """What is counted; a fixed list, so that no name of anyone can slip in."""

    SYNCS = "syncs"
    SENT = "events_sent"
    REFUSED = "requests_refused"
    RATE_LIMITED = "requests_rate_limited"
    TROUBLE = "requests_failed"


class Health(msgspec.Struct, frozen=True):
    """`status` is "ok", "starting" or "no sync"; `seconds_since_sync` is None before the first."""

    status: str
    seconds_since_sync: float | None
    workflow_files_refused: int = 0
    """Files that are not fit as they lie there; what they served before goes on serving."""

    @property
    def is_well(self) -> bool:
        return self.status == "ok"


class Pulse:
    """Counts and remembers when the last sync was committed; one thread only."""

    def __init__(self, now_seconds: Callable[[], float] = time.monotonic) -> None:
        self._now_seconds = now_seconds
        self._begun_at = now_seconds()
        self._synced_at: float | None = None
        self._counts = dict.fromkeys(Counter, 0)
        self._refused_files = 0

    def note_sync(self) -> None:
        """The homeserver answered a sync, be it with nothing."""
        self._synced_at = self._now_seconds()
        self.count(Counter.SYNCS)

    def note_refused_files(self, number: int) -> None:
        """The workflow files were looked at: so many are not fit."""
        self._refused_files = number

    def count(self, counter: Counter, by: int = 1) -> None:
        """Something happened `by` times more."""
        self._counts[counter] += by

    def counted(self, counter: Counter) -> int:
        return self._counts[counter]

    def health(self) -> Health:
        """Whether the homeserver and we are still on speaking terms."""
        if self._synced_at is None:
            return Health("starting", None, self._refused_files)
        since_seconds = self._now_seconds() - self._synced_at
        status = "ok" if since_seconds < STALE_SECONDS else "no sync"
        return Health(status, round(since_seconds, 1), self._refused_files)

    def metrics(self) -> str:
        """The numbers in the text format Prometheus reads (version 0.0.4)."""
        health = self.health()
        up_seconds = self._now_seconds() - self._begun_at
        lines = [
            "# TYPE hearth_up_seconds gauge",
            f"hearth_up_seconds {up_seconds:.0f}",
            "# TYPE hearth_healthy gauge",
            f"hearth_healthy {int(health.is_well)}",
            "# TYPE hearth_workflow_files_refused gauge",
            f"hearth_workflow_files_refused {self._refused_files}",
        ]
        if health.seconds_since_sync is not None:
            lines += [
                "# TYPE hearth_seconds_since_sync gauge",
                f"hearth_seconds_since_sync {health.seconds_since_sync}",
            ]
        for counter, number in self._counts.items():
            lines += [f"# TYPE hearth_{counter}_total counter", f"hearth_{counter}_total {number}"]
        return "\n".join(lines) + "\n"
