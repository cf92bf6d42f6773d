"""What deciding is told of the world around an instance, and what begins when somebody arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.definition import (
    AskDef,
    Choice,
    Circle,
    Contacts,
    Definition,
    Everyone,
    HolderOf,
    MoveDef,
    NamedBy,
    OnCommand,
    OneOf,
    Part,
    PartDef,
    Source,
    Starter,
    StateDef,
    Stewards,
    TellDef,
)
from engine.core.event import Facts
from engine.core.instance import Snapshot
from engine.core.values import CircleId, Persons
from engine.runtime import gathering
from engine.runtime.gathering import Gathering, wanted_by
from engine.runtime.ports import Moved
from tests.engine.runtime.small_house import SmallHouse

YES = (Choice("yes", "✅"),)


def asking(name: str, *sources: Source, naming: bool = False, **more: Any) -> Definition:
    """``them`` are asked; ``more`` by the host asks whoever was named; ``on`` ends it."""
    asks = {
        "a": AskDef("a", Part("them"), choices=() if naming else YES, naming="person" if naming else None),
        "b": AskDef("b", Part("named"), choices=YES),
    }
    moves = (MoveDef(OnCommand("more", ("host",)), "more"), MoveDef(OnCommand("on", ("host",)), "over"))
    return Definition(
        name=name,
        title=name,
        about="",
        digest=f"{name}-{hash((sources, naming)):x}",
        begins_with=name,
        parts=(
            PartDef("host", (Starter(),)),
            PartDef("pool", (Everyone(),)),
            PartDef("them", sources),
            PartDef("named", (NamedBy("a"),)),
        ),
        details={},
        asks=asks,
        states={
            "open": StateDef("open", asks=("a",), moves=moves),
            "more": StateDef("more", asks=("b",), moves=moves),
            "over": StateDef("over", final=True, outcome="over"),
        },
        start="open",
        texts={"a.say": "?", "a.yes": "Yes", "b.say": "?", "b.yes": "Yes", "called": name, "over": "."},
        gaps={},
        **more,
    )


@pytest.fixture
async def house() -> AsyncIterator[SmallHouse]:
    house = await SmallHouse.open("ana", "ben", "chen", "dora")
    yield house
    await house.close()


async def begun(house: SmallHouse, *sources: Source, **more: bool) -> Snapshot:
    """Ana begins a workflow whose ask goes to people from these sources."""
    definition = asking("meet", *sources, **more)
    house.shelf.definitions[definition.digest] = definition
    await house.say("ana", "meet")
    await house.settle()
    return await house.snapshot()


async def facts_of(house: SmallHouse, snapshot: Snapshot) -> list[Facts]:
    return [
        line.facts for line in await house.store.journal(f"i/{snapshot.id}") if isinstance(line.facts, Facts)
    ]


async def asked(house: SmallHouse, snapshot: Snapshot, ask: str = "a") -> list[str]:
    """The names of those who were asked."""
    people = await house.store.people_of(snapshot.id)
    names = {person: name for name, person in house.village.persons.items()}
    return [names[people[int(ref[1:]) - 1]] for ref in snapshot.asks[ask].asked]


async def test_the_stewards_the_contacts_and_whoever_holds_a_role_are_asked(house: SmallHouse) -> None:
    house.village.keepers = (house.id("ben"),)
    house.village.helpers = (house.id("dora"), house.id("ben"))
    house.village.roles = {("Facilitation", False): (house.id("chen"),)}
    snapshot = await begun(house, Stewards(), Contacts(), HolderOf("Facilitation"))
    assert await asked(house, snapshot) == ["ben", "dora", "chen"]


async def test_an_understudy_is_somebody_else_than_the_holder(house: SmallHouse) -> None:
    house.village.roles = {
        ("Facilitation", False): (house.id("chen"),),
        ("Facilitation", True): (house.id("dora"),),
    }
    snapshot = await begun(house, HolderOf("Facilitation", understudy=True))
    assert await asked(house, snapshot) == ["dora"]


async def test_everyone_is_everybody_in_the_room_but_whom_the_file_leaves_out(house: SmallHouse) -> None:
    snapshot = await begun(house, Everyone(but=("host",)))
    assert await asked(house, snapshot) == ["ben", "chen", "dora"]


async def test_a_role_that_nobody_holds_is_asked_of_nobody(house: SmallHouse) -> None:
    snapshot = await begun(house, HolderOf("Facilitation"))
    assert snapshot.asks == {}


async def test_chance_is_thrown_for_every_event_and_kept_with_it(house: SmallHouse) -> None:
    snapshot = await begun(house, OneOf("pool", ("host",)))
    await house.say("ana", "more")
    seeds = [facts.seed for facts in await facts_of(house, snapshot)]
    assert len(seeds) == len(set(seeds)) == 2
    (name,) = await asked(house, snapshot)
    assert name in ("ben", "chen", "dora")


async def test_a_workflow_that_needs_nothing_from_outside_is_told_nothing(house: SmallHouse) -> None:
    await house.begun()
    snapshot = await house.snapshot()
    assert house.village.looked_up == []
    for facts in await facts_of(house, snapshot):
        assert (facts.seed, facts.groups) == (0, {})


async def test_what_was_named_by_word_is_asked_as_people(house: SmallHouse) -> None:
    snapshot = await begun(house, Everyone(but=("host",)), naming=True)
    await house.say("ben", "@dora")
    await house.say("ana", "more")
    snapshot = await house.snapshot()
    assert await asked(house, snapshot, "b") == ["dora"]
    (answer,) = snapshot.asks["a"].answers.values()
    assert answer.value == Persons(snapshot.asks["b"].asked), "it holds references and no person's id"


class Counting:
    """Implements ``engine.runtime.ports.Surroundings``, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def members(self, circle: CircleId) -> list[str]:
        self.asked += 1
        return ["x"]

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> list[str]:
        self.asked += 1
        return [role]


