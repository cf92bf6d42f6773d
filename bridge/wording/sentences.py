"""The bot's own sentences in one language, read once from ``texts/<language>.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.lists import format_list

from bridge.wording.keys import HOUSE, KEYS
from bridge.wording.template import gaps_in

ENGLISH = "en"
LANGUAGES = (ENGLISH, "es", "de")
"""The languages that the bot speaks itself, as their codes."""
SPOKEN_AS = {"en": "en_GB"}
"""Day before month and a clock of 24 hours, unless a person's language says otherwise."""

_I_SOUND = re.compile(r"[ií]|h[ií](?![aeoáéó])", re.IGNORECASE)


class BadSentences(Exception):
    """A file of sentences does not keep the contract of `bridge.wording.keys`; all problems at once."""


def locale_of(language: str) -> Locale:
    """How dates and lists are written in a language; English for one that nobody knows."""
    try:
        return Locale.parse(SPOKEN_AS.get(language, language))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(SPOKEN_AS[ENGLISH])


class Sentences:
    """Key → sentence. A key that a language lacks is said in English."""

    def __init__(self, language: str, texts: Mapping[str, str | Mapping[str, str]]) -> None:
        problems = _problems(language, texts)
        if problems:
            raise BadSentences("\n".join(problems))
        self.language = language
        self.locale = locale_of(language)
        self._texts = dict(texts)

    @classmethod
    def load(cls, language: str = ENGLISH) -> Sentences:
        """The sentences of a language, English ones standing in for what it lacks or has wrong.

        Raises `BadSentences` if the English file does not keep the contract; the others are held to it by tests, and
        a slip in one of them costs nobody more than a sentence in English.
        """
        texts = _read(ENGLISH)
        if language != ENGLISH:
            texts |= {key: held for key, held in _read(language).items() if not _wrong(key, held)}
        return cls(language, texts)

    def listed(self, items: Sequence[str]) -> str:
        """Several things in a row, as this language says them: "Ana, Bruno and Chen"."""
        words = format_list(items, locale=self.locale)
        if self.locale.language == "es" and len(items) > 1 and _I_SOUND.match(items[-1]):
            # CLDR leaves this to those who use it: "Ana e Inés", but "agua y hielo".
            return f"{words.removesuffix(f' y {items[-1]}')} e {items[-1]}"
        return words

    def text(self, key: str, n: int | None = None) -> str:
        """The sentence of a key; ``n`` chooses between its forms. Raises `KeyError` for an unknown key."""
        held = self._texts[key]
        if isinstance(held, str):
            return held
        form = self.locale.plural_form(n) if n is not None else "other"
        return held.get(form, held["other"])


def _read(language: str) -> dict[str, Any]:
    file = files("bridge.wording").joinpath("texts", f"{language}.toml")
    if not (language.isalpha() and file.is_file()):
        return {}
    return tomllib.loads(file.read_text("utf-8"))


def problems_of(language: str) -> list[str]:
    """All that the file of a language lacks or has wrong, one line each."""
    return _problems(language, _read(language))


def _problems(language: str, texts: Mapping[str, Any]) -> list[str]:
    where = f"bridge/wording/texts/{language}.toml"
    problems = [f"nothing says {key!r}" for key in KEYS if key not in texts]
    problems += [problem for key, held in texts.items() for problem in _wrong(key, held)]
    return [f"{where}: {problem}" for problem in problems]


def _wrong(key: str, held: object) -> list[str]:
    """What does not fit the contract in one entry."""
    if key not in KEYS:
        return [f"{key!r} is not in bridge/wording/keys.py"]
    forms = held if isinstance(held, dict) else {"other": held}
    texts = [form for form in forms.values() if isinstance(form, str)]
    if "other" not in forms or len(texts) < len(forms):
        return [f"{key!r} needs a text, or a table of texts with at least `other`"]
    allowed = {*KEYS[key], *HOUSE}
    return [
        f"{key!r} has the gap <{gap}>, allowed are {', '.join(sorted(allowed))}"
        for form in texts
        for gap in gaps_in(form)
        if gap not in allowed
    ]
