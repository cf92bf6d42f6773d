"""Members verify the bot: their app and the bot compare seven emoji (specification, "Key verification framework").

A member asks from their app, in their 1:1 room or device to device; the bot takes it up, shows what it sees, and
vouches for its keys once the other side has said that it sees the same. The bot never asks, and believes nothing new
of anybody because of it, but for one thing: an identity that was replaced and has now been compared is accepted.

All of it lives in memory: after a restart the other side is told that it is over, and may begin again. What comes in
is taken in a task of its own, so that a slow homeserver holds up nothing else.
"""

import asyncio
import hashlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Literal

import msgspec

from bridge.matrix.checked import is_user_id
from bridge.matrix.cipher import VERIFICATION, Cipher, ToDevice
from bridge.matrix.clock import Clock
from bridge.matrix.http import MatrixError, Patience
from bridge.matrix.keep import NotCommitted
from bridge.matrix.keys import KeyExchange
from bridge.matrix.outbound import Sender, SendError
from bridge.matrix.rooms import Rooms
from bridge.matrix.sas import EMOJI, LONGEST_NAME, METHOD, Broken, Exchange, Party, Say, Shown
from bridge.matrix.sync import AnyEvent, RoomEvent
from bridge.matrix.text import as_dict, as_list, as_number, as_text, canonical
from engine.runtime.waking import first_of

log = logging.getLogger(__name__)

REQUEST = f"{VERIFICATION}request"

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
OLDEST_MS = 10 * MINUTE_MS
"""A request older than this is none any more, and no comparison takes longer."""
FURTHEST_AHEAD_MS = 5 * MINUTE_MS
START_AFTER_MS = 3_000
"""How long the other side is given to begin once both are ready; then the bot does."""

MOST_AT_ONCE = 50
MOST_PER_HOUR = 6
"""Requests of one person; more get no answer."""
MOST_WAITING = 500
"""Messages noted and not looked at yet, of everybody."""
MOST_WAITING_EACH = 20
"""Those of one person; a whole comparison has six."""
MOST_REMEMBERED = 1_000
"""People whose requests are counted, and comparisons that are known to be over."""
LONGEST_ID = 512

Outcome = Literal["same", "different", "stopped", "too_late", "lost", "failed"]
CANCELLED: dict[str, Outcome] = {
    "m.mismatched_sas": "different", "m.timeout": "too_late", "m.user": "stopped"
}  # fmt: skip
"""What the other side's code for ending it means; every other one: `failed`."""


class Comparing(msgspec.Struct, frozen=True):
    """The bot sees these; `emoji` is empty where the other side speaks only numbers."""

    user_id: str
    transaction_id: str
    emoji: tuple[int, ...]
    decimals: tuple[int, int, int]


class Compared(msgspec.Struct, frozen=True):
    """It is over.

    `same`: both saw the same, and the other side's app trusts the bot now. `different`: they say it was not the
    same. `stopped`: they ended it. `too_late`: nobody went on for ten minutes. `lost`: it belongs to a run before
    this one. `failed`: the two sides could not understand each other.
    """

    user_id: str
    transaction_id: str
    outcome: Outcome


Listener = Callable[[Comparing | Compared], Awaitable[None]]


async def _nobody(_news: Comparing | Compared) -> None:
    """Nobody is told."""


class _Message(msgspec.Struct, frozen=True):
    """One message of a comparison as it came: `room_id` None device to device."""

    user_id: str
    room_id: str | None
    transaction_id: str
    kind: str
    content: dict[str, Any]
    at_ms: int

    def __repr__(self) -> str:
        return f"_Message({self.user_id!r}, {self.kind!r})"


class _Talk:
    """A comparison under way."""

    def __init__(self, exchange: Exchange, room_id: str | None, began_ms: int) -> None:
        self.exchange = exchange
        self.room_id = room_id
        self.began_ms = began_ms

    @property
    def start_ms(self) -> int | None:
        """When the bot begins by itself."""
        return self.began_ms + START_AFTER_MS if self.exchange.phase == "ready" else None

    @property
    def ends_ms(self) -> int:
        return self.began_ms + OLDEST_MS


