"""The rooms we are in and the invitations to others, kept as rows and current with every sync."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from bridge.matrix.clock import Clock
from bridge.matrix.http import Homeserver, Refused, path
from bridge.matrix.keep import Ledger
from bridge.matrix.room import Member, Room
from bridge.matrix.text import as_dict, as_list, as_text
from engine.core.limits import USUAL, LimitName, Limits

log = logging.getLogger(__name__)

ROOM = "room"
MEMBERS = "room_members"
INVITE = "invite"

FETCHES = 3
"""Times a room's state is asked for, should a sync change it during each."""

MOST_TRIES = 10
"""Joins or rejections tried per invitation."""

NO_ROOM_PAUSE_MS = 3_600_000
"""How soon it is looked at again whether an invitation can be followed that came when we were in too many rooms."""


class Invite(msgspec.Struct, frozen=True):
    """An invitation not answered yet; `tries` attempts have failed, the next is due at `due_ms`."""

    room_id: str
    inviter: str
    is_direct: bool
    tries: int = 0
    due_ms: int = 0


class Allowed(msgspec.Struct, frozen=True):
    """Whose invitations are accepted: nobody's by default.

    `users` by id, `servers` by name, and everybody joined in one of `rooms` (a room or space we are in).
    """

    users: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()

    def allows(self, inviter: str, people_of: Callable[[str], frozenset[str]]) -> bool:
        """Whether an invitation by this person is accepted; ``people_of`` says who is in a room or space."""
        return (
            inviter in self.users
            or inviter.partition(":")[2] in self.servers
            or any(inviter in people_of(room_id) for room_id in self.rooms)
        )


NOBODY = Allowed()


class Changes(msgspec.Struct, frozen=True):
    """What a sync answer did to the set of rooms."""

    joined: tuple[str, ...]
    left: tuple[str, ...]
    invited: tuple[Invite, ...]


