"""What a batch has loaded, and how its events have left it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import assert_never

from engine.core.desk import Desk, Settled
from engine.core.instance import Snapshot
from engine.core.parcel import Target
from engine.core.values import InstanceId, PersonId, RowId
from engine.runtime.batch.breaking import Broke
from engine.runtime.blame import where
from engine.runtime.house import House
from engine.runtime.localize import Cast
from engine.runtime.ports import (
    AnyArrival,
    Echo,
    Faded,
    Housed,
    Loaded,
    Moved,
    Noticed,
    Ordered,
    Reacted,
    Removed,
    Rung,
    Spoken,
    ToDesk,
    ToInstance,
    Unavailable,
    Voted,
    Want,
)


class Held:
    """The world as the next event of a batch sees it: as the store had it, and as the events before have left it."""

    def __init__(self, house: House, broken: Mapping[str, str]) -> None:
        """``broken``: arrivals (by id) that are known to break; nothing is loaded for them."""
        self._house = house
        self._broken = broken
        self.seen: set[str] = set()
        self.snapshots: dict[InstanceId, Snapshot | None] = {}
        self.casts: dict[InstanceId, Cast] = {}
        self.desks: dict[PersonId, Desk] = {}
        self.targets: dict[str, Target] = {}
        """Which question stands in which message of ours, by the message's id."""
        self.delivered: dict[PersonId, frozenset[RowId]] = {}
        self.lines: dict[str, int] = {}
        """The number of the last journal line of each actor."""
        self.old_versions: dict[str, int] = {}
        """What the store had of each actor, before this batch."""

    async def prepare(self, arrivals: Sequence[AnyArrival]) -> None:
        """Load what these need; what is known to break needs nothing any more.

        Raises:
            Broke: the store cannot give what this one needs.
        """
        sound = [a for a in arrivals if a.id not in self._broken]
        ids = frozenset(a.id for a in arrivals)
        try:
            await self._load(ids, sound)
        except Unavailable:
            raise
        except Exception:
            for arrival in sound:
                await self._try_load(arrival)
            raise  # no single one is to blame

    async def _try_load(self, arrival: AnyArrival) -> None:
        try:
            await self._load(frozenset({arrival.id}), [arrival])
        except Unavailable:
            raise
        except Exception as error:
            raise Broke(arrival.id, where(error)) from error

    async def _load(self, ids: frozenset[str], arrivals: Sequence[AnyArrival]) -> None:
        instances: set[InstanceId] = set()
        desks: set[PersonId] = set()
        events: set[str] = set()
        delivered: set[PersonId] = set()
        for arrival in arrivals:
            match arrival:
                case Spoken():
                    delivered.add(arrival.person)
                    events.update(e for e in (arrival.reply_to, arrival.latest) if e)
                case Reacted() | Voted():
                    desks.add(arrival.person)
                    events.add(arrival.target)
                case ToDesk(event=Settled()):
                    # Whether a question was left unanswered depends on whether it had come to its room.
                    delivered.add(arrival.person)
                case Removed() | Moved() | ToDesk() | Ordered():
                    desks.add(arrival.person)
                case ToInstance():
                    instances.add(arrival.instance)
                case Rung():
                    kind, _, key = arrival.actor.partition("/")
                    (instances.add(InstanceId(key)) if kind == "i" else delivered.add(PersonId(key)))
                case Echo() | Housed() | Noticed() | Faded():
                    pass
                case _:
                    assert_never(arrival)
        want = Want(
            ids=ids,
            instances=frozenset(instances - self.snapshots.keys()),
            desks=frozenset((desks | delivered) - self.desks.keys()),
            events=frozenset(events - self.targets.keys()),
            delivered=frozenset(delivered),
        )
        await self._take(want, await self._house.cellar.load(want))

    async def _take(self, want: Want, loaded: Loaded) -> None:
        self.seen |= loaded.seen
        self.targets.update(loaded.targets)
        self.delivered.update(loaded.delivered)
        for actor, n in loaded.lines.items():
            self.lines.setdefault(actor, n)
        for instance in want.instances:
            snapshot = loaded.snapshots.get(instance)
            self.snapshots[instance] = snapshot
            self.casts[instance] = Cast(loaded.people.get(instance, ()))
            self.old_versions[f"i/{instance}"] = snapshot.version if snapshot else 0
        for person in want.desks:
            desk = loaded.desks.get(person) or Desk(person)
            self.desks[person] = desk
            self.old_versions[f"d/{person}"] = desk.version
