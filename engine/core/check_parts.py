"""Parts and details: people can be found for every part, and every detail is asked for and fits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from engine.core.check_known import Known, unknown
from engine.core.definition import (
    AnsweredBy,
    Contacts,
    Definition,
    DetailDef,
    Everyone,
    HolderOf,
    NamedBy,
    NamedIn,
    OneOf,
    Part,
    PartDef,
    Source,
    Starter,
    Stewards,
)
from engine.core.finding import Finding, Path


def check_parts(definition: Definition) -> Iterator[Finding]:
    """Find parts nobody can hold, and details nobody can give."""
    parts = _Parts(definition)
    yield from parts.parts()
    yield from parts.details()


class _Parts(Known):
    """The parts and details of one definition."""

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
            path, "two-meanings", f"`{name}` is also {_with_article(other)}", "give one of them another name"
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
            for part in detail.but:
                yield from self._part((*path, "type"), part)
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
            yield unknown((*path, "default"), "answer", detail.default_choice, offered)

    def _bounds(self, path: Path, detail: DetailDef) -> Iterator[Finding]:
        default, most = detail.default_number, detail.most
        if default is not None and not (detail.least or 0) <= default <= (default if most is None else most):
            yield Finding(
                (*path, "default"),
                "bounds",
                f"{default} does not lie within the bounds of `{detail.name}`",
                "change the default or the bounds",
            )


def _with_article(kind: str) -> str:
    """A kind of thing with its article."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
