"""The outbox: in order, each once, and nothing that waits is forgotten."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import Any

import msgspec
import pytest

from engine.core.desk import Desk, Rhythm
from engine.core.limits import USUAL
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.values import DAY_MS, HOUR_MS, CircleId, Ms, PersonId, RowId
from engine.runtime.outbox import (
    LEASE_MS,
    LONGEST_BACKOFF_MS,
    LONGEST_SLEEP_MS,
    MOST_AT_ONCE,
    NOTHING_TO_SAY,
    UNASKED_AT_ONCE,
    UNASKED_AT_ONCE_UNLIMITED,
    Outbox,
)
from engine.runtime.pace import ANSWER_MS, AT_ONCE_UNFELT, Limit, Pace
from engine.runtime.ports import (
    Changes,
    Conflict,
    NewParcel,
    NothingToSay,
    Paced,
    TryLater,
    Unavailable,
    Undeliverable,
)
from engine.testing import ManualClock, MemoryStore, RecordingPostman, faulty
from tests.engine.runtime.small_house import NOON, cellar, postman, until
from tests.fakes.limits import LeakyBucket

ADA, BEN = PersonId("ada"), PersonId("ben")
AT_ONCE = Rhythm("UTC", 0, 0)


class Mail:
    """An outbox over a store and a postman that both can fail, and two people who are there and willing."""

    def __init__(self, *, pace: int = 1) -> None:
        self.store = MemoryStore()
        self.cellar, self.faults = faulty(cellar(self.store))
        self.double = RecordingPostman()
        self.double.present |= {ADA, BEN}
        self.carrier, self.mishaps = faulty(postman(self.double))
        self.clock = ManualClock(NOON, pace=pace)
        self.rested = asyncio.Event()
        self.moved = asyncio.Event()
        self.circle = CircleId("")
        self.outbox = self.another()

    @classmethod
    async def open(cls, *, consent: str = "yes", pace: int = 1) -> Mail:
        mail = cls(pace=pace)
        mail.circle = await mail.store.ensure_circle("!circle:hearth.test", "Circle")
        for person in (ADA, BEN):
            await mail.keep_desk(person, consent=consent, rhythm=AT_ONCE)
        return mail

    def another(self) -> Outbox:
        """One more outbox over the same store and postman: the next life, or another process."""
        return Outbox(self.cellar, self.carrier, self.clock, Random(7), self.rested)

    async def keep_desk(self, person: PersonId, *, version: int = 1, replaced: int = 0, **desk: Any) -> None:
        await self.store.commit(Changes(desks={person: (Desk(person, version, **desk), replaced)}))

    async def lay(self, row: str, to: PersonId | None = ADA, **more: Any) -> None:
        fields: dict[str, Any] = {"urgency": "quiet", "message": Message(lines=(Phrase(row),))} | more
        place = Direct(to) if to is not None else Shared(self.circle)
        new = NewParcel(Parcel(RowId(row), place, **fields), f"txn-{row}", self.clock.now_ms())
        await self.store.commit(Changes(parcels=[new]))

    async def release(self, person: PersonId = ADA) -> None:
        await self.store.commit(Changes(released={person}))

    async def send_all(self) -> None:
        while await self.outbox.send_due():
            pass

    async def pass_time(self, by_ms: Ms) -> None:
        """Let time pass, stopping at every moment at which something may leave."""
        until_ms = self.clock.now_ms() + by_ms
        while True:
            await self.send_all()
            next_ms = await self.store.next_parcel_ms()
            if next_ms is None or next_ms > until_ms:
                break
            await self.clock.advance(max(0, next_ms - self.clock.now_ms()))
        await self.clock.advance(until_ms - self.clock.now_ms())

    @property
    def brought(self) -> list[str]:
        return [b.words for b in self.double.brought]

    def status(self, row: str) -> str:
        return self.store._outbox[RowId(row)].status

    def why(self, row: str) -> str | None:
        return self.store._outbox[RowId(row)].why


@pytest.fixture
async def mail() -> Mail:
    return await Mail.open()


# ── order ────────────────────────────────────────────────────────────────────


async def test_within_a_room_everything_arrives_in_the_order_it_was_laid_in(mail: Mail) -> None:
    rows = [f"{n:02}" for n in range(25)]
    for row in rows:
        await mail.lay(row, ADA)
        await mail.lay(f"room{row}", None)
    await mail.send_all()
    assert [w for w in mail.brought if not w.startswith("room")] == rows
    assert [w for w in mail.brought if w.startswith("room")] == [f"room{row}" for row in rows]


async def test_a_room_that_has_to_wait_holds_up_no_other(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("429", HOUR_MS), when=lambda room, *_: room == "d/ada")
    for row in ("a1", "a2"):
        await mail.lay(row, ADA)
    for row in ("b1", "b2"):
        await mail.lay(row, BEN)
    await mail.send_all()
    assert "b1" in mail.brought
    assert "b2" in mail.brought
    assert "a1" not in mail.brought


async def test_a_letter_that_is_tried_again_is_not_overtaken_in_its_room(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), times=4, when=lambda _, __, txn: txn == "txn-a1")
    for row in ("a1", "a2", "a3"):
        await mail.lay(row)
    await mail.send_all()
    await mail.lay("a4")
    await mail.release()
    await mail.pass_time(HOUR_MS)
    assert mail.brought == ["a1", "a2", "a3", "a4"]


async def test_a_letter_that_is_tried_again_for_long_lets_the_others_go_first(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), times=20, when=lambda _, __, txn: txn == "txn-a1")
    for row in ("a1", "a2"):
        await mail.lay(row)
    await mail.pass_time(DAY_MS)
    assert mail.brought == ["a2", "a1"]


async def test_a_letter_that_waits_for_its_moment_is_overtaken(mail: Mail) -> None:
    await mail.lay("a1", not_before_ms=NOON + HOUR_MS)
    await mail.lay("a2")
    await mail.pass_time(HOUR_MS)
    assert mail.brought == ["a2", "a1"]


async def test_what_belongs_to_a_message_waits_for_it(mail: Mail) -> None:
    await mail.lay("question", not_before_ms=NOON + HOUR_MS)
    await mail.lay("edit", edits=RowId("question"))
    await mail.lay("tap", reacts=RowId("question"), emoji="👍")
    await mail.lay("reminder", replies=RowId("question"))
    await mail.lay("other")
    await mail.send_all()
    assert mail.brought == ["other"]
    await mail.pass_time(HOUR_MS)
    assert mail.brought[1] == "question"
    assert sorted(mail.brought[2:]) == sorted(["edit", "👍", "reminder"])


async def test_what_belongs_to_a_message_that_is_dropped_is_dropped_too(mail: Mail) -> None:
    await mail.lay("question", useful_until_ms=NOON)
    await mail.lay("tap", reacts=RowId("question"), emoji="👍")
    await mail.send_all()
    assert (mail.status("question"), mail.status("tap")) == ("dropped", "dropped")
    assert mail.brought == []


async def test_several_rooms_are_written_to_at_the_same_time(mail: Mail) -> None:
    gates = [mail.mishaps.hold("put") for _ in range(2)]
    await mail.lay("a", ADA)
    await mail.lay("b", BEN)
    sending = asyncio.create_task(mail.outbox.send_due())
    for gate in gates:
        await gate.reached.wait()
    for gate in gates:
        gate.open()
    assert await sending == 2


# ── what the schedule says ───────────────────────────────────────────────────


async def test_whoever_is_not_to_be_written_to_yet_is_not_even_invited() -> None:
    mail = await Mail.open(consent="unknown")
    mail.double.present.clear()
    await mail.lay("question", urgency="timely")
    await mail.send_all()
    assert mail.double.invited == set()
    await mail.lay("hello", urgency="hello")
    await mail.send_all()
    assert mail.double.invited == {ADA}
    assert mail.brought == []
    assert await mail.store.next_parcel_ms() is None


async def test_whoever_said_stop_is_never_written_to_nor_invited() -> None:
    mail = await Mail.open(consent="stopped")
    await mail.lay("question", urgency="timely")
    await mail.lay("board")
    await mail.send_all()
    assert (mail.brought, mail.double.invited) == ([], set())
    assert mail.why("question") == "asked not to be written to"


async def test_a_parcel_held_until_they_come_leaves_when_they_have_come(mail: Mail) -> None:
    mail.double.present.clear()
    await mail.lay("a1")
    await mail.send_all()
    assert mail.brought == []
    mail.double.present.add(ADA)
    await mail.pass_time(DAY_MS)
    assert mail.brought == []  # nobody told it
    await mail.release()
    await mail.send_all()
    assert mail.brought == ["a1"]


async def test_a_join_committed_while_the_parcel_is_being_looked_at_is_not_missed(mail: Mail) -> None:
    mail.double.present.clear()
    await mail.lay("a1")
    gate = mail.faults.hold("postpone")
    sending = asyncio.create_task(mail.outbox.send_due())
    await gate.reached.wait()  # it has been found that she is not there
    mail.double.present.add(ADA)
    await mail.release()
    gate.open()
    await sending
    await mail.send_all()
    assert mail.brought == ["a1"]


async def test_whoever_has_chosen_nothing_waits_for_the_morning_of_their_circle_as_it_is_then(
    mail: Mail,
) -> None:
    usual = {"now": Rhythm("UTC", 10, 14)}

    async def usual_of(person: PersonId) -> Rhythm:
        assert person == ADA
        return usual["now"]

    mail.outbox = Outbox(mail.cellar, mail.carrier, mail.clock, Random(7), mail.rested, usual=usual_of)
    await mail.keep_desk(ADA, version=2, replaced=1, consent="yes")
    await mail.lay("a1", urgency="timely")
    await mail.send_all()
    assert (mail.brought, await mail.store.next_parcel_ms()) == ([], NOON + 2 * HOUR_MS)
    usual["now"] = Rhythm("UTC", 0, 0)
    await mail.release()
    await mail.send_all()
    assert mail.brought == ["a1"]


async def test_a_pause_ended_early_frees_what_waited(mail: Mail) -> None:
    paused = Rhythm("UTC", 0, 0, paused_until_ms=NOON + 9 * DAY_MS)
    await mail.keep_desk(ADA, version=2, replaced=1, consent="yes", rhythm=paused)
    await mail.lay("a1", urgency="timely")
    await mail.send_all()
    assert await mail.store.next_parcel_ms() == NOON + 9 * DAY_MS
    await mail.keep_desk(ADA, version=3, replaced=2, consent="yes", rhythm=AT_ONCE)
    await mail.release()
    await mail.send_all()
    assert mail.brought == ["a1"]


async def test_the_budget_spreads_timely_messages_over_the_weeks(mail: Mail) -> None:
    for n in range(5):
        await mail.lay(f"t{n}", urgency="timely")
    sent: list[Ms] = []
    for _ in range(40):
        await mail.send_all()
        sent += [mail.clock.now_ms()] * (len(mail.brought) - len(sent))
        await mail.clock.advance(DAY_MS // 2)
    assert [(at - NOON) // DAY_MS for at in sent] == [0, 1, 7, 8, 14]


async def test_waiting_is_no_failed_attempt(mail: Mail) -> None:
    mail.double.present.clear()
    await mail.lay("a1")
    for _ in range(USUAL.tries_per_message + 5):
        await mail.release()
        await mail.send_all()
    mail.double.present.add(ADA)
    await mail.release()
    await mail.send_all()
    assert mail.brought == ["a1"]


async def test_a_parcel_withdrawn_while_it_was_being_sealed_is_not_sent(mail: Mail) -> None:
    await mail.lay("a1")
    gate = mail.faults.hold("seal")
    sending = asyncio.create_task(mail.outbox.send_due())
    await gate.reached.wait()
    await mail.store.commit(Changes(withdrawn=[RowId("a1")]))
    gate.open()
    await sending
    assert (mail.brought, mail.status("a1"), mail.why("a1")) == ([], "dropped", "withdrawn")


# ── when it does not go well ─────────────────────────────────────────────────


async def test_what_may_pass_is_tried_again_later_and_later(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), times=12)
    await mail.lay("a1")
    pauses: list[Ms] = []
    while not mail.brought:
        await mail.send_all()
        next_ms = await mail.store.next_parcel_ms()
        if next_ms is not None:
            pauses.append(next_ms - mail.clock.now_ms())
            await mail.clock.advance(pauses[-1])
    assert len(pauses) == 12
    for n, pause_ms in enumerate(pauses):
        usual_ms = min(LONGEST_BACKOFF_MS, 1_000 * 2**n)
        assert usual_ms // 2 <= pause_ms <= usual_ms * 3 // 2
    assert mail.double.brought[0].parcel.row == "a1"


async def test_a_homeserver_that_says_how_long_is_believed(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("429", 5 * HOUR_MS))
    await mail.lay("a1")
    await mail.send_all()
    assert await mail.store.next_parcel_ms() == NOON + 5 * HOUR_MS


async def test_after_too_many_attempts_it_is_a_dead_letter_and_said_so(
    mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    mail.mishaps.fail(
        "put", TryLater("502"), times=USUAL.tries_per_message, when=lambda _, __, txn: txn == "txn-a1"
    )
    await mail.lay("a1")
    await mail.lay("tap", reacts=RowId("a1"), emoji="👍")
    await mail.lay("a2")
    with caplog.at_level(logging.ERROR):
        await mail.pass_time(5 * DAY_MS)
    assert (mail.status("a1"), mail.why("a1")) == ("dead", "502")
    assert mail.status("tap") == "dropped"
    assert mail.brought == ["a2"]
    assert "a1 given up after 40 attempts" in caplog.text
    assert mail.mishaps.unused == []


@pytest.mark.parametrize("call", ["is_present", "room_for", "seal", "put"])
async def test_what_can_never_be_delivered_is_a_dead_letter_at_once(mail: Mail, call: str) -> None:
    mail.mishaps.fail(call, Undeliverable("no such room"))
    await mail.lay("a1")
    await mail.lay("a2")
    await mail.send_all()
    assert (mail.status("a1"), mail.why("a1")) == ("dead", "no such room")
    assert mail.brought == ["a2"]


async def test_what_has_nothing_to_say_any_more_is_dropped_and_no_fault(
    mail: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    mail.mishaps.fail("seal", NothingToSay())
    await mail.lay("a1")
    await mail.lay("a2")
    with caplog.at_level(logging.INFO):
        await mail.send_all()
    assert (mail.status("a1"), mail.why("a1")) == ("dropped", NOTHING_TO_SAY)
    assert mail.brought == ["a2"]
    assert not caplog.records


@pytest.mark.parametrize("call", ["is_present", "room_for", "seal", "put"])
async def test_a_defect_with_one_letter_keeps_no_other_back(
    mail: Mail, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    mail.mishaps.fail(
        call, KeyError("quince"), times=USUAL.tries_per_message, when=lambda *a: about_a(call, *a)
    )
    await mail.lay("a1")
    await mail.lay("b1", BEN)
    await mail.send_all()
    assert mail.brought == ["b1"]
    await mail.pass_time(5 * DAY_MS)
    assert mail.status("a1") == "dead"
    assert (mail.why("a1") or "").startswith("KeyError in ")
    assert "quince" not in caplog.text


def about_a(call: str, *arguments: Any) -> bool:
    """Whether a call of the postman is about Ada's room."""
    first = arguments[0]
    place = first.to if isinstance(first, Parcel) else first
    return place in (ADA, Direct(ADA), "d/ada")


