"""A community moved from one database into another: every table, row by row, and compared afterwards.

While it is filled the target is marked as unfinished, and is refused by whoever would open it; the mark of the house
is put in last. What is read of the source is of one moment, so it may be in use, as for a backup.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from engine.runtime.ports import BadData
from engine.store import opening
from engine.store.database import NewerSchema, Unfinished
from engine.store.hot_path import MARK, UNFINISHED
from engine.store.scopes import HOUSE
from engine.store.sealing import KeyRing, Unreadable, WrongMasterKey
from engine.store.sides import Lodging, PostgresSide, Row, SqliteSide, is_in_use, side_of
from engine.store.tables import CELLAR_TABLES, KEY_TABLES, Table

MARK_ROW = 1
LOOKS, LOOK_SECONDS = 20, 0.1
"""How often, and how long apart, it is looked whether somebody who was connected has gone."""
HOUSE_TABLE = next(table for table in CELLAR_TABLES if table.name == "house")
BRIDGE_TABLE = next(table for table in CELLAR_TABLES if table.name == "bridge")
DIGEST_BYTES = 16
_MODULUS = 1 << (8 * DIGEST_BYTES)
_encode = msgspec.msgpack.Encoder().encode

AnySide = SqliteSide | PostgresSide


class CannotCopy(Exception):
    """A copy was not begun, or cannot be trusted; the text says why."""


class NotEmpty(CannotCopy):
    """There is something in the target already."""


class NotOfThisVersion(CannotCopy):
    """The tables of the source are of another version than this program."""


class InUse(CannotCopy):
    """Somebody else has the database open."""


class NoHouse(CannotCopy):
    """There is nothing in the source."""


class CannotBeKept(CannotCopy):
    """The target cannot keep a row of the source."""


class Differs(CannotCopy):
    """What arrived is not what was sent."""


class Tally(msgspec.Struct, frozen=True):
    """How many rows a table has, and a digest of what is in them, whatever their order."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True)
class Progress:
    """How far a copy is. ``what``: ``copied`` or ``compared``."""

    what: str
    table: str
    done: int
    of: int


Report = Callable[[Progress], None]


class Count:
    """Counts rows and what is in them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = 0
        self._sum = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Count these too. Each row counts as a number that its contents make, so their order does not matter."""
        for row in rows:
            made = hashlib.blake2b(_encode(row), digest_size=DIGEST_BYTES).digest()
            self._sum = (self._sum + int.from_bytes(made)) % _MODULUS
        self._rows += len(rows)

    @property
    def rows(self) -> int:
        """How many so far."""
        return self._rows

    def tally(self) -> Tally:
        """What there was."""
        return Tally(self._table.name, self._rows, f"{self._sum:0{2 * DIGEST_BYTES}x}")


@contextmanager
def opened(lodging: Lodging) -> Iterator[AnySide]:
    """One side of a copy, open; it has to be there."""
    side = side_of(lodging)
    try:
        yield side
    finally:
        side.close()


async def copy(
    source: Lodging,
    target: Lodging,
    master_key: bytes,
    *,
    without: Collection[str] = (),
    online: bool = False,
    under_other_keys: bool = False,
    mend: Callable[[AnySide], None] = lambda _: None,
    report: Report = lambda _: None,
) -> tuple[Tally, ...]:
    """Copy everything from ``source`` into ``target``, which is made if need be, and compare it; what there was.

    Args:
        source: where it is; without ``keys`` the keys have to be in the target already.
        target: where it goes; there must be nothing in it.
        without: kinds of the bridge's rows that stay behind.
        online: whether the source may be in use.
        under_other_keys: whether keys that lie in the target are left as they are, and no others copied: they are
            newer, and somebody may have been forgotten since.
        mend: what is to be changed in the target before it is whole.

    Raises:
        CannotCopy: see its kinds; the target is as it was, or is marked as unfinished.
        Unfinished: an earlier copy into the target, or into the source, did not come to its end.
        WrongMasterKey: it was sealed with another one.
        NewerSchema, Unavailable, BadData: as for opening a store.
    """
    if not online:
        await require_nobody(source)
    with opened(source) as from_, from_.one_moment():
        mark = require_house(from_, master_key)
        await make(target)
        with opened(target) as to:
            _require_same_version(from_, to)
            tables = (*CELLAR_TABLES, *_keys_to_copy(from_, to, mark, master_key, under_other_keys))
            begin(to)
            tallies = await fill(from_, to, tables, without=without, report=report)
            for table in tables:
                if table.numbered is not None and (last := from_.last_number(table)):
                    to.number_on_from(table, last)
            with to.one_moment():
                await compare(to, tables, tallies, report=report)
            mend(to)
            finish(to, mark)
    return tallies


