"""One at a time: two programs that use the same device at once would ruin its encryption."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from bridge.cli.speech import Halt

try:
    import fcntl
except ImportError:  # pragma: no cover - a system without file locks; Hearth is made for Linux and its like
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def only_one(database: Path) -> Iterator[None]:
    """Hold the lock beside the database; it is let go with the process, however that ends."""
    path = database.with_name(database.name + ".lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Halt(
            f"The folder {path.parent} cannot be written to ({error.strerror}).",
            "Make it, and give it to the user that runs Hearth; or set HEARTH_DATABASE_PATH.",
        ) from error
    try:
        if not _lock(handle):
            raise Halt(
                f"Another Hearth is at work on {database}.",
                "Stop it first (or wait until `hearth init` has finished): two at once would ruin the encryption.",
            )
        yield
    finally:
        os.close(handle)


def is_at_work(database: Path) -> bool:
    """Whether a Hearth holds the lock at this moment."""
    path = database.with_name(database.name + ".lock")
    if not path.exists():
        return False
    handle = os.open(path, os.O_RDWR)
    try:
        return not _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
