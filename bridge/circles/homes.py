"""Which room each circle goes by: found at the start, and kept true when a room is replaced while the house runs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from bridge.circles.neighbours import Neighbours
from bridge.matrix.client import MatrixClient
from bridge.matrix.http import Refused, path
from bridge.matrix.spaces import Places
from bridge.matrix.text import as_dict, as_text
from bridge.plan import CirclePlan
from engine.core.values import CircleId, PersonId, RowId
from engine.runtime.ports import Cellar, TryLater

log = logging.getLogger(__name__)


class Homes:
    """The rooms of the circles, in step with what was replaced."""

    def __init__(self, cellar: Cellar, client: MatrixClient) -> None:
        self._cellar = cellar
        self._client = client
        self._kept: dict[CircleId, str] = {}
        """Circle → the room that the cellar has of it."""

    async def open(self, plans: Iterable[CirclePlan]) -> dict[CircleId, CirclePlan]:
        """The circles of these plans; one that is new gets its id.

        A plan that names the old room, or the new one, of a circle that was there before means that circle. Where
        the way into the new room is not open yet, the plan comes back with the old one.
        """
        found: dict[CircleId, CirclePlan] = {}
        named = tuple(plans)
        for plan in named:
            circle, room = await self._find(plan.room, {each.room for each in named})
            found[circle] = plan if room == plan.room else replace(plan, room=room)
            self._kept[circle] = await self._cellar.room_of(circle)
        # What the way leads on from is followed, and its people are heard, as if it had been named.
        older = {plan.room for plan in found.values()} - {plan.room for plan in named}
        self._client.places.serve((*self._client.places.roots, *older))
        allowed = self._client.allowed
        self._client.allowed = replace(allowed, rooms=allowed.rooms | older)
        return found

    async def keep(self, roots: Mapping[CircleId, str]) -> None:
        """Note in the cellar where a circle's room was replaced. Called before what came from there is decided."""
        for circle, root in roots.items():
            home = self._client.places.home(root)
            if self._kept.get(circle) == home:
                continue
            if await self._cellar.move_circle(circle, home):
                log.info("circle %s goes by %s from now on", circle, home)
            else:
                log.error("circle %s should go by %s, which is another circle's room", circle, home)
            self._kept[circle] = home

    async def _find(self, room: str, named: set[str]) -> tuple[CircleId, str]:
        home = self._client.places.home(room)
        for each in (home, *self._client.upgrades.former(home)):
            circle = await self._cellar.circle(each)
            if circle is not None:
                await self._cellar.move_circle(circle, home)
                return circle, room
        before = await self._before(home, named)
        if before is None:
            return await self._cellar.ensure_circle(room, room), room
        circle = await self._cellar.circle(before)
        assert circle is not None
        if (
            as_text(as_dict((await self._state(home, "m.room.create")).get("predecessor")).get("room_id"))
            == before
        ):
            # The settings name the new room, and it names the old one: whoever keeps the house has followed already.
            await self._client.upgrades.remember(before, home)
            await self._cellar.move_circle(circle, home)
            return circle, room
        return circle, before

    async def _before(self, room: str, named: set[str]) -> str | None:
        """A circle's room that this one takes the place of, by what either of the two says."""
        create = await self._state(room, "m.room.create")
        predecessor = as_text(as_dict(create.get("predecessor")).get("room_id"))
        if predecessor and predecessor not in named and await self._cellar.circle(predecessor) is not None:
            return predecessor
        if create:
            return None
        for circle in await self._cellar.circles():
            old = await self._cellar.room_of(circle)
            if old in named:
                continue
            tombstone = await self._state(old, "m.room.tombstone")
            if as_text(tombstone.get("replacement_room")) == room:
                return old
        return None

    async def _state(self, room: str, kind: str) -> dict[str, Any]:
        """The content of a room's state event; empty where there is none, or it is none of our business."""
        where = path("rooms", room, "state", kind, "")
        try:
            return await self._client.patience(lambda: self._client.homeserver.request("GET", where))
        except Refused:
            return {}


class Addresses:
    """Implements ``bridge.matrix.postman.Registry``: which rooms and events stand behind our ids, as things are now."""

    def __init__(self, cellar: Cellar, neighbours: Neighbours, places: Places) -> None:
        self._cellar = cellar
        self._neighbours = neighbours
        self._places = places

    async def matrix_id(self, person: PersonId) -> str | None:
        return await self._cellar.matrix_id(person)

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        return await self._cellar.sent_event(row)

    async def room_of(self, circle: CircleId) -> str:
        """Where what is for a whole circle is written, or for its stewards.

        Raises ``TryLater`` while we are in no such room: we were put out of it, or it is being replaced.
        """
        if circle not in self._neighbours.circles:
            return self._places.home(await self._cellar.room_of(circle))
        room = self._neighbours.main_room(circle)
        if room is None:
            raise TryLater("there is no room of the circle that we may write in")
        return room

    async def rooms_of(self, circle: CircleId) -> Collection[str]:
        """Every room of a circle that we are in, or the one of its stewards."""
        root = self._neighbours.circles.get(circle)
        if root is None:
            return (self._places.home(await self._cellar.room_of(circle)),)
        return self._places.rooms_of(root)
