"""Records histories for maintainers: ``python -m tests.replays.record [WORKFLOW …]``.

Without more it plays the scenarios of the workflows named (all that ship, and the desks of everybody in them, if none
is), and keeps as few of their histories as show everything that can be seen in any of them. Nothing that has been
recorded is ever overwritten: what a workflow's present version has no histories of is added, under a number of its own.

``--accept`` is for a change of the code that is meant: it says how each history goes otherwise now, and writes down
what comes of it from here on. What went in stays as it was, for that is what lies in databases.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bridge.rehearsal.playbill import Playbill
from engine.core.definition import Definition
from tests.replays.history import (
    DEFINITIONS,
    FOLDER,
    SHORT,
    History,
    histories,
    read,
    written,
)
from tests.replays.holding import differences, with_what_comes_now
from tests.replays.playing import (
    DESKS,
    SHIPPED,
    Found,
    chosen,
    play,
    play_a_move,
    play_alone,
    scenarios_of,
    shipped,
)

INVITATION = "invitation"
"""Of which a history is kept, too, that was moved to another version on its way."""


def versions_of(workflow: str) -> dict[str, int]:
    """The digests of which a workflow has histories, each with its number."""
    found: dict[str, int] = {}
    for file in histories():
        if file.parent.name == workflow:
            found[read(file).version] = number_of(file)
    return found


def number_of(file: Path) -> int:
    """The number of a recording: that of its version, as its file is called."""
    return int(file.name.partition("-")[0])


async def record(names: Sequence[str]) -> list[str]:
    """Record what is not recorded yet; what was done, line by line."""
    told: list[str] = []
    desks: list[Found] = []
    for definition in shipped().values():
        if names and definition.name not in names:
            continue
        known = versions_of(definition.name)
        if definition.digest in known and names:
            told.append(f"{definition.name}: this version is recorded already")
            continue
        found, of_people = await _played(definition)
        desks += of_people
        if definition.digest in known:
            told.append(f"{definition.name}: this version is recorded already")
            continue
        told += _keep(definition.name, max(known.values(), default=0) + 1, chosen(found))
    if not names and not versions_of(DESKS):
        told += _keep(DESKS, 1, chosen(desks))
    return told


async def _played(definition: Definition) -> tuple[list[Found], list[Found]]:
    playbill = Playbill.around(definition, SHIPPED)
    found: list[Found] = []
    desks: list[Found] = []
    for scenario in scenarios_of(definition):
        of_instances, *of_people = await play(definition, scenario, playbill)
        found.append(of_instances)
        if any(state.starts for state in definition.states.values()):
            found.append(await play_alone(definition, scenario))
        desks += of_people
    if definition.name == INVITATION:
        found.append(await play_a_move(definition, playbill))
    return found, desks


def _keep(workflow: str, number: int, found: Sequence[Found]) -> list[str]:
    folder = FOLDER / workflow
    folder.mkdir(exist_ok=True)
    DEFINITIONS.mkdir(exist_ok=True)
    for each in found:
        _write_anew(folder / f"{number}-{each.name}.json", written(each.history))
        for definition in each.definitions:
            file = DEFINITIONS / f"{definition.name}-{definition.digest[:SHORT]}.json"
            if not file.exists():
                _write_anew(file, msgspec.json.encode(definition, order="deterministic").decode() + "\n")
    return [f"{workflow}: {len(found)} histories under number {number}"]


def _write_anew(file: Path, text: str) -> None:
    """Write a file that is not there yet.

    Raises:
        FileExistsError: it is.
    """
    with file.open("x", encoding="utf-8") as opened:
        opened.write(text)


def accept(names: Sequence[str]) -> list[str]:
    """Write down what comes of each history now; how it goes otherwise than before."""
    told: list[str] = []
    for file in histories():
        if names and file.parent.name not in names:
            continue
        history: History = read(file)
        found = differences(history)
        if found:
            told += [f"{file.parent.name}/{file.name}", *(f"  {line}" for line in found)]
            journals = tuple(with_what_comes_now(each) for each in history.journals)
            file.write_text(written(replace(history, journals=journals)), encoding="utf-8")
    return told or ["Every history goes as it was recorded."]


def main(arguments: Sequence[str]) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.replays.record", description=__doc__)
    parser.add_argument("workflow", nargs="*", help="only these (default: all that ship)")
    parser.add_argument("--accept", action="store_true", help="write down what comes of the histories now")
    given = parser.parse_args(arguments)
    told = accept(given.workflow) if given.accept else asyncio.run(record(given.workflow))
    sys.stdout.write("\n".join(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