async def test_within_one_batch_the_same_is_asked_once() -> None:
    counting = Counting()
    around = Gathering(counting)  # type: ignore[arg-type]
    part = PartDef(
        "them", (Starter(), Everyone(), HolderOf("a"), HolderOf("a", understudy=True), HolderOf("a"))
    )
    for _ in range(3):
        assert await around.people(part, CircleId("c")) == ("x", "a")
    assert counting.asked == 3


def test_who_is_in_the_room_is_wanted_wherever_a_file_speaks_to_everybody() -> None:
    plain = asking("plain", Starter())
    over = StateDef("over", final=True, outcome="over")
    tell = TellDef(Circle(), "called")
    told = StateDef("open", tells=(tell,))
    moved = StateDef("open", moves=(MoveDef(OnCommand("on", ("host",)), "over", tells=(tell,)),))
    helped = StateDef("open", help_to=(Circle(),))
    asked_all = {"a": AskDef("a", Circle(), choices=YES)}
    assert not wanted_by(plain).room
    for n, open_ in enumerate((told, moved, helped)):
        states = {"open": open_, "over": over}
        assert wanted_by(replace(plain, digest=f"all-{n}", asks={}, states=states)).room
    assert wanted_by(replace(plain, digest="all-asked", asks=asked_all)).room


# ── somebody arrives ─────────────────────────────────────────────────────────


async def arrive(house: SmallHouse, name: str) -> Moved:
    arrival = house.moved(name, joined=True, room=True)
    await house.submit(arrival)
    await house.settle()
    return arrival


async def welcoming(house: SmallHouse) -> None:
    welcome = asking("welcome", Starter(), begins_for="arriving")
    house.shelf.definitions[welcome.digest] = welcome


async def test_whoever_comes_into_the_room_begins_what_begins_when_somebody_arrives(
    house: SmallHouse,
) -> None:
    await welcoming(house)
    await arrive(house, "dora")
    snapshot = await house.snapshot()
    assert snapshot.definition.startswith("welcome-")
    assert await asked(house, snapshot) == ["dora"]
    assert len(snapshot.id) == 32


async def test_it_begins_once_for_each_person_and_not_again_for_who_comes_back(house: SmallHouse) -> None:
    await welcoming(house)
    arrival = await arrive(house, "dora")
    await house.submit(arrival)
    assert len(await house.snapshots()) == 1
    await arrive(house, "chen")
    assert len(await house.snapshots()) == 2
    await house.submit(house.moved("dora", joined=False, room=True))
    await arrive(house, "dora")
    assert len(house.store.begun()) == 2


async def test_coming_into_ones_own_room_or_leaving_begins_nothing(house: SmallHouse) -> None:
    await welcoming(house)
    await house.come("dora")
    await house.submit(house.moved("dora", joined=False, room=True))
    assert await house.snapshots() == []


def test_only_so_many_definitions_are_kept_in_mind() -> None:
    plain = asking("plain", Starter())
    for n in range(gathering.MOST_KNOWN + 10):
        wanted_by(replace(plain, digest=f"many-{n}"))
        assert len(gathering._wanted) <= gathering.MOST_KNOWN
