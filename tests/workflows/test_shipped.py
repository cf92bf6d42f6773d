"""What every shipped workflow file promises."""

import pathlib
from collections.abc import Iterator

import pytest

from engine.core.definition import AnsweredBy, Definition, NamedBy, NamedIn, Part, Room
from engine.core.survey import gaps_of, read_gap, sayings
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


def openly_answered(definition: Definition) -> frozenset[str]:
    """The asks that are answered before everybody's eyes: put to the room, and said there to be seen by the circle."""
    return frozenset(
        ask.name for ask in definition.asks.values() if isinstance(ask.to, Room) and "circle" in ask.seen_by
    )


def said_to_all(definition: Definition) -> Iterator[str]:
    """The keys of all that the room or the lists of the circle may come to read."""
    for saying in sayings(definition):
        if isinstance(saying.reader, Room) or saying.kind in {"public", "afterwards", "outcome"}:
            yield saying.key


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_question_in_the_room_says_that_the_circle_sees_its_answers(path: pathlib.Path) -> None:
    definition = shipped(path.stem)
    in_the_room = {ask.name for ask in definition.asks.values() if isinstance(ask.to, Room)}
    assert in_the_room == openly_answered(definition)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_name_of_who_answered_privately_reaches_the_room(path: pathlib.Path) -> None:
    """Neither who answered, nor whom they named, nor how many: not even where one of several asks was an open one."""
    definition = shipped(path.stem)
    private = frozenset(definition.asks) - openly_answered(definition)
    told = {
        part.name
        for part in definition.parts
        for source in part.sources
        if isinstance(source, AnsweredBy | NamedBy) and source.ask in private
    }
    for key in said_to_all(definition):
        for gap in map(read_gap, gaps_of(definition, key)):
            assert gap.name not in told, f"{key}: {gap}"
            assert gap.kind == "name" or gap.name not in private, f"{key}: {gap}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_whoever_is_asked_alone_and_then_named_to_the_room_has_read_so(path: pathlib.Path) -> None:
    definition = shipped(path.stem)
    named = {gap for key in said_to_all(definition) for gap in gaps_of(definition, key)}
    for part in definition.parts:
        if part.name not in named or not any(isinstance(source, NamedIn) for source in part.sources):
            continue
        for first in [a.name for a in definition.asks.values() if a.to == Part(part.name) and a.choices][:1]:
            assert "circle" in definition.texts[f"{first}.say"], f"{part.name}: {first}"


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
    assert ends == {"closed", "withdrawn", "cancelled", "too_few", "let_go"}
    assert {"described", "proposed", "shared", "review", "handing_over"} <= set(role)
    ends = {name for name, state in role.items() if state.final}
    assert ends == {"handed_over", "taken_up", "resting", "left_open", "withdrawn"}
