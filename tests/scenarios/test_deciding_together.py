"""Turns, nominations, decisions, commitments and hands, as their people live them. It is Monday, ten in the morning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bridge.rehearsal import Stage
from engine.core.values import DAY_MS
from tests.scenarios import promises
from tests.scenarios.conftest import Theatre

NAMES = ("ana", "bruno", "chen", "dora", "emil")
# Found by their answers: a weekly letter lists what is open with somebody, and is no question itself.
OFFER = "1. 🌿 Yes, thank you"
TAKE_ON = "1. 🌿 I'll take it"
CONSENT = "1. 👍 Agree"
BESIDE = "1. 🌿 I'll be there"
WOULD_YOU = "1. 🌿 I would"
CONFIRM = "1. 🌿 Yes, ask them"
Beginning = Callable[[Stage], Awaitable[None]]


async def say(stage: Stage, *lines: str) -> None:
    """Ana says these, one after another, to Hearth."""
    for line in lines:
        await stage.say("ana", line)


async def promised(stage: Stage) -> None:
    await say(stage, "promise: I'll mend the lamp in the hall.", "Bruno", "in 20 days")


async def handed_on(stage: Stage) -> None:
    await promised(stage)
    await stage.tap("bruno", "🌿", OFFER)
    await say(stage, "hand on", "Chen")


async def proposed(stage: Stage) -> None:
    await say(stage, "decide: We meet every second week.", "1", "2", "in 3 months")


async def objected(stage: Stage) -> None:
    """Dora has seen harm, wants somebody beside her, and has named Chen."""
    await proposed(stage)
    await stage.tap("dora", "✋", CONSENT)
    await stage.pass_time(6 * DAY_MS)
    await stage.tap("dora", "🤝", "Would you like somebody beside you")
    await stage.pass_time(2 * DAY_MS)
    await stage.say("dora", "Chen")
    await stage.pass_time(3 * DAY_MS)


async def nominated(stage: Stage) -> None:
    """Dora has named Bruno, Emil has named Chen, and both have been asked."""
    await say(stage, "nominate: Kitchen", "Soup on Fridays.", "What to cook.", "in 12 months", "2")
    for name, named in (("dora", "Bruno"), ("emil", "Chen")):
        await stage.say(name, named, reply_to=stage.find(name, "Whom could you see with it?").event)
    await stage.pass_time(8 * DAY_MS)


async def chosen(stage: Stage) -> None:
    """Bruno would hold it, Ana has named him, and he is asked once more."""
    await nominated(stage)
    await stage.tap("bruno", "🌿", WOULD_YOU)
    await stage.pass_time(4 * DAY_MS)
    await stage.say("ana", "Bruno", reply_to=stage.find("ana", "These would hold").event)
    await stage.pass_time(2 * DAY_MS)


PRIVATE_ASKS: dict[str, tuple[Beginning, str, str]] = {
    "an offer": (promised, "bruno", OFFER),
    "something handed on": (handed_on, "chen", TAKE_ON),
    "a proposal": (proposed, "emil", CONSENT),
    "being beside an objector": (objected, "chen", BESIDE),
    "being named for a role": (nominated, "chen", WOULD_YOU),
    "one's name before the circle": (chosen, "bruno", CONFIRM),
}


@pytest.mark.parametrize("asked", PRIVATE_ASKS)
async def test_a_no_is_silence_to_everyone_else_line_by_line(theatre: Theatre, asked: str) -> None:
    begin, who, question = PRIVATE_ASKS[asked]
    silent, said_no = await theatre(*NAMES), await theatre(*NAMES)
    for stage in (silent, said_no):
        await begin(stage)
        stage.find(who, question)
    await said_no.say(who, "No, thanks", reply_to=said_no.find(who, question).event)
    for stage in (silent, said_no):
        await stage.pass_time(60 * DAY_MS)
        promises.check_prompts(stage)
    assert said_no.diaries(but=who) == silent.diaries(but=who)


async def test_nobody_sees_what_was_answered_to_a_proposal_before_it_closes(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await proposed(stage)
    before = {name: stage.diary(name) for name in ("ana", "chen", "emil")}
    await stage.tap("bruno", "👍", CONSENT)
    await stage.tap("dora", "✋", CONSENT)
    assert {name: stage.diary(name) for name in before} == before
    await stage.pass_time(6 * DAY_MS)
    assert [words for words in stage.new("ana") if words.startswith("Harm has been seen")]
    others = stage.words("bruno") + stage.words("chen") + stage.words("emil") + stage.words(room=True)
    assert "Dora" not in others


async def test_an_objector_is_heard_before_the_proposal_goes_on(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await objected(stage)
    await stage.tap("chen", "🌿", BESIDE)
    assert "Beside you: Chen." in stage.new("dora")[-1]
    await stage.pass_time(2 * DAY_MS)
    harm = stage.find("dora", "What harm could this do?")
    await stage.say("dora", "Those who work late would miss it.", reply_to=harm.event)
    assert [words for words in stage.new("ana") if "Those who work late would miss it." in words]
    assert "Those who work late" not in stage.words("chen") + stage.words("bruno") + stage.words(room=True)
    await stage.pass_time(6 * DAY_MS)
    await stage.say("ana", "We meet every second week, by turns at noon.")
    await stage.pass_time(DAY_MS)
    assert "by turns at noon" in stage.find("bruno", CONSENT).words


async def test_a_role_found_by_nomination_begins_without_a_third_question(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await chosen(stage)
    await stage.tap("bruno", "🌿", CONFIRM)
    await stage.pass_time(4 * DAY_MS)
    for name in ("emil", "dora"):
        await stage.tap(name, "👍", CONSENT)
    await stage.pass_time(7 * DAY_MS)
    await stage.say("ana", "none", reply_to=stage.find("ana", "as understudy?").event)
    assert "Bruno holds a role now: *Kitchen*." in stage.words(room=True)
    assert "Would you hold this role?" not in stage.words("bruno")


async def test_whoever_takes_up_an_open_role_holds_it_once_they_said_until_when(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await say(stage, "role: Kitchen", "Soup on Fridays.", "What to cook.", "Bruno", "none", "in 4 months")
    await stage.tap("bruno", "🌿", "hold this role")
    await stage.say("bruno", "rest")
    await stage.tap("dora", "🙋", "Who'd like it next?", room=True)
    await stage.pass_time(DAY_MS)
    for words in ("none", "in 6 months"):
        await stage.say("dora", words)
    assert "Dora holds a role now: *Kitchen*." in stage.words(room=True)
    assert "Would you hold this role?" not in stage.words("dora")


async def test_whoever_lends_a_hand_has_a_promise_of_their_own(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await say(stage, "need: Somebody to carry a sofa.", "in 4 days")
    await stage.tap("chen", "🤲", "Ana could use a hand", room=True)
    assert "You said you'd do this for Ana" in stage.new("chen")[-1]
    assert "Chen lends you a hand" in stage.words("ana")
    await stage.say("chen", "let go")
    assert len([words for words in stage.new(room=True) if words.startswith("Ana could use a hand")]) == 2


async def test_nothing_of_a_promise_reaches_anybody_but_the_two(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    before = {name: stage.diary(name) for name in ("chen", "dora", "emil")}
    await promised(stage)
    await stage.tap("bruno", "🌿", OFFER)
    await stage.pass_time(60 * DAY_MS)
    assert {name: stage.diary(name) for name in before} == before
    assert not stage.diary(room=True)
