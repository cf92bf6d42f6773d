"""What a webhook asks for, carried to the desk of the person it acts for, who hears of it."""

from __future__ import annotations

import asyncio
from typing import assert_never

from bridge.circles.neighbours import Neighbours
from bridge.http.hooks import Answer, Beginning, Errand, Hook, Report
from engine.core.desk import Command, Desk, Told
from engine.core.message import Message, Phrase, Plain
from engine.core.values import InstanceId, PersonId
from engine.runtime.line import LineEnded, StraightLine
from engine.runtime.ports import Cellar, Clock, Ordered, Outcome, Superseded, ToDesk, Unavailable, Want

PATIENCE_SECONDS = 20.0
"""How long a caller waits for something to be stored; what comes after that is done all the same, and once."""
AT_HEARTH = "@hearth"


class DeskErrands:
    """Implements `bridge.http.hooks.Errands`: nothing a hook asks for could not have been written by its person."""

    def __init__(self, line: StraightLine, cellar: Cellar, neighbours: Neighbours, clock: Clock) -> None:
        self._line = line
        self._cellar = cellar
        self._neighbours = neighbours
        self._clock = clock

    async def carry_out(self, hook: Hook, errand: Errand) -> Answer:
        """Do it once, and tell the person what was done in their name."""
        try:
            return await self._carry_out(hook, errand)
        except (Unavailable, Superseded):  # or another process speaks since just now
            return Answer("later", "nothing can be stored at present")

    async def _carry_out(self, hook: Hook, errand: Errand) -> Answer:
        person, id = await self._neighbours.learn(hook.acts_for), f"hook:{hook.name}:{errand.id}"
        loaded = await self._cellar.load(Want(ids=frozenset((id,)), desks=frozenset((person,))))
        if id in loaded.seen:
            return Answer("again")
        desk = loaded.desks.get(person) or Desk(person)
        if desk.consent == "unknown" or not await self._neighbours.circles_of(person):
            return Answer("refused", "whom this hook acts for is in no circle, or has not met the bot")
        match errand:
            case Report():
                instance = InstanceId(errand.uid.removesuffix(AT_HEARTH))
                if instance not in desk.powers:
                    return Answer(
                        "nothing", "nothing under way is known by that UID to whom this hook acts for"
                    )
                ordered = Ordered(
                    id=id,
                    occurred_ms=self._clock.now_ms(),
                    person=person,
                    command=Command(errand.word),
                    instance=instance,
                )
            case Beginning():
                people = tuple([await self._neighbours.learn(user_id) for user_id in errand.people])
                ordered = Ordered(
                    id=id,
                    occurred_ms=self._clock.now_ms(),
                    person=person,
                    command=Command(errand.word, people=people, everyone=errand.everyone),
                    words=errand.words,
                )
            case _:
                assert_never(errand)
        return await self._hand_in(hook, ordered)

    async def _hand_in(self, hook: Hook, ordered: Ordered) -> Answer:
        """Have it done, and tell the person, whatever they have asked for quiet from: it was done in their name."""
        word = ordered.command.word
        says = Phrase("hook.wrote", slots={"name": Plain(hook.name), "word": Plain(word)})
        told = Told(InstanceId(""), PersonId(""), Message(lines=(says,)), "reply")
        note = ToDesk(
            id=f"{ordered.id}:note", occurred_ms=ordered.occurred_ms, person=ordered.person, event=told
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                outcome, _ = await self._line.submit([ordered, note])
        except (TimeoutError, LineEnded):
            return Answer("later", "it may be taken, and is not stored yet; ask again with the same id")
        return _became(outcome)


def _became(outcome: Outcome) -> Answer:
    match outcome.kind:
        case "done" if outcome.why is None:
            return Answer("done")
        case "seen_before":
            return Answer("again")
        case "done" | "refused" | "ignored" | "quarantined":
            return Answer("refused", "it cannot be done as things stand")
        case _:
            assert_never(outcome.kind)
