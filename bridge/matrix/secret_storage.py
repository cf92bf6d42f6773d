"""Secret storage ("4S"): the account's secrets on the homeserver, under a recovery key only people hold.

Matrix specification, "Secrets": `m.secret_storage.v1.aes-hmac-sha2`, and the key representation in base58.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.text import as_dict, as_text

ALGORITHM = "m.secret_storage.v1.aes-hmac-sha2"
DEFAULT_KEY = "m.secret_storage.default_key"
KEY_NAME = "Hearth"

RandomBytes = Callable[[int], bytes]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PREFIX = b"\x8b\x01"


class WrongRecoveryKey(Exception):
    """The recovery key is mistyped, or not the one these secrets are under; the text says which."""


class RecoveryKey(msgspec.Struct, frozen=True):
    """32 bytes that open secret storage; `words()` is the form people keep."""

    secret: bytes

    def __repr__(self) -> str:
        return "RecoveryKey(…)"

    @classmethod
    def new(cls, random_bytes: RandomBytes = secrets.token_bytes) -> "RecoveryKey":
        return cls(random_bytes(32))

    def words(self) -> str:
        """The key in base58, in groups of four, with its check byte."""
        raw = _PREFIX + self.secret
        text = _base58(raw + bytes([_parity(raw)]))
        return " ".join(text[start : start + 4] for start in range(0, len(text), 4))

    @classmethod
    def read(cls, words: str) -> "RecoveryKey":
        """Read what `words` wrote; spaces do not matter. Raises `WrongRecoveryKey`."""
        raw = _from_base58("".join(words.split()))
        if len(raw) != 35 or raw[:2] != _PREFIX or _parity(raw) != 0:
            raise WrongRecoveryKey("this is not a recovery key, or a character of it is mistyped")
        return cls(raw[2:34])


def _parity(raw: bytes) -> int:
    parity = 0
    for byte in raw:
        parity ^= byte
    return parity


def _base58(raw: bytes) -> str:
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def _from_base58(text: str) -> bytes:
    number = 0
    for character in text[:100]:
        digit = _BASE58.find(character)
        if digit < 0:
            raise WrongRecoveryKey("a recovery key has no such character in it")
        number = number * 58 + digit
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def to_base64(raw: bytes) -> str:
    """Unpadded base64, as Matrix writes bytes."""
    return base64.b64encode(raw).decode().rstrip("=")


def from_base64(text: str) -> bytes:
    """Bytes from base64 with or without padding; raises `ValueError`."""
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def encrypt(key: RecoveryKey, name: str, plaintext: bytes, iv: bytes) -> dict[str, str]:
    """`iv`, `ciphertext` and `mac` of a secret called `name`; of 16 bytes of `iv` one bit is cleared."""
    aes_key, mac_key = _keys(key, name)
    iv = iv[:8] + bytes([iv[8] & 0x7F]) + iv[9:]
    encryptor = BlockCipher(algorithms.AES(aes_key), modes.CTR(iv)).encryptor()
    ciphertext = encryptor.update(plaintext) + encryptor.finalize()
    mac = hmac.digest(mac_key, ciphertext, hashlib.sha256)
    return {"iv": to_base64(iv), "ciphertext": to_base64(ciphertext), "mac": to_base64(mac)}


def decrypt(key: RecoveryKey, name: str, sealed: Mapping[str, Any]) -> bytes:
    """The secret `encrypt` hid; raises `WrongRecoveryKey` if the key or the secret's name does not fit."""
    try:
        iv, ciphertext, mac = (from_base64(sealed[part]) for part in ("iv", "ciphertext", "mac"))
    except (ValueError, KeyError, AttributeError) as error:
        raise WrongRecoveryKey(f"the secret {name} is stored in a form we cannot read") from error
    aes_key, mac_key = _keys(key, name)
    if len(iv) != 16 or not hmac.compare_digest(mac, hmac.digest(mac_key, ciphertext, hashlib.sha256)):
        raise WrongRecoveryKey(f"the secret {name} is not under this recovery key")
    decryptor = BlockCipher(algorithms.AES(aes_key), modes.CTR(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def _keys(key: RecoveryKey, name: str) -> tuple[bytes, bytes]:
    both = HKDF(hashes.SHA256(), 64, salt=bytes(32), info=name.encode()).derive(key.secret)
    return both[:32], both[32:]


def description(key: RecoveryKey, iv: bytes) -> dict[str, str]:
    """The account data that describes a key: enough to check it, not to guess it."""
    check = encrypt(key, "", bytes(32), iv)
    return {"algorithm": ALGORITHM, "name": KEY_NAME, "iv": check["iv"], "mac": check["mac"]}


def fits(key: RecoveryKey, described: Mapping[str, Any]) -> bool:
    """Whether this is the key described."""
    if described.get("algorithm") != ALGORITHM:
        return False
    try:
        iv, mac = from_base64(str(described.get("iv"))), from_base64(str(described.get("mac")))
    except ValueError:
        return False
    if len(iv) != 16:
        return False
    expected = encrypt(key, "", bytes(32), iv)["mac"]
    return hmac.compare_digest(from_base64(expected), mac)


class SecretStorage:
    """The account's secrets, in its account data on the homeserver."""

    def __init__(
        self, homeserver: Homeserver, user_id: str, random_bytes: RandomBytes = secrets.token_bytes
    ) -> None:
        self._homeserver = homeserver
        self._user_id = user_id
        self._random_bytes = random_bytes

    async def _read(self, kind: str) -> dict[str, Any] | None:
        try:
            return await self._homeserver.request("GET", path("user", self._user_id, "account_data", kind))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def _write(self, kind: str, content: Mapping[str, Any]) -> None:
        where = path("user", self._user_id, "account_data", kind)
        await self._homeserver.request("PUT", where, body=content)

    async def store(self, key: RecoveryKey, named: Mapping[str, bytes]) -> None:
        """Store secrets under a new key and make it the default, unless another client's is the default already.

        Secrets of the same names lying there under other keys are replaced.
        """
        key_id = self._random_bytes(16).hex()
        await self._write(f"m.secret_storage.key.{key_id}", description(key, self._random_bytes(16)))
        for name, secret in named.items():
            sealed = encrypt(key, name, to_base64(secret).encode(), self._random_bytes(16))
            await self._write(name, {"encrypted": {key_id: sealed}})
        default = as_text((await self._read(DEFAULT_KEY) or {}).get("key"))
        described = await self._read(f"m.secret_storage.key.{default}") if default else None
        if described is None or described.get("name") == KEY_NAME:
            await self._write(DEFAULT_KEY, {"key": key_id})

    async def add(self, key: RecoveryKey, name: str, secret: bytes, *, beside: str) -> None:
        """Store one more secret under a key that holds the secret called `beside`. Raises `WrongRecoveryKey`."""
        for key_id in as_dict((await self._read(beside) or {}).get("encrypted")):
            described = await self._read(f"m.secret_storage.key.{key_id}")
            if described is not None and fits(key, described):
                sealed = encrypt(key, name, to_base64(secret).encode(), self._random_bytes(16))
                await self._write(name, {"encrypted": {key_id: sealed}})
                return
        raise WrongRecoveryKey("this is not the recovery key of this account")

    async def read(self, key: RecoveryKey, name: str) -> bytes | None:
        """One secret; None if none of this name is stored. Raises `WrongRecoveryKey`."""
        stored = as_dict((await self._read(name) or {}).get("encrypted"))
        if not stored:
            return None
        for key_id, sealed in stored.items():
            described = await self._read(f"m.secret_storage.key.{key_id}")
            if described is not None and fits(key, described):
                try:
                    return from_base64(decrypt(key, name, as_dict(sealed)).decode())
                except ValueError as error:
                    raise WrongRecoveryKey(f"the secret {name} is stored in a form we cannot read") from error
        raise WrongRecoveryKey("this is not the recovery key of this account")
