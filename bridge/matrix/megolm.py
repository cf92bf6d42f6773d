"""The Megolm sessions we encrypt rooms with: kept over restarts, shared device by device, turned when they must be.

A session is started anew when the room's settings say so (`rotation_period_ms`, `rotation_period_msgs` of
`m.room.encryption`; 7 days and 100 messages by default), and when a device that holds it may no longer read: its
owner left, it was removed, or its owner's identity changed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import vodozemac
from nio.crypto import InboundGroupSession

from bridge.matrix.checked import MEGOLM_ALGORITHM
from bridge.matrix.clock import Clock
from bridge.matrix.keep import Ledger
from bridge.matrix.machine import Machine
from bridge.matrix.text import canonical

ROOM_SESSION = "room_session"
TRANSACTION = "app.hearth.tx"
"""The key in every content of ours that carries its transaction id."""

OUTSIDE = ("m.relates_to", TRANSACTION)
"""What stays readable for the homeserver: it needs relations, and it was given the transaction id anyway; so a new
device, which cannot read what this one wrote, still finds it."""

WEEK_MS = 7 * 24 * 3600 * 1000


class Rotation(msgspec.Struct, frozen=True):
    """When a session has served long enough."""

    period_ms: int = WEEK_MS
    period_messages: int = 100


class Share(msgspec.Struct, frozen=True, order=True):
    """One device that holds the session, from this message index on."""

    user_id: str
    device_id: str
    curve_key: str
    index: int


class RoomSessionRow(msgspec.Struct, frozen=True):
    """A room's outbound session as it lies in the store."""

    pickle: str
    created_ms: int
    messages: int
    shares: tuple[Share, ...]


class RoomSession:
    """The session one room is encrypted with at present."""

    def __init__(self, group: Any, created_ms: int, messages: int = 0, shares: Iterable[Share] = ()) -> None:
        self.group = group
        self.created_ms = created_ms
        self.messages = messages
        self.shares = {(share.user_id, share.device_id): share for share in shares}

    @property
    def session_id(self) -> str:
        return str(self.group.session_id)

    def lacking(self, readers: Iterable[Any]) -> list[Any]:
        """The devices among `readers` that do not hold the session yet."""
        return [
            device
            for device in readers
            if (share := self.shares.get((device.user_id, device.id))) is None
            or share.curve_key != device.curve25519
        ]

    def must_turn(self, rotation: Rotation, now_ms: int, readers: Iterable[Any]) -> bool:
        """Whether the next message needs a new session."""
        allowed = {(device.user_id, device.id) for device in readers}
        return (
            self.messages >= rotation.period_messages
            or now_ms - self.created_ms >= rotation.period_ms
            or now_ms < self.created_ms - WEEK_MS
            or not self.shares.keys() <= allowed
        )


class RoomSessions:
    """The outbound sessions of all rooms; whoever changes one holds the ledger's turn and commits before sending."""

    def __init__(
        self,
        rows: Mapping[tuple[str, str], bytes],
        machine: Machine,
        ledger: Ledger,
        pickle_secret: bytes,
        clock: Clock,
    ) -> None:
        self._machine = machine
        self._ledger = ledger
        self._pickle_secret = pickle_secret
        self._clock = clock
        self._sessions: dict[str, RoomSession] = {}
        for (kind, room_id), value in rows.items():
            if kind == ROOM_SESSION:
                self._sessions[room_id] = self._read(value)

    def _read(self, value: bytes) -> RoomSession:
        row = msgspec.msgpack.decode(value, type=RoomSessionRow)
        group = vodozemac.GroupSession.from_pickle(row.pickle, self._pickle_secret)
        return RoomSession(group, row.created_ms, row.messages, row.shares)

    def _note(self, room_id: str) -> None:
        self._ledger.note(ROOM_SESSION, room_id, lambda: self._row(room_id))

    def _row(self, room_id: str) -> bytes | None:
        session = self._sessions.get(room_id)
        if session is None:
            return None
        pickle = session.group.pickle(self._pickle_secret)
        shares = tuple(sorted(session.shares.values()))
        return msgspec.msgpack.encode(RoomSessionRow(pickle, session.created_ms, session.messages, shares))

    def current(self, room_id: str) -> RoomSession | None:
        return self._sessions.get(room_id)

    def fitting(self, room_id: str, rotation: Rotation, readers: Iterable[Any]) -> RoomSession:
        """The room's session, a new one if there is none or the old one must turn."""
        now_ms = self._clock.now_ms()
        session = self._sessions.get(room_id)
        if session is not None and not session.must_turn(rotation, now_ms, readers):
            return session
        session = self._sessions[room_id] = RoomSession(vodozemac.GroupSession(), now_ms)
        # Our own copy, so that we can find our messages in the room again.
        self._machine.add_room_key(
            room_id,
            InboundGroupSession(
                session.group.session_key.to_base64(),
                self._machine.signing_key,
                self._machine.curve_key,
                room_id,
            ),
            self._machine.user_id,
        )
        self._note(room_id)
        return session

    def room_key_content(self, room_id: str, session: RoomSession) -> dict[str, Any]:
        """The content of the `m.room_key` message that hands the session on at its present index."""
        return {
            "algorithm": MEGOLM_ALGORITHM,
            "room_id": room_id,
            "session_id": session.session_id,
            "session_key": session.group.session_key.to_base64(),
        }

    def mark_shared(self, room_id: str, session: RoomSession, devices: Iterable[Any], index: int) -> None:
        """These devices received the session at `index`."""
        for device in devices:
            share = Share(device.user_id, device.id, device.curve25519, index)
            session.shares[share.user_id, share.device_id] = share
        self._note(room_id)

    def encrypt(self, room_id: str, event_type: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """The `m.room.encrypted` content of a message; relations stay outside, as the homeserver needs them."""
        session = self._sessions[room_id]
        inside = {name: value for name, value in content.items() if name != "m.relates_to"}
        plaintext = canonical({"room_id": room_id, "type": event_type, "content": inside})
        sealed = {
            "algorithm": MEGOLM_ALGORITHM,
            "sender_key": self._machine.curve_key,
            "device_id": self._machine.device_id,
            "session_id": session.session_id,
            "ciphertext": session.group.encrypt(plaintext).to_base64(),
        }
        sealed |= {name: content[name] for name in OUTSIDE if name in content}
        session.messages += 1
        self._note(room_id)
        return sealed

    def share_again(self, room_id: str, session_id: str, user_id: str, device_id: str) -> bool:
        """This device lost the key it was given: it gets it again, as it is then, before the next message."""
        session = self._sessions.get(room_id)
        if session is None or session.session_id != session_id:
            return False
        if session.shares.pop((user_id, device_id), None) is None:
            return False
        self._note(room_id)
        return True

    def drop(self, room_id: str) -> None:
        """Encrypt nothing more with this room's session."""
        if self._sessions.pop(room_id, None) is not None:
            self._ledger.put(ROOM_SESSION, room_id, None)
