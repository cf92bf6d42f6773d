"""One encrypted 1:1 room per person, created once, also when killed in between.

`createRoom` has no transaction id. What makes it happen once is the room's alias, a keyed hash of the person: a
second attempt is answered with `M_ROOM_IN_USE`, and the alias leads to the room the first one made. Whatever such an
attempt left undone (invitation, `m.direct`) is done then.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from bridge.matrix.clock import Clock
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.room import Room
from bridge.matrix.rooms import Rooms
from bridge.matrix.text import as_dict, as_list, as_text

log = logging.getLogger(__name__)

DIRECT = "direct_room"
MARKED = "direct_marks"
ACCOUNT_DATA = "m.direct"

GLANCES = 5
GLANCE_SECONDS = 0.5
"""How often, and how long apart, a room is looked at that our homeserver may still be making."""

ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}

MOST_GENERATIONS = 10
"""Rooms tried for one person; a new one is needed only where we are shut out of the one before."""


class NoDirectRoom(Exception):
    """No 1:1 room with this person can be had: the homeserver refused, or each room shut us out."""


class DirectRooms:
    """The 1:1 rooms, by person; `salt` is secret, or everybody could look up who the bot writes to."""

    def __init__(
        self,
        rows: Mapping[tuple[str, str], bytes],
        rooms: Rooms,
        homeserver: Homeserver,
        ledger: Ledger,
        salt: bytes,
        clock: Clock,
        forget_history: Callable[[str], None],
    ) -> None:
        """`forget_history` lets the keys go with which a room's messages could be read."""
        self._forget_history = forget_history
        self._rooms = rooms
        self._homeserver = homeserver
        self._ledger = ledger
        self._salt = salt
        self._clock = clock
        self._known = {
            user_id: msgspec.msgpack.decode(value, type=str)
            for (kind, user_id), value in rows.items()
            if kind == DIRECT
        }
        marked = rows.get((MARKED, ""))
        self._marked: dict[str, Any] = as_dict(json.loads(marked)) if marked else {}
        self._locks: dict[str, asyncio.Lock] = {}

    def take_in(self, answer: Mapping[str, Any]) -> None:
        """Take in the account data of a sync answer."""
        for event in map(as_dict, as_list(as_dict(answer.get("account_data")).get("events"))):
            if event.get("type") == ACCOUNT_DATA:
                self._marked = as_dict(event.get("content"))
                self._ledger.put(MARKED, "", json.dumps(self._marked).encode())

    def room_of(self, user_id: str) -> str | None:
        """The 1:1 room with this person that could be written to now, or None.

        Of several the newest that both of them are in; only where there is none, one they are still invited to.
        """
        known = (self._rooms.get(room_id) for room_id in self._rooms_with(user_id))
        fit = [room for room in known if room is not None and self._suits(room, user_id)]
        both = (room for room in fit if user_id in room.joined())
        found = next(both, fit[0] if fit else None)
        return None if found is None else found.room_id

    def _rooms_with(self, user_id: str) -> list[str]:
        """Every 1:1 room we know of with this person, the newest first."""
        marked = [room_id for room_id in as_list(self._marked.get(user_id)) if isinstance(room_id, str)]
        made = self._known.get(user_id)
        return marked if made is None or made in marked else [*marked, made]

    def known(self) -> Mapping[str, str]:
        """The person of every 1:1 room we ever made or took up, whether or not they are in it now."""
        marked = {
            room_id: user_id
            for user_id, listed in self._marked.items()
            for room_id in as_list(listed)
            if isinstance(room_id, str)
        }
        return {**marked, **{room_id: user_id for user_id, room_id in self._known.items()}}

    def _suits(self, room: Room, user_id: str) -> bool:
        return (
            room.encryption is not None
            and room.replaced_by is None
            and room.present() == {self._rooms.user_id, user_id}
            and room.may_send(self._rooms.user_id, "m.room.encrypted")
        )

    async def ensure(self, user_id: str) -> str:
        """The room id of the 1:1 room with this person, created and the person invited if need be.

        Raises `NoDirectRoom` if it cannot be had, and `MatrixError` where a later try may help (a `RateLimited`
        names the wait: Synapse allows one new room in a minute).
        """
        async with self._locks.setdefault(user_id, asyncio.Lock()):
            room_id = self.room_of(user_id) or await self._find_or_create(user_id)
            await self._remember(user_id, room_id)
            return room_id

    async def let_go(self, user_id: str) -> None:
        """Leave the 1:1 rooms with this person, and keep nothing that leads from one to the other.

        Raises a `MatrixError`; then some may be left already, and doing it again does the rest.
        """
        async with self._locks.setdefault(user_id, asyncio.Lock()):
            rooms = {room_id for room_id, whose in self.known().items() if whose == user_id}
            for generation in range(MOST_GENERATIONS):
                alias = self._alias(self._alias_name(user_id, generation))
                room_id = await self._resolve(alias)
                if room_id is None:
                    break
                rooms.add(room_id)
                await self._unless_gone("DELETE", path("directory", "room", alias))
            for room_id in sorted(rooms):
                await self._unless_gone("POST", path("rooms", room_id, "leave"))
                await self._unless_gone("POST", path("rooms", room_id, "forget"))
            await self._unmark(user_id, rooms)

    async def tidy(self) -> None:
        """Leave, for good, one 1:1 room that the other has left, where there is another one with them.

        Raises a `MatrixError` where a later try may help; doing it again does the rest.
        """
        for room_id, user_id in self.known().items():
            room, used = self._rooms.get(room_id), self.room_of(user_id)
            if room is None or used in (None, room_id) or room.present() - {self._rooms.user_id}:
                continue
            async with self._locks.setdefault(user_id, asyncio.Lock()):
                log.info("%s: they have left it, and there is another one with them: leaving it too", room_id)
                await self._unless_gone("POST", path("rooms", room_id, "leave"))
                await self._unless_gone("POST", path("rooms", room_id, "forget"))
                await self._unmark_room(user_id, room_id)
            return

    async def _unmark_room(self, user_id: str, room_id: str) -> None:
        await self._ask_what_is_marked()
        listed = [each for each in self._rooms_with(user_id) if each != room_id]
        if room_id in as_list(self._marked.get(user_id)):
            self._marked = {**self._marked, user_id: listed}
            where = path("user", self._rooms.user_id, "account_data", ACCOUNT_DATA)
            await self._homeserver.request("PUT", where, body=self._marked)
        async with self._ledger.turn:
            if self._known.get(user_id) == room_id:
                del self._known[user_id]
                self._ledger.put(DIRECT, user_id, None)
            self._forget_history(room_id)
            self._ledger.put(MARKED, "", json.dumps(self._marked).encode())
            await self._ledger.commit()

    async def _unless_gone(self, method: str, where: str) -> None:
        """One request; that there is nothing (any more) is as good."""
        try:
            await self._homeserver.request(method, where)
        except Refused as refused:
            if refused.status not in (400, 403, 404):
                raise
            log.debug("%s: %s", where, refused.errcode)

    async def _unmark(self, user_id: str, rooms: Iterable[str]) -> None:
        await self._ask_what_is_marked()
        if user_id in self._marked:
            self._marked = {whose: rooms for whose, rooms in self._marked.items() if whose != user_id}
            where = path("user", self._rooms.user_id, "account_data", ACCOUNT_DATA)
            await self._homeserver.request("PUT", where, body=self._marked)
        async with self._ledger.turn:
            self._known.pop(user_id, None)
            self._ledger.put(DIRECT, user_id, None)
            for room_id in rooms:
                self._forget_history(room_id)
            self._ledger.put(MARKED, "", json.dumps(self._marked).encode())
            await self._ledger.commit()

    async def _find_or_create(self, user_id: str) -> str:
        await self._ask_what_is_marked()
        known = self.room_of(user_id)
        if known is not None:
            return known
        for generation in range(MOST_GENERATIONS):
            name = self._alias_name(user_id, generation)
            alias = self._alias(name)
            # Looking first is free, while each attempt to create counts against the homeserver's limit.
            room_id = (
                await self._resolve(alias) or await self._create(user_id, name) or await self._resolve(alias)
            )
            if room_id is not None and await self._complete(room_id, user_id):
                return room_id
        raise NoDirectRoom(f"{user_id}: {MOST_GENERATIONS} rooms, and we may write in none of them")

    def _alias_name(self, user_id: str, generation: int) -> str:
        named = f"direct\n{user_id}\n{generation}".encode()
        return "hearth-" + hmac.digest(self._salt, named, hashlib.sha256).hex()[:32]

    async def _create(self, user_id: str, alias_name: str) -> str | None:
        """Create the room; None if this alias is taken, so that it was created before."""
        try:
            answer = await self._homeserver.request(
                "POST", path("createRoom"), body=_creation(user_id, alias_name), timeout_seconds=60
            )
        except Refused as refused:
            # 409: an attempt of ours that was killed is still being carried out, a step ahead of this one.
            if refused.errcode == "M_ROOM_IN_USE" or refused.status == 409:
                return None
            raise NoDirectRoom(f"{user_id}: {refused}") from refused
        return as_text(answer.get("room_id"))

    def _alias(self, alias_name: str) -> str:
        return f"#{alias_name}:{self._rooms.user_id.partition(':')[2]}"

    async def _resolve(self, alias: str) -> str | None:
        try:
            answer = await self._homeserver.request("GET", path("directory", "room", alias))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise NoDirectRoom(f"{alias}: {refused}") from refused
        return as_text(answer.get("room_id"))

    async def _complete(self, room_id: str, user_id: str) -> bool:
        """Do what a killed attempt left undone; False if the room is of no use (any more).

        The homeserver may still be busy with that attempt: then the room shows neither us nor its encryption yet.
        """
        room = await self._rooms.fetch(room_id)
        for _ in range(GLANCES):
            if room is not None and room.encryption is not None:
                break
            await self._clock.pause(GLANCE_SECONDS)
            room = await self._rooms.fetch(room_id)
        if room is None or room.replaced_by is not None:
            return False
        if room.present() - {self._rooms.user_id, user_id}:
            return False
        if room.encryption is None:
            where = path("rooms", room_id, "state", "m.room.encryption", "")
            await self._homeserver.request("PUT", where, body=ENCRYPTION)
            await self._rooms.fetch(room_id)
        if user_id not in room.members:
            try:
                await self._homeserver.request(
                    "POST", path("rooms", room_id, "invite"), body={"user_id": user_id}
                )
            except Refused as refused:
                if refused.status != 403 or user_id not in await self._present_now(room_id):
                    raise NoDirectRoom(f"{user_id}: {refused}") from refused
        return True

    async def _present_now(self, room_id: str) -> frozenset[str]:
        answer = await self._homeserver.request("GET", path("rooms", room_id, "state"))
        return Room(room_id).with_state(map(as_dict, as_list(answer.get("items")))).present()

    async def _ask_what_is_marked(self) -> None:
        where = path("user", self._rooms.user_id, "account_data", ACCOUNT_DATA)
        try:
            self._marked = await self._homeserver.request("GET", where)
        except Refused as refused:
            if refused.status != 404:
                raise
            self._marked = {}

    async def adopt(self, user_id: str, room_id: str) -> None:
        """Mark a room as this person's newest 1:1 room: they opened it, or it takes the place of one we had."""
        async with self._locks.setdefault(user_id, asyncio.Lock()):
            await self._mark(user_id, room_id)

    async def _remember(self, user_id: str, room_id: str) -> None:
        """Mark the room as direct, for our other clients and the next start; done again if a kill prevented it."""
        await self._mark(user_id, room_id)
        if self._known.get(user_id) != room_id:
            async with self._ledger.turn:
                self._known[user_id] = room_id
                self._ledger.put(DIRECT, user_id, msgspec.msgpack.encode(room_id))
                await self._ledger.commit()

    async def _mark(self, user_id: str, room_id: str) -> None:
        listed = [each for each in as_list(self._marked.get(user_id)) if isinstance(each, str)]
        if room_id not in listed:
            await self._ask_what_is_marked()
            listed = [each for each in as_list(self._marked.get(user_id)) if isinstance(each, str)]
            self._marked = {**self._marked, user_id: [room_id, *(each for each in listed if each != room_id)]}
            where = path("user", self._rooms.user_id, "account_data", ACCOUNT_DATA)
            await self._homeserver.request("PUT", where, body=self._marked)
            async with self._ledger.turn:
                self._ledger.put(MARKED, "", json.dumps(self._marked).encode())
                await self._ledger.commit()


def _creation(user_id: str, alias_name: str) -> dict[str, Any]:
    def state(kind: str, content: dict[str, Any]) -> dict[str, Any]:
        return {"type": kind, "state_key": "", "content": content}

    return {
        # Not "trusted_private_chat": it would make the other person a creator, with all power for ever.
        "preset": "private_chat",
        "visibility": "private",
        "is_direct": True,
        "invite": [user_id],
        "room_alias_name": alias_name,
        "initial_state": [
            state("m.room.encryption", ENCRYPTION),
            state("m.room.history_visibility", {"history_visibility": "invited"}),
            state("m.room.guest_access", {"guest_access": "forbidden"}),
            # An empty one keeps the hash from becoming the name people see.
            state("m.room.canonical_alias", {}),
        ],
        # Nobody but the bot brings in a third person or changes what the room is.
        "power_level_content_override": {"invite": 100, "state_default": 100, "users_default": 0},
    }
