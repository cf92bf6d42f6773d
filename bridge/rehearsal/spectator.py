"""The spectator: everything there is to see of a rehearsal, in the order in which it happened."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from bridge.rehearsal.acts import Act, Come, Leave, Say, TakeBack
from bridge.rehearsal.stage import Stage, Stood
from bridge.telling.readable import readable
from engine.core.definition import NO, AskDef, Definition
from engine.core.event import Answered, Facts
from engine.core.instance import Snapshot
from engine.core.message import Names
from engine.core.phrasing import seen_by
from engine.core.turn import DETAIL, QUESTION
from engine.core.values import InstanceId, Ms, PersonId, Ref
from engine.core.view import View
from engine.runtime.localize import Cast as Casting
from engine.testing import Brought

OPENING_CHARS = 60
"""So much is shown of a message that another one replies to."""
TAKEN_BACK = "(taken out of the room)"
TAKEN_BACK_OF_THEIRS = "(what they wrote themselves is taken out of the room)"
ROOM = "room"
"""Stands for the circle's room where otherwise a name stands."""
OPENED = "opened"
"""What is said about a poll that has just been put; without it, one that is closed."""
Kind = Literal["said", "did", "answer", "message", "edit", "reaction", "poll", "state", "broken"]
Seen = Literal["people", "circle", "nobody", "turned", "used"]


class Happening(msgspec.Struct, frozen=True):
    """One thing to see.

    ``who`` is whoever did it, or for what the bot does whoever gets it; a name, or ``room``.
    ``seen_by`` names who else sees it.
    """

    at_ms: Ms
    kind: Kind
    who: str
    text: str
    seen_by: tuple[str, ...] = ()
    was: str = ""
    """For an edit how the message read before, for a state the state before."""
    about: str = ""
    """For a state the workflow's title, for an answer the ask, for a message what it replies to."""
    way: str = ""
    """For a state the way there, in words."""
    seen: Seen = "people"
    """For an answer who sees it: those in ``seen_by``, the whole circle, nobody as it is a no, those in ``seen_by``
    as a yes that is one no longer (``turned``), or whoever reads the sentences it goes into (``used``)."""
    later: bool = False
    """True for an answer that stays hidden at first."""
    unsigned: bool = False
    """True for an answer that is shown without a name."""


