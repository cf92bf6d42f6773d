"""`/health/live`, `/health/ready`, `/metrics` and the webhooks over HTTP."""

import contextlib
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from bridge.http.hooks import MOST_BYTES, Hooks
from bridge.http.pulse import Pulse

SHUTDOWN_SECONDS = 2.0
LIVE, READY, METRICS = "/health/live", "/health/ready", "/metrics"
PULSE = web.AppKey("pulse", Pulse)


class PortTaken(Exception):
    """The address cannot be listened on; the text says why."""


@contextlib.asynccontextmanager
async def serving(pulse: Pulse, host: str, port: int, hooks: Hooks | None = None) -> AsyncIterator[int]:
    """Serve while the context lasts and yield the port, which for `port` 0 is any free one.

    Raises `PortTaken`.
    """
    app = web.Application(client_max_size=MOST_BYTES)
    app[PULSE] = pulse
    app.router.add_get(LIVE, _live)
    app.router.add_get(READY, _ready)
    app.router.add_get(METRICS, _metrics)
    if hooks:
        app.add_routes(hooks.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise PortTaken(f"{host} port {port}: {error.strerror}") from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _live(request: web.Request) -> web.Response:
    """That this answers is the answer: the process runs, and its loop turns."""
    return web.json_response({"live": True})


async def _ready(request: web.Request) -> web.Response:
    readiness = await request.app[PULSE].readiness()
    return web.Response(
        body=msgspec.json.encode(readiness),
        content_type="application/json",
        status=200 if readiness.ready else 503,
    )


async def _metrics(request: web.Request) -> web.Response:
    text = await request.app[PULSE].metrics()
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
