"""Nobody who was at work on the original keeps anybody waiting in a copy, or in what was put back."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.values import Ms
from engine.runtime.ports import Changes, TimerRow
from engine.store import TortoiseStore
from engine.store.backing_up import back_up, restore
from engine.store.copying import copy, end_leases
from engine.store.sides import Lodging
from tests.engine.store.conftest import MASTER_KEY
from tests.engine.store.goods import I1
from tests.engine.store.lodgings import files, tell
from tests.world.postgres import Postgres

BOT = "@hearth:example.org"
HOUR_MS = 3_600_000


async def open_in(lodging: Lodging) -> TortoiseStore:
    return await TortoiseStore.open(lodging.database, MASTER_KEY, keys=lodging.keys)


@pytest.mark.parametrize("way", ["a copy", "a backup"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_in_the_new_place_there_is_leave_to_speak_and_to_ring_at_once_under_a_new_epoch(
    tmp_path: Path, postgres: Postgres, kind: str, way: str
) -> None:
    """The old server's clock went an hour ahead, and whoever spoke has died."""
    source = files(tmp_path, "live")
    target = Lodging(postgres.database()) if kind == "postgres" else files(tmp_path, "new")
    store = await open_in(source)
    lease = await store.take_lease(BOT, "old", 6_000)
    assert lease is not None
    await store.commit(Changes(timers={(f"i/{I1}", "t"): TimerRow(f"i/{I1}", "t", 1, 5)}))
    assert len(await store.claim_timers(Ms(10), 6_000, 9)) == 1
    await store.close()
    tell(source, "UPDATE speakers SET until = until + ?", HOUR_MS)
    tell(source, "UPDATE timers SET claimed_until = claimed_until + ?", HOUR_MS)
    if way == "a copy":
        await copy(source, target, MASTER_KEY, mend=end_leases)
    else:
        file, keys = tmp_path / "one.db", tmp_path / "one.keys"
        await back_up(source, file, keys, MASTER_KEY, now_ms=1, version="1")
        await restore(file, keys, target, MASTER_KEY)
    store = await open_in(target)
    taken = await store.take_lease(BOT, "new", 6_000)
    assert taken is not None
    assert taken.epoch == lease.epoch + 1, "whatever the old one writes there is refused"
    assert len(await store.claim_timers(Ms(10), 6_000, 9)) == 1
    await store.close()
