"""Enough made-up people for what a file speaks of, and a beginning that fits it."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.rehearsal.acts import Come, Say
from bridge.rehearsal.cast import NAMES
from bridge.rehearsal.casting import beginning, people_for
from engine.core.definition import CountOf, Definition, DetailDef, HolderOf, PartDef
from tests.bridge.rehearsal.teas import tea


def with_ask(definition: Definition, **changes: object) -> Definition:
    ask = replace(definition.asks["invited"], **changes)
    return replace(definition, asks={"invited": ask})


def test_four_people_are_enough_for_most() -> None:
    assert people_for(tea()) == ("ana", "bruno", "chen", "dora")


def test_where_answers_stand_without_names_three_more_than_needed_are_asked() -> None:
    assert len(people_for(with_ask(tea(), unsigned=5))) == 1 + 5 + 3


def test_somebody_has_to_wait_where_places_are_few() -> None:
    assert len(people_for(with_ask(tea(), places=4))) == 1 + 5


def test_a_count_can_be_reached_and_passed() -> None:
    good = tea()
    move = replace(good.states["open"].moves[0], when=CountOf((("invited", "coming"),), ">=", 6))
    moved = replace(good.states["open"], moves=(move, *good.states["open"].moves[1:]))
    assert len(people_for(replace(good, states={**good.states, "open": moved}))) == 1 + 7


def test_roles_are_carried_by_people_of_their_own() -> None:
    holder = PartDef("facilitator", (HolderOf("facilitation"),))
    assert len(people_for(replace(tea(), parts=(*tea().parts, holder)))) == 6


def test_nobody_asks_for_more_people_than_have_names() -> None:
    assert people_for(with_ask(tea(), unsigned=40)) == NAMES


def test_the_first_person_writes_the_word_names_whom_it_is_about_or_somebody_new_comes() -> None:
    people = people_for(tea())
    assert beginning(tea(), people) == Say("ana", "tea")
    named = replace(tea(), details={"crew": DetailDef("crew", "people", given=True)})
    assert beginning(named, people) == Say("ana", "tea @bruno and @chen and @dora")
    assert beginning(replace(tea(), begins_for="arriving"), people) == Come("eli")


def test_what_is_about_another_workflow_begins_with_one_of_those_beside_it() -> None:
    people = people_for(tea())
    about = replace(tea(), details={"which": DetailDef("which", "workflow", given=True)})
    coffee = replace(tea(), name="coffee", title="Coffee")
    arriving = replace(tea(), name="welcome", title="Welcome", begins_for="arriving")
    assert beginning(about, people, (about, arriving, coffee)) == Say("ana", "leave off Coffee")
    assert beginning(about, people, (about, arriving)) == beginning(about, people) == Say("ana", "tea")
    assert beginning(tea(), people, (coffee,)) == Say("ana", "tea")