# ── killed, cut off, put back ────────────────────────────────────────────────


async def test_a_lease_that_ran_out_is_taken_up_again_without_a_second_message(mail: Mail) -> None:
    await mail.lay("a1")
    mail.faults.fail("mark_sent", Unavailable("killed here"))
    with pytest.raises(Unavailable):
        await mail.outbox.send_due()
    await mail.send_all()
    assert mail.status("a1") == "waiting"
    await mail.clock.advance(LEASE_MS)
    await mail.send_all()
    assert (mail.status("a1"), mail.brought) == ("sent", ["a1"])


async def test_a_second_try_sends_what_was_sealed_for_the_first(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), after=True)
    await mail.lay("a1")
    await mail.pass_time(HOUR_MS)
    assert mail.mishaps.calls["seal"] == 1
    assert mail.mishaps.calls["put"] == 2
    assert mail.brought == ["a1"]


async def test_what_was_sealed_is_brought_to_its_end_whatever_was_said_since(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), after=True)
    await mail.lay("a1", urgency="timely")
    await mail.send_all()
    await mail.keep_desk(ADA, version=2, replaced=1, consent="stopped", rhythm=AT_ONCE)
    await mail.pass_time(HOUR_MS)
    assert (mail.status("a1"), mail.brought) == ("sent", ["a1"])


