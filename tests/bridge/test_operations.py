"""What needs a human being is told to the stewards, each once and not too often; what they order there is done."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.folders.librarian import HELLO, Stewards, hello_id
from bridge.http import Pulse
from bridge.matrix.keep import NotCommitted
from bridge.matrix.rooms import Allowed
from bridge.matrix.rooms import Changes as RoomChanges
from bridge.matrix.session import Session
from bridge.matrix.sync import Delivery, Gap, RoomEvent
from bridge.operations import caretaker
from bridge.operations.caretaker import BETWEEN_MS, LOOK_EVERY_MS, MOST_ROOMS_NOTED, Caretaker, Heard
from bridge.operations.logs import formatter_for
from bridge.operations.office import Office as DoorOffice
from bridge.operations.office import keepers
from bridge.operations.orders import Order, order_in, spelled, spellings
from bridge.operations.report import MOST_SHOWN, Standing, nameless, status
from bridge.plan import CirclePlan, Plan
from bridge.views import HouseViews
from bridge.wording.render import Hearer, Voice
from bridge.wording.render import House as Described
from engine.core.parcel import Direct, Parcel
from engine.core.values import CircleId, PersonId, RowId
from engine.runtime.ports import Changes, Counts, KeptRow, Noticed, Pile, Unavailable
from tests.bridge.folders.test_librarian import _Names
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.store.goods import mail, parcel, post

ROOM = "!stewards:hearth.test"
WORDS = "quince"


class Office:
    """A small house with a caretaker; ``again`` is the same after a restart."""

    def __init__(self, house: SmallHouse, stewards: Stewards, language: str = "en") -> None:
        self.house = house
        self.stewards = stewards
        self.language = language
        self.looked = 0
        self.in_office: tuple[PersonId, ...] = ()
        self.voice = Voice(
            Described("Hearth", "Dora", "112"),
            names=_Names(house),
            texts=house.store,
            definitions=house.shelf,
            views=HouseViews(house.store, house.shelf, house.village),
        )
        self.caretaker = self._caretaker()
        self._orders = 0

    def _caretaker(self) -> Caretaker:
        return Caretaker(
            self.house.cellar,
            self.house.clock,
            self.stewards,
            language=self.language,
            standing=self._standing,
            look_again=self._look_again,
            in_office=lambda: self.in_office,
        )

    def _look_again(self) -> None:
        self.looked += 1

    async def _standing(self) -> Standing:
        store = self.house.store
        return Standing(await store.counts(self.house.now_ms), tuple(await store.troubles(50)), unreadable=2)

    async def restart(self) -> None:
        self.caretaker = self._caretaker()
        await self.caretaker.open()

    async def breaks(self, times: int = 1) -> None:
        for _ in range(times):
            await self.house.say("ben", f"boom {WORDS}")

    async def gives_up(self, row: str, why: str = "403 M_FORBIDDEN") -> None:
        await self.house.store.commit(mail(parcel(row, self.house.id("ben"))))
        await self.house.store.bury(RowId(row), why, self.house.now_ms, dead=True)

    async def looks(self, times: int = 1) -> None:
        for _ in range(times):
            await self.caretaker.look(self.house.line)
            await self.house.clock.advance(LOOK_EVERY_MS)
        await self.house.settle()

    async def order(self, text: str, by: str = "ana", event: str = "", *, is_steward: bool = True) -> str:
        self._orders += 1
        heard = Heard(event or f"$order{self._orders}", self.house.id(by), text)
        before = len(await self.told())
        await self.caretaker.obey(heard, self.house.line, is_steward=is_steward)
        await self.house.settle()
        return "\n".join((await self.told())[before:])

    async def told(self) -> list[str]:
        """Everything that stands in the stewards' room, as they read it."""
        circle = await self.house.store.circle(ROOM)
        here = [b.parcel for b in self.house.postman.brought if b.room == f"s/{circle}"]
        return [await self.written(each) for each in here]

    async def written(self, each: Parcel) -> str:
        to = each.to
        circle = Hearer(circle=to.circle, language=self.language) if not isinstance(to, Direct) else None
        hearer = circle or Hearer(person=to.person, language=self.language)  # type: ignore[union-attr]
        return (await self.voice.render(each.message, hearer, self.house.now_ms)).body


