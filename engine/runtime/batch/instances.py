"""What happens in the instances: each decides, and what it decided is written down."""

from __future__ import annotations

import logging
from typing import assert_never

from msgspec.structs import replace

from engine.core.decide import decide
from engine.core.definition import Definition
from engine.core.desk_polls import CLOSED, as_poll
from engine.core.desk_table import TEXT_HELD_MS
from engine.core.effect import (
    Adopt,
    Ask,
    Confirm,
    Decision,
    DropTimer,
    Effect,
    Empower,
    Finish,
    Help,
    KeepText,
    Mix,
    Post,
    Refusal,
    Reopen,
    SetTimer,
    Settle,
    Show,
    StartOther,
    Tell,
)
from engine.core.event import Ended, Facts, Migrated, Started
from engine.core.instance import Snapshot
from engine.core.limits import Reached
from engine.core.message import Message
from engine.core.parcel import Parcel, Shared, Target
from engine.core.starting import NOT_STARTED, fitting
from engine.core.values import AnyValue, CircleId, InstanceId, Ms, PersonId, Ref, RowId, TextId, Words
from engine.runtime.batch.breaking import NoDefinition
from engine.runtime.batch.for_desk import for_desk
from engine.runtime.batch.held import Held
from engine.runtime.batch.ledger import Ledger
from engine.runtime.batch.welcoming import Welcoming
from engine.runtime.gathering import Gathering, wanted_by
from engine.runtime.house import House
from engine.runtime.lately import asked_lately
from engine.runtime.localize import Cast, localize, name_message, name_value
from engine.runtime.ports import Adoption, Begun, Outcome, TextCopy, TimerRow, ToInstance

log = logging.getLogger(__name__)

SEED_BITS = 48