class Rooms:
    """Every room we are in; whoever calls a changing method holds `ledger.turn` and commits."""

    def __init__(
        self, user_id: str, rows: Mapping[tuple[str, str], bytes], ledger: Ledger, homeserver: Homeserver
    ) -> None:
        self.user_id = user_id
        self._ledger = ledger
        self._homeserver = homeserver
        self.limits: Limits = USUAL
        """In how many rooms we may be, and how many invitations may wait for an answer; more are left unanswered."""
        self.on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None
        self._rooms: dict[str, Room] = {}
        self._invites: dict[str, Invite] = {}
        for (kind, key), value in rows.items():
            if kind == ROOM:
                room = msgspec.msgpack.decode(value, type=Room)
                members = rows.get((MEMBERS, key))
                people = msgspec.msgpack.decode(members, type=dict[str, Member]) if members else {}
                self._rooms[key] = msgspec.structs.replace(room, members=people)
            elif kind == INVITE:
                self._invites[key] = msgspec.msgpack.decode(value, type=Invite)

    def __contains__(self, room_id: str) -> bool:
        return room_id in self._rooms

    def get(self, room_id: str) -> Room | None:
        return self._rooms.get(room_id)

    def all(self) -> Mapping[str, Room]:
        return self._rooms

    def invites(self) -> tuple[Invite, ...]:
        return tuple(self._invites.values())

    def shared_with(self, user_id: str) -> list[Room]:
        """The rooms this person is in with us, joined or invited."""
        return [room for room in self._rooms.values() if user_id in room.members]

    def is_member(self, room_id: str, user_id: str) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and user_id in room.members

    def tracked_users(self) -> set[str]:
        """Everybody whose devices matter: the readers of encrypted rooms."""
        return {user for room in self._rooms.values() if room.encryption for user in room.readers()}

    # Changing

    def put(self, room: Room) -> None:
        """Remember this state of a room."""
        before = self._rooms.get(room.room_id)
        if room == before:
            return
        self._rooms[room.room_id] = room
        bare = msgspec.structs.replace(room, members={})
        if before is None or bare != msgspec.structs.replace(before, members={}):
            self._ledger.put(ROOM, room.room_id, msgspec.msgpack.encode(bare))
        if before is None or room.members != before.members:
            self._ledger.put(MEMBERS, room.room_id, msgspec.msgpack.encode(room.members))

    def drop(self, room_id: str) -> None:
        """Forget a room we are no longer in."""
        if self._rooms.pop(room_id, None) is not None:
            self._ledger.put(ROOM, room_id, None)
            self._ledger.put(MEMBERS, room_id, None)

    def take_in(self, answer: Mapping[str, Any]) -> Changes:
        """Take in the state of all rooms of a sync answer; a malformed room hurts no other."""
        rooms = as_dict(answer.get("rooms"))
        joined = []
        for room_id, data in as_dict(rooms.get("join")).items():
            if room_id not in self._rooms:
                joined.append(room_id)
            self.put(self._rooms.get(room_id, Room(room_id)).with_state(_state_events(as_dict(data))))
            self._forget_invite(room_id)
        left = []
        for room_id in as_dict(rooms.get("leave")):
            if room_id in self._rooms:
                left.append(room_id)
            self.drop(room_id)
            self._forget_invite(room_id)
        invited = [
            invite
            for room_id, data in as_dict(rooms.get("invite")).items()
            if (invite := self._take_invite(room_id, as_dict(data))) is not None
        ]
        return Changes(tuple(joined), tuple(left), tuple(invited))

    def _take_invite(self, room_id: str, data: Mapping[str, Any]) -> Invite | None:
        for event in map(as_dict, as_list(as_dict(data.get("invite_state")).get("events"))):
            content = as_dict(event.get("content"))
            if event.get("type") == "m.room.member" and event.get("state_key") == self.user_id:
                inviter = as_text(event.get("sender"))
                if content.get("membership") != "invite" or inviter is None:
                    continue
                if len(self._invites) >= self.limits.invitations and room_id not in self._invites:
                    self.on_limit("invitations", 1)
                    log.warning(
                        "more open invitations than %d: %s is left open", self.limits.invitations, room_id
                    )
                    return None
                invite = Invite(room_id, inviter, content.get("is_direct") is True)
                self.put_invite(invite)
                return invite
        return None

    def put_invite(self, invite: Invite) -> None:
        self._invites[invite.room_id] = invite
        self._ledger.put(INVITE, invite.room_id, msgspec.msgpack.encode(invite))

    def _forget_invite(self, room_id: str) -> None:
        if self._invites.pop(room_id, None) is not None:
            self._ledger.put(INVITE, room_id, None)

    async def fetch(self, room_id: str) -> Room | None:
        """Ask for the state of a room as it is now, ahead of the sync; None if we are not in it.

        Takes the ledger's turn; the room is remembered with the next commit.
        """
        for _ in range(FETCHES):
            before = self._rooms.get(room_id)
            try:
                events = await self._state(room_id)
            except Refused:
                return None
            async with self._ledger.turn:
                if self._rooms.get(room_id) is not before:
                    # A sync spoke meanwhile, and its word may be newer than this answer.
                    continue
                # A sync may have shown a room that was still being made: what the homeserver says now counts.
                room = (before or Room(room_id)).with_state(events)
                member = room.members.get(self.user_id)
                if member is None or member.membership != "join":
                    return None
                self.put(room)
                return room
        return self._rooms.get(room_id)

    def _joined(self, room_id: str) -> frozenset[str]:
        room = self._rooms.get(room_id)
        return room.joined() if room is not None else frozenset()

    async def _state(self, room_id: str) -> list[dict[str, Any]]:
        answer = await self._homeserver.request("GET", path("rooms", room_id, "state"))
        return [as_dict(event) for event in as_list(answer.get("items"))]

    async def answer_invites(
        self,
        allowed: Allowed,
        clock: Clock,
        before_joining: Callable[[Invite], Awaitable[None]],
        people_of: Callable[[str], frozenset[str]] | None = None,
        *,
        at_most: int = 5,
    ) -> None:
        """Join or reject open invitations that are due; one that fails is tried again later, `MOST_TRIES` times.

        `people_of`: who is in a room, where that is more than whoever has joined the room of this id.

        Joining twice and leaving twice are harmless, so a kill in between costs nothing; the invitation is
        forgotten when the sync shows the room joined or left.
        """
        now_ms = clock.now_ms()
        due = [invite for invite in self._invites.values() if invite.due_ms <= now_ms]
        for invite in due[:at_most]:
            accepted = allowed.allows(invite.inviter, people_of or self._joined)
            if accepted and len(self._rooms) >= self.limits.rooms:
                await self._leave_open(invite, now_ms)
                continue
            action = "join" if accepted else "leave"
            reason = "accepted" if accepted else "declined, not among those whose invitations are accepted"
            log.info("invitation to %s by %s: %s", invite.room_id, invite.inviter, reason)
            # Counted before trying, so that a room that kills us cannot do so for ever.
            async with self._ledger.turn:
                tries = invite.tries + 1
                # The first tries may have ended with a kill rather than a refusal: those are repeated at once.
                wait_ms = 0 if tries < 4 else min(3_600_000, 30_000 * 2**tries)
                later = msgspec.structs.replace(invite, tries=tries, due_ms=now_ms + wait_ms)
                if tries >= MOST_TRIES:
                    self._forget_invite(invite.room_id)
                else:
                    self.put_invite(later)
                await self._ledger.commit()
            if accepted:
                await before_joining(invite)
            try:
                await self._homeserver.request("POST", path("rooms", invite.room_id, action))
            except Refused as error:
                log.warning("invitation to %s: %s", invite.room_id, error)

    async def _leave_open(self, invite: Invite, now_ms: int) -> None:
        """We are in as many rooms as we may be: the invitation waits, until we have left another or may be in more."""
        self.on_limit("rooms", 1)
        log.warning("in %d rooms already: the invitation to %s waits", len(self._rooms), invite.room_id)
        async with self._ledger.turn:
            self.put_invite(msgspec.structs.replace(invite, due_ms=now_ms + NO_ROOM_PAUSE_MS))
            await self._ledger.commit()


def _state_events(data: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The state events of one joined room in the order they apply."""
    for part in ("state", "timeline"):
        for event in map(as_dict, as_list(as_dict(data.get(part)).get("events"))):
            if isinstance(event.get("state_key"), str):
                yield event