@pytest.fixture
async def house() -> AsyncIterator[SmallHouse]:
    made = await SmallHouse.open("ana", "ben", "chen")
    yield made
    await made.close()


@pytest.fixture
async def office(house: SmallHouse) -> Office:
    return Office(house, Stewards(("@ana:hearth.test",), ROOM))


def reports(told: list[str]) -> list[str]:
    return [each for each in told if "Hello, I'm" not in each]


# ── telling ──────────────────────────────────────────────────────────────────


async def test_what_was_set_aside_is_told_once_after_a_hello(office: Office) -> None:
    await office.breaks()
    await office.looks(5)
    hello, report = await office.told()
    assert "when something needs a human being" in hello
    assert "I couldn't deal with something that happened" in report
    assert "*e" in report
    assert "something that was written to me (ValueError in PlainReader.read:" in report
    assert WORDS not in report
    assert office.house.id("ben") not in report


async def test_without_a_room_stewards_by_a_role_are_told_as_those_of_the_settings_are(
    house: SmallHouse,
) -> None:
    office = Office(house, Stewards(("@ana:hearth.test",)))
    office.in_office = (house.id("ana"), house.id("chen"))
    await office.restart()
    await office.breaks()
    await office.looks()
    told = [b.room for b in house.postman.brought if "deal with something" in await office.written(b.parcel)]
    assert sorted(told) == sorted(f"d/{house.id(name)}" for name in ("ana", "chen")), "each of them once"


async def test_hello_is_said_once_by_whoever_comes_to_say_it_first(office: Office) -> None:
    await office.breaks()
    await office.looks()
    house = office.house
    circle = await house.store.ensure_circle(ROOM, ROOM)
    again = Noticed(
        id=hello_id(circle), occurred_ms=1, circle=circle, message=HELLO, useful_until_ms=house.now_ms + 1
    )
    assert [outcome.kind for outcome in await house.submit(again)] == ["seen_before"]
    await house.store.forget_seen(house.now_ms + 1)
    assert [outcome.kind for outcome in await house.submit(again)] == ["seen_before"]
    await house.settle()
    assert len([each for each in await office.told() if "Hello, I'm" in each]) == 1


async def test_nothing_is_told_twice_over_a_restart(office: Office) -> None:
    await office.breaks()
    await office.looks()
    before = await office.told()
    await office.restart()
    await office.house.clock.advance(2 * BETWEEN_MS)
    await office.looks(3)
    assert await office.told() == before


async def test_what_comes_within_the_hour_is_told_together_when_it_is_over(office: Office) -> None:
    await office.breaks()
    await office.looks()
    await office.breaks(3)
    await office.looks(3)
    assert len(reports(await office.told())) == 1
    await office.house.clock.advance(BETWEEN_MS)
    await office.looks()
    assert "deal with 3 things" in reports(await office.told())[-1]
    assert len(reports(await office.told())) == 2


async def test_each_kind_has_an_hour_of_its_own(office: Office) -> None:
    await office.breaks()
    await office.looks()
    await office.gives_up("r1")
    await office.looks()
    assert "A message could not be delivered" in reports(await office.told())[-1]
    assert len(reports(await office.told())) == 2


async def test_many_are_counted_and_the_newest_are_named(office: Office) -> None:
    await office.breaks(MOST_SHOWN + 3)
    await office.looks()
    (report,) = reports(await office.told())
    assert report.count("something that was written") == MOST_SHOWN
    assert "and 3 more" in report


async def test_a_reason_names_no_room_and_nobody(office: Office) -> None:
    await office.gives_up(
        "r1", "PUT /_matrix/client/v3/rooms/%21abc%3Ax/send: 403 for @ben:hearth.test in !abc:x"
    )
    await office.looks()
    (report,) = reports(await office.told())
    assert "403" in report
    assert "ben" not in report
    assert "abc" not in report


async def test_what_cannot_be_told_in_the_stewards_room_is_not_told_there_for_ever(office: Office) -> None:
    circle = await office.house.store.ensure_circle(ROOM, ROOM)
    await office.house.store.commit(mail(post("r1", circle)))
    await office.house.store.bury(RowId("r1"), "403", office.house.now_ms, dead=True)
    await office.looks(2)
    assert await office.told() == []


