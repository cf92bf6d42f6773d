"""Likeness: when two worlds stand so alike that one of them need not be looked at.

Times count from now, names do not count at all: whoever holds the same part and has said the same is the same.
How full somebody's week is counts in messages, not in minutes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from bridge.rehearsal.branches import Branch, Wait, Write, deed
from bridge.rehearsal.world import World
from engine.core.definition import Definition
from engine.core.desk import Desk
from engine.core.instance import AskState, Snapshot
from engine.core.values import DAY_MS, AnyValue, Moment, Ms, Number, PersonId, Persons, Picked, Ref
from engine.runtime.localize import Cast as Casting

MOST_VISITS = 3
"""A state entered this often counts as entered often, for files that count."""
_ROUND = re.compile(r":\d+$")
_WHOSE = re.compile(r":p\d+")


async def likeness(world: World) -> bytes:
    """A fingerprint: two worlds with the same one have the same future, but for whose it is."""
    running = [s for s in world.snapshots() if s.finished_ms is None]
    instances = [_instance(snapshot, world) for snapshot in running]
    over = sorted(f"{s.definition}/{s.state}" for s in world.snapshots() if s.finished_ms is not None)
    people = sorted((await standings(world)).values())
    return blake2b(msgspec.json.encode((instances, over, people)), digest_size=16).digest()


async def standings(world: World) -> dict[PersonId, bytes]:
    """How each person stands; those who stand the same could change places and nobody would notice."""
    running = [s for s in world.snapshots() if s.finished_ms is None]
    castings = {snapshot.id: await world.casting(snapshot) for snapshot in running}
    here = set(world.cast.here.values())
    standing: dict[PersonId, bytes] = {}
    for person, desk in (await world.desks()).items():
        parts = [_part_in(world, snapshot, castings[snapshot.id], person) for snapshot in running]
        standing[person] = msgspec.json.encode((parts, await _desk(world, desk), person in here))
    return standing


async def unlike(world: World, ways: Iterable[Branch]) -> list[Branch]:
    """Of branches that differ only in who of several takes them, the first."""
    standing = await standings(world)
    found: dict[tuple[bytes, str, str], Branch] = {}
    for way in ways:
        whose = b"" if isinstance(way, Wait) else standing[way.person]
        about = _WHOSE.sub("", way.about) if isinstance(way, Write) else ""
        found.setdefault((whose, about, deed(world, way)), way)
    return list(found.values())


def spot(world: World) -> tuple[str, str]:
    """Roughly where a world stands: its states and choices; and what is asked besides, and how it was answered."""
    places: list[str] = []
    asked: list[str] = []
    for snapshot in world.snapshots():
        if snapshot.finished_ms is None:
            picked = (v.choice if isinstance(v, Picked) else name for name, v in snapshot.details.items())
            places.append("/".join((snapshot.definition, snapshot.state, *sorted(picked))))
            for name, ask in snapshot.asks.items():
                if not ask.settled:
                    said = sorted({str(answer.choice) for answer in ask.answers.values()})
                    asked.append(f"{_WHOSE.sub('', name)}={'+'.join(said)}")
    return " ".join(sorted(places)), " ".join(sorted(asked))


def _instance(snapshot: Snapshot, world: World) -> object:
    now_ms = world.now_ms
    definition = world.playbill.held(snapshot.definition)
    asks = sorted(
        (
            _WHOSE.sub("", name),
            ask.open,
            ask.shown,
            ask.unsigned,
            ask.closes_ms - now_ms,
            ask.changeable_ms - now_ms,
        )
        for name, ask in snapshot.asks.items()
        if not ask.settled
    )
    timers = sorted(
        (_WHOSE.sub("", _ROUND.sub("", name)), timer.due_ms - now_ms)
        for name, timer in snapshot.timers.items()
    )
    visits = snapshot.visits if definition is not None and _counts_visits(definition) else {}
    return (
        snapshot.definition,
        snapshot.state,
        {name: _value(value, now_ms) for name, value in snapshot.details.items()},
        asks,
        timers,
        {state: min(times, MOST_VISITS) for state, times in visits.items()},
        sorted(snapshot.children.values()),
    )


def _counts_visits(definition: Definition) -> bool:
    return b'"been_in"' in msgspec.json.encode(definition.states)


def _value(value: AnyValue, now_ms: Ms) -> object:
    match value:
        case Moment(at_ms=at_ms):
            return at_ms - now_ms
        case Number(n=n):
            return n
        case Picked(choice=choice):
            return choice
        case Persons(who=who):
            return f"{len(who)} people"
        case _:
            return type(value).__name__


def _part_in(world: World, snapshot: Snapshot, casting: Casting, person: PersonId) -> object:
    """What somebody is and has said in an instance."""
    ref = casting.ref(person)
    named = sorted(name for name, v in snapshot.details.items() if isinstance(v, Persons) and ref in v.who)
    found = sorted(part for part, who in snapshot.groups.items() if ref in who)
    definition = world.playbill.held(snapshot.definition)
    scarce = (
        {name for name, ask in definition.asks.items() if ask.places is not None} if definition else set()
    )
    said = sorted(
        (
            (_WHOSE.sub("", name), _said(ask, ref, in_order=name in scarce))
            for name, ask in _those_of(snapshot, ref)
        ),
        key=repr,
    )
    return (ref == snapshot.starter, named, found, said, snapshot.powers.get(ref, ()), ref in snapshot.gone)


def _those_of(snapshot: Snapshot, ref: Ref) -> list[tuple[str, AskState]]:
    """The asks that were put to somebody, or that they took up."""
    return [(name, ask) for name, ask in snapshot.asks.items() if ref in ask.asked or ref in ask.answers]


def _said(ask: AskState, ref: Ref, *, in_order: bool) -> object:
    """What somebody has said to an ask and, where it matters, whether others said so before."""
    answer = ask.answers.get(ref)
    if answer is None:
        return None
    before = sum(a.choice == answer.choice and a.at_ms < answer.at_ms for a in ask.answers.values())
    value = type(answer.value).__name__
    return (answer.choice, answer.text is not None, value, answer.was_early, before if in_order else 0)


async def _desk(world: World, desk: Desk) -> object:
    now_ms = world.now_ms
    prompts = [
        (
            _WHOSE.sub("", prompt.ask),
            prompt.settled,
            bool(prompt.sources),
            prompt.put_off,
            prompt.rings_ms - now_ms if prompt.rings_ms is not None else None,
            await world.event_of(prompt.row) is not None,
            prompt.knock is not None,
        )
        for prompt in desk.prompts
    ]
    recent = [letter for letter in world.recent.get(desk.person, ()) if letter.urgency == "timely"]
    today = [letter for letter in recent if letter.at_ms > now_ms - DAY_MS]
    return (desk.consent, sorted(prompts, key=repr), len(today), len(recent), _alone(world, desk))


def _alone(world: World, desk: Desk) -> object:
    """With what somebody is at present, and for how long yet: what follows in it comes without a knock."""
    alone = desk.alone
    if alone is None or alone.until_ms <= world.now_ms:
        return None
    definition = world.definition_of(alone.instance)
    return (definition.digest if definition is not None else None, alone.until_ms - world.now_ms)
