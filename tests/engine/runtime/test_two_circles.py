"""Two circles with a folder each: a workflow of one is no part of the other's life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import pytest
from msgspec.structs import replace

from engine.core.definition import Definition, StartDef
from engine.core.desk import DeskFacts, OwnRhythm, Rhythm
from engine.core.instance import Snapshot
from engine.core.values import CircleId, PersonId, Words
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Adoption
from engine.runtime.practices import NOWHERE, Practices
from tests.engine.runtime.small_house import PlainReader, Shelf, SmallHouse, Village, picnic, supper
from tests.engine.runtime.test_other_workflows import plan, talk


class Villages(Village):
    """Ana is in both circles, Ben in the first, Chen in the second."""

    def __init__(self) -> None:
        super().__init__()
        self.second = CircleId("")

    def _people(self, circle: CircleId) -> list[str]:
        return ["ana", "ben"] if circle == self.circle else ["ana", "chen"] if circle == self.second else []

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return [self.persons[name] for name in self._people(circle) if name in self.persons]

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [c for c in (self.circle, self.second) if person in await self.members(c)]


class Shelves:
    """Implements ``engine.runtime.ports.Catalogue``: a folder for each of two circles."""

    def __init__(self, villages: Villages, first: Shelf, second: Shelf) -> None:
        self._villages = villages
        self.first = first
        self.second = second

    def _of(self, circle: CircleId) -> Shelf:
        of = {self._villages.circle: self.first, self._villages.second: self.second}
        return of.get(circle, Shelf())

    def in_service(self, name: str, circle: CircleId) -> Definition | None:
        return self._of(circle).in_service(name)

    def begins(self, circle: CircleId) -> Mapping[str, str]:
        return self._of(circle).begins()

    async def by_digest(self, digest: str) -> Definition | None:
        return await self.first.by_digest(digest) or await self.second.by_digest(digest)


class TwoCircles:
    """A small house with two circles."""

    def __init__(self, house: SmallHouse, villages: Villages, shelves: Shelves) -> None:
        self.house = house
        self.villages = villages
        self.shelves = shelves

    @classmethod
    async def open(cls, first: Shelf, second: Shelf, **more: object) -> TwoCircles:
        house = SmallHouse()
        villages = Villages()
        villages.circle = await house.store.ensure_circle("!first:hearth.test", "First")
        villages.second = await house.store.ensure_circle("!second:hearth.test", "Second")
        shelves = Shelves(villages, first, second)
        house.village = villages
        house.reader = PlainReader(villages.persons)
        practices = Practices(shelves, villages, rehearsed=True)
        around = House(
            house.cellar,
            shelves,
            house.reader,
            villages,
            Random(7),
            Rhythm("UTC", 0, 0),
            practices=practices,
            rhythms={
                villages.circle: Rhythm("UTC", 0, 0),
                villages.second: Rhythm("Europe/Madrid", 0, 0),
            },
        )
        house.line = StraightLine(around, house.clock)
        house.bell._line = house.line
        for name in ("ana", "ben", "chen"):
            villages.persons[name] = await house.store.person(f"@{name}:hearth.test")
            house.postman.present.add(house.id(name))
        house.line.start()
        for name in ("ana", "ben", "chen"):
            await house.say(name, "start")
        await house.settle()
        house.postman.brought.clear()
        return cls(house, villages, shelves)

    async def say(self, name: str, body: str) -> None:
        await self.house.say(name, body)
        await self.house.settle()

    async def facts_of(self, name: str) -> DeskFacts:
        """What was known when this person's desk decided last."""
        facts = (await self.house.store.journal(f"d/{self.house.id(name)}"))[-1].facts
        assert isinstance(facts, DeskFacts)
        return facts

    async def running(self, circle: CircleId) -> list[Snapshot]:
        return list(await self.house.store.open_instances(circle))

    async def names(self, circle: CircleId) -> list[str]:
        found = [await self.shelves.by_digest(each.definition) for each in await self.running(circle)]
        return [each.name for each in found if each is not None]


def cuppa() -> Definition:
    """Supper, as the second circle has it: of the same name, begun by another word."""
    return replace(supper(), digest="supper-2", begins_with="cuppa")


