"""Who comes into a circle and who leaves it, where a circle has several rooms: by all of them together.

Whoever leaves one room and is in another has not left. A room that joins or leaves the circle's space brings its people
along, or takes them away; so does the end of the week in which those in a replaced room still counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from bridge.matrix.room import Room
from bridge.matrix.spaces import Places
from bridge.matrix.sync import Delivery, RoomEvent
from engine.core.values import CircleId


class Coming(msgspec.Struct, frozen=True):
    """Somebody is in a circle from now on, or is no longer, though no room has said so.

    ``cause`` and the person together make it one of its kind for ever. (Ids are kept, so no Matrix id is in them.)
    """

    cause: str
    circle: CircleId
    user_id: str
    joined: bool


class Comings:
    """Compares who is there with who was there when the last delivery was committed."""

    def __init__(self, places: Places, roots: Mapping[CircleId, str]) -> None:
        """``roots``: circle → its room of the settings."""
        self._places = places
        self._roots = roots
        # The week of a replaced room may have ended while the house was not running.
        self._before = {circle: places.seen(root, all_of_them=True) for circle, root in roots.items()}

    def note(self) -> None:
        """What is there now is what was there before, from here on; of a room that the bot was put out of, what it
        saw there last.
        """
        self._before = {
            circle: (*self._places.seen(root), *self._unseen(circle)) for circle, root in self._roots.items()
        }

    def counts(self, circle: CircleId, user_id: str, *, joined: bool) -> bool:
        """Whether a change of membership in one of its rooms is one of the circle's."""
        root = self._roots[circle]
        if len(self._places.rooms_of(root)) <= 1 and len(self._before[circle]) <= 1:
            return True
        if joined:
            return user_id not in self._places.people_in(self._before[circle])
        return user_id not in self._people_now(circle)

    def unsaid(self, delivery: Delivery) -> Iterator[Coming]:
        """Those who came or went along with a whole room."""
        said = [
            (event.room_id, event.state_key)
            for event in delivery.events
            if isinstance(event, RoomEvent) and event.type == "m.room.member" and _moves(event)
        ]
        for circle, root in self._roots.items():
            rooms = {room.room_id for room in self._before[circle]} | {*self._places.rooms_of(root)}
            if len(rooms) <= 1:
                continue  # what its only room says is all there is
            now, before = self._people_now(circle), self._places.people_in(self._before[circle])
            told = {user_id for room_id, user_id in said if room_id in rooms}
            cause = self._cause(delivery, rooms) or self._places.home(root)
            for user_id in sorted(before - now - told):
                yield Coming(f"gone:{circle}:{cause}", circle, user_id, joined=False)
            # A circle in which there was nobody before has only just been found: its people have not just come.
            for user_id in sorted(now - before - told) if before else ():
                yield Coming(f"come:{circle}:{cause}", circle, user_id, joined=True)

    def _people_now(self, circle: CircleId) -> frozenset[str]:
        """That the bot was put out of a room says nothing about the people in it."""
        return self._places.people_in((*self._places.seen(self._roots[circle]), *self._unseen(circle)))

    def _unseen(self, circle: CircleId) -> Iterator[Room]:
        """The rooms of a circle that the bot was put out of, as they were when it last saw them."""
        root = self._roots[circle]
        seen = {room.room_id for room in self._places.seen(root, all_of_them=True)}
        for room in self._before[circle]:
            if room.room_id not in seen and self._places.awaits(root, room.room_id):
                yield room

    def _cause(self, delivery: Delivery, rooms: set[str]) -> str | None:
        changed = (
            event.event_id
            for event in delivery.events
            if isinstance(event, RoomEvent) and event.type == "m.space.child" and event.room_id in rooms
        )
        joined = (room_id for room_id in delivery.changes.joined if room_id in rooms)
        return next(changed, None) or next(joined, None)


def _moves(event: RoomEvent) -> bool:
    membership = event.content.get("membership")
    return membership in ("leave", "ban") or (membership == "join" and not event.was_joined)
