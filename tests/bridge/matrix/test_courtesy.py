"""Read receipts and typing: after the commit, seldom, quietly, and always taken back."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any, Self

import pytest

from bridge.matrix.courtesy import (
    APART_MS,
    JUST_NOW_MS,
    LONGEST_TYPING_MS,
    MOST_ROOMS,
    PATIENCE_MS,
    REST_MS,
    CourteousPostman,
    Courtesy,
)
from bridge.matrix.http import RateLimited, Refused, ServerTrouble
from bridge.matrix.sync import Delivery, RoomEvent, Source
from engine.core.message import Message
from engine.core.parcel import Direct, Parcel, Shared, Urgency
from engine.core.values import CircleId, PersonId, RowId
from engine.runtime.ports import TryLater
from engine.testing import RecordingPostman
from tests.fakes.clock import StandingClock

BOT, ANA = "@hearth:x", "@ana:x"
ONE, TWO, CIRCLE = "!one:x", "!two:x", "!circle:x"


class Server:
    """Writes down what it is asked; raises what a test lays in."""

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock
        self.asked: list[tuple[int, str, str, Mapping[str, Any]]] = []
        self.trouble: list[Exception] = []

    async def request(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, timeout_seconds: float = 30.0
    ) -> dict[str, Any]:
        room, _, rest = path.partition("/rooms/")[2].partition("/")
        self.asked.append(
            (self._clock.now_ms(), room.replace("%21", "!").replace("%3A", ":"), rest, body or {})
        )
        if self.trouble:
            raise self.trouble.pop(0)
        return {}

    @property
    def said(self) -> list[tuple[str, str]]:
        """Room and what was asked for, typing as on or off."""
        return [(room, _named(rest, body)) for _, room, rest, body in self.asked]


def _named(rest: str, body: Mapping[str, Any]) -> str:
    if rest.startswith("typing"):
        return "typing" if body["typing"] else "not typing"
    _, kind, event = rest.split("/")
    return f"{kind} {event.replace('%24', '$')}"


class Scene:
    """A courtesy at work, with a clock that stands still until time is let pass."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.server = Server(self.clock)
        self.courtesy = Courtesy(self.server, BOT, self.clock)
        self.stop = asyncio.Event()
        self._events = 0

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.courtesy.run(self.stop))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self._running

    def hear(self, *rooms: str, **more: Any) -> None:
        events = [self.event(room, **more) for room in rooms]
        delivery = Delivery(tuple(events), (), first=False, fresh=False)
        self.courtesy.note(delivery, {ONE, TWO}, {CIRCLE})

    def event(
        self,
        room: str,
        *,
        sender: str = ANA,
        kind: str = "m.room.message",
        source: Source = "timeline",
        state_key: str | None = None,
        age_ms: int = 0,
    ) -> RoomEvent:
        self._events += 1
        at_ms = self.clock.now_ms() - age_ms
        return RoomEvent(room, f"$e{self._events}", sender, kind, state_key, {}, at_ms, source)

    async def pass_time(self, by_ms: int) -> None:
        await self.clock.pass_time(by_ms / 1000)


# ── read receipts ────────────────────────────────────────────────────────────


async def test_what_was_taken_in_is_shown_as_read_openly_one_to_one_and_privately_in_a_shared_room() -> None:
    async with Scene() as scene:
        scene.hear(ONE, CIRCLE, "!elsewhere:x")
        await scene.pass_time(0)
        assert scene.server.said == [(ONE, "m.read $e1"), (CIRCLE, "m.read.private $e2")]


async def test_of_many_in_one_room_the_newest_is_shown_and_never_more_than_one_a_second() -> None:
    async with Scene() as scene:
        scene.hear(ONE, ONE, ONE)
        await scene.pass_time(0)
        for _ in range(20):
            scene.hear(ONE)
            await scene.pass_time(100)
        await scene.pass_time(5 * APART_MS)
        moments = [at_ms for at_ms, *_ in scene.server.asked]
        assert all(later - earlier >= APART_MS for earlier, later in itertools.pairwise(moments))
        assert scene.server.said[0] == (ONE, "m.read $e3")
        assert scene.server.said[-1] == (ONE, "m.read $e23")
        assert len(moments) <= 4


