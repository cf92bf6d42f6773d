"""The workflow folder as it lies there: which files count, and how to notice that one of them is another now."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterator, Mapping

import msgspec

from engine.loading.problem import Problem

SUFFIXES = (".yaml", ".yml")
TEXTS = "texts"
"""The folder beside the workflow files in which their translations lie."""
MOST_LOOKED_AT = 2_000
"""Files that are watched; a folder with more of them is not a workflow folder."""
_TEMPORARY = (".", "#", "~")
"""How editors begin the names of files that are not meant to be read by others."""


class Mark(msgspec.Struct, frozen=True):
    """What a file was like when it was last looked at."""

    modified_ns: int
    changed_ns: int
    size_bytes: int
    inode: int
    content: str
    """sha256 of what is in it; empty if it could not be read."""

    @property
    def stat(self) -> tuple[int, int, int, int]:
        """All that can be seen without reading it."""
        return self.modified_ns, self.changed_ns, self.size_bytes, self.inode


Look = Mapping[str, Mark]
"""Path within the folder → what that file is like."""


def workflow_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The workflow files of a folder, in order of their names; what an editor left in passing is none.

    Raises OSError if the folder cannot be read.
    """
    return sorted(path for path in folder.iterdir() if _counts(path) and path.is_file())


def look_around(folder: pathlib.Path, before: Look, *, closely: bool = False) -> Look:
    """See what lies in a folder and beside it in ``texts/``.

    A file is read if anything about it differs from ``before``; ``closely`` reads all of them, for file systems
    that do not tell. What vanishes or cannot be read while it is looked at counts as not there.
    """
    found: dict[str, Mark] = {}
    for path in _watched(folder):
        name = path.relative_to(folder).as_posix()
        try:
            status = path.stat()
            seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            known = before.get(name)
            if known is not None and known.stat == seen and not closely:
                found[name] = known
            else:
                found[name] = Mark(*seen, content=hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError:
            continue
        if len(found) >= MOST_LOOKED_AT:
            break
    return found


def contents(look: Look) -> dict[str, str]:
    """What is in each file, as a digest; equal for two looks between which nothing has changed that matters."""
    return {name: mark.content for name, mark in look.items()}


def source_of(path: pathlib.Path) -> str:
    """A file's text for safekeeping; empty if it has gone in the meantime."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""


def unreadable(folder: pathlib.Path, error: OSError) -> Problem:
    """The problem of a folder that cannot be read."""
    reason = error.strerror or type(error).__name__
    hint = "check the folder's path and permissions; what was in service stays"
    return Problem(str(folder), 1, 1, "unreadable", "error", f"cannot be read: {reason}", hint)


def _watched(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    for place in (folder, folder / TEXTS):
        try:
            yield from sorted(path for path in place.iterdir() if _counts(path))
        except OSError:
            continue


def _counts(path: pathlib.Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith(_TEMPORARY)
