"""Branches: everything that could happen next in a world, each as a value that can be played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec

from bridge.rehearsal.world import Letter, World
from engine.core.definition import NO, Definition, DetailDef
from engine.core.desk import Command, Desk, Prompt, Reading
from engine.core.instance import Snapshot
from engine.core.turn import DETAIL, QUESTION
from engine.core.values import DAY_MS, HOUR_MS, PersonId, RowId
from engine.core.view import people_now

SOON_MS, LATE_MS = 5 * DAY_MS + 9 * HOUR_MS, 120 * DAY_MS
"""The moments that somebody names who is asked for one: this week, and in some months."""
OPEN = "open"
"""What somebody writes to see what knocked."""


class Write(msgspec.Struct, frozen=True, tag="write"):
    """Somebody writes; ``reply_to`` is the row of the question that it is about."""

    person: PersonId
    reading: Reading
    reply_to: RowId | None = None
    about: str = ""


class Tap(msgspec.Struct, frozen=True, tag="tap"):
    """Somebody takes up what is open in the room."""

    person: PersonId
    row: RowId
    emoji: str


class Go(msgspec.Struct, frozen=True, tag="go"):
    """Somebody leaves the circle's room."""

    person: PersonId


class Wait(msgspec.Struct, frozen=True, tag="wait"):
    """Nobody does anything until something happens by itself."""


Branch = Write | Tap | Go | Wait


async def take(world: World, branch: Branch) -> list[Letter] | None:
    """Play one branch; the letters that follow, or None if it is none after all."""
    match branch:
        case Wait():
            return await world.pass_on()
        case Go(person=person):
            return await world.leave(person)
        case Tap(person=person, row=row, emoji=emoji):
            event = await world.event_of(row)
            return await world.tap(person, event, emoji) if event is not None else None
        case Write(person=person, reading=reading, reply_to=row):
            event = await world.event_of(row) if row is not None else None
            return await world.say(person, reading, event)


def told(world: World, branch: Branch) -> str:
    """A branch as one would tell it: ``bruno: coming``."""
    return (
        deed(world, branch)
        if isinstance(branch, Wait)
        else f"{world.cast.who(branch.person)}{deed(world, branch)}"
    )


def deed(world: World, branch: Branch) -> str:
    """What is done, without who does it."""
    match branch:
        case Wait():
            return "time passes"
        case Go():
            return " leaves"
        case Tap(emoji=emoji):
            return f" in the room: {emoji}"
        case Write(reading=reading):
            return f": {_understood(world, reading)}"


def _understood(world: World, reading: Reading) -> str:
    if reading.command is not None:
        return reading.command.word
    if reading.picks:
        return next(iter(reading.picks.values()))
    if reading.everyone:
        return "everyone"
    if reading.people:
        return " and ".join(world.cast.who(person) for person in reading.people)
    if reading.number is not None:
        return str(reading.number)
    if reading.moment_ms is not None:
        return f"in {(reading.moment_ms - world.now_ms) // DAY_MS} days"
    return "none" if reading.empty else "words"


async def branches(world: World) -> list[Branch]:
    """Everything that could happen next; letting time pass comes first."""
    found: list[Branch] = [Wait()]
    desks = await world.desks()
    for desk in desks.values():
        for prompt in desk.prompts:
            found += [branch async for branch in _answers(world, desk, prompt)]
    running = [snapshot for snapshot in world.snapshots() if snapshot.finished_ms is None]
    for snapshot in running:
        found += [branch async for branch in _in_the_room(world, snapshot)]
    for person, desk in desks.items():
        words = dict.fromkeys(word for power in desk.powers.values() for word in power.words)
        found += [Write(person, Reading(command=Command(word))) for word in words]
    for snapshot in running:
        found += [branch async for branch in _departures(world, snapshot)]
    return found


# ── answers ──────────────────────────────────────────────────────────────────


