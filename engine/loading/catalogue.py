"""The catalogue: the workflows of a folder that are in service, and every definition somebody still runs on."""

from __future__ import annotations

import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from engine.core.definition import Definition
from engine.loading.load import Examined, examine_file
from engine.loading.problem import Problem
from engine.loading.reader import place_of

MOST_FILES = 200
MOST_RETIRED = 500
"""Definitions kept at hand after their file has changed or gone; older ones are looked up where they are stored."""

Lookup = Callable[[str], Awaitable[Definition | None]]
"""Digest → a definition that was stored when it was first used."""

Keep = Callable[[Definition, str], Awaitable[None]]
"""Stores a definition and its source."""


class Catalogue:
    """The workflows in service.

    A file with errors does not go into service; if an earlier version of it was, that one stays. A
    file that has vanished begins nothing any more, and whatever runs on it runs on.
    """

    def __init__(self, folder: pathlib.Path, stored: Lookup) -> None:
        self._folder = folder
        self._stored = stored
        self._by_file: dict[str, Definition] = {}
        self._by_name: dict[str, Definition] = {}
        self._by_digest: dict[str, Definition] = {}

    def load(self) -> tuple[Problem, ...]:
        """Read the folder, put into service what is fit, and return all problems of all files."""
        try:
            paths = sorted(p for p in self._folder.iterdir() if p.suffix in (".yaml", ".yml") and p.is_file())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            hint = "check the folder's path and permissions; what was in service stays"
            return (
                Problem(str(self._folder), 1, 1, "unreadable", "error", f"cannot be read: {reason}", hint),
            )
        problems: list[Problem] = []
        if len(paths) > MOST_FILES:
            message = f"{len(paths)} workflow files; the first {MOST_FILES} are read"
            problems.append(
                Problem(str(self._folder), 1, 1, "too-many", "error", message, "keep fewer in one folder")
            )
        by_file: dict[str, Definition] = {}
        for path in paths[:MOST_FILES]:
            examined = examine_file(path)
            problems += examined.problems
            fit = examined.definition or self._by_file.get(path.name)
            if fit is None:
                continue
            clash = _clash(fit, by_file)
            if clash is None:
                by_file[path.name] = fit
            else:
                problems.append(_clashing(str(path), examined, fit, *clash))
        self._put_into_service(by_file)
        return tuple(problems)

    def _put_into_service(self, by_file: dict[str, Definition]) -> None:
        self._by_file = by_file
        self._by_name = {definition.name: definition for definition in by_file.values()}
        for definition in by_file.values():
            self._by_digest.pop(definition.digest, None)
            self._by_digest[definition.digest] = definition
        while len(self._by_digest) > MOST_FILES + MOST_RETIRED:
            del self._by_digest[next(iter(self._by_digest))]

    def in_service(self, name: str) -> Definition | None:
        """The definition that a new instance of this name is to run on."""
        return self._by_name.get(name)

    def names(self) -> tuple[str, ...]:
        """The names in service, in the order of their files."""
        return tuple(self._by_name)

    def begins(self) -> Mapping[str, str]:
        """Command word → name of the workflow that it begins."""
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

    async def keep(self, store: Keep) -> None:
        """Have every definition in service stored with its source, so that a vanished file strands nobody."""
        for file, definition in self._by_file.items():
            source = (self._folder / file).read_text(encoding="utf-8")
            await store(definition, source)


Key = Literal["name", "begins with"]


def _clash(definition: Definition, others: Mapping[str, Definition]) -> tuple[Key, str] | None:
    """Which key a definition shares with one of another file, and that file."""
    for file, other in others.items():
        if other.name == definition.name:
            return "name", file
        if other.begins_with == definition.begins_with:
            return "begins with", file
    return None


def _clashing(file: str, examined: Examined, definition: Definition, key: Key, other: str) -> Problem:
    place = place_of((key,), examined.places)
    word = definition.name if key == "name" else definition.begins_with
    message = f"`{key}: {word}` already stands in {other}"
    return Problem(
        file, place.line, place.column, "twice", "error", message, "choose another, or take one file away"
    )
