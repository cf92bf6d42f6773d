"""Exploring: every branch of a workflow up to a bound, and what is never reached, leads nowhere, or is too much.

A search over worlds: from each, everything that could happen next is played. What is rarest is looked at first, so
that a bound cuts off variations before it cuts off what is new. Worlds that stand alike are looked at once; people
whose part is the same are interchangeable. The same file gives the same walk.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from bridge.rehearsal.acts import Act, Say, perform
from bridge.rehearsal.branches import Wait, branches, take, told
from bridge.rehearsal.casting import beginning, people_for, spoken_of
from bridge.rehearsal.likeness import likeness, spot, unlike
from bridge.rehearsal.playbill import Playbill
from bridge.rehearsal.stage import Stage
from bridge.rehearsal.world import Letter, World
from bridge.wording.vocabulary import Vocabulary
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.turn import DETAIL
from engine.core.values import DAY_MS, WEEK_MS, Ms

ANSWERING = ("hello", "reply", "safety")
"""How what answers a person at once travels."""
MOST_LAST_LETTERS = 20
STEPS, BREADTH, SECONDS = 4_000, 60, 60.0


class Bound(msgspec.Struct, frozen=True):
    """How far to go: branches played in all, branches looked at from one moment, and real seconds."""

    steps: int = STEPS
    breadth: int = BREADTH
    seconds: float = SECONDS


USUAL_BOUND = Bound()


class Halted(msgspec.Struct, frozen=True):
    """A state in which it came to stand while still open, and how one gets there."""

    state: str
    path: tuple[str, ...]


class Most(msgspec.Struct, frozen=True):
    """The most messages somebody got within a span; ``unasked`` leaves out what answers them at once."""

    everything: int = 0
    unasked: int = 0


class Explored(msgspec.Struct, frozen=True):
    """What a walk along the branches came to."""

    workflow: str
    steps: int
    stopped_by: str | None
    """``steps`` or ``seconds``, if the walk did not come to its end."""
    cut: int
    """Moments from which not everything was looked at, since it was too much."""
    states: tuple[str, ...]
    """Those that were reached, in the order of the file."""
    never_reached: tuple[str, ...]
    endings: tuple[str, ...]
    """Final states that were reached."""
    never_asked: tuple[str, ...]
    """Asks that reached nobody."""
    never_asked_details: tuple[str, ...]
    dead_ends: tuple[Halted, ...]
    """Where nothing can happen any more, whatever anybody does."""
    stays: tuple[Halted, ...]
    """Where nothing happens any more unless somebody says something."""
    broken: tuple[str, ...]
    """What the engine could not decide: a defect, or a file that goes in circles."""
    starter: tuple[Most, Most] = (Most(), Most())
    """Within a day and within a week, for whoever began it."""
    others: tuple[Most, Most] = (Most(), Most())
    """The same for anybody else."""

    @property
    def is_whole(self) -> bool:
        """Whether every branch was walked; if not, what was not reached may lie beyond the bound."""
        return self.stopped_by is None and not self.cut

    @property
    def is_wrong(self) -> bool:
        """Whether something was found that is to be mended."""
        wrong = self.dead_ends or self.broken
        return bool(wrong or (self.is_whole and self._misses_something))

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong, and everything was reached."""
        return not self.is_wrong and not self._misses_something

    @property
    def _misses_something(self) -> bool:
        return bool(self.never_reached or self.never_asked or self.never_asked_details)


class _Place(msgspec.Struct):
    """A world to be looked at, and the way there."""

    world: World
    path: tuple[str, ...]
    alike: bytes


