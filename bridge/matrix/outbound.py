"""Sending: sealed first, sent second, found again later.

`seal` does everything that cannot be repeated (turns the ratchet, hands the room key to every reader) and returns the
finished content; whoever keeps the outbox stores it. `put` is one idempotent request. Killed before the sealed
message is stored, the next `seal` uses the next message index; killed after, the same ciphertext goes out under
the same transaction id, and the homeserver answers with the same event.

Every content carries the transaction id (`app.hearth.tx`), under the encryption and, since the homeserver is told it
anyway, outside it too: so a message is found in the room when the homeserver has forgotten the id or the bot has
become another device.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, cast

import msgspec

from bridge.matrix.checked import MEGOLM_ALGORITHM
from bridge.matrix.cipher import VERIFICATION, Cipher, Decrypted
from bridge.matrix.http import Homeserver, Patience, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.keys import KeyExchange
from bridge.matrix.megolm import TRANSACTION, RoomSession
from bridge.matrix.room import Room
from bridge.matrix.rooms import Rooms
from bridge.matrix.text import as_dict, as_list, as_text
from bridge.matrix.trust import IdentityState
from engine.core.parcel import WHOEVER

log = logging.getLogger(__name__)

T = TypeVar("T")

REDACTION = "m.room.redaction"
NEVER_ENCRYPTED = frozenset({"m.reaction", REDACTION})

UNKNOWN_EVENT = ""
"""Stands for an event that is in the room for certain while its id could not be found."""

LOOK_BACK_EVENTS = 1_000
PAGE = 100


class SendError(Exception):
    """A message that cannot be sealed at present; nothing was sent.

    ```
    SendError
     ├── RoomUnknown       we are not in this room
     ├── IdentityChanged   a person's cross-signing identity changed: `user_ids`; see `Trust.acknowledge`
     └── NobodyCanRead     no device of anybody in the room can be given the key: later, or not at all
    ```
    """


class RoomUnknown(SendError):
    """We are not in this room."""


class IdentityChanged(SendError):
    """Private messages to these people pause until somebody confirms that it is still them."""

    def __init__(self, room_id: str, user_ids: tuple[str, ...]) -> None:
        super().__init__(f"{room_id}: the cross-signing identity of {', '.join(user_ids)} changed")
        self.user_ids = user_ids


class NobodyCanRead(SendError):
    """No device of anybody else in the room has the key."""


class SealedMessage(msgspec.Struct, frozen=True):
    """A message ready to be sent, and sent again: what `PUT …/send/{event_type}/{transaction_id}` takes."""

    room_id: str
    event_type: str
    content: dict[str, Any]
    transaction_id: str

    def __repr__(self) -> str:
        return f"SealedMessage({self.room_id!r}, {self.event_type!r}, {self.transaction_id!r})"


ToEncrypt = tuple[str, str, Mapping[str, Any], "asyncio.Future[dict[str, Any]]"]
"""Room, event type, content, and where the encrypted content is awaited."""


class Sender:
    """Sends into rooms, encrypted where the room is; safe to cancel and to call from many tasks."""

    def __init__(
        self,
        homeserver: Homeserver,
        cipher: Cipher,
        keys: KeyExchange,
        rooms: Rooms,
        ledger: Ledger,
        patience: Patience,
    ) -> None:
        self._homeserver = homeserver
        self._cipher = cipher
        self._keys = keys
        self._rooms = rooms
        self._ledger = ledger
        self._patience = patience
        self._locks: dict[str, asyncio.Lock] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._to_encrypt: list[ToEncrypt] = []
        """What waits for the ledger's turn."""

    async def deliver(
        self, room_id: str, event_type: str, content: Mapping[str, Any], transaction_id: str
    ) -> str:
        """`seal` and `put`: for whoever keeps no outbox."""
        return await self.put(await self.seal(room_id, event_type, content, transaction_id))

    async def recognize(self, user_id: str, mark: str) -> bool:
        """Accept the identity that `Trust.mark_of` called `mark` (or `WHOEVER`), if it still is this person's; whether
        it is.
        """
        async with self._ledger.turn:
            trust = self._cipher.trust
            if trust.state(user_id) is not IdentityState.CHANGED:
                return True
            if mark not in (WHOEVER, trust.mark_of(user_id)):
                return False
            trust.acknowledge(user_id)
            await self._ledger.commit()
            return True

    async def seal(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        transaction_id: str,
        *,
        for_anyone: bool = False,
    ) -> SealedMessage:
        """Make a message ready: encrypted if the room is, its key in the hands of every reader, all of it committed.

        `for_anyone`: it says nothing private, and does not wait until a changed identity is accepted. Raises a
        `SendError` or a `MatrixError`; then nothing was sent and it may be called again. A caller who is cancelled
        stops waiting; the steps under way are finished all the same.
        """
        return await self._uninterrupted(
            self._seal(room_id, event_type, content, transaction_id, for_anyone=for_anyone)
        )

    async def _seal(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        transaction_id: str,
        *,
        for_anyone: bool,
    ) -> SealedMessage:
        # Messages about verifying keys carry nothing but what the other side hashes as well.
        unmarked = event_type.startswith(VERIFICATION)
        marked = dict(content) if unmarked else {**content, TRANSACTION: transaction_id}
        if event_type in NEVER_ENCRYPTED:
            return SealedMessage(room_id, event_type, marked, transaction_id)
        async with self._locks.setdefault(room_id, asyncio.Lock()):
            room = await self._room(room_id)
            if room.encryption is None:
                return SealedMessage(room_id, event_type, marked, transaction_id)
            await self._open_to_readers(room, for_anyone=for_anyone)
            sealed = await self._encrypt(room_id, event_type, marked)
            return SealedMessage(room_id, "m.room.encrypted", sealed, transaction_id)

    async def _encrypt(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Encrypt, and return once the turned ratchet is committed; whatever waits for its turn leaves together."""
        done = asyncio.get_running_loop().create_future()
        self._to_encrypt.append((room_id, event_type, content, done))
        async with self._ledger.turn:
            if not done.done():
                await self._encrypt_all()
        return cast("dict[str, Any]", await done)

    async def _encrypt_all(self) -> None:
        waiting, self._to_encrypt = self._to_encrypt, []
        encrypted: list[tuple[asyncio.Future[dict[str, Any]], dict[str, Any]]] = []
        for room_id, event_type, content, done in waiting:
            try:
                encrypted.append((done, self._cipher.rooms.encrypt(room_id, event_type, content)))
            except Exception as error:  # noqa: BLE001 - whoever waits for this one raises it; the others go on
                done.set_exception(error)
        try:
            await self._ledger.commit()
        except BaseException as error:  # noqa: BLE001 - raised by everybody who waits, the caller included
            for done, _ in encrypted:
                done.set_exception(error)
        else:
            for done, sealed in encrypted:
                done.set_result(sealed)

    async def _room(self, room_id: str) -> Room:
        room = self._rooms.get(room_id) or await self._rooms.fetch(room_id)
        if room is None:
            raise RoomUnknown(f"{room_id}: we are not in this room")
        return room

    async def _open_to_readers(self, room: Room, *, for_anyone: bool = False) -> None:
        """See to it that the room has a fitting session and every reader's device that can be reached holds it."""
        if room.encryption is None or room.encryption.algorithm != MEGOLM_ALGORITHM:
            raise NobodyCanRead(f"{room.room_id}: encrypted with an algorithm we do not speak")
        people = room.readers()
        await self._keys.refresh(people)
        others = people - {self._cipher.machine.user_id}
        changed = sorted(each for each in others if self._cipher.trust.state(each) is IdentityState.CHANGED)
        alone = len(others) == 1
        if changed and alone and not for_anyone:
            raise IdentityChanged(room.room_id, tuple(changed))
        whoever = for_anyone and alone
        readers = [
            device
            for user_id in sorted(people)
            for device in self._cipher.trust.readers(user_id, whoever=whoever)
        ]
        await self._keys.open_sessions(readers)
        async with self._ledger.turn:
            session = self._cipher.rooms.fitting(room.room_id, room.encryption.rotation, readers)
        lacking = session.lacking(readers)
        if lacking:
            await self._keys.share(room.room_id, session, lacking)
        self._refuse_if_nobody(room, session, others)

    def _refuse_if_nobody(self, room: Room, session: RoomSession, others: frozenset[str]) -> None:
        if others and not any(user_id in others for user_id, _ in session.shares):
            raise NobodyCanRead(
                f"{room.room_id}: none of {len(others)} people has a device that takes our key"
            )

    async def put(self, sealed: SealedMessage, *, waits_for_limits: bool = True) -> str:
        """Send a sealed message and return its event id; sending it again gives the same one.

        A reaction that is already there counts as sent; `UNKNOWN_EVENT` if it cannot be found. Without
        `waits_for_limits` a `RateLimited` is raised at once, for whoever keeps an outbox.
        """
        if sealed.event_type == REDACTION:
            return await self._take_back(sealed, waits_for_limits)
        where = path("rooms", sealed.room_id, "send", sealed.event_type, sealed.transaction_id)
        try:
            answer = await self._patience(
                lambda: self._homeserver.request("PUT", where, body=sealed.content),
                waits_for_limits=waits_for_limits,
            )
        except Refused as refused:
            if refused.errcode == "M_DUPLICATE_ANNOTATION":
                return await self._reaction_there(sealed)
            raise
        return as_text(answer.get("event_id")) or UNKNOWN_EVENT

    async def _reaction_there(self, sealed: SealedMessage) -> str:
        relation = as_dict(sealed.content.get("m.relates_to"))
        parent = as_text(relation.get("event_id")) or ""
        where = path("rooms", sealed.room_id, "relations", parent, "m.annotation", "m.reaction")
        token: str | None = None
        for _ in range(LOOK_BACK_EVENTS // PAGE):
            query = {"limit": str(PAGE)} | ({"from": token} if token else {})
            answer = await self._homeserver.request("GET", where.replace("/v3/", "/v1/", 1), query=query)
            for event in map(as_dict, as_list(answer.get("chunk"))):
                key = as_dict(as_dict(event.get("content")).get("m.relates_to")).get("key")
                if event.get("sender") == self._cipher.machine.user_id and key == relation.get("key"):
                    return as_text(event.get("event_id")) or UNKNOWN_EVENT
            token = as_text(answer.get("next_batch"))
            if token is None:
                break
        return UNKNOWN_EVENT

    async def redact(
        self, room_id: str, event_id: str, transaction_id: str, *, reason: str | None = None
    ) -> str:
        """Take a message back and return the redaction's event id; idempotent like `put`."""
        body = {} if reason is None else {"reason": reason}
        return await self._redact(room_id, event_id, transaction_id, body)

    async def _take_back(self, sealed: SealedMessage, waits_for_limits: bool) -> str:
        event_id = as_text(sealed.content.get("redacts")) or ""
        body = {TRANSACTION: sealed.transaction_id}
        return await self._redact(
            sealed.room_id, event_id, sealed.transaction_id, body, waits_for_limits=waits_for_limits
        )

    async def _redact(
        self,
        room_id: str,
        event_id: str,
        transaction_id: str,
        body: Mapping[str, Any],
        *,
        waits_for_limits: bool = True,
    ) -> str:
        where = path("rooms", room_id, "redact", event_id, transaction_id)
        answer = await self._patience(
            lambda: self._homeserver.request("PUT", where, body=body), waits_for_limits=waits_for_limits
        )
        return as_text(answer.get("event_id")) or UNKNOWN_EVENT

    async def find_sent(self, room_id: str, transaction_id: str) -> str | None:
        """Our message with this transaction id among the room's last `LOOK_BACK_EVENTS` events, or None.

        For starts after the homeserver has forgotten transaction ids (24 hours on Synapse) or on a new device.
        """
        token: str | None = None
        for _ in range(LOOK_BACK_EVENTS // PAGE):
            query = {"dir": "b", "limit": str(PAGE)} | ({"from": token} if token else {})
            answer = await self._patience(
                lambda query=query: self._homeserver.request(  # type: ignore[misc]
                    "GET", path("rooms", room_id, "messages"), query=query
                )
            )
            for event in map(as_dict, as_list(answer.get("chunk"))):
                if await self._is_ours(room_id, event, transaction_id):
                    return as_text(event.get("event_id"))
            token = as_text(answer.get("end"))
            if token is None:
                return None
        log.warning("%s: looked back over %d events for a message of ours", room_id, LOOK_BACK_EVENTS)
        return None

    async def _is_ours(self, room_id: str, event: Mapping[str, Any], transaction_id: str) -> bool:
        if event.get("sender") != self._cipher.machine.user_id:
            return False
        if as_dict(event.get("unsigned")).get("transaction_id") == transaction_id:
            return True
        content = as_dict(event.get("content"))
        if event.get("type") == "m.room.encrypted" and TRANSACTION not in content:
            async with self._ledger.turn:
                opened = self._cipher.peek(room_id, event)
            content = opened.content if isinstance(opened, Decrypted) else {}
        return content.get(TRANSACTION) == transaction_id

    async def _uninterrupted(self, steps: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(steps)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            # Whoever waited hears it too; this line is for those who were cancelled meanwhile.
            log.debug("a send ended with %s", type(task.exception()).__name__)

    async def close(self) -> None:
        """Wait for sends under way; their steps are never cut short."""
        if self._running:
            await asyncio.wait(set(self._running))