@pytest.mark.parametrize("where", ["after seal", "after put"])
async def test_after_a_start_what_was_under_way_is_settled_first(mail: Mail, where: str) -> None:
    await mail.lay("a1")
    await mail.lay("a2")
    if where == "after seal":
        mail.mishaps.fail("put", Unavailable("killed here"))
    else:
        mail.faults.fail("mark_sent", Unavailable("killed here"))
    with pytest.raises(Unavailable):
        await mail.outbox.send_due()
    assert len(await mail.store.in_flight()) == 1
    mail.outbox = mail.another()
    await mail.outbox.settle()
    assert await mail.store.in_flight() == []
    assert (mail.status("a1"), mail.brought) == ("sent", ["a1"])
    await mail.outbox.settle()
    await mail.clock.advance(LEASE_MS)
    await mail.send_all()
    assert mail.brought == ["a1", "a2"]


async def test_settling_with_a_homeserver_that_is_away_does_not_fail_the_start(mail: Mail) -> None:
    mail.mishaps.fail("put", TryLater("502"), times=2)
    await mail.lay("a1")
    await mail.send_all()
    await mail.outbox.settle()
    assert len(await mail.store.in_flight()) == 1
    await mail.pass_time(HOUR_MS)
    assert mail.brought == ["a1"]


