"""What the fake homeserver knows: accounts, devices, rooms, and one time through all of it. No network."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.fakes.backups import Backups
from tests.fakes.script import Asked, Refuse

SERVER_NAME = "hearth.test"
MOST_PER_SYNC = 100
"""To-device messages in one answer."""

PRESENT = ("join", "invite")
STRIPPED = (
    "m.room.create",
    "m.room.name",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
)
DEFAULT_POWERS: dict[str, Any] = {
    "users_default": 0,
    "events": {},
    "events_default": 0,
    "state_default": 50,
    "ban": 50,
    "kick": 50,
    "redact": 50,
    "invite": 0,
}
ALL_POWER = 1 << 53
PRIVATE_RECEIPT = "m.read.private"
RECEIPTS = ("m.read", PRIVATE_RECEIPT, "m.fully_read")

Json = dict[str, Any]


@dataclass
class Device:
    """A device: its token, its keys on offer, and the messages that wait for it."""

    user_id: str
    device_id: str
    token: str
    keys: Json | None = None
    signatures: dict[str, dict[str, str]] = field(default_factory=dict)
    one_time: dict[str, Json] = field(default_factory=dict)
    fallback: dict[str, Json] = field(default_factory=dict)
    fallback_used: bool = False
    inbox: list[tuple[int, Json]] = field(default_factory=list)

    def shown(self) -> Json | None:
        """The device's keys with everybody's signatures, as others see them."""
        if self.keys is None:
            return None
        signatures = {user: dict(own) for user, own in self.keys.get("signatures", {}).items()}
        for user, own in self.signatures.items():
            signatures.setdefault(user, {}).update(own)
        return {**self.keys, "signatures": signatures, "unsigned": {}}


@dataclass
class User:
    """An account."""

    user_id: str
    password: str
    display_name: str
    devices: dict[str, Device] = field(default_factory=dict)
    account_data: dict[str, tuple[int, Json]] = field(default_factory=dict)
    cross_signing: dict[str, Json] = field(default_factory=dict)
    keys_changed: int = 0
    """When anything about the devices last changed."""
    backups: Backups = field(default_factory=Backups)


class Receipt(NamedTuple):
    """That an event was read; ``at`` is the sync position of it."""

    at: int
    event_id: str
    read_ms: int


@dataclass
class Room:
    """A room: every event with its moment, and the state they amount to."""

    room_id: str
    events: list[tuple[int, Json]] = field(default_factory=list)
    sent: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """(device token, event type, transaction id) → event id."""
    receipts: dict[tuple[str, str], Receipt] = field(default_factory=dict)
    """(who, kind) → how far they have read."""
    typing: dict[str, int] = field(default_factory=dict)
    """Who is typing → until when; nobody is told when that time has passed."""
    typing_changed: int = 0
    """When somebody last began or ended."""

    def state(self, until: int | None = None) -> dict[tuple[str, str], Json]:
        """The state as of a moment."""
        return {
            (event["type"], event["state_key"]): event
            for at, event in self.events
            if "state_key" in event and (until is None or at <= until)
        }

    def membership(self, user_id: str, until: int | None = None) -> str:
        member = self.state(until).get(("m.room.member", user_id))
        return str(member["content"].get("membership")) if member else "leave"

    def people(self, *memberships: str) -> list[str]:
        return [
            key
            for (kind, key), event in self.state().items()
            if kind == "m.room.member" and event["content"].get("membership") in memberships
        ]

    def find(self, event_id: str) -> Json:
        for _, event in self.events:
            if event["event_id"] == event_id:
                return event
        raise Refuse(404, "M_NOT_FOUND", "no such event")

    def content(self, kind: str) -> Json:
        return dict(self.state().get((kind, ""), {"content": {}})["content"])

    def power(self, user_id: str) -> int:
        if self.state()["m.room.create", ""]["sender"] == user_id:
            return ALL_POWER
        powers = self.content("m.room.power_levels")
        return int(powers.get("users", {}).get(user_id, powers.get("users_default", 0)))

    def require_power(self, user_id: str, needed: int) -> None:
        if self.power(user_id) < needed:
            raise Refuse(403, "M_FORBIDDEN", "not enough power")


class Memory:
    """All of it. `now` counts changes: it is the sync position, and whoever waits for news waits for it to grow."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.now_ms = now_ms
        self.now = 0
        self.to_device_now = 0
        self.users: dict[str, User] = {}
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.media: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self._ids = itertools.count(1)

    def tick(self) -> int:
        self.now += 1
        return self.now

    # ── accounts ─────────────────────────────────────────────────────────────

    def add_user(self, name: str, password: str, display_name: str) -> User:
        user_id = f"@{name}:{SERVER_NAME}"
        if user_id in self.users:
            raise Refuse(400, "M_USER_IN_USE")
        self.users[user_id] = User(user_id, password, display_name)
        return self.users[user_id]

    def add_device(self, user: User, device_id: str | None = None) -> Device:
        """Log a device in; one that is known keeps its keys and gets a new token."""
        token = f"fake_{secrets.token_hex(12)}"
        device_id = device_id or secrets.token_hex(5).upper()
        device = user.devices.setdefault(device_id, Device(user.user_id, device_id, token))
        device.token = token
        return device

    def device_of(self, token: str) -> Device | None:
        found = (d for user in self.users.values() for d in user.devices.values() if d.token == token)
        return next(found, None)

    def user(self, user_id: str) -> User:
        if user_id not in self.users:
            raise Refuse(404, "M_NOT_FOUND", "no such user")
        return self.users[user_id]

    def remove_device(self, device: Device) -> None:
        user = self.users[device.user_id]
        user.devices.pop(device.device_id, None)
        user.keys_changed = self.tick()

    # ── rooms ────────────────────────────────────────────────────────────────

    def room(self, room_id: str) -> Room:
        if room_id not in self.rooms:
            raise Refuse(404, "M_NOT_FOUND", "no such room")
        return self.rooms[room_id]

    def joined(self, room_id: str, user_id: str) -> Room:
        """The room, if this person is in it."""
        room = self.rooms.get(room_id)
        if room is None or room.membership(user_id) != "join":
            raise Refuse(403, "M_FORBIDDEN", "not in the room")
        return room

    def append(
        self,
        room: Room,
        sender: str,
        kind: str,
        content: Mapping[str, Any],
        state_key: str | None = None,
        **more: Any,
    ) -> Json:
        event: Json = {
            "type": kind,
            "sender": sender,
            "content": dict(content),
            "event_id": f"${next(self._ids)}-{secrets.token_hex(8)}",
            "room_id": room.room_id,
            "origin_server_ts": self.now_ms(),
            "unsigned": {},
            **more,
        }
        if state_key is not None:
            before = room.state().get((kind, state_key))
            event["state_key"] = state_key
            if before is not None:
                event["unsigned"] = {"prev_content": before["content"], "replaces_state": before["event_id"]}
        room.events.append((self.tick(), event))
        return event

    def create_room(self, user_id: str, body: Json) -> Room:
        alias = f"#{body['room_alias_name']}:{SERVER_NAME}" if body.get("room_alias_name") else None
        if alias in self.aliases:
            raise Refuse(400, "M_ROOM_IN_USE", "Room alias already taken")
        room = Room(f"!{secrets.token_urlsafe(16)}")
        self.rooms[room.room_id] = room

        def put(kind: str, content: Json, key: str = "") -> None:
            self.append(room, user_id, kind, content, key)

        put("m.room.create", {"room_version": "12", **body.get("creation_content", {})})
        self.set_membership(room, user_id, user_id, "join")
        put("m.room.power_levels", {**DEFAULT_POWERS, **body.get("power_level_content_override", {})})
        if alias is not None:
            self.aliases[alias] = room.room_id
            put("m.room.canonical_alias", {"alias": alias})
        public = body.get("preset") == "public_chat" or body.get("visibility") == "public"
        put("m.room.join_rules", {"join_rule": "public" if public else "invite"})
        put("m.room.history_visibility", {"history_visibility": "shared"})
        for each in body.get("initial_state", ()):
            put(each["type"], each["content"], each.get("state_key", ""))
        if body.get("name"):
            put("m.room.name", {"name": body["name"]})
        for invited in body.get("invite", ()):
            self.set_membership(room, user_id, invited, "invite", is_direct=body.get("is_direct") is True)
        return room

    def set_membership(
        self, room: Room, sender: str, user_id: str, membership: str, *, is_direct: bool = False
    ) -> None:
        content: Json = {"membership": membership}
        if membership in PRESENT:
            content["displayname"] = self.user(user_id).display_name
        if is_direct:
            content["is_direct"] = True
        self.append(room, sender, "m.room.member", content, user_id)

    def invite(self, room_id: str, sender: str, user_id: str) -> None:
        room = self.joined(room_id, sender)
        room.require_power(sender, int(room.content("m.room.power_levels").get("invite", 0)))
        if room.membership(user_id) == "join":
            raise Refuse(403, "M_FORBIDDEN", "already in the room")
        if room.membership(user_id) != "invite":
            self.set_membership(room, sender, user_id, "invite")

    def join(self, room_id: str, user_id: str) -> None:
        room = self.rooms.get(room_id)
        if room is None:
            raise Refuse(404, "M_NOT_FOUND", "no such room")
        if room.membership(user_id) == "join":
            return
        public = room.content("m.room.join_rules").get("join_rule") == "public"
        if room.membership(user_id) != "invite" and not public:
            raise Refuse(403, "M_FORBIDDEN", "not invited")
        self.set_membership(room, user_id, user_id, "join")

    def leave(self, room_id: str, user_id: str) -> None:
        room = self.room(room_id)
        if room.membership(user_id) in PRESENT:
            self.set_membership(room, user_id, user_id, "leave")

    def forget(self, room_id: str, user_id: str) -> None:
        if self.room(room_id).membership(user_id) in PRESENT:
            raise Refuse(400, "M_UNKNOWN", "still in the room")

    def expel(self, room_id: str, sender: str, user_id: str, membership: str) -> None:
        room = self.joined(room_id, sender)
        room.require_power(sender, 50)
        self.set_membership(room, sender, user_id, membership)

    def send(self, device: Device, room_id: str, kind: str, transaction: str, content: Json) -> str:
        room = self.joined(room_id, device.user_id)
        key = (device.token, kind, transaction)
        if key not in room.sent:
            powers = room.content("m.room.power_levels")
            room.require_power(
                device.user_id, int(powers.get("events", {}).get(kind, powers.get("events_default", 0)))
            )
            if kind == "m.reaction":
                self._refuse_twice(room, device.user_id, content)
            event = self.append(room, device.user_id, kind, content)
            event["unsigned"]["transaction_id"] = transaction
            room.sent[key] = event["event_id"]
        return room.sent[key]

    def _refuse_twice(self, room: Room, user_id: str, content: Json) -> None:
        for _, event in room.events:
            same = event["content"].get("m.relates_to") == content.get("m.relates_to")
            if event["type"] == "m.reaction" and event["sender"] == user_id and same:
                raise Refuse(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")

    def set_state(self, user_id: str, room_id: str, kind: str, state_key: str, content: Json) -> str:
        room = self.joined(room_id, user_id)
        powers = room.content("m.room.power_levels")
        room.require_power(user_id, int(powers.get("events", {}).get(kind, powers.get("state_default", 50))))
        before = room.state().get((kind, state_key))
        if before is not None and before["content"] == content:
            return str(before["event_id"])
        return str(self.append(room, user_id, kind, content, state_key)["event_id"])

    def redact(self, device: Device, room_id: str, event_id: str, transaction: str, body: Json) -> str:
        room = self.joined(room_id, device.user_id)
        key = (device.token, "m.room.redaction", transaction)
        if key not in room.sent:
            gone = room.find(event_id)
            if gone["sender"] != device.user_id:
                room.require_power(device.user_id, int(room.content("m.room.power_levels").get("redact", 50)))
            event = self.append(room, device.user_id, "m.room.redaction", {**body, "redacts": event_id})
            event["unsigned"]["transaction_id"] = transaction
            gone["content"] = {}
            gone["unsigned"] = {"redacted_because": event}
            room.sent[key] = event["event_id"]
        return room.sent[key]

    def read(self, room_id: str, user_id: str, kind: str, event_id: str) -> None:
        """Somebody has read as far as this event; nothing is kept of one that is not there, or of who has left."""
        room = self.room(room_id)
        if ("m.room.member", user_id) not in room.state():
            raise Refuse(403, "M_FORBIDDEN", "never in the room")
        if kind not in RECEIPTS:
            raise Refuse(400, "M_UNKNOWN", f"Receipt type must be one of {RECEIPTS}")
        is_there = any(event["event_id"] == event_id for _, event in room.events)
        if is_there and room.membership(user_id) == "join":
            room.receipts[user_id, kind] = Receipt(self.tick(), event_id, self.now_ms())

    def type(self, room_id: str, sender: str, user_id: str, until_ms: int | None) -> None:
        """Somebody is typing until then, or (None) no longer."""
        if sender != user_id:
            raise Refuse(400, "M_FORBIDDEN", "Cannot set another user's typing state")
        room = self.joined(room_id, user_id)
        before = room.typing.pop(user_id, None)
        if until_ms is not None:
            room.typing[user_id] = until_ms
        if (before is None) != (until_ms is None):
            room.typing_changed = self.tick()

    # ── keys ─────────────────────────────────────────────────────────────────

    def upload_keys(self, device: Device, body: Json) -> Json:
        for key_id, key in body.get("one_time_keys", {}).items():
            held = device.one_time.get(key_id)
            if held is not None and held != key:
                raise Refuse(400, "M_UNKNOWN", f"One time key {key_id} already exists.")
            device.one_time[key_id] = key
        if body.get("fallback_keys"):
            device.fallback, device.fallback_used = dict(body["fallback_keys"]), False
        if body.get("device_keys") and body["device_keys"] != device.keys:
            device.keys = body["device_keys"]
            self.users[device.user_id].keys_changed = self.tick()
        return {"one_time_key_counts": {"signed_curve25519": len(device.one_time)}}

    def query_keys(self, asking: str, body: Json) -> Json:
        answer: Json = {"device_keys": {}, "failures": {}}
        for kind in ("master", "self_signing", "user_signing"):
            answer[f"{kind}_keys"] = {}
        for user_id in body.get("device_keys", {}):
            user = self.users.get(user_id)
            devices = user.devices.values() if user else ()
            shown = {device.device_id: device.shown() for device in devices}
            answer["device_keys"][user_id] = {name: keys for name, keys in shown.items() if keys is not None}
            for kind, key in user.cross_signing.items() if user else ():
                if kind != "user_signing" or user_id == asking:
                    answer[f"{kind}_keys"][user_id] = key
        return answer

    def claim_keys(self, body: Json) -> Json:
        claimed: Json = {}
        for user_id, devices in body.get("one_time_keys", {}).items():
            for device_id in devices:
                device = self.users[user_id].devices.get(device_id) if user_id in self.users else None
                if device is None:
                    continue
                key = self._take_key(device)
                if key:
                    claimed.setdefault(user_id, {})[device_id] = key
        return {"one_time_keys": claimed, "failures": {}}

    def _take_key(self, device: Device) -> Json:
        if device.one_time:
            key_id = next(iter(device.one_time))
            return {key_id: device.one_time.pop(key_id)}
        if device.fallback:
            device.fallback_used = True
        return dict(device.fallback)

    def upload_identity(self, user_id: str, body: Json) -> None:
        user = self.users[user_id]
        for kind in ("master", "self_signing", "user_signing"):
            if f"{kind}_key" in body:
                user.cross_signing[kind] = body[f"{kind}_key"]
        user.keys_changed = self.tick()

    def upload_signatures(self, body: Json) -> Json:
        for user_id, objects in body.items():
            for name, signed in objects.items():
                device = self.users[user_id].devices.get(name)
                signatures: Json = signed.get("signatures", {})
                if device is not None:
                    for signer, own in signatures.items():
                        device.signatures.setdefault(signer, {}).update(own)
                    self.users[user_id].keys_changed = self.tick()
        return {"failures": {}}

    def send_to_device(self, sender: str, kind: str, messages: Json) -> None:
        for user_id, by_device in messages.items():
            devices = self.users[user_id].devices if user_id in self.users else {}
            for device_id, content in by_device.items():
                for device in devices.values():
                    if device_id in ("*", device.device_id):
                        self.to_device_now += 1
                        event = {"type": kind, "sender": sender, "content": content}
                        device.inbox.append((self.to_device_now, event))
        self.tick()

    # ── sync ─────────────────────────────────────────────────────────────────

    def token(self) -> str:
        return f"s{self.now}_{self.to_device_now}"

    @staticmethod
    def read_token(token: str) -> tuple[int, int]:
        found = re.fullmatch(r"s(\d+)_(\d+)", token)
        if found is None:
            raise Refuse(400, "M_UNKNOWN", "no such token")
        return int(found[1]), int(found[2])

    def sync(self, device: Device, since: str | None, limit: int) -> tuple[Json, bool]:
        """What is new for a device, and whether that is anything at all."""
        at, to_device_at = self.read_token(since) if since else (None, 0)
        device.inbox = [(n, event) for n, event in device.inbox if n > to_device_at]
        messages = device.inbox[:MOST_PER_SYNC]
        to_device_now = messages[-1][0] if messages else to_device_at
        data = self.users[device.user_id].account_data
        rooms = self._rooms_for(device, at, limit)
        changed = self._changed_for(device.user_id, at)
        answer: Json = {
            "next_batch": f"s{self.now}_{max(to_device_now, to_device_at)}",
            "rooms": {kind: found for kind, found in rooms.items() if found},
            "to_device": {"events": [event for _, event in messages]},
            "account_data": {
                "events": [
                    {"type": kind, "content": content}
                    for kind, (when, content) in data.items()
                    if at is None or when > at
                ]
            },
            "device_lists": {"changed": changed, "left": []},
            "device_one_time_keys_count": {"signed_curve25519": len(device.one_time)},
            "device_unused_fallback_key_types": (
                ["signed_curve25519"] if device.fallback and not device.fallback_used else []
            ),
        }
        news = bool(messages or answer["rooms"] or answer["account_data"]["events"] or changed)
        return answer, news or at is None

    def _rooms_for(self, device: Device, since: int | None, limit: int) -> dict[str, Json]:
        found: dict[str, Json] = {"join": {}, "invite": {}, "leave": {}}
        user_id = device.user_id
        for room_id, room in self.rooms.items():
            membership = room.membership(user_id)
            fresh = since is None or room.membership(user_id, since) != "join"
            moved = since is None or any(
                at > since and event["type"] == "m.room.member" and event.get("state_key") == user_id
                for at, event in room.events
            )
            passing = self._passing(room, user_id, None if fresh else since)
            if membership == "join" and (fresh or passing or room.events[-1][0] > (since or 0)):
                found["join"][room_id] = {
                    **_joined(room, device, None if fresh else since, limit),
                    "ephemeral": {"events": passing},
                }
            elif membership == "invite" and moved:
                found["invite"][room_id] = {"invite_state": {"events": list(_stripped(room, user_id))}}
            elif membership in ("leave", "ban") and moved and since is not None:
                events = _until_own_move(room, user_id, since)
                found["leave"][room_id] = {
                    "timeline": _timeline(events, device, limit),
                    "state": {"events": []},
                    "account_data": {"events": []},
                }
        return found

    def _passing(self, room: Room, user_id: str, since: int | None) -> list[Json]:
        """Who has read and who is typing, as this person may see it, where that is new."""
        found: list[Json] = []
        receipts: Json = {}
        for (reader, kind), receipt in room.receipts.items():
            seen = kind == "m.read" or (kind == PRIVATE_RECEIPT and reader == user_id)
            if seen and receipt.at > (since or 0):
                by_kind = receipts.setdefault(receipt.event_id, {}).setdefault(kind, {})
                by_kind[reader] = {"ts": receipt.read_ms}
        if receipts:
            found.append({"type": "m.receipt", "content": receipts})
        typing = [who for who, until_ms in room.typing.items() if until_ms > self.now_ms()]
        if room.typing_changed > since if since is not None else typing:
            found.append({"type": "m.typing", "content": {"user_ids": typing}})
        return found

    def _changed_for(self, user_id: str, since: int | None) -> list[str]:
        if since is None:
            return []
        shared = {user_id}
        new = set()
        for room in self.rooms.values():
            people = room.people("join")
            if user_id not in people:
                continue
            shared.update(people)
            mine = room.membership(user_id, since) != "join"
            new |= {other for other in people if mine or room.membership(other, since) != "join"}
        changed = {each for each in shared if self.users[each].keys_changed > since}
        return sorted(changed | (new - {user_id}))


def _shown(event: Json, device: Device) -> Json:
    """The event as one device may see it: transaction ids belong to whoever sent with them."""
    if "transaction_id" in event["unsigned"] and event["sender"] != device.user_id:
        unsigned = {name: value for name, value in event["unsigned"].items() if name != "transaction_id"}
        return {**event, "unsigned": unsigned}
    return event


def _timeline(events: list[tuple[int, Json]], device: Device, limit: int) -> Json:
    kept = events[-limit:] if limit else []
    before = kept[0][0] - 1 if kept else 0
    return {
        "events": [_shown(event, device) for _, event in kept],
        "limited": len(kept) < len(events),
        "prev_batch": f"s{before}_0",
    }


def _joined(room: Room, device: Device, since: int | None, limit: int) -> Json:
    events = [(at, event) for at, event in room.events if since is None or at > since]
    timeline = _timeline(events, device, limit)
    shown = {event["event_id"] for event in timeline["events"]}
    start = next((at for at, event in events if event["event_id"] in shown), 0)
    state = room.state(start - 1)
    if since is not None:
        old = {event["event_id"] for at, event in room.events if at <= since}
        state = {key: event for key, event in state.items() if event["event_id"] not in old}
    return {
        "timeline": timeline,
        "state": {"events": [event for event in state.values() if event["event_id"] not in shown]},
        "account_data": {"events": []},
        "summary": {},
    }


def _until_own_move(room: Room, user_id: str, since: int) -> list[tuple[int, Json]]:
    last = max(
        at
        for at, event in room.events
        if event["type"] == "m.room.member" and event.get("state_key") == user_id
    )
    return [(at, event) for at, event in room.events if since < at <= last]


def _stripped(room: Room, user_id: str) -> Iterable[Json]:
    state = room.state()
    inviter = state["m.room.member", user_id]["sender"]
    wanted = [(kind, "") for kind in STRIPPED] + [("m.room.member", inviter), ("m.room.member", user_id)]
    for key in wanted:
        if key in state:
            yield {name: state[key][name] for name in ("type", "sender", "content", "state_key")}
