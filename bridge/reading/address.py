"""Who a message speaks to, and what is left of it then: prefix, name and quoted fallback taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

PREFIX = "!hearth"
_QUOTE = re.compile(r"(?:> .*\n|>\n)+\n")
_PREFIX = re.compile(rf"{re.escape(PREFIX)}(?=$|[\s:,])[\s:,]*", re.IGNORECASE)


class Unwrapped(msgspec.Struct, frozen=True):
    """The words themselves; ``addressed`` if the bot was called by prefix or by name."""

    words: str
    addressed: bool

    def __repr__(self) -> str:
        return f"Unwrapped({len(self.words)} characters, addressed={self.addressed})"


def unwrapped(
    body: str, names: Sequence[str], *, is_reply: bool = False, mentioned: bool = False
) -> Unwrapped:
    """Take away what only says whom a message speaks to.

    ``names`` are what the bot is called: its display name, its Matrix id, its localpart. A name counts at the
    beginning with a colon, comma, or "@" ("Hearth: help", "@hearth help"), so that "Hearth is nice" is talk
    about the bot, not to it; ``mentioned`` says that the client marked a mention, so the bare name will do.
    Old clients put the message replied to in front, each line with ``> `` (Matrix 1.12 and before, "Fallbacks
    for rich replies"); that goes first.
    """
    quote = _QUOTE.match(body) if is_reply else None
    words = body[quote.end() :].strip() if quote else body.strip()
    found = _PREFIX.match(words)
    if found is not None:
        return Unwrapped(words[found.end() :], addressed=True)
    for name in sorted(filter(None, names), key=len, reverse=True):
        rest = _after_name(words, name, mentioned=mentioned)
        if rest is not None:
            return Unwrapped(rest, addressed=True)
    return Unwrapped(words, addressed=False)


def _after_name(words: str, name: str, *, mentioned: bool) -> str | None:
    at = words.startswith("@")
    bare, called = words[at:], name.removeprefix("@")
    if bare[: len(called)].casefold() != called.casefold():
        return None
    rest = bare[len(called) :]
    if rest[:1] in (":", ","):
        # "hearth:example.org" is somebody's id, not a call
        return rest[1:].strip() if rest[1:2].isspace() or len(rest) == 1 else None
    if (at or mentioned or name.startswith("@")) and (not rest or rest[0].isspace()):
        return rest.strip()
    return None
