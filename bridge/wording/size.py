"""How much of a text fits into one Matrix event.

An event may have 65,536 bytes (Matrix client-server API, "Size limits"). Encrypted, its content is JSON in
which every letter beyond ASCII takes six bytes, then base64, a third longer; some 500 bytes of envelope come
on top. So body and formatted body together may take `MOST_BYTES` of JSON, and half of it in an edit, which
carries its text twice.
"""

from __future__ import annotations

import json
import re

from bridge.wording.template import Piece, as_html
from engine.core.limits import USUAL

MOST_BYTES = 44_000
LONGEST_TEXT_BYTES = USUAL.text_bytes
"""A single text of a person, in both its forms; the rest is for the sentences around it."""

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, half letters, and marks that turn the direction of the text around them."""


def cleaned(text: str) -> str:
    """A text without characters that no event can carry or that would rearrange what stands around them."""
    return _HARMFUL.sub("", text.replace("\r\n", "\n"))


def written_bytes(piece: Piece) -> int:
    """What both forms take as JSON."""
    return len(json.dumps(piece.plain)) + len(json.dumps(piece.html))


def fits(text: str, most_bytes: int = LONGEST_TEXT_BYTES) -> bool:
    """Whether a person's text can later be shown whole, in any of the bot's messages."""
    if len(text) > most_bytes:
        return False
    clean = cleaned(text)
    return written_bytes(Piece(clean, as_html(clean))) <= most_bytes