async def test_that_a_backup_was_put_back_is_told_once_with_its_moment(office: Office) -> None:
    await office.breaks()
    await office.looks()
    store = office.house.store
    before = (await store.kept())[caretaker.KIND, caretaker.KEY]
    row = caretaker.restored(before, office.house.now_ms - 86_400_000)
    await store.commit(Changes(kept=[row]))
    told = len(await office.told())
    await office.restart()
    await office.looks(2)
    await office.restart()
    await office.looks(2)
    (said,) = (await office.told())[told:]
    assert "I was put back from a backup" in said
    assert "(as of Sunday 17 January, 12:00 UTC)" in said
    fresh = msgspec.json.decode(caretaker.restored(None, 5).value or b"", type=caretaker.Register)
    assert fresh.restored_ms == 5


async def test_gaps_and_being_put_out_are_told_by_their_number_and_survive_a_restart(office: Office) -> None:
    rows = office.caretaker.note(gaps=["!one:x", "!two:x"], put_out=["!three:x"])
    assert office.caretaker.again.is_set()
    assert office.caretaker.note(gaps=["!one:x"]) == []
    await office.house.store.commit(Changes(kept=rows))
    await office.restart()
    await office.looks(3)
    (report,) = reports(await office.told())
    assert "in 2 rooms" in report
    assert "I was removed from a room" in report
    assert ":x" not in report


async def test_what_is_noted_while_a_report_is_written_is_told_later(office: Office) -> None:
    await office.breaks()
    gate = office.house.faults.hold("commit")
    looking = asyncio.create_task(office.caretaker.look(office.house.line))
    await gate.reached.wait()
    rows = office.caretaker.note(gaps=["!one:x"])
    gate.open()
    await looking
    await office.house.line.submit([], rows)
    await office.restart()
    await office.looks()
    assert "in a room" in reports(await office.told())[-1]


async def test_no_more_rooms_are_noted_than_can_be_held(office: Office) -> None:
    office.caretaker.note(gaps=[f"!{n}:x" for n in range(MOST_ROOMS_NOTED + 50)])
    await office.looks()
    assert f"in {MOST_ROOMS_NOTED} rooms" in reports(await office.told())[-1]


async def test_an_outage_puts_it_off_and_loses_nothing(office: Office) -> None:
    await office.breaks()
    office.house.faults.fail("troubles", Unavailable("away"))
    stop = asyncio.Event()
    caring = asyncio.create_task(office.caretaker.run(office.house.line, stop))
    while not reports(await office.told()):
        await office.house.clock.advance(LOOK_EVERY_MS)
        await office.house.settle()
        await asyncio.sleep(0)
    stop.set()
    await caring


async def test_without_a_room_each_steward_hears_it_and_is_shown_another_way(house: SmallHouse) -> None:
    office = Office(house, Stewards(("@ana:hearth.test",)))
    await office.breaks()
    await office.looks()
    (told,) = [await office.written(each.parcel) for each in house.seen("ana")]
    assert "hearth ops status" in told
    assert "!hearth" not in told
    assert house.seen("ben") == []


async def test_in_a_circles_own_room_it_is_told_and_no_orders_are_taken(house: SmallHouse) -> None:
    office = Office(house, Stewards(("@ana:hearth.test",), ROOM, is_circle=True))
    await office.breaks()
    await office.looks()
    (report,) = await office.told()
    assert "hearth ops status" in report
    assert office.caretaker.room is None


# ── obeying ──────────────────────────────────────────────────────────────────


async def number_of(office: Office) -> str:
    (trouble,) = await office.house.store.troubles(10)
    return trouble.id


async def test_status_tells_numbers_and_what_waits(office: Office) -> None:
    assert "No message is about to leave." in await office.order("status")
    await office.breaks()
    told = await office.order("Status!")
    assert await number_of(office) in told
    assert "2 messages can't be read yet" in told
    assert WORDS not in told


async def test_status_does_not_tell_a_pause_from_a_silence(office: Office) -> None:
    before = await office.order("status")
    later = office.house.now_ms + 3_600_000
    await office.house.store.commit(mail(parcel("r1", office.house.id("ben")), due_ms=later))
    assert await office.order("status") == before
    assert (await office.house.store.counts(office.house.now_ms)).outbox == {}


