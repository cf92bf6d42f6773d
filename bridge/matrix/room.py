"""One room as its state events describe it: a value, rebuilt by `with_state`, stored as two rows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from bridge.matrix.megolm import WEEK_MS, Rotation
from bridge.matrix.text import as_dict, as_list, as_number, as_text

ALL_POWER = 1 << 53
"""The power of a version 12 room's creators: more than any number a room can write."""

VERSIONS_WITHOUT_CREATOR_POWER = frozenset(str(number) for number in range(1, 12))

PRESENT = ("join", "invite")

SPACE = "m.space"
MOST_CHILDREN = 1_000
"""Rooms of a space that are remembered; later ones are left out."""
MOST_PARENTS = 20
"""Spaces that a room may say it lies in; later ones are left out."""
MOST_OUT = 5_000
"""People who are not in a room any more and of whom that is remembered; the first of them are forgotten beyond it."""
LONGEST_ORDER = 50


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A person in a room: "join" or "invite" (others are not kept), and the name they show, or None."""

    membership: str
    display_name: str | None = None

    def __repr__(self) -> str:
        return f"Member({self.membership!r})"


class Child(msgspec.Struct, frozen=True, array_like=True):
    """A space's `m.space.child`: where its room stands among the others, and when it was put there."""

    order: str | None
    placed_ms: int


class Encryption(msgspec.Struct, frozen=True):
    """The room's `m.room.encryption`."""

    algorithm: str
    rotation: Rotation


class Powers(msgspec.Struct, frozen=True):
    """The room's `m.room.power_levels`, with the specification's defaults; levels of users by id, of events by type."""

    users: dict[str, int] = {}
    users_default: int = 0
    events: dict[str, int] = {}
    events_default: int = 0
    state_default: int = 50
    invite: int = 0
    kick: int = 50
    redact: int = 50


class Room(msgspec.Struct, frozen=True):
    """A room we are in."""

    room_id: str
    version: str = "1"
    creators: tuple[str, ...] = ()
    room_type: str | None = None
    name: str | None = None
    alias: str | None = None
    encryption: Encryption | None = None
    powers: Powers | None = None
    history_visibility: str = "shared"
    join_rule: str = "invite"
    replaced_by: str | None = None
    members: dict[str, Member] = {}
    replaced_by_sender: str | None = None
    """Who set the tombstone."""
    predecessor: str | None = None
    """The room that this one says it takes the place of."""
    children: dict[str, Child] = {}
    """Of a space: its rooms by id, whether or not we are in them."""
    parents: tuple[str, ...] = ()
    """The spaces that this room says it lies in."""
    out: dict[str, str] = {}
    """Who was put out of it ("ban" or "leave") or has left it, and has not been asked back since."""

    def __repr__(self) -> str:
        return f"Room({self.room_id!r}, version={self.version!r}, {len(self.members)} members)"

    def joined(self) -> frozenset[str]:
        return frozenset(user for user, member in self.members.items() if member.membership == "join")

    def present(self) -> frozenset[str]:
        """Everybody joined or invited."""
        return frozenset(self.members)

    def readers(self) -> frozenset[str]:
        """Whose devices get the room's keys: an invited person may read once joined, unless the room hides it."""
        return self.joined() if self.history_visibility == "joined" else self.present()

    @property
    def is_space(self) -> bool:
        return self.room_type == SPACE

    def display_name(self, user_id: str) -> str | None:
        member = self.members.get(user_id)
        return member.display_name if member else None

    def power(self, user_id: str) -> int:
        """This person's power level; creators of a version 12 room have all of it."""
        creators_rule = self.version not in VERSIONS_WITHOUT_CREATOR_POWER
        if creators_rule and user_id in self.creators:
            return ALL_POWER
        if self.powers is None:
            return 100 if user_id in self.creators[:1] else 0
        return self.powers.users.get(user_id, self.powers.users_default)

    def may_send(self, user_id: str, event_type: str) -> bool:
        """Whether this person may send messages of this type."""
        powers = self.powers or Powers()
        return self.power(user_id) >= powers.events.get(event_type, powers.events_default)

    def may_invite(self, user_id: str) -> bool:
        powers = self.powers or Powers()
        return user_id in self.joined() and self.power(user_id) >= powers.invite

    def may_redact_others(self, user_id: str) -> bool:
        powers = self.powers or Powers()
        return self.power(user_id) >= powers.redact

    def with_state(self, events: Iterable[Mapping[str, Any]]) -> "Room":
        """The room after these state events, in order; a malformed one changes nothing.

        Encryption once seen stays: nobody can talk the bot into writing in the clear.
        """
        changes: dict[str, Any] = {}
        members, children, out = dict(self.members), dict(self.children), dict(self.out)
        parents = dict.fromkeys(self.parents)
        for event in events:
            kind, key = event.get("type"), event.get("state_key")
            content = as_dict(event.get("content"))
            if kind == "m.room.member" and isinstance(key, str):
                _take_out(out, members, key, event, content)
                _take_member(members, key, content)
            elif kind == "m.space.child" and isinstance(key, str):
                _take_child(children, key, event, content)
            elif kind == "m.space.parent" and isinstance(key, str):
                _take_parent(parents, key, content)
            elif key == "" and isinstance(kind, str) and kind in _READERS:
                changes.update(_READERS[kind](event, content))
        if members != self.members:
            changes["members"] = members
        if children != self.children:
            changes["children"] = children
        if tuple(parents) != self.parents:
            changes["parents"] = tuple(parents)
        if out != self.out:
            changes["out"] = out
        return msgspec.structs.replace(self, **changes) if changes else self


