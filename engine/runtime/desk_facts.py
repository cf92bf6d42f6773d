"""What a desk may know when it decides, besides itself and the event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from engine.core.desk import (
    Command,
    Desk,
    DeskEvent,
    DeskFacts,
    Errand,
    Heard,
    Helped,
    Rang,
    Reading,
    Reworded,
    Rhythm,
    Settled,
    TakenBack,
    Tapped,
    Ticked,
)
from engine.core.desk_letter import LETTER
from engine.core.desk_practice import LEAVE_OFF, TRY
from engine.core.desk_rights import CARRIED, KEEP, SHOW
from engine.core.desk_table import CALL, CIRCLE, PERSON
from engine.core.schedule import budget_frees_at
from engine.core.values import CircleId, InstanceId, Ms, PersonId, RowId, TextId
from engine.runtime.carried_by import carried_by
from engine.runtime.contacts import contacts_for
from engine.runtime.house import House
from engine.runtime.news import News
from engine.runtime.practices import facts_of_practices

NUMBERED = (CARRIED, SHOW, KEEP)
"""The own words that need to know the lines of ``what i carried``."""


class DeskGathering:
    """Gathers for one batch; whatever costs something is looked for only where an event may ask for it."""

    def __init__(
        self,
        house: House,
        now_ms: Ms,
        desks: Mapping[PersonId, Desk],
        delivered: Mapping[PersonId, frozenset[RowId]],
        beginnings: Mapping[PersonId, int],
    ) -> None:
        """``desks``, ``delivered`` and ``beginnings`` (how many each person has begun) are the batch's own, as they
        grow.
        """
        self._beginnings = beginnings
        self._house = house
        self._now_ms = now_ms
        self._desks = desks
        self._delivered = delivered
        self._news = News(house.cellar, house.catalogue)
        self._usual: dict[PersonId, Rhythm] = {}

    async def facts(self, person: PersonId, event: DeskEvent, occurred_ms: Ms) -> DeskFacts:
        """What the person's desk may know for this event."""
        facts = await self._facts(person, event, occurred_ms)
        limits, usual = self._house.limits, await self._usual_of(person)
        return replace(facts, usual=usual, limits=limits, begun=await self._begun(person, event, facts))

    async def _begun(self, person: PersonId, event: DeskEvent, facts: DeskFacts) -> int:
        """How much of what they began is under way; 0 where nothing begins now."""
        undecided = self._desks[person].undecided
        commands = [undecided.command] if undecided is not None else []
        match event:
            case Heard(reading=Reading(command=Command() as command)) | Errand(command=command):
                commands.append(command)
            case _:
                pass
        if not any(each.word in facts.begins or each.word in (TRY, LEAVE_OFF) for each in commands):
            return 0
        most, here = self._house.limits.begun_per_person, self._beginnings.get(person, 0)
        return here + await self._house.cellar.begun_by(person, most)

    async def _usual_of(self, person: PersonId) -> Rhythm:
        if person not in self._usual:
            self._usual[person] = await self._house.rhythm_of(person)
        return self._usual[person]

    async def _facts(self, person: PersonId, event: DeskEvent, occurred_ms: Ms) -> DeskFacts:
        facts = DeskFacts(self._now_ms, occurred_ms, delivered=self._delivered.get(person, frozenset()))
        match event:
            case Rang():
                return await self._of_ring(person, event, facts)
            case Heard():
                return await self._of_message(person, event, facts)
            case Errand(command=command):
                heard = Heard("", Reading(command=command), command.rest or TextId(""))
                return await self._of_message(person, heard, facts)
            case Helped():
                circles = tuple(await self._house.surroundings.circles_of(person))
                return replace(facts, circles=circles, contacts=await self._contacts(person, circles))
            case Tapped(target=target) if target is not None and (target.instance, target.ask) == (
                None,
                PERSON,
            ):
                circles = tuple(await self._house.surroundings.circles_of(person))
                return replace(facts, circles=circles, contacts=await self._contacts(person, circles))
            case Tapped(target=target) if target is not None and (target.instance, target.ask) == (
                None,
                CIRCLE,
            ):
                circles = tuple(await self._house.surroundings.circles_of(person))
                return self._of_undecided(person, replace(facts, circles=circles))
            case Tapped(target=target) if target is not None and target.ask.startswith(CALL):
                return replace(facts, gone=await self._gone(person))
            case Tapped() | Ticked() | Reworded() | TakenBack() | Settled():
                return facts
            case _:
                return DeskFacts(self._now_ms, occurred_ms)

    async def _of_ring(self, person: PersonId, event: Rang, facts: DeskFacts) -> DeskFacts:
        calls, is_letter = event.alarm.startswith(CALL), event.alarm == LETTER
        if not calls and not is_letter:
            return facts
        circles = tuple(await self._house.surroundings.circles_of(person))
        if calls:
            return replace(facts, circles=circles, contacts=await self._contacts(person, circles))
        news = await self._news.is_there(self._desks[person], circles, facts.delivered, self._now_ms)
        standing = await self._house.cellar.standing(person, self._now_ms)
        has_budget = budget_frees_at(standing.timely_sent_ms, self._now_ms) <= self._now_ms
        return replace(facts, circles=circles, news=news, has_budget=has_budget)

    async def _of_message(self, person: PersonId, event: Heard, facts: DeskFacts) -> DeskFacts:
        circles = tuple(await self._house.surroundings.circles_of(person))
        facts = replace(facts, circles=circles, fresh_instance=InstanceId(self._house.fresh_id()))
        command, desk = event.reading.command, self._desks[person]
        if desk.undecided is not None and (command is None or desk.undecided.row in event.reading.picks):
            facts = self._of_undecided(person, facts)
        elif command is not None:
            facts = facts_of_practices(facts, command.word, event.circle, self._house.practices)
        if command is not None and command.people and len(circles) > 1:
            facts = replace(facts, together=await self._together(circles, command.people))
        if command is not None and command.word in NUMBERED:
            facts = replace(
                facts, carried=await carried_by(person, self._house.cellar, self._house.catalogue)
            )
        calls = command is not None and command.word == PERSON
        if calls or any(p.instance is None and p.ask == PERSON for p in desk.prompts):
            facts = replace(facts, contacts=await self._contacts(person, circles))
        return replace(facts, gone=await self._gone(person)) if desk.called_by else facts

    async def _together(self, circles: Iterable[CircleId], people: Iterable[PersonId]) -> frozenset[CircleId]:
        named = set(people)
        members = {circle: await self._house.surroundings.members(circle) for circle in circles}
        return frozenset(circle for circle, here in members.items() if named.issubset(here))

    def _of_undecided(self, person: PersonId, facts: DeskFacts) -> DeskFacts:
        """What is needed once somebody has said in which circle."""
        undecided = self._desks[person].undecided
        if undecided is None:
            return facts
        facts = replace(facts, fresh_instance=InstanceId(self._house.fresh_id()))
        return facts_of_practices(facts, undecided.command.word, None, self._house.practices)

    async def _gone(self, person: PersonId) -> tuple[PersonId, ...]:
        """Whoever called this person and has been forgotten since."""
        callers, cellar = self._desks[person].called_by, self._house.cellar
        return tuple([caller for caller in callers if await cellar.matrix_id(caller) is None])

    async def _contacts(self, person: PersonId, circles: Iterable[CircleId]) -> tuple[PersonId, ...]:
        house = self._house
        return await contacts_for(
            self._desks[person], circles, self._desks, house.cellar, house.catalogue, house.surroundings
        )
