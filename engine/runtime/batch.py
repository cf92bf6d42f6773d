"""A batch: some arrivals, decided together in memory, against one reading of the store.

Each event sees the snapshots as the events before it left them. What deciding sets off (an
answer carried to its instance, a question laid on a desk) is decided in the same batch, so
that one commit holds the whole of it; only an unusually long chain is left to the inbox.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from engine.core.decide import begin_details, decide
from engine.core.decide_desk import OVERFULL, decide_desk
from engine.core.definition import TITLE_TEXT, Definition
from engine.core.desk import (
    Alarm,
    Arrived,
    Asked,
    Begin,
    Boarded,
    Confirmed,
    Desk,
    DeskEffect,
    DeskEvent,
    DeskFacts,
    Empowered,
    Errand,
    Forget,
    Gather,
    Handover,
    Heard,
    Helped,
    Inform,
    Pass,
    Put,
    Rang,
    Refused,
    Release,
    Reopened,
    Reworded,
    Settled,
    Store,
    TakenBack,
    Tapped,
    Ticked,
    Told,
    Withdraw,
)
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
from engine.core.event import Due, Ended, Event, Facts, Left, Migrated, Started
from engine.core.instance import Snapshot
from engine.core.message import Message, Phrase, Said
from engine.core.parcel import Direct, Parcel, Shared, Target
from engine.core.starting import NOT_STARTED, fitting
from engine.core.values import (
    DAY_MS,
    MINUTE_MS,
    SECOND_MS,
    AnyValue,
    CircleId,
    InstanceId,
    Ms,
    PersonId,
    Picked,
    Ref,
    RowId,
    TextId,
    Words,
)
from engine.runtime.beginnings import beginning_for_all, beginning_for_arrival, comes_round, instance_for
from engine.runtime.blame import where
from engine.runtime.carrying import takes_back
from engine.runtime.desk_facts import DeskGathering
from engine.runtime.gathering import Gathering, wanted_by
from engine.runtime.house import House
from engine.runtime.lately import asked_lately
from engine.runtime.localize import Cast, localize, name_message, name_phrase, name_value
from engine.runtime.ports import (
    Adoption,
    AnyArrival,
    Begun,
    Changes,
    Echo,
    Faded,
    Gathered,
    Housed,
    Line,
    Loaded,
    Moved,
    NewParcel,
    Noticed,
    Ordered,
    Outcome,
    Placed,
    Reacted,
    Removed,
    Rung,
    SetAside,
    Spoken,
    TextCopy,
    TextRow,
    TimerRow,
    ToDesk,
    ToInstance,
    Unavailable,
    Voted,
    Want,
)
from engine.runtime.practices import NOWHERE, is_private

log = logging.getLogger(__name__)

LINK = ">"
"""Between the id of an event and the number of what follows from it; no event from outside has it in its id."""
SEED_BITS = 48
FORGOTTEN = "forget.done"
GOES_ON = "begin.goes_on"
BEGUN_TWICE = "begin.twice"
SAID_TWICE_MS = MINUTE_MS
BEHIND_THE_LETTER_MS = 2 * SECOND_MS
"""What comes with a weekly letter leaves so much later, so that the letter stands above it."""
MOST_ROUNDS = 12
"""How far a chain of events may go within one batch; the rest waits in the inbox."""


class Broke(Exception):
    """Deciding an event raised: the batch is to be decided again with that event set aside."""

    def __init__(self, arrival: str, error: str) -> None:
        super().__init__(error)
        self.arrival = arrival
        self.error = error


class NoDefinition(Exception):
    """An instance is pinned to a definition that is nowhere to be found."""


class Batch:
    """One batch being decided. ``changes`` and ``outcomes`` are its result."""

    def __init__(self, house: House, now_ms: Ms, broken: Mapping[str, str]) -> None:
        """``broken``: arrivals (by id) already known to break, with the error: they are quarantined."""
        self._house = house
        self._now_ms = now_ms
        self._broken = broken
        self.changes = Changes()
        self.outcomes: dict[str, Outcome] = {}
        self._snapshots: dict[InstanceId, Snapshot | None] = {}
        self._desks: dict[PersonId, Desk] = {}
        self._casts: dict[InstanceId, Cast] = {}
        self._targets: dict[str, Target] = {}
        self._delivered: dict[PersonId, frozenset[RowId]] = {}
        self._seen: set[str] = set()
        self._lines: dict[str, int] = {}
        self._old_versions: dict[str, int] = {}
        self._words: dict[TextId, tuple[PersonId, str]] = {}
        self._begun: dict[tuple[object, ...], Ms] = {}
        self._chain: list[ToInstance | ToDesk] = []
        self._around = Gathering(house.surroundings)
        self._desk_facts = DeskGathering(house, now_ms, self._desks, self._delivered)
        self._taken_back: set[RowId] = set()
        self._threads: dict[str, tuple[Direct | Shared, str]] = {}
        """Of the messages that people wrote in a thread, by id: where, and the thread."""
        self._rooms_said: dict[str, Shared] = {}
        """Of the messages that people wrote in one of a circle's several rooms, by id: that room."""

    async def decide(self, arrivals: Iterable[AnyArrival]) -> None:
        """Decide everything, in order, and what follows from it."""
        waiting: list[AnyArrival] = list(arrivals)
        for round_ in range(MOST_ROUNDS):
            if not waiting:
                return
            await self._prepare(waiting)
            for arrival in waiting:
                await self._one(arrival, inside=round_ > 0)
            waiting, self._chain = list(self._chain), []
        self.changes.inbox.extend(a for a in waiting if isinstance(a, ToInstance | ToDesk))

    # ── loading ──────────────────────────────────────────────────────────────

    async def _prepare(self, arrivals: Sequence[AnyArrival]) -> None:
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
            instances=frozenset(instances - self._snapshots.keys()),
            desks=frozenset((desks | delivered) - self._desks.keys()),
            events=frozenset(events - self._targets.keys()),
            delivered=frozenset(delivered),
        )
        await self._take(want, await self._house.cellar.load(want))

    async def _take(self, want: Want, loaded: Loaded) -> None:
        self._seen |= loaded.seen
        self._targets.update(loaded.targets)
        self._delivered.update(loaded.delivered)
        for actor, n in loaded.lines.items():
            self._lines.setdefault(actor, n)
        for instance in want.instances:
            snapshot = loaded.snapshots.get(instance)
            self._snapshots[instance] = snapshot
            self._casts[instance] = Cast(loaded.people.get(instance, ()))
            self._old_versions[f"i/{instance}"] = snapshot.version if snapshot else 0
        for person in want.desks:
            desk = loaded.desks.get(person) or Desk(person, rhythm=await self._house.rhythm_of(person))
            self._desks[person] = desk
            self._old_versions[f"d/{person}"] = desk.version

    # ── one arrival ──────────────────────────────────────────────────────────

    async def _one(self, arrival: AnyArrival, *, inside: bool) -> None:
        if not inside:
            # It may have lain in the inbox: an unusually long chain left it behind, or it is tried again.
            self.changes.inbox_done.append(arrival.id)
        if arrival.id in self._seen or arrival.id in self.changes.seen:
            self.outcomes.setdefault(arrival.id, Outcome("seen_before"))
            return
        self.changes.seen[arrival.id] = self._now_ms
        if isinstance(arrival, Rung):
            # Whatever becomes of it, it has rung. (Had it been seen, its row would be gone, or a newer one.)
            self.changes.timers.setdefault((arrival.actor, arrival.name), None)
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
                return await self._spoken(arrival)
            case Reacted():
                return await self._at_desk(arrival.person, self._tapped(arrival), arrival)
            case Ordered():
                return await self._ordered(arrival)
            case Voted():
                target = self._targets.get(arrival.target)
                vote = Ticked(arrival.id, arrival.answers, target, arrival.circle)
                return await self._at_desk(arrival.person, vote, arrival)
            case Removed():
                return await self._at_desk(arrival.person, TakenBack(arrival.event), arrival)
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
                return await self._in_instance(arrival)
            case ToDesk():
                return await self._at_desk(arrival.person, arrival.event, arrival)
            case _:
                assert_never(arrival)

    async def _spoken(self, arrival: Spoken) -> Outcome:
        desk = self._desks[arrival.person]
        target = self._target_of(arrival)
        circles = (arrival.circle,) if arrival.circle is not None else await self._circles_of(arrival.person)
        begins = (word for circle in circles or (NOWHERE,) for word in self._house.catalogue.begins(circle))
        words = {*begins, *(word for power in desk.powers.values() for word in power.words)}
        read = self._house.reader.read
        reading, kept = read(arrival, desk, target, words, self._now_ms, circles)
        text = TextId(self._house.fresh_id())
        if reading.command is not None and reading.command.rest is not None:
            rest = TextId(self._house.fresh_id())
            self._words[rest] = (arrival.person, kept)
            reading = replace(reading, command=replace(reading.command, rest=rest))
            # Should it be an answer after all ("role play, and soup"), it is all of it.
            _, kept = read(arrival, desk, target, (), self._now_ms, circles)
        self._words[text] = (arrival.person, kept)
        reading = replace(reading, blank=not kept.strip())
        event: DeskEvent
        if arrival.edits is not None:
            event = Reworded(arrival.edits, reading, text, arrival.id)
        else:
            event = Heard(
                arrival.id, reading, text, arrival.circle, target, arrival.addressed, arrival.reply_to
            )
        return await self._at_desk(arrival.person, event, arrival)

    async def _ordered(self, arrival: Ordered) -> Outcome:
        command = arrival.command
        if arrival.words.strip():
            rest = TextId(self._house.fresh_id())
            self._words[rest] = (arrival.person, arrival.words)
            command = replace(command, rest=rest)
        return await self._at_desk(arrival.person, Errand(command, arrival.instance), arrival)

    def _tapped(self, arrival: Reacted) -> Tapped:
        """A reaction; one that is written out, "maybe" or "2", is read as what it says."""
        target, choice = self._targets.get(arrival.target), None
        written = any(letter.isalnum() for letter in arrival.emoji)
        if target is not None and written and all(emoji != arrival.emoji for _, emoji in target.choices):
            spoken = Spoken(
                id=arrival.id,
                occurred_ms=arrival.occurred_ms,
                person=arrival.person,
                body=arrival.emoji,
                circle=arrival.circle,
                reply_to=arrival.target,
            )
            desk = self._desks[arrival.person]
            reading, _ = self._house.reader.read(spoken, desk, target, (), self._now_ms)
            choice = reading.picks.get(target.row)
        return Tapped(arrival.id, arrival.emoji, target, arrival.circle, choice)

    def _target_of(self, spoken: Spoken) -> Target | None:
        """The question that a message is a reply to; in a thread, rather the one asked there last than its first."""
        if spoken.circle is not None and spoken.room:
            self._rooms_said[spoken.id] = Shared(spoken.circle, spoken.room)
        if spoken.thread is not None:
            here = Direct(spoken.person) if spoken.circle is None else Shared(spoken.circle)
            self._threads[spoken.id] = (here, spoken.thread)
        replied = (self._targets.get(event) for event in (spoken.latest, spoken.reply_to) if event)
        return next((target for target in replied if target is not None), None)

    async def _moved(self, arrival: Moved) -> Outcome:
        if arrival.circle is None:
            return await self._at_desk(arrival.person, Arrived() if arrival.joined else Refused(), arrival)
        if arrival.joined:
            self._welcome(arrival, arrival.circle)
        else:
            for n, snapshot in enumerate(await self._house.cellar.open_instances(arrival.circle)):
                if arrival.person in await self._house.cellar.people_of(snapshot.id):
                    event = Left(Ref(arrival.person))
                    self._follow(ToInstance, arrival, n, instance=snapshot.id, event=event)
        return Outcome("done")

    async def _noticed(self, arrival: Noticed) -> Outcome:
        row = RowId(f"notice:{arrival.id}")
        if await self._house.cellar.sent_event(row) is not None:
            return Outcome("seen_before")  # so long ago that its id is forgotten
        to, until_ms = Shared(arrival.circle), arrival.useful_until_ms
        self._put(Parcel(row, to, arrival.urgency, arrival.message, useful_until_ms=until_ms))
        return Outcome("done")

    async def _housed(self, arrival: Housed) -> Outcome:
        circle = arrival.circle
        await self._begin_for_all(circle, self._house.practices.in_use(circle), 0, arrival)
        row = RowId(f"intro:{circle}")
        if await self._house.cellar.sent_event(row) is not None:
            return Outcome("seen_before")  # so long ago that its id is forgotten
        self._put(Parcel(row, Shared(circle), "post", Message(lines=(Phrase("intro.room"),))))
        return Outcome("done")

    def _welcome(self, arrival: Moved, circle: CircleId) -> None:
        """Begin, with whoever came into the circle's room, what begins by itself when someone arrives."""
        beginning = beginning_for_arrival(self._house.practices, self._house.catalogue, circle)
        for n, definition in enumerate(beginning):
            self._begin_by_itself(definition, circle, arrival.person, f"{n}", arrival)

    async def _begin_for_all(
        self, circle: CircleId, workflows: Iterable[str], n: int, cause: AnyArrival
    ) -> None:
        """Begin with everybody in the circle's room what its circle uses from now on, if they have not had it."""
        for definition in beginning_for_all(self._house.catalogue, circle, workflows):
            people = {
                instance_for(circle, definition.name, person): person
                for person in await self._around.members(circle)
            }
            had = (await self._house.cellar.load(Want(instances=frozenset(people)))).snapshots
            for k, (instance, person) in enumerate(people.items()):
                if instance not in had:
                    self._begin_by_itself(definition, circle, person, f"{n}.{definition.name}.{k}", cause)

    def _begin_by_itself(
        self, definition: Definition, circle: CircleId, person: PersonId, n: str, cause: AnyArrival
    ) -> None:
        self._follow(
            ToInstance,
            cause,
            n,
            instance=instance_for(circle, definition.name, person),
            event=Started(Ref(person), unbidden=True),
            begin=Begun(definition.name, circle, definition.digest),
        )

    async def _rung(self, arrival: Rung) -> Outcome:
        kind, _, key = arrival.actor.partition("/")
        if kind == "d":
            return await self._at_desk(PersonId(key), Rang(arrival.name), arrival)
        instance = InstanceId(key)
        event = Due(arrival.name, arrival.entry)
        inner = ToInstance(id=arrival.id, occurred_ms=arrival.occurred_ms, instance=instance, event=event)
        outcome = await self._in_instance(inner)
        snapshot = self._snapshots[instance]
        timer = snapshot.timers.get(arrival.name) if snapshot is not None else None
        rang = (arrival.entry, arrival.occurred_ms)
        is_over = outcome.kind == "refused" and arrival.occurred_ms <= self._now_ms
        if timer is not None and not (is_over and (timer.entry, timer.due_ms) == rang):
            # The table follows the snapshot: what was set anew while the old moment rang still waits.
            row = TimerRow(arrival.actor, arrival.name, timer.entry, timer.due_ms)
            self.changes.timers[(arrival.actor, arrival.name)] = row
        return outcome

    def _follow(self, kind: type, cause: AnyArrival, n: int | str, **fields: object) -> None:
        """Add an event to the chain, under an id derived from what caused it."""
        self._chain.append(kind(id=f"{cause.id}{LINK}{n}", occurred_ms=cause.occurred_ms, **fields))

    async def _circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return await self._house.surroundings.circles_of(person)

    # ── desks ────────────────────────────────────────────────────────────────

    async def _at_desk(self, person: PersonId, event: DeskEvent, cause: AnyArrival) -> Outcome:
        desk = self._desks[person]
        occurred_ms = min(cause.occurred_ms, self._now_ms)
        facts = await self._desk_facts.facts(person, event, occurred_ms)
        decision = decide_desk(desk, event, facts)
        if decision.ignored == OVERFULL:
            log.warning("desk %s: %s", person, OVERFULL)
        if not decision.effects and decision.desk is desk:
            return Outcome("ignored", decision.ignored)
        if desk.version == 0 and await self._house.cellar.matrix_id(person) is None:
            return Outcome("ignored", "not known here any more")  # erased while this was on its way
        self._journal(f"d/{person}", event, facts, decision.ignored or "decided")
        self._desks[person] = decision.desk
        self.changes.desks[person] = (decision.desk, self._old_versions[f"d/{person}"])
        for n, effect in enumerate(decision.effects):
            await self._desk_effect(person, effect, n, cause)
        return Outcome("done", decision.ignored)

    async def _desk_effect(self, person: PersonId, effect: DeskEffect, n: int, cause: AnyArrival) -> None:
        match effect:
            case Pass():
                self._follow(ToInstance, cause, n, instance=effect.instance, event=effect.event)
            case Begin():
                await self._begin(person, effect, n, cause)
            case Inform():
                self._follow(ToDesk, cause, n, person=effect.person, event=effect.event)
            case Forget():
                await self._forget(person, n, cause)
            case Put():
                self._put(self._where_asked(effect.parcel, cause))
            case Withdraw():
                self.changes.withdrawn.append(effect.row)
            case Release():
                self.changes.released.add(person)
            case Gather():
                due_ms = self._now_ms + BEHIND_THE_LETTER_MS
                self.changes.gathered.append(Gathered(person, due_ms, effect.sparing))
            case Handover():
                instance = effect.instance or InstanceId("")
                copy = TextCopy(effect.source, effect.under, instance, effect.until_ms)
                self.changes.copies.append(copy)
                self.changes.text_ends[effect.source] = self._now_ms
            case Alarm():
                self._alarm(f"d/{person}", effect)
            case Store():
                owner, body = self._words[effect.text]
                self.changes.texts.append(TextRow(effect.text, owner, effect.instance, body, effect.until_ms))
            case _:
                assert_never(effect)

    async def _begin(self, person: PersonId, effect: Begin, n: int, cause: AnyArrival) -> None:
        definition = self._house.catalogue.in_service(effect.workflow, effect.circle)
        if definition is None:
            raise NoDefinition(effect.workflow)
        alike = definition.begins_for is not None or comes_round(definition)
        goes_on = alike and await self._goes_on(definition, effect.circle, person)
        if goes_on or self._is_said_twice(person, effect, cause.occurred_ms):
            # It comes round by itself, or was sent twice: a second one would ask them everything twice.
            key = GOES_ON if goes_on else BEGUN_TWICE
            line = Phrase(key, slots={"title": Said(TITLE_TEXT, definition.digest)})
            told = Told(InstanceId(""), PersonId(""), Message(lines=(line,)), "reply")
            self._follow(ToDesk, cause, n, person=person, event=told)
            if effect.words is not None:
                self.changes.text_ends[effect.words] = self._now_ms
            return
        given = {name: await self._served(value, effect.circle) for name, value in effect.details.items()}
        details = begin_details(
            definition, effect.people, everyone=effect.everyone, words=effect.words, given=given
        )
        self._follow(
            ToInstance,
            cause,
            n,
            instance=effect.instance,
            event=Started(Ref(person), details, spoken=True),
            begin=Begun(effect.workflow, effect.circle, definition.digest),
        )

    def _is_said_twice(self, person: PersonId, effect: Begin, occurred_ms: Ms) -> bool:
        """Whether they have begun the very same in the same words a moment ago, as when a tap did not seem to work."""
        # Words that were kept until it was clear which circle is meant are not at hand here: their id stands for them.
        words = self._words[effect.words][1] if effect.words in self._words else effect.words
        same = (person, effect.workflow, effect.circle, effect.people, effect.everyone, words)
        before_ms = self._begun.get(same)
        self._begun[same] = occurred_ms
        return before_ms is not None and abs(occurred_ms - before_ms) < SAID_TWICE_MS

    async def _goes_on(self, definition: Definition, circle: CircleId, person: PersonId) -> bool:
        """Whether one of this workflow, with this person as its starter, runs in the circle."""
        stored = {each.id: each for each in await self._house.cellar.instances_of(person)}
        newer = {key: each for key, each in self._snapshots.items() if each is not None}
        for snapshot in {**stored, **newer}.values():
            theirs = await self._house.catalogue.by_digest(snapshot.definition)
            if snapshot.finished_ms is not None or snapshot.circle != circle or theirs is None:
                continue
            cast = self._casts.get(snapshot.id) or Cast(await self._house.cellar.people_of(snapshot.id))
            if theirs.name == definition.name and cast.person(snapshot.starter) == person:
                return True
        return False

    async def _served(self, value: AnyValue, circle: CircleId) -> AnyValue:
        """A workflow that was picked, by its name or as another circle has it, as what people there can read now."""
        if not isinstance(value, Picked):
            return value
        picked = await self._house.catalogue.by_digest(value.choice)
        name = value.choice if picked is None else picked.name
        served = self._house.catalogue.in_service(name, circle)
        return value if served is None else Picked(served.digest)

    # ── what goes ────────────────────────────────────────────────────────────

    async def _fade(self, texts: Sequence[TextId]) -> None:
        """Delete texts, and take back the bot's own messages that carry them."""
        self.changes.faded.extend(texts)
        for placed in await self._house.cellar.rows_carrying(texts):
            self._take_back(placed)

    async def _forget(self, person: PersonId, n: int, cause: AnyArrival) -> None:
        """Everything that goes before a person can be erased (right 11).

        Whatever runs hears only that they are no longer here. What the bot has written to them, and wherever else it
        carries their words, is taken back; then one last line tells them that it is done.
        """
        cellar = self._house.cellar
        self.changes.parcels = [new for new in self.changes.parcels if not _is_letter_to(person, new.parcel)]
        running = [s for s in await cellar.instances_of(person) if s.finished_ms is None]
        for k, snapshot in enumerate(running):
            self._follow(ToInstance, cause, f"{n}.{k}", instance=snapshot.id, event=Left(Ref(person)))
        for placed in await cellar.rows_sent_to(person):
            self._take_back(placed)
        texts = [kept.id for kept in await cellar.texts_of(person)]
        for placed in await cellar.rows_carrying(texts):
            self._take_back(placed)
        self._put(
            Parcel(
                RowId(f"{person}:forgotten:{cause.id}"),
                Direct(person),
                "reply",
                Message(lines=(Phrase(FORGOTTEN),)),
                useful_until_ms=self._now_ms + DAY_MS,
            )
        )
        self.changes.leaving.append(person)

    def _take_back(self, placed: Placed) -> None:
        if placed.row in self._taken_back:
            return
        self._taken_back.add(placed.row)
        back = RowId(f"{placed.row}:back")
        self._put(Parcel(back, placed.to, "safety", Message(), redacts=placed.row))

    def _where_asked(self, parcel: Parcel, cause: AnyArrival) -> Parcel:
        """What answers somebody goes into the room, and the thread, in which they wrote."""
        said = cause.id.partition(LINK)[0]
        here, thread = self._threads.get(said, (None, None))
        answers = parcel.urgency == "reply" or isinstance(parcel.to, Shared)
        only_adds = parcel.edits is not None or parcel.reacts is not None or parcel.ends is not None
        if parcel.to == here and answers and not only_adds and not takes_back(parcel):
            parcel = replace(parcel, thread=thread)
        room = self._rooms_said.get(said)
        if room is not None and parcel.to == Shared(room.circle):
            return replace(parcel, to=room)
        return parcel

    def _put(self, parcel: Parcel) -> None:
        self.changes.parcels.append(
            NewParcel(parcel, self._house.fresh_id(), max(self._now_ms, parcel.not_before_ms))
        )

    def _alarm(self, actor: str, alarm: Alarm) -> None:
        timer = TimerRow(actor, alarm.name, 0, alarm.due_ms) if alarm.due_ms is not None else None
        self.changes.timers[(actor, alarm.name)] = timer

    # ── instances ────────────────────────────────────────────────────────────

    async def _in_instance(self, arrival: ToInstance) -> Outcome:
        instance = arrival.instance
        snapshot = self._snapshots[instance]
        definition = await self._definition(snapshot, arrival.begin)
        if definition is None:
            return Outcome("refused", "not_begun")
        cast = self._casts[instance]
        event = localize(arrival.event, cast)
        circle = snapshot.circle if snapshot else (arrival.begin.circle if arrival.begin else CircleId(""))
        into = await self._house.catalogue.by_digest(event.to) if isinstance(event, Migrated) else None
        facts = await self._facts(into or definition, cast, circle, arrival)
        result = decide(definition, snapshot, event, facts, into)
        refused = result.reason if isinstance(result, Refusal) else None
        if isinstance(event, Migrated):
            log.info("instance %s to %s: %s", instance, event.to[:12], refused or f"in {event.state}")
        if snapshot is not None or refused is None:
            self._journal(f"i/{instance}", event, facts, refused or "decided")
        if isinstance(result, Decision):
            self._snapshots[instance] = result.snapshot
            self.changes.snapshots[instance] = (result.snapshot, self._old_versions[f"i/{instance}"])
        for n, effect in enumerate(result.effects):
            await self._effect(instance, definition, cast, circle, effect, n, arrival)
        self.changes.parts.extend((instance, ref, person) for ref, person in cast.added)
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
            room = tuple(cast.ref(p) for p in await self._around.members(circle))
        groups = {
            part.name: tuple(cast.ref(p) for p in await self._around.people(part, circle))
            for part in wanted.parts
        }
        begins = isinstance(arrival.event, Started)
        return Facts(
            now_ms=self._now_ms,
            occurred_ms=min(arrival.occurred_ms, self._now_ms),
            room=room,
            instance=arrival.instance if begins else "",
            circle=circle if begins else "",
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
                self._snapshots,
                self._casts,
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
                self.changes.timers[(row.actor, row.name)] = row
            case DropTimer():
                self.changes.timers[(f"i/{instance}", effect.name)] = None
            case KeepText():
                self.changes.text_ends[effect.text] = effect.until_ms
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
            case Help() | Ask() | Settle() | Reopen() | Confirm() | Tell() | Show() | Empower():
                person = cast.person(effect.who)
                if person:
                    snapshot = self._snapshots.get(instance)
                    unbidden = snapshot is not None and snapshot.unbidden
                    event = _for_desk(instance, definition, cast, effect, unbidden=unbidden)
                    self._follow(ToDesk, cause, n, person=person, event=event)
            case _:
                assert_never(effect)

    def _mix(self, instance: InstanceId, effect: Mix) -> None:
        """Move texts to their new ids. Which became which is known here, for this moment, and kept nowhere."""
        shuffled = list(effect.texts)
        self._house.random.shuffle(shuffled)
        for source, under in zip(shuffled, effect.under, strict=True):
            self.changes.copies.append(TextCopy(source, under, instance, effect.until_ms, loose=True))

    async def _adopt(
        self, instance: InstanceId, circle: CircleId, effect: Adopt, n: int, cause: ToInstance
    ) -> None:
        """Note what the circle agreed on; what begins with everybody there begins now, if it is new to them."""
        definition = await self._house.catalogue.by_digest(effect.definition)
        if definition is None:
            raise NoDefinition(effect.definition)
        name = definition.name
        log.info("circle %s: %s is %s", circle, name, "in use" if effect.in_use else "not in use any more")
        self.changes.adoptions.append(Adoption(circle, name, effect.in_use))
        if effect.in_use and not self._house.practices.uses(circle, name):
            await self._begin_for_all(circle, (name,), n, cause)

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
            self._follow(ToInstance, cause, n, instance=instance, event=ended)
            return
        named = {name: name_value(value, cast) for name, value in effect.details.items()}
        taken = fitting(definition, named, starter, self._now_ms)
        details = {name: self._copied(value, effect.instance) for name, value in taken.items()}
        self._follow(
            ToInstance,
            cause,
            n,
            instance=effect.instance,
            event=Started(Ref(starter), details, instance, effect.depth, effect.spoken, effect.unbidden),
            begin=Begun(effect.workflow, circle, definition.digest),
        )

    def _copied(self, value: AnyValue, instance: InstanceId) -> AnyValue:
        """Words that are handed over are copied: the end date of one is not that of the other."""
        if not isinstance(value, Words):
            return value
        copy = TextCopy(value.text, TextId(self._house.fresh_id()), instance, self._now_ms + TEXT_HELD_MS)
        self.changes.copies.append(copy)
        return Words(copy.id)

    def _report_end(
        self, instance: InstanceId, definition: Definition, effect: Finish, n: int, cause: ToInstance
    ) -> None:
        """Let the instance that started this one hear how it ended."""
        snapshot = self._snapshots[instance]
        if snapshot is not None and snapshot.parent is not None:
            event = Ended(instance, definition.name, effect.state)
            self._follow(ToInstance, cause, n, instance=snapshot.parent, event=event)

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
        self._put(parcel)
        if effect.ends_poll and effect.edits is not None:
            end = Parcel(
                RowId(f"{effect.row}:end"),
                Shared(circle),
                "post",
                CLOSED,
                ends=_poll_of(effect.edits),
                about=instance,
            )
            self._put(end)
        if message.poll and target is not None:
            poll = replace(parcel, row=_poll_of(effect.row), message=as_poll(message), polls=effect.row)
            self._put(poll)
            return
        for n, (_, emoji) in enumerate(choices if target else ()):
            row = RowId(f"{effect.row}:{n}")
            self._put(
                Parcel(row, Shared(circle), "post", Message(), reacts=effect.row, emoji=emoji, about=instance)
            )

    # ── the journal ──────────────────────────────────────────────────────────

    def _journal(self, actor: str, event: Event | DeskEvent, facts: Facts | DeskFacts, result: str) -> None:
        n = self._lines[actor] = self._lines.get(actor, 0) + 1
        self.changes.journal.append(Line(actor, n, self._now_ms, event, facts, result))


def _poll_of(row: RowId) -> RowId:
    """The poll below a question in the room."""
    return RowId(f"{row}:poll")


def _is_letter_to(person: PersonId, parcel: Parcel) -> bool:
    return parcel.to == Direct(person) and not takes_back(parcel)


def _for_desk(
    instance: InstanceId,
    definition: Definition,
    cast: Cast,
    effect: Ask | Settle | Reopen | Confirm | Tell | Show | Empower | Help,
    *,
    unbidden: bool,
) -> DeskEvent:
    """``unbidden``: the instance began by itself."""
    starter = cast.person("p1")
    match effect:
        case Ask():
            return Asked(
                instance=instance,
                workflow=definition.name,
                starter=starter,
                ask=effect.ask,
                round=effect.round,
                message=name_message(effect.message, cast),
                expects=effect.expects,
                words=effect.words,
                closes_ms=effect.closes_ms,
                changeable_ms=effect.changeable_ms,
                urgency=effect.urgency,
                personal=effect.personal,
                optional=effect.optional,
                question_to=effect.question_to,
                reminds=effect.reminds,
                sensitive=effect.sensitive,
            )
        case Settle():
            return Settled(instance, effect.ask, effect.round)
        case Reopen():
            return Reopened(instance, effect.ask, effect.round)
        case Confirm():
            return Confirmed(instance, effect.ask, effect.round, name_phrase(effect.line, cast))
        case Tell():
            message = name_message(effect.message, cast)
            return Told(instance, starter, message, effect.urgency, effect.useful_until_ms)
        case Show():
            return Boarded(instance, effect.board, name_message(effect.message, cast), starter)
        case Help():
            return Helped(instance, starter)
        case Empower():
            about = name_phrase(effect.about, cast)
            by_itself = unbidden and cast.person(effect.who) == starter
            return Empowered(instance, effect.words, about, is_private(definition), by_itself)
        case _:
            assert_never(effect)
