"""What a considerate person lets others see: that something was read, and that an answer is being written.

Read receipts follow what has been committed; in a shared room they are private. Typing is shown in 1:1 rooms only,
while a reply to what somebody just said takes its time, and always taken back. Both are courtesies: never more than
one request per room and second, none is tried again, and nothing else waits for them (client-server specification,
modules "Typing notifications" and "Receipts").
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.matrix.clock import Clock
from bridge.matrix.http import MatrixError, RateLimited, path
from bridge.matrix.sync import Delivery, RoomEvent
from engine.core.parcel import Direct, Parcel
from engine.core.values import MINUTE_MS, SECOND_MS, Ms, PersonId
from engine.runtime.ports import Postman, Sealed, Sent
from engine.runtime.waking import first_of

log = logging.getLogger(__name__)

MESSAGE = "m.room.message"
APART_MS = SECOND_MS
"""Between two requests for the same room."""
PATIENCE_MS = SECOND_MS
"""How long a reply may take before the person sees that it is being written."""
LONGEST_TYPING_MS = 20 * SECOND_MS
JUST_NOW_MS = MINUTE_MS
"""What was said longer ago than this is not waited for in front of the screen."""
REST_MS = 30 * SECOND_MS
"""How long all courtesies rest when the homeserver asks for it and does not say how long."""
MOST_ROOMS = 2_000
MOST_AT_ONCE = 4
REQUEST_SECONDS = 10.0


class Requests(Protocol):
    """Asks the homeserver for something."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 30.0,
    ) -> dict[str, Any]: ...


@dataclass
class _Room:
    """What one room is to be shown."""

    unread: str | None = None
    """The newest event that was read and not shown as read yet."""
    is_direct: bool = False
    spoke_ms: Ms | None = None
    """When the person last said something that may be answered."""
    typing_from_ms: Ms | None = None
    """From when on typing is to be shown, while a reply is on its way."""
    typing_since_ms: Ms | None = None
    asked_ms: Ms = 0
    """When the homeserver was last asked for something in this room."""

    @property
    def is_idle(self) -> bool:
        return self.unread is None and self.typing_from_ms is None and self.typing_since_ms is None


