"""Promises that hold at every moment of every play, whatever people do."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

from bridge.rehearsal import Stage
from engine.core.decide import decide
from engine.core.definition import Definition
from engine.core.desk_table import TEXT_HELD_MS
from engine.core.effect import Decision
from engine.core.event import Event, Facts
from engine.core.instance import Snapshot
from engine.core.values import DAY_MS, WEEK_MS, PersonId
from engine.runtime.ports import Want

TIMELY_A_DAY, TIMELY_A_WEEK = 1, 2
"""What right 5 promises, written here once more on purpose."""
FREE = ("hello", "reply", "safety")
"""What answers a person at once, at any hour."""
KEPT_MS = 90 * DAY_MS
"""How long words may outlive what they were said in."""
SCREEN = 600
"""Characters of a prompt without its footer."""


async def check(stage: Stage) -> None:
    """Fail, with the seed, if any promise is broken."""
    where = f"seed {stage.seed}, {datetime.fromtimestamp(stage.now_ms / 1000, UTC):%a %d %b %H:%M}"
    assert not await stage.store.quarantined(), f"{where}: set aside {await stage.store.quarantined()}"
    for snapshot in stage.snapshots():
        await _check_instance(stage, snapshot, where)
    for name, person in stage.cast.persons.items():
        _check_rhythm(stage, name, where)
        await _check_desk(stage, person, f"{where}, {name}")


async def _check_instance(stage: Stage, snapshot: Snapshot, where: str) -> None:
    definition = await stage.catalogue.by_digest(snapshot.definition)
    assert definition is not None
    where = f"{where}, {definition.name} in {snapshot.state}"
    assert await _replayed(stage, definition, snapshot) == snapshot, (
        f"{where}: a replay gives another snapshot"
    )
    written = msgspec.json.encode(snapshot).decode()
    written += msgspec.json.encode(
        [line.event for line in await stage.store.journal(f"i/{snapshot.id}")]
    ).decode()
    for name, person in stage.cast.persons.items():
        assert person not in written, f"{where}: {name} can be known from it"
        assert not re.search(rf"\b{name}\b", written), f"{where}: {name}'s name stands in it"
    for said in stage.said:
        assert said not in written, f"{where}: somebody's words stand in it"
    if snapshot.finished_ms is not None:
        latest_ms = max(snapshot.finished_ms + KEPT_MS, stage.now_ms + TEXT_HELD_MS)
        kept = [text.until_ms for text in stage.store._texts.values() if text.instance == snapshot.id]
        assert max(kept, default=0) <= latest_ms, f"{where}: words are kept too long"
    if snapshot.finished_ms is None:
        open_asks = [
            a for a in snapshot.asks.values() if a.open and a.closes_ms < snapshot.entered_ms + 400 * DAY_MS
        ]
        assert snapshot.timers or open_asks, f"{where}: no way forward"
        assert definition.states[snapshot.state].moves, f"{where}: no way out"
        return
    assert not snapshot.timers, f"{where}: a timer is left"
    assert not snapshot.powers, f"{where}: a power is left"
    assert not snapshot.boards, f"{where}: a board is left"
    assert not [n for n, a in snapshot.asks.items() if a.open or not a.settled], f"{where}: an ask is open"


async def _replayed(stage: Stage, definition: Definition, snapshot: Snapshot) -> Snapshot | None:
    replayed: Snapshot | None = None
    for line in await stage.store.journal(f"i/{snapshot.id}"):
        assert isinstance(line.event, Event)
        assert isinstance(line.facts, Facts)
        result = decide(definition, replayed, line.event, line.facts)
        if isinstance(result, Decision):
            replayed = result.snapshot
    return replayed


async def _check_desk(stage: Stage, person: PersonId, where: str) -> None:
    desk = (await stage.store.load(Want(desks=frozenset((person,))))).desks.get(person)
    if desk is None:
        return
    over = {s.id for s in stage.snapshots() if s.finished_ms is not None}
    assert not [p.ask for p in desk.prompts if p.instance in over], (
        f"{where}: a question of something over is open"
    )
    assert not over & desk.powers.keys(), f"{where}: a power over something over is left"


def _check_rhythm(stage: Stage, name: str, where: str) -> None:
    unasked = [line for line in stage.diary(name) if line.new and line.urgency not in (*FREE, "quiet")]
    for line in unasked:
        hour = datetime.fromtimestamp(line.at_ms / 1000, UTC).hour
        assert 9 <= hour < 21, f"{where}: {name} was written to at night\n{line}"
    timely = [line.at_ms for line in unasked if line.urgency == "timely"]
    for most, span_ms in ((TIMELY_A_DAY, DAY_MS), (TIMELY_A_WEEK, WEEK_MS)):
        for first, beyond in zip(timely, timely[most:], strict=False):
            assert beyond - first >= span_ms, f"{where}: {name} got more than {most} messages\n" + "\n".join(
                str(line) for line in unasked
            )


def check_prompts(stage: Stage) -> None:
    """Every question fits a phone screen, as long as its host's own words do."""
    for brought in stage.postman.brought:
        if brought.parcel.target is not None:
            body = brought.words.rpartition("\n\n")[0]
            assert len(body) <= SCREEN, f"a prompt of {len(body)} characters:\n{brought.words}"
