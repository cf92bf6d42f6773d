"""What is known: the names of a definition, looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from engine.core.definition import (
    NO,
    AnsweredBy,
    Circle,
    Definition,
    Part,
    Room,
    Who,
)
from engine.core.finding import Finding, Path, did_you_mean


def unknown(path: Path, what: str, name: str, known: Iterable[str]) -> Finding:
    """The finding that nothing of this kind is called so, with the nearest name."""
    known = list(known)
    listed = ", ".join(f"`{each}`" for each in known[:12])
    otherwise = f"known here: {listed}" if listed else "there is none yet"
    return Finding(
        path, f"unknown-{what}", f"unknown {what} `{name}`", did_you_mean(name, known, otherwise), word=name
    )


class Known:
    """The names that one definition knows, and a finding for each that it does not."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._parts = [part.name for part in definition.parts]
        self._details = definition.details
        self._asks = definition.asks
        self._states = definition.states

    # ── one name each ────────────────────────────────────────────────────────

    def _part(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._parts:
            yield unknown(path, "part", name, self._written_parts())

    def _written_parts(self) -> list[str]:
        """The parts, without those that were made of answers; they have names that nobody wrote."""
        return [name for name in self._parts if "__" not in name]

    def _detail(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._details:
            yield unknown(path, "detail", name, self._details)

    def _ask(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._asks:
            yield unknown(path, "ask", name, self._asks)

    def _state(self, path: Path, name: str) -> Iterator[Finding]:
        if name not in self._states:
            yield unknown(path, "state", name, self._states)

    def _answer(self, path: Path, ask: str, choice: str) -> Iterator[Finding]:
        known = self._asks.get(ask)
        if known is None:
            yield from self._ask(path, ask)
        elif not (known.choices or known.words or known.naming):
            return  # that nothing can be answered there is a slip of its own
        elif choice not in (NO, *(c.id for c in known.choices)):
            yield unknown(path, "answer", choice, (c.id for c in known.choices))

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
