"""nio's store without a database: it reads rows loaded beforehand and notes changes in the ledger.

nio saves at moments of its own: the account before vodozemac takes the used one-time key out of it, an Olm session
before the room key it carried. So `save_*` stores nothing; it notes *which* object changed, and the object is pickled
when the batch leaves (`Ledger.take`), after everything a sync answer or a send did to it. What reaches the disk is
one consistent moment: all of it or, after a kill, none of it, and then the homeserver hands out the same
to-device messages again to a state that has not seen them yet.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from nio.crypto import (
    DeviceStore,
    GroupSessionStore,
    InboundGroupSession,
    OlmAccount,
    OlmDevice,
    OutgoingKeyRequest,
    Session,
    SessionStore,
    TrustState,
)
from nio.store import MatrixStore

from bridge.matrix.clock import Clock
from bridge.matrix.keep import Ledger

MOST_STRANGERS = 1_000
"""Devices we hold Olm sessions with although we share no room; the one heard from longest ago goes first."""

SESSIONS_PER_PEER = 8
"""Olm sessions kept per other device; the least recently used goes first."""

ACCOUNT = "olm_account"
OLM = "olm_session"
ROOM_KEY = "room_key"
DEVICES = "devices"
KEY_REQUEST = "nio_key_request"


class AccountRow(msgspec.Struct, frozen=True):
    """The Olm account: `pickle` is encrypted; `shared` says that the device keys were uploaded."""

    pickle: str
    shared: bool


class SessionRow(msgspec.Struct, frozen=True):
    """One Olm session with another device; times in milliseconds."""

    pickle: str
    created_ms: int
    used_ms: int


class RoomKeyRow(msgspec.Struct, frozen=True):
    """One Megolm session we can read; `owner` is the user whose device brought it, "" if only forwarded."""

    pickle: str
    ed25519: str
    owner: str = ""
    forwarded: tuple[str, ...] = ()


class DeviceRow(msgspec.Struct, frozen=True):
    """One device of somebody: its keys, and whether it is gone."""

    device_id: str
    ed25519: str
    curve25519: str
    deleted: bool = False


class RoomKeys(GroupSessionStore):  # type: ignore[misc]
    """All Megolm sessions we can read, unpickled when first used: a year of rooms costs nothing at the start."""

    def __init__(self, passphrase: str) -> None:
        super().__init__()
        self._passphrase = passphrase
        self._asleep: dict[tuple[str, str], dict[str, bytes]] = {}

    def lay_down(self, room_id: str, sender_key: str, session_id: str, value: bytes) -> None:
        """Add a stored session without unpickling it."""
        self._asleep.setdefault((room_id, session_id), {})[sender_key] = value

    def get(self, room_id: str, sender_key: str, session_id: str) -> Any:
        """The session, or None."""
        self._wake(room_id, session_id)
        return super().get(room_id, sender_key, session_id)

    def find(self, room_id: str, session_id: str) -> list[Any]:
        """The sessions of this id in the room, whoever brought them: an event no longer names its sender key."""
        self._wake(room_id, session_id)
        return [keys[session_id] for keys in self[room_id].values() if session_id in keys]

    def names(self) -> list[tuple[str, str, str]]:
        """Room, sender key and id of every session."""
        awake = [
            (room_id, sender_key, session_id)
            for room_id, senders in self._entries.items()
            for sender_key, held in senders.items()
            for session_id in held
        ]
        asleep = [
            (room_id, sender_key, session_id)
            for (room_id, session_id), senders in self._asleep.items()
            for sender_key in senders
        ]
        return awake + asleep

    def drop_room(self, room_id: str) -> list[tuple[str, str]]:
        """Let go of every session of this room; the sender key and the id of each."""
        awake = [(key, session_id) for key, held in self[room_id].items() for session_id in held]
        lying = [place for place in self._asleep if place[0] == room_id]
        asleep = [(key, session_id) for _, session_id in lying for key in self._asleep[room_id, session_id]]
        for place in lying:
            del self._asleep[place]
        self[room_id].clear()
        return awake + asleep

    def _wake(self, room_id: str, session_id: str) -> None:
        for sender_key, value in self._asleep.pop((room_id, session_id), {}).items():
            row = msgspec.msgpack.decode(value, type=RoomKeyRow)
            session = InboundGroupSession.from_pickle(
                row.pickle.encode(), row.ed25519, sender_key, room_id, self._passphrase, list(row.forwarded)
            )
            session.owner = row.owner
            self.add(session)


class RowStore(MatrixStore):  # type: ignore[misc]
    """The `MatrixStore` nio talks to; `pickle_secret` are 32 random bytes that lie apart from the rows."""

    def __init__(
        self,
        user_id: str,
        device_id: str,
        rows: Mapping[tuple[str, str], bytes],
        ledger: Ledger,
        pickle_secret: bytes,
        clock: Clock,
    ) -> None:
        # nio's own __init__ would open an SQLite file; every method that would use it is replaced below.
        if len(pickle_secret) != 32:
            raise ValueError(f"pickle_secret: {len(pickle_secret)} bytes; 32 random ones are needed")
        self.user_id = user_id
        self.device_id = device_id
        self._rows = rows
        self._ledger = ledger
        self._passphrase = pickle_secret.hex()
        self._clock = clock
        self._recent: dict[str, OrderedDict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"RowStore({self.user_id!r}, {self.device_id!r})"

    def _of(self, kind: str) -> Iterator[tuple[str, bytes]]:
        return ((key, value) for (of_kind, key), value in self._rows.items() if of_kind == kind)

    def forget_loaded_rows(self) -> None:
        """Everything is loaded: let go of the rows."""
        self._rows = {}

    # The account

    def load_account(self) -> Any:
        value = self._rows.get((ACCOUNT, self.device_id))
        if value is None:
            return None
        row = msgspec.msgpack.decode(value, type=AccountRow)
        return OlmAccount.from_pickle(row.pickle.encode(), self._passphrase, row.shared)

    def save_account(self, account: Any) -> None:
        self._ledger.note(
            ACCOUNT,
            self.device_id,
            lambda: msgspec.msgpack.encode(
                AccountRow(account.pickle(self._passphrase).decode(), account.shared)
            ),
        )

    # Olm sessions, one to one with other devices

    def load_sessions(self) -> Any:
        store = SessionStore()
        for key, value in self._of(OLM):
            curve_key, _ = key.split("|", 1)
            row = msgspec.msgpack.decode(value, type=SessionRow)
            session = Session.from_pickle(
                row.pickle.encode(), _moment(row.created_ms), self._passphrase, _moment(row.used_ms)
            )
            session.created_ms, session.used_ms = row.created_ms, row.used_ms
            store.add(curve_key, session)
        for curve_key, sessions in store.items():
            self._recent[curve_key] = OrderedDict((session.id, session) for session in reversed(sessions))
        return store

    def save_session(self, curve_key: str, session: Any) -> None:
        session.used_ms = self._clock.now_ms()
        session.created_ms = getattr(session, "created_ms", session.used_ms)
        recent = self._recent.setdefault(curve_key, OrderedDict())
        recent[session.id] = session
        recent.move_to_end(session.id)
        self._ledger.note(OLM, f"{curve_key}|{session.id}", lambda: self._session_row(session))

    def _session_row(self, session: Any) -> bytes:
        return msgspec.msgpack.encode(
            SessionRow(session.pickle(self._passphrase).decode(), session.created_ms, session.used_ms)
        )

    def drop_spare_sessions(self, store: Any) -> None:
        """Forget the least recently used sessions beyond `SESSIONS_PER_PEER`, and those of too many strangers: here,
        in nio and in the rows.
        """
        if len(self._recent) > MOST_STRANGERS:
            known = {device.curve25519 for device in self._devices}
            strangers = [curve_key for curve_key in self._recent if curve_key not in known]
            for curve_key in strangers[: max(0, len(strangers) - MOST_STRANGERS)]:
                self.drop_sessions_with(curve_key, store)
        for curve_key, recent in self._recent.items():
            while len(recent) > SESSIONS_PER_PEER:
                session_id, session = recent.popitem(last=False)
                self._ledger.put(OLM, f"{curve_key}|{session_id}", None)
                if session in store[curve_key]:
                    store[curve_key].remove(session)

    def drop_sessions_with(self, curve_key: str, store: Any) -> None:
        """Forget every Olm session with this device, here, in nio and in the rows."""
        for session_id in self._recent.pop(curve_key, OrderedDict()):
            self._ledger.put(OLM, f"{curve_key}|{session_id}", None)
        store[curve_key].clear()

    # Megolm sessions of rooms

    def load_inbound_group_sessions(self) -> Any:
        store = RoomKeys(self._passphrase)
        for key, value in self._of(ROOM_KEY):
            room_id, sender_key, session_id = key.rsplit("|", 2)
            store.lay_down(room_id, sender_key, session_id, value)
        return store

    def save_inbound_group_session(self, session: Any) -> None:
        self._ledger.note(
            ROOM_KEY,
            f"{session.room_id}|{session.sender_key}|{session.id}",
            lambda: msgspec.msgpack.encode(
                RoomKeyRow(
                    session.pickle(self._passphrase).decode(),
                    session.ed25519,
                    getattr(session, "owner", ""),
                    tuple(session.forwarding_chain),
                )
            ),
        )

    def drop_room_keys(self, room_id: str, store: Any) -> list[str]:
        """Forget every Megolm session of this room, in nio and in the rows; their ids."""
        dropped = store.drop_room(room_id)
        for sender_key, session_id in dropped:
            self._ledger.put(ROOM_KEY, f"{room_id}|{sender_key}|{session_id}", None)
        return [session_id for _, session_id in dropped]

    # Devices: one row per person, as one answer of the homeserver tells them

    def load_device_keys(self) -> Any:
        store = DeviceStore()
        for user_id, value in self._of(DEVICES):
            for row in msgspec.msgpack.decode(value, type=tuple[DeviceRow, ...]):
                keys = {"ed25519": row.ed25519, "curve25519": row.curve25519}
                # Whether a device may have keys is decided by its owner's signature (`trust`), not by nio.
                device = OlmDevice(user_id, row.device_id, keys, "", row.deleted, TrustState.ignored)
                store[user_id][row.device_id] = device
        self._devices = store
        return store

    def save_device_keys(self, device_keys: Mapping[str, Mapping[str, Any]]) -> None:
        for user_id in device_keys:
            self.note_devices(user_id)

    def note_devices(self, user_id: str) -> None:
        """The devices of this person changed."""
        self._ledger.note(DEVICES, user_id, lambda: self._devices_row(user_id))

    def _devices_row(self, user_id: str) -> bytes | None:
        devices = self._devices[user_id].values()
        if not devices:
            return None
        return msgspec.msgpack.encode(
            [DeviceRow(each.id, each.ed25519, each.curve25519, each.deleted) for each in devices]
        )

    # What nio may ask besides

    def load_encrypted_rooms(self) -> set[str]:
        """Whether a room is encrypted is part of our own room state (`rooms`)."""
        return set()

    def save_encrypted_rooms(self, rooms: Iterable[str]) -> None:
        """See `load_encrypted_rooms`."""

    def delete_encrypted_room(self, room: str) -> None:
        """See `load_encrypted_rooms`."""

    def load_sync_token(self) -> str | None:
        """The cursor is ours (`sync`); nio has none."""
        return None

    def save_sync_token(self, token: str) -> None:
        """See `load_sync_token`."""

    def load_outgoing_key_requests(self) -> dict[str, Any]:
        return {
            key: OutgoingKeyRequest(*msgspec.msgpack.decode(value, type=tuple[str, str, str, str]))
            for key, value in self._of(KEY_REQUEST)
        }

    def add_outgoing_key_request(self, key_request: Any) -> None:
        asked = (key_request.request_id, key_request.session_id, key_request.room_id, key_request.algorithm)
        self._ledger.put(KEY_REQUEST, key_request.request_id, msgspec.msgpack.encode(asked))

    def remove_outgoing_key_request(self, key_request: Any) -> None:
        self._ledger.put(KEY_REQUEST, key_request.request_id, None)

    # Trust by hand is not ours: keys go to devices their owner signed, so nobody is verified or shut out one by one.

    def verify_device(self, device: Any) -> bool:
        return False

    def unverify_device(self, device: Any) -> bool:
        return False

    def is_device_verified(self, device: Any) -> bool:
        return False

    def blacklist_device(self, device: Any) -> bool:
        return False

    def unblacklist_device(self, device: Any) -> bool:
        return False

    def is_device_blacklisted(self, device: Any) -> bool:
        return False

    def ignore_device(self, device: Any) -> bool:
        return False

    def unignore_device(self, device: Any) -> bool:
        return False

    def ignore_devices(self, devices: Iterable[Any]) -> None:
        """See `verify_device`."""

    def is_device_ignored(self, device: Any) -> bool:
        return True


def _moment(milliseconds: int) -> datetime:
    # nio compares these with the naive local time.
    return datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone().replace(tzinfo=None)