@pytest.mark.parametrize(
    "more", [{"sender": BOT}, {"source": "late"}, {"kind": "m.room.name", "state_key": ""}]
)
async def test_ones_own_words_late_ones_and_changes_of_the_room_are_not_read(more: dict[str, Any]) -> None:
    async with Scene() as scene:
        scene.hear(ONE, **more)
        await scene.pass_time(APART_MS)
        assert scene.server.asked == []


# ── typing ───────────────────────────────────────────────────────────────────


async def test_a_reply_that_takes_its_time_is_seen_being_written_until_it_comes() -> None:
    async with Scene() as scene:
        scene.hear(ONE)
        scene.courtesy.answering(ONE)
        await scene.pass_time(PATIENCE_MS)
        assert scene.server.said == [(ONE, "m.read $e1"), (ONE, "typing")]
        await scene.pass_time(3_000)
        scene.courtesy.answered(ONE)
        await scene.pass_time(0)
        assert scene.server.said[2:] == [(ONE, "not typing")]


async def test_a_reply_that_comes_within_a_second_is_not() -> None:
    async with Scene() as scene:
        scene.hear(ONE)
        scene.courtesy.answering(ONE)
        await scene.pass_time(PATIENCE_MS - 1)
        scene.courtesy.answered(ONE)
        await scene.pass_time(LONGEST_TYPING_MS)
        assert scene.server.said == [(ONE, "m.read $e1")]


async def test_typing_ends_by_itself_and_does_not_begin_again_for_the_same_words() -> None:
    async with Scene() as scene:
        scene.hear(ONE)
        scene.courtesy.answering(ONE)
        await scene.pass_time(PATIENCE_MS + LONGEST_TYPING_MS)
        assert scene.server.said[-1] == (ONE, "not typing")
        assert scene.server.asked[1][3] == {"typing": True, "timeout": LONGEST_TYPING_MS}
        await scene.pass_time(JUST_NOW_MS)
        scene.courtesy.answering(ONE)
        await scene.pass_time(JUST_NOW_MS)
        assert len(scene.server.asked) == 3


@pytest.mark.parametrize("more", [{"age_ms": JUST_NOW_MS}, {"kind": "m.reaction"}])
async def test_nobody_waits_before_the_screen_for_what_was_said_long_ago_or_tapped(
    more: dict[str, Any],
) -> None:
    async with Scene() as scene:
        scene.hear(ONE, **more)
        scene.courtesy.answering(ONE)
        await scene.pass_time(10 * PATIENCE_MS)
        assert scene.server.said == [(ONE, "m.read $e1")]


async def test_in_a_shared_room_and_unasked_nothing_is_seen_being_written() -> None:
    async with Scene() as scene:
        scene.hear(CIRCLE)
        scene.courtesy.answering(CIRCLE)
        scene.courtesy.answering(TWO)
        scene.courtesy.answered(TWO)
        await scene.pass_time(10 * PATIENCE_MS)
        assert scene.server.said == [(CIRCLE, "m.read.private $e1")]


async def test_it_is_taken_back_when_the_house_stops() -> None:
    async with Scene() as scene:
        scene.hear(ONE)
        scene.courtesy.answering(ONE)
        await scene.pass_time(PATIENCE_MS)
    assert scene.server.said[-1] == (ONE, "not typing")


# ── when it fails ────────────────────────────────────────────────────────────


async def test_a_courtesy_that_fails_is_left_at_that() -> None:
    async with Scene() as scene:
        scene.server.trouble = [ServerTrouble("502"), Refused("POST", 403, "M_FORBIDDEN", {})]
        scene.hear(ONE)
        await scene.pass_time(APART_MS)
        scene.hear(ONE)
        await scene.pass_time(APART_MS)
        scene.hear(TWO)
        await scene.pass_time(APART_MS)
        assert scene.server.said == [(ONE, "m.read $e1"), (ONE, "m.read $e2"), (TWO, "m.read $e3")]