class Courtesy:
    """Keeps what is to be shown per room, and shows it when it is time."""

    def __init__(self, homeserver: Requests, user_id: str, clock: Clock) -> None:
        self._homeserver = homeserver
        self._user_id = user_id
        self._clock = clock
        self._rooms: dict[str, _Room] = {}
        self._woken = asyncio.Event()
        self._rests_until_ms: Ms = 0

    def __repr__(self) -> str:
        return f"Courtesy({len(self._rooms)} rooms)"

    # ── what happens ─────────────────────────────────────────────────────────

    def note(self, delivery: Delivery, direct: Collection[str], shared: Collection[str]) -> None:
        """A delivery has been committed: its events are read. ``direct``, ``shared``: the rooms that are ours."""
        for event in delivery.events:
            if not isinstance(event, RoomEvent) or event.sender == self._user_id:
                continue
            if event.state_key is not None or event.source == "late":
                continue
            if event.room_id in direct or event.room_id in shared:
                self._read(event, is_direct=event.room_id in direct)
        self._woken.set()

    def _read(self, event: RoomEvent, *, is_direct: bool) -> None:
        room = self._room(event.room_id)
        room.unread, room.is_direct = event.event_id, is_direct
        now_ms = self._clock.now_ms()
        if is_direct and event.type == MESSAGE and now_ms - event.origin_server_ts_ms < JUST_NOW_MS:
            room.spoke_ms = now_ms

    def answering(self, room_id: str) -> None:
        """A reply for this 1:1 room is on its way."""
        room = self._rooms.get(room_id)
        if room is None or room.spoke_ms is None or room.typing_from_ms is not None:
            return
        if self._clock.now_ms() - room.spoke_ms < JUST_NOW_MS:
            room.typing_from_ms = room.spoke_ms + PATIENCE_MS
            self._woken.set()

    def answered(self, room_id: str) -> None:
        """It has come, or will not come now."""
        room = self._rooms.get(room_id)
        if room is not None:
            room.typing_from_ms = room.spoke_ms = None
            self._woken.set()

    def _room(self, room_id: str) -> _Room:
        room = self._rooms.pop(room_id, None) or _Room()
        self._rooms[room_id] = room  # the last one that something happened in
        if len(self._rooms) > MOST_ROOMS:
            oldest = next(iter(self._rooms))
            if not self._rooms.pop(oldest).is_idle:
                log.info("more than %d rooms wait for a receipt; %s goes without", MOST_ROOMS, oldest)
        return room

    # ── what is shown ────────────────────────────────────────────────────────

    async def run(self, stop: asyncio.Event) -> None:
        """Show what is due until ``stop``; then nobody is left seeing that something is being written."""
        while not stop.is_set():
            self._woken.clear()
            await self.show_due()
            await self._rest(stop, self._next_ms())
        typing = [room_id for room_id, room in self._rooms.items() if room.typing_since_ms is not None]
        await asyncio.gather(*(self._type(room_id, on=False) for room_id in typing[:MOST_AT_ONCE]))

    async def show_due(self) -> None:
        """Show whatever is due now."""
        now_ms = self._clock.now_ms()
        due = [
            each
            for each, room in self._rooms.items()
            if (at := self._due_ms(room)) is not None and at <= now_ms
        ]
        for start in range(0, len(due), MOST_AT_ONCE):
            await asyncio.gather(*(self._show(room_id) for room_id in due[start : start + MOST_AT_ONCE]))

    def _next_ms(self) -> Ms | None:
        return min(
            (at for room in self._rooms.values() if (at := self._due_ms(room)) is not None), default=None
        )

    def _due_ms(self, room: _Room) -> Ms | None:
        """When something is to be shown in a room next."""
        wished = [
            0 if room.unread is not None else None,
            self._typing_ends_ms(room),
            room.typing_from_ms if room.typing_since_ms is None else None,
        ]
        moments = [at for at in wished if at is not None]
        return max(min(moments), room.asked_ms + APART_MS, self._rests_until_ms) if moments else None

    def _typing_ends_ms(self, room: _Room) -> Ms | None:
        if room.typing_since_ms is None:
            return None
        return 0 if room.typing_from_ms is None else room.typing_since_ms + LONGEST_TYPING_MS

    async def _show(self, room_id: str) -> None:
        """The one thing that matters most in a room now."""
        room, now_ms = self._rooms[room_id], self._clock.now_ms()
        ends_ms = self._typing_ends_ms(room)
        room.asked_ms = now_ms
        if ends_ms is not None and ends_ms <= now_ms:
            room.typing_since_ms = room.typing_from_ms = None
            await self._type(room_id, on=False)
        elif room.unread is not None:
            event_id, room.unread = room.unread, None
            kind = "m.read" if room.is_direct else "m.read.private"
            await self._ask("POST", path("rooms", room_id, "receipt", kind, event_id), {})
        else:
            room.typing_since_ms = now_ms
            await self._type(room_id, on=True)

    async def _type(self, room_id: str, *, on: bool) -> None:
        content: dict[str, Any] = {"typing": True, "timeout": LONGEST_TYPING_MS} if on else {"typing": False}
        await self._ask("PUT", path("rooms", room_id, "typing", self._user_id), content)

    async def _ask(self, method: str, where: str, content: dict[str, Any]) -> None:
        try:
            await self._homeserver.request(method, where, body=content, timeout_seconds=REQUEST_SECONDS)
        except RateLimited as error:
            rest_ms = REST_MS if error.retry_after_ms is None else error.retry_after_ms
            self._rests_until_ms = self._clock.now_ms() + rest_ms
            log.info("no receipts and no typing for %d ms: the homeserver asks for it", rest_ms)
        except MatrixError as error:
            log.info("a courtesy was not shown: %s", error)

    async def _rest(self, stop: asyncio.Event, until_ms: Ms | None) -> None:
        waits: list[Coroutine[Any, Any, object]] = [stop.wait(), self._woken.wait()]
        if until_ms is not None:
            waits.append(self._clock.pause(max(0, until_ms - self._clock.now_ms()) / 1000))
        await first_of(*waits)


class CourteousPostman:
    """A postman during whose work the person sees that a reply is being written; implements ``Postman``."""

    def __init__(self, postman: Postman, courtesy: Courtesy) -> None:
        self._postman = postman
        self._courtesy = courtesy

    async def room_for(self, parcel: Parcel) -> str:
        return await self._postman.room_for(parcel)

    async def is_present(self, person: PersonId) -> bool:
        return await self._postman.is_present(person)

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        if _is_reply(parcel):
            self._courtesy.answering(room)
        try:
            return await self._postman.seal(parcel, room, transaction)
        except BaseException:
            self._courtesy.answered(room)
            raise

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        try:
            return await self._postman.put(room, sealed, transaction)
        finally:
            self._courtesy.answered(room)

    async def find(self, room: str, transaction: str) -> Sent | None:
        return await self._postman.find(room, transaction)

    async def let_go(self, person: PersonId) -> None:
        await self._postman.let_go(person)


def _is_reply(parcel: Parcel) -> bool:
    """Whether it is a new message that answers somebody in their own room."""
    is_message = not (parcel.edits or parcel.reacts or parcel.redacts or parcel.redacts_event)
    return is_message and parcel.urgency == "reply" and isinstance(parcel.to, Direct)
