"""The web door tells how the house is, and nothing about anybody."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import aiohttp
import pytest

from bridge.cli.watch import WatchedHomeserver, kind_of
from bridge.http import Answer, Gauges, PortTaken, Pulse, Reason, Request, serving
from bridge.http.pulse import STALE_SECONDS
from bridge.matrix.http import UPLOAD, RateLimited, TokenLost, path
from bridge.matrix.session import Session
from engine.core.values import Ms
from engine.runtime.pace import Kind
from engine.runtime.ports import Counts, Pile, Unavailable
from tests.fakes import FakeHomeserver

ADDRESS = re.compile(r"[@!#$][^ ]*:")


class Watch:
    """A clock that is turned by hand, in seconds."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class House:
    """A house that says of itself what a test wants."""

    def __init__(self) -> None:
        self.writes = True
        self.asked = 0
        self.stuck: asyncio.Event | None = None
        self.was_asked = asyncio.Event()
        self.found = Gauges(now_ms=0)

    async def can_write(self) -> bool:
        self.asked += 1
        self.was_asked.set()
        if self.stuck is not None:
            await self.stuck.wait()
        if not self.writes:
            raise Unavailable("the database cannot be used at present: SQLITE_FULL")
        return True

    async def gauges(self) -> Gauges:
        return self.found


