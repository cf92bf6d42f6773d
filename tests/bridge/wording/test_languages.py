"""The bot says everything it says in every language it speaks, and understands there what it tells people to write."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from bridge.reading.ear import Ear
from bridge.wording.keys import KEYS
from bridge.wording.sentences import ENGLISH, LANGUAGES, Sentences, problems_of
from bridge.wording.template import gaps_in
from bridge.wording.vocabulary import GAP, Vocabulary, together, understood_by
from bridge.wording.when import write_moment
from engine.core.desk import Desk, Reading, Rhythm
from engine.core.message import Count, Message, Names, Phrase
from engine.core.values import DAY_MS, HOUR_MS, PersonId
from engine.runtime.ports import Spoken
from tests.bridge.reading.test_ear import Circle as Neighbours
from tests.bridge.wording.test_render import A_SLOT, ANA, Circle

TEXTS = Path(__file__).parents[3] / "bridge" / "wording" / "texts"
OTHERS = tuple(language for language in LANGUAGES if language != ENGLISH)
BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = int(datetime(2026, 11, 25, 14, 0, tzinfo=BERLIN).timestamp() * 1000)
SCREEN_LETTERS = 600
"""What fits a phone screen, choices and foot included."""
LONGEST_FOOT_LETTERS = 330
"""The longest line at the foot, with who sees it and until when."""
# Some pictures are called the same in two languages.
THE_SAME = {"hello.no"} | {f"emoji.{n}" for n in (8, 17, 27, 30, 31, 48, 56)}
"""Said alike in two languages: *No*."""
WORDS = ("invite", "role", "cancel", "enough", "withdraw")
"""Words of workflows that the bot's own sentences speak of."""
EMPHASISED = re.compile(r"\*([^*\n]+)\*")


@cache
def texts(language: str) -> Mapping[str, Any]:
    return tomllib.loads((TEXTS / f"{language}.toml").read_text("utf-8"))


def forms(held: str | Mapping[str, str]) -> Mapping[str, str]:
    return {"other": held} if isinstance(held, str) else held


def entries(language: str) -> Iterator[tuple[str, str]]:
    """Each key with each of its forms."""
    for key, held in texts(language).items():
        for form in forms(held).values():
            yield key, form


# ── the files ────────────────────────────────────────────────────────────────


