"""Which arrival of a batch goes where.

Each event sees the snapshots as the events before it left them. What deciding sets off (an
answer carried to its instance, a question laid on a desk) is decided in the same batch, so
that one commit holds the whole of it; only an unusually long chain is left to the inbox.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from engine.core.desk import Arrived, Rang, Refused, TakenBack, Ticked
from engine.core.event import Due, Left
from engine.core.message import Message, Phrase
from engine.core.parcel import Parcel, Shared
from engine.core.values import InstanceId, Ms, PersonId, Ref, RowId, TextId
from engine.runtime.batch.breaking import Broke
from engine.runtime.batch.desks import Desks
from engine.runtime.batch.hearing import Hearing
from engine.runtime.batch.held import Held
from engine.runtime.batch.instances import Instances
from engine.runtime.batch.ledger import Ledger
from engine.runtime.batch.welcoming import Welcoming
from engine.runtime.blame import where
from engine.runtime.gathering import Gathering
from engine.runtime.house import House
from engine.runtime.ports import (
    AnyArrival,
    Echo,
    Faded,
    Housed,
    Moved,
    Noticed,
    Ordered,
    Outcome,
    Reacted,
    Removed,
    Rung,
    SetAside,
    Spoken,
    TimerRow,
    ToDesk,
    ToInstance,
    Unavailable,
    Voted,
)

log = logging.getLogger(__name__)

MOST_ROUNDS = 12
"""How far a chain of events may go within one batch; the rest waits in the inbox."""


class Batch:
    """One batch being decided. ``changes`` and ``outcomes`` are its result."""

    def __init__(self, house: House, now_ms: Ms, broken: Mapping[str, str]) -> None:
        """``broken``: arrivals (by id) already known to break, with the error: they are quarantined."""
        self._house = house
        self._now_ms = now_ms
        self._broken = broken
        self._held = Held(house, broken)
        self._ledger = Ledger(now_ms, house.fresh_id, self._held.lines)
        self._hearing = Hearing(house, now_ms, self._held)
        around = Gathering(house.surroundings)
        self._welcoming = Welcoming(house, around, self._ledger)
        self._desks = Desks(house, now_ms, self._held, self._hearing, self._ledger)
        self._instances = Instances(house, now_ms, self._held, around, self._ledger, self._welcoming)
        self.changes = self._ledger.changes
        self.reached = self._ledger.reached
        self.outcomes: dict[str, Outcome] = {}

    async def decide(self, arrivals: Iterable[AnyArrival]) -> None:
        """Decide everything, in order, and what follows from it."""
        waiting: list[AnyArrival] = list(arrivals)
        for round_ in range(MOST_ROUNDS):
            if not waiting:
                return
            await self._held.prepare(waiting)
            for arrival in waiting:
                await self._one(arrival, inside=round_ > 0)
            waiting = [*self._ledger.take_chain()]
        self.changes.inbox.extend(a for a in waiting if isinstance(a, ToInstance | ToDesk))

    async def _one(self, arrival: AnyArrival, *, inside: bool) -> None:
        if not inside:
            # It may have lain in the inbox: an unusually long chain left it behind, or it is tried again.
            self.changes.inbox_done.append(arrival.id)
        if arrival.id in self._held.seen or arrival.id in self.changes.seen:
            self.outcomes.setdefault(arrival.id, Outcome("seen_before"))
            return
        self.changes.seen[arrival.id] = self._now_ms
        if isinstance(arrival, Rung):
            # Whatever becomes of it, it has rung. What somebody else set anew meanwhile has not.
            rang = TimerRow(arrival.actor, arrival.name, arrival.entry, arrival.occurred_ms)
            self.changes.rung.append(rang)
        if arrival.id in self._broken:
            outcome = self._quarantine(arrival, self._broken[arrival.id])
        else:
            try:
                outcome = await self._route(arrival)
            except Unavailable:
                raise  # an outage is not the event's fault
            except Exception as error:  # whatever it is: this event is set aside, the others go on
                raise Broke(arrival.id, where(error)) from error
        if not inside:
            self.outcomes[arrival.id] = outcome

    def _quarantine(self, arrival: AnyArrival, kind: str) -> Outcome:
        log.error("set aside %s %s: %s", type(arrival).__name__, arrival.id, kind)
        self.changes.set_aside.append(SetAside(arrival, kind, self._now_ms))
        return Outcome("quarantined", kind)

    async def _route(self, arrival: AnyArrival) -> Outcome:
        match arrival:
            case Spoken():
                return await self._desks.decide(arrival.person, await self._hearing.spoken(arrival), arrival)
            case Reacted():
                return await self._desks.decide(arrival.person, self._hearing.tapped(arrival), arrival)
            case Ordered():
                return await self._desks.decide(arrival.person, self._hearing.ordered(arrival), arrival)
            case Voted():
                target = self._held.targets.get(arrival.target)
                vote = Ticked(arrival.id, arrival.answers, target, arrival.circle)
                return await self._desks.decide(arrival.person, vote, arrival)
            case Removed():
                return await self._desks.decide(arrival.person, TakenBack(arrival.event), arrival)
            case Moved():
                return await self._moved(arrival)
            case Echo():
                self.changes.echoes.append((arrival.transaction, arrival.event, self._now_ms))
                return Outcome("done")
            case Housed():
                return await self._housed(arrival)
            case Faded():
                await self._fade(arrival.texts)
                return Outcome("done")
            case Noticed():
                return await self._noticed(arrival)
            case Rung():
                return await self._rung(arrival)
            case ToInstance():
                return await self._instances.decide(arrival)
            case ToDesk():
                return await self._desks.decide(arrival.person, arrival.event, arrival)
            case _:
                assert_never(arrival)

    async def _moved(self, arrival: Moved) -> Outcome:
        if arrival.circle is None:
            return await self._desks.decide(
                arrival.person, Arrived() if arrival.joined else Refused(), arrival
            )
        if arrival.joined:
            self._welcoming.arrived(arrival, arrival.circle)
        else:
            for n, snapshot in enumerate(await self._house.cellar.instances_of(arrival.person)):
                if snapshot.circle == arrival.circle and snapshot.finished_ms is None:
                    event = Left(Ref(arrival.person))
                    self._ledger.to_instance(arrival, n, snapshot.id, event)
        return Outcome("done")

    async def _noticed(self, arrival: Noticed) -> Outcome:
        row = RowId(f"notice:{arrival.id}")
        if await self._house.cellar.sent_event(row) is not None:
            return Outcome("seen_before")  # so long ago that its id is forgotten
        to, until_ms = Shared(arrival.circle), arrival.useful_until_ms
        self._ledger.put(Parcel(row, to, arrival.urgency, arrival.message, useful_until_ms=until_ms))
        return Outcome("done")

    async def _housed(self, arrival: Housed) -> Outcome:
        circle = arrival.circle
        await self._welcoming.for_all(circle, self._house.practices.in_use(circle), 0, arrival)
        row = RowId(f"intro:{circle}")
        if await self._house.cellar.sent_event(row) is not None:
            return Outcome("seen_before")  # so long ago that its id is forgotten
        self._ledger.put(Parcel(row, Shared(circle), "post", Message(lines=(Phrase("intro.room"),))))
        return Outcome("done")

    async def _rung(self, arrival: Rung) -> Outcome:
        kind, _, key = arrival.actor.partition("/")
        if kind == "d":
            return await self._desks.decide(PersonId(key), Rang(arrival.name, arrival.occurred_ms), arrival)
        instance = InstanceId(key)
        event = Due(arrival.name, arrival.entry)
        inner = ToInstance(id=arrival.id, occurred_ms=arrival.occurred_ms, instance=instance, event=event)
        outcome = await self._instances.decide(inner)
        snapshot = self._held.snapshots[instance]
        timer = snapshot.timers.get(arrival.name) if snapshot is not None else None
        rang = (arrival.entry, arrival.occurred_ms)
        is_over = outcome.kind == "refused" and arrival.occurred_ms <= self._now_ms
        if timer is not None and not (is_over and (timer.entry, timer.due_ms) == rang):
            # The table follows the snapshot: what was set anew while the old moment rang still waits.
            row = TimerRow(arrival.actor, arrival.name, timer.entry, timer.due_ms)
            self.changes.timers[(arrival.actor, arrival.name)] = row
        return outcome

    async def _fade(self, texts: Sequence[TextId]) -> None:
        """Delete texts, and take back the bot's own messages that carry them."""
        self.changes.faded.extend(texts)
        for placed in await self._house.cellar.rows_carrying(texts):
            self._ledger.take_back(placed)
