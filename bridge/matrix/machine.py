"""nio's Olm machine with the few changes that keep keys honest: who brought a key, and which copy is the better one."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import vodozemac
from nio.crypto import InboundGroupSession, Olm
from nio.events import ForwardedRoomKeyEvent, RoomKeyEvent
from nio.responses import KeysClaimResponse, KeysQueryResponse

from bridge.matrix.checked import MALFORMED, MEGOLM_ALGORITHM, is_key
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.text import as_dict, as_list

log = logging.getLogger(__name__)

# nio writes parts of what it could not parse into its log, room keys among them.
logging.getLogger("nio.crypto.log").disabled = True

MOST_KEYS_PER_DEVICE = 2_000
"""Room keys taken from one device in one run; an honest one sends about one per room and hundred messages."""

MOST_KEYS_FROM_STRANGERS = 1_000
"""Room keys taken in one run for rooms in which we do not see the sender (yet), all senders together."""


class Machine(Olm):  # type: ignore[misc]
    """The Olm account and its sessions; everything it changes is noted in the store, nothing is sent."""

    def __init__(
        self, user_id: str, device_id: str, store: RowStore, is_member: Callable[[str, str], bool]
    ) -> None:
        super().__init__(user_id, device_id, store)
        self._is_member = is_member
        self.new_room_keys: set[tuple[str, str]] = set()
        self.wedged: set[tuple[str, str]] = set()
        self.asked_for: Any = lambda room_id, session_id, sender: False
        self.on_room_key: Callable[[str, str, str], None] = lambda room_id, sender_key, session_id: None
        self._keys_taken: dict[str, int] = {}
        self._keys_of_strangers = 0

    def __repr__(self) -> str:
        return f"Machine({self.user_id!r}, {self.device_id!r})"

    @property
    def curve_key(self) -> str:
        """This device's Curve25519 key, base64."""
        return str(self.account.identity_keys["curve25519"])

    @property
    def signing_key(self) -> str:
        """This device's Ed25519 key, base64."""
        return str(self.account.identity_keys["ed25519"])

    def add_room_key(
        self, room_id: str, session: Any, owner: str
    ) -> bool:  # a nio InboundGroupSession; nio carries no types
        """Keep a Megolm session unless we hold a copy that reads at least as far back."""
        known = self.inbound_group_store.get(room_id, session.sender_key, session.id)
        if known is not None and known.first_known_index <= session.first_known_index:
            return False
        session.owner = owner
        self.inbound_group_store[room_id][session.sender_key][session.id] = session
        self.save_inbound_group_session(session)
        self.new_room_keys.add((room_id, session.id))
        self.on_room_key(room_id, session.sender_key, session.id)
        return True

    def _handle_room_key_event(self, sender: str, sender_key: str, payload: dict[str, Any]) -> Any:
        event = RoomKeyEvent.from_dict(payload, sender, sender_key)
        signing_key = as_dict(payload.get("keys")).get("ed25519")
        if (
            not isinstance(event, RoomKeyEvent)
            or event.algorithm != MEGOLM_ALGORITHM
            or not is_key(signing_key)
        ):
            return None
        if not self._has_room_for_key(sender, sender_key, event.room_id):
            log.warning("too many room keys, the last from %s: refused", sender)
            return None
        session = InboundGroupSession(
            payload["content"]["session_key"], signing_key, sender_key, event.room_id
        )
        if session.id != event.session_id:
            log.warning("a room key from %s names another session than it holds: refused", sender)
            return None
        self.add_room_key(event.room_id, session, sender)
        return event

    def _has_room_for_key(self, sender: str, sender_key: str, room_id: str) -> bool:
        taken = self._keys_taken[sender_key] = self._keys_taken.get(sender_key, 0) + 1
        stranger = not self._is_member(room_id, sender)
        self._keys_of_strangers += stranger
        return taken <= MOST_KEYS_PER_DEVICE and not (
            stranger and self._keys_of_strangers > MOST_KEYS_FROM_STRANGERS
        )

    def _handle_forwarded_room_key_event(self, sender: str, sender_key: str, payload: dict[str, Any]) -> Any:
        """Take a key we asked for, back from the very device that made it; nobody else can vouch for its author."""
        event = ForwardedRoomKeyEvent.from_dict(payload, sender, sender_key)
        if not isinstance(event, ForwardedRoomKeyEvent) or event.algorithm != MEGOLM_ALGORITHM:
            return None
        content = payload["content"]
        signing_key = content["sender_claimed_ed25519_key"]
        made_by_sender = (
            content["sender_key"] == sender_key
            and as_dict(payload.get("keys")).get("ed25519") == signing_key
            and not as_list(content.get("forwarding_curve25519_key_chain"))
        )
        if not made_by_sender or not self.asked_for(event.room_id, event.session_id, sender):
            log.info("a forwarded room key from %s that we did not ask it for: refused", sender)
            return None
        session = InboundGroupSession.import_session(
            content["session_key"], signing_key, sender_key, event.room_id
        )
        if session.id != event.session_id:
            return None
        self.add_room_key(event.room_id, session, sender)
        return event

    def handle_device_keys(self, user_id: str, payloads: dict[str, dict[str, Any]]) -> None:
        """Take in one person's checked devices from an answer to `/keys/query`."""
        self._handle_key_query(KeysQueryResponse({user_id: payloads}, {}))

    def _mark_device_for_unwedging(self, sender: str, sender_key: str) -> None:
        device = self.device_store.device_from_sender_key(sender, sender_key)
        if device is None:
            self.users_for_key_query.add(sender)
        else:
            self.wedged.add((sender, str(device.id)))

    def try_decrypt(self, sender: str, sender_key: str, message: Any) -> bool:
        """Decrypt one Olm message and take in what it carries; False if it could not be read."""
        try:
            read = self.decrypt(sender, sender_key, message)
        except MALFORMED as error:
            log.warning("an Olm message from %s could not be read: %s", sender, type(error).__name__)
            if isinstance(error, vodozemac.SessionCreationException):
                self._mark_device_for_unwedging(sender, sender_key)
            read = None
        if not self.session_store[sender_key]:
            # Looking a stranger's key up has made an empty entry for it.
            del self.session_store._entries[sender_key]
        return read is not None

    def start_sessions(self, keys: dict[str, dict[str, dict[str, Any]]]) -> None:
        """Start Olm sessions from checked one-time keys: user id → device id → key id → key object."""
        try:
            self._handle_key_claiming(KeysClaimResponse(keys, {}))
        except MALFORMED as error:
            log.warning("a claimed key could not be used: %s", type(error).__name__)

    def olm_encrypt(
        self, device: Any, message_type: str, content: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """The Olm ciphertext of a message for this device, or None if there is no session with it."""
        session = self.session_store.get(device.curve25519)
        if session is None:
            return None
        return dict(self._olm_encrypt(session, device, message_type, dict(content)))

    def room_key(self, room_id: str, session_id: str, sender: str) -> Any:
        """The Megolm session an event of `sender` names, or None; the copy that sender brought comes first."""
        copies = self.inbound_group_store.find(room_id, session_id)
        copies.sort(key=lambda session: (getattr(session, "owner", "") != sender, session.first_known_index))
        return copies[0] if copies else None

    def room_key_names(self) -> list[tuple[str, str, str]]:
        """Room, sender key and id of every Megolm session."""
        names: list[tuple[str, str, str]] = self.inbound_group_store.names()
        return names

    def drop_room_keys(self, room_id: str) -> list[str]:
        """Forget every Megolm session of this room; their ids."""
        dropped: list[str] = self.store.drop_room_keys(room_id, self.inbound_group_store)
        return dropped

    def device_of(self, user_id: str, curve_key: str) -> Any:
        """This person's device with this key, or None."""
        return self.device_store.device_from_sender_key(user_id, curve_key)

    def sign(self, value: Mapping[str, Any]) -> str:
        """This device's signature over the canonical JSON of `value`."""
        return str(self.sign_json(dict(value)))