def test_every_language_has_a_file_of_sentences_and_one_of_words() -> None:
    assert {path.stem for path in TEXTS.glob("*.toml")} == set(LANGUAGES)
    assert {path.stem for path in (TEXTS.parent / "words").glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything(language: str) -> None:
    assert problems_of(language) == []


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_fills_the_same_gaps_as_the_english_one(language: str) -> None:
    def gaps(held: str | Mapping[str, str]) -> set[str]:
        return {gap for form in forms(held).values() for gap in gaps_in(form)}

    english = texts(ENGLISH)
    apart = {key: gaps(held) ^ gaps(english[key]) for key, held in texts(language).items()}
    assert {key: names for key, names in apart.items() if names} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_counted_has_every_form_the_language_counts_with(language: str) -> None:
    plural = Sentences.load(language).locale.plural_form
    needed = {plural(n) for n in range(201)}
    for key, held in texts(language).items():
        counted = isinstance(texts(ENGLISH)[key], dict)
        assert isinstance(held, dict) == counted, key
        if counted:
            assert needed <= set(held), key


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english_by_mistake(language: str) -> None:
    def letters(text: str) -> str:
        return re.sub(r"<[a-z_]+>|[^a-zA-ZäöüßáéíóúñÄÖÜ]", "", text)

    def alike(key: str) -> bool:
        ours, english = forms(texts(language)[key]), forms(texts(ENGLISH)[key])
        return any(letters(form) and form in english.values() for form in ours.values())

    same = {key for key in texts(language) if not key.startswith("when.") and alike(key)}
    assert same <= THE_SAME


# ── the tone ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_said_with_an_exclamation_mark(language: str) -> None:
    for key, text in entries(language):
        assert "!" not in text.replace("!hearth", ""), key
        assert "¡" not in text, key


AS_A_STRANGER = {
    "es": re.compile(r"\b(usted|ustedes|vosotr[oa]s)\b", re.IGNORECASE),
    # Behind a small letter and a space, a capital "Sie" is the polite one.
    "de": re.compile(r"[a-zäöüß,] (Sie|Ihnen|Ihre?[mnrs]?)\b"),
}
OF_TWO_GENDERS = re.compile(r"\w[:/_*]in(nen)?\b|\w/as?\b|\w@s?\b|\([ae]s?\)|\w/-")


@pytest.mark.parametrize("language", OTHERS)
def test_people_are_spoken_to_as_friends_and_without_a_gender(language: str) -> None:
    for key, text in entries(language):
        assert not AS_A_STRANGER[language].search(text), key
        assert not OF_TWO_GENDERS.search(text), key


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_question_of_the_bot_fits_a_phone_screen(language: str) -> None:
    said = texts(language)
    for question, labels in {
        "hello": ("hello.yes", "hello.when_invited", "hello.no"),
        "fewer": ("fewer.name", "fewer.drop"),
        "export.ask": ("export.with", "export.without"),
        "forget.ask": ("forget.yes", "forget.stay"),
        "person.answer": ("person.choose_outside", "person.choose_nobody"),
        "person.silent": ("person.choose_outside", "person.choose_nobody"),
        "steps.few": ("steps.few.small", "steps.few.new_date", "steps.few.let_go"),
    }.items():
        length = len(said[question]) + sum(len(said[label]) + 4 for label in labels)
        assert length <= SCREEN_LETTERS, question


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_line_at_the_foot_stays_one_quiet_line(language: str) -> None:
    hearer, voice = replace(ANA, language=language), Circle().voice()
    slots = {gap: A_SLOT[gap] for gap in ("seen", "until", "n")}
    for key in KEYS:
        if key.startswith("footer."):
            held = {gap: slots[gap] for gap in KEYS[key]}
            message = Message(footer=(Phrase(key, slots=held),))
            rendered = await voice.render(message, hearer, NOW_MS)
            assert len(rendered.body) <= LONGEST_FOOT_LETTERS, key
            assert "\n" not in rendered.body


@pytest.mark.parametrize("language", OTHERS)
async def test_every_sentence_can_be_said_in_every_language(language: str) -> None:
    hearer, voice = replace(ANA, language=language), Circle().voice()
    for key, gaps in KEYS.items():
        slots = {gap: A_SLOT[gap] for gap in gaps}
        rendered = await voice.render(Message(lines=(Phrase(key, slots=slots),)), hearer, NOW_MS)
        assert rendered.body, key
        assert "<" not in rendered.body.replace("<robin>", ""), key


# ── days, lists, numbers ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "after_ms", "words"),
    [
        ("es", HOUR_MS, "Abierto hasta hoy, 15:00, no responder también está bien."),
        ("es", DAY_MS, "Abierto hasta mañana, 14:00, no responder también está bien."),
        (
            "es",
            2 * DAY_MS,
            "Abierto hasta el viernes 27 de noviembre, 14:00, no responder también está bien.",
        ),
        ("de", HOUR_MS, "Offen bis heute, 15:00, keine Antwort ist auch gut."),
        ("de", DAY_MS, "Offen bis morgen, 14:00, keine Antwort ist auch gut."),
        ("de", 2 * DAY_MS, "Offen bis Freitag, 27. November, 14:00, keine Antwort ist auch gut."),
    ],
)
async def test_a_deadline_is_said_as_people_say_it(language: str, after_ms: int, words: str) -> None:
    slots = {"until": replace(A_SLOT["until"], at_ms=NOW_MS + after_ms)}
    message = Message(lines=(Phrase("reminder", slots=slots),))
    rendered = await Circle().voice().render(message, replace(ANA, language=language), NOW_MS)
    assert rendered.body == words


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [
        ("en", "Friday 27 November, 19:00", "Saturday 27 November 2027, 19:00"),
        ("es", "viernes 27 de noviembre, 19:00", "sábado 27 de noviembre de 2027, 19:00"),
        ("de", "Freitag, 27. November, 19:00", "Samstag, 27. November 2027, 19:00"),
    ],
)
def test_a_day_is_written_as_the_language_writes_it(language: str, near: str, far: str) -> None:
    sentences = Sentences.load(language)
    for year, words in ((2026, near), (2027, far)):
        at_ms = int(datetime(year, 11, 27, 19, 0, tzinfo=BERLIN).timestamp() * 1000)
        assert write_moment(at_ms, NOW_MS, "Europe/Berlin", sentences) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_that_the_bot_writes_it_also_reads(language: str) -> None:
    sentences = Sentences.load(language)
    for days in (2, 9, 40, 400):
        at_ms = NOW_MS + days * DAY_MS
        for near in (False, True):
            written = write_moment(at_ms, NOW_MS, "Europe/Berlin", sentences, near=near)
            for reader in LANGUAGES:
                there_ms = understood(written, reader).moment_ms
                assert there_ms is not None, (written, reader)
                # The clock may have been moved in between, but never the day and hour that were written.
                assert write_moment(there_ms, NOW_MS, "Europe/Berlin", sentences, near=near) == written


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("Ana", "Inés"), "Ana e Inés"),
        (("Ana", "Bea", "Hilda"), "Ana, Bea e Hilda"),
        (("Juan y Ines", "Pedro"), "Juan y Ines y Pedro"),
        (("agua", "hielo"), "agua y hielo"),
        (("Ana",), "Ana"),
        ((), ""),
    ],
)
def test_spanish_lists_sound_right_and_leave_names_alone(names: tuple[str, ...], words: str) -> None:
    assert Sentences.load("es").listed(names) == words


