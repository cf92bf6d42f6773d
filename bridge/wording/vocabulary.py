"""The words people may say to the bot in one language, read once from ``words/<language>.toml``."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import msgspec


class MomentWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The small words around a day and a time."""

    one: tuple[str, ...]
    parts_of_day: tuple[str, ...]
    next: tuple[str, ...]
    this: tuple[str, ...]
    at: tuple[str, ...]
    noon: tuple[str, ...]
    tonight: tuple[str, ...]
    today: tuple[str, ...]
    tomorrow: tuple[str, ...]
    after_tomorrow: tuple[str, ...]
    week: tuple[str, ...]
    month: tuple[str, ...]
    filler: tuple[str, ...]
    relative_to_something: tuple[str, ...]
    hours: tuple[str, ...]
    utc: tuple[str, ...]


class SaidWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands for a yes, a no, nobody, everybody, and the politeness around it."""

    yes: tuple[str, ...]
    maybe: tuple[str, ...]
    no: tuple[str, ...]
    against_a_yes: tuple[str, ...]
    """Words that take a yes back when they follow it: "yes, but only if …"."""
    against_a_no: tuple[str, ...]
    nothing: tuple[str, ...]
    everyone: tuple[str, ...]
    oneself: tuple[str, ...]
    """How people name themselves in a list of people."""
    polite: tuple[str, ...]
    joining: tuple[str, ...]
    """Words between people: "Ana and Ben"."""
    articles: tuple[str, ...]
    """What may be left out, or added, in front of a choice: "a proposal"."""
    numbers: dict[str, int]


class PauseWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand behind ``pause``: "until Monday", "for 2 weeks"."""

    until: tuple[str, ...]
    lasting: tuple[str, ...]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of it; spellings are in small letters, without punctuation at their ends."""

    language: str
    commands: dict[str, tuple[str, ...]]
    """The bot's own commands: word → its spellings."""
    pause: PauseWords
    said: SaidWords
    moments: MomentWords

    @classmethod
    def load(cls, language: str = "en") -> Vocabulary:
        """The words of a language. Raises `FileNotFoundError` or `msgspec.ValidationError`."""
        file = files("bridge.wording").joinpath("words", f"{language}.toml")
        return msgspec.convert(tomllib.loads(file.read_text("utf-8")), cls)
