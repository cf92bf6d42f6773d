"""Who is around in a circle, and who may be called on there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from bridge.matrix.rooms import Rooms
from bridge.neighbours import Neighbours
from engine.core.values import CircleId, PersonId
from engine.testing import MemoryStore

ROOM = "!kitchen:hearth.test"
BOT = "@hearth:hearth.test"


class _Room:
    def __init__(self, *people: str) -> None:
        self._people = {f"@{name}:hearth.test" for name in people} | {BOT}

    def joined(self) -> set[str]:
        return self._people

    def display_name(self, user_id: str) -> str | None:
        return None


class _Rooms:
    """Stands in for ``bridge.matrix.rooms.Rooms``, as far as neighbours look into it."""

    user_id = BOT

    def __init__(self, rooms: Mapping[str, _Room]) -> None:
        self._rooms = rooms

    def get(self, room_id: str) -> _Room | None:
        return self._rooms.get(room_id)


class _Roles:
    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        return [PersonId(f"{circle}/{role}/{understudy}")]


async def looking_around(*people: str, **called_on: Any) -> tuple[Neighbours, MemoryStore, CircleId]:
    store, circle = MemoryStore(), CircleId("kitchen")
    rooms = cast(Rooms, _Rooms({ROOM: _Room(*people)}))
    named = {"contacts": (), "stewards": ()} | {
        kind: tuple(f"@{name}:hearth.test" for name in names) for kind, names in called_on.items()
    }
    neighbours = Neighbours(rooms, store, {circle: ROOM}, named["contacts"], named["stewards"], _Roles())
    await neighbours.look_around()
    return neighbours, store, circle


async def test_the_stewards_of_a_circle_are_those_who_are_in_its_room() -> None:
    neighbours, store, circle = await looking_around("ana", "ben", stewards=("ben", "dora"))
    assert neighbours.stewards(circle) == [await store.person("@ben:hearth.test")]


async def test_a_safety_contact_need_not_be_in_the_room() -> None:
    neighbours, store, circle = await looking_around("ana", contacts=("dora",))
    assert list(neighbours.contacts(circle)) == [await store.person("@dora:hearth.test")]


async def test_everybody_but_the_bot_is_a_member() -> None:
    neighbours, store, circle = await looking_around("ana", "ben")
    assert set(await neighbours.members(circle)) == {
        await store.person("@ana:hearth.test"),
        await store.person("@ben:hearth.test"),
    }


async def test_who_holds_a_role_is_asked_of_whoever_knows() -> None:
    neighbours, _, circle = await looking_around("ana")
    assert await neighbours.holders(circle, "Keys", understudy=True) == [PersonId("kitchen/Keys/True")]
