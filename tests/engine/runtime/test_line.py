"""The straight line: many to one commit, exactly once, and nobody is held up by somebody else's bad event."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from engine.core.decide_desk import decide_desk
from engine.core.desk import Desk, Heard, Rhythm
from engine.core.values import DAY_MS, InstanceId
from engine.runtime import line
from engine.runtime.batch import routing
from engine.runtime.line import MOST_CONFLICTS, NOT_KEPT, LineEnded
from engine.runtime.ports import (
    BadData,
    Changes,
    Conflict,
    Echo,
    Housed,
    KeptRow,
    Outcome,
    Reacted,
    Rung,
    Spoken,
    ToDesk,
    Unavailable,
    Want,
)
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import CLOSES_MS, SmallHouse, until

DONE = Outcome("done")
TOO_LONG = "quince" * 11_000
FOR_EVER = 10**9


def has(event: str) -> Any:
    """For a fault: the commit of this very event, unless it is being set aside."""
    return lambda changes: event in changes.seen and not changes.set_aside


async def heard(house: SmallHouse, name: str) -> list[str]:
    """The events that a person's desk has decided, in order."""
    lines = await house.store.journal(f"d/{house.id(name)}")
    return [x.event.event_id for x in lines if isinstance(x.event, Heard)]


async def texts_of(house: SmallHouse) -> list[str]:
    return [text.body for text in house.store._texts.values()]


# ── together ─────────────────────────────────────────────────────────────────


async def test_many_callers_share_a_few_commits_and_each_gets_its_own_answer(house: SmallHouse) -> None:
    said = [house.spoken(name, "help") for name in ("ana", "ben", "chen") * 20]
    answers = await asyncio.gather(*(house.submit(each) for each in said), house.submit())
    assert answers == [[DONE]] * 60 + [[]]
    assert house.faults.calls["commit"] <= 3
    assert [x.id for x in said[::3]] == (await heard(house, "ana"))[1:]


async def test_events_of_one_person_are_decided_in_the_order_they_were_handed_in(house: SmallHouse) -> None:
    said = [house.spoken("ana", "help") for _ in range(200)]
    one, many = said[:50], said[50:]
    await asyncio.gather(*(house.submit(each) for each in one), house.submit(*many))
    assert (await heard(house, "ana"))[1:] == [each.id for each in said]


async def test_what_an_event_sets_off_is_in_the_same_commit(house: SmallHouse) -> None:
    await house.say("ana", "supper @ben @chen")
    assert house.faults.calls["commit"] == 1
    assert {p.ask for p in (await house.desk("ben")).prompts} == {"rsvp"}
    await house.settle()
    house.faults.calls.clear()
    await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    assert house.faults.calls["commit"] == 1
    assert house.choice_of(await house.snapshot(), "p2") == "coming"


