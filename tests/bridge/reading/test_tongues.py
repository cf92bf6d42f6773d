"""People are understood in English, Spanish and German, whichever of them is theirs; theirs counts first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.reading.ear import Ear
from bridge.wording.vocabulary import Vocabulary
from engine.core.definition import NO
from engine.core.desk import Command, Desk, Prompt, Reading, Rhythm
from engine.core.message import Message, Option, Phrase
from engine.core.values import InstanceId, RowId
from engine.runtime.ports import Spoken
from tests.bridge.reading.test_ear import ANA, BEN, BERLIN, DINNER, ME, NOW_MS, Circle

LANGUAGES = ("en", "es", "de")
WORDS = ("invite", "role", "withdraw", "cancel", "enough", "let go")
EAR = Ear(Circle(), Circle(), ("Hearth",))


def read(body: str, language: str = "", *prompts: Prompt, ear: Ear = EAR) -> tuple[Reading, str]:
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body=body)
    desk = Desk(ME, prompts=prompts, rhythm=Rhythm(time_zone="Europe/Berlin"), language=language)
    return ear.read(spoken, desk, None, WORDS, NOW_MS)


def command(body: str, language: str = "") -> Command | None:
    return read(body, language)[0].command


def when(body: str, language: str) -> str | None:
    moment_ms = read(body, language)[0].moment_ms
    if moment_ms is None:
        return None
    return datetime.fromtimestamp(moment_ms / 1000, BERLIN).strftime("%Y-%m-%d %H:%M")


# ── commands ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("Hilfe", Command("help")),
        ("ayúdame", Command("help")),
        ("ayudame", Command("help")),
        ("help", Command("help")),
        ("Mensch", Command("person")),
        ("persona, por favor", Command("person")),
        ("später", Command("later")),
        ("spaeter", Command("later")),
        ("mas tarde", Command("later")),
        ("stopp", Command("stop")),
        ("parar", Command("stop")),
        ("¿Quién lleva qué?", Command("who holds what")),
        ("wer hat was?", Command("who holds what")),
        ("my people", Command("my people")),
        ("meine Leute", Command("my people")),
        ("mi gente", Command("my people")),
        ("What I carried", Command("what i carried")),
        ("was ich getragen habe", Command("what i carried")),
        ("lo que he llevado", Command("what i carried")),
        ("What do you know about me?", Command("what do you know about me")),
        ("Was weißt du über mich?", Command("what do you know about me")),
        ("que sabes de mi", Command("what do you know about me")),
        ("forget me", Command("forget me")),
        ("vergiss mich", Command("forget me")),
        ("olvidame", Command("forget me")),
        ("verbergen", Command("hide")),
        ("ocultar", Command("hide")),
        ("exportar", Command("export")),
        ("öffnen", Command("open")),
        ("abrir", Command("open")),
        ("nicht von Ana", Command("not from", people=(ANA,))),
        ("nada de @ana", Command("not from", people=(ANA,))),
        ("not from @ana", Command("not from", people=(ANA,))),
    ],
)
def test_the_bots_own_words_are_understood_in_every_language_by_everybody(
    body: str, meant: Command, spoken: str
) -> None:
    assert command(body, spoken) == meant


@pytest.mark.parametrize(
    ("body", "nth"),
    [
        ("show 2", 2),
        ("zeig 2", 2),
        ("zeigen zwei", 2),
        ("mostrar 2", 2),
        ("keep 2 to myself", 2),
        ("keep to myself 2", 2),
        ("2 für mich behalten", 2),
        ("behalte 3 für mich", 3),
        ("guardar 2 para mi", 2),
        ("guardar para mí 12", 12),
    ],
)
def test_a_line_is_shown_or_kept_by_its_number(body: str, nth: int) -> None:
    found = command(body)
    assert found is not None
    assert found.word in ("show", "keep to myself")
    assert found.nth == nth


@pytest.mark.parametrize(
    ("body", "word", "workflow"),
    [
        ("stop dinner", "stop", "dinner"),
        ("stop dinners", "stop", "dinner"),
        ("Stop the dinner, please", "stop", "dinner"),
        ("stop dine", "stop", "dinner"),
        ("stop Abendessen", "stop", "dinner"),
        ("stopp das Abendessen", "stop", "dinner"),
        ("kein Abendessen mehr", "stop", "dinner"),
        ("silenciar dinner", "stop", "dinner"),
        ("start Abendessen", "start", "dinner"),
        ("retomar dinner", "start", "dinner"),
        ("try dinner", "try", "dinner"),
        ("ausprobieren: Abendessen", "try", "dinner"),
        ("Abendessen ausprobieren", "try", "dinner"),
        ("probar dinner", "try", "dinner"),
        ("leave off dinner", "leave off", "dinner"),
        ("Abendessen weglassen", "leave off", "dinner"),
        ("quitar el dinner", "leave off", "dinner"),
        ("stop letter", "stop", "letter"),
        ("stop the weekly letter", "stop", "letter"),
        ("start Brief", "start", "letter"),
        ("parar la carta", "stop", "letter"),
    ],
)
def test_a_workflow_is_meant_by_name_beginning_or_title_in_any_language(
    body: str, word: str, workflow: str
) -> None:
    for language in LANGUAGES:
        assert command(body, language) == Command(word, workflow=workflow)


@pytest.mark.parametrize(
    "body",
    [
        "stop by whenever you like",
        "try the soup",
        "start with the soup",
        "show me the way",
        "keep it to myself",
        "what the river carried",
        "in three weeks",
        "auf dem Weg",
        "en la playa",
        "letter to Ana",
        "lass das weg",
        "wieder zu Hause",
        "para mí no",
        "einladen wäre schön",
        "invitar a cenar",
        "was der Fluss getragen hat",
        "lade das bitte auf den Wagen und pack ein",
    ],
)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_everyday_talk_that_begins_like_a_command_is_none(body: str, spoken: str) -> None:
    assert command(body, spoken) is None


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ("language german", "de"),
        ("language Deutsch", "de"),
        ("Sprache deutsch", "de"),
        ("auf Deutsch, bitte", "de"),
        ("idioma alemán", "de"),
        ("idioma español", "es"),
        ("en espanol", "es"),
        ("Spanisch", None),
        ("in English", "en"),
        ("idioma inglés", "en"),
        ("language es", "es"),
    ],
)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_language_is_chosen_by_its_name_in_any_of_them(
    body: str, language: str | None, spoken: str
) -> None:
    assert command(body, spoken) == (Command("language", language=language) if language else None)


def test_a_language_that_the_bot_does_not_speak_is_still_a_wish_for_one() -> None:
    assert command("language French") == Command("language")
    assert command("Sprache") == Command("language")
    assert command("language of birds") is None


@pytest.mark.parametrize(
    ("body", "weekday"),
    [
        ("letter on Friday", 4),
        ("letter Fridays", 4),
        ("Brief am Freitag", 4),
        ("Brief sonntags", 6),
        ("carta el miercoles", 2),
        ("carta los lunes", 0),
        ("letter", None),
    ],
)
def test_the_letter_comes_on_a_day_of_the_week(body: str, weekday: int | None) -> None:
    assert command(body) == Command("letter", weekday=weekday)


@pytest.mark.parametrize(
    "body",
    ["what @ana carried", "What has Ana Silva carried?", "was Ana getragen hat", "lo que ha llevado Ana"],
)
def test_what_somebody_carried_names_them(body: str) -> None:
    assert command(body) == Command("what they carried", people=(ANA,))


def test_what_somebody_carried_may_leave_open_whose_is_meant() -> None:
    assert command("what they carried") == Command("what they carried")


@pytest.mark.parametrize(
    ("body", "until"),
    [
        ("pause until Monday", "2026-11-30 12:00"),
        ("Pause bis Montag", "2026-11-30 12:00"),
        ("Pause bis zum 3. Dezember", "2026-12-03 12:00"),
        ("Pause für 2 Wochen", "2026-12-09 12:00"),
        ("pausa hasta el lunes", "2026-11-30 12:00"),
        ("pausa de 2 semanas", "2026-12-09 12:00"),
        ("pausa hasta mañana a las 18:00", "2026-11-26 18:00"),
    ],
)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_pause_has_its_end_in_every_language(body: str, until: str, spoken: str) -> None:
    found = command(body, spoken)
    assert found is not None
    assert found.until_ms is not None
    assert datetime.fromtimestamp(found.until_ms / 1000, BERLIN).strftime("%Y-%m-%d %H:%M") == until


@pytest.mark.parametrize(
    ("body", "meant", "kept"),
    [
        ("absagen", Command("cancel"), ""),
        ("absagen 2", Command("cancel", nth=2), ""),
        ("basta", Command("enough"), ""),
        ("loslassen", Command("let go"), ""),
        ("einladen @ana @ben", Command("invite", people=(ANA, BEN)), ""),
        ("lade Ana und Ben ein", Command("invite", people=(ANA, BEN)), ""),
        ("lade alle ein", Command("invite", everyone=True), ""),
        ("einladen: alle", Command("invite", everyone=True), ""),
        ("invitar a todo el mundo", Command("invite", everyone=True), ""),
        ("invitar a Ana y Ben: cena", Command("invite", people=(ANA, BEN)), "cena"),
        ("Einladung: Abendessen bei mir", Command("invite"), "Abendessen bei mir"),
    ],
)
def test_the_words_of_shipped_workflows_may_be_said_otherwise(body: str, meant: Command, kept: str) -> None:
    reading, words = read(body)
    assert reading.command is not None
    assert msgspec.structs.replace(reading.command, rest=None) == meant
    assert (words if reading.command.rest is not None else "") == kept


def test_a_word_of_a_workflow_means_nothing_where_nothing_offers_it() -> None:
    assert command("verschieben") is None


@pytest.mark.parametrize(
    ("body", "language", "close_to"),
    [
        ("hlife", "de", "Hilfe"),
        ("ayudda", "es", "ayuda"),
        ("hlep", "de", "help"),
        ("widthdraw", "es", "withdraw"),
        ("persoan", "es", "persona"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_this_person_would_write(
    body: str, language: str, close_to: str
) -> None:
    found = command(body, language)
    assert found is not None
    assert found.close_to is not None
    assert found.close_to.casefold() == close_to.casefold()


@pytest.mark.parametrize("body", ["hola", "danke", "gracias", "gut", "bien", "moin", "vale pues", "bis dann"])
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_greetings_and_thanks_are_nowhere_near_a_command(body: str, spoken: str) -> None:
    assert command(body, spoken) is None


@pytest.mark.parametrize(
    ("body", "language", "meant"),
    [
        ("para", "es", Command("stop")),
        ("para", "en", None),
        ("brief", "de", Command("letter")),
        ("brief", "en", None),
        ("mine", "en", Command("my")),
    ],
)
def test_where_spellings_clash_the_persons_own_language_counts(
    body: str, language: str, meant: Command | None
) -> None:
    assert command(body, language) == meant


def test_who_has_chosen_no_language_is_spoken_to_in_that_of_the_house() -> None:
    spanish = Ear(Circle(), Circle(), ("Hearth",), language="es")
    assert read("para", ear=spanish)[0].command == Command("stop")
    assert read("para", "en", ear=spanish)[0].command is None


def test_an_ear_with_one_vocabulary_understands_nothing_else() -> None:
    english = Ear(Circle(), Circle(), ("Hearth",), Vocabulary.load("en"))
    assert read("Hilfe", ear=english)[0] == Reading()
    assert read("help", ear=english)[0].command == Command("help")


# ── answers ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ("ja gern", "coming"),
        ("Sí, claro", "coming"),
        ("si", "coming"),
        ("vale", "coming"),
        ("vielleicht", "maybe"),
        ("quizás", "maybe"),
        ("tal vez", "maybe"),
        ("nein", NO),
        ("Nein, leider nicht", NO),
        ("No, gracias", NO),
        ("esta vez no", NO),
        ("diesmal nicht", NO),
        ("ja, aber nur wenn es nicht regnet", None),
        ("sí, pero solo si no llueve", None),
        ("no, espera, sí", None),
    ],
)
def test_a_plain_yes_or_no_counts_in_every_language(body: str, choice: str | None, spoken: str) -> None:
    assert read(body, spoken, DINNER)[0].picks.get(DINNER.row) == choice


def own(ask: str, *labels: tuple[str, str]) -> Prompt:
    options = tuple(Option(choice, "", Phrase(key)) for choice, key in labels)
    choices = tuple((choice, "") for choice, _ in labels)
    message = Message(options=options)
    return Prompt(RowId(ask), InstanceId(""), ask, 1, choices, "choice", False, NOW_MS, NOW_MS, message)


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ("Yes, write to me", "yes"),
        ("Ja, schreib mir", "yes"),
        ("Sí, escríbeme", "yes"),
        ("nur wenn mich jemand einlädt", None),
        ("Nur, wenn mich jemand einlädt", "when"),
        ("Solo cuando alguien me invite", "when"),
        ("2", "when"),
        ("no", NO),
        ("nein", NO),
    ],
)
def test_the_bots_own_questions_are_answered_in_any_language(
    body: str, choice: str | None, spoken: str
) -> None:
    hello = own("hello", ("yes", "hello.yes"), ("when", "hello.when_invited"), (NO, "hello.no"))
    assert read(body, spoken, hello)[0].picks.get(hello.row) == choice


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ("offen lassen", "empty", True),
        ("dejar abierto", "empty", True),
        ("nichts", "empty", True),
        ("nada", "empty", True),
        ("alle", "everyone", True),
        ("todo el mundo", "everyone", True),
        ("ich", "people", (ME,)),
        ("yo", "people", (ME,)),
        ("me", "people", (ME,)),
        ("Ana und Ben", "people", (ANA, BEN)),
        ("Ana y Ben", "people", (ANA, BEN)),
        ("Ben e Ana", "people", (BEN, ANA)),
        ("drei", "number", 3),
        ("tres personas", "number", 3),
        ("zwölf", "number", 12),
    ],
)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_names_numbers_and_nothing_are_heard_in_every_language(
    body: str, field: str, value: Any, spoken: str
) -> None:
    assert getattr(read(body, spoken)[0], field) == value


@pytest.mark.parametrize(("language", "number"), [("es", 11), ("de", 11), ("en", None)])
def test_once_is_a_number_to_all_but_those_who_speak_english(language: str, number: int | None) -> None:
    assert read("once", language)[0].number == number


# ── moments ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "moment"),
    [
        ("am Freitag um 19 Uhr", "2026-11-27 19:00"),
        ("Freitag, 27. November, 19:00", "2026-11-27 19:00"),
        ("Freitag, den 27. November um 19.30 Uhr", "2026-11-27 19:30"),
        ("27.11. 19:00 Uhr", "2026-11-27 19:00"),
        ("Freitagabend 19 Uhr", "2026-11-27 19:00"),
        ("Freitag 7 Uhr abends", "2026-11-27 19:00"),
        ("Sonnabend 10 Uhr", "2026-11-28 10:00"),
        ("morgen um 18 Uhr", "2026-11-26 18:00"),
        ("übermorgen", "2026-11-27 12:00"),
        ("heute Abend um 20 Uhr", "2026-11-25 20:00"),
        ("in drei Wochen", "2026-12-16 12:00"),
        ("in einer Stunde", "2026-11-25 15:00"),
        ("kommenden Freitag 19 Uhr", "2026-11-27 19:00"),
        ("nächste Woche", "2026-11-30 12:00"),
        ("3. Mai", "2027-05-03 12:00"),
        ("12 Uhr mittags am Freitag", "2026-11-27 12:00"),
        ("el viernes a las 19:00", "2026-11-27 19:00"),
        ("viernes 27 de noviembre, 19:00", "2026-11-27 19:00"),
        ("27 de noviembre de 2026 a las 19:30", "2026-11-27 19:30"),
        ("el viernes a las 7 de la tarde", "2026-11-27 19:00"),
        ("sabado 10:00", "2026-11-28 10:00"),
        ("mañana", "2026-11-26 12:00"),
        ("mañana a las 9 de la noche", "2026-11-26 21:00"),
        ("pasado mañana", "2026-11-27 12:00"),
        ("esta noche a las 20:00", "2026-11-25 20:00"),
        ("en tres semanas", "2026-12-16 12:00"),
        ("dentro de una hora", "2026-11-25 15:00"),
        ("el próximo viernes", "2026-11-27 12:00"),
        ("el viernes que viene a las 19h", "2026-11-27 19:00"),
        ("la semana que viene", "2026-11-30 12:00"),
        ("mañana al mediodía", "2026-11-26 12:00"),
        ("Friday at 7pm", "2026-11-27 19:00"),
        ("tomorrow at 8 in the morning", "2026-11-26 08:00"),
        ("in 30 days", "2026-12-25 12:00"),
        ("in 30 Tagen", "2026-12-25 12:00"),
        ("en 30 días", "2026-12-25 12:00"),
        ("en 2 meses", "2027-01-25 12:00"),
    ],
)
def test_a_day_and_time_is_read_as_people_write_it_in_any_language(
    body: str, moment: str, spoken: str
) -> None:
    assert when(body, spoken) == moment


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    "body",
    [
        "nächsten Freitag",
        "morgen Abend",
        "Freitagabend",
        "halb acht",
        "Freitag halb 8",
        "um 7",
        "vor 2 Tagen",
        "Mittwoch oder Donnerstag",
        "jeden Freitag",
        "im November",
        "so",
        "do",
        "mi",
        "11/27",
        "3/4",
        "mañana por la mañana",
        "esta noche",
        "a las 7",
        "hace 2 días",
        "lunes y martes",
        "la semana pasada",
        "der Tag",
        "día",
        "Abendessen am Freitag mit Ana",
        "cena el viernes con Ana",
    ],
)
def test_what_could_mean_two_moments_or_none_means_none_in_any_language(body: str, spoken: str) -> None:
    assert when(body, spoken) is None


def test_an_abbreviation_is_read_as_the_persons_own_language_has_it() -> None:
    assert when("mar 19:00", "es") == "2026-12-01 19:00"
    assert when("Do 19:00", "de") == "2026-11-26 19:00"
    assert when("3 mar", "en") == "2027-03-03 12:00"


MIXED = (
    "stopp para start invitar einladen: alle todos @ana und y Freitag viernes um las 19 Uhr 7 abends de la tarde für "
    "mich behalten 2 was getragen hat Abendessen ausprobieren mañana morgen ja sí nein auf deutsch bis hasta"
)
SOMETHING = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=200),
    st.lists(st.sampled_from(MIXED.split()), max_size=10).map(" ".join),
)


@settings(max_examples=200, deadline=None)
@given(body=SOMETHING, language=st.sampled_from([*LANGUAGES, "", "fr"]))
def test_reading_never_raises_and_carries_no_words_in_any_language(body: str, language: str) -> None:
    mark = "Zanzibarmark"
    reading, _ = read(f"{body} {mark}", language, DINNER)
    assert mark.encode() not in msgspec.json.encode(reading)
    assert reading == read(f"{body} {mark}", language, DINNER)[0]
