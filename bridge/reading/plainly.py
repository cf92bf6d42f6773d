"""Words made comparable: small letters, one kind of apostrophe, nothing at the ends that carries no meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

from engine.core.decide_desk import plain_emoji

_SPACES = re.compile(r"\s+")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "＇": "'"})
_NUMBERED = re.compile(r"\(?#?(\d{1,9})(?:[.):]|\ufe0f?\u20e3)?$")
_LEADING_NUMBER = re.compile(r"#?\d{1,2}[.)]\s+")


def plainly(text: str) -> str:
    """Small letters, single spaces, no punctuation or emoji at either end; inside, everything stays."""
    folded = unicodedata.normalize("NFC", text).translate(_APOSTROPHES).casefold()
    folded = _SPACES.sub(" ", folded).strip()
    start, end = 0, len(folded)
    while start < end and not _means_something(folded[start]):
        start += 1
    while end > start and not (_means_something(folded[end - 1]) and folded[end - 1] != "@"):
        end -= 1
    return folded[start:end]


def loosely(text: str) -> str:
    """The same without accents and apostrophes: what people leave out when they are in a hurry."""
    return shape(plainly(text)).replace("'", "")


def shape(text: str) -> str:
    """Every letter in its small form without its accent, at the place where it stood.

    Expects composed letters (NFC); the result is as long as the text.
    """
    if text.isascii():
        return text.translate(_APOSTROPHES).lower()
    return "".join(_bare_letter(letter) for letter in text)


def _bare_letter(letter: str) -> str:
    apart = unicodedata.normalize("NFD", letter.translate(_APOSTROPHES))
    bare = "".join(part for part in apart if not unicodedata.combining(part)).lower()
    return bare if len(bare) == 1 else letter


def _means_something(letter: str) -> bool:
    return letter.isalnum() or letter == "@"


def without_politeness(text: str, polite: Collection[str]) -> str:
    """The same without "please" or "thanks" at its ends, unless nothing would be left."""
    *_, bare = less_and_less_polite(text, polite)
    return bare


def less_and_less_polite(text: str, polite: Collection[str]) -> Iterator[str]:
    """A text whole, and then with one politeness after the other taken off its ends."""
    yield text
    for word in sorted(polite, key=len, reverse=True):
        if text.startswith((f"{word} ", f"{word}, ")):
            text = plainly(text[len(word) :])
            yield text
        if text.endswith(f" {word}"):
            text = plainly(text[: -len(word)])
            yield text


def without_thanks(text: str, thanks: Collection[str]) -> str:
    """What is left behind the thanks that a text begins with, made comparable; empty if it only thanks."""
    rest, phrases = loosely(text), sorted(map(loosely, thanks), key=len, reverse=True)
    while found := next((each for each in phrases if re.match(rf"{re.escape(each)}\b", rest)), ""):
        rest = plainly(rest[len(found) :])
    return rest


def bare_number(text: str) -> int | None:
    """The number a message consists of: "2", "2.", "#2", "2)", or the keycap emoji."""
    found = _NUMBERED.fullmatch(text.strip())
    return int(found.group(1)) if found else None


def without_number(text: str) -> str:
    """A line copied from a list of choices, without its number."""
    return _LEADING_NUMBER.sub("", text, count=1)


def same_emoji(a: str, b: str) -> bool:
    """Whether two reactions are the same but for skin tone or the text and picture selectors."""
    one = plain_emoji(a.strip())
    return bool(one) and one == plain_emoji(b.strip())
