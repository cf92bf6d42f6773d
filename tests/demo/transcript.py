"""Prints what happens as the people in it see it, room by room, while it happens."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime

from tests.world import Member, Message

WIDTH = 76
INDENT = " " * 12


class Transcript:
    """Remembers what each person has been shown and prints what is new to them."""

    def __init__(self, bot: str, house_time: Callable[[int], int], names: dict[str, str]) -> None:
        """``house_time``: a server timestamp in the house's time. ``names``: Matrix id → what to call them."""
        self._bot = bot
        self._house_time = house_time
        self._names = {**names, bot: "Hearth"}
        self._shown: dict[str, str] = {}
        self._heading = ""
        self._day = ""

    def chapter(self, title: str) -> None:
        """Begin a new part of the story."""
        print(f"\n━━ {title} {'━' * max(3, WIDTH - len(title) - 4)}", flush=True)
        self._heading = ""

    def act(self, name: str, what: str, where: str) -> None:
        """Say what a person does."""
        self._head(where)
        print(f"{INDENT}({name} {what})", flush=True)

    def show(self, member: Member, room_id: str, where: str) -> None:
        """Print what is new in a room since it was last shown."""
        for message in member.read(room_id):
            before = self._shown.get(message.event_id)
            if message.body == before or message.redacted or message.type != "m.room.message":
                continue
            self._shown[message.event_id] = message.body
            if before is None:
                self._date(message)
            self._head(where)
            self._print(message, before)

    def _print(self, message: Message, before: str | None) -> None:
        name = self._names.get(message.sender, message.sender)
        if before is None:
            self._block(f"{name:<10}", message.body)
            return
        known = set(before.splitlines())
        new = [line for line in message.body.splitlines() if line and line not in known]
        self._block(f"{name:<7} ✎ ", "\n".join(new))

    def _date(self, message: Message) -> None:
        at = datetime.fromtimestamp(self._house_time(message.ts_ms) / 1000, UTC)
        day = f"{at:%A} {at.day} {at:%B}"
        if day != self._day:
            self._day = day
            print(f"\n  · {day} ·", flush=True)
            self._heading = ""

    def _head(self, where: str) -> None:
        if where != self._heading:
            self._heading = where
            print(f"\n  {where}", flush=True)

    def _block(self, label: str, body: str) -> None:
        lines = [
            part for line in body.splitlines() for part in (textwrap.wrap(line, WIDTH - len(INDENT)) or [""])
        ]
        for n, line in enumerate(lines):
            print(f"  {label if n == 0 else ' ' * len(label)}{line}".rstrip(), flush=True)
