"""Who holds a role: as the circle may know it, and by the words its people gave it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from bridge.roles import Roles
from engine.core.definition import (
    Definition,
    DetailDef,
    MoveDef,
    NamedIn,
    OnCommand,
    OwnText,
    PartDef,
    Starter,
    StateDef,
)
from tests.engine.runtime.small_house import SmallHouse


def keeping(*, second: bool = True) -> Definition:
    """A role that the starter holds; those named in the beginning learn it. Nobody sees it until ``public``."""
    understudies = "second" if second else "understudy"
    return Definition(
        name="keeping",
        title="Keeping",
        about="",
        digest=f"keeping-{second}",
        begins_with="keeping",
        parts=(
            PartDef("holder", (Starter(),)),
            PartDef(understudies, (NamedIn("learning"),)),
            *((PartDef("understudy", (Starter(),)),) if second else ()),
        ),
        details={"title": DetailDef("title", "words"), "learning": DetailDef("learning", "people")},
        asks={},
        states={
            "proposed": StateDef("proposed", moves=(MoveDef(OnCommand("public", ("holder",)), "shared"),)),
            "shared": StateDef(
                "shared", public="line", moves=(MoveDef(OnCommand("over", ("holder",)), "resting"),)
            ),
            "resting": StateDef("resting", final=True, outcome="over"),
        },
        start="proposed",
        texts={"called": "*<title>*", "line": "<title>: <holder>", "over": "."},
        gaps={"called": ("title",), "line": ("title", "holder")},
        shelf="holds",
    )


@pytest.fixture
async def house() -> AsyncIterator[SmallHouse]:
    house = await SmallHouse.open("ana", "ben", "chen")
    yield house
    await house.close()


async def shared(house: SmallHouse, definition: Definition) -> None:
    """Ana holds "Keys of the  house" and Ben learns it; the circle knows."""
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "keeping @ben Keys of the  house")
    await house.say("ana", "public")


async def holders(house: SmallHouse, role: str, *, understudy: bool = False) -> list[str]:
    roles = Roles(house.store, house.shelf)
    found = await roles.holders(house.village.circle, role, understudy=understudy)
    names = {person: name for name, person in house.village.persons.items()}
    return [names[person] for person in found]


@pytest.mark.parametrize("title", ["Keys of the house", "keys of the house", " Keys  of the house. "])
async def test_a_role_is_found_by_its_title_as_it_is_heard(house: SmallHouse, title: str) -> None:
    await shared(house, keeping())
    assert await holders(house, title) == ["ana"]


async def test_another_title_is_another_role(house: SmallHouse) -> None:
    await shared(house, keeping())
    assert await holders(house, "keys") == []


@pytest.mark.parametrize("second", [True, False])
async def test_its_understudy_is_who_said_yes_to_it_or_else_who_is_called_so(
    house: SmallHouse, second: bool
) -> None:
    await shared(house, keeping(second=second))
    assert await holders(house, "Keys of the house", understudy=True) == ["ben"]


async def test_what_the_circle_cannot_see_is_held_by_nobody(house: SmallHouse) -> None:
    definition = keeping()
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "keeping @ben Keys of the house")
    assert await holders(house, "Keys of the house") == []
    await house.say("ana", "public")
    assert await holders(house, "Keys of the house") == ["ana"]
    await house.say("ana", "over")
    assert await holders(house, "Keys of the house") == []


async def test_whoever_has_left_holds_nothing(house: SmallHouse) -> None:
    await shared(house, keeping())
    await house.submit(house.moved("ben", joined=False, room=True))
    assert await holders(house, "Keys of the house", understudy=True) == []


async def test_other_workflows_hold_no_roles(house: SmallHouse) -> None:
    await shared(house, replace(keeping(), digest="on", shelf="on"))
    assert await holders(house, "Keys of the house") == []


async def test_an_instance_whose_definition_is_lost_or_has_no_such_part_holds_nothing(
    house: SmallHouse,
) -> None:
    definition = keeping()
    await shared(house, replace(definition, digest="bare", parts=definition.parts[:1]))
    assert await holders(house, "Keys of the house", understudy=True) == []
    house.shelf.definitions.clear()
    assert await holders(house, "Keys of the house") == []


async def test_a_name_of_the_bots_own_is_no_title(house: SmallHouse) -> None:
    definition = keeping()
    own = {"called": OwnText("called.nothing")}
    texts = {key: text for key, text in definition.texts.items() if key != "called"}
    await shared(house, replace(definition, digest="own", texts=texts, own=own))
    assert await holders(house, "") == []


async def test_a_role_that_is_open_is_held_by_nobody(house: SmallHouse) -> None:
    definition = keeping()
    free = replace(definition.states["shared"], public_shelf="on")
    states = {**definition.states, "shared": free}
    await shared(house, replace(definition, digest="open", states=states))
    assert await holders(house, "Keys of the house") == []
