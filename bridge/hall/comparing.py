"""From the door's news about comparing keys to the desk of whoever compares, and what `trust` shows."""

from __future__ import annotations

import hashlib
import logging

from bridge.clock import HouseTime
from bridge.hall.keyhole import Acquaintances
from bridge.matrix import verification
from bridge.matrix.client import MatrixClient
from bridge.views.trust import Mirror, OwnDevice
from engine.core.desk import Compared, Comparing
from engine.runtime.line import StraightLine
from engine.runtime.ports import ToDesk, Unavailable

log = logging.getLogger(__name__)


def mirror_of(client: MatrixClient) -> Mirror:
    """What `trust` shows: the device this client is, as others see it."""
    own, cipher = client.session, client.cipher

    def look() -> OwnDevice:
        signed = cipher.trust.is_signed(own.user_id, own.device_id)
        return OwnDevice(own.device_id, cipher.machine.signing_key, signed)

    return look


class ComparingDesk:
    """Lays on people's desks what `bridge.matrix.verification` tells."""

    def __init__(self, line: StraightLine, people: Acquaintances, clock: HouseTime) -> None:
        self._line = line
        self._people = people
        self._clock = clock

    async def tell(self, news: verification.Comparing | verification.Compared) -> None:
        """Hand one piece of news to the straight line; the same twice is told once.

        Without the database it is left out: whoever compares sees it come to nothing, and begins again.
        """
        try:
            await self._hand_on(news)
        except Unavailable as error:
            log.warning("news of comparing keys with %s is lost: %s", news.user_id, error)

    async def _hand_on(self, news: verification.Comparing | verification.Compared) -> None:
        event = _event(news)
        named = hashlib.sha256(f"{news.user_id}\n{news.transaction_id}".encode()).hexdigest()[:32]
        kind = "shown" if isinstance(event, Comparing) else "over"
        arrival = ToDesk(
            id=f"compare:{kind}:{named}",
            occurred_ms=self._clock.now_ms(),
            person=await self._people.learn(news.user_id),
            event=event,
        )
        await self._line.submit([arrival])


def _event(news: verification.Comparing | verification.Compared) -> Comparing | Compared:
    match news:
        case verification.Comparing():
            return Comparing(news.emoji, news.decimals)
        case verification.Compared():
            return Compared(news.outcome)