class Instances:
    """The instances that one batch touches."""

    def __init__(
        self, house: House, now_ms: Ms, held: Held, around: Gathering, ledger: Ledger, welcoming: Welcoming
    ) -> None:
        self._house = house
        self._now_ms = now_ms
        self._held = held
        self._around = around
        self._ledger = ledger
        self._welcoming = welcoming

    async def decide(self, arrival: ToInstance) -> Outcome:
        """Let an instance decide an event, and write down what comes of it."""
        instance = arrival.instance
        snapshot = self._held.snapshots[instance]
        definition = await self._definition(snapshot, arrival.begin)
        if definition is None:
            return Outcome("refused", "not_begun")
        cast = self._held.casts[instance]
        event = localize(arrival.event, cast)
        circle = snapshot.circle if snapshot else (arrival.begin.circle if arrival.begin else CircleId(""))
        into = await self._house.catalogue.by_digest(event.to) if isinstance(event, Migrated) else None
        facts = await self._facts(into or definition, cast, circle, arrival)
        result = decide(definition, snapshot, event, facts, into)
        refused = result.reason if isinstance(result, Refusal) else None
        if isinstance(event, Migrated):
            log.info("instance %s to %s: %s", instance, event.to[:12], refused or f"in {event.state}")
        if snapshot is not None or refused is None:
            self._ledger.journal(f"i/{instance}", event, facts, refused or "decided")
        if isinstance(result, Decision):
            self._held.snapshots[instance] = result.snapshot
            self._ledger.changes.snapshots[instance] = (
                result.snapshot,
                self._held.old_versions[f"i/{instance}"],
            )
        for n, effect in enumerate(result.effects):
            await self._effect(instance, definition, cast, circle, effect, n, arrival)
        self._ledger.changes.parts.extend((instance, ref, person) for ref, person in cast.added)
        cast.added.clear()
        return Outcome("refused", refused) if refused else Outcome("done")

    async def _definition(self, snapshot: Snapshot | None, begin: Begun | None) -> Definition | None:
        if snapshot is not None:
            found = await self._house.catalogue.by_digest(snapshot.definition)
        elif begin is not None and begin.definition:
            # What was in service when it was begun, even if another has taken its place since.
            found = await self._house.catalogue.by_digest(begin.definition)
        elif begin is not None:
            found = self._house.catalogue.in_service(begin.workflow, begin.circle)
        else:
            return None
        if found is None:
            raise NoDefinition(snapshot.definition if snapshot else begin.workflow if begin else "")
        return found

    async def _facts(
        self, definition: Definition, cast: Cast, circle: CircleId, arrival: ToInstance
    ) -> Facts:
        wanted = wanted_by(definition)
        room: tuple[Ref, ...] = ()
        if wanted.room:
            room = cast.refs(await self._around.members(circle))
        groups = {part.name: cast.refs(await self._around.people(part, circle)) for part in wanted.parts}
        begins = isinstance(arrival.event, Started)
        return Facts(
            now_ms=self._now_ms,
            occurred_ms=min(arrival.occurred_ms, self._now_ms),
            room=room,
            instance=arrival.instance if begins else "",
            circle=circle if begins else "",
            definition=definition.digest if begins else "",
            limits=self._house.limits,
            seed=self._house.random.getrandbits(SEED_BITS) if wanted.chance else 0,
            groups=groups,
            in_use=tuple(name for name in wanted.practices if self._house.practices.uses(circle, name)),
            lately=await asked_lately(
                arrival.instance,
                definition,
                circle,
                cast,
                wanted.lately,
                self._house.cellar,
                self._house.catalogue,
                self._held.snapshots,
                self._held.casts,
            ),
        )

    async def _effect(
        self,
        instance: InstanceId,
        definition: Definition,
        cast: Cast,
        circle: CircleId,
        effect: Effect,
        n: int,
        cause: ToInstance,
    ) -> None:
        match effect:
            case SetTimer():
                row = TimerRow(f"i/{instance}", effect.name, effect.entry, effect.due_ms)
                self._ledger.changes.timers[(row.actor, row.name)] = row
            case DropTimer():
                self._ledger.changes.timers[(f"i/{instance}", effect.name)] = None
            case KeepText():
                self._ledger.changes.text_ends[effect.text] = effect.until_ms
            case Post():
                self._post(instance, cast, circle, effect)
            case Mix():
                self._mix(instance, effect)
            case StartOther():
                self._start_other(instance, cast, circle, effect, n, cause)
            case Adopt():
                await self._adopt(instance, circle, effect, n, cause)
            case Finish():
                log.info("instance %s ended in %s", instance, effect.state)
                self._report_end(instance, definition, effect, n, cause)
            case Reached():
                log.warning("instance %s: the limit %s is reached", instance, effect.limit)
                self._ledger.reached[effect.limit] += 1
            case Help() | Ask() | Settle() | Reopen() | Confirm() | Tell() | Show() | Empower():
                person = cast.person(effect.who)
                if person:
                    snapshot = self._held.snapshots.get(instance)
                    unbidden = snapshot is not None and snapshot.unbidden
                    event = for_desk(instance, definition, cast, effect, unbidden=unbidden)
                    self._ledger.to_desk(cause, n, person, event)
            case _:
                assert_never(effect)

    def _mix(self, instance: InstanceId, effect: Mix) -> None:
        """Move texts to their new ids. Which became which is known here, for this moment, and kept nowhere."""
        shuffled = list(effect.texts)
        self._house.random.shuffle(shuffled)
        for source, under in zip(shuffled, effect.under, strict=True):
            self._ledger.changes.copies.append(TextCopy(source, under, instance, effect.until_ms, loose=True))

    async def _adopt(
        self, instance: InstanceId, circle: CircleId, effect: Adopt, n: int, cause: ToInstance
    ) -> None:
        """Note what the circle agreed on; what begins with everybody there begins now, if it is new to them."""
        definition = await self._house.catalogue.by_digest(effect.definition)
        if definition is None:
            raise NoDefinition(effect.definition)
        name = definition.name
        log.info("circle %s: %s is %s", circle, name, "in use" if effect.in_use else "not in use any more")
        self._ledger.changes.adoptions.append(Adoption(circle, name, effect.in_use))
        if effect.in_use and not self._house.practices.uses(circle, name):
            await self._welcoming.for_all(circle, (name,), n, cause)

    def _start_other(
        self,
        instance: InstanceId,
        cast: Cast,
        circle: CircleId,
        effect: StartOther,
        n: int,
        cause: ToInstance,
    ) -> None:
        definition = self._house.catalogue.in_service(effect.workflow, circle)
        is_used = self._house.practices.uses(circle, effect.workflow)
        starter = cast.person(effect.by) if effect.by is not None else PersonId("")
        if definition is None or not is_used or not starter:
            log.warning("instance %s could not start %s", instance, effect.workflow)
            ended = Ended(effect.instance, effect.workflow, NOT_STARTED)
            self._ledger.to_instance(cause, n, instance, ended)
            return
        named = {name: name_value(value, cast) for name, value in effect.details.items()}
        taken = fitting(definition, named, starter, self._now_ms)
        details = {name: self._copied(value, effect.instance) for name, value in taken.items()}
        self._ledger.to_instance(
            cause,
            n,
            effect.instance,
            Started(Ref(starter), details, instance, effect.depth, effect.spoken, effect.unbidden),
            Begun(effect.workflow, circle, definition.digest),
        )

    def _copied(self, value: AnyValue, instance: InstanceId) -> AnyValue:
        """Words that are handed over are copied: the end date of one is not that of the other."""
        if not isinstance(value, Words):
            return value
        copy = TextCopy(value.text, TextId(self._house.fresh_id()), instance, self._now_ms + TEXT_HELD_MS)
        self._ledger.changes.copies.append(copy)
        return Words(copy.id)

    def _report_end(
        self, instance: InstanceId, definition: Definition, effect: Finish, n: int, cause: ToInstance
    ) -> None:
        """Let the instance that started this one hear how it ended."""
        snapshot = self._held.snapshots[instance]
        if snapshot is not None and snapshot.parent is not None:
            event = Ended(instance, definition.name, effect.state)
            self._ledger.to_instance(cause, n, snapshot.parent, event)

    def _post(self, instance: InstanceId, cast: Cast, circle: CircleId, effect: Post) -> None:
        message = name_message(effect.message, cast)
        choices = tuple((o.id, o.emoji) for o in message.options)
        target = None
        if effect.ask is not None and effect.edits is None:
            labels = tuple(option.label for option in message.options)
            target = Target(
                effect.row, instance, effect.ask, effect.round, choices, shared=True, labels=labels
            )
        parcel = Parcel(
            row=effect.row,
            to=Shared(circle),
            urgency="post",
            message=message,
            useful_until_ms=effect.useful_until_ms,
            edits=effect.edits,
            target=target,
            about=instance,
        )
        self._ledger.put(parcel)
        if effect.ends_poll and effect.edits is not None:
            end = Parcel(
                RowId(f"{effect.row}:end"),
                Shared(circle),
                "post",
                CLOSED,
                ends=_poll_of(effect.edits),
                about=instance,
            )
            self._ledger.put(end)
        if message.poll and target is not None:
            poll = replace(parcel, row=_poll_of(effect.row), message=as_poll(message), polls=effect.row)
            self._ledger.put(poll)
            return
        for n, (_, emoji) in enumerate(choices if target else ()):
            row = RowId(f"{effect.row}:{n}")
            self._ledger.put(
                Parcel(row, Shared(circle), "post", Message(), reacts=effect.row, emoji=emoji, about=instance)
            )


def _poll_of(row: RowId) -> RowId:
    """The poll below a question in the room."""
    return RowId(f"{row}:poll")
