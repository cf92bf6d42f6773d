"""Finding a homeserver by its name or address, and hearing what it speaks and what time it has."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from bridge.settings import Wrong
from bridge.settings.kinds import WEB_ADDRESS

TIMEOUT_SECONDS = 15.0
MOST_BYTES = 256 * 1024

WELL_KNOWN = "/.well-known/matrix/client"
VERSIONS = "/_matrix/client/versions"


class Unreachable(Exception):
    """No homeserver answers there: `found` and `helps` are for the operator."""

    def __init__(self, found: str, helps: str) -> None:
        super().__init__(found)
        self.found = found
        self.helps = helps


@dataclass(frozen=True)
class Reached:
    """A homeserver that answers; its clock is `ahead_seconds` ahead of ours, None if it did not say."""

    url: str
    versions: tuple[str, ...]
    ahead_seconds: float | None

    @property
    def speaks(self) -> str:
        """The versions of Matrix it speaks, for people."""
        modern = [version for version in self.versions if version.startswith("v")]
        return f"Matrix {modern[0]} to {modern[-1]}" if modern else "an old Matrix only"


@dataclass(frozen=True)
class _Answer:
    status: int
    body: object
    date: str
    asked_at: float
    answered_at: float


async def find(
    name_or_address: str, now: Callable[[], float] = time.time, web: aiohttp.ClientSession | None = None
) -> Reached:
    """The homeserver meant by `example.org` (also by way of its .well-known) or by a web address.

    `web` may be given by tests. Raises `Unreachable`.
    """
    text = name_or_address.strip()
    if web is None:
        async with _web() as own:
            return await find(text, now, own)
    if "://" in text:
        return await _reach(web, text, now)
    delegated = await _delegated(web, text)
    try:
        return await _reach(web, delegated or f"https://{text}", now)
    except Unreachable as unreachable:
        if delegated is None:
            raise Unreachable(
                f"{text} names no homeserver in {WELL_KNOWN}, and {unreachable.found}",
                "give the homeserver's address, for example https://matrix.example.org",
            ) from unreachable
        raise Unreachable(
            f"{text} names {delegated} as its homeserver, and {unreachable.found}", unreachable.helps
        ) from unreachable


async def reach(address: str, now: Callable[[], float] = time.time) -> Reached:
    """The homeserver at a web address. Raises `Unreachable`."""
    async with _web() as web:
        return await _reach(web, address, now)


def _web() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"User-Agent": "hearth"}, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    )


async def _reach(web: aiohttp.ClientSession, address: str, now: Callable[[], float]) -> Reached:
    try:
        url = WEB_ADDRESS.read(address, Path())
    except Wrong as wrong:
        raise Unreachable(wrong.found, wrong.helps) from wrong
    answer = await _get(web, url + VERSIONS, now)
    versions = answer.body.get("versions") if isinstance(answer.body, dict) else None
    if answer.status != 200 or not isinstance(versions, list):
        raise Unreachable(
            f"{url} answers, but not as a Matrix homeserver does ({VERSIONS}: status {answer.status})",
            "is this the address that Matrix apps use, and does your reverse proxy pass on /_matrix?",
        )
    return Reached(url, tuple(str(version) for version in versions), _ahead(answer))


async def _delegated(web: aiohttp.ClientSession, name: str) -> str | None:
    """The address a server name points to (Matrix specification, "Server discovery"); None if it points nowhere."""
    try:
        answer = await _get(web, f"https://{name}{WELL_KNOWN}", time.time)
    except Unreachable:
        return None
    body: Any = answer.body if isinstance(answer.body, dict) else {}
    homeserver = body.get("m.homeserver")
    base = homeserver.get("base_url") if isinstance(homeserver, dict) else None
    return base if answer.status == 200 and isinstance(base, str) else None


async def _get(web: aiohttp.ClientSession, url: str, now: Callable[[], float]) -> _Answer:
    host = ""
    try:
        host = URL(url).authority
        asked_at = now()
        async with web.get(url) as response:
            answered_at = now()
            raw = await response.content.read(MOST_BYTES)
            return _Answer(
                response.status, _json(raw), response.headers.get("Date", ""), asked_at, answered_at
            )
    except aiohttp.ClientConnectorDNSError as error:
        raise Unreachable(
            f"no machine is called {host}", "check the spelling, and this machine's DNS"
        ) from error
    except aiohttp.ClientConnectorCertificateError as error:
        raise Unreachable(
            f"{host} shows a certificate that cannot be trusted",
            "renew it, or add its authority to this machine",
        ) from error
    except aiohttp.ClientSSLError as error:
        raise Unreachable(
            f"{host} does not speak TLS as it should", "if it has no certificate, write http:// in front"
        ) from error
    except TimeoutError as error:
        raise Unreachable(
            f"{host} did not answer within {TIMEOUT_SECONDS:.0f} seconds",
            "is it running, and reachable from here?",
        ) from error
    except aiohttp.ClientConnectorError as error:
        reason = os.strerror(error.os_error.errno) if error.os_error.errno else "no connection"
        raise Unreachable(
            f"nothing answers at {host} ({reason})",
            "is the homeserver running, and are address and port right?",
        ) from error
    except (aiohttp.ClientError, ValueError, OSError) as error:
        raise Unreachable(
            f"{host or url} cannot be spoken to ({type(error).__name__})", "check the homeserver's address"
        ) from error


def _json(raw: bytes) -> object:
    try:
        parsed: object = json.loads(raw)
    except ValueError:
        return None
    return parsed


def _ahead(answer: _Answer) -> float | None:
    try:
        served = parsedate_to_datetime(answer.date).timestamp()
    except (TypeError, ValueError):
        return None
    # The header has whole seconds, cut off; half a second is the middle of what it may have been.
    return served + 0.5 - (answer.asked_at + answer.answered_at) / 2
