"""A person's app: an encrypted Matrix client for tests and the demo, on matrix-nio and its default store."""

import asyncio
import contextlib
import http.client
import inspect
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

import nio
from nio.crypto import decrypt_attachment

from tests.world.synapse import Account, HomeserverRefusal
from tests.world.timeline import Message, RawEvent, fold, parse_event

SYNC_MS = 10_000
TIMELINE_EVENTS = 100
GAP_PAGES = 200
"""A gap of a timeline is filled with at most this many pages of TIMELINE_EVENTS."""
SYNC_FAILURES_IN_A_ROW = 20
RETRY_SECONDS = 0.2
WAIT_SECONDS = 20.0
TRANSCRIPT_LINES_SHOWN = 12
MEGOLM = "m.megolm.v1.aes-sha2"
ENCRYPTED_ROOM = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": MEGOLM}}

T = TypeVar("T")
InvitePolicy = Literal["accept", "by hand"]


class ClientFailure(Exception):
    """The client could not go on, for example because its token is no longer valid."""


@dataclass(frozen=True)
class Invite:
    """An invitation to a room that was neither accepted nor declined yet."""

    room_id: str
    sender: str
    is_direct: bool


class Member:
    """One person with one device, syncing in the background between `start` and `stop` (or as `async with`).

    The account's first device is used unless `new_device` asks for a log-in with the password. What was
    read stays readable after `stop`, and a second `start` goes on with the same device where it left, like
    an app that was closed for a while. `invites_are="by hand"` leaves invitations in `invites` for `join`
    and `leave`. An error of the background sync is raised by the next `wait_for`, and by `stop`.
    The device's store lies in a folder of its own in `stores`, or where temporary files lie.
    """

    def __init__(
        self,
        account: Account,
        *,
        invites_are: InvitePolicy = "accept",
        new_device: bool = False,
        stores: Path | None = None,
    ) -> None:
        self.account = account
        self.invites_are: InvitePolicy = invites_are
        self.invites: dict[str, Invite] = {}
        self.rooms: set[str] = set()
        self._new_device = new_device
        self._stores = stores
        self._access_token = account.access_token
        self._device_id = account.device_id
        self._folder: Path | None = None
        self._client: Any = None
        self._since: str | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._owned: set[asyncio.Task[Any]] = set()
        self._failures: list[BaseException] = []
        self._changed = asyncio.Condition()
        self._sending = asyncio.Lock()
        self._events: dict[str, dict[str, RawEvent]] = {}
        self._views: dict[str, list[Message]] = {}
        self._sealed: dict[str, tuple[str, Mapping[str, Any]]] = {}
        self._direct: dict[str, str] = {}
        self._reacted: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Member({self.user_id})"

    @property
    def user_id(self) -> str:
        """The full Matrix id."""
        return self.account.user_id

    @property
    def name(self) -> str:
        """The part of the Matrix id that people call each other by."""
        return self.account.localpart

    @property
    def device_id(self) -> str:
        """The device this client uses (another one than the account's after a log-in of its own)."""
        return self._device_id

    @property
    def client(self) -> Any:
        """The nio client underneath, for what this class does not offer."""
        assert self._client is not None, f"{self.name} has not started"
        return self._client

    # ── its life ──────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Open the device's store, sync once, publish its keys and go on syncing in the background."""
        assert self._syncing is None, f"{self.name} has already started"
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"hearth-{self.name}-", dir=self._stores))
        config = nio.AsyncClientConfig(max_timeout_retry_wait_time=1, request_timeout=30, backoff_factor=0.05)
        self._client = nio.AsyncClient(
            self.account.homeserver, self.user_id, store_path=str(self._folder), config=config
        )
        if self._new_device:
            await self._log_in()
        self._client.restore_login(self.user_id, self._device_id, self._access_token)
        # The store outlives this client's process only in a test, so it need not wait for the disk.
        self._client.store.database.execute_sql("PRAGMA synchronous = OFF")
        self._client.store.database.execute_sql("PRAGMA journal_mode = MEMORY")
        await self._sync_once(0, full_state=True)
        self._syncing = asyncio.create_task(self._sync_always(), name=f"sync of {self.name}")

    async def stop(self) -> None:
        """Stop syncing, finish what is being sent and close the store; raises what went wrong meanwhile."""
        client, self._client = self._client, None
        syncing, self._syncing = self._syncing, None
        if client is None:
            return
        if syncing is not None:
            syncing.cancel()
            await asyncio.wait([syncing])
        if self._owned:
            _, unfinished = await asyncio.wait(self._owned, timeout=WAIT_SECONDS)
            for task in unfinished:
                task.cancel()
        await client.close()
        if client.store is not None:
            client.store.database.close()
        self._raise_failures()

    async def forget(self) -> None:
        """Stop, and remove the device's store from the disk."""
        try:
            await self.stop()
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.forget()

    # ── what it sees ──────────────────────────────────────────────────────────────────────────────

    def read(self, room_id: str) -> list[Message]:
        """The messages of a room as a person sees them now, oldest first."""
        if room_id not in self._views:
            self._views[room_id] = fold(self.events(room_id))
        return list(self._views[room_id])

    def events(self, room_id: str) -> list[RawEvent]:
        """Everything in the room's timeline that reached this client, state changes included."""
        return list(self._events.get(room_id, {}).values())

    def message(self, room_id: str, event_id: str) -> Message | None:
        """One message as a person sees it now; None while it has not arrived."""
        return next((message for message in self.read(room_id) if message.event_id == event_id), None)

    def reactions(self, room_id: str, event_id: str) -> dict[str, list[str]]:
        """Who tapped what on one message; empty while it has not arrived."""
        message = self.message(room_id, event_id)
        return {} if message is None else message.reactions

    def people(self, room_id: str, *, invited: bool = False) -> set[str]:
        """Who is in a room, by Matrix id; with `invited` also who was asked to come."""
        room = self.client.rooms.get(room_id)
        if room is None:
            return set()
        return {user_id for user_id, user in room.users.items() if invited or not user.invited}

    def find_dm(self, user_id: str) -> str | None:
        """The 1:1 room shared with somebody, None when there is none yet, or when they have left it."""
        return next(
            (
                room_id
                for room_id, other in self._direct.items()
                if other == user_id and room_id in self.rooms and self._is_still_there(room_id, user_id)
            ),
            None,
        )

    def _is_still_there(self, room_id: str, user_id: str) -> bool:
        return self._client is None or user_id in self.people(room_id, invited=True)

    @property
    def undecryptable(self) -> list[Message]:
        """Every message whose key has not arrived (yet)."""
        return [
            message for room_id in self._events for message in self.read(room_id) if not message.decrypted
        ]

    def transcript(self, room_id: str, last: int | None = None) -> list[str]:
        """The room in lines for people: who said what, edits and reactions applied."""
        return [_line(message) for message in self.read(room_id)[-last if last else None :]]

    async def wait_for(
        self, predicate: Callable[[], T | None], timeout_seconds: float = WAIT_SECONDS, *, what: str = ""
    ) -> T:
        """Wait until `predicate()` is true, looking again after each sync, and return what it answered.

        Raises TimeoutError with what was waited for and what this person sees instead.
        """

        async def look() -> T:
            async with self._changed:
                while True:
                    self._raise_failures()
                    if found := predicate():
                        return found
                    await self._changed.wait()

        try:
            return await asyncio.wait_for(look(), timeout_seconds)
        except TimeoutError:
            raise TimeoutError(self._what_is_there(what or _source_of(predicate), timeout_seconds)) from None

    async def hears(
        self,
        room_id: str,
        text: str,
        *,
        sender: str | None = None,
        timeout_seconds: float = WAIT_SECONDS,
    ) -> Message:
        """Wait for the newest message whose text contains `text` (from `sender`, where given)."""

        def heard() -> Message | None:
            for message in reversed(self.read(room_id)):
                if text in message.body and sender in (None, message.sender):
                    return message
            return None

        who = f" from {sender}" if sender else ""
        return await self.wait_for(heard, timeout_seconds, what=f"a message with {text!r}{who} in {room_id}")

    async def sees(self, room_id: str, event_id: str, timeout_seconds: float = WAIT_SECONDS) -> Message:
        """Wait until one message has arrived and is readable."""

        def readable() -> Message | None:
            message = self.message(room_id, event_id)
            return message if message is not None and message.decrypted else None

        return await self.wait_for(readable, timeout_seconds, what=f"{event_id} in {room_id}, decrypted")

    # ── what it does ──────────────────────────────────────────────────────────────────────────────

    async def say(
        self, room_id: str, text: str, *, reply_to: str | None = None, thread_id: str | None = None
    ) -> str:
        """Send a text, encrypted where the room is; returns its event id."""
        content: dict[str, Any] = {"msgtype": "m.text", "body": text}
        if thread_id is not None:
            answered = {
                "m.in_reply_to": {"event_id": reply_to or thread_id},
                "is_falling_back": reply_to is None,
            }
            content["m.relates_to"] = {"rel_type": "m.thread", "event_id": thread_id, **answered}
        elif reply_to is not None:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
        return await self.send(room_id, "m.room.message", content)

    async def edit(self, room_id: str, event_id: str, text: str) -> str:
        """Replace the text of one's own message; returns the id of the edit."""
        content = {
            "msgtype": "m.text",
            "body": f"* {text}",
            "m.new_content": {"msgtype": "m.text", "body": text},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return await self.send(room_id, "m.room.message", content)

    async def react(self, room_id: str, event_id: str, key: str) -> str:
        """Tap a reaction; returns its event id, which `unreact` takes back."""
        content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": key}}
        reaction_id = await self.send(room_id, "m.reaction", content)
        self._reacted[reaction_id] = room_id
        return reaction_id

    async def unreact(self, reaction_id: str) -> None:
        """Take back a reaction made with `react`."""
        await self.redact(self._reacted.pop(reaction_id), reaction_id)

    async def redact(self, room_id: str, event_id: str) -> str:
        """Remove an event; returns the id of the redaction."""
        path = f"/rooms/{quote(room_id)}/redact/{quote(event_id)}/{uuid4().hex}"
        return str((await self.call("PUT", path, {}))["event_id"])

    async def vote(self, room_id: str, poll_id: str, *answers: str) -> str:
        """Vote in a poll (MSC3381), encrypted where the room is; no answer takes the vote back."""
        content = {
            "org.matrix.msc3381.poll.response": {"answers": list(answers)},
            "m.relates_to": {"rel_type": "m.reference", "event_id": poll_id},
        }
        return await self.send(room_id, "org.matrix.msc3381.poll.response", content)

    async def send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        """Send any event, encrypted where the room is (reactions never are); returns its event id.

        Waits until the room is known. A caller that is cancelled leaves the sending to finish on its own:
        nio does not survive being cancelled while it shares a key.
        """
        await self.wait_for(
            lambda: room_id in self.client.rooms, what=f"{room_id} among the rooms of {self.name}"
        )
        return await self._unbroken(self._send(room_id, event_type, content))

    async def join(self, room_id: str) -> None:
        """Accept an invitation, or enter a room that is open; returns when the room has been synced."""
        await self.call("POST", f"/rooms/{quote(room_id)}/join", {})
        await self.wait_for(lambda: room_id in self.rooms, what=f"{self.name} being in {room_id}")

    async def leave(self, room_id: str) -> None:
        """Leave a room or decline an invitation; returns when that has been synced."""
        await self.call("POST", f"/rooms/{quote(room_id)}/leave", {})
        await self.wait_for(
            lambda: room_id not in self.rooms and room_id not in self.invites,
            what=f"{self.name} being out of {room_id}",
        )

    async def invite(self, room_id: str, user_id: str) -> None:
        """Ask somebody into a room."""
        await self.call("POST", f"/rooms/{quote(room_id)}/invite", {"user_id": user_id})

    async def create_room(self, *, name: str = "", encrypted: bool = True, **options: Any) -> str:
        """Make a private room (`options` as in /createRoom); returns its id when it has been synced."""
        body: dict[str, Any] = {"preset": "private_chat", **options}
        if name:
            body["name"] = name
        if encrypted:
            body["initial_state"] = [ENCRYPTED_ROOM, *body.get("initial_state", ())]
        room_id = str((await self.call("POST", "/createRoom", body))["room_id"])

        def known() -> bool:
            return room_id in self.rooms and self.client.rooms[room_id].encrypted == encrypted

        await self.wait_for(known, what=f"the new room {room_id}")
        return room_id

    async def dm_with(self, user_id: str) -> str:
        """The 1:1 room with somebody, made and marked as such when there is none."""
        if (room_id := self.find_dm(user_id)) is not None:
            return room_id
        room_id = await self.create_room(preset="trusted_private_chat", is_direct=True, invite=[user_id])
        self._direct[room_id] = user_id
        direct: dict[str, list[str]] = {}
        for room, other in self._direct.items():
            direct.setdefault(other, []).append(room)
        await self.call("PUT", f"/user/{quote(self.user_id)}/account_data/m.direct", direct)
        return room_id

    async def open_file(self, message: Message) -> str:
        """The text of a file somebody sent, fetched from the homeserver and decrypted as an app would."""
        sealed = message.content["file"]
        server, _, name = str(sealed["url"]).removeprefix("mxc://").partition("/")
        response = await self.client.send(
            "GET",
            f"/_matrix/client/v1/media/download/{server}/{name}",
            headers={"Authorization": f"Bearer {self._access_token}"},
        )
        if response.status >= http.client.BAD_REQUEST:
            raise HomeserverRefusal("GET", sealed["url"], response.status, {})
        plain: bytes = decrypt_attachment(
            await response.read(), sealed["key"]["k"], sealed["hashes"]["sha256"], sealed["iv"]
        )
        return plain.decode()

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One call of the client API below /_matrix/client/v3, as this person; waits when told to slow down.

        Raises HomeserverRefusal on anything but success.
        """
        headers = {"Authorization": f"Bearer {self._access_token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        while True:
            response = await self.client.send(method, f"/_matrix/client/v3{path}", data, headers)
            answer: dict[str, Any] = await response.json()
            if response.status == http.client.TOO_MANY_REQUESTS:
                await asyncio.sleep(answer.get("retry_after_ms", 1000) / 1000)
            elif response.status >= http.client.BAD_REQUEST:
                raise HomeserverRefusal(method, path, response.status, answer)
            else:
                return answer

    # ── sending ───────────────────────────────────────────────────────────────────────────────────

    async def _send(self, room_id: str, event_type: str, content: dict[str, Any]) -> str:
        # One at a time: nio loses its way when two sends share the key of one room.
        async with self._sending:
            room = self.client.rooms[room_id]
            if room.encrypted and event_type != "m.reaction":
                await self._look_up_devices(room)
            answer = await self.client.room_send(room_id, event_type, content, ignore_unverified_devices=True)
        if not isinstance(answer, nio.RoomSendResponse):
            raise ClientFailure(f"{self.name} could not send {event_type} to {room_id}: {answer}")
        return str(answer.event_id)

    async def _look_up_devices(self, room: Any) -> None:
        """Ask for everybody's devices, so that one made a moment ago can read this message too."""
        if not room.members_synced:
            await self.client.joined_members(room.room_id)
        self.client.olm.users_for_key_query.update(room.users)
        if self.client.should_query_keys:
            await self.client.keys_query()

    async def _unbroken(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._own(task)
        return await asyncio.shield(task)

    def _own(self, task: asyncio.Task[Any]) -> None:
        self._owned.add(task)
        task.add_done_callback(self._owned.discard)

    # ── syncing ───────────────────────────────────────────────────────────────────────────────────

    async def _log_in(self) -> None:
        answer = await self.client.login(self.account.password, device_name=f"{self.name}'s other app")
        if not isinstance(answer, nio.LoginResponse):
            raise ClientFailure(f"{self.name} could not log in: {answer}")
        self._access_token, self._device_id = answer.access_token, answer.device_id
        self._new_device = False

    async def _sync_always(self) -> None:
        failures = 0
        while True:
            try:
                failures = 0 if await self._sync_once(SYNC_MS) else failures + 1
                if failures:
                    await asyncio.sleep(RETRY_SECONDS)
                if failures > SYNC_FAILURES_IN_A_ROW:
                    raise ClientFailure(f"{self.name} got no usable sync {failures} times in a row")
            except Exception as error:  # noqa: BLE001  # raised again by wait_for and stop
                await self._fail(error)
                return

    async def _sync_once(self, timeout_ms: int, *, full_state: bool = False) -> bool:
        """One sync and what encryption asks for after it; False when the homeserver gave no usable answer."""
        recent = {"room": {"timeline": {"limit": TIMELINE_EVENTS}}}
        answer = await self.client.sync(timeout_ms, recent, self._since, full_state)
        if not isinstance(answer, nio.SyncResponse):
            if getattr(answer, "status_code", None) == "M_UNKNOWN_TOKEN":
                raise ClientFailure(f"{self.name} was logged out: {answer}")
            return False
        self._since = answer.next_batch
        await self._take_in(answer)
        await self._keep_keys()
        async with self._changed:
            self._changed.notify_all()
        return True

    async def _keep_keys(self) -> None:
        await self.client.send_to_device_messages()
        if self.client.should_upload_keys:
            await self.client.keys_upload()
        if self.client.should_query_keys:
            await self.client.keys_query()
        if self.client.should_claim_keys:
            await self.client.keys_claim(self.client.get_users_for_key_claiming())

    async def _take_in(self, answer: Any) -> None:
        for event in answer.account_data_events:
            if getattr(event, "type", "") == "m.direct":
                self._direct.update({room: user for user, rooms in event.content.items() for room in rooms})
        for room_id, invited in answer.rooms.invite.items():
            self._take_in_invite(room_id, invited)
        for room_id in answer.rooms.leave:
            self.rooms.discard(room_id)
            self.invites.pop(room_id, None)
        for room_id, joined in answer.rooms.join.items():
            known = room_id in self.rooms
            self.rooms.add(room_id)
            self.invites.pop(room_id, None)
            if joined.timeline.limited and known:
                await self._fill_gap(room_id, joined.timeline.prev_batch)
            for event in joined.timeline.events:
                self._take_in_event(room_id, event.source)
        self._unseal()

    def _take_in_invite(self, room_id: str, invited: Any) -> None:
        for event in invited.invite_state:
            if isinstance(event, nio.InviteMemberEvent) and event.state_key == self.user_id:
                is_direct = bool(event.content.get("is_direct"))
                self.invites[room_id] = Invite(room_id, event.sender, is_direct)
                if is_direct:
                    self._direct[room_id] = event.sender
        if self.invites_are == "accept":
            self._own(asyncio.create_task(self._accept(room_id)))

    async def _accept(self, room_id: str) -> None:
        try:
            await self.call("POST", f"/rooms/{quote(room_id)}/join", {})
        except HomeserverRefusal as refusal:
            # An invitation may be taken back before it is answered; it then stays in `invites` until the next sync.
            if refusal.errcode != "M_FORBIDDEN":
                await self._fail(refusal)
        except Exception as error:  # noqa: BLE001  # raised again by wait_for and stop
            await self._fail(error)

    def _take_in_event(self, room_id: str, source: Mapping[str, Any]) -> None:
        events = self._events.setdefault(room_id, {})
        event = parse_event(room_id, source)
        if event.event_id in events:
            return
        events[event.event_id] = event
        self._views.pop(room_id, None)
        if event.type == "m.room.encrypted" and event.content.get("algorithm") == MEGOLM:
            self._sealed[event.event_id] = (room_id, source)

    async def _fill_gap(self, room_id: str, prev_batch: str) -> None:
        """Fetch what a limited sync left out, back to what is already known."""
        missed: list[Mapping[str, Any]] = []
        known = self._events.get(room_id, {})
        token = prev_batch
        for _ in range(GAP_PAGES):
            path = f"/rooms/{quote(room_id)}/messages?dir=b&limit={TIMELINE_EVENTS}&from={quote(token)}"
            page = await self.call("GET", path)
            missed += [source for source in page["chunk"] if source["event_id"] not in known]
            if "end" not in page or any(source["event_id"] in known for source in page["chunk"]):
                break
            token = page["end"]
        else:
            raise ClientFailure(f"{self.name} missed more than {GAP_PAGES} pages of {room_id}")
        for source in reversed(missed):
            self._take_in_event(room_id, source)

    def _unseal(self) -> None:
        """Decrypt what waits for its key, as far as keys have come."""
        for event_id, (room_id, source) in list(self._sealed.items()):
            clear = self._decrypt(room_id, source)
            if clear is not None:
                del self._sealed[event_id]
                self._events[room_id][event_id] = parse_event(room_id, clear)
                self._views.pop(room_id, None)

    def _decrypt(self, room_id: str, source: Mapping[str, Any]) -> Mapping[str, Any] | None:
        content = source["content"]
        session_id = content.get("session_id", "")
        # Senders may leave their key out of the event, but nio looks sessions up by it.
        for sender_key, sessions in self.client.olm.inbound_group_store[room_id].items():
            if session_id in sessions:
                full = {**content, "sender_key": sender_key, "device_id": content.get("device_id", "")}
                event = nio.MegolmEvent.from_dict({**source, "content": full})
                clear = (
                    self.client.olm.decrypt_event(event, room_id)
                    if isinstance(event, nio.MegolmEvent)
                    else None
                )
                return None if clear is None else {**clear.source, "event_id": source["event_id"]}
        return None

    # ── failing ───────────────────────────────────────────────────────────────────────────────────

    async def _fail(self, error: BaseException) -> None:
        self._failures.append(error)
        async with self._changed:
            self._changed.notify_all()

    def _raise_failures(self) -> None:
        if self._failures:
            first, self._failures = self._failures[0], []
            raise ClientFailure(f"the client of {self.name} failed") from first

    def _what_is_there(self, what: str, timeout_seconds: float) -> str:
        lines = [f"{self.name} waited {timeout_seconds:g} s for {what}"]
        for room_id in sorted(self._events):
            lines.append(f"  in {room_id} {self.name} sees:")
            lines += [f"    {line}" for line in self.transcript(room_id, TRANSCRIPT_LINES_SHOWN)] or [
                "    (no message)"
            ]
        if self.invites:
            lines.append(f"  invitations not answered: {', '.join(sorted(self.invites))}")
        if self._sealed:
            lines.append(f"  waiting for the keys of {len(self._sealed)} messages")
        return "\n".join(lines)


def _line(message: Message) -> str:
    who = message.sender[1:].split(":", 1)[0]
    clock = time.strftime("%H:%M:%S", time.gmtime(message.ts_ms / 1000))
    body = message.body if message.decrypted else "(cannot be decrypted)"
    if message.redacted:
        body = "(removed)"
    marks = [
        f"{key} {', '.join(user[1:].split(':', 1)[0] for user in users)}"
        for key, users in message.reactions.items()
    ]
    tail = (" (edited)" if message.edits else "") + (f"  [{' · '.join(marks)}]" if marks else "")
    return f"{clock} {who}: {body}{tail}"


def _source_of(predicate: Callable[[], object]) -> str:
    """The text of a predicate, to say what was waited for."""
    with contextlib.suppress(OSError, TypeError):
        return " ".join(inspect.getsource(predicate).split())
    return repr(predicate)
