"""What is on: the workflows of a rehearsal, from memory or from a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.core.definition import Definition
from engine.loading.catalogue import Catalogue
from engine.loading.problem import Problem


class Unfit(Exception):
    """A folder holds files that cannot be in service; ``problems`` are all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Playbill:
    """Implements ``engine.runtime.ports.Catalogue`` with definitions at hand; of two with a name the later one."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._by_name = {definition.name: definition for definition in definitions}
        self._by_digest = {definition.digest: definition for definition in self._by_name.values()}

    @classmethod
    def of_folder(cls, folder: Path) -> Playbill:
        """Everything that a folder puts into service.

        Raises:
            Unfit: a file of it has errors.
        """
        catalogue = Catalogue(folder, _nothing_stored)
        errors = [problem for problem in catalogue.load() if problem.severity == "error"]
        if errors:
            raise Unfit(errors)
        return cls(d for d in map(catalogue.in_service, catalogue.names()) if d is not None)

    @classmethod
    def around(cls, definition: Definition, *folders: Path) -> Playbill:
        """A workflow, and those that it may start: each from the first of these folders that has it."""
        wanted = {start.workflow for state in definition.states.values() for start in state.starts}
        found = {definition.name: definition}
        for folder in folders:
            if wanted - found.keys():
                catalogue = Catalogue(folder, _nothing_stored)
                catalogue.load()
                held = {name: catalogue.in_service(name) for name in wanted - found.keys()}
                found |= {name: other for name, other in held.items() if other is not None}
        return cls(found.values())

    def definitions(self) -> tuple[Definition, ...]:
        """All that can be begun here."""
        return tuple(self._by_name.values())

    def in_service(self, name: str) -> Definition | None:
        return self._by_name.get(name)

    def begins(self) -> Mapping[str, str]:
        return {definition.begins_with: name for name, definition in self._by_name.items()}

    async def by_digest(self, digest: str) -> Definition | None:
        return self._by_digest.get(digest)

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest."""
        return self._by_digest.get(digest)


async def _nothing_stored(_digest: str) -> Definition | None:
    return None
