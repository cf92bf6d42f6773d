"""The independent peer: what it reads, what strict mode excludes, and that it never outlives a test."""

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nio import AsyncClient, AsyncClientConfig, MegolmEvent, RoomMessageText, UnknownToDeviceEvent

from tests.peers.js_peer import (
    HERE,
    JsPeer,
    JsPeerError,
    Room,
    Shield,
    assert_device_signed_by_owner,
    npm_reason,
    require_js_peer,
)
from tests.world import Account, Synapse

pytestmark = [pytest.mark.synapse, pytest.mark.peer, pytest.mark.usefixtures("js_peer_runs")]

SYNC_ROUNDS_MAX = 20
ROUND_MS = 500
NO_SHIELD = Shield(colour="NONE", reason=None)


@asynccontextmanager
async def strict_peer(synapse: Synapse, name: str) -> AsyncIterator[JsPeer]:
    account = await synapse.register(f"{name}{synapse.next_number()}")
    async with JsPeer(synapse.url, account.user_id, account.password) as peer:
        yield peer


@asynccontextmanager
async def two_peers_in_a_room(synapse: Synapse) -> AsyncIterator[tuple[JsPeer, JsPeer, str]]:
    async with strict_peer(synapse, "ana") as ana, strict_peer(synapse, "bruno") as bruno:
        await bruno.autojoin()
        room = await ana.create_room(invite=(bruno.user_id,))
        await bruno.wait_joined(room)
        await ana.wait_member(room, bruno.user_id)
        yield ana, bruno, room


class UnsignedDevice:
    """A plain nio client: its device keys are published, and nobody has signed them."""

    def __init__(self, account: Account, folder: Path) -> None:
        config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=False)
        self.nio = AsyncClient(account.homeserver, account.user_id, store_path=str(folder), config=config)
        self.nio.restore_login(account.user_id, account.device_id, account.access_token)
        self.withheld: dict[str, str] = {}
        self.nio.add_to_device_callback(self._note_withheld, UnknownToDeviceEvent)

    async def publish_keys(self) -> None:
        await self.nio.sync(timeout=0, full_state=True)
        await self.nio.keys_upload()

    async def say(self, room: str, text: str) -> str:
        await self.nio.sync(timeout=0, full_state=True)
        await self.nio.keys_query()
        content = {"msgtype": "m.text", "body": text}
        answer = await self.nio.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        return str(answer.event_id)

    async def read(self, room: str, *wanted: str) -> dict[str, MegolmEvent | RoomMessageText]:
        """The events of these ids as nio sees them: MegolmEvent is one it cannot read."""
        found: dict[str, MegolmEvent | RoomMessageText] = {}
        for _ in range(SYNC_ROUNDS_MAX):
            answer = await self.nio.sync(timeout=ROUND_MS)
            if room in answer.rooms.join:
                found |= {event.event_id: event for event in answer.rooms.join[room].timeline.events}
            if found.keys() >= set(wanted):
                return {event_id: found[event_id] for event_id in wanted}
        pytest.fail(f"nio did not see {set(wanted) - found.keys()} within {SYNC_ROUNDS_MAX} syncs")

    async def _note_withheld(self, event: UnknownToDeviceEvent) -> None:
        if event.type == "m.room_key.withheld":
            self.withheld[event.sender] = event.source["content"]["code"]


@asynccontextmanager
async def unsigned_device(synapse: Synapse, folder: Path) -> AsyncIterator[UnsignedDevice]:
    device = UnsignedDevice(await synapse.register(f"unsigned{synapse.next_number()}"), folder)
    try:
        await device.publish_keys()
        yield device
    finally:
        await device.nio.close()


async def test_two_strict_peers_read_each_other_and_see_no_shield(synapse: Synapse) -> None:
    async with two_peers_in_a_room(synapse) as (ana, bruno, room):
        question = await ana.send(room, "Shall we meet on Sunday?")
        heard = await bruno.wait_message(room, "Sunday", sender=ana.user_id)
        assert (heard.event_id, heard.decrypted, heard.shield) == (question, True, NO_SHIELD)

        await bruno.send(room, "Gladly.", reply_to=question)
        answer = await ana.wait_message(room, "Gladly", sender=bruno.user_id)
        assert (answer.reply_to, answer.decrypted, answer.shield) == (question, True, NO_SHIELD)

        assert (await bruno.wait_message(room, after=question)).event_id == answer.event_id


