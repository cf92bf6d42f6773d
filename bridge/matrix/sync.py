"""The sync loop: one answer of the homeserver at a time, handed over whole, committed whole, then the next.

Order within one answer: gaps are filled from `/messages`; then, holding the ledger's turn, room state is taken in,
to-device messages are absorbed, events are read, the new cursor is noted, and one `Delivery` leaves with the events
and every changed row. The handler commits the rows together with what it made of the events. Only after that is the
homeserver asked for what comes next, which is its permission to forget this answer. Killed anywhere before the
commit, everything comes again and meets the state from before; killed after it, nothing is missing.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from bridge.matrix.checked import is_user_id
from bridge.matrix.cipher import Cipher, Decrypted, SenderTrust, ToDevice, Undecryptable
from bridge.matrix.clock import Clock
from bridge.matrix.direct import DirectRooms
from bridge.matrix.http import Homeserver, Patience, RateLimited, Refused, ServerTrouble, path
from bridge.matrix.keep import Batch, Ledger, NotCommitted, Row
from bridge.matrix.megolm import TRANSACTION
from bridge.matrix.rooms import Changes, Rooms
from bridge.matrix.text import as_dict, as_list, as_number, as_text

log = logging.getLogger(__name__)

T = TypeVar("T")

CURSOR = "cursor"
POLL_SECONDS = 30
SHORTEST_POLL_SECONDS = 1.0
"""A poll that brings nothing takes at least this long, whoever answers it."""
MOST_GAP_EVENTS = 1_000
PAGE = 100
LATEST_MS = 1 << 53

FILTER = json.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": ["m.direct"]},
        "room": {
            "ephemeral": {"types": []},
            "account_data": {"types": []},
            "timeline": {"limit": 100},
            "state": {"lazy_load_members": False},
        },
    }
)

Source = Literal["timeline", "gap", "state", "late"]


class RoomEvent(msgspec.Struct, frozen=True):
    """One readable event in a room, messages and state alike (`state_key` is not None for state).

    `source`: "timeline"; "gap" (found where the homeserver left some out); "state" (a state change whose place in
    the timeline was left out); "late" (an earlier message whose key came only now). `transaction_id` is set on our
    own messages, as far as the homeserver tells. `redacts` names the event a redaction takes back. `was_joined`: a
    change of membership of somebody who was in the room before it, such as a new name or picture.
    """

    room_id: str
    event_id: str
    sender: str
    type: str
    state_key: str | None
    content: dict[str, Any]
    origin_server_ts_ms: int
    source: Source = "timeline"
    encrypted: bool = False
    sender_device: str | None = None
    sender_trust: SenderTrust = "unknown"
    redacts: str | None = None
    transaction_id: str | None = None
    was_joined: bool = False
    session_id: str = ""
    """The Megolm session it was encrypted with."""

    def __repr__(self) -> str:
        return f"RoomEvent({self.room_id!r}, {self.event_id!r}, {self.type!r}, from {self.sender!r})"


class UndecryptableEvent(msgspec.Struct, frozen=True):
    """A message we could not read; it comes as a `late` RoomEvent should its key arrive.

    Answer kindly once per session (`first_of_session`); `cause` names the likely reason.
    """

    room_id: str
    event_id: str
    sender: str
    origin_server_ts_ms: int
    cause: Undecryptable
    source: Source = "timeline"

    @property
    def first_of_session(self) -> bool:
        return self.cause.first_of_session


AnyEvent = RoomEvent | UndecryptableEvent


class Gap(msgspec.Struct, frozen=True):
    """A place where the homeserver left events out; `complete` is False where we gave up filling it."""

    room_id: str
    filled: int
    complete: bool


class Delivery(msgspec.Struct, frozen=True):
    """One sync answer: commit `rows` in the same transaction as whatever follows from `events`.

    `events` are in order within each room, older messages read late before all others. `fresh`: there was no cursor,
    so the events are history from before the bot listened. `first`: the first delivery of this run. `caught_up`:
    whatever happened before this run began has been delivered with it, or before.
    `identities_changed` names people whose cross-signing identity changed, `identities_accepted` those whose changed
    one is theirs from now on.
    """

    events: tuple[AnyEvent, ...]
    rows: tuple[Row, ...]
    first: bool
    fresh: bool
    caught_up: bool = True
    gaps: tuple[Gap, ...] = ()
    changes: Changes = Changes((), (), ())
    identities_changed: tuple[str, ...] = ()
    identities_accepted: tuple[str, ...] = ()
    verifying: tuple[ToDevice, ...] = ()
    """Messages about verifying keys, device to device."""

    def __repr__(self) -> str:
        return f"Delivery({len(self.events)} events, {len(self.rows)} rows, first={self.first})"


Handler = Callable[[Delivery], Awaitable[None]]
Upkeep = Callable[[Mapping[str, Any]], Coroutine[Any, Any, None]]


class Sync:
    """Asks, hands over, and asks again; `run` ends when told to, or with the error only an operator can mend."""

    def __init__(
        self,
        homeserver: Homeserver,
        cipher: Cipher,
        rooms: Rooms,
        direct: DirectRooms,
        ledger: Ledger,
        rows: Mapping[tuple[str, str], bytes],
        clock: Clock,
        patience: Patience,
        *,
        upkeep: Upkeep,
    ) -> None:
        self._homeserver = homeserver
        self._cipher = cipher
        self._rooms = rooms
        self._direct = direct
        self._ledger = ledger
        self._clock = clock
        self._patience = patience
        self._upkeep = upkeep
        stored = rows.get((CURSOR, cipher.machine.device_id))
        self._cursor: str | None = stored.decode() if stored is not None else None
        self._first = True
        self._caught_up = False
        self.dropped_events = 0

    @property
    def cursor(self) -> str | None:
        """How far everything is committed; None before the first delivery."""
        return self._cursor

    async def run(self, handler: Handler, stop: asyncio.Event) -> None:
        """Deliver sync answers to `handler` until `stop` is set.

        A handler that raises `NotCommitted` gets the same delivery again, after a growing pause. While the
        homeserver is in trouble it is asked again with growing pauses, never more than once a second. Raises
        `TokenLost` when the access token is dead, `Refused` when the homeserver will not let us sync, and whatever
        else the handler raises. The handler must not wait for a message of ours to be sealed: the ledger's turn is
        held while it runs.
        """
        failures = 0
        while not stop.is_set():
            asked_ms, polled = self._clock.now_ms(), self._caught_up
            try:
                answer = await self._poll(stop)
                if answer is None:
                    return
                gaps = await _or_stop(asyncio.ensure_future(self._fill_gaps(answer)), stop)
                if gaps is None:
                    return
            except (ServerTrouble, RateLimited) as error:
                failures += 1
                wait_seconds = self._patience.wait_seconds(failures, error)
                log.warning("sync failed %d times: %s; again in %.1f s", failures, error, wait_seconds)
                await self._pause(wait_seconds, stop)
                continue
            failures = 0
            nothing = polled and answer["next_batch"] == self._cursor
            # The first answer may be an old one: Synapse repeats it for two minutes to whoever asks the same again,
            # as a start after a kill does. From a cursor that came with it nobody has asked before.
            self._caught_up = not self._first or answer["next_batch"] == self._cursor
            if not await self._deliver(answer, gaps, handler, stop):
                return
            await _or_stop(asyncio.ensure_future(self._upkeep(answer)), stop)
            taken_seconds = (self._clock.now_ms() - asked_ms) / 1000
            if nothing and taken_seconds < SHORTEST_POLL_SECONDS:
                # Nothing new, and yet nobody waited for it: a cache or a proxy answers in the homeserver's place.
                await self._pause(SHORTEST_POLL_SECONDS - taken_seconds, stop)

    async def _poll(self, stop: asyncio.Event) -> dict[str, Any] | None:
        query = {"filter": FILTER, "timeout": str(POLL_SECONDS * 1000), "set_presence": "online"}
        if self._cursor is not None:
            query["since"] = self._cursor
        if not self._caught_up or self._cipher.trust.has_news:
            query["timeout"] = "0"
        poll = asyncio.ensure_future(
            self._homeserver.request(
                "GET", path("sync"), query=query, timeout_seconds=600 if self._first else POLL_SECONDS + 60
            )
        )
        answer = await _or_stop(poll, stop)
        if answer is not None and as_text(answer.get("next_batch")) is None:
            raise ServerTrouble("GET sync: the answer has no next_batch")
        return answer

    async def _pause(self, seconds: float, stop: asyncio.Event) -> None:
        await _or_stop(asyncio.ensure_future(self._clock.pause(seconds)), stop)

    # Gaps

    async def _fill_gaps(self, answer: Mapping[str, Any]) -> dict[str, tuple[Gap, list[dict[str, Any]]]]:
        """What the homeserver left out between our cursor and each limited timeline, oldest first.

        In a room that is new to us, history ends at our own joining.
        """
        gaps = {}
        joined = as_dict(as_dict(answer.get("rooms")).get("join"))
        for room_id, data in joined.items():
            timeline = as_dict(as_dict(data).get("timeline"))
            token = as_text(timeline.get("prev_batch"))
            if timeline.get("limited") is not True or token is None or self._cursor is None:
                continue
            known = room_id in self._rooms
            if not known and self._finds_own_join(as_list(timeline.get("events"))):
                continue
            gaps[room_id] = await self._page_back(room_id, token, until_cursor=known)
        return gaps

    async def _page_back(
        self, room_id: str, token: str, *, until_cursor: bool
    ) -> tuple[Gap, list[dict[str, Any]]]:
        newest_first: list[dict[str, Any]] = []
        query = {"dir": "b", "limit": str(PAGE), "from": token}
        if until_cursor and self._cursor is not None:
            query["to"] = self._cursor
        while len(newest_first) < MOST_GAP_EVENTS:
            try:
                page = await self._homeserver.request("GET", path("rooms", room_id, "messages"), query=query)
            except Refused as refused:
                log.warning("%s: the gap cannot be filled: %s", room_id, refused)
                break
            events = [as_dict(event) for event in as_list(page.get("chunk"))]
            newest_first += events
            token = as_text(page.get("end")) or ""
            over = not token or not events or (not until_cursor and self._finds_own_join(events))
            if over:
                return Gap(room_id, len(newest_first), True), newest_first[::-1]
            query["from"] = token
        log.warning("%s: more than %d events were left out", room_id, len(newest_first))
        return Gap(room_id, len(newest_first), False), newest_first[::-1]

    def _finds_own_join(self, events: list[Any]) -> bool:
        return any(
            event.get("type") == "m.room.member"
            and event.get("state_key") == self._rooms.user_id
            and as_dict(event.get("content")).get("membership") == "join"
            and not _was_joined(event)
            for event in map(as_dict, events)
        )

    # Handing over

    async def _deliver(
        self,
        answer: Mapping[str, Any],
        gaps: Mapping[str, tuple[Gap, list[dict[str, Any]]]],
        handler: Handler,
        stop: asyncio.Event,
    ) -> bool:
        """Take the answer in and hand it over until it is committed; False if stopped before that."""
        async with self._ledger.turn:
            delivery, batch = self._take_in(answer, gaps)
            failures = 0
            try:
                while True:
                    try:
                        await handler(delivery)
                        break
                    except NotCommitted as error:
                        failures += 1
                        wait_seconds = self._patience.wait_seconds(failures)
                        log.warning(
                            "not committed %d times: %s; again in %.1f s", failures, error, wait_seconds
                        )
                        await self._pause(wait_seconds, stop)
                        if stop.is_set():
                            self._ledger.give_back(batch)
                            return False
            except BaseException:
                self._ledger.give_back(batch)
                raise
        self._cursor = as_text(answer["next_batch"])
        self._first = False
        return True

    def _take_in(
        self, answer: Mapping[str, Any], gaps: Mapping[str, tuple[Gap, list[dict[str, Any]]]]
    ) -> tuple[Delivery, Batch]:
        fresh = self._cursor is None
        before = dict(self._rooms.all())
        changes = self._rooms.take_in(answer)
        self._direct.take_in(answer)
        for room_id in changes.left:
            self._cipher.forget_room(room_id)
        arrival = self._cipher.take_in(answer)
        events: list[AnyEvent] = []
        for kept in arrival.released:
            events += self._read(kept.room_id, kept.event, "late")
        for room_id, data in as_dict(as_dict(answer.get("rooms")).get("join")).items():
            gap = gaps[room_id][1] if room_id in gaps else []
            events += self._read_room(room_id, as_dict(data), gap, known=room_id in before, fresh=fresh)
        for room_id, data in as_dict(as_dict(answer.get("rooms")).get("leave")).items():
            if room_id in before:
                for event in as_list(as_dict(as_dict(data).get("timeline")).get("events")):
                    events += self._read(room_id, as_dict(event), "timeline")
        changed, accepted = self._cipher.trust.report_changes()
        self._ledger.put(CURSOR, self._cipher.machine.device_id, str(answer["next_batch"]).encode())
        batch = self._ledger.take()
        delivery = Delivery(
            events=tuple(events),
            rows=batch.rows,
            first=self._first,
            fresh=fresh,
            caught_up=self._caught_up,
            gaps=tuple(gap for gap, _ in gaps.values()),
            changes=changes,
            identities_changed=tuple(changed),
            identities_accepted=tuple(accepted),
            verifying=arrival.verifying,
        )
        return delivery, batch

    def _read_room(
        self,
        room_id: str,
        data: Mapping[str, Any],
        gap: list[dict[str, Any]],
        *,
        known: bool,
        fresh: bool,
    ) -> list[AnyEvent]:
        """The events of one joined room. What was said before we joined it is not ours to read; what was said
        before this device listened (`fresh`) is read as far as it can be, without asking for keys.
        """
        timeline = [as_dict(event) for event in as_list(as_dict(data.get("timeline")).get("events"))]
        placed: list[tuple[dict[str, Any], Source]] = [(event, "gap") for event in gap]
        placed += [(event, "timeline") for event in timeline]
        if known and not fresh:
            seen = {as_text(event.get("event_id")) for event, _ in placed}
            state = [as_dict(event) for event in as_list(as_dict(data.get("state")).get("events"))]
            missed = [event for event in state if as_text(event.get("event_id")) not in seen]
            placed = [(event, "state") for event in missed] + placed
        placed = self._while_inside(placed)
        return [read for event, source in placed for read in self._read(room_id, event, source, quiet=fresh)]

    def _while_inside(
        self, placed: list[tuple[dict[str, Any], Source]]
    ) -> list[tuple[dict[str, Any], Source]]:
        """Without what was said while we were not in the room, before our first joining or between two.

        A room may be known before its history comes: it was asked for, or we have been in it before.
        """
        joins = [at for at, (event, _) in enumerate(placed) if self._finds_own_join([event])]
        if not joins:
            return placed
        inside = (
            at for at, (event, _) in enumerate(placed) if at < joins[-1] and self._is_own_leaving(event)
        )
        left = max(inside, default=None)
        before = [] if left is None else self._while_inside(placed[: left + 1])
        return before + placed[joins[-1] :]

    def _is_own_leaving(self, event: Mapping[str, Any]) -> bool:
        return (
            event.get("type") == "m.room.member"
            and event.get("state_key") == self._rooms.user_id
            and as_dict(event.get("content")).get("membership") in ("leave", "ban")
        )

    def _own_transaction(self, sender: str, event: Mapping[str, Any]) -> str | None:
        if sender != self._rooms.user_id:
            return None
        return as_text(as_dict(event.get("content")).get(TRANSACTION)) or as_text(
            as_dict(event.get("unsigned")).get("transaction_id")
        )

    def _read(
        self, room_id: str, event: Mapping[str, Any], source: Source, *, quiet: bool = False
    ) -> list[AnyEvent]:
        """The event as a value; nothing if it is not well-formed. `quiet`: ask for no key."""
        event_id, sender, kind = (as_text(event.get(name)) for name in ("event_id", "sender", "type"))
        content, at_ms = event.get("content"), as_number(event.get("origin_server_ts"))
        if not (event_id and is_user_id(sender) and kind and isinstance(content, dict) and at_ms is not None):
            self.dropped_events += 1
            log.info("a malformed event in %s is dropped: %s", room_id, event_id)
            return []
        state_key = as_text(event.get("state_key"))
        at_ms = min(max(at_ms, 0), LATEST_MS)
        read = RoomEvent(
            room_id=room_id,
            event_id=event_id,
            sender=str(sender),
            type=kind,
            state_key=state_key,
            content=content,
            origin_server_ts_ms=at_ms,
            source=source,
            redacts=(as_text(content.get("redacts")) or as_text(event.get("redacts")))
            if kind == "m.room.redaction"
            else None,
            transaction_id=self._own_transaction(str(sender), event),
            was_joined=kind == "m.room.member" and _was_joined(event),
        )
        # A redacted event has lost its ciphertext: there is nothing to decrypt or to wait for.
        if kind != "m.room.encrypted" or state_key is not None or not content:
            return [read]
        opened = (self._cipher.peek if quiet else self._cipher.open_event)(room_id, event)
        match opened:
            case Decrypted():
                return [
                    msgspec.structs.replace(
                        read,
                        type=opened.type,
                        content=opened.content,
                        encrypted=True,
                        sender_device=opened.sender_device,
                        sender_trust=opened.trust,
                        session_id=opened.session_id,
                    )
                ]
            case Undecryptable():
                return [UndecryptableEvent(room_id, event_id, str(sender), at_ms, opened, source)]


async def _or_stop(task: "asyncio.Future[T]", stop: asyncio.Event) -> T | None:
    """The task's result, or None if `stop` is set first; the task does not outlive this call."""
    stopped = asyncio.ensure_future(stop.wait())
    both: list[asyncio.Future[Any]] = [task, stopped]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)


def _was_joined(event: Mapping[str, Any]) -> bool:
    """Whether whom a change of membership is about was in the room before it too."""
    return as_dict(as_dict(event.get("unsigned")).get("prev_content")).get("membership") == "join"
