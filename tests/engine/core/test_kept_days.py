"""How long words outlive the end: as long as was said where they were asked for, however they came."""

from __future__ import annotations

import pytest

from engine.core.definition import KEEP_DAYS, DetailDef, MoveDef, OnCommand, OnGathered, StateDef
from engine.core.effect import KeepText
from engine.core.turn import QUESTION, days_kept
from engine.core.values import DAY_MS, TextId, Words
from tests.engine.core.one_instance import Course, question, workflow

STATES = (
    StateDef("draft", gather=("what",), moves=(MoveDef(OnGathered(), "open"),)),
    StateDef("open", moves=(MoveDef(OnCommand("end", ("host",)), "over"),)),
)


@pytest.mark.parametrize("keep_days", [1, 30, None])
@pytest.mark.parametrize("asked_for", [True, False])
def test_the_words_of_a_detail_are_kept_as_its_file_says_asked_for_or_handed_over(
    keep_days: int | None, asked_for: bool
) -> None:
    course = Course(workflow(*STATES, details=[DetailDef("what", "words", keep_days=keep_days)]))
    if asked_for:
        course.begin().write("p1", "detail:what")
    else:
        course.begin(what=Words(TextId("t1")))
    assert course.state == "open"
    course.command("p1", "end")
    ends = {effect.text: effect.until_ms for effect in course.effects if isinstance(effect, KeepText)}
    assert ends == {TextId("t1"): course.now_ms + (keep_days or KEEP_DAYS) * DAY_MS}


def test_a_question_about_an_ask_is_kept_as_long_as_its_answers() -> None:
    definition = workflow(*STATES, asks=[question("a", "host", words=True, keep_days=30)])
    assert days_kept(definition, f"{QUESTION}a:p2") == days_kept(definition, "a") == 30