class Spectator:
    """Looks at a stage; each look gives what has happened since the last one."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._brought = len(stage.postman.brought)
        self._aside = 0
        self._lines: dict[InstanceId, int] = {}
        self._moved = len(stage.stood)
        self._stood: dict[InstanceId, Snapshot] = {}
        self._words: dict[str, str] = {}
        """Event or row → how the message reads now."""

    async def look(self, act: Act | None = None) -> list[Happening]:
        """What has happened since the last look; ``act`` is what somebody did just now."""
        done = self._done(act) if act is not None else None
        answers: list[Happening] = []
        for snapshot in self._stage.snapshots():
            definition = self._stage.catalogue.held(snapshot.definition)
            if definition is None:
                continue
            answers += await self._answers(definition, snapshot)
        aside = await self._stage.store.quarantined()
        broken = [Happening(each.at_ms, "broken", ROOM, each.error) for each in aside[self._aside :]]
        self._aside = len(aside)
        happened = [*answers, *self._moves_and_letters(), *broken]
        return [*([done] if done else []), *sorted(happened, key=lambda each: each.at_ms)]

    # ── what people do ───────────────────────────────────────────────────────

    def _done(self, act: Act) -> Happening | None:
        at_ms = self._stage.last_at_ms
        match act:
            case Say(who=who, words=words, room=room):
                others = tuple(n for n in self._stage.cast.here if n != who) if room else ()
                return Happening(at_ms, "said", who, words, others, about=ROOM if room else "")
            case TakeBack(who=who):
                return Happening(at_ms, "did", who, "takes back what they last said")
            case Leave(who=who):
                return Happening(at_ms, "did", who, "leaves the circle's room")
            case Come(who=who):
                return Happening(at_ms, "did", who, "comes into the circle's room")
            case _:
                return None

    async def _answers(self, definition: Definition, snapshot: Snapshot) -> list[Happening]:
        lines = await self._stage.store.journal(f"i/{snapshot.id}")
        known = self._lines.get(snapshot.id, 0)
        self._lines[snapshot.id] = len(lines)
        people = Casting(await self._stage.store.people_of(snapshot.id))
        found: list[Happening] = []
        for line in lines[known:]:
            if (
                isinstance(line.event, Answered)
                and isinstance(line.facts, Facts)
                and line.result == "decided"
            ):
                text = await self._said(definition, line.event)
                view = View(definition, snapshot, line.facts)
                happening = self._answer(view, snapshot, line.event, people)
                found.append(replace(happening, at_ms=line.at_ms, text=text))
        return found

    async def _said(self, definition: Definition, event: Answered) -> str:
        """An answer as a steward would recognise it: the label, or the words."""
        if event.choice is not None:
            return definition.texts.get(f"{event.ask.removeprefix(DETAIL)}.{event.choice}", event.choice)
        return (await self._stage.store.text(event.text) or "") if event.text is not None else ""

    def _answer(self, view: View, snapshot: Snapshot, event: Answered, people: Casting) -> Happening:
        """Who sees an answer; when it came and what it says is put in by the caller."""
        who = self._name(people.person(event.by))
        ask = view.definition.asks.get(event.ask)
        if ask is None:
            name = event.ask.removeprefix(DETAIL).partition(":")[0]
            seen: Seen = "used" if _is_said(view.definition, name) else "people"
            if event.choice == NO and event.by != view.starter:
                seen = "nobody"
            guest = event.ask.split(":")[2] if event.ask.startswith(QUESTION) else ""
            hearers = (self._name(people.person(guest)),) if guest else ()
            return Happening(0, "answer", who, "", hearers, about=name, seen=seen)
        answer = snapshot.asks[ask.name].answers.get(event.by) if ask.name in snapshot.asks else None
        if event.choice == NO and answer is not None and answer.was_early:
            others = tuple(name for name in self._audience(view, ask, event.by, people) if name != who)
            return Happening(0, "answer", who, "", others, about=ask.name, seen="turned")
        if event.choice == NO:
            return Happening(0, "answer", who, "", about=ask.name, seen="nobody")
        if ask.question_to is not None and event.choice is None and event.text is not None:
            asked = tuple(self._name(people.person(ref)) for ref in view.people(ask.question_to)[:1])
            return Happening(0, "answer", who, "", asked, about=ask.name)
        others = self._audience(view, ask, event.by, people)
        state = snapshot.asks.get(ask.name)
        return Happening(
            0,
            "answer",
            who,
            "",
            tuple(name for name in others if name != who),
            about=ask.name,
            seen="circle" if "circle" in ask.seen_by else "people",
            later=ask.hidden is not None and state is not None and not state.shown,
            unsigned=state is not None and bool(state.unsigned),
        )

    def _audience(self, view: View, ask: AskDef, by: Ref, people: Casting) -> tuple[str, ...]:
        said = seen_by(view, ask, by)
        if "circle" in ask.seen_by:
            return tuple(self._stage.cast.here)
        return tuple(
            self._name(people.person(ref))
            for slot in said.slots.values()
            if isinstance(slot, Names)
            for ref in slot.who
        )

    # ── where it stands ──────────────────────────────────────────────────────

    def _moves_and_letters(self) -> Iterator[Happening]:
        """What was entered and what was written, each where it came."""
        moved, self._moved = self._stage.stood[self._moved :], len(self._stage.stood)
        first, self._brought = self._brought, len(self._stage.postman.brought)
        for number, brought in enumerate(self._stage.postman.brought[first:], first):
            while moved and moved[0].brought <= number:
                yield from self._moves(moved.pop(0))
            yield self._event(brought)
        for stood in moved:
            yield from self._moves(stood)

    def _moves(self, stood: Stood) -> Iterator[Happening]:
        snapshot = stood.snapshot
        before = self._stood.get(snapshot.id)
        self._stood[snapshot.id] = snapshot
        definition = self._stage.catalogue.held(snapshot.definition)
        if definition is None:
            return
        was = before.state if before is not None else ""
        for state in _entered(before, snapshot):
            names = [readable(definition, name) for name in (was, state) if name]
            way = " → ".join(names)
            yield Happening(stood.at_ms, "state", ROOM, state, was=was, about=definition.title, way=way)
            was = state

    # ── what the bot does ────────────────────────────────────────────────────

    def _event(self, brought: Brought) -> Happening:
        parcel, at_ms = brought.parcel, brought.at_ms
        who = self._whose(brought.room)
        others = tuple(self._stage.cast.here) if who == ROOM else ()
        if parcel.reacts is not None:
            return Happening(at_ms, "reaction", who, brought.words, others)
        if parcel.polls is not None:
            return Happening(at_ms, "poll", who, brought.words, others, about=OPENED)
        if parcel.ends is not None:
            return Happening(at_ms, "poll", who, brought.words, others)
        if parcel.redacts is not None:
            was = self._words.pop(parcel.redacts, "")
            return Happening(at_ms, "edit", who, TAKEN_BACK, others, was=was)
        if parcel.redacts_event is not None:
            return Happening(at_ms, "edit", who, TAKEN_BACK_OF_THEIRS, others)
        row = parcel.edits or parcel.row
        was = self._words.get(row, "")
        self._words[row] = brought.words
        kind: Kind = "message" if parcel.edits is None else "edit"
        about = _opening(self._words.get(parcel.replies, "")) if parcel.replies is not None else ""
        return Happening(at_ms, kind, who, brought.words, others, was=was, about=about)

    def _whose(self, room: str) -> str:
        kind, _, key = room.partition("/")
        return ROOM if kind == "s" else self._name(PersonId(key))

    def _name(self, person: PersonId) -> str:
        return self._stage.cast.who(person)


def _opening(words: str) -> str:
    """How a message begins, in one line."""
    first = next((line for line in words.split("\n") if line.strip()), "")
    return textwrap.shorten(first, OPENING_CHARS, placeholder=" …")


def _is_said(definition: Definition, detail: str) -> bool:
    """Whether what a detail holds goes into a sentence."""
    return detail in definition.details and any(detail in gaps for gaps in definition.gaps.values())


def _entered(before: Snapshot | None, after: Snapshot) -> Sequence[str]:
    """The states that were entered in between, the present one last."""
    old = before.visits if before is not None else {}
    return [*(state for state in _more(old, after.visits) if state != after.state), after.state]


def _more(old: dict[str, int], new: dict[str, int]) -> Iterable[str]:
    return (state for state, times in new.items() if times > old.get(state, 0))
