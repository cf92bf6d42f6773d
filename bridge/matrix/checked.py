"""What strangers and homeservers send, looked at before nio and vodozemac see it.

nio 0.26 ends its sync on one malformed key or message (`DecodeException`, `KeyException`,
`SessionCreationException`), and with a stored cursor that becomes a crash loop any stranger can cause. Here a
malformed thing is None or missing from the answer; nothing raises.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import vodozemac
from nio.exceptions import EncryptionError

from bridge.matrix.text import as_dict, as_text, canonical

OLM_ALGORITHM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM_ALGORITHM = "m.megolm.v1.aes-sha2"

MALFORMED = (
    ValueError, KeyError, TypeError, AttributeError, AssertionError, IndexError, RecursionError, EncryptionError
)  # fmt: skip
"""What nio and vodozemac raise on input they did not expect; every vodozemac exception is a `ValueError`."""

MOST_DEVICES = 200
"""Devices of one person that are looked at; more than this serves only to exhaust us."""

_KEY = re.compile(r"[A-Za-z0-9+/]{43}=?")
_USER = re.compile(r"@[^\x00-\x20:]*:[^\x00-\x20]{1,250}")


class OlmArrival(msgspec.Struct, frozen=True):
    """A well-formed Olm message for this device."""

    sender: str
    sender_key: str
    message: Any


class CheckedDevice(msgspec.Struct, frozen=True):
    """One device of an answer to `/keys/query`; `payload` is what its own signature holds for."""

    device_id: str
    ed25519: str
    curve25519: str
    payload: dict[str, Any]


def is_user_id(value: Any) -> bool:
    """Whether this is a full Matrix id, `@name:server`."""
    return isinstance(value, str) and len(value) <= 255 and _USER.fullmatch(value) is not None


def is_key(value: Any) -> bool:
    """Whether this is 32 bytes in unpadded base64, as every Matrix public key is written."""
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def signature_holds(signed: Mapping[str, Any], user_id: str, key_id: str, public_key: str) -> bool:
    """Whether `signed` carries a valid Ed25519 signature of this user under this key id (e.g. `ed25519:DEVICE`)."""
    signature = as_text(as_dict(as_dict(signed.get("signatures")).get(user_id)).get(key_id))
    if signature is None or not is_key(public_key):
        return False
    bare = {name: value for name, value in signed.items() if name not in {"signatures", "unsigned"}}
    try:
        vodozemac.Ed25519PublicKey.from_base64(public_key.rstrip("=")).verify_signature(
            canonical(bare), vodozemac.Ed25519Signature.from_base64(signature.rstrip("="))
        )
    except MALFORMED:
        return False
    return True


def olm_arrival(event: Mapping[str, Any], own_curve_key: str) -> OlmArrival | None:
    """The Olm message for us in a to-device `m.room.encrypted` event, or None."""
    content = as_dict(event.get("content"))
    sender, sender_key = event.get("sender"), content.get("sender_key")
    if not (is_user_id(sender) and is_key(sender_key) and content.get("algorithm") == OLM_ALGORITHM):
        return None
    mine = as_dict(as_dict(content.get("ciphertext")).get(own_curve_key))
    body = as_text(mine.get("body"))
    if body is None:
        return None
    try:
        message = _olm_message(mine.get("type"), body)
    except MALFORMED:
        return None
    return None if message is None else OlmArrival(str(sender), str(sender_key).rstrip("="), message)


def _olm_message(message_type: Any, body: str) -> Any:
    if message_type == 0:
        return vodozemac.PreKeyMessage.from_base64(body.rstrip("="))
    if message_type == 1:
        bare = body.rstrip("=")
        return vodozemac.AnyOlmMessage.normal(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    return None


def checked_devices(answer: Mapping[str, Any], user_id: str) -> tuple[list[CheckedDevice], int]:
    """This person's devices in an answer to `/keys/query` that are well-formed and signed by themselves, and how
    many were not.
    """
    offered = as_dict(as_dict(answer.get("device_keys")).get(user_id))
    devices = []
    for device_id, payload in sorted(offered.items())[:MOST_DEVICES]:
        device = _checked_device(user_id, device_id, as_dict(payload))
        if device is not None:
            devices.append(device)
    return devices, len(offered) - len(devices)


def _checked_device(user_id: str, device_id: str, payload: dict[str, Any]) -> CheckedDevice | None:
    if payload.get("user_id") != user_id or payload.get("device_id") != device_id or not device_id:
        return None
    keys = as_dict(payload.get("keys"))
    ed25519, curve25519 = keys.get(f"ed25519:{device_id}"), keys.get(f"curve25519:{device_id}")
    if not (is_key(ed25519) and is_key(curve25519)):
        return None
    if not signature_holds(payload, user_id, f"ed25519:{device_id}", str(ed25519)):
        return None
    # `unsigned` holds what anybody may write there (a display name); nio trips over a wrong type in it.
    bare = {name: value for name, value in payload.items() if name != "unsigned"}
    return CheckedDevice(device_id, str(ed25519), str(curve25519), bare)


def cross_signing_key(
    answer: Mapping[str, Any], kind: str, user_id: str
) -> tuple[str, dict[str, Any]] | None:
    """The public key (base64) and key object of `kind` ("master", "self_signing", "user_signing") in an answer to
    `/keys/query`.
    """
    offered = as_dict(as_dict(answer.get(f"{kind}_keys")).get(user_id))
    keys = as_dict(offered.get("keys"))
    if offered.get("user_id") != user_id or len(keys) != 1:
        return None
    key_id, key = next(iter(keys.items()))
    if not is_key(key) or key_id != f"ed25519:{key}":
        return None
    return key, offered


def claimed_key(
    answer: Mapping[str, Any], user_id: str, device_id: str, ed25519: str
) -> dict[str, Any] | None:
    """The one-time key claimed for this device, in the shape nio expects, if its signature holds."""
    offered = as_dict(as_dict(as_dict(answer.get("one_time_keys")).get(user_id)).get(device_id))
    for key_id, key_object in offered.items():
        if not key_id.startswith("signed_curve25519:") or not isinstance(key_object, dict):
            continue
        if is_key(key_object.get("key")) and signature_holds(
            key_object, user_id, f"ed25519:{device_id}", ed25519
        ):
            return {key_id: {name: value for name, value in key_object.items() if name != "unsigned"}}
    return None


def user_ids(values: Iterable[Any]) -> set[str]:
    """Those of the values that are full Matrix ids."""
    return {value for value in values if is_user_id(value)}
