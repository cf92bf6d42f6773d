"""JSON from and for the homeserver, made harmless at the door.

What other people write into an event can hurt whoever reads or stores it: half of a surrogate pair (no UTF-8 exists
for it), a NUL character (PostgreSQL refuses it), a number no database column holds or with so many digits that Python
will not read it, and brackets nested so deep that a parser gives up on the whole answer, and with it on every other
room. Characters are replaced, numbers limited, depths cut out.
"""

import json
import math
import re
from typing import Any

DEEPEST = 200
"""Nesting that is still read; a Matrix event of 64 kB could carry 30,000 levels, no honest one needs 20."""

LARGEST = 1 << 53
"""The largest whole number Matrix allows in an event, give or take one."""


def _whole(digits: str) -> int:
    if len(digits) < 16:
        return int(digits)
    return max(-LARGEST, min(LARGEST, int(digits[:20])))


def _fraction(digits: str) -> float | None:
    number = float(digits[:100])
    return number if math.isfinite(number) else None


def _nothing(name: str) -> None:
    return None


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_fraction, parse_constant=_nothing)

_ESCAPED_TROUBLE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff\x00]")


def read_json(body: bytes) -> Any:
    """Parse a body of JSON.

    Values nested deeper than `DEEPEST` and numbers that are none (NaN, 1e999) read as null, unstorable characters as
    U+FFFD, whole numbers beyond ±`LARGEST` as ±`LARGEST`. Raises `ValueError` for what is not JSON.
    """
    try:
        value = _DECODER.decode(body.decode())
    except RecursionError:
        value = _DECODER.decode(_without_depths(body).decode())
    return _cleaned(value) if _ESCAPED_TROUBLE.search(body) else value


def canonical(value: Any) -> bytes:
    """Canonical JSON, as signatures are made over (Matrix specification, appendix "Canonical JSON")."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _without_depths(body: bytes) -> bytes:
    kept: list[bytes] = []
    depth, copied_to, cut_from = 0, 0, 0
    for found in _STRING_OR_BRACKET.finditer(body):
        mark = found.group()
        if mark in b"[{":
            depth += 1
            if depth == DEEPEST + 1:
                cut_from = found.start()
        elif mark in b"]}":
            if depth == DEEPEST + 1:
                kept += [body[copied_to:cut_from], b"null"]
                copied_to = found.end()
            depth -= 1
    if depth > DEEPEST:
        raise ValueError("not JSON: brackets nested deep and never closed")
    return b"".join([*kept, body[copied_to:]])


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value


def as_dict(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one: for reading a stranger's structure level by level."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:
    """The value if it is a string."""
    return value if isinstance(value, str) else None


def as_number(value: Any) -> int | None:
    """The value if it is a whole number; old rooms also write it as a string of digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) <= LARGEST else None
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 16:
        return int(value)
    return None
