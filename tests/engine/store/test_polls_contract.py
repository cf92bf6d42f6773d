"""What every store keeps to about polls: they take nothing of the budget, and they are found again to be taken back."""

from __future__ import annotations

from engine.core.message import Message, Phrase, Text
from engine.core.values import RowId, TextId
from engine.runtime.ports import Changes
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import mail, parcel
from tests.engine.store.test_cellar_contract import NOW, rows_claimed, send

QUOTES = Message(lines=(Phrase("proposal.say", slots={"what": Text(TextId("t1"))}),), poll=True)


async def polled(g: Ground) -> None:
    """A question and its poll have been sent to Ada; both quote a text."""
    question = parcel("r1", g.ada, message=QUOTES)
    await g.cellar.commit(mail(question, parcel("r2", g.ada, message=QUOTES, polls=RowId("r1"))))
    for row in ("r1", "r2"):
        assert await rows_claimed(g) == [row]
        await send(g, row)


async def test_a_poll_takes_nothing_of_the_budget(g: Ground) -> None:
    await polled(g)
    assert len((await g.cellar.standing(g.ada, NOW + 1)).timely_sent_ms) == 1


async def test_a_poll_goes_with_everything_that_was_written_to_somebody(g: Ground) -> None:
    await polled(g)
    assert [placed.row for placed in await g.cellar.rows_sent_to(g.ada)] == ["r1", "r2"]


async def test_a_poll_goes_with_the_text_it_quotes(g: Ground) -> None:
    await polled(g)
    assert [placed.row for placed in await g.cellar.rows_carrying([TextId("t1")])] == ["r1", "r2"]


async def test_the_end_of_a_poll_that_never_left_never_leaves(g: Ground) -> None:
    await g.cellar.commit(mail(parcel("r1", g.ada), parcel("r2", g.ada, polls=RowId("r1"))))
    await rows_claimed(g)
    await send(g, "r1")
    await g.cellar.commit(
        Changes(parcels=mail(parcel("r3", g.ada, ends=RowId("r2"))).parcels, withdrawn=[RowId("r2")])
    )
    assert await rows_claimed(g) == []
    assert await g.cellar.next_parcel_ms() is None
