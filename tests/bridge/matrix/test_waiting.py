"""Unreadable messages wait for their keys, within bounds."""

import pytest

from bridge.matrix import waiting
from bridge.matrix.keep import Ledger, MemoryKeeper
from bridge.matrix.waiting import Waiting


def event(number: int, sender: str = "@ana:x") -> dict[str, object]:
    return {"event_id": f"${number}", "sender": sender, "origin_server_ts": number}


async def test_events_are_released_in_order_with_their_key_also_after_a_restart() -> None:
    keeper = MemoryKeeper()
    ledger = Ledger(keeper)
    kept = Waiting({}, ledger)
    assert [kept.add("!r", "s", event(number), 0) for number in (1, 2, 3)] == [True, False, False]
    assert kept.add("!r", "other", event(4), 0)
    await ledger.commit()
    again = Waiting(keeper.rows, ledger)
    assert [each.event["event_id"] for each in again.release({("!r", "s"), ("!r", "none")})] == [
        "$1",
        "$2",
        "$3",
    ]
    assert not again.release({("!r", "s")})
    await ledger.commit()
    assert len(Waiting(keeper.rows, ledger)) == 1


async def test_going_over_the_bounds_drops_the_oldest_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MOST_WAITING", 5)
    monkeypatch.setattr(waiting, "MOST_WAITING_PER_SESSION", 3)
    keeper = MemoryKeeper()
    ledger = Ledger(keeper)
    kept = Waiting({}, ledger)
    for number in range(4):
        kept.add("!r", "one", event(number), 0)
    for number in range(10, 14):
        kept.add("!r", f"s{number}", event(number), 0)
    assert len(kept) == 5
    assert kept.dropped == 3
    await ledger.commit()
    assert sum(kind == "waiting" for kind, _ in keeper.rows) == 5


async def test_a_withheld_key_is_not_asked_for_and_the_first_message_still_counts_as_first() -> None:
    kept = Waiting({}, Ledger(MemoryKeeper()))
    kept.note_withheld("!r", "s", "@ana:x", "m.unverified", 0)
    assert kept.add("!r", "s", event(1), 0)
    assert kept.withheld("!r", "s") == "m.unverified"
    assert not kept.unasked()
    kept.add("!r", "t", event(2), 0)
    kept.note_withheld("!r", "t", "@mallory:x", "m.blacklisted", 0)
    (wanted,) = kept.unasked()
    assert wanted.session_id == "t"
    kept.mark_asked(wanted)
    assert not kept.unasked()
    kept.ask_again("@ana:x")
    assert len(kept.unasked()) == 1
