"""An independent encrypted Matrix client for tests: matrix-js-sdk with its Rust crypto, as a child process.

`js/peer.mjs` is the client; `JsPeer` starts it, speaks JSON lines with it and always reaps it. It needs Node
18 or newer, and `npm ci` once in `tests/peers/js` (`make test` does that).
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar

import msgspec
import pytest

from tests.peers.reading import DeviceTrust, Invite, Message, Reaction, Room, Shield, UserTrust

__all__ = [
    "DeviceTrust",
    "Invite",
    "JsPeer",
    "JsPeerError",
    "Message",
    "Reaction",
    "Room",
    "Shield",
    "UserTrust",
    "assert_device_signed_by_owner",
    "npm_reason",
    "require_js_peer",
]

HERE: Final = Path(__file__).parent / "js"
NODE_MAJOR_MIN: Final = 18
COMMAND_SECONDS: Final = 60.0
WAIT_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
LINE_BYTES_MAX: Final = 16 * 1024 * 1024
KEPT_EVENTS_MAX: Final = 10_000
LOG_TAIL_LINES: Final = 40
RUN_NPM: Final = ": run `npm ci` in tests/peers/js (`make test` does)"

Json = dict[str, Any]
Value = TypeVar("Value")


class RestoredBackup(msgspec.Struct, frozen=True):
    """Room keys in the backup, those of them that could be read, and whether it is trusted as the account's."""

    total: int
    imported: int
    trusted: bool


class JsPeerError(AssertionError):
    """The peer refused a command, died or fell silent; the message holds the end of its log."""


