"""A circle that has not taken everything up yet: what a file would go on with is not there, and it goes on kindly."""

from __future__ import annotations

import functools

from bridge.rehearsal import Playbill, Stage
from engine.core.values import DAY_MS
from engine.runtime.ports import Adoption
from tests.scenarios import promises
from tests.scenarios.conftest import WORKFLOWS

NAMES = ("ana", "bruno", "chen")


@functools.cache
def everything() -> Playbill:
    """All that Hearth ships, read once."""
    return Playbill.of_folder(WORKFLOWS)


async def circle_with(*in_use: str) -> Stage:
    """A circle in which everything is in service, and only these are in use."""
    return await Stage.set(*NAMES, playbill=everything(), at_start=frozenset(in_use))


async def test_a_hand_is_lent_where_nobody_promises_anything_with_the_bot_yet() -> None:
    stage = await circle_with("need")
    await stage.say("ana", "need: Somebody to carry a sofa.")
    await stage.say("ana", "in 4 days")
    await stage.tap("chen", "🤲", "Ana could use a hand", room=True)
    assert stage.state() == "by_hand"
    assert "Chen lends you a hand" in stage.words("ana")
    assert stage.new("chen")[-1].startswith("Thank you for lending Ana a hand")
    assert "You said you'd do this" not in stage.words("chen")
    await stage.pass_time(12 * DAY_MS)
    assert stage.state() == "met"
    await promises.check(stage)
    await stage.strike()


async def test_whoever_lends_a_hand_without_a_promise_may_put_it_down_with_one_word() -> None:
    stage = await circle_with("need")
    await stage.say("ana", "need: Somebody to carry a sofa.")
    await stage.say("ana", "in 4 days")
    await stage.tap("chen", "🤲", "Ana could use a hand", room=True)
    await stage.say("chen", "rest")
    assert stage.state() == "open"
    assert len([words for words in stage.new(room=True) if words.startswith("Ana could use a hand")]) == 2
    await promises.check(stage)
    await stage.strike()


async def test_a_thank_you_that_cannot_be_carried_says_so_to_the_giver_alone() -> None:
    stage = await circle_with("gratitude")
    await stage.pass_time(31 * DAY_MS)
    question = stage.find("chen", "Did someone make your week easier?")
    await stage.say("chen", "Bruno", reply_to=question.event)
    await stage.pass_time(7 * DAY_MS)
    assert "I can't carry a thank-you here at the moment" in stage.words("chen")
    assert "Chen" not in stage.words("ana") + stage.words("bruno") + stage.words(room=True)
    await promises.check(stage)
    await stage.strike()


async def test_what_comes_round_for_everybody_ends_once_the_circle_has_left_it_off() -> None:
    stage = await circle_with("gratitude")
    await stage.pass_time(31 * DAY_MS)
    stage.practices.take_in([Adoption(stage.cast.circle, "gratitude", in_use=False)])
    await stage.pass_time(40 * DAY_MS)
    assert {snapshot.state for snapshot in stage.snapshots()} == {"left_off"}
    await promises.check(stage)
    await stage.strike()


async def test_a_proposal_that_enough_take_part_in_says_what_is_not_in_use_yet() -> None:
    stage = await circle_with("invitation")
    await stage.say("ana", "invite @bruno and @chen: We meet every second week.")
    for words in ("3", "in 4 days", "1"):
        await stage.say("ana", words)
    await stage.tap("bruno", "✅", "Ana invites you")
    await stage.pass_time(4 * DAY_MS)
    assert "*try decision* asks everyone" in stage.words("ana")
    assert "How would you like to go about it?" not in stage.words("ana")
    await promises.check(stage)
    await stage.strike()


async def test_a_role_ends_without_a_round_that_the_circle_has_not_taken_up() -> None:
    stage = await circle_with("role")
    await stage.say("ana", "role: Kitchen")
    for words in ("Soup on Fridays.", "What to cook.", "Bruno", "none", "in 4 months"):
        await stage.say("ana", words)
    await stage.tap("bruno", "🌿", "hold this role")
    await stage.say("bruno", "rest")
    await stage.pass_time(2 * DAY_MS)
    assert "*Kitchen* is open now" in stage.words(room=True)
    assert "Would you like to hear how it was for others?" not in stage.words("bruno")
    assert "card that only you read" not in stage.words("bruno")
    await promises.check(stage)
    await stage.strike()
