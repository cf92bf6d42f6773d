"""Rooms that were replaced by others: followed only where that is safe, remembered, and what counts meanwhile.

A tombstone names a room; anybody could have made that one. It is followed only if the room says itself that it takes
the old one's place, whoever set the tombstone may invite in it, and it keeps nothing less secret than before.
"""

import logging
from collections.abc import Callable, Mapping

import msgspec

from bridge.matrix.clock import Clock
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.room import Room
from bridge.matrix.rooms import Rooms

log = logging.getLogger(__name__)

SUCCESSION = "succession"

GRACE_MS = 7 * 86_400_000
"""How long those who have not come along yet still count, unless they leave the old room before."""

MOST_STEPS = 50
"""Rooms in one line of succession; whatever lies further is not looked for."""

FIRST_WAIT_MS = 30_000
LONGEST_WAIT_MS = 3_600_000
PATIENT_LOOKS = 3
"""How often a room that is not fit is looked at before we leave it: its state may still be under way."""


class Succession(msgspec.Struct, frozen=True):
    """That a room took the place of another, and since when we have gone by it."""

    room_id: str
    at_ms: int


def successions_in(rows: Mapping[tuple[str, str], bytes]) -> dict[str, Succession]:
    """Old room → what took its place, as remembered."""
    return {
        old: msgspec.msgpack.decode(value, type=Succession)
        for (kind, old), value in rows.items()
        if kind == SUCCESSION
    }


def latest(room_id: str, followed: Mapping[str, Succession]) -> str:
    """The room that stands for this one now: itself, where it was not replaced."""
    for _ in range(MOST_STEPS):
        step = followed.get(room_id)
        if step is None:
            break
        room_id = step.room_id
    return room_id


class _Tries(msgspec.Struct, frozen=True):
    """How often it was tried to go along, how often the new room was looked at, and when it may be tried again."""

    joins: int = 0
    looks: int = 0
    due_ms: int = 0


class Upgrades:
    """Every succession we have followed. Kept as rows; `follow` is called between two sync answers."""

    def __init__(
        self,
        rows: Mapping[tuple[str, str], bytes],
        rooms: Rooms,
        homeserver: Homeserver,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._rooms = rooms
        self._homeserver = homeserver
        self._ledger = ledger
        self._clock = clock
        self._followed = successions_in(rows)
        self._tries: dict[tuple[str, str], _Tries] = {}
        self._unfit: set[tuple[str, str]] = set()
        self._entered: set[tuple[str, str]] = set()
        """Where we are only because the old room says so."""

    def latest(self, room_id: str) -> str:
        return latest(room_id, self._followed)

    def former(self, room_id: str) -> tuple[str, ...]:
        """The rooms that this one has taken the place of, directly or in turn, the last one first."""
        found: list[str] = []
        waiting = [room_id]
        while waiting and len(found) < MOST_STEPS:
            new = waiting.pop(0)
            before = [old for old, step in self._followed.items() if step.room_id == new and old not in found]
            found += before
            waiting += before
        return tuple(found)

    def followed(self) -> Mapping[str, str]:
        """Old room → the one that took its place, as far as it was followed."""
        return {old: step.room_id for old, step in self._followed.items()}

    def counts(self, room_id: str) -> bool:
        """Whether who is only in this room still counts as being in the one that has taken its place."""
        step = self._followed.get(room_id)
        return step is not None and self._clock.now_ms() < step.at_ms + GRACE_MS

    async def follow(self, wanted: Callable[[str], bool]) -> tuple[tuple[str, str], ...]:
        """Go along where a wanted room was replaced and that is safe; (old room, new room) for each that was.

        Raises a `MatrixError` where a later try may help. A join that is refused is tried again with growing pauses:
        most rooms let us in only once we are invited.
        """
        followed = []
        for room in list(self._rooms.all().values()):
            pair = (room.room_id, room.replaced_by or "")
            if not room.replaced_by or room.room_id in self._followed or pair in self._unfit:
                continue
            if self._is_due(pair) and wanted(room.room_id) and await self._go_along(*pair):
                followed.append(pair)
        return tuple(followed)

    def _is_due(self, pair: tuple[str, str]) -> bool:
        tries = self._tries.get(pair, _Tries())
        # Invited and joined since the last try: at once.
        return self._clock.now_ms() >= tries.due_ms or (pair[1] in self._rooms and not tries.looks)

    async def _go_along(self, old_id: str, new_id: str) -> bool:
        was_in = new_id in self._rooms
        self._count((old_id, new_id), tried=1)
        old = await self._rooms.fetch(old_id)
        if old is None or old.replaced_by != new_id:
            return False
        if not was_in and not await self._joined(old, new_id):
            return False
        looks = self._count((old_id, new_id), looked=1).looks
        new = await self._rooms.fetch(new_id)
        why = "we are not in it" if new is None else why_not(old, new)
        if new is not None and self.latest(new_id) == old_id:
            why = "that is where it came from"
        if why is None:
            await self.remember(old_id, new_id)
            log.info("%s was replaced by %s: followed", old_id, new_id)
            return True
        log.warning("%s says that %s takes its place, which is not followed: %s", old_id, new_id, why)
        if looks >= PATIENT_LOOKS:
            self._unfit.add((old_id, new_id))
            if (old_id, new_id) in self._entered:
                await self._homeserver.request("POST", path("rooms", new_id, "leave"))
        return False

    def _count(self, pair: tuple[str, str], *, tried: int = 0, looked: int = 0) -> _Tries:
        before = self._tries.get(pair, _Tries())
        wait_ms = min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** min(before.joins, 10))
        after = _Tries(before.joins + tried, before.looks + looked, self._clock.now_ms() + wait_ms)
        self._tries[pair] = after
        return after

    async def _joined(self, old: Room, new_id: str) -> bool:
        """Join by way of the server of whoever set the tombstone: a version 12 room's id names none."""
        server = (old.replaced_by_sender or "").partition(":")[2]
        query = {"server_name": server, "via": server} if server else {}
        try:
            await self._homeserver.request("POST", path("join", new_id), query=query, timeout_seconds=60)
        except Refused as refused:
            log.info("%s, which takes the place of %s, does not let us in: %s", new_id, old.room_id, refused)
            return False
        self._entered.add((old.room_id, new_id))
        return True

    async def remember(self, old_id: str, new_id: str) -> None:
        """From now on the new room stands for the old one."""
        async with self._ledger.turn:
            step = Succession(new_id, self._clock.now_ms())
            self._followed[old_id] = step
            self._ledger.put(SUCCESSION, old_id, msgspec.msgpack.encode(step))
            await self._ledger.commit()


def why_not(old: Room, new: Room) -> str | None:
    """What speaks against following; None if nothing does. Both as the homeserver shows them now."""
    sender = old.replaced_by_sender
    if new.predecessor != old.room_id:
        return "it does not say that it takes its place"
    if sender is None or not new.may_invite(sender):
        return f"{sender}, who says so, may invite nobody there"
    if old.encryption is not None and new.encryption is None:
        return "it is not encrypted, and the old one is"
    if old.is_space != new.is_space:
        return "one of them is a space, and the other is none"
    return None
