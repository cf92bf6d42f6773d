"""``export``: readable, complete, and for nobody but the reader."""

from __future__ import annotations

import pytest

from engine.core.desk import Call
from engine.core.values import DAY_MS
from tests.bridge.views.a_circle import DOCUMENTS, Circle, picnic


async def lived(circle: Circle) -> None:
    """Ana keeps something, Bruno learns it after having thought otherwise, and both write words of their own."""
    await circle.keeps("ana", "The keys", "Bruno", "Chen")
    await circle.say("ana", "The lock sticks.")
    await circle.answer("bruno", "Would you learn it", "no")
    await circle.answer("bruno", "Would you learn it", "gladly")


async def test_every_question_stands_there_with_its_choices_and_every_answer_with_its_day() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await lived(circle)
    text = (await circle.document("bruno", "export")).text
    asked = text.partition("What I asked you, and what you answered\n")[2].partition("What is not in here")[0]
    assert asked.strip().splitlines()[2:] == [
        "Monday 18 January, 10:00 UTC · Keeping",
        "Ana keeps *The keys* until Monday 1 February, 12:00 UTC. Would you learn it beside them?",
        "  - Gladly",
        "  - No, thanks",
        "You said, Monday 18 January, 10:00 UTC: No, thanks",
        "You said, Monday 18 January, 10:00 UTC: Gladly",
    ]


async def test_an_answer_that_was_taken_back_and_a_question_left_open_stand_there_without_reproach() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await circle.keeps("ana", "The keys", "Bruno", "Chen")
    event = await circle.stage.say("bruno", "gladly")
    await circle.stage.settle()
    await circle.stage.remove("bruno", event)
    await circle.stage.settle()
    assert (
        "You took your answer back, Monday 18 January, 10:00 UTC."
        in (await circle.document("bruno", "export")).text
    )
    assert (
        "It is open until Saturday 23 January, 10:00 UTC." in (await circle.document("chen", "export")).text
    )
    await circle.stage.pass_time(6 * DAY_MS)
    assert "You left it open, which was fine." in (await circle.document("chen", "export")).text


async def test_reflections_are_left_out_and_counted_unless_they_are_wanted() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await lived(circle)
    without = (await circle.document("ana", "export")).text
    assert "The lock sticks." not in without
    assert "1 answer that only you can see is left out here, as you asked." in without
    whole = (await circle.document("ana", "export with reflections")).text
    assert "(kept for 30 days after this has ended):\nThe lock sticks." in whole
    assert "left out" not in whole


async def test_every_text_that_is_kept_stands_in_the_file_once_with_its_end() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await lived(circle)
    await circle.say("ana", "keeping @bruno The garden gate")
    whole = (await circle.document("ana", "export with reflections")).text
    for words in ("The keys", "The lock sticks.", "The garden gate"):
        assert whole.count(f":\n{words}\n") == 1
    assert "Other words of yours that are kept" in whole


async def test_words_that_are_gone_are_said_to_be_gone() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await lived(circle)
    circle.stage.store._texts.clear()
    whole = (await circle.document("ana", "export with reflections")).text
    assert "You wrote something, Monday 18 January, 10:00 UTC. It is no longer kept." in whole


async def test_whom_one_let_be_told_stands_in_the_file() -> None:
    circle = await Circle.gather("ana", "dora")
    now_ms, dora = circle.stage.now_ms, circle.id("dora")
    await circle.lay("ana", calls=(Call(dora, now_ms), Call(dora, now_ms, answered=True)))
    text = (await circle.document("ana", "export")).text
    assert "Dora, Monday 18 January, 10:00 UTC: you'd like to talk.\n" in text
    assert "They said that they would write." in text


async def test_a_private_question_is_told_of_once_it_was_opened_or_answered() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.mends("ana", "Bruno", "It was like this.", goes_on=True)
    whole = "export with reflections"
    assert "mend something between you" not in (await circle.document("bruno", whole)).text
    await circle.say("bruno", "open")
    assert "Ana would like to mend something between you." in (await circle.document("bruno", whole)).text
    assert "It was like this." not in (await circle.document("bruno", whole)).text


async def test_whoever_was_never_asked_anything_hears_that() -> None:
    circle = await Circle.gather("ana")
    text = (await circle.document("ana", "export")).text
    assert "I haven't asked you anything yet." in text
    assert text.startswith("What Hearth keeps about you\n===========================\n")


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_the_file_is_called_after_the_day_it_was_made_and_never_shows_itself_in_a_log(
    document: str,
) -> None:
    circle = await Circle.gather("ana")
    made = await circle.document("ana", document)
    assert made.filename == "hearth-2027-01-18.txt"
    assert "Ana" not in repr(made)


async def test_once_something_has_ended_its_words_have_a_date_on_which_they_go() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await lived(circle)
    await circle.say("ana", "over")
    whole = (await circle.document("ana", "export with reflections")).text
    assert "(kept until Wednesday 17 February, 10:00 UTC):\nThe lock sticks." in whole
    known = await circle.reads("ana", "know")
    assert (
        "2 texts of yours are kept. The first goes on Wednesday 17 February, 10:00 UTC, the last on" in known
    )


async def test_what_was_taken_up_in_the_room_stands_there_and_so_does_whom_it_was_for() -> None:
    circle = await Circle.gather("ana", "bruno", definitions=(picnic,))
    await circle.say("ana", "picnic", "everyone", "Bread, and more.")
    await circle.stage.tap("bruno", "🙋", "Bread", room=True)
    await circle.stage.settle()
    taken_up = (await circle.document("bruno", "export")).text
    assert "In the circle's room · Picnic\nYou said, Monday 18 January, 10:00 UTC: I'm in\n" in taken_up
    begun = (await circle.document("ana", "export")).text
    assert (
        "Who is it for? Name them, or write *everyone*.\nYou said, Monday 18 January, 10:00 UTC: everyone"
        in begun
    )
    assert "What you are part of\n--------------------\n\n· Picnic: Bread, and more." in begun
