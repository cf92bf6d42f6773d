"""Signs that are not what they look like: what a word processor, a browser or a telephone puts into a text file."""

from __future__ import annotations

import re

PLAIN_TEXT = "save it as plain text, UTF-8"

_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "this is a word processor's file, or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "this is a word processor's file"),
    (b"{\\rtf", "this is a word processor's file"),
    (b"%PDF", "this is a PDF"),
    (b"\xff\xfe", "this is UTF-16"),
    (b"\xfe\xff", "this is UTF-16"),
    (b"<!doctype", "this is a web page"),
    (b"<html", "this is a web page"),
)
_LOOKED_AT = 64

UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
"""Control characters: no editor shows them, and no text needs them."""

_SPACES_BUT_ONE = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
WIDTHLESS = re.compile("[\u200b\u2060\ufeff]")
ODD = re.compile(f"[{_SPACES_BUT_ONE}]|{WIDTHLESS.pattern}")
"""Spaces that look like one and are none, and those that cannot be seen at all; joiners of letters and emoji are none
of them."""

CURLY = re.compile("[\u201c\u201d\u201e\u201f\u2018\u201a\u201b\u00ab]")
"""What typewriters for people make of quotes at the beginning of a text."""


def foreign(begins: bytes) -> str | None:
    """What kind of file this is by its first bytes, if it is no text file at all."""
    head = begins.lstrip().lower()[:_LOOKED_AT]
    for sign, said in _FOREIGN:
        if head.startswith(sign.lower()):
            return said
    return "this is UTF-16" if b"\x00" in begins[:_LOOKED_AT] else None


def odd_space(sign: str) -> tuple[str, str]:
    """What to say about one of the odd spaces, and what helps."""
    name = {"\u00a0": "a non-breaking space", "\u202f": "a narrow non-breaking space"}.get(sign)
    if name is None and WIDTHLESS.fullmatch(sign):
        return "a space that cannot be seen (zero-width) stands here", "delete it"
    return f"{name or 'an unusual space'} stands here", "type it anew with the space bar"


def curly_quote(sign: str) -> tuple[str, str]:
    """What to say about a curly quote where a straight one is meant, and what helps."""
    return f"`{sign}` is not a quote here", 'use straight ones, `"`, around the whole text'
