"""Side files: a workflow's sentences in other languages, and what can be wrong with them."""

from __future__ import annotations

import pathlib

import pytest

from engine.core.definition import ABOUT_TEXT, TITLE_TEXT, Definition
from engine.loading.load import Examined, examine_file, examine_text, load_definition
from engine.loading.translations import SideFile
from tests.engine.loading.small import SMALL
from tests.engine.loading.test_steps import BOOK_CLUB

ROOT = pathlib.Path(__file__).parents[3]
SIDE = "texts/tea.de.yaml"
GERMAN = """\
title: Tee
about: Zusammen Tee trinken.
details:
  guests:
    ask: Wen?
  what:
    ask: Welchen Tee?
  starts:
    ask: Wann?
  kind:
    ask: Welcher?
    choices:
      green: Grün
      black: Schwarz
asks:
  invited:
    say: <host> lädt dich ein, <starts>, auf <what>.
    answers:
      coming: ✅ Ich komme
      maybe: Vielleicht
  room_wide:
    say: Tee für alle.
    answers: [Ich bin dabei]
  after:
    say: Wie war es?
states:
  open:
    board:
      say: "Es kommen: <coming>"
    moves:
      - tell:
          say: "Nicht dabei: <not joining invited>"
  done:
    ends with: Der Tee ist getrunken.
  dropped:
    ends with: Kein Tee.
"""


def examined(german: str, text: str = SMALL) -> Examined:
    return examine_text(text, "tea.yaml", [SideFile(SIDE, "de", german)])


def spoken(german: str, text: str = SMALL) -> dict[str, str]:
    found = examined(german, text)
    assert found.definition is not None, [str(p) for p in found.problems]
    return found.definition.translations["de"]


def test_a_whole_translation_says_everything_and_leaves_the_digest_as_it_was() -> None:
    found = examined(GERMAN)
    assert found.problems == ()
    assert found.definition is not None
    assert found.definition.digest == examine_text(SMALL, "tea.yaml").definition.digest  # type: ignore[union-attr]
    german = found.definition.translations["de"]
    assert (german[TITLE_TEXT], german[ABOUT_TEXT]) == ("Tee", "Zusammen Tee trinken.")
    assert german["invited.say"] == "<host> lädt dich ein, <starts>, auf <what>."
    assert german["kind.green"] == "Grün"
    assert {*german} >= {*found.definition.texts}


def test_the_sign_before_a_label_stays_the_one_of_the_file() -> None:
    assert spoken(GERMAN)["invited.coming"] == "Ich komme"


def test_answers_may_be_translated_by_name_or_in_their_order() -> None:
    assert spoken(GERMAN)["room_wide.count_me_in"] == "Ich bin dabei"
    by_name = GERMAN.replace("answers: [Ich bin dabei]", "answers:\n      count_me_in: Ich bin dabei")
    assert spoken(by_name) == spoken(GERMAN)


def test_what_is_missing_is_a_warning_and_the_file_serves() -> None:
    found = examined(GERMAN.replace("  after:\n    say: Wie war es?\n", ""))
    assert found.definition is not None
    assert [(p.file, p.code, p.severity) for p in found.problems] == [(SIDE, "untranslated", "warning")]
    assert "`asks.after.say`" in found.problems[0].message


@pytest.mark.parametrize(
    ("old", "new", "code", "hint", "line", "column"),
    [
        ("  after:", "  aftr:", "unknown-text", "did you mean `after`?", 24, 3),
        ("<host> lädt", "Du bist", "placeholder", "say it somewhere", 17, 10),
        ("Wie war es?", "Wie war <wat>?", "placeholder", "the original has none", 25, 10),
        ("auf <what>", "auf <waht>", "placeholder", "did you mean `what`?", 17, 10),
        ("Wie war es?", "Wie? " * 140, "too-long", "600", 25, 10),
        ("about: Zusammen", "seen by: host\nabout: Zusammen", "unknown-text", "only its sentences", 2, 10),
        ("title: Tee", "title: Tee\n\tx: y", "tab", "two spaces", 2, 1),
    ],
)
def test_what_is_wrong_is_said_with_the_side_files_own_name_and_line(
    old: str, new: str, code: str, hint: str, line: int, column: int
) -> None:
    found = examined(GERMAN.replace(old, new, 1))
    errors = [p for p in found.problems if p.severity == "error" and p.code == code and hint in p.hint]
    assert [(p.file, p.line, p.column) for p in errors][:1] == [(SIDE, line, column)], [
        str(p) for p in found.problems
    ]
    assert found.definition is not None, "the workflow itself is good"
    assert found.definition.translations == {}, "and is said in its own language"


def test_steps_are_translated_in_their_order_and_their_lists_with_them() -> None:
    german = """\
title: Lesekreis
steps:
  - say: <host> lädt dich ein, <book> zu lesen und am <meeting> darüber zu reden.
    answers: [Ich bin dabei, Vielleicht]
  - {}
  - say: Danke, dass du da warst. Magst du beim nächsten Buch mithelfen?
    answers: [Gern, Zu zweit]
"""
    said = spoken(german, BOOK_CLUB)
    assert said["ask_readers.count_me_in"] == "Ich bin dabei"
    assert said["called"] == "Lesekreis"
    assert said["step.1.board.host"] == (
        "*Lesekreis*\nIch bin dabei: <ask_readers__count_me_in>\nVielleicht: <ask_readers__maybe>"
    )
    assert said["ask_readers_anew.say"] == said["ask_readers.say"]
    assert said["ask_readers_anew.maybe"] == "Vielleicht"


def test_side_files_are_found_beside_their_file(tmp_path: pathlib.Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "tea.yaml").write_text(SMALL)
    (tmp_path / "texts" / "tea.de.yaml").write_text(GERMAN)
    (tmp_path / "texts" / "coffee.de.yaml").write_text("title: Kaffee")
    (tmp_path / "texts" / "tea.pt-BR.yaml").write_bytes(b"\xff\xfe")
    found = examine_file(tmp_path / "tea.yaml", "tea.yaml")
    assert [(p.file, p.code) for p in found.problems] == [("texts/tea.pt-BR.yaml", "encoding")]
    (tmp_path / "texts" / "tea.pt-BR.yaml").unlink()
    loaded = load_definition(tmp_path / "tea.yaml")
    assert isinstance(loaded, Definition)
    assert {*loaded.translations} == {"de"}


def test_too_many_translations_are_not_passed_over_in_silence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "tea.yaml").write_text(SMALL)
    for letter in "abcdefghijklmnopqrstu":
        (tmp_path / "texts" / f"tea.x{letter}.yaml").write_text(GERMAN)
    assert "too-many" in {p.code for p in examine_file(tmp_path / "tea.yaml").problems}


@pytest.mark.parametrize("name", ["invitation", "role"])
def test_the_shipped_workflows_speak_german_throughout(name: str) -> None:
    found = examine_file(ROOT / "workflows" / f"{name}.yaml")
    assert [str(p) for p in found.problems] == []
    assert found.definition is not None
    german = found.definition.translations["de"]
    assert [
        text for text in german.values() if "!" in text or ("ß" in text and "ss" in text and "Sie " in text)
    ] == []
