"""The story of one instance: whoever takes part hears their side of it, and why something did not happen."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from bridge.rehearsal import Stage
from bridge.rehearsal.playbill import Playbill
from bridge.settings import shipped_workflows
from bridge.telling.replaying import KEPT, Heard
from bridge.views.replayed import UNTOLD, Withheld, in_words, story_of
from bridge.wording.render import Hearer
from engine.core.definition import Definition
from engine.core.event import Facts
from engine.core.values import DAY_MS, HOUR_MS, InstanceId
from engine.loading.load import load_definition
from tests.privacy.crowd import MARK, STEWARD, WORKFLOWS, Crowd

STILL = "eli"
STEPS = 40
SOUP = "invite @bruno and @chen: Soup and songs at my place"


def shipped(name: str) -> Definition:
    definition = load_definition(shipped_workflows() / f"{name}.yaml")
    assert isinstance(definition, Definition)
    return definition


async def invited(*, enough: int = 3) -> Stage:
    """Ana has invited Bruno and Chen to soup on Friday."""
    stage = await Stage.set("ana", "bruno", "chen", "dora", playbill=beside("invitation"))
    await stage.say("ana", SOUP, room=True)
    for answer in ("1", "Friday 19:00", str(enough)):
        await stage.say("ana", answer)
    return stage


def beside(name: str) -> Playbill:
    return Playbill.around(shipped(name), shipped_workflows())


async def heard(stage: Stage, name: str = "nobody", nth: int = -1) -> list[Heard] | None:
    """The story of what was begun last, as somebody hears it; None if they hear nothing."""
    for definition in stage.catalogue.definitions():
        await stage.store.put_definition(definition, "")
    stage.voice._texts = Withheld()
    story = await story_of(stage.store, stage.snapshots()[nth].id, f"@{name}:hearth.test")
    if story is None:
        return None
    assert story.is_faithful
    told = await in_words(story, stage.voice, Hearer(person=story.person), stage.now_ms)
    return list(told.steps)


def texts(steps: list[Heard] | None, kind: str) -> list[str]:
    assert steps is not None
    return [step.text for step in steps if step.kind == kind]


async def test_the_host_hears_how_many_were_lacking() -> None:
    stage = await invited()
    await stage.say("bruno", "I'm coming")
    await stage.pass_time(4 * DAY_MS)
    said = "At “reply by” it would have gone on if at least as many as “enough” are coming (1 of 3)."
    assert said in texts(await heard(stage, "ana"), "not_yet")
    assert texts(await heard(stage, "bruno"), "not_yet") == [], "how many come is for the host to see"
    await stage.strike()


async def test_what_one_did_stands_there_and_what_others_did_only_by_what_it_brought() -> None:
    stage = await invited()
    await stage.say("bruno", "No, thanks")
    assert texts(await heard(stage, "bruno"), "did") == ["You answered “Ana invites you.” with “no”."]
    ana = await heard(stage, "ana")
    assert ana is not None
    assert not [step for step in ana if "Bruno" in step.text]
    await stage.strike()


async def test_a_board_is_told_in_one_line_and_a_dot_stands_where_its_lines_end() -> None:
    stage = await invited()
    shown = texts(await heard(stage, "ana"), "told")[-1]
    assert ". Coming: nobody yet · Maybe: nobody yet · A no is seen by nobody. *cancel* " in shown
    await stage.strike()


async def test_a_question_is_told_by_its_first_line() -> None:
    stage = await invited()
    did = texts(await heard(stage, "ana"), "did")
    assert "You answered “When does it start?” with a date." in did
    assert not [each for each in did if "<question>" in each]
    await stage.strike()


async def test_a_private_one_and_one_that_is_not_there_tell_nothing_to_anybody() -> None:
    stage = await invited()
    assert await heard(stage) is None
    assert await heard(stage, "dora") is None
    assert await story_of(stage.store, InstanceId("0" * 32), "@ana:hearth.test") is None
    await stage.strike()
    repair = await Stage.set("ana", "bruno", "chen", "dora", playbill=beside("trust_repair"))
    await repair.say("ana", "mend")
    assert repair.snapshots()
    for name in ("ana", "bruno", "nobody"):
        assert await heard(repair, name) is None, "of what is private no view says more than that it is there"
    await repair.strike()


async def test_whoever_stands_in_it_and_has_been_asked_nothing_yet_hears_nothing() -> None:
    stage = await Stage.set("ana", "bruno", "chen", "dora", playbill=beside("invitation"))
    await stage.say("ana", SOUP, room=True)
    assert await heard(stage, "ana") is not None
    assert await heard(stage, "bruno") is None
    await stage.strike()


async def test_what_came_later_is_told_when_it_came_and_what_is_on_its_way_not_at_all() -> None:
    stage = await Stage.set("ana", "bruno", "chen", "dora", playbill=beside("invitation"))
    await stage.pass_time(12 * HOUR_MS)  # it is 22:00, and quiet until 9:00
    await stage.say("ana", SOUP, room=True)
    for answer in ("1", "Friday 19:00", "1"):
        await stage.say("ana", answer)
    assert await heard(stage, "bruno") is None
    await stage.pass_time(12 * HOUR_MS)
    steps = await heard(stage, "bruno")
    assert steps is not None
    (asked,) = [step for step in steps if step.kind == "asked"]
    assert asked.at_ms is not None
    assert asked.at_ms % DAY_MS >= 9 * HOUR_MS
    await stage.strike()


async def test_what_was_kept_from_somebody_says_why_and_not_what_it_was() -> None:
    stage = await invited(enough=1)
    await stage.say("bruno", "I'm coming")
    await stage.say("bruno", "not from @ana")
    await stage.pass_time(4 * DAY_MS)
    steps = await heard(stage, "bruno")
    said = f"Something did not come to you: {KEPT['not from this person']}."
    assert said in texts(steps, "kept_from_you")
    await stage.strike()


async def test_a_question_that_closed_unanswered_is_told_to_whoever_it_lay_with() -> None:
    stage = await invited(enough=1)
    await stage.say("bruno", "I'm coming")
    await stage.pass_time(6 * DAY_MS)
    closed = "“Ana invites you.” closed, without an answer of yours."
    assert closed in texts(await heard(stage, "chen"), "closed")
    assert closed not in texts(await heard(stage, "bruno"), "closed")
    await stage.strike()


async def test_what_the_circle_sees_is_told_to_everybody_without_names_and_times_it_could_not_tell() -> None:
    stage = await Stage.set("ana", "bruno", "chen", "dora", playbill=beside("need"))
    await stage.say("ana", "need: A hand with the shelves")
    await stage.say("ana", "Friday 19:00")
    outside = await heard(stage)
    assert [step.text for step in outside or ()] == ["The circle sees it in “open”."]
    assert await heard(stage, "dora") == outside
    await stage.strike()


async def test_what_began_before_it_was_noted_and_was_moved_since_says_so() -> None:
    stage = await invited()
    snapshot = stage.snapshots()[-1]
    journal = stage.store._journal[f"i/{snapshot.id}"]
    facts = journal[1].facts
    assert isinstance(facts, Facts)
    from engine.core.event import Migrated

    journal[1] = replace(journal[1], facts=replace(facts, definition=""))
    last = journal[max(journal)]
    journal[last.n + 1] = replace(last, n=last.n + 1, event=Migrated(snapshot.definition, "open"))
    for definition in stage.catalogue.definitions():
        await stage.store.put_definition(definition, "")
    story = await story_of(stage.store, snapshot.id, "@ana:hearth.test")
    assert story is not None
    assert (story.steps, story.before) == ((), UNTOLD)
    await stage.strike()


# ── over plays that people make up as they go ────────────────────────────────


async def stories(crowd: Crowd, *, but: str = "") -> dict[str, list[list[Heard] | None]]:
    """Reader → what they hear of everything that was begun."""
    return {
        name: [await heard(crowd.stage, name, nth) for nth in range(len(crowd.stage.snapshots()))]
        for name in (*crowd.stage.cast.persons, "nobody")
        if name != but
    }


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_a_no_and_a_silence_are_one_thing_in_every_story(workflow: str) -> None:
    silent = await Crowd.gather(workflow, 200, still=(STILL,))
    declined = await Crowd.gather(workflow, 200, still=(STILL,))
    eli = random.Random(7)
    try:
        begun = len(silent.deeds)
        await silent.carry_on(STEPS)
        for deed in silent.deeds[begun:]:
            if eli.random() < 0.3:
                await declined.decline(STILL, eli)
            await declined.do(deed)
        for crowd in (silent, declined):
            await crowd.stage.pass_time(20 * DAY_MS)
        one, other = await stories(silent, but=STILL), await stories(declined, but=STILL)
        for name, heard_in_silence in one.items():
            assert other[name] == heard_in_silence, f"{name} can tell\n{silent.told()}"
    finally:
        await silent.stage.strike()
        await declined.stage.strike()


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_nobodys_words_stand_in_any_story_and_a_steward_hears_no_more_than_anybody(
    workflow: str,
) -> None:
    crowd = await Crowd.gather(workflow, 300)
    try:
        await crowd.carry_on(STEPS)
        await crowd.stage.pass_time(20 * DAY_MS)
        told = await stories(crowd)
        assert MARK.search(str(told)) is None, crowd.told()
        for nth, snapshot in enumerate(crowd.stage.snapshots()):
            people = await crowd.stage.store.people_of(snapshot.id)
            if crowd.stage.cast.persons[STEWARD] not in people:
                assert told[STEWARD][nth] == told["nobody"][nth], crowd.told()
    finally:
        await crowd.stage.strike()
