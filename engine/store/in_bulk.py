"""How PostgreSQL writes many rows with one statement: each column comes as an array.

A statement of ``engine.store.statements`` carried out once for each row costs PostgreSQL more than the rows do, and the
driver too (docs/bench.md). Those that a batch of the straight line is made of are therefore turned into one; the others
stay as they are. The rows of one such statement have to be different ones, as those of a batch are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from engine.store import statements as sql

KINDS = {
    "at": "bigint",
    "due_at": "bigint",
    "entry": "bigint",
    "n": "bigint",
    "not_before": "bigint",
    "rank": "bigint",
    "version": "bigint",
    "in_use": "boolean",
    "is_budgeted": "boolean",
    "is_reaction": "boolean",
    "open": "boolean",
    "parcel": "bytea",
    "sealed": "bytea",
    "wrapped": "bytea",
}
"""What kind of column this is; all others hold text."""
TOGETHER = frozenset(
    (
        sql.INSERT_SEEN,
        sql.INSERT_INSTANCE,
        sql.UPDATE_INSTANCE,
        sql.INSERT_DESK,
        sql.UPDATE_DESK,
        sql.INSERT_PART,
        sql.INSERT_LINE,
        sql.DELETE_TIMER,
        sql.SET_TIMER,
        sql.DELETE_INBOX,
        sql.INSERT_INBOX,
        sql.INSERT_SEAL,
        sql.INSERT_PARCEL,
        sql.CARRY,
    )
)

_INSERT = re.compile(r"\s*INSERT INTO (\S+) \(([^)]*)\)\s+VALUES \(([^)]*)\)(.*)", re.DOTALL)
_UPDATE = re.compile(r"\s*UPDATE (\w+)\s+SET (.*?)\s+WHERE (.*)", re.DOTALL)
_DELETE = re.compile(r"\s*DELETE FROM (\w+) WHERE (.*)", re.DOTALL)
_SET_TO = re.compile(r"(\w+) = \?")


@lru_cache(len(TOGETHER))
def for_all_rows(statement: str) -> tuple[str, list[str]]:
    """One of ``TOGETHER`` for any number of rows, in the dialect of ``statements``: one array for each parameter.

    With it come the kinds of these arrays' elements, in their order.
    """
    if found := _INSERT.fullmatch(statement):
        table, columns, values, rest = found.groups()
        names = [name.strip() for name in columns.split(",")]
        given = [value.strip() for value in values.split(",")]
        taken = [name for name, value in zip(names, given, strict=True) if value == "?"]
        chosen = ", ".join(
            f"given.{name}" if value == "?" else value for name, value in zip(names, given, strict=True)
        )
        source = f"{_given(taken, 'place')} ORDER BY given.place"
        text = f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {source}{rest}"  # noqa: S608 - our own statements
    elif found := _UPDATE.fullmatch(statement):
        table, changed, where = found.groups()
        taken = [*_SET_TO.findall(changed), *(f"old_{name}" for name in _SET_TO.findall(where))]
        changed = _SET_TO.sub(r"\1 = given.\1", changed)
        where = _SET_TO.sub(rf"{table}.\1 = given.old_\1", where)
        text = f"UPDATE {table} SET {changed} FROM {_given(taken)} WHERE {where}"  # noqa: S608 - our own statements
    else:
        found = _DELETE.fullmatch(statement)
        assert found is not None, statement
        table, where = found.groups()
        taken = _SET_TO.findall(where)
        where = _SET_TO.sub(rf"{table}.\1 = given.\1", where)
        text = f"DELETE FROM {table} USING {_given(taken)} WHERE {where}"  # noqa: S608 - our own statements
    return text, [_kind(name) for name in taken]


def _given(names: list[str], place: str = "") -> str:
    """The rows as a table; ``place``: the name of a further column, which of them it is."""
    arrays = ", ".join(f"?::{_kind(name)}[]" for name in names)
    if not place:
        return f"unnest({arrays}) AS given({', '.join(names)})"
    return f"unnest({arrays}) WITH ORDINALITY AS given({', '.join([*names, place])})"


def _kind(name: str) -> str:
    return KINDS.get(name.removeprefix("old_"), "text")
