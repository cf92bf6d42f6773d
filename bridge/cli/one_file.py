"""The one workflow file that a command is about."""

from __future__ import annotations

from pathlib import Path

from bridge.cli.speech import Halt, Status
from engine.loading.load import Examined, examine_file


def examined_file(file: Path) -> Examined:
    """What is in it. Raises `Halt` for a folder, and for a path that cannot be followed."""
    try:
        if not file.is_dir():
            return examine_file(file)
    except (OSError, ValueError) as error:  # a folder nobody may look into, a name that no file can have
        raise Halt(
            f"{file} cannot be read ({reason_of(error)}).", "Check the path and its permissions."
        ) from error
    raise Halt(f"{file} is a folder.", "Name one workflow file.", Status.USAGE)


def reason_of(error: OSError | ValueError) -> str:
    """Why a path cannot be used, in the words of the machine."""
    return getattr(error, "strerror", None) or "this cannot be a path"
