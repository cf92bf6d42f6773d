"""Webhooks: what an outside calendar or tool may report, or begin, on behalf of somebody who agreed to it.

Each request is signed (HMAC-SHA256 over time and body), counts within five minutes of that time only, and is taken
once: its ``id`` is remembered. What it asks for is what its person could have written themselves, and they hear of it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Protocol

import msgspec
from aiohttp import web

from engine.core.limits import USUAL, LimitName

log = logging.getLogger(__name__)

PATH = "/hooks/{name}"
DESCRIPTION = "/hooks/openapi.json"
TIMESTAMP, SIGNATURE = "X-Hearth-Timestamp", "X-Hearth-Signature"
WINDOW_SECONDS = 300
MOST_BYTES = 16_384
SCHEME = "sha256="
MOST_PEOPLE = 50

Id = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Yours to choose, and new for every report: the same one again is not done again.",
    ),
]
MatrixId = Annotated[str, msgspec.Meta(pattern=r"^@[^\s:@]{1,200}:[^\s:]{1,230}$", max_length=255)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]


class Report(msgspec.Struct, frozen=True, tag="report", tag_field="type", forbid_unknown_fields=True):
    """Something has come about: the word its person would write of it, such as `happened`."""

    id: Id
    word: Line
    uid: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9-]{1,64}@hearth$", description="The UID that the file for the calendar had."
        ),
    ]


class Beginning(msgspec.Struct, frozen=True, tag="begin", tag_field="type", forbid_unknown_fields=True):
    """A workflow is to begin, as if its person wrote its word, whom it is for, and what it is about."""

    id: Id
    word: Line
    people: Annotated[tuple[MatrixId, ...], msgspec.Meta(max_length=MOST_PEOPLE)] = ()
    everyone: bool = False
    words: Annotated[str, msgspec.Meta(max_length=2_000)] = ""

    def __repr__(self) -> str:
        return f"Beginning(id={self.id!r}, word={self.word!r})"


Errand = Report | Beginning

Became = Literal["done", "again", "refused", "nothing", "later"]
"""What became of an errand: done; taken before; not possible now; about nothing that is known; try again later."""


class Answer(msgspec.Struct, frozen=True):
    """What a caller hears: what became of it, and in plain words why where it was not done."""

    outcome: Became
    why: str = ""


class Hook(msgspec.Struct, frozen=True):
    """One caller: for whom it acts, which words it may use, and the secret it signs with."""

    name: str
    acts_for: str
    may: tuple[str, ...]
    secret: str

    def __repr__(self) -> str:
        return f"Hook({self.name!r}, for {self.acts_for!r})"


class Errands(Protocol):
    """Carries out what a hook asks for."""

    async def carry_out(self, hook: Hook, errand: Errand) -> Answer: ...


def secret_of(master_key: bytes, name: str, number: int) -> str:
    """The secret of a hook, in hexadecimal: it follows from the master key, so that nothing has to be kept.

    Another ``number`` gives another secret, and the one before is worth nothing any more.
    """
    return hmac.digest(master_key, f"hearth webhook\n{name}\n{number}".encode(), hashlib.sha256).hex()


def signature_of(secret: str, timestamp: str, body: bytes) -> str:
    """What stands in the header `X-Hearth-Signature`."""
    return SCHEME + hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()


class Hooks:
    """The hooks of a house over HTTP; ``errands`` None: the house is not ready yet."""

    def __init__(
        self,
        hooks: tuple[Hook, ...],
        now_seconds: Callable[[], float] = time.time,
        *,
        per_minute: int = USUAL.hook_calls_per_minute,
    ) -> None:
        """``per_minute``: requests that one hook may make, and as many at once."""
        self._hooks = {hook.name: hook for hook in hooks}
        self._now_seconds = now_seconds
        self._per_minute = per_minute
        self._tokens = {hook.name: (float(per_minute), now_seconds()) for hook in hooks}
        self.errands: Errands | None = None
        self.on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None
        """Hears when a hook calls more often than that."""

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def routes(self) -> list[web.RouteDef]:
        """Where they answer."""
        return [web.get(DESCRIPTION, self._describe), web.post(PATH, self._take)]

    async def _describe(self, request: web.Request) -> web.Response:
        return _json(200, description(self._per_minute))

    async def _take(self, request: web.Request) -> web.Response:
        hook = self._hooks.get(request.match_info["name"])
        if hook is None:
            return _no(404, "there is no hook of this name")
        if request.content_type != "application/json":
            return _no(415, "send application/json")
        body = await _read(request)
        if body is None:
            return _no(413, f"at most {MOST_BYTES} bytes")
        wrong = self._unsigned(hook, request.headers, body)
        if wrong is not None:
            log.debug("a request to the hook %s is refused: %s", hook.name, wrong)
            return _no(401, wrong)
        # Only what is signed counts: otherwise a stranger could keep the caller out.
        wait_seconds = self._wait_seconds(hook.name)
        if wait_seconds:
            self.on_limit("hook_calls_per_minute", 1)
            more = {"Retry-After": str(wait_seconds)}
            return _no(429, f"at most {self._per_minute} requests a minute", more)
        try:
            errand = msgspec.json.decode(body, type=Errand)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _no(400, _plainly(error))
        if errand.word not in hook.may:
            return _no(403, "this hook may not use that word")
        if self.errands is None:
            return _no(503, "not ready yet", {"Retry-After": "5"})
        return _said(await self.errands.carry_out(hook, errand))

    def _wait_seconds(self, name: str) -> int:
        """Take one request off what a hook may make; how long it has to wait where nothing is left."""
        left, then = self._tokens[name]
        now = self._now_seconds()
        left = min(float(self._per_minute), left + max(0.0, now - then) * self._per_minute / 60)
        if left < 1:
            self._tokens[name] = left, now
            return max(1, round((1 - left) * 60 / self._per_minute))
        self._tokens[name] = left - 1, now
        return 0

    def _unsigned(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why a request is not taken for the hook's; None if it is."""
        timestamp, signature = headers.get(TIMESTAMP, ""), headers.get(SIGNATURE, "")
        if not re.fullmatch(r"[0-9]{1,12}", timestamp):
            return f"{TIMESTAMP} has to be the time, in seconds since 1970"
        expected = signature_of(hook.secret, timestamp, body)
        if not hmac.compare_digest(signature.encode(errors="replace"), expected.encode()):
            return f"{SIGNATURE} does not fit"
        if abs(self._now_seconds() - int(timestamp)) > WINDOW_SECONDS:
            return f"{TIMESTAMP} is more than {WINDOW_SECONDS} seconds away from our time"
        return None


