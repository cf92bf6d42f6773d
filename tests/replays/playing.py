"""Plays the scenarios of a workflow and keeps what their journals hold; nobody in them is real."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from bridge.cli.scenarios import scenario_files
from bridge.rehearsal import Stage
from bridge.rehearsal.acts import perform
from bridge.rehearsal.playbill import Playbill
from bridge.scenarios.notation import Scenario, named_workflow, read_scenarios
from engine.core.definition import Definition
from engine.core.desk import Desk
from engine.core.event import Migrated
from engine.core.replay import Entry, began_with, replay
from engine.core.values import DAY_MS
from engine.loading.compile import with_digest
from engine.loading.load import load_definition
from engine.runtime.ports import ToInstance
from tests.replays.history import (
    History,
    Journal,
    desk_came,
    desk_lines,
    entries_of,
    instance_came,
    recorded,
)

SHIPPED = Path(__file__).parents[2] / "workflows"
DESKS = "desks"
"""Where the histories of desks lie: one person's, whatever workflows they had to do with."""
LONGEST_NAME = 60

MOVED = "Moved to another version while it is open, and it goes on there"

Trait = tuple[str, ...]
"""Something that a history shows: a state reached, a way taken, an answer refused."""


class Found(NamedTuple):
    """A history that could be kept, and what there is to see in it."""

    name: str
    history: History
    traits: frozenset[Trait]
    definitions: tuple[Definition, ...] = ()

    @property
    def bytes(self) -> int:
        """About how long its file is."""
        return sum(len(msgspec.json.encode(line)) for j in self.history.journals for line in j.lines)


def shipped() -> dict[str, Definition]:
    """Every workflow that ships, by its name."""
    found: dict[str, Definition] = {}
    for file in sorted(SHIPPED.glob("*.yaml")):
        definition = load_definition(file)
        assert isinstance(definition, Definition), definition
        found[definition.name] = definition
    return found


def scenarios_of(definition: Definition) -> list[Scenario]:
    """The scenarios that lie beside a workflow."""
    found: list[Scenario] = []
    for file in scenario_files(SHIPPED):
        text = file.read_text("utf-8")
        if named_workflow(text, file).stem == definition.name:
            read = read_scenarios(text, file.name, definition)
            found += [each for each in read if isinstance(each, Scenario)]
    return found


async def play_alone(definition: Definition, scenario: Scenario) -> Found:
    """Play a scenario where no other workflow can be begun, as far as it goes there."""
    stage = await Stage.set(*scenario.people, playbill=Playbill([definition]), seed=1)
    try:
        for scripted in (each for turn in scenario.turns for each in turn.acts):
            if await perform(stage, scripted.act) is not None:
                break
        return await _of_instances(definition, f"Alone: {scenario.name}", stage)
    finally:
        await stage.strike()


async def play(definition: Definition, scenario: Scenario, playbill: Playbill) -> list[Found]:
    """Play a scenario to its end: the history of all that ran, and one for each person's desk."""
    stage = await Stage.set(*scenario.people, playbill=playbill, seed=1)
    try:
        for turn in scenario.turns:
            for scripted in turn.acts:
                hitch = await perform(stage, scripted.act)
                assert hitch is None, f"{definition.name}, {scenario.name}: {hitch}"
        assert not await stage.store.quarantined(), f"{definition.name}, {scenario.name}: something broke"
        desks = [await _of_desk(definition, scenario, stage, name) for name in stage.cast.persons]
        return [await _of_instances(definition, scenario.name, stage), *desks]
    finally:
        await stage.strike()


async def play_a_move(definition: Definition, playbill: Playbill) -> Found:
    """An invitation that is moved to another version of its workflow while it is open, and goes on there."""
    enough = replace(definition.details["enough"], most=50)
    other = with_digest(replace(definition, details={**definition.details, "enough": enough}))
    stage = await Stage.set("ana", "bruno", "chen", playbill=playbill, seed=1)
    stage.catalogue._by_digest[other.digest] = other
    try:
        await stage.say("ana", "invite @bruno and @chen: Soup", room=True)
        for answer in ("1", "Friday 19:00", "1"):
            await stage.say("ana", answer)
        begun = stage.snapshots()[-1]
        moved = ToInstance(
            id="moved", occurred_ms=stage.now_ms, instance=begun.id, event=Migrated(other.digest, "open")
        )
        assert (await stage.submit(moved)).kind == "done"
        await stage.say("bruno", "I'm coming")
        await stage.pass_time(14 * DAY_MS)
        return await _of_instances(definition, MOVED, stage)
    finally:
        await stage.strike()


async def _of_instances(definition: Definition, told: str, stage: Stage) -> Found:
    journals: list[Journal] = []
    traits: set[Trait] = set()
    definitions: dict[str, Definition] = {}
    for snapshot in stage.snapshots():
        lines = list(await stage.store.journal(f"i/{snapshot.id}"))
        entries = entries_of(lines)
        began = stage.catalogue.held(began_with(entries, snapshot.definition) or "")
        assert began is not None
        for digest in (began.digest, snapshot.definition):
            held = stage.catalogue.held(digest)
            assert held is not None
            definitions[digest] = held
        came = instance_came(entries, began, stage.catalogue.held)
        kept = tuple(recorded(line, each) for line, each in zip(lines, came, strict=True))
        journals.append(Journal(actor=f"i/{snapshot.id}", definition=began.digest, lines=kept))
        traits |= _traits(began, entries, stage)
    history = History(definition.name, definition.digest, told, tuple(journals))
    return Found(_name(told), history, frozenset(traits), tuple(definitions.values()))


def _traits(definition: Definition, entries: list[Entry], stage: Stage) -> set[Trait]:
    found: set[Trait] = set()
    for passage in replay(entries, definition, stage.catalogue.held):
        kind = type(passage.entry.event).__name__
        found.add((definition.name, kind, passage.result))
        if passage.after is not None and passage.moved:
            before = passage.before.state if passage.before is not None else ""
            found.add((definition.name, before, passage.after.state, kind))
    return found


async def _of_desk(definition: Definition, scenario: Scenario, stage: Stage, name: str) -> Found:
    person = stage.cast.persons[name]
    first = Desk(person, rhythm=await stage.line._house.rhythm_of(person))
    lines = list(await stage.store.journal(f"d/{person}"))
    came = desk_came(first, desk_lines(lines))
    kept = tuple(recorded(line, each) for line, each in zip(lines, came, strict=True))
    traits = {
        (type(line.event).__name__, each.result, *sorted({effect.split()[0] for effect in each.effects}))
        for line, each in zip(lines, came, strict=True)
    }
    told = f"{name} in {definition.name}: {scenario.name}"
    journal = Journal(actor=f"d/{person}", first=msgspec.to_builtins(first), lines=kept)
    return Found(_name(told), History(DESKS, "", told, (journal,)), frozenset(traits))


def _name(told: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", told.lower().replace("'", "")).strip("-")
    return plain[:LONGEST_NAME].rstrip("-")


def chosen(among: Sequence[Found]) -> list[Found]:
    """As few of them as show everything that any of them shows; of two that show as much, the shorter."""
    left = frozenset[Trait]().union(*(each.traits for each in among))
    bytes_of = {each.name: each.bytes for each in among}
    found: list[Found] = []
    while left:
        best = max(among, key=lambda each: (len(each.traits & left), -bytes_of[each.name]))
        found.append(best)
        left -= best.traits
    return found
