"""One of several processes speaks for a bot account; the others are ready to take over.

The leave to speak is a lease in the store (``engine.runtime.ports.Leases``), kept by renewing it long before it ends.
Whoever cannot renew it in time falls silent by its own clock, before anybody else may speak; whoever did not notice,
because it was stopped or cut off meanwhile, is fenced off by the lease's epoch at its next write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from engine.core.values import SECOND_MS, Ms
from engine.runtime.ports import Lease, Leases, Superseded, Unavailable
from engine.runtime.waking import first_of

log = logging.getLogger(__name__)

LEASE_MS: Ms = 6 * SECOND_MS
"""How long nobody speaks, at most, when whoever spoke has died."""
RENEW_MS: Ms = 2 * SECOND_MS
LOOK_MS: Ms = SECOND_MS
"""How often those who wait look whether it is their turn."""
STALE_MS: Ms = 5 * SECOND_MS
"""How old, at least, what a waiting process knows of rooms and people is when it looks again."""


class Speaker:
    """Takes its turn to speak for one account, and keeps it."""

    def __init__(
        self,
        leases: Leases,
        account: str,
        holder: str,
        *,
        lease_ms: Ms = LEASE_MS,
        monotonic: Callable[[], float] | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """``holder`` names this process, as operators will read it; ``monotonic`` counts seconds, and ``pause`` lets
        some pass: the event loop's unless given. Nothing here goes by the time of day, which may be put back.
        """
        self._leases = leases
        self._account = account
        self._holder = holder
        self._lease_ms = lease_ms
        self._monotonic = monotonic or asyncio.get_running_loop().time
        self._pause = pause
        self._safe_until = 0.0
        """Until when, by our own clock, nobody else can have taken the lease."""

    async def take(self) -> Lease | None:
        """The leave to speak, if nobody has it; None also while the store cannot be asked."""
        asked = self._monotonic()
        try:
            lease = await self._leases.take_lease(self._account, self._holder, self._lease_ms)
        except Unavailable as error:
            log.warning("who speaks cannot be found out at present (%s)", error)
            return None
        if lease is not None:
            self._safe_until = asked + self._lease_ms / 1000
            log.info("%s speaks for %s from now on (epoch %d)", self._holder, self._account, lease.epoch)
        return lease

    async def turn(self, stop: asyncio.Event) -> Lease | None:
        """Wait for the leave to speak. None: told to stop, or so much has been said meanwhile that it is time to look
        at rooms and people anew.
        """
        began, first = self._monotonic(), await self._moves()
        while not stop.is_set():
            lease = await self.take()
            if lease is not None:
                return lease
            if (self._monotonic() - began) * 1000 >= STALE_MS and await self._moves() != first:
                return None
            await self._wait(stop, LOOK_MS)
        return None

    async def _wait(self, stop: asyncio.Event, pause_ms: Ms) -> None:
        """Until that is over, or ``stop``."""

        async def pause() -> None:
            await self._pause(pause_ms / 1000)

        await first_of(stop.wait(), pause())

    async def _moves(self) -> int:
        try:
            held = await self._leases.lease_of(self._account)
        except Unavailable:
            return -1
        return 0 if held is None else held.moves

    async def hold(
        self, lease: Lease, stop: asyncio.Event, heard: Callable[[], bool] = lambda: False
    ) -> None:
        """Keep it until ``stop``. ``heard``: whether all that happened has been heard by now, for the others.

        Raises:
            Superseded: somebody else has it, or may have it by now.
        """
        pause_ms = RENEW_MS
        while not stop.is_set():
            await self._wait(stop, pause_ms)
            if stop.is_set():
                return
            asked = self._monotonic()
            try:
                async with asyncio.timeout(max(0.1, self._safe_until - asked)):
                    kept = await self._leases.renew_lease(lease, self._lease_ms, heard=heard())
            except (Unavailable, TimeoutError) as error:
                if self._monotonic() >= self._safe_until:
                    raise Superseded(f"{self._account}: the lease could not be renewed in time") from error
                pause_ms = LOOK_MS // 2
                continue
            if not kept:
                raise Superseded(f"{self._account}: another process has taken over from epoch {lease.epoch}")
            self._safe_until, pause_ms = asked + self._lease_ms / 1000, RENEW_MS

    def require_leave(self) -> None:
        """Before anything is said: by our own clock nobody else can have begun to speak.

        Raises:
            Superseded: the lease may be somebody else's by now, as after a sleep of the machine.
        """
        if self._monotonic() >= self._safe_until:
            raise Superseded(f"{self._account}: the lease was not renewed in time")

    async def unheard_ms(self) -> Ms | None:
        """How far back, at most, lies what whoever speaks may not have heard and committed yet; None if they have not
        caught up.

        Raises:
            Unavailable: the store cannot be asked.
        """
        held = await self._leases.lease_of(self._account)
        return None if held is None or not held.heard else max(0, self._lease_ms - held.left_ms)

    async def give_back(self, lease: Lease) -> None:
        """Let others speak at once; what cannot be given back ends by itself."""
        try:
            await self._leases.end_lease(lease)
        except Unavailable as error:
            log.warning("the leave to speak ends by itself in %d s (%s)", self._lease_ms // 1000, error)