async def _read(request: web.Request) -> bytes | None:
    body = await request.content.read(MOST_BYTES + 1)
    while len(body) <= MOST_BYTES:
        more = await request.content.read(MOST_BYTES + 1 - len(body))
        if not more:
            return body
        body += more
    return None


def _plainly(error: Exception) -> str:
    """What is wrong with a body, without what stood in it."""
    if isinstance(error, msgspec.ValidationError):
        return re.sub(r"Invalid value '.*'", "Invalid value", str(error), flags=re.DOTALL)[:300]
    return "the body is no JSON"


STATUS: dict[Became, int] = {"done": 202, "again": 200, "refused": 409, "nothing": 404, "later": 503}


def _said(answer: Answer) -> web.Response:
    return _json(STATUS[answer.outcome], msgspec.to_builtins(answer))


def _no(status: int, why: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return _json(status, {"outcome": "refused", "why": why}, headers)


def _json(status: int, body: object, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(body),
        content_type="application/json",
        headers=dict(headers or {}),
    )


# ── the description ──────────────────────────────────────────────────────────


def description(per_minute: int = USUAL.hook_calls_per_minute) -> dict[str, Any]:
    """The hooks in OpenAPI 3.1, made from the values above."""
    (body, answer), components = msgspec.json.schema_components(
        (Errand, Answer), ref_template="#/components/schemas/{name}"
    )
    said = {
        "200": "It was taken before, and is not done again.",
        "202": "Done; the person it acts for has heard of it.",
        "400": "The body is not as described.",
        "401": "The signature does not fit, or the time is too far away.",
        "403": "This hook may not use that word.",
        "404": "There is no such hook, or nothing is known under that UID (any more).",
        "409": "It cannot be done as things stand.",
        "413": f"More than {MOST_BYTES} bytes.",
        "415": "Not application/json.",
        "429": f"More than {per_minute} requests a minute; `Retry-After` says how long to wait.",
        "503": "Not ready, or nothing can be stored at present; try again.",
    }
    content = {"application/json": {"schema": answer}}
    responses = {status: {"description": says, "content": content} for status, says in said.items()}
    header = {"in": "header", "required": True}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hearth's webhooks",
            "version": "1",
            "description": "Report that something came about, or begin a workflow, on behalf of one person.",
        },
        "paths": {
            PATH: {
                "post": {
                    "operationId": "carryOut",
                    "summary": "Report something, or begin a workflow.",
                    "parameters": [
                        {
                            "name": "name",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,30}$"},
                        },
                        {
                            **header,
                            "name": TIMESTAMP,
                            "description": "When this was sent, in seconds since 1970.",
                            "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
                        },
                        {
                            **header,
                            "name": SIGNATURE,
                            "description": "`sha256=` and, in hexadecimal, HMAC-SHA256 of the timestamp, a full stop "
                            "and the body, with the hook's secret as it was shown.",
                            "schema": {"type": "string", "pattern": "^sha256=[0-9a-f]{64}$"},
                        },
                    ],
                    "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                    "responses": responses,
                }
            }
        },
        "components": {"schemas": components},
    }
