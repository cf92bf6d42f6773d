"""Who speaks: a lease on a bot account, with an epoch that fences off whoever had it before."""

from __future__ import annotations

from typing import Protocol

import msgspec

from engine.core.values import Ms
from engine.runtime.ports.cellar import Cellar


class Superseded(Exception):
    """Another process speaks for the account now: nothing was written, and nothing more may be said."""


class Lease(msgspec.Struct, frozen=True):
    """The leave to speak for a bot account, until it ends or is taken over.

    ``epoch`` grows by one whenever somebody takes it; it is the fencing token of everything written under it
    (M. Kleppmann, "How to do distributed locking", 2016).
    """

    account: str
    holder: str
    epoch: int


class Held(msgspec.Struct, frozen=True):
    """Who has the lease at present."""

    holder: str
    epoch: int
    held_ms: Ms
    """For how long already."""
    left_ms: Ms
    """For how long still, unless it is renewed; 0 and less: it has ended."""
    moves: int
    """How often rows of the bridge's own were committed under any lease on this account."""
    heard: bool = False
    """Whether all that happened before it was last renewed had been heard and committed by then."""


class Leases(Protocol):
    """Lends the leave to speak. Time is the store's own, one clock for all who ask."""

    async def take_lease(self, account: str, holder: str, lease_ms: Ms) -> Lease | None:
        """Take it, if nobody has it or whoever had it let it end; None if somebody has it."""

    async def renew_lease(self, lease: Lease, lease_ms: Ms, *, heard: bool = False) -> bool:
        """Keep it for so long from now on; False: somebody else has taken it. One that has ended, and that nobody has
        taken, is kept. ``heard``: see ``Held``.
        """

    async def end_lease(self, lease: Lease) -> None:
        """Give it back at once; nothing happens if it is somebody else's by now."""

    async def lease_of(self, account: str) -> Held | None:
        """Who has it or had it last; None if nobody ever had."""

    def under(self, lease: Lease) -> Cellar:
        """The same store, for whoever speaks: ``commit``, ``claim``, ``seal``, ``mark_sent``, ``postpone`` and ``bury``
        raise ``Superseded``, and write nothing, once the lease has been taken by another. That it has merely ended
        changes nothing: nobody else can have spoken.
        """
