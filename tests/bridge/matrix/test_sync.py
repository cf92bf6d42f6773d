"""The sync loop against a scripted homeserver: errors, retries, malformed rooms, and what is never asked twice."""

import asyncio
import random
from typing import Any

import pytest

from bridge.matrix.client import MatrixClient
from bridge.matrix.http import MatrixError, RateLimited, ServerTrouble, TokenLost
from bridge.matrix.keep import MemoryKeeper, NotCommitted
from bridge.matrix.session import Session
from bridge.matrix.sync import Delivery, RoomEvent
from tests.bridge.matrix.test_http import JumpingClock

SESSION = Session("http://nowhere", "@hearth:x", "DEVICE", "syt_secret")
ROOM = "!room:x"


class Scripted:
    """Answers /sync from a list, everything else with what a quiet homeserver would say."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.others: list[str] = []
        self.pages: dict[str, Any] = {}
        self.finished = asyncio.Event()

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if path.endswith("/sync"):
            self.asked.append((path, dict(options["query"])))
            if not self.answers:
                self.finished.set()
                await asyncio.Event().wait()
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        self.others.append(f"{method} {path}")
        if path.endswith("/messages"):
            return self.pages[options["query"]["from"]]
        if path.endswith("/keys/query"):
            return {"device_keys": {user: {} for user in options["body"]["device_keys"]}}
        if path.endswith("/keys/upload"):
            return {"one_time_key_counts": {"signed_curve25519": 50}}
        return {}

    async def close(self) -> None:
        pass


def message(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"${number}",
        "sender": "@ana:x",
        "type": "m.room.message",
        "origin_server_ts": number,
        "content": {"msgtype": "m.text", "body": f"n{number}"},
    } | changes


def answer(batch: str, *events: Any, limited: bool = False, **more: Any) -> dict[str, Any]:
    timeline = {"events": list(events), "limited": limited, "prev_batch": f"before {batch}"}
    return {"next_batch": batch, "rooms": {"join": {ROOM: {"timeline": timeline}}}} | more


async def play(
    homeserver: Scripted, keeper: MemoryKeeper | None = None, *, fail: list[Exception] | None = None
) -> tuple[list[Delivery], JumpingClock]:
    clock = JumpingClock()
    keeper = keeper or MemoryKeeper()
    client = await MatrixClient.open(
        SESSION,
        keeper,
        pickle_secret=bytes(32),
        alias_salt=b"salt",
        clock=clock,
        chance=random.Random(3),
        homeserver=homeserver,  # type: ignore[arg-type]
    )
    deliveries: list[Delivery] = []

    async def handle(delivery: Delivery) -> None:
        deliveries.append(delivery)
        if fail:
            raise fail.pop(0)
        await keeper.commit(delivery.rows)

    stop = asyncio.Event()
    running = asyncio.create_task(client.run(handle, stop))
    finished = asyncio.create_task(homeserver.finished.wait())
    try:
        await asyncio.wait([running, finished], return_when=asyncio.FIRST_COMPLETED, timeout=20)
        stop.set()
        await running
    finally:
        finished.cancel()
        await client.close()
    return deliveries, clock


def bodies(delivery: Delivery) -> list[str]:
    return [event.content["body"] for event in delivery.events if isinstance(event, RoomEvent)]


async def test_an_uncommitted_delivery_comes_again_as_it_was_before_anything_else_is_asked() -> None:
    homeserver = Scripted(answer("a", message(1)), answer("b", message(2)))
    deliveries, _ = await play(homeserver, fail=[NotCommitted("disk"), NotCommitted("disk")])
    assert [bodies(delivery) for delivery in deliveries] == [["n1"], ["n1"], ["n1"], ["n2"]]
    assert deliveries[0] is deliveries[1] is deliveries[2]
    assert [query.get("since") for _, query in homeserver.asked] == [None, "a", "b"]
    assert [delivery.first for delivery in deliveries] == [True, True, True, False]
    assert [delivery.fresh for delivery in deliveries] == [True, True, True, False]


async def test_a_bug_in_the_handler_ends_the_run_and_the_same_answer_is_asked_for_again() -> None:
    keeper = MemoryKeeper()
    with pytest.raises(RuntimeError):
        await play(Scripted(answer("a", message(1))), keeper, fail=[RuntimeError("bug")])
    homeserver = Scripted(answer("a", message(1)))
    deliveries, _ = await play(homeserver, keeper)
    assert bodies(deliveries[0]) == ["n1"]
    assert homeserver.asked[0][1].get("since") is None
    later = Scripted(answer("b"))
    deliveries, _ = await play(later, keeper)
    assert later.asked[0][1]["since"] == "a"
    assert deliveries[0].first
    assert not deliveries[0].fresh


@pytest.mark.parametrize(
    "error", [ServerTrouble("500"), RateLimited("429", None), ServerTrouble("502 <html>")]
)
async def test_a_failing_homeserver_is_asked_less_than_once_a_second(error: MatrixError) -> None:
    homeserver = Scripted(*[error] * 30, answer("a", message(1)))
    deliveries, clock = await play(homeserver)
    assert bodies(deliveries[0]) == ["n1"]
    assert len(clock.pauses) == 30
    assert min(clock.pauses) >= 1.0
    assert 60 <= max(clock.pauses) <= 90 or error.args == ("429",)


async def test_the_wait_the_homeserver_names_is_kept() -> None:
    _, clock = await play(Scripted(RateLimited("429", 7_000), answer("a")))
    assert 7.0 <= clock.pauses[0] <= 7.5


async def test_a_dead_token_ends_the_run_with_its_own_error() -> None:
    with pytest.raises(TokenLost):
        await play(Scripted(answer("a"), TokenLost("GET sync", soft_logout=True)))


async def test_a_malformed_event_or_room_hurts_no_other() -> None:
    bad_events = [
        None,
        7,
        {},
        message(2, sender=None),
        message(3, content="text"),
        message(4, origin_server_ts="noon"),
        message(5, event_id=5),
        message(6, type=["m.room.message"]),
        {"type": "m.room.member", "state_key": "@x:y", "content": None},
        {"type": ["x"], "state_key": "", "content": {}},
    ]
    good = {"timeline": {"events": [message(9)]}}
    rooms = {
        "!a:x": None,
        "!b:x": {"timeline": 5, "state": []},
        "!c:x": {"state": {"events": [3]}},
        "!d:x": good,
    }
    invites = {"!e:x": None, "!f:x": {"invite_state": {"events": [None, {"type": "m.room.member"}]}}}
    broken = {
        "next_batch": "b",
        "rooms": {"join": rooms, "invite": invites, "leave": {"!g:x": 5}},
        "to_device": {"events": [None, {"type": 5}, {"type": "m.room.encrypted", "sender": {}}]},
        "device_lists": {"changed": [None, {}, "x", "@a:b"], "left": "everybody"},
        "device_one_time_keys_count": [],
        "device_unused_fallback_key_types": 3,
        "account_data": {"events": [None, {"type": "m.direct", "content": 5}]},
    }
    homeserver = Scripted(answer("a", message(1), *bad_events, message(7)), broken, answer("c", message(8)))
    deliveries, _ = await play(homeserver)
    assert [bodies(delivery) for delivery in deliveries] == [["n1", "n7"], ["n9"], ["n8"]]


async def test_a_change_of_somebody_who_was_there_before_is_told_from_an_arrival() -> None:
    join = {"type": "m.room.member", "state_key": "@ana:x", "content": {"membership": "join"}}
    renamed = {"unsigned": {"prev_content": {"membership": "join", "displayname": "Ana"}}}
    back = {"unsigned": {"prev_content": {"membership": "leave"}}}
    events = (message(1, **join), message(2, **join, **renamed), message(3, **join, **back))
    deliveries, _ = await play(Scripted(answer("a"), answer("b", *events)))
    found = [e for delivery in deliveries for e in delivery.events if isinstance(e, RoomEvent)]
    assert {e.event_id: e.was_joined for e in found} == {"$1": False, "$2": True, "$3": False}


async def test_an_answer_without_a_cursor_is_trouble_not_progress() -> None:
    deliveries, clock = await play(Scripted({"rooms": {}}, answer("a", message(1))))
    assert [bodies(delivery) for delivery in deliveries] == [["n1"]]
    assert len(clock.pauses) == 1


async def test_a_gap_is_filled_from_the_cursor_on_and_a_bottomless_one_is_given_up_visibly() -> None:
    homeserver = Scripted(answer("a", message(1)), answer("b", message(4), limited=True))
    homeserver.pages = {
        "before b": {"chunk": [message(3)], "end": "p1"},
        "p1": {"chunk": [message(2)]},
    }
    deliveries, _ = await play(homeserver)
    assert bodies(deliveries[1]) == ["n2", "n3", "n4"]
    assert [event.source for event in deliveries[1].events] == ["gap", "gap", "timeline"]
    assert deliveries[1].gaps[0].complete

    homeserver = Scripted(answer("a", message(1)), answer("b", message(4), limited=True))
    page = {"chunk": [message(number) for number in range(100, 200)], "end": "before b"}
    homeserver.pages = {"before b": page}
    deliveries, _ = await play(homeserver)
    assert deliveries[1].gaps[0].filled == 1000
    assert not deliveries[1].gaps[0].complete


async def test_who_left_in_a_gap_is_heard_from_the_state_beside_it() -> None:
    left = message(3, type="m.room.member", state_key="@ana:x", content={"membership": "leave"})
    gap = answer("b", message(4, sender="@ben:x"), limited=True)
    gap["rooms"]["join"][ROOM]["state"] = {"events": [left]}
    homeserver = Scripted(answer("a", message(1)), gap)
    homeserver.pages = {"before b": {"chunk": []}}
    deliveries, _ = await play(homeserver)
    heard = [(e.event_id, e.source) for e in deliveries[1].events if isinstance(e, RoomEvent)]
    assert heard == [("$3", "state"), ("$4", "timeline")]


async def test_nothing_of_the_session_shows_in_reprs() -> None:
    assert "syt_secret" not in repr(SESSION)
    deliveries, _ = await play(Scripted(answer("a", message(1))))
    assert "n1" not in repr(deliveries)
    assert "n1" not in repr(deliveries[0].events)
