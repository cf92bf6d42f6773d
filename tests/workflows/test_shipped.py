"""What every shipped workflow file promises."""

import pathlib

import pytest

from engine.core.definition import Room
from engine.core.survey import sayings
from engine.loading.catalogue import Catalogue
from engine.loading.load import examine_file
from tests.workflows.walk import WORKFLOWS, shipped

FILES = sorted(WORKFLOWS.glob("*.yaml"))
PUSHING = (
    "!",
    "please",
    "don't miss",
    "last chance",
    "hurry",
    "must",
    "deadline",
    "asap",
    "expired",
    "delivered",
    "audience",
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_checker_finds_nothing(path: pathlib.Path) -> None:
    assert [str(problem) for problem in examine_file(path).problems] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_is_called_as_the_workflow(path: pathlib.Path) -> None:
    assert shipped(path.stem).name == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_sentence_pushes(path: pathlib.Path) -> None:
    definition = shipped(path.stem)
    for key in {saying.key for saying in sayings(definition)}:
        text = definition.texts[key]
        assert not [word for word in PUSHING if word in text.lower()], f"{key}: {text}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_name_of_who_answered_privately_reaches_the_room(path: pathlib.Path) -> None:
    definition = shipped(path.stem)
    answered = {part.name for part in definition.parts if part.answered}
    for saying in sayings(definition):
        if isinstance(saying.reader, Room):
            gaps = definition.gaps.get(saying.key, ())
            assert not answered & set(gaps), saying.key
            assert not [gap for gap in gaps if "." in gap], saying.key


async def test_all_are_in_service_together() -> None:
    async def nowhere(_digest: str) -> None:
        return None

    catalogue = Catalogue(WORKFLOWS, nowhere)
    assert catalogue.load() == ()
    assert {"invite": "invitation", "role": "role"}.items() <= catalogue.begins().items()


def test_the_states_are_the_ones_people_know() -> None:
    invitation, role = shipped("invitation").states, shipped("role").states
    assert {"draft", "open", "accepted", "delivered", "feedback", "closed"} <= set(invitation)
    ends = {name for name, state in invitation.items() if state.final}
    assert ends == {"closed", "to_decision", "withdrawn", "cancelled", "too_few", "let_go"}
    assert {"described", "proposed", "shared", "review", "handing_over"} <= set(role)
    ends = {name for name, state in role.items() if state.final}
    assert ends == {"handed_over", "resting", "withdrawn"}
