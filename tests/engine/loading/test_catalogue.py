import pathlib

import msgspec
import pytest

from engine.core.definition import Definition
from engine.loading.catalogue import MOST_FILES, MOST_RETIRED, Catalogue, Inventory
from engine.runtime import ports
from tests.engine.loading.small import SMALL


class Stored:
    """What the store kept at first use."""

    def __init__(self) -> None:
        self.kept: dict[str, Definition] = {}
        self.asked: list[str] = []

    async def __call__(self, digest: str) -> Definition | None:
        self.asked.append(digest)
        return self.kept.get(digest)


@pytest.fixture
def stored() -> Stored:
    return Stored()


def put(folder: pathlib.Path, file: str, text: str = SMALL, **changes: str) -> pathlib.Path:
    for key, value in changes.items():
        text = text.replace(f"{key.replace('_', ' ')}: tea", f"{key.replace('_', ' ')}: {value}", 1)
    path = folder / file
    path.write_text(text)
    return path


def test_it_is_the_catalogue_that_the_runtime_asks_for(tmp_path: pathlib.Path, stored: Stored) -> None:
    catalogue: ports.Catalogue = Catalogue(tmp_path, stored)
    assert catalogue.in_service("tea") is None


async def test_good_files_are_in_service_and_bad_ones_are_reported(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    put(tmp_path, "tea.yaml")
    put(tmp_path, "broken.yaml", "name: broken\n\tx: 1\n")
    (tmp_path / "notes.txt").write_text("not a workflow")
    catalogue = Catalogue(tmp_path, stored)
    problems = catalogue.load()
    assert [(pathlib.Path(p.file).name, p.code) for p in problems] == [("broken.yaml", "tab")]
    assert catalogue.begins() == {"tea": "tea"}
    assert catalogue.names() == ("tea",)


async def test_a_file_that_breaks_stays_in_service_as_it_was(tmp_path: pathlib.Path, stored: Stored) -> None:
    path = put(tmp_path, "tea.yaml")
    catalogue = Catalogue(tmp_path, stored)
    catalogue.load()
    before = catalogue.in_service("tea")
    path.write_text(SMALL.replace("to: done", "to: doone"))
    assert catalogue.load()
    assert catalogue.in_service("tea") is before


async def test_a_file_that_vanishes_strands_nobody(tmp_path: pathlib.Path, stored: Stored) -> None:
    path = put(tmp_path, "tea.yaml")
    catalogue = Catalogue(tmp_path, stored)
    catalogue.load()
    tea = catalogue.in_service("tea")
    assert tea is not None
    path.unlink()
    assert catalogue.load() == ()
    assert catalogue.in_service("tea") is None
    assert catalogue.begins() == {}
    assert await catalogue.by_digest(tea.digest) is tea


async def test_a_definition_that_no_file_has_comes_from_the_store(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    put(tmp_path, "tea.yaml")
    elsewhere = Catalogue(tmp_path, stored)
    elsewhere.load()
    tea = elsewhere.in_service("tea")
    assert tea is not None
    stored.kept[tea.digest] = tea
    catalogue = Catalogue(tmp_path / "nowhere", stored)
    catalogue.load()
    assert await catalogue.by_digest(tea.digest) is tea
    assert await catalogue.by_digest("unknown") is None
    assert stored.asked == [tea.digest, "unknown"]


async def test_better_wording_reaches_those_who_are_under_way(tmp_path: pathlib.Path, stored: Stored) -> None:
    put(tmp_path, "tea.yaml")
    catalogue = Catalogue(tmp_path, stored)
    catalogue.load()
    tea = catalogue.in_service("tea")
    assert tea is not None
    put(tmp_path, "tea.yaml", SMALL.replace("How was it?", "Was it good?"))
    catalogue.load()
    found = await catalogue.by_digest(tea.digest)
    assert found is not None
    assert found.texts["after.say"] == "Was it good?"


async def test_a_file_that_does_not_fit_the_others_stays_as_it_was(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    path = put(tmp_path, "tea.yaml")
    catalogue = Catalogue(tmp_path, stored)
    catalogue.load()
    before = catalogue.in_service("tea")
    put(tmp_path, "pot.yaml", name="pot", begins_with="pot")
    start = "  on:\n    starts:\n      workflow: pot\n      hand over: [what as nothing]\n    keeps"
    path.write_text(SMALL.replace("  on:\n    keeps", start))
    assert [p.code for p in catalogue.load() if p.severity == "error"] == ["unknown-detail"]
    assert catalogue.in_service("tea") is before


async def test_what_a_file_served_before_a_restart_it_serves_on_while_it_is_broken(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    path = put(tmp_path, "tea.yaml")
    elsewhere = Catalogue(tmp_path, stored)
    elsewhere.load()
    tea = elsewhere.in_service("tea")
    assert tea is not None
    path.write_text(SMALL.replace("to: done", "to: doone"))
    catalogue = Catalogue(tmp_path, stored)
    catalogue.recall({"tea.yaml": tea, "gone.yaml": tea})
    inventory = catalogue.examine()
    assert catalogue.in_service("tea") is None, "looking changes nothing"
    assert [pathlib.Path(file).name for file in inventory.refused] == ["tea.yaml"]
    catalogue.put_into_service(inventory)
    assert catalogue.in_service("tea") is tea


async def test_what_is_new_is_stored_before_it_serves_and_only_that(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    async def store(definition: Definition, source: str) -> None:
        kept.append((definition.name, source))

    kept: list[tuple[str, str]] = []
    put(tmp_path, "tea.yaml")
    catalogue = Catalogue(tmp_path, stored)
    catalogue.load()
    await catalogue.keep(store)
    assert kept == [("tea", SMALL)]
    put(tmp_path, "b.yaml", name="pot", begins_with="pot")
    inventory = catalogue.examine()
    await catalogue.keep(store, inventory)
    assert [name for name, _ in kept] == ["tea", "pot"]
    assert catalogue.in_service("pot") is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"begins_with": "pot"}, "`name: tea` already stands in a.yaml"),
        ({"name": "pot"}, "`begins with: tea` already"),
    ],
)
async def test_two_files_cannot_share_a_name_or_a_beginning(
    tmp_path: pathlib.Path, stored: Stored, changes: dict[str, str], said: str
) -> None:
    put(tmp_path, "a.yaml")
    put(tmp_path, "b.yaml", **changes)
    catalogue = Catalogue(tmp_path, stored)
    problems = catalogue.load()
    assert [(pathlib.Path(p.file).name, p.code) for p in problems] == [("b.yaml", "twice")]
    assert said in problems[0].message
    assert catalogue.begins() == {"tea": "tea"}


async def test_a_folder_that_cannot_be_read_leaves_everything_in_service(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    folder = tmp_path / "workflows"
    folder.mkdir()
    path = put(folder, "tea.yaml")
    catalogue = Catalogue(folder, stored)
    catalogue.load()
    path.unlink()
    folder.rmdir()
    assert [p.code for p in catalogue.load()] == ["unreadable"]
    assert catalogue.in_service("tea") is not None


async def test_a_folder_with_far_too_many_files_says_so(
    tmp_path: pathlib.Path, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.loading.catalogue.MOST_FILES", 2)
    for n in range(3):
        put(tmp_path, f"w{n:03}.yaml", name=f"w{n}", begins_with=f"w{n}")
    catalogue = Catalogue(tmp_path, stored)
    assert [p.code for p in catalogue.load()] == ["too-many"]
    assert catalogue.names() == ("w0", "w1")


async def test_only_so_many_retired_versions_stay_at_hand(tmp_path: pathlib.Path, stored: Stored) -> None:
    catalogue = Catalogue(tmp_path, stored)
    put(tmp_path, "tea.yaml")
    catalogue.load()
    first = catalogue.in_service("tea")
    assert first is not None
    for days in range(31, 31 + MOST_FILES + MOST_RETIRED):
        definition = msgspec.structs.replace(first, digest=f"{days}")
        catalogue.put_into_service(Inventory({"tea.yaml": definition}))
    assert await catalogue.by_digest(first.digest) is None
    assert stored.asked == [first.digest]


async def test_a_workflow_with_a_broken_translation_is_served_without_that_language(
    tmp_path: pathlib.Path, stored: Stored
) -> None:
    put(tmp_path, "tea.yaml")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "tea.de.yaml").write_text("title: Tee\n")
    (tmp_path / "texts" / "tea.fr.yaml").write_text("title: [Th\n")
    catalogue = Catalogue(tmp_path, stored)
    errors = [p for p in catalogue.load() if p.severity == "error"]
    assert [(pathlib.Path(p.file).name, p.line) for p in errors] == [("tea.fr.yaml", 1)]
    served = catalogue.in_service("tea")
    assert served is not None
    assert {*served.translations} == {"de"}
