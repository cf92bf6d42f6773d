"""One librarian for each workflow folder of a house."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bridge.folders.librarians import Librarians
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from engine.core.values import CircleId, PersonId
from engine.testing import ManualClock, MemoryStore
from tests.bridge.folders.test_librarian import BAD, TEA
from tests.engine.runtime.small_house import SmallHouse


def plan(*circles: CirclePlan) -> Plan:
    return Plan(
        session=Session("http://hearth.test", "@hearth:hearth.test", "DEVICE", "token"),
        circles=circles,
        operator="Dora",
        allowed=Allowed(),
        pickle_secret=b"",
        alias_salt=b"",
    )


def folder(path: Path, **files: str) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / f"{name}.yaml").write_text(text)
    return path


async def test_circles_that_name_the_same_folder_share_it_and_others_do_not(tmp_path: Path) -> None:
    house, shed = folder(tmp_path / "house", tea=TEA), folder(tmp_path / "shed", tea=TEA)
    one, two = CirclePlan("!one", house), CirclePlan("!two", house, "kitchen")
    three, four = CirclePlan("!three", shed, "tools"), CirclePlan("!four", shed, "bench")
    whole = plan(one, two, three, four)
    assert [(shelf.folder, len(shelf.circles), shelf.mark) for shelf in whole.shelves] == [
        (house, 2, ""),
        (shed, 2, "bench"),
    ]
    store = MemoryStore()
    circles = {await store.ensure_circle(each.room, each.room): each for each in whole.circles}
    library = await Librarians(whole, store, ManualClock(0)).open(circles)
    found = [library.in_service("tea", circle) for circle in circles]
    assert all(definition is not None for definition in found)
    assert found[0] is found[1]
    assert found[2] is found[3]
    assert found[0] is not None
    assert found[2] is not None
    assert found[0].digest != found[2].digest
    assert library.in_service("tea", CircleId("elsewhere")) is None


class _Keepers:
    """Who looks after which circle, by the settings or by a role."""

    def __init__(self, **of: tuple[PersonId, ...]) -> None:
        self._of = of

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        return self._of[circle]


async def test_stewards_by_a_role_hear_of_the_folder_of_their_own_circle_and_once(tmp_path: Path) -> None:
    house, shed = folder(tmp_path / "house", tea=BAD), folder(tmp_path / "shed", tea=TEA)
    first = await SmallHouse.open("ana", "ben", "chen", "dora")
    ana, ben, chen, dora = (first.id(name) for name in ("ana", "ben", "chen", "dora"))
    circles = {
        CircleId("one"): CirclePlan("!one", house, stewards=("@ana:hearth.test",)),
        CircleId("two"): CirclePlan("!two", shed, "shed"),
        CircleId("three"): CirclePlan("!three", house, "cellar", stewards_room="!stewards"),
    }
    librarians = Librarians(plan(*circles.values()), first.store, first.clock)
    await librarians.open(circles)
    keepers, stop = _Keepers(one=(ana, ben), two=(chen,), three=(dora,)), asyncio.Event()
    moved = first.line.on_move()
    running = asyncio.gather(*librarians.running(first.line, keepers, stop))
    await asyncio.wait_for(moved.wait(), 10)
    stop.set()
    await running
    await first.settle()
    told = [
        person for person in (ana, ben, chen, dora) for b in first.postman.brought if b.room == f"d/{person}"
    ]
    assert sorted(told) == sorted([ana, ben]), (
        "dora's circle hears of it in its room, and chen's has another folder"
    )
    await first.close()


async def test_the_files_that_are_not_fit_are_counted_over_all_folders(tmp_path: Path) -> None:
    house = folder(tmp_path / "house", tea=BAD)
    shed = folder(tmp_path / "shed", tea=BAD, pot=BAD.replace("tea", "pot"))
    whole = plan(CirclePlan("!one", house), CirclePlan("!two", shed, "shed"))
    store, noted = MemoryStore(), list[int]()
    circles = {await store.ensure_circle(each.room, each.room): each for each in whole.circles}
    await Librarians(whole, store, ManualClock(0), noted.append).open(circles)
    assert noted == [1, 3]
