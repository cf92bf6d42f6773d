"""What is on: the workflows of a rehearsal, from memory or from a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.core.definition import Definition
from engine.core.survey import workflows_looked_at
from engine.core.values import CircleId
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
        catalogue = Catalogue(folder)
        errors = [problem for problem in catalogue.load() if problem.severity == "error"]
        if errors:
            raise Unfit(errors)
        return cls(d for d in map(catalogue.in_service, catalogue.names()) if d is not None)

    @classmethod
    def around(cls, definition: Definition, *folders: Path) -> Playbill:
        """A workflow, those that it may start or asks about, and those that these may start in turn: each from the
        first of these folders that has it. One that is about other workflows has them beside it.
        """
        found = {definition.name: definition}
        catalogues: list[Catalogue] = []
        while wanted := _started(found.values()) - found.keys():
            if not catalogues:
                catalogues = [Catalogue(folder) for folder in folders]
                for catalogue in catalogues:
                    catalogue.load()
            offered = (catalogue.in_service(name) for name in sorted(wanted) for catalogue in catalogues)
            news = {other.name: other for other in reversed([d for d in offered if d is not None])}
            if not news:
                break
            found |= news
        if any(detail.kind == "workflow" for detail in definition.details.values()):
            found = _others(definition, folders) | found
        return cls(found.values())

    def definitions(self) -> tuple[Definition, ...]:
        """All that can be begun here."""
        return tuple(self._by_name.values())

    def names(self) -> tuple[str, ...]:
        """The names of all that can be begun here."""
        return tuple(self._by_name)

    def in_service(self, name: str, circle: CircleId | None = None) -> Definition | None:
        return self._by_name.get(name)

    def begins(self, circle: CircleId | None = None) -> Mapping[str, str]:
        return {definition.begins_with: name for name, definition in self._by_name.items()}

    async def by_digest(self, digest: str) -> Definition | None:
        return self._by_digest.get(digest)

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest."""
        return self._by_digest.get(digest)


def _started(definitions: Iterable[Definition]) -> set[str]:
    """The workflows that these may start, or ask about whether they are in use."""
    definitions = tuple(definitions)
    started = {start.workflow for d in definitions for state in d.states.values() for start in state.starts}
    return started | {name for d in definitions for name in workflows_looked_at(d)}


def _others(definition: Definition, folders: Iterable[Path]) -> dict[str, Definition]:
    """The other workflows of the first of these folders that has any, as far as somebody begins them by a word."""
    for folder in folders:
        catalogue = Catalogue(folder)
        catalogue.load()
        served = filter(None, map(catalogue.in_service, catalogue.names()))
        others = {o.name: o for o in served if o.name != definition.name and o.begins_for is None}
        if others:
            return others
    return {}
