"""What happens at the desks: each decides, and what it decided is written down."""

from __future__ import annotations

import logging
from collections import Counter
from typing import assert_never

from engine.core.decide import begin_details
from engine.core.decide_desk import decide_desk
from engine.core.definition import TITLE_TEXT, Definition
from engine.core.desk import (
    Alarm,
    Begin,
    DeskEffect,
    DeskEvent,
    Forget,
    Gather,
    Handover,
    Inform,
    Pass,
    Put,
    Release,
    Store,
    Told,
    Withdraw,
)
from engine.core.event import Left, Started
from engine.core.limits import Reached
from engine.core.message import Message, Phrase, Said
from engine.core.parcel import Direct, Parcel
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
)
from engine.runtime.batch.breaking import NoDefinition
from engine.runtime.batch.hearing import Hearing
from engine.runtime.batch.held import Held
from engine.runtime.batch.ledger import Ledger
from engine.runtime.beginnings import comes_round
from engine.runtime.carrying import takes_back
from engine.runtime.desk_facts import DeskGathering
from engine.runtime.house import House
from engine.runtime.localize import Cast
from engine.runtime.ports import AnyArrival, Begun, Gathered, Outcome, TextCopy, TextRow

log = logging.getLogger(__name__)

FORGOTTEN = "forget.done"
GOES_ON = "begin.goes_on"
BEGUN_TWICE = "begin.twice"
SAID_TWICE_MS = MINUTE_MS
BEHIND_THE_LETTER_MS = 2 * SECOND_MS
"""What comes with a weekly letter leaves so much later, so that the letter stands above it."""


