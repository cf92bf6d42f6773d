"""A lock beside a file, for whoever fills it: a second one is told so, and the first goes on undisturbed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # pragma: no cover - a system without file locks; Hearth is made for Linux and its like
    fcntl = None  # type: ignore[assignment]


@contextmanager
def alone_with(file: Path) -> Iterator[bool]:
    """Hold the lock of ``file``; False: somebody else has it. It is let go with the process, however that ends, and
    nothing of it is left lying about.
    """
    path = file.with_name(file.name + ".lock")
    handle = _locked(path)
    try:
        yield handle is not None
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)
            os.close(handle)


def _locked(path: Path) -> int | None:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _is(handle, path):
            return handle
        os.close(handle)  # whoever had it took it away just before we got it


def _is(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
