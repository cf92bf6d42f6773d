"""One request to the homeserver, and the patience to try again."""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, Protocol, Self, TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from bridge.matrix.clock import Clock
from bridge.matrix.text import as_dict, as_number, as_text, read_json

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_BYTES = 256 * 1024 * 1024
"""Largest answer that is read; a first sync of a large account may well be tens of megabytes."""


class MatrixError(Exception):
    """Something the homeserver said or failed to say.

    ```
    MatrixError
     ├── Refused        it answered no: `status`, `errcode`, `answer` (the body); asking again changes nothing
     ├── RateLimited    429: asking again makes sense after `retry_after_ms` (None: it did not say)
     ├── ServerTrouble  5xx, an HTML page, no connection, a timeout, an answer that is no JSON: ask again later
     └── TokenLost      our access token is no longer valid (`soft_logout`): only the operator can help
    ```

    The text of an exception carries method, path, status and errcode, never tokens or what people wrote.
    """


class Refused(MatrixError):
    """The homeserver understood and said no."""

    def __init__(self, where: str, status: int, errcode: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{where}: {status} {errcode}")
        self.status = status
        self.errcode = errcode
        self.answer = answer


class RateLimited(MatrixError):
    """The homeserver asks us to wait; or it would, so that it was not `asked`."""

    def __init__(self, where: str, retry_after_ms: int | None, *, asked: bool = True) -> None:
        super().__init__(f"{where}: rate limited, retry after {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms
        self.asked = asked


class ServerTrouble(MatrixError):
    """The homeserver, or the way to it, is out of order."""


class TokenLost(MatrixError):
    """Our access token is no longer valid; with `soft_logout` the device and its keys live on after a new login."""

    def __init__(self, where: str, soft_logout: bool) -> None:
        super().__init__(f"{where}: the access token is no longer valid (soft logout: {soft_logout})")
        self.soft_logout = soft_logout


UPLOAD = "/_matrix/media/v3/upload"

Limited = Literal["messages", "rooms", "joins", "invites"]
"""What homeservers limit, each by itself."""


class Pacer(Protocol):
    """Knows how fast the homeserver lets us go, and learns it from every answer; `engine.runtime.pace.Pace` is one."""

    def begin(self, kind: Limited) -> int:
        """0: a request of this kind may go; otherwise how long to wait, in milliseconds."""

    def accepted(self, kind: Limited) -> None:
        """One that had begun was carried out."""

    def refused(self, kind: Limited, retry_after_ms: int | None) -> None:
        """One that had begun was answered with 429."""

    def failed(self, kind: Limited) -> None:
        """One that had begun ended in any other way."""


def limited_as(method: str, path: str) -> Limited | None:
    """Which limit a request counts against; None for what is not limited, or in no way we would notice."""
    if method == "GET":
        return None
    if path.endswith("/createRoom"):
        return "rooms"
    if path.endswith("/join") or "/client/v3/join/" in path:
        return "joins"
    if path.endswith("/invite"):
        return "invites"
    if "/rooms/" in path and any(part in path for part in ("/send/", "/redact/", "/state/")):
        return "messages"
    return None


def path(*parts: str) -> str:
    """A path below `/_matrix/client/v3` with every part escaped: `path("rooms", room_id, "state")`."""
    return "/_matrix/client/v3/" + "/".join(quote(part, safe="") for part in parts)


class Homeserver:
    """One homeserver, spoken to as one user; each `request` is exactly one HTTP request."""

    def __init__(self, url: str, web: aiohttp.ClientSession, *, access_token: str | None = None) -> None:
        self.url = url.rstrip("/")
        self._web = web
        self._access_token = access_token
        self.pacer: Pacer | None = None
        """Set: what it says may not go yet is `RateLimited` without having been asked."""
        self.require_leave: Callable[[], None] = lambda: None
        """Called before each request; raises where nothing may be said any more."""

    def __repr__(self) -> str:
        return f"Homeserver({self.url!r})"

    @classmethod
    async def connect(cls, url: str, *, access_token: str | None = None) -> Self:
        """Open the connection pool; `close` it when done. No request is made yet."""
        web = aiohttp.ClientSession(headers={"User-Agent": "hearth"}, cookie_jar=aiohttp.DummyCookieJar())
        return cls(url, web, access_token=access_token)

    def authorised(self, access_token: str) -> "Homeserver":
        """The same homeserver over the same connections, spoken to with another token."""
        return type(self)(self.url, self._web, access_token=access_token)

    async def close(self) -> None:
        await self._web.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 30.0,
    ) -> dict[str, Any]:
        """Send one request and return the JSON object of the answer; raises a `MatrixError`.

        Nothing is retried here. A cancelled call may or may not have reached the homeserver. The few answers that
        are an array come back as `{"items": […]}`.
        """
        self.require_leave()
        data = None
        if method != "GET":
            data = json.dumps(body or {}, ensure_ascii=False, separators=(",", ":")).encode()
        kind, pacer = limited_as(method, path), self.pacer
        if kind is None or pacer is None:
            return await self._exchange(method, path, query, data, "application/json", timeout_seconds)
        wait_ms = pacer.begin(kind)
        if wait_ms:
            raise RateLimited(f"{method} {path} (not asked)", wait_ms, asked=False)
        try:
            answer = await self._exchange(method, path, query, data, "application/json", timeout_seconds)
        except RateLimited as limited:
            pacer.refused(kind, limited.retry_after_ms)
            raise
        except BaseException:
            pacer.failed(kind)
            raise
        pacer.accepted(kind)
        return answer

    async def upload(self, content: bytes, *, timeout_seconds: float = 60.0) -> str:
        """Lay a file (most often one that is encrypted already) in the media repository; its `mxc://` address.

        Raises a `MatrixError`. A file that is uploaded twice lies there twice, which nobody sees.
        """
        kind = "application/octet-stream"
        answer = await self._exchange("POST", UPLOAD, None, content, kind, timeout_seconds)
        address = as_text(answer.get("content_uri"))
        if address is None:
            raise ServerTrouble(f"POST {UPLOAD}: an answer without `content_uri`")
        return address

    async def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        data: bytes | None,
        kind: str,
        timeout_seconds: float,
    ) -> dict[str, Any]:
        where = f"{method} {path}"
        headers = {"Authorization": f"Bearer {self._access_token}"} if self._access_token else {}
        if data is not None:
            headers["Content-Type"] = kind
        try:
            async with self._web.request(
                method,
                _whole_url(self.url + path, query),
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            ) as response:
                raw = await _read(response, where)
                return _answer(where, response.status, response.headers, raw)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ServerTrouble(f"{where}: {type(error).__name__}") from error


