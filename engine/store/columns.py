"""A column of many rows as one parameter for PostgreSQL, in its binary form of an array.

The driver's own way for lists looks at every element several times; this writes a batch in a third of the time
(docs/bench.md). The form is that of ``array_recv`` (PostgreSQL, backend/utils/adt/arrayfuncs.c): dimensions, whether
there is a null, the elements' type; length and lower bound; then each element behind its length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from psycopg import DataError
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!iiIii").pack
_LENGTH = struct.Struct("!i").pack
_NULL = _LENGTH(-1)
_YES, _NO = _LENGTH(1) + b"\x01", _LENGTH(1) + b"\x00"
NUMBER_BYTES = 8
MOST_SHAPES = 256


class Column(NamedTuple):
    """Elements of one kind; None is null. What type it is stands in the statement, as a cast."""

    kind: str
    """``text``, ``bigint``, ``boolean`` or ``bytea``."""
    elements: Sequence[Any]


class Texts(Column):
    """Texts where no cast stands in the statement."""


class Numbers(Column):
    """Numbers where no cast stands in the statement."""


class ColumnDumper(Dumper):
    """Writes a column."""

    format = Format.BINARY
    oid = 0

    def dump(self, obj: Column) -> bytes:
        """See ``Dumper``; DataError for a number that is none PostgreSQL knows."""
        element_type, write = _KINDS[obj.kind]
        elements = obj.elements
        has_null = None in elements
        head = _HEAD(1, has_null, element_type, len(elements), 1)
        try:
            if has_null:
                return head + b"".join(_NULL if each is None else write((each,)) for each in elements)
            return head + write(elements)
        except struct.error:
            raise DataError("a number that is too large") from None


class TextsDumper(ColumnDumper):
    """Writes texts, and says that it is text."""

    oid = 1009


class NumbersDumper(ColumnDumper):
    """Writes numbers, and says that they are."""

    oid = 1016


def _texts(values: Sequence[str]) -> bytes:
    return _contents([value.encode() for value in values])


def _contents(values: Sequence[bytes]) -> bytes:
    parts = [b""] * (2 * len(values))
    parts[::2] = map(_LENGTH, map(len, values))
    parts[1::2] = values
    return b"".join(parts)


def _numbers(values: Sequence[int]) -> bytes:
    parts = [NUMBER_BYTES] * (2 * len(values))
    parts[1::2] = values
    return _numbers_shape(len(values)).pack(*parts)


@lru_cache(MOST_SHAPES)
def _numbers_shape(n: int) -> struct.Struct:
    """So many numbers, each behind its length."""
    return struct.Struct("!" + "iq" * n)


def _yes_or_no(values: Sequence[bool]) -> bytes:
    return b"".join([_YES if value else _NO for value in values])


_KINDS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "boolean": (16, _yes_or_no),
    "bytea": (17, _contents),
    "bigint": (20, _numbers),
    "text": (25, _texts),
}
"""The types' own numbers (pg_type.dat), and how elements are written."""
