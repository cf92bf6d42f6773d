"""The office: where a running house meets whoever looks after it; it joins the caretaker, the pulse and the door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from bridge.circles.neighbours import Neighbours
from bridge.folders.librarian import Stewards
from bridge.http import Pulse
from bridge.matrix.client import MatrixClient
from bridge.matrix.inbound import said_to_bot
from bridge.matrix.keep import NotCommitted
from bridge.matrix.sync import Delivery, RoomEvent, UndecryptableEvent
from bridge.operations.caretaker import Caretaker, Heard
from bridge.operations.report import Standing
from bridge.operations.vitals import HouseVitals, WatchedLine
from bridge.plan import Plan
from engine.core.limits import LimitName
from engine.core.values import PersonId
from engine.runtime.blame import where
from engine.runtime.house import House
from engine.runtime.line import StraightLine
from engine.runtime.outbox import Outlook
from engine.runtime.ports import Cellar, Clock, KeptRow, Superseded, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)


def keepers(plan: Plan) -> Stewards:
    """Who hears what needs a human being in the house as a whole: the stewards of all circles.

    In a room if all of them have the same one. Otherwise each of them 1:1: what is told concerns the house, and where
    circles have stewards of their own, none of their rooms stands for all.
    """
    rooms = {circle.stewards_room for circle in plan.circles}
    room = rooms.pop() if len(rooms) == 1 else None
    people = dict.fromkeys(user_id for circle in plan.circles for user_id in circle.stewards)
    return Stewards(tuple(people), room, room in plan.rooms)


class Office:
    """One for a running house. Made before it serves; ``open`` and ``serve`` are called once each."""

    def __init__(
        self, plan: Plan, cellar: Cellar, clock: Clock, pulse: Pulse, look_again: Callable[[], None]
    ) -> None:
        self._plan = plan
        self._cellar = cellar
        self._clock = clock
        self._pulse = pulse
        self._line: StraightLine | None = None
        self._vitals: HouseVitals | None = None
        self._client: MatrixClient | None = None
        self._neighbours: Neighbours | None = None
        self._stewards = keepers(plan)
        self.caretaker = Caretaker(
            cellar,
            clock,
            self._stewards,
            language=plan.language,
            standing=self._standing,
            look_again=look_again,
            in_office=self._in_office,
        )

    def line(self, house: House) -> StraightLine:
        """The straight line of this house, measured."""
        self._line = WatchedLine(house, self._clock, self._pulse, self.caretaker.again.set)
        return self._line

    def _handed_in(self) -> int:
        return 0 if self._line is None else self._line.waiting

    def note_limit(self, limit: LimitName, times: int) -> None:
        """A limit was reached so often: it is counted, and told."""
        self._pulse.note_limit(limit, times)
        self.caretaker.note_limit(limit)

    async def open(
        self, client: MatrixClient, neighbours: Neighbours, outlook: Callable[[], Outlook]
    ) -> None:
        """Bring to mind what has been told; from here on the house can be asked how it is."""
        await self.caretaker.open()
        self._client, self._neighbours = client, neighbours
        unread = _Unread(client)
        self._vitals = HouseVitals(self._cellar, self._clock, unread, outlook, self._pulse, self._handed_in)
        self._pulse.watch(self._vitals)

    async def run(self, line: StraightLine, ready: asyncio.Event, stop: asyncio.Event) -> None:
        """Tell and note until ``stop``."""
        await asyncio.gather(self._note_moments(ready, stop), self._care(line, ready, stop))

    async def _note_moments(self, ready: asyncio.Event, stop: asyncio.Event) -> None:
        await wake_or(stop, ready)
        if ready.is_set():
            self._pulse.note_caught_up()
        await stop.wait()
        self._pulse.note_stopping()

    async def _care(self, line: StraightLine, ready: asyncio.Event, stop: asyncio.Event) -> None:
        await wake_or(stop, ready)
        await self.caretaker.run(line, stop)

    # ── at the door ──────────────────────────────────────────────────────────

    async def take_in(self, delivery: Delivery, line: StraightLine, neighbours: Neighbours) -> list[KeptRow]:
        """Do what was ordered in the stewards' room, and note what needs a human being; the rows to commit with it.

        Raises:
            NotCommitted: the store cannot be used at present; the same delivery may come again.
        """
        self._pulse.note_unreadable(sum(isinstance(each, UndecryptableEvent) for each in delivery.events))
        served = {self._home(root) for root in neighbours.circles.values()}
        rows = self.caretaker.note(
            gaps=[gap.room_id for gap in delivery.gaps if not gap.complete],
            put_out=[room for room in delivery.changes.left if room in served],
        )
        room = self._room()
        for event in () if delivery.fresh or room is None else delivery.events:
            if event.room_id == room and isinstance(event, RoomEvent):
                await self._hear(event, line, neighbours)
        return rows

    def _room(self) -> str | None:
        """The room in which orders are taken; the one that has taken its place, should it have been upgraded."""
        room = self.caretaker.room
        return None if room is None else self._home(room)

    def _home(self, room: str) -> str:
        """A room of the settings, or the one that has taken its place."""
        return room if self._client is None else self._client.places.home(room)

    async def _hear(self, event: RoomEvent, line: StraightLine, neighbours: Neighbours) -> None:
        body = said_to_bot(event, self._plan.session.user_id, (self._plan.bot,))
        if body is None:
            return
        person = await neighbours.learn(event.sender)
        heard = Heard(event.event_id, person, body, in_clear=self._is_in_clear(event))
        try:
            await self.caretaker.obey(
                heard, line, is_steward=self._is_steward(event.sender, person, neighbours)
            )
        except Unavailable as error:
            raise NotCommitted(str(error)) from error
        except Superseded:
            raise
        except Exception as error:  # noqa: BLE001 - one order that breaks must not end the sync
            log.error("the order %s could not be followed: %s", event.event_id, where(error))  # noqa: TRY400 - no words

    def _is_in_clear(self, event: RoomEvent) -> bool:
        room = None if self._client is None else self._client.rooms.get(event.room_id)
        return room is not None and room.encryption is not None and not event.encrypted

    def _is_steward(self, user_id: str, person: PersonId, neighbours: Neighbours) -> bool:
        """Named in the settings, or in that role in one of the circles."""
        if user_id in self._stewards.user_ids:
            return True
        return any(person in neighbours.stewards(circle) for circle in neighbours.circles)

    def _in_office(self) -> Iterable[PersonId]:
        """Those who look after any of the circles at present, by the settings or by a role."""
        around = self._neighbours
        return () if around is None else (each for c in around.circles for each in around.stewards(c))

    async def _standing(self) -> Standing:
        assert self._vitals is not None, "nobody orders anything before the office is open"
        return await self._vitals.standing()


class _Unread:
    """How many messages wait for how many keys."""

    def __init__(self, client: MatrixClient) -> None:
        self._client = client

    @property
    def waiting_for_key(self) -> int:
        return len(self._client.cipher.waiting)

    @property
    def wanted_keys(self) -> int:
        return self._client.cipher.waiting.wanted_keys
