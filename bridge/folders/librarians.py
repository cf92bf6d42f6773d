"""The librarians: one for each workflow folder, each with its own register and its own stewards to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bridge.folders.librarian import Librarian, Stewards
from bridge.plan import CirclePlan, Plan, Shelf
from engine.core.values import CircleId, PersonId
from engine.loading.library import Library
from engine.runtime.line import StraightLine
from engine.runtime.ports import Cellar, Clock


class Keepers(Protocol):
    """Knows who looks after a circle at present, by the settings or by a role."""

    def stewards(self, circle: CircleId) -> Sequence[PersonId]: ...


class Librarians:
    """Those of a whole house. Nothing of one folder is told to the stewards of circles that have another."""

    def __init__(
        self, plan: Plan, cellar: Cellar, clock: Clock, note_refused: Callable[[int], None] | None = None
    ) -> None:
        """``note_refused`` is told how many files are not fit, all folders together."""
        self._cellar = cellar
        self._note_refused = note_refused
        self._refused: dict[str, int] = {}
        self._circles: Mapping[CircleId, CirclePlan] = {}
        self._of = {
            shelf.folder: Librarian(
                shelf.folder,
                cellar,
                clock,
                _stewards(shelf, plan),
                self._counted(shelf.mark),
                shelf.mark,
            )
            for shelf in plan.shelves
        }

    def _counted(self, mark: str) -> Callable[[int], None]:
        def note(refused: int) -> None:
            self._refused[mark] = refused
            if self._note_refused is not None:
                self._note_refused(sum(self._refused.values()))

        return note

    async def open(self, circles: Mapping[CircleId, CirclePlan]) -> Library:
        """Put all folders into service. Whatever still runs in a circle that the settings do not name any more is
        brought to mind by the first.
        """
        self._circles = circles
        gone = (await self._cellar.circles()).keys() - circles.keys()
        for n, (folder, librarian) in enumerate(self._of.items()):
            here = {circle for circle, plan in circles.items() if plan.workflows == folder}
            await librarian.open(here | gone if n == 0 else here)
        catalogues = {circle: self._of[plan.workflows].catalogue for circle, plan in circles.items()}
        return Library(catalogues, self._cellar.definition)

    def look_again(self) -> None:
        """Look at all files now, without waiting until they have lain still."""
        for librarian in self._of.values():
            librarian.again.set()

    def running(
        self, line: StraightLine, keepers: Keepers, stop: asyncio.Event
    ) -> tuple[Coroutine[None, None, None], ...]:
        """What each of them does until ``stop``. Those whom ``keepers`` knows hear of their own circles' folder."""
        for folder, librarian in self._of.items():
            librarian.in_office = partial(self._in_office, folder, keepers)
        return tuple(librarian.run(line, stop) for librarian in self._of.values())

    def _in_office(self, folder: Path, keepers: Keepers) -> Iterator[PersonId]:
        """Who looks after a circle that has this folder, and has no room in which its stewards would hear of it."""
        for circle, plan in self._circles.items():
            if plan.workflows == folder and plan.stewards_room is None:
                yield from keepers.stewards(circle)


def _stewards(shelf: Shelf, plan: Plan) -> tuple[Stewards, ...]:
    return tuple(
        Stewards(each.stewards, each.stewards_room, each.stewards_room in plan.rooms)
        for each in shelf.circles
    )
