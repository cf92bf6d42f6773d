"""Circles with settings of their own: `[circles.<name>]`, and what each circle goes by once all is put together."""
# ruff: noqa: RUF009 - a row makes a dataclass field and is called once, as it should be

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from bridge.settings.kinds import (
    CONTACTS,
    FOLDER,
    HOUR,
    LANGUAGE,
    NONE,
    ROOM,
    ROOM_OR_NONE,
    TEXT,
    TIME_ZONE,
    USER_IDS,
    WORKFLOWS,
    Contact,
    Kind,
)
from bridge.settings.table import NEEDED, Setting, Settings

T = TypeVar("T")

CIRCLES = "circles"
MOST_CIRCLES = 50
NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")


class AsCommon:
    """The default of a setting that a circle shares with the others unless it says otherwise."""

    def __init__(self, section: str, name: str) -> None:
        self.section = section
        self.name = name


def _own(
    kind: Kind[T], sentence: str, common: tuple[str, str] | None = None, *, example: object = None
) -> T | None:
    """A row; without `common` it is needed."""
    default = NEEDED if common is None else AsCommon(*common)
    metadata = {"kind": kind, "sentence": sentence, "default": default, "example": example}
    if common is None:
        return cast(T, dataclasses.field(metadata=metadata))
    return cast(T, dataclasses.field(metadata=metadata, default=None))


@dataclass(frozen=True, kw_only=True)
class OwnSettings:
    """One circle with settings of its own, and as many of these sections as there are such circles (at most 50).
    What is left out is as in the sections above. Circles with different workflow folders share nothing but the bot.
    """

    room: str | None = _own(
        ROOM, "The circle's room or space, not named under `[circle]`.", example="#garden:example.org"
    )
    workflow_folder: Path | None = _own(
        FOLDER, "Where this circle's workflow files lie.", ("house", "workflow_folder")
    )
    stewards: tuple[str, ...] | None = _own(
        USER_IDS, "Who looks after this circle and its workflows.", ("circle", "stewards")
    )
    contacts: tuple[Contact, ...] | None = _own(
        CONTACTS, "The safety contacts of this circle.", ("safety", "contacts")
    )
    outside_help: str | None = _own(
        TEXT, "Whom to call when someone of this circle is in danger.", ("safety", "outside_help")
    )
    language: str | None = _own(
        LANGUAGE,
        "The language of its room, and of its people unless they chose another.",
        ("circle", "language"),
    )
    time_zone: str | None = _own(
        TIME_ZONE, "The time zone of its room, and of its people.", ("circle", "time_zone")
    )
    workflows_at_start: tuple[str, ...] | None = _own(
        WORKFLOWS, "The workflows it has from its first day.", ("circle", "workflows_at_start")
    )
    stewards_room: str | None = _own(
        ROOM_OR_NONE,
        f'The room in which its stewards hear from the bot; "{NONE}" tells each of them 1:1.',
        ("house", "stewards_room"),
    )
    quiet_from_hour: int | None = _own(
        HOUR, "When its people's quiet hours begin, unless they chose others.", ("house", "quiet_from_hour")
    )
    quiet_to_hour: int | None = _own(HOUR, "When they end.", ("house", "quiet_to_hour"))


def meant_otherwise(name: str) -> tuple[str, str] | None:
    """The circle and its setting that the variables of a circle of this name would be mistaken for; None: it is fit.

    `garden-stewards` and its `room` would be named by the same variable as `garden` and its `stewards_room`.
    """
    names = [row.name for row in dataclasses.fields(OwnSettings)]
    for long in names:
        ends = next(
            (f"-{long.removesuffix(f'_{short}')}" for short in names if long.endswith(f"_{short}")), ""
        )
        if ends and name.endswith(ends):
            return name.removesuffix(ends), long
    return None


def circles_in(environ: Mapping[str, str], taken: Collection[str]) -> Iterator[str]:
    """The names of circles whose room a variable gives; ``taken`` are the variables of what is known already."""
    begins, ends = f"HEARTH_{CIRCLES}_".upper(), "_ROOM"
    for variable in sorted(environ.keys() - set(taken)):
        if variable.startswith(begins) and variable.endswith(ends) and environ[variable].strip():
            name = variable.removeprefix(begins).removesuffix(ends).lower().replace("_", "-")
            if NAME.fullmatch(name) and meant_otherwise(name) is None:
                yield name


def own_rows(name: str) -> tuple[Setting, ...]:
    """The rows of `[circles.<name>]`."""
    return tuple(
        Setting(f"{CIRCLES}.{name}", row.name, **cast(dict[str, Any], dict(row.metadata)))
        for row in dataclasses.fields(OwnSettings)
    )


@dataclass(frozen=True, kw_only=True)
class Served:
    """What one circle goes by."""

    name: str
    """Empty for one of `[circle] rooms`."""
    room: str
    """An id or an alias."""
    workflow_folder: Path
    stewards: tuple[str, ...]
    contacts: tuple[Contact, ...]
    outside_help: str
    language: str
    time_zone: str
    workflows_at_start: tuple[str, ...]
    stewards_room: str
    """An id or an alias; empty for none."""
    quiet_from_hour: int
    quiet_to_hour: int


def served_by(settings: Settings) -> Iterator[Served]:
    """Every circle of a house: those of `[circle] rooms`, then those with settings of their own."""
    common = _common(settings)
    for room in settings.circle.rooms:
        yield Served(name="", room=room, **common)
    for name, own in settings.circles.items():
        said = {row.name: getattr(own, row.name) for row in dataclasses.fields(OwnSettings)}
        yield Served(name=name, **common | {key: value for key, value in said.items() if value is not None})


def _common(settings: Settings) -> dict[str, Any]:
    sections = {"circle": settings.circle, "house": settings.house, "safety": settings.safety}
    places = {row.name: row.metadata["default"] for row in dataclasses.fields(OwnSettings)}
    return {
        name: getattr(sections[common.section], common.name)
        for name, common in places.items()
        if isinstance(common, AsCommon)
    }
