"""Who is around: the people of the circles, their names, and who may be called on.

Everything here is in memory and up to date with the last sync, so that a message can be read
without waiting for anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from bridge.circles.roles import CONTACT, STEWARD, Office
from bridge.matrix.rooms import Rooms
from bridge.matrix.spaces import Places
from bridge.plan import CirclePlan
from bridge.reading.plainly import plainly
from bridge.wording.render import Hearer
from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Clock, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LOOK_AGAIN_MS = 2_000
"""How often at most it is looked up who holds which office."""


class Register(Protocol):
    """Gives people and Matrix ids to each other."""

    async def person(self, matrix_id: str) -> PersonId: ...
    async def matrix_id(self, person: PersonId) -> str | None: ...


class RolesHeld(Protocol):
    """Knows who carries which role."""

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]: ...
    async def offices(self, circle: CircleId) -> Sequence[Office]:
        """Who looks after it, or is its safety contact, by a role with a term."""


class Neighbours:
    """Implements the engine's ``Surroundings`` and the reader's ``People``."""

    def __init__(
        self,
        rooms: Rooms,
        register: Register,
        circles: Mapping[CircleId, CirclePlan],
        roles: RolesHeld,
        places: Places | None = None,
    ) -> None:
        """``places`` knows which rooms are a circle's; without it each circle is the one room of its plan."""
        self._rooms = rooms
        self._register = register
        self._plans = dict(circles)
        self.circles = {circle: plan.room for circle, plan in circles.items()}
        """Circle → the Matrix room that the settings name."""
        self._places = places or Places(rooms, roots=self.circles.values())
        self.ground: Mapping[str, CircleId] = {}
        """Every room that is a circle's, as of the last look around."""
        self._offices: dict[CircleId, Sequence[Office]] = {}
        self._roles = roles
        self._contacts: dict[CircleId, tuple[PersonId, ...]] = {}
        self._stewards: dict[CircleId, tuple[PersonId, ...]] = {}
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
        ground: dict[str, CircleId] = {}
        for circle, root in self.circles.items():
            for room_id in self._places.rooms_of(root):
                ground.setdefault(room_id, circle)
            for user_id in self._people_of(circle):
                await self.learn(user_id)
        self.ground = ground
        for circle, plan in self._plans.items():
            self._contacts[circle] = tuple([await self.learn(user_id) for user_id in plan.contacts])
            self._stewards[circle] = tuple([await self.learn(user_id) for user_id in plan.stewards])

    async def look_who_holds(self) -> None:
        """Take note of who looks after each circle, or is its safety contact, by a role they hold."""
        self._offices = {circle: await self._roles.offices(circle) for circle in self.circles}

    async def watch(self, moved: asyncio.Event, clock: Clock, stop: asyncio.Event) -> None:
        """Keep in mind who holds which office: looked up again after something was committed, and not all the time."""
        while not stop.is_set():
            await wake_or(stop, moved)
            moved.clear()
            try:
                await self.look_who_holds()
            except Unavailable as error:
                log.warning("who looks after the circles could not be looked up: %s", error)
            await wake_or(stop, clock=clock, at_ms=clock.after(LOOK_AGAIN_MS))

    def main_room(self, circle: CircleId) -> str | None:
        """Where what is for the whole circle is written; None while there is no such room."""
        return self._places.main_room(self.circles[circle]) if circle in self.circles else None

    def hears(self, circle: CircleId, room_id: str, user_id: str) -> bool:
        """Whether what somebody does in this room is done in the circle.

        A room that was replaced long ago is left to those who have not come along: only the circle's people count. And
        whoever was put out of the circle is not heard where they still are.
        """
        root = self.circles[circle]
        if room_id in self._places.counted(root):
            return not self._places.is_barred(root, user_id)
        return self._places.is_in(root, user_id)

    def _people_of(self, circle: CircleId) -> Sequence[str]:
        """Those who are in a circle's rooms; nobody for a circle that is no longer in the settings."""
        return sorted(self._places.people_of(self.circles[circle])) if circle in self.circles else ()

    def circle_name(self, circle: CircleId) -> str | None:
        """What the people of a circle call it at present; None for a room without a name."""
        room = self._rooms.get(self._places.home(self.circles[circle])) if circle in self.circles else None
        return room.name if room is not None else None

    # ── engine.runtime.ports.Surroundings ────────────────────────────────────

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return [await self.learn(user_id) for user_id in self._people_of(circle)]

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        user_id = await self._id_of(person)
        if user_id is None:
            return []
        return [circle for circle, root in self.circles.items() if self._places.is_in(root, user_id)]

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        """Those whom the settings name, wherever they are; and of the people of the circle those with that role."""
        return list(dict.fromkeys((*self._contacts.get(circle, ()), *self._in_office(circle, CONTACT))))

    def has_outside_help(self, circle: CircleId) -> bool:
        return circle in self._plans and bool(self._plans[circle].outside_help)

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        here = self._people_of(circle)
        named = [person for person in self._stewards.get(circle, ()) if self._ids.get(person) in here]
        return list(dict.fromkeys((*named, *self._in_office(circle, STEWARD))))

    def _in_office(self, circle: CircleId, kind: str) -> Sequence[PersonId]:
        """By role, and only as long as they are people of the circle; never by what they may do in its room."""
        held = [office.person for office in self._offices.get(circle, ()) if office.kind == kind]
        return [
            person for person in held if self._places.is_in(self.circles[circle], self._ids.get(person, ""))
        ]

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

    def among(self, circles: Sequence[CircleId]) -> Among:
        """The people of these circles, for what is said in their rooms."""
        return Among(self, circles)

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        return self.find_in(name, asked_by, self.circles_now(asked_by))

    def find_in(self, name: str, asked_by: PersonId, circles: Sequence[CircleId]) -> PersonId | None:
        """Whom a name means among the people of these circles, as far as they are circles of whoever says it."""
        wanted = plainly(name.removeprefix("@")) if ":" not in name else name
        found: set[PersonId] = set()
        for user_id in self._within_reach(asked_by, circles):
            called = self.shown_name(user_id, circles)
            if wanted in (user_id, plainly(called), plainly(_localpart(user_id))):
                found.add(self._persons[user_id])
        return found.pop() if len(found) == 1 else None

    def _within_reach(self, person: PersonId, circles: Sequence[CircleId]) -> set[str]:
        asking = self._ids.get(person)
        rooms = [self._people_of(circle) for circle in circles]
        return {u for people in rooms if asking in people for u in people if u in self._persons}

    def name_of(self, person: PersonId) -> str | None:
        user_id = self._ids.get(person)
        return self.shown_name(user_id) if user_id is not None else None

    def id_now(self, person: PersonId) -> str | None:
        """The Matrix id of somebody who has been seen since the start."""
        return self._ids.get(person)

    def circles_now(self, person: PersonId) -> tuple[CircleId, ...]:
        """The circles of somebody who has been seen since the start."""
        user_id = self._ids.get(person)
        return tuple(circle for circle in self.circles if user_id in self._people_of(circle))

    def shown_name(self, user_id: str, circles: Iterable[CircleId] | None = None) -> str:
        """The name that the rooms of these circles (None: of all) show for a Matrix id: in another circle somebody
        may go by another name.
        """
        roots = [self.circles[c] for c in (self.circles if circles is None else circles) if c in self.circles]
        for room_id in (room_id for root in roots for room_id in self._places.rooms_of(root)):
            room = self._rooms.get(room_id)
            name = room.display_name(user_id) if room is not None else None
            if name:
                return name
        return _localpart(user_id)


