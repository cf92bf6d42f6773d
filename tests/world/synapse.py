"""A real Synapse on 127.0.0.1, made for one test run and gone afterwards."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

SERVER_NAME = "hearth.test"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
REQUEST_SECONDS = 30.0
PORT_ATTEMPTS = 3
LOG_LINES_SHOWN = 30
NUMBERS_LENT = 1_000_000
PROJECT_FOLDER = Path(__file__).resolve().parents[2]

Limits = Literal["off", "default"]


class SynapseFailure(Exception):
    """Synapse did not start or did not stop; the message ends with the tail of its log."""


class HomeserverRefusal(Exception):
    """The homeserver answered with something other than success; `status` and `errcode` say what."""

    def __init__(self, method: str, path: str, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.errcode = str(body.get("errcode", ""))
        super().__init__(f"{method} {path} → {status} {self.errcode} {body.get('error', '')}".rstrip())


@dataclass(frozen=True)
class Account:
    """A registered account with its first device, ready to be used or to log in again."""

    homeserver: str
    user_id: str
    password: str = field(repr=False)
    access_token: str = field(repr=False)
    device_id: str

    @property
    def localpart(self) -> str:
        """The name between @ and the colon."""
        return self.user_id[1:].split(":", 1)[0]


class Synapse:
    """A homeserver in a folder of its own, as a context manager (`with` or `async with`).

    `limits="off"` lifts every rate limit, `"default"` leaves Synapse's own. With `keep` it is left running,
    and its folder in place, when the context ends; otherwise it ends with this process, also when that is
    killed. Several may run at the same time. Raises SynapseFailure when it is not up within START_SECONDS.
    """

    def __init__(self, *, limits: Limits = "off", keep: bool = False) -> None:
        self.limits: Limits = limits
        self.keep = keep
        self.folder = Path()
        self.port = 0
        self._secret = secrets.token_hex(16)
        self._operator: Account | None = None
        self._one_operator = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._first = 1
        self._numbers = itertools.count(self._first)
        self._is_borrowed = False

    @property
    def url(self) -> str:
        """The address clients use."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The number of the running process, None when there is none."""
        return None if self._process is None else self._process.pid

    def next_number(self) -> int:
        """A number this homeserver has not given before, to keep the names of several worlds apart."""
        return next(self._numbers)

    def lend(self, nth: int) -> str:
        """What another process needs to use this one while it runs (`borrowed`); each ``nth`` has names of its own."""
        return json.dumps([self.port, str(self.folder), self._secret, self._first + nth * NUMBERS_LENT])

    @classmethod
    def borrowed(cls, lent: str) -> Self:
        """The running Synapse of the process that gave us this; it neither starts nor ends with us."""
        made = cls()
        made.port, folder, made._secret, made._first = json.loads(lent)
        made.folder, made._is_borrowed = Path(folder), True
        made._numbers = itertools.count(made._first)
        return made

    # ── its life ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Make the folder, start Synapse and return when it answers."""
        if self._is_borrowed:
            return
        assert self._process is None, "this Synapse is already running"
        self.folder = Path(tempfile.mkdtemp(prefix="hearth-synapse-"))
        try:
            self._start_on_some_port()
        except BaseException:
            self._end_process()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def stop(self) -> None:
        """Stop Synapse and remove its folder, or with `keep` leave both; a borrowed one is another's to stop."""
        if self._is_borrowed:
            return
        if self.keep and self._process is not None and self._process.poll() is None:
            # Popen warns when a running child is forgotten; this one is meant to outlive us.
            self._process.returncode = 0
            self._process = None
            return
        self._end_process()
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self, limits: Limits) -> None:
        """Stop it and start it again with everything it knows, but with these limits."""
        assert not self._is_borrowed, "somebody else is using it"
        self._end_process()
        self.limits = limits
        path = self.folder / "homeserver.yaml"
        fresh, kept = self._configuration(), json.loads(path.read_text())
        path.write_text(json.dumps({name: kept.get(name, fresh[name]) for name in fresh}, indent=1))
        self._spawn()
        if not self._comes_up():
            raise SynapseFailure(f"Synapse did not start again on port {self.port}:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """The last lines Synapse wrote, for messages of failure."""
        lines: list[str] = []
        for name in ("output.log", "homeserver.log"):
            with contextlib.suppress(FileNotFoundError):
                lines += (self.folder / name).read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(f"    {line}" for line in lines) or "    (Synapse wrote nothing)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        starting = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            if starting.exception() is None:
                await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.stop))

    def _start_on_some_port(self) -> None:
        for attempt in range(1, PORT_ATTEMPTS + 1):
            with _reserved_port() as self.port:
                self._write_files()
                self._spawn()
                if self._comes_up():
                    return
            taken = (
                "address already in use" in self.log_tail().lower() or "CannotListenError" in self.log_tail()
            )
            self._end_process()
            if not taken or attempt == PORT_ATTEMPTS:
                raise SynapseFailure(f"Synapse did not start on port {self.port}:\n{self.log_tail()}")

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "tests.world.homeserver", "-c", str(self.folder / "homeserver.yaml")]
        if not self.keep:
            command.append("--while-stdin-is-open")
        with (self.folder / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT_FOLDER,
                stdin=subprocess.DEVNULL if self.keep else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is for us; we then stop Synapse in order.
                start_new_session=True,
            )

    def _comes_up(self) -> bool:
        """Wait for /health; False when the process ended or the time is over."""
        assert self._process is not None
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at:
            if self._process.poll() is not None:
                return False
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
            try:
                connection.request("GET", "/health")
                if connection.getresponse().status == http.client.OK:
                    return True
            except OSError:
                # Not listening yet. There is nothing to wait on but time; the process is watched above.
                time.sleep(0.02)
            finally:
                connection.close()
        return False

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _write_files(self) -> None:
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (self.folder / "signing.key").write_text(f"ed25519 a_{secrets.token_hex(2)} {seed}\n")
        # JSON is YAML, so no YAML library is needed.
        (self.folder / "log.yaml").write_text(json.dumps(_logging(self.folder), indent=1))
        (self.folder / "homeserver.yaml").write_text(json.dumps(self._configuration(), indent=1))

    def _configuration(self) -> dict[str, Any]:
        unlimited = {"per_second": 1_000_000, "burst_count": 1_000_000}
        limits: dict[str, Any] = {
            **dict.fromkeys(
                (
                    "rc_message",
                    "rc_registration",
                    "rc_admin_redaction",
                    "rc_joins_per_room",
                    "rc_key_requests",
                    "rc_third_party_invite",
                    "rc_media_create",
                    "rc_room_creation",
                    "rc_reports",
                    "rc_user_directory",
                ),
                unlimited,
            ),
            "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), unlimited),
            "rc_joins": dict.fromkeys(("local", "remote"), unlimited),
            "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), unlimited),
        }
        return {
            "server_name": SERVER_NAME,
            "public_baseurl": self.url,
            "listeners": [
                {
                    "port": self.port,
                    "type": "http",
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "homeserver.db")}},
            "signing_key_path": str(self.folder / "signing.key"),
            "media_store_path": str(self.folder / "media"),
            "log_config": str(self.folder / "log.yaml"),
            "registration_shared_secret": self._secret,
            "macaroon_secret_key": secrets.token_hex(16),
            "form_secret": secrets.token_hex(16),
            "report_stats": False,
            "suppress_key_server_warning": True,
            "trusted_key_servers": [],
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            "max_upload_size": "1M",
            "bcrypt_rounds": 4,
            "background_updates": {"sleep_enabled": False},
            **(limits if self.limits == "off" else {}),
        }

    # ── its accounts ──────────────────────────────────────────────────────────────────────────────

    async def register(self, name: str, *, display_name: str | None = None, admin: bool = False) -> Account:
        """Register an account with a random password through the shared secret; no rate limit applies to it.

        Raises HomeserverRefusal, for example when the name is taken.
        """
        return await asyncio.to_thread(self._register, name, display_name or name.capitalize(), admin)

    async def exempt(self, user_id: str) -> None:
        """Lift the rate limits for one account, as an operator would (admin `override_ratelimit`)."""
        operator = await asyncio.to_thread(self._the_operator)
        path = f"/_synapse/admin/v1/users/{user_id}/override_ratelimit"
        body = {"messages_per_second": 0, "burst_count": 0}
        await asyncio.to_thread(self.request, "POST", path, body, token=operator.access_token)

    def request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """One blocking call of the homeserver's API; raises HomeserverRefusal on anything but success."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise HomeserverRefusal(method, path, response.status, answer)
        return answer

    def _the_operator(self) -> Account:
        with self._one_operator:
            if self._operator is None:
                self._operator = self._register(f"operator{self._first}", "Operator", admin=True)
            return self._operator

    def _register(self, name: str, display_name: str, admin: bool) -> Account:
        path = "/_synapse/admin/v1/register"
        nonce = self.request("GET", path)["nonce"]
        password = secrets.token_urlsafe(9)
        signed = "\0".join([nonce, name, password, "admin" if admin else "notadmin"]).encode()
        mac = hmac.new(self._secret.encode(), signed, hashlib.sha1).hexdigest()
        answer = self.request(
            "POST",
            path,
            {
                "nonce": nonce,
                "username": name,
                "displayname": display_name,
                "password": password,
                "admin": admin,
                "mac": mac,
            },
        )
        return Account(self.url, answer["user_id"], password, answer["access_token"], answer["device_id"])


@contextlib.contextmanager
def _reserved_port() -> Iterator[int]:
    """A free port that nobody else is given while the context lasts.

    On Linux a socket that is bound but does not listen keeps the port out of everyone's automatic choice,
    and still lets a server that sets SO_REUSEADDR, as Synapse's does, listen there.
    """
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        port: int = reservation.getsockname()[1]
        if sys.platform != "linux":
            reservation.close()
        yield port


def _logging(folder: Path) -> dict[str, Any]:
    handler = {
        "class": "logging.FileHandler",
        "filename": str(folder / "homeserver.log"),
        "formatter": "plain",
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"file": handler},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }
