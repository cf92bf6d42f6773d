"""What a batch will change, written down as its events are decided, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from engine.core.desk import Alarm, DeskEvent, DeskFacts
from engine.core.event import Event, Facts
from engine.core.limits import LimitName
from engine.core.message import Message
from engine.core.parcel import Parcel
from engine.core.values import InstanceId, Ms, PersonId, RowId
from engine.runtime.ports import (
    AnyArrival,
    Begun,
    Changes,
    Line,
    NewParcel,
    Placed,
    TimerRow,
    ToDesk,
    ToInstance,
)

LINK = ">"
"""Between the id of an event and the number of what follows from it; no event from outside has it in its id."""


class Ledger:
    """Gathers ``changes``, for one commit, and the events that are to be decided next."""

    def __init__(self, now_ms: Ms, fresh_id: Callable[[], str], lines: dict[str, int]) -> None:
        """``lines``: the number of the last journal line of each actor, as they are loaded and as they grow."""
        self._now_ms = now_ms
        self._fresh_id = fresh_id
        self._lines = lines
        self._chain: list[ToInstance | ToDesk] = []
        self._taken_back: set[RowId] = set()
        self.changes = Changes()
        self.reached: Counter[LimitName] = Counter()
        """How often each limit was reached."""

    def to_instance(
        self, cause: AnyArrival, n: int | str, instance: InstanceId, event: Event, begin: Begun | None = None
    ) -> None:
        """Let an instance hear of something next, under an id derived from what caused it."""
        event_id, occurred_ms = f"{cause.id}{LINK}{n}", cause.occurred_ms
        self._chain.append(
            ToInstance(id=event_id, occurred_ms=occurred_ms, instance=instance, event=event, begin=begin)
        )

    def to_desk(self, cause: AnyArrival, n: int | str, person: PersonId, event: DeskEvent) -> None:
        """Let a desk hear of something next, under an id derived from what caused it."""
        event_id = f"{cause.id}{LINK}{n}"
        self._chain.append(ToDesk(id=event_id, occurred_ms=cause.occurred_ms, person=person, event=event))

    def take_chain(self) -> list[ToInstance | ToDesk]:
        """What follows from everything decided since this was last asked."""
        chain, self._chain = self._chain, []
        return chain

    def put(self, parcel: Parcel) -> None:
        """Lay a parcel in the outbox; it leaves no earlier than now."""
        self.changes.parcels.append(
            NewParcel(parcel, self._fresh_id(), max(self._now_ms, parcel.not_before_ms))
        )

    def take_back(self, placed: Placed) -> None:
        """Lay a parcel that takes a message back, once."""
        if placed.row in self._taken_back:
            return
        self._taken_back.add(placed.row)
        back = RowId(f"{placed.row}:back")
        self.put(Parcel(back, placed.to, "safety", Message(), redacts=placed.row))

    def alarm(self, actor: str, alarm: Alarm) -> None:
        """Set an alarm of a desk, or drop it."""
        timer = TimerRow(actor, alarm.name, 0, alarm.due_ms) if alarm.due_ms is not None else None
        self.changes.timers[(actor, alarm.name)] = timer

    def journal(self, actor: str, event: Event | DeskEvent, facts: Facts | DeskFacts, result: str) -> None:
        """Write the next line of an actor's history."""
        n = self._lines[actor] = self._lines.get(actor, 0) + 1
        self.changes.journal.append(Line(actor, n, self._now_ms, event, facts, result))
