"""From a Matrix event to something that happened, or to a reason why it is none of the house's business.

Pure: it looks nothing up and remembers nothing. People and rooms keep their Matrix ids here; the wiring resolves
them (`Draft` → `engine.runtime.ports.Arrival`). A stranger writes these events, so nothing in them is trusted to
have the shape it should, and no shape raises.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from bridge.matrix.checked import is_user_id
from bridge.matrix.megolm import TRANSACTION
from bridge.matrix.polls import RESPONSES, vote_in
from bridge.matrix.sync import AnyEvent, RoomEvent, UndecryptableEvent
from bridge.matrix.text import as_dict, as_list, as_text
from bridge.reading.address import unwrapped
from engine.core.values import CircleId, Ms
from engine.runtime.ports import Echo

MOST_MENTIONS = 100
LONGEST_EMOJI = 100
_PILL = re.compile(
    r"""href=["']https://matrix\.to/#/(@[^"'?/]{1,400}|%40[^"'?/]{1,400})["'?/]""", re.IGNORECASE
)

Reason = Literal[
    "own",
    "notice",
    "not_text",
    "malformed",
    "unknown_room",
    "stranger",
    "not_addressed",
    "undecryptable",
    "not_a_move",
    "other_type",
]


class Knowledge(msgspec.Struct, frozen=True):
    """What translating needs to know of the world: who we are, and what the rooms are.

    ``names``: what people may call the bot besides its Matrix id. ``direct``: 1:1 room → the person's Matrix id.
    ``circles``: shared room → circle.
    """

    user_id: str
    names: tuple[str, ...]
    direct: Mapping[str, str]
    circles: Mapping[str, CircleId]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person did. ``id`` is the event's; ``sender`` a Matrix id; ``circle`` None in a 1:1 room."""

    id: str
    occurred_ms: Ms
    sender: str
    circle: CircleId | None = None


class SpokenDraft(Draft, frozen=True, kw_only=True):
    """They wrote ``body`` (prefix and quotes taken away); ``mentions`` are Matrix ids, never the bot's.

    ``thread`` is the event that their thread began with; ``latest`` what stood last in it, where they replied to no
    message of it in particular.
    """

    body: str
    reply_to: str | None = None
    edits: str | None = None
    mentions: tuple[str, ...] = ()
    addressed: bool = False
    thread: str | None = None
    latest: str | None = None
    in_clear: bool = False
    """Written without encryption, though the room is encrypted."""

    def __repr__(self) -> str:
        return f"SpokenDraft(id={self.id!r}, sender={self.sender!r})"


class ReactedDraft(Draft, frozen=True, kw_only=True):
    """They put a reaction on ``target``."""

    target: str
    emoji: str


class VotedDraft(Draft, frozen=True, kw_only=True):
    """They voted in the poll ``target``; no answers: they took their vote back."""

    target: str
    answers: tuple[str, ...]


class RemovedDraft(Draft, frozen=True, kw_only=True):
    """They removed ``event``."""

    event: str


class MovedDraft(Draft, frozen=True, kw_only=True):
    """They came into the room, or are no longer in it. ``sender`` is who moved, whoever caused it."""

    joined: bool


Cause = Literal["no_key", "unverified", "blocked", "damaged"]
"""Why something cannot be read, as far as it matters to whoever wrote it."""

_WITHHELD: dict[str, Cause] = {
    "m.unverified": "unverified",
    "m.blacklisted": "blocked",
    "m.unauthorised": "blocked",
}
_CAUSES: dict[str, Cause] = {
    "no_key": "no_key",
    "key_starts_later": "no_key",
    "malformed": "damaged",
    "algorithm": "damaged",
}


class UnreadDraft(Draft, frozen=True, kw_only=True):
    """They wrote something in their 1:1 room that cannot be read; `session` is a hash of its session."""

    session: str
    cause: Cause


class Ignored(msgspec.Struct, frozen=True):
    """Nothing for us, and why."""

    reason: Reason


AnyDraft = SpokenDraft | ReactedDraft | VotedDraft | RemovedDraft | MovedDraft | UnreadDraft