async def _answers(world: World, desk: Desk, prompt: Prompt) -> AsyncIterator[Branch]:
    if prompt.instance is None or prompt.settled:
        return
    if prompt.knock is not None:
        if await world.event_of(prompt.knock) is not None:
            yield Write(desk.person, Reading(command=Command(OPEN)))
        return
    if await world.event_of(prompt.row) is None or prompt.ask.startswith(QUESTION):
        return
    said = prompt.sources[-1].choice if prompt.sources else None
    if prompt.sources:
        # A yes may become a no; other second thoughts are first thoughts of another branch.
        if said not in (None, NO) and any(choice == NO for choice, _ in prompt.choices):
            yield Write(desk.person, Reading(picks={prompt.row: NO}), prompt.row, prompt.ask)
        return
    for reading in _readings(world, desk.person, prompt):
        yield Write(desk.person, reading, prompt.row, prompt.ask)


def _readings(world: World, person: PersonId, prompt: Prompt) -> Iterator[Reading]:
    """What somebody might say to a question."""
    for choice, _ in prompt.choices:
        yield Reading(picks={prompt.row: choice})
    detail = _detail(world, prompt)
    match prompt.expects:
        case "words":
            yield Reading()
        case "choice" if prompt.words and not prompt.question_to:
            yield Reading()
        case "moment":
            yield from (Reading(moment_ms=world.now_ms + span_ms) for span_ms in (SOON_MS, LATE_MS))
        case "number":
            yield from (Reading(number=n) for n in _numbers(detail))
        case "person":
            others = [each for each in world.cast.here.values() if each != person]
            # Where somebody cannot be named, the first of the others may be one of those.
            named = others if detail is not None and detail.but else (*others[:1], person)
            yield from (Reading(people=(each,)) for each in named)
        case "people":
            others = [each for each in world.cast.here.values() if each != person]
            least, most = (detail.least, detail.most) if detail is not None else (None, None)
            sizes = {max(1, least or 1), min(most or len(others), len(others))}
            yield from (Reading(people=tuple(others[:size])) for size in sorted(sizes))
            if detail is not None and _reaches_everyone(world, prompt):
                yield Reading(everyone=True)
        case _:
            pass
    if prompt.optional:
        yield Reading(empty=True)


def _detail(world: World, prompt: Prompt) -> DetailDef | None:
    if prompt.instance is None or not prompt.ask.startswith(DETAIL):
        return None
    definition = world.definition_of(prompt.instance)
    return definition.details.get(prompt.ask.removeprefix(DETAIL)) if definition is not None else None


def _reaches_everyone(world: World, prompt: Prompt) -> bool:
    definition = world.definition_of(prompt.instance) if prompt.instance is not None else None
    return definition is not None and definition.reach is not None


def _numbers(detail: DetailDef | None) -> list[int]:
    least = (detail.least if detail is not None else None) or 1
    most = (detail.most if detail is not None else None) or least + 1
    return sorted({least, min(most, least + 1)})


# ── the room, and departures ─────────────────────────────────────────────────


async def _in_the_room(world: World, snapshot: Snapshot) -> AsyncIterator[Branch]:
    definition = world.playbill.held(snapshot.definition)
    casting = await world.casting(snapshot)
    for name, ask in snapshot.asks.items():
        known = definition.asks.get(name) if definition is not None else None
        if known is None or ask.row is None or ask.settled or not known.choices:
            continue
        for person in world.cast.here.values():
            ref = casting.ref(person)
            if ref != snapshot.starter and ref not in ask.answers and ask.open:
                for choice in known.choices:
                    yield Tap(person, ask.row, choice.emoji)


async def _departures(world: World, snapshot: Snapshot) -> AsyncIterator[Branch]:
    """Whoever's leaving the file speaks of."""
    definition = world.playbill.held(snapshot.definition)
    if definition is None:
        return
    casting = await world.casting(snapshot)
    here = set(world.cast.here.values())
    leaving = [casting.person(snapshot.starter)] if _minds_the_starter(definition) else []
    for part in definition.if_leaves:
        leaving += [casting.person(ref) for ref in people_now(definition, snapshot, part)]
    for person in dict.fromkeys(leaving):
        if person in here:
            yield Go(person)


def _minds_the_starter(definition: Definition) -> bool:
    return bool(definition.if_starter_leaves) or any(
        state.if_starter_leaves for state in definition.states.values()
    )
