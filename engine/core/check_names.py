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
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    NamedIn,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnEnded,
    OnGathered,
    OnHolds,
    Part,
    Room,
    ShareSaid,
    Starter,
    Trigger,
    Who,
)
from engine.core.finding import Finding, Path, did_you_mean
from engine.core.survey import Claim, all_tells, claims, conditions, read_gap, sayings, timings

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
    return Finding(path, f"unknown-{what}", f"unknown {what} `{name}`", did_you_mean(name, known, otherwise))


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
        """Parts are filled from details that name people, or from answers."""
        starters = [part for part in self._definition.parts if Starter() in part.sources]
        if len(starters) != 1:
            yield Finding(
                ("people",),
                "starter",
                f"{len(starters)} parts are the starter; there is exactly one",
                "write for example `host: starter` under `people`",
            )
        for part in self._definition.parts:
            path: Path = ("people", part.name)
            for by in part.answered:
                yield from self._answered(path, by)
            named = [source.detail for source in part.sources if isinstance(source, NamedIn)]
            if part.name in self._details and [part.name] != named:
                yield Finding(
                    path, "two-meanings", f"`{part.name}` is also a detail", "give one of them another name"
                )
            for name in named:
                yield from self._detail(path, name)
                detail = self._details.get(name)
                if detail is not None and detail.kind not in ("person", "people"):
                    yield Finding(
                        path, "not-people", f"`{name}` does not name people", "give it `type: people`"
                    )
        for part_name, state in self._definition.if_leaves.items():
            path = (f"if {part_name} leaves",)
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
        for name, detail in self._details.items():
            path: Path = ("details", name)
            if name in self._asks:
                yield Finding(
                    path, "two-meanings", f"`{name}` is also an ask", "give one of them another name"
                )
            if detail.asked is not None:
                yield from self._part((*path, "asked of"), detail.asked)
            if detail.becomes is not None:
                yield from self._detail((*path, "becomes"), detail.becomes)
                other = self._details.get(detail.becomes)
                if other is not None and other.kind != detail.kind:
                    yield Finding(
                        (*path, "becomes"),
                        "another-type",
                        f"`{detail.becomes}` is of another type than `{name}`",
                        "give both the same `type`",
                    )
            if detail.kind == "choice" and not detail.choices:
                yield Finding(path, "no-choices", f"`{name}` offers nothing to choose from", "add `choices:`")
            if detail.default_choice is not None and detail.default_choice not in [
                c.id for c in detail.choices
            ]:
                yield _unknown(
                    (*path, "default"), "answer", detail.default_choice, (c.id for c in detail.choices)
                )
            has_default = (detail.default_choice, detail.default_number, detail.default_moment) != (
                None,
                None,
                None,
            )
            if name in gathered and name not in self._definition.texts:
                yield Finding(
                    path, "no-question", f"`{name}` is gathered, but there is no question", "add `ask: …?`"
                )
            elif name not in gathered and not has_default:
                yield Finding(
                    path,
                    "never-given",
                    f"nobody is ever asked for `{name}`, and it has no default",
                    "list it under `gather` in a state, or give it a `default`",
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
            if name not in used:
                yield Finding(
                    path,
                    "unused",
                    f"no state asks `{name}`",
                    "list it under `asks` in a state, or leave it out",
                    "warning",
                )

    def states(self) -> Iterator[Finding]:
        """States gather, ask, keep and move to what exists."""
        for name, state in self._states.items():
            path: Path = ("states", name)
            yield from self._each((*path, "gather"), state.gather, self._detail)
            yield from self._each((*path, "ask again"), state.again, self._detail)
            yield from self._each((*path, "asks"), state.asks, self._ask)
            yield from self._each((*path, "keeps"), state.keeps, self._ask)
            for index, board in enumerate(state.board):
                yield from self._part((*path, "board", str(index), "to"), board.to)
            for index, move in enumerate(state.moves):
                where = (*path, "moves", str(index))
                yield from self._state((*where, "to"), move.to)
                yield from self._trigger((*where, "when"), move.on, (*state.asks, *state.keeps))
        for tell, path in all_tells(self._definition):
            yield from self._who((*path, "to"), tell.to)

    def _trigger(self, path: Path, on: Trigger, here: tuple[str, ...]) -> Iterator[Finding]:
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
            case AtMoment() | OnGathered() | OnHolds() | OnEnded():
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
                    timing.path, "not-a-moment", f"`{base}` is no moment", "give it `type: date and time`"
                )

    def conditions(self) -> Iterator[Finding]:
        """Conditions look at what exists."""
        for condition, path in conditions(self._definition):
            for claim in claims(condition):
                yield from self._claim(path, claim)

    def _claim(self, path: Path, claim: Claim) -> Iterator[Finding]:
        match claim:
            case CountOf(terms=terms, bound=bound):
                for ask, choice in terms:
                    yield from self._answer(path, ask, choice)
                if isinstance(bound, str):
                    yield from self._number(path, bound)
            case EveryoneSaid(ask=ask, choice=choice):
                yield from self._answer(path, ask, choice)
                known = self._asks.get(ask)
                if known is not None and _is_open(known):
                    yield Finding(
                        path,
                        "nobody-asked",
                        f"`{ask}` is open to the whole room, so nobody knows who everyone is",
                        "count it",
                    )
            case DetailIs(detail=name, choice=choice):
                yield from self._detail(path, name)
                detail = self._details.get(name)
                if detail is not None and choice not in [c.id for c in detail.choices]:
                    yield _unknown(path, "answer", choice, (c.id for c in detail.choices))
            case DetailGiven(detail=name):
                yield from self._detail(path, name)
            case ShareSaid(ask=ask, choice=choice):
                yield from self._answer(path, ask, choice)
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
            )

    def placeholders(self) -> Iterator[Finding]:
        """Placeholders stand for something."""
        for saying in sayings(self._definition):
            yield from self._gaps(saying.path, saying.key)
        yield from self._gaps(("called",), "called")

    def _gaps(self, path: Path, key: str) -> Iterator[Finding]:
        for written in self._definition.gaps.get(key, ()):
            gap = read_gap(written)
            if gap.kind in ("answer", "number"):
                yield from self._answer(path, gap.name, gap.choice or "")
            elif gap.kind in ("not joining", "gone"):
                yield from self._ask(path, gap.name)
            elif gap.name not in self._details and gap.name not in self._parts:
                known = dict.fromkeys((*self._parts, *self._details))
                yield _unknown(path, "placeholder", gap.name, known)


def _is_open(ask: AskDef) -> bool:
    return isinstance(ask.to, Room)
