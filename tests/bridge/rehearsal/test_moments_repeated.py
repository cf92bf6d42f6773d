"""A day that somebody gives is said back with its weekday, and can be put right by an edit or a new message."""

from collections.abc import AsyncIterator

import pytest

from bridge.rehearsal.stage import Stage
from engine.loading.load import examine_text

WALK = """
name: Walk
about: Walk together.
details:
  starts: date and time
  what: text
steps:
  - tell: starter
    say: "<what>, <starts>."
"""
ASKED = "which day, and what time"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    examined = examine_text(WALK, "walk.yaml")
    assert examined.definition is not None, examined.problems
    stage = await Stage.set("ada", "bruno", playbill=examined.definition)
    await stage.say("ada", "walk")
    yield stage
    await stage.strike()


def noted(stage: Stage) -> str:
    return stage.now("ada", ASKED).splitlines()[-1]


async def test_it_is_repeated_with_its_weekday(stage: Stage) -> None:
    await stage.say("ada", "übermorgen um halb acht abends")
    assert noted(stage).startswith("Noted: ")
    assert "day" in noted(stage)
    assert "19:30" in noted(stage) or "7:30" in noted(stage)


async def test_an_edit_puts_it_right(stage: Stage) -> None:
    said = await stage.say("ada", "Friday 19:00")
    assert "Noted: Friday" in noted(stage)
    await stage.say("ada", "Saturday 18:00", edits=said)
    assert "Noted: Saturday" in noted(stage)


async def test_a_reply_to_the_question_puts_it_right(stage: Stage) -> None:
    await stage.say("ada", "Friday 19:00")
    await stage.say("ada", "Sunday 11:00", reply_to=stage.find("ada", ASKED).event)
    assert "Noted: Sunday" in noted(stage)
    await stage.say("ada", "Along the river")
    assert "Along the river, Sunday" in stage.new("ada")[-1]


async def test_what_could_be_morning_or_evening_is_asked_back(stage: Stage) -> None:
    before = len(stage.new("ada"))
    await stage.say("ada", "tomorrow at seven")
    assert len(stage.new("ada")) == before + 1
    assert "Noted" not in noted(stage)
