"""The web door tells how the house is, and nothing about anybody."""

from __future__ import annotations

import json

import aiohttp
import pytest

from bridge.http import Counter, PortTaken, Pulse, serving
from bridge.http.pulse import STALE_SECONDS


class Watch:
    """A clock that is turned by hand, in seconds."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as web, web.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def test_health_follows_the_sync() -> None:
    watch = Watch()
    pulse = Pulse(watch)
    async with serving(pulse, "127.0.0.1", 0) as port:
        assert await get(port, "/health") == (
            503,
            '{"status":"starting","seconds_since_sync":null,"workflow_files_refused":0}',
        )
        pulse.note_sync()
        watch.seconds += 12.5
        pulse.note_refused_files(2)
        assert await get(port, "/health") == (
            200,
            '{"status":"ok","seconds_since_sync":12.5,"workflow_files_refused":2}',
        )
        watch.seconds += STALE_SECONDS
        status, text = await get(port, "/health")
        assert (status, json.loads(text)["status"]) == (503, "no sync")


async def test_metrics_are_numbers_only() -> None:
    pulse = Pulse(Watch())
    pulse.note_sync()
    pulse.count(Counter.SENT, 3)
    pulse.note_refused_files(1)
    async with serving(pulse, "127.0.0.1", 0) as port:
        status, text = await get(port, "/metrics")
    assert status == 200
    values = dict(line.split(" ") for line in text.splitlines() if not line.startswith("#"))
    assert values["hearth_events_sent_total"] == "3"
    assert values["hearth_syncs_total"] == "1"
    assert values["hearth_healthy"] == "1"
    assert values["hearth_workflow_files_refused"] == "1"
    assert not set("@!#$:") & set("".join(values)), "no Matrix id can stand in there"


async def test_anything_else_is_not_there() -> None:
    async with serving(Pulse(), "127.0.0.1", 0) as port:
        assert (await get(port, "/"))[0] == 404
        assert (await get(port, "/health/../metrics"))[0] == 200
        assert (await get(port, "/metrics/people"))[0] == 404


async def test_a_port_that_is_taken_is_said() -> None:
    async with serving(Pulse(), "127.0.0.1", 0) as port:
        with pytest.raises(PortTaken, match=f"127.0.0.1 port {port}"):
            async with serving(Pulse(), "127.0.0.1", port):
                pass
