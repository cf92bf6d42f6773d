"""Old histories keep working: whatever lies in a journal goes on meaning what it meant."""

from __future__ import annotations

import functools
from collections import defaultdict
from pathlib import Path

import pytest

from engine.core.definition import Definition
from tests.replays.history import (
    DEFINITIONS,
    SHORT,
    History,
    histories,
    read,
    restored,
    stored_definition,
    written,
)
from tests.replays.holding import differences, under
from tests.replays.playing import DESKS, shipped
from tests.replays.record import _write_anew, number_of

PLAYED_ELSEWHERE = {"gratitude": {"left_off"}}
"""Ends for which a whole circle must agree first, so that no scenario of the file itself reaches them."""
FILES = [file for file in histories() if file.parent.name != DESKS]
OF_DESKS = [file for file in histories() if file.parent.name == DESKS]
MEANT = (
    "If that is meant, `python -m tests.replays.record --accept` writes down how it goes now;"
    " but think of those in whose database it went otherwise."
)
CHANGED = (
    "its file has changed so that this history would go otherwise. If that is meant,"
    " `python -m tests.replays.record {name}` records how the present version goes, beside this one."
)


@functools.cache
def history_in(file: Path) -> History:
    return read(file)


def called(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@functools.cache
def present() -> dict[str, Definition]:
    return shipped()


@functools.cache
def recorded_versions() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        found[file.parent.name].add(history_in(file).version)
    return {name: frozenset(digests) for name, digests in found.items()}


@functools.cache
def visited() -> dict[str, set[str]]:
    """Workflow → the states that any history of it goes through, be it in passing."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for journal in history_in(file).journals:
            for line in journal.lines:
                changed = line.came.changed
                passed = {path.removeprefix("visits/") for path in changed if path.startswith("visits/")}
                found[stored_definition(journal.definition).name] |= passed | {*changed.get("visits", ())}
    return found


@pytest.mark.parametrize("file", [*FILES, *OF_DESKS], ids=called)
def test_it_goes_as_it_was_recorded(file: Path) -> None:
    found = differences(history_in(file))
    assert not found, "\n".join([f"{called(file)} goes otherwise than it was recorded.", *found, MEANT])


@pytest.mark.parametrize("file", FILES, ids=called)
def test_it_goes_the_same_with_the_workflows_as_they_are_now(file: Path) -> None:
    history = history_in(file)
    for journal in history.journals:
        name = stored_definition(journal.definition).name
        definition = present().get(name)
        if definition is None or definition.digest in recorded_versions().get(name, ()):
            continue  # that version has histories of its own
        found = under(journal, definition)
        assert not found, "\n".join([f"{called(file)}: {CHANGED.format(name=name)}", *found])


def test_every_workflow_that_ships_has_histories() -> None:
    assert recorded_versions().keys() >= present().keys()


def test_every_end_and_every_state_of_every_workflow_is_gone_through() -> None:
    """As far as the scenarios beside the workflow reach it."""
    missing = {}
    for name, definition in present().items():
        if left := definition.states.keys() - visited()[name] - PLAYED_ELSEWHERE.get(name, set()):
            missing[name] = left
    assert missing == {}


@pytest.mark.parametrize("file", [*FILES, *OF_DESKS], ids=called)
def test_it_is_stored_as_it_was(file: Path) -> None:
    """Reading a journal and writing it again loses nothing, and the file is as the recorder writes it."""
    history = history_in(file)
    assert written(history) == file.read_text(encoding="utf-8")
    for journal in history.journals:
        assert [line.n for line in restored(journal)] == list(range(1, len(journal.lines) + 1))


def test_definitions_that_were_recorded_can_be_read_and_keep_their_digest() -> None:
    for file in DEFINITIONS.glob("*.json"):
        name, _, digest = file.stem.rpartition("-")
        found = stored_definition(digest)
        assert (found.name, found.digest[:SHORT]) == (name, digest)


def test_nothing_that_was_recorded_is_ever_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "1-once.json"
    _write_anew(file, "{}")
    with pytest.raises(FileExistsError):
        _write_anew(file, "[]")
    assert file.read_text(encoding="utf-8") == "{}"


def test_a_difference_says_where_and_what() -> None:
    history = history_in(FILES[0])
    (first, *others) = history.journals
    line = first.lines[0]
    other = type(line.came)("closed")
    changed = type(first)(
        actor=first.actor,
        definition=first.definition,
        lines=(type(line)(line.n, line.at_ms, line.event, line.facts, line.result, other), *first.lines[1:]),
    )
    (told, *_) = differences(History(history.workflow, history.version, history.told, (changed, *others)))
    assert told == f"{first.actor[:10]}… line 1 (started): was closed, is decided now"


def test_each_version_has_one_number() -> None:
    numbers: dict[tuple[str, int], set[str]] = defaultdict(set)
    for file in FILES:
        numbers[file.parent.name, number_of(file)].add(history_in(file).version)
    assert {key: found for key, found in numbers.items() if len(found) > 1} == {}