async def get(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as web, web.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


async def ready(port: int) -> tuple[int, list[str]]:
    status, text = await get(port, "/health/ready")
    return status, json.loads(text)["reasons"]


def values(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_readiness_follows_start_sync_and_silence() -> None:
    watch = Watch()
    pulse = Pulse(watch)
    async with serving(pulse, "127.0.0.1", 0) as port:
        assert await ready(port) == (503, [Reason.STARTING.value])
        pulse.note_sync()
        assert await ready(port) == (503, [Reason.CATCHING_UP.value])
        pulse.note_caught_up()
        watch.seconds += 12.5
        pulse.note_refused_files(2)
        assert await get(port, "/health/ready") == (
            200,
            '{"ready":true,"reasons":[],"seconds_since_sync":12.5,"workflow_files_refused":2,"stands_by":false}',
        )
        watch.seconds += STALE_SECONDS
        assert await ready(port) == (503, [Reason.NO_SYNC.value])
        pulse.note_sync()
        assert await ready(port) == (200, [])
        pulse.note_stopping()
        assert await ready(port) == (503, [Reason.STOPPING.value])


async def test_it_is_alive_whatever_else_is_the_matter() -> None:
    pulse = Pulse()
    pulse.note_token_lost()
    async with serving(pulse, "127.0.0.1", 0) as port:
        assert await get(port, "/health/live") == (200, '{"live": true}')


async def test_a_lost_token_is_the_first_reason_and_says_what_helps() -> None:
    pulse = Pulse()
    pulse.note_token_lost()
    async with serving(pulse, "127.0.0.1", 0) as port:
        status, reasons = await ready(port)
    assert status == 503
    assert "hearth init --log-in-again" in reasons[0]


async def test_a_store_that_cannot_be_written_is_said_and_mended_again() -> None:
    house, pulse = House(), Pulse(ask_again_seconds=0)
    pulse.watch(house)
    pulse.note_sync()
    pulse.note_caught_up()
    async with serving(pulse, "127.0.0.1", 0) as port:
        assert await ready(port) == (200, [])
        house.writes = False
        assert await ready(port) == (503, [Reason.STORE.value])
        house.writes = True
        assert await ready(port) == (200, [])


async def test_however_many_look_the_store_is_asked_once_in_a_while_and_never_twice_at_a_time() -> None:
    watch, house = Watch(), House()
    pulse = Pulse(watch)
    pulse.watch(house)
    house.stuck = asyncio.Event()
    asking = [asyncio.create_task(pulse.readiness()) for _ in range(5)]
    await house.was_asked.wait()
    house.stuck.set()
    await asyncio.gather(*asking)
    await pulse.readiness()
    assert house.asked == 1
    watch.seconds += 10
    await pulse.readiness()
    assert house.asked == 2


async def test_a_store_that_answers_too_late_counts_as_one_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bridge.http.pulse.STORE_SECONDS", 0.01)
    house, pulse = House(), Pulse(ask_again_seconds=0)
    pulse.watch(house)
    house.stuck = asyncio.Event()
    assert Reason.STORE.value in (await pulse.readiness()).reasons
    assert Reason.STORE.value in (await pulse.readiness()).reasons
    assert house.asked == 1, "while an answer is overdue it is not asked again"
    house.stuck.set()
    assert Reason.STORE.value not in (await pulse.readiness()).reasons


async def test_metrics_are_numbers_with_labels_from_fixed_lists() -> None:
    house, pulse = House(), Pulse()
    house.found = Gauges(
        now_ms=10_000,
        counts=Counts(
            outbox={"reply": Pile(due=2, failing=1, since_ms=4_000), "quiet": Pile(failing=3)},
            set_aside=4,
            given_up=5,
            timers=9,
            timers_due=2,
            timers_due_since_ms=7_000,
            running=6,
        ),
        waiting_for_key=7,
        wanted_keys=3,
        per_second=0.2,
        done_in_seconds=90.0,
    )
    pulse.watch(house)
    pulse.note_sync()
    pulse.note_caught_up()
    pulse.note_request(Request.SEND, Answer.OK, 0.03)
    pulse.note_request(Request.SEND, Answer.RATE_LIMITED, 0.03)
    pulse.note_decided(0.004, {"done": 3, "quarantined": 1})
    pulse.note_unreadable(2)
    pulse.note_refused_files(1)
    async with serving(pulse, "127.0.0.1", 0) as port:
        status, text = await get(port, "/metrics")
    assert status == 200
    found = values(text)
    assert found['hearth_requests_total{answer="ok",kind="send"}'] == 1
    assert found['hearth_requests_total{answer="rate_limited",kind="send"}'] == 1
    assert found["hearth_send_seconds_count"] == 1
    assert found['hearth_decide_seconds_bucket{le="0.005"}'] == 1
    assert found['hearth_events_total{outcome="quarantined"}'] == 1
    assert found["hearth_unreadable_total"] == 2
    assert found["hearth_ready"] == 1
    assert found["hearth_workflow_files_refused"] == 1
    assert found['hearth_outbox_due{urgency="reply"}'] == 2
    assert found['hearth_outbox_failing{urgency="quiet"}'] == 3
    assert "held" not in text, "one that waits for its time may be for somebody who has paused"
    assert found['hearth_outbox_failing{urgency="reply"}'] == 1
    assert found['hearth_outbox_due_seconds{urgency="reply"}'] == 6
    assert found['hearth_outbox_due_seconds{urgency="quiet"}'] == 0
    assert (found["hearth_quarantined"], found["hearth_given_up"]) == (4, 5)
    assert (found["hearth_timers"], found["hearth_timers_due"], found["hearth_timers_due_seconds"]) == (
        9,
        2,
        3,
    )
    assert (found["hearth_waiting_for_key"], found["hearth_wanted_keys"]) == (7, 3)
    assert (found["hearth_outbox_per_second"], found["hearth_outbox_done_seconds"]) == (0.2, 90)
    assert found["process_resident_memory_bytes"] > 0
    assert not ADDRESS.search(text), "no Matrix id can stand in there"


async def test_numbers_that_nobody_knows_yet_are_left_out() -> None:
    async with serving(Pulse(), "127.0.0.1", 0) as port:
        found = values((await get(port, "/metrics"))[1])
    assert "hearth_seconds_since_sync" not in found
    assert "hearth_quarantined" not in found
    assert found["hearth_ready"] == 0


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (path("sync"), Request.SYNC),
        (path("rooms", "!r:x", "send", "m.room.message", "1"), Request.SEND),
        (path("sendToDevice", "m.room.encrypted", "1"), Request.TO_DEVICE),
        (path("rooms", "!r:x", "redact", "$e", "1"), Request.REDACT),
        (path("keys", "query"), Request.KEYS),
        (path("createRoom"), Request.CREATE_ROOM),
        (path("rooms", "!r:x", "join"), Request.JOIN),
        (path("join", "!r:x"), Request.JOIN),
        (path("joined_rooms"), Request.OTHER),
        (path("rooms", "!r:x", "joined_members"), Request.OTHER),
        (path("rooms", "!r:x", "invite"), Request.INVITE),
        (path("rooms", "!r:x", "messages"), Request.HISTORY),
        (UPLOAD, Request.MEDIA),
        (path("account", "whoami"), Request.OTHER),
    ],
)
def test_each_request_is_counted_as_what_it_is_for(asked: str, kind: Request) -> None:
    assert kind_of(asked) is kind