async def test_an_outage_while_several_are_on_their_way_leaves_none_behind(mail: Mail) -> None:
    mail.faults.fail("mark_sent", Unavailable("away"))
    gate = mail.mishaps.hold("put")
    await mail.lay("a", ADA)
    await mail.lay("b", BEN)
    sending = asyncio.create_task(mail.outbox.send_due())
    await gate.reached.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    assert not sending.done(), "it left a letter to itself"
    gate.open()
    with pytest.raises(Unavailable):
        await sending
    await mail.clock.advance(LEASE_MS)
    await mail.send_all()
    assert sorted(mail.brought) == ["a", "b"]


async def test_in_a_house_whose_time_runs_faster_leases_and_retries_stay_real_time() -> None:
    mail = await Mail.open(pace=1_000)
    await mail.lay("a1")
    gate = mail.mishaps.hold("put")
    mail.mishaps.fail("put", TryLater("429", 2_000))
    sending = asyncio.create_task(mail.outbox.send_due())
    await gate.reached.wait()
    await mail.clock.advance(1_000 * (LEASE_MS - 1))
    assert await mail.store.claim(mail.clock.now_ms(), 1, 9) == []
    gate.open()
    await sending
    assert await mail.store.next_parcel_ms() == mail.clock.now_ms() + 2_000 * 1_000


