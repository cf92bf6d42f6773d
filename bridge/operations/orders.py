"""What stewards may order in their room, read from what they wrote; pure."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

import msgspec

Word = Literal["status", "retry", "drop", "reload", "help"]
WORDS: tuple[Word, ...] = ("status", "retry", "drop", "reload", "help")
TAKE_A_NUMBER: tuple[Word, ...] = ("retry", "drop")
LONGEST = 60
"""Characters of the longest thing that can be an order."""
TROUBLE = re.compile(r"[em][0-9]{1,12}")
_SPACES = re.compile(r"\s+")


class Order(msgspec.Struct, frozen=True):
    """One order. ``trouble`` is a number like ``e3``, or None: none was named (for ``retry``: all of them)."""

    word: Word
    trouble: str | None = None


def order_in(text: str) -> Order | None:
    """What was ordered; None for anything that is not an order. ``text``: without prefix and name."""
    said = _SPACES.sub(" ", text[: LONGEST + 1]).strip(" .!?:*`\"'").casefold()
    if not said or len(text) > LONGEST:
        return None
    exact = spellings().get(said)
    if exact is not None:
        return Order(exact)
    head, _, last = said.rpartition(" ")
    word = spellings().get(head.rstrip(" :,"))
    if word is not None and word in TAKE_A_NUMBER and TROUBLE.fullmatch(last):
        return Order(word, last)
    return None


@functools.cache
def spellings() -> Mapping[str, Word]:
    """Spelling → word, of all languages together."""
    return {spelling: word for held in _languages().values() for word in WORDS for spelling in held[word]}


def spelled(word: Word, language: str) -> str:
    """How the bot writes a word in a language; in English for one that nobody has written down."""
    held = _languages()
    return held.get(language, held["en"])[word][0]


@functools.cache
def _languages() -> dict[str, dict[Word, tuple[str, ...]]]:
    file = files("bridge.wording").joinpath("orders.toml")
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), dict[str, dict[Word, tuple[str, ...]]])