async def test_a_word_of_one_circle_means_nothing_to_the_people_of_another() -> None:
    here = await TwoCircles.open(Shelf(supper()), Shelf(cuppa(), picnic()))
    await here.say("ben", "picnic")
    await here.say("ben", "cuppa @ana")
    assert await here.names(here.villages.circle) == await here.names(here.villages.second) == []
    assert here.house.words("ben") == ["nothing_open", "nothing_open"]
    await here.say("chen", "cuppa @ana")
    assert await here.names(here.villages.second) == ["supper"]
    await here.house.close()


async def test_a_word_begins_where_it_is_known_and_otherwise_one_says_where() -> None:
    here = await TwoCircles.open(Shelf(supper()), Shelf(cuppa(), replace(picnic(), begins_with="supper")))
    await here.say("ana", "cuppa @chen")
    assert await here.names(here.villages.second) == ["supper"]
    await here.say("ana", "supper")
    assert here.house.words("ana")[-1] == "which_circle"
    await here.say("ana", here.villages.second)
    assert sorted(await here.names(here.villages.second)) == ["picnic", "supper"], (
        "the word means a picnic there"
    )
    await here.say("ana", "supper @ben")
    assert await here.names(here.villages.circle) == ["supper"], "that is where Ben is"
    await here.house.close()


@pytest.mark.parametrize("by_tap", [False, True])
async def test_what_was_written_behind_the_word_is_still_there_when_it_begins(by_tap: bool) -> None:
    here = await TwoCircles.open(Shelf(picnic()), Shelf(picnic()))
    await here.say("ana", "picnic by the river")
    assert here.house.words("ana") == ["which_circle"]
    if by_tap:
        await here.house.tap("ana", "2️⃣", here.house.find("ana", "which_circle"))
        await here.house.settle()
    else:
        await here.say("ana", here.villages.second)
    (snapshot,) = await here.running(here.villages.second)
    note = snapshot.details["note"]
    assert isinstance(note, Words)
    assert await here.house.store.text(note.text) == "by the river"
    await here.house.close()


async def test_nothing_of_another_folder_is_started_by_what_runs() -> None:
    start = StartDef("talk", hands=(("guests", "guests"),))
    here = await TwoCircles.open(Shelf(plan(start)), Shelf(talk(), plan(start)))
    await here.say("ben", "plan @ana")
    assert await here.names(here.villages.circle) == [], "it ended at once: there is no talk"
    await here.say("chen", "plan @ana")
    assert sorted(await here.names(here.villages.second)) == ["plan", "talk"]
    await here.house.close()


async def test_each_circle_has_what_it_starts_with_from_its_own_folder_and_takes_up_the_rest_there() -> None:
    villages = Villages()
    villages.circle, villages.second = CircleId("one"), CircleId("two")
    shelves = Shelves(villages, Shelf(supper()), Shelf(cuppa(), picnic()))
    practices = Practices(
        shelves,
        villages,
        frozenset(("supper",)),
        at_start_in={villages.second: frozenset(("picnic",))},
        rehearsed=True,
    )
    for each in (practices, practices.beside(villages)):
        assert (each.in_use(villages.circle), each.offered(villages.circle)) == (("supper",), ())
        assert (each.in_use(villages.second), each.offered(villages.second)) == (("picnic",), ("supper",))
    practices.take_in([Adoption(villages.circle, "picnic", True)])
    assert practices.in_use(villages.circle) == ("supper",), "what is not in its folder cannot be used"
    assert practices.served(NOWHERE) == {}


async def test_whoever_has_chosen_nothing_goes_by_the_time_of_their_own_circle() -> None:
    here = await TwoCircles.open(Shelf(supper()), Shelf(picnic()))
    facts = {name: await here.facts_of(name) for name in ("ana", "ben", "chen")}
    zones = {name: found.usual.time_zone for name, found in facts.items()}
    assert zones == {"ana": "UTC", "ben": "UTC", "chen": "Europe/Madrid"}
    for name in zones:
        assert (await here.house.desk(name)).own_rhythm == OwnRhythm(), "what nobody chose is not kept"
    await here.house.close()
