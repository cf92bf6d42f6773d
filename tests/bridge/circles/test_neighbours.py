"""Who is around in a circle, and who may be called on there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.circles.neighbours import NamesNow, Neighbours
from bridge.circles.roles import Kind, Office
from bridge.matrix.room import Member, Room
from bridge.matrix.rooms import Rooms
from bridge.matrix.spaces import NothingReplaced, Places
from bridge.plan import CirclePlan
from bridge.wording.render import Hearer
from engine.core.values import CircleId, PersonId
from engine.testing import MemoryStore

ROOM = "!kitchen:hearth.test"
BOT = "@hearth:hearth.test"


def room(*people: str, room_id: str = ROOM, **called: str) -> Room:
    """``called``: who goes by another name there."""
    names = (*people, "hearth")
    members = {f"@{name}:hearth.test": Member("join", called.get(name, "")) for name in names}
    return Room(room_id, members=members)


class _Rooms:
    """Stands in for ``bridge.matrix.rooms.Rooms``, as far as neighbours look into it."""

    user_id = BOT

    def __init__(self, *rooms: Room) -> None:
        self._rooms = {each.room_id: each for each in rooms}

    def get(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    def all(self) -> Mapping[str, Room]:
        return self._rooms


class _Roles:
    def __init__(self) -> None:
        self.held: list[Office] = []

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        return [PersonId(f"{circle}/{role}/{understudy}")]

    async def offices(self, circle: CircleId) -> Sequence[Office]:
        return self.held


async def looking_around(
    *people: str, roles: _Roles | None = None, **called_on: Any
) -> tuple[Neighbours, MemoryStore, CircleId]:
    store, circle = MemoryStore(), CircleId("kitchen")
    rooms = cast(Rooms, _Rooms(room(*people)))
    named = {"contacts": (), "stewards": ()} | {
        kind: tuple(f"@{name}:hearth.test" for name in names) for kind, names in called_on.items()
    }
    neighbours = Neighbours(rooms, store, {circle: CirclePlan(ROOM, Path(), **named)}, roles or _Roles())
    await neighbours.look_around()
    return neighbours, store, circle


async def test_the_stewards_of_a_circle_are_those_who_are_in_its_room() -> None:
    neighbours, store, circle = await looking_around("ana", "ben", stewards=("ben", "dora"))
    assert neighbours.stewards(circle) == [await store.person("@ben:hearth.test")]


async def test_a_safety_contact_need_not_be_in_the_room() -> None:
    neighbours, store, circle = await looking_around("ana", contacts=("dora",))
    assert list(neighbours.contacts(circle)) == [await store.person("@dora:hearth.test")]


@pytest.mark.parametrize("kind", ["steward", "contact"])
async def test_who_holds_the_role_of_a_steward_or_a_contact_is_one_while_they_are_in_the_circle(
    kind: Kind,
) -> None:
    roles = _Roles()
    neighbours, store, circle = await looking_around(
        "ana", "ben", roles=roles, stewards=("ben",), contacts=("ben",)
    )
    ana, ben, dora = [await store.person(f"@{name}:hearth.test") for name in ("ana", "ben", "dora")]
    roles.held = [Office(kind, person, 9) for person in (ana, ben, dora)]
    await neighbours.look_who_holds()
    found = {"steward": neighbours.stewards(circle), "contact": neighbours.contacts(circle)}
    assert found.pop(kind) == [ben, ana]
    assert list(found.values()) == [[ben]]


async def test_everybody_but_the_bot_is_a_member() -> None:
    neighbours, store, circle = await looking_around("ana", "ben")
    assert set(await neighbours.members(circle)) == {
        await store.person("@ana:hearth.test"),
        await store.person("@ben:hearth.test"),
    }


async def test_whoever_was_banned_from_the_new_room_is_not_heard_in_the_old_one() -> None:
    class Replaced(NothingReplaced):
        def latest(self, room_id: str) -> str:
            return "!new" if room_id == "!old" else room_id

        def former(self, room_id: str) -> tuple[str, ...]:
            return ("!old",) if room_id == "!new" else ()

        def counts(self, room_id: str) -> bool:
            return room_id == "!old"

    banned = {"type": "m.room.member", "state_key": "@ben:hearth.test", "content": {"membership": "ban"}}
    new = room("ana", room_id="!new").with_state([banned])
    rooms, circle = cast(Rooms, _Rooms(room("ana", "ben", room_id="!old"), new)), CircleId("kitchen")
    places = Places(rooms, Replaced(), roots=("!old",))
    plans = {circle: CirclePlan("!old", Path())}
    neighbours = Neighbours(rooms, MemoryStore(), plans, _Roles(), places)
    heard = [neighbours.hears(circle, "!old", f"@{name}:hearth.test") for name in ("ana", "ben", "gone")]
    assert heard == [True, False, True], "what somebody said just before they left is heard"


async def test_who_holds_a_role_is_asked_of_whoever_knows() -> None:
    neighbours, _, circle = await looking_around("ana")
    assert await neighbours.holders(circle, "Keys", understudy=True) == [PersonId("kitchen/Keys/True")]


async def test_people_go_by_the_name_that_those_who_hear_it_know_them_by() -> None:
    store, kitchen, cellar = MemoryStore(), CircleId("kitchen"), CircleId("cellar")
    rooms = _Rooms(
        room("ana", "ben", room_id="!kitchen", ana="Ana"), room("ana", "dora", room_id="!cellar", ana="Raven")
    )
    contact = "@eve:hearth.test"
    plans = {
        kitchen: CirclePlan("!kitchen", Path()),
        cellar: CirclePlan("!cellar", Path(), contacts=(contact,)),
    }
    neighbours = Neighbours(cast(Rooms, rooms), store, plans, _Roles())
    await neighbours.look_around()
    ana, ben, dora, eve = [await store.person(f"@{n}:hearth.test") for n in ("ana", "ben", "dora", "eve")]
    names = NamesNow(neighbours, store)
    assert await names.name_of(ana, Hearer(circle=kitchen)) == "Ana"
    assert await names.name_of(ana, Hearer(circle=cellar)) == "Raven"
    assert await names.name_of(ana, Hearer(person=dora)) == "Raven"
    assert await names.name_of(ana, Hearer(person=eve)) == "Raven"
    assert await names.name_of(ben, Hearer(person=dora)) == "ben", "no name of a circle she is not in"
    assert await names.name_of(ana, Hearer()) == "Ana"
    assert neighbours.find("Raven", dora) == ana
    assert neighbours.find("Ana", dora) == ana, "her id says so much"
    assert neighbours.find("Raven", ben) is None
    assert neighbours.find("ben", dora) is None
    assert neighbours.find("dora", ana) == dora
    assert neighbours.among((kitchen,)).find("dora", ana) is None, (
        "nobody of another circle is meant in its room"
    )
    assert neighbours.among((kitchen,)).find("ben", ana) == ben
    assert neighbours.among((kitchen,)).name_of(ben) == "ben"
