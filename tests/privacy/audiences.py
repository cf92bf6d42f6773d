"""Who may ever read what somebody wrote: worked out from the workflow files alone, apart from the engine's own filter.

For an answer those are the parts under ``seen by``, for a question to somebody that part, and for what a detail holds
everybody to whom the file says a sentence with it. People count who held such a part at any moment of the play.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bridge.rehearsal import Stage
from engine.core.definition import AnsweredBy, Circle, Definition, Part, Room, Starter, Who
from engine.core.desk import Prompt
from engine.core.instance import Snapshot
from engine.core.turn import DETAIL, QUESTION
from engine.core.values import InstanceId
from engine.core.view import View
from engine.runtime.localize import Cast
from tests.privacy.crowd import Crowd, Written

EVERYBODY = "everybody"


class Audiences:
    """Looks at a play after each step, and remembers who was what."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._stage: Stage = crowd.stage
        self._parts: dict[tuple[InstanceId, str], set[str]] = defaultdict(set)
        self._answerers: dict[tuple[InstanceId, str, str], set[str]] = defaultdict(set)
        self._asked: dict[tuple[InstanceId, str], set[str]] = defaultdict(set)

    async def look(self) -> None:
        """Note who holds which part now, who gave which answer, and whom each ask was put to."""
        for snapshot in self._stage.snapshots():
            definition = self._definition(snapshot)
            cast = Cast(await self._stage.store.people_of(snapshot.id))
            view = View(definition, snapshot)
            for part in definition.parts:
                self._parts[snapshot.id, part.name] |= self._names(cast, view.named(part.name, whole=True))
            for name, ask in snapshot.asks.items():
                self._asked[snapshot.id, name] |= self._names(cast, ask.asked)
                for ref, answer in ask.answers.items():
                    if answer.choice is not None:
                        self._answerers[snapshot.id, name, answer.choice] |= self._names(cast, (ref,))

    def may_read(self, written: Written) -> set[str]:
        """The names of those who may read somebody's words; ``EVERYBODY`` among them if the whole circle may."""
        return {written.who, *(self._of_prompt(written.prompt) if written.prompt is not None else ())}

    def may_read_beginning(self, written: Written) -> set[str]:
        """The same for what was said when a workflow was begun: whatever detail it has become."""
        allowed = {written.who}
        for snapshot in self._stage.snapshots():
            definition = self._definition(snapshot)
            for detail in definition.details:
                allowed |= self._of_detail(snapshot, detail)
        return allowed

    def _of_prompt(self, prompt: Prompt) -> set[str]:
        snapshot = next(s for s in self._stage.snapshots() if s.id == prompt.instance)
        definition = self._definition(snapshot)
        if prompt.ask.startswith(DETAIL):
            return self._of_detail(snapshot, prompt.ask.removeprefix(DETAIL).partition(":")[0])
        if prompt.ask.startswith(QUESTION):
            # An answer to somebody's question goes to whoever asked it: the refs stand in the prompt's name.
            return {
                name for name in self._stage.cast.persons if self._asked_a_question(snapshot, prompt, name)
            }
        ask = definition.asks.get(prompt.ask)
        if ask is None:
            return set()
        if "circle" in ask.seen_by:
            return {EVERYBODY}
        parts = [part for part in ask.seen_by if part != "me"] + [ask.question_to] * bool(ask.question_to)
        return {name for part in parts for name in self._parts[snapshot.id, str(part)]}

    def _asked_a_question(self, snapshot: Snapshot, prompt: Prompt, name: str) -> bool:
        asked = {ask for (instance, ask) in self._asked if instance == snapshot.id}
        return any(name in self._asked[snapshot.id, ask] for ask in asked if ask in prompt.ask)

    def _of_detail(self, snapshot: Snapshot, detail: str) -> set[str]:
        """Everybody to whom this file, or one that it hands the detail to, says a sentence that has it in it."""
        definition = self._definition(snapshot)
        allowed: set[str] = set()
        for key, gaps in definition.gaps.items():
            if detail in gaps or f"about {detail}" in gaps:
                allowed |= self._hearers(snapshot, definition, key)
        for other in self._stage.snapshots():
            if other.parent == snapshot.id:
                there = (
                    new
                    for state in definition.states.values()
                    for start in state.starts
                    for old, new in start.hands
                    if old == detail and new in self._definition(other).details
                )
                for name in there:
                    allowed |= self._of_detail(other, name)
        return allowed

    def _hearers(self, snapshot: Snapshot, definition: Definition, key: str) -> set[str]:
        """Whom a text is said to; what an instance is called is read by whoever was ever asked something in it."""
        if key == "called":
            here = (names for (instance, _), names in self._asked.items() if instance == snapshot.id)
            return {name for names in here for name in names} | self._parts[
                snapshot.id, self._starter(definition)
            ]
        if key in {
            name for state in definition.states.values() for name in (state.public, state.public_otherwise)
        }:
            return {EVERYBODY}
        found: set[str] = set()
        for who in self._said_to(definition, key):
            found |= self._people(snapshot, who)
        return found

    def _said_to(self, definition: Definition, key: str) -> Iterator[Who]:
        name, _, _rest = key.partition(".")
        if name in definition.asks:
            yield definition.asks[name].to
        if key in definition.details:
            asked = definition.details[key].asked
            yield Part(asked or self._starter(definition))
        for number, carried in enumerate(definition.carried, 1):
            if key.startswith(f"carried.{number}."):
                yield Part(carried.part)
        for state in definition.states.values():
            tells = (*state.tells, *(tell for move in state.moves for tell in move.tells))
            yield from (tell.to for tell in tells if tell.text == key)
            yield from (Part(board.to) for board in state.board if board.text == key)

    def _people(self, snapshot: Snapshot, who: Who) -> set[str]:
        match who:
            case Part(name=name):
                return self._parts[snapshot.id, name]
            case AnsweredBy(ask=ask, choices=choices):
                return {name for choice in choices for name in self._answerers[snapshot.id, ask, choice]}
            case Room() | Circle():
                return {EVERYBODY}

    def _starter(self, definition: Definition) -> str:
        return next(p.name for p in definition.parts if any(isinstance(s, Starter) for s in p.sources))

    def _definition(self, snapshot: Snapshot) -> Definition:
        definition = self._stage.catalogue.held(snapshot.definition)
        assert definition is not None
        return definition

    def _names(self, cast: Cast, refs: tuple[str, ...]) -> set[str]:
        people = {cast.person(ref) for ref in refs}
        return {name for name, person in self._stage.cast.persons.items() if person in people}
