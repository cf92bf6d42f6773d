"""What the live views show of private matters."""

from __future__ import annotations

from bridge.views import HouseViews
from bridge.wording.render import Hearer
from engine.core.desk import Desk, Prompt
from engine.core.message import Count, Message, Phrase
from engine.core.values import CircleId, InstanceId, RowId
from engine.runtime.ports import Changes, NewParcel
from engine.testing import MemoryStore
from tests.engine.runtime.small_house import Shelf, Village
from tests.engine.store.goods import parcel

PRIVATE = Message(lines=(Phrase("private.say", "d"),), sensitive=True)
PLAIN = Message(lines=(Phrase("rsvp.say", "d"),))


def prompt(row: str, message: Message, knock: str | None = None) -> Prompt:
    """A question to somebody; ``knock``: it has not been opened yet."""
    return Prompt(
        row=RowId(row),
        instance=InstanceId("1" * 32),
        ask=row,
        round=1,
        choices=(),
        expects="words",
        words=True,
        closes_ms=10,
        changeable_ms=10,
        message=message,
        knock=RowId(knock) if knock else None,
    )


async def test_my_counts_private_matters_opened_or_not_and_says_nothing_of_them() -> None:
    store = MemoryStore()
    await store.ensure_circle("!circle:hearth.test", "Circle")
    ana = await store.person("@ana:hearth.test")
    prompts = (
        prompt("plain", PLAIN),
        prompt("opened", PRIVATE),
        prompt("shut", PRIVATE, knock="knock1"),
        prompt("not there yet", PRIVATE, knock="knock2"),
    )
    rows = ("plain", "opened", "knock1", "knock2")
    parcels = [NewParcel(parcel(row, ana), f"t{row}", 0) for row in rows]
    await store.commit(Changes(desks={ana: (Desk(ana, 1, prompts=prompts), 0)}, parcels=parcels))
    for row in rows[:-1]:
        await store.mark_sent(RowId(row), f"${row}", 1)
    village = Village()
    village.circle = CircleId("c")
    lines = await HouseViews(store, Shelf(), village).lines("my", Hearer(person=ana))
    assert lines == [Phrase("rsvp.say", "d"), Phrase("my.private", slots={"n": Count(2)})]
