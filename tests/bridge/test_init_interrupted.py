"""Wherever `hearth init` is cut off, a second one finishes what the first began."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.bridge.command import Outcome, hearth
from tests.bridge.houses import Ground, lay_ground, recovery_key_in
from tests.world import Synapse

MOST_REQUESTS = 60
STEPS_TRIED = 9


class Fickle:
    """A way to the homeserver that refuses everything after some requests."""

    def __init__(self, homeserver: str, requests_left: int) -> None:
        self._homeserver = homeserver
        self.requests_left = requests_left
        self.passed_on = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.requests_left <= 0:
            return web.json_response({"errcode": "M_UNKNOWN", "error": "not now"}, status=400)
        self.requests_left -= 1
        self.passed_on += 1
        address = URL(self._homeserver + request.raw_path, encoded=True)
        headers = {name: request.headers[name] for name in ("Authorization",) if name in request.headers}
        async with (
            aiohttp.ClientSession() as client,
            client.request(request.method, address, data=await request.read(), headers=headers) as answer,
        ):
            return web.Response(
                body=await answer.read(), status=answer.status, content_type=answer.content_type
            )


@contextlib.asynccontextmanager
async def way_to(homeserver: str, requests_left: int) -> AsyncIterator[tuple[str, Fickle]]:
    """Yields the address of the way, and the way."""
    fickle = Fickle(homeserver, requests_left)
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", fickle.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", fickle
    finally:
        await runner.cleanup()


async def init(ground: Ground, folder: Path, address: str, **others: str) -> Outcome:
    answers = ground.answers(HEARTH_INIT_SERVER=address, HEARTH_HOMESERVER_URL=address, **others)
    return await hearth("init", "--unattended", "--folder", folder, **answers)


@pytest.mark.timeout(240)
async def test_cut_off_at_any_request_a_second_init_finishes(
    synapse: Synapse, tmp_path: Path, seed: int
) -> None:
    async with way_to(synapse.url, MOST_REQUESTS) as (address, way):
        whole = await init(await lay_ground(synapse), tmp_path / "whole", address)
        assert whole.status == 0, whole.text
        needed = way.passed_on
    assert needed > STEPS_TRIED
    chosen = sorted(random.Random(seed).sample(range(needed), STEPS_TRIED))
    for step in chosen:
        await cut_off_and_finished(synapse, tmp_path / str(step), step)


async def cut_off_and_finished(synapse: Synapse, folder: Path, step: int) -> None:
    ground = await lay_ground(synapse)
    async with way_to(synapse.url, step) as (address, way):
        first = await init(ground, folder, address)
        # A room that could not be joined is a remark and no failure; all before it is.
        assert first.status != 0 or "Not yet in" in first.out, f"step {step}: {first.text}"
        way.requests_left = MOST_REQUESTS
        shown = {}
        if "RECOVERY KEY" in first.out:
            shown = {"HEARTH_INIT_RECOVERY_KEY": recovery_key_in(first.out)}
        second = await init(ground, folder, address, **shown)
        assert second.status == 0, f"step {step}: {second.text}"
        doctor = await hearth("doctor", "--folder", folder)
        assert doctor.status == 0, f"step {step}: {doctor.out}"
