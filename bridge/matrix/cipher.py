"""End-to-end encryption without I/O: takes in what a sync brought, reads room events, prepares what must go out.

Kill-safety. Reading: the homeserver deletes to-device messages only once it is asked for what comes after them, and
we ask for that only after the keys they carried were committed with the cursor. Killed before, the whole answer comes
again and meets the state from before. Writing: a ratchet is committed as far as it has turned before anything it
produced leaves (`Ledger`); killed in between, one index is skipped, which every client tolerates.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec
import vodozemac

from bridge.matrix.checked import MALFORMED, MEGOLM_ALGORITHM, olm_arrival, user_ids
from bridge.matrix.clock import Clock
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.keep import Ledger
from bridge.matrix.machine import Machine
from bridge.matrix.megolm import RoomSessions
from bridge.matrix.text import as_dict, as_list, as_text, read_json
from bridge.matrix.trust import Trust
from bridge.matrix.waiting import Waiting, WaitingEvent

log = logging.getLogger(__name__)

REPLAY = "message_index"

MOST_INDICES = 5_000
"""Message indices remembered per Megolm session, against replays."""

VERIFICATION = "m.key.verification."
"""How the types of all messages about verifying keys begin."""

HOUR_MS = 3_600_000

MOST_TO_DEVICE = 5_000
"""To-device messages read from one sync answer; Synapse sends at most 100 at a time."""

SenderTrust = Literal["signed", "unsigned", "unknown"]
Reason = Literal[
    "no_key", "key_starts_later", "withheld", "malformed", "replayed", "wrong_sender", "algorithm"
]


class Decrypted(msgspec.Struct, frozen=True):
    """A room event read: its type and content, and the device that wrote it.

    `trust`: "signed" by its owner, "unsigned", or "unknown" (the owner's devices are not known yet).
    """

    type: str
    content: dict[str, Any]
    sender_device: str | None
    trust: SenderTrust
    session_id: str

    def __repr__(self) -> str:
        return f"Decrypted(type={self.type!r}, session_id={self.session_id!r})"


class Undecryptable(msgspec.Struct, frozen=True):
    """A room event that could not be read; `withheld` is the other side's code for keeping the key back."""

    session_id: str
    reason: Reason
    withheld: str = ""
    first_of_session: bool = False


class ToDevice(msgspec.Struct, frozen=True):
    """A to-device message about verifying keys, as it came: nothing in it is checked."""

    sender: str
    type: str
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"ToDevice({self.sender!r}, {self.type!r})"


class Arrival(msgspec.Struct, frozen=True):
    """What the to-device part of a sync answer came to; `verifying` is for `bridge.matrix.verification`."""

    read: int
    dropped: int
    released: tuple[WaitingEvent, ...]
    verifying: tuple[ToDevice, ...] = ()


class Cipher:
    """This device's cryptography; whoever calls a changing method holds `ledger.turn` and commits."""

    def __init__(
        self,
        user_id: str,
        device_id: str,
        rows: Mapping[tuple[str, str], bytes],
        ledger: Ledger,
        pickle_secret: bytes,
        clock: Clock,
        *,
        is_member: Callable[[str, str], bool],
        store_type: type[RowStore] = RowStore,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self.store = store_type(user_id, device_id, rows, ledger, pickle_secret, clock)
        self._is_member = is_member
        self.machine = Machine(user_id, device_id, self.store, is_member)
        self.trust = Trust(rows, self.machine, ledger)
        self.rooms = RoomSessions(rows, self.machine, ledger, pickle_secret, clock)
        self.waiting = Waiting(rows, ledger)
        self.machine.asked_for = self.waiting.is_wanted
        self.on_room_left: Callable[[str], None] = lambda room_id: None
        self.store.forget_loaded_rows()
        self._indices = {key: value for (kind, key), value in rows.items() if kind == REPLAY}
        self._seen: dict[str, dict[int, str]] = {}
        self._served_ms: dict[tuple[str, str], int] = {}
        self._verifying: list[ToDevice] = []
        self.dropped = 0

    # Taking in

    def take_in(self, answer: Mapping[str, Any]) -> Arrival:
        """Take in the to-device messages and device lists of a sync answer; never raises over what they hold.

        Returns how many messages were read and dropped, and the room events whose keys came.
        """
        lists = as_dict(answer.get("device_lists"))
        self.trust.mark_outdated(user_ids(as_list(lists.get("changed"))))
        self.trust.forget_devices(user_ids(as_list(lists.get("left"))))
        events = as_list(as_dict(answer.get("to_device")).get("events"))
        read = sum(self._take_message(as_dict(event)) for event in events[:MOST_TO_DEVICE])
        dropped = len(events) - read
        self.dropped += dropped
        self.trust.mark_outdated(self.machine.users_for_key_query)
        self.machine.users_for_key_query.clear()
        self.store.drop_spare_sessions(self.machine.session_store)
        came, self.machine.new_room_keys = self.machine.new_room_keys, set()
        verifying, self._verifying = self._verifying, []
        return Arrival(read, dropped, tuple(self.waiting.release(came)), tuple(verifying))

    def _take_message(self, event: Mapping[str, Any]) -> bool:
        kind = event.get("type")
        if kind == "m.room.encrypted":
            arrival = olm_arrival(event, self.machine.curve_key)
            if arrival is None:
                log.info("a malformed to-device message from %s is dropped", as_text(event.get("sender")))
                return False
            return self.machine.try_decrypt(arrival.sender, arrival.sender_key, arrival.message)
        if kind == "m.room_key_request":
            return self._take_request(as_text(event.get("sender")), as_dict(event.get("content")))
        if kind == "m.room_key.withheld":
            return self._take_withheld(as_text(event.get("sender")), as_dict(event.get("content")))
        if isinstance(kind, str) and kind.startswith(VERIFICATION):
            return self._take_verification(as_text(event.get("sender")), kind, event.get("content"))
        return False

    def _take_verification(self, sender: str | None, kind: str, content: Any) -> bool:
        if not sender or not isinstance(content, dict):
            return False
        self._verifying.append(ToDevice(sender, kind, content))
        return True

    def _take_request(self, sender: str | None, content: Mapping[str, Any]) -> bool:
        """Somebody's device lost a room key of ours: it gets the session again with the next message.

        Only a device that had it before, and at most once an hour; keys of others are not ours to hand on.
        """
        body, device_id = as_dict(content.get("body")), as_text(content.get("requesting_device_id"))
        room_id, session_id = as_text(body.get("room_id")), as_text(body.get("session_id"))
        if content.get("action") != "request" or not (sender and device_id and room_id and session_id):
            return False
        now_ms = self._clock.now_ms()
        if self._served_ms.get((sender, device_id), 0) + HOUR_MS > now_ms:
            return False
        if not self.rooms.share_again(room_id, session_id, sender, device_id):
            return False
        self._served_ms[sender, device_id] = now_ms
        return True

    def _take_withheld(self, sender: str | None, content: Mapping[str, Any]) -> bool:
        room_id, session_id = as_text(content.get("room_id")), as_text(content.get("session_id"))
        code = as_text(content.get("code"))
        if not (sender and room_id and session_id and code) or len(room_id) + len(session_id) > 400:
            return False
        if not self._is_member(room_id, sender):
            return False
        self.waiting.note_withheld(room_id, session_id, sender, code, self._clock.now_ms())
        return True

    # Reading

    def open_event(self, room_id: str, event: Mapping[str, Any]) -> Decrypted | Undecryptable:
        """Read an `m.room.encrypted` room event; what lacks only its key waits for it and comes with a later sync."""
        content = as_dict(event.get("content"))
        sender, session_id = as_text(event.get("sender")) or "", as_text(content.get("session_id")) or ""
        ciphertext = as_text(content.get("ciphertext"))
        if content.get("algorithm") != MEGOLM_ALGORITHM:
            return Undecryptable(session_id, "algorithm")
        if not session_id or ciphertext is None:
            return Undecryptable(session_id, "malformed")
        session = self.machine.room_key(room_id, session_id, sender)
        if session is None:
            return self._keep_waiting(room_id, session_id, event, "no_key")
        try:
            message = vodozemac.MegolmMessage.from_base64(ciphertext.rstrip("="))
            if message.message_index() < session.first_known_index:
                return self._keep_waiting(room_id, session_id, event, "key_starts_later")
            plaintext, index = session.decrypt(ciphertext.rstrip("="))
            payload = read_json(plaintext.encode())
        except MALFORMED:
            return Undecryptable(session_id, "malformed")
        return self._judged(room_id, event, session, index, as_dict(payload))

    def peek(self, room_id: str, event: Mapping[str, Any]) -> Decrypted | Undecryptable:
        """Read an event that is only looked at: one that lacks its key is not kept, and no key is asked for."""
        session_id = as_text(as_dict(event.get("content")).get("session_id")) or ""
        if self.machine.room_key(room_id, session_id, as_text(event.get("sender")) or "") is None:
            return Undecryptable(session_id, "no_key")
        return self.open_event(room_id, event)

    def _keep_waiting(
        self, room_id: str, session_id: str, event: Mapping[str, Any], reason: Reason
    ) -> Undecryptable:
        first = self.waiting.add(room_id, session_id, event, self._clock.now_ms())
        withheld = self.waiting.withheld(room_id, session_id)
        return Undecryptable(session_id, "withheld" if withheld else reason, withheld, first)

    def _judged(
        self, room_id: str, event: Mapping[str, Any], session: Any, index: int, payload: Mapping[str, Any]
    ) -> Decrypted | Undecryptable:
        kind, content = as_text(payload.get("type")), payload.get("content")
        if kind is None or not isinstance(content, dict) or payload.get("room_id") != room_id:
            return Undecryptable(session.id, "malformed")
        sender = as_text(event.get("sender")) or ""
        if getattr(session, "owner", "") != sender:
            return Undecryptable(session.id, "wrong_sender")
        device = self.machine.device_of(sender, session.sender_key)
        if device is not None and device.ed25519 != session.ed25519:
            return Undecryptable(session.id, "wrong_sender")
        if not self._is_first_use(session.id, index, str(event.get("event_id"))):
            return Undecryptable(session.id, "replayed")
        relation = as_dict(event.get("content")).get("m.relates_to")
        if isinstance(relation, dict) and "m.relates_to" not in content:
            content = {**content, "m.relates_to": relation}
        if session.sender_key == self.machine.curve_key:
            return Decrypted(kind, content, self.machine.device_id, "signed", session.id)
        return Decrypted(
            kind, content, device.id if device else None, self._trust_in(sender, device), session.id
        )

    def _trust_in(self, sender: str, device: Any) -> SenderTrust:
        if device is None:
            self.trust.mark_outdated([sender])
            return "unknown"
        return "signed" if self.trust.is_signed(sender, device.id) else "unsigned"

    def _is_first_use(self, session_id: str, index: int, event_id: str) -> bool:
        """Whether this index of the session belongs to this event; the same event may be read again."""
        if session_id not in self._seen:
            stored = self._indices.pop(session_id, None)
            self._seen[session_id] = (
                msgspec.msgpack.decode(stored, type=dict[int, str]) if stored is not None else {}
            )
        seen = self._seen[session_id]
        known = seen.get(index)
        if known is None and len(seen) < MOST_INDICES:
            seen[index] = event_id
            self._ledger.note(REPLAY, session_id, lambda: msgspec.msgpack.encode(seen))
        return known is None or known == event_id

    def forget_room(self, room_id: str) -> None:
        """We left this room: its outbound session and waiting events go; keys that read its history stay."""
        self.rooms.drop(room_id)
        self.waiting.drop_room(room_id)
        self.on_room_left(room_id)

    def forget_history(self, room_id: str) -> None:
        """Nothing of this room is to be read here any more: the keys of its history go as well."""
        self.forget_room(room_id)
        for session_id in self.machine.drop_room_keys(room_id):
            self._seen.pop(session_id, None)
            self._indices.pop(session_id, None)
            self._ledger.put(REPLAY, session_id, None)

    # Asking

    def device_keys(self) -> dict[str, Any]:
        """This device's signed keys, as `/keys/upload` wants them."""
        bare = {
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", MEGOLM_ALGORITHM],
            "device_id": self.machine.device_id,
            "user_id": self.machine.user_id,
            "keys": {
                f"curve25519:{self.machine.device_id}": self.machine.curve_key,
                f"ed25519:{self.machine.device_id}": self.machine.signing_key,
            },
        }
        return {**bare, "signatures": self._own_signature(bare)}

    def _own_signature(self, value: Mapping[str, Any]) -> dict[str, dict[str, str]]:
        return {self.machine.user_id: {f"ed25519:{self.machine.device_id}": self.machine.sign(value)}}

    def signed_keys(self, keys: Mapping[str, Any], *, fallback: bool = False) -> dict[str, Any]:
        """One-time (or fallback) keys of the account, signed, as `/keys/upload` wants them."""
        signed = {}
        for key_id, key in keys.items():
            bare = {"key": key.to_base64()} | ({"fallback": True} if fallback else {})
            signed[f"signed_curve25519:{key_id}"] = {**bare, "signatures": self._own_signature(bare)}
        return signed

    @property
    def account(self) -> Any:
        """vodozemac's account: one-time and fallback keys; note the change with `note_account`."""
        return self.machine.account._account

    def note_account(self) -> None:
        """The account changed."""
        self.machine.save_account()

    @property
    def shared(self) -> bool:
        """Whether the device keys were uploaded."""
        return bool(self.machine.account.shared)

    def mark_shared(self) -> None:
        """The homeserver has everything we offered: device keys, one-time keys, fallback key."""
        self.machine.account.shared = True
        self.machine.mark_keys_as_published()
        self.note_account()

    def devices_lacking_sessions(self, devices: Iterable[Any]) -> list[Any]:
        """Those of these devices we have no Olm session with."""
        return [device for device in devices if self.machine.session_store.get(device.curve25519) is None]
