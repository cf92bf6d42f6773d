"""The bot's own sentences in one language, read once from ``texts/<language>.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from babel import Locale, UnknownLocaleError

from bridge.wording.keys import HOUSE, KEYS
from bridge.wording.template import gaps_in

ENGLISH = "en"
SPOKEN_AS = {"en": "en_GB"}
"""Day before month and a clock of 24 hours, unless a person's language says otherwise."""


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
        """The sentences of a language, English ones standing in for what it lacks.

        Raises `BadSentences` if the file does not keep the contract.
        """
        texts = _read(ENGLISH)
        if language != ENGLISH:
            texts |= _read(language)
        return cls(language, texts)

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


def _problems(language: str, texts: Mapping[str, Any]) -> list[str]:
    where = f"bridge/wording/texts/{language}.toml"
    problems = [f"{where}: nothing says {key!r}" for key in KEYS if key not in texts]
    for key, held in texts.items():
        if key not in KEYS:
            problems.append(f"{where}: {key!r} is not in bridge/wording/keys.py")
            continue
        forms = held if isinstance(held, dict) else {"other": held}
        if "other" not in forms or not all(isinstance(form, str) for form in forms.values()):
            problems.append(f"{where}: {key!r} needs a text, or a table of texts with at least `other`")
            continue
        allowed = {*KEYS[key], *HOUSE}
        problems += [
            f"{where}: {key!r} has the gap <{gap}>, allowed are {', '.join(sorted(allowed))}"
            for form in forms.values()
            for gap in gaps_in(form)
            if gap not in allowed
        ]
    return problems
