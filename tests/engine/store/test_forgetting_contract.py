"""What every cellar promises about what fades, what is taken back, who leaves, and what a circle has agreed on."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.message import Message, Option, Phrase, Said, Text
from engine.core.parcel import Direct, Parcel, Shared
from engine.core.values import PersonId, RowId, TextId
from engine.runtime.ports import Adoption, BadData, Changes, Placed, TextKept
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import I1, I2, mail, new, parcel, post, snapshot, text_row

NOW = 1_000_000
LEASE = 1_000


def saying(*texts: str) -> Message:
    """A message in which texts stand written out, each in another place of it."""
    first, *rest = (Text(TextId(text)) for text in texts)
    inner = Said("label", slots={str(n): text for n, text in enumerate(rest)})
    option = Option("yes", "", Phrase("yes", slots={"what": inner}))
    return Message(lines=(Phrase("hello"), Phrase("say", slots={"what": first})), options=(option,))


def back(row: str, to: PersonId, **more: Any) -> Parcel:
    return parcel(f"{row}:back", to, redacts=RowId(row), urgency="safety", message=Message(), **more)


async def sent(g: Ground, *parcels: Parcel) -> None:
    await g.cellar.commit(mail(*parcels))
    for each in parcels:
        await g.cellar.seal(each.row, "!room", b"sealed")
        await g.cellar.mark_sent(each.row, f"${each.row}", NOW)


async def carrying(g: Ground, *texts: str) -> list[str]:
    return [str(placed.row) for placed in await g.cellar.rows_carrying([TextId(text) for text in texts])]


async def standing(g: Ground, person: PersonId) -> list[str]:
    return [str(placed.row) for placed in await g.cellar.rows_sent_to(person)]


# ── texts, and the messages that carry them ──────────────────────────────────


async def test_texts_past_their_end_come_the_oldest_first_and_go_when_they_are_told_to(g: Ground) -> None:
    texts = [
        text_row("late", g.ada, "l", 90),
        text_row("early", g.bo, "e", 50),
        text_row("not", g.ada, "n", 101),
    ]
    await g.cellar.commit(Changes(texts=texts))
    assert await g.cellar.ended_texts(100, 9) == ["early", "late"]
    assert await g.cellar.ended_texts(100, 1) == ["early"]
    assert await g.cellar.text(TextId("early")) == "e"
    await g.cellar.commit(Changes(faded=[TextId("early"), TextId("late"), TextId("never there")]))
    assert await g.cellar.ended_texts(100, 9) == []
    assert [await g.cellar.text(text.id) for text in texts] == [None, None, "n"]


async def test_the_texts_of_a_person_are_told_without_their_words(g: Ground) -> None:
    await g.cellar.commit(
        Changes(
            texts=[
                text_row("b", g.ada, "two", 90),
                text_row("a", g.ada, "one", 50),
                text_row("c", g.bo, "x", 7),
            ]
        )
    )
    assert await g.cellar.texts_of(g.ada) == [TextKept(TextId("a"), I1, 50), TextKept(TextId("b"), I1, 90)]
    assert await g.cellar.texts_of(PersonId("nobody")) == []


async def test_a_message_is_found_by_every_text_that_stands_in_it(g: Ground) -> None:
    await sent(g, parcel("r1", g.ada, message=saying("t1", "t2", "t3")), post("s1", g.circle))
    await sent(
        g,
        Parcel(RowId("s2"), Shared(g.circle), "post", saying("t3")),
        parcel("r2", g.bo, message=saying("t9")),
    )
    assert await carrying(g, "t1") == ["r1"]
    assert await carrying(g, "t2") == ["r1"]
    assert await g.cellar.rows_carrying([TextId("t2"), TextId("t3")]) == [
        Placed(RowId("r1"), Direct(g.ada)),
        Placed(RowId("s2"), Shared(g.circle)),
    ]
    assert await carrying(g) == []
    assert await carrying(g, "nothing") == []


async def test_an_edit_carries_texts_of_its_own(g: Ground) -> None:
    await sent(g, parcel("r1", g.ada, message=saying("t1")))
    await sent(g, parcel("r2", g.ada, message=saying("t1", "t2"), edits=RowId("r1")))
    assert await carrying(g, "t1") == ["r1", "r2"]
    assert await carrying(g, "t2") == ["r2"]


async def test_only_what_is_in_a_room_or_may_be_just_now_is_found(g: Ground) -> None:
    await g.cellar.commit(mail(*(parcel(row, g.ada, message=saying("t1")) for row in ("r1", "r2", "r3"))))
    await g.cellar.commit(mail(parcel("b1", g.bo, message=saying("t1"))))
    assert await carrying(g, "t1") == []
    await g.cellar.claim(NOW, LEASE, 9)
    assert await carrying(g, "t1") == ["r1", "b1"]
    assert await standing(g, g.ada) == ["r1"]
    await g.cellar.bury(RowId("b1"), "why", NOW, dead=True)
    await g.cellar.postpone(RowId("r1"), None, "not there", failed=False)
    assert await carrying(g, "t1") == []
    await g.cellar.seal(RowId("r2"), "!room", b"sealed")
    assert await carrying(g, "t1") == ["r2"]
    await g.cellar.mark_sent(RowId("r2"), "$r2", NOW)
    assert await carrying(g, "t1") == ["r2"]


async def test_what_is_taken_back_once_is_not_found_again(g: Ground) -> None:
    await sent(g, parcel("r1", g.ada, message=saying("t1", "t2")), parcel("r2", g.ada, message=saying("t1")))
    await g.cellar.commit(mail(back("r1", g.ada)))
    assert await carrying(g, "t1", "t2") == ["r2"]
    assert await standing(g, g.ada) == ["r2"]


async def test_what_was_taken_back_while_it_was_being_sealed_is_not_found_again(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, message=saying("t1"))))
    await g.cellar.claim(NOW, LEASE, 9)
    await g.cellar.commit(mail(back("r1", g.ada)))
    await g.cellar.seal(RowId("r1"), "!room", b"sealed", [TextId("t2")])
    assert await carrying(g, "t1", "t2") == []


async def test_words_that_were_brought_while_sealing_count_as_carried(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada, message=saying("t1"))))
    await g.cellar.claim(NOW, LEASE, 9)
    await g.cellar.seal(RowId("r1"), "!room", b"sealed", [TextId("t2"), TextId("t3")])
    assert [await carrying(g, text) for text in ("t1", "t2", "t3")] == [["r1"]] * 3


async def test_a_text_that_is_gone_is_carried_by_nothing(g: Ground) -> None:
    await g.cellar.commit(Changes(texts=[text_row("t1", g.ada, "one", 50), text_row("t2", g.ada, "two", 50)]))
    await sent(g, parcel("r1", g.ada, message=saying("t1", "t2")))
    await g.cellar.commit(Changes(faded=[TextId("t1")]))
    assert await carrying(g, "t1") == []
    assert await carrying(g, "t2") == ["r1"]


async def test_the_messages_in_somebodys_room_are_found_and_nothing_else(g: Ground) -> None:
    await sent(
        g,
        parcel("r1", g.ada),
        parcel("r2", g.ada, edits=RowId("r1")),
        parcel("r3", g.ada, reacts=RowId("r1"), emoji="👍"),
        parcel("r4", g.ada, redacts_event="$hers", message=Message()),
        back("r2", g.ada),
        parcel("b1", g.bo),
        post("s1", g.circle),
    )
    await g.cellar.commit(mail(parcel("r5", g.ada), due_ms=NOW + 1))
    assert await g.cellar.rows_sent_to(g.ada) == [Placed(RowId("r1"), Direct(g.ada))]
    assert await standing(g, g.bo) == ["b1"]


# ── leaving ──────────────────────────────────────────────────────────────────


async def test_whoever_leaves_gets_nothing_more_but_what_is_taken_back_and_told_with_it(g: Ground) -> None:
    await sent(g, parcel("r1", g.ada), parcel("r2", g.ada))
    await g.cellar.commit(mail(back("r1", g.ada)))
    await g.cellar.commit(
        mail(parcel("later", g.ada), parcel("edit", g.ada, edits=RowId("later")), due_ms=NOW + 9)
    )
    await g.cellar.commit(mail(parcel("b1", g.bo)))
    await g.cellar.commit(
        Changes(parcels=[new(back("r2", g.ada)), new(parcel("done", g.ada))], leaving=[g.ada])
    )
    assert await g.cellar.leaving() == []
    for row in ("r1:back", "r2:back", "done"):
        claimed = [j.parcel.row for j in await g.cellar.claim(NOW + 20, LEASE, 9) if j.parcel.row != "b1"]
        assert claimed == [row]
        assert await g.cellar.leaving() == []
        await g.cellar.seal(RowId(row), "!room", b"sealed")
        assert await g.cellar.leaving() == []
        await g.cellar.mark_sent(RowId(row), f"${row}", NOW)
    assert await g.cellar.leaving() == [g.ada]
    await g.cellar.forget(g.ada)
    assert await g.cellar.leaving() == []


async def test_what_waits_until_somebody_is_back_holds_nobody_who_leaves(g: Ground) -> None:
    await g.cellar.commit(Changes(parcels=[new(parcel("done", g.ada))], leaving=[g.ada]))
    await g.cellar.claim(NOW, LEASE, 9)
    await g.cellar.postpone(RowId("done"), None, "not in the room", failed=False)
    assert await g.cellar.leaving() == [g.ada]


async def test_leaving_twice_is_leaving_once(g: Ground) -> None:
    for _ in range(2):
        await g.cellar.commit(Changes(leaving=[g.ada]))
    await g.cellar.commit(Changes(leaving=[g.bo]))
    assert sorted(await g.cellar.leaving()) == sorted([g.ada, g.bo])
    await g.cellar.forget(g.ada)
    await g.cellar.forget(g.ada)
    assert await g.cellar.leaving() == [g.bo]


async def test_of_the_messages_of_a_forgotten_person_nothing_is_found(g: Ground) -> None:
    await g.cellar.commit(Changes(texts=[text_row("t1", g.ada, "hers")]))
    await sent(g, parcel("r1", g.ada, message=saying("t1")), parcel("b1", g.bo, message=saying("t1", "t2")))
    await g.cellar.commit(mail(back("r1", g.ada)))
    await g.cellar.forget(g.ada)
    assert await standing(g, g.ada) == []
    assert await g.cellar.texts_of(g.ada) == []
    assert await carrying(g, "t1") == []
    assert await carrying(g, "t2") == ["b1"]


# ── instances, and what was agreed on ────────────────────────────────────────


async def test_the_instances_of_somebody_are_found_running_or_ended_the_oldest_first(g: Ground) -> None:
    over = snapshot(g.circle, I1, started_ms=20, finished_ms=30)
    running = snapshot(g.circle, I2, started_ms=10)
    await g.cellar.commit(
        Changes(
            snapshots={I1: (over, 0), I2: (running, 0)},
            parts=[(I1, "p1", g.bo), (I1, "p2", g.ada), (I2, "p1", g.ada)],
        )
    )
    assert await g.cellar.instances_of(g.ada) == [running, over]
    assert await g.cellar.instances_of(g.bo) == [over]
    await g.cellar.forget(g.ada)
    assert await g.cellar.instances_of(g.ada) == []
    assert await g.cellar.instances_of(g.bo) == [over]


async def test_the_last_word_of_a_circle_on_a_workflow_counts(g: Ground) -> None:
    other = await g.cellar.ensure_circle("!other:example.org", "The mill")
    assert await g.cellar.adopted() == {}
    await g.cellar.commit(
        Changes(adoptions=[Adoption(g.circle, "pulse", True), Adoption(other, "pulse", True)])
    )
    await g.cellar.commit(
        Changes(adoptions=[Adoption(g.circle, "pulse", False), Adoption(g.circle, "role", True)])
    )
    assert await g.cellar.adopted() == {g.circle: {"pulse": False, "role": True}, other: {"pulse": True}}


async def test_a_circle_that_is_not_known_agrees_on_nothing(g: Ground) -> None:
    nowhere = Adoption("nowhere", "pulse", True)  # type: ignore[arg-type]
    with pytest.raises(BadData):
        await g.cellar.commit(Changes(seen={"$a": 1}, adoptions=[nowhere]))
    assert await g.cellar.adopted() == {}
    await g.cellar.commit(Changes(seen={"$a": 1}))