class JsPeer:
    """One account on a new device: logged in and, unless told otherwise, cross-signed and strict.

    `strict` excludes devices that their owner has not signed, in both directions. It needs a signed device
    of its own, else the SDK sends nothing: with `cross_sign=False` call `bootstrap` or `recover`, then
    `set_strict`. What the peer tells unasked collects in `events`: dicts with `event` one of message,
    reaction, redaction, edit, invite, joined, fault. A fault fails the peer, at the latest when the context
    ends.
    """

    def __init__(
        self,
        homeserver_url: str,
        user: str,
        password: str,
        *,
        strict: bool = True,
        cross_sign: bool = True,
    ) -> None:
        if strict and not cross_sign:
            raise ValueError("a strict peer sends only from a signed device: give strict=False, too")
        self.homeserver_url = homeserver_url
        self.user = user
        self.user_id = ""
        self.device_id = ""
        self.events: deque[Json] = deque(maxlen=KEPT_EVENTS_MAX)
        self._password = password
        self._strict = strict
        self._cross_sign = cross_sign
        self._faults: list[str] = []
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._resources = contextlib.ExitStack()
        self._log_path: Path | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._start()
            logged_in = await self.call(
                "login", homeserver=self.homeserver_url, user=self.user, password=self._password
            )
            self.user_id, self.device_id = logged_in["user_id"], logged_in["device_id"]
            if self._cross_sign:
                await self.bootstrap()
            if self._strict:
                await self.set_strict(True)
        except BaseException:
            await self._reap()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._faults:
                self._fail(f"reported {len(self._faults)} faults: {'; '.join(self._faults)}")
        finally:
            await self._reap()

    # Account and devices ------------------------------------------------------------------------------------

    async def set_strict(self, on: bool) -> None:
        """Exclude devices that their owner has not signed, or include them again."""
        await self.call("strict", on=on)

    async def bootstrap(self, *, secret_storage: bool = False, replace: bool = False) -> str | None:
        """Give the account cross-signing keys and sign this device; returns the recovery key if stored in 4S.

        Refuses where the account has keys that this device does not hold, unless told to `replace` them.
        """
        answer = await self.call("bootstrap", secret_storage=secret_storage, replace=replace)
        return msgspec.convert(answer["recovery_key"], str | None)

    async def recover(self, recovery_key: str) -> None:
        """Sign this device with the keys the account keeps in secret storage (4S); never makes new ones."""
        await self.call("recover", recovery_key=recovery_key)

    async def restore_backup(self, recovery_key: str) -> RestoredBackup:
        """Take in the room keys the account has backed up; `recover` with the same key comes first."""
        answer = await self.call("restore_backup", recovery_key=recovery_key)
        return msgspec.convert(answer, RestoredBackup)

    async def withhold(self, on: bool = True) -> None:
        """Give room keys only to devices this user has verified; needs a peer that is not strict."""
        await self.call("withhold", on=on)

    async def turn_key(self, room: str) -> None:
        """From the next message on, use another key in a room."""
        await self.call("turn_key", room=room)

    async def device_trust(
        self, user: str, device: str, *, signed: bool = False, timeout_seconds: float = WAIT_SECONDS
    ) -> DeviceTrust:
        """What the peer holds of a device, once it knows it; with `signed`, once its owner has signed it.

        It knows the devices of those it shares an encrypted room with.
        """
        return await self._wait(
            "device_trust", DeviceTrust, timeout_seconds, user=user, device=device, signed=signed
        )

    async def user_trust(self, user: str) -> UserTrust:
        """What the peer holds of a user's identity."""
        return msgspec.convert(await self.call("user_trust", user=user), UserTrust)

    # Rooms --------------------------------------------------------------------------------------------------

    async def create_room(
        self,
        *,
        invite: tuple[str, ...] = (),
        name: str | None = None,
        direct: bool = False,
        turns_after: int | None = None,
    ) -> str:
        """Create an encrypted private room, whose keys turn after so many messages if given; returns its id."""
        answer = await self.call(
            "create_room", invite=invite, name=name, direct=direct, turns_after=turns_after
        )
        return msgspec.convert(answer["room"], str)

    async def invite(self, room: str, user: str) -> None:
        """Invite a user to a room."""
        await self.call("invite", room=room, user=user)

    async def join(self, room: str) -> str:
        """Join a room and wait until its state has arrived; returns its id."""
        return msgspec.convert((await self.call("join", room=room))["room"], str)

    async def autojoin(self, on: bool = True) -> None:
        """Join every invite from now on, and those that already wait."""
        await self.call("autojoin", on=on)

    async def wait_joined(self, room: str, *, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the peer is in the room, state included."""
        await self._wait("wait_joined", Json, timeout_seconds, room=room)

    async def wait_member(self, room: str, user: str, *, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the peer sees the user as joined; from then on it shares keys with them."""
        await self._wait("wait_member", Json, timeout_seconds, room=room, user=user)

    async def wait_invite(
        self, inviter: str | None = None, *, timeout_seconds: float = WAIT_SECONDS
    ) -> Invite:
        """The first waiting invite (of this inviter)."""
        return await self._wait("wait_invite", Invite, timeout_seconds, inviter=inviter)

    async def rooms(self) -> tuple[Room, ...]:
        """The rooms the peer has joined."""
        return msgspec.convert(await self.call("rooms"), tuple[Room, ...])

    async def invites(self) -> tuple[Invite, ...]:
        """The invites that wait."""
        return msgspec.convert(await self.call("invites"), tuple[Invite, ...])

    # Messages -----------------------------------------------------------------------------------------------

    async def send(self, room: str, body: str, *, reply_to: str | None = None) -> str:
        """Send an encrypted text; returns its event id. Refuses a room that is not encrypted."""
        answer = await self.call("send", room=room, body=body, reply_to=reply_to)
        return msgspec.convert(answer["event_id"], str)

    async def edit(self, room: str, event_id: str, body: str) -> str:
        """Replace the text of an own message; returns the id of the edit."""
        answer = await self.call("edit", room=room, event_id=event_id, body=body)
        return msgspec.convert(answer["event_id"], str)

    async def react(self, room: str, event_id: str, key: str) -> str:
        """React to an event; returns the id of the reaction."""
        answer = await self.call("react", room=room, event_id=event_id, key=key)
        return msgspec.convert(answer["event_id"], str)

    async def redact(self, room: str, event_id: str) -> str:
        """Redact an event (un-tap a reaction, delete a message); returns the id of the redaction."""
        answer = await self.call("redact", room=room, event_id=event_id)
        return msgspec.convert(answer["event_id"], str)

    async def messages(self, room: str, *, at_least: int = 0) -> tuple[Message, ...]:
        """The messages of a room, oldest first, from at least so many timeline events where there are."""
        return msgspec.convert(await self.call("messages", room=room, at_least=at_least), tuple[Message, ...])

    async def wait_message(
        self,
        room: str,
        contains: str = "",
        *,
        sender: str | None = None,
        after: str | None = None,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Message:
        """The first readable message, edits applied, whose body contains the text.

        `after` is the id of a message; only what stands behind it in the room counts.
        """
        return await self._wait(
            "wait_message", Message, timeout_seconds, room=room, sender=sender, contains=contains, after=after
        )

    async def wait_event(self, room: str, event_id: str, *, timeout_seconds: float = WAIT_SECONDS) -> Message:
        """One event, once it is read or refused for a reason that a late key cannot change."""
        return await self._wait("wait_event", Message, timeout_seconds, room=room, event_id=event_id)

    async def wait_redacted(self, room: str, event_id: str, *, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the peer sees an event as redacted."""
        await self._wait("wait_redacted", Json, timeout_seconds, room=room, event_id=event_id)

    async def wait_reaction(
        self,
        room: str,
        event_id: str,
        *,
        key: str | None = None,
        sender: str | None = None,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Reaction:
        """The first unredacted reaction to an event that fits."""
        return await self._wait(
            "wait_reaction", Reaction, timeout_seconds, room=room, event_id=event_id, sender=sender, key=key
        )

    # Comparing keys -----------------------------------------------------------------------------------------

    async def ask_to_compare(
        self, user: str, *, room: str | None = None, device: str | None = None
    ) -> str | None:
        """Ask a user to compare emoji, in a room or with one of their devices; returns the transaction's id."""
        answer = await self.call("verify_request", user=user, room=room, device=device)
        return msgspec.convert(answer["transaction"], str | None)

    async def wait_comparing(
        self, phase: str, *, timeout_seconds: float = WAIT_SECONDS
    ) -> tuple[str | None, str | None]:
        """Wait for a phase (`Ready`, `Started`, `Cancelled`, `Done`); the code of a cancellation, and whose it was."""
        answer = await self._wait("verify_wait_phase", Json, timeout_seconds, phase=phase)
        return answer["code"], answer["by"]

    async def begin_comparing(self) -> None:
        """Begin with emoji, once both are ready."""
        await self.call("verify_start")

    async def take_up_comparing(self, *, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the other side begins, and take it up."""
        await self._wait("verify_accept", Json, timeout_seconds)

    async def wait_emoji(
        self, *, timeout_seconds: float = WAIT_SECONDS
    ) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """What a person sees in their app: seven emoji, and three numbers."""
        answer = await self._wait("verify_wait_strings", Json, timeout_seconds)
        return tuple(symbol for symbol, _ in answer["emoji"]), tuple(answer["decimal"])

    async def say_compared(self, word: str) -> None:
        """The person says `same`, `different` or `stop`."""
        await self.call("verify_say", word=word)

    async def fingerprint_of(self, user: str, device: str) -> str:
        """The signing key of a device, as this app knows it."""
        answer = await self.call("device_fingerprint", user=user, device=device)
        return msgspec.convert(answer["key"], str)

    async def wait_trusted(self, user: str, *, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the app shows the user's identity as verified."""
        await self._wait("verify_wait_trusted", Json, timeout_seconds, user=user)

    async def wait_compared(self, *, timeout_seconds: float = WAIT_SECONDS) -> str:
        """How the comparison ended in the app: `done`, or the reason."""
        answer = await self._wait("verify_wait_outcome", Json, timeout_seconds)
        return msgspec.convert(answer["outcome"], str)

    # The child ----------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The number of the running child, None when there is none."""
        return None if self._process is None else self._process.pid

    async def call(
        self, command: str, *, timeout_seconds: float = COMMAND_SECONDS, **parameters: object
    ) -> Any:
        """Send one command and return its answer; a refusal, silence or death raises JsPeerError."""
        process = self._process
        if process is None or process.stdin is None or self._reader is None or self._reader.done():
            self._fail(f"command {command}: the process is not running")
        self._last_id += 1
        given = {name: value for name, value in parameters.items() if value is not None}
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[self._last_id] = answer
        process.stdin.write(json.dumps({"id": self._last_id, "command": command, **given}).encode() + b"\n")
        try:
            return await asyncio.wait_for(answer, timeout_seconds)
        except TimeoutError:
            self._fail(f"command {command}: no answer within {timeout_seconds} s")
        except _RefusedError as refused:
            self._fail(f"command {command}: {refused}")

    async def _wait(
        self, command: str, kind: type[Value], timeout_seconds: float, **parameters: object
    ) -> Value:
        timeout_ms = round(timeout_seconds * 1000)
        answer = await self.call(
            command, timeout_seconds=timeout_seconds + STOP_SECONDS, timeout_ms=timeout_ms, **parameters
        )
        return msgspec.convert(answer, kind)

    async def _start(self) -> None:
        node = shutil.which("node")
        if node is None:
            raise JsPeerError(f"cannot start a JsPeer: {npm_reason()}")
        log, path = tempfile.mkstemp(prefix="js-peer-", suffix=".log")
        self._resources.callback(os.unlink, path)
        self._resources.callback(os.close, log)
        self._log_path = Path(path)
        self._process = await asyncio.create_subprocess_exec(
            node,
            "peer.mjs",
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            limit=LINE_BYTES_MAX,
        )
        self._reader = asyncio.create_task(self._read(self._process), name=f"js peer of {self.user}")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            raise RuntimeError("the child was started without a stdout pipe")
        ended = "its output ended"
        try:
            async for line in process.stdout:
                self._take(json.loads(line))
        except ValueError as error:
            ended = f"it wrote a line that is no JSON or over {LINE_BYTES_MAX} bytes ({type(error).__name__})"
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_RefusedError(f"the peer stopped answering: {ended}"))

    def _take(self, line: Json) -> None:
        if "event" in line:
            if len(self.events) == KEPT_EVENTS_MAX:
                self._faults.append(
                    f"more than {KEPT_EVENTS_MAX} events were told and not taken: the oldest is lost"
                )
            self.events.append(line)
            if line["event"] == "fault":
                self._faults.append(f"{line['where']}: {line['error']}")
            return
        answer = self._waiting.pop(line["id"])
        if answer.done():
            return
        if "error" in line:
            answer.set_exception(_RefusedError(line["error"]))
        else:
            answer.set_result(line["answer"])

    async def _reap(self) -> None:
        process, reader = self._process, self._reader
        self._process = None
        try:
            if process is None:
                return
            if process.stdin is not None:
                # The child stops when its stdin closes.
                process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                self._fail(f"did not stop within {STOP_SECONDS} s and was killed")
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                if reader is not None:
                    await reader
        finally:
            self._resources.close()

    def _fail(self, what: str) -> NoReturn:
        faults = f"\nfaults: {'; '.join(self._faults)}" if self._faults else ""
        raise JsPeerError(f"js peer of {self.user}: {what}{faults}\nend of its log:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        if self._log_path is None or not self._log_path.exists():
            return "(none)"
        return (
            "\n".join(self._log_path.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]) or "(empty)"
        )


class _RefusedError(Exception):
    """The peer's own words for why a command failed."""


async def assert_device_signed_by_owner(
    peer: JsPeer, user: str, device: str, *, timeout_seconds: float = WAIT_SECONDS
) -> DeviceTrust:
    """Claim that the peer, on its own evidence, sees the device as signed by its owner's cross-signing keys.

    Waits for the signature to reach the peer; fails with its reason: no encrypted room
    shared with the user, a device it does not know, or one that is not signed.
    """
    trust = await peer.device_trust(user, device, signed=True, timeout_seconds=timeout_seconds)
    assert trust.signed_by_owner
    return trust


def npm_reason() -> str | None:
    """Why a JsPeer cannot run here, or None where it can."""
    node = shutil.which("node")
    if node is None:
        return "node is missing: install Node.js 18 or newer (Debian: nodejs, npm)"
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=True, timeout=COMMAND_SECONDS
    ).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < NODE_MAJOR_MIN:
        return f"node {version} is too old: install Node.js {NODE_MAJOR_MIN} or newer"
    if _installed_sdk() == _wanted_sdk():
        return None
    if shutil.which("npm") is None:
        return "npm is missing: install npm, then run `npm ci` in tests/peers/js"
    return f"matrix-js-sdk {_wanted_sdk()} is not installed{RUN_NPM}"


def require_js_peer() -> None:
    """Let a test go on where a JsPeer can run; skip it, with the reason, where node or npm is missing.

    Packages that npm could install but nobody did are a failure; under `CI=true` everything missing is one.
    """
    reason = npm_reason()
    if reason is None:
        return
    if os.environ.get("CI") == "true" or reason.endswith(RUN_NPM):
        pytest.fail(f"the JavaScript peer cannot run: {reason}", pytrace=False)
    pytest.skip(f"the JavaScript peer cannot run: {reason}")


def _wanted_sdk() -> str:
    package = json.loads((HERE / "package.json").read_text())
    return msgspec.convert(package["dependencies"]["matrix-js-sdk"], str)


def _installed_sdk() -> str | None:
    package = HERE / "node_modules" / "matrix-js-sdk" / "package.json"
    return msgspec.convert(json.loads(package.read_text())["version"], str) if package.exists() else None
