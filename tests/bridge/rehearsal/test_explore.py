"""Walking every branch: what is found where something is wrong, and that nothing is found where nothing is."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.cli.explore import told
from bridge.rehearsal.explore import Bound, Explored, explore
from bridge.rehearsal.playbill import Playbill
from engine.core.definition import Definition, StateDef
from engine.loading.load import load_definition
from tests.bridge.command import PROJECT_FOLDER
from tests.bridge.rehearsal.teas import tea

EXAMPLES = sorted((PROJECT_FOLDER / "docs" / "examples").glob("*.yaml"))
AMPLE = Bound(steps=3_000, seconds=90.0)


async def walked(definition: Definition, bound: Bound = AMPLE) -> Explored:
    return await explore(definition, Playbill([definition]), bound)


def with_state(definition: Definition, name: str, state: StateDef) -> Definition:
    """The same with another state, as no file that passes the checker could say it."""
    digest = hashlib.sha256(repr(state).encode()).hexdigest()
    return replace(definition, digest=digest, states={**definition.states, name: state})


async def test_a_good_file_is_walked_to_its_end_and_nothing_is_wrong() -> None:
    explored = await walked(tea())
    assert explored.is_well
    assert explored.stopped_by is None
    assert explored.cut == 0
    assert explored.endings == ("over", "gone")
    assert explored.never_reached == explored.never_asked == ()
    assert explored.stays == ()


async def test_the_same_file_gives_the_same_walk() -> None:
    assert await walked(tea(), Bound(steps=300)) == await walked(tea(), Bound(steps=300))


async def test_a_bound_that_is_reached_is_said() -> None:
    explored = await walked(tea(), Bound(steps=12))
    assert (explored.steps, explored.stopped_by) == (12, "steps")
    hurried = await explore(tea(), Playbill([tea()]), Bound(seconds=5.0), clock=iter(range(10_000)).__next__)
    assert hurried.stopped_by == "seconds"
    assert hurried.steps < 10
    narrow = await walked(tea(), Bound(breadth=2))
    assert narrow.cut > 0


async def test_what_lies_beyond_the_bound_is_neither_wrong_nor_well() -> None:
    explored = await walked(tea(), Bound(steps=2))
    assert explored.never_reached
    assert not explored.is_wrong
    assert not explored.is_well
    missed = [each for each in told(explored, tea()) if each.kind in ("never_asked", "never_reached")]
    assert not any(each.is_wrong for each in missed)
    assert all("within the bound" in each.text for each in missed)
    endless = replace(explored, endings=())
    assert "It did not end within the bound." in [each.text for each in told(endless, tea())]


async def test_an_open_state_that_nothing_leads_out_of_is_a_dead_end_with_the_way_there() -> None:
    good = tea()
    explored = await walked(with_state(good, "on", replace(good.states["on"], keeps=(), moves=())))
    assert [end.state for end in explored.dead_ends] == ["on"]
    assert "bruno: coming" in explored.dead_ends[0].path
    assert not explored.is_well


async def test_a_state_that_only_somebodys_word_leaves_is_remarked_but_is_no_dead_end() -> None:
    good = tea()
    only_cancel = tuple(move for move in good.states["open"].moves if not hasattr(move.on, "moment"))
    stuck = with_state(good, "open", replace(good.states["open"], moves=only_cancel))
    explored = await walked(stuck)
    assert [end.state for end in explored.stays] == ["open"]
    assert not explored.dead_ends


async def test_a_question_that_is_never_put_and_a_state_that_is_never_reached_are_named() -> None:
    good = tea()
    explored = await walked(with_state(good, "open", replace(good.states["open"], asks=())))
    assert explored.never_asked == ("invited",)
    assert explored.never_reached == ("on", "over")
    assert not explored.is_well


async def test_the_most_messages_are_counted_apart_for_whoever_begins_and_for_others() -> None:
    explored = await walked(tea())
    day, week = explored.others
    # The question and that there will be no tea each make a sound: not both in one day.
    assert (day.unasked, week.unasked) == (1, 2)
    # Both questions answer what the starter has just said, and the board comes once.
    day, _ = explored.starter
    assert day.everything > day.unasked > 0


async def test_what_the_engine_cannot_decide_is_reported_and_the_walk_goes_on() -> None:
    good = tea()
    circling = replace(good.states["on"].moves[0], on=good.states["draft"].moves[0].on, to="open")
    lost = replace(good.states["open"].moves[0], to="nowhere")
    explored = await walked(with_state(good, "open", replace(good.states["open"], moves=(lost, circling))))
    assert explored.broken
    assert not explored.is_well


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_in_the_examples_nothing_is_wrong(path: Path) -> None:
    definition = await asyncio.to_thread(load_definition, path)
    assert isinstance(definition, Definition), definition
    explored = await walked(definition, Bound(steps=1_500, seconds=200.0))
    assert explored.is_well, explored


async def test_what_goes_another_way_for_everyone_is_walked_there_too() -> None:
    thanks = await asyncio.to_thread(load_definition, PROJECT_FOLDER / "workflows" / "thanks.yaml")
    assert isinstance(thanks, Definition), thanks
    explored = await walked(thanks)
    assert explored.is_well, explored
    assert "writing_to_all" in explored.states


AGREEING = """\
name: practice
about: Agree on what we do.
begins with: practice
people:
  asker: starter
  friend: one chosen by asker
details:
  which: workflow
  leaving: workflow
asks:
  shall:
    to: friend
    say: Shall we, with *<which>*?
    answers: [Gladly]
    seen by: asker
    until: 3 days after opening
states:
  beginning:
    moves:
      - when: as soon as leaving is given
        to: left_off
      - when: as soon as which is given
        to: choosing
      - at: 1 day after entering
        to: nothing_named
  choosing:
    gather: friend
    moves:
      - when: everything is gathered
        to: asking
      - at: 3 days after entering
        to: nothing_named
  asking:
    asks: shall
    moves:
      - when: answered gladly to shall
        to: taken_up
      - at: 4 days after entering
        to: not_now
  taken_up:
    brings in: which
    ends with: It is there.
  left_off:
    takes out: leaving
    ends with: It is gone.
  not_now:
    ends with: Not now.
  nothing_named:
    ends with: Nothing was named.
"""


async def test_what_is_about_other_workflows_is_walked_by_its_word_and_with_one_to_try_and_to_leave_off() -> (
    None
):
    practice = load_definition(AGREEING, "practice.yaml")
    assert isinstance(practice, Definition), practice
    explored = await explore(practice, Playbill([practice, tea()]), AMPLE)
    assert explored.never_reached == explored.never_asked == explored.never_asked_details == ()
    assert explored.endings == ("taken_up", "left_off", "not_now", "nothing_named")
    alone = await explore(practice, Playbill([practice]), AMPLE)
    assert alone.endings == ("nothing_named",)
