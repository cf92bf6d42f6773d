"""The homeserver, with a finger on the pulse: every request counted and measured, no request changed."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

from bridge.http import Answer, Pulse, Request
from bridge.matrix.http import UPLOAD, Homeserver, MatrixError, RateLimited, ServerTrouble, TokenLost
from bridge.matrix.session import Session

T = TypeVar("T")

KINDS = (
    ("/sync", Request.SYNC),
    ("/sendToDevice/", Request.TO_DEVICE),
    ("/send/", Request.SEND),
    ("/redact/", Request.REDACT),
    ("/keys/", Request.KEYS),
    ("/createRoom", Request.CREATE_ROOM),
    ("/joined", Request.OTHER),
    ("/join", Request.JOIN),
    ("/invite", Request.INVITE),
    ("/messages", Request.HISTORY),
    (UPLOAD, Request.MEDIA),
)
"""What stands in the path of which request; the first that fits counts."""


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
        asked = super().request
        return await self._watch(
            kind_of(path),
            lambda: asked(method, path, query=query, body=body, timeout_seconds=timeout_seconds),
        )

    async def upload(self, content: bytes, *, timeout_seconds: float = 60.0) -> str:
        """As `Homeserver.upload`."""
        laid = super().upload
        return await self._watch(Request.MEDIA, lambda: laid(content, timeout_seconds=timeout_seconds))

    async def _watch(self, kind: Request, ask: Callable[[], Awaitable[T]]) -> T:
        begun = time.monotonic()
        try:
            answer = await ask()
        except MatrixError as error:
            if not isinstance(error, RateLimited) or error.asked:
                self.pulse.note_request(kind, _answer_of(error), time.monotonic() - begun)
            if isinstance(error, TokenLost):
                self.pulse.note_token_lost()
            raise
        self.pulse.note_request(kind, Answer.OK, time.monotonic() - begun)
        if kind is Request.SYNC:
            self.pulse.note_sync()
        return answer


def kind_of(path: str) -> Request:
    """What a request is for; no part of a path that tells a room or a person is looked at."""
    return next((kind for part, kind in KINDS if part in path), Request.OTHER)


def _answer_of(error: MatrixError) -> Answer:
    match error:
        case RateLimited():
            return Answer.RATE_LIMITED
        case ServerTrouble():
            return Answer.FAILED
        case TokenLost():
            return Answer.TOKEN_LOST
        case _:
            return Answer.REFUSED
