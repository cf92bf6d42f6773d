"""What has become of a parcel, in every cellar: it waits, it was sent, or why it was not."""

from __future__ import annotations

from engine.core.values import RowId
from engine.runtime.ports import Changes, Fate
from tests.engine.store.conftest import Ground
from tests.engine.store.goods import mail, parcel

R1, R2, R3, R4, R5 = (RowId(f"r{n}") for n in range(1, 6))


async def test_each_parcel_says_what_became_of_it(g: Ground) -> None:
    await g.cellar.commit(mail(*(parcel(row, g.ada) for row in (R1, R2, R3, R4, R5))))
    await g.cellar.claim(0, 1_000, 10)
    await g.cellar.mark_sent(R1, "$1", 7)
    await g.cellar.bury(R2, "no longer useful", 8, dead=False)
    await g.cellar.bury(R3, "403 M_FORBIDDEN", 9, dead=True)
    await g.cellar.commit(Changes(withdrawn=[R4]))
    found = await g.cellar.fates([R1, R2, R3, R4, R5, RowId("unknown")])
    assert found == {
        R1: Fate("sent", 7),
        R2: Fate("dropped", 8, "no longer useful"),
        R3: Fate("dead", 9, "403 M_FORBIDDEN"),
        R4: Fate("dropped", None, "withdrawn"),
        R5: Fate("waiting"),
    }


async def test_nothing_is_known_of_the_mail_of_somebody_who_was_forgotten(g: Ground) -> None:
    await g.cellar.commit(mail(parcel(R1, g.ada)))
    await g.cellar.forget(g.ada)
    assert await g.cellar.fates([R1]) == {}
    assert await g.cellar.fates([]) == {}


async def test_very_many_are_looked_up_at_once(g: Ground) -> None:
    rows = [RowId(f"row{n}") for n in range(1_200)]
    await g.cellar.commit(mail(*(parcel(row, g.ada) for row in rows)))
    assert await g.cellar.fates(rows) == dict.fromkeys(rows, Fate("waiting"))