class Desks:
    """The desks of the people in one batch."""

    def __init__(self, house: House, now_ms: Ms, held: Held, hearing: Hearing, ledger: Ledger) -> None:
        self._house = house
        self._now_ms = now_ms
        self._held = held
        self._hearing = hearing
        self._ledger = ledger
        self._begun: dict[tuple[object, ...], Ms] = {}
        self._beginnings: Counter[PersonId] = Counter()
        """How many workflows each person has begun in this batch; the store does not know of them yet."""
        self._facts = DeskGathering(house, now_ms, held.desks, held.delivered, self._beginnings)

    async def decide(self, person: PersonId, event: DeskEvent, cause: AnyArrival) -> Outcome:
        """Let a person's desk decide an event, and write down what comes of it."""
        desk = self._held.desks[person]
        occurred_ms = min(cause.occurred_ms, self._now_ms)
        facts = await self._facts.facts(person, event, occurred_ms)
        decision = decide_desk(desk, event, facts)
        if not decision.effects and decision.desk is desk:
            return Outcome("ignored", decision.ignored)
        if desk.version == 0 and await self._house.cellar.matrix_id(person) is None:
            return Outcome("ignored", "not known here any more")  # erased while this was on its way
        self._ledger.journal(f"d/{person}", event, facts, decision.ignored or "decided")
        self._held.desks[person] = decision.desk
        self._ledger.changes.desks[person] = (decision.desk, self._held.old_versions[f"d/{person}"])
        for n, effect in enumerate(decision.effects):
            await self._effect(person, effect, n, cause)
        return Outcome("done", decision.ignored)

    async def _effect(self, person: PersonId, effect: DeskEffect, n: int, cause: AnyArrival) -> None:
        match effect:
            case Pass():
                self._ledger.to_instance(cause, n, effect.instance, effect.event)
            case Begin():
                await self._begin(person, effect, n, cause)
            case Inform():
                self._ledger.to_desk(cause, n, effect.person, effect.event)
            case Forget():
                await self._forget(person, n, cause)
            case Put():
                self._ledger.put(self._hearing.where_asked(effect.parcel, cause))
            case Withdraw():
                self._ledger.changes.withdrawn.append(effect.row)
            case Release():
                self._ledger.changes.released.add(person)
            case Gather():
                due_ms = self._now_ms + BEHIND_THE_LETTER_MS
                self._ledger.changes.gathered.append(Gathered(person, due_ms, effect.sparing))
            case Handover():
                instance = effect.instance or InstanceId("")
                copy = TextCopy(effect.source, effect.under, instance, effect.until_ms)
                self._ledger.changes.copies.append(copy)
                self._ledger.changes.text_ends[effect.source] = self._now_ms
            case Alarm():
                self._ledger.alarm(f"d/{person}", effect)
            case Reached():
                log.warning("desk %s: the limit %s is reached", person, effect.limit)
                self._ledger.reached[effect.limit] += 1
            case Store():
                owner, body = self._hearing.words[effect.text]
                self._ledger.changes.texts.append(
                    TextRow(effect.text, owner, effect.instance, body, effect.until_ms)
                )
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
            self._ledger.to_desk(cause, n, person, told)
            if effect.words is not None:
                self._ledger.changes.text_ends[effect.words] = self._now_ms
            return
        given = {name: await self._served(value, effect.circle) for name, value in effect.details.items()}
        details = begin_details(
            definition, effect.people, everyone=effect.everyone, words=effect.words, given=given
        )
        self._beginnings[person] += 1
        self._ledger.to_instance(
            cause,
            n,
            effect.instance,
            Started(Ref(person), details, spoken=True),
            Begun(effect.workflow, effect.circle, definition.digest),
        )

    def _is_said_twice(self, person: PersonId, effect: Begin, occurred_ms: Ms) -> bool:
        """Whether they have begun the very same in the same words a moment ago, as when a tap did not seem to work."""
        # Words that were kept until it was clear which circle is meant are not at hand here: their id stands for them.
        words = self._hearing.words[effect.words][1] if effect.words in self._hearing.words else effect.words
        same = (person, effect.workflow, effect.circle, effect.people, effect.everyone, words)
        before_ms = self._begun.get(same)
        self._begun[same] = occurred_ms
        return before_ms is not None and abs(occurred_ms - before_ms) < SAID_TWICE_MS

    async def _goes_on(self, definition: Definition, circle: CircleId, person: PersonId) -> bool:
        """Whether one of this workflow, with this person as its starter, runs in the circle."""
        stored = {each.id: each for each in await self._house.cellar.instances_of(person)}
        newer = {key: each for key, each in self._held.snapshots.items() if each is not None}
        for snapshot in {**stored, **newer}.values():
            theirs = await self._house.catalogue.by_digest(snapshot.definition)
            if snapshot.finished_ms is not None or snapshot.circle != circle or theirs is None:
                continue
            cast = self._held.casts.get(snapshot.id) or Cast(await self._house.cellar.people_of(snapshot.id))
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

    async def _forget(self, person: PersonId, n: int, cause: AnyArrival) -> None:
        """Everything that goes before a person can be erased (right 11).

        Whatever runs hears only that they are no longer here. What the bot has written to them, and wherever else it
        carries their words, is taken back; then one last line tells them that it is done.
        """
        cellar = self._house.cellar
        self._ledger.changes.parcels = [
            new for new in self._ledger.changes.parcels if not _is_letter_to(person, new.parcel)
        ]
        running = [s for s in await cellar.instances_of(person) if s.finished_ms is None]
        for k, snapshot in enumerate(running):
            self._ledger.to_instance(cause, f"{n}.{k}", snapshot.id, Left(Ref(person)))
        for placed in await cellar.rows_sent_to(person):
            self._ledger.take_back(placed)
        texts = [kept.id for kept in await cellar.texts_of(person)]
        for placed in await cellar.rows_carrying(texts):
            self._ledger.take_back(placed)
        self._ledger.put(
            Parcel(
                RowId(f"{person}:forgotten:{cause.id}"),
                Direct(person),
                "reply",
                Message(lines=(Phrase(FORGOTTEN),)),
                useful_until_ms=self._now_ms + DAY_MS,
            )
        )
        self._ledger.changes.leaving.append(person)


def _is_letter_to(person: PersonId, parcel: Parcel) -> bool:
    return parcel.to == Direct(person) and not takes_back(parcel)
