"""Two circles in one house, with one person who is in both: who is around is the production code's own judgement.

In the first circle that person is called Emmi and in the second Emerentia, nobody else is in both, and everybody has a
name that stands in no sentence of the bot's: whatever of one circle turns up in the other can be told by looking.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import msgspec

from bridge.circles.neighbours import NamesNow, Neighbours
from bridge.circles.roles import Roles
from bridge.matrix.room import Member, Room
from bridge.matrix.rooms import Rooms
from bridge.plan import CirclePlan
from bridge.reading.ear import Ear
from bridge.rehearsal import Stage
from bridge.rehearsal.cast import Cast
from bridge.rehearsal.playbill import Playbill
from bridge.views import HouseViews
from bridge.wording.render import House as Described
from bridge.wording.render import Voice
from engine.core.definition import Definition
from engine.core.desk import Prompt, Rhythm
from engine.core.instance import Snapshot
from engine.core.values import CircleId, PersonId
from engine.loading.catalogue import Catalogue, Inventory, marked
from engine.loading.library import Library
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.ports import Housed
from engine.runtime.practices import AGREEING, Practices
from tests.privacy.crowd import NEW, WORKFLOWS, Crowd, Deed, LotByTheClock, playbill

COMMON = "emmi"
BOT = "@hearth:hearth.test"


class Side(NamedTuple):
    """One of the two circles: what it is called, who is in it, and whom its settings name."""

    called: str
    """What its room is called."""
    people: tuple[str, ...]
    """Those who are in no other circle; the first begins what is played."""
    newcomer: str
    steward: str
    contacts: tuple[str, str]
    numbered_from: int
    """The number of the first mark that somebody writes here."""
    common: str
    """What whoever is in both is called here."""
    phrase: str = ""
    """What stands behind each sentence of its workflow files, where it has a folder of its own."""

    @property
    def room(self) -> str:
        """The id of its Matrix room."""
        return f"!{self.called.lower()}:hearth.test"


SYCAMORE = Side(
    "Sycamore",
    ("aurel", "britta", "cosima", "dankwart", "florentin", "gundula", "ignaz", "jolanda"),
    "kasimir",
    steward="cosima",
    contacts=("dankwart", "ignaz"),
    numbered_from=0,
    common="Emmi",
)
LIGHTHOUSE = Side(
    "Lighthouse",
    ("wanda", "xaver", "yusuf", "zora", "quentin", "ulla", "viktor", "petra"),
    "tilda",
    steward="yusuf",
    contacts=("zora", "viktor"),
    numbered_from=50_000,
    common="Emerentia",
    phrase="Seagulls know",
)
SIDES = (SYCAMORE, LIGHTHOUSE)


def other(side: Side) -> Side:
    """The circle beside this one."""
    return LIGHTHOUSE if side is SYCAMORE else SYCAMORE


class RoomsOfTwo:
    """Stands in for ``bridge.matrix.rooms.Rooms``, as far as neighbours look into it: two rooms, without a server."""

    user_id = BOT

    def __init__(self) -> None:
        self.people: dict[str, dict[str, PersonId]] = {side.room: {} for side in SIDES}

    def get(self, room_id: str) -> Room | None:
        return self.all().get(room_id)

    def all(self) -> Mapping[str, Room]:
        return {side.room: self._room(side) for side in SIDES}

    def _room(self, side: Side) -> Room:
        shown = {
            name: side.common if name == COMMON else name.capitalize() for name in self.people[side.room]
        }
        members = {f"@{name}:hearth.test": Member("join", called) for name, called in shown.items()}
        return Room(side.room, name=side.called, members={BOT: Member("join", "Hearth"), **members})


class CastOfTwo(Cast):
    """The people of both circles. Who is around is asked of ``Neighbours``; acts happen where one stands."""

    neighbours: Neighbours

    def __init__(self, stage: Stage, library: Library, circles: Mapping[CircleId, Side]) -> None:
        super().__init__(stage.store, Roles(stage.store, library))
        self.rooms = RoomsOfTwo()
        self.side_of = dict(circles)
        plans = {
            circle: CirclePlan(
                side.room,
                Path(side.called),
                stewards=(f"@{side.steward}:hearth.test",),
                contacts=tuple(f"@{name}:hearth.test" for name in side.contacts),
                outside_help="112",
                time_zone="UTC",
            )
            for circle, side in circles.items()
        }
        self.neighbours = Neighbours(cast("Rooms", self.rooms), stage.store, plans, self._roles)

    def stand_in(self, circle: CircleId) -> None:
        """Whatever is done in a room is done in this circle's from now on."""
        self.circle, self.here = circle, self.rooms.people[self.side_of[circle].room]

    async def enter(self, name: str) -> PersonId:
        person = await super().enter(name)
        await self.neighbours.look_around()
        return person

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        return self.neighbours.find(name, asked_by)

    def name_of(self, person: PersonId) -> str | None:
        return self.neighbours.name_of(person)

    async def members(self, circle: CircleId) -> Sequence[PersonId]:
        return await self.neighbours.members(circle)

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return await self.neighbours.circles_of(person)

    def contacts(self, circle: CircleId) -> Sequence[PersonId]:
        return self.neighbours.contacts(circle)

    def stewards(self, circle: CircleId) -> Sequence[PersonId]:
        return self.neighbours.stewards(circle)

    async def holders(self, circle: CircleId, role: str, *, understudy: bool) -> Sequence[PersonId]:
        return await self.neighbours.holders(circle, role, understudy=understudy)