def _whole_url(address: str, query: Mapping[str, str] | None) -> URL:
    # The path is already escaped; a second pass would undo "%2F" in room aliases.
    return URL(address, encoded=True).with_query(dict(query or {}))


async def _read(response: aiohttp.ClientResponse, where: str) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in response.content.iter_chunked(1 << 18):
        size += len(piece)
        if size > MOST_BYTES:
            raise ServerTrouble(f"{where}: the answer is larger than {MOST_BYTES} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _answer(where: str, status: int, headers: Mapping[str, str], raw: bytes) -> dict[str, Any]:
    try:
        parsed = read_json(raw)
    except ValueError:
        parsed = None
    body = as_dict(parsed)
    if status == 429:
        raise RateLimited(where, _retry_after_ms(headers, body))
    if isinstance(parsed, list) and 200 <= status < 300:
        return {"items": parsed}
    if not isinstance(parsed, dict):
        raise ServerTrouble(f"{where}: {status} without a JSON object")
    if 200 <= status < 300:
        return body
    errcode = as_text(body.get("errcode")) or "M_UNKNOWN"
    if errcode == "M_LIMIT_EXCEEDED":
        raise RateLimited(where, _retry_after_ms(headers, body))
    if status >= 500 or status < 400:
        raise ServerTrouble(f"{where}: {status} {errcode}")
    # A 401 with "flows" asks for the password (user-interactive authentication); the token is fine then.
    if errcode in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"} or (status == 401 and "flows" not in body):
        raise TokenLost(where, body.get("soft_logout") is True)
    raise Refused(where, status, errcode, body)


def _retry_after_ms(headers: Mapping[str, str], body: Mapping[str, Any]) -> int | None:
    """`Retry-After` (seconds or a date) or the body's older `retry_after_ms`, whichever is there."""
    said = as_number(body.get("retry_after_ms"))
    if said is not None and said >= 0:
        return said
    header = headers.get("Retry-After", "").strip()
    if header.isdecimal() and len(header) < 10:
        return int(header) * 1000
    try:
        until = parsedate_to_datetime(header)
        served = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max(0, int((until - served).total_seconds() * 1000))


class Patience:
    """Tries an idempotent call again while the homeserver is in trouble or asks us to wait.

    Waits grow from `first_seconds` (never under one second) to `longest_seconds`, with up to half of each taken off
    or added at random. While the homeserver is in trouble, callers try one after another, so that all of them
    together ask less than once a second; the first success lets the others through at once. A rate limit longer than
    `longest_seconds` is raised at once: whoever keeps the queue knows better what to do meanwhile. After `end` nobody
    waits any more.
    """

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        *,
        attempts: int = 5,
        first_seconds: float = 2.0,
        longest_seconds: float = 60.0,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._attempts = attempts
        self._first_seconds = max(2.0, first_seconds)
        self._longest_seconds = longest_seconds
        self._troubles = 0
        self._due_ms = 0
        self._one_by_one = asyncio.Lock()
        self._ended = asyncio.Event()

    def end(self) -> None:
        """We are stopping: whoever waits, now or later, is given the error instead of another try."""
        self._ended.set()

    async def __call__(self, call: Callable[[], Awaitable[T]], *, waits_for_limits: bool = True) -> T:
        """Await `call()` until it answers; raises its last error after `attempts` tries.

        Without `waits_for_limits` a rate limit is raised at once: whoever keeps a queue sends something else meanwhile.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._in_turn(call)
            except ServerTrouble as error:
                wait_seconds = self._note_trouble()
                if attempt == self._attempts or self._ended.is_set():
                    raise
                log.warning("attempt %d: %s; again in %.1f s", attempt, error, wait_seconds)
            except RateLimited as error:
                wait_seconds = self.wait_seconds(attempt, error)
                too_long = not waits_for_limits or wait_seconds > self._longest_seconds * 1.5
                if attempt == self._attempts or too_long:
                    raise
                log.info("attempt %d: %s; again in %.1f s", attempt, error, wait_seconds)
                await self._pause(wait_seconds)
                if self._ended.is_set():
                    raise
        raise AssertionError("the loop above returns or raises")

    async def once(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` one time, in its turn: for whoever keeps a queue of tries of their own."""
        try:
            return await self._in_turn(call)
        except ServerTrouble:
            self._note_trouble()
            raise

    def _note_trouble(self) -> float:
        """One more failure; how long everybody waits because of it, in seconds."""
        self._troubles += 1
        wait_seconds = self.wait_seconds(self._troubles)
        self._due_ms = self._clock.now_ms() + int(wait_seconds * 1000)
        return wait_seconds

    async def _in_turn(self, call: Callable[[], Awaitable[T]]) -> T:
        if not self._troubles:
            return await call()
        async with self._one_by_one:
            if self._troubles:
                await self._pause(max(0.0, (self._due_ms - self._clock.now_ms()) / 1000))
                if self._ended.is_set():
                    raise ServerTrouble("the homeserver was in trouble when we stopped")
            try:
                answer = await call()
            except ServerTrouble:
                raise
            except MatrixError:
                self._troubles = 0
                raise
            self._troubles = 0
            return answer

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until `end`."""
        waits = [
            asyncio.ensure_future(self._clock.pause(seconds)),
            asyncio.ensure_future(self._ended.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def wait_seconds(self, attempt: int, error: Exception | None = None) -> float:
        """How long to wait after the `attempt`-th failure (counted from 1), in seconds."""
        grown: float = min(self._longest_seconds, self._first_seconds * 2 ** min(attempt - 1, 20))
        jittered: float = grown * self._chance.uniform(0.5, 1.5)
        if isinstance(error, RateLimited) and error.retry_after_ms is not None:
            return max(1.0, error.retry_after_ms / 1000 + self._chance.uniform(0, 0.25))
        return max(1.0, jittered)
