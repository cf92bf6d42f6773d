"""Keys for what people said: one per person and per instance, each wrapped by a master key kept elsewhere.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces. What is sealed is bound to its table and row, so that
nothing can be opened in another place. Once a key is deleted, what it sealed cannot be read any more.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.runtime.ports import BadData

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = b"\x01"
MOST_KEYS_UNWRAPPED = 4096


class WrongMasterKey(Exception):
    """The master key is not the one this database was sealed with."""


class Unreadable(BadData):
    """Something sealed cannot be opened although its key is there: it was damaged or moved."""


class Key:
    """One key, ready to use."""

    __slots__ = ("_cipher", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._cipher = AESGCM(raw)

    def __repr__(self) -> str:
        return "Key()"

    def fingerprint(self, content: str) -> str:
        """A name for ``content`` that nobody without the key can make or check (HMAC-SHA-256, as hex)."""
        own = hmac.digest(self._raw, b"fingerprint", "sha256")  # not the key that seals
        return hmac.digest(own, content.encode(), "sha256").hex()

    def seal(self, content: bytes, place: str) -> bytes:
        """Seal ``content`` for one place, a table and a row."""
        nonce = os.urandom(NONCE_BYTES)  # no injected chance here: a nonce that repeats gives the key away
        return FORMAT + nonce + self._cipher.encrypt(nonce, content, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Open what was sealed for this place.

        Raises:
            Unreadable: it was sealed with another key, for another place, or has been changed.
        """
        nonce, content = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, content, place.encode())
        except (InvalidTag, ValueError):
            raise Unreadable(f"{place}: what is sealed there cannot be opened") from None


class KeyRing:
    """Makes and unwraps keys. It remembers the last few thousand by their wrapped form.

    Because the wrapped form is always read from the database first, a deleted key is gone at once.
    """

    def __init__(self, master_key: bytes) -> None:
        if len(master_key) != KEY_BYTES:
            raise ValueError(f"the master key has {len(master_key)} bytes; it needs {KEY_BYTES}")
        self._master = Key(master_key)
        self.key = lru_cache(MOST_KEYS_UNWRAPPED)(self._unwrap)

    def fresh(self, scope: str) -> bytes:
        """A new key for this scope, wrapped."""
        return self._master.seal(AESGCM.generate_key(KEY_BYTES * 8), f"seals/{scope}")

    def _unwrap(self, scope: str, wrapped: bytes) -> Key:
        try:
            return Key(self._master.open(wrapped, f"seals/{scope}"))
        except Unreadable:
            raise WrongMasterKey(
                f"the key of {scope} cannot be unwrapped: this master key does not belong to this database; "
                "take the key file that was made together with it"
            ) from None
