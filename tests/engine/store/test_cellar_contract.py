"""What every cellar promises, whatever it is made of."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.definition import Definition, StateDef
from engine.core.desk import OwnRhythm, Refused, Rhythm
from engine.core.event import Due, Left
from engine.core.message import Message, Phrase
from engine.core.rank import MOVES_UP_AFTER_MS
from engine.core.schedule import Standing
from engine.core.values import DAY_MS, WEEK_MS, CircleId, InstanceId, PersonId, Ref, RowId, TextId
from engine.runtime.ports import (
    BadData,
    Changes,
    Conflict,
    Echo,
    Faded,
    Gathered,
    Housed,
    KeptRow,
    Loaded,
    Rung,
    SetAside,
    Spoken,
    TextCopy,
    TimerRow,
    ToDesk,
    ToInstance,
    Want,
)
from tests.engine.store.conftest import Ground, promises
from tests.engine.store.goods import (
    I1,
    I2,
    desk,
    desk_line,
    instance_line,
    let_end,
    mail,
    new,
    parcel,
    post,
    prompt,
    snapshot,
    target,
    text_row,
)

NOW = 1_000_000
LEASE = 1_000


async def rows_claimed(g: Ground, now_ms: int = NOW, limit: int = 10) -> list[str]:
    return [str(journey.parcel.row) for journey in await g.cellar.claim(now_ms, LEASE, limit)]


async def send(g: Ground, row: str, now_ms: int = NOW) -> None:
    await g.cellar.seal(RowId(row), "!room", b"sealed")
    await g.cellar.mark_sent(RowId(row), f"$event-{row}", now_ms)


# ── loading and committing ───────────────────────────────────────────────────


async def test_it_keeps_the_port(g: Ground) -> None:
    assert promises(g.cellar) is g.cellar


async def test_an_empty_want_finds_nothing(g: Ground) -> None:
    assert await g.cellar.load(Want()) == Loaded()


async def test_an_empty_commit_changes_nothing(g: Ground) -> None:
    await g.cellar.commit(Changes())
    assert await g.cellar.load(Want(instances=frozenset({I1}))) == Loaded()


async def test_what_was_committed_is_loaded_again_and_nothing_else(g: Ground) -> None:
    mine, other = snapshot(g.circle), snapshot(g.circle, I2)
    await g.cellar.commit(
        Changes(
            seen={"$a": 1, "$b": 2},
            snapshots={I1: (mine, 0), I2: (other, 0)},
            desks={g.ada: (desk(g.ada), 0)},
            parts=[(I1, "p2", g.bo), (I1, "p1", g.ada)],
            journal=[instance_line(1), instance_line(2), desk_line(1, g.ada)],
        )
    )
    found = await g.cellar.load(
        Want(ids=frozenset({"$a", "$c"}), instances=frozenset({I1}), desks=frozenset({g.ada, g.bo}))
    )
    assert found == Loaded(
        seen=frozenset({"$a"}),
        snapshots={I1: mine},
        desks={g.ada: desk(g.ada)},
        people={I1: (g.ada, g.bo)},
        lines={f"i/{I1}": 2, f"d/{g.ada}": 1},
    )


async def test_people_stand_in_the_order_of_their_numbers_also_past_nine(g: Ground) -> None:
    people = [await g.cellar.person(f"@guest{n}:example.org") for n in range(12)]
    await g.cellar.commit(Changes(parts=[(I1, f"p{n}", who) for n, who in enumerate(people, 1)]))
    assert await g.cellar.people_of(I1) == tuple(people)


async def test_a_newer_version_takes_the_place_of_the_one_it_replaces(g: Ground) -> None:
    await g.cellar.commit(Changes(snapshots={I1: (snapshot(g.circle), 0)}, desks={g.ada: (desk(g.ada), 0)}))
    later = snapshot(g.circle, version=4, state="closed", finished_ms=9)
    await g.cellar.commit(Changes(snapshots={I1: (later, 1)}, desks={g.ada: (desk(g.ada, 2), 1)}))
    found = await g.cellar.load(Want(instances=frozenset({I1}), desks=frozenset({g.ada})))
    assert (found.snapshots[I1], found.desks[g.ada]) == (later, desk(g.ada, 2))


async def test_a_desk_that_was_kept_unchanged_can_be_kept_again(g: Ground) -> None:
    for _ in range(2):
        await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, 0), 0)}))
    await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, 1), 0)}))
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, 1), 0)}))


@pytest.mark.parametrize("replaced", [0, 1, 3])
async def test_another_version_than_the_expected_one_is_a_conflict(g: Ground, replaced: int) -> None:
    await g.cellar.commit(
        Changes(snapshots={I1: (snapshot(g.circle, version=2), 0)}, desks={g.ada: (desk(g.ada, 2), 0)})
    )
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(snapshots={I1: (snapshot(g.circle, version=9), replaced)}))
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, 9), replaced)}))


async def test_one_row_of_many_in_conflict_is_a_conflict(g: Ground) -> None:
    await g.cellar.commit(Changes(snapshots={I1: (snapshot(g.circle), 0), I2: (snapshot(g.circle, I2), 0)}))
    ahead = {I1: (snapshot(g.circle, version=2), 1), I2: (snapshot(g.circle, I2, 8), 7)}
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(snapshots=ahead))
    found = await g.cellar.load(Want(instances=frozenset({I1, I2})))
    assert {s.version for s in found.snapshots.values()} == {1}


async def test_a_row_that_is_not_there_cannot_be_replaced(g: Ground) -> None:
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(snapshots={I1: (snapshot(g.circle, version=3), 2)}))


async def test_an_arrival_known_already_is_a_conflict(g: Ground) -> None:
    await g.cellar.commit(Changes(seen={"$a": 1}))
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(seen={"$b": 1, "$a": 2}))
    assert (await g.cellar.load(Want(ids=frozenset({"$a", "$b"})))).seen == {"$a"}


async def test_a_reference_or_journal_number_taken_meanwhile_is_a_conflict(g: Ground) -> None:
    await g.cellar.commit(Changes(parts=[(I1, "p1", g.ada)], journal=[instance_line(1)]))
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(parts=[(I1, "p1", g.bo)]))
    with pytest.raises(Conflict):
        await g.cellar.commit(Changes(journal=[instance_line(1)]))


async def test_after_a_refused_commit_nothing_of_it_remains(g: Ground) -> None:
    await g.cellar.commit(Changes(seen={"$a": 1}))
    with pytest.raises(Conflict):
        await g.cellar.commit(
            Changes(
                seen={"$new": 1, "$a": 1},
                snapshots={I1: (snapshot(g.circle), 0)},
                desks={g.ada: (desk(g.ada), 0)},
                parts=[(I1, "p1", g.ada)],
                journal=[instance_line(1)],
                timers={(f"i/{I1}", "t"): TimerRow(f"i/{I1}", "t", 1, 5)},
                parcels=[new(parcel("r1", g.ada))],
                texts=[text_row("t1", g.ada, "words")],
                kept=[KeptRow("sync", "", b"next")],
            )
        )
    want = Want(ids=frozenset({"$new"}), instances=frozenset({I1}), desks=frozenset({g.ada}))
    assert await g.cellar.load(want) == Loaded()
    assert await g.cellar.next_timer_ms() is None
    assert await g.cellar.next_parcel_ms() is None
    assert await g.cellar.text(TextId("t1")) is None
    assert await g.cellar.kept() == {}
    await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada), 0)}, texts=[text_row("t1", g.ada, "words")]))
    assert await g.cellar.text(TextId("t1")) == "words"


async def test_a_value_that_cannot_be_stored_is_bad_data_and_changes_nothing(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    refused = [
        Changes(texts=[text_row("t", g.ada, "x" * (64 * 1024 + 1))]),
        Changes(texts=[text_row("t", g.ada, "half a character: \ud83d")]),
        Changes(snapshots={I1: (snapshot(CircleId("nowhere")), 0)}),
        Changes(timers={("i/x", "t"): TimerRow("i/x", "t", 1, 2**70)}),
        mail(parcel("r1", g.bo)),
        Changes(parcels=[new(parcel("r2", g.ada)), new(parcel("r2", g.ada))]),
        mail(post("r2", CircleId("nowhere"))),
    ]
    for changes in refused:
        changes.seen["$once"] = 1
        with pytest.raises(BadData):
            await g.cellar.commit(changes)
    assert not (await g.cellar.load(Want(ids=frozenset({"$once"})))).seen


async def test_bad_data_does_not_repeat_the_words_it_is_about(g: Ground) -> None:
    for body in ("quince" * 20_000, "quince \ud83d"):
        with pytest.raises(BadData) as refused:
            await g.cellar.commit(Changes(texts=[text_row("t", g.ada, body)]))
        assert "quince" not in f"{refused.value!r}"


# ── timers and inbox ─────────────────────────────────────────────────────────


def timer(name: str, due_ms: int, entry: int = 1) -> tuple[tuple[str, str], TimerRow]:
    return (f"i/{I1}", name), TimerRow(f"i/{I1}", name, entry, due_ms)


async def test_due_timers_come_in_order_of_their_moments_up_to_the_limit(g: Ground) -> None:
    await g.cellar.commit(Changes(timers=dict([timer("c", 30), timer("a", 10), timer("b", 20)])))
    assert [t.name for t in await g.cellar.due_timers(20, 10)] == ["a", "b"]
    assert [t.name for t in await g.cellar.due_timers(99, 1)] == ["a"]
    assert await g.cellar.next_timer_ms() == 10


async def test_a_timer_is_set_anew_or_dropped(g: Ground) -> None:
    await g.cellar.commit(Changes(timers=dict([timer("a", 10), timer("b", 20)])))
    await g.cellar.commit(Changes(timers=dict([timer("a", 40, 2)]) | {(f"i/{I1}", "b"): None}))
    assert await g.cellar.due_timers(99, 10) == [TimerRow(f"i/{I1}", "a", 2, 40)]


@pytest.mark.parametrize("stands", [TimerRow(f"i/{I1}", "a", 1, 40), TimerRow(f"i/{I1}", "a", 2, 10)])
async def test_a_moment_that_rang_is_deleted_and_one_that_was_set_anew_meanwhile_is_not(
    g: Ground, stands: TimerRow
) -> None:
    rang, other = TimerRow(f"i/{I1}", "a", 1, 10), TimerRow(f"i/{I1}", "b", 1, 10)
    await g.cellar.commit(Changes(timers={(t.actor, t.name): t for t in (rang, other)}))
    await g.cellar.commit(Changes(rung=[rang]))
    assert await g.cellar.due_timers(99, 10) == [other]
    await g.cellar.commit(Changes(rung=[rang], timers={(stands.actor, stands.name): stands}))
    await g.cellar.commit(Changes(rung=[rang]))
    assert set(await g.cellar.due_timers(99, 10)) == {other, stands}


async def test_events_between_actors_wait_in_order_until_they_are_done(g: Ground) -> None:
    first = ToInstance(id="e1", occurred_ms=1, instance=I1, event=Left(Ref("p1")))
    second = ToDesk(id="e2", occurred_ms=2, person=g.ada, event=Refused())
    await g.cellar.commit(Changes(inbox=[first, second]))
    await g.cellar.commit(Changes(inbox=[first]))
    assert await g.cellar.waiting_inbox(10) == [first, second]
    assert await g.cellar.waiting_inbox(1) == [first]
    await g.cellar.commit(Changes(inbox_done=["e1"]))
    assert await g.cellar.waiting_inbox(10) == [second]


async def test_whatever_arrives_can_be_set_aside_and_looked_at(g: Ground) -> None:
    aside = [
        SetAside(Spoken(id="$1", occurred_ms=1, person=g.ada, body="quince"), "ValueError at decide:1", 5),
        SetAside(Echo(id="$2", occurred_ms=1, transaction="t", event="$e"), "ValueError", 6),
        SetAside(Rung(id="$3", occurred_ms=1, actor=f"d/{g.ada}", name="a", entry=1), "KeyError", 7),
        SetAside(ToInstance(id="$4", occurred_ms=1, instance=I1, event=Due("t", 1)), "KeyError", 8),
        SetAside(Housed(id="$5", occurred_ms=1, circle=g.circle), "KeyError", 9),
        SetAside(Faded(id="$6", occurred_ms=1, texts=(TextId("t1"),)), "KeyError", 10),
    ]
    await g.cellar.commit(Changes(set_aside=aside))
    assert await g.cellar.quarantined() == aside


# ── the outbox ───────────────────────────────────────────────────────────────


async def test_a_parcel_is_claimed_as_it_was_laid_in(g: Ground) -> None:
    what = parcel("r1", g.ada, target=target("r1"), about=I1, useful_until_ms=NOW + 5)
    await g.cellar.commit(mail(what))
    (journey,) = await g.cellar.claim(NOW, LEASE, 10)
    assert (journey.parcel, journey.transaction, journey.attempts) == (what, "txn-r1", 0)
    assert (journey.sealed, journey.room) == (None, None)


async def test_a_parcel_is_not_claimed_before_its_moment(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), due_ms=NOW + 1))
    assert await rows_claimed(g) == []
    assert await rows_claimed(g, NOW + 1) == ["r1"]


async def test_one_parcel_per_room_at_a_time_and_the_oldest_first(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("a1", g.ada), parcel("a2", g.ada), parcel("b1", g.bo)))
    await g.cellar.commit(mail(post("s1", g.circle), post("s2", g.circle)))
    assert await rows_claimed(g) == ["a1", "b1", "s1"]
    assert await rows_claimed(g) == []
    await send(g, "a1")
    assert await rows_claimed(g) == ["a2"]


async def test_a_parcel_not_yet_due_does_not_hold_up_the_later_ones(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), due_ms=NOW + 50))
    await g.cellar.commit(mail(parcel("r2", g.ada)))
    assert await rows_claimed(g) == ["r2"]
    await send(g, "r2")
    assert await rows_claimed(g, NOW + 50) == ["r1"]


async def test_the_limit_holds(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("a1", g.ada), parcel("b1", g.bo), post("s1", g.circle)))
    assert await rows_claimed(g, limit=2) == ["a1", "b1"]
    assert await rows_claimed(g, limit=2) == ["s1"]


@pytest.mark.parametrize("field", ["edits", "reacts", "replies", "redacts", "polls", "ends"])
async def test_nothing_leaves_before_its_forerunner_is_in_the_room(g: Ground, field: str) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), due_ms=NOW + 50))
    await g.cellar.commit(mail(parcel("r2", g.ada, **{field: RowId("r1")}), parcel("r3", g.ada)))
    assert await rows_claimed(g) == ["r3"]
    await send(g, "r3")
    assert await rows_claimed(g) == []
    assert await rows_claimed(g, NOW + 50) == ["r1"]
    await send(g, "r1")
    assert await rows_claimed(g) == ["r2"]


async def test_a_forerunner_sent_long_ago_holds_up_nothing(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await send(g, "r1")
    await g.cellar.commit(mail(parcel("r2", g.ada, edits=RowId("r1"))))
    assert await rows_claimed(g) == ["r2"]


@pytest.mark.parametrize("way", ["withdrawn", "dropped", "dead", "never there"])
async def test_what_belongs_to_a_parcel_that_is_not_sent_falls_with_it(g: Ground, way: str) -> None:
    if way != "never there":
        await g.cellar.commit(mail(parcel("r1", g.ada)))
    await g.cellar.commit(
        mail(
            parcel("r2", g.ada, reacts=RowId("r1"), emoji="👍"),
            parcel("r3", g.ada, replies=RowId("r2")),
            parcel("r2:back", g.ada, redacts=RowId("r2")),
            parcel("r4", g.ada),
        )
    )
    if way == "withdrawn":
        await g.cellar.commit(Changes(withdrawn=[RowId("r1")]))
    elif way != "never there":
        await g.cellar.bury(RowId("r1"), "reason", NOW, dead=way == "dead")
    assert await rows_claimed(g) == ["r4"]
    await send(g, "r4")
    assert await g.cellar.next_parcel_ms() is None
    await g.cellar.commit(mail(parcel("r5", g.ada, edits=RowId("r2"))))
    assert await g.cellar.next_parcel_ms() is None


async def test_a_parcel_and_what_belongs_to_it_may_come_in_one_commit(g: Ground) -> None:
    await g.cellar.commit(
        mail(parcel("r2", g.ada, reacts=RowId("r1")), parcel("r1", g.ada), parcel("r3", g.ada))
    )
    assert await rows_claimed(g) == ["r1"]
    await send(g, "r1")
    assert await rows_claimed(g) == ["r3"]
    await send(g, "r3")
    assert await rows_claimed(g) == ["r2"]


async def test_other_peoples_prompts_go_before_reactions(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("a1", g.ada), parcel("a2", g.ada, reacts=RowId("a1"), emoji="👍")))
    await rows_claimed(g)
    await send(g, "a1")
    await g.cellar.commit(mail(parcel("b1", g.bo)))
    assert await rows_claimed(g, limit=1) == ["b1"]
    assert await rows_claimed(g, limit=1) == ["a2"]


async def test_a_reply_goes_before_whatever_else_waits_for_the_same_room(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("n1", g.ada, urgency="quiet"), parcel("a1", g.ada), due_ms=NOW))
    await g.cellar.commit(mail(parcel("b1", g.bo)))
    await g.cellar.commit(mail(parcel("a2", g.ada, urgency="reply"), parcel("a3", g.ada, urgency="reply")))
    # A notice keeps its place before the question that was written after it, and leaves when that one may.
    for row in ("a2", "a3", "b1", "n1", "a1"):
        assert await rows_claimed(g, limit=1) == [row]
        await send(g, row)


async def test_what_was_sealed_goes_before_others_of_its_rank_but_not_before_a_reply(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("a1", g.ada), due_ms=NOW + 1))
    assert await rows_claimed(g, NOW + 1) == ["a1"]
    await g.cellar.seal(RowId("a1"), "!room", b"sealed")
    await g.cellar.postpone(RowId("a1"), NOW + 2, "429", failed=False)
    await g.cellar.commit(mail(parcel("a2", g.ada), parcel("b1", g.bo)))
    assert await rows_claimed(g, NOW + 2, limit=1) == ["a1"]
    await g.cellar.postpone(RowId("a1"), NOW + 2, "429", failed=False)
    await g.cellar.commit(mail(parcel("a3", g.ada, urgency="reply")))
    assert await rows_claimed(g, NOW + 2, limit=1) == ["a3"]


async def test_only_so_many_that_nobody_waits_for_are_claimed_at_once(g: Ground) -> None:
    await g.cellar.commit(
        mail(parcel("a1", g.ada), post("s1", g.circle), parcel("b1", g.bo, urgency="reply"))
    )
    claimed = await g.cellar.claim(NOW, LEASE, 10, 1)
    assert [journey.parcel.row for journey in claimed] == ["b1", "a1"]
    assert await g.cellar.claim(NOW, LEASE, 10, 0) == []
    assert await rows_claimed(g) == ["s1"]


async def test_within_a_rank_rooms_take_turns(g: Ground) -> None:
    await g.cellar.commit(mail(*(parcel(f"a{n}", g.ada) for n in range(3))))
    await g.cellar.commit(mail(*(parcel(f"b{n}", g.bo) for n in range(3))))
    order = []
    for _ in range(6):
        order += await rows_claimed(g, limit=1)
        await send(g, order[-1])
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


async def test_what_has_waited_a_quarter_of_an_hour_moves_up_a_rank(g: Ground) -> None:
    await g.cellar.commit(mail(post("s1", g.circle), due_ms=NOW))
    late = NOW + MOVES_UP_AFTER_MS
    await g.cellar.commit(mail(parcel("a1", g.ada), due_ms=late))
    assert await rows_claimed(g, late, limit=1) == ["s1"]
    await g.cellar.postpone(RowId("s1"), late, "later", failed=False)
    assert await rows_claimed(g, late, limit=1) == ["a1"]


async def test_a_lease_that_has_run_out_gives_the_parcel_to_the_next(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada)))
    assert await rows_claimed(g) == ["r1"]
    assert await rows_claimed(g, NOW + LEASE - 1) == []
    assert await rows_claimed(g, NOW + LEASE) == ["r1"]


async def test_what_was_sealed_is_in_flight_until_it_is_confirmed(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("b1", g.bo)))
    await rows_claimed(g)
    assert await g.cellar.in_flight() == []
    await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    (journey,) = await g.cellar.in_flight()
    assert (journey.parcel.row, journey.transaction) == ("r1", "txn-r1")
    assert (journey.sealed, journey.room) == (b"ciphertext", "!room")
    (again,) = await g.cellar.claim(NOW + LEASE, LEASE, 1)
    assert again == journey
    await g.cellar.mark_sent(RowId("r1"), "$e", NOW)
    assert await g.cellar.in_flight() == []
    assert await g.cellar.sent_event(RowId("r1")) == ("!room", "$e")


async def test_a_parcel_that_has_not_been_sent_has_no_event(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    assert await g.cellar.sent_event(RowId("r1")) is None
    assert await g.cellar.sent_event(RowId("nothing")) is None


async def test_a_failed_attempt_is_counted_and_a_wait_is_not(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.postpone(RowId("r1"), NOW + 5, "quiet hours", failed=False)
    assert await rows_claimed(g) == []
    (journey,) = await g.cellar.claim(NOW + 5, LEASE, 1)
    assert journey.attempts == 0
    await g.cellar.postpone(RowId("r1"), NOW + 6, "M_LIMIT_EXCEEDED", failed=True)
    (journey,) = await g.cellar.claim(NOW + 6, LEASE, 1)
    assert journey.attempts == 1


async def test_a_second_try_carries_what_was_sealed_for_the_first(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    await g.cellar.postpone(RowId("r1"), NOW, "502", failed=True)
    (journey,) = await g.cellar.claim(NOW, LEASE, 1)
    assert (journey.sealed, journey.room, journey.attempts) == (b"ciphertext", "!room", 1)


async def test_what_waits_for_a_person_goes_on_when_they_are_released(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("b1", g.bo)))
    await rows_claimed(g)
    await g.cellar.postpone(RowId("r1"), None, "not in the room yet", failed=False)
    await g.cellar.postpone(RowId("b1"), None, "not in the room yet", failed=False)
    assert await rows_claimed(g, NOW + WEEK_MS) == []
    assert await g.cellar.next_parcel_ms() is None
    await g.cellar.commit(Changes(released={g.ada}))
    assert await rows_claimed(g) == ["r1"]


async def test_a_pause_that_ends_early_frees_what_waited_for_its_end(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.postpone(RowId("r1"), NOW + WEEK_MS, "paused", failed=False)
    await g.cellar.commit(Changes(released={g.ada}))
    assert await rows_claimed(g) == ["r1"]


async def test_what_comes_with_a_letter_makes_no_sound_and_costs_no_budget(g: Ground) -> None:
    loud = Message(lines=(Phrase("rsvp.say"),), mention=True)
    for row in ("r1", "r2", "r3"):
        await g.cellar.commit(mail(parcel(row, g.ada, message=loud, target=target(row)), due_ms=NOW))
    await g.cellar.commit(mail(parcel("b1", g.bo, message=loud), due_ms=NOW))
    await g.cellar.commit(Changes(gathered=[Gathered(g.ada, NOW + 5, sparing=1)]))
    found = {}
    for _ in range(4):
        for journey in await g.cellar.claim(NOW + 5, LEASE, 1):
            found[journey.parcel.row] = (journey.parcel.urgency, journey.parcel.message.mention)
            await send(g, journey.parcel.row)
    hushed = ("quiet", False)
    assert found == {"r1": ("timely", True), "b1": ("timely", True), "r2": hushed, "r3": hushed}
    assert len((await g.cellar.standing(g.ada, NOW + 6)).timely_sent_ms) == 1


async def test_what_is_on_its_way_already_is_left_as_it_is_by_a_letter(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), due_ms=NOW))
    await rows_claimed(g)
    await g.cellar.commit(Changes(gathered=[Gathered(g.ada, NOW + 5)]))
    await g.cellar.postpone(RowId("r1"), NOW, "budget", failed=False)
    (journey,) = await g.cellar.claim(NOW, LEASE, 1)
    assert journey.parcel.urgency == "timely"


async def test_a_letter_brings_nothing_before_its_not_before(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, not_before_ms=NOW + 100), due_ms=NOW))
    await g.cellar.commit(Changes(gathered=[Gathered(g.ada, NOW + 5)]))
    assert await rows_claimed(g, NOW + 99) == []
    assert await rows_claimed(g, NOW + 100) == ["r1"]


async def test_a_release_does_not_bring_anything_before_its_not_before(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, not_before_ms=NOW + 9), due_ms=NOW + 9))
    await g.cellar.commit(Changes(released={g.ada}))
    assert await rows_claimed(g) == []
    assert await g.cellar.next_parcel_ms() == NOW + 9


async def test_a_release_while_the_parcel_is_being_looked_at_is_not_lost(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.commit(Changes(released={g.ada}))
    await g.cellar.postpone(RowId("r1"), None, "not in the room yet", failed=False)
    assert await rows_claimed(g) == ["r1"]
    await g.cellar.postpone(RowId("r1"), None, "not in the room yet", failed=False)
    assert await rows_claimed(g) == []


async def test_a_withdrawn_parcel_never_leaves(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada)))
    await g.cellar.commit(Changes(withdrawn=[RowId("r1"), RowId("nothing")]))
    assert await rows_claimed(g) == ["r2"]


async def test_a_parcel_withdrawn_while_it_was_leased_cannot_be_sealed(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.commit(Changes(withdrawn=[RowId("r1")]))
    with pytest.raises(Conflict):
        await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    await g.cellar.postpone(RowId("r1"), NOW, "later", failed=False)
    await g.cellar.bury(RowId("r1"), "late", NOW, dead=True)
    assert await rows_claimed(g) == []


async def test_what_was_sealed_cannot_be_withdrawn_for_it_may_be_in_the_room(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    await g.cellar.commit(Changes(withdrawn=[RowId("r1")]))
    assert [journey.parcel.row for journey in await g.cellar.in_flight()] == ["r1"]


@pytest.mark.parametrize("first", ["echo", "mark"])
async def test_echo_and_mark_confirm_once_whichever_comes_first(g: Ground, first: str) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada, replies=RowId("r1"))))
    await rows_claimed(g)
    await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    echo = Changes(echoes=[("txn-r1", "$e", NOW), ("somebody else's", "$x", NOW)])
    for way in (first, "mark" if first == "echo" else "echo"):
        if way == "echo":
            await g.cellar.commit(echo)
        else:
            await g.cellar.mark_sent(RowId("r1"), "$e", NOW + 7)
        assert await g.cellar.sent_event(RowId("r1")) == ("!room", "$e")
        assert await g.cellar.in_flight() == []
    when = NOW if first == "echo" else NOW + 7
    assert (await g.cellar.standing(g.ada, NOW + 8)).timely_sent_ms == (when,)
    assert await rows_claimed(g) == ["r2"]


async def test_the_proof_that_it_is_in_the_room_outweighs_that_it_was_given_up(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada)))
    await rows_claimed(g)
    await g.cellar.seal(RowId("r1"), "!room", b"ciphertext")
    await g.cellar.bury(RowId("r1"), "too many attempts", NOW, dead=True)
    assert await g.cellar.in_flight() == []
    await g.cellar.commit(Changes(echoes=[("txn-r1", "$e", NOW)]))
    assert await g.cellar.sent_event(RowId("r1")) == ("!room", "$e")


async def test_what_is_over_cannot_be_put_off_or_buried(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada)))
    await rows_claimed(g)
    await send(g, "r1")
    await g.cellar.postpone(RowId("r1"), NOW, "late", failed=True)
    await g.cellar.bury(RowId("r1"), "late", NOW, dead=False)
    with pytest.raises(Conflict):
        await g.cellar.seal(RowId("r1"), "!room", b"again")
    assert await rows_claimed(g) == []
    assert await g.cellar.sent_event(RowId("r1")) == ("!room", "$event-r1")


async def test_a_parcel_that_is_not_there_cannot_be_sealed_and_needs_nothing_else(g: Ground) -> None:
    with pytest.raises(Conflict):
        await g.cellar.seal(RowId("nothing"), "!room", b"")
    await g.cellar.mark_sent(RowId("nothing"), "$e", NOW)
    await g.cellar.postpone(RowId("nothing"), NOW, "why", failed=True)
    await g.cellar.bury(RowId("nothing"), "why", NOW, dead=True)


async def test_the_next_moment_counts_only_what_could_be_claimed_then(g: Ground) -> None:
    assert await g.cellar.next_parcel_ms() is None
    await g.cellar.commit(mail(parcel("r1", g.ada), due_ms=NOW + 5))
    await g.cellar.commit(mail(parcel("r2", g.ada, edits=RowId("r1")), due_ms=NOW))
    await g.cellar.commit(mail(parcel("b1", g.bo), due_ms=NOW + 9))
    assert await g.cellar.next_parcel_ms() == NOW + 5
    assert await rows_claimed(g, NOW + 5) == ["r1"]
    assert await g.cellar.next_parcel_ms() == NOW + 9
    assert await rows_claimed(g, NOW + 9) == ["b1"]
    assert await g.cellar.next_parcel_ms() == NOW + 5 + LEASE
    await g.cellar.mark_sent(RowId("r1"), "$e", NOW)
    assert await g.cellar.next_parcel_ms() == NOW


# ── what was sent ────────────────────────────────────────────────────────────


async def test_a_sent_prompt_is_known_by_its_event(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, target=target("r1")), parcel("b1", g.bo)))
    await g.cellar.commit(mail(post("s1", g.circle, target=target("s1"), about=I1)))
    await rows_claimed(g)
    for row in ("r1", "b1", "s1"):
        await send(g, row)
    events = frozenset({"$event-r1", "$event-b1", "$event-s1", "$unknown"})
    found = await g.cellar.load(Want(events=events))
    assert found.targets == {"$event-r1": target("r1"), "$event-s1": target("s1")}


async def test_only_prompts_that_are_in_the_room_count_as_delivered(g: Ground) -> None:
    prompts = (prompt("r1"), prompt("r2"))
    await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, prompts=prompts), 0)}))
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada)))
    want = Want(delivered=frozenset({g.ada, g.bo}))
    assert (await g.cellar.load(want)).delivered == {g.ada: frozenset()}
    await rows_claimed(g)
    await send(g, "r1")
    found = await g.cellar.load(want)
    assert found.delivered == {g.ada: {"r1"}}
    assert found.desks == {}


async def test_standing_tells_consent_rhythm_and_the_weeks_timely_messages(g: Ground) -> None:
    rhythm = Rhythm("Europe/Vienna", 22, 8)
    await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, consent="when_invited", rhythm=rhythm), 0)}))
    sent = {"old": NOW - WEEK_MS, "second": NOW - 5, "first": NOW - DAY_MS, "quiet": NOW - 4, "edit": NOW - 3}
    sent |= {"back": NOW - 2, "back-event": NOW - 2}
    await g.cellar.commit(
        mail(
            parcel("old", g.ada),
            parcel("second", g.ada),
            parcel("first", g.ada),
            parcel("quiet", g.ada, urgency="quiet"),
            parcel("edit", g.ada, edits=RowId("old")),
            parcel("back", g.ada, redacts=RowId("old")),
            parcel("back-event", g.ada, redacts_event="$hers"),
            parcel("other", g.bo),
        )
    )
    for row, at_ms in sent.items():
        await g.cellar.mark_sent(RowId(row), f"${row}", at_ms)
    await g.cellar.mark_sent(RowId("other"), "$other", NOW)
    found = await g.cellar.standing(g.ada, NOW)
    assert found == Standing("when_invited", rhythm, False, (NOW - DAY_MS, NOW - 5))


async def test_of_a_stranger_nothing_is_known(g: Ground) -> None:
    assert await g.cellar.standing(g.ada, NOW) == Standing("unknown", Rhythm(), False)


async def test_what_somebody_has_not_chosen_of_their_rhythm_is_as_is_usual(g: Ground) -> None:
    own = OwnRhythm(quiet_hours=(20, 6))
    await g.cellar.commit(Changes(desks={g.ada: (desk(g.ada, own_rhythm=own), 0)}))
    usual = Rhythm("Europe/Vienna", 22, 8)
    assert (await g.cellar.standing(g.ada, NOW, usual)).rhythm == Rhythm("Europe/Vienna", 20, 6)
    assert (await g.cellar.standing(g.bo, NOW, usual)).rhythm == usual


# ── names and texts ──────────────────────────────────────────────────────────


async def test_a_person_keeps_their_id_and_it_is_not_their_name(g: Ground) -> None:
    assert await g.cellar.person("@ada:example.org") == g.ada
    assert len({g.ada, g.bo}) == 2
    assert len(g.ada) == 32
    assert "ada" not in g.ada
    assert await g.cellar.matrix_id(g.ada) == "@ada:example.org"
    assert await g.cellar.matrix_id(PersonId("nobody")) is None


async def test_a_circle_is_known_by_its_room_and_keeps_its_id_when_renamed(g: Ground) -> None:
    assert await g.cellar.ensure_circle("!circle:example.org", "The orchard") == g.circle
    other = await g.cellar.ensure_circle("!other:example.org", "The mill")
    assert await g.cellar.circle("!circle:example.org") == g.circle
    assert await g.cellar.circle("!nowhere:example.org") is None
    assert await g.cellar.room_of(other) == "!other:example.org"
    assert await g.cellar.circles() == {g.circle: "The orchard", other: "The mill"}
    with pytest.raises(LookupError):
        await g.cellar.room_of(CircleId("nowhere"))


async def test_a_text_is_kept_until_its_end_date_and_no_longer(g: Ground) -> None:
    largest = "ü" * (32 * 1024)
    texts = [text_row("t1", g.ada, largest, 100), text_row("t2", g.ada, "short", 200)]
    await g.cellar.commit(Changes(texts=texts))
    assert await g.cellar.text(TextId("t1")) == largest
    assert await let_end(g.cellar, 99) == 0
    assert await let_end(g.cellar, 100) == 1
    assert await g.cellar.text(TextId("t1")) is None
    assert await g.cellar.text(TextId("t2")) == "short"


async def test_the_end_date_of_a_text_can_be_moved_both_ways(g: Ground) -> None:
    await g.cellar.commit(
        Changes(texts=[text_row("t1", g.ada, "one", 100), text_row("t2", g.ada, "two", 100)])
    )
    await g.cellar.commit(Changes(text_ends={TextId("t1"): 500, TextId("t2"): 50, TextId("gone"): 7}))
    assert await let_end(g.cellar, 60) == 1
    assert await g.cellar.text(TextId("t1")) == "one"


async def test_a_copied_text_has_its_own_end_date_and_goes_with_its_writer(g: Ground) -> None:
    copy = TextCopy(TextId("t1"), TextId("copy"), I2, 500)
    # In one commit with its source, as when somebody's words start something else at once.
    await g.cellar.commit(
        Changes(texts=[text_row("t1", g.ada, "words", 100)], copies=[copy], text_ends={TextId("copy"): 300})
    )
    assert await let_end(g.cellar, 100) == 1
    assert await g.cellar.text(TextId("copy")) == "words"
    assert await let_end(g.cellar, 299) == 0
    await g.cellar.forget(g.ada)
    assert await g.cellar.text(TextId("copy")) is None


async def test_a_released_text_leaves_its_writer_and_its_old_id_for_good(g: Ground) -> None:
    await g.cellar.commit(
        Changes(
            snapshots={I1: (snapshot(g.circle), 0)},
            texts=[text_row("t1", g.ada, "hers"), text_row("t2", g.bo, "his")],
        )
    )
    copies = [TextCopy(TextId(f"t{n}"), TextId(f"mixed{n}"), I1, 500, loose=True) for n in (1, 2)]
    await g.cellar.commit(Changes(copies=copies, text_ends={TextId("t1"): 0, TextId("mixed1"): 400}))
    assert [await g.cellar.text(TextId(f"t{n}")) for n in (1, 2)] == [None, None]
    assert [await g.cellar.text(TextId(f"mixed{n}")) for n in (1, 2)] == ["hers", "his"]
    await g.cellar.forget(g.ada)
    assert await g.cellar.text(TextId("mixed1")) == "hers"
    assert await let_end(g.cellar, 400) == 1
    assert await g.cellar.text(TextId("mixed1")) is None


async def test_what_is_not_there_any_more_is_not_copied(g: Ground) -> None:
    await g.cellar.commit(Changes(texts=[text_row("t1", g.ada, "words")]))
    await g.cellar.forget(g.ada)
    for loose in (False, True):
        await g.cellar.commit(Changes(copies=[TextCopy(TextId("t1"), TextId("copy"), I1, 500, loose=loose)]))
        assert await g.cellar.text(TextId("copy")) is None


async def test_a_knock_counts_as_delivered_like_a_question(g: Ground) -> None:
    knocking = replace(prompt("r1"), knock=RowId("k1"))
    await g.cellar.commit(
        Changes(desks={g.ada: (desk(g.ada, prompts=(knocking,)), 0)}, parcels=[new(parcel("k1", g.ada))])
    )
    want = Want(delivered=frozenset({g.ada}))
    assert (await g.cellar.load(want)).delivered[g.ada] == frozenset()
    await g.cellar.claim(NOW, LEASE, 1)
    await send(g, "k1")
    assert (await g.cellar.load(want)).delivered[g.ada] == frozenset({RowId("k1")})


async def test_a_text_written_again_replaces_itself(g: Ground) -> None:
    for body, until_ms in (("one", 100), ("two", 300)):
        await g.cellar.commit(Changes(texts=[text_row("t1", g.ada, body, until_ms)]))
    assert await let_end(g.cellar, 200) == 0
    assert await g.cellar.text(TextId("t1")) == "two"


async def test_of_a_forgotten_person_only_references_remain(g: Ground) -> None:
    await g.cellar.commit(
        Changes(
            snapshots={I1: (snapshot(g.circle), 0)},
            desks={g.ada: (desk(g.ada), 0)},
            parts=[(I1, "p1", g.ada), (I1, "p2", g.bo)],
            journal=[instance_line(1), desk_line(1, g.ada)],
            timers={(f"d/{g.ada}", "a"): TimerRow(f"d/{g.ada}", "a", 0, 5)},
            texts=[text_row("t1", g.ada, "hers"), text_row("t2", g.bo, "his")],
            inbox=[ToDesk(id="e", occurred_ms=1, person=g.ada, event=Refused())],
            set_aside=[SetAside(Spoken(id="$1", occurred_ms=1, person=g.ada, body="hers"), "E", 5)],
            parcels=[new(parcel("r1", g.ada)), new(parcel("b1", g.bo))],
        )
    )
    await g.cellar.forget(g.ada)
    assert await g.cellar.matrix_id(g.ada) is None
    assert await g.cellar.people_of(I1) == ("", g.bo)
    found = await g.cellar.load(Want(instances=frozenset({I1}), desks=frozenset({g.ada})))
    assert (found.desks, found.people, set(found.snapshots)) == ({}, {I1: ("", g.bo)}, {I1})
    assert await g.cellar.text(TextId("t1")) is None
    assert await g.cellar.text(TextId("t2")) == "his"
    assert await g.cellar.journal(f"d/{g.ada}") == []
    assert await g.cellar.next_timer_ms() is None
    assert await g.cellar.waiting_inbox(9) == []
    assert await g.cellar.quarantined() == []
    assert await rows_claimed(g) == ["b1"]
    assert await g.cellar.person("@ada:example.org") != g.ada


# ── definitions and views ────────────────────────────────────────────────────


def definition(title: str = "Invitation") -> Definition:
    states = {"open": StateDef("open", final=True)}
    return Definition("invitation", title, "", "d1", "invite", (), {}, {}, states, "open", {"a": title}, {})


async def test_a_definition_is_found_by_its_digest_and_its_wording_can_be_improved(g: Ground) -> None:
    assert await g.cellar.definition("d1") is None
    await g.cellar.put_definition(definition(), "source")
    assert await g.cellar.definition("d1") == definition()
    await g.cellar.put_definition(definition("A kinder invitation"), "source 2")
    assert await g.cellar.definition("d1") == definition("A kinder invitation")


async def test_a_circle_that_moves_keeps_its_id_and_what_runs_in_it(g: Ground) -> None:
    await g.cellar.commit(Changes(snapshots={I1: (snapshot(g.circle), 0)}))
    for _ in range(2):
        assert await g.cellar.move_circle(g.circle, "!new:example.org")
    assert await g.cellar.room_of(g.circle) == "!new:example.org"
    assert await g.cellar.circle("!new:example.org") == g.circle
    assert await g.cellar.circle("!circle:example.org") is None
    assert [each.id for each in await g.cellar.open_instances(g.circle)] == [I1]
    assert await g.cellar.circles() == {g.circle: "The garden"}


async def test_a_circle_does_not_move_where_another_is_and_an_unknown_one_not_at_all(g: Ground) -> None:
    other = await g.cellar.ensure_circle("!other:example.org", "The mill")
    assert not await g.cellar.move_circle(g.circle, "!other:example.org")
    assert await g.cellar.room_of(g.circle) == "!circle:example.org"
    assert await g.cellar.room_of(other) == "!other:example.org"
    with pytest.raises(LookupError, match="nobody"):
        await g.cellar.move_circle(CircleId("nobody"), "!third:example.org")


async def test_only_open_instances_of_the_circle_are_listed_the_oldest_first(g: Ground) -> None:
    other = await g.cellar.ensure_circle("!other:example.org", "The mill")
    ids = [InstanceId(str(n) * 32) for n in range(3, 7)]
    mine = [
        snapshot(g.circle, ids[0], started_ms=20),
        snapshot(g.circle, ids[1], started_ms=10),
        snapshot(g.circle, ids[2], started_ms=5, finished_ms=6),
        snapshot(other, ids[3], started_ms=1),
    ]
    await g.cellar.commit(Changes(snapshots={s.id: (s, 0) for s in mine}))
    assert await g.cellar.open_instances(g.circle) == [mine[1], mine[0]]


async def test_what_a_circle_runs_by_is_told_once_for_each_definition_and_never_of_what_ended(
    g: Ground,
) -> None:
    other = await g.cellar.ensure_circle("!other:example.org", "The mill")
    running = [("d1", None, g.circle), ("d1", None, g.circle), ("d2", None, g.circle), ("d0", None, g.circle)]
    rest = [("d3", 7, g.circle), ("d4", None, other)]
    all_of_them = [
        replace(snapshot(circle, InstanceId(str(n) * 32), finished_ms=ended_ms), definition=digest)
        for n, (digest, ended_ms, circle) in enumerate([*running, *rest])
    ]
    await g.cellar.commit(Changes(snapshots={s.id: (s, 0) for s in all_of_them}))
    assert sorted(await g.cellar.running_definitions(g.circle)) == ["d0", "d1", "d2"]
    assert await g.cellar.running_definitions(other) == ["d4"]
    assert await g.cellar.open_instances(g.circle, ["d2", "d0", "d3"]) == [all_of_them[2], all_of_them[3]]
    assert await g.cellar.open_instances(g.circle, []) == []


async def test_a_circle_where_nothing_runs_runs_by_nothing(g: Ground) -> None:
    assert await g.cellar.running_definitions(g.circle) == []


async def test_timers_of_one_moment_come_due_in_the_same_order_every_time_and_no_more_than_asked(
    g: Ground,
) -> None:
    timers = [TimerRow(f"i/{n}", name, 0, 50) for n in (2, 1) for name in ("b", "a")]
    late = TimerRow("i/0", "a", 0, 51)
    await g.cellar.commit(Changes(timers={(t.actor, t.name): t for t in [*timers, late]}))
    assert await g.cellar.due_timers(51, 3) == [timers[3], timers[2], timers[1]]
    assert await g.cellar.due_timers(50, 9) == [timers[3], timers[2], timers[1], timers[0]]
    assert await g.cellar.next_timer_ms() == 50


async def test_a_journal_reads_as_it_was_written_whoever_wrote_it(g: Ground) -> None:
    lines = [instance_line(2), instance_line(1), desk_line(1, g.ada), instance_line(1, I2)]
    await g.cellar.commit(Changes(journal=lines))
    assert await g.cellar.journal(f"i/{I1}") == [instance_line(1), instance_line(2)]
    assert await g.cellar.journal(f"d/{g.ada}") == [desk_line(1, g.ada)]
    assert await g.cellar.journal("i/nothing") == []


async def test_the_ids_of_long_ago_are_forgotten_and_the_others_are_not(g: Ground) -> None:
    await g.cellar.commit(Changes(seen={"old": 1_000, "new": 2_000}))
    assert await g.cellar.forget_seen(2_000) == 1
    loaded = await g.cellar.load(Want(ids=frozenset({"old", "new"})))
    assert loaded.seen == {"new"}


async def test_the_bridges_rows_are_kept_changed_and_deleted(g: Ground) -> None:
    await g.cellar.commit(Changes(kept=[KeptRow("sync", "", b"s1"), KeptRow("room", "!a", b"\x00\xff")]))
    await g.cellar.commit(Changes(kept=[KeptRow("sync", "", b"s2"), KeptRow("room", "!a", None)]))
    await g.cellar.commit(Changes(kept=[KeptRow("room", "!never", None)]))
    assert await g.cellar.kept() == {("sync", ""): b"s2"}


async def test_within_one_commit_the_last_word_on_a_bridges_row_counts(g: Ground) -> None:
    await g.cellar.commit(Changes(kept=[KeptRow("a", "", b"1")]))
    await g.cellar.commit(
        Changes(
            kept=[
                KeptRow("a", "", b"2"),
                KeptRow("a", "", None),
                KeptRow("b", "", None),
                KeptRow("b", "", b"3"),
            ]
        )
    )
    assert await g.cellar.kept() == {("b", ""): b"3"}


async def test_a_parcel_laid_in_and_withdrawn_in_one_commit_never_leaves(g: Ground) -> None:
    changes = mail(parcel("r1", g.ada))
    changes.withdrawn.append(RowId("r1"))
    await g.cellar.commit(changes)
    assert await rows_claimed(g) == []
