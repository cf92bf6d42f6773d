"""What the JavaScript peer reads: values, as `js/view.mjs` and `js/peer.mjs` tell them."""

from typing import Any

import msgspec


class Shield(msgspec.Struct, frozen=True):
    """The mark a client shows beside a message: `colour` NONE, GREY or RED; `reason` as the SDK names it."""

    colour: str
    reason: str | None


class Reaction(msgspec.Struct, frozen=True):
    """One unredacted reaction."""

    event_id: str
    sender: str
    key: str


class Message(msgspec.Struct, frozen=True):
    """A message as the peer reads it, edits applied.

    `decrypted` is true only for an encrypted message that could be read. `failure` is the SDK's
    DecryptionFailureCode, such as UNSIGNED_SENDER_DEVICE. `body` and `content` are None where the message
    could not be read or was redacted. `shield` is None for what is not encrypted or not readable;
    `edit_shield` is that of the edit whose text is shown. `replaces` is set only on an edit that could not be
    read, which stands for itself. `thread` is the event that its thread began with, `session` the id of the key
    that it is sealed with.
    """

    room: str
    event_id: str
    sender: str
    sent_at_ms: int
    encrypted: bool
    decrypted: bool
    edited: bool
    redacted: bool
    reactions: tuple[Reaction, ...]
    body: str | None = None
    content: dict[str, Any] | None = None
    failure: str | None = None
    shield: Shield | None = None
    edit_shield: Shield | None = None
    reply_to: str | None = None
    replaces: str | None = None
    thread: str | None = None
    session: str | None = None


class Room(msgspec.Struct, frozen=True):
    """A room the peer has joined."""

    room: str
    name: str
    encrypted: bool
    members: tuple[str, ...]


class Invite(msgspec.Struct, frozen=True):
    """An invitation that waits for the peer's answer."""

    room: str
    inviter: str | None
    direct: bool


class DeviceTrust(msgspec.Struct, frozen=True):
    """What the peer holds of a device; `signed_by_owner` is the cross-signature that strict mode asks for."""

    signed_by_owner: bool
    cross_signing_verified: bool
    locally_verified: bool
    verified: bool


class UserTrust(msgspec.Struct, frozen=True):
    """What the peer holds of a user's identity."""

    has_cross_signing_keys: bool
    known: bool
    verified: bool
    cross_signing_verified: bool
    was_cross_signing_verified: bool
    needs_user_approval: bool
