"""The exchange of keys with the homeserver: ours offered, others' asked for, room keys handed out.

Every method that changes cryptographic state commits it before the request that relies on it, and records a success
after it. Killed in between, the request is made once more: uploading the same keys, asking, claiming and handing out
a room key twice are all harmless.
"""

import asyncio
import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from bridge.matrix.checked import MEGOLM_ALGORITHM, claimed_key
from bridge.matrix.cipher import Cipher
from bridge.matrix.clock import Clock
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.megolm import RoomSession
from bridge.matrix.text import as_dict, as_list, as_number, canonical

log = logging.getLogger(__name__)

T = TypeVar("T")

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

USERS_PER_QUERY = 100
DEVICES_PER_MESSAGE = 20
"""A homeserver may refuse to pass on more than 64 kB at once to another one."""

REQUESTS_PER_ROUND = 20


class ForeignDevice(Exception):
    """Our device's name is taken by other keys; the operator has to log in anew."""


class KeyExchange:
    """This device's dealings with `/keys/*` and `/sendToDevice`."""

    def __init__(self, cipher: Cipher, homeserver: Homeserver, ledger: Ledger, clock: Clock) -> None:
        self._cipher = cipher
        self._homeserver = homeserver
        self._ledger = ledger
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._counts: dict[str, Any] | None = None
        self._unused_fallback: list[Any] | None = None
        self._fallback_due_ms = 0
        self._quiet: dict[tuple[str, str], tuple[int, int]] = {}
        self._unwedged_ms: dict[tuple[str, str], int] = {}

    # Our keys

    def note_counts(self, answer: Mapping[str, Any]) -> None:
        """Remember what a sync answer says about our keys on the homeserver."""
        if "device_one_time_keys_count" in answer:
            self._counts = as_dict(answer["device_one_time_keys_count"])
        if "device_unused_fallback_key_types" in answer:
            self._unused_fallback = as_list(answer["device_unused_fallback_key_types"])

    async def require_own_device(self) -> None:
        """Raise `ForeignDevice` if the homeserver shows other keys under this device's name.

        That is the case when the rows were lost or copied back: others would take us for an attacker, rightly.
        """
        machine = self._cipher.machine
        answer = await self._homeserver.request(
            "POST", path("keys", "query"), body={"device_keys": {machine.user_id: []}}
        )
        devices = as_dict(as_dict(answer.get("device_keys")).get(machine.user_id))
        keys = as_dict(as_dict(devices.get(machine.device_id)).get("keys"))
        shown = keys.get(f"ed25519:{machine.device_id}")
        if shown is not None and shown != machine.signing_key:
            raise ForeignDevice(
                f"{machine.user_id}: the homeserver knows device {machine.device_id} with other keys than ours; "
                "log in as a new device and sign it with the recovery key"
            )

    async def upload(self) -> None:
        """Offer what the homeserver lacks: device keys, one-time keys (also when none is left), a fallback key.

        A fallback key answers whoever comes when a stranger has claimed all one-time keys; a used one is replaced,
        at most once an hour, because only the last two can be read.
        """
        body = await self._prepare_upload()
        if not body:
            return
        try:
            answer = await self._homeserver.request("POST", path("keys", "upload"), body=body)
        except Refused as error:
            if "one_time_keys" not in body or "device_keys" in body:
                raise
            # The homeserver holds other keys under these ids, as after a restore of an old state; the ids count up,
            # so the next round offers fresh ones.
            log.warning("one-time keys were refused and are given up: %s", error)
            answer = {}
        async with self._ledger.turn:
            self._cipher.mark_shared()
            await self._ledger.commit()
        self._counts = as_dict(answer.get("one_time_key_counts")) or None
        if "fallback_keys" in body:
            self._unused_fallback = ["signed_curve25519"]

    async def _prepare_upload(self) -> dict[str, Any]:
        async with self._ledger.turn:
            account, body = self._cipher.account, dict[str, Any]()
            if not self._cipher.shared:
                body["device_keys"] = self._cipher.device_keys()
            self._generate(account)
            # Whatever was generated and not confirmed, also before a kill, is offered (again).
            if account.one_time_keys:
                body["one_time_keys"] = self._cipher.signed_keys(account.one_time_keys)
            if account.fallback_key:
                body["fallback_keys"] = self._cipher.signed_keys(account.fallback_key, fallback=True)
            await self._ledger.commit()
            return body

    def _generate(self, account: Any) -> None:
        most = account.max_number_of_one_time_keys
        first = not self._cipher.shared
        if first or self._counts is not None:
            there = as_number((self._counts or {}).get("signed_curve25519")) or 0
            lacking = most - there - len(account.one_time_keys)
            if lacking > 0 and (first or there < most * 4 // 5):
                account.generate_one_time_keys(lacking)
                self._cipher.note_account()
        now_ms = self._clock.now_ms()
        used = self._unused_fallback is not None and "signed_curve25519" not in self._unused_fallback
        if (first or used) and not account.fallback_key and now_ms >= self._fallback_due_ms:
            account.generate_fallback_key()
            self._cipher.note_account()
            self._fallback_due_ms = now_ms + HOUR_MS

    # Others' keys

    async def refresh(self, user_ids: Iterable[str]) -> None:
        """Ask for the devices of those of these people whose devices are not known or changed.

        People whose homeserver does not answer are asked again after growing pauses; until then what is known
        about them counts. Raises a `MatrixError` if our own homeserver does not answer.
        """
        async with self._one_at_a_time:
            outdated = self._cipher.trust.outdated(user_ids)
            due = [user_id for user_id in outdated if self._is_due(user_id, "")]
            for some in _batches(due, USERS_PER_QUERY):
                asked = self._cipher.trust.before_query(some)
                answer = await self._homeserver.request(
                    "POST",
                    path("keys", "query"),
                    body={"device_keys": {user_id: [] for user_id in some}, "timeout": 10_000},
                    timeout_seconds=40,
                )
                async with self._ledger.turn:
                    self._cipher.trust.take_answer(asked, answer)
                    await self._ledger.commit()
                for user_id in some:
                    self._note_outcome(user_id, "", user_id in as_dict(answer.get("device_keys")))

    async def open_sessions(self, devices: Sequence[Any]) -> None:
        """Claim one-time keys for those of these devices we have no Olm session with, and start sessions.

        A device without keys left, or with a malformed one, goes without and is tried again after a growing pause.
        """
        async with self._one_at_a_time:
            lacking = [
                device
                for device in self._cipher.devices_lacking_sessions(devices)
                if self._is_due(device.user_id, device.id)
            ]
            for some in _batches(lacking, USERS_PER_QUERY):
                await self._claim(some)

    async def _claim(self, devices: Sequence[Any]) -> None:
        wanted: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for device in devices:
            wanted[device.user_id][device.id] = "signed_curve25519"
        answer = await self._homeserver.request(
            "POST",
            path("keys", "claim"),
            body={"one_time_keys": wanted, "timeout": 10_000},
            timeout_seconds=40,
        )
        async with self._ledger.turn:
            for device in devices:
                key = claimed_key(answer, device.user_id, device.id, device.ed25519)
                if key is not None:
                    self._cipher.machine.start_sessions({device.user_id: {device.id: key}})
            await self._ledger.commit()
        without = {(device.user_id, device.id) for device in self._cipher.devices_lacking_sessions(devices)}
        for device in devices:
            self._note_outcome(device.user_id, device.id, (device.user_id, device.id) not in without)

    def _is_due(self, user_id: str, device_id: str) -> bool:
        return self._quiet.get((user_id, device_id), (0, 0))[1] <= self._clock.now_ms()

    def _note_outcome(self, user_id: str, device_id: str, good: bool) -> None:
        if good:
            self._quiet.pop((user_id, device_id), None)
            return
        failures = self._quiet.get((user_id, device_id), (0, 0))[0] + 1
        pause_ms = min(HOUR_MS, MINUTE_MS * 2 ** min(failures - 1, 10))
        self._quiet[user_id, device_id] = (failures, self._clock.now_ms() + pause_ms)
        log.warning("no keys from %s %s (%d times)", user_id, device_id, failures)

    # Handing out

    async def share(self, room_id: str, session: RoomSession, devices: Sequence[Any]) -> None:
        """Hand a room's session to these devices; those without an Olm session are left out.

        Raises a `MatrixError` on a failure; devices already served are remembered.
        """
        for some in _batches(list(devices), DEVICES_PER_MESSAGE):
            messages: defaultdict[str, dict[str, Any]] = defaultdict(dict)
            served = []
            async with self._ledger.turn:
                index = int(session.group.message_index)
                content = self._cipher.rooms.room_key_content(room_id, session)
                for device in some:
                    sealed = self._cipher.machine.olm_encrypt(device, "m.room_key", content)
                    if sealed is not None:
                        messages[device.user_id][device.id] = sealed
                        served.append(device)
                await self._ledger.commit()
            if not served:
                continue
            await self.send_to_devices("m.room.encrypted", messages)
            async with self._ledger.turn:
                self._cipher.rooms.mark_shared(room_id, session, served, index)
                await self._ledger.commit()

    async def send_to_devices(self, event_type: str, messages: Mapping[str, Mapping[str, Any]]) -> None:
        """Send to-device messages, user id → device id → content; the transaction id follows from the content."""
        body = {"messages": messages}
        transaction_id = hashlib.sha256(canonical([event_type, body])).hexdigest()[:40]
        await self._homeserver.request("PUT", path("sendToDevice", event_type, transaction_id), body=body)

    async def ask_for_keys(self) -> None:
        """Ask once for each key that is missing: the devices of whoever wrote with it."""
        for wanted in self._cipher.waiting.unasked()[:REQUESTS_PER_ROUND]:
            machine = self._cipher.machine
            named = canonical([machine.device_id, wanted.room_id, wanted.session_id, wanted.since_ms])
            request = {
                "action": "request",
                "request_id": hashlib.sha256(named).hexdigest()[:32],
                "requesting_device_id": machine.device_id,
                "body": {
                    "algorithm": MEGOLM_ALGORITHM,
                    "room_id": wanted.room_id,
                    "session_id": wanted.session_id,
                },
            }
            await self.send_to_devices("m.room_key_request", {wanted.user_id: {"*": request}})
            async with self._ledger.turn:
                self._cipher.waiting.mark_asked(wanted)
                await self._ledger.commit()

    async def mend_sessions(self) -> None:
        """Start afresh with devices whose Olm messages we could not read, each at most once an hour.

        The new session carries an `m.dummy`, which tells the other side to use it from now on.
        """
        machine = self._cipher.machine
        now_ms = self._clock.now_ms()
        due = [each for each in machine.wedged if self._unwedged_ms.get(each, 0) + HOUR_MS <= now_ms]
        machine.wedged.clear()
        for user_id, device_id in due[:REQUESTS_PER_ROUND]:
            self._unwedged_ms[user_id, device_id] = now_ms
            device = machine.device_store[user_id].get(device_id)
            if device is None or device.deleted:
                continue
            log.info("starting a new Olm session with %s %s", user_id, device_id)
            async with self._one_at_a_time:
                await self._claim([device])
            async with self._ledger.turn:
                sealed = machine.olm_encrypt(device, "m.dummy", {})
                self._cipher.waiting.ask_again(user_id)
                await self._ledger.commit()
            if sealed is not None:
                await self.send_to_devices("m.room.encrypted", {user_id: {device_id: sealed}})


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
