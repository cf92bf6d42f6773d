"""One row that was damaged is given up and said to be; everybody else's messages leave as if it were not there."""

from __future__ import annotations

import pytest

from engine.core.values import RowId
from tests.engine.store.conftest import OnDisk, ground
from tests.engine.store.goods import mail, parcel

DAMAGED = "'\\x010203'::bytea"


OF_ITS_KEY = "UPDATE keys.seals SET wrapped = {} WHERE scope = (SELECT scope FROM outbox WHERE row = 'r1')"
OF_ITSELF = "UPDATE outbox SET {} = {} WHERE row = 'r1'"


def damage(disk: OnDisk, what: str) -> None:
    value = DAMAGED if isinstance(disk.where, str) else "x'010203'"
    disk.tell(OF_ITS_KEY.format(value) if what == "key" else OF_ITSELF.format(what, value))


@pytest.mark.parametrize("what", ["parcel", "sealed", "key"])
async def test_a_row_that_cannot_be_opened_is_given_up_and_all_others_leave(
    disk: OnDisk, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = await disk.open()
    g = await ground(store)
    await store.commit(mail(parcel("r1", g.ada), parcel("r2", g.bo)))
    if what == "sealed":
        await store.claim(10, 1_000, 10)
        await store.seal(RowId("r1"), "!r:example.org", b"sealed")
    damage(disk, what)
    if what != "key":
        assert [journey.parcel.row for journey in await store.in_flight()] == []
    assert [journey.parcel.row for journey in await store.claim(5_000, 1_000, 10)] == ["r2"]
    (trouble,) = await store.troubles(10)
    assert "cannot be opened" in trouble.why
    assert trouble.id.startswith("m")
    assert "a message is given up" in caplog.text
    if what == "parcel":
        assert await store.retry(trouble.id) == "lost"
    assert [journey.parcel.row for journey in await store.claim(5_500, 1_000, 10)] == []
