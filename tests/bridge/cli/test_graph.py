"""`hearth graph` as a steward runs it: a picture, problems as `check` says them, and nothing of what is private."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest

from bridge.cli.graph import PRIVATE
from bridge.settings import (
    FILE_NAME,
    Settings,
    load_settings,
    shipped_workflows,
    write_privately,
    write_secrets,
    write_settings,
)
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.values import AnyValue, InstanceId, Persons, Picked
from engine.loading.load import examine_file
from engine.runtime.ports import Changes
from engine.store import TortoiseStore
from tests.bridge.command import Outcome, hearth

KEY = "0f" * 32
OPEN, PRIVATE_ONE, UNKNOWN, ENDING, WANTED = (InstanceId(letter * 32) for letter in "abcde")
SINCE_MS = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""

NEEDED = {
    ("homeserver", "url"): "https://matrix.example.org",
    ("homeserver", "user_id"): "@hearth:example.org",
    ("circle", "rooms"): ["#circle:example.org"],
    ("circle", "stewards"): ["@ana:example.org"],
    ("house", "operator"): "Ana",
    ("safety", "outside_help"): "112",
}
KEPT = {"access_token": "syt_token", "device_id": "DEVICE", "pickle_key": KEY, "alias_salt": KEY}
ROLE, INVITATION, NEED = (shipped_workflows() / f"{name}.yaml" for name in ("role", "invitation", "need"))


def definition_of(file: Path) -> Definition:
    definition = examine_file(file).definition
    assert definition is not None
    return definition


def furnish(folder: Path) -> Settings:
    """A folder as `hearth init` leaves it."""
    (folder / FILE_NAME).write_text(write_settings(NEEDED), encoding="utf-8")
    for name in ("secrets", "data"):
        (folder / name).mkdir(mode=0o700)
    write_privately(folder / "secrets" / "hearth.secrets.toml", write_secrets(KEPT))
    write_privately(folder / "secrets" / "master.key", KEY + "\n")
    settings = load_settings(folder, {})
    assert isinstance(settings, Settings)
    return settings


@pytest.fixture
async def house(tmp_path: Path) -> Path:
    """A house in which a role is held and a hand is needed (which its circle sees), and an invitation is open to two
    people (which it does not).
    """
    settings = furnish(tmp_path)
    keys = settings.database.keys
    keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = await TortoiseStore.open(settings.database.path, bytes.fromhex(KEY), keys=keys, random=Random(1))
    circle = await store.ensure_circle("!room:example.org", "Circle")
    role, invitation, need = (definition_of(file) for file in (ROLE, INVITATION, NEED))

    def standing(
        id: InstanceId, definition: Definition, state: str, details: Mapping[str, AnyValue]
    ) -> Snapshot:
        return Snapshot(
            id=id,
            circle=circle,
            definition=definition.digest,
            state=state,
            version=1,
            entered_ms=SINCE_MS,
            details=dict(details),
        )

    people = Persons(("p1", "p2"))
    snapshots = (
        standing(OPEN, role, "shared", {"holder": people}),
        standing(ENDING, role, "renewing", {"holder": people}),
        standing(PRIVATE_ONE, invitation, "open", {"reach": Picked("named"), "guests": people}),
        standing(WANTED, need, "open", {}),
    )
    for file, definition in ((ROLE, role), (INVITATION, invitation), (NEED, need)):
        await store.put_definition(definition, file.read_text(encoding="utf-8"))
    ada, bo = [await store.person(f"@{name}:example.org") for name in ("ada", "bo")]
    parts = [(each.id, ref, person) for each in snapshots for ref, person in (("p1", ada), ("p2", bo))]
    await store.commit(Changes(snapshots={each.id: (each, 0) for each in snapshots}, parts=parts))
    await store.close()
    return tmp_path


async def graph(house: Path, *arguments: str | Path) -> Outcome:
    return await hearth("graph", "--folder", house, *arguments)


# ── a file ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("file", [ROLE, INVITATION], ids=lambda file: file.stem)
async def test_a_file_is_drawn_on_standard_output(file: Path) -> None:
    outcome = await hearth("graph", file)
    assert outcome.status == 0, outcome.text
    assert ElementTree.fromstring(outcome.out).tag.endswith("svg")  # noqa: S314 - our own picture
    assert not outcome.err


async def test_a_picture_is_written_where_the_steward_wants_it(tmp_path: Path) -> None:
    outcome = await hearth("graph", ROLE, "--output", tmp_path / "role.svg")
    assert (outcome.status, outcome.text) == (0, "")
    assert (tmp_path / "role.svg").read_text(encoding="utf-8") == (await hearth("graph", ROLE)).out


async def test_mermaid_is_written_for_pages_that_draw_it() -> None:
    outcome = await hearth("graph", ROLE, "--format", "mermaid")
    assert outcome.out.startswith("stateDiagram-v2\n")


async def test_a_file_with_problems_is_not_drawn_and_they_are_said_as_check_says_them(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: One\nabot: x\n", encoding="utf-8")
    outcome, checked = await hearth("graph", bad), await hearth("check", bad)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith(checked.err)
    assert f"{bad}:2:1 " in outcome.err


@pytest.mark.parametrize(("name", "status"), [("gone.yaml", 1), (".", 2)])
async def test_what_is_no_file_is_said(tmp_path: Path, name: str, status: int) -> None:
    outcome = await hearth("graph", tmp_path / name)
    assert (outcome.status, outcome.out) == (status, "")


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    outcome = await hearth("graph", ROLE, "--output", tmp_path / "none" / "role.svg")
    assert outcome.status == 1
    assert "cannot be written" in outcome.err


# ── a running instance ───────────────────────────────────────────────────────


async def test_one_that_the_circle_sees_is_marked_where_it_stands_with_since_when(house: Path) -> None:
    outcome = await graph(house, NEED, "--instance", WANTED)
    assert outcome.status == 0, outcome.text
    texts = [
        "".join(text.itertext())
        for text in ElementTree.fromstring(outcome.out).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314
    ]
    said = " ".join(texts)
    assert "Here since Monday 18 January" in said
    assert "12:00 UTC Open" in said, "the mark stands on the card of the state"


async def test_what_the_circle_cannot_tell_apart_is_marked_together_and_without_a_time(house: Path) -> None:
    outcome = await graph(house, ROLE, "--instance", ENDING)
    assert outcome.status == 0, outcome.text
    assert outcome.out.count(">Perhaps here<") > 1
    assert "only those who take part see in which" in outcome.out
    assert "Here since" not in outcome.out


async def test_no_person_and_no_id_stands_in_the_picture_of_an_instance(house: Path) -> None:
    for output_format in ("svg", "mermaid"):
        outcome = await graph(house, ROLE, "--instance", OPEN, "--format", output_format)
        assert outcome.status == 0, outcome.text
        for secret in (OPEN, "ada", "@bo", "example.org"):
            assert secret not in outcome.text


@pytest.mark.parametrize("file", [ROLE, INVITATION], ids=lambda file: file.stem)
@pytest.mark.parametrize("output_format", ["svg", "mermaid"])
async def test_a_private_one_shows_nothing_and_looks_like_one_that_is_not_there(
    house: Path, file: Path, output_format: str
) -> None:
    private, unknown = [
        await graph(house, file, "--instance", instance, "--format", output_format)
        for instance in (PRIVATE_ONE, UNKNOWN)
    ]
    assert private == unknown == Outcome(1, "", f"hearth: {PRIVATE}\n")


async def test_nothing_is_written_of_a_private_one(house: Path) -> None:
    outcome = await graph(house, INVITATION, "--instance", PRIVATE_ONE, "--output", house / "x.svg")
    assert outcome.status == 1
    assert not (house / "x.svg").exists()


async def test_looking_changes_nothing_in_the_house(house: Path) -> None:
    database = house / "data" / "hearth.db"
    before = database.read_bytes()
    for instance in (OPEN, PRIVATE_ONE, UNKNOWN):
        await graph(house, ROLE, "--instance", instance)
    assert database.read_bytes() == before


async def test_one_that_began_with_another_version_is_drawn_as_it_began(house: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.yaml"
    text = ROLE.read_text(encoding="utf-8").replace(
        "at: 14 days after entering", "at: 13 days after entering"
    )
    changed.write_text(text, encoding="utf-8")
    outcome = await graph(house, changed, "--instance", OPEN)
    assert outcome.status == 0, outcome.text
    assert "It began with another version of this file" in outcome.out
    assert "13 days" not in outcome.out


async def test_the_file_of_another_workflow_is_refused(house: Path) -> None:
    outcome = await graph(house, INVITATION, "--instance", OPEN)
    assert outcome.status == 1
    assert "runs on role" in outcome.err


async def test_a_house_without_a_database_is_said(tmp_path: Path) -> None:
    furnish(tmp_path)
    outcome = await graph(tmp_path, ROLE, "--instance", OPEN)
    assert outcome.status == 78
    assert "is not there" in outcome.err
