"""Comparing seven emoji: the arithmetic of `m.sas.v1` (Matrix specification, "SAS verification").

Nothing here sends, waits or knows a room: a message comes in, and what follows from it comes out.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import vodozemac

from bridge.matrix.checked import MALFORMED, is_key
from bridge.matrix.text import as_dict, as_list, as_text, canonical

METHOD = "m.sas.v1"
KEY_AGREEMENT = "curve25519-hkdf-sha256"
HASH = "sha256"
MAC = "hkdf-hmac-sha256.v2"
STRINGS = ("decimal", "emoji")

MOST_MACS = 20
"""Keys one message may vouch for; an honest one names two."""
LONGEST_NAME = 255
"""Characters of a key's id or of a device's."""

EMOJI = (
    "🐶", "🐱", "🦁", "🐎", "🦄", "🐷", "🐘", "🐰", "🐼", "🐓", "🐧", "🐢",
    "🐟", "🐙", "🦋", "🌷", "🌳", "🌵", "🍄", "🌏", "🌙", "☁️", "🔥", "🍌",
    "🍎", "🍓", "🌽", "🍕", "🎂", "❤️", "😀", "🤖", "🎩", "👓", "🔧", "🎅",
    "👍", "☂️", "⌛", "⏰", "🎁", "💡", "📕", "✏️", "📎", "✂️", "🔒", "🔑",
    "🔨", "☎️", "🏁", "🚂", "🚲", "✈️", "🚀", "🏆", "⚽", "🎸", "🎺", "🔔",
    "⚓", "🎧", "📁", "📌",
)  # fmt: skip
"""The 64 pictures by their number, as every app shows them."""

Phase = Literal["ready", "started", "keyed", "shown", "agreed", "over"]


class Party(msgspec.Struct, frozen=True):
    """One of the two devices that compare."""

    user_id: str
    device_id: str


class Say(msgspec.Struct, frozen=True):
    """A message for the other side: `m.key.verification.<kind>`."""

    kind: str
    content: dict[str, Any]


class Shown(msgspec.Struct, frozen=True):
    """What both sides see if nobody is in between.

    `emoji`: seven numbers below 64, none where emoji are not agreed on. `decimals`: from 1000 to 9191.
    """

    emoji: tuple[int, ...]
    decimals: tuple[int, int, int]


class Broken(msgspec.Struct, frozen=True):
    """It cannot go on: the specification's code, and what was wrong in a few words."""

    code: str
    reason: str


class Vouched(msgspec.Struct, frozen=True):
    """The other side holds the keys of these ids (`ed25519:…`), and has said that the strings are the same."""

    key_ids: frozenset[str]


