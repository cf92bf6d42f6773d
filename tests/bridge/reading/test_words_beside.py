"""A choice and words beside it, said in one message where words are welcome."""

from __future__ import annotations

import pytest

from bridge.rehearsal import Stage
from bridge.wording.render import Hearer
from engine.core.definition import Definition
from engine.loading.load import load_definition

LOOK = """\
name: look
about: A look at how you are.
begins with: look
called: a look
people:
  member: starter
asks:
  look:
    to: member
    say: How is it for you, these days?
    answers: [Heavy, Light]
    also: in words
    seen by: me
    until: 5 days after opening
    keep: 30 days
states:
  asking:
    asks: look
    moves:
      - when: member writes enough
        to: over
      - at: 6 days after entering
        to: over
  over:
    ends with: It's over.
"""
QUESTION = "How is it for you"


async def looked(words: str) -> tuple[str, str]:
    """How the question reads once somebody has said this, and what stands of it in their file."""
    look = load_definition(LOOK, "look.yaml")
    assert isinstance(look, Definition), look
    stage = await Stage.set("ana", playbill=look)
    try:
        await stage.say("ana", "look")
        await stage.say("ana", words)
        hearer = Hearer(stage.cast.persons["ana"], "@ana:hearth.test")
        document = await stage.voice.document("export with reflections", hearer, stage.now_ms)
        return stage.now("ana", QUESTION), document.text
    finally:
        await stage.strike()


async def test_a_choice_with_words_behind_it_keeps_both() -> None:
    shown, file = await looked("Heavy, since the flood.")
    assert "You said: Heavy, and I have your words beside it." in shown
    assert "10:00 UTC: Heavy\n" in file
    assert "Heavy, since the flood." in file


@pytest.mark.parametrize("words", ["Heavy", "heavy!", "1", "Heavy, thanks"])
async def test_a_bare_choice_is_the_choice_alone(words: str) -> None:
    shown, file = await looked(words)
    assert "You said: Heavy. You can change it" in shown
    assert "You wrote" not in file


async def test_words_that_name_no_choice_clearly_are_words_alone() -> None:
    shown, file = await looked("Heavy, or maybe light.")
    assert "Thank you, I have your words." in shown
    assert "You said" not in file


async def test_a_no_stands_alone_whatever_stands_beside_it() -> None:
    shown, file = await looked("No thanks, I have told you already.")
    assert "You said: No, thanks." in shown
    assert "told you already" not in file
