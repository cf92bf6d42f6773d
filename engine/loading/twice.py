"""Asked twice: for another date, those who had taken a question up are asked it anew, and nobody else is.

The second question has a name of its own and takes the first one's place. Whatever the file says of answers to the
first one then means both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

import msgspec
from msgspec.structs import replace

from engine.core.definition import (
    AnsweredBy,
    AnyOf,
    AskDef,
    CarriedDef,
    CountOf,
    EveryoneSaid,
    Part,
    PartDef,
    ShareSaid,
    Source,
    StateDef,
)
from engine.loading.draft import Draft
from engine.loading.reader import GAP

T = TypeVar("T")

ONLY_ONE_ROUND = ("number of ", "not joining ", "gone ", "number waiting for ")
"""Placeholders that cannot speak of two questions at once."""


def again_of(draft: Draft, ask: AskDef, name: str) -> AskDef:
    """The same question under another name, to those who gave an answer that travels; its sentences with it."""
    draft.twins[ask.name] = name
    draft.meant[name] = ask.name
    for key in (f"{ask.name}.say", *(f"{ask.name}.{choice.id}" for choice in ask.choices)):
        _say_again(draft, key, key.replace(ask.name, name, 1), {})
    draft.stands["asks", name] = draft.stands.get(("asks", ask.name), ("steps",))
    draft.stands["asks", name, "to"] = (*draft.stands["asks", name], "ask")
    to = AnsweredBy(ask.name, tuple(choice.id for choice in ask.choices))
    return replace(ask, name=name, to=to, replaces=(*ask.replaces, ask.name))


class Twice:
    """Makes what was written of first questions mean the second ones too."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._made: dict[str, PartDef] = {}

    def asks(self, asks: Mapping[str, AskDef]) -> dict[str, AskDef]:
        """All asks; a first question that is put anew also takes the place of its second one."""
        found = {name: _everywhere(ask, self._meant) for name, ask in asks.items()}
        for first, again in self._draft.twins.items():
            found[first] = replace(found[first], replaces=(*found[first].replaces, again))
        return found

    def states(self, states: Mapping[str, StateDef]) -> dict[str, StateDef]:
        """All states: what keeps the first question keeps the second, and what is said of one is said of both."""
        twins = self._draft.twins
        found: dict[str, StateDef] = {}
        for name, state in states.items():
            more = tuple(twins[ask] for ask in state.keeps if ask in twins)
            found[name] = _everywhere(replace(state, keeps=(*state.keeps, *more)), self._meant)
        return found

    def parts(self, parts: tuple[PartDef, ...]) -> tuple[PartDef, ...]:
        """All parts, and those that were made here."""
        found = tuple(replace(part, sources=tuple(self._sources(part.sources))) for part in parts)
        return (*found, *self._made.values())

    def carried(self, carried: tuple[CarriedDef, ...]) -> tuple[CarriedDef, ...]:
        """What people hold; whoever said so twice holds it once."""
        return _everywhere(carried, self._meant)

    def sentences(self) -> None:
        """Names in sentences are those of both; what cannot be said of both is noted."""
        draft = self._draft
        if not draft.twins:
            return
        for key, gaps in list(draft.read.gaps.items()):
            changed = {gap: self._both(gap) for gap in gaps if self._asked(gap) is not None}
            if not changed:
                continue
            if key in draft.own:
                own = draft.own[key]
                draft.own[key] = replace(
                    own, gaps=tuple((slot, changed.get(gap, gap)) for slot, gap in own.gaps)
                )
                draft.read.gaps[key] = tuple(changed.get(gap, gap) for gap in gaps)
                continue
            for gap in (each for each in changed if each.startswith(ONLY_ONE_ROUND)):
                self._note(key, gap)
            _say_again(draft, key, key, changed)

    # ── what means both ──────────────────────────────────────────────────────

    def _meant(self, value: object) -> object:
        twins = self._draft.twins
        match value:
            case AnsweredBy(ask=ask, choices=choices) if ask in twins:
                return Part(self._part(ask, choices))
            case CountOf(terms=terms):
                more = tuple((twins[ask], choice) for ask, choice in terms if ask in twins)
                return replace(value, terms=(*terms, *more)) if more else value
            case EveryoneSaid(ask=ask) | ShareSaid(ask=ask) if ask in twins:
                return AnyOf((value, replace(value, ask=twins[ask])))
            case _:
                return value

    def _sources(self, sources: tuple[Source, ...]) -> Iterator[Source]:
        for source in sources:
            yield source
            if isinstance(source, AnsweredBy) and source.ask in self._draft.twins:
                yield AnsweredBy(self._draft.twins[source.ask], source.choices)

    def _part(self, ask: str, choices: tuple[str, ...]) -> str:
        name = "__".join((ask, *choices))
        if name not in self._made:
            sources = (AnsweredBy(ask, choices), AnsweredBy(self._draft.twins[ask], choices))
            self._made[name] = PartDef(name, sources)
            self._draft.stands["people", name] = self._draft.stands["asks", ask]
            self._draft.meant[name] = " or ".join(f"{ask}.{choice}" for choice in choices)
        return name

    # ── what is said ─────────────────────────────────────────────────────────

    def _asked(self, gap: str) -> str | None:
        """The first question of which a placeholder speaks."""
        head = next((each for each in ONLY_ONE_ROUND if gap.startswith(each)), "")
        ask, dot, _ = gap.removeprefix(head).partition(".")
        return ask if ask in self._draft.twins and (dot or head) else None

    def _both(self, gap: str) -> str:
        if gap.startswith(ONLY_ONE_ROUND):
            return gap
        ask, _, choice = gap.partition(".")
        return self._part(ask, (choice,)) if f"{ask}.{choice}" in self._draft.read.texts else gap

    def _note(self, key: str, gap: str) -> None:
        draft = self._draft
        place = draft.read.said_at.get(key)
        if place is None:
            return
        message = f"`<{gap}>` would not know of those who are asked again for another date"
        hint = f"say who gave an answer, `<{self._asked(gap)}.…>`, or write states instead of steps"
        draft.read.note(place, "asked-twice", message, hint)


def _say_again(draft: Draft, source: str, key: str, gaps: Mapping[str, str]) -> None:
    """The sentence of one text key under another, or the same, with other placeholders."""
    read = draft.read
    if source not in read.texts:
        return
    held = read.gaps.get(source, ())
    draft.written.setdefault(source, held)
    origin, before = draft.respoken.get(source, (source, {}))
    draft.respoken[key] = (origin, {**before, **gaps})
    read.texts[key] = in_other_gaps(read.texts[source], gaps)
    if held:
        read.gaps[key] = tuple(dict.fromkeys(gaps.get(gap, gap) for gap in held))


def in_other_gaps(sentence: str, gaps: Mapping[str, str]) -> str:
    """A sentence with its placeholders changed."""
    return GAP.sub(lambda found: f"<{gaps.get(found[1], found[1])}>", sentence)


def _everywhere(value: T, change: Callable[[object], object]) -> T:
    """A value with everything in it changed."""
    changed = change(value)
    if changed is not value:
        return cast("T", changed)
    if isinstance(value, tuple):
        return cast("T", tuple(_everywhere(each, change) for each in value))
    if isinstance(value, msgspec.Struct):
        held = {name: getattr(value, name) for name in value.__struct_fields__}
        new = {name: _everywhere(each, change) for name, each in held.items()}
        differing = {name: each for name, each in new.items() if each is not held[name]}
        return cast("T", replace(value, **differing)) if differing else value
    return value
