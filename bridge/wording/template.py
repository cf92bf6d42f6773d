"""A sentence with gaps, and what it becomes once they are filled.

There is nothing to run in a template: ``<name>`` is replaced by the text given for ``name``, ``*words*`` are
emphasised, everything else stands for itself. What fills a gap is never read as a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape

import msgspec

_EMPHASIS = re.compile(r"\*(?=\S)([^*\n]+?)(?<=\S)\*")
_ANY_GAP = re.compile(r"<([a-z][a-z0-9_]*)>")


class Piece(msgspec.Struct, frozen=True):
    """A finished text in its two forms."""

    plain: str
    html: str

    @staticmethod
    def of(text: str) -> Piece:
        """Text from anywhere, made harmless: nothing in it is markup."""
        return Piece(text, as_html(text))

    @staticmethod
    def joined(pieces: Iterable[Piece], plain: str = "", html: str = "") -> Piece:
        """Several pieces with something between them."""
        held = tuple(pieces)
        return Piece(plain.join(p.plain for p in held), html.join(p.html for p in held))


def as_html(text: str) -> str:
    """The same characters as HTML, line breaks kept."""
    return escape(text).replace("\n", "<br>")


def gaps_in(template: str) -> tuple[str, ...]:
    """The names in ``<…>``, each once, in order."""
    return tuple(dict.fromkeys(_ANY_GAP.findall(template)))


def fill(template: str, gaps: Mapping[str, Piece]) -> Piece:
    """Fill every gap that is named in ``gaps``; other ``<…>`` stay as they are."""
    parts: list[Piece] = []
    at = 0
    for found in _EMPHASIS.finditer(template):
        inner = _filled(found.group(1), gaps)
        parts += [_filled(template[at : found.start()], gaps)]
        parts += [Piece(f"*{inner.plain}*", f"<strong>{inner.html}</strong>")]
        at = found.end()
    parts.append(_filled(template[at:], gaps))
    return Piece.joined(parts)


def _filled(template: str, gaps: Mapping[str, Piece]) -> Piece:
    if not gaps:
        return Piece.of(template)
    pattern = re.compile("|".join(re.escape(f"<{name}>") for name in gaps))
    parts: list[Piece] = []
    at = 0
    for found in pattern.finditer(template):
        parts += [Piece.of(template[at : found.start()]), gaps[found.group()[1:-1]]]
        at = found.end()
    parts.append(Piece.of(template[at:]))
    return Piece.joined(parts)
