"""Who may read: devices signed by their owner, all devices of whoever signs none, nobody whose identity changed."""

import random
from typing import Any

import pytest
import vodozemac

from bridge.matrix.cipher import Cipher
from bridge.matrix.cross_signing import SigningKey
from bridge.matrix.keep import Ledger, MemoryKeeper
from bridge.matrix.megolm import WEEK_MS, Rotation
from bridge.matrix.text import canonical
from bridge.matrix.trust import IdentityState
from tests.bridge.matrix.test_http import JumpingClock

BOT, ANA = "@bot:x", "@ana:x"
ROOM = "!room:x"


class Device:
    """Somebody's device, as the homeserver would show it."""

    def __init__(self, device_id: str) -> None:
        self.id = device_id
        self.account = vodozemac.Account()

    def shown(self, *, signed_by: SigningKey | None = None, user_id: str = ANA) -> dict[str, Any]:
        bare = {
            "user_id": user_id,
            "device_id": self.id,
            "algorithms": [],
            "keys": {
                f"ed25519:{self.id}": self.account.ed25519_key.to_base64(),
                f"curve25519:{self.id}": self.account.curve25519_key.to_base64(),
            },
        }
        signatures = {f"ed25519:{self.id}": self.account.sign(canonical(bare)).to_base64()}
        if signed_by is not None:
            signatures[f"ed25519:{signed_by.public}"] = signed_by.sign(bare)
        return {**bare, "signatures": {user_id: signatures}, "unsigned": {"device_display_name": ["x"]}}


class Identity:
    """A person's cross-signing keys."""

    def __init__(self, chance: random.Random) -> None:
        self.master = SigningKey(chance.randbytes(32))
        self.self_signing = SigningKey(chance.randbytes(32))

    def shown(self) -> dict[str, Any]:
        signed = self.self_signing.described(ANA, "self_signing")
        signature = {ANA: {f"ed25519:{self.master.public}": self.master.sign(signed)}}
        return {
            "master_keys": {ANA: self.master.described(ANA, "master")},
            "self_signing_keys": {ANA: {**signed, "signatures": signature}},
        }


class Bench:
    def __init__(self, keeper: MemoryKeeper) -> None:
        self.keeper = keeper
        self.clock = JumpingClock()
        self.ledger = Ledger(keeper)
        self.cipher = Cipher(
            BOT, "BOT", keeper.rows, self.ledger, bytes(32), self.clock, is_member=lambda room, user: True
        )

    def told(self, *devices: dict[str, Any], **identity: Any) -> None:
        asked = self.cipher.trust.before_query([ANA])
        answer = {"device_keys": {ANA: {device["device_id"]: device for device in devices}}, **identity}
        self.cipher.trust.take_answer(asked, answer)

    @property
    def readers(self) -> list[str]:
        return sorted(device.id for device in self.cipher.trust.readers(ANA))

    @property
    def state(self) -> IdentityState:
        return self.cipher.trust.state(ANA)


@pytest.fixture
def bench() -> Bench:
    return Bench(MemoryKeeper())


@pytest.fixture
def chance(seed: int) -> random.Random:
    return random.Random(seed)


PHONE, LAPTOP = Device("PHONE"), Device("LAPTOP")


def test_whoever_signs_none_of_their_devices_reads_on_all_of_them(bench: Bench) -> None:
    bench.told(PHONE.shown(), LAPTOP.shown())
    assert (bench.readers, bench.state) == (["LAPTOP", "PHONE"], IdentityState.NONE)


def test_whoever_signs_reads_on_signed_devices_only(bench: Bench, chance: random.Random) -> None:
    ana = Identity(chance)
    bench.told(PHONE.shown(signed_by=ana.self_signing), LAPTOP.shown(), **ana.shown())
    assert (bench.readers, bench.state) == (["PHONE"], IdentityState.KNOWN)
    assert bench.cipher.trust.is_signed(ANA, "PHONE")
    stranger = Identity(chance)
    forged = LAPTOP.shown(signed_by=stranger.self_signing)
    bench.told(PHONE.shown(signed_by=ana.self_signing), forged, **ana.shown())
    assert bench.readers == ["PHONE"]