async def test_status_does_not_count_what_only_some_may_know_of(office: Office) -> None:
    before = await office.order("status")
    await office.house.begun()
    assert "under way" not in before + await office.order("status")


async def test_retry_tries_one_again(office: Office) -> None:
    await office.breaks()
    number = await number_of(office)
    assert f"I'm trying *{number}* again" in await office.order(f"retry {number}")
    assert await number_of(office) != number, "the defect is still there"
    assert f"There is no *{number}*" in await office.order(f"retry {number}")


async def test_retry_without_a_number_tries_all_again(office: Office) -> None:
    assert await office.order("retry") == "Nothing is set aside, and I've given up on no message."
    await office.breaks(2)
    await office.gives_up("r1")
    assert "I'm trying 3 again" in await office.order("try again")


async def test_drop_asks_once_more_and_then_does_it(office: Office) -> None:
    await office.breaks()
    number = await number_of(office)
    assert "Which one?" in await office.order("drop")
    assert "as if it had never happened" in await office.order(f"drop {number}")
    assert len(await office.house.store.troubles(9)) == 1
    assert "I've let go of" in await office.order(f"let go {number}")
    assert await office.house.store.troubles(9) == []


async def test_the_same_event_again_is_not_being_sure(office: Office) -> None:
    await office.breaks()
    number = await number_of(office)
    await office.order(f"drop {number}", event="$same")
    assert await office.order(f"drop {number}", event="$same") == ""
    assert len(await office.house.store.troubles(9)) == 1


async def test_being_sure_is_about_one_number_and_for_ten_minutes(office: Office) -> None:
    await office.breaks(2)
    first, second = [trouble.id for trouble in await office.house.store.troubles(9)]
    await office.order(f"drop {first}")
    assert "as if it had never happened" in await office.order(f"drop {second}")
    await office.house.clock.advance(11 * 60_000)
    assert "as if it had never happened" in await office.order(f"drop {second}")
    assert len(await office.house.store.troubles(9)) == 2


async def test_reload_looks_at_the_files_once(office: Office) -> None:
    assert "looking at the workflow files" in await office.order("reload", event="$r")
    assert office.looked == 1


async def test_only_stewards_are_obeyed(office: Office) -> None:
    await office.breaks()
    assert "from stewards only" in await office.order("retry", by="ben", is_steward=False)
    assert len(await office.house.store.troubles(9)) == 1
    assert await office.order("retry", by="ben", is_steward=False) == "", "once is enough"
    assert "from stewards only" in await office.order("retry", by="chen", is_steward=False)
    await office.house.clock.advance(BETWEEN_MS)
    assert "from stewards only" in await office.order("retry", by="ben", is_steward=False)


async def test_an_order_that_came_without_encryption_is_not_followed(office: Office) -> None:
    await office.breaks()
    heard = Heard("$clear", office.house.id("ana"), "retry", in_clear=True)
    before = len(await office.told())
    await office.caretaker.obey(heard, office.house.line, is_steward=True)
    await office.house.settle()
    (said,) = (await office.told())[before:]
    assert "without encryption" in said
    assert len(await office.house.store.troubles(10)) == 1


async def test_status_says_until_when_all_will_have_left(office: Office) -> None:
    counts = Counts(outbox={"timely": Pile(due=500), "reply": Pile(due=1)}, timers_due=2)
    standing = Standing(counts, done_ms=office.house.now_ms + 3_600_000, refused_files=1)
    circle = await office.house.store.ensure_circle(ROOM, ROOM)
    hearer = Hearer(circle=circle)
    told = (await office.voice.render(status(standing, "en"), hearer, office.house.now_ms)).body
    assert (
        "501 messages are about to leave; at the pace that the homeserver allows they will be gone by" in told
    )
    assert "13:00" in told
    assert "2 moments have come" in told
    assert "1 workflow file can't be used" in told


