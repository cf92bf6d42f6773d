"""A house that was off for days: what has come due meanwhile comes in calm, and never all at once.

Played over the straight line, the bell and the outbox, with a clock that stands still while nobody lets time pass.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from engine.core.definition import Definition, MomentExpr
from engine.core.desk import Rhythm
from engine.core.desk_letter import LETTER
from engine.core.schedule import REMINDED_APART_MS, end_of_quiet
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, InstanceId, Ms
from engine.runtime.bell import Bell
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outbox
from engine.testing import Brought
from tests.engine.runtime.small_house import NOON, SmallHouse, supper
from tests.fakes.clock import StandingClock

HOSTS = ("ben", "chen", "dora", "emil", "fay")
CLOSES_MS = 30 * DAY_MS
NIGHTS = Rhythm("UTC", 21, 9)
LETTER_MS = NOON + 6 * DAY_MS + 21 * HOUR_MS
"""Monday after, 09:00."""


def long_supper() -> Definition:
    definition = supper()
    rsvp = replace(definition.asks["rsvp"], until=MomentExpr("opening", CLOSES_MS))
    return replace(definition, asks={**definition.asks, "rsvp": rsvp})


class Household(SmallHouse):
    """People with quiet nights, and a house that can be switched off."""

    def __init__(self) -> None:
        super().__init__()
        self.standing = StandingClock(start_ms=NOON)
        self.postman._now_ms = self.standing.now_ms
        self._lives = 100
        self.shelf.definitions = {d.digest: d for d in (long_supper(),)}
        self.switch_on()

    def switch_on(self) -> None:
        """A new life over the same store, with chances of its own."""
        self._lives += 1
        chance = Random(self._lives)
        house = House(
            self.cellar, self.shelf, self.reader, self.village, chance, NIGHTS, practices=self.practices
        )
        self.line = StraightLine(house, self.standing)
        self.bell = Bell(self.cellar, self.line, self.standing)
        self.outbox = Outbox(self.cellar, self.carrier, self.standing, chance)

    @property
    def now_ms(self) -> Ms:
        return self.standing.now_ms()

    async def pass_time(self, by_ms: Ms) -> None:
        until_ms = self.now_ms + by_ms
        while True:
            moments = [await self.store.next_timer_ms(), await self.store.next_parcel_ms()]
            step_ms = min([m for m in moments if m is not None and m <= until_ms], default=until_ms)
            await self.standing.pass_time(max(0, step_ms - self.now_ms) / 1000)
            await self.settle()
            if step_ms >= until_ms:
                return

    async def be_off(self, for_ms: Ms) -> None:
        await self.line.stop()
        await self.standing.pass_time(for_ms / 1000)
        self.switch_on()
        self.line.start()

    def of_ana(self, key: str) -> list[Brought]:
        return [b for b in self.seen("ana") if key in b.words]


def clock_time(at_ms: Ms) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %H:%M")


@pytest.fixture
async def house() -> AsyncIterator[Household]:
    house = Household()
    house.village.circle = await house.store.ensure_circle("!circle:hearth.test", "Circle")
    for name in ("ana", *HOSTS):
        house.village.persons[name] = await house.store.person(f"@{name}:hearth.test")
        house.postman.present.add(house.id(name))
    house.line.start()
    for name in ("ana", *HOSTS):
        await house.say(name, "start")
    for name in HOSTS:
        await house.say(name, "supper @ana")
    await house.settle()
    yield house
    await house.line.stop()


async def test_what_waits_for_the_budget_comes_with_the_letter_each_by_itself_and_without_a_sound(
    house: Household,
) -> None:
    await house.pass_time(LETTER_MS - house.now_ms - MINUTE_MS)
    before = house.of_ana("rsvp.say")
    assert [b.parcel.message.mention for b in before] == [True, True]
    await house.pass_time(2 * MINUTE_MS)
    came = house.of_ana("rsvp.say")[len(before) :]
    assert [(b.parcel.urgency, b.parcel.message.mention) for b in came] == [("quiet", False)] * 3
    assert all(b.parcel.target is not None and b.parcel.message.options for b in came)
    room = [b for b in house.postman.brought if b.room == f"d/{house.id('ana')}" and b.parcel.emoji is None]
    (letter,) = (n for n, b in enumerate(room) if "weekly.head" in b.words or b.parcel.message.view == LETTER)
    assert letter < min(room.index(b) for b in came)
    last = came[-1]
    await house.tap("ana", "✅", last)
    (hosts_id, *_) = await house.store.people_of(last.parcel.about or InstanceId(""))
    host = next(name for name in HOSTS if house.id(name) == hosts_id)
    await house.settle()
    assert any("rsvp.coming" in b.words or "list" in b.words for b in house.seen(host))


async def test_after_five_days_off_the_reminders_come_one_by_one_by_day_and_hours_apart(
    house: Household,
) -> None:
    await house.pass_time(LETTER_MS - house.now_ms + MINUTE_MS)
    asked = house.of_ana("rsvp.say")
    assert len(asked) == len(HOSTS)
    for each in asked:
        await house.say("ana", "later", reply_to=each.event)
    await house.pass_time(10 * HOUR_MS)
    desk = await house.desk("ana")
    due = {prompt.rings_ms for prompt in desk.prompts}
    assert due == {LETTER_MS + DAY_MS}, "all five come due in the same moment"

    away_until_ms = LETTER_MS + 6 * DAY_MS + 18 * HOUR_MS  # the night to Monday, at three
    await house.be_off(away_until_ms - house.now_ms)
    await house.pass_time(5 * DAY_MS)

    reminders = house.of_ana("reminder")
    moments = [b.at_ms for b in reminders]
    assert len(moments) == len(HOSTS), "none is lost"
    assert all(end_of_quiet(NIGHTS, at_ms) is None for at_ms in moments)
    apart = [later - earlier for earlier, later in pairwise(moments)]
    assert min(apart) >= REMINDED_APART_MS, [clock_time(at_ms) for at_ms in moments]
    assert [clock_time(at_ms) for at_ms in moments] == [
        "Mon 09:00",
        "Mon 15:00",
        "Tue 09:00",
        "Tue 15:00",
        "Wed 09:00",
    ]


async def test_what_has_closed_meanwhile_is_not_brought_up(house: Household) -> None:
    await house.pass_time(LETTER_MS - house.now_ms + MINUTE_MS)
    for each in house.of_ana("rsvp.say"):
        await house.say("ana", "later", reply_to=each.event)
    await house.be_off(CLOSES_MS)
    await house.pass_time(5 * DAY_MS)
    assert house.of_ana("reminder") == []
