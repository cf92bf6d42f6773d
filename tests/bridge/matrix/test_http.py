"""One request, its errors, and the patience around it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from bridge.matrix.http import Homeserver, Patience, RateLimited, Refused, ServerTrouble, TokenLost, path

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class JumpingClock:
    """A clock whose pauses take no time but move it on."""

    def __init__(self) -> None:
        self.ms = 1_000_000
        self.pauses: list[float] = []

    def now_ms(self) -> int:
        return self.ms

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.ms += int(seconds * 1000)
        await asyncio.sleep(0)


@pytest.fixture
async def served() -> AsyncIterator[Callable[..., Awaitable[Homeserver]]]:
    runners, servers = [], []

    async def serve(answer: web.StreamResponse | Answer) -> Homeserver:
        async def handle(request: web.Request) -> web.StreamResponse:
            return answer if isinstance(answer, web.StreamResponse) else await answer(request)

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        homeserver = await Homeserver.connect(
            f"http://127.0.0.1:{runner.addresses[0][1]}", access_token="syt_secret"
        )
        servers.append(homeserver)
        return homeserver

    yield serve
    for homeserver in servers:
        await homeserver.close()
    for runner in runners:
        await runner.cleanup()


def json(status: int, body: object, **headers: str) -> web.Response:
    return web.json_response(
        body, status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (json(500, {"errcode": "M_UNKNOWN"}), ServerTrouble),
        (web.Response(status=502, text="<html>Bad Gateway</html>", content_type="text/html"), ServerTrouble),
        (web.Response(status=200, text="<html>please log in to this network</html>"), ServerTrouble),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), ServerTrouble),
        (web.Response(status=401, text="<html>proxy</html>"), ServerTrouble),
        (json(401, {"errcode": "M_UNKNOWN_TOKEN"}), TokenLost),
        (json(403, {"errcode": "M_UNKNOWN_TOKEN"}), TokenLost),
        (json(401, {"flows": [], "session": "s"}), Refused),
        (json(403, {"errcode": "M_FORBIDDEN"}), Refused),
        (json(404, {"errcode": 7}), Refused),
        (json(429, {}), RateLimited),
    ],
)
async def test_every_answer_becomes_the_error_that_says_what_to_do(served, answer, error) -> None:
    homeserver = await served(answer)
    with pytest.raises(error) as raised:
        await homeserver.request("GET", path("sync"))
    assert "syt_secret" not in f"{raised.value!r} {raised.value} {homeserver!r}"


@pytest.mark.parametrize(
    ("answer", "retry_after_ms"),
    [
        (json(429, {"retry_after_ms": 1500}), 1500),
        (json(429, {}, Retry_After="3"), 3000),
        (json(429, {"retry_after_ms": "soon"}, Retry_After="2"), 2000),
        (web.Response(status=429, text="<html>slow down</html>", headers={"Retry-After": "4"}), 4000),
        (
            json(
                429,
                {},
                Retry_After="Wed, 21 Oct 2026 07:28:09 GMT",
                Date="Wed, 21 Oct 2026 07:28:00 GMT",
            ),
            9000,
        ),
        (json(429, {}), None),
    ],
)
async def test_a_rate_limit_names_its_wait_wherever_the_server_wrote_it(
    served, answer, retry_after_ms
) -> None:
    homeserver = await served(answer)
    with pytest.raises(RateLimited) as raised:
        await homeserver.request("PUT", path("x"), body={})
    assert raised.value.retry_after_ms == retry_after_ms


async def test_no_connection_and_no_answer_in_time_are_server_trouble(served) -> None:
    async def sleep(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    homeserver = await served(sleep)
    with pytest.raises(ServerTrouble):
        await homeserver.request("GET", path("sync"), timeout_seconds=0.05)
    gone = await Homeserver.connect("http://127.0.0.1:1")
    with pytest.raises(ServerTrouble):
        await gone.request("GET", path("sync"))
    await gone.close()


async def test_ids_are_escaped_once_in_paths_and_values_in_queries(served) -> None:
    seen: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return json(200, {})

    homeserver = await served(note)
    await homeserver.request(
        "GET", path("rooms", "!a/b%:x", "state"), query={"from": "s1_2+3&x", "filter": '{"a":"é"}'}
    )
    assert seen[0].startswith("/_matrix/client/v3/rooms/%21a%2Fb%25%3Ax/state?")
    assert "s1_2%2B3%26x" in seen[0] or "s1_2+3%26x" not in seen[0]


async def test_a_call_is_repeated_while_the_server_fails_with_growing_waits_of_a_second_or_more() -> None:
    clock = JumpingClock()
    failures = 6

    async def call() -> str:
        nonlocal failures
        failures -= 1
        if failures:
            raise ServerTrouble("x")
        return "done"

    patience = Patience(clock, random.Random(1), attempts=10)
    assert await patience(call) == "done"
    assert len(clock.pauses) == 5
    assert min(clock.pauses) >= 1.0
    assert clock.pauses[-1] > clock.pauses[0]


async def test_many_callers_together_ask_a_failing_server_less_than_once_a_second() -> None:
    clock = JumpingClock()
    began_ms, asked, up = clock.ms, [], False

    async def call() -> None:
        asked.append(clock.ms)
        if not up:
            raise ServerTrouble("x")

    patience = Patience(clock, random.Random(1), attempts=8)
    with pytest.raises(ServerTrouble):
        await patience(call)
    outcomes = await asyncio.gather(*(patience(call) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, ServerTrouble) for outcome in outcomes)
    assert len(asked) <= (clock.ms - began_ms) / 1000
    up = True
    pauses = len(clock.pauses)
    await asyncio.gather(*(patience(call) for _ in range(20)))
    assert len(clock.pauses) <= pauses + 1


async def test_a_refusal_is_not_repeated_and_a_long_rate_limit_is_left_to_the_caller() -> None:
    clock = JumpingClock()
    patience = Patience(clock, random.Random(1))

    async def refuse() -> None:
        raise Refused("x", 403, "M_FORBIDDEN", {})

    async def limit() -> None:
        raise RateLimited("x", 3_600_000)

    with pytest.raises(Refused):
        await patience(refuse)
    with pytest.raises(RateLimited):
        await patience(limit)
    assert not clock.pauses