def _keys_to_copy(
    from_: AnySide, to: AnySide, mark: bytes, master_key: bytes, under_other_keys: bool
) -> tuple[Table, ...]:
    """The tables of keys that are to be copied: none where others count."""
    if any(to.count(table) for table in KEY_TABLES):
        if not under_other_keys:
            raise NotEmpty(f"{to.name} is not empty: there are keys in it")
        try_keys(to, mark, master_key)
        return ()
    if not from_.keeps_keys:
        raise CannotCopy(
            f"{from_.name} is without keys, and {to.name} has none: add --keys with their newest copy"
        )
    return KEY_TABLES


# ── the target ───────────────────────────────────────────────────────────────


async def make(target: Lodging) -> None:
    """Make the tables of the target, where there are none.

    Raises:
        NotEmpty, Unfinished: there is something in it, or was to be.
    """
    if target.is_postgres or target.path.exists():
        await require_nobody(target)
        with opened(Lodging(target.database)) as side:
            require_empty(side)

    await bring_up_to_date(target)


async def bring_up_to_date(lodging: Lodging) -> None:
    """Make the tables that are missing, and change those that are of an earlier version."""
    place = opening.place_of(lodging.database, lodging.keys)

    async def run() -> None:
        try:
            await asyncio.to_thread(place.prepare)
            await opening.bring_up_to_date(place)
        finally:
            await opening.close_connections()

    # Tortoise keeps its connections in the context, apart from any other's.
    await asyncio.create_task(run(), context=contextvars.Context())


def require_empty(side: AnySide) -> None:
    """Raise if there is anything in its tables; keys that lie there do not count, they may be older than all else."""
    if side.has(HOUSE_TABLE) and mark_of(side) == UNFINISHED:
        raise Unfinished(
            f"{side.name} was being filled by an earlier copy that did not come to its end; empty it first"
        )
    for table in CELLAR_TABLES:
        if side.has(table) and side.count(table):
            raise NotEmpty(f"{side.name} is not empty: its table {table.name} has rows")


def begin(to: AnySide) -> None:
    """Mark the target as unfinished."""
    to.add(HOUSE_TABLE, [_house_row(UNFINISHED)])


def finish(to: AnySide, mark: bytes) -> None:
    """Put the mark of the house in: everything is there."""
    to.do("UPDATE house SET sealed = ? WHERE id = ?", mark, MARK_ROW)


def end_leases(side: AnySide) -> None:
    """Whoever had leave to speak there, or was to ring a timer, had it by another clock, and is not here."""
    side.do("UPDATE speakers SET until = 0")
    side.do("UPDATE timers SET claimed_until = NULL WHERE claimed_until IS NOT NULL")


def mark_of(side: AnySide) -> bytes | None:
    """The mark of the house."""
    found = side.first("SELECT sealed FROM house WHERE id = ?", MARK_ROW)
    return None if found is None else bytes(found[0])


def _house_row(sealed: bytes) -> Row:
    values = {"id": MARK_ROW, "sealed": sealed}
    return tuple(values[column] for column in HOUSE_TABLE.columns)


# ── what must hold before ────────────────────────────────────────────────────


def require_house(side: AnySide, master_key: bytes) -> bytes:
    """Its mark. Raise unless there is a whole house in it, and the master key opens it, as far as its keys are here."""
    if not side.has(HOUSE_TABLE) or (mark := mark_of(side)) is None:
        raise NoHouse(f"{side.name} is empty: there is no house in it")
    if mark == UNFINISHED:
        raise Unfinished(
            f"{side.name} was being filled by a copy that did not come to its end: it is not whole"
        )
    if side.keeps_keys:
        try_keys(side, mark, master_key)
    return mark


