"""What waits for a human being, in every cellar: it is shown, tried again from the start, or let go of."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.event import Due
from engine.core.parcel import Shared
from engine.core.values import InstanceId, RowId
from engine.runtime.ports import Changes, Pile, SetAside, Spoken, TimerRow, ToInstance, Trouble, Want
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import I1, desk, mail, parcel, post, snapshot

NOW = 1_000_000


async def set_aside(g: Ground, event: str = "$1", at_ms: int = 5) -> Spoken:
    spoken = Spoken(id=event, occurred_ms=1, person=g.ada, body="quince")
    aside = SetAside(spoken, "ValueError in ear.read:1", at_ms)
    await g.cellar.commit(Changes(seen={event: at_ms}, set_aside=[aside]))
    return spoken


async def only(g: Ground) -> Trouble:
    (trouble,) = await g.cellar.troubles(10)
    return trouble


async def give_up(g: Ground, row: str, at_ms: int = NOW) -> None:
    await g.cellar.bury(RowId(row), "403 M_FORBIDDEN", at_ms, dead=True)


async def claimed(g: Ground) -> list[str]:
    return [journey.parcel.row for journey in await g.cellar.claim(NOW, 1, 10)]


async def test_troubles_tell_kind_and_reason_and_neither_words_nor_people(g: Ground) -> None:
    await set_aside(g)
    await g.cellar.commit(mail(parcel("r1", g.ada, urgency="reply"), post("r2", g.circle)))
    await give_up(g, "r1", 7)
    await give_up(g, "r2", 9)
    event, message, posted = await g.cellar.troubles(10)
    assert (event.what, event.why, event.at_ms) == ("Spoken", "ValueError in ear.read:1", 5)
    assert (message.what, message.why, message.circle) == ("reply", "403 M_FORBIDDEN", None)
    assert (posted.what, posted.circle) == ("post", g.circle)
    assert [each.id[0] for each in (event, message, posted)] == ["e", "m", "m"]
    assert "quince" not in repr((event, message, posted))
    assert g.ada not in repr((event, message, posted))


async def test_of_very_many_the_newest_are_shown(g: Ground) -> None:
    for n in range(4):
        await set_aside(g, f"${n}", n)
    assert [trouble.at_ms for trouble in await g.cellar.troubles(2)] == [2, 3]


async def test_an_event_that_is_tried_again_waits_to_be_decided_as_if_it_were_new(g: Ground) -> None:
    spoken = await set_aside(g)
    assert await g.cellar.retry((await only(g)).id) == "again"
    assert await g.cellar.troubles(10) == []
    assert await g.cellar.quarantined() == []
    assert await g.cellar.waiting_inbox(10) == [spoken]
    assert (await g.cellar.load(Want(ids=frozenset({"$1"})))).seen == frozenset()
    await g.cellar.commit(Changes(seen={"$1": 9}, inbox_done=["$1"]))
    assert await g.cellar.waiting_inbox(10) == []


async def test_an_event_that_fails_again_is_another_trouble(g: Ground) -> None:
    await set_aside(g)
    first = await only(g)
    await g.cellar.retry(first.id)
    await g.cellar.commit(Changes(inbox_done=["$1"]))
    await set_aside(g, at_ms=9)
    again = await only(g)
    assert again.id != first.id
    assert await g.cellar.retry(first.id) == "unknown"
    assert not await g.cellar.drop(first.id)
    assert await only(g) == again


async def test_an_event_on_its_way_to_an_instance_can_be_tried_again_too(g: Ground) -> None:
    link = ToInstance(id="$1>0", occurred_ms=1, instance=I1, event=Due("t", 1))
    await g.cellar.commit(
        Changes(
            seen={"$1>0": 1},
            snapshots={I1: (snapshot(g.circle), 0)},
            set_aside=[SetAside(link, "KeyError", 3)],
        )
    )
    assert await g.cellar.retry((await only(g)).id) == "again"
    assert await g.cellar.waiting_inbox(10) == [link]


async def test_an_event_that_is_let_go_of_is_gone_and_stays_known(g: Ground) -> None:
    await set_aside(g)
    trouble = await only(g)
    assert await g.cellar.drop(trouble.id)
    assert not await g.cellar.drop(trouble.id)
    assert await g.cellar.quarantined() == []
    assert (await g.cellar.load(Want(ids=frozenset({"$1"})))).seen == {"$1"}


async def test_a_message_that_is_tried_again_leaves_as_on_its_first_day(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await claimed(g)
    await g.cellar.postpone(RowId("r1"), NOW, "busy", failed=True)
    await give_up(g, "r1")
    assert await claimed(g) == []
    assert await g.cellar.retry((await only(g)).id) == "again"
    assert await g.cellar.troubles(10) == []
    (journey,) = await g.cellar.claim(NOW, 1, 10)
    assert (journey.parcel.row, journey.attempts, journey.sealed) == ("r1", 0, None)


async def test_what_was_dropped_with_a_message_comes_back_with_it_and_still_waits_for_it(g: Ground) -> None:
    await g.cellar.commit(
        mail(
            parcel("r1", g.ada),
            parcel("r2", g.ada, reacts=RowId("r1"), emoji="👍"),
            parcel("r3", g.ada, edits=RowId("r1")),
            parcel("other", g.bo),
        )
    )
    await g.cellar.commit(mail(parcel("r4", g.ada, replies=RowId("r3"))))
    await give_up(g, "r1")
    assert await claimed(g) == ["other"]
    await g.cellar.mark_sent(RowId("other"), "$other", NOW)
    assert await g.cellar.retry((await only(g)).id) == "again"
    for row, event in (("r1", "$r1"), ("r3", "$r3"), ("r4", "$r4"), ("r2", "$r2")):
        found = await claimed(g)
        assert len(found) == 1
        assert found[0] in {row, "r2", "r3", "r4"}
        await g.cellar.mark_sent(RowId(found[0]), event, NOW)
    assert await claimed(g) == []
    assert await g.cellar.sent_event(RowId("r4")) is not None


async def test_what_belongs_to_something_that_was_not_sent_cannot_be_tried_again(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await g.cellar.seal(RowId("r1"), "!r", b"s")
    await g.cellar.commit(mail(parcel("r2", g.ada, edits=RowId("r1"))))
    await give_up(g, "r2")
    await g.cellar.bury(RowId("r1"), "no longer useful", NOW, dead=False)
    assert await g.cellar.retry((await only(g)).id) == "lost"
    assert (await only(g)).what == "timely"


async def test_a_message_that_is_let_go_of_is_not_shown_any_more(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await give_up(g, "r1")
    trouble = await only(g)
    assert await g.cellar.drop(trouble.id)
    assert not await g.cellar.drop(trouble.id)
    assert await g.cellar.troubles(10) == []
    assert await g.cellar.retry(trouble.id) == "unknown"


async def test_nothing_but_a_trouble_can_be_tried_again_or_let_go_of(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    for nonsense in ("", "e", "m1", "e1", "x1", "e-1", "m²", "m" + "9" * 40, "'; --"):
        assert await g.cellar.retry(nonsense) == "unknown"
        assert not await g.cellar.drop(nonsense)
    assert await claimed(g) == ["r1"]


async def test_who_is_forgotten_leaves_no_trouble_behind(g: Ground) -> None:
    await set_aside(g)
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await give_up(g, "r1")
    first, second = await g.cellar.troubles(10)
    await g.cellar.forget(g.ada)
    assert await g.cellar.troubles(10) == []
    assert [await g.cellar.retry(each.id) for each in (first, second)] == ["unknown", "unknown"]


async def test_what_is_counted(g: Ground) -> None:
    await set_aside(g)
    await g.cellar.commit(
        Changes(
            snapshots={
                I1: (snapshot(g.circle), 0),
                InstanceId("2" * 32): (snapshot(g.circle, InstanceId("2" * 32), finished_ms=4), 0),
            },
            desks={g.ada: (desk(g.ada), 0)},
            timers={
                (f"i/{I1}", "a"): TimerRow(f"i/{I1}", "a", 1, NOW - 5),
                (f"i/{I1}", "b"): TimerRow(f"i/{I1}", "b", 1, NOW + 5),
            },
        )
    )
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada, urgency="reply"), due_ms=NOW - 9))
    await g.cellar.commit(mail(parcel("r3", g.ada, urgency="reply"), due_ms=NOW - 7))
    await g.cellar.commit(mail(parcel("r4", g.ada, urgency="reply"), due_ms=NOW + 7))
    await g.cellar.commit(mail(parcel("r5", g.ada, reacts=RowId("r1"), emoji="👍"), due_ms=NOW - 9))
    await g.cellar.commit(mail(replace(post("r6", g.circle), to=Shared(g.circle)), due_ms=NOW))
    await g.cellar.postpone(RowId("r4"), NOW + 7, "busy", failed=True)
    await give_up(g, "r6")
    counts = await g.cellar.counts(NOW)
    assert counts.outbox == {
        "reply": Pile(due=2, failing=1, since_ms=NOW - 9),
        "timely": Pile(due=1, since_ms=NOW - 9),
    }
    assert (counts.set_aside, counts.given_up, counts.inbox, counts.running) == (1, 1, 0, 1)
    assert (counts.timers, counts.timers_due, counts.timers_due_since_ms) == (2, 1, NOW - 5)


async def test_what_is_tried_in_vain_counts_from_when_it_was_due_at_first(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, urgency="reply"), due_ms=NOW - 9))
    for later in (NOW - 3, NOW + 60):
        await g.cellar.postpone(RowId("r1"), later, "busy", failed=True)
        assert (await g.cellar.counts(NOW)).outbox["reply"] == Pile(later < NOW, 1, since_ms=NOW - 9)
    await g.cellar.postpone(RowId("r1"), NOW + 90, "they paused", failed=False)
    assert (await g.cellar.counts(NOW)).outbox["reply"] == Pile(0, 1), "its time is another one now"
    await g.cellar.postpone(RowId("r1"), NOW + 95, "busy", failed=True)
    assert (await g.cellar.counts(NOW + 92)).outbox["reply"] == Pile(0, 1, since_ms=NOW + 90)