async def test_within_a_batch_each_event_sees_what_the_ones_before_it_left(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    taps = [
        Reacted(id=f"$t{n}", occurred_ms=house.now_ms, person=house.id("ben"), target=prompt.event, emoji=e)
        for n, e in enumerate(("✅", "✖️"))
    ]
    assert await house.submit(*taps) == [DONE, DONE]
    assert house.choice_of(await house.snapshot(), "p2") == "no"


async def test_those_who_asked_to_be_told_are_told_of_every_commit(house: SmallHouse) -> None:
    first, second = house.line.on_move(), house.line.on_move()
    await house.say("ana", "help")
    assert first.is_set()
    assert second.is_set()


# ── once ─────────────────────────────────────────────────────────────────────


async def test_the_same_event_twice_is_one_event_within_a_batch_and_across_them(house: SmallHouse) -> None:
    same = house.spoken("ana", "help")
    assert await house.submit(same, same) == [DONE, DONE]
    both = await asyncio.gather(house.submit(same), house.submit(same))
    assert both == [[Outcome("seen_before")]] * 2
    await house.settle()
    assert (await heard(house, "ana")).count(same.id) == 1
    assert len(house.seen("ana")) == 1


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(house: SmallHouse) -> None:
    house.faults.fail("commit", Unavailable("the line broke"), after=True)
    asking = asyncio.create_task(house.say("ana", "supper @ben"))
    await until(lambda: house.faults.calls["commit"] == 1)
    await house.patiently(asking)
    assert (await asking).kind == "seen_before"
    await house.settle()
    assert len(await house.snapshots()) == 1
    assert house.words("ben") == ["rsvp.say"]


# ── one bad event ────────────────────────────────────────────────────────────


async def test_an_event_whose_deciding_raises_is_set_aside_and_the_others_go_on(
    house: SmallHouse, caplog: pytest.LogCaptureFixture
) -> None:
    bad = house.spoken("ben", "boom quince")
    outcomes = await house.submit(house.spoken("ana", "help"), bad, house.spoken("chen", "help"))
    assert [o.kind for o in outcomes] == ["done", "quarantined", "done"]
    (aside,) = await house.store.quarantined()
    assert aside.arrival == bad
    assert aside.error.startswith("ValueError in PlainReader.read:")
    assert "quince" not in aside.error + caplog.text + repr(aside)
    assert await house.say("ben", "help") == DONE
    assert await house.submit(bad) == [Outcome("seen_before")]


async def test_nothing_lingers_of_an_event_that_breaks_halfway(house: SmallHouse) -> None:
    before = await house.desk("ana")
    house.shelf.definitions.clear()  # `supper` still reads as a beginning, but nothing stands behind it
    practices = house.line._house.practices
    practices.in_use = lambda _circle: ("supper",)  # type: ignore[method-assign]
    practices.begins = house.shelf.begins = lambda *_: {"supper": "supper"}  # type: ignore[method-assign]
    outcome = await house.say("ana", "supper @ben with quinces")
    assert outcome.kind == "quarantined"
    assert outcome.why is not None
    assert outcome.why.startswith("NoDefinition")
    assert await house.desk("ana") == before
    assert await texts_of(house) == []
    assert await house.snapshots() == []
    await house.settle()
    assert house.words("ben") == []


async def test_a_break_further_down_the_chain_sets_only_that_link_aside(house: SmallHouse) -> None:
    instance = await house.begun()
    house.shelf.definitions.clear()
    tap = await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    (aside,) = await house.store.quarantined()
    assert aside.arrival.id.startswith(f"{tap}>")
    assert aside.error.startswith("NoDefinition")
    assert (await house.desk("ben")).prompts[0].sources[0].event_id == tap
    assert (await house.store.load(Want(instances=frozenset({instance})))).snapshots


async def test_many_broken_events_in_one_batch_are_each_set_aside(house: SmallHouse) -> None:
    said = [house.spoken("ana", "boom" if n % 2 else "help") for n in range(12)]
    outcomes = await house.submit(*said)
    assert [o.kind for o in outcomes] == ["done", "quarantined"] * 6
    assert [a.arrival.id for a in await house.store.quarantined()] == [s.id for s in said[1::2]]


async def test_a_value_the_store_cannot_take_costs_nobody_else_anything(house: SmallHouse) -> None:
    await house.begun()
    prompt = house.find("ben", "rsvp.say")
    bad = house.spoken("ana", f"supper @chen {TOO_LONG}")
    tap = Reacted(id="$t", occurred_ms=house.now_ms, person=house.id("ben"), target=prompt.event, emoji="✅")
    outcomes = await house.line.submit([house.spoken("chen", "help"), bad, tap], [KeptRow("sync", "", b"s2")])
    assert [o.kind for o in outcomes] == ["done", "quarantined", "done"]
    (aside,) = await house.store.quarantined()
    assert aside.arrival == bad
    assert "could not be written: texts:" in aside.error
    assert "quince" not in aside.error
    assert house.choice_of(await house.snapshot(), "p2") == "coming"
    assert await house.store.kept() == {("sync", ""): b"s2"}


async def test_callers_beside_a_bad_one_are_answered_as_if_it_were_not_there(house: SmallHouse) -> None:
    said = [
        house.spoken("ana", "help"),
        house.spoken("ben", f"supper @ana {TOO_LONG}"),
        house.spoken("chen", "my"),
    ]
    answers = await asyncio.gather(*(house.submit(each) for each in said))
    assert [o.kind for (o,) in answers] == ["done", "quarantined", "done"]


@pytest.mark.parametrize("error", [TypeError("quince"), Conflict("always"), BadData("always")])
async def test_whatever_one_events_commit_raises_it_alone_is_set_aside(
    house: SmallHouse, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bad = house.spoken("ben", "help")
    tries = MOST_CONFLICTS + 1 if isinstance(error, Conflict) else 1
    house.faults.fail("commit", error, times=3 * tries, when=has(bad.id))
    others = [house.spoken("ana", "help"), house.spoken("chen", "help")]
    answers = await asyncio.gather(house.submit(others[0]), house.submit(bad), house.submit(others[1]))
    assert [o.kind for (o,) in answers] == ["done", "quarantined", "done"]
    assert [a.arrival for a in await house.store.quarantined()] == [bad]
    assert "quince" not in caplog.text
    assert await house.say("ben", "help") == DONE


async def test_an_event_that_cannot_even_be_set_aside_is_left_out_and_the_line_goes_on(
    house: SmallHouse, caplog: pytest.LogCaptureFixture
) -> None:
    bad = house.spoken("ben", "help", id="$\ud83d")
    house.faults.fail("commit", BadData("seen: half a character"), times=4, when=lambda c: bad.id in c.seen)
    with caplog.at_level(logging.ERROR):
        answers = await asyncio.gather(house.submit(bad), house.submit(house.spoken("ana", "help")))
    assert answers == [[Outcome("quarantined", NOT_KEPT)], [DONE]]
    assert "left out" in caplog.text
    assert await house.say("ben", "help") == DONE


async def test_a_row_that_cannot_be_read_costs_only_those_who_need_it(house: SmallHouse) -> None:
    broken = house.id("ben")

    def needs_ben(want: Want) -> bool:
        return broken in want.desks

    house.faults.fail("load", ValueError("quince"), times=FOR_EVER, when=needs_ben)
    outcomes = await house.submit(house.spoken("ana", "help"), house.spoken("ben", "help"))
    assert [o.kind for o in outcomes] == ["done", "quarantined"]
    house.faults.heal()
    (aside,) = await house.store.quarantined()
    assert aside.error.startswith("ValueError in ")
    assert "quince" not in aside.error


async def test_a_row_that_cannot_be_read_further_down_the_chain_costs_only_that_link(
    house: SmallHouse,
) -> None:
    broken = house.id("ben")
    house.faults.fail("load", ValueError("?"), times=FOR_EVER, when=lambda want: broken in want.desks)
    assert await house.say("ana", "supper @ben @chen") == DONE
    house.faults.heal()
    (aside,) = await house.store.quarantined()
    assert isinstance(aside.arrival, ToDesk)
    assert aside.arrival.person == broken
    await house.settle()
    assert (house.words("ben"), house.words("chen")) == ([], ["rsvp.say"])


async def test_a_load_that_fails_for_no_single_reason_is_the_batchs_and_ends_too(house: SmallHouse) -> None:
    house.faults.fail("load", ValueError("?"))
    assert await house.say("ana", "help") == DONE


# ── conflicts and outages ────────────────────────────────────────────────────


async def test_after_a_conflict_it_is_decided_again_and_counts_once(house: SmallHouse) -> None:
    house.faults.fail("commit", Conflict("somebody else was first"), times=MOST_CONFLICTS)
    await house.begun()
    assert (house.words("ana"), house.words("ben")) == (["list"], ["rsvp.say"])


async def test_two_writers_over_one_store_lose_nothing_of_each_other(house: SmallHouse) -> None:
    other = house.another_line(seed=99)
    other.start()
    said = [house.spoken("ana", "help") for _ in range(120)]
    lines = (house.line, other)
    await asyncio.gather(*(lines[n % 2].submit([each]) for n, each in enumerate(said)))
    await asyncio.gather(*(lines[n % 2].submit([each]) for n, each in enumerate(reversed(said))))
    await other.stop()
    assert sorted((await heard(house, "ana"))[1:]) == sorted(each.id for each in said)
    assert await house.store.quarantined() == []
    numbers = [x.n for x in await house.store.journal(f"d/{house.id('ana')}")]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("call", ["commit", "load", "instances_of"])
async def test_an_outage_is_waited_for_and_nobodys_fault(house: SmallHouse, call: str) -> None:
    await house.begun()
    house.faults.fail(call, Unavailable("disk full"), times=5)
    asking = asyncio.create_task(house.submit(house.moved("ben", joined=False, room=True)))
    await house.patiently(asking)
    assert await asking == [DONE]
    assert await house.store.quarantined() == []
    assert (await house.snapshot()).gone == ("p2",)


async def test_an_outage_pauses_longer_each_time_but_never_too_long(house: SmallHouse) -> None:
    house.faults.fail("commit", Unavailable("away"), times=14)
    began_ms = house.now_ms
    asking = asyncio.create_task(house.say("ana", "help"))
    await until(lambda: house.faults.calls["commit"] == 1)
    await house.clock.advance(99)
    for _ in range(20):
        await asyncio.sleep(0)
    assert house.faults.calls["commit"] == 1
    await house.patiently(asking)
    assert house.now_ms - began_ms < 14 * line.LONGEST_PAUSE_MS


async def test_what_comes_during_an_outage_is_decided_after_it(house: SmallHouse) -> None:
    house.faults.fail("commit", Unavailable("away"), times=3)
    asking = [asyncio.create_task(house.say(name, "help")) for name in ("ana", "ben", "chen")]
    for task in asking:
        await house.patiently(task)
    assert [await task for task in asking] == [DONE] * 3


# ── the bridge's own rows ────────────────────────────────────────────────────


async def test_the_bridges_rows_commit_with_their_arrivals_or_not_at_all(house: SmallHouse) -> None:
    gate = house.faults.hold("commit")
    asking = asyncio.create_task(
        house.line.submit([house.spoken("ana", "help")], [KeptRow("sync", "", b"s1")])
    )
    await gate.reached.wait()
    assert await house.store.kept() == {}
    gate.open()
    assert await asking == [DONE]
    assert await house.store.kept() == {("sync", ""): b"s1"}
    assert house.faults.calls["commit"] == 1


async def test_rows_the_store_refuses_are_told_to_whoever_handed_them_in_and_to_nobody_else(
    house: SmallHouse,
) -> None:
    def about_crypto(changes: Changes) -> bool:
        return any(row.kind == "crypto" for row in changes.kept)

    house.faults.fail("commit", BadData("too large"), times=3, when=about_crypto)
    said = house.spoken("ana", "help")
    refused, other = await asyncio.gather(
        house.line.submit([said], [KeptRow("crypto", "", b"?")]),
        house.line.submit([house.spoken("ben", "help")], [KeptRow("sync", "", b"s1")]),
        return_exceptions=True,
    )
    assert isinstance(refused, BadData)
    assert other == [DONE]
    assert await house.submit(said) == [Outcome("seen_before")]
    assert await house.store.kept() == {("sync", ""): b"s1"}


async def test_rows_without_events_are_kept_too(house: SmallHouse) -> None:
    assert await house.line.submit([], [KeptRow("sync", "", b"s1")]) == []
    assert await house.store.kept() == {("sync", ""): b"s1"}


# ── callers who go away, and the end ─────────────────────────────────────────


async def test_what_a_cancelled_caller_handed_in_is_written_all_the_same(house: SmallHouse) -> None:
    gate = house.faults.hold("commit")
    said = house.spoken("ana", "help")
    asking = asyncio.create_task(house.submit(said))
    await gate.reached.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gate.open()
    assert await house.submit(said) == [Outcome("seen_before")]


async def test_a_cancelled_caller_whose_rows_are_refused_troubles_nobody(house: SmallHouse) -> None:
    gate = house.faults.hold("commit")
    house.faults.fail("commit", BadData("?"), times=2)
    asking = asyncio.create_task(house.line.submit([], [KeptRow("crypto", "", b"?")]))
    await gate.reached.wait()
    asking.cancel()
    gate.open()
    assert await house.say("ana", "help") == DONE


async def test_stop_finishes_what_was_handed_in_and_takes_nothing_more(house: SmallHouse) -> None:
    gate = house.faults.hold("commit")
    asking = [asyncio.create_task(house.say("ana", "help")) for _ in range(150)]
    await gate.reached.wait()
    stopping = [asyncio.create_task(house.line.stop()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(LineEnded):
        await house.say("ana", "help")
    gate.open()
    assert [await task for task in asking] == [DONE] * 150
    await asyncio.gather(*stopping)
    await house.line.stop()
    assert len(await heard(house, "ana")) == 151


async def test_stop_waits_for_those_who_wait_for_a_place_in_the_queue(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_WAITING", 3)
    house = await open_house("ana")
    gate = house.faults.hold("commit")
    asking = [asyncio.create_task(house.say("ana", "help")) for _ in range(30)]
    await gate.reached.wait()
    gone = asyncio.create_task(house.say("ana", "help"))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(house.line.stop())
    await asyncio.sleep(0)
    gone.cancel()
    gate.open()
    assert [await task for task in asking] == [DONE] * 30
    await stopping


async def test_an_end_does_not_overtake_those_who_came_before_it(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_WAITING", 1)
    house = await open_house("ana")
    slow = house.another_line(seed=99)
    asking = [asyncio.create_task(slow.submit([house.spoken("ana", "help")])) for _ in range(4)]
    await asyncio.sleep(0)
    slow.start()  # for a moment the queue has a place …
    stopping = asyncio.create_task(slow.stop())  # … into which the end could slip
    await until(stopping.done)
    assert [await task for task in asking] == [[DONE]] * 4


async def test_a_cancelled_stop_does_not_cancel_the_writer(house: SmallHouse) -> None:
    gate = house.faults.hold("commit")
    asking = asyncio.create_task(house.say("ana", "help"))
    await gate.reached.wait()
    stopping = asyncio.create_task(house.line.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    gate.open()
    assert await asking == DONE


async def test_a_line_that_never_began_can_be_stopped() -> None:
    house = SmallHouse()
    await house.line.stop()
    with pytest.raises(LineEnded):
        await asyncio.wait_for(house.line.submit([]), timeout=10)


async def test_the_queue_has_a_limit_and_callers_wait(
    open_house: OpenHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST_WAITING", 2)
    house = await open_house("ana")
    gate = house.faults.hold("commit")
    asking = [asyncio.create_task(house.say("ana", "help")) for _ in range(10)]
    await gate.reached.wait()
    await asyncio.sleep(0)
    assert house.line._queue.qsize() <= 2
    gate.open()
    assert [await task for task in asking] == [DONE] * 10


# ── long chains ──────────────────────────────────────────────────────────────


async def test_a_chain_longer_than_one_batch_goes_on_from_the_inbox_exactly_once(
    house: SmallHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "MOST_ROUNDS", 1)
    await house.say("ana", "supper @ben @chen")
    assert await house.snapshots() == []
    (waiting,) = await house.store.waiting_inbox(10)
    assert await house.bell.ring_due() == 1
    assert len(await house.snapshots()) == 1
    assert waiting not in await house.store.waiting_inbox(10)
    await house.settle()
    assert await house.store.waiting_inbox(10) == []
    assert await house.submit(waiting) == [Outcome("seen_before")]
    await house.settle()
    assert (house.words("ana"), house.words("ben")) == (["list"], ["rsvp.say"])


async def test_what_waits_in_the_inbox_survives_a_conflict_and_a_break(
    house: SmallHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "MOST_ROUNDS", 1)
    await house.say("ana", "supper @ben")
    house.faults.fail("commit", Conflict("again"), times=2)
    house.shelf.definitions.clear()
    assert await house.bell.ring_due() == 1
    assert await house.bell.ring_due() == 0
    (aside,) = await house.store.quarantined()
    assert aside.error.startswith("NoDefinition")


async def test_the_inbox_left_behind_by_an_earlier_life_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    first = await SmallHouse.open("ana", "ben")
    with monkeypatch.context() as short:
        short.setattr(routing, "MOST_ROUNDS", 2)
        await first.say("ana", "supper @ben")
    await first.close()
    second = SmallHouse(store=first.store, seed=8)
    second.village.persons.update(first.village.persons)
    second.village.circle = first.village.circle
    second.postman.present = first.postman.present
    second.line.start()
    await second.settle()
    assert second.words("ben") == ["rsvp.say"]
    await second.close()


# ── small things ─────────────────────────────────────────────────────────────


async def test_the_bot_introduces_itself_in_a_room_once_even_when_its_id_is_long_forgotten(
    house: SmallHouse,
) -> None:
    here = house.village.circle
    await house.submit(Housed(id="intro", occurred_ms=house.now_ms, circle=here))
    await house.settle()
    assert await house.submit(Housed(id="intro", occurred_ms=1, circle=here)) == [Outcome("seen_before")]
    assert await house.submit(Housed(id="later", occurred_ms=1, circle=here)) == [Outcome("seen_before")]
    await house.settle()
    assert [b.words for b in house.postman.brought] == ["intro.room"]


async def test_an_echo_proves_that_a_parcel_is_in_its_room(house: SmallHouse) -> None:
    await house.say("ana", "help")
    (journey,) = await house.store.claim(house.now_ms, 1_000, 1)
    await house.submit(Echo(id="$x", occurred_ms=1, transaction=journey.transaction, event="$event"))
    assert await house.store.next_parcel_ms() is None


async def test_an_event_for_an_instance_that_is_not_there_is_refused(house: SmallHouse) -> None:
    ring = Rung(id="r", occurred_ms=1, actor=f"i/{InstanceId('0' * 32)}", name="at:00", entry=1)
    assert await house.submit(ring) == [Outcome("refused", "not_begun")]


async def test_who_leaves_the_circle_leaves_everything_they_had_to_do_with(house: SmallHouse) -> None:
    for guests in ("@ben @chen", "@chen", "@ben"):
        await house.say("ana", f"supper {guests}")
    await house.submit(house.moved("chen", joined=False, room=True))
    for snapshot in await house.snapshots():
        (gone,) = snapshot.gone
        people = await house.store.people_of(snapshot.id)
        assert people[int(gone[1:]) - 1] == house.id("chen")
        assert gone not in snapshot.asks["rsvp"].asked


async def test_who_only_comes_to_the_circle_or_had_nothing_to_do_with_it_changes_nothing(
    house: SmallHouse,
) -> None:
    await house.begun()
    house.village.persons["dora"] = await house.store.person("@dora:hearth.test")
    before = await house.snapshot()
    await house.submit(
        house.moved("ben", joined=True, room=True), house.moved("dora", joined=False, room=True)
    )
    assert await house.snapshot() == before


async def test_an_answer_that_begins_like_a_command_is_kept_whole(house: SmallHouse) -> None:
    await house.begun()
    await house.say("ana", "review")
    await house.pass_time(DAY_MS)
    assert "feedback.say" in house.words("ben")
    await house.say("ben", "supper with @ana was lovely")
    assert "supper with @ana was lovely" in await texts_of(house)
    (only,) = await house.snapshots()
    assert only.asks["feedback"].answers


async def test_what_stands_behind_a_command_is_kept_without_it(house: SmallHouse) -> None:
    await house.say("ana", "supper @ben and bring bread")
    assert await texts_of(house) == ["and bring bread"]


async def test_what_a_desk_has_heard_makes_it_what_it_is(house: SmallHouse) -> None:
    await house.begun()
    first = await house.tap("ben", "✅", house.find("ben", "rsvp.say"))
    await house.say("chen", "later")
    await house.remove("ben", first)
    await house.say("chen", "not from @ana")
    await house.pass_time(CLOSES_MS)
    await house.say("ben", "stop")
    for name in ("ana", "ben", "chen"):
        desk = Desk(house.id(name), rhythm=Rhythm("UTC", 0, 0))
        for entry in await house.store.journal(f"d/{house.id(name)}"):
            desk = decide_desk(desk, entry.event, entry.facts).desk  # type: ignore[arg-type]
        assert desk == await house.desk(name)


async def test_a_stranger_who_writes_is_greeted_and_nothing_else_changes(house: SmallHouse) -> None:
    stranger = await house.store.person("@stranger:hearth.test")
    await house.submit(Spoken(id="$s", occurred_ms=1, person=stranger, body="what is this?"))
    loaded = await house.store.load(Want(desks=frozenset({stranger})))
    assert loaded.desks[stranger].greeted
    assert await house.snapshots() == []