class _Walk:
    """A walk under way."""

    def __init__(
        self, definition: Definition, bound: Bound, clock: Callable[[], float], went: Callable[[int], None]
    ) -> None:
        self._definition = definition
        self._went = went
        self._bound = bound
        self._clock = clock
        self._until = clock() + bound.seconds
        self._heap: list[tuple[int, int, int, _Place]] = []
        self._order = count()
        self._known: set[bytes] = set()
        self._spots: Counter[object] = Counter()
        self._steps = self._cut = 0
        self._limit = bound.steps
        self._states: set[str] = set()
        self._endings: set[str] = set()
        self._asked: set[str] = set()
        self._dead: dict[str, Halted] = {}
        self._stays: dict[str, Halted] = {}
        self._broken: dict[str, None] = {}
        self._most = {name: [0, 0, 0, 0] for name in ("starter", "others")}

    async def go(self, worlds: Sequence[World]) -> Explored:
        """Walk on from each of these; each has its share of the steps, and what one leaves over the next has."""
        stopped: str | None = None
        for n, world in enumerate(worlds):
            self._limit = self._steps + (self._bound.steps - self._steps) // (len(worlds) - n)
            # What stands alike in another of these worlds may go on otherwise there.
            self._heap.clear()
            self._known.clear()
            await self._arrive(world, (), world.take_letters())
            stopped = await self._go_on() or stopped
        return self._result(stopped)

    async def _go_on(self) -> str | None:
        while self._heap:
            stopped = await self._look_around(heapq.heappop(self._heap)[-1])
            if stopped is not None:
                return stopped
        return None

    async def _look_around(self, place: _Place) -> str | None:
        ways = await unlike(place.world, await branches(place.world))
        if len(ways) > self._bound.breadth:
            self._cut += 1
            del ways[self._bound.breadth :]
        goes_on = moves = False
        for way in ways:
            if self._steps >= self._limit:
                return "steps"
            if self._clock() > self._until:
                return "seconds"
            self._steps += 1
            self._went(self._steps)
            world = place.world.fork()
            letters = await take(world, way)
            if await self._is_broken(world):
                moves = goes_on = True  # how it would go on from here nobody can say
                continue
            if letters is None:
                continue
            alike = await self._arrive(world, (*place.path, told(world, way)), letters)
            if letters or alike != place.alike:
                moves = True
                goes_on = goes_on or isinstance(way, Wait)
        if not moves:
            self._note(self._dead, place)
        elif not goes_on:
            self._note(self._stays, place)
        return None

    async def _arrive(self, world: World, path: tuple[str, ...], letters: list[Letter]) -> bytes:
        """Note what there is to see, and come back to it unless a world like it is known; how it stands."""
        await self._note_letters(world, letters)
        running = False
        for snapshot in world.snapshots():
            if self._is_ours(snapshot):
                self._states.update(snapshot.visits or (snapshot.state,))
                if snapshot.finished_ms is not None:
                    self._endings.add(snapshot.state)
            running = running or snapshot.finished_ms is None
        alike = await likeness(world)
        if alike in self._known:
            return alike
        self._known.add(alike)
        if not running:
            await self._let_end(world)
            return alike
        where = spot(world)
        rarity = self._spots[where] + self._spots[where[0]].bit_length()
        self._spots.update((where, where[0]))
        heapq.heappush(self._heap, (rarity, len(path), next(self._order), _Place(world, path, alike)))
        return alike

    async def _is_broken(self, world: World) -> bool:
        aside = await world.store.quarantined()
        self._broken.update((each.error, None) for each in aside)
        return bool(aside)

    async def _let_end(self, world: World) -> None:
        """Nothing runs any more; what was said at the end may still be on its way."""
        for _ in range(MOST_LAST_LETTERS):
            letters = await world.pass_on()
            if letters is None:
                return
            await self._note_letters(world, letters)

    async def _note_letters(self, world: World, letters: list[Letter]) -> None:
        ours = {s.id: await world.starter_of(s) for s in world.snapshots() if self._is_ours(s)}
        starters = set(ours.values())
        for letter in letters:
            if letter.ask is not None and letter.instance in ours:
                self._asked.add(letter.ask)
            if letter.person is not None:
                most = self._most["starter" if letter.person in starters else "others"]
                recent = world.recent[letter.person]
                for n, span_ms in ((0, DAY_MS), (2, WEEK_MS)):
                    within = _within(recent, letter.at_ms, span_ms)
                    unasked = [each for each in within if each.urgency not in ANSWERING]
                    most[n] = max(most[n], len(within))
                    most[n + 1] = max(most[n + 1], len(unasked))

    def _is_ours(self, snapshot: Snapshot) -> bool:
        """Whether it runs on the file that is looked at, and not on one that this starts."""
        return snapshot.definition == self._definition.digest

    def _note(self, ends: dict[str, Halted], place: _Place) -> None:
        for snapshot in place.world.snapshots():
            if snapshot.finished_ms is None and self._is_ours(snapshot):
                ends.setdefault(snapshot.state, Halted(snapshot.state, place.path))

    def _result(self, stopped: str | None) -> Explored:
        definition = self._definition
        gathered = (name for state in definition.states.values() for name in state.gather)
        details = [name for name in dict.fromkeys(gathered) if not definition.details[name].given]
        starter, others = (
            (Most(*counts[:2]), Most(*counts[2:])) for counts in (self._most["starter"], self._most["others"])
        )
        return Explored(
            workflow=definition.title,
            steps=self._steps,
            stopped_by=stopped,
            cut=self._cut,
            states=tuple(name for name in definition.states if name in self._states),
            never_reached=tuple(name for name in definition.states if name not in self._states),
            endings=tuple(name for name in definition.states if name in self._endings),
            never_asked=tuple(name for name in definition.asks if name not in self._asked),
            never_asked_details=tuple(name for name in details if f"{DETAIL}{name}" not in self._asked),
            dead_ends=tuple(self._dead.values()),
            stays=tuple(self._stays.values()),
            broken=tuple(self._broken),
            starter=starter,
            others=others,
        )