def translate(
    event: AnyEvent, knowledge: Knowledge, received_ms: Ms, *, room_is_encrypted: bool = False
) -> AnyDraft | Echo | Ignored:
    """Say what an event means to the house. Never raises, whatever a stranger put into it.

    It happened when the homeserver says so, but never later than ``received_ms``.
    """
    if isinstance(event, UndecryptableEvent):
        return _unread(event, knowledge, received_ms)
    occurred_ms = max(0, min(event.origin_server_ts_ms, received_ms))
    if event.type == "m.room.member":
        return _moved(event, knowledge, occurred_ms)
    if event.sender == knowledge.user_id:
        return _own(event, occurred_ms)
    circle = knowledge.circles.get(event.room_id)
    if circle is None:
        person = knowledge.direct.get(event.room_id)
        if person is None:
            return Ignored("unknown_room")
        if person != event.sender:
            return Ignored("stranger")
    match event.type:
        case "m.room.message":
            in_clear = room_is_encrypted and not event.encrypted
            return _spoken(event, knowledge, circle, occurred_ms, in_clear=in_clear)
        case "m.reaction":
            return _reacted(event, circle, occurred_ms)
        case type_ if type_ in RESPONSES:
            return _voted(event, circle, occurred_ms)
        case "m.room.redaction":
            return _removed(event, circle, occurred_ms)
        case "m.room.encrypted":
            return Ignored("undecryptable")
        case _:
            return Ignored("other_type")


def hashed_session(room_id: str, session_id: str) -> str:
    """A name for a Megolm session that says nothing of it."""
    return hashlib.sha256(f"{room_id}\n{session_id}".encode()).hexdigest()[:32]


def _unread(event: UndecryptableEvent, knowledge: Knowledge, received_ms: Ms) -> UnreadDraft | Ignored:
    """In a shared room nobody can say whether it was meant for the bot, so that there it asks for the key in silence.

    What was tampered with (replayed, in somebody else's name) is answered by nothing.
    """
    cause = _CAUSES.get(event.cause.reason)
    if event.cause.reason == "withheld":
        cause = _WITHHELD.get(event.cause.withheld, "no_key")
    if cause is None or knowledge.direct.get(event.room_id) != event.sender:
        return Ignored("undecryptable")
    return UnreadDraft(
        id=event.event_id,
        occurred_ms=max(0, min(event.origin_server_ts_ms, received_ms)),
        sender=event.sender,
        session=hashed_session(event.room_id, event.cause.session_id),
        cause=cause,
    )


def _own(event: RoomEvent, occurred_ms: Ms) -> Echo | Ignored:
    transaction = as_text(event.content.get(TRANSACTION)) or event.transaction_id
    if not transaction:
        return Ignored("own")
    return Echo(
        id=f"echo:{event.event_id}", occurred_ms=occurred_ms, transaction=transaction, event=event.event_id
    )


def _moved(event: RoomEvent, knowledge: Knowledge, occurred_ms: Ms) -> MovedDraft | Ignored:
    who = event.state_key
    if who == knowledge.user_id:
        return Ignored("own")
    circle = knowledge.circles.get(event.room_id)
    if circle is None and event.room_id not in knowledge.direct:
        return Ignored("unknown_room")
    if who is None or not is_user_id(who):
        return Ignored("malformed")
    if circle is None and knowledge.direct[event.room_id] != who:
        return Ignored("stranger")
    membership = event.content.get("membership")
    if membership == "join" and event.was_joined and circle is not None:
        return Ignored("not_a_move")  # a new name or picture
    if membership == "join":
        joined = True
    elif membership in ("leave", "ban"):
        joined = False
    else:
        return Ignored("not_a_move")
    return MovedDraft(id=event.event_id, occurred_ms=occurred_ms, sender=who, circle=circle, joined=joined)


def _reacted(event: RoomEvent, circle: CircleId | None, occurred_ms: Ms) -> ReactedDraft | Ignored:
    relation = as_dict(event.content.get("m.relates_to"))
    target, emoji = as_text(relation.get("event_id")), as_text(relation.get("key"))
    if relation.get("rel_type") != "m.annotation" or not target or not emoji or len(emoji) > LONGEST_EMOJI:
        return Ignored("malformed")
    return ReactedDraft(
        id=event.event_id,
        occurred_ms=occurred_ms,
        sender=event.sender,
        circle=circle,
        target=target,
        emoji=emoji,
    )


def _voted(event: RoomEvent, circle: CircleId | None, occurred_ms: Ms) -> VotedDraft | Ignored:
    vote = vote_in(event.content)
    if vote is None:
        return Ignored("malformed")
    return VotedDraft(
        id=event.event_id,
        occurred_ms=occurred_ms,
        sender=event.sender,
        circle=circle,
        target=vote.poll,
        answers=vote.answers,
    )