async def test_another_or_a_vanished_identity_stops_everything_until_acknowledged_also_after_a_restart(
    bench: Bench, chance: random.Random
) -> None:
    ana, other = Identity(chance), Identity(chance)
    bench.told(PHONE.shown(signed_by=ana.self_signing), **ana.shown())
    for shown in (other.shown(), {}, {"master_keys": ana.shown()["master_keys"]}):
        bench.told(PHONE.shown(signed_by=other.self_signing), **shown)
        assert (bench.readers, bench.state) == ([], IdentityState.CHANGED)
        assert bench.cipher.trust.report_changes() in (([ANA], []), ([], []))
    bench.told(PHONE.shown(signed_by=other.self_signing), **other.shown())
    await bench.ledger.commit()
    again = Bench(bench.keeper)
    assert (again.readers, again.state) == ([], IdentityState.CHANGED)
    assert again.cipher.trust.has_news
    assert again.cipher.trust.report_changes() == ([ANA], [])
    assert again.cipher.trust.report_changes() == ([], [])
    again.cipher.trust.acknowledge(ANA)
    assert (again.readers, again.state) == (["PHONE"], IdentityState.KNOWN)
    assert again.cipher.trust.report_changes() == ([], [ANA])
    again.cipher.trust.acknowledge(ANA)
    assert not again.cipher.trust.has_news
    again.told(PHONE.shown(signed_by=ana.self_signing), **ana.shown())
    assert again.state is IdentityState.CHANGED


async def test_what_says_nothing_private_reaches_the_devices_of_an_identity_nobody_accepted(
    bench: Bench, chance: random.Random
) -> None:
    ana, other = Identity(chance), Identity(chance)
    bench.told(PHONE.shown(signed_by=ana.self_signing), **ana.shown())
    bench.told(PHONE.shown(), LAPTOP.shown(signed_by=other.self_signing), **other.shown())
    assert bench.readers == []
    open_to = bench.cipher.trust.readers(ANA, whoever=True)
    assert [device.id for device in open_to] == ["LAPTOP"]
    bench.told(PHONE.shown(), LAPTOP.shown())
    open_to = bench.cipher.trust.readers(ANA, whoever=True)
    assert sorted(device.id for device in open_to) == ["LAPTOP", "PHONE"]


def test_an_identity_is_named_anew_with_each_change_and_told_when_it_is_the_old_one_again(
    bench: Bench, chance: random.Random
) -> None:
    ana, other = Identity(chance), Identity(chance)
    trust, marks = bench.cipher.trust, []
    bench.told(PHONE.shown(signed_by=ana.self_signing), **ana.shown())
    for _ in range(2):
        bench.told(PHONE.shown(signed_by=other.self_signing), **other.shown())
        assert trust.report_changes() == ([ANA], [])
        marks.append(trust.mark_of(ANA))
        bench.told(PHONE.shown(signed_by=ana.self_signing), **ana.shown())
        assert trust.report_changes() == ([], [ANA])
        marks.append(trust.mark_of(ANA))
    assert len(set(marks)) == 4
    assert not any(ana.master.public in mark or "ana" in mark for mark in marks)


def test_a_device_comes_back_and_one_that_changed_its_keys_keeps_the_old(bench: Bench) -> None:
    bench.told(PHONE.shown(), LAPTOP.shown())
    bench.told(PHONE.shown())
    assert bench.readers == ["PHONE"]
    bench.told(PHONE.shown(), LAPTOP.shown())
    assert bench.readers == ["LAPTOP", "PHONE"]
    impostor = Device("PHONE")
    bench.told(impostor.shown(), LAPTOP.shown())
    (phone,) = [device for device in bench.cipher.trust.readers(ANA) if device.id == "PHONE"]
    assert phone.ed25519 == PHONE.account.ed25519_key.to_base64()


