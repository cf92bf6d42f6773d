"""The limits of the settings: they reach whoever goes by them, and at each something visible and kind happens."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from bridge.folders.librarian import Stewards
from bridge.http import Pulse
from bridge.http.hooks import Hook, Hooks
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import Ledger, MemoryKeeper
from bridge.matrix.room import Room
from bridge.matrix.rooms import NO_ROOM_PAUSE_MS, Allowed, Invite, Rooms
from bridge.operations.caretaker import GIVEN_UP_BY, Caretaker
from bridge.operations.office import Office as DoorOffice
from bridge.operations.report import Untold, report
from bridge.plan import CirclePlan, Plan
from bridge.settings import Settings
from bridge.settings.table import LimitsSettings
from bridge.wording.keys import KEYS
from bridge.wording.size import fits
from engine.core.limits import USUAL, LimitName, Limits
from engine.core.values import DAY_MS, HOUR_MS
from tests.bridge.test_operations import ROOM, Office, reports
from tests.bridge.test_settings import furnish, load, problems
from tests.engine.runtime.small_house import SmallHouse

PAGE = Path(__file__).parents[2] / "docs" / "operators.md"
ALL = tuple(field.name for field in msgspec.structs.fields(Limits))


# ── the settings ─────────────────────────────────────────────────────────────


def test_each_limit_has_a_setting_with_its_default() -> None:
    assert tuple(field.name for field in dataclasses.fields(LimitsSettings)) == ALL
    assert LimitsSettings().all == USUAL


def test_a_limit_is_read_from_the_file_and_from_the_environment(tmp_path: Path) -> None:
    here = furnish(tmp_path)
    text = (here / "hearth.toml").read_text(encoding="utf-8")
    (here / "hearth.toml").write_text(
        text.replace("# questions_per_person = 200", "questions_per_person = 12"), encoding="utf-8"
    )
    settings: Settings = load(here, HEARTH_LIMITS_ROOMS="30")
    assert (settings.limits.all.questions_per_person, settings.limits.all.rooms) == (12, 30)


@pytest.mark.parametrize("value", ["0", "-5", "99999999999", "many"])
def test_a_limit_that_would_end_everything_or_mean_nothing_is_refused(tmp_path: Path, value: str) -> None:
    (said,) = problems(furnish(tmp_path), HEARTH_LIMITS_BEGUN_PER_PERSON=value)
    assert "HEARTH_LIMITS_BEGUN_PER_PERSON" in said
    assert "1 to 10000" in said.replace(",", "")


def test_each_limit_is_explained_to_operators() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in ALL if f"`{name}`" not in page] == []


# ── what is told, and counted ────────────────────────────────────────────────


@pytest.fixture
async def house() -> AsyncIterator[SmallHouse]:
    made = await SmallHouse.open("ana", "ben")
    yield made
    await made.close()


@pytest.fixture
async def office(house: SmallHouse) -> Office:
    return Office(house, Stewards(("@ana:hearth.test",), ROOM))


def test_each_limit_that_is_told_has_its_sentence() -> None:
    told = [name for name in ALL if name not in GIVEN_UP_BY]
    assert [name for name in told if f"ops.limit.{name}" not in KEYS] == []
    message = report(Untold(limits=cast("tuple[LimitName, ...]", tuple(told))), None)
    assert message is not None
    assert len(message.lines) == 1 + len(told)


async def test_stewards_hear_of_a_limit_once_a_day_whoever_reaches_it_and_however_often(
    office: Office,
) -> None:
    for _ in range(3):
        office.caretaker.note_limit("questions_per_person")
    office.caretaker.note_limit("text_bytes")
    await office.looks()
    (said,) = reports(await office.told())
    assert "somebody has as many questions open as one person may have (*questions_per_person*)" in said
    assert "(*text_bytes*)" in said
    office.caretaker.note_limit("questions_per_person")
    await office.looks(2)
    await office.restart()
    office.caretaker.note_limit("questions_per_person")
    await office.looks()
    assert len(reports(await office.told())) == 1, "nor after a restart"
    await office.house.clock.advance(DAY_MS)
    office.caretaker.note_limit("questions_per_person")
    await office.looks()
    again = reports(await office.told())[-1]
    assert "(*questions_per_person*)" in again
    assert "(*text_bytes*)" not in again


async def test_what_could_not_be_told_of_a_limit_is_told_with_the_next_report(office: Office) -> None:
    office.caretaker.note_limit("rooms")
    office.house.faults.fail("commit", RuntimeError("broken"), times=6)
    with pytest.raises(RuntimeError):
        await office.caretaker.look(office.house.line)
    await office.looks()
    assert "(*rooms*)" in reports(await office.told())[-1]


async def test_of_messages_that_were_given_up_stewards_hear_once_not_twice(office: Office) -> None:
    for limit in GIVEN_UP_BY:
        office.caretaker.note_limit(limit)
    await office.looks()
    assert await office.told() == []


async def test_a_limit_that_is_reached_is_a_number_too(house: SmallHouse, tmp_path: Path) -> None:
    pulse, plan = Pulse(), cast(Plan, _APlan(tmp_path))
    door = DoorOffice(plan, house.store, house.clock, pulse, lambda: None)
    door.note_limit("begun_per_person", 2)
    door.note_limit("waiting_per_room", 30)
    text = await pulse.metrics()
    assert 'hearth_limits_reached_total{limit="begun_per_person"} 2.0' in text
    assert 'hearth_limits_reached_total{limit="waiting_per_room"} 30.0' in text
    assert isinstance(door.caretaker, Caretaker)


class _APlan:
    def __init__(self, folder: Path) -> None:
        self.circles = (CirclePlan("!circle:hearth.test", folder),)
        self.rooms = ("!circle:hearth.test",)
        self.language = "en"


# ── the doors ────────────────────────────────────────────────────────────────


def test_a_hook_may_call_as_often_as_the_settings_say_and_one_more_is_counted() -> None:
    reached: Counter[LimitName] = Counter()
    hooks = Hooks((Hook("calendar", "@ana:x", ("happened",), "secret"),), lambda: 0.0, per_minute=2)
    hooks.on_limit = lambda name, times: reached.update({name: times})
    waits = [hooks._wait_seconds("calendar") for _ in range(3)]
    assert waits == [0, 0, 30]


def test_how_long_a_message_may_be_is_the_settings_word() -> None:
    assert fits("a" * 400, 1_000)
    assert not fits("a" * 600, 1_000), "it is shown twice, plainly and with its markup"
    assert fits("a" * 600)


class _Server:
    """A homeserver that takes what is asked of it, and remembers what."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request(self, method: str, path: str) -> Mapping[str, Any]:
        self.asked.append(path.rpartition("/")[2])
        return {}


