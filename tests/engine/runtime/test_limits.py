"""Limits in a running house: they hold from batch to batch, each is counted once it is written, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.core.limits import LimitName, Limits
from engine.core.parcel import Parcel
from engine.core.values import RowId
from engine.runtime.housekeeping import MOST_AT_ONCE, TOO_MANY_WAIT, keep_house, thin_out
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Outcome, TryLater, Unavailable
from tests.engine.runtime.small_house import SmallHouse
from tests.engine.store.goods import mail, parcel, post


async def limited(**limits: int) -> SmallHouse:
    return await SmallHouse.open("ana", "ben", "chen", limits=Limits(**limits))


async def test_whoever_has_begun_as_much_as_they_may_hears_so_until_something_of_it_is_over() -> None:
    house = await limited(begun_per_person=1)
    await house.say("ana", "supper @ben")
    assert await house.say("ana", "supper @chen") == Outcome("done", "begun_per_person")
    await house.settle()
    assert house.words("ana").count("limit.begun") == 1
    assert (len(await house.snapshots()), house.reached) == (1, Counter({"begun_per_person": 1}))
    assert (await house.store.journal(f"d/{house.id('ana')}"))[-1].result == "begun_per_person"
    assert await house.say("ben", "supper @ana") == Outcome("done")
    await house.say("ana", "cancel")
    assert await house.say("ana", "supper @chen") == Outcome("done")
    assert house.reached == Counter({"begun_per_person": 1})
    await house.close()


async def test_what_comes_all_at_once_is_counted_too() -> None:
    house = await limited(begun_per_person=2)
    said = [house.spoken("ana", f"supper @ben {n}") for n in range(5)]
    ends = await house.submit(*said)
    assert [end.why for end in ends] == [None, None, *["begun_per_person"] * 3]
    assert (len(await house.snapshots()), house.reached["begun_per_person"]) == (2, 3)
    await house.close()


async def test_what_begins_nothing_asks_nobody_how_much_has_been_begun() -> None:
    house = await limited()
    for said in ("help", "later", "pause"):
        await house.say("ana", said)
    assert house.faults.calls["begun_by"] == 0
    await house.say("ana", "supper @ben")
    assert house.faults.calls["begun_by"] == 1
    await house.close()


async def test_a_limit_counts_once_what_reached_it_is_written_however_often_it_was_decided() -> None:
    house = await limited(questions_per_person=1)
    await house.say("ana", "supper @ben")
    await house.clock.advance(120_000)
    house.faults.fail("commit", Unavailable("disk full"), times=3)
    asking = asyncio.create_task(house.say("chen", "supper @ben"))
    await house.patiently(asking)
    assert house.reached == Counter({"questions_per_person": 1})
    await house.settle()
    assert house.words("ben").count("limit.questions") == 1
    assert len([p for p in (await house.desk("ben")).prompts if p.instance]) == 1
    assert len(await house.snapshots()) == 2
    await house.close()


async def test_more_people_than_one_may_reach_are_asked_for_once_more() -> None:
    house = await limited(people_per_instance=1)
    await house.say("ana", "supper @ben @chen")
    await house.settle()
    assert "bounds.people.most" in house.words("ana")
    assert "rsvp.say" not in house.words("ben")
    assert house.reached == Counter({"people_per_instance": 1})
    await house.close()


# ── the outbox ───────────────────────────────────────────────────────────────


async def test_a_message_is_given_up_after_so_many_tries_and_that_is_counted() -> None:
    house = await limited()
    reached: Counter[LimitName] = Counter()
    outbox = Outbox(
        house.cellar,
        house.carrier,
        house.clock,
        house.chance,
        tries_per_message=3,
        on_limit=lambda name, times: reached.update({name: times}),
    )
    await house.store.commit(mail(parcel("a1", house.id("ana"))))
    house.mishaps.fail("put", TryLater("502"), times=3)
    for _ in range(6):
        await outbox.send_due()
        await house.clock.advance(3_600_000)
    assert reached == Counter({"tries_per_message": 1})
    assert (await house.store.fates([RowId("a1")]))[RowId("a1")].status == "dead"
    await house.close()


def letters(house: SmallHouse, n: int, **more: object) -> list[Parcel]:
    return [parcel(f"l{k}", house.id("ana"), **({"urgency": "timely"} | more)) for k in range(n)]


async def test_what_waits_for_one_room_beyond_the_limit_is_given_up_the_newest_first() -> None:
    house = await limited()
    await house.store.commit(mail(*letters(house, 5), post("p1", house.village.circle)))
    assert await thin_out(house.cellar, house.clock, 3) == 2
    fates = await house.store.fates([RowId(f"l{n}") for n in range(5)])
    assert [fates[RowId(f"l{n}")].status for n in range(5)] == ["waiting"] * 3 + ["dead"] * 2
    assert fates[RowId("l4")].why == TOO_MANY_WAIT
    assert await thin_out(house.cellar, house.clock, 3) == 0
    (again, _) = await house.store.troubles(10)
    assert await house.store.retry(again.id) == "again"
    await house.close()


async def test_replies_and_what_takes_something_back_are_never_given_up_for_their_number() -> None:
    house = await limited()
    back = [
        parcel(f"b{n}", house.id("ana"), urgency=urgency, redacts=RowId(f"gone{n}{urgency}"))
        for n, urgency in enumerate(("reply", "safety", "timely"))
    ]
    await house.store.commit(mail(*letters(house, 4, urgency="reply"), *back))
    assert await thin_out(house.cellar, house.clock, 1) == 0
    await house.close()


async def test_a_great_many_go_in_portions() -> None:
    house = await limited()
    await house.store.commit(mail(*letters(house, MOST_AT_ONCE + 20)))
    assert await thin_out(house.cellar, house.clock, 10) == MOST_AT_ONCE + 10
    await house.close()


async def test_housekeeping_looks_every_hour_whether_a_room_has_too_much_before_it() -> None:
    house = await limited()
    await house.store.commit(mail(*letters(house, 4)))
    stop = asyncio.Event()
    keeping = asyncio.create_task(
        keep_house(house.cellar, house.line, house.clock, stop, waiting_per_room=2, on_limit=house.note_limit)
    )
    for _ in range(1_000):
        if house.reached:
            break
        await asyncio.sleep(0)
    stop.set()
    await keeping
    assert house.reached == Counter({"waiting_per_room": 2})
    await house.close()