def try_keys(side: AnySide, mark: bytes, master_key: bytes) -> None:
    """Raise ``WrongMasterKey`` unless these keys are of the house with this mark, and the master key opens them."""
    found = side.first('SELECT wrapped FROM "keys"."seals" WHERE scope = ?', HOUSE)
    if found is None:
        raise WrongMasterKey(f"the keys of {side.name} are not where they should be")
    try:
        KeyRing(master_key).key(HOUSE, bytes(found[0])).open(mark, MARK)
    except Unreadable:
        raise WrongMasterKey(f"the keys of {side.name} belong to another database") from None


def holds_keys(lodging: Lodging) -> bool:
    """Whether there are keys where those of this database lie."""
    if not lodging.is_postgres:
        if lodging.keys is None or not lodging.keys.exists():
            return False
        lodging = Lodging(lodging.keys, lodging.keys)
    with opened(lodging) as side:
        return any(side.has(table) and side.count(table) for table in KEY_TABLES)


def _require_same_version(from_: AnySide, to: AnySide) -> None:
    had, known = from_.migrations(), to.migrations()
    if not from_.keeps_keys:
        known = frozenset((app, name) for app, name in known if app != opening.KEYS)
        had = frozenset((app, name) for app, name in had if app != opening.KEYS)
    if missing := sorted(name for _, name in known - had):
        raise NotOfThisVersion(
            f"{from_.name} has tables of an earlier version ({', '.join(missing)} is missing); "
            "start this version of Hearth on it once"
        )
    if newer := sorted(name for _, name in had - known):
        raise NewerSchema(f"{from_.name} has tables of a newer version ({', '.join(newer)})")


async def require_nobody(lodging: Lodging) -> None:
    """Raise if somebody else uses the database, as far as that can be known; one who is just leaving is waited for.

    Whoever serves from an SQLite file holds a lock beside it, which is not looked at here.
    """
    with opened(Lodging(lodging.database)) as side:
        for _ in range(LOOKS):
            if not is_in_use(side):
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise InUse(f"somebody is connected to {side.name}: stop Hearth first")


# ── filling and comparing ────────────────────────────────────────────────────


async def fill(
    from_: AnySide, to: AnySide, tables: Sequence[Table], *, without: Collection[str], report: Report
) -> tuple[Tally, ...]:
    """Copy the rows of these tables, but for the mark of the house; what there was."""
    tallies = []
    for table in tables:
        left_out = without if table == BRIDGE_TABLE else ()
        of, count = from_.count(table, left_out), Count(table)
        for portion in _portions(from_, table, left_out):
            try:
                to.add(table, portion)
            except BadData as error:
                raise CannotBeKept(
                    f"{to.name}: a row of {table.name} cannot be kept there ({error})"
                ) from None
            count.add(portion)
            report(Progress("copied", table.name, count.rows, of))
            await asyncio.sleep(0)  # whoever wants it stopped is heard here
        tallies.append(count.tally())
    return tuple(tallies)


async def compare(side: AnySide, tables: Sequence[Table], told: Sequence[Tally], *, report: Report) -> None:
    """Read everything once more.

    Raises:
        Differs: a table does not hold what it should.
    """
    for table, expected in zip(tables, told, strict=True):
        found = await tally(side, table, expected.rows, report)
        if found != expected:
            what = "has other rows than it should"
            if found.rows != expected.rows:
                what = f"should have {expected.rows} rows, and has {found.rows}"
            raise Differs(f"{side.name}: {table.name} {what}")


async def tally(side: AnySide, table: Table, of: int, report: Report) -> Tally:
    """What is in a table, but for the mark of the house."""
    count = Count(table)
    for portion in _portions(side, table, ()):
        count.add(portion)
        report(Progress("compared", table.name, count.rows, of))
        await asyncio.sleep(0)
    return count.tally()


def _portions(side: AnySide, table: Table, without: Collection[str]) -> Iterator[list[Row]]:
    if table.name != HOUSE_TABLE.name:
        yield from side.rows(table, without)
        return
    place = table.columns.index("id")
    for portion in side.rows(table):
        yield [row for row in portion if row[place] != MARK_ROW]
