"""Where a community lies, as an operator writes it down: the database of the settings, a file, or an address."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bridge.cli.lock import only_one
from bridge.cli.speech import Halt, Status
from bridge.settings import Settings
from engine.runtime.ports import Unavailable
from engine.store import NewerSchema, Unfinished, WrongMasterKey
from engine.store.backing_up import Damaged, NoBackup
from engine.store.copying import (
    CannotBeKept,
    CannotCopy,
    Differs,
    InUse,
    NoHouse,
    NotEmpty,
    NotOfThisVersion,
    Progress,
)
from engine.store.sides import Lodging

OURS = "settings"
"""Stands for the database that the settings name."""
MISTYPED = re.compile(r"postgres(ql)?:|.*:.*@", re.IGNORECASE)
"""What was meant as an address and is none: with a slash too few, or another beginning."""


def lodging_of(settings: Settings) -> Lodging:
    """The database of the settings."""
    return _lodging(settings.database.place, settings.database.keys)


def lodging_named(settings: Settings, named: str, keys: Path | None) -> Lodging:
    """What is meant by a word of the command line; ``keys``: the file of keys of an SQLite file, if it was given."""
    ours = lodging_of(settings)
    if named == OURS:
        return ours
    if not Lodging(named).is_postgres and MISTYPED.match(named):
        # Not repeated: its password might stand anywhere in it.
        raise Halt(
            "One of the two looks like an address of a database, and cannot be read as one.",
            "It looks like postgresql://user@host:5432/name.",
            Status.USAGE,
        )
    try:
        found = _lodging(named, None)
        path = None if found.is_postgres else found.path
    except ValueError as error:
        raise Halt(
            f"{error}.", "Write `settings`, the path of a file, or an address.", Status.USAGE
        ) from None
    if path is None:
        return found
    if keys is None:
        is_ours = path.resolve() == settings.database.path.resolve()
        keys = settings.database.keys if is_ours else path.with_suffix(".keys")
    return Lodging(path, keys)


def _lodging(database: str | Path, keys: Path | None) -> Lodging:
    found = Lodging(database, keys)
    return Lodging(database) if found.is_postgres else Lodging(found.path, keys)


def require_there(lodging: Lodging) -> None:
    """Halt if there is no such file."""
    if lodging.is_postgres:
        return
    for file in (lodging.path, lodging.keys):
        if file is not None and not file.exists():
            raise Halt(f"{file} is not there.", "Check its path.")


@contextlib.contextmanager
def held(settings: Settings, *lodgings: Lodging) -> Iterator[None]:
    """No Hearth on this machine begins with any of these meanwhile; halt if one is at work."""
    ours = lodging_of(settings)
    locks = [
        settings.database.path if each == ours else each.path for each in lodgings if not _is_far(each, ours)
    ]
    with contextlib.ExitStack() as stack:
        for path in {path.resolve(): path for path in locks}.values():
            stack.enter_context(only_one(path))
        yield


def _is_far(lodging: Lodging, ours: Lodging) -> bool:
    """Whether no lock of this machine is for it."""
    return lodging.is_postgres and lodging != ours


@contextlib.contextmanager
def spoken_plainly() -> Iterator[None]:
    """Turn what can go wrong in a copy into an end the operator understands."""
    try:
        yield
    except Unfinished as error:
        raise Halt(
            f"{error}.",
            "To empty it, move the database file away, or drop the schema `public`, and begin again."
            " If it was a restore, leave the keys where they are.",
        ) from error
    except NotEmpty as error:
        raise Halt(
            f"{error}.",
            "Nothing is ever written over: name another place, or move away what is there, but never the newest keys.",
        ) from error
    except NotOfThisVersion as error:
        raise Halt(f"{error}.", "`hearth run` brings its tables up to date.", Status.CONFIGURATION) from error
    except InUse as error:
        raise Halt(f"{error}.", "Then run the same command again.") from error
    except NoBackup as error:
        raise Halt(
            f"{error}.", "Name a file that `hearth backup` made, or a copy of the database."
        ) from error
    except Damaged as error:
        raise Halt(f"{error}.", "Nothing was written. Use another backup.") from error
    except NoHouse as error:
        raise Halt(f"{error}.", "Check that it is the one you mean.") from error
    except (Differs, CannotBeKept) as error:
        raise Halt(f"{error}.", "The copy is no good; nothing was changed in the original.") from error
    except CannotCopy as error:
        raise Halt(f"{error}.") from error
    except WrongMasterKey as error:
        raise Halt(
            f"{error}.",
            "Put back the master key and the keys that were made together with it.",
            Status.CONFIGURATION,
        ) from error
    except NewerSchema as error:
        raise Halt(f"{error}.", "", Status.CONFIGURATION) from error
    except Unavailable as error:
        said = str(error)
        raise Halt(
            said if said.endswith("?") else f"{said}.",
            "Is it there, does it let us in, is there room on the disk? `hearth doctor` says more.",
        ) from error


class ProgressLine:
    """A line on a terminal's standard error that says how far it is, in place; elsewhere nothing is said of it."""

    def __init__(self) -> None:
        self._is_seen = sys.stderr.isatty()
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        """Show it."""
        if not self._is_seen:
            return
        line = f"{progress.what} {progress.table}: {progress.done} of {progress.of}"
        self._width = max(self._width, len(line))
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line as it is empty again."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