async def test_edits_taps_and_redactions_of_one_peer_reach_the_other(synapse: Synapse) -> None:
    async with two_peers_in_a_room(synapse) as (ana, bruno, room):
        prompt = await ana.send(room, "Will you come?")
        await bruno.wait_message(room, "come")
        tap = await bruno.react(room, prompt, "👍")
        assert (await ana.wait_reaction(room, prompt, sender=bruno.user_id)).key == "👍"

        await bruno.redact(room, tap)
        await ana.wait_redacted(room, tap)
        assert [message.reactions for message in await ana.messages(room)] == [()]

        await ana.edit(room, prompt, "You took it back; you may still come.")
        edited = await bruno.wait_message(room, "took it back")
        assert (edited.event_id, edited.edited, edited.edit_shield) == (prompt, True, NO_SHIELD)
        assert [event["event"] for event in ana.events if event["event"] in {"reaction", "redaction"}] == [
            "reaction",
            "redaction",
        ]


async def test_a_strict_peer_neither_reads_an_unsigned_device_nor_lets_it_read(
    synapse: Synapse, tmp_path: Path
) -> None:
    account = await synapse.register(f"lax{synapse.next_number()}")
    async with (
        unsigned_device(synapse, tmp_path) as unsigned,
        strict_peer(synapse, "strict") as strict,
        JsPeer(synapse.url, account.user_id, account.password, strict=False) as lax,
    ):
        await lax.autojoin()
        room = await strict.create_room(invite=(lax.user_id, unsigned.nio.user_id))
        await lax.wait_joined(room)
        await unsigned.nio.join(room)
        for peer in (strict, lax):
            await peer.wait_member(room, unsigned.nio.user_id)
        await strict.wait_member(room, lax.user_id)

        said = await unsigned.say(room, "Nobody vouches for this device.")
        seen_by_lax = await lax.wait_event(room, said)
        assert seen_by_lax.decrypted
        assert seen_by_lax.shield == Shield(colour="RED", reason="UNSIGNED_DEVICE")
        seen_by_strict = await strict.wait_event(room, said)
        assert (seen_by_strict.decrypted, seen_by_strict.body) == (False, None)
        assert seen_by_strict.failure == "UNSIGNED_SENDER_DEVICE"

        from_strict = await strict.send(room, "For devices their owners signed.")
        from_lax = await lax.send(room, "For every device.")
        events = await unsigned.read(room, from_strict, from_lax)
        assert isinstance(events[from_lax], RoomMessageText)
        assert isinstance(events[from_strict], MegolmEvent)
        assert unsigned.withheld == {strict.user_id: "m.unverified"}
        # What strict mode excludes is the unsigned device alone: the two signed ones read each other.
        assert (await lax.wait_event(room, from_strict)).decrypted
        assert (await strict.wait_event(room, from_lax)).decrypted


async def test_only_the_owners_signature_makes_a_device_signed_by_its_owner(
    synapse: Synapse, tmp_path: Path
) -> None:
    async with (
        unsigned_device(synapse, tmp_path) as unsigned,
        two_peers_in_a_room(synapse) as (ana, bruno, room),
    ):
        trust = await assert_device_signed_by_owner(ana, bruno.user_id, bruno.device_id)
        assert not trust.verified, "signed by its owner is not verified by us"
        assert (await ana.user_trust(bruno.user_id)).has_cross_signing_keys

        with pytest.raises(JsPeerError, match="no encrypted room is shared with"):
            await ana.device_trust(unsigned.nio.user_id, unsigned.nio.device_id, timeout_seconds=0.3)
        await ana.invite(room, unsigned.nio.user_id)
        await unsigned.nio.join(room)
        assert not (await ana.device_trust(unsigned.nio.user_id, unsigned.nio.device_id)).signed_by_owner
        with pytest.raises(JsPeerError, match="is not signed by its owner"):
            await assert_device_signed_by_owner(
                ana, unsigned.nio.user_id, unsigned.nio.device_id, timeout_seconds=1
            )
        with pytest.raises(JsPeerError, match="has no device NOSUCH"):
            await assert_device_signed_by_owner(ana, bruno.user_id, "NOSUCH", timeout_seconds=1)