def _take_member(members: dict[str, Member], user_id: str, content: Mapping[str, Any]) -> None:
    membership = content.get("membership")
    if membership in PRESENT:
        name = as_text(content.get("displayname"))
        members[user_id] = Member(membership, name[:256] if name else None)
    elif isinstance(membership, str):
        members.pop(user_id, None)


def _take_out(
    out: dict[str, str],
    members: Mapping[str, Member],
    user_id: str,
    event: Mapping[str, Any],
    content: Mapping[str, Any],
) -> None:
    """Saying no to an invitation is no leaving. (Called before ``members`` are brought up to date.)"""
    membership = content.get("membership")
    if membership in PRESENT:
        out.pop(user_id, None)
        return
    before = members.get(user_id)
    was_in = before is not None and before.membership == "join"
    if membership == "ban" or (membership == "leave" and (was_in or event.get("sender") != user_id)):
        out[user_id] = str(membership)
        if len(out) > MOST_OUT:
            del out[next(iter(out))]


def _take_parent(parents: dict[str, None], room_id: str, content: Mapping[str, Any]) -> None:
    """Client-server specification, `m.space.parent`: without `via` it is none (any more)."""
    if not as_list(content.get("via")):
        parents.pop(room_id, None)
    elif room_id.startswith("!") and len(parents) < MOST_PARENTS:
        parents[room_id] = None


def _take_child(
    children: dict[str, Child], room_id: str, event: Mapping[str, Any], content: Mapping[str, Any]
) -> None:
    """Client-server specification, `m.space.child`: without `via` it is none (any more), and a bad `order` is none."""
    if not as_list(content.get("via")) or not room_id.startswith("!"):
        children.pop(room_id, None)
    elif room_id in children or len(children) < MOST_CHILDREN:
        order = as_text(content.get("order"))
        fits = order is not None and len(order) <= LONGEST_ORDER and all(" " <= sign <= "~" for sign in order)
        children[room_id] = Child(order if fits else None, as_number(event.get("origin_server_ts")) or 0)


def _create(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    creator = as_text(event.get("sender")) or as_text(content.get("creator"))
    more = [user for user in as_list(content.get("additional_creators")) if isinstance(user, str)]
    return {
        "version": as_text(content.get("room_version")) or "1",
        "creators": tuple(dict.fromkeys(([creator] if creator else []) + more)),
        "room_type": as_text(content.get("type")),
        "predecessor": as_text(as_dict(content.get("predecessor")).get("room_id")),
    }


def _encryption(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    algorithm = as_text(content.get("algorithm"))
    if algorithm is None:
        return {}
    period_ms = as_number(content.get("rotation_period_ms"))
    messages = as_number(content.get("rotation_period_msgs"))
    # Lower bounds keep a hostile setting from making every message a new session for everybody.
    rotation = Rotation(
        WEEK_MS if period_ms is None else max(3_600_000, period_ms),
        100 if messages is None else min(10_000, max(1, messages)),
    )
    return {"encryption": Encryption(algorithm, rotation)}


def _powers(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    def level(name: str, default: int) -> int:
        number = as_number(content.get(name))
        return default if number is None else number

    def levels(name: str) -> dict[str, int]:
        found = {key: as_number(value) for key, value in as_dict(content.get(name)).items()}
        return {key: value for key, value in found.items() if value is not None}

    return {
        "powers": Powers(
            users=levels("users"),
            users_default=level("users_default", 0),
            events=levels("events"),
            events_default=level("events_default", 0),
            state_default=level("state_default", 50),
            invite=level("invite", 0),
            kick=level("kick", 50),
            redact=level("redact", 50),
        )
    }


def _name(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": as_text(content.get("name"))}


def _alias(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {"alias": as_text(content.get("alias"))}


def _history(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {"history_visibility": as_text(content.get("history_visibility")) or "shared"}


def _join_rule(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {"join_rule": as_text(content.get("join_rule")) or "invite"}


def _tombstone(event: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    replaced_by = as_text(content.get("replacement_room"))
    return {
        "replaced_by": replaced_by,
        "replaced_by_sender": as_text(event.get("sender")) if replaced_by else None,
    }


_Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]

_READERS: dict[Any, _Reader] = {
    "m.room.create": _create,
    "m.room.encryption": _encryption,
    "m.room.power_levels": _powers,
    "m.room.name": _name,
    "m.room.canonical_alias": _alias,
    "m.room.history_visibility": _history,
    "m.room.join_rules": _join_rule,
    "m.room.tombstone": _tombstone,
}
