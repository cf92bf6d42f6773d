"""How wide a text is at most, and where it breaks into lines, before any font is known."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping


def _table(chars_by_width: dict[int, str]) -> dict[str, int]:
    return {char: width for width, chars in chars_by_width.items() for char in chars}


# Widths in hundredths of the font size, rounded up, as in DejaVu Sans: the widest of the fonts that a reader may have.
_REGULAR = _table(
    {
        28: "'ijl",
        30: "IJ",
        32: " ,.‘’·",
        34: "/:;\\|",
        36: "f",
        38: "-",
        40: "()[]t",
        42: "!r",
        46: '"',
        50: "*_`–",
        52: "“”",
        54: "?sz",
        56: "Lc",
        58: "Fk",
        60: "vxy",
        62: "PTYaeo",
        64: "$0123456789ESbdghnpqu{}",
        66: "K",
        70: "ABCRVXZ",
        74: "U",
        76: "HN",
        78: "&DG",
        80: "OQ",
        82: "w",
        84: "#+<=>^~→↑↓",
        88: "M",
        96: "%",
        98: "m",
        100: "@W…—",
    }
)
_BOLD = _table(
    {
        32: "'",
        36: " ijl",
        38: ",./IJ\\|‘’·",
        40: ":;",
        42: "-",
        44: "f",
        46: "!()[]",
        48: "t",
        50: "_`r–",
        54: '"*',
        60: "?csz",
        64: "L",
        66: "vxy“”",
        68: "aek",
        70: "$0123456789EFTo",
        72: "bdghnpqu{}",
        74: "CPSYZ",
        78: "ABKRVX",
        82: "U",
        84: "#+<=>DGHN^~→↑↓",
        86: "OQ",
        88: "&",
        94: "w",
        100: "@M…—",
        102: "%",
        106: "m",
        112: "W",
    }
)
_LETTER, _CAPITAL, _WIDE, _PICTURE, _BOLDER = 74, 92, 106, 140, 1.15


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """The width a text may take at most, in the unit of ``size``."""
    known = _BOLD if bold else _REGULAR
    return sum(_hundredths(char, known) for char in text) / 100 * size


def _hundredths(char: str, known: Mapping[str, int]) -> float:
    if (width := known.get(char) or known.get(unicodedata.normalize("NFD", char)[:1])) is not None:
        return width
    if unicodedata.combining(char) or unicodedata.category(char) in ("Cf", "Cc", "Me", "Mn"):
        return 0
    if unicodedata.category(char) == "So" or ord(char) >= 0x1F000:
        return _PICTURE
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return _WIDE
    width = _CAPITAL if char.isupper() or not char.isalpha() else _LETTER
    return width * _BOLDER if known is _BOLD else width


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> tuple[str, ...]:
    """The lines of a text, none wider than ``width``; a word that is wider itself is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if width_of(longer, size, bold=bold) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = _cut(word, size, width, bold=bold)
        lines += whole
    return (*lines, line) if line else tuple(lines)


def _cut(word: str, size: float, width: float, *, bold: bool) -> list[str]:
    pieces, piece = [], ""
    for char in word:
        if piece and width_of(piece + char, size, bold=bold) > width:
            pieces.append(piece)
            piece = ""
        piece += char
    return [*pieces, piece]
