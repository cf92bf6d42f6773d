"""The files of sentences and words keep their contract with the code that uses them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bridge.wording.keys import HELP, KEYS
from bridge.wording.sentences import BadSentences, Sentences, locale_of
from bridge.wording.template import gaps_in
from bridge.wording.vocabulary import Vocabulary

ROOT = Path(__file__).parents[3]


def said_in_code() -> dict[str, tuple[str, frozenset[str]]]:
    """Key → (where, names of its slots) of every phrase in the bot's own words that the code says literally."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    # The command line speaks to operators, in a terminal and in its own words.
    bridge = [path for path in (ROOT / "bridge").rglob("*.py") if "cli" not in path.parts]
    for path in [*(ROOT / "engine").rglob("*.py"), *bridge]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            keywords = {k.arg: k.value for k in node.keywords if k.arg}
            own = len(node.args) == 1 and "digest" not in keywords and isinstance(node.args[0].value, str)
            if name in ("Phrase", "Said") and own:
                slots = keywords.get("slots")
                if slots is not None and not isinstance(slots, ast.Dict):
                    continue
                names = [k.value for k in slots.keys if isinstance(k, ast.Constant)] if slots else []
                found[str(node.args[0].value)] = (f"{path}:{node.lineno}", frozenset(map(str, names)))
            elif name == "say" and own and all(k.arg for k in node.keywords):
                found[str(node.args[0].value)] = (f"{path}:{node.lineno}", frozenset(keywords))
    return found


def test_every_sentence_the_code_says_exists_and_is_given_what_it_needs() -> None:
    sentences = Sentences.load()
    said = said_in_code()
    assert said, "nothing found: the search itself is broken"
    for key, (where, slots) in said.items():
        assert key in KEYS, f"{where} says {key!r}, which bridge/wording/keys.py does not list"
        needed = set(gaps_in(sentences.text(key))) & set(KEYS[key])
        assert needed <= slots, f"{where} says {key!r} without {needed - slots}"


def test_help_lists_known_sentences_with_person_first() -> None:
    assert set(HELP) <= set(KEYS)
    assert HELP[0] == "help.person"


def test_a_file_that_breaks_the_contract_is_refused_with_all_its_problems() -> None:
    texts: dict[str, str | dict[str, str]] = {key: "x" for key in KEYS if key != "closed"}
    texts |= {"reminder": "until <untill>", "my.private": {"one": "x"}, "no_such": "x"}
    with pytest.raises(BadSentences) as caught:
        Sentences("en", texts)
    problems = str(caught.value)
    for word in ("closed", "untill", "my.private", "no_such"):
        assert word in problems


@pytest.mark.parametrize("language", ["xx", "../en", "fr", ""])
def test_a_language_without_sentences_is_said_in_english(language: str) -> None:
    assert Sentences.load(language).text("no.label") == "No, thanks"


@pytest.mark.parametrize("language", ["xx", "", "zz_ZZ", "nonsense!"])
def test_an_unknown_language_has_the_ways_of_english(language: str) -> None:
    assert str(locale_of(language)) == "en_GB"


def test_english_spellings_are_unambiguous_and_named_after_their_first() -> None:
    words = Vocabulary.load()
    spellings = [spelling for listed in words.commands.values() for spelling in listed]
    assert len(spellings) == len(set(spellings))
    for word, listed in words.commands.items():
        assert listed[0] == word
    assert not set(words.said.yes) & set(words.said.no)