@pytest.mark.parametrize(("asked_ms", "rest_ms"), [(7_000, 7_000), (None, REST_MS)])
async def test_all_courtesies_rest_when_the_homeserver_asks_for_it(
    asked_ms: int | None, rest_ms: int
) -> None:
    async with Scene() as scene:
        scene.server.trouble = [RateLimited("POST", asked_ms)]
        scene.hear(ONE)
        await scene.pass_time(0)
        scene.hear(TWO)
        await scene.pass_time(rest_ms - 1)
        assert len(scene.server.asked) == 1
        await scene.pass_time(1)
        assert scene.server.said[1:] == [(TWO, "m.read $e2")]


async def test_no_more_rooms_are_remembered_than_there_is_a_limit_for() -> None:
    clock = StandingClock()
    courtesy = Courtesy(Server(clock), BOT, clock)
    rooms = [f"!{n}:x" for n in range(MOST_ROOMS + 5)]
    events = [RoomEvent(room, f"${room}", ANA, "m.room.message", None, {}, clock.now_ms()) for room in rooms]
    courtesy.note(Delivery(tuple(events), (), first=False, fresh=False), set(rooms), set())
    assert repr(courtesy) == f"Courtesy({MOST_ROOMS} rooms)"


# ── the postman ──────────────────────────────────────────────────────────────


class SlowPostman(RecordingPostman):
    """Takes a while for everything."""

    def __init__(self, clock: StandingClock, seconds: float) -> None:
        super().__init__()
        self._clock = clock
        self._seconds = seconds
        self.refuses = False

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Any:
        await self._clock.pause(self._seconds)
        if self.refuses:
            raise TryLater("502")
        return await super().seal(parcel, room, transaction)


def parcel(urgency: Urgency = "reply", **more: Any) -> Parcel:
    return Parcel(RowId("r"), more.pop("to", Direct(PersonId("ana"))), urgency, Message(), **more)


async def carried(scene: Scene, what: Parcel, *, refuses: bool = False) -> list[str]:
    """What was shown of typing while this was carried."""
    slow = SlowPostman(scene.clock, 5)
    slow.refuses = refuses
    postman = CourteousPostman(slow, scene.courtesy)
    scene.hear(ONE)

    async def carry() -> None:
        try:
            sealed = await postman.seal(what, ONE, "t")
            await postman.put(ONE, sealed.content, "t")
        except TryLater:
            return

    await scene.clock.until(carry())
    await scene.pass_time(2 * APART_MS)
    return [said for _, said in scene.server.said if "typing" in said]


async def test_a_reply_is_seen_being_written_while_the_postman_is_at_it() -> None:
    async with Scene() as scene:
        assert await carried(scene, parcel()) == ["typing", "not typing"]


async def test_also_where_he_has_to_try_again_later() -> None:
    async with Scene() as scene:
        assert await carried(scene, parcel(), refuses=True) == ["typing", "not typing"]


@pytest.mark.parametrize(
    "what",
    [
        parcel("timely"),
        parcel("quiet"),
        parcel(edits=RowId("e")),
        parcel(reacts=RowId("e"), emoji="✅"),
        parcel(redacts_event="$e"),
        parcel("post", to=Shared(CircleId("c"))),
    ],
)
async def test_nothing_else_is(what: Parcel) -> None:
    async with Scene() as scene:
        assert await carried(scene, what, refuses=True) == []


async def test_the_rest_of_a_postmans_work_is_as_it_was() -> None:
    clock = StandingClock()
    postman = RecordingPostman()
    courteous = CourteousPostman(postman, Courtesy(Server(clock), BOT, clock))
    ana = PersonId("ana")
    postman.present.add(ana)
    assert await courteous.room_for(parcel()) == "d/ana"
    assert await courteous.is_present(ana)
    await courteous.let_go(ana)
    assert postman.gone == [ana]
