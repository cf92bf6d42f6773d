"""The homeserver, with a finger on the pulse: every request counted, no request changed."""

from collections.abc import Mapping
from typing import Any, Self

from bridge.http import Counter, Pulse
from bridge.matrix.http import Homeserver, MatrixError, RateLimited, ServerTrouble
from bridge.matrix.session import Session


class WatchedHomeserver(Homeserver):
    """A homeserver whose answers the pulse hears of; made by `watched`."""

    pulse: Pulse

    @classmethod
    async def watched(cls, session: Session, pulse: Pulse) -> Self:
        """The homeserver of a session, counted in `pulse`; close it when done."""
        homeserver = await cls.connect(session.homeserver, access_token=session.access_token)
        assert isinstance(homeserver, cls)
        homeserver.pulse = pulse
        return homeserver

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 30.0,
    ) -> dict[str, Any]:
        """As `Homeserver.request`."""
        try:
            answer = await super().request(
                method, path, query=query, body=body, timeout_seconds=timeout_seconds
            )
        except MatrixError as error:
            self.pulse.count(_counter_of(error))
            raise
        if path.endswith("/sync"):
            self.pulse.note_sync()
        elif method == "PUT" and "/send/" in path:
            self.pulse.count(Counter.SENT)
        return answer


def _counter_of(error: MatrixError) -> Counter:
    if isinstance(error, RateLimited):
        return Counter.RATE_LIMITED
    return Counter.TROUBLE if isinstance(error, ServerTrouble) else Counter.REFUSED
