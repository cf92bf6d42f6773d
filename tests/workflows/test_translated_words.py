"""The words to write: in each language they are there, understood, and what a translated sentence names is one."""

from __future__ import annotations

import dataclasses
import pathlib
import re

import pytest

from bridge.reading.ear import Ear
from bridge.wording.vocabulary import GAP, Vocabulary, spoken_as
from engine.core.definition import Definition, OnCommand
from engine.core.desk import Desk
from engine.core.values import PersonId
from engine.runtime.ports import Spoken
from tests.workflows.walk import WORKFLOWS, shipped

FILES = sorted(WORKFLOWS.glob("*.yaml"))
SPAN = re.compile(r"\*([^*<>\n]+)\*")


def words_of_files() -> frozenset[str]:
    """What begins a shipped workflow, or moves it on."""
    definitions = [shipped(path.stem) for path in FILES]
    moves = [move.on for d in definitions for state in d.states.values() for move in state.moves]
    return frozenset(
        {d.begins_with for d in definitions} | {on.word for on in moves if isinstance(on, OnCommand)}
    )


BEGINNINGS = frozenset(shipped(path.stem).begins_with for path in FILES)
OTHERS = ("de", "es")


@dataclasses.dataclass(frozen=True)
class Nobody:
    """Nobody's name, and no other workflow, is in memory."""

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        return None

    def name_of(self, person: PersonId) -> str | None:
        return None

    def names(self) -> tuple[str, ...]:
        return ()

    def in_service(self, name: str) -> Definition | None:
        return None

    def held(self, digest: str) -> Definition | None:
        return None


EAR = Ear(Nobody(), Nobody(), ("Hearth",))


def heard(written: str, offered: tuple[str, ...], language: str) -> str | None:
    """The word that is understood where these are offered."""
    spoken = Spoken(id="$1", occurred_ms=0, person=PersonId("me"), body=written)
    command = EAR.read(spoken, Desk(PersonId("me"), language=language), None, offered, 0)[0].command
    return command.word if command is not None and command.close_to is None else None


def said_alone(language: str) -> list[tuple[str, str]]:
    """Word of a shipped file, and each spelling that stands for it without anything behind it."""
    table = Vocabulary.load(language).workflows
    return [
        (word, spelling)
        for word in sorted(words_of_files())
        for spelling in table.get(word, ())
        if GAP not in spelling
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_of_a_shipped_file_has_one_in_every_language(language: str) -> None:
    without = [word for word in sorted(words_of_files()) if spoken_as(word, language) == word]
    assert not without, f"{language} has no word for {without}"


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_translated_sentence_says_no_word_in_english(path: pathlib.Path, language: str) -> None:
    english, mine = Vocabulary.load("en"), Vocabulary.load(language)
    local = {
        s for table in (mine.commands, mine.workflows) for spellings in table.values() for s in spellings
    }
    foreign = (words_of_files() | {s for each in english.commands.values() for s in each}) - local
    for key, text in shipped(path.stem).translations[language].items():
        for span in SPAN.findall(text):
            assert span.casefold() not in foreign, f"{key}: *{span}* is English"


@pytest.mark.parametrize("language", OTHERS)
def test_every_way_to_say_such_a_word_is_understood_by_everybody(language: str) -> None:
    for word, spelling in said_alone(language):
        for mine in ("en", *OTHERS):
            # With all that begins something beside it, and capitals and a full stop as a phone writes them.
            beside = tuple(sorted(BEGINNINGS | {word}))
            assert heard(f"{spelling.capitalize()}.", beside, mine) == word, f"{spelling} to {mine}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_two_words_that_one_may_need_at_once_are_said_alike(language: str) -> None:
    said = said_alone(language)
    for word, spelling in said:
        others = {other for other, theirs in said if theirs == spelling and other != word}
        assert word not in BEGINNINGS or not others, f"{spelling} is {word} and {others}"
        assert not others & BEGINNINGS, f"{spelling} is {word} and {others}"
    for path in FILES:
        moves = [move.on for state in shipped(path.stem).states.values() for move in state.moves]
        words = tuple(sorted({on.word for on in moves if isinstance(on, OnCommand)}))
        for word, spelling in said:
            if word in words:
                assert heard(spelling, words, language) == word, f"{spelling} in {path.stem}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_such_word_is_one_of_the_bots_own_or_an_answer(language: str) -> None:
    for mine in ("en", *OTHERS):
        vocabulary = Vocabulary.load(mine)
        own = {s for spellings in vocabulary.commands.values() for s in spellings}
        answers = {
            word
            for field in ("yes", "maybe", "no", "nothing", "everyone", "oneself", "polite", "thanks")
            for word in getattr(vocabulary.said, field)
        }
        for word, spelling in said_alone(language):
            assert spelling not in own | answers, f"{spelling}, for {word}, in {mine}"


def spellings(language: str) -> frozenset[str]:
    """Every word of the bot's and of the files', in English and in one language more."""
    found = set(words_of_files())
    for vocabulary in (Vocabulary.load("en"), Vocabulary.load(language)):
        for table in (vocabulary.commands, vocabulary.workflows):
            for word, others in table.items():
                found |= {word, *(other.casefold() for other in others)}
    return frozenset(found)


@pytest.mark.parametrize("language", ["de", "es"])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_word_to_write_is_a_word_to_write_in_every_language(path: pathlib.Path, language: str) -> None:
    definition = shipped(path.stem)
    known, said = spellings(language), definition.translations[language]
    for key, text in definition.texts.items():
        here = [span for span in SPAN.findall(text) if span.casefold() in known]
        there = [span for span in SPAN.findall(said.get(key, "")) if span.casefold() in known]
        assert len(here) == len(there), f"{key}: {here} is {there} in {language}"
