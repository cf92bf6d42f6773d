"""Which rooms are a circle's: its own, or those of its space, and for a while those that were replaced."""

import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from bridge.matrix.room import Room

log = logging.getLogger(__name__)

MOST_ROOMS = 100
"""Rooms of one circle; what a space has beyond that is not looked at, and the log says so."""

MESSAGE = "m.room.message"
ENCRYPTED = "m.room.encrypted"


class RoomsNow(Protocol):
    """The rooms we are in, as of the last sync."""

    @property
    def user_id(self) -> str: ...
    def all(self) -> Mapping[str, Room]: ...


class Replaced(Protocol):
    """Knows which room has taken the place of which."""

    def latest(self, room_id: str) -> str: ...
    def former(self, room_id: str) -> tuple[str, ...]: ...
    def counts(self, room_id: str) -> bool: ...


class NothingReplaced:
    """For where every room is what it was."""

    def latest(self, room_id: str) -> str:
        return room_id

    def former(self, room_id: str) -> tuple[str, ...]:
        return ()

    def counts(self, room_id: str) -> bool:
        return False


def children_in_order(space: Room) -> list[str]:
    """A space's rooms as clients show them (client-server specification, ordering of children within a space)."""

    def place(room_id: str) -> tuple[bool, str, int, str]:
        child = space.children[room_id]
        return child.order is None, child.order or "", child.placed_ms, room_id

    return sorted(space.children, key=place)


