"""Messages to a device that end the sync of a plain nio client, each by an exception of vodozemac."""

import base64
from collections.abc import Callable
from typing import Any

import vodozemac

OLM = "m.olm.v1.curve25519-aes-sha2"
STRANGER_KEY = vodozemac.Account().curve25519_key.to_base64()

Content = dict[str, Any]


def _olm(curve_key: str, body: Any, kind: Any = 0, sender_key: Any = STRANGER_KEY) -> Content:
    return {
        "algorithm": OLM,
        "sender_key": sender_key,
        "ciphertext": {curve_key: {"type": kind, "body": body}},
    }


def _for_nobody(curve_key: str) -> tuple[str, str]:
    """A sound first message for this device, made with a one-time key it never offered; its body and its author."""
    stranger, offering = vodozemac.Account(), vodozemac.Account()
    offering.generate_one_time_keys(1)
    (one_time_key,) = offering.one_time_keys.values()
    session = stranger.create_outbound_session(
        vodozemac.Curve25519PublicKey.from_base64(curve_key), one_time_key
    )
    _, body = session.encrypt(b'{"type":"m.dummy"}').to_parts()
    return base64.b64encode(body).decode().rstrip("="), stranger.curve25519_key.to_base64()


def undecodable(curve_key: str) -> Content:
    """`DecodeException`: what should be a message is none."""
    return _olm(curve_key, "not base64 !")


def bad_key(curve_key: str) -> Content:
    """`KeyException`: a sender's key of the wrong length, around a sound message."""
    return _olm(curve_key, _for_nobody(curve_key)[0], 0, "c2hvcnQ")


def no_session(curve_key: str) -> Content:
    """`SessionCreationException`: a sound first message that uses a one-time key nobody has."""
    body, sender_key = _for_nobody(curve_key)
    return _olm(curve_key, body, 0, sender_key)


NAMED: dict[str, Callable[[str], Content]] = {
    "DecodeException": undecodable,
    "KeyException": bad_key,
    "SessionCreationException": no_session,
}
"""Name of the exception → makes the content of an `m.room.encrypted` message for the device with this curve key."""


def all_sorts(curve_key: str) -> list[Any]:
    """Contents of all shapes that no honest client sends; a homeserver passes every one of them on."""
    sound, sender_key = _for_nobody(curve_key)
    return [
        *(make(curve_key) for make in NAMED.values()),
        {},
        _olm(curve_key, sound, 1, sender_key),
        _olm(curve_key, sound, 7, sender_key),
        _olm(curve_key, None),
        _olm(curve_key, sound, 0, 5),
        _olm(curve_key, sound[:20], 0, sender_key),
        {"algorithm": OLM, "sender_key": sender_key, "ciphertext": []},
        {"algorithm": OLM, "sender_key": sender_key, "ciphertext": {curve_key: "body"}},
        {"algorithm": 5, "ciphertext": {curve_key: 5}},
        {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "y"},
        {"sender_key": None, "algorithm": None, "ciphertext": None},
    ]
