"""The key backup: the room keys this device can read, on the homeserver, for a device that comes after it.

Matrix specification, "Server-side key backups": `m.megolm_backup.v1.curve25519-aes-sha2`. Its private key lies in
secret storage under the recovery key; here is only what writing needs. Since anybody who knows the public key could
slip keys of their own into such a backup, each entry carries a MAC (MSC4048), and only entries that carry a right one
are read back: a homeserver cannot put words into somebody's mouth that way.

What is forgotten is lost here too: the keys of a room we left are deleted from the backup, tried until it is done.
A backup that somebody else made for the account is never written to.
"""

import asyncio
import enum
import hashlib
import hmac
import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import vodozemac
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from nio.crypto import InboundGroupSession

from bridge.matrix.checked import MALFORMED, MEGOLM_ALGORITHM, is_key, is_user_id
from bridge.matrix.cipher import HOUR_MS, Cipher
from bridge.matrix.clock import Clock
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.secret_storage import from_base64, to_base64
from bridge.matrix.text import as_dict, as_text, canonical, read_json

log = logging.getLogger(__name__)

BACKUP = "key_backup"
DUE = "backup_due"
GONE = "backup_gone"
"""Kinds of rows: the backup itself, room keys that are not in it yet, rooms whose keys are to go from it."""

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"
STORED_AS = "m.megolm_backup.v1"
"""The name of its private key in secret storage."""
MAC_KEY_INFO = b"MATRIX_BACKUP_MAC_KEY"
MAC_NAME = "org.matrix.msc4048.hmac-sha-256:backup_mac_key"
OWNER = "app.hearth.owner"
"""Whose device brought the session: without it, nobody could tell who may have written with it."""

KEYS_PER_REQUEST = 100
REQUESTS_PER_ROUND = 5
MOST_RESTORED = 50_000
RESTORED_AT_ONCE = 500


class BackupState(enum.StrEnum):
    """How the backup stands."""

    NONE = "no backup"
    KEPT = "kept"
    GONE = "deleted on the homeserver"
    FOREIGN = "another app's"


class BackupRow(msgspec.Struct, frozen=True):
    """What writing into the backup needs; `version` "" as long as the homeserver has not made it."""

    public_key: str
    mac_key: bytes
    version: str = ""
    signatures: dict[str, str] = {}
    """Of the public key by other keys of the account than this device's, by key id."""

    def __repr__(self) -> str:
        return f"BackupRow(version={self.version!r})"


