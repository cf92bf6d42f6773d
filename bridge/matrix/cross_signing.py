"""The account's identity: three keys, of which one vouches for this device (Matrix specification, "Cross-signing").

Without it the bot's messages carry a red shield, and clients in the strict mode neither read it nor let it read.
"""

import enum
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.matrix.backup import STORED_AS, BackupState, KeyBackup, public_key_of
from bridge.matrix.checked import cross_signing_key
from bridge.matrix.cipher import Cipher
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.secret_storage import (
    RandomBytes,
    RecoveryKey,
    SecretStorage,
    WrongRecoveryKey,
    to_base64,
)
from bridge.matrix.text import as_dict, as_text, canonical
from bridge.matrix.trust import IdentityState, identity_of

log = logging.getLogger(__name__)

KINDS = ("master", "self_signing", "user_signing")


class DeviceState(enum.StrEnum):
    """How this device stands with the account's identity."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    NO_IDENTITY = "no identity"
    IDENTITY_CHANGED = "identity changed"
    NOT_UPLOADED = "not uploaded"


class Bootstrapped(msgspec.Struct, frozen=True):
    """A new identity exists and this device is signed; the recovery key is shown once and kept by people."""

    recovery_key: RecoveryKey


class AlreadyHasIdentity(msgspec.Struct, frozen=True):
    """The account has an identity, which is never replaced: sign this device with `restore` and the recovery key."""

    device: DeviceState


class BackupOpened(msgspec.Struct, frozen=True):
    """How the key backup stands, and how many room keys came out of it."""

    state: BackupState
    restored: int = 0


class NoStoredIdentity(Exception):
    """The recovery key fits, but no signing key of the account's present identity is stored under it."""


class PasswordNeeded(Exception):
    """The homeserver wants the account's password before it takes a new identity."""


