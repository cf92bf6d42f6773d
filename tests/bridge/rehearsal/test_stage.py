"""A stage can be set with definitions or with a folder, and who carries what is known there."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.rehearsal import NeverSaw, Playbill, Stage, Unfit
from engine.core.definition import HolderOf, PartDef
from tests.bridge.rehearsal.teas import TEA, tea

NAMES = ("ana", "bruno", "chen", "dora")


async def test_a_stage_takes_one_definition_several_or_a_playbill() -> None:
    coffee = tea(TEA.replace("name: tea", "name: coffee"))
    for playbill in (tea(), [tea(), coffee], Playbill([tea(), coffee])):
        stage = await Stage.set(*NAMES, playbill=playbill)
        await stage.say("ana", "tea")
        assert stage.state() == "draft"
        await stage.strike()


async def test_a_folder_with_a_bad_file_is_refused_with_its_problems(tmp_path: Path) -> None:
    (tmp_path / "tea.yaml").write_text(TEA)
    assert [d.name for d in Playbill.of_folder(tmp_path).definitions()] == ["tea"]
    (tmp_path / "bad.yaml").write_text(TEA.replace("to: open", "to: opn"))
    with pytest.raises(Unfit) as refused:
        Playbill.of_folder(tmp_path)
    assert all(problem.file.endswith("bad.yaml") for problem in refused.value.problems)
    assert refused.value.problems


STARTING = """\
name: {name}
about: Have an idea, and make something of it.
steps:
  - start: {other}
  - wait: until {other} ends
"""


def test_around_a_workflow_are_those_it_may_start_each_from_the_first_folder_that_has_it(
    tmp_path: Path,
) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    near.mkdir()
    far.mkdir()
    (near / "plan.yaml").write_text(STARTING.format(name="plan", other="tea"))
    (far / "plan.yaml").write_text(STARTING.format(name="plan", other="elsewhere"))
    (far / "tea.yaml").write_text(TEA)
    (far / "bad.yaml").write_text("name: bad")
    idea = tea(STARTING.format(name="idea", other="plan"))
    playbill = Playbill.around(idea, near, far)
    assert {definition.name for definition in playbill.definitions()} == {"idea", "plan", "tea"}
    assert Playbill.around(tea(), near, far).definitions() == (tea(),)


async def test_the_same_seed_gives_the_same_play_to_the_last_id() -> None:
    async def played() -> list[object]:
        stage = await Stage.set(*NAMES, playbill=tea(), seed=7)
        await stage.say("ana", "tea")
        await stage.say("ana", "Bruno and Chen")
        await stage.strike()
        return [*stage.postman.brought, *stage.snapshots()]

    assert await played() == await played()


async def test_where_nothing_gives_anybody_a_role_the_last_on_stage_carry_those_that_are_spoken_of() -> None:
    facilitator = PartDef("facilitator", (HolderOf("facilitation"),))
    spoken_of = replace(tea(), parts=(*tea().parts, facilitator))
    stage = await Stage.set(*NAMES, playbill=spoken_of)
    cast, circle = stage.cast, stage.cast.circle
    assert await cast.holders(circle, "facilitation", understudy=False) == [cast.persons["dora"]]
    assert await cast.holders(circle, "facilitation", understudy=True) == [cast.persons["chen"]]
    assert await cast.holders(circle, "cooking", understudy=False) == []
    assert cast.contacts(circle) == [cast.persons["dora"]]
    assert cast.stewards(circle) == [cast.persons["chen"]]
    await stage.strike()


async def test_what_somebody_never_saw_is_said_with_what_they_did_see() -> None:
    stage = await Stage.set(*NAMES, playbill=tea())
    await stage.say("ana", "tea")
    with pytest.raises(NeverSaw, match=r"never saw 'coffee'(.|\n)*Whom would you like to invite"):
        stage.find("ana", "coffee")
    await stage.strike()