class KeyBackup:
    """This account's backup of room keys; `keep` is called between syncs."""

    def __init__(
        self,
        homeserver: Homeserver,
        cipher: Cipher,
        ledger: Ledger,
        rows: Mapping[tuple[str, str], bytes],
        clock: Clock,
    ) -> None:
        self._homeserver = homeserver
        self._cipher = cipher
        self._ledger = ledger
        self._clock = clock
        row = rows.get((BACKUP, ""))
        self._row = msgspec.msgpack.decode(row, type=BackupRow) if row is not None else None
        self._due = {key: None for kind, key in rows if kind == DUE}
        self._gone = {room_id for kind, room_id in rows if kind == GONE}
        self._state: BackupState | None = None
        self._look_again_ms = 0
        self._one_at_a_time = asyncio.Lock()
        cipher.machine.on_room_key = self.note_key
        cipher.on_room_left = self.forget_room

    def __repr__(self) -> str:
        return f"KeyBackup({self._row!r}, {len(self._due)} due)"

    @property
    def is_set_up(self) -> bool:
        """Whether this house has a backup, or is to have one."""
        return self._row is not None

    async def is_there(self) -> bool:
        """Whether the account has any backup on the homeserver, whoever made it."""
        return await self._present() is not None

    @property
    def due(self) -> int:
        """How many room keys are not in the backup yet."""
        return len(self._due)

    # What changes; whoever calls these holds the ledger's turn and commits

    def note_key(self, room_id: str, sender_key: str, session_id: str) -> None:
        """A room key is new, or reads further back than before."""
        if self._row is not None:
            key = f"{room_id}|{sender_key}|{session_id}"
            self._due[key] = None
            self._ledger.put(DUE, key, b"")

    def forget_room(self, room_id: str) -> None:
        """The keys of this room go from the backup."""
        for key in [key for key in self._due if _parts(key)[0] == room_id]:
            self._drop_due(key)
        if self._row is not None:
            self._gone.add(room_id)
            self._ledger.put(GONE, room_id, b"")

    def _drop_due(self, key: str) -> None:
        if key in self._due:
            del self._due[key]
            self._ledger.put(DUE, key, None)

    def _set(self, row: BackupRow) -> None:
        self._row = row
        self._ledger.put(BACKUP, "", msgspec.msgpack.encode(row))

    # Making it

    async def begin(self, seed: bytes, signatures: Mapping[str, str] | None = None) -> None:
        """From now on keys are backed up under this private key; every key there is becomes due.

        Nothing is asked of the homeserver yet: `make` or `keep` makes the backup there. `signatures`: of
        `{"public_key": …}` by other keys of the account, by key id.
        """
        async with self._ledger.turn:
            self._set(BackupRow(public_key_of(seed), mac_key_of(seed), signatures=dict(signatures or {})))
            self._state, self._look_again_ms = None, 0
            for room_id, sender_key, session_id in self._cipher.machine.room_key_names():
                self.note_key(room_id, sender_key, session_id)
            await self._ledger.commit()

    async def make(self) -> BackupState:
        """See to it that the homeserver has this backup, if it has none; how it stands then."""
        async with self._one_at_a_time:
            return await self._make()

    async def _make(self) -> BackupState:
        state = await self.look()
        if state is not BackupState.NONE or self._row is None:
            return state
        bare = {"public_key": self._row.public_key}
        machine = self._cipher.machine
        own = {f"ed25519:{machine.device_id}": machine.sign(bare), **self._row.signatures}
        body = {"algorithm": ALGORITHM, "auth_data": {**bare, "signatures": {machine.user_id: own}}}
        try:
            await self._homeserver.request("POST", path("room_keys", "version"), body=body)
        except Refused as refused:
            if refused.errcode != "M_UNRECOGNIZED":
                raise
            log.warning("this homeserver keeps no backups of room keys")
            return state
        return await self.look()

    async def look(self) -> BackupState:
        """How the account's present backup stands with ours; one that is ours is remembered."""
        present = await self._present()
        row = self._row
        if row is None:
            self._state = BackupState.FOREIGN if present else BackupState.NONE
        elif present is None:
            self._state = BackupState.GONE if row.version else BackupState.NONE
        elif present[1] != row.public_key or row.version not in ("", present[0]):
            self._state = BackupState.FOREIGN
        else:
            self._state = BackupState.KEPT
            if not row.version:
                async with self._ledger.turn:
                    self._set(msgspec.structs.replace(row, version=present[0]))
                    await self._ledger.commit()
        return self._state

    async def _present(self) -> tuple[str, str] | None:
        """Version and public key of the backup the homeserver has; the key is "" for one we cannot write."""
        try:
            answer = await self._homeserver.request("GET", path("room_keys", "version"))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        key = as_text(as_dict(answer.get("auth_data")).get("public_key")) or ""
        ours = answer.get("algorithm") == ALGORITHM and is_key(key)
        return as_text(answer.get("version")) or "", key.rstrip("=") if ours else ""

    # Keeping it

    async def keep(self) -> None:
        """Take out what is forgotten, put in what is new: a bounded number of requests, the rest next time."""
        if self._row is None or self._clock.now_ms() < self._look_again_ms:
            return
        if not self._gone and not self._due and self._state is BackupState.KEPT:
            return
        async with self._one_at_a_time:
            try:
                await self._keep(self._row)
            except Refused as refused:
                # A homeserver without backups, say: it is asked again, but not after each sync.
                log.warning("room keys are not backed up: %s", refused)
                self._rest()

    async def _keep(self, row: BackupRow) -> None:
        await self._take_out()
        if self._state is None:
            await self._make()
            row = self._row or row
        if self._state is not BackupState.KEPT:
            log.warning("room keys are not backed up: the backup is %s", self._state)
            self._rest()
            return
        for _ in range(REQUESTS_PER_ROUND):
            if not self._due:
                return
            await self._put_in(row, list(self._due)[:KEYS_PER_REQUEST])

    def _rest(self) -> None:
        self._state, self._look_again_ms = None, self._clock.now_ms() + HOUR_MS

    async def _take_out(self) -> None:
        for room_id in sorted(self._gone):
            if self._row is not None and self._row.version:
                await self._delete(room_id, self._row.version)
            async with self._ledger.turn:
                self._gone.discard(room_id)
                self._ledger.put(GONE, room_id, None)
                await self._ledger.commit()

    async def _delete(self, room_id: str, version: str) -> None:
        where = path("room_keys", "keys", room_id)
        try:
            await self._homeserver.request("DELETE", where, query={"version": version})
        except Refused as refused:
            if refused.status != 404:
                raise
            log.debug("nothing of a room was in the backup (any more)")

    async def _put_in(self, row: BackupRow, keys: list[str]) -> None:
        """Upload these room keys; raises `Refused` if the backup is not ours to write to any more."""
        async with self._ledger.turn:
            held = {key: session for key in keys if (session := self._session(key)) is not None}
            indices = {key: int(session.first_known_index) for key, session in held.items()}
            rooms = self._sealed(row, held)
        if rooms:
            where = path("room_keys", "keys")
            query = {"version": row.version}
            await self._homeserver.request("PUT", where, query=query, body={"rooms": rooms})
        async with self._ledger.turn:
            for key in keys:
                now = self._session(key)
                if now is None or int(now.first_known_index) == indices.get(key):
                    self._drop_due(key)
            await self._ledger.commit()

    def _session(self, key: str) -> Any:
        room_id, sender_key, session_id = _parts(key)
        return self._cipher.machine.inbound_group_store.get(room_id, sender_key, session_id)

    def _sealed(self, row: BackupRow, held: Mapping[str, Any]) -> dict[str, Any]:
        rooms: defaultdict[str, dict[str, Any]] = defaultdict(lambda: {"sessions": {}})
        for key, session in held.items():
            room_id, sender_key, session_id = _parts(key)
            owner = getattr(session, "owner", "")
            if owner:  # a copy that nobody vouches for is of no use to a later device either
                rooms[room_id]["sessions"][session_id] = {
                    "first_message_index": int(session.first_known_index),
                    "forwarded_count": 0,
                    "is_verified": self._is_vouched_for(owner, sender_key),
                    "session_data": seal(row, self._cipher.machine.user_id, session, owner),
                }
        return rooms

    def _is_vouched_for(self, owner: str, sender_key: str) -> bool:
        machine = self._cipher.machine
        device = machine.device_of(owner, sender_key)
        own = sender_key == machine.curve_key
        return own or (device is not None and self._cipher.trust.is_signed(owner, device.id))

    # Reading it back

    async def restore(self, seed: bytes) -> int | None:
        """Take in every room key of the present backup; how many were new. None if this key does not open it.

        This backup is then ours to go on with.
        """
        present = await self._present()
        if present is None or present[1] != public_key_of(seed):
            return None
        row = BackupRow(present[1], mac_key_of(seed), present[0])
        answer = await self._homeserver.request(
            "GET", path("room_keys", "keys"), query={"version": row.version}, timeout_seconds=300
        )
        if self._row is None or self._row.public_key != row.public_key:
            await self.begin(seed)
        decryption = vodozemac.PkDecryption.from_key(vodozemac.Curve25519SecretKey.from_bytes(seed))
        sessions = list(self._opened(row, decryption, answer))
        came = 0
        for start in range(0, len(sessions), RESTORED_AT_ONCE):
            async with self._ledger.turn:
                for room_id, session, owner in sessions[start : start + RESTORED_AT_ONCE]:
                    came += self._cipher.machine.add_room_key(room_id, session, owner)
                    if self._is_all_there_is(room_id, session):
                        self._drop_due(f"{room_id}|{session.sender_key}|{session.id}")
                await self._ledger.commit()
        async with self._ledger.turn:
            self._set(row)
            await self._ledger.commit()
        return came

    def _is_all_there_is(self, room_id: str, session: Any) -> bool:
        """Whether what lies here reads no further back than what lies in the backup."""
        known = self._cipher.machine.inbound_group_store.get(room_id, session.sender_key, session.id)
        return known is None or int(known.first_known_index) >= int(session.first_known_index)

    def _opened(
        self, row: BackupRow, decryption: Any, answer: Mapping[str, Any]
    ) -> Iterator[tuple[str, Any, str]]:
        """The sound entries: room, session, owner."""
        looked_at = refused = 0
        for room_id, room in as_dict(answer.get("rooms")).items():
            for session_id, entry in as_dict(as_dict(room).get("sessions")).items():
                looked_at += 1
                if looked_at > MOST_RESTORED:
                    log.warning("the backup holds more than %d room keys; the rest is left", MOST_RESTORED)
                    return
                data = as_dict(as_dict(entry).get("session_data"))
                opened = unseal(row, decryption, self._cipher.machine.user_id, room_id, data)
                if opened is None or opened[0].id != session_id:
                    refused += 1
                else:
                    yield room_id, *opened
        if refused:
            log.warning("%d room keys in the backup were not put there by this bot: left out", refused)