# ── running ──────────────────────────────────────────────────────────────────


async def test_it_sends_what_comes_and_rests_in_between(mail: Mail) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    await mail.rested.wait()
    await mail.lay("a1")
    mail.moved.set()
    await until(lambda: mail.brought == ["a1"])
    looked = mail.faults.calls["claim"]
    for _ in range(50):
        await asyncio.sleep(0)
    assert mail.faults.calls["claim"] <= looked + 1, "it looks again without a reason"
    stop.set()
    await running


async def test_even_without_a_hint_it_looks_now_and_then(mail: Mail) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    await mail.rested.wait()
    await mail.lay("a1")
    await until(lambda: mail.faults.calls["next_parcel_ms"] == 1)
    await mail.clock.advance(LONGEST_SLEEP_MS)
    await until(lambda: mail.brought == ["a1"])
    stop.set()
    await running


async def test_it_wakes_for_the_next_moment(mail: Mail) -> None:
    await mail.lay("a1", not_before_ms=NOON + 5_000)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    await until(lambda: mail.faults.calls["next_parcel_ms"] >= 1)
    await mail.clock.advance(5_000)
    await until(lambda: mail.brought == ["a1"])
    stop.set()
    await running


@pytest.mark.parametrize(
    "call", ["claim", "next_parcel_ms", "standing", "seal", "mark_sent", "postpone", "bury"]
)
async def test_an_outage_of_the_store_does_not_end_it(mail: Mail, call: str) -> None:
    mail.faults.fail(call, Unavailable("disk full"), times=3)
    mail.mishaps.fail("put", TryLater("502"))
    await mail.lay("old", useful_until_ms=NOON)
    await mail.lay("a1")
    await mail.lay("b1", BEN)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    for _ in range(2_000):
        if (
            sorted(mail.brought) == ["a1", "b1"]
            and not mail.faults.unused
            and mail.status("old") == "dropped"
        ):
            break
        await mail.clock.advance(1_000)
        for _ in range(5):
            await asyncio.sleep(0)
    assert sorted(mail.brought) == ["a1", "b1"]
    assert mail.status("old") == "dropped"
    assert not running.done()
    stop.set()
    await running


