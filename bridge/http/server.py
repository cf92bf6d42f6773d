"""`/health` and `/metrics` over HTTP."""

import contextlib
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from bridge.http.pulse import Pulse

SHUTDOWN_SECONDS = 2.0
PULSE = web.AppKey("pulse", Pulse)


class PortTaken(Exception):
    """The address cannot be listened on; the text says why."""


@contextlib.asynccontextmanager
async def serving(pulse: Pulse, host: str, port: int) -> AsyncIterator[int]:
    """Serve while the context lasts and yield the port, which for `port` 0 is any free one.

    Raises `PortTaken`.
    """
    app = web.Application(client_max_size=1024)
    app[PULSE] = pulse
    app.router.add_get("/health", _health)
    app.router.add_get("/metrics", _metrics)
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


async def _health(request: web.Request) -> web.Response:
    health = request.app[PULSE].health()
    return web.Response(
        body=msgspec.json.encode(health),
        content_type="application/json",
        status=200 if health.is_well else 503,
    )


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(text=request.app[PULSE].metrics(), content_type="text/plain")