class SigningKey:
    """An Ed25519 key pair."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = to_base64(self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def __repr__(self) -> str:
        return f"SigningKey({self.public!r})"

    def sign(self, value: Mapping[str, Any]) -> str:
        """The signature over the canonical JSON of `value`, without its signatures."""
        bare = {name: item for name, item in value.items() if name not in {"signatures", "unsigned"}}
        return to_base64(self._private.sign(canonical(bare)))

    def described(self, user_id: str, usage: str) -> dict[str, Any]:
        """The public key as `/keys/device_signing/upload` wants it."""
        return {"user_id": user_id, "usage": [usage], "keys": {f"ed25519:{self.public}": self.public}}


class CrossSigning:
    """This account's identity and this device's place in it."""

    def __init__(
        self,
        homeserver: Homeserver,
        cipher: Cipher,
        ledger: Ledger,
        random_bytes: RandomBytes = secrets.token_bytes,
        *,
        backup: KeyBackup,
    ) -> None:
        self._backup = backup
        self._homeserver = homeserver
        self._cipher = cipher
        self._ledger = ledger
        self._random_bytes = random_bytes
        self._user_id = cipher.machine.user_id
        self._device_id = cipher.machine.device_id
        self._storage = SecretStorage(homeserver, self._user_id, random_bytes)

    async def _own_keys(self) -> dict[str, Any]:
        asked = self._cipher.trust.before_query([self._user_id])
        answer = await self._homeserver.request(
            "POST", path("keys", "query"), body={"device_keys": {self._user_id: []}}
        )
        async with self._ledger.turn:
            self._cipher.trust.take_answer(asked, answer)
            await self._ledger.commit()
        return answer

    async def device_state(self) -> DeviceState:
        """How the homeserver shows this device to others; its answer is checked, not believed."""
        return self._state_in(await self._own_keys())

    def _state_in(self, answer: Mapping[str, Any]) -> DeviceState:
        device = as_dict(as_dict(as_dict(answer.get("device_keys")).get(self._user_id)).get(self._device_id))
        shown = as_dict(device.get("keys")).get(f"ed25519:{self._device_id}")
        if shown != self._cipher.machine.signing_key:
            return DeviceState.NOT_UPLOADED
        if self._cipher.trust.state(self._user_id) is IdentityState.CHANGED:
            return DeviceState.IDENTITY_CHANGED
        if cross_signing_key(answer, "master", self._user_id) is None:
            return DeviceState.NO_IDENTITY
        _, signed = identity_of(answer, self._user_id)
        return DeviceState.SIGNED if self._device_id in signed else DeviceState.UNSIGNED

    async def bootstrap(
        self,
        *,
        password: str | None = None,
        reveal: Callable[[RecoveryKey], Awaitable[None]] | None = None,
    ) -> Bootstrapped | AlreadyHasIdentity:
        """Give the account an identity, store its secrets under a new recovery key and sign this device; room keys are
        backed up from then on.

        `reveal` is awaited before anything is published: killed at any point, either the account has no identity
        yet and the next call begins anew, or the key that opens it was shown. Device keys must have been uploaded.
        Raises `PasswordNeeded` if the homeserver asks for one and none was given.
        """
        state = self._state_in(await self._own_keys())
        if state is not DeviceState.NO_IDENTITY:
            return AlreadyHasIdentity(state)
        recovery_key = RecoveryKey.new(self._random_bytes)
        keys = {kind: SigningKey(self._random_bytes(32)) for kind in KINDS}
        if reveal is not None:
            await reveal(recovery_key)
        backup_seed = self._random_bytes(32)
        named = {f"m.cross_signing.{kind}": key.seed for kind, key in keys.items()}
        await self._storage.store(recovery_key, {**named, STORED_AS: backup_seed})
        await self._backup.begin(backup_seed, _vouched(keys["master"].seed, backup_seed))
        await self._upload(self._signed(keys), password)
        await self._sign_device(keys["self_signing"])
        await self._backup.make()
        log.info("%s has a cross-signing identity now; %s is signed", self._user_id, self._device_id)
        return Bootstrapped(recovery_key)

    def _signed(self, keys: Mapping[str, SigningKey]) -> dict[str, Any]:
        """The three public keys: the master signed by this device, the other two by the master."""
        machine, master = self._cipher.machine, keys["master"]
        body = {kind: key.described(self._user_id, kind) for kind, key in keys.items()}
        own = {f"ed25519:{self._device_id}": machine.sign(body["master"])}
        body["master"]["signatures"] = {self._user_id: own}
        for kind in ("self_signing", "user_signing"):
            signature = master.sign(body[kind])
            body[kind]["signatures"] = {self._user_id: {f"ed25519:{master.public}": signature}}
        return {f"{kind}_key": described for kind, described in body.items()}

    async def _upload(self, body: Mapping[str, Any], password: str | None) -> None:
        where = path("keys", "device_signing", "upload")
        try:
            await self._homeserver.request("POST", where, body=body)
        except Refused as refused:
            session = as_text(refused.answer.get("session"))
            if refused.status != 401 or "flows" not in refused.answer:
                raise
            if password is None:
                raise PasswordNeeded(
                    f"{self._homeserver.url} wants the password of {self._user_id}"
                ) from None
            auth = {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": self._user_id},
                "password": password,
                "session": session,
            }
            await self._homeserver.request("POST", where, body={**body, "auth": auth})

    async def _sign_device(self, key: SigningKey) -> None:
        device = self._cipher.device_keys()
        signatures = {self._user_id: {f"ed25519:{key.public}": key.sign(device)}}
        answer = await self._homeserver.request(
            "POST",
            path("keys", "signatures", "upload"),
            body={self._user_id: {self._device_id: {**device, "signatures": signatures}}},
        )
        failures = as_dict(answer.get("failures"))
        if failures:
            raise NoStoredIdentity(f"{self._homeserver.url} did not take our signature of {self._device_id}")
        await self._own_keys()

    async def restore(self, recovery_key: RecoveryKey) -> DeviceState:
        """Sign this device with the key kept in secret storage; harmless to repeat.

        Raises `WrongRecoveryKey`, or `NoStoredIdentity` if what is stored is not the account's present identity.
        """
        answer = await self._own_keys()
        seed = await self._storage.read(recovery_key, "m.cross_signing.self_signing")
        public = cross_signing_key(answer, "self_signing", self._user_id)
        if seed is None or len(seed) != 32 or public is None or SigningKey(seed).public != public[0]:
            raise NoStoredIdentity(f"secret storage does not hold the present identity of {self._user_id}")
        await self._sign_device(SigningKey(seed))
        return await self.device_state()

    async def open_backup(self, recovery_key: RecoveryKey) -> BackupOpened:
        """Take the account's backed-up room keys into this device, or begin a backup where there is none.

        One that another app made is left alone, unless its key lies in secret storage. Harmless to repeat. Raises
        `WrongRecoveryKey`.
        """
        master_seed = await self._storage.read(recovery_key, "m.cross_signing.master")
        try:
            seed = await self._storage.read(recovery_key, STORED_AS)
        except WrongRecoveryKey:
            return BackupOpened(BackupState.FOREIGN)  # its key lies under another recovery key
        restored = None
        if seed is not None and len(seed) == 32:
            restored = await self._backup.restore(seed)
        if restored is None:
            if await self._backup.is_there():
                return BackupOpened(BackupState.FOREIGN)
            if seed is None or len(seed) != 32:
                seed = self._random_bytes(32)
                await self._storage.add(recovery_key, STORED_AS, seed, beside="m.cross_signing.self_signing")
            await self._backup.begin(seed, _vouched(master_seed, seed))
        return BackupOpened(await self._backup.make(), restored or 0)


def _vouched(master_seed: bytes | None, backup_seed: bytes) -> dict[str, str]:
    """The identity's signature of a backup's public key, where the identity's key is at hand."""
    if master_seed is None or len(master_seed) != 32:
        return {}
    master = SigningKey(master_seed)
    return {f"ed25519:{master.public}": master.sign({"public_key": public_key_of(backup_seed)})}