class StageOfTwo(Stage):
    """Build with ``await StageOfTwo.raised("role", seed=7, apart=True)``: both circles have been said hello to."""

    @classmethod
    async def raised(cls, workflow: str, seed: int, *, apart: bool) -> StageOfTwo:
        """``apart``: each circle has a workflow folder of its own; else they share one."""
        # What begins by itself with everybody would be nearly all that is ever asked.
        on = [d for d in playbill.definitions() if d.begins_for is None or d.name == workflow]
        stage = cls(Playbill(on), seed)
        circles = [await stage.store.ensure_circle(side.room, side.called) for side in SIDES]
        stage._furnish(workflow, dict(zip(circles, SIDES, strict=True)), on, apart=apart)
        stage.line.start()
        for circle, side in stage.cast.side_of.items():
            stage.cast.stand_in(circle)
            for name in (*side.people, COMMON):
                await stage.cast.enter(name)
            await stage.submit(Housed(id=f"intro {side.called}", occurred_ms=stage.now_ms, circle=circle))
        for name in (*SYCAMORE.people, *LIGHTHOUSE.people, COMMON):
            await stage.greet(name)
        stage.postman.brought.clear()
        return stage

    def _furnish(
        self, workflow: str, circles: Mapping[CircleId, Side], on: Sequence[Definition], *, apart: bool
    ) -> None:
        """Put two circles where one was, in the way the wiring does it."""
        shared = _shelf(on)
        own = _shelf([_with_phrase(each, LIGHTHOUSE) for each in on]) if apart else shared
        library = Library(dict(zip(circles, (shared, own), strict=True)), self.store.definition)
        self.catalogue = library
        self.cast = CastOfTwo(self, library, circles)
        neighbours = self.cast.neighbours
        at_start = frozenset(WORKFLOWS) - {NEW} if workflow == AGREEING else None
        self.practices = Practices(library, neighbours, at_start)
        called = partial(_called, circles)
        self.voice = Voice(
            Described("Hearth", "Dora", "112"),
            names=NamesNow(neighbours, self.store),
            texts=self.store,
            definitions=library,
            views=HouseViews(self.store, library, neighbours, self.practices, called),
            circle_name=called,
        )
        reader = Ear(
            neighbours,
            library.within(tuple(circles)),
            ("Hearth", BOT),
            within=library.within,
            among=neighbours.among,
            circle_name=called,
        )
        chance = LotByTheClock(self.seed, self.clock)
        house = House(
            self.store, library, reader, neighbours, chance, Rhythm("UTC"), practices=self.practices
        )
        self.line = StraightLine(house, self.clock)
        self.bell = Bell(self.store, self.line, self.clock)

    def circle_of(self, side: Side) -> CircleId:
        """The id of one of the circles."""
        return next(circle for circle, each in self.cast.side_of.items() if each is side)

    def begun_in(self, side: Side) -> list[Snapshot]:
        """Everything that was ever begun in one of the circles."""
        return [each for each in self.snapshots() if each.circle == self.circle_of(side)]

    def words_in(self, side: Side) -> str:
        """All that the room of one of the circles ever showed."""
        self.cast.stand_in(self.circle_of(side))
        return self.words(room=True)

    async def look_who_holds(self) -> None:
        """Roles are looked up now and then, as while a house runs."""
        await self.cast.neighbours.look_who_holds()


