"""Webhooks: signed, timely, once, and never more than their person could write themselves."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bridge.http import Hooks, Pulse, serving
from bridge.http.hooks import (
    MOST_BYTES,
    SIGNATURE,
    TIMESTAMP,
    WINDOW_SECONDS,
    Answer,
    Beginning,
    Errand,
    Hook,
    Report,
    description,
    secret_of,
    signature_of,
)
from engine.core.limits import USUAL

NOW = 1_800_266_400
SECRET = secret_of(bytes(32), "calendar", 1)
HOOK = Hook("calendar", "@ana:x", ("happened", "invite"), SECRET)
HAPPENED = {"type": "report", "id": "r1", "word": "happened", "uid": "abc@hearth"}
PRIVATE = "something nobody else should read"


class Diary:
    """Takes errands and writes them down."""

    def __init__(self) -> None:
        self.taken: list[Errand] = []
        self.answer = Answer("done")

    async def carry_out(self, hook: Hook, errand: Errand) -> Answer:
        self.taken.append(errand)
        return self.answer


class Place:
    """The hooks as they are served: a clock that is turned by hand, and a diary."""

    def __init__(self, hooks: Hooks, diary: Diary, port: int, time: list[float]) -> None:
        self.hooks = hooks
        self.diary = diary
        self.url = f"http://127.0.0.1:{port}"
        self.time = time

    async def call(
        self,
        body: object,
        *,
        name: str = "calendar",
        secret: str = SECRET,
        at: float = NOW,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = {
            "Content-Type": "application/json",
            TIMESTAMP: f"{at:.0f}",
            SIGNATURE: signature_of(secret, f"{at:.0f}", raw),
            **(headers or {}),
        }
        async with (
            aiohttp.ClientSession() as web,
            web.post(f"{self.url}/hooks/{name}", data=raw, headers=signed) as answer,
        ):
            return answer.status, await answer.json()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    time, diary = [float(NOW)], Diary()
    hooks = Hooks((HOOK,), lambda: time[0])
    hooks.errands = diary
    async with serving(Pulse(), "127.0.0.1", 0, hooks) as port:
        yield Place(hooks, diary, port, time)


async def test_what_is_signed_and_in_time_is_carried_out(place: Place) -> None:
    assert await place.call(HAPPENED) == (202, {"outcome": "done", "why": ""})
    begin = {"type": "begin", "id": "b1", "word": "invite", "people": ["@ben:x"], "words": "Soup"}
    assert (await place.call(begin))[0] == 202
    assert place.diary.taken == [
        Report("r1", "happened", "abc@hearth"),
        Beginning("b1", "invite", ("@ben:x",), words="Soup"),
    ]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"secret": "another"}, "does not fit"),
        ({"headers": {SIGNATURE: ""}}, "does not fit"),
        ({"headers": {SIGNATURE: "sha256=é"}}, "does not fit"),
        ({"headers": {TIMESTAMP: "yesterday"}}, "seconds since 1970"),
        ({"at": NOW - WINDOW_SECONDS - 1}, "seconds away"),
        ({"at": NOW + WINDOW_SECONDS + 1}, "seconds away"),
        ({"headers": {TIMESTAMP: str(NOW + 1)}}, "does not fit"),
    ],
    ids=["secret", "none", "odd", "no time", "late", "early", "other time"],
)
async def test_what_is_not_signed_or_not_of_now_is_refused(
    place: Place, changed: dict[str, Any], why: str
) -> None:
    status, said = await place.call(HAPPENED, **changed)
    assert status == 401
    assert why in said["why"]
    assert place.diary.taken == []


async def test_whoever_cannot_sign_cannot_use_up_what_the_caller_may_ask(place: Place) -> None:
    for _ in range(USUAL.hook_calls_per_minute + 5):
        assert (await place.call(HAPPENED, secret="guessed"))[0] == 401
    assert (await place.call(HAPPENED))[0] == 202


async def test_more_than_a_hook_may_ask_has_to_wait_and_then_goes_on(place: Place) -> None:
    for _ in range(USUAL.hook_calls_per_minute):
        assert (await place.call(HAPPENED))[0] == 202
    status, said = await place.call(HAPPENED)
    assert (status, said["outcome"]) == (429, "refused")
    place.time[0] += 60 / USUAL.hook_calls_per_minute
    assert (await place.call(HAPPENED, at=place.time[0]))[0] == 202
    assert (await place.call(HAPPENED, at=place.time[0]))[0] == 429


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff\xfe", 400),
        ([], 400),
        ({**HAPPENED, "id": "a b"}, 400),
        ({**HAPPENED, "more": 1}, 400),
        ({**HAPPENED, "word": ""}, 400),
        ({"type": "begin", "id": "b", "word": "invite", "people": ["ben"]}, 400),
        ({**HAPPENED, "word": "cancel"}, 403),
        (b" " * (MOST_BYTES + 1), 413),
        (b"[" * 10_000, 400),
    ],
)
async def test_a_body_that_is_not_as_described_is_refused_in_plain_words(
    place: Place, body: object, status: int
) -> None:
    found, said = await place.call(body)
    assert (found, bool(said["why"])) == (status, True)
    assert place.diary.taken == []


async def test_no_hook_another_type_and_a_house_that_is_not_ready_are_said(place: Place) -> None:
    assert (await place.call(HAPPENED, name="nobody"))[0] == 404
    assert (await place.call(HAPPENED, headers={"Content-Type": "text/plain"}))[0] == 415
    place.hooks.errands = None
    assert (await place.call(HAPPENED))[0] == 503


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer("again"), 200),
        (Answer("refused", "no"), 409),
        (Answer("nothing", "x"), 404),
        (Answer("later"), 503),
    ],
    ids=lambda each: getattr(each, "outcome", each),
)
async def test_what_became_of_it_is_the_status(place: Place, answer: Answer, status: int) -> None:
    place.diary.answer = answer
    assert (await place.call(HAPPENED))[0] == status


async def test_words_reach_no_log_and_no_answer(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    begin = {"type": "begin", "id": "b1", "word": "invite", "words": PRIVATE}
    said = [
        await place.call(begin),
        await place.call({**begin, "people": [PRIVATE]}),
        await place.call(begin, at=1),
    ]
    said.append(await place.call({**begin, "type": PRIVATE}))
    assert [status for status, _ in said] == [202, 400, 401, 400]
    assert PRIVATE not in caplog.text
    assert PRIVATE not in json.dumps(said)
    assert PRIVATE not in repr(place.diary.taken)
    assert SECRET not in repr(HOOK)


def test_a_secret_belongs_to_its_hook_and_number() -> None:
    others = [
        secret_of(bytes(32), "calendar", 2),
        secret_of(bytes(32), "other", 1),
        secret_of(b"x" * 32, "calendar", 1),
    ]
    assert len({SECRET, *others}) == 4
    assert len(SECRET) == 64


async def test_without_hooks_there_is_no_such_address() -> None:
    async with (
        serving(Pulse(), "127.0.0.1", 0, Hooks(())) as port,
        aiohttp.ClientSession() as web,
        web.get(f"http://127.0.0.1:{port}/hooks/openapi.json") as answer,
    ):
        assert answer.status == 404


async def test_the_description_holds_for_whatever_it_lets_one_send(place: Place) -> None:
    async with aiohttp.ClientSession() as web, web.get(f"{place.url}/hooks/openapi.json") as answer:
        described = await answer.json()
    assert described == json.loads(json.dumps(description()))
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=place.url)
    operation = schema["/hooks/{name}"]["POST"]
    place.hooks._wait_seconds = lambda name: 0  # type: ignore[method-assign]
    statuses: set[int] = set()

    @given(case=operation.as_strategy())
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    def holds(case: schemathesis.Case) -> None:
        for signed in (False, True):
            if signed:
                case.path_parameters["name"] = "calendar"
            kwargs = case.as_transport_kwargs(base_url=place.url)
            request = requests.Request(**kwargs).prepare()
            if signed:
                body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
                request.headers[TIMESTAMP] = str(NOW)
                request.headers[SIGNATURE] = signature_of(SECRET, str(NOW), body)
            with requests.Session() as session:
                response = session.send(request)
            statuses.add(response.status_code)
            case.validate_response(
                response,
                checks=[
                    not_a_server_error,
                    status_code_conformance,
                    content_type_conformance,
                    response_schema_conformance,
                ],
            )

    await asyncio.to_thread(holds)
    assert statuses >= {403, 404}