class Exchange:
    """One comparison, from the side of `own`; `reference` stands in each content and names the comparison.

    Every `take_…` answers with what follows, or with `Broken`, after which nothing more is taken.
    """

    def __init__(self, own: Party, other: Party, transaction_id: str, reference: Mapping[str, Any]) -> None:
        self.own = own
        self.other = other
        self.transaction_id = transaction_id
        self.phase: Phase = "ready"
        self._reference = dict(reference)
        self._sas = vodozemac.Sas()
        self._public = str(self._sas.public_key.to_base64())
        self._established: Any = None
        self._we_started = False
        self._start: dict[str, Any] = {}
        self._commitment = ""
        self._with_emoji = False

    def __repr__(self) -> str:
        return f"Exchange({self.other.user_id!r}, {self.other.device_id!r}, {self.phase})"

    def say(self, kind: str, content: Mapping[str, Any]) -> Say:
        """A message of this comparison."""
        return Say(kind, {**content, **self._reference})

    def start(self) -> Say:
        """Begin ourselves, once both are ready."""
        said = self.say(
            "start",
            {
                "from_device": self.own.device_id,
                "method": METHOD,
                "key_agreement_protocols": [KEY_AGREEMENT],
                "hashes": [HASH],
                "message_authentication_codes": [MAC],
                "short_authentication_string": list(STRINGS),
            },
        )
        self._we_started, self._start, self.phase = True, said.content, "started"
        return said

    def take_start(self, content: Mapping[str, Any]) -> Say | Broken | None:
        """The other side begins; None if we have begun too and ours is the one that counts."""
        if self.phase == "started" and self._we_started:
            # Both began: that of the smaller user id counts.
            if self.own.user_id < self.other.user_id:
                return None
        elif self.phase != "ready":
            return self._unexpected("start")
        if as_text(content.get("from_device")) != self.other.device_id:
            return self._broken("m.invalid_message", "begun by another device than the one that asked")
        if content.get("method") != METHOD:
            return self._broken("m.unknown_method", f"only {METHOD} is spoken here")
        strings = [each for each in STRINGS if each in as_list(content.get("short_authentication_string"))]
        offered = (
            (KEY_AGREEMENT, "key_agreement_protocols"), (HASH, "hashes"), (MAC, "message_authentication_codes")
        )  # fmt: skip
        if not strings or any(ours not in as_list(content.get(name)) for ours, name in offered):
            return self._broken("m.unknown_method", "nothing both sides speak")
        self._we_started, self._start, self.phase = False, dict(content), "started"
        self._with_emoji = "emoji" in strings
        return self.say(
            "accept",
            {
                "method": METHOD,
                "key_agreement_protocol": KEY_AGREEMENT,
                "hash": HASH,
                "message_authentication_code": MAC,
                "short_authentication_string": strings,
                "commitment": commitment(self._public, content),
            },
        )

    def take_accept(self, content: Mapping[str, Any]) -> Say | Broken:
        """The other side takes up our beginning, and binds itself to a key it does not show yet."""
        if self.phase != "started" or not self._we_started or self._commitment:
            return self._unexpected("accept")
        strings = [each for each in STRINGS if each in as_list(content.get("short_authentication_string"))]
        chosen = (
            content.get("key_agreement_protocol"),
            content.get("hash"),
            content.get("message_authentication_code"),
        )
        if chosen != (KEY_AGREEMENT, HASH, MAC) or not strings:
            return self._broken("m.unknown_method", "something was chosen that was not offered")
        self._commitment = as_text(content.get("commitment")) or ""
        if not self._commitment:
            return self._broken("m.invalid_message", "no commitment")
        self._with_emoji = "emoji" in strings
        self.phase = "keyed"
        return self.say("key", {"key": self._public})

    def take_key(self, content: Mapping[str, Any]) -> tuple[list[Say], Shown] | Broken:
        """The other side shows its key: what we send now, and what both see."""
        ready = "keyed" if self._we_started else "started"
        if self.phase != ready:
            return self._unexpected("key")
        theirs = as_text(content.get("key")) or ""
        if not is_key(theirs):
            return self._broken("m.invalid_message", "the key is malformed")
        if self._we_started and commitment(theirs, self._start) != self._commitment.rstrip("="):
            return self._broken("m.mismatched_commitment", "the key is not the one it was bound to")
        try:
            public = vodozemac.Curve25519PublicKey.from_base64(theirs.rstrip("="))
            self._established = self._sas.diffie_hellman(public)
        except MALFORMED:
            return self._broken("m.invalid_message", "the key cannot be used")
        strings = self._established.bytes(self._sas_info(theirs))
        shown = Shown(tuple(strings.emoji_indices) if self._with_emoji else (), tuple(strings.decimals))
        self.phase = "shown"
        return ([] if self._we_started else [self.say("key", {"key": self._public})]), shown

    def take_mac(self, content: Mapping[str, Any], known: Mapping[str, str]) -> Vouched | Broken:
        """The other side has seen the same strings and vouches for its keys.

        `known`: key id → the public key we hold under it: of their device, and of their identity. Ids we do not
        know are passed over, as the specification asks; the device's own must be among them.
        """
        if self.phase != "shown":
            return self._unexpected("mac")
        macs, listed = as_dict(content.get("mac")), as_text(content.get("keys"))
        if listed is None or not 0 < len(macs) <= MOST_MACS or any(len(each) > LONGEST_NAME for each in macs):
            return self._broken("m.invalid_message", "the codes are malformed")
        info = mac_info(self.other, self.own, self.transaction_id)
        if not self._holds(",".join(sorted(macs)), f"{info}KEY_IDS", listed):
            return self._broken("m.key_mismatch", "the list of keys is another one")
        vouched = set()
        for key_id, code in macs.items():
            key = known.get(key_id)
            if key is None:
                continue
            if not self._holds(key, f"{info}{key_id}", as_text(code) or ""):
                return self._broken("m.key_mismatch", "a key is another one than we hold")
            vouched.add(key_id)
        if f"ed25519:{self.other.device_id}" not in vouched:
            return self._broken("m.key_mismatch", "the device does not vouch for itself")
        self.phase = "agreed"
        return Vouched(frozenset(vouched))

    def mac(self, keys: Mapping[str, str]) -> Say:
        """Vouch for our own keys: key id → public key."""
        info = mac_info(self.own, self.other, self.transaction_id)
        codes = {key_id: self._code(key, f"{info}{key_id}") for key_id, key in keys.items()}
        return self.say("mac", {"mac": codes, "keys": self._code(",".join(sorted(keys)), f"{info}KEY_IDS")})

    def end(self) -> None:
        """Nothing more is taken."""
        self.phase = "over"

    def _sas_info(self, theirs: str) -> str:
        """What the strings are made of besides the secret: who began with which key, who took it up with which."""
        mine = f"{self.own.user_id}|{self.own.device_id}|{self._public}"
        other = f"{self.other.user_id}|{self.other.device_id}|{theirs.rstrip('=')}"
        first, second = (mine, other) if self._we_started else (other, mine)
        return f"MATRIX_KEY_VERIFICATION_SAS|{first}|{second}|{self.transaction_id}"

    def _code(self, value: str, info: str) -> str:
        return str(self._established.calculate_mac(value, info)).rstrip("=")

    def _holds(self, value: str, info: str, code: str) -> bool:
        try:
            self._established.verify_mac(value, info, code.rstrip("="))
        except MALFORMED:
            return False
        return True

    def _unexpected(self, kind: str) -> Broken:
        return self._broken("m.unexpected_message", f"{kind} while {self.phase}")

    def _broken(self, code: str, reason: str) -> Broken:
        self.phase = "over"
        return Broken(code, reason)


def commitment(public_key: str, start: Mapping[str, Any]) -> str:
    """What binds whoever accepts to their key: the hash of it and of the whole content of the beginning."""
    digest = hashlib.sha256(public_key.rstrip("=").encode() + canonical(start)).digest()
    return base64.b64encode(digest).decode().rstrip("=")


def mac_info(sender: Party, receiver: Party, transaction_id: str) -> str:
    """The beginning of what a code is bound to; the key's id, or `KEY_IDS`, follows."""
    ends = f"{sender.user_id}{sender.device_id}{receiver.user_id}{receiver.device_id}"
    return f"MATRIX_KEY_VERIFICATION_MAC{ends}{transaction_id}"