async def test_a_parcel_for_a_person_nobody_knows_anything_of_waits_for_their_word(mail: Mail) -> None:
    await mail.lay("c1", PersonId("chen"))
    await mail.send_all()
    assert mail.brought == []
    assert mail.why("c1") == "has not said yet whether to be written to"


# ── pace ─────────────────────────────────────────────────────────────────────


class Limited:
    """A postman behind a homeserver with limits: what goes too fast is refused, and the pace hears of every answer."""

    def __init__(self, mail: Mail, per_second: float, burst: int) -> None:
        self.bucket = LeakyBucket(per_second, burst)
        self.pace = Pace(mail.clock.now_ms)
        self.clock = mail.clock
        self.inner = mail.carrier
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def put(self, room: str, sealed: bytes, transaction: str) -> Any:
        wait_ms = self.pace.begin("messages")
        if wait_ms:
            raise Paced("not asked", wait_ms)
        wait_ms = self.bucket.ask(self.clock.now_ms())
        if wait_ms is not None:
            self.refused += 1
            self.pace.refused("messages", wait_ms)
            raise Paced("429", wait_ms)
        sent = await self.inner.put(room, sealed, transaction)
        self.pace.accepted("messages")
        return sent


async def limited_mail(per_second: float = 0.2, burst: int = 10) -> tuple[Mail, Limited]:
    mail = await Mail.open()
    office = Limited(mail, per_second, burst)
    mail.outbox = Outbox(mail.cellar, office, mail.clock, Random(7), mail.rested, pace=office.pace)  # type: ignore[arg-type]
    return mail, office


