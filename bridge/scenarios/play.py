"""Playing a scenario: the production engine in memory, and a look at what everybody saw."""

from __future__ import annotations

from typing import assert_never

import msgspec

from bridge.rehearsal import Playbill, Stage
from bridge.rehearsal.acts import perform
from bridge.scenarios.expectation import (
    Expectation,
    Gets,
    HasEnded,
    IsAsked,
    OnlySees,
    PartIs,
    Sees,
    StandsIn,
)
from bridge.scenarios.notation import Scenario
from bridge.wording.sentences import Sentences
from engine.core.definition import Definition
from engine.core.event import Facts
from engine.core.instance import Snapshot
from engine.core.turn import DETAIL, Turn
from engine.loading.problem import Place
from engine.runtime.ports import Want
from engine.testing import Brought


class Failure(msgspec.Struct, frozen=True):
    """What was expected and did not come true; ``found`` says what was there instead (nobody here is real)."""

    place: Place
    expected: str
    found: str


async def play(
    scenario: Scenario, definition: Definition, playbill: Playbill, seed: int = 1
) -> tuple[Failure, ...]:
    """Play a scenario from its beginning; everything that did not come true.

    An act that cannot be played ends it, as nothing after it would mean what it says.
    """
    stage = await Stage.set(*scenario.people, playbill=playbill, seed=seed)
    try:
        failures: list[Failure] = []
        mark = 0
        for turn in scenario.turns:
            mark = len(stage.postman.brought) if turn.fresh and turn.acts else mark
            for scripted in turn.acts:
                hitch = await perform(stage, scripted.act)
                broken = await stage.store.quarantined()
                if hitch is not None or broken:
                    why = str(hitch) if hitch is not None else f"Hearth itself failed: {broken[0].error}"
                    failures.append(Failure(scripted.place, "this can be done here", why))
                    return tuple(failures)
            look = _Look(stage, definition, mark)
            for each in turn.expected:
                found = await look.contrary(each.expectation)
                if found is not None:
                    failures.append(Failure(each.place, each.written, found))
        return tuple(failures)
    finally:
        await stage.strike()


def outcome_of(definition: Definition, state: str) -> str:
    """How a final state says that it ended, be it in the file's words or in the bot's own."""
    key = definition.states[state].outcome or ""
    own = definition.own.get(key)
    return definition.texts.get(key, "") if own is None else Sentences.load().text(own.key)


class _Look:
    """How things stand at one moment of a play; ``mark`` is where the latest ``when`` began."""

    def __init__(self, stage: Stage, definition: Definition, mark: int) -> None:
        self._stage = stage
        self._definition = definition
        self._mark = mark

    async def contrary(self, expectation: Expectation) -> str | None:
        """What is there instead of what is expected; None if it came true."""
        match expectation:
            case StandsIn(state=state):
                stands = self._stands()
                return None if stands == state else f"it stands in `{stands}`"
            case HasEnded(outcome=outcome):
                return self._not_ended(outcome)
            case Sees():
                return self._not_seen(expectation)
            case OnlySees(but=but, text=text):
                return self._seen_by_others(but, text)
            case IsAsked():
                return await self._not_asked(expectation)
            case Gets(who=who, count=count):
                new = [b for b in self._brought(who, "now") if b.parcel.edits is None]
                return None if len(new) == count else f"{_count(len(new))} came{_shown(new)}"
            case PartIs(part=part, who=who):
                are = await self._people(part)
                return None if are == who else f"it is {_named(are)}"
            case _:
                assert_never(expectation)

    def _own(self) -> list[Snapshot]:
        return [s for s in self._stage.snapshots() if s.definition == self._definition.digest]

    def _snapshot(self) -> Snapshot | None:
        own = self._own()
        return own[-1] if own else None

    def _stands(self) -> str:
        snapshot = self._snapshot()
        return snapshot.state if snapshot is not None else "nothing: it has not begun"

    def _not_ended(self, outcome: str) -> str | None:
        # One that goes on as another of its kind has ended too, although the other one goes on.
        ended = {
            s.state: outcome_of(self._definition, s.state) for s in self._own() if s.finished_ms is not None
        }
        if not ended:
            return f"it has not ended; it stands in `{self._stands()}`"
        if outcome in ended.values():
            return None
        return "; ".join(f"it ended in `{state}`: {said}" for state, said in ended.items())

    def _brought(self, who: str | None, reach: str) -> list[Brought]:
        """The messages and edits that came to somebody's room, or to the circle's."""
        seen = self._stage.seen(who or "", room=who is None)
        fresh = {b.event for b in self._stage.postman.brought[self._mark if reach == "now" else 0 :]}
        return [b for b in seen if b.parcel.emoji is None and b.parcel.polls is None and b.event in fresh]

    def _not_seen(self, sees: Sees) -> str | None:
        brought = self._brought(sees.who, sees.reach)
        if any(_plain(sees.text) in _plain(b.words) for b in brought) == sees.expected:
            return None
        return f"{_who(sees.who)} saw {'this' if brought else 'nothing'}{_shown(brought)}"

    def _seen_by_others(self, but: tuple[str, ...], text: str) -> str | None:
        for who in (None, *self._stage.cast.persons):
            told = [b for b in self._brought(who, "now") if _plain(text) in _plain(b.words)]
            if told and who not in but:
                return f"{_who(who)} saw this{_shown(told)}"
        for name in but:
            if not any(_plain(text) in _plain(b.words) for b in self._brought(name, "now")):
                return f"{name} did not see it either"
        return None

    async def _not_asked(self, asked: IsAsked) -> str | None:
        snapshot, person = self._snapshot(), self._stage.cast.persons[asked.who]
        loaded = await self._stage.store.load(Want(desks=frozenset({person})))
        desk = loaded.desks.get(person)
        prompts = desk.prompts if desk is not None and snapshot is not None else ()
        names = [
            p.ask.removeprefix(DETAIL)
            for p in prompts
            if snapshot and p.instance == snapshot.id and not p.sources
        ]
        if (asked.ask in names) == asked.expected:
            return None
        return f"{asked.who} is asked {', '.join(f'`{name}`' for name in names) or 'nothing'}"

    async def _people(self, part: str) -> frozenset[str]:
        snapshot = self._snapshot()
        if snapshot is None:
            return frozenset()
        people = await self._stage.store.people_of(snapshot.id)
        turn = Turn(self._definition, snapshot, Facts(now_ms=0, occurred_ms=0), None)
        refs = (int(ref.removeprefix("p")) - 1 for ref in turn.people(part))
        return frozenset(self._stage.cast.who(people[n]) for n in refs)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _who(who: str | None) -> str:
    return who if who is not None else "the room"


def _count(number: int) -> str:
    return f"{number} message{'' if number == 1 else 's'}"


def _named(people: frozenset[str]) -> str:
    return " and ".join(sorted(people)) or "nobody"


def _shown(brought: list[Brought]) -> str:
    return "".join(f"\n      | {line}" for b in brought for line in (*b.words.splitlines(), ""))
