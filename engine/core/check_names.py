"""Names: every state, part, detail, ask and answer that is mentioned exists, and is of the right kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from engine.core.definition import (
    NO,
    AnsweredBy,
    AskDef,
    AtMoment,
    BeenIn,
    Circle,
    Contacts,
    CountOf,
    Definition,
    DetailDef,
    DetailGiven,
    DetailIs,
    Everyone,
    EveryoneSaid,
    HolderOf,
    NamedBy,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OneOf,
    OnGathered,
    OnHolds,
    Part,
    PartDef,
    Room,
    ShareSaid,
    Source,
    StartDef,
    Starter,
    StateDef,
    Stewards,
    Trigger,
    Who,
)
from engine.core.finding import Finding, Path, did_you_mean
from engine.core.survey import Claim, all_tells, claims, conditions, gaps_of, read_gap, sayings, timings

AUDIENCES = ("me", "circle")


def check_names(definition: Definition) -> Iterator[Finding]:
    """Find what is mentioned and not there."""
    names = _Names(definition)
    yield from names.parts()
    yield from names.details()
    yield from names.asks()
    yield from names.states()
    yield from names.moments()
    yield from names.conditions()
    yield from names.placeholders()


def _unknown(path: Path, what: str, name: str, known: Iterable[str]) -> Finding:
    known = list(known)
    listed = ", ".join(f"`{each}`" for each in known[:12])
    otherwise = f"known here: {listed}" if listed else "there is none yet"
    return Finding(
        path, f"unknown-{what}", f"unknown {what} `{name}`", did_you_mean(name, known, otherwise), word=name
    )


class _Names:
    """The names of one definition."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._parts = [part.name for part in definition.parts]
        self._details = definition.details
        self._asks = definition.asks
        self._states = definition.states

    # ── one name each ────────────────────────────────────────────────────────

    def _part(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._parts:
            yield _unknown(path, "part", name, self._parts)

    def _detail(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._details:
            yield _unknown(path, "detail", name, self._details)

    def _ask(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._asks:
            yield _unknown(path, "ask", name, self._asks)

    def _state(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._states:
            yield _unknown(path, "state", name, self._states)

    def _answer(self, path: Path, ask: str, choice: str) -> Iterator[Finding]:
        known = self._asks.get(ask)
        if known is None:
            yield from self._ask(path, ask)
        elif choice not in (NO, *(c.id for c in known.choices)):
            yield _unknown(path, "answer", choice, (c.id for c in known.choices))

    def _answered(self, path: Path, by: AnsweredBy) -> Iterator[Finding]:
        for choice in by.choices:
            yield from self._answer(path, by.ask, choice)

    def _who(self, path: Path, who: Who) -> Iterator[Finding]:
        match who:
            case Part(name=name):
                yield from self._part(path, name)
            case AnsweredBy():
                yield from self._answered(path, who)
            case Circle(but=but):
                for name in but:
                    yield from self._part(path, name)
            case Room():
                pass
            case _:
                assert_never(who)

    def _each(
        self, path: Path, names: Iterable[str], look: Callable[[Path, str], Iterator[Finding]]
    ) -> Iterator[Finding]:
        for index, name in enumerate(names):
            yield from look((*path, str(index)), name)

    # ── all of a kind ────────────────────────────────────────────────────────

    def parts(self) -> Iterator[Finding]:
        """Parts are filled from details that name people, from answers, or from outside."""
        starters = [part.name for part in self._definition.parts if Starter() in part.sources]
        for name in starters[1:]:
            yield Finding(
                ("people", name),
                "starter",
                f"`{starters[0]}` is the starter already, and there is exactly one",
                f"say where the people of `{name}` come from instead",
            )
        found = self._parts_that_can_be_found()
        for part in self._definition.parts:
            path: Path = ("people", part.name)
            for source in part.sources:
                yield from self._source(path, source)
            named = [source.detail for source in part.sources if isinstance(source, NamedIn)]
            if part.name in self._details and [part.name] != named:
                yield self._two(path, part.name, "detail")
            if part.name not in found:
                yield Finding(
                    path,
                    "circular",
                    f"nobody could ever be `{part.name}`, because it depends on itself",
                    "let somebody else choose, or take the people from elsewhere",
                )
        yield from self._leavings()

    def _source(self, path: Path, source: Source) -> Iterator[Finding]:
        match source:
            case AnsweredBy():
                yield from self._answered(path, source)
            case NamedIn(detail=name):
                yield from self._detail(path, name)
                detail = self._details.get(name)
                if detail is not None and detail.kind not in ("person", "people"):
                    yield Finding(
                        path,
                        "not-people",
                        f"`{name}` does not name people",
                        "give it `type: people`",
                        word=name,
                    )
            case NamedBy(ask=name):
                yield from self._ask(path, name)
                ask = self._asks.get(name)
                if ask is not None and ask.naming is None:
                    yield Finding(
                        path,
                        "not-people",
                        f"answers to `{name}` do not name people",
                        "give it `answers: a person` or `answers: people`",
                        word=name,
                    )
            case Everyone(but=but):
                for name in but:
                    yield from self._part(path, name)
            case OneOf(part=part, but=but):
                for name in (part, *but):
                    yield from self._part(path, name)
            case Starter() | HolderOf() | Stewards() | Contacts():
                pass
            case _:
                assert_never(source)

    def _parts_that_can_be_found(self) -> set[str]:
        """The parts for which there can be anybody at all, from those outside to those who depend on them."""
        found: set[str] = set()
        grows = True
        while grows:
            more = {p.name for p in self._definition.parts if self._can_be_found(p, found)}
            grows = more > found
            found |= more
        return found

    def _can_be_found(self, part: PartDef, found: set[str]) -> bool:
        return not part.sources or any(self._is_grounded(source, found) for source in part.sources)

    def _is_grounded(self, source: Source, found: set[str]) -> bool:
        """Whether a source needs nobody who is not found yet; what does not exist is said elsewhere."""
        match source:
            case NamedIn(detail=name):
                detail = self._details.get(name)
                return detail is None or self._is_found(detail.asked, found)
            case AnsweredBy(ask=name) | NamedBy(ask=name):
                ask = self._asks.get(name)
                return ask is None or not isinstance(ask.to, Part) or self._is_found(ask.to.name, found)
            case OneOf(part=name):
                return self._is_found(name, found)
            case Starter() | Everyone() | HolderOf() | Stewards() | Contacts():
                return True
            case _:
                assert_never(source)

    def _is_found(self, name: str | None, found: set[str]) -> bool:
        return name is None or name in found or name not in self._parts

    def _two(self, path: Path, name: str, other: str) -> Finding:
        return Finding(
            path, "two-meanings", f"`{name}` is also {other_name(other)}", "give one of them another name"
        )

    def _leavings(self) -> Iterator[Finding]:
        for part_name, state in self._definition.if_leaves.items():
            path: Path = (f"if {part_name} leaves",)
            yield from self._part(path, part_name)
            yield from self._state(path, state)
        if self._definition.if_starter_leaves is not None:
            yield from self._state(("if the starter leaves",), self._definition.if_starter_leaves)
        for name, each in self._definition.states.items():
            if each.if_starter_leaves is not None:
                path = ("states", name, "if the starter leaves")
                yield from self._state(path, each.if_starter_leaves)

    def details(self) -> Iterator[Finding]:
        """Details are asked for or have a default."""
        gathered = {name for state in self._states.values() for name in state.gather}
        filled = {detail.becomes for detail in self._details.values()}
        for name, detail in self._details.items():
            path: Path = ("details", name)
            if name in self._asks:
                yield self._two(path, name, "ask")
            if detail.asked is not None:
                yield from self._part((*path, "asked of"), detail.asked)
            yield from self._becomes(path, detail)
            yield from self._choices(path, detail)
            yield from self._bounds(path, detail)
            has_default = (detail.default_choice, detail.default_number, detail.default_moment) != (
                None,
                None,
                None,
            )
            if not (name in gathered or has_default or detail.given or name in filled):
                yield Finding(
                    path,
                    "never-given",
                    f"nobody is ever asked for `{name}`, and it has no default",
                    "list it under `gather` in a state, or give it a `default`",
                )

    def _becomes(self, path: Path, detail: DetailDef) -> Iterator[Finding]:
        if detail.becomes is None:
            return
        yield from self._detail((*path, "becomes"), detail.becomes)
        other = self._details.get(detail.becomes)
        if other is not None and other.kind != detail.kind:
            yield Finding(
                (*path, "becomes"),
                "another-type",
                f"`{detail.becomes}` is of another type than `{detail.name}`",
                "give both the same `type`",
            )

    def _choices(self, path: Path, detail: DetailDef) -> Iterator[Finding]:
        offered = [choice.id for choice in detail.choices]
        if detail.kind == "choice" and not offered:
            yield Finding(
                (*path, "choices"),
                "no-choices",
                f"`{detail.name}` offers nothing to choose from",
                "add `choices:`",
            )
        if detail.default_choice is not None and detail.default_choice not in offered:
            yield _unknown((*path, "default"), "answer", detail.default_choice, offered)

    def _bounds(self, path: Path, detail: DetailDef) -> Iterator[Finding]:
        default, most = detail.default_number, detail.most
        if default is not None and not (detail.least or 0) <= default <= (default if most is None else most):
            yield Finding(
                (*path, "default"),
                "bounds",
                f"{default} does not lie within the bounds of `{detail.name}`",
                "change the default or the bounds",
            )

    def asks(self) -> Iterator[Finding]:
        """Asks are put to somebody, seen by somebody, and used."""
        used = {name for state in self._states.values() for name in state.asks}
        for name, ask in self._asks.items():
            path: Path = ("asks", name)
            yield from self._who((*path, "to"), ask.to)
            yield from self._each(
                (*path, "seen by"), (p for p in ask.seen_by if p not in AUDIENCES), self._part
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

    def _places(self, path: Path, ask: AskDef) -> Iterator[Finding]:
        if ask.places is None:
            return
        if isinstance(ask.places, str):
            yield from self._number(path, ask.places)
        elif ask.places < 1:
            yield Finding(path, "bounds", "nobody would find a place", "offer at least one, or leave it out")
        if not ask.choices:
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
                yield _unknown((*path, "hand over"), "detail", here, (*self._details, *self._parts))
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
                yield _unknown(timing.path, "moment", base, [*dated, *sorted(allowed)])
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
                    yield _unknown(path, "answer", choice, (c.id for c in detail.choices))
            case DetailGiven(detail=name):
                yield from self._detail(path, name)
            case BeenIn(state=state):
                yield from self._state(path, state)
            case _:
                assert_never(claim)

    def _number(self, path: Path, name: str) -> Iterator[Finding]:
        yield from self._detail(path, name)
        detail = self._details.get(name)
        if detail is not None and detail.kind != "number":
            yield Finding(
                path,
                "not-a-number",
                f"`{name}` is no number",
                "give it `type: number`, or write a number here",
                word=name,
            )

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
            elif gap.name not in self._details and gap.name not in self._parts:
                known = dict.fromkeys((*self._parts, *self._details))
                yield _unknown(path, "placeholder", gap.name, known)


def other_name(kind: str) -> str:
    """A kind of thing with its article."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _is_open(ask: AskDef) -> bool:
    return isinstance(ask.to, Room)
