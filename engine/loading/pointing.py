"""Pointing: from a path and a word to the line and column at which that word stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.core.finding import Path
from engine.loading.problem import Place
from engine.loading.reader import place_of


def point(path: Path, word: str, lines: Sequence[str], places: Mapping[Path, Place]) -> Place:
    """Where ``word`` stands inside whatever stands at ``path``; that thing's own place if it is not found there.

    ``lines`` are those of the whole file. A name may be written with spaces and capitals, as labels are.
    """
    base = _nearest_path(path, places)
    place = place_of(base, places)
    if not word or (len(base) < len(path) and _has_keys(base, places)):
        return place  # of a thing that is not written, a word beside it says nothing
    end = _end_of(base, place, places)
    for pattern in (re.compile(_loosely(word)), re.compile(_loosely(word), re.IGNORECASE)):
        for number in range(place.line, min(len(lines), end.line) + 1):
            line = lines[number - 1]
            first = place.column - 1 if number == place.line else 0
            last = end.column - 1 if number == end.line else len(line)
            found = pattern.search(line[:last], first)
            if found is not None:
                return Place(number, found.start() + 1)
    return place


def _nearest_path(path: Path, places: Mapping[Path, Place]) -> Path:
    """The path as far as the file goes along it, with its keys as they are written there."""
    found: Path = ()
    ways: list[Path] = [()]
    for key in path:
        ways = [(*way, each) for way in ways for each in dict.fromkeys(_spellings(key))]
        found = next((way for way in ways if way in places), found)
    return found


def _has_keys(base: Path, places: Mapping[Path, Place]) -> bool:
    return any(
        len(path) > len(base) and path[: len(base)] == base and not path[len(base)].isdigit()
        for path in places
    )


def _spellings(key: str) -> tuple[str, ...]:
    return key, key.replace(" ", "_"), key.replace("if ", "if the ", 1)


def _end_of(base: Path, place: Place, places: Mapping[Path, Place]) -> Place:
    """Where the next thing begins that is not part of this one."""
    after = [
        (at.line, at.column)
        for path, at in places.items()
        if (at.line, at.column) > (place.line, place.column) and path[: len(base)] != base
    ]
    return Place(*min(after)) if after else Place(10**9, 1)


def _loosely(word: str) -> str:
    pieces = [re.escape(piece) for piece in re.split(r"[ _]+", word) if piece]
    return r"(?<!\w)" + r"[ _\-]+".join(pieces) + r"(?!\w)"
