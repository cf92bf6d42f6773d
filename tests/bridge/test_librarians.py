"""One librarian for each workflow folder of a house."""

from __future__ import annotations

from pathlib import Path

from bridge.librarians import Librarians
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from engine.core.values import CircleId
from engine.testing import ManualClock, MemoryStore
from tests.bridge.test_librarian import BAD, TEA


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


async def test_the_files_that_are_not_fit_are_counted_over_all_folders(tmp_path: Path) -> None:
    house = folder(tmp_path / "house", tea=BAD)
    shed = folder(tmp_path / "shed", tea=BAD, pot=BAD.replace("tea", "pot"))
    whole = plan(CirclePlan("!one", house), CirclePlan("!two", shed, "shed"))
    store, noted = MemoryStore(), list[int]()
    circles = {await store.ensure_circle(each.room, each.room): each for each in whole.circles}
    await Librarians(whole, store, ManualClock(0), noted.append).open(circles)
    assert noted == [1, 3]
