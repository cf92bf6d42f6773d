"""Two circles in one house: whoever is in only one of them sees nothing of the other, and feels nothing of it."""

from __future__ import annotations

import os

import pytest

from engine.core.parcel import Direct
from engine.core.values import DAY_MS
from tests.privacy.crowd import WORKFLOWS
from tests.privacy.test_privacy import LOOKED_AT, told
from tests.privacy.two_circles import (
    COMMON,
    LIGHTHOUSE,
    SIDES,
    SYCAMORE,
    CrowdOfOne,
    Side,
    StageOfTwo,
    found_of,
    other,
)

SEEDS = int(os.environ.get("HEARTH_PRIVACY", "1"))
STEPS = 40
ACTS_BETWEEN = 2
LOOKED_AT_BY_NAME = (
    *LOOKED_AT,
    *(f"what @{name} carried" for side in SIDES for name in (side.people[0], side.steward)),
    f"what @{COMMON} carried",
)


def has_own_folder(workflow: str, seed: int) -> bool:
    """Whether each circle has a folder of its own: so in half of the plays."""
    return (WORKFLOWS.index(workflow) + seed) % 2 == 1


def told_of_both(crowds: tuple[CrowdOfOne, CrowdOfOne]) -> str:
    return "\n".join(f"in {crowd.side.called}: {crowd.told()}" for crowd in crowds)


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_nobody_ever_sees_anything_of_a_circle_that_they_are_not_in(workflow: str, seed: int) -> None:
    stage = await StageOfTwo.raised(workflow, seed, apart=has_own_folder(workflow, seed))
    crowds = tuple(CrowdOfOne(stage, side, (*side.people, COMMON)) for side in SIDES)
    try:
        for crowd in crowds:
            await crowd.begin(workflow)
        for _ in range(STEPS):
            await crowds[0].carry_on(1)
            await crowds[1].act()
            await stage.look_who_holds()
        await stage.pass_time(40 * DAY_MS)
        for words in LOOKED_AT_BY_NAME:
            for name in (
                SYCAMORE.people[0],
                SYCAMORE.steward,
                LIGHTHOUSE.people[0],
                LIGHTHOUSE.steward,
                COMMON,
            ):
                await stage.say(name, words)
        assert not await stage.store.quarantined(), told_of_both(crowds)
        for side in SIDES:
            assert stage.begun_in(side), f"nothing began in {side.called}"
            _hold_people_apart(stage, side, crowds)
            await _hold_records_apart(stage, side, crowds)
        _hold_what_both_hear_apart(stage, crowds)
    finally:
        await stage.strike()


def _hold_people_apart(stage: StageOfTwo, side: Side, crowds: tuple[CrowdOfOne, CrowdOfOne]) -> None:
    """Nobody who is only here, and no room of here, ever shows anything of the other circle."""
    only_here = [name for name in (*side.people, side.newcomer) if name in stage.cast.persons]
    read = {name: stage.words(name) for name in only_here} | {"the room": stage.words_in(side)}
    for reader, words in read.items():
        found = found_of(other(side), words)
        assert not found, f"{reader} of {side.called} read {found}\n{words}\n{told_of_both(crowds)}"


def _hold_what_both_hear_apart(stage: StageOfTwo, crowds: tuple[CrowdOfOne, CrowdOfOne]) -> None:
    """In what is about something here, whoever is in both reads no name from there, but for their own."""
    circle_of = {each.id: stage.cast.side_of[each.circle] for each in stage.snapshots()}
    for brought in stage.postman.brought:
        parcel = brought.parcel
        if parcel.about in circle_of and parcel.message.view is None and isinstance(parcel.to, Direct):
            side = circle_of[parcel.about]
            strange = found_of(other(side), brought.words) - {other(side).common}
            assert not strange, (
                f"{strange} in something of {side.called}: {brought.words}\n{told_of_both(crowds)}"
            )


async def _hold_records_apart(stage: StageOfTwo, side: Side, crowds: tuple[CrowdOfOne, CrowdOfOne]) -> None:
    """Nobody who is only there is kept as one of something that runs here."""
    strangers = {stage.cast.persons[name] for name in other(side).people}
    for snapshot in stage.begun_in(side):
        people = await stage.store.people_of(snapshot.id)
        assert not strangers & set(people), f"in {side.called}\n{told_of_both(crowds)}"


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_whatever_happens_in_one_circle_is_not_felt_in_the_other(workflow: str, seed: int) -> None:
    apart = has_own_folder(workflow, seed)
    alone, beside = [await StageOfTwo.raised(workflow, seed + 100, apart=apart) for _ in range(2)]
    quiet, same = [CrowdOfOne(stage, SYCAMORE, SYCAMORE.people) for stage in (alone, beside)]
    busy = CrowdOfOne(beside, LIGHTHOUSE, (*LIGHTHOUSE.people, COMMON))
    try:
        await quiet.begin(workflow)
        await quiet.carry_on(STEPS)
        await same.begin(workflow)
        await busy.begin(workflow)
        for deed in quiet.deeds[len(same.deeds) :]:
            for _ in range(ACTS_BETWEEN):
                await busy.act()
            await same.do(deed)
        for stage in (alone, beside):
            await stage.pass_time(40 * DAY_MS)
            for words in LOOKED_AT:
                await stage.say(SYCAMORE.steward, words)
        for name in ("", *SYCAMORE.people):
            for stage in (alone, beside):
                stage.cast.stand_in(stage.circle_of(SYCAMORE))
            lines = alone.diary(name, room=not name)
            assert told(beside.diary(name, room=not name)) == told(lines), (
                f"{name or 'the room'} can tell\n{told_of_both((same, busy))}"
            )
        assert len(busy.deeds) > 1, "nobody did anything in the other circle"
    finally:
        await alone.strike()
        await beside.strike()
