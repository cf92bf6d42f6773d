"""Names: every state, part, detail, ask and answer that is mentioned exists, and is of the right kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from msgspec.structs import replace

from engine.core.check_known import Known, unknown
from engine.core.definition import (
    AskDef,
    AskedLately,
    AtMoment,
    BeenIn,
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    InUse,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    Room,
    ShareSaid,
    StartDef,
    StateDef,
    TellDef,
    Trigger,
)
from engine.core.finding import Finding, Path, did_you_mean
from engine.core.survey import Claim, all_tells, claims, conditions, gaps_of, read_gap, sayings, timings

AUDIENCES = ("me", "circle")
_MEANT_BY = {
    **dict.fromkeys(("everyone", "everybody", "all", "room", "the room", "public", "the circle"), "circle"),
    **dict.fromkeys(("nobody", "noone", "none", "myself", "only me", "just me", "private"), "me"),
}
"""What somebody means who writes otherwise who sees an answer."""


def check_names(definition: Definition) -> Iterator[Finding]:
    """Find what is mentioned and not there."""
    names = _Names(definition)
    yield from names.asks()
    yield from names.states()
    yield from names.moments()
    yield from names.conditions()
    yield from names.placeholders()


class _Names(Known):
    """What the asks, states and sentences of one definition mention."""

    def asks(self) -> Iterator[Finding]:
        """Asks are put to somebody, seen by somebody, and used."""
        used = {name for state in self._states.values() for name in state.asks}
        for name, ask in self._asks.items():
            path: Path = ("asks", name)
            yield from self._who((*path, "to"), ask.to)
            yield from self._each(
                (*path, "seen by"), (p for p in ask.seen_by if p not in AUDIENCES), self._seer
            )
            yield from self._each((*path, "takes the place of"), ask.replaces, self._ask)
            if ask.question_to is not None:
                yield from self._part((*path, "question to"), ask.question_to)
            yield from self._places((*path, "places"), ask)
            if name not in used:
                yield Finding(
                    path,
                    "unused",
                    f"no state asks `{name}`",
                    "list it under `asks` in a state, or leave it out",
                    "warning",
                )

    def _seer(self, path: Path, name: str) -> Iterator[Finding]:
        if name in self._parts:
            return
        finding = unknown(path, "part", name, (*AUDIENCES, *self._written_parts()))
        meant = _MEANT_BY.get(name.casefold())
        yield replace(finding, hint=f"did you mean `{meant}`?") if meant is not None else finding

    def _places(self, path: Path, ask: AskDef) -> Iterator[Finding]:
        if ask.places is None:
            return
        if isinstance(ask.places, str):
            yield from self._number(path, ask.places)
        elif ask.places < 1:
            yield Finding(path, "bounds", "nobody would find a place", "offer at least one, or leave it out")
        if not ask.choices and (ask.words or ask.naming):
            yield Finding(
                path,
                "places-without-answer",
                "places are taken by giving the first answer, and there is none to choose",
                "add `answers:`, or leave `places` out",
            )

    def states(self) -> Iterator[Finding]:
        """States gather, ask, keep, start, show and move to what exists."""
        shown = {name for state in self._states.values() for name in state.shows}
        for name, state in self._states.items():
            path: Path = ("states", name)
            yield from self._each((*path, "gather"), state.gather, self._detail)
            yield from self._each((*path, "ask again"), state.again, self._detail)
            yield from self._each((*path, "asks"), state.asks, self._ask)
            yield from self._each((*path, "keeps"), state.keeps, self._ask)
            yield from self._each((*path, "shows"), state.shows, self._shown)
            for index, board in enumerate(state.board):
                yield from self._part((*path, "board", str(index), "to"), board.to)
            for index, start in enumerate(state.starts):
                yield from self._start((*path, "starts", str(index)), start)
            for index, who in enumerate(state.help_to):
                yield from self._who((*path, "show help to", str(index)), who)
            for index, move in enumerate(state.moves):
                where = (*path, "moves", str(index))
                yield from self._state((*where, "to"), move.to)
                yield from self._trigger((*where, "when"), move.on, state)
        for name, ask in self._asks.items():
            waits = ask.hidden is not None and ask.hidden.until is None and not ask.hidden.until_closed
            if waits and name not in shown:
                yield Finding(
                    ("asks", name, "hidden until"),
                    "never-shown",
                    f"answers to `{name}` would stay hidden for ever",
                    f"write `shows: {name}` in a state, or `hidden until: closed`",
                )
        for tell, path in all_tells(self._definition):
            yield from self._who((*path, "to"), tell.to)
            yield from self._calendar((*path, "calendar"), tell)

    def _calendar(self, path: Path, tell: TellDef) -> Iterator[Finding]:
        dates = [name for name, detail in self._details.items() if detail.kind == "moment"]
        if tell.calendar is None:
            return
        if tell.calendar not in dates:
            yield unknown(path, "detail", tell.calendar, dates)
        if isinstance(tell.to, Room):
            yield Finding(
                path,
                "room-calendar",
                "a file for the calendar goes to people one to one, not into the room",
                "name the part it is for: `to: coming`",
            )

    def _shown(self, path: Path, name: str) -> Iterator[Finding]:
        yield from self._ask(path, name)
        ask = self._asks.get(name)
        if ask is not None and ask.hidden is None:
            yield Finding(
                path,
                "not-hidden",
                f"answers to `{name}` are not hidden, so there is nothing to show",
                f"give `{name}` the line `hidden until: shown`, or leave this out",
                word=name,
            )

    def _start(self, path: Path, start: StartDef) -> Iterator[Finding]:
        if start.by is not None:
            yield from self._part((*path, "by"), start.by)
        seen: set[str] = set()
        for here, there in start.hands:
            if here not in self._details and here not in self._parts:
                yield unknown((*path, "hand over"), "detail", here, (*self._details, *self._parts))
            if there in seen:
                yield Finding(
                    (*path, "hand over"),
                    "twice",
                    f"`{there}` would be handed over twice",
                    "keep one of them",
                    word=there,
                )
            seen.add(there)

    def _trigger(self, path: Path, on: Trigger, state: StateDef) -> Iterator[Finding]:
        here = (*state.asks, *state.keeps)
        match on:
            case OnAnswer(ask=ask, choice=choice):
                if choice is None:
                    yield from self._ask(path, ask)
                else:
                    yield from self._answer(path, ask, choice)
                yield from self._is_here(path, ask, here)
            case OnClosed(ask=ask):
                yield from self._ask(path, ask)
                yield from self._is_here(path, ask, here)
            case OnCommand(who=who):
                for name in who:
                    yield from self._part(path, name)
            case OnEnded(workflow=workflow):
                started = [start.workflow for each in self._states.values() for start in each.starts]
                if workflow not in started:
                    yield Finding(
                        path,
                        "never-started",
                        f"this file never starts `{workflow}`, so this never happens",
                        did_you_mean(workflow, started, f"add `starts: {workflow}` to a state"),
                        word=workflow,
                    )
            case AtMoment() | OnGathered() | OnHolds():
                pass
            case _:
                assert_never(on)

    def _is_here(self, path: Path, ask: str, here: tuple[str, ...]) -> Iterator[Finding]:
        if ask in self._asks and ask not in here:
            yield Finding(
                path,
                "not-asked-here",
                f"this state does not ask `{ask}`, so this never happens",
                "add it to `asks` or `keeps`",
                word=ask,
            )

    def moments(self) -> Iterator[Finding]:
        """Moments stand on moments."""
        for timing in timings(self._definition):
            base = timing.moment.base
            allowed = {"entering"} if timing.state else {"entering", "opening"} if timing.ask else set()
            if base in allowed:
                continue
            dated = [d.name for d in self._details.values() if d.kind == "moment"]
            detail = self._details.get(base)
            if detail is None:
                yield unknown(timing.path, "moment", base, [*dated, *sorted(allowed)])
            elif detail.kind != "moment":
                yield Finding(
                    timing.path,
                    "not-a-moment",
                    f"`{base}` is no moment",
                    "give it `type: date and time`",
                    word=base,
                )

    def conditions(self) -> Iterator[Finding]:
        """Conditions look at what exists."""
        for clause in conditions(self._definition):
            for claim in claims(clause.condition):
                yield from self._claim(clause.path, claim)

    def _claim(self, path: Path, claim: Claim) -> Iterator[Finding]:
        match claim:
            case CountOf(terms=terms, bound=bound):
                for ask, choice in terms:
                    yield from self._answer(path, ask, choice)
                if isinstance(bound, str):
                    yield from self._number(path, bound)
            case EveryoneSaid(ask=ask, choice=choice) | ShareSaid(ask=ask, choice=choice):
                yield from self._answer(path, ask, choice)
                known = self._asks.get(ask)
                if known is not None and _is_open(known):
                    yield Finding(
                        path,
                        "nobody-asked",
                        f"`{ask}` is open to the whole room, so nobody knows who everyone is",
                        "count it",
                        word=ask,
                    )
            case DetailIs(detail=name, choice=choice):
                yield from self._detail(path, name)
                detail = self._details.get(name)
                if detail is not None and detail.kind != "choice":
                    yield Finding(
                        path,
                        "not-a-choice",
                        f"`{name}` is not a choice, so it cannot be `{choice}`",
                        f"write `{name} is given`, or give it `choices`",
                        word=name,
                    )
                elif detail is not None and detail.choices and choice not in [c.id for c in detail.choices]:
                    yield unknown(path, "answer", choice, (c.id for c in detail.choices))
            case DetailGiven(detail=name):
                yield from self._detail(path, name)
            case BeenIn(state=state):
                yield from self._state(path, state)
            case InUse():
                pass  # whether there is such a workflow is seen only beside the others
            case AskedLately(part=part):
                yield from self._part(path, part)
            case _:
                assert_never(claim)

    def placeholders(self) -> Iterator[Finding]:
        """Placeholders stand for something."""
        for saying in sayings(self._definition):
            yield from self._gaps(saying.path, saying.key)
        yield from self._gaps(("called",), "called")

    def _gaps(self, path: Path, key: str) -> Iterator[Finding]:
        for written in gaps_of(self._definition, key):
            gap = read_gap(written)
            if gap.kind in ("answer", "number"):
                yield from self._answer(path, gap.name, gap.choice or "")
            elif gap.kind in ("not joining", "gone", "waiting"):
                yield from self._ask(path, gap.name)
            elif gap.kind == "about":
                workflows = [name for name, each in self._details.items() if each.kind == "workflow"]
                if gap.name not in workflows:
                    yield unknown(path, "placeholder", written, (f"about {each}" for each in workflows))
            elif gap.name not in self._details and gap.name not in self._parts:
                known = dict.fromkeys((*self._written_parts(), *self._details))
                yield unknown(path, "placeholder", gap.name, known)


def _is_open(ask: AskDef) -> bool:
    return isinstance(ask.to, Room)