async def test_german_lists_and_counts_are_german() -> None:
    message = Message(
        lines=(
            Phrase("room.waiting_names", slots={"who": Names(("ana", "bruno", "chen"))}),
            Phrase("room.waiting", slots={"n": Count(1)}),
            Phrase("room.waiting", slots={"n": Count(2)}),
        )
    )
    rendered = await Circle().voice().render(message, replace(ANA, language="de"), NOW_MS)
    assert rendered.body.split("\n\n") == [
        "Warten auf einen Platz: Ana, Bruno und Chen",
        "1 Person wartet noch auf einen Platz.",
        "2 Personen warten noch auf einen Platz.",
    ]


def test_a_slip_in_a_translation_costs_one_sentence_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(language: str) -> dict[str, Any]:
        slips = {"reminder": "bis <untill>", "no_such_key": "x", "my.open": {"one": "x"}}
        return dict(texts(language)) | (slips if language == "de" else {})

    monkeypatch.setattr("bridge.wording.sentences._read", read)
    german, english = Sentences.load("de"), Sentences.load(ENGLISH)
    assert german.text("reminder") == english.text("reminder")
    assert german.text("my.open") == english.text("my.open")
    assert german.text("no.label") == "Nein, danke"
    assert len(problems_of("de")) == len(("reminder", "no_such_key", "my.open"))


# ── what people are told to write ────────────────────────────────────────────

EAR = Ear(Neighbours(), Neighbours(), ("Hearth",))


def understood(body: str, language: str) -> Reading:
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=PersonId("me"), body=body)
    desk = Desk(PersonId("me"), rhythm=Rhythm(time_zone="Europe/Berlin"), language=language)
    return EAR.read(spoken, desk, None, WORDS, NOW_MS)[0]


def told_to_write(language: str, key: str) -> list[str]:
    """The emphasised words of a sentence that somebody may write, their gaps filled."""
    found: list[str] = []
    for form in forms(texts(language)[key]).values():
        for words in EMPHASISED.findall(form):
            filled = words.replace("<n>", "2").replace("<title>", "Dinner")
            names_something = words.startswith("<") or gaps_in(filled)
            if not names_something and filled not in ("!hearth", "hearth check", "hearth ops status"):
                found.append(filled)
    return found


COMMANDS_ASIDE = {"language.which", "help.rights", "settings.language"}
"""They show how to choose another language, which is not the same one in each of them."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reader", LANGUAGES)
def test_whatever_a_sentence_tells_people_to_write_is_understood_by_everybody(
    language: str, reader: str
) -> None:
    for key in texts(language):
        for words in told_to_write(language, key):
            reading = understood(words, reader)
            assert reading != Reading(), (key, words)
            assert reading.command is None or reading.command.close_to is None, (key, words)


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_names_the_same_commands_in_every_language(language: str) -> None:
    def commands(spoken: str, key: str) -> set[Any]:
        found = {understood(words, spoken).command for words in told_to_write(spoken, key)}
        # A place is called as the person who reads of it calls it.
        placed = [replace(command, place=None) for command in found if command]
        return {command if key not in COMMANDS_ASIDE else command.word for command in placed}

    for key in texts(language):
        assert commands(language, key) == commands(ENGLISH, key), key


# ── the words ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_has_words_in_every_language(language: str) -> None:
    english, words = Vocabulary.load(), Vocabulary.load(language)
    assert set(words.commands) == set(english.commands)
    assert set(words.filled) == set(english.filled)
    assert all(words.commands.values())
    for spellings in words.filled.values():
        assert spellings
        assert all(spelling.count(GAP) == 1 for spelling in spellings)
    for listed in (*words.commands.values(), *words.filled.values(), *words.workflows.values()):
        assert list(listed) == [spelling.lower().strip(" .,!?") for spelling in listed]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_spelling_means_two_commands_to_one_person(language: str) -> None:
    words = together(understood_by(language))
    for table in (words.commands, words.filled):
        spellings = [spelling for listed in table.values() for spelling in listed]
        assert len(spellings) == len(set(spellings))
    own = Vocabulary.load(language)
    for word, listed in own.commands.items():
        assert words.commands[word][: len(listed)] == listed, "the person's own language comes first"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_is_only_one_answer_to_one_person(language: str) -> None:
    said = together(understood_by(language)).said
    answers = [*said.yes, *said.maybe, *said.no, *said.nothing]
    assert len(answers) == len(set(answers))