def _removed(event: RoomEvent, circle: CircleId | None, occurred_ms: Ms) -> RemovedDraft | Ignored:
    # Room versions before 11 name it beside the content, later ones inside.
    removed = event.redacts or as_text(event.content.get("redacts"))
    if not removed:
        return Ignored("malformed")
    return RemovedDraft(
        id=event.event_id, occurred_ms=occurred_ms, sender=event.sender, circle=circle, event=removed
    )


# ── messages ─────────────────────────────────────────────────────────────────


def _spoken(
    event: RoomEvent,
    knowledge: Knowledge,
    circle: CircleId | None,
    occurred_ms: Ms,
    *,
    in_clear: bool = False,
) -> SpokenDraft | Ignored:
    relation = as_dict(event.content.get("m.relates_to"))
    content, edits = event.content, None
    if relation.get("rel_type") == "m.replace":
        edits = as_text(relation.get("event_id"))
        content = as_dict(event.content.get("m.new_content"))
        if not edits:
            return Ignored("malformed")
    if content.get("msgtype") != "m.text":
        return Ignored("notice" if content.get("msgtype") == "m.notice" else "not_text")
    body = as_text(content.get("body"))
    if body is None:
        return Ignored("malformed")
    reply_to = _reply_to(relation)
    marked = _marked(content, body, is_reply=reply_to is not None)
    call = unwrapped(
        body,
        (*knowledge.names, knowledge.user_id),
        is_reply=reply_to is not None,
        mentioned=knowledge.user_id in marked,
    )
    addressed = call.addressed or knowledge.user_id in marked
    if circle is not None and not (addressed or reply_to or edits):
        return Ignored("not_addressed")
    return SpokenDraft(
        id=event.event_id,
        occurred_ms=occurred_ms,
        sender=event.sender,
        circle=circle,
        body=call.words,
        reply_to=reply_to,
        edits=edits,
        mentions=tuple(user for user in marked if user != knowledge.user_id),
        addressed=addressed,
        in_clear=in_clear,
        **_thread_of(relation),
    )


def said_to_bot(event: RoomEvent, user_id: str, names: tuple[str, ...]) -> str | None:
    """What somebody says to the bot in a room that is no circle's, as the stewards' own: a new message that calls it.

    Without prefix and name; None for anything else.
    """
    if event.type != "m.room.message" or event.sender == user_id:
        return None
    draft = _spoken(event, Knowledge(user_id, names, {}, {}), CircleId(""), event.origin_server_ts_ms)
    called = isinstance(draft, SpokenDraft) and draft.addressed and draft.edits is None
    return draft.body if called and isinstance(draft, SpokenDraft) else None


def _thread_of(relation: Mapping[str, Any]) -> dict[str, str | None]:
    """The thread a message was written in, and what it stands below there if that says nothing but "in this thread"."""
    thread = as_text(relation.get("event_id"))
    if relation.get("rel_type") != "m.thread" or not thread:
        return {}
    latest = as_text(as_dict(relation.get("m.in_reply_to")).get("event_id"))
    return {"thread": thread, "latest": latest if relation.get("is_falling_back") is True else None}


def _reply_to(relation: Mapping[str, Any]) -> str | None:
    """The message answered. In a thread, the reply that only helps old clients gives way to the thread's root."""
    replied = as_text(as_dict(relation.get("m.in_reply_to")).get("event_id"))
    if relation.get("rel_type") == "m.thread" and (relation.get("is_falling_back") is True or not replied):
        return as_text(relation.get("event_id")) or replied or None
    return replied or None


def _marked(content: Mapping[str, Any], body: str, *, is_reply: bool) -> tuple[str, ...]:
    """The Matrix ids a message mentions on purpose, each once.

    A client adds the author of the message replied to by itself; such a mention counts only if it is also written.
    """
    pills = [
        unquote(found) for found in _PILL.findall(_without_quote(as_text(content.get("formatted_body"))))
    ]
    listed = [
        user
        for user in as_list(as_dict(content.get("m.mentions")).get("user_ids"))
        if isinstance(user, str) and (not is_reply or user in body or user in pills)
    ]
    if "m.mentions" in content and not is_reply:
        pills = [pill for pill in pills if pill in listed]
    users = dict.fromkeys(user for user in (*listed, *pills) if is_user_id(user))
    return tuple(users)[:MOST_MENTIONS]


def _without_quote(html: str | None) -> str:
    """HTML without the message replied to, which old clients repeat in front."""
    if html is None:
        return ""
    _, found, behind = html.partition("</mx-reply>")
    return behind if found else html
