"""Leases on bot accounts without a disk, and the store as somebody sees it who speaks under one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.core.values import Ms
from engine.runtime.ports import Held, Lease, Superseded

FENCED = frozenset({"commit", "free_claims", "claim", "seal", "mark_sent", "postpone", "bury"})
"""What only whoever has the lease may do."""


def _monotonic_ms() -> Ms:
    return time.monotonic_ns() // 1_000_000


@dataclass
class _Entry:
    holder: str
    epoch: int
    since_ms: Ms
    until_ms: Ms
    moves: int = 0
    heard: bool = False


@dataclass
class MemoryLeases:
    """Implements ``engine.runtime.ports.Leases``, except for ``under``; ``now_ms`` is the clock of all who ask."""

    now_ms: Callable[[], Ms] = _monotonic_ms
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def take(self, account: str, holder: str, lease_ms: Ms) -> Lease | None:
        """See ``Leases.take_lease``."""
        now_ms, found = self.now_ms(), self._entries.get(account)
        if found is not None and found.until_ms > now_ms:
            return None
        epoch, moves = (1, 0) if found is None else (found.epoch + 1, found.moves)
        self._entries[account] = _Entry(holder, epoch, now_ms, now_ms + lease_ms, moves)
        return Lease(account, holder, epoch)

    def renew(self, lease: Lease, lease_ms: Ms, *, heard: bool = False) -> bool:
        """See ``Leases.renew_lease``."""
        if not self.is_held(lease):
            return False
        entry = self._entries[lease.account]
        entry.until_ms, entry.heard = self.now_ms() + lease_ms, heard
        return True

    def end(self, lease: Lease) -> None:
        """See ``Leases.end_lease``."""
        if self.is_held(lease):
            self._entries[lease.account].until_ms = self.now_ms()

    def of(self, account: str) -> Held | None:
        """See ``Leases.lease_of``."""
        found, now_ms = self._entries.get(account), self.now_ms()
        if found is None:
            return None
        left_ms = found.until_ms - now_ms
        return Held(found.holder, found.epoch, now_ms - found.since_ms, left_ms, found.moves, found.heard)

    def note_move(self, lease: Lease) -> None:
        """Rows of the bridge's own were committed under it."""
        self._entries[lease.account].moves += 1

    def is_held(self, lease: Lease) -> bool:
        """Whether nobody else has taken it since."""
        found = self._entries.get(lease.account)
        return found is not None and found.epoch == lease.epoch


class Speaking:
    """A store in memory for whoever speaks; see ``Leases.under``."""

    def __init__(self, store: Any, leases: MemoryLeases, lease: Lease) -> None:
        self._store = store
        self._leases = leases
        self._lease = lease

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._store, name)
        if name not in FENCED:
            return inner

        async def fenced(*arguments: Any, **more: Any) -> Any:
            if not self._leases.is_held(self._lease):
                raise Superseded(
                    f"{self._lease.account}: another process has taken over from epoch {self._lease.epoch}"
                )
            answer = await inner(*arguments, **more)
            if name == "commit" and arguments[0].kept:
                self._leases.note_move(self._lease)
            return answer

        return fenced