@pytest.mark.parametrize("language", ["en", "es", "de"])
async def test_help_is_in_the_language_of_the_room_and_what_it_names_is_understood(
    house: SmallHouse, language: str
) -> None:
    office = Office(house, Stewards(("@ana:hearth.test",), ROOM), language)
    told = await office.order("what now?")
    for word in ("status", "retry", "drop", "reload", "help"):
        assert spelled(word, language) in told  # type: ignore[arg-type]
        assert order_in(spelled(word, language)) == Order(word)  # type: ignore[arg-type]
    assert len(told) <= 600


# ── reading ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("status", Order("status")),
        ("  Estado. ", Order("status")),
        ("RETRY e3", Order("retry", "e3")),
        ("retry: E3", Order("retry", "e3")),
        ("noch einmal m17", Order("retry", "m17")),
        ("*drop e3*", Order("drop", "e3")),
        ("loslassen e12", Order("drop", "e12")),
        ("neu laden", Order("reload")),
        ("ayuda", Order("help")),
        ("status e3", None),
        ("drop everything", None),
        ("retry e3 please", None),
        ("retry x3", None),
        ("retry e" + "9" * 40, None),
        ("", None),
        ("status " * 20, None),
        ("let go of the idea", None),
    ],
)
def test_an_order_is_read_as_people_write_it_and_nothing_else_is_one(text: str, order: Order | None) -> None:
    assert order_in(text) == order


def test_no_spelling_means_two_things_and_all_are_in_small_letters() -> None:
    assert all(spelling == spelling.casefold().strip() for spelling in spellings())
    assert len(set(spellings().values())) == 5


@pytest.mark.parametrize(
    ("why", "kept"),
    [
        ("403 M_FORBIDDEN", "403 M_FORBIDDEN"),
        ("GET /rooms/%21ab%3Ax/state: 404", "GET /rooms/…/state: 404"),
        ("no room with @ben:hearth.test", "no room with …"),
        ("instance 0123456789abcdef0123456789abcdef rests", "instance … rests"),
        ("event $2VX0IpyRg4ggOejm98zwfUcuBA6f7Rk4oIwSdHgd4tY", "event …"),
        ("room !31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM is gone", "room … is gone"),
        ("x" * 500, "x" * 159 + "…"),
    ],
)
def test_reasons_are_told_without_names(why: str, kept: str) -> None:
    assert nameless(why) == kept


# ── who hears it ─────────────────────────────────────────────────────────────


def plan(*circles: CirclePlan) -> Plan:
    return Plan(
        session=Session("http://x", "@hearth:x", "HERE", "token"),
        circles=circles,
        operator="Dora",
        allowed=Allowed(),
        pickle_secret=b"",
        alias_salt=b"",
    )


def circle(room: str, stewards_room: str | None, *stewards: str) -> CirclePlan:
    return CirclePlan(room=room, workflows=Path("w"), stewards=stewards, stewards_room=stewards_room)


def test_one_room_of_stewards_stands_for_the_house_and_several_do_not() -> None:
    one = plan(circle("!a:x", "!s:x", "@ana:x"), circle("!b:x", "!s:x", "@ben:x"))
    assert keepers(one) == Stewards(("@ana:x", "@ben:x"), "!s:x")
    two = plan(circle("!a:x", "!s:x", "@ana:x"), circle("!b:x", "!t:x", "@ben:x"))
    assert keepers(two) == Stewards(("@ana:x", "@ben:x"))
    assert keepers(plan(circle("!a:x", "!a:x", "@ana:x"))).is_circle


# ── the log ──────────────────────────────────────────────────────────────────


def test_a_line_of_json_says_where_an_error_was_and_not_what_it_said() -> None:
    try:
        raise ValueError(WORDS)
    except ValueError as error:
        broke = (type(error), error, error.__traceback__)
    record = logging.LogRecord("bridge.x", logging.ERROR, "", 1, "set aside %s", ("e3",), broke)
    line = formatter_for("json").format(record)
    held = json.loads(line)
    assert (held["level"], held["logger"], held["message"]) == ("error", "bridge.x", "set aside e3")
    assert held["error"] == "ValueError"
    assert "test_a_line_of_json" in held["places"]
    assert WORDS not in line
    assert "\n" not in line
    assert held["at"].endswith("+00:00")