async def test_a_token_that_is_lost_turns_health_red(tmp_path: Path) -> None:
    pulse = Pulse()
    async with FakeHomeserver(tmp_path) as server:
        session = Session(server.url, "@hearth:fake.test", "HERE", "a token that nobody knows")
        homeserver = await WatchedHomeserver.watched(session, pulse)
        try:
            with pytest.raises(TokenLost):
                await homeserver.request("GET", path("sync"))
        finally:
            await homeserver.close()
    assert (await pulse.readiness()).reasons[0] == Reason.TOKEN_LOST.value


async def test_what_was_never_asked_was_not_refused(tmp_path: Path) -> None:
    pulse = Pulse()
    async with FakeHomeserver(tmp_path) as server:
        session = Session(server.url, "@hearth:fake.test", "HERE", "a token that nobody knows")
        homeserver = await WatchedHomeserver.watched(session, pulse)
        homeserver.pacer = _Closed()
        try:
            with pytest.raises(RateLimited):
                await homeserver.request("PUT", path("rooms", "!r", "send", "m.room.message", "t"))
        finally:
            await homeserver.close()
    assert [line for line in (await pulse.metrics()).splitlines() if 'answer="rate_limited"' in line] == []


class _Closed:
    """A pace that lets nothing go for a minute."""

    def begin(self, kind: Kind) -> Ms:
        return 60_000

    def accepted(self, kind: Kind) -> None: ...
    def refused(self, kind: Kind, retry_after_ms: Ms | None) -> None: ...
    def failed(self, kind: Kind) -> None: ...


async def test_anything_else_is_not_there() -> None:
    async with serving(Pulse(), "127.0.0.1", 0) as port:
        for path in ("/", "/health", "/metrics/people"):
            assert (await get(port, path))[0] == 404
        assert (await get(port, "/health/../metrics"))[0] == 200


async def test_a_port_that_is_taken_is_said() -> None:
    async with serving(Pulse(), "127.0.0.1", 0) as port:
        with pytest.raises(PortTaken, match=f"127.0.0.1 port {port}"):
            async with serving(Pulse(), "127.0.0.1", port):
                pass


async def test_every_number_is_explained_to_operators() -> None:
    house, pulse = House(), Pulse()
    house.found = Gauges(
        now_ms=0, counts=Counts(outbox={"reply": Pile()}), per_second=1.0, done_in_seconds=1.0
    )
    pulse.watch(house)
    pulse.note_sync()
    async with serving(pulse, "127.0.0.1", 0) as port:
        _, text = await get(port, "/metrics")
    numbers = re.findall(r"^# HELP (hearth_\S+)", text, re.MULTILINE)
    page = (Path(__file__).parents[2] / "docs" / "operators.md").read_text("utf-8")
    assert len(numbers) > 20
    assert [number for number in numbers if f"`{number}" not in page] == []
