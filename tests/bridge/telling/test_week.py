"""What a story promises about how much is written to anyone, held against what is written in random plays."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bridge.rehearsal import Stage
from bridge.telling.reach import roles
from bridge.telling.ways import Count
from bridge.telling.week import MailOfSomebody, MailOfTheRoom, most_in_a_week, most_in_the_room
from engine.core.decide import decide
from engine.core.definition import Definition
from engine.core.effect import Ask, Decision, Effect, Help, Post, Show, Tell
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.turn import Turn
from engine.core.values import DAY_MS, HOUR_MS, WEEK_MS, Ms
from tests.bridge.telling.files import TEA, loaded
from tests.scenarios.conftest import shipped
from tests.scenarios.test_walks import PRELUDES, Walk

ROOT = Path(__file__).parents[3]
SMALL = [TEA, *sorted([*ROOT.glob("docs/examples/*.yaml"), *Path(__file__).parent.glob("stories/*.yaml")])]
SEEDS = int(os.environ.get("HEARTH_WALKS", "12"))
STEPS = 50
OWN_DOING = {"gone", "answer_from"}
"""What follows from what others do, however often they do it; a story says that it is not counted."""
ROOM = "the room"


class Written(msgspec.Struct, frozen=True):
    """One message as it was decided on: when, and for whom."""

    at_ms: Ms
    who: str


class Lived(msgspec.Struct, frozen=True):
    """One instance from its journal: what it wrote, which states it entered when, who was what."""

    definition: Definition
    written: list[Written]
    entered: list[tuple[Ms, str]]
    parts: dict[str, set[str]]


async def _relive(stage: Stage, snapshot: Snapshot) -> Lived:
    definition = await stage.catalogue.by_digest(snapshot.definition)
    assert definition is not None
    lived = Lived(definition, [], [], {})
    outside = {name for parts in roles(definition) for name in parts}
    held: Snapshot | None = None
    for line in await stage.store.journal(f"i/{snapshot.id}"):
        assert isinstance(line.event, Event)
        assert isinstance(line.facts, Facts)
        before, result = held, decide(definition, held, line.event, line.facts)
        if not isinstance(result, Decision):
            continue
        held = result.snapshot
        known = () if before is None else before.boards
        for effect in result.effects:
            who = _written_to(effect, known)
            if who is not None:
                lived.written.append(Written(line.facts.now_ms, who))
        if before is None or before.entry != held.entry:
            lived.entered.append((line.facts.now_ms, held.state))
        view = Turn(definition, held, line.facts, None)
        for part in outside:
            for ref in view.named(part):
                lived.parts.setdefault(ref, set()).add(part)
    return lived


def _written_to(effect: Effect, boards: tuple[str, ...]) -> str | None:
    """Whom an effect writes a new message that a story counts; None for all others."""
    match effect:
        case Ask() if effect.urgency == "reply" or (effect.ask.startswith("question:")):
            return None
        case Tell() if effect.urgency == "reply" or effect.message.lines[0].key in OWN_DOING:
            return None
        case Show() if effect.board.startswith("words:") or f"{effect.board}/{effect.who}" in boards:
            return None
        case Ask() | Tell() | Show() | Help():
            return effect.who
        case Post(edits=None):
            return ROOM
        case _:
            return None


async def _reminders(stage: Stage, snapshot: Snapshot) -> list[Written]:
    """The reminders that came, from the rooms themselves: they are a matter of desks.

    Each question's first one: whoever writes *later* after it has asked for another.
    """
    people = await stage.store.people_of(snapshot.id)
    refs = {person: f"p{n}" for n, person in enumerate(people, 1)}
    found: dict[tuple[str, str, int], Written] = {}
    for name, person in stage.cast.persons.items():
        for brought in stage.seen(name):
            parcel = brought.parcel
            if parcel.about != snapshot.id or parcel.target is None:
                continue
            if [line.key for line in parcel.message.lines] == ["reminder"] and ":" not in parcel.target.ask:
                key = (person, parcel.target.ask, parcel.target.round)
                found.setdefault(key, Written(brought.at_ms, refs[person]))
    return list(found.values())


def _check(lived: Lived, where: str) -> None:
    definition = lived.definition
    for who in {each.who for each in lived.written}:
        parts = tuple(sorted(lived.parts.get(who, ())))
        room = who == ROOM
        most = most_in_the_room(definition) if room else most_in_a_week(definition, parts).count.all
        mail = MailOfTheRoom(definition) if room else MailOfSomebody(definition, parts)
        mine = [each for each in lived.written if each.who == who]
        for first in mine:
            window = range(first.at_ms, first.at_ms + WEEK_MS)
            rounds = Counter(state for at_ms, state in lived.entered if at_ms in window)
            again = Count()
            for state, times in rounds.items():
                on_the_way = [
                    mail.on_moving(m) for s in definition.states.values() for m in s.moves if m.to == state
                ]
                brings = mail.on_entering(definition.states[state]).all + max(
                    (c.all for c in on_the_way), default=0
                )
                again += Count((times - 1) * brings)
            got = sum(each.at_ms in window for each in mine)
            assert got <= most + again.all, (
                f"{where}: {who} ({parts}) got {got} messages, {most} were promised"
            )


async def _look(stage: Stage, where: str) -> None:
    for snapshot in stage.snapshots():
        lived = await _relive(stage, snapshot)
        lived.written.extend(await _reminders(stage, snapshot))
        lived.written.sort(key=lambda each: each.at_ms)
        _check(lived, f"{where}, {lived.definition.name}")


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_nobody_ever_gets_more_than_the_story_promises(seed: int) -> None:
    stage = await Stage.set("ana", "bruno", "chen", "dora", playbill=shipped(), seed=seed)
    walk = Walk(stage)
    try:
        await PRELUDES[seed % len(PRELUDES)](walk)
        for _ in range(STEPS):
            await walk.step()
        await stage.pass_time(60 * DAY_MS)
        await _look(stage, "\n".join([f"seed {seed}", *walk.did]))
    finally:
        await stage.strike()


@pytest.mark.parametrize("seed", range(SEEDS // 4))
@pytest.mark.parametrize("file", SMALL, ids=lambda f: getattr(f, "stem", "tea"))
async def test_the_promise_holds_for_small_files_too(file: Path | str, seed: int) -> None:
    definition = loaded(file)
    stage = await Stage.set("ana", "bruno", "chen", "dora", "eli", playbill=[definition], seed=seed)
    walk = Walk(stage, ("ana", "bruno", "chen", "dora", "eli"))
    try:
        await stage.say("ana", definition.begins_with)
        for _ in range(STEPS):
            await (walk.fit("ana") if walk.chance.random() < 0.5 else walk.step())
        await stage.pass_time(60 * DAY_MS)
        await _look(stage, "\n".join([f"seed {seed}", *walk.did]))
    finally:
        await stage.strike()


async def test_the_promise_is_no_more_than_what_can_come() -> None:
    tea = loaded(TEA)
    assert most_in_a_week(tea, ("guests",)).count == Count(sounding=3)
    stage = await Stage.set("ana", "bruno", "chen", playbill=[tea])
    try:
        await stage.say("ana", "tea")
        await stage.say("ana", "Bruno and Chen")
        await stage.pass_time(2 * DAY_MS + 12 * HOUR_MS)
        await stage.say("bruno", "I'm coming")
        await stage.pass_time(30 * DAY_MS)
        (snapshot,) = stage.snapshots()
        lived = await _relive(stage, snapshot)
        written = [*lived.written, *await _reminders(stage, snapshot)]
        assert Counter(each.who for each in written)["p2"] == 3
    finally:
        await stage.strike()
