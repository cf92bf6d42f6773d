"""Backups: one SQLite file of all tables, whichever database they come from, and the keys in another file.

A backup is made beside the running house, and is of one moment. Its file says of which, and what has to be in it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.core.values import Ms
from engine.runtime.ports import Unavailable
from engine.store.alone import alone_with
from engine.store.copying import (
    AnySide,
    CannotCopy,
    Differs,
    InUse,
    NotEmpty,
    Report,
    Tally,
    bring_up_to_date,
    compare,
    copy,
    end_leases,
    opened,
    require_house,
    try_keys,
)
from engine.store.errors import speaking_of_sqlite
from engine.store.keyless import Keyless, require_keys
from engine.store.schemas import CELLAR, known
from engine.store.sides import Lodging, SqliteSide
from engine.store.tables import Table

LABEL_TABLE = Table("backup", ("label",), frozenset(), numbered=None, refers=False)
SIDE_FILES = ("", "-wal", "-shm", "-journal")
MAY_BE_THERE = "UPDATE outbox SET lease_until = NULL, room = coalesce(room, '') WHERE status = 'waiting'"
"""After a restore what waits may have been sent meanwhile: with a room, or the name of none, it is looked for first."""


class NoBackup(CannotCopy):
    """The file is not one that was made by ``back_up``."""


class Damaged(Differs):
    """The backup does not hold any more what was put into it."""


class Label(msgspec.Struct, frozen=True):
    """What a backup says of itself."""

    made_ms: Ms
    version: str
    tallies: tuple[Tally, ...]


@dataclass(frozen=True)
class Restored:
    """What was put back: of which moment it is, and how many rows."""

    made_ms: Ms
    rows: int
    keyless: Keyless
    """What has no key any more; the people among it are erased when the store is opened."""


async def back_up(
    source: Lodging,
    file: Path,
    keys: Path,
    master_key: bytes,
    *,
    now_ms: Ms,
    version: str,
    without: Collection[str] = (),
    report: Report = lambda _: None,
) -> Label:
    """Write everything into ``file``, which must not be there yet, and the keys into ``keys``, which is replaced.

    Either both appear as a whole, or neither does; of two that are made at once the later one is refused. ``without``:
    kinds of the bridge's rows that no backup has.

    Raises:
        InUse: another backup is being made into one of the two.
        CannotCopy: nothing was written; the text says why.
        WrongMasterKey, Unavailable: as for ``copy``.
    """
    part, keys_part = _part(file), _part(keys)
    with _alone(file, keys), _scratch(part, keys_part):
        _require_free(file)
        _require_same_house(source, keys, master_key)
        tallies = await copy(
            source, Lodging(part, keys_part), master_key, without=without, online=True, report=report
        )
        label = Label(now_ms, version, tuple(each for each in tallies if each.table != "seals"))
        _settle(part, label)
        _settle(keys_part, None)
        _require_same_house(Lodging(part), keys_part, master_key)
        _put_in_place(keys_part, keys)
        _put_in_place(part, file)
    return label


async def restore(
    file: Path,
    keys: Path | None,
    target: Lodging,
    master_key: bytes,
    *,
    without: Collection[str] = (),
    erase: int = 0,
    report: Report = lambda _: None,
) -> Restored:
    """Put a backup into ``target``, which must be empty; one of an earlier version is brought up to date on the way.

    Keys that lie in the target already count, and stay; ``keys`` is needed where there are none. Either has to be newer
    than the backup, or whoever came in between would be erased: ``erase`` says how many people and instances may be
    without a key.

    Raises:
        KeysMissing: more of them are; nothing was written.
        CannotCopy: the target is as it was, or marked as unfinished; the text says why.
        WrongMasterKey, NewerSchema, Unavailable: as for ``copy``.
    """
    label = label_of(file)
    with opened(Lodging(file)) as side:
        assert isinstance(side, SqliteSide)
        await _check(side, label, report)
        is_older = not known(CELLAR) <= {name for _, name in side.migrations()}
    with tempfile.TemporaryDirectory(prefix="hearth-restore-") as folder:
        source = Lodging(file, keys)
        if is_older:
            source = await _brought_up_to_date(file, keys, Path(folder))
        keyless = require_keys(source, target, master_key, erase)
        tallies = await copy(
            source,
            target,
            master_key,
            without=without,
            under_other_keys=True,
            mend=_say_what_may_be_there,
            report=report,
        )
    return Restored(label.made_ms, sum(each.rows for each in tallies), keyless)


def label_of(file: Path) -> Label:
    """What a backup says of itself; a copy of the SQLite file that was made by other means is one too.

    Raises:
        NoBackup: it is neither.
    """
    if not file.is_file():
        raise NoBackup(f"{file} is not there")
    try:
        with opened(Lodging(file)) as side:
            if not side.has(LABEL_TABLE):
                return _label_of_plain_copy(side)
            found = side.first(f"SELECT label FROM {LABEL_TABLE.name}")  # noqa: S608 - a constant
    except (Unavailable, sqlite3.OperationalError) as error:
        raise NoBackup(f"{file} is no backup that Hearth can read ({error})") from error
    if found is None:
        raise NoBackup(f"{file} is no whole backup")
    return msgspec.json.decode(found[0], type=Label)


def _label_of_plain_copy(side: AnySide) -> Label:
    """Of a copy of the database itself: it is as old as the newest thing in it."""
    newest = side.first("SELECT max(at) FROM (SELECT at FROM journal UNION ALL SELECT at FROM seen)")
    return Label(int(newest[0] or 0) if newest else 0, "", ())


# ── making ───────────────────────────────────────────────────────────────────


def _require_free(file: Path) -> None:
    if file.exists():
        raise NotEmpty(f"{file} is there already, and a backup is never written over")


def _require_same_house(source: Lodging, keys: Path, master_key: bytes) -> None:
    """Raise unless the file that is to be replaced, if there is one, holds the keys of this house."""
    if not keys.exists():
        return
    if source.keys is not None and keys.samefile(source.keys):
        raise CannotCopy(f"{keys} is the file of keys that is in use; name another one")
    with opened(source) as side:
        mark = require_house(side, master_key)
    with opened(Lodging(keys, keys)) as side:
        try_keys(side, mark, master_key)


@contextmanager
def _alone(*files: Path) -> Iterator[None]:
    """Nobody else makes any of these files meanwhile: half of one is never put in place by whoever makes the other."""
    with ExitStack() as held:
        for file in dict.fromkeys(each.resolve() for each in files):
            try:
                is_ours = held.enter_context(alone_with(file))
            except OSError as error:
                raise CannotCopy(f"{file.parent} cannot be written to ({error.strerror})") from error
            if not is_ours:
                raise InUse(f"another backup is being made into {file}: let it come to its end")
        yield


def _part(file: Path) -> Path:
    return file.with_name(file.name + ".part")


@contextmanager
def _scratch(*files: Path) -> Iterator[None]:
    """Whatever an earlier attempt left of these files is gone before, and what this one leaves is gone afterwards."""
    try:
        _remove(files)
        yield
    finally:
        _remove(files)


def _remove(files: Collection[Path]) -> None:
    for file in files:
        for more in SIDE_FILES:
            file.with_name(file.name + more).unlink(missing_ok=True)


def _settle(file: Path, label: Label | None) -> None:
    """Make one file of it, with no log beside it, and put the label in."""
    address = f"{file.absolute().as_uri()}?mode=rw"  # one that is gone is not made anew, and empty
    with speaking_of_sqlite(), closing(sqlite3.connect(address, uri=True, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        if label is not None:
            db.execute(f"CREATE TABLE {LABEL_TABLE.name} (label BLOB NOT NULL)")
            db.execute(f"INSERT INTO {LABEL_TABLE.name} VALUES (?)", (msgspec.json.encode(label),))  # noqa: S608
        db.execute("PRAGMA journal_mode = DELETE")


def _put_in_place(part: Path, file: Path) -> None:
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


# ── putting back ─────────────────────────────────────────────────────────────


async def _check(side: SqliteSide, label: Label, report: Report) -> None:
    """Raise unless the file still holds what its label says."""
    tables = [
        Table(each.table, side.columns(each.table), frozenset(), None, refers=False) for each in label.tallies
    ]
    try:
        damage = side.first("PRAGMA quick_check(1)")
        await compare(side, tables, label.tallies, report=report)
    except Differs as error:
        raise Damaged(str(error)) from error
    except Unavailable as error:
        raise Damaged(f"{side.name} is damaged: {error}") from error
    if damage != ("ok",):
        raise Damaged(f"{side.name} is damaged")


def _say_what_may_be_there(side: AnySide) -> None:
    side.do(MAY_BE_THERE)
    end_leases(side)


async def _brought_up_to_date(file: Path, keys: Path | None, folder: Path) -> Lodging:
    """A copy of the files with the tables of this version."""
    work, work_keys = folder / "hearth.db", folder / "hearth.keys"
    shutil.copyfile(file, work)
    if keys is not None:
        shutil.copyfile(keys, work_keys)
    await bring_up_to_date(Lodging(work, work_keys))
    return Lodging(work, None if keys is None else work_keys)
