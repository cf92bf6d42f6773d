"""The catalogue: the workflows of a folder that are in service, and every definition somebody still runs on."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from engine.core.definition import Definition
from engine.core.values import CircleId
from engine.loading.folder import source_of, unreadable, workflow_files
from engine.loading.load import Examined, examine_file
from engine.loading.problem import Place, Problem
from engine.loading.reader import place_of
from engine.loading.together import examine_together

MOST_FILES = 200
MOST_RETIRED = 500
"""Definitions kept at hand after their file has changed or gone; older ones are looked up where they are stored."""

Lookup = Callable[[str], Awaitable[Definition | None]]
"""Digest → a definition that was stored when it was first used."""

Keep = Callable[[Definition, str], Awaitable[None]]
"""Stores a definition and its source."""


class Inventory(msgspec.Struct, frozen=True):
    """What a folder holds: the definition that each file would serve, and everything that was found.

    A file that is not fit serves what it served before, if anything.
    """

    by_file: dict[str, Definition]
    problems: tuple[Problem, ...] = ()
    sources: dict[str, str] = {}
    """The text of each file that is fit as it stands now."""

    @property
    def by_name(self) -> dict[str, Definition]:
        """Name → the definition that would be in service under it."""
        return {definition.name: definition for definition in self.by_file.values()}

    @property
    def refused(self) -> tuple[str, ...]:
        """The paths of files, or of the folder, that have an error."""
        return tuple(dict.fromkeys(p.file for p in self.problems if p.severity == "error"))


async def nothing_stored(_digest: str) -> Definition | None:
    """A lookup for where no house is: only what lies in the folder is known."""
    return None


class Catalogue:
    """The workflows in service.

    A file with errors does not go into service; if an earlier version of it was, that one stays. A
    file that has vanished begins nothing any more, and whatever runs on it runs on.
    """

    def __init__(self, folder: pathlib.Path, stored: Lookup = nothing_stored, mark: str = "") -> None:
        """``mark`` sets the definitions of this folder apart from those of the same making in another, so that a
        better wording here is never read there.
        """
        self._folder = folder
        self._mark = mark
        self._stored = stored
        self._by_file: dict[str, Definition] = {}
        self._sources: dict[str, str] = {}
        self._by_name: dict[str, Definition] = {}
        self._by_digest: dict[str, Definition] = {}

    def load(self) -> tuple[Problem, ...]:
        """Read the folder, put into service what is fit, and return all problems of all files."""
        inventory = self.examine()
        self.put_into_service(inventory)
        return inventory.problems

    def recall(self, by_file: Mapping[str, Definition]) -> None:
        """Bring to mind what each file served before a restart: a file that is not fit now goes on with that."""
        self._by_file = dict(by_file)

    def examine(self) -> Inventory:
        """Read the folder and change nothing; safe to run in a thread beside everything else."""
        served = self._by_file
        try:
            paths = workflow_files(self._folder)
        except OSError as error:
            return Inventory(served, (unreadable(self._folder, error),))
        problems: list[Problem] = []
        if len(paths) > MOST_FILES:
            message = f"{len(paths)} workflow files; the first {MOST_FILES} are read"
            problems.append(
                Problem(str(self._folder), 1, 1, "too-many", "error", message, "keep fewer in one folder")
            )
        seen = {path: examine_file(path) for path in paths[:MOST_FILES]}
        together = examine_together({str(path): examined for path, examined in seen.items()})
        by_file: dict[str, Definition] = {}
        sources: dict[str, str] = {}
        for path, examined in seen.items():
            apart = together.get(str(path), ())
            problems += (*examined.problems, *apart)
            fits = examined.definition is not None and all(p.severity != "error" for p in apart)
            stands = marked(examined.definition, self._mark) if examined.definition and fits else None
            fit = stands or served.get(path.name)
            if fit is None:
                continue
            clash = _clash(fit, by_file)
            if clash is None:
                by_file[path.name] = fit
                if stands is not None:
                    sources[path.name] = source_of(path)
            else:
                problems.append(_clashing(str(path), examined, fit, *clash))
        return Inventory(by_file, tuple(problems), sources)

    def put_into_service(self, inventory: Inventory) -> None:
        """From now on new instances run on these; better wording reaches those under way."""
        self._by_file = inventory.by_file
        self._sources = dict(inventory.sources)
        self._by_name = inventory.by_name
        for definition in inventory.by_file.values():
            self._by_digest.pop(definition.digest, None)
            self._by_digest[definition.digest] = definition
        while len(self._by_digest) > MOST_FILES + MOST_RETIRED:
            del self._by_digest[next(iter(self._by_digest))]

    def in_service(self, name: str, circle: CircleId | None = None) -> Definition | None:
        """The definition that a new instance of this name is to run on: the same in every circle."""
        return self._by_name.get(name)

    def names(self) -> tuple[str, ...]:
        """The names in service, in the order of their files."""
        return tuple(self._by_name)

    def begins(self, circle: CircleId | None = None) -> Mapping[str, str]:
        """Command word → name of the workflow that it begins: the same in every circle."""
        return {definition.begins_with: name for name, definition in self._by_name.items()}

    async def by_digest(self, digest: str) -> Definition | None:
        """The definition with this digest, in its latest wording; from the store if no file has it any more."""
        held = self._by_digest.get(digest)
        if held is None:
            held = await self._stored(digest)
            if held is not None:
                self._by_digest[digest] = held
        return held

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest, if it is in memory."""
        return self._by_digest.get(digest)

    async def keep(self, store: Keep, inventory: Inventory | None = None) -> None:
        """Have definitions stored with their source, so that a vanished file strands nobody: those in service,
        or (before they are put into service) those of an inventory that are not in service yet.
        """
        if inventory is None:
            inventory, served = Inventory(self._by_file, sources=self._sources), {}
        else:
            served = self._by_file
        for file, source in inventory.sources.items():
            definition = inventory.by_file[file]
            if served.get(file) != definition:
                await store(definition, source)


def marked(definition: Definition, mark: str) -> Definition:
    """A definition as it is known in the folder with this mark; the very same one without a mark."""
    if not mark:
        return definition
    digest = hashlib.sha256(f"{mark}\n{definition.digest}".encode()).hexdigest()
    return msgspec.structs.replace(definition, digest=digest)


Key = Literal["name", "begins with"]


def _clash(definition: Definition, others: Mapping[str, Definition]) -> tuple[Key, str] | None:
    """Which key a definition shares with one of another file, and that file."""
    for file, other in others.items():
        if other.name == definition.name:
            return "name", file
        if other.begins_with == definition.begins_with:
            return "begins with", file
    return None


def place_in(examined: Examined, key: str) -> Place:
    """Where a file says by what it is known; where its name stands if it says nothing else."""
    stands = examined.compiled.stands if examined.compiled is not None else {}
    return place_of(stands.get((key,), (key,)), examined.places)


def _clashing(file: str, examined: Examined, definition: Definition, key: Key, other: str) -> Problem:
    place = place_in(examined, key)
    word = definition.name if key == "name" else definition.begins_with
    message = f"`{key}: {word}` already stands in {other}"
    return Problem(
        file, place.line, place.column, "twice", "error", message, "choose another, or take one file away"
    )
