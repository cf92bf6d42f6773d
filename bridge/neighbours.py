"""Who is around: the people of the circles, their names, and who may be called on.

Everything here is in memory and up to date with the last sync, so that a message can be read
without waiting for anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from bridge.matrix.rooms import Rooms
from bridge.reading.plainly import plainly
from engine.core.values import CircleId, PersonId


class Register(Protocol):
    """Gives people and Matrix ids to each other."""

    async def person(self, matrix_id: str) -> PersonId: ...
    async def matrix_id(self, person: PersonId) -> str | None: ...


class RolesHeld(Protocol):
    """Knows who carries which role."""

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]: ...


class Neighbours:
    """Implements the engine's ``Surroundings`` and the reader's ``People``."""

    def __init__(
        self,
        rooms: Rooms,
        register: Register,
        circles: Mapping[CircleId, str],
        contacts: Iterable[str],
        stewards: Iterable[str],
        roles: RolesHeld,
        outside_help: str = "",
    ) -> None:
        """``circles``: circle → Matrix room id. ``contacts``, ``stewards``: Matrix ids."""
        self._outside_help = outside_help
        self._rooms = rooms
        self._register = register
        self.circles = dict(circles)
        self._roles = roles
        self._contact_ids = tuple(contacts)
        self._contacts: tuple[PersonId, ...] = ()
        self._steward_ids = tuple(stewards)
        self._stewards: tuple[PersonId, ...] = ()
        self._persons: dict[str, PersonId] = {}
        self._ids: dict[PersonId, str] = {}

    async def learn(self, user_id: str) -> PersonId:
        """The person behind a Matrix id, made known on first sight."""
        person = self._persons.get(user_id)
        if person is None:
            person = self._persons[user_id] = await self._register.person(user_id)
            self._ids[person] = user_id
        return person

    def forget(self, person: PersonId) -> None:
        """They were erased: whoever writes from that account from now on is somebody new."""
        user_id = self._ids.pop(person, None)
        if user_id is not None:
            self._persons.pop(user_id, None)

    async def look_around(self) -> None:
        """Make everybody known who is in one of the circles' rooms now."""
        for room_id in self.circles.values():
            for user_id in self._people_in(room_id):
                await self.learn(user_id)
        self._contacts = tuple([await self.learn(user_id) for user_id in self._contact_ids])
        self._stewards = tuple([await self.learn(user_id) for user_id in self._steward_ids])

    def circle_of(self, room_id: str) -> CircleId | None:
        """The circle whose room this is."""
        return next((circle for circle, room in self.circles.items() if room == room_id), None)

    def _people_of(self, circle: CircleId) -> Sequence[str]:
        """Those who are in a circle's room; nobody for a circle that is no longer in the settings."""
        return self._people_in(self.circles[circle]) if circle in self.circles else ()

    def _people_in(self, room_id: str) -> Sequence[str]:
        room = self._rooms.get(room_id)
        return sorted(room.joined() - {self._rooms.user_id}) if room is not None else ()

    def circle_name(self, circle: CircleId) -> str | None:
        """What the people of a circle call it at present; None for a room without a name."""
        room = self._rooms.get(self.circles[circle]) if circle in self.circles else None
        return room.name if room is not None else None

    # ── engine.runtime.ports.Surroundings ────────────────────────────────────

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return [await self.learn(user_id) for user_id in self._people_of(circle)]

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        user_id = await self._id_of(person)
        return [circle for circle, room in self.circles.items() if user_id in self._people_in(room)]

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return self._contacts if circle in self.circles else ()

    def has_outside_help(self, circle: CircleId) -> bool:
        return circle in self.circles and bool(self._outside_help)

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        here = self._people_of(circle)
        return [person for person in self._stewards if self._ids.get(person) in here]

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        return await self._roles.holders(circle, role, understudy=understudy)

    async def _id_of(self, person: PersonId) -> str | None:
        if person not in self._ids:
            user_id = await self._register.matrix_id(person)
            if user_id is None:
                return None
            self._persons[user_id], self._ids[person] = person, user_id
        return self._ids[person]

    # ── bridge.reading.people.People ─────────────────────────────────────────

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        wanted = plainly(name.removeprefix("@")) if ":" not in name else name
        found: set[PersonId] = set()
        for user_id in self._within_reach(asked_by):
            if wanted in (user_id, plainly(self.shown_name(user_id)), plainly(_localpart(user_id))):
                found.add(self._persons[user_id])
        return found.pop() if len(found) == 1 else None

    def _within_reach(self, person: PersonId) -> set[str]:
        asking = self._ids.get(person)
        rooms = [self._people_in(room) for room in self.circles.values()]
        return {u for people in rooms if asking in people for u in people if u in self._persons}

    def name_of(self, person: PersonId) -> str | None:
        user_id = self._ids.get(person)
        return self.shown_name(user_id) if user_id is not None else None

    def shown_name(self, user_id: str) -> str:
        """The name a circle's room shows for a Matrix id."""
        for room_id in self.circles.values():
            room = self._rooms.get(room_id)
            name = room.display_name(user_id) if room is not None else None
            if name:
                return name
        return _localpart(user_id)


class NamesNow:
    """The names of people, for rendering: asks the register for those not seen since the start."""

    def __init__(self, neighbours: Neighbours, register: Register) -> None:
        self._neighbours = neighbours
        self._register = register

    async def name_of(self, person: PersonId) -> str | None:
        known = self._neighbours.name_of(person)
        if known is not None:
            return known
        user_id = await self._register.matrix_id(person)
        return self._neighbours.shown_name(user_id) if user_id is not None else None


def _localpart(user_id: str) -> str:
    return user_id.removeprefix("@").partition(":")[0]
