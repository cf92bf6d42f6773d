"""The homeserver of a play: rooms, who is in them, transactions, and what it tells the bot of."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from engine.core.parcel import Parcel
from engine.core.values import HOUR_MS, Ms, RowId
from engine.runtime.ports import AnyArrival, Echo

REMEMBERS_REAL_MS = 24 * HOUR_MS
"""How long a transaction id is known."""


class Standing(NamedTuple):
    """One event of the bot's as it stands in a room."""

    event: str
    room: str
    transaction: str
    parcel: Parcel
    words: tuple[str, ...]
    """What people wrote that stands written out in it."""
    at_ms: Ms
    retried: bool
    """It had been sealed, and perhaps sent, earlier: it was brought to its end whatever had changed since."""


class Homeserver:
    """Rooms are called ``d/ana`` (somebody's own) and ``s/0`` (a circle's)."""

    def __init__(self, now_ms: Callable[[], Ms], remembers_ms: Ms) -> None:
        self._now_ms = now_ms
        self._remembers_ms = remembers_ms
        self.rooms: dict[str, list[Standing]] = defaultdict(list)
        self.members: dict[str, set[str]] = defaultdict(set)
        self.timeline: list[AnyArrival] = []
        """What the bot hears, in the order in which it hears it; people stand in it by name."""
        self.by_row: dict[RowId, Standing] = {}
        self._known: dict[tuple[str, str], tuple[str, Ms]] = {}
        self._latest_ms: dict[str, Ms] = {}
        self.news = asyncio.Event()
        self.on_put: Callable[[Standing], None] = lambda _standing: None

    # ── what the bot does ────────────────────────────────────────────────────

    def put(
        self, room: str, transaction: str, parcel: Parcel, words: tuple[str, ...], *, retried: bool
    ) -> str:
        """Let a message stand in a room; the same transaction stands there once, as long as it is known."""
        known = self._known.get((room, transaction))
        if known is not None and self._now_ms() < known[1]:
            return known[0]
        event = f"$b{sum(map(len, self.rooms.values()))}"
        self._known[room, transaction] = (event, self._now_ms() + self._remembers_ms)
        standing = Standing(event, room, transaction, parcel, words, self._now_ms(), retried)
        self.rooms[room].append(standing)
        self.by_row.setdefault(parcel.row, standing)
        self.hear(
            Echo(id=f"{event}!", occurred_ms=self._now_ms(), transaction=transaction, event=event), room, 0
        )
        self.on_put(standing)
        return event

    def search(self, room: str, transaction: str) -> str | None:
        """Look through a room for what was sent under a transaction id."""
        return next((s.event for s in self.rooms[room] if s.transaction == transaction), None)

    # ── what the bot hears ───────────────────────────────────────────────────

    def hear(self, arrival: AnyArrival, sender: str, after_ms: Ms) -> None:
        """Let the bot hear of something, after a while; what one sender does stays in its order."""
        at_ms = max(self._latest_ms.get(sender, 0), self._now_ms() + after_ms)
        self._latest_ms[sender] = at_ms
        if at_ms <= self._now_ms():
            self._tell(arrival)
        else:
            asyncio.get_running_loop().call_later((at_ms - self._now_ms()) / 1000, self._tell, arrival)

    def _tell(self, arrival: AnyArrival) -> None:
        self.timeline.append(arrival)
        self.news.set()

    # ── what people see ──────────────────────────────────────────────────────

    def standing(self, row: RowId) -> Standing | None:
        """The event that a row of the outbox has become."""
        return self.by_row.get(row)

    def everything(self) -> Iterator[Standing]:
        """All that the bot has said, room by room."""
        for room in self.rooms.values():
            yield from room
