"""What goes to the circle's room, what is kept of people's words, and what a full desk does."""

from __future__ import annotations

import asyncio
import logging

import pytest
from msgspec.structs import replace

from engine.core.limits import USUAL
from engine.core.values import DAY_MS, HOUR_MS, PersonId
from engine.runtime.housekeeping import ROUND_MS, SEEN_KEPT_MS, keep_house
from engine.runtime.ports import Changes, Outcome, Reacted, TextRow, ToInstance, Unavailable
from tests.engine.runtime.small_house import CLOSES_MS, NOON, SmallHouse, until


async def open_picnic(house: SmallHouse) -> str:
    """Ana begins a picnic in words; the event of the message in the room."""
    await house.say("ana", "picnic on the grass")
    await house.settle()
    return next(b.event for b in house.postman.brought if "everyone.say" in b.words)


async def tap(house: SmallHouse, name: str, event: str, emoji: str = "🙋") -> Outcome:
    arrival = Reacted(
        id=house.next_id(),
        occurred_ms=house.now_ms,
        person=house.id(name),
        target=event,
        emoji=emoji,
        circle=house.village.circle,
    )
    (outcome,) = await house.submit(arrival)
    await house.settle()
    return outcome


async def test_an_open_ask_lies_in_the_room_with_its_choice_and_is_brought_up_to_date(
    house: SmallHouse,
) -> None:
    event = await open_picnic(house)
    assert house.in_room() == ["everyone.say", "🙋"]
    assert await tap(house, "ben", event) == Outcome("done")
    assert house.in_room()[2:] == ["*everyone.say"]
    await house.pass_time(CLOSES_MS)
    assert house.in_room()[-1] == "over"
    assert await house.snapshots() == []
    assert house.words("ben") == []


async def test_a_tap_after_it_has_closed_is_answered_kindly_and_changes_nothing(house: SmallHouse) -> None:
    event = await open_picnic(house)
    await house.pass_time(CLOSES_MS)
    before = house.in_room()
    await tap(house, "ben", event)
    assert house.words("ben") == ["closed"]
    assert house.in_room() == before


async def test_an_emoji_nobody_offered_is_noted_and_nothing_else(house: SmallHouse) -> None:
    event = await open_picnic(house)
    outcome = await tap(house, "ben", event, "🎉")
    assert outcome == Outcome("ignored", "a reaction that was not on offer")
    assert house.in_room() == ["everyone.say", "🙋"]


async def test_the_words_of_a_beginning_outlive_it_only_for_a_while(house: SmallHouse) -> None:
    await open_picnic(house)
    (text,) = house.store._texts.values()
    assert text.body == "on the grass"
    await house.pass_time(CLOSES_MS)
    (text,) = house.store._texts.values()
    assert house.now_ms < text.until_ms < house.now_ms + 200 * DAY_MS


async def test_an_edit_of_an_answer_is_the_answer(house: SmallHouse) -> None:
    await house.begun()
    first = house.spoken("ben", "coming")
    await house.submit(first)
    await house.say("ben", "no", edits=first.id)
    assert house.choice_of(await house.snapshot(), "p2") == "no"
    assert await house.say("ben", "coming", edits="$unknown") == Outcome(
        "ignored", "an edit of something that was no answer"
    )


async def test_a_full_desk_is_said_so_in_the_log_and_to_the_instance_it_is_silence(
    house: SmallHouse, caplog: pytest.LogCaptureFixture
) -> None:
    await house.begun()
    desk = await house.desk("ben")
    many = tuple(replace(desk.prompts[0], row=f"{n}", ask=f"q{n}") for n in range(USUAL.questions_per_person))
    full = replace(desk, version=desk.version + 1, prompts=many)
    await house.store.commit(Changes(desks={house.id("ben"): (full, desk.version)}))
    with caplog.at_level(logging.WARNING):
        assert await house.say("ana", "supper @ben") == Outcome("done")
    assert f"desk {house.id('ben')}: the limit questions_per_person is reached" in caplog.text
    assert (await house.desk("ben")).prompts == many
    assert len(await house.snapshots()) == 2


async def test_nothing_is_sent_to_somebody_who_has_been_forgotten(house: SmallHouse) -> None:
    instance = await house.begun()
    await house.store.forget(house.id("ben"))
    assert (await house.store.people_of(instance))[1] == ""
    await house.pass_time(CLOSES_MS + 4 * DAY_MS)
    assert await house.snapshots() == []
    assert await house.store.quarantined() == []
    assert PersonId("") not in house.postman.invited


async def test_an_event_for_an_instance_that_never_began_is_refused(house: SmallHouse) -> None:
    from engine.core.event import Commanded
    from engine.core.values import InstanceId, Ref

    lost = ToInstance(id="e", occurred_ms=1, instance=InstanceId("0" * 32), event=Commanded("x", Ref("p1")))
    assert await house.submit(lost) == [Outcome("refused", "not_begun")]


async def test_an_outage_while_looking_for_what_cannot_be_read_is_waited_for(house: SmallHouse) -> None:
    house.faults.fail("load", ValueError("?"))
    house.faults.fail("load", Unavailable("away"))
    asking = asyncio.create_task(house.say("ana", "help"))
    await house.patiently(asking)
    assert await asking == Outcome("done")
    assert await house.store.quarantined() == []


# ── housekeeping ─────────────────────────────────────────────────────────────


async def test_what_has_reached_its_end_date_goes_within_the_hour(house: SmallHouse) -> None:
    def text(name: str, until_ms: int) -> TextRow:
        return TextRow(name, house.id("ana"), None, "words", until_ms)  # type: ignore[arg-type]

    await house.store.commit(
        Changes(texts=[text("a", NOON), text("b", NOON + HOUR_MS // 2)], seen={"old": 1})
    )
    stop = asyncio.Event()
    house.faults.fail("ended_texts", Unavailable("away"), skip=2)
    keeping = asyncio.create_task(keep_house(house.cellar, house.line, house.clock, stop))
    await until(lambda: house.faults.calls["forget_seen"] == 1)
    assert set(house.store._texts) == {"b"}
    assert "old" not in house.store._seen
    for _ in range(2):
        await house.clock.advance(ROUND_MS)
        for _ in range(20):
            await asyncio.sleep(0)
    assert house.store._texts == {}
    assert house.now_ms < NOON + SEEN_KEPT_MS
    stop.set()
    await keeping