def _within(letters: tuple[Letter, ...], at_ms: Ms, span_ms: Ms) -> list[Letter]:
    return [letter for letter in letters if letter.at_ms > at_ms - span_ms]


def _unseen(_steps: int) -> None:
    """Nobody looks on."""


async def explore(
    definition: Definition,
    playbill: Playbill,
    bound: Bound = USUAL_BOUND,
    clock: Callable[[], float] = time.monotonic,
    went: Callable[[int], None] = _unseen,
) -> Explored:
    """Walk every branch of a workflow, from its beginning on, as far as ``bound`` allows.

    ``went`` hears of each branch that is walked: how many they are by now.
    """
    people = people_for(definition)
    others = playbill.definitions()
    worlds: list[World] = []
    other = spoken_of(definition, others)
    if any(state.starts for state in definition.states.values()) or other is not None:
        # With nothing else in the folder: what is started cannot begin, and nothing can be taken up.
        worlds.append(await _begun(people, Playbill([definition]), beginning(definition, people)))
    worlds.append(await _begun(people, playbill, beginning(definition, people, others)))
    if _hears_of_everyone_at_once(definition):
        words = f"{definition.begins_with} {Vocabulary.load().said.everyone[0]}"
        worlds.append(await _begun(people, playbill, Say(people[0], words)))
    if other is not None:
        without = frozenset(each.name for each in others) - {other.name}
        worlds.append(await _begun(people, playbill, Say(people[0], f"try {other.title}"), without))
    return await _Walk(definition, bound, clock, went).go(worlds)


def _hears_of_everyone_at_once(definition: Definition) -> bool:
    """Whether it makes a difference to write *everyone* behind its word: whom it is for is not asked at first."""
    asked = [definition.details[name] for name in definition.states[definition.start].gather]
    return definition.reach is not None and all(detail.kind != "people" for detail in asked)


async def _begun(
    people: Sequence[str], playbill: Playbill, act: Act, at_start: frozenset[str] | None = None
) -> World:
    """A world in which this has been done; ``at_start``: what the circle had in use before, None: everything."""
    stage = await Stage.set(*people, playbill=playbill, at_start=at_start)
    await perform(stage, act)
    await stage.greet_newcomers()
    world = World.of(stage)
    await stage.strike()
    return world