async def people_with_questions(mail: Mail, many: int) -> None:
    for n in range(many):
        person = PersonId(f"guest{n}")
        mail.double.present.add(person)
        await mail.keep_desk(person, consent="yes", rhythm=AT_ONCE)
        await mail.lay(f"q{n}", person, urgency="change")


async def test_under_a_limit_everything_leaves_in_time_with_hardly_a_refusal() -> None:
    mail, office = await limited_mail()
    await people_with_questions(mail, 120)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    seconds = 0
    while len(mail.brought) < 120 and seconds < 900:
        await mail.clock.advance(1_000)
        seconds += 1
        for _ in range(30):
            await asyncio.sleep(0)
    assert len(set(mail.brought)) == len(mail.brought) == 120
    assert seconds <= 1.15 * (120 - 10) * 5 + 20
    assert office.refused <= 3
    assert all(row.attempts == 0 for row in mail.store._outbox.values()), "being paced is no attempt"
    stop.set()
    await running


async def test_a_reply_leaves_at_once_while_many_questions_wait(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "engine")
    mail, _ = await limited_mail()
    await people_with_questions(mail, 200)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    waits = []
    for second in range(400):
        await mail.clock.advance(1_000)
        for _ in range(30):
            await asyncio.sleep(0)
        if second % 40 == 39:
            await mail.lay(f"r{second}", PersonId(f"guest{second % 200}"), urgency="reply")
            mail.moved.set()
            for _ in range(100):
                await asyncio.sleep(0)
            waits.append(f"r{second}" in mail.brought)
    assert waits == [True] * 10
    outlook = mail.outbox.outlook()
    assert 0.19 <= outlook.per_second <= 0.21
    assert outlook.done_by_ms is not None
    left_ms = outlook.done_by_ms - mail.clock.now_ms()
    assert abs(left_ms - outlook.waiting * 5_000) <= 0.05 * left_ms
    said = [r.getMessage() for r in caplog.records if "messages wait for the homeserver" in r.getMessage()]
    assert 5 <= len(said) <= 7, "once a minute"
    stop.set()
    await running


async def test_a_reply_waits_no_longer_than_the_limit_asks_though_the_share_for_replies_is_used_up() -> None:
    mail, office = await limited_mail()
    await people_with_questions(mail, 60)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))

    async def pass_seconds(seconds: int) -> None:
        for _ in range(seconds):
            await mail.clock.advance(1_000)
            for _ in range(60):
                await asyncio.sleep(0)

    await pass_seconds(120)
    assert office.pace.limit("messages").felt
    for n in range(6):
        await mail.lay(f"r{n}", PersonId(f"guest{n}"), urgency="reply")
    mail.moved.set()
    await pass_seconds(1)
    left = [n for n in range(6) if f"r{n}" not in mail.brought]
    assert left, "the share was meant to be used up"
    for n in left:
        await pass_seconds(6)
        assert f"r{n}" in mail.brought
    stop.set()
    await running


async def test_what_was_learned_of_the_homeserver_outlives_a_start() -> None:
    mail, office = await limited_mail()
    await people_with_questions(mail, 20)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    for _ in range(150):
        await mail.clock.advance(1_000)
        for _ in range(30):
            await asyncio.sleep(0)
    stop.set()
    await running
    assert office.pace.limit("messages").felt
    again = Pace(mail.clock.now_ms)
    await Outbox(mail.cellar, mail.carrier, mail.clock, Random(7), pace=again).settle()
    assert again.limit("messages").felt
    assert again.limit("messages").interval_ms == office.pace.limit("messages").interval_ms


async def test_a_life_of_a_few_seconds_leaves_to_the_next_what_it_learned() -> None:
    mail, office = await limited_mail(per_second=1_000, burst=1_000)
    await people_with_questions(mail, 60)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    await until(lambda: len(mail.brought) == 60)
    stop.set()
    await running
    learned = office.pace.limit("messages").burst
    assert learned >= 60
    again = Pace(mail.clock.now_ms)
    await Outbox(mail.cellar, mail.carrier, mail.clock, Random(7), pace=again).settle()
    assert again.limit("messages").burst == learned