class Places:
    """The rooms of each circle, worked out anew from what is known whenever somebody asks.

    A circle goes by one room of the settings: its `root`. Whatever has taken that one's place since is its home.
    """

    def __init__(
        self,
        rooms: RoomsNow,
        replaced: Replaced | None = None,
        roots: Iterable[str] = (),
        is_private: Callable[[str], bool] = lambda room_id: False,
    ) -> None:
        """`roots`: every room that the settings name, circles' and stewards' alike: none of them is ever part of
        another's. Nor is a room for which `is_private` is true: whoever runs a space must not make a person's 1:1
        room one of everybody's.
        """
        self._rooms = rooms
        self._replaced = replaced or NothingReplaced()
        self.roots = tuple(roots)
        self._is_private = is_private
        self._told: set[str] = set()
        self._owners: dict[str, str] = {}
        """Room → the root whose space had it when it was last looked at."""

    def serve(self, roots: Iterable[str]) -> None:
        """These are the rooms that the house goes by, from now on."""
        self.roots = tuple(roots)

    def home(self, root: str) -> str:
        """The room that stands for this one now."""
        return self._replaced.latest(root)

    def rooms_of(self, root: str) -> tuple[str, ...]:
        """All rooms of a circle that we are in: its home first, a space's in their order, then replaced ones."""
        present = [room.room_id for room in self._present(self.home(root))]
        return (*present, *(old for old in self._former(present) if old in self._rooms.all()))

    def counted(self, root: str) -> tuple[str, ...]:
        """Those whose people are the circle's: not a room that was replaced a week ago or more."""
        present = [room.room_id for room in self._present(self.home(root))]
        return (*present, *(old for old in self._former(present) if self._replaced.counts(old)))

    def seen(self, root: str, *, all_of_them: bool = False) -> tuple[Room, ...]:
        """The counted rooms as they are now, or all of them: values, which stay as they are."""
        rooms = self._rooms.all()
        named = self.rooms_of(root) if all_of_them else self.counted(root)
        return tuple(rooms[room_id] for room_id in named if room_id in rooms)

    def is_in(self, root: str, user_id: str) -> bool:
        """Whether somebody is in the circle."""
        return user_id in self.people_of(root)

    def people_of(self, root: str) -> frozenset[str]:
        """Everybody who is in the circle: in one of the rooms that count; without the bot."""
        return self.people_in(self.seen(root))

    def people_in(self, seen: tuple[Room, ...]) -> frozenset[str]:
        """Everybody in these rooms of a circle, its home first; without the bot.

        Whoever is banned from the home is in none of them, and whoever was in the room that took another's place, or
        was put out of it, does not count for being in the former one.
        """
        if not seen:
            return frozenset()
        named = {room.room_id: room for room in seen}
        found: set[str] = set()
        for room in seen:
            later = named.get(self._replaced.latest(room.room_id), room)
            found |= room.joined() if later is room else room.joined() - later.out.keys()
        banned = {user_id for user_id, how in seen[0].out.items() if how == "ban"}
        return frozenset(found - banned - {self._rooms.user_id})

    def is_barred(self, root: str, user_id: str) -> bool:
        """Whether somebody is in a room of the circle and does not count for it."""
        seen = self.seen(root)
        return any(user_id in room.joined() for room in seen) and user_id not in self.people_in(seen)

    def awaits(self, root: str, room_id: str) -> bool:
        """Whether a room that we are not in is one of the circle's, as far as we can see: its people would count."""
        present = self._present(self.home(root))
        if not present:
            return True  # nothing tells otherwise while we are not in the home
        latest = self._replaced.latest(room_id)
        inside = {self._replaced.latest(each) for room in present if room.is_space for each in room.children}
        named = latest in inside or latest == present[0].room_id
        return named and (latest == room_id or self._replaced.counts(room_id))

    def main_room(self, root: str) -> str | None:
        """Where what is meant for the whole circle is written; None while there is no such room.

        Of a space its first room in which we may write.
        """
        home = self._rooms.all().get(self.home(root))
        if home is None:
            return None
        if not home.is_space:
            # A room that was replaced lets nobody write who could not change it: what is for it waits until we follow.
            is_closed = home.replaced_by is not None and not self._may_write(home)
            return None if is_closed else home.room_id
        may_write = (room for room in self._present(home.room_id) if self._takes_messages(room))
        return next((room.room_id for room in may_write), None)

    def is_served(self, room_id: str) -> bool:
        """Whether a room is one of those that the settings name, or belongs to one of them."""
        homes = {self.home(root) for root in self.roots}
        return room_id in homes or any(room_id in self.rooms_of(root) for root in self.roots)

    def _takes_messages(self, room: Room) -> bool:
        return not room.is_space and room.replaced_by is None and self._may_write(room)

    def _may_write(self, room: Room) -> bool:
        kind = MESSAGE if room.encryption is None else ENCRYPTED
        return room.may_send(self._rooms.user_id, kind)

    def _former(self, present: list[str]) -> Iterator[str]:
        for room_id in present:
            yield from (old for old in self._replaced.former(room_id) if old not in present)

    def _present(self, home: str) -> list[Room]:
        """The home and, if it is a space, what lies in it, as far as we are in it; each room once."""
        rooms = self._rooms.all()
        alone = rooms.get(home)
        if alone is None or not alone.is_space:
            return [] if alone is None else [alone]
        owners = self._owners_now()
        found: dict[str, Room] = {}
        waiting = [home]
        while waiting and len(found) < MOST_ROOMS:
            room = rooms.get(waiting.pop(0))
            if room is None or room.room_id in found:
                continue
            found[room.room_id] = room
            waiting = [each for each in self._inside(room) if owners.get(each, home) == home] + waiting
        if waiting and home not in self._told and any(each in rooms for each in waiting):
            self._told.add(home)
            log.warning("%s has more than %d rooms: the others are not looked at", home, MOST_ROOMS)
        return list(found.values())

    def _inside(self, room: Room) -> list[str]:
        """What lies in a space, as it is now, without what may be part of none."""
        homes = {self.home(root) for root in self.roots}
        inside = map(self._replaced.latest, children_in_order(room) if room.is_space else ())
        return [each for each in inside if each not in homes and not self._is_private(each)]

    def _owners_now(self) -> Mapping[str, str]:
        """Room → the home of the circle whose it is, where there are several that a room may be claimed for.

        A room belongs to the space that it names itself; otherwise to the circle that had it first.
        """
        rooms, latest = self._rooms.all(), self._replaced.latest
        roots = list(dict.fromkeys(map(self.home, self.roots)))
        homes = [home for home in roots if home in rooms and rooms[home].is_space]
        had = {latest(room_id): latest(owner) for room_id, owner in self._owners.items()}
        # What a space has that the bot was put out of stays its own.
        owners = {room_id: owner for room_id, owner in had.items() if owner in roots and owner not in rooms}
        if len(homes) < 2:
            return owners
        spaces = {room_id for home in homes for room_id in self._reach(home) if rooms[room_id].is_space}
        # (whether another circle had it until now, since when it lies there, which circle, the room)
        claims: list[tuple[bool, int, int, str]] = []

        def claim_inside(space: Room, n: int, since_ms: int) -> None:
            for child, placed in space.children.items():
                room = rooms.get(latest(child))
                if room is None or space.room_id not in (self._named_by(room, spaces) or (space.room_id,)):
                    continue
                is_others = had.get(room.room_id, homes[n]) != homes[n]
                heapq.heappush(claims, (is_others, max(since_ms, placed.placed_ms), n, room.room_id))

        for n, home in enumerate(homes):
            claim_inside(rooms[home], n, 0)
        while claims:
            _, since_ms, n, room_id = heapq.heappop(claims)
            if room_id in owners or room_id in homes:
                continue
            owners[room_id] = homes[n]
            if rooms[room_id].is_space:
                claim_inside(rooms[room_id], n, since_ms)
        self._owners = owners
        return owners

    def _reach(self, home: str) -> set[str]:
        """Every room that could be reached from a space, whosever it is, as far as we are in it."""
        rooms = self._rooms.all()
        found: set[str] = set()
        waiting = [home]
        while waiting and len(found) < MOST_ROOMS:
            room = rooms.get(waiting.pop())
            if room is not None and room.room_id not in found:
                found.add(room.room_id)
                waiting += self._inside(room)
        return found

    def _named_by(self, room: Room, spaces: set[str]) -> list[str]:
        """The spaces in which a room lies by its own account too."""
        rooms, latest = self._rooms.all(), self._replaced.latest
        named = [space for each in room.parents if (space := latest(each)) in spaces]
        return [space for space in named if room.room_id in map(latest, rooms[space].children)]