class CrowdOfOne(Crowd):
    """The people of one of the two circles, and whoever is in both as far as they act here."""

    def __init__(self, stage: StageOfTwo, side: Side, acting: Sequence[str]) -> None:
        super().__init__(stage, acting)
        self.side = side
        self.chance = random.Random(f"{stage.seed} {side.called}")
        self._marks = 0
        self._waits = True

    async def begin(self, workflow: str, guests: int = 3) -> None:
        self.stage.cast.stand_in(self.stage.circle_of(self.side))
        definition = playbill.in_service(workflow)
        assert definition is not None
        if definition.begins_for is not None:
            name = self.side.newcomer
            self.acting = (*self.acting, name)
            self.did.append(f"{name} comes into the room of {self.side.called}")
            await self.stage.come_into_the_room(name)
        elif workflow == AGREEING:
            await self._say(self.acting[0], f"try {NEW}")
        else:
            others = [COMMON, *self.chance.sample(self.side.people[1:], guests - 1)]
            named = " ".join(f"@{name}" for name in others)
            words = self._mark(self.acting[0], None)
            await self._say(self.acting[0], f"{definition.begins_with} {named}: {words}")

    async def act(self) -> None:
        """Somebody does something, and no time passes."""
        (act,) = self.chance.choices((self._answer, self._order), weights=(85, 15))
        self._waits = False
        await act()
        self._waits = True

    async def do(self, deed: Deed) -> None:
        self.stage.cast.stand_in(self.stage.circle_of(self.side))
        await super().do(deed)

    async def _answer(self) -> None:
        self.stage.cast.stand_in(self.stage.circle_of(self.side))
        await super()._answer()

    async def _wait(self) -> None:
        if self._waits:
            await super()._wait()

    async def _lying(self) -> list[tuple[str, Prompt]]:
        here = {snapshot.id for snapshot in self.stage.begun_in(self.side)}
        return [(name, prompt) for name, prompt in await super()._lying() if prompt.instance in here]

    def _mark(self, name: str, prompt: Prompt | None) -> str:
        self._marks += 1
        words = super()._mark(name, prompt)
        mark = f"mark{self.side.numbered_from + self._marks}x"
        self.written[-1] = self.written[-1]._replace(mark=mark)
        return re.sub(r"mark\d+x", mark, words)


def _called(circles: Mapping[CircleId, Side], circle: CircleId) -> str | None:
    return circles[circle].called if circle in circles else None


def _shelf(definitions: Sequence[Definition]) -> Catalogue:
    catalogue = Catalogue(Path("nowhere"))
    catalogue.put_into_service(Inventory({f"{each.name}.yaml": each for each in definitions}))
    return catalogue


def _with_phrase(definition: Definition, side: Side) -> Definition:
    """A definition of the folder that only this circle has: each of its sentences can be told from the other's."""
    texts = {key: f"{sentence} ({side.phrase})" for key, sentence in definition.texts.items()}
    apart = marked(definition, side.called)
    return msgspec.structs.replace(apart, texts=texts, title=f"{definition.title} ({side.phrase})")


def found_of(side: Side, words: str) -> set[str]:
    """Whatever of this circle stands in what people of the other one read: names, its own words, what it is called."""
    names = "|".join((*side.people, side.newcomer, side.called, side.common))
    marks = r"mark5\d{4}x" if side.numbered_from else r"mark\d{1,4}x"
    phrase = f"|{side.phrase}" if side.phrase else ""
    return set(re.findall(rf"\b(?:{names}|{marks}{phrase})\b", words, re.IGNORECASE))