def _parts(key: str) -> tuple[str, str, str]:
    room_id, sender_key, session_id = key.rsplit("|", 2)
    return room_id, sender_key, session_id


def public_key_of(seed: bytes) -> str:
    """The public half of the backup's key."""
    return str(vodozemac.Curve25519SecretKey.from_bytes(seed).public_key().to_base64())


def mac_key_of(seed: bytes) -> bytes:
    """The key entries are authenticated with (MSC4048)."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=MAC_KEY_INFO).derive(seed)


def seal(row: BackupRow, user_id: str, session: Any, owner: str) -> dict[str, Any]:
    """The `session_data` of one room key."""
    plain = {
        "algorithm": MEGOLM_ALGORITHM,
        "forwarding_curve25519_key_chain": list(session.forwarding_chain),
        "sender_claimed_keys": {"ed25519": session.ed25519},
        "sender_key": session.sender_key,
        "session_key": session.export_session(session.first_known_index),
        OWNER: owner,
    }
    encryption = vodozemac.PkEncryption.from_key(vodozemac.Curve25519PublicKey.from_base64(row.public_key))
    message = encryption.encrypt(json.dumps(plain).encode())
    # Its parts by name: what `to_base64` gives and what `from_base64` takes are in opposite order (vodozemac 0.10).
    data = {
        "ciphertext": to_base64(message.ciphertext),
        "ephemeral": to_base64(message.ephemeral_key),
        "mac": to_base64(message.mac),
    }
    return {**data, "signatures": {user_id: {MAC_NAME: _mac(row, data)}}}


def _mac(row: BackupRow, data: Mapping[str, Any]) -> str:
    bare = {name: value for name, value in data.items() if name not in {"signatures", "unsigned"}}
    return to_base64(hmac.digest(row.mac_key, canonical(bare), hashlib.sha256))


def unseal(
    row: BackupRow, decryption: Any, user_id: str, room_id: str, data: Mapping[str, Any]
) -> tuple[Any, str] | None:
    """The session `seal` hid and its owner; None for anything that was not sealed with our keys."""
    said = as_text(as_dict(as_dict(data.get("signatures")).get(user_id)).get(MAC_NAME))
    try:
        if said is None or not hmac.compare_digest(from_base64(said), from_base64(_mac(row, data))):
            return None
        parts = (from_base64(data[name]) for name in ("ciphertext", "mac", "ephemeral"))
        plain = as_dict(read_json(decryption.decrypt(vodozemac.Message(*parts))))
        owner, signing = plain.get(OWNER), as_dict(plain.get("sender_claimed_keys")).get("ed25519")
        sender_key = plain.get("sender_key")
        if not (is_user_id(owner) and is_key(signing) and is_key(sender_key)):
            return None
        session = InboundGroupSession.import_session(plain["session_key"], signing, sender_key, room_id)
    except MALFORMED:
        return None
    return session, str(owner)
