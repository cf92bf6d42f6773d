"""The ways in which people name a choice, as one table: emoji and variants, numbers, words, in three languages."""

from __future__ import annotations

import pytest

from bridge.reading.choices import Offered, chosen
from bridge.reading.ear import listening_to
from engine.core.decide_desk import plain_emoji

LABELS = {
    "en": ("I'm coming", "Maybe", "No, thanks"),
    "de": ("Ich komme", "Vielleicht", "Nein, danke"),
    "es": ("Voy", "Quizás", "No, gracias"),
}
INVITED = {
    language: [
        Offered(choice, emoji, label)
        for choice, emoji, label in zip(("coming", "maybe", "no"), ("🙋", "🤔", "✖️"), labels, strict=True)
    ]
    for language, labels in LABELS.items()
}
EVERYWHERE = {
    "1": "coming",
    "1.": "coming",
    "1)": "coming",
    "#1": "coming",
    "(1)": "coming",
    "1️⃣": "coming",
    "2️⃣": "maybe",
    " 2 ": "maybe",
    "3": "no",
    "4": None,
    "0": None,
    "🙋": "coming",
    "🙋🏽": "coming",
    "🙋\u200d♀️": "coming",
    "🙋🏿\u200d♂️": "coming",
    "🤔\ufe0f": "maybe",
    "✖": "no",
    "✖️": "no",
    "🍲": None,
}
IN_WORDS = {
    "en": {
        "I'm coming": "coming",
        "im coming": "coming",
        "I’m coming!": "coming",
        "i'm coming.": "coming",
        "1. I'm coming": "coming",
        "🙋 I'm coming": "coming",
        "yes": "coming",
        "Yes, please": "coming",
        "maybe": "maybe",
        "Maybe, I'll see": "maybe",
        "no": "no",
        "no thanks": "no",
        "one": "coming",
        "Two.": "maybe",
        "three": "no",
        "seven": None,
        "what does it cost?": None,
    },
    "de": {
        "Ich komme": "coming",
        "ICH KOMME!": "coming",
        "ja": "coming",
        "Ja gerne": "coming",
        "vielleicht": "maybe",
        "nein": "no",
        "Nein danke": "no",
        "eins": "coming",
        "die zwei": "maybe",
        "drei": "no",
        "1. Ich komme": "coming",
        "Was kostet es?": None,
    },
    "es": {
        "Voy": "coming",
        "voy!": "coming",
        "sí": "coming",
        "si": "coming",
        "quizás": "maybe",
        "quizas": "maybe",
        "no": "no",
        "no, gracias": "no",
        "uno": "coming",
        "la dos": "maybe",
        "tres": "no",
        "¿Cuánto cuesta?": None,
    },
}
ROWS = [
    *((language, text, choice) for language in INVITED for text, choice in EVERYWHERE.items()),
    *((language, text, choice) for language, table in IN_WORDS.items() for text, choice in table.items()),
]


@pytest.mark.parametrize(("language", "text", "choice"), ROWS, ids=[f"{la}: {t!r}" for la, t, _ in ROWS])
def test_a_choice_is_heard_however_it_is_named(language: str, text: str, choice: str | None) -> None:
    assert chosen(text, INVITED[language], listening_to(language).said) == choice


@pytest.mark.parametrize(
    ("one", "other"),
    [("👍", "👍🏽"), ("❤️", "❤"), ("🙋", "🙋🏾\u200d♂️"), ("🤷\u200d♀️", "🤷"), ("☑️", "☑"), ("✋🏻", "✋")],
)
def test_variants_of_an_emoji_are_the_same(one: str, other: str) -> None:
    assert plain_emoji(one) == plain_emoji(other)


@pytest.mark.parametrize(("one", "other"), [("👍", "👎"), ("💚", "❤️"), ("👩\u200d🍳", "👩")])
def test_other_emoji_are_others(one: str, other: str) -> None:
    assert plain_emoji(one) != plain_emoji(other)