def test_a_line_for_people_is_the_default() -> None:
    record = logging.LogRecord("bridge.x", logging.INFO, "", 1, "set aside %s", ("e3",), None)
    assert formatter_for("text").format(record).endswith("INFO    bridge.x: set aside e3")


# ── at the door ──────────────────────────────────────────────────────────────


class Neighbourhood:
    """As much of `Neighbours` as the door needs."""

    def __init__(self, house: SmallHouse) -> None:
        self._house = house
        self.circles = {house.village.circle: "!circle:hearth.test"}

    async def learn(self, user_id: str) -> PersonId:
        return await self._house.store.person(user_id)

    def stewards(self, circle: CircleId) -> tuple[PersonId, ...]:
        return (self._house.id("ben"),)


def said(sender: str, body: str, room: str = ROOM, **more: object) -> RoomEvent:
    return RoomEvent(
        room,
        f"${sender}{body}",
        sender,
        "m.room.message",
        None,
        {"msgtype": "m.text", "body": body, **more},
        1,
    )


def delivered(*events: RoomEvent, **more: Any) -> Delivery:
    return Delivery(events=events, rows=(), first=False, **{"fresh": False, **more})


class Entrance:
    """A small house whose door is looked after by an office."""

    def __init__(self, house: SmallHouse) -> None:
        self.house = house
        self.pulse = Pulse(ask_again_seconds=0)
        self.reloads = 0
        made = plan(circle("!circle:hearth.test", ROOM, "@ana:hearth.test"))
        self.office = DoorOffice(made, house.cellar, house.clock, self.pulse, self._reload)
        self.neighbours: Any = Neighbourhood(house)

    def _reload(self) -> None:
        self.reloads += 1

    async def take_in(self, delivery: Delivery) -> list[KeptRow]:
        return await self.office.take_in(delivery, self.house.line, self.neighbours)


async def test_orders_count_only_in_the_room_and_only_when_the_bot_is_called(house: SmallHouse) -> None:
    door = Entrance(house)
    await door.take_in(
        delivered(
            said("@ana:hearth.test", "!hearth reload", room="!circle:hearth.test"),
            said("@ana:hearth.test", "reload"),
            said("@hearth:x", "!hearth reload"),
            said(
                "@ana:hearth.test",
                "* !hearth reload",
                **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}},
            ),
        )
    )
    assert door.reloads == 0
    await door.take_in(delivered(said("@ana:hearth.test", "!hearth reload")))
    await door.take_in(delivered(said("@ben:hearth.test", "Hearth: reload")))
    assert door.reloads == 2, "a steward by role is obeyed too"
    await door.take_in(delivered(said("@chen:hearth.test", "!hearth reload")))
    assert door.reloads == 2


async def test_what_was_said_before_the_bot_listened_is_no_order(house: SmallHouse) -> None:
    door = Entrance(house)
    await door.take_in(delivered(said("@ana:hearth.test", "!hearth reload"), fresh=True))
    assert door.reloads == 0


async def test_gaps_and_rooms_lost_are_noted_with_the_delivery(house: SmallHouse) -> None:
    door = Entrance(house)
    gaps = (Gap("!one:x", 1000, complete=False), Gap("!two:x", 3, complete=True))
    left = RoomChanges((), ("!circle:hearth.test", "!direct:x"), ())
    (row,) = await door.take_in(delivered(gaps=gaps, changes=left))
    assert json.loads(row.value or b"")["gaps"] == ["!one:x"]
    assert json.loads(row.value or b"")["put_out"] == ["!circle:hearth.test"]
    assert await door.take_in(delivered(gaps=gaps)) == []


async def test_an_outage_lets_the_delivery_come_again(house: SmallHouse) -> None:
    door = Entrance(house)
    house.faults.fail("troubles", Unavailable("away"))
    with pytest.raises(NotCommitted):
        await door.take_in(delivered(said("@ana:hearth.test", "!hearth retry")))


async def test_an_order_that_breaks_does_not_end_the_sync(
    house: SmallHouse, caplog: pytest.LogCaptureFixture
) -> None:
    door = Entrance(house)
    house.faults.fail("troubles", ValueError(WORDS))
    await door.take_in(delivered(said("@ana:hearth.test", "!hearth retry")))
    assert "could not be followed: ValueError" in caplog.text
    assert WORDS not in caplog.text
