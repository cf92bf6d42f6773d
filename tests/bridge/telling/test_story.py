"""Stories read as a person would tell them: golden texts, and promises that hold for every file.

``HEARTH_RETELL=1`` writes the golden texts anew; read them aloud before they are kept.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from unicodedata import category

import msgspec
import pytest

from bridge.cli import main
from bridge.telling.story import WIDTH, Story, in_order, story_as_text, tell_story
from engine.core.definition import Definition
from engine.loading.load import load_definition
from tests.bridge.telling.files import TEA, loaded
from tests.bridge.telling.strange import by_chance

ROOT = Path(__file__).parents[3]
STORIES = Path(__file__).parent / "stories"
FILES = sorted([*ROOT.glob("workflows/*.yaml"), *ROOT.glob("docs/examples/*.yaml"), *STORIES.glob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_told_as_it_was_read_aloud(file: Path) -> None:
    told = story_as_text(tell_story(loaded(file))) + "\n"
    golden = STORIES / f"{file.stem}.txt"
    if os.environ.get("HEARTH_RETELL"):
        golden.write_text(told, "utf-8")
    assert told == golden.read_text("utf-8"), (
        "told otherwise; HEARTH_RETELL=1 writes it anew, then read it aloud"
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_story_is_plain_text_that_fits_a_screen(file: Path) -> None:
    story = tell_story(loaded(file))
    text = story_as_text(story)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "_" not in text.replace("__", ""), "a name was left as it stands in the file"
    assert "None" not in text or "none" in file.read_text("utf-8").lower()
    for section in story.sections:
        for paragraph in section.paragraphs:
            assert paragraph.text.strip(), f"an empty paragraph in {section.heading}"
            assert "  " not in paragraph.text
            if paragraph.kind == "said":
                assert paragraph.text[-1] in ".:”", paragraph.text
            assert paragraph.kind == "quoted" or not paragraph.text[0].islower() or paragraph.kind == "item"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_state_and_every_question_is_told(file: Path) -> None:
    definition = loaded(file)
    assert {state.name for state in in_order(definition)} == set(definition.states)
    quoted = {
        p.text
        for section in tell_story(definition).sections
        for p in section.paragraphs
        if p.kind == "quoted"
    }
    asked = {name for state in definition.states.values() for name in state.asks}
    assert len(quoted) == len({definition.texts.get(f"{name}.say", name) for name in asked})


def test_a_small_file_is_told_from_beginning_to_end() -> None:
    text = " ".join(story_as_text(tell_story(loaded(TEA))).split())
    for said in (
        "Ana begins it by writing *tea*, and is the host.",
        "The guests are the people Ana names.",
        "Only Ana sees who says “I'm coming”; a no is seen by nobody.",
        "· If at least two are coming, it ends as “done”.",
        "· Otherwise it ends as “dropped”.",
        "Dropped: “It didn't come together.” Those coming hear: “No tea this time.”",
        "one reminder at most",
        "· three messages to each of the guests",
    ):
        assert said in text, text


def test_a_file_for_the_calendar_is_told_with_whoever_gets_it() -> None:
    dated = TEA.replace("asks:\n", "  starts:\n    ask: When?\n    type: date and time\nasks:\n", 1)
    dated = dated.replace("gather: guests", "gather: [guests, starts]")
    spoken = "      say: No tea this time.\n"
    for line, along in (
        ("", ""),
        ("      calendar: starts\n", ", with a file for the calendar"),
        (
            "      calendar: starts\n      called off: yes\n",
            ", with a file that takes it out of the calendar",
        ),
    ):
        story = tell_story(loaded(dated.replace(spoken, spoken + line)))
        assert f"Those coming hear{along}: “No tea this time.”" in " ".join(story_as_text(story).split())


def test_the_week_says_whether_the_limit_makes_messages_wait() -> None:
    three = " ".join(story_as_text(tell_story(loaded(TEA))).split())
    assert "The weekly limit lets two of them make a sound;" in three
    assert "The rest is quiet, or waits." in three
    two = story_as_text(
        tell_story(loaded(TEA.replace("    tell:\n      to: coming\n      say: No tea this time.\n", "")))
    )
    assert "That keeps within the weekly limit of two that make a sound." in two


def test_it_is_said_that_a_round_gone_through_again_brings_its_messages_again() -> None:
    again = "Where it goes round again within the week, what comes on the way comes again."
    assert again in " ".join(
        story_as_text(tell_story(loaded(ROOT / "workflows" / "invitation.yaml"))).split()
    )
    assert again not in " ".join(story_as_text(tell_story(loaded(TEA))).split())


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    definition = loaded(TEA)
    texts = definition.texts | {"invited.say": "Tea \x1b[2J\x07 for <host>"}
    text = story_as_text(tell_story(msgspec.structs.replace(definition, texts=texts)))
    assert "\x1b" not in text
    assert "Tea [2J for Ana" in text


@pytest.mark.parametrize("seed", range(40))
def test_any_definition_can_be_told_whatever_stands_in_it(seed: int) -> None:
    text = story_as_text(tell_story(by_chance(Random(seed))))
    assert "How it can end" in text
    assert not [each for each in text if each != "\n" and (category(each) == "Cc" or each == "\u202e")], (
        f"seed {seed}"
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_file_with_lines_missing_or_moved_is_refused_or_told(seed: int) -> None:
    chance = Random(seed)
    lines = chance.choice(FILES).read_text("utf-8").splitlines()
    for _ in range(chance.randint(1, 3)):
        index = chance.randrange(len(lines))
        line = lines.pop(index)
        if chance.random() < 0.5:
            lines.insert(chance.randrange(len(lines)), line)
    definition = load_definition("\n".join(lines))
    if isinstance(definition, Definition):
        assert story_as_text(tell_story(definition)), f"seed {seed}"


# ── the command ──────────────────────────────────────────────────────────────


def test_the_command_tells_a_good_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA, "utf-8")
    assert main(["check", "--story", str(file)]) == 0
    assert capsys.readouterr().out.startswith("Tea\n\nDrink tea together.\n\nWho takes part\n")


def test_the_command_tells_all_files_of_a_folder_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", "--story", "--format", "json", str(ROOT / "workflows")])
    told = capsys.readouterr().out
    stories = msgspec.json.decode(told.encode(), type=list[Story])
    assert {"invitation", "role"} <= {story.name for story in stories}
    assert set(json.loads(told)[0]) == {
        "name",
        "title",
        "about",
        "sections",
        "week",
        "week_in_the_room",
        "goes_round",
    }


def test_the_command_says_what_is_wrong_where_a_file_is_not_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tea.yaml"
    file.write_text(TEA.replace("seen by: host", "seen by: hst"), "utf-8")
    assert main(["check", "--story", str(file)]) == 1
    printed = capsys.readouterr()
    assert not printed.out
    assert "hst" in printed.err
    assert "A story can be told once these are mended." in printed.err


def test_without_a_file_the_command_says_how_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--story"]) == 2
    assert "hearth check --story workflows/" in capsys.readouterr().err


# ── what people carry, and what a circle uses ────────────────────────────────


def garden(*changes: tuple[str, str]) -> str:
    text = (STORIES / "shared_garden.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return " ".join(story_as_text(tell_story(loaded(text))).split())


def test_it_is_told_for_whom_it_begins_and_what_the_circle_needs_first() -> None:
    here = "It begins by itself for each person in the circle, once: for those who are there"
    needs = "The circle can take it up once it has two safety contacts and names help from outside."
    assert here in garden()
    assert needs in garden()
    arriving = garden(
        ("begins when: someone is here\nneeds: safety contacts\n", "begins when: someone arrives\n")
    )
    assert (
        "It begins by itself when somebody comes into the circle's room: let's say Ana, the newcomer."
        in arriving
    )
    assert needs not in arriving
    by_word = garden(("begins when: someone is here\n", ""))
    assert (
        "Ana begins it by writing *try* or *leave off* and the name of a workflow, and is the newcomer."
        in by_word
    )


def test_what_is_carried_is_told_with_its_states_or_for_as_long_as_it_runs() -> None:
    told = garden(
        ("    while: [beside]\n", ""),
        ("<newcomer>, until <ends>", "<newcomer>"),
        ("    after: done\n", ""),
        ("afterwards: Standing beside somebody who was new", "afterwards: Company"),
    )
    assert "As long as it runs, if Bruno said “Gladly”, Bruno finds it under *my people*" in told
    assert "After the end it stays under *what I carried*, theirs to show or to keep: “Company”." in told
    assert "What people carry" not in story_as_text(tell_story(loaded(TEA)))


def test_steps_are_told_without_the_states_they_were_made_into() -> None:
    club = (ROOT / "docs" / "examples" / "book_club.yaml").read_text("utf-8")
    carried = (
        "carried:\n  by: starter\n  as: a commitment\n  say: The evening\n  afterwards: An evening\nsteps:\n"
    )
    told = " ".join(story_as_text(tell_story(loaded(club.replace("steps:\n", carried, 1)))).split())
    assert "As long as it runs, Ana finds it under *my*, as a commitment: “The evening”." in told
    assert "After the end it stays under *what I carried*" in told