class Among:
    """Implements the reader's ``People`` for what is said in the room of a circle: nobody of another is meant there."""

    def __init__(self, neighbours: Neighbours, circles: Sequence[CircleId]) -> None:
        self._neighbours = neighbours
        self._circles = circles

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        return self._neighbours.find_in(name, asked_by, self._circles)

    def name_of(self, person: PersonId) -> str | None:
        return self._neighbours.name_of(person)


class NamesNow:
    """The names of people, for rendering: asks the register for those not seen since the start."""

    def __init__(self, neighbours: Neighbours, register: Register) -> None:
        self._neighbours = neighbours
        self._register = register

    async def name_of(self, person: PersonId, hearer: Hearer) -> str | None:
        """What somebody is called in the circle that hears it, or in those of the person who does."""
        around = self._neighbours
        user_id = around.id_now(person) or await self._register.matrix_id(person)
        if user_id is None:
            return None
        if hearer.circle is not None:
            return around.shown_name(user_id, (hearer.circle,))
        if hearer.person is None:
            return around.shown_name(user_id)
        # Whoever is a circle's contact need not be in its room, and hears of its people all the same.
        called_on = [circle for circle in around.circles if hearer.person in around.contacts(circle)]
        return around.shown_name(user_id, (*await around.circles_of(hearer.person), *called_on))


def _localpart(user_id: str) -> str:
    return user_id.removeprefix("@").partition(":")[0]
