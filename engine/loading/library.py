"""The library: the catalogues of all circles. What lies in the folder of one is not there for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.core.definition import Definition
from engine.core.values import CircleId
from engine.loading.catalogue import MOST_RETIRED, Catalogue, Lookup


class Library:
    """Implements ``engine.runtime.ports.Catalogue`` over one catalogue for each folder.

    Where all circles share one folder, that also serves whoever is in none of them.
    """

    def __init__(self, catalogues: Mapping[CircleId, Catalogue], stored: Lookup) -> None:
        self._by_circle = dict(catalogues)
        self._all = tuple(dict.fromkeys(catalogues.values()))
        self._stored = stored
        self._recalled: dict[str, Definition] = {}
        """What no folder holds any more and something still runs on."""

    def _of(self, circle: CircleId) -> Catalogue | None:
        return self._by_circle.get(circle) or (self._all[0] if len(self._all) == 1 else None)

    def in_service(self, name: str, circle: CircleId) -> Definition | None:
        """The definition that a new instance of this name is to run on in this circle."""
        catalogue = self._of(circle)
        return catalogue.in_service(name) if catalogue is not None else None

    def begins(self, circle: CircleId) -> Mapping[str, str]:
        """Command word → name of the workflow that it begins in this circle."""
        catalogue = self._of(circle)
        return catalogue.begins() if catalogue is not None else {}

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest, if it is in memory."""
        found = (catalogue.held(digest) for catalogue in self._all)
        return next((each for each in found if each is not None), None) or self._recalled.get(digest)

    async def by_digest(self, digest: str) -> Definition | None:
        """The definition with this digest, in its latest wording; from the store if no folder has it any more."""
        held = self.held(digest) or await self._stored(digest)
        if held is not None and digest not in self._recalled and not any(c.held(digest) for c in self._all):
            if len(self._recalled) >= MOST_RETIRED:
                del self._recalled[next(iter(self._recalled))]
            self._recalled[digest] = held
        return held

    def within(self, circles: Sequence[CircleId]) -> Section:
        """What is in service in these circles together."""
        shelves = (self._of(circle) for circle in circles or (CircleId(""),))
        return Section(self, tuple(dict.fromkeys(each for each in shelves if each is not None)))


class Section:
    """What some circles have in service together; of two with a name, the first one's."""

    def __init__(self, library: Library, catalogues: Sequence[Catalogue]) -> None:
        self._library = library
        self._catalogues = catalogues

    def names(self) -> tuple[str, ...]:
        """The names in service."""
        return tuple(dict.fromkeys(name for each in self._catalogues for name in each.names()))

    def in_service(self, name: str) -> Definition | None:
        """The definition in service under this name."""
        found = (each.in_service(name) for each in self._catalogues)
        return next((each for each in found if each is not None), None)

    def held(self, digest: str) -> Definition | None:
        """The definition with this digest, if it is in memory."""
        return self._library.held(digest)
