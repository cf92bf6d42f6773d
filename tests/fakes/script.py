"""How a homeserver can fail: each behaviour stands between a request and its honest answer."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.fakes.limits import LeakyBucket

Honest = Callable[[], Awaitable[web.StreamResponse]]
"""Carries the request out and gives the answer it deserves."""

Behaviour = Callable[[web.Request, Honest], Awaitable[web.StreamResponse]]

BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Asked:
    """One request as the homeserver saw it; `status` 0: it got no answer."""

    method: str
    path: str
    user_id: str
    at_ms: int
    status: int


def answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.json_response(body, status=status, headers=dict(headers or {}))


class Refuse(Exception):
    """The homeserver says no."""

    def __init__(self, status: int, errcode: str, error: str = "", **more: Any) -> None:
        super().__init__(f"{status} {errcode} {error}")
        self.status, self.errcode, self.error, self.more = status, errcode, error or errcode, more


async def read_body(request: web.Request) -> dict[str, Any]:
    """The JSON object that was sent; nothing counts as an empty one."""
    try:
        body: Any = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refuse(400, "M_NOT_JSON") from error
    if not isinstance(body, dict):
        raise Refuse(400, "M_BAD_JSON")
    return body


def refusal(status: int, errcode: str, error: str = "", **more: Any) -> web.Response:
    """A refusal in the form every Matrix client knows."""
    return answer(status, {"errcode": errcode, "error": error or errcode, **more})


# ── behaviours ───────────────────────────────────────────────────────────────


def says(status: int, errcode: str = "M_UNKNOWN", **more: Any) -> Behaviour:
    """Answers with an error and does nothing."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        return refusal(status, errcode, **more)

    return behave


def shows_page(status: int = 502, text: str = BAD_GATEWAY) -> Behaviour:
    """A proxy in front of it shows a page of HTML."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type="text/html")

    return behave


def limits(*, header_seconds: int | None = None, body_ms: int | None = None) -> Behaviour:
    """429, which names its wait in the `Retry-After` header, in the body's older field, in both, or nowhere."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        more = {} if body_ms is None else {"retry_after_ms": body_ms}
        headers = {} if header_seconds is None else {"Retry-After": str(header_seconds)}
        return answer(429, {"errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", **more}, headers)

    return behave


def paces(bucket: LeakyBucket) -> Behaviour:
    """Limits as Synapse does: what the bucket does not allow is answered 429 with the wait until it will."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        wait_ms = bucket.ask(time.monotonic() * 1000)
        if wait_ms is None:
            return await honest()
        return refusal(429, "M_LIMIT_EXCEEDED", "Too Many Requests", retry_after_ms=wait_ms)

    return behave


def loses_token(*, soft: bool = False) -> Behaviour:
    """The access token is no longer valid."""
    return says(401, "M_UNKNOWN_TOKEN", soft_logout=soft)


def hangs() -> Behaviour:
    """Takes the request and never answers."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return behave


def resets() -> Behaviour:
    """Breaks the connection off."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        raise ConnectionResetError

    return behave


def garbles(text: str = '{"next_batch": "s1') -> Behaviour:
    """200 with something that is no JSON."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        return web.Response(text=text, content_type="application/json")

    return behave


def changes(change: Callable[[dict[str, Any]], Any]) -> Behaviour:
    """Tells the truth, changed by a function of the answer's JSON."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        truth = await honest()
        assert isinstance(truth, web.Response)
        return answer(truth.status, change(json.loads(truth.text or "{}")))

    return behave


def done_but_says(status: int = 500) -> Behaviour:
    """Does what it was asked for and then answers with an error."""

    async def behave(request: web.Request, honest: Honest) -> web.StreamResponse:
        await honest()
        return refusal(status, "M_UNKNOWN")

    return behave


class Held:
    """A place where requests are held: `arrived` when one is there, `release` lets all go on."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let every held request, and every later one, be answered."""
        self._released.set()

    async def __call__(self, request: web.Request, honest: Honest) -> web.StreamResponse:
        self.arrived.set()
        await self._released.wait()
        return await honest()


def holds() -> Held:
    """Holds requests back until released."""
    return Held()


# ── when they apply ──────────────────────────────────────────────────────────


@dataclass
class Scripted:
    """A behaviour and the requests it is for; as a context manager it ends with the context."""

    behaviour: Behaviour
    end: Callable[["Scripted"], None]
    at: str = ""
    """Part of the path below `/_matrix/client`; empty for every request."""
    method: str = ""
    by: str = ""
    """The user who asks; empty for everybody."""
    times_left: int | None = None
    met: int = field(default=0, init=False)
    """How many requests it has met."""

    def fits(self, method: str, path: str, user_id: str) -> bool:
        """Whether it stands in the way of this request."""
        return (
            self.at in path
            and self.method in ("", method)
            and self.by in ("", user_id)
            and self.times_left != 0
        )

    def meet(self) -> None:
        """Count one request."""
        self.met += 1
        if self.times_left is not None:
            self.times_left -= 1

    def stop(self) -> None:
        """From now on the truth again."""
        self.end(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
