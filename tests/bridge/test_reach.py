"""Finding the homeserver: by name, by address, and with a plain word for whatever stands in the way."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridge.cli.reach import VERSIONS, WELL_KNOWN, Unreachable, find, reach

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOW = 1_800_000_000.0


@asynccontextmanager
async def answering(
    routes: dict[str, Handler], certificate: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """A web server on this machine; yields `host:port`."""
    app = web.Application()
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def json_of(body: object, **headers: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, headers=headers)

    return answer


def status_of(status: int, text: str = "") -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, content_type="text/html")

    return answer


MATRIX = json_of({"versions": ["r0.6.1", "v1.1", "v1.15"]})


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of its own making, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(encoded + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=file)


async def test_a_server_name_leads_to_the_homeserver_it_names(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    server, trusting = certificate
    async with (
        answering({VERSIONS: MATRIX}) as there,
        answering({WELL_KNOWN: json_of({"m.homeserver": {"base_url": f"http://{there}/"}})}, server) as name,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as client,
    ):
        found = await find(name, web=client)
    assert found.url == f"http://{there}"
    assert found.speaks == "Matrix v1.1 to v1.15"


@pytest.mark.parametrize(
    "well_known",
    [status_of(404), json_of([]), json_of({"m.homeserver": "x"}), status_of(200, "<html>"), status_of(500)],
)
async def test_a_server_name_that_names_nobody_is_tried_itself(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext], well_known: Handler
) -> None:
    server, trusting = certificate
    async with (
        answering({VERSIONS: MATRIX, WELL_KNOWN: well_known}, server) as name,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as client,
    ):
        assert (await find(name, web=client)).url == f"https://{name}"


async def test_a_certificate_that_nobody_vouches_for_is_said(
    certificate: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with answering({VERSIONS: MATRIX}, certificate[0]) as there:
        with pytest.raises(Unreachable, match="shows a certificate that cannot be trusted"):
            await reach(f"https://{there}")
        with pytest.raises(Unreachable, match=r"names no homeserver in .*, and .* certificate"):
            await find(there)


@pytest.mark.parametrize(
    "answer",
    [status_of(502, "<html>Bad Gateway</html>"), status_of(404), json_of({}), json_of([]), status_of(200)],
)
async def test_something_that_is_no_homeserver_is_said_with_its_status(answer: Handler) -> None:
    async with answering({VERSIONS: answer}) as there:
        with pytest.raises(
            Unreachable, match=r"answers, but not as a Matrix homeserver does .*status \d+"
        ) as no:
            await reach(f"http://{there}")
    assert "reverse proxy" in no.value.helps


async def test_plain_http_spoken_to_as_https_is_said() -> None:
    async with answering({VERSIONS: MATRIX}) as there:
        with pytest.raises(Unreachable, match="does not speak TLS") as no:
            await reach(f"https://{there}")
    assert "http://" in no.value.helps


@pytest.mark.parametrize(
    "address", ["http://", "http://[::1", "ftp://example.org", "http://exa mple", "http://x:99999"]
)
async def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(Unreachable) as no:
        await reach(address)
    assert no.value.helps


async def test_the_clock_of_the_homeserver_is_compared_with_ours() -> None:
    date = "Fri, 15 Jan 2027 08:00:00 GMT"
    ours = datetime.datetime(2027, 1, 15, 8, 0, 40, tzinfo=datetime.UTC).timestamp()
    async with answering({VERSIONS: json_of({"versions": ["v1.1"]}, Date=date)}) as there:
        found = await reach(f"http://{there}", now=lambda: ours)
    assert found.ahead_seconds == pytest.approx(-39.5)
    async with answering({VERSIONS: json_of({"versions": ["v1.1"]}, Date="yesterday")}) as there:
        assert (await reach(f"http://{there}", now=lambda: NOW)).ahead_seconds is None