async def test_a_new_device_signs_itself_with_the_recovery_key_and_replaces_no_key(synapse: Synapse) -> None:
    async with two_peers_in_a_room(synapse) as (ana, bruno, _):
        recovery_key = await ana.bootstrap(secret_storage=True)
        assert recovery_key is not None
        async with JsPeer(synapse.url, ana.user_id, ana._password, strict=False, cross_sign=False) as second:
            with pytest.raises(JsPeerError, match="keys that this device does not hold"):
                await second.bootstrap()
            assert not (await bruno.device_trust(ana.user_id, second.device_id)).signed_by_owner
            await second.recover(recovery_key)
            await assert_device_signed_by_owner(bruno, ana.user_id, second.device_id)
        await assert_device_signed_by_owner(bruno, ana.user_id, ana.device_id)


async def test_a_refusal_tells_the_homeservers_reason_and_the_peer_goes_on(synapse: Synapse) -> None:
    async with strict_peer(synapse, "ana") as ana:
        with pytest.raises(JsPeerError, match=r"command join: M_\w+ \(HTTP 40\d\)"):
            await ana.join("!nowhere:hearth.test")
        assert await ana.rooms() == ()


async def test_a_wait_ends_in_time_and_tells_what_was_seen_but_not_what_was_written(synapse: Synapse) -> None:
    async with strict_peer(synapse, "ana") as ana:
        room = await ana.create_room()
        said = await ana.send(room, "heather and broom")
        with pytest.raises(JsPeerError, match=r"timed out after 300 ms") as failure:
            await ana.wait_message(room, "never said", timeout_seconds=0.3)
        assert said in str(failure.value)
        assert "heather" not in str(failure.value)


async def test_a_wrong_password_is_told_and_leaves_no_child(synapse: Synapse) -> None:
    account = await synapse.register(f"ana{synapse.next_number()}")
    peer = JsPeer(synapse.url, account.user_id, "not the password")
    with pytest.raises(JsPeerError, match="command login: M_FORBIDDEN"):
        async with peer:
            pytest.fail("logged in with a wrong password")
    assert peer.pid is None


async def test_a_killed_child_fails_the_waiting_command_at_once(synapse: Synapse) -> None:
    async with strict_peer(synapse, "ana") as ana:
        room = await ana.create_room()
        waiting = asyncio.create_task(ana.wait_message(room, "never said", timeout_seconds=60))
        await ana.rooms()
        assert ana.pid is not None
        os.kill(ana.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            with pytest.raises(JsPeerError, match="stopped answering"):
                await waiting
        with pytest.raises(JsPeerError, match="not running"):
            await ana.rooms()


async def test_a_rejection_that_nobody_handles_fails_the_peer_and_does_not_end_it(
    synapse: Synapse, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject = 'setTimeout(() => Promise.reject(new Error("nobody handles this")), 0)'
    once_the_peer_listens = (
        f'process.on("newListener", (n) => {{ if (n === "unhandledRejection") {reject}; }});'
    )
    script = base64.b64encode(once_the_peer_listens.encode()).decode()
    monkeypatch.setenv("NODE_OPTIONS", f"--import=data:text/javascript;base64,{script}")
    rooms: list[tuple[Room, ...]] = []
    with pytest.raises(
        JsPeerError, match="reported 1 faults: unhandled rejection: Error: nobody handles this"
    ):
        async with strict_peer(synapse, "ana") as ana:
            rooms.append(await ana.rooms())
    assert rooms == [()]


async def test_the_child_is_gone_when_the_body_fails(synapse: Synapse) -> None:
    pids: list[int] = []

    async def fail_inside() -> None:
        async with strict_peer(synapse, "ana") as ana:
            assert ana.pid is not None
            pids.append(ana.pid)
            raise LookupError("the body failed")

    with pytest.raises(LookupError, match="the body failed"):
        await fail_inside()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_where_node_is_missing_the_tests_are_skipped_with_the_reason_but_never_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert npm_reason() == "node is missing: install Node.js 18 or newer (Debian: nodejs, npm)"
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="node is missing"):
        require_js_peer()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="node is missing"):
        require_js_peer()


def test_the_lock_file_pins_every_package_by_digest_and_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    packages = {path: package for path, package in lock["packages"].items() if path}
    assert packages
    for path, package in packages.items():
        assert package["integrity"].startswith("sha512-"), path
        assert "resolved" not in package, path