async def test_while_all_wait_for_answers_nobody_runs_in_circles(mail: Mail) -> None:
    mail, office = await limited_mail(per_second=1_000, burst=1_000)
    gates = [mail.mishaps.hold("put") for _ in range(AT_ONCE_UNFELT)]
    await people_with_questions(mail, 20)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    for gate in gates:
        await gate.reached.wait()
    assert office.pace.flying("messages") == AT_ONCE_UNFELT
    looks = 0
    spare = office.pace.spare

    def counted(*arguments: Any, **more: Any) -> int:
        nonlocal looks
        looks += 1
        return spare(*arguments, **more)

    office.pace.spare = counted  # type: ignore[method-assign]
    for _ in range(100):
        await mail.clock.advance(10)
        for _ in range(20):
            await asyncio.sleep(0)
    assert looks <= 2 * 1_000 // ANSWER_MS + 4, "in a second"
    for gate in gates:
        gate.open()
    await until(lambda: len(mail.brought) == 20)
    stop.set()
    await running


async def test_a_conflict_over_what_was_learned_ends_nothing(mail: Mail) -> None:
    mail, _ = await limited_mail()
    mail.faults.fail("commit", Conflict("others"), when=lambda changes: bool(changes.kept))
    await people_with_questions(mail, 3)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    await until(lambda: len(mail.brought) == 3)
    stop.set()
    await running
    assert mail.faults.unused == []


async def test_what_is_at_the_homeserver_already_takes_its_place_once() -> None:
    mail, office = await limited_mail(per_second=1_000, burst=1_000)
    office.pace.recall(msgspec.json.encode({"messages": Limit(1.0, 400.0, at_ms=mail.clock.now_ms())}))
    gates = [mail.mishaps.hold("put") for _ in range(UNASKED_AT_ONCE_UNLIMITED)]
    await people_with_questions(mail, 40)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    for gate in gates:
        await gate.reached.wait()
    assert office.pace.flying("messages") == UNASKED_AT_ONCE_UNLIMITED
    for gate in gates[:-1]:
        gate.open()
    await until(lambda: len(mail.brought) == 39)  # one that is held up holds up no other
    gates[-1].open()
    await until(lambda: len(mail.brought) == 40)
    stop.set()
    await running


async def test_places_are_left_for_replies_while_others_are_on_their_way(mail: Mail) -> None:
    gates = [mail.mishaps.hold("put") for _ in range(UNASKED_AT_ONCE)]
    await people_with_questions(mail, MOST_AT_ONCE + 5)
    stop = asyncio.Event()
    running = asyncio.create_task(mail.outbox.run(mail.moved, stop))
    for gate in gates:
        await gate.reached.wait()
    await mail.lay("reply", ADA, urgency="reply")
    mail.moved.set()
    await until(lambda: "reply" in mail.brought)
    assert [words for words in mail.brought if words.startswith("q")] == []
    for gate in gates:
        gate.open()
    await until(lambda: len(mail.brought) == MOST_AT_ONCE + 6)
    stop.set()
    await running


async def test_a_reply_overtakes_what_waits_for_its_room_and_reactions_come_last(mail: Mail) -> None:
    await mail.lay("notice")
    await mail.lay("answer", urgency="reply")
    await mail.lay("tap", reacts=RowId("answer"), emoji="👍")
    await mail.lay("second", urgency="reply")
    await mail.send_all()
    assert mail.brought == ["answer", "second", "notice", "👍"]


async def test_with_nothing_to_send_the_outlook_is_bright(mail: Mail) -> None:
    await mail.lay("a1")
    await mail.send_all()
    outlook = mail.outbox.outlook()
    assert (outlook.waiting, outlook.done_by_ms) == (0, mail.clock.now_ms())
