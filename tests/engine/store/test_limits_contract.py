"""What a cellar counts so that limits can hold, whichever it is."""

from __future__ import annotations

from engine.core.values import InstanceId, RowId
from engine.runtime.ports import Changes
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import mail, parcel, post, snapshot


async def begin(g: Ground, name: str, *people: str, over: bool = False) -> None:
    instance = InstanceId(name)
    made = snapshot(g.circle, instance, finished_ms=5 if over else None)
    who = {"ada": g.ada, "bo": g.bo}
    parts = [(instance, f"p{n}", who[each]) for n, each in enumerate(people, 1)]
    await g.cellar.commit(Changes(snapshots={instance: (made, 0)}, parts=parts))


async def test_what_a_person_began_and_still_runs_is_counted_no_further_than_asked(g: Ground) -> None:
    await begin(g, "one", "ada", "bo")
    await begin(g, "two", "ada")
    await begin(g, "three", "bo", "ada")
    await begin(g, "four", "ada", over=True)
    assert (await g.cellar.begun_by(g.ada, 10), await g.cellar.begun_by(g.bo, 10)) == (2, 1)
    assert await g.cellar.begun_by(g.ada, 1) == 1
    await g.cellar.forget(g.ada)
    assert (await g.cellar.begun_by(g.ada, 10), await g.cellar.begun_by(g.bo, 10)) == (0, 1)


async def test_what_waits_for_a_room_beyond_so_much_is_what_would_leave_last(g: Ground) -> None:
    letters = [parcel(f"l{n}", g.ada, urgency="timely") for n in range(4)]
    await g.cellar.commit(mail(*letters, parcel("other", g.bo), post("room", g.circle)))
    assert list(await g.cellar.crowding(2, 10)) == [RowId("l2"), RowId("l3")]
    assert list(await g.cellar.crowding(2, 1)) == [RowId("l2")]
    assert list(await g.cellar.crowding(4, 10)) == []
    await g.cellar.bury(RowId("l0"), "dropped", 1, dead=False)
    assert list(await g.cellar.crowding(2, 10)) == [RowId("l3")]


async def test_replies_count_for_nothing_and_what_is_on_its_way_is_left_alone(g: Ground) -> None:
    said = [parcel(f"r{n}", g.ada, urgency="reply") for n in range(4)]
    await g.cellar.commit(mail(*said))
    assert list(await g.cellar.crowding(1, 10)) == []
    letters = [parcel(f"l{n}", g.bo, urgency="timely") for n in range(3)]
    await g.cellar.commit(mail(*letters))
    await g.cellar.seal(RowId("l2"), "!bo:example.org", b"sealed")
    assert list(await g.cellar.crowding(1, 10)) == [RowId("l1")]


async def test_a_reaction_is_given_up_before_a_question(g: Ground) -> None:
    question = parcel("q", g.ada, urgency="timely")
    reaction = parcel("r", g.ada, urgency="timely", reacts=RowId("q"), emoji="👍")
    await g.cellar.commit(mail(reaction, question))
    assert list(await g.cellar.crowding(1, 10)) == [RowId("r")]