class Verification:
    """Answers requests to verify this device; `listener` is told what to show and how it ended."""

    def __init__(
        self,
        cipher: Cipher,
        keys: KeyExchange,
        sender: Sender,
        rooms: Rooms,
        patience: Patience,
        clock: Clock,
    ) -> None:
        self._cipher = cipher
        self._keys = keys
        self._sender = sender
        self._rooms = rooms
        self._patience = patience
        self._clock = clock
        self.listener: Listener = _nobody
        self._own = Party(cipher.machine.user_id, cipher.machine.device_id)
        self._inbox: deque[_Message] = deque()
        self._talks: dict[str, _Talk] = {}
        self._requests: dict[str, tuple[int, ...]] = {}
        self._over: dict[str, None] = {}
        self._wake = asyncio.Event()
        self.dropped = 0

    # Taking in

    def note(self, events: Iterable[AnyEvent], to_device: Iterable[ToDevice]) -> None:
        """Remember what concerns verification in a sync answer that is committed; `run` looks at it."""
        for message in to_device:
            transaction_id = as_text(message.content.get("transaction_id"))
            self._note(message.sender, None, transaction_id, message.type, message.content, None)
        for event in events:
            if not isinstance(event, RoomEvent) or event.state_key is not None:
                continue
            if event.type == "m.room.message" and event.content.get("msgtype") == REQUEST:
                named = event.event_id if event.content.get("to") == self._own.user_id else None
                kind = REQUEST
            elif event.type.startswith(VERIFICATION):
                relation = as_dict(event.content.get("m.relates_to"))
                named, kind = as_text(relation.get("event_id")), event.type
            else:
                continue
            self._note(event.sender, event.room_id, named, kind, event.content, event.origin_server_ts_ms)

    def _note(
        self,
        user_id: str,
        room_id: str | None,
        transaction_id: str | None,
        kind: str,
        content: dict[str, Any],
        at_ms: int | None,
    ) -> None:
        if user_id == self._own.user_id or not transaction_id or len(transaction_id) > LONGEST_ID:
            return
        if not is_user_id(user_id) or not self._rooms.shared_with(user_id):
            log.info("a stranger, %s, wants to compare keys: no answer", user_id)
            return
        if room_id is not None and not self._is_between_two(room_id, user_id):
            return
        waiting = sum(1 for message in self._inbox if message.user_id == user_id)
        if len(self._inbox) >= MOST_WAITING or waiting >= MOST_WAITING_EACH:
            self.dropped += 1
            log.warning("too much about verification waits: something from %s is dropped", user_id)
            return
        if at_ms is None:
            stated = as_number(content.get("timestamp"))
            at_ms = self._clock.now_ms() if stated is None else stated
        short = kind.removeprefix(VERIFICATION)
        self._inbox.append(_Message(user_id, room_id, transaction_id, short, content, at_ms))
        self._wake.set()

    def _is_between_two(self, room_id: str, user_id: str) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and room.present() == {self._own.user_id, user_id}

    # Running

    async def run(self, stop: asyncio.Event) -> None:
        """Take part in comparisons until `stop` is set."""
        while not stop.is_set():
            self._wake.clear()
            while self._inbox and not stop.is_set():
                message = self._inbox.popleft()
                await self._or_give_up(message.user_id, self._take(message))
            if not stop.is_set():
                await self._do_what_is_due()
                await self._until_woken(stop)

    async def _until_woken(self, stop: asyncio.Event) -> None:
        waits: list[Coroutine[Any, Any, object]] = [self._wake.wait(), stop.wait()]
        due_ms = min((self._due_ms(talk) for talk in self._talks.values()), default=None)
        if due_ms is not None:
            waits.append(self._clock.pause(max(0.0, (due_ms - self._clock.now_ms()) / 1000)))
        await first_of(*waits)

    def _due_ms(self, talk: _Talk) -> int:
        return talk.ends_ms if talk.start_ms is None else min(talk.start_ms, talk.ends_ms)

    async def _do_what_is_due(self) -> None:
        now_ms = self._clock.now_ms()
        for user_id, talk in list(self._talks.items()):
            if talk.ends_ms <= now_ms:
                await self._or_give_up(user_id, self._run_out(talk))
            elif talk.start_ms is not None and talk.start_ms <= now_ms:
                await self._or_give_up(user_id, self._say(talk, talk.exchange.start()))

    async def _run_out(self, talk: _Talk) -> None:
        if talk.exchange.phase == "agreed":
            # Both have vouched; only the other side's last word never came.
            await self._end(talk, "same")
            return
        await self._cancel(talk, "m.timeout", "nobody went on")
        await self._end(talk, "too_late")

    async def _or_give_up(self, user_id: str, step: Coroutine[Any, Any, None]) -> None:
        """Take a step; where the homeserver does not let us, the comparison is over."""
        try:
            await step
        except (MatrixError, SendError, NotCommitted) as error:
            log.warning("comparing keys with %s: %s", user_id, error)
            talk = self._talks.get(user_id)
            if talk is not None:
                await self._end(talk, "failed")

    async def _take(self, message: _Message) -> None:
        if message.kind == "request":
            await self._take_request(message)
            return
        talk = self._talks.get(message.user_id)
        if talk is None or not self._belongs(message, talk):
            await self._take_unknown(message)
            return
        await self._go_on(talk, message)

    @staticmethod
    def _belongs(message: _Message, talk: _Talk) -> bool:
        return message.transaction_id == talk.exchange.transaction_id and message.room_id == talk.room_id

    # Requests

    async def _take_request(self, message: _Message) -> None:
        now_ms = self._clock.now_ms()
        device_id = as_text(message.content.get("from_device")) or ""
        if not now_ms - OLDEST_MS < message.at_ms < now_ms + FURTHEST_AHEAD_MS or not device_id:
            return
        if len(device_id) > LONGEST_NAME or not self._may_ask(message.user_id, now_ms):
            return
        before = self._talks.get(message.user_id)
        if before is not None:
            if self._belongs(message, before):
                return
            await self._cancel(before, "m.user", "another comparison was begun")
            self._forget(before)
        if len(self._talks) >= MOST_AT_ONCE:
            log.warning("more than %d comparisons at once: %s gets no answer", MOST_AT_ONCE, message.user_id)
            return
        talk = self._new_talk(message, device_id, now_ms)
        if METHOD not in as_list(message.content.get("methods")):
            await self._break_off(talk, Broken("m.unknown_method", f"only {METHOD} is spoken here"))
            return
        if not await self._keys_of(talk.exchange.other):
            await self._break_off(talk, Broken("m.invalid_message", "an unknown device"))
            return
        ready = {"from_device": self._own.device_id, "methods": [METHOD]}
        await self._say(talk, talk.exchange.say("ready", ready))

    def _new_talk(self, message: _Message, device_id: str, now_ms: int) -> _Talk:
        other = Party(message.user_id, device_id)
        reference = _reference(message)
        exchange = Exchange(self._own, other, message.transaction_id, reference)
        talk = self._talks[message.user_id] = _Talk(exchange, message.room_id, now_ms)
        return talk

    def _may_ask(self, user_id: str, now_ms: int) -> bool:
        lately = tuple(at for at in self._requests.pop(user_id, ()) if at > now_ms - HOUR_MS)
        if len(lately) >= MOST_PER_HOUR:
            self._requests[user_id] = lately
            log.warning("%s wants to compare keys more than %d times an hour", user_id, MOST_PER_HOUR)
            return False
        self._requests[user_id] = (*lately, now_ms)
        while len(self._requests) > MOST_REMEMBERED:
            del self._requests[next(iter(self._requests))]
        return True

    async def _take_unknown(self, message: _Message) -> None:
        """A comparison we know nothing of, most likely from before a restart: the other side is told, once."""
        if message.kind not in ("start", "accept", "key", "mac") or message.transaction_id in self._over:
            return
        if message.at_ms < self._clock.now_ms() - OLDEST_MS:
            return
        self._note_over(message.transaction_id)
        if not self._may_ask(message.user_id, self._clock.now_ms()):
            return
        device_id = as_text(message.content.get("from_device")) or "*"
        exchange = Exchange(
            self._own, Party(message.user_id, device_id), message.transaction_id, _reference(message)
        )
        talk = _Talk(exchange, message.room_id, self._clock.now_ms())
        await self._cancel(talk, "m.unknown_transaction", "this comparison is not known here")
        await self.listener(Compared(message.user_id, message.transaction_id, "lost"))

    # Going on

    async def _go_on(self, talk: _Talk, message: _Message) -> None:
        exchange = talk.exchange
        match message.kind:
            case "start":
                await self._follow(talk, exchange.take_start(message.content))
            case "accept":
                await self._follow(talk, exchange.take_accept(message.content))
            case "key":
                shown = exchange.take_key(message.content)
                if isinstance(shown, Broken):
                    await self._break_off(talk, shown)
                    return
                for say in shown[0]:
                    await self._say(talk, say)
                await self._show(talk, shown[1])
            case "mac":
                await self._take_mac(talk, message.content)
            case "done" if exchange.phase == "agreed":
                await self._end(talk, "same")
            case "cancel":
                await self._take_cancel(talk, as_text(message.content.get("code")) or "")
            case _:
                log.debug("%s from %s is passed over", message.kind, message.user_id)

    async def _follow(self, talk: _Talk, outcome: Say | Broken | None) -> None:
        match outcome:
            case Say():
                await self._say(talk, outcome)
            case Broken():
                await self._break_off(talk, outcome)
            case None:
                log.debug("both sides began; ours counts")

    async def _show(self, talk: _Talk, shown: Shown) -> None:
        other = talk.exchange.other
        # Whoever runs the house can read them out to somebody who asks: a way that no server lies on.
        log.info(
            "comparing with %s %s: emoji %s, numbers %s",
            other.user_id,
            other.device_id,
            " ".join(EMOJI[each] for each in shown.emoji),
            " ".join(map(str, shown.decimals)),
        )
        await self.listener(
            Comparing(other.user_id, talk.exchange.transaction_id, shown.emoji, shown.decimals)
        )

    async def _take_mac(self, talk: _Talk, content: Mapping[str, Any]) -> None:
        other = talk.exchange.other
        known = await self._keys_of(other)
        vouched = talk.exchange.take_mac(content, known)
        if isinstance(vouched, Broken):
            await self._break_off(talk, vouched)
            return
        await self._say(talk, talk.exchange.mac(await self._own_keys()))
        await self._say(talk, talk.exchange.say("done", {}))
        trust = self._cipher.trust
        master, mark = trust.person(other.user_id).master.rstrip("="), trust.mark_of(other.user_id)
        if master and f"ed25519:{master}" in vouched.key_ids:
            await self._sender.recognize(other.user_id, mark)

    async def _take_cancel(self, talk: _Talk, code: str) -> None:
        if code == "m.accepted":
            self._forget(talk)
            return
        await self._end(talk, CANCELLED.get(code, "failed"))

    # Keys

    async def _keys_of(self, other: Party) -> dict[str, str]:
        """Key id → public key: of this device of theirs, and of their identity; empty for an unknown device."""
        await self._keys.refresh([other.user_id])
        device = self._cipher.machine.device_store[other.user_id].get(other.device_id)
        if device is None or device.deleted:
            return {}
        keys = {f"ed25519:{other.device_id}": str(device.ed25519).rstrip("=")}
        master = self._cipher.trust.person(other.user_id).master.rstrip("=")
        if master and master != other.device_id:
            keys[f"ed25519:{master}"] = master
        return keys

    async def _own_keys(self) -> dict[str, str]:
        """This device's key, and the account's identity where it is the one we know and has signed this device."""
        trust, own = self._cipher.trust, self._own
        if not trust.is_signed(own.user_id, own.device_id):
            trust.mark_outdated([own.user_id])
        await self._keys.refresh([own.user_id])
        keys = {f"ed25519:{own.device_id}": self._cipher.machine.signing_key}
        if trust.is_signed(own.user_id, own.device_id):
            master = trust.person(own.user_id).master
            keys[f"ed25519:{master}"] = master
        return keys

    # Saying

    async def _say(self, talk: _Talk, say: Say) -> None:
        event_type, other = f"{VERIFICATION}{say.kind}", talk.exchange.other
        if talk.room_id is None:
            messages = {other.user_id: {other.device_id: say.content}}
            await self._patience(lambda: self._keys.send_to_devices(event_type, messages))
            return
        named = canonical([self._own.device_id, talk.exchange.transaction_id, say.kind])
        transaction_id = hashlib.sha256(named).hexdigest()[:32]
        # It says nothing private, and has to reach the very identity that is being compared.
        sealed = await self._sender.seal(
            talk.room_id, event_type, say.content, transaction_id, for_anyone=True
        )
        await self._sender.put(sealed)

    async def _cancel(self, talk: _Talk, code: str, reason: str) -> None:
        log.info("comparing with %s is ended: %s (%s)", talk.exchange.other.user_id, code, reason)
        talk.exchange.end()
        await self._say(talk, talk.exchange.say("cancel", {"code": code, "reason": reason}))

    async def _break_off(self, talk: _Talk, broken: Broken) -> None:
        await self._cancel(talk, broken.code, broken.reason)
        await self._end(talk, "failed")

    async def _end(self, talk: _Talk, outcome: Outcome) -> None:
        self._forget(talk)
        log.info("comparing with %s is over: %s", talk.exchange.other.user_id, outcome)
        await self.listener(Compared(talk.exchange.other.user_id, talk.exchange.transaction_id, outcome))

    def _forget(self, talk: _Talk) -> None:
        talk.exchange.end()
        if self._talks.get(talk.exchange.other.user_id) is talk:
            del self._talks[talk.exchange.other.user_id]
        self._note_over(talk.exchange.transaction_id)

    def _note_over(self, transaction_id: str) -> None:
        self._over[transaction_id] = None
        while len(self._over) > MOST_REMEMBERED:
            del self._over[next(iter(self._over))]


def _reference(message: _Message) -> dict[str, Any]:
    """What names the comparison in each of its messages."""
    if message.room_id is None:
        return {"transaction_id": message.transaction_id}
    return {"m.relates_to": {"rel_type": "m.reference", "event_id": message.transaction_id}}