class _Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def now_ms(self) -> int:
        return self.ms

    async def pause(self, seconds: float) -> None:
        self.ms += int(seconds * 1_000)


class Doorstep:
    """Rooms at a made-up homeserver, with limits."""

    def __init__(self, **limits: int) -> None:
        self.server, self.clock = _Server(), _Clock()
        self.ledger = Ledger(MemoryKeeper())
        self.rooms = Rooms("@bot:x", {}, self.ledger, cast(Homeserver, self.server))
        self.rooms.limits = Limits(**limits)
        self.reached: Counter[LimitName] = Counter()
        self.rooms.on_limit = lambda name, times: self.reached.update({name: times})

    def hear_of(self, *rooms: str) -> tuple[Invite, ...]:
        member = {"type": "m.room.member", "state_key": "@bot:x", "sender": "@ana:x"}
        state = {"invite_state": {"events": [{**member, "content": {"membership": "invite"}}]}}
        return self.rooms.take_in({"rooms": {"invite": dict.fromkeys(rooms, state)}}).invited

    async def answer(self) -> None:
        async def nothing(_invite: Invite) -> None:
            return None

        await self.rooms.answer_invites(Allowed(users=frozenset({"@ana:x"})), self.clock, nothing)


async def test_in_as_many_rooms_as_it_may_be_the_bot_follows_no_invitation_and_loses_none() -> None:
    here = Doorstep(rooms=1)
    here.rooms.put(Room("!first:x"))
    here.hear_of("!second:x")
    for _ in range(30):
        await here.answer()
    assert (here.server.asked, here.reached) == ([], Counter({"rooms": 1}))
    here.rooms.drop("!first:x")
    here.clock.ms += NO_ROOM_PAUSE_MS
    await here.answer()
    assert here.server.asked == ["join"]
    assert NO_ROOM_PAUSE_MS == HOUR_MS


async def test_an_invitation_that_is_not_wanted_is_declined_in_a_full_house_too() -> None:
    here = Doorstep(rooms=0)
    here.hear_of("!second:x")
    here.rooms.put_invite(Invite("!third:x", "@stranger:y", is_direct=False))
    await here.answer()
    assert here.server.asked == ["leave"]


def test_more_invitations_than_are_kept_are_left_open() -> None:
    here = Doorstep(invitations=2)
    assert len(here.hear_of("!a:x", "!b:x", "!c:x", "!d:x")) == 2
    assert (len(here.rooms.invites()), here.reached) == (2, Counter({"invitations": 2}))
    assert len(here.hear_of("!a:x")) == 1, "one that is known is no further one"
