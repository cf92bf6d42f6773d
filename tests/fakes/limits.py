"""Rate limits as Synapse counts them (`synapse.api.ratelimiting`): a bucket that leaks; a 429 that names the wait."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LeakyBucket:
    """Allows `burst` requests at once and then `per_second`; `per_second` 0 allows everything."""

    per_second: float
    burst: int
    _level: float = field(default=0.0, init=False)
    _at_ms: float = field(default=0.0, init=False)

    def ask(self, now_ms: float) -> int | None:
        """Count one request; how long it should have waited, in milliseconds, if it is refused."""
        if not self.per_second:
            return None
        self._level = max(0.0, self._level - (now_ms - self._at_ms) * self.per_second / 1000)
        self._at_ms = now_ms
        if self._level > self.burst - 1:
            return int((self._level - self.burst + 1) * 1000 / self.per_second)
        self._level += 1
        return None