def test_a_device_under_a_false_name_or_signature_is_not_taken(bench: Bench) -> None:
    misplaced = {**PHONE.shown(), "device_id": "TABLET"}
    unsigned = {**LAPTOP.shown(), "signatures": {}}
    foreign = Device("OTHER").shown(user_id="@eve:x")
    bench.told(misplaced, unsigned, foreign)
    assert bench.readers == []


def test_a_change_announced_while_the_answer_was_on_its_way_is_not_lost(bench: Bench) -> None:
    asked = bench.cipher.trust.before_query([ANA])
    bench.cipher.trust.mark_outdated([ANA])
    bench.cipher.trust.take_answer(asked, {"device_keys": {ANA: {}}})
    assert bench.cipher.trust.outdated([ANA]) == [ANA]
    bench.told(PHONE.shown())
    assert not bench.cipher.trust.outdated([ANA])


def test_a_person_missing_from_the_answer_is_asked_for_again_and_reads_on_as_before(bench: Bench) -> None:
    bench.told(PHONE.shown())
    bench.cipher.trust.mark_outdated([ANA])
    asked = bench.cipher.trust.before_query([ANA])
    bench.cipher.trust.take_answer(asked, {"device_keys": {}, "failures": {"x": {}}})
    assert bench.cipher.trust.outdated([ANA]) == [ANA]
    assert bench.readers == ["PHONE"]


async def test_a_rooms_key_turns_by_count_by_age_and_when_a_holder_may_no_longer_read(bench: Bench) -> None:
    bench.told(PHONE.shown(), LAPTOP.shown())
    rooms, rotation = bench.cipher.rooms, Rotation(period_messages=3)
    readers = bench.cipher.trust.readers(ANA)

    def share() -> str:
        session = rooms.fitting(ROOM, rotation, readers)
        rooms.mark_shared(ROOM, session, session.lacking(readers), 0)
        return session.session_id

    first = share()
    for _ in range(3):
        assert share() == first
        rooms.encrypt(ROOM, "m.room.message", {"body": "x"})
    second = share()
    assert second != first
    await bench.ledger.commit()
    again = Bench(bench.keeper)
    assert again.cipher.rooms.current(ROOM).session_id == second  # type: ignore[union-attr]
    assert not again.cipher.rooms.current(ROOM).lacking(readers)  # type: ignore[union-attr]
    bench.clock.ms += WEEK_MS
    third = share()
    assert third != second
    readers = [device for device in readers if device.id == "PHONE"]
    fourth = share()
    assert fourth != third
    new = Device("NEW")
    bench.told(PHONE.shown(), new.shown())
    readers = bench.cipher.trust.readers(ANA)
    assert [device.id for device in rooms.current(ROOM).lacking(readers)] == ["NEW"]  # type: ignore[union-attr]
    assert share() == fourth


async def test_a_message_sent_twice_by_the_homeserver_is_read_once_also_after_a_restart(bench: Bench) -> None:
    bench.told(PHONE.shown())
    rooms = bench.cipher.rooms
    rooms.fitting(ROOM, Rotation(), [])
    sealed = rooms.encrypt(ROOM, "m.room.message", {"body": "x", "app.hearth.tx": "t"})
    event = {"event_id": "$1", "sender": BOT, "content": sealed}
    assert bench.cipher.open_event(ROOM, event).type == "m.room.message"  # type: ignore[union-attr]
    assert bench.cipher.open_event(ROOM, event).type == "m.room.message"  # type: ignore[union-attr]
    await bench.ledger.commit()
    again = Bench(bench.keeper).cipher
    assert again.open_event(ROOM, {**event, "event_id": "$2"}).reason == "replayed"  # type: ignore[union-attr]
    assert again.open_event(ROOM, event).type == "m.room.message"  # type: ignore[union-attr]
    assert again.open_event("!other:x", event).reason == "no_key"  # type: ignore[union-attr]
    assert again.open_event(ROOM, {**event, "sender": ANA}).reason == "wrong_sender"  # type: ignore[union-attr]
    assert sealed["app.hearth.tx"] == "t"
