"""What may have left before, under keys that are gone, is looked for; what is not there is sealed anew, once."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.desk import Rhythm
from engine.core.values import DAY_MS, HOUR_MS, RowId
from engine.runtime.ports import Sealed, SealedElsewhere, Sent
from engine.testing import RecordingPostman
from tests.engine.runtime.test_outbox import ADA, Mail


class NewDevice:
    """A postman on another device than the one of before: what was sealed there it will not send."""

    def __init__(self, inner: RecordingPostman) -> None:
        self._inner = inner
        self._own: set[bytes] = set()
        self.looked: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def seal(self, parcel: Any, room: str, transaction: str) -> Sealed:
        made = await self._inner.seal(parcel, room, transaction)
        self._own.add(made.content)
        return made

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        if sealed in self._own:
            return await self._inner.put(room, sealed, transaction)
        found = await self.find(room, transaction)
        if found is None:
            raise SealedElsewhere
        return found

    async def find(self, room: str, transaction: str) -> Sent | None:
        self.looked.append((room, transaction))
        return await self._inner.find(room, transaction)


@pytest.fixture
async def mail() -> Mail:
    return await Mail.open()


def moved(mail: Mail) -> NewDevice:
    """From here on another device carries the letters."""
    device = NewDevice(mail.double)
    mail.carrier = device
    mail.outbox = mail.another()
    return device


def put_back(mail: Mail, *rows: str) -> None:
    """As a backup does that was put back: whatever waits may have left since."""
    for row in rows:
        mail.store._outbox[RowId(row)].room = ""


async def left(mail: Mail, row: str) -> None:
    """It is sent, and then the store is as it was before."""
    parcel = mail.store._outbox[RowId(row)].parcel
    room = await mail.double.room_for(parcel)
    made = await mail.double.seal(parcel, room, f"txn-{row}")
    await mail.double.put(room, made.content, f"txn-{row}")


async def test_what_left_after_the_backup_is_found_in_its_room_and_not_sent_again(mail: Mail) -> None:
    await mail.lay("r1")
    await left(mail, "r1")
    device = moved(mail)
    put_back(mail, "r1")
    await mail.send_all()
    assert device.looked == [("d/ada", "txn-r1")]
    assert mail.brought == ["r1"]
    assert mail.status("r1") == "sent"
    assert await mail.store.sent_event(RowId("r1")) == ("d/ada", "$0"), "where it stands is known again"


async def test_what_had_not_left_is_looked_for_once_and_sent(mail: Mail) -> None:
    await mail.lay("r1")
    await mail.lay("r2")
    device = moved(mail)
    put_back(mail, "r1")
    await mail.send_all()
    assert device.looked == [("d/ada", "txn-r1")], "nobody looks for what cannot have left"
    assert mail.brought == ["r1", "r2"]


async def test_what_another_device_sealed_and_did_not_send_is_sealed_anew_under_the_same_transaction(
    mail: Mail,
) -> None:
    await mail.lay("r1")
    (journey,) = await mail.store.claim(mail.clock.now_ms(), 1, 1)
    await mail.store.seal(journey.parcel.row, "d/ada", b"of a ratchet that is gone")
    device = moved(mail)
    await mail.outbox.settle()
    assert device.looked == [("d/ada", "txn-r1")]
    assert mail.brought == ["r1"]
    assert mail.status("r1") == "sent"
    assert mail.double._by_transaction == {("d/ada", "txn-r1"): Sent("$0")}


async def test_what_another_device_sealed_and_did_not_send_comes_no_more_once_its_time_has_passed(
    mail: Mail,
) -> None:
    await mail.lay("r1", useful_until_ms=mail.clock.now_ms() + HOUR_MS)
    (journey,) = await mail.store.claim(mail.clock.now_ms(), 1, 1)
    await mail.store.seal(journey.parcel.row, "d/ada", b"of a ratchet that is gone")
    await mail.clock.advance(2 * HOUR_MS)
    device = moved(mail)
    await mail.outbox.settle()
    assert device.looked == [("d/ada", "txn-r1")]
    assert (mail.brought, mail.status("r1")) == ([], "dropped")


async def test_what_another_device_sealed_and_did_not_send_waits_where_they_pause(mail: Mail) -> None:
    until_ms = mail.clock.now_ms() + DAY_MS
    await mail.lay("r1", urgency="timely")
    (journey,) = await mail.store.claim(mail.clock.now_ms(), 1, 1)
    await mail.store.seal(journey.parcel.row, "d/ada", b"of a ratchet that is gone")
    paused = Rhythm("UTC", 0, 0, paused_until_ms=until_ms)
    await mail.keep_desk(ADA, version=2, replaced=1, consent="yes", rhythm=paused)
    moved(mail)
    await mail.outbox.settle()
    assert mail.brought == []
    await mail.pass_time(DAY_MS)
    await mail.send_all()
    assert mail.brought == ["r1"]


async def test_what_another_device_sealed_and_sent_is_found(mail: Mail) -> None:
    await mail.lay("r1", ADA)
    await left(mail, "r1")
    (journey,) = await mail.store.claim(mail.clock.now_ms(), 1, 1)
    await mail.store.seal(journey.parcel.row, "d/ada", b"of a ratchet that is gone")
    moved(mail)
    await mail.outbox.settle()
    assert (mail.brought, mail.status("r1")) == (["r1"], "sent")
