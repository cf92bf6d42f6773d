"""Several folders: what lies in that of one circle is not there for another."""

from __future__ import annotations

import pathlib

import pytest

from engine.core.values import CircleId
from engine.loading import library as library_module
from engine.loading.catalogue import Catalogue
from engine.loading.library import Library
from engine.runtime import ports
from tests.engine.loading.small import SMALL
from tests.engine.loading.test_catalogue import Stored, put

GARDEN, SHED = CircleId("garden"), CircleId("shed")


@pytest.fixture
def stored() -> Stored:
    return Stored()


def shelf(folder: pathlib.Path, stored: Stored, mark: str = "", **files: str) -> Catalogue:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        put(folder, f"{name}.yaml", text)
    catalogue = Catalogue(folder, stored, mark)
    assert [problem for problem in catalogue.load() if problem.severity == "error"] == []
    return catalogue


def both(tmp_path: pathlib.Path, stored: Stored) -> tuple[Library, Catalogue, Catalogue]:
    """Tea in both, each in its own words; a pot in the shed alone."""
    pot = SMALL.replace("name: tea", "name: pot").replace("begins with: tea", "begins with: pot")
    garden = shelf(tmp_path / "garden", stored, tea=SMALL)
    shed = shelf(tmp_path / "shed", stored, "shed", tea=f"title: A break\n{SMALL}", pot=pot)
    return Library({GARDEN: garden, SHED: shed}, stored), garden, shed


async def test_each_circle_has_what_lies_in_its_own_folder(tmp_path: pathlib.Path, stored: Stored) -> None:
    library, _, _ = both(tmp_path, stored)
    shown: ports.Catalogue = library
    assert set(shown.begins(GARDEN)) == {"tea"}
    assert set(shown.begins(SHED)) == {"tea", "pot"}
    assert shown.in_service("pot", GARDEN) is None
    assert shown.begins(CircleId("elsewhere")) == {}
    assert shown.in_service("tea", CircleId("elsewhere")) is None


async def test_the_same_workflow_in_other_words_is_another_definition_in_another_folder(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    library, _, _ = both(tmp_path, stored)
    here, there = library.in_service("tea", GARDEN), library.in_service("tea", SHED)
    assert here is not None
    assert there is not None
    assert here.digest != there.digest
    assert (await library.by_digest(here.digest), await library.by_digest(there.digest)) == (here, there)
    again = shelf(tmp_path / "moved", stored, "shed", tea=SMALL).in_service("tea")
    assert again is not None
    assert again.digest == there.digest, "a folder that moves takes its versions along"


async def test_circles_that_share_a_folder_share_it_with_whoever_is_in_none(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    garden = shelf(tmp_path / "garden", stored, tea=SMALL)
    library = Library({GARDEN: garden, SHED: garden}, stored)
    assert library.in_service("tea", GARDEN) is library.in_service("tea", SHED)
    assert set(library.begins(CircleId(""))) == {"tea"}
    assert library.within(()).names() == ("tea",)


async def test_what_somebody_can_name_is_what_their_circles_have(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    library, garden, shed = both(tmp_path, stored)
    assert library.within(()).names() == ()
    assert library.within((GARDEN,)).names() == ("tea",)
    assert library.within((GARDEN,)).in_service("pot") is None
    theirs = library.within((GARDEN, SHED))
    assert set(theirs.names()) == {"tea", "pot"}
    assert theirs.in_service("tea") is garden.in_service("tea")
    tea = shed.in_service("tea")
    assert tea is not None
    assert theirs.held(tea.digest) is tea, "a label is read wherever it comes from"


async def test_what_no_folder_holds_any_more_is_found_where_it_was_stored(
    tmp_path: pathlib.Path, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "MOST_RETIRED", 2)
    library, garden, _ = both(tmp_path, stored)
    assert await library.by_digest("nowhere") is None
    tea = garden.in_service("tea")
    assert tea is not None
    for digest in ("one", "two", "three"):
        stored.kept[digest] = tea
        assert await library.by_digest(digest) is tea
    assert library.held("one") is None, "the oldest is looked up again when it is needed"
    asked = len(stored.asked)
    assert await library.by_digest("three") is tea
    assert len(stored.asked) == asked
