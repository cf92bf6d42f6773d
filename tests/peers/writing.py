"""What people write in their apps besides plain lines, sent by the JavaScript peer: quotes, threads, pills."""

from __future__ import annotations

from html import escape
from typing import Any

import msgspec

from tests.peers.js_peer import JsPeer, Message


async def send_content(peer: JsPeer, room: str, content: dict[str, Any]) -> str:
    """Send a text message with this content, encrypted; the event's id."""
    answer = await peer.call("send_content", room=room, content=content)
    return msgspec.convert(answer["event_id"], str)


async def reply_with_quote(peer: JsPeer, to: Message, text: str) -> str:
    """Reply as apps did for years, with what is replied to quoted in front, in the text and in its HTML."""
    quoted = "\n".join(f"> {line}" for line in f"<{to.sender}> {to.body}".splitlines())
    html = f"<mx-reply><blockquote>{escape(str(to.body))}</blockquote></mx-reply>{escape(text)}"
    content = {
        "body": f"{quoted}\n\n{text}",
        "format": "org.matrix.custom.html",
        "formatted_body": html,
        "m.mentions": {"user_ids": [to.sender]},
        "m.relates_to": {"m.in_reply_to": {"event_id": to.event_id}},
    }
    return await send_content(peer, to.room, content)


async def write_in_thread(
    peer: JsPeer, room: str, root: str, text: str, *, latest: str | None = None, meant: bool = False
) -> str:
    """Write in a thread; ``latest`` stands last in it, and with ``meant`` it is really replied to."""
    relation = {
        "rel_type": "m.thread",
        "event_id": root,
        "is_falling_back": not meant,
        "m.in_reply_to": {"event_id": latest or root},
    }
    return await send_content(peer, room, {"body": text, "m.relates_to": relation})


async def write_with_pills(
    peer: JsPeer, room: str, before: str, people: dict[str, str], *, reply_to: str | None = None
) -> str:
    """Mention people by name as pills, behind some words; ``people`` are names by Matrix id."""
    pills = ", ".join(f'<a href="https://matrix.to/#/{user}">{name}</a>' for user, name in people.items())
    content: dict[str, Any] = {
        "body": before + ", ".join(people.values()),
        "format": "org.matrix.custom.html",
        "formatted_body": before + pills,
        "m.mentions": {"user_ids": list(people)},
    }
    if reply_to is not None:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
    return await send_content(peer, room, content)
