"""Who holds a role: as the circle may know it, and by the words its people gave it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence

import msgspec
import pytest
from msgspec.structs import replace

from bridge.circles.roles import Roles
from engine.core.definition import (
    Definition,
    DetailDef,
    MoveDef,
    NamedIn,
    OnCommand,
    OwnText,
    PartDef,
    StartDef,
    Starter,
    StateDef,
)
from engine.core.instance import Snapshot
from engine.core.values import AnyValue, CircleId, InstanceId, Moment, PersonId, Persons, Ref, TextId
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


def called_on(*, by_themselves: bool = False) -> Definition:
    """A role held by those who were named, or by whoever described it."""
    holder = Starter() if by_themselves else NamedIn("learning")
    return replace(
        keeping(),
        digest=f"called-on-{by_themselves}",
        parts=(PartDef("holder", (holder,)), PartDef("host", (Starter(),))),
    )


class Parent(msgspec.Struct, frozen=True):
    """What a role grew out of, as it was when it ended."""

    snapshot: Snapshot
    people: tuple[PersonId, ...]


def ended(house: SmallHouse, state: str, holder: str, learning: str, name: str = "keeping") -> Parent:
    """A role (or something else) that passed to its understudy, was taken up by anybody, or just began another."""
    by_state = {"passed": "second", "taken_up": "next_holder", "agreed": None}
    definition = replace(
        keeping(),
        name=name,
        digest=f"ended-{name}",
        parts=(PartDef("holder", (NamedIn("held"),)), PartDef("second", (NamedIn("learning"),))),
        states={
            each: StateDef(each, final=True, outcome="over", starts=(StartDef("keeping", by=by),))
            for each, by in by_state.items()
        },
    )
    house.shelf.definitions[definition.digest] = definition
    people = tuple(dict.fromkeys(house.village.persons[each] for each in (holder, learning)))
    refs = {person: Ref(f"p{n}") for n, person in enumerate(people, 1)}
    held: dict[str, AnyValue] = {
        detail: Persons((refs[house.village.persons[each]],))
        for detail, each in (("held", holder), ("learning", learning))
    }
    snapshot = Snapshot(
        InstanceId("ended"), house.village.circle, definition.digest, state, finished_ms=1, details=held
    )
    return Parent(snapshot, people)


class Terms:
    """The records of a house, in which every role has a term, or (None) has none, and grew out of ``parent``."""

    def __init__(self, house: SmallHouse, ends_ms: int | None, parent: Parent | None = None) -> None:
        self._store = house.store
        self._ends_ms = ends_ms
        self._parent = parent

    async def open_instances(self, circle: CircleId, of: Collection[str] | None = None) -> list[Snapshot]:
        term = {} if self._ends_ms is None else {"ends": Moment(self._ends_ms)}
        return [
            replace(each, details={**each.details, **term}, parent=self._parent and self._parent.snapshot.id)
            for each in await self._store.open_instances(circle, of)
        ]

    async def running_definitions(self, circle: CircleId) -> Sequence[str]:
        return await self._store.running_definitions(circle)

    async def instances_of(self, person: PersonId) -> list[Snapshot]:
        own = [] if self._parent is None or person not in self._parent.people else [self._parent.snapshot]
        return [*await self._store.instances_of(person), *own]

    async def people_of(self, instance: InstanceId) -> tuple[PersonId, ...]:
        if self._parent is not None and instance == self._parent.snapshot.id:
            return self._parent.people
        return await self._store.people_of(instance)

    async def text(self, text: TextId) -> str | None:
        return await self._store.text(text)


async def offices(
    house: SmallHouse, ends_ms: int | None = 9, parent: Parent | None = None
) -> list[tuple[str, str, int]]:
    found = await Roles(Terms(house, ends_ms, parent), house.shelf).offices(house.village.circle)
    names = {person: name for name, person in house.village.persons.items()}
    return [(office.kind, names[office.person], office.ends_ms) for office in found]


async def put_in_service(house: SmallHouse, definition: Definition, title: str) -> None:
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", f"keeping @ben {title}")
    await house.say("ana" if definition.digest.endswith("True") else "ben", "public")


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Steward", "steward"),
        ("stewards.", "steward"),
        ("Cuidado del circulo", "steward"),
        ("Den Kreis hüten", "steward"),
        ("Safety contact", "contact"),
        ("Vertrauensperson", "contact"),
        ("Persona de confianza", "contact"),
    ],
)
async def test_a_role_of_that_name_with_a_term_is_an_office_in_every_language(
    house: SmallHouse, title: str, kind: str
) -> None:
    await put_in_service(house, called_on(), title)
    assert await offices(house) == [(kind, "ben", 9)]


async def test_another_role_or_one_without_a_term_is_no_office(house: SmallHouse) -> None:
    await put_in_service(house, called_on(), "Steward of the soup")
    assert await offices(house) == []
    await put_in_service(house, called_on(), "Steward")
    assert await offices(house, ends_ms=None) == []


async def test_nobody_takes_an_office_alone(house: SmallHouse) -> None:
    await put_in_service(house, called_on(by_themselves=True), "Steward")
    assert await offices(house) == []
    # Unless it grew out of something else that the circle did together, such as a nomination.
    nomination = ended(house, "agreed", "ana", "ben", name="nomination")
    assert await offices(house, parent=nomination) == [("steward", "ana", 9)]


async def test_nobody_takes_an_office_by_passing_a_role_to_themselves(house: SmallHouse) -> None:
    await put_in_service(house, called_on(by_themselves=True), "Safety contact")
    assert await offices(house, parent=ended(house, "taken_up", "ana", "ana")) == []
    assert await offices(house, parent=ended(house, "passed", "ana", "ana")) == []


async def test_an_office_that_was_laid_down_is_none_for_whoever_takes_it_up_alone(house: SmallHouse) -> None:
    await put_in_service(house, called_on(by_themselves=True), "Safety contact")
    assert await offices(house, parent=ended(house, "taken_up", "ben", "ana")) == []


async def test_an_office_passes_to_the_understudy_of_somebody_else(house: SmallHouse) -> None:
    await put_in_service(house, called_on(by_themselves=True), "Safety contact")
    assert await offices(house, parent=ended(house, "passed", "ben", "ana")) == [("contact", "ana", 9)]
    # What cannot be looked up any more says nothing for anybody.
    house.shelf.definitions.pop("ended-keeping")
    assert await offices(house, parent=replace(ended(house, "passed", "ben", "ana"), people=())) == []


async def test_an_office_that_the_circle_cannot_see_is_none(house: SmallHouse) -> None:
    definition = called_on()
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "keeping @ben Steward")
    assert await offices(house) == []


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
