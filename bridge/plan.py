"""The plan: everything a running house is made of, and what each of its circles goes by, as the settings say it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from engine.core.limits import USUAL, Limits


class CirclePlan(msgspec.Struct, frozen=True):
    """What one circle goes by. Circles with the same workflow folder have the same workflows to choose from."""

    room: str
    """A Matrix room id."""
    workflows: Path
    """The folder in which its workflow files lie."""
    name: str = ""
    """What the settings call it; empty for one of ``[circle] rooms``."""
    stewards: tuple[str, ...] = ()
    """Matrix ids."""
    contacts: tuple[str, ...] = ()
    """Matrix ids of its safety contacts."""
    outside_help: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    at_start: frozenset[str] | None = None
    """What it has in use before it has agreed to anything; None: everything that lies in the folder."""
    stewards_room: str | None = None
    """The Matrix room in which its stewards hear about workflow files; None: each of them 1:1."""
    quiet_from_hour: int = 21
    quiet_to_hour: int = 9


class Shelf(msgspec.Struct, frozen=True):
    """A workflow folder, and the circles that choose from it."""

    folder: Path
    circles: tuple[CirclePlan, ...]
    mark: str
    """Sets its definitions apart from those of other folders; empty for the house's own folder."""


def _mark(folder: Path, circles: Sequence[CirclePlan]) -> str:
    """A name that stays the same when the house moves to another place."""
    return min((circle.name for circle in circles if circle.name), default=str(folder))


class Plan(msgspec.Struct, frozen=True):
    """Everything a running house is made of, as the settings say it."""

    session: Session
    circles: tuple[CirclePlan, ...]
    """At least one."""
    operator: str
    allowed: Allowed
    pickle_secret: bytes
    alias_salt: bytes
    bot: str = "Hearth"
    language: str = "en"
    """For whoever is in none of the circles; so are the three below."""
    time_zone: str = "UTC"
    quiet_from_hour: int = 21
    quiet_to_hour: int = 9
    workflows: Path | None = None
    """The house's own folder; None: the first circle's. What lies in another belongs to the circles that name it."""
    limits: Limits = USUAL

    @property
    def shelves(self) -> tuple[Shelf, ...]:
        """The workflow folders, each with its circles."""
        by_folder: dict[Path, list[CirclePlan]] = {}
        for circle in self.circles:
            by_folder.setdefault(circle.workflows, []).append(circle)
        own = self.workflows or self.circles[0].workflows
        return tuple(
            Shelf(folder, tuple(circles), "" if folder == own else _mark(folder, circles))
            for folder, circles in by_folder.items()
        )

    @property
    def rooms(self) -> tuple[str, ...]:
        """The Matrix room of each circle."""
        return tuple(circle.room for circle in self.circles)

    @property
    def served(self) -> tuple[str, ...]:
        """Every room that the settings name: the circles' and the stewards'."""
        stewards = (circle.stewards_room for circle in self.circles if circle.stewards_room is not None)
        return tuple(dict.fromkeys((*self.rooms, *stewards)))

    def __repr__(self) -> str:
        return f"Plan({self.session!r}, {len(self.circles)} circles)"
