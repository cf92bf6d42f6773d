"""A finding: something about a definition that should not be so, and what would be all right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

import msgspec

Path = tuple[str, ...]
"""Where in a definition, as the keys of its file: ``("states", "open", "moves", "0", "to")``."""


class Finding(msgspec.Struct, frozen=True):
    """One finding. Loading turns ``path`` into a line and a column.

    ``rests_on`` names what it was concluded from: where one of these is itself broken, the
    finding may only be a shadow of that, and is left out until it has been mended.
    """

    path: Path
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    rests_on: tuple[Path, ...] = ()
    word: str = ""
    """The word in question, so that it can be pointed at inside whatever stands at ``path``."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that somebody who wrote ``name`` most likely meant; None if none comes near."""
    known = sorted(known)
    for written in (name, name.lower()):
        found = difflib.get_close_matches(written, known, n=1, cutoff=0.67)
        if found:
            return found[0]
    return None


def surely_meant(written: str, known: Iterable[str]) -> str | None:
    """The known word that somebody wrote with a slip, so near that one may read on as if it were right."""
    known = list(known)
    found = difflib.get_close_matches(written.lower(), known, n=1, cutoff=0.75)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A hint: the nearest known name, or what else helps."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else otherwise
