"""Messages that cannot be read yet, and the keys asked for on their behalf."""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from bridge.matrix.keep import Ledger
from bridge.matrix.text import as_number

log = logging.getLogger(__name__)

WAITING = "waiting"
WANTED = "wanted_key"

MOST_WAITING = 2_000
"""Messages kept until their key comes; the oldest go first."""

MOST_WAITING_PER_SESSION = 200
MOST_WANTED = 500


class WantedKey(msgspec.Struct, frozen=True):
    """A Megolm session somebody used and we cannot read; `asked` when the one request for it is out.

    `withheld` is the code of an `m.room_key.withheld` message, if the other side said why it keeps the key back;
    `met` when a message that needs the key has been seen.
    """

    room_id: str
    session_id: str
    user_id: str
    since_ms: int
    asked: bool = False
    withheld: str = ""
    met: bool = False


class WaitingEvent(msgspec.Struct, frozen=True):
    """One unreadable event as the homeserver gave it."""

    room_id: str
    session_id: str
    event: dict[str, Any]

    def written(self) -> bytes:
        # JSON, because what strangers write need not fit anything else.
        return json.dumps([self.room_id, self.session_id, self.event]).encode()

    @classmethod
    def read(cls, value: bytes) -> "WaitingEvent":
        return cls(*json.loads(value))


class Waiting:
    """Unreadable events by session, and which keys are wanted; everything bounded."""

    def __init__(self, rows: Mapping[tuple[str, str], bytes], ledger: Ledger) -> None:
        self._ledger = ledger
        self._events: dict[str, WaitingEvent] = {}
        self._wanted: dict[tuple[str, str], WantedKey] = {}
        self.dropped = 0
        for (kind, key), value in rows.items():
            if kind == WAITING:
                self._events[key] = WaitingEvent.read(value)
            elif kind == WANTED:
                wanted = msgspec.msgpack.decode(value, type=WantedKey)
                self._wanted[wanted.room_id, wanted.session_id] = wanted
        self._events = dict(
            sorted(
                self._events.items(), key=lambda item: as_number(item[1].event.get("origin_server_ts")) or 0
            )
        )

    def __len__(self) -> int:
        return len(self._events)

    @property
    def wanted_keys(self) -> int:
        """How many keys we lack."""
        return len(self._wanted)

    def add(self, room_id: str, session_id: str, event: Mapping[str, Any], now_ms: int) -> bool:
        """Keep the event until its key comes; True if it is the first one of its session."""
        event_id = str(event.get("event_id"))
        if event_id not in self._events:
            of_session = [each for each, kept in self._events.items() if kept.session_id == session_id]
            if len(of_session) >= MOST_WAITING_PER_SESSION:
                self._drop(of_session[0])
            if len(self._events) >= MOST_WAITING:
                self._drop(next(iter(self._events)))
            kept = WaitingEvent(room_id, session_id, dict(event))
            self._events[event_id] = kept
            self._ledger.put(WAITING, event_id, kept.written())
        wanted = self._want(room_id, session_id, str(event.get("sender")), now_ms)
        if not wanted.met:
            self._set(msgspec.structs.replace(wanted, met=True))
        return not wanted.met

    def _want(self, room_id: str, session_id: str, user_id: str, now_ms: int) -> WantedKey:
        wanted = self._wanted.get((room_id, session_id))
        if wanted is None:
            if len(self._wanted) >= MOST_WANTED:
                self._forget_key(*next(iter(self._wanted)))
            wanted = WantedKey(room_id, session_id, user_id, now_ms)
            self._set(wanted)
        return wanted

    def _set(self, wanted: WantedKey) -> None:
        self._wanted[wanted.room_id, wanted.session_id] = wanted
        self._ledger.put(WANTED, f"{wanted.room_id}|{wanted.session_id}", msgspec.msgpack.encode(wanted))

    def _forget_key(self, room_id: str, session_id: str) -> None:
        if self._wanted.pop((room_id, session_id), None) is not None:
            self._ledger.put(WANTED, f"{room_id}|{session_id}", None)

    def _drop(self, event_id: str) -> None:
        self.dropped += 1
        log.warning("too many unreadable messages: %s is given up", event_id)
        self._remove(event_id)

    def _remove(self, event_id: str) -> None:
        del self._events[event_id]
        self._ledger.put(WAITING, event_id, None)

    def is_wanted(self, room_id: str, session_id: str, user_id: str) -> bool:
        """Whether we asked this person for this key."""
        wanted = self._wanted.get((room_id, session_id))
        return wanted is not None and wanted.user_id == user_id

    def withheld(self, room_id: str, session_id: str) -> str:
        """Why the key is kept back, as far as we were told; else ""."""
        wanted = self._wanted.get((room_id, session_id))
        return wanted.withheld if wanted else ""

    def note_withheld(self, room_id: str, session_id: str, user_id: str, code: str, now_ms: int) -> None:
        """The other side says that it keeps this key back."""
        wanted = self._want(room_id, session_id, user_id, now_ms)
        if wanted.user_id == user_id:
            self._set(msgspec.structs.replace(wanted, withheld=code[:100]))

    def unasked(self) -> list[WantedKey]:
        """Keys not asked for yet, and not refused."""
        return [each for each in self._wanted.values() if each.met and not each.asked and not each.withheld]

    def mark_asked(self, wanted: WantedKey) -> None:
        if (wanted.room_id, wanted.session_id) in self._wanted:
            self._set(msgspec.structs.replace(self._wanted[wanted.room_id, wanted.session_id], asked=True))

    def ask_again(self, user_id: str) -> None:
        """Ask this person anew for every key still missing: the way between us was broken when we asked."""
        for wanted in list(self._wanted.values()):
            if wanted.user_id == user_id and wanted.asked:
                self._set(msgspec.structs.replace(wanted, asked=False))

    def release(self, keys: Iterable[tuple[str, str]]) -> list[WaitingEvent]:
        """Take out the events that waited for these (room, session) keys, oldest first."""
        came = set(keys)
        released = [
            (event_id, kept)
            for event_id, kept in self._events.items()
            if (kept.room_id, kept.session_id) in came
        ]
        for event_id, _ in released:
            self._remove(event_id)
        for room_id, session_id in came:
            self._forget_key(room_id, session_id)
        return [kept for _, kept in released]

    def drop_room(self, room_id: str) -> None:
        """We left the room: nothing of it waits any more."""
        for event_id in [each for each, kept in self._events.items() if kept.room_id == room_id]:
            self._remove(event_id)
        for key in [key for key in self._wanted if key[0] == room_id]:
            self._forget_key(*key)
