"""The Matrix side of the bridge in one piece: open it, sync with it, send with it."""

import asyncio
import logging
import random
from collections.abc import Mapping
from typing import Any

from bridge.matrix.backup import KeyBackup
from bridge.matrix.cipher import Cipher
from bridge.matrix.clock import Clock, SystemClock
from bridge.matrix.cross_signing import CrossSigning
from bridge.matrix.crypto_store import RowStore
from bridge.matrix.direct import DirectRooms
from bridge.matrix.http import Homeserver, Patience, RateLimited, Refused, ServerTrouble, path
from bridge.matrix.keep import Keeper, Ledger, NotCommitted
from bridge.matrix.keys import KeyExchange
from bridge.matrix.outbound import Sender
from bridge.matrix.rooms import NOBODY, Allowed, Invite, Rooms
from bridge.matrix.session import Session
from bridge.matrix.spaces import Places
from bridge.matrix.sync import CURSOR, Delivery, Handler, Sync
from bridge.matrix.trust import IdentityState
from bridge.matrix.upgrades import Upgrades
from bridge.matrix.verification import Verification

log = logging.getLogger(__name__)


class MatrixClient:
    """One device of one account; its parts are public: `sender`, `rooms`, `direct`, `cross_signing`, …"""

    def __init__(
        self,
        session: Session,
        homeserver: Homeserver,
        keeper: Keeper,
        rows: Mapping[tuple[str, str], bytes],
        *,
        pickle_secret: bytes,
        alias_salt: bytes,
        allowed: Allowed,
        clock: Clock,
        chance: random.Random,
        store_type: type[RowStore] = RowStore,
        served: tuple[str, ...] = (),
    ) -> None:
        self.session = session
        self.homeserver = homeserver
        self.allowed = allowed
        self._clock = clock
        self.patience = Patience(clock, chance)
        self._upkeep_failures = 0
        self._upkeep_due_ms = 0
        self._ledger = Ledger(keeper)
        self.rooms = Rooms(session.user_id, rows, self._ledger, homeserver)
        self.cipher = Cipher(
            session.user_id,
            session.device_id,
            rows,
            self._ledger,
            pickle_secret,
            clock,
            is_member=self.rooms.is_member,
            store_type=store_type,
        )
        if (CURSOR, session.device_id) not in rows:
            # A device that has never listened was told of no change; what is known comes from one before it.
            self.cipher.trust.doubt_everybody()
        self.keys = KeyExchange(self.cipher, homeserver, self._ledger, clock)
        self.direct = DirectRooms(
            rows, self.rooms, homeserver, self._ledger, alias_salt, clock, self.cipher.forget_history
        )
        self.upgrades = Upgrades(rows, self.rooms, homeserver, self._ledger, clock)
        self.places = Places(
            self.rooms, self.upgrades, served, is_private=lambda room_id: room_id in self.direct.known()
        )
        self.sender = Sender(homeserver, self.cipher, self.keys, self.rooms, self._ledger, self.patience)
        self.backup = KeyBackup(homeserver, self.cipher, self._ledger, rows, clock)
        self.cross_signing = CrossSigning(homeserver, self.cipher, self._ledger, backup=self.backup)
        self.verification = Verification(
            self.cipher,
            self.keys,
            self.sender,
            self.rooms,
            self.patience,
            clock,
        )
        self.sync = Sync(
            homeserver,
            self.cipher,
            self.rooms,
            self.direct,
            self._ledger,
            rows,
            clock,
            self.patience,
            upkeep=self.keep_up,
        )

    def __repr__(self) -> str:
        return f"MatrixClient({self.session.user_id!r}, {self.session.device_id!r})"

    @classmethod
    async def open(
        cls,
        session: Session,
        keeper: Keeper,
        *,
        pickle_secret: bytes,
        alias_salt: bytes,
        allowed: Allowed = NOBODY,
        clock: Clock | None = None,
        chance: random.Random | None = None,
        homeserver: Homeserver | None = None,
        store_type: type[RowStore] = RowStore,
        served: tuple[str, ...] = (),
    ) -> "MatrixClient":
        """Load what is remembered and see to it that this device's keys are on the homeserver.

        `pickle_secret` (32 random bytes) encrypts the cryptographic rows; `alias_salt` names the 1:1 rooms; both are
        kept apart from the rows and never change. `homeserver` and `store_type` may be wrapped by tests. `served`: the
        rooms that the settings name, which are followed where they are replaced. Raises a
        `MatrixError`, or `ForeignDevice` if the rows do not belong to this session's device; `close` when done.
        """
        homeserver = homeserver or await Homeserver.connect(
            session.homeserver, access_token=session.access_token
        )
        try:
            client = cls(
                session,
                homeserver,
                keeper,
                await keeper.load(),
                pickle_secret=pickle_secret,
                alias_salt=alias_salt,
                allowed=allowed,
                clock=clock or SystemClock(),
                chance=chance or random.SystemRandom(),
                store_type=store_type,
                served=served,
            )
            if not client.cipher.shared:
                await client.patience(client.keys.require_own_device)
                await client.patience(client.keys.upload)
        except BaseException:
            await homeserver.close()
            raise
        return client

    async def run(self, handler: Handler, stop: asyncio.Event) -> None:
        """`Sync.run`: deliver everything that happens to `handler` until `stop` is set; then nobody waits any more."""

        async def handle(delivery: Delivery) -> None:
            await handler(delivery)
            self.verification.note(() if delivery.fresh else delivery.events, delivery.verifying)

        async def compare() -> None:
            try:
                await self.verification.run(stop)
            finally:
                stop.set()

        comparing = asyncio.create_task(compare())
        try:
            await self.sync.run(handle, stop)
        finally:
            stop.set()
            self.patience.end()
            await comparing

    async def keep_up(self, answer: Mapping[str, Any]) -> None:
        """What is due between two sync answers: keys offered, asked for and mended, invitations answered.

        A step the homeserver fails is logged, and all is due again after a growing pause; `TokenLost` is raised.
        """
        self.keys.note_counts(answer)
        if self._clock.now_ms() < self._upkeep_due_ms:
            return
        for name, step in (
            ("uploading keys", self.keys.upload),
            ("asking for devices", lambda: self.keys.refresh(self.rooms.tracked_users())),
            ("mending Olm sessions", self.keys.mend_sessions),
            ("asking for room keys", self.keys.ask_for_keys),
            ("answering invitations", self._answer_invites),
            ("backing up room keys", self.backup.keep),
            ("following replaced rooms", self._follow_upgrades),
            ("leaving 1:1 rooms nobody else is in", self.direct.tidy),
        ):
            try:
                await step()
            except Refused as error:
                log.warning("%s: %s", name, error)
            except (ServerTrouble, RateLimited, NotCommitted) as error:
                self._upkeep_failures += 1
                wait_seconds = self.patience.wait_seconds(self._upkeep_failures, error)
                self._upkeep_due_ms = self._clock.now_ms() + int(wait_seconds * 1000)
                log.warning("%s: %s; again in %.1f s", name, error, wait_seconds)
                return
        self._upkeep_failures = 0

    async def _answer_invites(self) -> None:
        async def mark(invite: Invite) -> None:
            if invite.is_direct:
                await self.direct.adopt(invite.inviter, invite.room_id)

        def people(room_id: str) -> frozenset[str]:
            return self.places.people_of(room_id)

        await self.rooms.answer_invites(self.allowed, self._clock, mark, people)

    async def _follow_upgrades(self) -> None:
        """Go along where a room that we serve, or somebody's 1:1 room, was replaced."""
        direct = self.direct.known()
        await self.upgrades.follow(lambda room_id: room_id in direct or self.places.is_served(room_id))
        for old, new in self.upgrades.followed().items():
            if old in direct and new not in direct:
                await self.direct.adopt(direct[old], new)

    async def ensure_direct(self, user_id: str) -> str:
        """The 1:1 room with this person, created and marked direct if there is none; see `DirectRooms.ensure`."""
        return await self.direct.ensure(user_id)

    def identity_state(self, user_id: str) -> IdentityState:
        """Whether this person's cross-signing identity is the one we have always seen."""
        return self.cipher.trust.state(user_id)

    async def acknowledge_identity(self, user_id: str) -> None:
        """Accept a changed identity: private messages to this person go on."""
        async with self._ledger.turn:
            self.cipher.trust.acknowledge(user_id)
            await self._ledger.commit()

    async def leave(self, room_id: str) -> None:
        """Leave a room and forget it; leaving twice is harmless."""
        await self.homeserver.request("POST", path("rooms", room_id, "leave"))

    async def close(self) -> None:
        """Finish sends under way and close the connections."""
        await self.sender.close()
        await self.homeserver.close()
