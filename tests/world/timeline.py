"""What a person sees in a room: events folded into messages with their edits and reactions. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

POLL_START = ("m.poll.start", "org.matrix.msc3381.poll.start")
SHOWN = ("m.room.message", "m.room.encrypted", "m.sticker", *POLL_START)
TEXT = ("m.text", "org.matrix.msc1767.text")

Content = Mapping[str, Any]


@dataclass(frozen=True)
class RawEvent:
    """One event of a timeline, decrypted where that was possible (else its type is `m.room.encrypted`)."""

    room_id: str
    event_id: str
    sender: str
    type: str
    ts_ms: int
    content: Content
    state_key: str | None = None
    redacts: str | None = None
    """The event this one takes back, for `m.room.redaction`."""
    already_redacted: bool = False
    """The homeserver sent it without its content."""


@dataclass(frozen=True)
class Tap:
    """One reaction that still stands."""

    key: str
    sender: str
    event_id: str
    ts_ms: int


@dataclass(frozen=True)
class Edit:
    """One edit of a message, oldest first in `Message.edits`."""

    event_id: str
    body: str
    ts_ms: int
    content: Content = field(repr=False)


@dataclass(frozen=True)
class Message:
    """A message as a person sees it now; `original` is its content as first sent."""

    room_id: str
    event_id: str
    sender: str
    ts_ms: int
    type: str
    msgtype: str
    body: str
    formatted_body: str | None
    content: Content = field(repr=False)
    original: Content = field(repr=False)
    edits: tuple[Edit, ...] = ()
    taps: tuple[Tap, ...] = ()
    redacted: bool = False
    decrypted: bool = True
    reply_to: str | None = None
    thread_id: str | None = None

    @property
    def reactions(self) -> dict[str, list[str]]:
        """Who tapped what, each key with its people in the order they tapped."""
        people: dict[str, list[str]] = {}
        for tap in self.taps:
            people.setdefault(tap.key, []).append(tap.sender)
        return people

    @property
    def mentions(self) -> tuple[str, ...]:
        """The people this message wants to notify."""
        named = _mapping(self.content.get("m.mentions")).get("user_ids", ())
        return tuple(str(user_id) for user_id in named)


def parse_event(room_id: str, source: Mapping[str, Any]) -> RawEvent:
    """Read one event as the homeserver (or the decryption) gives it."""
    content = _mapping(source.get("content"))
    redacts = source.get("redacts", content.get("redacts"))  # room version 11 moved it into the content
    return RawEvent(
        room_id=room_id,
        event_id=str(source["event_id"]),
        sender=str(source["sender"]),
        type=str(source["type"]),
        ts_ms=int(source["origin_server_ts"]),
        content=content,
        state_key=source.get("state_key"),
        redacts=str(redacts) if redacts and source["type"] == "m.room.redaction" else None,
        already_redacted="redacted_because" in _mapping(source.get("unsigned")),
    )


def fold(events: Iterable[RawEvent]) -> list[Message]:
    """The messages of one room in the order of the timeline."""
    ordered = list(events)
    gone = {event.redacts for event in ordered if event.redacts}
    gone |= {event.event_id for event in ordered if event.already_redacted}
    standing = [event for event in ordered if event.event_id not in gone]
    edits = _edits(standing)
    taps = _taps(standing)
    return [
        _message(
            event,
            event.event_id in gone,
            edits.get((event.event_id, event.sender), ()),
            taps.get(event.event_id, ()),
        )
        for event in ordered
        if event.type in SHOWN and event.state_key is None and relation(event)[0] != "m.replace"
    ]


def relation(event: RawEvent) -> tuple[str, str]:
    """The kind of an event's relation and the event it points to; empty where there is none."""
    related = _mapping(event.content.get("m.relates_to"))
    return str(related.get("rel_type", "")), str(related.get("event_id", ""))


def _edits(events: list[RawEvent]) -> dict[tuple[str, str], tuple[Edit, ...]]:
    """The edits that count for each (message, author): only authors edit, the newest timestamp wins."""
    found: dict[tuple[str, str], list[Edit]] = {}
    for event in events:
        kind, target = relation(event)
        if kind == "m.replace" and event.type != "m.room.encrypted":
            content = _mapping(event.content.get("m.new_content"))
            edit = Edit(event.event_id, _body(content), event.ts_ms, content)
            found.setdefault((target, event.sender), []).append(edit)
    return {
        key: tuple(sorted(edits, key=lambda edit: (edit.ts_ms, edit.event_id)))
        for key, edits in found.items()
    }


def _taps(events: list[RawEvent]) -> dict[str, tuple[Tap, ...]]:
    found: dict[str, list[Tap]] = {}
    for event in events:
        kind, target = relation(event)
        if event.type == "m.reaction" and kind == "m.annotation":
            key = str(_mapping(event.content.get("m.relates_to")).get("key", ""))
            found.setdefault(target, []).append(Tap(key, event.sender, event.event_id, event.ts_ms))
    return {target: tuple(taps) for target, taps in found.items()}


def _message(event: RawEvent, redacted: bool, edits: tuple[Edit, ...], taps: tuple[Tap, ...]) -> Message:
    original: Content = {} if redacted else event.content
    content = edits[-1].content if edits and not redacted else original
    related = _mapping(original.get("m.relates_to"))
    replied = _mapping(related.get("m.in_reply_to")).get("event_id")
    formatted = content.get("formatted_body")
    return Message(
        room_id=event.room_id,
        event_id=event.event_id,
        sender=event.sender,
        ts_ms=event.ts_ms,
        type=event.type,
        msgtype=str(content.get("msgtype", "")),
        body=_body(content),
        formatted_body=None if formatted is None else str(formatted),
        content=content,
        original=original,
        edits=() if redacted else edits,
        taps=() if redacted else taps,
        redacted=redacted,
        decrypted=redacted or event.type != "m.room.encrypted",
        reply_to=None if replied is None else str(replied),
        thread_id=str(related["event_id"]) if related.get("rel_type") == "m.thread" else None,
    )


def _body(content: Content) -> str:
    """The plain text of a message, or the plain alternative a poll carries."""
    if "body" in content:
        return str(content["body"])
    return next((str(content[key]) for key in TEXT if isinstance(content.get(key), str)), "")


def _mapping(value: object) -> Content:
    return value if isinstance(value, Mapping) else {}
