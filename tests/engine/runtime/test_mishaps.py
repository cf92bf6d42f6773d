"""Whatever goes wrong on the way: the same rooms, the same answers, each exactly once."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from engine.runtime.outbox import LEASE_MS
from engine.runtime.ports import Conflict, Outcome, TryLater, Unavailable
from tests.engine.runtime.small_house import SmallHouse

STEPS = 30
NAMES = ("ana", "ben", "chen")

AWAY = Unavailable("away")
STORE_FAULTS: list[tuple[str, Exception, bool]] = [
    ("commit", Conflict("somebody else was first"), False),
    ("commit", AWAY, False),
    ("commit", AWAY, True),
    ("load", AWAY, False),
    ("due_timers", AWAY, False),
    ("waiting_inbox", AWAY, False),
    ("claim", AWAY, False),
    ("claim", AWAY, True),
    ("standing", AWAY, False),
    ("seal", AWAY, False),
    ("seal", AWAY, True),
    ("mark_sent", AWAY, False),
    ("mark_sent", AWAY, True),
    ("postpone", AWAY, True),
    ("people_of", AWAY, False),
]
POST_FAULTS: list[tuple[str, bool]] = [
    ("put", False),
    ("put", True),
    ("seal", False),
    ("is_present", False),
    ("room_for", True),
]


def script(chance: Random) -> list[tuple[str, str, str]]:
    """What people do: (who, what, with what)."""
    doings: list[tuple[str, str, str]] = [("ana", "say", "supper @ben @chen")]
    for _ in range(STEPS):
        who = chance.choice(NAMES)
        if who == "ana":
            doings.append((who, "say", chance.choice(["help", "my", "qwert", "boom"])))
        else:
            what = chance.choice(["tap", "tap", "remove", "say"])
            doings.append(
                (who, what, chance.choice(["✅", "✖️"] if what == "tap" else ["help", "later", "no"]))
            )
    return doings


def plan(house: SmallHouse, chance: Random) -> None:
    """Something goes wrong in the next step; what was planned for an earlier one and did not happen does not."""
    house.faults.heal()
    house.mishaps.heal()
    for _ in range(chance.randint(0, 2)):
        call, error, after = chance.choice(STORE_FAULTS)
        house.faults.fail(call, error, times=chance.randint(1, 3) if not after else 1, after=after)
    for _ in range(chance.randint(0, 2)):
        post, after = chance.choice(POST_FAULTS)
        house.mishaps.fail(post, TryLater("502", chance.choice([None, 50])), after=after)


async def rest(house: SmallHouse) -> None:
    """Let everything come to its end, as the bell's and the outbox's own loops would."""
    for _ in range(200):
        settling = asyncio.create_task(house.settle())
        await house.patiently(settling)
        if settling.exception() is None and await house.store.next_parcel_ms() is None:
            return
        next_ms = await house.store.next_parcel_ms()
        if settling.exception() is None and next_ms is not None and next_ms > house.now_ms + LEASE_MS:
            return  # it waits for another day
        await house.clock.advance(max(1_000, min(LEASE_MS, (next_ms or 0) - house.now_ms)))
    raise AssertionError("the house does not come to rest")


async def play(seed: int, *, mishaps: bool) -> dict[str, Any]:
    house = await SmallHouse.open(*NAMES)
    chance, luck = Random(seed), Random(seed + 1)
    given: dict[str, list[str]] = {name: [] for name in NAMES}
    outcomes: list[str] = []
    for who, what, with_what in script(chance):
        if mishaps:
            plan(house, luck)
        doing = asyncio.create_task(do(house, given, who, what, with_what))
        await house.patiently(doing)
        outcomes.append(doing.result())
        await rest(house)
    house.faults.heal()
    house.mishaps.heal()
    await house.clock.advance(2 * LEASE_MS)
    await rest(house)
    snapshot = await house.snapshot()
    desks = {name: await house.desk(name) for name in NAMES}
    result = {
        "rooms": {name: house.words(name) for name in NAMES},
        "answers": {ref: house.choice_of(snapshot, ref) for ref in ("p2", "p3")},
        "heard": {
            name: [line.event for line in await house.store.journal(f"d/{house.id(name)}")] for name in NAMES
        },
        "sources": {
            name: [(p.ask, [s.choice for s in p.sources], p.put_off) for p in desks[name].prompts]
            for name in NAMES
        },
        "aside": [a.arrival.id for a in await house.store.quarantined()],
        "versions": (snapshot.version, {name: desks[name].version for name in NAMES}),
    }
    result["heard"] = {name: [type(e).__name__ for e in events] for name, events in result["heard"].items()}
    await house.close()
    return result


async def do(house: SmallHouse, given: dict[str, list[str]], who: str, what: str, with_what: str) -> str:
    if what == "say":
        outcome: Outcome = await house.say(who, with_what)
        return "" if outcome.kind == "seen_before" else outcome.kind
    if what == "tap":
        given[who].append(await house.tap(who, with_what, house.find(who, "rsvp.say")))
    elif given[who]:
        await house.remove(who, given[who].pop())
    return ""


@pytest.mark.parametrize("n", range(12))
async def test_with_any_mishaps_everything_is_as_without(n: int, seed: int) -> None:
    case = seed + n
    smooth = await play(case, mishaps=False)
    rough = await play(case, mishaps=True)
    for what, expected in smooth.items():
        assert rough[what] == expected, f"{what} differs (seed {seed})"
    assert len(smooth["aside"]) == sum(what == "boom" for _, _, what in script(Random(case)))
